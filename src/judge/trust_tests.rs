//! Nights whose records cannot be trusted: undecided, whatever their figures.

use super::testing::judge;
use super::*;
use crate::model::{FdClass, Metric, Reading, Verdict};
use crate::series::testing::{die, hold, record, rule, rules, soak};

fn all(metric: Metric) -> RuleSet {
    let whole = ClassRule { max: Some(50.0), max_growth_per_hour: Some(0.0), max_dead: Some(0), ..rule(metric) };
    rules(vec![whole])
}

fn dripping() -> Vec<Snapshot> {
    soak(1800, 5, |at, own| hold(own, FdClass::Pidfd, 20 + at / 60))
}

const PIDFD: Metric = Metric::Fd(FdClass::Pidfd);

#[test]
fn a_clock_that_went_back_decides_nothing_and_says_so() {
    let mut night = dripping();
    die(&mut night, &[600_000]);
    for (seq, look) in (0_u32..).zip(&mut night) {
        look.seq = seq;
    }
    night.iter_mut().skip(200).for_each(|look| look.at_ms -= 400_000);
    let found = judge(&record(1800.0), &night, &all(PIDFD));
    assert_eq!(found.verdict, Verdict::Inconclusive);
    assert_eq!(
        found.reason,
        "What must be judged is undecided: the clock went back by 6 min 35 s after 16 min 35 s of the soak, so that the \
         order of the snapshots is not known"
    );
    assert!(found.findings.iter().filter(|it| it.rule.is_of_class()).all(|it| it.status == Status::Undecided));
}

#[test]
fn a_clock_that_stood_still_or_lines_out_of_order_are_no_doubt() {
    let mut night = dripping();
    let at_ms = night[99].at_ms;
    night[100].at_ms = at_ms;
    night.swap(10, 300);
    let found = judge(&record(1800.0), &night, &all(PIDFD));
    assert_eq!(found.verdict, Verdict::Fail);
}

#[test]
fn a_class_that_vanishes_is_no_pass() {
    let vanishing = |until: u64| {
        soak(1800, 5, |at, own| {
            hold(own, FdClass::Pidfd, 20);
            if at >= until {
                own.fds = Reading::Gone;
            }
        })
    };
    for until in [600, 900, 1200, 1450] {
        let found = judge(&record(1800.0), &vanishing(until), &all(PIDFD));
        assert_eq!(found.verdict, Verdict::Inconclusive, "{until}: {}", found.reason);
        let level = found.findings.iter().find(|it| it.rule == RuleKind::Max).unwrap();
        assert!(level.sentence.starts_with("Could be read until"), "{}", level.sentence);
    }
    assert_eq!(judge(&record(1800.0), &vanishing(1780), &all(PIDFD)).verdict, Verdict::Pass);
}

#[test]
fn what_was_seen_to_grow_has_grown_though_it_vanishes() {
    let night = soak(2400, 5, |at, own| {
        hold(own, FdClass::Pidfd, 20 + at / 30);
        if at >= 1800 {
            own.fds = Reading::Gone;
        }
    });
    let found = judge(&record(2400.0), &night, &all(PIDFD));
    assert_eq!(found.verdict, Verdict::Fail);
    let broken: Vec<RuleKind> = found.broken(Severity::Fail).map(|it| it.rule).collect();
    assert_eq!(broken, [RuleKind::MaxGrowth]);
}

#[test]
fn few_snapshots_are_no_night() {
    for (last_s, verdict) in [(0, Verdict::Inconclusive), (20, Verdict::Inconclusive), (25, Verdict::Pass)] {
        let found = judge(&record(last_s as f64), &soak(last_s, 5, |_, _| {}), &all(PIDFD));
        assert_eq!(found.verdict, verdict, "{last_s}: {}", found.reason);
    }
    let found = judge(&record(20.0), &soak(20, 5, |_, _| {}), &all(PIDFD));
    assert!(found.reason.contains("5 snapshots were taken, it takes 6 to judge a class"), "{}", found.reason);
    assert_eq!(judge(&record(20.0), &soak(20, 5, |_, _| {}), &RuleSet::empty()).verdict, Verdict::Pass);
}

#[test]
fn snapshots_that_end_before_the_soak_are_no_whole_night() {
    let mut night = soak(1800, 5, |_, _| {});
    night.truncate(240);
    let found = judge(&record(1800.0), &night, &all(PIDFD));
    assert_eq!(found.verdict, Verdict::Inconclusive);
    assert!(found.reason.contains("last snapshot is of 19 min 55 s and the soak lasted 30 min"), "{}", found.reason);
}

#[test]
fn a_class_that_was_never_told_is_no_pass() {
    let found = judge(&record(1800.0), &soak(1800, 5, |_, _| {}), &all(Metric::CgroupPids));
    assert_eq!(found.verdict, Verdict::Inconclusive);
}

#[test]
fn figures_beyond_all_reason_are_not_figures() {
    let night = soak(1800, 5, |_, own| own.rss = Reading::Value(u64::MAX));
    let found = judge(&record(1800.0), &night, &all(Metric::MemRss));
    assert_eq!(found.verdict, Verdict::Inconclusive);
}

#[test]
fn damaged_lines_make_a_night_inconclusive() {
    let (record, night) = (record(1800.0), soak(1800, 5, |_, _| {}));
    let recorded = Recorded { record: &record, snapshots: &night, log: &[], unread_lines: 1 };
    let found = super::judge(recorded, &all(PIDFD));
    assert_eq!(found.verdict, Verdict::Inconclusive);
    assert_eq!(
        found.reason,
        "What must be judged is undecided: 1 line of samples.jsonl is cut off or damaged and could not be read"
    );
}
