use proptest::prelude::*;
use regex::Regex;

use crate::judge::testing;
use crate::model::{
    Assessment, Finding, KeptLine, LogRecord, Recorded, RuleKind, RunRecord, Severity, Status, Verdict,
};
use crate::series::testing::{record, soak};
use crate::threshold::{LogRule, RuleSet};

fn rule(pattern: &str) -> LogRule {
    LogRule {
        pattern: Regex::new(pattern).unwrap(),
        severity: Severity::Fail,
        required: false,
        max: None,
        max_per_hour: None,
        max_repeats_per_hour: None,
    }
}

fn line(at_s: u64, text: &str) -> KeptLine {
    KeptLine { at_ms: i64::try_from(at_s * 1000).unwrap(), text: text.to_owned() }
}

fn night(lines: &[KeptLine]) -> RunRecord {
    RunRecord { log: Some(LogRecord { lines: lines.len() as u64, dropped: 0, problem: None }), ..record(1800.0) }
}

fn judge(record: &RunRecord, log: &[KeptLine], rules: Vec<LogRule>) -> Assessment {
    let snapshots = soak(1800, 60, |_, _| {});
    let recorded = Recorded { record, snapshots: &snapshots, log, unread_lines: 0 };
    crate::judge::judge(recorded, &RuleSet { log: rules, ..RuleSet::empty() })
}

fn sole(record: &RunRecord, log: &[KeptLine], rule: LogRule) -> Finding {
    let mut found: Vec<Finding> = judge(record, log, vec![rule]).findings;
    found.retain(|found| found.rule == RuleKind::Log);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn lines_that_match_are_counted() {
    let log = [
        line(65, "all well"),
        line(605, "OSError: [Errno 24] Too many\x1b[31m"),
        line(1200, "Errno 24"),
        line(1300, "x"),
    ];
    let most = |max| LogRule { max: Some(max), ..rule("Errno 24") };
    let found = sole(&night(&log), &log, most(0));
    assert_eq!((found.class.as_str(), found.subject.as_str(), found.status), ("Errno 24", "max", Status::Breaks));
    assert_eq!(
        found.sentence,
        "2 log lines match “Errno 24” (0 allowed); the first after 10 min 5 s, the last after 20 min, for example “OSError: \
         [Errno 24] Too many\\u{1b}[31m”."
    );
    assert_eq!(sole(&night(&log), &log, most(2)).status, Status::Holds);
    let none = sole(&night(&log), &log, LogRule { max: Some(0), ..rule("panic") });
    assert_eq!((none.status, none.sentence.as_str()), (Status::Holds, "No log line matches “panic” (0 allowed)."));
    // What came before the soak is not the soak's.
    let early = [KeptLine { at_ms: -1, text: "Errno 24".to_owned() }];
    assert_eq!(sole(&night(&early), &early, most(0)).status, Status::Holds);
}

#[test]
fn a_pace_is_an_average_over_the_time_watched() {
    let log: Vec<KeptLine> = (0..6).map(|i| line(i * 10, "High FD count")).collect();
    let most = |most| LogRule { max_per_hour: Some(most), ..rule("FD") };
    let found = sole(&night(&log), &log, most(10.0));
    assert_eq!((found.status, found.measured), (Status::Breaks, Some(12.0)));
    assert!(found.sentence.starts_with("6 log lines match “FD”, 12/h (10/h allowed); the first after 0 s"));
    assert_eq!(sole(&night(&log), &log, most(12.0)).status, Status::Holds);
    // Two minutes are no measure of an hour, but more than an hour's worth is too much at any time.
    let mut short = night(&log);
    short.phases[0].to_s = Some(130.0);
    let found = sole(&short, &log, most(10.0));
    assert_eq!(found.status, Status::Undecided);
    assert!(found.sentence.contains("; 2 min are too short for a rate, it takes 10 min;"), "{}", found.sentence);
    assert_eq!(sole(&short, &log, most(5.0)).status, Status::Breaks);
    assert_eq!(sole(&short, &[], most(5.0)).status, Status::Undecided);
}

#[test]
fn an_endless_retry_is_told_from_a_burst() {
    let most = || LogRule { max_repeats_per_hour: Some(60.0), ..rule(".") };
    let retry =
        |at: u64| line(at, &format!("2026-11-22T02:{:02}:{:02}Z retry {at} to 10.0.0.{}", at / 60, at % 60, at % 7));
    let endless: Vec<KeptLine> = (0..180).map(|i| retry(i * 10)).collect();
    let found = sole(&night(&endless), &endless, most());
    assert_eq!((found.status, found.measured), (Status::Breaks, Some(360.0)));
    assert_eq!(
        found.sentence,
        "The same log line of “.”, but for its numbers, came 180 times, 360/h (60/h allowed); the first after 0 s, the last after \
         29 min 50 s, for example “2026-11-22T02:00:00Z retry 0 to 10.0.0.0”."
    );
    let burst: Vec<KeptLine> = (0..180).map(|i| retry(600 + i)).collect();
    let found = sole(&night(&burst), &burst, most());
    assert_eq!(found.status, Status::Holds);
    assert!(found.sentence.contains("came 180 times in one burst, 360/h"), "{}", found.sentence);
    // A smaller loop beside a burst is still a loop.
    let both: Vec<KeptLine> = burst.into_iter().chain((0..60).map(|i| line(i * 30, "again 1"))).collect();
    let found = sole(&night(&both), &both, most());
    assert_eq!((found.status, found.measured), (Status::Breaks, Some(120.0)));
    // Lines of different words are no loop.
    let words = ["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay"];
    let mixed: Vec<KeptLine> = (0..180_usize).map(|i| line(i as u64 * 10, words[i % 10])).collect();
    assert_eq!(sole(&night(&mixed), &mixed, most()).status, Status::Holds);
}

#[test]
fn lines_that_were_not_seen_turn_no_breach_into_a_pass() {
    let log = [line(5, "bad")];
    let told = |log: Option<LogRecord>, lines: &[KeptLine], max| {
        let found = sole(&RunRecord { log, ..record(1800.0) }, lines, LogRule { max: Some(max), ..rule("bad") });
        (found.status, found.sentence)
    };
    let dropped = |dropped| Some(LogRecord { lines: 1 + dropped, dropped, problem: None });
    assert_eq!(told(dropped(7), &log, 0).0, Status::Breaks);
    assert_eq!(
        told(dropped(7), &log, 3),
        (
            Status::Undecided,
            "1 log line matches “bad” (3 allowed); there may be more among 7 lines that were not kept; after 5 s: “bad”."
                .to_owned()
        )
    );
    assert_eq!(told(dropped(7), &log, 8).0, Status::Holds);
    assert_eq!(told(None, &[], 0).0, Status::Undecided);
    let broken = Some(LogRecord { lines: 1, dropped: 0, problem: Some("the engine went away".to_owned()) });
    let found = told(broken, &log, 3);
    assert_eq!(found.0, Status::Undecided);
    assert!(found.1.contains("; there may be more, the log is not known to its end: the engine went away;"));
    // A stored log that has lost lines.
    assert_eq!(told(Some(LogRecord { lines: 500, dropped: 0, problem: None }), &log, 3).0, Status::Undecided);
    let required = LogRule { max: Some(0), required: true, ..rule("bad") };
    assert_eq!(judge(&record(1800.0), &[], vec![required]).verdict, Verdict::Inconclusive);
    let optional = judge(&record(1800.0), &[], vec![LogRule { max: Some(0), ..rule("bad") }]);
    assert_eq!(optional.reason, "The target lived; no class is judged; undecided in the log: bad");
}

#[test]
fn fingerprints_are_of_the_whole_pattern_and_the_limit() {
    let long = "a".repeat(80);
    let all = |pattern: &str| LogRule {
        max: Some(0),
        max_per_hour: Some(1.0),
        max_repeats_per_hour: Some(1.0),
        ..rule(pattern)
    };
    let rules = vec![all(&long), all(&format!("{long}b")), all(&long)];
    let found = judge(&night(&[]), &[], rules).findings;
    let own: Vec<&Finding> = found.iter().filter(|found| found.rule == RuleKind::Log).collect();
    let mut fingerprints: Vec<&str> = own.iter().map(|found| found.fingerprint.as_str()).collect();
    fingerprints.sort_unstable();
    fingerprints.dedup();
    assert_eq!((own.len(), fingerprints.len()), (9, 9));
    assert!(own.iter().all(|found| found.class.chars().count() == 60));
    // printf 'Errno 24\0max\0log' | sha256sum
    assert_eq!(sole(&night(&[]), &[], LogRule { max: Some(0), ..rule("Errno 24") }).fingerprint, "60154d1a");
}

#[test]
fn a_busy_log_is_judged_at_once() {
    let log: Vec<KeptLine> = (0..20_000)
        .map(|i| {
            line(
                i / 60,
                &format!("2026-11-22 02:00:{:02} worker {i} could not reach 10.0.0.{} [{i:x}]", i % 60, i % 255),
            )
        })
        .collect();
    let all =
        LogRule { max: Some(0), max_per_hour: Some(1.0), max_repeats_per_hour: Some(1.0), ..rule("reach|refused") };
    let record = night(&log);
    let begin = std::time::Instant::now();
    let found = judge(&record, &log, vec![all]);
    let took = begin.elapsed();
    assert_eq!(found.verdict, Verdict::Fail);
    // A debug build on a machine at work; an optimised one takes a hundredth of it.
    assert!(took.as_secs() < 30, "{took:?}");
}

#[test]
fn a_line_of_ten_megabytes_is_cut() {
    let log = [line(1, &"7\u{202e}".repeat(2_500_000))];
    let all = LogRule { max: Some(0), max_repeats_per_hour: Some(1.0), ..rule("7") };
    for found in judge(&night(&log), &log, vec![all]).findings {
        assert!(found.sentence.chars().count() < 600);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn judges_whatever_was_logged(
        lines in prop::collection::vec((any::<i64>(), prop_oneof!["\\PC{0,40}", Just("\0\x1b[2J\u{202e}7".to_owned()), "[0-9a-f-]{30,40}"]), 0..40),
        log in prop::option::of((any::<u64>(), any::<u64>(), prop::option::of("\\PC{0,9}"))),
        to_s in prop::option::of(any::<f64>()),
        (max, per_hour, repeats) in (any::<Option<u64>>(), any::<Option<f64>>(), any::<Option<f64>>()),
    ) {
        let lines: Vec<KeptLine> = lines.into_iter().map(|(at_ms, text)| KeptLine { at_ms, text }).collect();
        let mut record = record(1800.0);
        record.log = log.map(|(lines, dropped, problem)| LogRecord { lines, dropped, problem });
        record.phases[0].to_s = to_s;
        let rule = LogRule { max, max_per_hour: per_hour, max_repeats_per_hour: repeats, ..rule("") };
        let found = judge(&record, &lines, vec![rule]);
        for finding in &found.findings {
            prop_assert!(finding.sentence.ends_with('.'));
            let harmful = finding.sentence.contains(['\0', '\x1b', '\u{202e}']);
            prop_assert!(!harmful, "{:?}", finding.sentence);
            prop_assert!(finding.measured.is_none_or(f64::is_finite));
        }
        // The same lines give the same words, whatever order a map has.
        prop_assert_eq!(&found.findings, &again(&record, &lines, max, per_hour, repeats));
    }
}

fn again(
    record: &RunRecord,
    lines: &[KeptLine],
    max: Option<u64>,
    per_hour: Option<f64>,
    repeats: Option<f64>,
) -> Vec<Finding> {
    let rule = LogRule { max, max_per_hour: per_hour, max_repeats_per_hour: repeats, ..rule("") };
    judge(record, lines, vec![rule]).findings
}

#[test]
fn without_rules_the_log_is_not_read() {
    let found = testing::judge(&record(1800.0), &soak(1800, 60, |_, _| {}), &RuleSet::empty());
    assert!(found.findings.iter().all(|found| found.rule != RuleKind::Log));
}
