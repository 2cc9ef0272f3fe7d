//! What holds of the judge whatever the night was like.

use proptest::prelude::*;

use super::testing::{history_line, judge};
use super::*;
use crate::model::{
    BaselineRecord, CgroupSample, CounterRecord, Estimate, Event, EventKind, FdClass, HistoryLine, LinkCount, Metric,
    Phase, PhaseRecord, ProcState, Reading, Verdict,
};
use crate::series::testing::{self, hold, link_rule, process, record, restarted, rule, rules, snapshot, soak};

use crate::threshold::{Per, SettleTo};

const PIDFD: Metric = Metric::Fd(FdClass::Pidfd);

fn any_reading() -> impl Strategy<Value = Reading<u64>> {
    prop_oneof![
        4 => (0..5000_u64).prop_map(Reading::Value),
        1 => Just(Reading::Value(u64::MAX)),
        1 => Just(Reading::Denied),
        1 => Just(Reading::Gone),
        1 => Just(Reading::Malformed("x".to_owned())),
    ]
}

fn any_name() -> impl Strategy<Value = String> {
    let named =
        ["", " ", "/", "-", "python3", "python3 -m", "sh -c \u{1b}[31m", "/bin/app-4711 --serve", "pid\u{202e}\n"];
    prop_oneof![20 => prop::sample::select(named.to_vec()).prop_map(str::to_owned), 1 => ".{0,30}"]
}

fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    let at = prop_oneof![8 => 0..4000_u64, 1 => 0..(u64::MAX / 1000)];
    let phase = prop_oneof![6 => Just(Phase::Soak), 2 => Just(Phase::Settle), 1 => Just(Phase::Stop)];
    let own = (any_reading(), any_reading(), 1..4_u32, any::<bool>(), any_name()).prop_map(
        |(fds, memory, pid, zombie, name)| {
            let mut own = process(pid);
            own.fds = fds.map(|count| {
                let mut census = testing::census(&[(FdClass::Pidfd, count)]);
                census.links.push(LinkCount { name: format!("pid{name}"), class: FdClass::Pidfd, count });
                census.rest = count / 2;
                census.into()
            });
            own.nofile = memory.clone().map(Some);
            own.cmdline = name;
            own.anon = memory.clone();
            own.rss = memory;
            if zombie {
                own.state = ProcState::Zombie;
            }
            own
        },
    );
    let cgroup = prop::option::of((any_reading(), any_reading(), any_reading()).prop_map(|(pids, limit, memory)| {
        CgroupSample {
            pids,
            pids_max: limit.clone().map(Some),
            memory_max: limit.map(Some),
            memory: memory.clone(),
            anon: memory,
            file: Reading::Gone,
            kernel: Reading::Gone,
            memory_max_events: Reading::Gone,
            oom_kills: Reading::Gone,
            cpu_us: Reading::Gone,
            throttled_us: Reading::Gone,
            io_read: Reading::Gone,
            io_write: Reading::Gone,
        }
    }));
    let dead = prop::collection::vec((0..40_u32, 0..4_000_000_u64, 0..9_u32), 0..4);
    (at, phase, prop::collection::vec(own, 0..4), dead, cgroup).prop_map(|(at, phase, processes, dead, cgroup)| {
        let dead = dead.into_iter().map(|(fd, first, survived)| testing::dead(fd, first, survived));
        let mut look = Snapshot { phase, dead: dead.collect(), ..snapshot(at, processes) };
        look.target.cgroup = cgroup;
        look
    })
}

/// A figure of a record that is none.
fn any_figure() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(f64::MAX),
        Just(-1.0),
        Just(0.0),
        0.0..100.0_f64,
    ]
}

/// A record of figures that no night has.
fn any_record() -> impl Strategy<Value = RunRecord> {
    let figures = prop::array::uniform6(any_figure());
    (figures, prop::option::of(any_figure()), prop::collection::vec(any::<i64>(), 0..4)).prop_map(
        |(figures, warmup, churned)| {
            let [interval, level, from, to, start, end] = figures;
            let mut record = record(1800.0);
            (record.plan.interval_s, record.plan.warmup_s) = (interval, warmup);
            record.phases.push(PhaseRecord { phase: Phase::Soak, from_s: from, to_s: Some(to) });
            record.baseline = Some(BaselineRecord {
                nights: vec!["n".to_owned()],
                levels: [("fd.total".to_owned(), level), ("mem.anon".to_owned(), start)].into(),
            });
            record.counters.push(CounterRecord {
                name: "made".to_owned(),
                start: Some(start),
                end: Some(end),
                at_least: 1.0,
                at_most: Some(to),
                settled: Some(from),
                problem: None,
            });
            let churned = churned.into_iter().map(|at_ms| Event { at_ms, kind: EventKind::Churn, text: String::new() });
            record.events.extend(churned);
            record
        },
    )
}

/// Which figures a finding has.
fn figures(found: &Finding) -> Vec<bool> {
    let of_growth = |estimate: &Estimate| {
        vec![estimate.excluded_above.is_some(), estimate.sensitivity.is_some(), estimate.hours_to_limit.is_some()]
    };
    let mut figures = found.growth.as_ref().map_or_else(Vec::new, of_growth);
    figures.extend([found.measured.is_some(), found.allowed.is_some()]);
    figures
}

fn every_rule() -> RuleSet {
    let all = |own: ClassRule| ClassRule {
        max: Some(100.0),
        max_limit_ratio: Some(0.5),
        max_dead: Some(0),
        max_growth_per_hour: Some(0.0),
        max_vs_baseline: Some(1.2),
        settle_to: Some(SettleTo::Above(2.0)),
        ..own
    };
    let metrics =
        [Metric::FdTotal, PIDFD, Metric::ProcCount, Metric::MemAnon, Metric::CgroupPids, Metric::CgroupMemory]
            .map(|metric| all(rule(metric)));
    let each = |per, name: &str, own: ClassRule| ClassRule { per, name: name.to_owned(), ..own };
    let own = [
        each(Per::Process, "a", all(rule(Metric::FdTotal))),
        each(Per::Process, "b", all(rule(Metric::MemAnon))),
        each(Per::Process, "c", all(rule(Metric::CgroupAnon))),
        each(Per::Path, "d", all(rule(PIDFD))),
        each(Per::Path, "e", ClassRule { settle_to: Some(SettleTo::Share(0.1)), ..all(link_rule("e", "pid*")) }),
        each(Per::Path, "f", all(rule(Metric::ProcCount))),
        all(link_rule("fd.own", "pid*")),
        ClassRule { older_than: Some(std::time::Duration::from_secs(60)), ..all(rule(Metric::ProcZombie)) },
    ];
    rules(metrics.into_iter().chain(own).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn judges_whatever_comes(
        night in prop::collection::vec(any_snapshot(), 0..60),
        restarts in prop::collection::vec(-100..4000_i64, 0..4),
        mut record in any_record(),
    ) {
        for at in restarts {
            restarted(&mut record, at);
        }
        let rules = every_rule();
        let found = judge(&record, &night, &rules);
        // What is stored reads back: a figure that is infinite or not a number would be stored as none.
        let stored = serde_json::to_string(&found).unwrap();
        let read: Assessment = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(read.findings.len(), found.findings.len());
        for (read, made) in read.findings.iter().zip(&found.findings) {
            prop_assert_eq!(&read.sentence, &made.sentence);
            prop_assert_eq!(figures(read), figures(made));
        }
        let line = history_line(&record, &night, &found, &rules);
        let stored = serde_json::to_string(&line).unwrap();
        prop_assert_eq!(serde_json::from_str::<HistoryLine>(&stored).unwrap().classes.len(), line.classes.len());
    }

    #[test]
    fn the_order_of_processes_does_not_matter(night in prop::collection::vec(any_snapshot(), 0..60)) {
        let mut night = night;
        for look in &mut night {
            // Each is there once: a process of two names has the later one.
            look.processes.sort_by_key(|process| process.id);
            look.processes.dedup_by_key(|process| process.id);
        }
        let turned: Vec<Snapshot> = night
            .iter()
            .cloned()
            .map(|mut look| {
                look.processes.reverse();
                look
            })
            .collect();
        let (record, rules) = (record(1800.0), every_rule());
        let (one, other) = (judge(&record, &night, &rules), judge(&record, &turned, &rules));
        for (one, other) in one.findings.iter().zip(&other.findings) {
            prop_assert_eq!(one, other);
        }
        prop_assert_eq!(one, other);
    }

    #[test]
    fn few_snapshots_never_pass(night in prop::collection::vec(any_snapshot(), 0..6)) {
        prop_assert_ne!(judge(&record(1800.0), &night, &every_rule()).verdict, Verdict::Pass);
    }

    #[test]
    fn a_clock_that_went_back_decides_nothing(night in prop::collection::vec(any_snapshot(), 2..60)) {
        let mut night = night;
        for (seq, look) in (0_u32..).zip(&mut night) {
            (look.seq, look.phase) = (seq, Phase::Soak);
        }
        prop_assume!(night.windows(2).any(|pair| pair[0].at_ms > pair[1].at_ms));
        let found = judge(&record(1800.0), &night, &every_rule());
        prop_assert_eq!(found.verdict, Verdict::Inconclusive);
        let decided = found.findings.iter().find(|it| it.rule.is_of_class() && it.status != Status::Undecided);
        prop_assert!(decided.is_none(), "{:?}", decided);
    }

    #[test]
    fn an_even_drip_above_the_sensitivity_fails_at_any_pace(every in 20..100_u64) {
        let night = soak(1800, 5, |at, own| hold(own, FdClass::Socket, 20 + at / every));
        let rule = ClassRule { max_growth_per_hour: Some(0.0), ..rule(Metric::FdTotal) };
        let found = judge(&record(1800.0), &night, &rules(vec![rule]));
        prop_assert_eq!(found.verdict, Verdict::Fail);
    }
}
