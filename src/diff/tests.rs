use super::*;
use crate::judge::testing::judge;
use crate::model::{FdClass, Metric, Snapshot};
use crate::series::testing::{die, hold, link_rule, record, rule, rules, soak};
use crate::threshold::{ClassRule, RuleSet};

fn night(record: RunRecord, snapshots: Vec<Snapshot>, rules: &RuleSet) -> StoredNight {
    let assessment = Some(judge(&record, &snapshots, rules));
    StoredNight {
        record,
        snapshots,
        assessment,
        thresholds: String::new(),
        unread_lines: 0,
        evidence: Vec::new(),
        log: Vec::new(),
        figures: Vec::new(),
        probes: Vec::new(),
    }
}

fn watched() -> RuleSet {
    let pidfd = Metric::Fd(FdClass::Pidfd);
    rules(vec![
        ClassRule { max_dead: Some(0), max: Some(3.0), ..rule(pidfd) },
        ClassRule { max_growth_per_hour: Some(0.0), ..rule(Metric::FdTotal) },
        ClassRule { max: Some(9.0), ..link_rule("fd.own", "pid*") },
    ])
}

fn quiet() -> StoredNight {
    night(record(1800.0), soak(1800, 5, |_, own| hold(own, FdClass::Pidfd, 2)), &watched())
}

fn leaking() -> StoredNight {
    let mut snapshots = soak(1800, 5, |at, own| hold(own, FdClass::Pidfd, 2 + at / 60));
    die(&mut snapshots, &[300_000, 600_000]);
    night(record(1800.0), snapshots, &watched())
}

fn fates(diff: &Diff) -> Vec<(Fate, &str, RuleKind)> {
    diff.breaches.iter().map(|breach| (breach.fate, breach.class.as_str(), breach.rule)).collect()
}

#[test]
fn a_night_does_not_differ_from_itself() {
    let diff = compare(&quiet(), &quiet());
    assert!(diff.not_comparable.is_empty() && diff.changes.is_empty() && diff.breaches.is_empty());
    assert!(diff.classes.iter().all(|class| !class.matters));
    let names: Vec<&str> = diff.classes.iter().map(|class| class.class.as_str()).collect();
    assert_eq!(names, ["fd.total", "fd.pidfd", "proc.count", "proc.threads", "mem.anon", "mem.rss", "fd.own"]);
}

#[test]
fn breaches_are_new_then_standing_then_gone() {
    let (quiet, leaking) = (quiet(), leaking());
    let all = |fate| {
        [
            (fate, "fd.pidfd", RuleKind::MaxDead),
            (fate, "fd.pidfd", RuleKind::Max),
            (fate, "fd.total", RuleKind::MaxGrowth),
            (fate, "fd.own", RuleKind::Max),
        ]
    };
    assert_eq!(fates(&compare(&quiet, &leaking)), all(Fate::New));
    assert_eq!(fates(&compare(&leaking, &leaking)), all(Fate::Standing));
    assert_eq!(fates(&compare(&leaking, &quiet)), all(Fate::Gone));
    let first = &compare(&quiet, &leaking).breaches[0];
    assert_eq!((first.before, first.after), (Some(0.0), Some(2.0)));
}

#[test]
fn a_breach_that_the_later_night_cannot_judge_is_not_gone() {
    let short = night(record(60.0), soak(5, 5, |_, own| hold(own, FdClass::Pidfd, 2)), &watched());
    let diff = compare(&leaking(), &short);
    assert!(diff.breaches.iter().filter(|breach| breach.rule != RuleKind::MaxDead).all(|it| it.fate == Fate::Unknown));
    let unjudged = StoredNight { assessment: None, ..quiet() };
    assert!(compare(&leaking(), &unjudged).breaches.iter().all(|breach| breach.fate == Fate::Unknown));
}

#[test]
fn classes_that_moved_come_first_with_their_figures() {
    let diff = compare(&quiet(), &leaking());
    let first: Vec<&str> = diff.classes.iter().filter(|class| class.matters).map(|it| it.class.as_str()).collect();
    assert_eq!(first, ["fd.total", "fd.pidfd", "fd.own"]);
    let pidfd = &diff.classes[1];
    let level = |figures: &Option<Figures>| figures.as_ref().and_then(|figures| figures.level);
    assert_eq!((level(&pidfd.before), level(&pidfd.after)), (Some(2.0), Some(27.0)));
    assert_eq!(pidfd.after.as_ref().unwrap().dead, 2);
}

#[test]
fn other_circumstances_come_first_and_are_named() {
    let mut other = quiet();
    other.record.host.kernel = "6.1".to_owned();
    other.record.plan.interval_s = 15.0;
    other.record.thresholds_digest = "cc".to_owned();
    other.record.ending = Ending::Interrupted { signal: 2 };
    assert_eq!(
        compare(&other, &quiet()).not_comparable,
        [
            "kernel 6.18, before 6.1",
            "soak of 30 min every 5 s (warm-up auto, settle 0 s), before 30 min every 15 s (warm-up auto, settle 0 s)",
            "the thresholds were edited",
            "the earlier night was cut short",
        ]
    );
}

#[test]
fn what_was_soaked_is_compared() {
    let mut newer = quiet();
    newer.record.target.image = Some("sha256:2".to_owned());
    newer.record.target.labels.insert("VERSION".to_owned(), "1.5.6".to_owned());
    let diff = compare(&quiet(), &newer);
    assert!(diff.not_comparable.is_empty());
    let changed: Vec<(&str, Option<&str>, Option<&str>)> =
        diff.changes.iter().map(|it| (it.what.as_str(), it.before.as_deref(), it.after.as_deref())).collect();
    assert_eq!(changed, [("image", Some("sha256:1"), Some("sha256:2")), ("VERSION", None, Some("1.5.6"))]);
}

#[test]
fn counters_are_compared_by_name() {
    let counter = |name: &str, end| CounterRecord {
        name: name.to_owned(),
        start: Some(1.0),
        end,
        at_least: 1.0,
        at_most: None,
        settled: None,
        problem: None,
    };
    let (mut before, mut after) = (quiet(), quiet());
    before.record.counters = vec![counter("gone", Some(3.0)), counter("kept", Some(5.0))];
    after.record.counters = vec![counter("kept", Some(8.0)), counter("new", None)];
    let counters = compare(&before, &after).counters;
    let found: Vec<_> = counters.iter().map(|it| (it.name.as_str(), it.before, it.after)).collect();
    assert_eq!(found, [("kept", Some(4.0), Some(7.0)), ("new", None, None), ("gone", Some(2.0), None)]);
}
