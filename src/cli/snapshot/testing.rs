//! Looks for the tests.

use std::collections::BTreeMap;

use super::watch::Change;
use crate::model::{
    CgroupSample, DeadHandle, DeadKind, DiskSample, FdCensus, FdClass, FdKind, Gap, GapReason, LinkCount, Observer,
    Phase, ProcId, ProcState, ProcessFacts, ProcessSample, Reading, Role, Snapshot, TargetSample,
};

pub(super) fn process(pid: u32, role: Role, total: u64) -> ProcessSample {
    let links = vec![
        LinkCount { name: "anon_inode:[eventpoll]".to_owned(), class: FdClass::Eventpoll, count: total - 1 },
        LinkCount { name: format!("/logs/{}.log", "n".repeat(300)), class: FdClass::Log, count: 1 },
    ];
    ProcessSample {
        id: ProcId { pid, start: 1 },
        ppid: 1,
        ns_pid: Some(1),
        role,
        state: ProcState::Sleeping,
        comm: "python3".to_owned(),
        cmdline: format!("/usr/bin/python3 {}", "x".repeat(500)),
        threads: Reading::Value(12),
        rss: Reading::Value(1 << 30),
        anon: Reading::Value(432 << 20),
        nofile: Reading::Value(Some(1024)),
        fds: Reading::Value(
            FdCensus {
                total,
                classes: BTreeMap::from([(FdClass::Eventpoll, total - 1), (FdClass::Log, 1)]),
                kinds: BTreeMap::new(),
                links,
                rest: 0,
                vanished: 0,
            }
            .into(),
        ),
        facts: ProcessFacts::default(),
    }
}

pub(super) fn dead(pid: u32, kind: DeadKind, first_ms: u64, detail: &str) -> DeadHandle {
    let detail = detail.to_owned();
    DeadHandle { process: ProcId { pid, start: 1 }, fd: Some(12), kind, first_ms, survived: 2, detail }
}

/// An application, an exec beside it, and a process that could not be read.
pub(super) fn snapshot() -> Snapshot {
    let mut hidden = process(9, Role::App, 2);
    hidden.fds = Reading::Denied;
    Snapshot {
        seq: 1,
        at_ms: 1000,
        wall: jiff::Timestamp::UNIX_EPOCH,
        phase: Phase::Soak,
        processes: vec![process(7, Role::App, 930), process(8, Role::Exec, 5), hidden],
        dead: vec![dead(7, DeadKind::PidfdTargetGone, 0, "pid 77 gone")],
        dead_rest: BTreeMap::new(),
        held: Vec::new(),
        turnover: BTreeMap::new(),
        target: TargetSample { cgroup: Some(cgroup(1 << 29)), ..TargetSample::default() },
        gaps: vec![Gap { what: "descriptors of 9".to_owned(), reason: GapReason::Denied, count: 1 }],
        observer: Observer::default(),
    }
}

/// The descriptors of a process of the look.
pub(super) fn census(snapshot: &mut Snapshot, at: usize) -> &mut FdCensus {
    let Reading::Value(fds) = &mut snapshot.processes[at].fds else { panic!("no descriptors") };
    std::sync::Arc::make_mut(fds)
}

pub(super) fn cgroup(bytes: u64) -> CgroupSample {
    CgroupSample {
        memory: Reading::Value(bytes),
        anon: Reading::Value(bytes),
        file: Reading::Value(bytes),
        kernel: Reading::Gone,
        memory_max: Reading::Value(Some(1 << 30)),
        memory_max_events: Reading::Value(0),
        oom_kills: Reading::Value(0),
        pids: Reading::Value(12),
        pids_max: Reading::Value(Some(4096)),
        cpu_us: Reading::Value(75_000_000),
        throttled_us: Reading::Value(0),
        io_read: Reading::Value(bytes),
        io_write: Reading::Denied,
    }
}

pub(super) fn changes() -> BTreeMap<FdClass, Change> {
    BTreeMap::from([(FdClass::Eventpoll, Change { born: 13, closed: 7, kept: 924, unsure: 920 })])
}

/// A look at a target that gives everything a name of its choice, and figures beyond all measure.
pub(super) fn hostile(name: &str, big: u64) -> Snapshot {
    let mut snapshot = snapshot();
    for process in &mut snapshot.processes {
        process.id.pid = u32::MAX;
        process.ns_pid = Some(u32::MAX);
        process.comm = name.to_owned();
        process.cmdline = name.to_owned();
        process.threads = Reading::Value(big);
        process.anon = Reading::Value(big);
        process.facts =
            ProcessFacts { uid: Some(u32::MAX), orphan: true, cpu_us: Some(big), ..ProcessFacts::default() };
        if let Reading::Value(fds) = &mut process.fds {
            let fds = std::sync::Arc::make_mut(fds);
            fds.total = big;
            fds.vanished = big / 8;
            fds.classes = FdClass::ALL.iter().map(|class| (*class, big / 1000)).collect();
            fds.kinds = FdKind::ALL.iter().map(|kind| (*kind, big / 1000)).collect();
            fds.links = vec![LinkCount { name: name.to_owned(), class: FdClass::Log, count: big / 8 }];
        }
    }
    let id = snapshot.processes[0].id;
    snapshot.dead = DeadKind::ALL.iter().map(|kind| DeadHandle { process: id, ..dead(7, *kind, 0, name) }).collect();
    snapshot.dead_rest = DeadKind::ALL.iter().map(|kind| (*kind, big / 1000)).collect();
    snapshot.gaps = vec![Gap { what: name.to_owned(), reason: GapReason::Gone, count: big }];
    snapshot.target = TargetSample {
        cgroup: Some(cgroup(big)),
        disk: Some(DiskSample {
            layer: Reading::Value(big),
            volumes: (0..30).map(|at| (format!("{name}{at}"), Reading::Value(big))).collect(),
        }),
        health: Some(name.to_owned()),
        restarts: Some(big),
    };
    snapshot.observer = Observer { scan_us: big, cpu_us: big, rss: big };
    snapshot
}
