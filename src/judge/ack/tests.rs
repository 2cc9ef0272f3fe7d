use jiff::civil::{Date, date};

use crate::judge::testing::judge;
use crate::model::{Assessment, FdClass, Metric, RuleKind, Severity, Status, Verdict};
use crate::series::testing::{die, record, rule, rules, soak};
use crate::threshold::{Ack, ClassRule, RuleSet};

/// Of fd.pidfd, target, max_dead.
const FINGERPRINT: &str = "2f6fb69c";

fn ack(fingerprint: &str, expires: Option<Date>) -> Ack {
    Ack { fingerprint: fingerprint.to_owned(), reason: "upstream issue 7.".to_owned(), expires }
}

/// A night on 2026-11-22 with two dead pidfds.
fn judged(severity: Severity, acks: Vec<Ack>) -> Assessment {
    let mut night = soak(120, 2, |_, _| {});
    die(&mut night, &[20_000, 30_000]);
    let mut record = record(120.0);
    record.started = "2026-11-22T23:30:00Z".parse().unwrap();
    let own = ClassRule { max_dead: Some(0), severity, ..rule(Metric::Fd(FdClass::Pidfd)) };
    judge(&record, &night, &RuleSet { acks, ..rules(vec![own]) })
}

#[test]
fn an_acknowledged_breach_weighs_nothing_and_is_counted() {
    for expires in [None, Some(date(2026, 11, 22)), Some(date(2027, 1, 31))] {
        let found = judged(Severity::Fail, vec![ack("2F6FB69C", expires)]);
        assert_eq!(found.verdict, Verdict::Pass);
        assert_eq!(
            found.reason,
            "No rule is broken in 1 class; only levels and dead handles were judged; 1 known breach is acknowledged"
        );
        let breach = &found.findings[0];
        assert_eq!((breach.fingerprint.as_str(), breach.status), (FINGERPRINT, Status::Breaks));
        assert_eq!(breach.ack.as_ref().unwrap().expires, expires);
    }
    let warned = judged(Severity::Warn, vec![ack(FINGERPRINT, None)]);
    assert!(!warned.reason.contains("warning"), "{}", warned.reason);
}

#[test]
fn an_expired_one_fails_with_its_name() {
    let found = judged(Severity::Fail, vec![ack(FINGERPRINT, Some(date(2026, 11, 21)))]);
    assert_eq!(found.verdict, Verdict::Fail);
    assert_eq!(
        found.reason,
        "Handles on child processes are never closed: fd.pidfd holds 2 dead handles whose process is gone (0 allowed); also \
         the acknowledgement of \
         2f6fb69c (fd.pidfd: upstream issue 7) expired on 2026-11-21"
    );
    let told = found.findings.iter().find(|found| found.rule == RuleKind::Ack).unwrap();
    assert_eq!((told.class.as_str(), told.subject.as_str()), ("ack", FINGERPRINT));
    // It weighs what its breach weighs, and gives way to one that lasts longer.
    assert_eq!(judged(Severity::Warn, vec![ack(FINGERPRINT, Some(date(2026, 11, 21)))]).verdict, Verdict::Pass);
    let both = [None, Some(date(2026, 11, 21))].map(|expires| ack(FINGERPRINT, expires)).to_vec();
    assert_eq!(judged(Severity::Fail, both).verdict, Verdict::Pass);
}

#[test]
fn one_that_fits_no_breach_says_nothing() {
    let acks = vec![ack("00000000", Some(date(2020, 1, 1))), ack("", None)];
    let found = judged(Severity::Fail, acks);
    assert_eq!(found.verdict, Verdict::Fail);
    assert!(found.findings.iter().all(|found| found.rule != RuleKind::Ack && found.ack.is_none()));
}

#[test]
fn acknowledged_breaches_stand_behind_those_that_weigh() {
    let mut night = soak(120, 2, |_, _| {});
    die(&mut night, &[20_000]);
    let own = ClassRule { max_dead: Some(0), ..rule(Metric::Fd(FdClass::Pidfd)) };
    let level = ClassRule { max: Some(1.0), severity: Severity::Warn, ..rule(Metric::FdTotal) };
    let rules = RuleSet { acks: vec![ack(FINGERPRINT, None)], ..rules(vec![own, level]) };
    let found = judge(&record(120.0), &night, &rules);
    let first: Vec<&str> = found.findings.iter().map(|found| found.class.as_str()).take(3).collect();
    assert_eq!(first, ["fd.total", "fd.pidfd", "alive"]);
    assert!(
        found.reason.ends_with("; 1 warning: fd.total holds 2 at the end (1 allowed); 1 known breach is acknowledged")
    );
}

#[test]
fn a_known_drip_does_not_pass_for_none() {
    let night = soak(1800, 5, |at, own| crate::series::testing::hold(own, FdClass::Socket, 20 + at / 60));
    let own = |metric| ClassRule { max_growth_per_hour: Some(0.0), ..rule(metric) };
    let fails = judge(&record(1800.0), &night, &rules(vec![own(Metric::FdTotal)]));
    let known = ack(&fails.findings[0].fingerprint, None);
    let one = RuleSet { acks: vec![known.clone()], ..rules(vec![own(Metric::FdTotal)]) };
    assert_eq!(judge(&record(1800.0), &night, &one).reason, "What drips is known; 1 known breach is acknowledged");
    let two = RuleSet { acks: vec![known], ..rules(vec![own(Metric::FdTotal), own(Metric::ProcCount)]) };
    assert_eq!(
        judge(&record(1800.0), &night, &two).reason,
        "Nothing dripped in 1 class; 1 known breach is acknowledged"
    );
}
