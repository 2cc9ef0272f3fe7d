use super::*;
use crate::diff::compare;
use crate::model::{CounterRecord, Severity, Status, StoredNight};
use crate::report::testing::{HOSTILE, clean, hostile, leaking};

fn both() -> Diff {
    let mut before = clean(120);
    before.record.counters = vec![CounterRecord {
        name: "refreshes".to_owned(),
        start: Some(0.0),
        end: Some(290.0),
        at_least: 240.0,
        at_most: None,
        settled: None,
        problem: None,
    }];
    compare(&before, &leaking(120), &[])
}

/// Two nights with names that are up to no good, in everything that can be named.
fn bad_names() -> Diff {
    let mut after = hostile();
    after.record.host.kernel = HOSTILE.to_owned();
    compare(&clean(120), &after, &[])
}

fn many_findings() -> Diff {
    let mut after: StoredNight = leaking(120);
    let assessment = after.assessment.as_mut().unwrap();
    let first = assessment.findings[0].clone();
    assessment.findings = (0..10_000_u32)
        .map(|n| crate::model::Finding {
            fingerprint: format!("{n:08x}"),
            severity: if n == 9_999 { Severity::Fail } else { Severity::Warn },
            status: Status::Breaks,
            sentence: "long ".repeat(400),
            ..first.clone()
        })
        .collect();
    compare(&clean(120), &after, &[])
}

#[test]
fn the_markdown_says_what_matters_first() {
    insta::assert_snapshot!(diff_markdown(&both()));
}

#[test]
fn no_form_holds_markup_of_the_target() {
    let diff = bad_names();
    let html = diff_html(&diff).unwrap();
    let markdown = diff_markdown(&diff);
    for text in [&html, &markdown] {
        assert!(!text.contains(HOSTILE));
        assert!(!text.contains("<img") && !text.contains('\0') && !text.contains('\u{202e}'));
    }
    // The page's own script is the only one.
    assert_eq!(html.matches("<script").count(), 1);
    assert_eq!(html.matches("</script").count(), 1);
    let json: serde_json::Value = serde_json::from_str(&diff_json(&diff)).unwrap();
    assert!(json["changes"].to_string().contains("u0000") || json.to_string().contains("script"));
}

#[test]
fn ten_thousand_findings_are_cut_and_counted_the_worst_first() {
    let diff = many_findings();
    assert!(diff.breaches[0].fingerprint == format!("{:08x}", 9_999));
    let markdown = diff_markdown(&diff);
    assert!(markdown.contains("and 9900 more findings"), "{}", markdown.len());
    assert!(markdown.len() < 300_000, "{}", markdown.len());
    let html = diff_html(&diff).unwrap();
    assert!(html.contains("and 9900 more, in findings.json") && html.len() < 1_000_000, "{}", html.len());
    let json: serde_json::Value = serde_json::from_str(&diff_json(&diff)).unwrap();
    assert_eq!(json["findings"].as_array().unwrap().len(), 1000);
    assert_eq!(json["findings_left_out"], 9000);
}

#[test]
fn the_json_is_what_its_schema_says() {
    let schema: serde_json::Value = serde_json::from_str(&diff_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for diff in [both(), bad_names(), many_findings()] {
        let json: serde_json::Value = serde_json::from_str(&diff_json(&diff)).unwrap();
        assert!(validator.is_valid(&json), "{:?}", validator.iter_errors(&json).next().map(|it| it.to_string()));
        assert_eq!(json["format"], 1);
    }
}

#[test]
fn the_page_has_a_notice_only_where_nights_cannot_be_compared() {
    let mut after = leaking(120);
    assert!(!diff_html(&compare(&clean(120), &after, &[])).unwrap().contains("class=\"notice\""));
    after.record.scenario_digest = "ff".repeat(32);
    let html = diff_html(&compare(&clean(120), &after, &[])).unwrap();
    let notice = html.find("Not comparable: another text of the scenario").unwrap();
    assert!(notice < html.find("<h1").unwrap());
}

#[test]
fn the_sides_bear_the_names_that_they_are_given() {
    let mut diff = both();
    diff.before.name = "baseline".to_owned();
    diff.after.name = "candidate".to_owned();
    let (html, markdown) = (diff_html(&diff).unwrap(), diff_markdown(&diff));
    assert!(html.contains("Baseline") && html.contains("Candidate"));
    assert!(markdown.contains("| Class | baseline | candidate |"), "{markdown}");
}

/// For looking at: `SLOWDRIP_PAGES_DIR=DIR cargo test --lib report::diff`.
#[test]
fn writes_pages_of_diffs() {
    let Some(folder) = std::env::var_os("SLOWDRIP_PAGES_DIR") else { return };
    let folder = std::path::Path::new(&folder);
    for (name, diff) in [("diff", both()), ("diff-hostile", bad_names()), ("diff-many", many_findings())] {
        std::fs::write(folder.join(format!("{name}.html")), diff_html(&diff).unwrap()).unwrap();
    }
}
