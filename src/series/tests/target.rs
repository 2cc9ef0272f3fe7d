//! Figures of the target as a whole, finer kinds, and nights that know nothing of either.

use std::collections::BTreeMap;

use super::{figures, of};
use crate::model::{CgroupSample, DiskSample, FdCensus, FdClass, FdKind, Metric, ProcessFacts, Reading, Snapshot};
use crate::series::testing::{census, process, snapshot};
use crate::series::{Missing, SeriesGap, tells};
use crate::threshold::Selector;

/// A snapshot of one process that holds sockets of these kinds.
fn with_kinds(at_s: u64, sockets: u64, kinds: &[(FdKind, u64)]) -> Snapshot {
    let mut own = process(1);
    let counted = FdCensus { kinds: kinds.iter().copied().collect(), ..census(&[(FdClass::Socket, sockets)]) };
    own.fds = Reading::Value(counted.into());
    snapshot(at_s, vec![own])
}

fn charged() -> CgroupSample {
    CgroupSample {
        memory: Reading::Value(1000),
        anon: Reading::Value(600),
        file: Reading::Value(300),
        kernel: Reading::Gone,
        memory_max: Reading::Value(None),
        memory_max_events: Reading::Value(0),
        oom_kills: Reading::Value(0),
        pids: Reading::Value(12),
        pids_max: Reading::Value(None),
        cpu_us: Reading::Value(1),
        throttled_us: Reading::Denied,
        io_read: Reading::Gone,
        io_write: Reading::Gone,
    }
}

fn with_disk(at_s: u64, layer: Reading<u64>, volumes: &[(&str, Reading<u64>)]) -> Snapshot {
    let mut look = snapshot(at_s, vec![process(1)]);
    let volumes = volumes.iter().map(|(path, size)| ((*path).to_owned(), size.clone())).collect();
    look.target.disk = Some(DiskSample { layer, volumes });
    look
}

#[test]
fn a_kind_is_summed_over_the_processes_and_a_state_of_tcp_beside_its_family() {
    let mut look = with_kinds(0, 3, &[(FdKind::Tcp, 2), (FdKind::UnixStream, 1), (FdKind::TcpEstablished, 2)]);
    look.processes.extend(with_kinds(0, 1, &[(FdKind::Tcp, 1), (FdKind::TcpListen, 1)]).processes);
    let looks = [look];
    assert_eq!(figures(&of(Metric::Kind(FdKind::Tcp), &looks)), [3.0]);
    assert_eq!(figures(&of(Metric::Kind(FdKind::TcpListen), &looks)), [1.0]);
    assert_eq!(figures(&of(Metric::Kind(FdKind::Udp), &looks)), [0.0]);
    // The class's own figure counts each once.
    assert_eq!(figures(&of(Metric::Fd(FdClass::Socket), &looks)), [4.0]);
}

#[test]
fn a_kind_that_could_not_be_told_is_missing_and_no_zero() {
    let looks = [with_kinds(0, 2, &[(FdKind::Tcp, 2)]), with_kinds(5, 3, &[(FdKind::Tcp, 2)])];
    for kind in [FdKind::Tcp, FdKind::Udp, FdKind::TcpCloseWait] {
        let series = of(Metric::Kind(kind), &looks);
        assert_eq!(series.points.len(), 1, "{kind:?}");
        assert_eq!(series.gaps, [SeriesGap { at_s: 5.0, why: Missing::Denied }], "{kind:?}");
    }
    // Nothing of the class is nothing of its kinds.
    assert_eq!(figures(&of(Metric::Kind(FdKind::PipeRead), &looks)), [0.0, 0.0]);
}

#[test]
fn the_cgroup_is_told_figure_by_figure() {
    let mut looks = [snapshot(0, vec![process(1)]), snapshot(5, vec![process(1)])];
    looks[0].target.cgroup = Some(charged());
    let memory = of(Metric::CgroupMemory, &looks);
    assert_eq!((figures(&memory), memory.limit), (vec![1000.0], Some(f64::from(1 << 30))));
    assert_eq!(memory.gaps, [SeriesGap { at_s: 5.0, why: Missing::Gone }]);
    assert_eq!(figures(&of(Metric::CgroupAnon, &looks)), [600.0]);
    assert_eq!(figures(&of(Metric::CgroupFile, &looks)), [300.0]);
    assert_eq!(figures(&of(Metric::CgroupPids, &looks)), [12.0]);
    // A controller that is not there.
    assert_eq!(of(Metric::CgroupKernel, &looks).gaps.len(), 2);
}

#[test]
fn a_snapshot_without_a_disk_figure_is_no_gap() {
    let mut looks = vec![with_disk(0, Reading::Value(5), &[("/a", Reading::Value(1)), ("/b", Reading::Value(2))])];
    looks.extend((1..12).map(|i| snapshot(i * 5, vec![process(1)])));
    looks.push(with_disk(60, Reading::Value(6), &[("/a", Reading::Value(3)), ("/b", Reading::Value(4))]));
    let (layer, volumes) = (of(Metric::DiskLayer, &looks), of(Metric::DiskVolumes, &looks));
    assert_eq!((layer.points, layer.gaps), (vec![(0.0, 5.0), (60.0, 6.0)], Vec::new()));
    assert_eq!((volumes.points, volumes.gaps), (vec![(0.0, 3.0), (60.0, 7.0)], Vec::new()));
    assert_eq!(layer.limit, None, "the memory limit does not bound a disk");
    let select = Selector::Metric(Metric::DiskLayer);
    assert!(tells(&select, &looks[0]) && !tells(&select, &looks[1]));
}

#[test]
fn a_volume_that_could_not_be_measured_makes_a_gap_and_no_smaller_sum() {
    let looks = [with_disk(0, Reading::Gone, &[("/a", Reading::Value(1)), ("/b", Reading::Denied)])];
    assert_eq!(of(Metric::DiskVolumes, &looks).gaps, [SeriesGap { at_s: 0.0, why: Missing::Denied }]);
    assert_eq!(of(Metric::DiskLayer, &looks).gaps, [SeriesGap { at_s: 0.0, why: Missing::Gone }]);
    // No volumes are a true nothing.
    let looks = [with_disk(0, Reading::Value(5), &[])];
    assert_eq!(figures(&of(Metric::DiskVolumes, &looks)), [0.0]);
}

#[test]
fn memory_in_its_parts_and_lost_parents_are_summed_over_the_processes() {
    let mut own = process(1);
    own.facts.file = Reading::Value(10);
    own.facts.shmem = Reading::Value(20);
    own.facts.swap = Reading::Value(30);
    let mut orphan = own.clone();
    orphan.facts.orphan = true;
    let looks = [snapshot(0, vec![own, orphan])];
    assert_eq!(figures(&of(Metric::MemFile, &looks)), [20.0]);
    assert_eq!(figures(&of(Metric::MemShmem, &looks)), [40.0]);
    assert_eq!(figures(&of(Metric::MemSwap, &looks)), [60.0]);
    assert_eq!(figures(&of(Metric::ProcOrphan, &looks)), [1.0]);
}

#[test]
fn a_line_of_the_first_format_still_loads_and_what_it_does_not_tell_is_missing() {
    let look: Snapshot = serde_json::from_str(include_str!("format-1.jsonl")).unwrap();
    assert_eq!(look.processes[0].facts, ProcessFacts::default());
    assert_eq!((&look.turnover, &look.dead_rest), (&BTreeMap::new(), &BTreeMap::new()));
    let looks = [look];
    assert_eq!(figures(&of(Metric::FdTotal, &looks)).len(), 1);
    assert_eq!(figures(&of(Metric::MemAnon, &looks)).len(), 1);
    for metric in [
        Metric::MemFile,
        Metric::MemShmem,
        Metric::MemSwap,
        Metric::ProcOrphan,
        Metric::CgroupMemory,
        Metric::CgroupPids,
        Metric::Kind(FdKind::Tcp),
        Metric::Kind(FdKind::TcpCloseWait),
        Metric::Kind(FdKind::PipeRead),
    ] {
        let series = of(metric, &looks);
        assert_eq!((series.points.len(), series.gaps.len()), (0, 1), "{metric}");
    }
    let disk = of(Metric::DiskVolumes, &looks);
    assert_eq!((disk.points.len(), disk.gaps.len()), (0, 0));
    // It is written again with the new fields, and reads back the same.
    let [look] = looks;
    let again: Snapshot = serde_json::from_str(&serde_json::to_string(&look).unwrap()).unwrap();
    assert_eq!(again, look);
}
