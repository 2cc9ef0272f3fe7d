use super::*;
use crate::judge::testing::judge;
use crate::model::{
    ChurnRecord, CounterRecord, Ending, FdClass, HistoryLine, Metric, ProcessSample, Reading, RuleKind, RunRecord,
    Snapshot, StepRecord,
};
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
    let diff = compare(&quiet(), &quiet(), &[]);
    assert!(diff.not_comparable.is_empty() && diff.changes.is_empty() && diff.breaches.is_empty());
    assert!(diff.classes.iter().all(|class| class.weight == Weight::Quiet && class.points.0.is_empty()));
    assert_eq!(diff.outcome, Outcome::NoWorse);
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
    assert_eq!(fates(&compare(&quiet, &leaking, &[])), all(Fate::New));
    assert_eq!(fates(&compare(&leaking, &leaking, &[])), all(Fate::Standing));
    assert_eq!(fates(&compare(&leaking, &quiet, &[])), all(Fate::Gone));
    let first = &compare(&quiet, &leaking, &[]).breaches[0];
    assert_eq!((first.before, first.after), (Some(0.0), Some(2.0)));
}

#[test]
fn a_breach_that_the_later_night_cannot_judge_is_not_gone() {
    let short = night(record(60.0), soak(5, 5, |_, own| hold(own, FdClass::Pidfd, 2)), &watched());
    let diff = compare(&leaking(), &short, &[]);
    assert!(diff.breaches.iter().filter(|breach| breach.rule != RuleKind::MaxDead).all(|it| it.fate == Fate::Unknown));
    let unjudged = StoredNight { assessment: None, ..quiet() };
    assert!(compare(&leaking(), &unjudged, &[]).breaches.iter().all(|breach| breach.fate == Fate::Unknown));
}

#[test]
fn classes_that_moved_come_first_with_their_figures() {
    let diff = compare(&quiet(), &leaking(), &[]);
    let first: Vec<&str> =
        diff.classes.iter().filter(|class| class.weight != Weight::Quiet).map(|it| it.class.as_str()).collect();
    assert_eq!(first, ["fd.total", "fd.pidfd", "fd.own"]);
    let pidfd = &diff.classes[1];
    assert_eq!((pidfd.level.before, pidfd.level.after), (Some(2.0), Some(27.0)));
    assert_eq!(pidfd.dead.after, Some(2.0));
    assert_eq!(pidfd.weight, Weight::Worse, "its rule breaks now");
    assert!(!pidfd.points.0.is_empty() && !pidfd.points.1.is_empty());
    assert!((pidfd.shares.1.unwrap() - 27.0 / 1024.0).abs() < 1e-9);
}

#[test]
fn other_circumstances_come_first_and_are_named() {
    let mut other = quiet();
    other.record.host.kernel = "6.1".to_owned();
    other.record.plan.interval_s = 15.0;
    other.record.scenario_digest = "cc".to_owned();
    other.record.ending = Ending::Interrupted { signal: 2 };
    other.assessment = None;
    let diff = compare(&other, &quiet(), &[]);
    let said: Vec<&str> = diff.not_comparable.iter().map(|obstacle| obstacle.text.as_str()).collect();
    assert_eq!(
        said,
        [
            "another text of the scenario (aa, before cc)",
            "another kernel (6.18, before 6.1)",
            "another soak (30 min every 5 s, warm-up auto, settle 0 s, before 30 min every 15 s, warm-up auto, settle 0 s)",
            "the earlier night did not come to its end",
            "the earlier night was never judged: `slowdrip report 20261122-020000-3fa9` judges it",
        ]
    );
    assert_eq!(diff.outcome, Outcome::NotComparable);
    let mut elsewhere = quiet();
    elsewhere.record.scenario = "other".to_owned();
    elsewhere.record.scenario_digest = "dd".to_owned();
    elsewhere.record.host.cpus = 8;
    let kinds: Vec<ObstacleKind> = compare(&quiet(), &elsewhere, &[]).not_comparable.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [ObstacleKind::Scenario, ObstacleKind::Machine]);
    assert!(!comparable(&quiet().record, &elsewhere.record) && comparable(&quiet().record, &quiet().record));
}

#[test]
fn edited_thresholds_are_a_change_and_a_rule_that_one_night_lacks_is_said() {
    let mut before = quiet();
    before.record.thresholds_digest = "cc".to_owned();
    before.assessment.as_mut().unwrap().findings.retain(|found| found.rule != RuleKind::MaxDead);
    let diff = compare(&before, &leaking(), &[]);
    assert!(diff.not_comparable.is_empty());
    assert_eq!(diff.changes[0].what, "thresholds");
    let only: Vec<RuleKind> = diff.breaches.iter().filter(|it| it.only_here).map(|it| it.rule).collect();
    assert_eq!(only, [RuleKind::MaxDead]);
}

#[test]
fn a_death_of_the_later_target_does_not_hide_that_it_got_worse() {
    let mut dead = leaking();
    dead.record.ending = Ending::Died { message: "exit code 1".to_owned() };
    let diff = compare(&quiet(), &dead, &[]);
    assert_eq!(diff.not_comparable[0].kind, ObstacleKind::Died);
    assert_eq!(diff.outcome, Outcome::Worse);
    assert_eq!(compare(&dead, &quiet(), &[]).outcome, Outcome::NotComparable);
}

/// A night that holds so many pidfds and no rule asks for, and its line in the history.
fn holding(day: u32, pidfds: u64) -> (StoredNight, HistoryLine) {
    let mut own = record(1800.0);
    own.run = format!("202611{day:02}-020000-3fa9");
    own.started = jiff::Timestamp::from_second(86_400 * i64::from(day)).unwrap();
    let rules = rules(vec![rule(Metric::Fd(FdClass::Pidfd))]);
    let fixed = move |_: u64, own: &mut ProcessSample| hold(own, FdClass::Pidfd, pidfds);
    let mut night = night(own, soak(1800, 5, fixed), &rules);
    night.record.churn = Some(churn(50.0 + f64::from(day)));
    let line = crate::judge::history_line(night.recorded(), night.assessment.as_ref().unwrap(), &rules);
    (night, line)
}

fn churn(p50_ms: f64) -> ChurnRecord {
    let step = StepRecord {
        name: "get /".to_owned(),
        place: "a.yaml:1".to_owned(),
        count: 400,
        failed: 0,
        p50_ms,
        p90_ms: p50_ms * 1.5,
        p99_ms: p50_ms * 2.0,
        max_ms: p50_ms * 3.0,
    };
    ChurnRecord { begun: 400, steps: vec![step.clone(), step], ..ChurnRecord::default() }
}

fn pidfd(diff: &Diff) -> &ClassChange {
    diff.classes.iter().find(|class| class.class == "fd.pidfd").unwrap()
}

#[test]
fn a_rise_beyond_the_noise_of_past_nights_is_worse_and_one_within_it_is_not() {
    let levels = [10, 11, 10, 12, 10, 11, 12, 10];
    let nights: Vec<_> = (1..).zip(levels).map(|(day, level)| holding(day, level)).collect();
    let history: Vec<HistoryLine> = nights.iter().map(|night| night.1.clone()).collect();
    let before = &nights[7].0;
    let diff = compare(before, &holding(9, 13).0, &history);
    assert!(diff.knows_noise() && diff.past_nights == 8);
    assert_eq!((pidfd(&diff).level.told, pidfd(&diff).weight), (Told::Within, Weight::Quiet));
    assert_eq!(diff.outcome, Outcome::NoWorse);
    let diff = compare(before, &holding(9, 60).0, &history);
    assert_eq!((pidfd(&diff).level.told, pidfd(&diff).weight), (Told::Beyond, Weight::Worse));
    assert!(pidfd(&diff).is_up() && diff.outcome == Outcome::Worse);
    assert_eq!(pidfd(&diff).level.basis, Basis::PastNights(8));
    let back = compare(&holding(8, 60).0, &holding(9, 10).0, &history);
    assert_eq!((pidfd(&back).weight, back.outcome), (Weight::Better, Outcome::NoWorse));
}

#[test]
fn with_few_nights_a_rise_is_open_and_never_called_noise() {
    let (before, line) = holding(1, 10);
    let diff = compare(&before, &holding(2, 60).0, &[line]);
    assert!(!diff.knows_noise() && diff.past_nights == 1);
    assert_eq!(pidfd(&diff).level.basis, Basis::TheseNights);
    assert_eq!((pidfd(&diff).level.told, pidfd(&diff).weight), (Told::Unknown, Weight::Open));
    assert_eq!(diff.outcome, Outcome::Open);
    let alike = compare(&before, &holding(2, 11).0, &[]);
    assert_eq!((pidfd(&alike).level.told, alike.outcome), (Told::Within, Outcome::NoWorse));
}

#[test]
fn nights_of_other_texts_machines_and_the_later_night_itself_tell_no_noise() {
    let (before, line) = holding(1, 10);
    let (after, own) = holding(2, 60);
    let others = [
        HistoryLine { scenario_digest: "other".to_owned(), ..line.clone() },
        HistoryLine { machine: String::new(), ..line.clone() },
        HistoryLine { soaked_s: 600.0, ..line.clone() },
        HistoryLine { started: after.record.started + jiff::SignedDuration::from_hours(9), ..line.clone() },
        own,
    ];
    assert_eq!(compare(&before, &after, &others).past_nights, 0);
    // A run that was judged again counts once.
    assert_eq!(compare(&before, &after, &[line.clone(), line]).past_nights, 1);
}

#[test]
fn what_cannot_be_read_is_missing_and_no_fall() {
    let mut blind = quiet();
    for process in blind.snapshots.iter_mut().flat_map(|look| &mut look.processes) {
        process.fds = Reading::Denied;
    }
    let diff = compare(&quiet(), &blind, &[]);
    assert_eq!((pidfd(&diff).level.after, pidfd(&diff).level.change()), (None, None));
    assert_eq!((pidfd(&diff).level.told, pidfd(&diff).weight), (Told::Unknown, Weight::Untold));
    assert_eq!(compare(&blind, &quiet(), &[]).outcome, Outcome::NoWorse);
}

#[test]
fn steps_are_compared_by_name_and_by_the_noise_of_past_nights() {
    let nights: Vec<_> = (1..8).map(|day| holding(day, 10)).collect();
    let history: Vec<HistoryLine> = nights.iter().map(|night| night.1.clone()).collect();
    let (mut after, _) = holding(8, 10);
    after.record.churn = Some(churn(400.0));
    let diff = compare(&nights[6].0, &after, &history);
    let names: Vec<&str> = diff.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["get /", "get / (2)"]);
    assert!(diff.steps[0].median.matters(), "{:?}", diff.steps[0].median);
    assert_eq!(diff.outcome, Outcome::NoWorse, "a latency is said and weighs nothing");
    let same = compare(&nights[6].0, &holding(8, 10).0, &history);
    assert_eq!(same.steps[0].median.told, Told::Within);
    let unknown = compare(&nights[6].0, &after, &[]);
    assert!(unknown.steps[0].median.is_open());
}

#[test]
fn ten_thousand_findings_are_compared_by_their_fingerprints() {
    let (mut before, mut after) = (quiet(), quiet());
    for (night, from) in [(&mut before, 0), (&mut after, 5_000)] {
        let assessment = night.assessment.as_mut().unwrap();
        let found = assessment.findings[0].clone();
        let broken = |n: u32| crate::model::Finding {
            fingerprint: format!("{n:08x}"),
            rule: RuleKind::Max,
            status: crate::model::Status::Breaks,
            ..found.clone()
        };
        assessment.findings = (from..from + 10_000).map(broken).collect();
    }
    let diff = compare(&before, &after, &[]);
    assert_eq!(Fate::ALL.map(|fate| diff.count(fate)), [5_000, 5_000, 0, 5_000]);
}

#[test]
fn what_was_soaked_is_compared() {
    let mut newer = quiet();
    newer.record.target.image = Some("sha256:2".to_owned());
    newer.record.target.labels.insert("VERSION".to_owned(), "1.5.6".to_owned());
    let diff = compare(&quiet(), &newer, &[]);
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
    let counters = compare(&before, &after, &[]).counters;
    let found: Vec<_> = counters.iter().map(|it| (it.name.as_str(), it.grown.before, it.grown.after)).collect();
    assert_eq!(found, [("kept", Some(4.0), Some(7.0)), ("new", None, None), ("gone", Some(2.0), None)]);
}
