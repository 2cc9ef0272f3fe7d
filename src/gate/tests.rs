//! Whole gates between made-up nights.

use super::*;
use crate::judge::testing::judge;
use crate::model::{CounterRecord, Ending, FdClass, Metric, ProcessSample, Reading, Snapshot};
use crate::series::testing::{die, hold, record, rule, rules, soak};
use crate::threshold::ClassRule;

const MIB: u64 = 1024 * 1024;

fn night(snapshots: Vec<Snapshot>, rules: &RuleSet) -> StoredNight {
    let last = snapshots.last().map_or(0.0, Snapshot::at_s);
    let record = record(last);
    let assessment = judge(&record, &snapshots, rules);
    StoredNight {
        record,
        snapshots,
        assessment: Some(assessment),
        thresholds: String::new(),
        unread_lines: 0,
        evidence: Vec::new(),
        log: Vec::new(),
        figures: Vec::new(),
        probes: Vec::new(),
    }
}

/// Half an hour at 5 s.
fn half_an_hour(change: impl Fn(u64, &mut ProcessSample), rules: &RuleSet) -> StoredNight {
    night(soak(1800, 5, change), rules)
}

/// A second image, so that it is no comparison of one with itself.
fn other(mut night: StoredNight) -> StoredNight {
    night.record.target.image = Some("sha256:2".to_owned());
    night
}

fn sockets(level: u64, every_s: u64) -> impl Fn(u64, &mut ProcessSample) {
    move |at, process| hold(process, FdClass::Socket, level + at.checked_div(every_s).unwrap_or(0))
}

fn socket_rules() -> RuleSet {
    rules(vec![ClassRule { max_growth_per_hour: Some(0.0), ..rule(Metric::Fd(FdClass::Socket)) }])
}

fn held(candidate: &StoredNight, baseline: &StoredNight, rules: &RuleSet) -> Gate {
    compare(candidate, baseline, rules, &Setting { gate: "g".to_owned(), ..Setting::default() })
}

#[test]
fn a_candidate_that_drips_beside_a_clean_baseline_is_worse() {
    let rules = socket_rules();
    let gate = held(&other(half_an_hour(sockets(5, 60), &rules)), &half_an_hour(sockets(5, 0), &rules), &rules);
    assert_eq!(gate.verdict, Verdict::Fail, "{}", gate.reason);
    let [class] = gate.classes.as_slice() else { panic!("{:?}", gate.classes) };
    assert_eq!(class.fate, Fate::Worse);
    let growth = class.growth.as_ref().unwrap();
    assert!((growth.extra - 60.0).abs() < 8.0 && growth.low > 20.0 && growth.high < 110.0, "{growth:?}");
    assert!(class.sentence.starts_with("grows "), "{}", class.sentence);
    assert!(!gate.same_image && !gate.absolute[0].baseline_too);
    assert!(
        gate.reason.contains("worse than the baseline in fd.socket") && gate.reason.contains("keeps it"),
        "{}",
        gate.reason
    );
}

#[test]
fn a_leak_that_the_last_release_has_too_is_no_worse_and_fails_all_the_same() {
    let rules = socket_rules();
    let gate = held(&half_an_hour(sockets(5, 60), &rules), &half_an_hour(sockets(5, 60), &rules), &rules);
    assert_eq!(gate.verdict, Verdict::Fail);
    assert!(gate.classes.iter().all(|class| class.fate != Fate::Worse));
    assert!(gate.absolute.iter().all(|found| found.baseline_too));
    assert!(gate.reason.contains("the last release breaks it too"), "{}", gate.reason);
    let acknowledged = |mut night: StoredNight| {
        for found in night.assessment.iter_mut().flat_map(|assessment| &mut assessment.findings) {
            found.ack = Some(crate::model::AckRecord { reason: "known".to_owned(), expires: None });
        }
        night
    };
    let gate = held(
        &acknowledged(half_an_hour(sockets(5, 60), &rules)),
        &acknowledged(half_an_hour(sockets(5, 60), &rules)),
        &rules,
    );
    assert_ne!(gate.verdict, Verdict::Fail, "what is acknowledged does not fail: {}", gate.reason);
}

#[test]
fn a_leak_that_became_much_faster_is_worse() {
    let rules = socket_rules();
    let gate = held(&half_an_hour(sockets(5, 20), &rules), &half_an_hour(sockets(5, 90), &rules), &rules);
    assert_eq!(gate.classes[0].fate, Fate::Worse, "{}", gate.classes[0].sentence);
    assert!(gate.reason.contains("breaks it too"), "{}", gate.reason);
}

#[test]
fn two_clean_nights_pass_and_say_what_would_have_been_seen() {
    let rules = socket_rules();
    let gate = held(&half_an_hour(sockets(5, 0), &rules), &half_an_hour(sockets(6, 0), &rules), &rules);
    assert_eq!(gate.verdict, Verdict::Pass, "{}", gate.reason);
    assert!(gate.same_image && gate.notes[0].contains("same image"));
    assert_eq!(gate.reason, "The candidate is no worse than the baseline in 1 class.");
    let seen = gate.classes[0].seen.unwrap();
    assert!((5.0..40.0).contains(&seen), "{seen}");
    assert!(gate.seen.as_ref().unwrap().contains("extra drip above"), "{:?}", gate.seen);
}

#[test]
fn a_level_that_is_much_higher_is_worse_and_one_that_is_a_little_higher_is_not() {
    let rules = socket_rules();
    let gate = |level| held(&half_an_hour(sockets(level, 0), &rules), &half_an_hour(sockets(40, 0), &rules), &rules);
    assert_eq!(gate(60).classes[0].fate, Fate::Worse);
    // Levels differ from start to start: what the user set no figure for only warns.
    assert_eq!(gate(60).verdict, Verdict::Pass);
    assert!(gate(60).classes[0].sentence.starts_with("holds 20 more"), "{}", gate(60).classes[0].sentence);
    // A tenth and three are allowed.
    assert_eq!(gate(46).verdict, Verdict::Pass);
    assert_eq!(gate(10).verdict, Verdict::Pass, "fewer is never worse");
}

#[test]
fn more_margin_lets_more_pass() {
    let rules = socket_rules();
    let (candidate, baseline) = (half_an_hour(sockets(5, 90), &rules), half_an_hour(sockets(5, 0), &rules));
    let fate =
        |margin| compare(&candidate, &baseline, &rules, &Setting { margin, ..Setting::default() }).classes[0].fate;
    assert_eq!(fate(None), Fate::Worse);
    assert_eq!(fate(Some(0.0)), Fate::Worse);
    assert_ne!(fate(Some(60.0)), Fate::Worse);
}

#[test]
fn memory_that_grows_faster_is_worse() {
    let memory = rules(vec![ClassRule {
        max_growth_per_hour: Some(10.0 * MIB as f64),
        must_detect_per_hour: 20.0 * MIB as f64,
        baseline_slack: 10.0 * MIB as f64,
        ..rule(Metric::MemAnon)
    }]);
    let grows = |per_hour: u64| {
        move |at: u64, process: &mut ProcessSample| {
            process.anon = Reading::Value(300 * MIB + per_hour * MIB * at / 3600 + at / 5 % 7 * MIB / 4);
        }
    };
    let gate = |own, other| held(&half_an_hour(grows(own), &memory), &half_an_hour(grows(other), &memory), &memory);
    let worse = gate(150, 5);
    assert_eq!(worse.classes[0].fate, Fate::Worse, "{}", worse.classes[0].sentence);
    let growth = worse.classes[0].growth.as_ref().unwrap();
    assert!((growth.extra / MIB as f64 - 145.0).abs() < 10.0, "{growth:?}");
    assert_eq!(gate(5, 5).verdict, Verdict::Pass, "{}", gate(5, 5).reason);
}

#[test]
fn a_target_that_is_stopped_at_the_end_was_not_started_again() {
    let memory = rules(vec![ClassRule { max_growth_per_hour: Some(10.0 * MIB as f64), ..rule(Metric::MemAnon) }]);
    let night = || {
        let mut night = half_an_hour(|_, process| process.anon = Reading::Value(300 * MIB), &memory);
        crate::series::testing::restarted(&mut night.record, 1803);
        night
    };
    assert!(held(&night(), &night(), &memory).classes[0].growth.is_some());
}

#[test]
fn dead_handles_that_the_baseline_does_not_have_are_worse() {
    let rules = rules(vec![rule(Metric::Fd(FdClass::Pidfd))]);
    let night = |dead: &[u64]| {
        let mut snapshots = soak(300, 5, |_, process| hold(process, FdClass::Pidfd, 3));
        die(&mut snapshots, dead);
        night(snapshots, &rules)
    };
    let often: Vec<u64> = (1..20).map(|n| n * 10_000).collect();
    let gate = held(&night(&often), &night(&[]), &rules);
    assert_eq!(gate.classes[0].fate, Fate::Worse, "{}", gate.classes[0].sentence);
    assert_eq!(gate.classes[0].sentence, "19 dead against 0.");
    // What died at one moment has one cause, and says as little as one.
    let gate = held(&night(&[50_000; 19]), &night(&[]), &rules);
    assert_eq!(gate.classes[0].fate, Fate::NoWorse, "{}", gate.classes[0].sentence);
    assert_eq!(held(&night(&often), &night(&often), &rules).classes[0].fate, Fate::NoWorse);
}

#[test]
fn minutes_are_too_few_to_tell() {
    let rules = socket_rules();
    let short = |every| night(soak(300, 5, sockets(5, every)), &rules);
    let gate = held(&short(0), &short(0), &rules);
    assert_eq!(gate.verdict, Verdict::Inconclusive);
    assert!(gate.reason.starts_with("No class could be compared:"), "{}", gate.reason);
}

#[test]
fn an_end_before_its_time_is_no_verdict_on_the_candidate() {
    let rules = socket_rules();
    let mut never = half_an_hour(sockets(5, 60), &rules);
    never.record.ending = Ending::NeverReady { message: "GET /health answered 503\nlast log line".to_owned() };
    let mut alone = half_an_hour(sockets(5, 0), &rules);
    alone.record.ending = Ending::NotStarted { message: Ending::LEFT_ALONE.to_owned() };
    for (candidate, baseline, who) in [(&never, &alone, "candidate"), (&alone, &never, "baseline")] {
        let gate = held(candidate, baseline, &rules);
        assert_eq!(gate.verdict, Verdict::Inconclusive);
        assert_eq!(gate.reason, format!("The {who} was never ready: GET /health answered 503."));
    }
    let mut died = half_an_hour(sockets(5, 0), &rules);
    died.record.ending = Ending::Died { message: "it exited with code 1".to_owned() };
    let clean = half_an_hour(sockets(5, 0), &rules);
    assert_eq!(held(&died, &clean, &rules).verdict, Verdict::Fail);
    let gate = held(&clean, &died, &rules);
    assert_eq!(gate.verdict, Verdict::Inconclusive);
    assert_eq!(gate.reason, "The baseline died during the soak: it exited with code 1.");
}

#[test]
fn another_load_is_no_comparison() {
    let rules = socket_rules();
    let with = |done: f64| {
        let mut night = half_an_hour(sockets(5, 0), &rules);
        night.record.counters.push(CounterRecord {
            name: "requests".to_owned(),
            start: Some(0.0),
            end: Some(done),
            at_least: 1.0,
            at_most: None,
            settled: None,
            problem: None,
        });
        night
    };
    assert_eq!(held(&with(90.0), &with(100.0), &rules).verdict, Verdict::Pass);
    let gate = held(&with(30.0), &with(100.0), &rules);
    assert_eq!(gate.verdict, Verdict::Inconclusive);
    assert_eq!(gate.reason, "The two did not bear the same load: requests 30 against 100.");
}

#[test]
fn without_thresholds_the_main_classes_are_compared() {
    let none = RuleSet::empty();
    let gate = held(&half_an_hour(sockets(5, 40), &none), &half_an_hour(sockets(5, 0), &none), &none);
    assert_eq!(gate.classes.len(), 7);
    assert_eq!(gate.verdict, Verdict::Fail);
    let worse: Vec<&str> =
        gate.classes.iter().filter(|class| class.fate == Fate::Worse).map(|class| class.class.as_str()).collect();
    assert_eq!(worse, ["fd.total", "fd.socket"]);
}

#[test]
fn a_gate_comes_back_from_its_file_as_it_was() {
    let rules = socket_rules();
    for (own, other) in [(60, 0), (0, 0), (20, 90)] {
        let gate = held(&half_an_hour(sockets(5, own), &rules), &half_an_hour(sockets(5, other), &rules), &rules);
        let text = serde_json::to_string(&gate).unwrap();
        let back: Gate = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
    }
}

#[test]
fn nights_of_nothing_and_of_one_look_are_answered() {
    let rules = socket_rules();
    for snapshots in [Vec::new(), soak(0, 5, sockets(5, 0))] {
        let empty = night(snapshots, &rules);
        let full = half_an_hour(sockets(5, 0), &rules);
        for (candidate, baseline) in [(&empty, &full), (&full, &empty), (&empty, &empty)] {
            assert_ne!(held(candidate, baseline, &rules).verdict, Verdict::Pass);
        }
    }
}
