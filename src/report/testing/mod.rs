//! Nights made up from a seed, for tests and for looking at pages.

mod driven;
mod findings;
mod history;
mod nights;

use std::collections::BTreeMap;

use crate::model::*;

pub(super) use driven::driven;
pub(super) use history::{line, nights};
pub(super) use nights::{HOSTILE, clean, ended, hostile, huge, leaking, restarted};

/// Numbers that look random and are always the same.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `n`.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

pub(super) const MIB: u64 = 1024 * 1024;
const APP: ProcId = ProcId { pid: 14_247, start: 900_100 };

pub(super) fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

/// A record of a night of half an hour that completed.
pub(super) fn record() -> RunRecord {
    let phase = |phase, from_s, to_s| PhaseRecord { phase, from_s, to_s: Some(to_s) };
    RunRecord {
        format: RUN_FORMAT,
        slowdrip: "0.1.0".to_owned(),
        run: "20261122-020000-3fa9".to_owned(),
        scenario: "news-churn".to_owned(),
        scenario_digest: "ab".repeat(32),
        thresholds_digest: "cd".repeat(32),
        command: ["slowdrip", "run", "scenarios/news-churn.yaml", "--set", "APP_VERSION=1.5.6"]
            .map(str::to_owned)
            .into(),
        started: at("2026-11-22T02:00:00Z"),
        soak_started: Some(at("2026-11-22T02:00:40Z")),
        ended: at("2026-11-22T02:33:20Z"),
        plan: PlanRecord { duration_s: 1800.0, interval_s: 5.0, settle_s: 60.0, warmup_s: None },
        host: HostRecord {
            kernel: "6.18.4".to_owned(),
            arch: "x86_64".to_owned(),
            cpus: 4,
            memory: 8192 * MIB,
            cgroup: 2,
        },
        engine: Some(EngineRecord { version: "28.5.1".to_owned(), api: "1.51".to_owned() }),
        target: TargetRecord {
            kind: "build".to_owned(),
            name: "news".to_owned(),
            image: Some(format!("sha256:{}", "9f3c1e07ab42d5e6".repeat(4))),
            labels: BTreeMap::from([("APP_VERSION".to_owned(), "1.5.6".to_owned())]),
            container: Some("6b1f".repeat(16)),
            memory_limit: Some(2048 * MIB),
            probe: "host".to_owned(),
            probe_reason: String::new(),
        },
        seed: None,
        gate: None,
        beside: 0,
        phases: vec![
            phase(Phase::Start, 0.0, 8.2),
            phase(Phase::Ready, 8.2, 14.0),
            phase(Phase::Seed, 14.0, 40.0),
            phase(Phase::Soak, 40.0, 1840.0),
            phase(Phase::Settle, 1840.0, 1900.0),
            phase(Phase::After, 1900.0, 1901.0),
            phase(Phase::Stop, 1901.0, 1904.0),
        ],
        events: vec![Event { at_ms: 610_000, kind: EventKind::Health, text: "healthy".to_owned() }],
        counters: vec![
            CounterRecord {
                name: "LLM calls".to_owned(),
                start: Some(5.0),
                end: Some(295.0),
                at_least: 240.0,
                at_most: None,
                settled: None,
                problem: None,
            },
            CounterRecord {
                name: "searches".to_owned(),
                start: Some(0.0),
                end: Some(480.0),
                at_least: 400.0,
                at_most: None,
                settled: None,
                problem: None,
            },
        ],
        after_failures: Vec::new(),
        stop: Some(StopRecord {
            signal: "SIGTERM".to_owned(),
            within_s: 20.0,
            took_s: 2.4,
            response: TermResponse::Exited,
            port: PortEnd::Silent,
            exit_code: Some(0),
        }),
        churn: None,
        series: Vec::new(),
        log: None,
        baseline: None,
        ending: Ending::Completed,
        kept: false,
    }
}

fn app(classes: BTreeMap<FdClass, u64>, threads: u64, anon: u64) -> ProcessSample {
    let links = classes.iter().map(|(class, count)| LinkCount { name: link(*class), class: *class, count: *count });
    ProcessSample {
        id: APP,
        ppid: 1,
        ns_pid: Some(1),
        role: Role::App,
        state: ProcState::Sleeping,
        comm: "python".to_owned(),
        cmdline: "/app/venv/bin/python /app/venv/bin/news-web --port 5000".to_owned(),
        threads: Reading::Value(threads),
        rss: Reading::Value(anon + 84 * MIB),
        anon: Reading::Value(anon),
        nofile: Reading::Value(Some(1024)),
        fds: Reading::Value(
            FdCensus {
                total: classes.values().sum(),
                links: links.collect(),
                classes,
                kinds: BTreeMap::new(),
                rest: 0,
                vanished: 0,
            }
            .into(),
        ),
        facts: ProcessFacts::default(),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "most classes need no likeness")]
fn link(class: FdClass) -> String {
    match class {
        FdClass::Eventpoll => "anon_inode:[eventpoll]".to_owned(),
        FdClass::Socket => "socket:[*]".to_owned(),
        FdClass::Pipe => "pipe:[*]".to_owned(),
        FdClass::SqliteDb => "/data/news.db".to_owned(),
        FdClass::SqliteWal => "/data/news.db-wal".to_owned(),
        FdClass::SqliteShm => "/data/news.db-shm".to_owned(),
        FdClass::Log => "/logs/app.log".to_owned(),
        FdClass::Device => "/dev/null".to_owned(),
        other => format!("/x/{}", other.name()),
    }
}

/// Snapshots of an application; `leak` opens an eventpoll and two sockets that nobody closes, about five times a minute.
pub(super) fn snapshots(seed: u64, count: u32, leak: bool) -> Vec<Snapshot> {
    let mut dice = Dice::new(seed);
    let (mut leaked, mut dead) = (0_u64, Vec::<DeadHandle>::new());
    (0..count)
        .map(|seq| {
            let at_ms = u64::from(seq) * 5_000 + dice.below(12);
            if leak && seq > 6 && dice.below(12) < 5 {
                leaked += 1;
                dead.push(DeadHandle {
                    process: APP,
                    fd: Some(u32::try_from(12 + 3 * leaked).unwrap()),
                    kind: DeadKind::EventpollAbandoned,
                    first_ms: at_ms,
                    survived: 0,
                    detail: format!("watches socket {}", 3_986_000 + leaked * 7),
                });
            }
            for handle in &mut dead {
                handle.survived += 1;
            }
            let warm = u64::from(seq.min(60)) / 12;
            let busy = u64::from(dice.below(9) == 0);
            let classes = BTreeMap::from([
                (FdClass::Eventpoll, 1 + leaked + busy),
                (FdClass::Socket, 2 + 2 * leaked + 2 * busy + dice.below(3)),
                (FdClass::Pipe, 2 + 8 * u64::from(dice.below(90) == 0)),
                (FdClass::SqliteDb, 3 + warm),
                (FdClass::SqliteWal, 1 + u64::from(dice.below(5) == 0)),
                (FdClass::SqliteShm, 1),
                (FdClass::Log, 1),
                (FdClass::Device, 3),
            ]);
            let anon = (290 + u64::from(seq.min(40)) * 2) * MIB + leaked * 300_000 + dice.below(1 << 20);
            let mut processes = vec![app(classes, 9 + warm / 2 + busy, anon)];
            if seq % 97 == 5 {
                let health = BTreeMap::from([(FdClass::Pipe, 2), (FdClass::Socket, 1)]);
                let id = ProcId { pid: 15_000 + seq, start: 910_000 + u64::from(seq) };
                let cmdline =
                    "python3 -c import urllib.request as u; u.urlopen('http://localhost:5000/health')".to_owned();
                processes.push(ProcessSample { id, role: Role::HealthCheck, cmdline, ..app(health, 1, 11 * MIB) });
            }
            Snapshot {
                seq,
                at_ms,
                wall: at("2026-11-22T02:00:40Z"),
                phase: if at_ms <= 1_800_000 { Phase::Soak } else { Phase::Settle },
                processes,
                dead: dead.clone(),
                dead_rest: BTreeMap::new(),
                held: Vec::new(),
                turnover: BTreeMap::new(),
                target: TargetSample::default(),
                gaps: Vec::new(),
                observer: Observer { scan_us: 700 + dice.below(400), cpu_us: u64::from(seq) * 2_100, rss: 21 * MIB },
            }
        })
        .collect()
}
