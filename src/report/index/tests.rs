//! What the trend says of histories good and bad.

use super::*;
use crate::model::{HistoryClass, Status, Unit};
use crate::report::testing::{at, line, nights};

const NOW: &str = "2026-11-22T05:45:00Z";

fn page_of(lines: &[HistoryLine], unread: &[(&str, u64)], now: &str) -> serde_json::Value {
    let unread = unread.iter().map(|(name, lines)| ((*name).to_owned(), *lines)).collect();
    let kept = |line: &HistoryLine| line.started >= at("2026-11-01T00:00:00Z");
    serde_json::to_value(Index::new(lines, &unread, &kept, at(now))).unwrap()
}

fn page(lines: &[HistoryLine]) -> serde_json::Value {
    page_of(lines, &[], NOW)
}

fn html(lines: &[HistoryLine], unread: &BTreeMap<String, u64>) -> String {
    crate::report::index(lines, unread, &|_| false, at(NOW)).unwrap()
}

fn reason(page: &serde_json::Value) -> String {
    let text = |piece: &serde_json::Value| {
        let of = &piece["of"];
        of.as_str().or(of["text"].as_str()).unwrap_or_default().to_owned()
    };
    page["head"]["reason"].as_array().unwrap().iter().map(text).collect::<String>().trim().to_owned()
}

fn class(level: f64, status: Status) -> HistoryClass {
    HistoryClass { unit: Unit::Count, level: Some(level), rate: Some(0.0), seen: None, dead: 0, status: Some(status) }
}

/// Nights of one scenario, one for each level, the last on 22 November.
fn levels(levels: &[f64]) -> Vec<HistoryLine> {
    let last = at("2026-11-22T02:00:00Z");
    levels
        .iter()
        .rev()
        .enumerate()
        .map(|(ago, level)| {
            let started = last - jiff::SignedDuration::from_hours(24 * i64::try_from(ago).unwrap());
            let mut line = line("app", started, Verdict::Pass, "1.0");
            line.classes.insert("fd.socket".to_owned(), class(*level, Status::Holds));
            line
        })
        .rev()
        .collect()
}

fn spark<'a>(page: &'a serde_json::Value, class: &str) -> &'a serde_json::Value {
    page["trends"][0]["sparks"].as_array().unwrap().iter().find(|spark| spark["class"] == class).unwrap()
}

#[test]
fn the_headline_names_the_cause_the_night_and_the_build_it_came_with() {
    let page = page(&nights(6, 75));
    assert_eq!(
        reason(&page),
        "news-churn fails since tonight (22 Nov), with build 1.5.6: an event loop is made and never closed (fd.socket 296/h). \
         Five scenarios pass, one of them with an acknowledged finding."
    );
    assert_eq!(page["head"]["word"], "1 of 6 fails");
    let advice = page["head"]["advice"].to_string();
    assert!(advice.contains("news-churn last passed with 1.10.7"), "{advice}");
    assert!(advice.contains("slowdrip diff 20261121-020000-3fa9 20261122-020000-3fa9"), "{advice}");
    // The worst stands on top of every list.
    assert_eq!(page["heat"]["rows"][0]["scenario"], "news-churn");
    assert_eq!(page["trends"][1]["scenario"], "modular-strategy");
}

#[test]
fn without_a_cause_the_reason_stands_and_an_old_streak_tells_its_length() {
    let mut lines = levels(&[7.0; 10]);
    for line in &mut lines[7..] {
        line.verdict = Verdict::Fail;
        line.reason = "fd.socket holds 90 (6 allowed)".to_owned();
    }
    assert_eq!(
        reason(&page(&lines)),
        "app fails since 20 Nov, 3 nights, with the same build 1.0: fd.socket holds 90 (6 allowed)."
    );
    assert_eq!(reason(&page(&lines[9..])), "app fails on its first night: fd.socket holds 90 (6 allowed).");
}

#[test]
fn the_strip_since_last_night_tells_new_standing_gone_and_comparable() {
    let facts = |page: &serde_json::Value| -> Vec<[String; 3]> {
        let text = |fact: &serde_json::Value, key: &str| fact[key].as_str().unwrap().to_owned();
        let facts = page["since"]["facts"].as_array().unwrap().iter();
        facts.map(|fact| ["term", "value", "sub"].map(|key| text(fact, key))).collect()
    };
    let told = facts(&page(&nights(6, 75)));
    assert_eq!(told[0], ["Since last night, the image changed", "1.10.7 → 1.5.6", "an older build, all 6 scenarios"]);
    assert_eq!(told[1], ["New findings", "1", "news-churn"]);
    assert_eq!(told[2], ["Standing", "1", "modular-strategy; 1 acknowledged"]);
    assert_eq!(told[3], ["Gone", "0", "none"]);
    assert_eq!(told[4], ["Comparable", "6 of 6", "same scenario, machine and thresholds"]);

    let mut lines = levels(&[7.0; 3]);
    lines[1].broken = vec!["a".into(), "b".into()];
    lines[2].broken = vec!["b".into(), "c".into()];
    lines[2].kernel = "6.18.5".into();
    let told = facts(&page(&lines));
    assert_eq!([&told[1][1], &told[2][1], &told[3][1]], ["1", "1", "1"]);
    assert_eq!(told[4][1..], ["0 of 1", "another kernel"]);
    // What an inconclusive night did not judge is not gone.
    lines[2].broken.clear();
    lines[2].verdict = Verdict::Inconclusive;
    let told = facts(&page(&lines));
    assert_eq!(told[3][1..], ["0", "none; 2 not judged tonight"]);
    assert_eq!(page(&lines[..1])["since"], serde_json::Value::Null);
}

#[test]
fn a_pass_with_an_acknowledged_finding_has_a_mark_of_its_own() {
    let mut lines = levels(&[7.0; 2]);
    lines[1].broken = vec!["a".into()];
    lines[1].acknowledged = vec!["a".into()];
    let page = page(&lines);
    let cells = page["heat"]["rows"][0]["cells"].as_array().unwrap().clone();
    assert_eq!(cells[58]["glyph"], "g-ok");
    assert_eq!(
        (&cells[59]["glyph"], &cells[59]["title"]),
        (&"g-ack".into(), &"22 Nov, 1.0: pass, acknowledged finding".into())
    );
    assert_eq!(page["trends"][0]["mark"]["word"], "acknowledged");
}

#[test]
fn a_change_of_level_names_the_build_and_a_visit_both_of_its_ends() {
    let mut lines = levels(&[vec![7.0; 20], vec![30.0; 5]].concat());
    for line in &mut lines[20..] {
        line.labels.insert("APP_VERSION".to_owned(), "1.1".to_owned());
    }
    let told = page(&lines);
    let found = spark(&told, "fd.socket");
    assert_eq!(
        (&found["value"], &found["since"], &found["colour"]),
        (&"30".into(), &"since 1.1, 18 Nov".into(), &"".into())
    );
    assert!(found["svg"].as_str().unwrap().contains("class=\"cp\""), "grey, for no rule breaks");
    assert!(found["svg"].as_str().unwrap().contains("since 1.1, 18 Nov"), "for those who do not see it");

    for line in &mut lines[20..] {
        line.classes.insert("fd.socket".to_owned(), class(30.0, Status::Breaks));
        line.verdict = Verdict::Fail;
    }
    let told = page(&lines);
    assert_eq!(spark(&told, "fd.socket")["colour"], "bad");
    assert!(spark(&told, "fd.socket")["svg"].as_str().unwrap().contains("class=\"cpa\""));

    let mut lines = levels(&[vec![7.0; 20], vec![30.0; 5], vec![7.0; 9]].concat());
    for (line, build) in lines[20..].iter_mut().zip([1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2]) {
        line.labels.insert("APP_VERSION".to_owned(), format!("1.{build}"));
    }
    assert_eq!(spark(&page(&lines), "fd.socket")["since"], "rose with 1.1, gone with 1.2");
}

#[test]
fn without_a_new_build_a_change_names_what_else_was_new() {
    let mut lines = levels(&[vec![7.0; 20], vec![30.0; 5]].concat());
    lines[20..].iter_mut().for_each(|line| line.kernel = "6.19".to_owned());
    assert_eq!(spark(&page(&lines), "fd.socket")["since"], "since 18 Nov, with kernel 6.19");
    lines[20..].iter_mut().for_each(|line| line.kernel = line.kernel.replace("6.19", "6.18.4"));
    assert_eq!(spark(&page(&lines), "fd.socket")["since"], "since 18 Nov");
    // Nights without their work may hold anything.
    lines[20..].iter_mut().for_each(|line| line.verdict = Verdict::Inconclusive);
    assert_eq!(spark(&page(&lines), "fd.socket")["since"], "");
}

#[test]
fn growth_that_began_tells_since_when() {
    let mut lines = levels(&[7.0; 20]);
    for (n, line) in lines.iter_mut().enumerate() {
        line.classes.get_mut("fd.socket").unwrap().rate = Some(if n < 16 { 0.0 } else { 48.0 });
    }
    assert_eq!(spark(&page(&lines), "fd.socket")["sub"], "48/h since 19 Nov");
}

#[test]
fn the_latest_difference_is_that_of_the_night_that_fails() {
    let told = page(&nights(6, 75));
    let latest = &told["latest"];
    assert_eq!(latest["title"], "Latest difference: news-churn");
    assert_eq!(latest["note"], "21 Nov, 1.10.7 → 22 Nov, 1.5.6");
    let rows = latest["table"]["rows"].as_array().unwrap();
    let first: Vec<&str> = rows[0].as_array().unwrap().iter().map(|cell| cell["text"].as_str().unwrap()).collect();
    assert_eq!(first[..5], ["fd.eventpoll", "0", "118", "+118", "296/h"]);
    assert!(latest["same"].as_str().unwrap().starts_with("Same on both nights: fd.sqlite_db 7"), "{latest}");
    assert_eq!(page(&levels(&[7.0; 9]))["latest"], serde_json::Value::Null);
}

#[test]
fn a_year_is_a_strip_with_the_same_as_counts() {
    let told = page(&nights(6, 200));
    assert_eq!(told["year"]["title"], "210 nights");
    let strip = told["year"]["rows"][0]["svg"].as_str().unwrap();
    assert!(strip.contains("aria-label=\"news-churn: 1 fail, "), "{strip}");
    assert!(strip.contains("class=\"yn\"") && strip.contains("no run: "), "missing nights are visible");
    let table = &told["year"]["counts"][0]["of"]["table"];
    assert_eq!(table["columns"].as_array().unwrap().last().unwrap()["name"], "Nov 2026");
    assert!(table["rows"][0].as_array().unwrap().last().unwrap()["text"].as_str().unwrap().starts_with("1 fail, "));
    assert_eq!(page(&nights(2, 60))["year"], serde_json::Value::Null);
    assert_eq!(page(&nights(2, 365))["year"]["title"], "365 nights");
}

#[test]
fn a_scenario_that_lags_behind_says_so() {
    let mut lines = nights(2, 20);
    lines.retain(|line| line.scenario == "news-churn" || line.started < at("2026-11-10T00:00:00Z"));
    let told = page(&lines);
    let facts = told["head"]["facts"].to_string();
    assert!(facts.contains("1 of 2") && facts.contains("behind: quick-research"), "{facts}");
    let note = told["trends"][1]["note"].as_str().unwrap();
    assert!(note.ends_with("days behind the others") && told["trends"][1]["late"] == true, "{note}");
}

#[test]
fn a_run_that_was_judged_twice_counts_once_as_it_was_judged_last() {
    let mut lines = levels(&[7.0; 3]);
    lines.push(HistoryLine { verdict: Verdict::Fail, ..lines[2].clone() });
    let told = page(&lines);
    assert_eq!(told["head"]["word"], "Fails");
    assert_eq!(told["heat"]["rows"][0]["cells"][59]["title"], "22 Nov, 1.0: fail");
}

#[test]
fn lines_that_cannot_be_read_and_nights_of_the_future_are_named_and_left_out() {
    let mut lines = levels(&[7.0; 3]);
    let ahead = line("app", at("2099-01-01T02:00:00Z"), Verdict::Fail, "9");
    lines.push(ahead.clone());
    let told = page_of(&lines, &[("app", 2), ("whole", 0)], NOW);
    let notes: Vec<&str> = told["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap()).collect();
    assert_eq!(notes.len(), 2);
    assert_eq!(
        notes[0],
        "2 lines of app/history.jsonl cannot be read and are left out: cut off, or written by a newer slowdrip."
    );
    assert!(notes[1].starts_with("1 run of app lies in the future (up to Thu 1 Jan 2099, 02:00)"), "{notes:?}");
    assert_eq!(told["head"]["word"], "Passes");
    // By hours only: it is shown, and no age is made up.
    lines.pop();
    lines.push(HistoryLine { started: at("2026-11-22T20:00:00Z"), ..ahead });
    assert!(page(&lines)["head"]["facts"].to_string().contains("in the future"));
    // A history of which nothing can be read has a page too.
    assert!(html(&[], &BTreeMap::from([("app".to_owned(), 3)])).contains("3 lines of app&#x2f;history.jsonl"));
}

#[test]
fn a_night_whose_page_is_gone_has_no_link_and_says_so() {
    let told = html(&levels(&[7.0; 2]), &BTreeMap::new());
    assert!(!told.contains("report.html\""), "no link to a page that is not there");
    assert!(told.contains("<title>22 Nov, 1.0: pass; page no longer kept</title>"));
    assert!(told.contains("Sun 22 Nov 2026, 02:00<span class=\"s\"> page no longer kept</span>"));
}

#[test]
fn a_name_that_is_written_from_right_to_left_is_set_apart() {
    let mut lines = levels(&[7.0; 2]);
    for line in &mut lines {
        line.scenario = "עברית".to_owned();
        line.verdict = Verdict::Fail;
    }
    let told = page(&lines);
    assert!(reason(&told).starts_with("\u{2068}עברית\u{2069} fails"), "{}", reason(&told));
    assert_eq!(told["heat"]["rows"][0]["scenario"], "\u{2068}עברית\u{2069}");
    // What would turn the text by itself is shown, not obeyed.
    lines.iter_mut().for_each(|line| line.scenario = "a\u{202e}b\u{0}</script>".to_owned());
    let told = html(&lines, &BTreeMap::new());
    assert!(!told.contains('\u{202e}') && !told.contains('\u{0}') && told.matches("</script>").count() == 1);
}

#[test]
fn histories_of_any_length_and_figures_of_any_kind_have_a_page() {
    for count in [0, 1, 2, 5, 61, 400] {
        let told = html(&levels(&vec![7.0; count]), &BTreeMap::new());
        assert!(!told.contains("NaN") && !told.contains("undefined"), "{count}");
    }
    let mut odd = levels(&[f64::NAN, f64::INFINITY, -3.0, f64::MAX, 0.0, 1.0, 2.0, 3.0]);
    odd[4].classes.clear();
    odd[7].verdict = Verdict::Fail;
    let told = html(&odd, &BTreeMap::new());
    assert!(!told.contains("NaN%") && !told.contains("inf%") && told.contains("Latest difference"));
}
