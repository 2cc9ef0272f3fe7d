use super::*;
use crate::diff::compare;
use crate::judge::testing::judge;
use crate::model::{CounterRecord, FdClass, Metric, RunRecord, StoredNight};
use crate::series::testing::{die, hold, link_rule, record, rule, rules, soak};
use crate::threshold::ClassRule;

/// A night whose pidfds drip by `per_minute`, under a name that is up to no good.
fn night(per_minute: u64, change: impl Fn(&mut RunRecord)) -> StoredNight {
    let mut record = record(1800.0);
    change(&mut record);
    let mut snapshots = soak(1800, 5, |at, own| hold(own, FdClass::Pidfd, 2 + per_minute * at / 60));
    if per_minute > 0 {
        die(&mut snapshots, &[300_000, 600_000]);
    }
    let rules = rules(vec![
        ClassRule { max_dead: Some(0), ..rule(Metric::Fd(FdClass::Pidfd)) },
        ClassRule { max_growth_per_hour: Some(0.0), ..rule(Metric::FdTotal) },
        ClassRule { max: Some(9.0), ..link_rule("fd.<b>|`@me`\n", "pid*") },
    ]);
    let assessment = Some(judge(&record, &snapshots, &rules));
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

fn both() -> Diff {
    let before = night(0, |_| {});
    let after = night(1, |record| {
        record.run = "20261123-020000-91c2".to_owned();
        record.host.kernel = "6.19".to_owned();
        record.target.image = Some(format!("sha256:{}", "2".repeat(64)));
        record.counters = vec![CounterRecord {
            name: "refreshes".to_owned(),
            start: Some(0.0),
            end: Some(290.0),
            at_least: 240.0,
            at_most: None,
            settled: None,
            problem: None,
        }];
    });
    compare(&before, &after)
}

#[test]
fn text_is_at_most_80_columns_wide_and_says_what_matters_first() {
    let text = diff_text(&both());
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert!(!line.contains(|letter: char| letter.is_control()), "{line:?}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn markdown_holds_no_markup_of_the_target() {
    let markdown = diff_markdown(&both());
    assert!(!markdown.contains("<b>") && !markdown.contains("@me") && !markdown.contains("|`"));
    insta::assert_snapshot!(markdown);
}

#[test]
fn two_nights_alike_take_few_lines() {
    insta::assert_snapshot!(diff_text(&compare(&night(0, |_| {}), &night(0, |_| {}))), @"
    demo: PASS, before PASS
    before 20261122-020000-3fa9   after 20261122-020000-3fa9

    No rule is broken in either night.

    As before: fd.total, fd.pidfd, proc.count, proc.threads, mem.anon, mem.rss,
      fd.<b>|`@me`\\n
    ");
}

#[test]
fn long_words_are_cut_to_fit() {
    let mut text = Text::default();
    text.wrapped(2, &format!("a {} b", "x".repeat(200)));
    assert!(text.0.lines().all(|line| line.chars().count() <= WIDTH));
    assert_eq!(text.0.matches('x').count(), 200);
}
