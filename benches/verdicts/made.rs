//! Whole nights made up for `judge::judge`.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use slowdrip::model::{
    Ending, FdCensus, FdClass, HostRecord, Observer, Phase, PhaseRecord, PlanRecord, ProcId, ProcState, ProcessFacts,
    ProcessSample, RUN_FORMAT, Reading, Recorded, Role, RunRecord, Snapshot, TargetRecord, TargetSample,
};
use slowdrip::threshold::RuleSet;

/// The record of a soak that came to its end.
pub(crate) fn record(duration_s: f64, interval_s: f64) -> RunRecord {
    RunRecord {
        format: RUN_FORMAT,
        slowdrip: env!("CARGO_PKG_VERSION").to_owned(),
        run: "20260101-020000-0000".to_owned(),
        scenario: "made-up".to_owned(),
        scenario_digest: String::new(),
        thresholds_digest: String::new(),
        command: Vec::new(),
        started: Timestamp::UNIX_EPOCH,
        soak_started: Some(Timestamp::UNIX_EPOCH),
        ended: Timestamp::UNIX_EPOCH,
        plan: PlanRecord { duration_s, interval_s, settle_s: 0.0, warmup_s: None },
        host: HostRecord { kernel: "6.18".to_owned(), arch: "x86_64".to_owned(), cpus: 2, memory: 8 << 30, cgroup: 2 },
        engine: None,
        target: TargetRecord {
            kind: "image".to_owned(),
            name: "made-up".to_owned(),
            image: None,
            labels: BTreeMap::new(),
            container: None,
            memory_limit: None,
            probe: "host".to_owned(),
            probe_reason: String::new(),
        },
        seed: None,
        gate: None,
        beside: 0,
        phases: vec![PhaseRecord { phase: Phase::Soak, from_s: 0.0, to_s: Some(duration_s) }],
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

/// What was recorded of a night without a log.
pub(crate) fn recorded<'a>(record: &'a RunRecord, snapshots: &'a [Snapshot]) -> Recorded<'a> {
    Recorded { record, snapshots, log: &[], unread_lines: 0 }
}

/// A process that holds so many descriptors of each class.
pub(crate) fn process(pid: u32, held: &[(FdClass, u64)]) -> ProcessSample {
    let census = FdCensus {
        total: held.iter().map(|class| class.1).sum(),
        classes: held.iter().copied().collect(),
        ..FdCensus::default()
    };
    ProcessSample {
        id: ProcId { pid, start: 1 },
        ppid: 1,
        ns_pid: None,
        role: Role::App,
        state: ProcState::Sleeping,
        comm: "app".to_owned(),
        cmdline: "/usr/bin/app".to_owned(),
        threads: Reading::Value(4),
        rss: Reading::Value(200 << 20),
        anon: Reading::Value(100 << 20),
        nofile: Reading::Value(Some(1024)),
        fds: Reading::Value(census.into()),
        facts: ProcessFacts::default(),
    }
}

/// A look at these processes.
pub(crate) fn snapshot(seq: u32, at_s: f64, processes: Vec<ProcessSample>) -> Snapshot {
    Snapshot {
        seq,
        at_ms: (at_s * 1000.0) as u64,
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

/// The rules of a thresholds file.
pub(crate) fn rules(text: &str) -> RuleSet {
    slowdrip::threshold::parse(Path::new("thresholds.yaml"), text).expect("good thresholds")
}
