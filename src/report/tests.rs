//! Whole pages: what they say, that nothing foreign gets through, and that they stay small.

mod driven;

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::page::Page;
use super::testing::{self, HOSTILE};
use super::*;
use crate::model::*;
use crate::threshold::Selector;

fn html(night: &StoredNight) -> String {
    render(night, None, &[]).unwrap().html
}

fn page(night: &StoredNight) -> serde_json::Value {
    serde_json::to_value(Page::new(night, None, &[])).unwrap()
}

/// The trend of a history that can be read as a whole.
fn index(
    lines: &[HistoryLine],
    kept: &dyn Fn(&HistoryLine) -> bool,
    now: jiff::Timestamp,
) -> Result<String, minijinja::Error> {
    super::index(lines, &BTreeMap::new(), kept, now)
}

fn kept(line: &HistoryLine) -> bool {
    line.started >= testing::at("2026-11-01T00:00:00Z")
}

/// Ids of the sections, in the order of the page.
fn sections(night: &StoredNight) -> Vec<String> {
    let page = page(night);
    page["sections"].as_array().unwrap().iter().map(|section| section["id"].as_str().unwrap().to_owned()).collect()
}

/// Not a test of its own: pages to look at.
#[test]
fn writes_pages_to_look_at_where_a_folder_is_named() {
    let Ok(dir) = std::env::var("SLOWDRIP_PAGES_DIR") else { return };
    let dir = std::path::Path::new(&dir);
    std::fs::create_dir_all(dir).unwrap();
    let (clean, leaking) = (testing::clean(372), testing::leaking(372));
    let history = [testing::line("news-churn", clean.record.started, Verdict::Pass, "1.10.7")];
    let never = Ending::NeverReady { message: "GET /health answered 503 for 3 min\nlast log line: boom".into() };
    let pages = [
        ("pass", render(&clean, None, &[])),
        ("fail", render(&leaking, Some(&clean), &history)),
        ("restart", render(&testing::restarted(), Some(&clean), &history)),
        ("one", render(&testing::leaking(1), None, &[])),
        ("five", render(&testing::leaking(30), None, &[])),
        ("driven", render(&testing::driven(), None, &[])),
        ("never", render(&testing::ended(never), None, &history)),
        ("hostile", render(&testing::hostile(), None, &[])),
        ("huge", render(&testing::huge(), None, &[])),
    ];
    for (name, pages) in pages {
        let pages = pages.unwrap();
        for (ending, text) in [("html", pages.html), ("md", pages.markdown), ("xml", pages.junit)] {
            std::fs::write(dir.join(format!("{name}.{ending}")), text).unwrap();
        }
    }
    let trend = |name: &str, lines: &[HistoryLine]| {
        let page = index(lines, &kept, testing::at("2026-11-22T05:45:00Z")).unwrap();
        std::fs::write(dir.join(name), page).unwrap();
    };
    trend("index.html", &testing::nights(6, 75));
    trend("index-year.html", &testing::nights(20, 365));
    trend("index-1.html", &testing::nights(1, 1));
    trend("index-0.html", &[]);
}

#[test]
fn a_failing_night_says_so_first_and_shows_the_worst_finding_on_top() {
    let night = testing::leaking(372);
    let page = page(&night);
    assert_eq!(page["title"], "FAIL: news-churn, 22 Nov 2026");
    assert_eq!(page["headline"]["word"], "FAIL");
    assert_eq!(page["findings"][0]["title"], "An event loop is made and never closed");
    assert_eq!(page["findings"][1]["mark"]["word"], "acknowledged");
    assert_eq!(page["tally"], "2 of severity fail, then 1 warning; 1 acknowledged");
    let html = html(&night);
    let at = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    assert!(at("id=\"v\"") < at("id=\"findings\"") && at("id=\"findings\"") < at("id=\"undecided\""));
    assert!(at("id=\"undecided\"") < at("id=\"held\"") && at("id=\"held\"") < at("id=\"repeat\""));
    assert!(html.contains("slowdrip run scenarios&#x2f;news-churn.yaml --set APP_VERSION=1.5.6"));
}

#[test]
fn a_cause_comes_before_its_findings_with_what_was_seen_before() {
    let night = testing::leaking(360);
    let html = html(&night);
    let order = [
        "id=\"findings\"",
        "An event loop is made",
        "1.2 per refresh (24 of 25)",
        "What was measured",
        "Seen before",
        "Wave 7",
        "Likely sources",
    ];
    let mut at = 0;
    for said in order {
        at += html[at..].find(said).unwrap_or_else(|| panic!("{said} is missing or out of order"));
    }
    assert!(html.contains("python app.py") && html.contains("98 %"));
    assert!(html.contains("acknowledged:") && html.contains("is acknowledged until 2027-01-31: upstream knows of it."));
}

#[test]
fn a_passing_night_leads_with_what_it_could_have_seen() {
    let night = testing::clean(372);
    let seen = page(&night)["headline"]["reason"].as_str().unwrap().to_owned();
    assert_eq!(seen, "Nothing dripped. A drip of 23 or more handles an hour would have been reported 9 times in 10.");
    assert_eq!(sections(&night)[..3], ["seen", "undecided", "held"]);
}

#[test]
fn what_is_new_standing_and_gone_is_told_from_the_history() {
    let (clean, leaking) = (testing::clean(30), testing::leaking(30));
    let prints: Vec<String> =
        leaking.assessment.iter().flat_map(|a| &a.findings).map(|f| f.fingerprint.clone()).collect();
    let mut lines: Vec<HistoryLine> = (19..22)
        .map(|day| {
            testing::line("news-churn", testing::at(&format!("2026-11-{day}T02:00:00Z")), Verdict::Fail, "1.10.7")
        })
        .collect();
    for line in &mut lines {
        line.broken = vec![prints[0].clone(), prints[5].clone(), "00000000".to_owned()];
    }
    let page = serde_json::to_value(Page::new(&leaking, Some(&clean), &lines)).unwrap();
    let facts: Vec<(&str, &str, &str)> = page["since"]["facts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fact| (fact["term"].as_str().unwrap(), fact["value"].as_str().unwrap(), fact["sub"].as_str().unwrap()))
        .collect();
    assert_eq!(
        facts[0],
        ("Since last night, the image changed", "1.10.7 → 1.5.6", "image 41d80c5fe9b7 → 9f3c1e07ab42")
    );
    assert_eq!(facts[1], ("New findings", "2", "fd.socket, fd.eventpoll"));
    assert_eq!(facts[2], ("Standing", "1", "fd.eventpoll"));
    assert_eq!(facts[3], ("Gone", "1", "fd.total; 1 not judged tonight"));
    assert_eq!((facts[4].0, facts[4].1), ("Comparable", "yes"));
    assert_eq!(page["findings"][0]["chips"][0], "standing, 4th night");
    assert_eq!(page["findings"][1]["chips"][0], "new tonight");
}

#[test]
fn every_way_to_end_has_a_page_with_its_message() {
    let message = || "the image `x` is missing".to_owned();
    let endings = [
        Ending::Unfinished,
        Ending::Interrupted { signal: 2 },
        Ending::NotStarted { message: message() },
        Ending::NeverReady { message: message() },
        Ending::SeedFailed { message: message() },
        Ending::Died { message: message() },
        Ending::Unreadable { message: message() },
        Ending::NotWritten { message: message() },
    ];
    for ending in endings {
        let has_message = !matches!(ending, Ending::Unfinished | Ending::Interrupted { .. });
        let night = testing::ended(ending.clone());
        let pages = render(&night, None, &[]).unwrap();
        assert!(pages.html.contains("<title>NOT JUDGED: news-churn, 22 Nov 2026</title>"), "{ending:?}");
        assert!(pages.html.contains("href=\"evidence&#x2f;logs&#x2f;stderr.log\""), "{ending:?}");
        assert_eq!(pages.html.contains("<pre>the image `x` is missing</pre>"), has_message, "{ending:?}");
        assert_eq!(pages.markdown.contains("the image `x` is missing"), has_message, "{ending:?}");
        assert!(pages.junit.contains("<error"), "{ending:?}");
    }
}

#[test]
fn nights_of_any_length_have_a_page() {
    for count in [0, 1, 2, 5, 40, 372] {
        let mut night = testing::clean(count);
        for judged in [true, false] {
            if !judged {
                night.assessment = None;
            }
            let html = html(&night);
            for bad in ["NaN", ">inf", "inf%", "undefined"] {
                assert!(!html.contains(bad), "{bad} with {count} snapshots");
            }
            assert_eq!(html.contains("id=\"time\""), count > 0);
        }
    }
}

#[test]
fn a_missing_reading_is_a_gap_in_the_line_and_never_a_zero() {
    let mut night = testing::clean(60);
    for snapshot in &mut night.snapshots[20..40] {
        snapshot.processes[0].fds = Reading::Denied;
    }
    let line = points::line(&night, &Metric::FdTotal.into());
    assert!(line.points[20..40].iter().all(|(_, value)| value.is_none()));
    assert!(line.values().all(|value| value > 0.0));
    let page = page(&night);
    let rows = page["sections"].as_array().unwrap().iter().find(|s| s["id"] == "time").unwrap()["blocks"][1]["of"]["table"]
        ["rows"]
        .as_array()
        .unwrap()
        .clone();
    let total = rows.iter().find(|row| row[0]["text"] == "fd.total").unwrap();
    assert_eq!(total[6]["text"], "20");
}

#[test]
fn a_long_pause_interrupts_the_line() {
    let mut night = testing::clean(20);
    night.snapshots.drain(8..14);
    let line = points::line(&night, &Metric::FdTotal.into());
    assert_eq!(line.points.iter().filter(|(_, value)| value.is_none()).count(), 1);
    assert!(html(&night).contains("Lines are interrupted where a pause was longer"));
}

#[test]
fn classes_of_ones_own_select_links_and_command_lines() {
    let own = |name: &str, select| points::Choice { name: name.to_owned(), select, older_than: None };
    let mut night = testing::clean(10);
    let glob = globset::Glob::new("/data/*").unwrap().compile_matcher();
    let links = points::line(&night, &own("fd.data", Selector::Links(vec![glob])));
    assert!(links.values().all(|value| value >= 5.0));
    let pattern = regex::Regex::new("news-web").unwrap();
    let processes = points::line(&night, &own("proc.web", Selector::Cmdline(vec![pattern])));
    assert_eq!(processes.values().collect::<Vec<_>>(), vec![1.0; 10]);
    // The thresholds that are stored with the night bring their classes along.
    night.thresholds = "classes:\n  fd.data: {match: \"/data/*\", max: 9}\n".to_owned();
    assert!(html(&night).contains("fd.data"));
    "no: [thresholds".clone_into(&mut night.thresholds);
    assert!(!html(&night).contains("fd.data"));
}

/// The tags of a page, as a browser would see them: foreign text must not add one.
fn tags(html: &str) -> BTreeMap<String, usize> {
    let document = scraper::Html::parse_document(html);
    let mut tags = BTreeMap::new();
    for element in document.root_element().descendants().filter_map(scraper::ElementRef::wrap) {
        *tags.entry(element.value().name().to_owned()).or_default() += 1;
        for (name, value) in element.value().attrs() {
            assert!(!name.starts_with("on"), "{name}");
            assert_ne!(name, "style");
            assert!(!value.trim_start().starts_with("javascript:"), "{value}");
        }
    }
    tags
}

#[test]
fn nothing_foreign_becomes_markup() {
    let pages = render(&testing::hostile(), Some(&testing::hostile()), &[]).unwrap();
    let tags = tags(&pages.html);
    assert_eq!(tags.get("script"), Some(&2), "{tags:?}");
    assert_eq!(tags.get("img"), None);
    for bad in ["<img", "</script><script>alert", "\u{0}", "\u{1b}", "\u{202e}", "<!-- `a`"] {
        assert!(!pages.html.contains(bad), "{bad:?} in the page");
        assert!(!pages.markdown.contains(bad), "{bad:?} in the Markdown");
        assert!(!pages.junit.contains(bad), "{bad:?} in the XML");
    }
    assert!(!pages.markdown.contains(" @team") && !pages.markdown.contains("\n# head"));
    assert!(!pages.junit.contains("\u{fffe}"));
    // Out of its folder leads no link.
    assert!(!pages.html.contains("href=\"evidence&#x2f;.."));
    assert!(pages.html.contains("href=\"evidence&#x2f;javascript%3Aalert%281%29\""));
    assert!(pages.html.len() < 500_000, "{}", pages.html.len());
}

#[test]
fn the_trend_lets_nothing_foreign_through_either() {
    let mut lines = testing::nights(2, 10);
    for line in &mut lines {
        line.scenario = format!("{HOSTILE}{}", line.scenario.len());
        line.reason = HOSTILE.to_owned();
        line.labels.insert("version".to_owned(), HOSTILE.to_owned());
        line.classes = line.classes.values().map(|class| (HOSTILE.to_owned(), class.clone())).collect();
    }
    let page = index(&lines, &|_| true, testing::at("2026-11-22T05:45:00Z")).unwrap();
    let tags = tags(&page);
    assert_eq!((tags.get("script"), tags.get("img")), (Some(&1), None), "{tags:?}");
}

/// The text between the first `open` and the next `close`.
fn between<'a>(text: &'a str, open: &str, close: &str) -> &'a str {
    text.split_once(open).unwrap().1.split_once(close).unwrap().0
}

#[test]
fn the_policy_names_the_digests_of_what_is_in_the_page() {
    let trend = index(&testing::nights(1, 3), &kept, testing::at("2026-11-22T05:45:00Z")).unwrap();
    for page in [html(&testing::leaking(30)), trend] {
        let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"));
        for (open, close, source) in
            [("<style>", "</style>", "style-src 'sha256-"), ("<script>", "</script>", "script-src 'sha256-")]
        {
            let digest = html::base64(&Sha256::digest(between(&page, open, close)));
            assert_eq!(between(policy, source, "'"), digest);
        }
        assert!(!page.contains(" style=\""));
        assert!(
            !page.contains("http://")
                || page.matches("http://").count()
                    == page.matches("http://www.w3.org/2000/svg").count() + page.matches("http://localhost").count()
        );
    }
}

#[test]
fn every_link_on_the_page_leads_somewhere_and_every_id_is_used_once() {
    let page = html(&testing::leaking(60));
    let document = scraper::Html::parse_document(&page);
    let mut ids: Vec<&str> = document
        .root_element()
        .descendants()
        .filter_map(scraper::ElementRef::wrap)
        .filter_map(|e| e.attr("id"))
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(all, ids.len());
    let anchors = scraper::Selector::parse("a[href^='#'], use").unwrap();
    for anchor in document.select(&anchors) {
        let target = anchor.attr("href").unwrap().trim_start_matches('#');
        assert!(ids.contains(&target), "{target}");
    }
    let headings = scraper::Selector::parse("h1, h2, h3").unwrap();
    let levels: Vec<&str> = document.select(&headings).map(|heading| heading.value().name()).collect();
    assert_eq!(levels.iter().filter(|level| **level == "h1").count(), 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] || pair[1].as_bytes()[1] == pair[0].as_bytes()[1] + 1));
    let charts = scraper::Selector::parse("svg.p").unwrap();
    assert!(document.select(&charts).all(|chart| chart.attr("aria-label").is_some_and(|label| !label.is_empty())));
}

#[test]
fn a_large_night_stays_below_a_megabyte() {
    let night = testing::huge();
    let pages = render(&night, Some(&night), &[]).unwrap();
    assert!(pages.html.len() <= 1_000_000, "{}", pages.html.len());
    assert!(pages.markdown.len() <= 900 * 1024, "{}", pages.markdown.len());
}

#[test]
fn a_long_history_stays_readable() {
    let lines = testing::nights(20, 365);
    let page = index(&lines, &|_| true, testing::at("2026-11-22T05:45:00Z")).unwrap();
    assert!(page.len() <= 1_700_000, "{}", page.len());
    assert!(page.contains("1 of 20 fails"));
}

#[test]
fn the_trend_shows_nights_that_did_not_come_and_says_when_they_are_overdue() {
    let lines = testing::nights(1, 10);
    let on_time = index(&lines, &kept, testing::at("2026-11-22T05:45:00Z")).unwrap();
    assert!(on_time.contains("3 h 45 min ago") && !on_time.contains("overdue"));
    let late = index(&lines, &kept, testing::at("2026-11-26T05:45:00Z")).unwrap();
    assert!(late.contains("4 days ago") && late.contains("Sun 22 Nov 2026, 02:00, overdue"));
    assert!(late.contains("why no night has run for 4 days"));
    assert!(late.contains("<title>24 Nov: no run</title>"), "a missing night must be visible");
    assert!(!on_time.contains("23 Nov: no run"));
}

#[test]
fn several_runs_a_day_share_a_square_and_the_worst_stands_for_them() {
    let mut lines = testing::nights(1, 1);
    lines.push(testing::line("news-churn", testing::at("2026-11-22T09:00:00Z"), Verdict::Pass, "1.5.6"));
    let page = index(&lines, &|_| true, testing::at("2026-11-22T12:00:00Z")).unwrap();
    assert!(page.contains("<title>22 Nov, 1.5.6: 2 runs: fail, pass</title><use href=\"#g-fail\"/>"));
    assert!(page.contains("<span>Passes</span>"));
}

#[test]
fn an_empty_history_has_a_page_that_says_what_to_do() {
    let page = index(&[], &kept, testing::at("2026-11-22T12:00:00Z")).unwrap();
    assert!(page.contains("No nights") && page.contains("slowdrip run SCENARIO"));
}

#[test]
fn junit_has_a_case_for_every_rule_and_one_for_the_night() {
    let night = testing::leaking(30);
    let xml = render(&night, None, &[]).unwrap().junit;
    let findings = &night.assessment.as_ref().unwrap().findings;
    assert_eq!(xml.matches("<testcase ").count(), findings.len() + 1);
    assert_eq!(xml.matches("<failure ").count(), 2);
    assert_eq!(xml.matches("<skipped ").count(), 1);
    assert_eq!(xml.matches("<error").count(), 0);
    assert!(xml.contains("warning: 120 are held, 12 are allowed."));
}

#[test]
fn the_markdown_tells_the_same_as_the_page() {
    let night = testing::leaking(30);
    let text = render(&night, None, &[]).unwrap().markdown;
    assert!(text.starts_with("# FAIL: news-churn\n"));
    for said in [
        "## Findings (2 of severity fail, then 1 warning; 1 acknowledged)",
        "### 1. An event loop is made and never closed",
        "## What held",
    ] {
        assert!(text.contains(said), "{said}");
    }
    insta::assert_snapshot!(
        render(&testing::ended(Ending::NotStarted { message: "no such image".into() }), None, &[]).unwrap().markdown
    );
}

#[test]
fn pages_are_the_same_every_time() {
    let night = testing::leaking(60);
    let (one, two) = (render(&night, None, &[]).unwrap(), render(&night, None, &[]).unwrap());
    assert_eq!((one.html, one.markdown, one.junit), (two.html, two.markdown, two.junit));
}
