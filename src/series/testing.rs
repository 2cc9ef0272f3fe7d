//! Nights made up for tests.

use std::collections::BTreeMap;

use globset::Glob;
use jiff::Timestamp;

use crate::model::{
    DeadHandle, DeadKind, Ending, Event, EventKind, FdCensus, FdClass, HostRecord, LinkCount, Metric, Observer, Phase,
    PhaseRecord, PlanRecord, ProcId, ProcState, ProcessFacts, ProcessSample, RUN_FORMAT, Reading, Role, RunRecord,
    Severity, Snapshot, TargetRecord, TargetSample,
};
use crate::threshold::{ClassRule, Per, RuleSet, Selector};

/// A process of the application with one socket, one event loop, and what a test puts on top.
pub(crate) fn process(pid: u32) -> ProcessSample {
    ProcessSample {
        id: ProcId { pid, start: 1000 + u64::from(pid) },
        ppid: 1,
        ns_pid: Some(1),
        role: Role::App,
        state: ProcState::Sleeping,
        comm: "app".to_owned(),
        cmdline: "/usr/bin/app --serve".to_owned(),
        threads: Reading::Value(4),
        rss: Reading::Value(200 << 20),
        anon: Reading::Value(100 << 20),
        nofile: Reading::Value(Some(1024)),
        fds: Reading::Value(census(&[(FdClass::Socket, 1), (FdClass::Eventpoll, 1)]).into()),
        facts: ProcessFacts { pgrp: Some(1), session: Some(1), ..ProcessFacts::default() },
    }
}

pub(crate) fn census(classes: &[(FdClass, u64)]) -> FdCensus {
    let links = classes.iter().map(|(class, count)| LinkCount {
        name: format!("{}:[*]", class.name()),
        class: *class,
        count: *count,
    });
    FdCensus {
        total: classes.iter().map(|class| class.1).sum(),
        classes: classes.iter().copied().collect(),
        kinds: BTreeMap::new(),
        links: links.collect(),
        rest: 0,
        vanished: 0,
    }
}

pub(crate) fn snapshot(at_s: u64, processes: Vec<ProcessSample>) -> Snapshot {
    Snapshot {
        seq: u32::try_from(at_s % 1_000_000).unwrap(),
        at_ms: at_s * 1000,
        wall: Timestamp::UNIX_EPOCH,
        phase: Phase::Soak,
        processes,
        dead: Vec::new(),
        dead_rest: BTreeMap::new(),
        held: Vec::new(),
        turnover: BTreeMap::new(),
        target: TargetSample::default(),
        gaps: Vec::new(),
        observer: Observer::default(),
    }
}

/// Snapshots every `interval` seconds, the process made fit by `change(seconds, process)`.
pub(crate) fn soak(duration: u64, interval: u64, change: impl Fn(u64, &mut ProcessSample)) -> Vec<Snapshot> {
    (0..=duration / interval)
        .map(|i| {
            let mut own = process(42);
            change(i * interval, &mut own);
            snapshot(i * interval, vec![own])
        })
        .collect()
}

/// Gives a process so many descriptors of a class, and none else.
pub(crate) fn hold(process: &mut ProcessSample, class: FdClass, count: u64) {
    process.fds = Reading::Value(census(&[(class, count)]).into());
}

/// A dead pidfd of the process that [`process`] makes of 42.
pub(crate) fn dead(fd: u32, first_ms: u64, survived: u32) -> DeadHandle {
    DeadHandle {
        process: ProcId { pid: 42, start: 1042 },
        fd: Some(fd),
        kind: DeadKind::PidfdTargetGone,
        first_ms,
        survived,
        detail: "Pid: -1".to_owned(),
    }
}

/// Puts dead pidfds into the snapshots: each is there from the time it died on.
pub(crate) fn die(snapshots: &mut [Snapshot], first_ms: &[u64]) {
    for (fd, first) in (10_u32..).zip(first_ms) {
        let mut survived = 0;
        for look in snapshots.iter_mut().filter(|look| look.at_ms >= *first) {
            survived += 1;
            look.dead.push(dead(fd, *first, survived));
        }
    }
}

pub(crate) fn record(duration_s: f64) -> RunRecord {
    RunRecord {
        format: RUN_FORMAT,
        slowdrip: "0.1.0".to_owned(),
        run: "20261122-020000-3fa9".to_owned(),
        scenario: "demo".to_owned(),
        scenario_digest: "aa".to_owned(),
        thresholds_digest: "bb".to_owned(),
        command: vec!["slowdrip".to_owned()],
        started: Timestamp::UNIX_EPOCH,
        soak_started: Some(Timestamp::UNIX_EPOCH),
        ended: Timestamp::UNIX_EPOCH,
        plan: PlanRecord { duration_s, interval_s: 5.0, settle_s: 0.0, warmup_s: None },
        host: HostRecord { kernel: "6.18".to_owned(), arch: "x86_64".to_owned(), cpus: 2, memory: 8 << 30, cgroup: 2 },
        engine: None,
        target: TargetRecord {
            kind: "image".to_owned(),
            name: "app:1".to_owned(),
            image: Some("sha256:1".to_owned()),
            labels: BTreeMap::new(),
            container: None,
            memory_limit: Some(1 << 30),
            probe: "host".to_owned(),
            probe_reason: String::new(),
        },
        seed: None,
        gate: None,
        beside: 0,
        phases: vec![PhaseRecord { phase: Phase::Soak, from_s: 10.0, to_s: Some(10.0 + duration_s) }],
        events: Vec::new(),
        counters: Vec::new(),
        after_failures: Vec::new(),
        stop: None,
        churn: None,
        series: Vec::new(),
        log: None,
        baseline: None,
        ending: Ending::Completed,
        kept: false,
    }
}

pub(crate) fn restarted(record: &mut RunRecord, at_s: i64) {
    record.events.push(Event { at_ms: at_s * 1000, kind: EventKind::Restart, text: "restarted".to_owned() });
}

/// A rule on a built-in class that asks for nothing yet.
pub(crate) fn rule(metric: Metric) -> ClassRule {
    ClassRule {
        name: metric.to_string(),
        select: Selector::Metric(metric),
        severity: Severity::Fail,
        required: false,
        max: None,
        max_limit_ratio: None,
        max_dead: None,
        max_growth_per_hour: None,
        must_detect_per_hour: 24.0,
        max_vs_baseline: None,
        baseline_slack: 3.0,
        settle_to: None,
        per: Per::Target,
        cycle: None,
        older_than: None,
    }
}

/// A rule on the descriptors whose link target matches.
pub(crate) fn link_rule(name: &str, glob: &str) -> ClassRule {
    let select = Selector::Links(vec![Glob::new(glob).unwrap().compile_matcher()]);
    ClassRule { name: name.to_owned(), select, ..rule(Metric::FdTotal) }
}

pub(crate) fn rules(classes: Vec<ClassRule>) -> RuleSet {
    RuleSet { classes, ..RuleSet::empty() }
}
