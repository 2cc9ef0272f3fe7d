//! What figures are measured against.

use super::of;
use crate::model::{CgroupSample, Metric, Reading, Snapshot};
use crate::series::testing::{process, rule, snapshot};
use crate::series::{Missing, Series};

fn charged(pids: u64, pids_max: Option<u64>, memory_max: Option<u64>) -> CgroupSample {
    CgroupSample {
        memory: Reading::Value(1 << 30),
        anon: Reading::Value(1 << 29),
        file: Reading::Gone,
        kernel: Reading::Gone,
        memory_max: Reading::Value(memory_max),
        memory_max_events: Reading::Gone,
        oom_kills: Reading::Gone,
        pids: Reading::Value(pids),
        pids_max: Reading::Value(pids_max),
        cpu_us: Reading::Gone,
        throttled_us: Reading::Gone,
        io_read: Reading::Gone,
        io_write: Reading::Gone,
    }
}

fn with(cgroup: CgroupSample) -> [Snapshot; 1] {
    let mut look = snapshot(0, vec![process(1), process(2)]);
    look.target.cgroup = Some(cgroup);
    [look]
}

#[test]
fn processes_and_threads_share_the_limit_of_tasks() {
    let looks = with(charged(12, Some(40), None));
    for (metric, figure) in [(Metric::CgroupPids, 12.0), (Metric::ProcThreads, 8.0), (Metric::ProcCount, 2.0)] {
        let series = of(metric, &looks);
        assert_eq!((series.limit, series.room), (Some(40.0), Some(28.0)), "{metric}");
        assert_eq!(series.shares, [(0.0, figure / 40.0)], "{metric}");
    }
    let unlimited = of(Metric::ProcCount, &with(charged(12, None, None)));
    assert_eq!((unlimited.limit, unlimited.room, unlimited.shares.len()), (None, None, 0));
}

#[test]
fn memory_is_measured_against_the_cgroups_limit_where_the_record_has_none() {
    let looks = with(charged(1, None, Some(2 << 30)));
    let limit = |metric, recorded| Series::of_rule(&rule(metric), &looks, recorded).limit;
    let gib = f64::from(1 << 30);
    assert_eq!(limit(Metric::CgroupMemory, None), Some(2.0 * gib));
    assert_eq!(limit(Metric::MemAnon, None), Some(2.0 * gib));
    assert_eq!(limit(Metric::MemAnon, Some(1 << 30)), Some(gib));
    assert_eq!(limit(Metric::MemAnon, Some(0)), Some(2.0 * gib), "an engine says 0 for none");
    assert_eq!(limit(Metric::FdTotal, None), Some(1024.0));
}

#[test]
fn a_figure_that_no_kernel_has_is_none() {
    let mut own = process(1);
    own.rss = Reading::Value(u64::MAX);
    let series = of(Metric::MemRss, &[snapshot(0, vec![own, process(2)])]);
    assert!(series.points.is_empty());
    assert_eq!(series.gaps[0].why, Missing::Malformed);
}
