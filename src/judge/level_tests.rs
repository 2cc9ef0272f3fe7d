//! Levels against earlier nights and against the time before the churn.

use super::testing::judge;
use super::*;
use crate::model::{BaselineRecord, Event, EventKind, FdClass, Metric, Phase, Verdict};
use crate::series::testing::{hold, process, record, rule, rules, soak};
use crate::threshold::{Per, SettleTo};

fn sole(found: &Assessment, rule: RuleKind) -> &Finding {
    found.findings.iter().find(|found| found.rule == rule).unwrap()
}

fn with_baseline(level: f64) -> RunRecord {
    let nights = (0..7).map(|n| format!("night-{n}")).collect();
    let baseline = BaselineRecord { nights, levels: [("fd.total".to_owned(), level)].into() };
    RunRecord { baseline: Some(baseline), ..record(600.0) }
}

fn against(record: &RunRecord, held: u64) -> (Status, String) {
    let rule = ClassRule { max_vs_baseline: Some(1.2), ..rule(Metric::FdTotal) };
    let night = soak(600, 5, |_, own| hold(own, FdClass::Socket, held));
    let found = judge(record, &night, &rules(vec![rule]));
    let found = sole(&found, RuleKind::MaxVsBaseline);
    (found.status, found.sentence.clone())
}

#[test]
fn a_level_far_above_that_of_earlier_nights_breaks() {
    assert_eq!(
        against(&with_baseline(25.0), 41),
        (
            Status::Breaks,
            "Holds 41 at the end, 1.6 times the 25 of the last 7 nights (allowed 1.2 times and 3 more).".to_owned()
        )
    );
    assert_eq!(
        against(&with_baseline(25.0), 33),
        (
            Status::Holds,
            "Holds 33 at the end, against the 25 of the last 7 nights (allowed 1.2 times and 3 more).".to_owned()
        )
    );
    // Where none was held there is no multiple, and the slack alone counts.
    assert_eq!(against(&with_baseline(0.0), 3).0, Status::Holds);
    let (status, sentence) = against(&with_baseline(0.0), 4);
    assert_eq!(status, Status::Breaks);
    assert!(sentence.starts_with("Holds 4 at the end, against the 0 of the last 7 nights"), "{sentence}");
}

#[test]
fn without_earlier_nights_nothing_is_compared() {
    let nothing = (Status::Undecided, "There are no earlier nights to compare with.".to_owned());
    assert_eq!(against(&record(600.0), 41), nothing);
    for level in [f64::NAN, f64::INFINITY, -1.0] {
        assert_eq!(against(&with_baseline(level), 41), nothing);
    }
    let mut empty = with_baseline(25.0);
    empty.baseline.as_mut().unwrap().nights.clear();
    assert_eq!(against(&empty, 41), nothing);
}

#[test]
fn a_program_by_itself_is_not_compared_and_it_is_said_once() {
    let rule = ClassRule { max_vs_baseline: Some(1.2), per: Per::Process, ..rule(Metric::FdTotal) };
    let mut night = soak(600, 5, |_, _| {});
    for look in &mut night {
        let mut other = process(7);
        other.cmdline = "/bin/other".to_owned();
        look.processes.push(other);
    }
    let found = judge(&with_baseline(25.0), &night, &rules(vec![rule]));
    assert_eq!(found.findings.iter().filter(|found| found.rule == RuleKind::MaxVsBaseline).count(), 1);
    let found = sole(&found, RuleKind::MaxVsBaseline);
    assert_eq!((found.status, found.subject.as_str()), (Status::Undecided, "programs"));
    assert!(found.sentence.contains("remove `per`"), "{}", found.sentence);
}

/// Ten minutes of churn from the second minute on, then two minutes of rest with so many sockets.
fn churned(after: u64, churn: bool) -> (RunRecord, Vec<Snapshot>) {
    let mut night = soak(720, 5, |at, own| {
        let sockets = match at {
            0..120 => 11,
            120..600 => 60,
            _ => after,
        };
        hold(own, FdClass::Socket, sockets);
    });
    night.iter_mut().filter(|look| look.at_ms >= 600_000).for_each(|look| look.phase = Phase::Settle);
    let mut record = record(600.0);
    if churn {
        let event = |at_ms| Event { at_ms, kind: EventKind::Churn, text: "churn".to_owned() };
        record.events.extend([event(150_000), event(120_000)]);
    }
    (record, night)
}

fn settles(record: &RunRecord, night: &[Snapshot], near: SettleTo) -> (Status, String) {
    let rule = ClassRule { settle_to: Some(near), ..rule(Metric::FdTotal) };
    let found = judge(record, night, &rules(vec![rule]));
    let found = sole(&found, RuleKind::SettleTo);
    (found.status, found.sentence.clone())
}

#[test]
fn a_target_comes_back_after_the_churn_or_does_not() {
    let (record, night) = churned(12, true);
    assert_eq!(
        settles(&record, &night, SettleTo::Above(3.0)),
        (Status::Holds, "Came back to 12 after the churn, from 11 before it (within 3 allowed).".to_owned())
    );
    let (record, night) = churned(40, true);
    assert_eq!(
        settles(&record, &night, SettleTo::Share(0.1)),
        (Status::Breaks, "Came back only to 40 after the churn, from 11 before it (within 10% allowed).".to_owned())
    );
}

#[test]
fn without_churn_the_first_third_of_the_soak_counts() {
    let (record, night) = churned(12, false);
    assert_eq!(
        settles(&record, &night, SettleTo::Above(3.0)),
        (
            Status::Holds,
            "Came back to 12 in the settle phase, from 60 after a third of the soak, there being no churn (within 3 \
             allowed)."
                .to_owned()
        )
    );
}

#[test]
fn a_level_that_is_not_known_cannot_be_come_back_to() {
    let (mut record, night) = churned(12, true);
    let soaked: Vec<Snapshot> = night.iter().filter(|look| look.phase == Phase::Soak).cloned().collect();
    assert_eq!(
        settles(&record, &soaked, SettleTo::Above(3.0)),
        (Status::Undecided, "There is no settle phase to come back in; set `soak.settle`.".to_owned())
    );
    let short: Vec<Snapshot> = night.iter().filter(|look| look.at_ms <= 605_000).cloned().collect();
    let (status, sentence) = settles(&record, &short, SettleTo::Above(3.0));
    assert_eq!(status, Status::Undecided);
    assert!(sentence.starts_with("The level in the settle phase is not known: 2 snapshots told it"), "{sentence}");
    record.events.push(Event { at_ms: i64::MIN, kind: EventKind::Churn, text: String::new() });
    let (status, sentence) = settles(&record, &night, SettleTo::Above(3.0));
    assert_eq!(status, Status::Undecided);
    assert!(sentence.contains("let the churn begin later"), "{sentence}");
}

#[test]
fn a_level_that_does_not_come_back_fails_the_night() {
    let (record, night) = churned(40, true);
    let rule = ClassRule { settle_to: Some(SettleTo::Above(3.0)), ..rule(Metric::FdTotal) };
    let found = judge(&record, &night, &rules(vec![rule]));
    assert_eq!(found.verdict, Verdict::Fail);
    assert_eq!(
        found.reason,
        "1 rule is broken: fd.total came back only to 40 after the churn, from 11 before it (within 3 allowed)"
    );
}
