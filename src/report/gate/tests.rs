use super::*;
use crate::gate::{Setting, compare};
use crate::report::testing;
use crate::threshold::RuleSet;

fn rules() -> RuleSet {
    let text = "classes:
  fd.eventpoll: {max_dead: 0, max_growth_per_hour: 0}
  fd.socket: {max_growth_per_hour: 0}
  fd.total: {max: 400, max_growth_per_hour: 0}
  proc.count: {max: 4}
  mem.anon: {max: 1GiB, max_growth_per_hour: 30MiB}
";
    crate::threshold::parse(std::path::Path::new("t.yaml"), text).unwrap()
}

fn gated(candidate: &StoredNight, baseline: &StoredNight) -> Gate {
    let command = ["slowdrip", "gate", "news.yaml", "--candidate", "app:2", "--baseline", "app:1", "--seed", "7"];
    let command = command.map(str::to_owned).into();
    compare(candidate, baseline, &rules(), &Setting { gate: "20261122-020000-3fa9".to_owned(), command, margin: None })
}

fn pages(candidate: &StoredNight, baseline: &StoredNight) -> GatePages {
    gate(&gated(candidate, baseline), candidate, baseline).unwrap()
}

#[test]
fn a_failing_gate_says_what_is_worse_first_and_links_both_nights() {
    let page = pages(&testing::leaking(360), &testing::clean(360));
    let place = |text: &str| page.html.find(text).unwrap_or_else(|| panic!("`{text}` is missing"));
    assert!(place("<span>FAIL</span>") < place("hold this release"));
    assert!(place("What is worse") < place("Every class, baseline against candidate"));
    assert!(place("href=\"candidate&#x2f;report.html\"") < place("href=\"baseline&#x2f;report.html\""));
    assert!(page.html.contains("default-src 'none'"));
    assert!(page.html.contains("slowdrip gate news.yaml --candidate app:2 --baseline app:1 --seed 7"));
    assert!(
        page.markdown.starts_with("# FAIL: gate of news&#45;churn")
            || page.markdown.starts_with("# FAIL: gate of news-churn")
    );
    assert!(page.junit.contains("<failure") && page.junit.contains("fd.eventpoll no worse"), "{}", page.junit);
}

#[test]
fn a_passing_gate_says_what_it_would_have_seen() {
    let page = pages(&testing::clean(360), &testing::clean(360));
    assert!(page.html.contains("the candidate may ship"), "{}", page.markdown);
    assert!(page.html.contains("would have been seen"));
    assert!(page.html.contains("the gate&#x27;s own noise") || page.html.contains("the gate's own noise"));
    assert!(!page.html.contains("id=\"worse\"") && !page.html.contains("id=\"absolute\""));
    assert!(!page.junit.contains("<failure"));
}

#[test]
fn hostile_text_stays_text() {
    let night = testing::hostile();
    let page = pages(&night, &night);
    assert!(!page.html.contains("<img src=x") && !page.html.contains("<script>alert"), "markup of the target");
    assert!(!page.markdown.contains("<img") && !page.markdown.contains("<script"));
    assert!(!page.junit.contains('\u{0}') && !page.junit.contains("<img"));
    assert!(!page.html.contains('\u{202e}'));
}

#[test]
fn gates_of_nothing_have_pages_without_infinities() {
    let mut never = testing::ended(crate::model::Ending::NeverReady { message: "503".to_owned() });
    never.snapshots.clear();
    let page = pages(&never, &testing::clean(360));
    assert!(page.html.contains("do not release on this"));
    assert!(!page.html.contains("NaN") && !page.html.contains(">inf"));
}

/// Not a test of its own: pages to look at.
#[test]
fn writes_gates_to_look_at_where_a_folder_is_named() {
    let Ok(dir) = std::env::var("SLOWDRIP_PAGES_DIR") else { return };
    let dir = std::path::Path::new(&dir);
    std::fs::create_dir_all(dir).unwrap();
    let hostile = testing::hostile();
    for (name, page) in [
        ("gate-fail", pages(&testing::leaking(360), &testing::clean(360))),
        ("gate-pass", pages(&testing::clean(360), &testing::clean(360))),
        ("gate-hostile", pages(&hostile, &hostile)),
    ] {
        for (ending, text) in [("html", page.html), ("md", page.markdown), ("xml", page.junit)] {
            std::fs::write(dir.join(format!("{name}.{ending}")), text).unwrap();
        }
    }
}
