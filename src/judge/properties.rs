//! What holds of the judge whatever the night was like.

use proptest::prelude::*;

use super::testing::{history_line, judge};
use super::*;
use crate::model::{Estimate, FdClass, HistoryLine, Metric, Phase, ProcState, Reading, Verdict};
use crate::series::testing::{self, hold, link_rule, process, record, restarted, rule, rules, snapshot, soak};

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

fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    let at = prop_oneof![8 => 0..4000_u64, 1 => 0..(u64::MAX / 1000)];
    let phase = prop_oneof![6 => Just(Phase::Soak), 2 => Just(Phase::Settle), 1 => Just(Phase::Stop)];
    let own = (any_reading(), any_reading(), 1..4_u32, any::<bool>()).prop_map(|(fds, memory, pid, zombie)| {
        let mut own = process(pid);
        own.fds = fds.map(|count| testing::census(&[(FdClass::Pidfd, count)]).into());
        own.anon = memory.clone();
        own.rss = memory;
        if zombie {
            own.state = ProcState::Zombie;
        }
        own
    });
    (at, phase, prop::collection::vec(own, 0..4), prop::collection::vec((0..40_u32, 0..4_000_000_u64, 0..9_u32), 0..4))
        .prop_map(|(at, phase, processes, dead)| {
            let dead = dead.into_iter().map(|(fd, first, survived)| testing::dead(fd, first, survived));
            Snapshot { phase, dead: dead.collect(), ..snapshot(at, processes) }
        })
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
        ..own
    };
    let metrics = [Metric::FdTotal, PIDFD, Metric::ProcCount, Metric::MemAnon].map(|metric| all(rule(metric)));
    let own = [
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
        warmup in prop::option::of(-10.0..2000.0_f64),
    ) {
        let mut record = record(1800.0);
        record.plan.warmup_s = warmup;
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
        let turned: Vec<Snapshot> = night
            .iter()
            .cloned()
            .map(|mut look| {
                look.processes.reverse();
                look
            })
            .collect();
        let (record, rules) = (record(1800.0), every_rule());
        prop_assert_eq!(judge(&record, &night, &rules), judge(&record, &turned, &rules));
    }

    #[test]
    fn an_even_drip_above_the_sensitivity_fails_at_any_pace(every in 20..100_u64) {
        let night = soak(1800, 5, |at, own| hold(own, FdClass::Socket, 20 + at / every));
        let rule = ClassRule { max_growth_per_hour: Some(0.0), ..rule(Metric::FdTotal) };
        let found = judge(&record(1800.0), &night, &rules(vec![rule]));
        prop_assert_eq!(found.verdict, Verdict::Fail);
    }
}
