//! What the script adds: the cross, the zoom, what is shown and hidden, and the order of tables.

use serde_json::{Value, json};

use super::browser_or_skip;
use super::devtools::Tab;
use super::pages::Pages;

/// A chart of the stretch of all classes, and one of another section.
const CHART: &str = "#time ~ * svg[data-x], section[aria-labelledby=time] svg[data-x]";
const STACK: &str = "section[aria-labelledby=stack] svg[data-x]";

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// The texts beside the crosses of all charts; empty where there is no cross.
fn read_outs(tab: &mut Tab) -> Vec<String> {
    let all = "[...document.querySelectorAll('svg[data-x]')].map(s => { const l = s.querySelector('.xh'); \
               return l.style.display == 'none' ? '' : [...s.children].find(e => e.matches('text.k.h') && e.getAttribute('y') == '11' && !e.dataset.k).textContent; })";
    strings(&tab.eval(all))
}

/// The labels of a chart's time axis that are seen.
fn times(tab: &mut Tab, chart: &str) -> Vec<String> {
    let all = format!(
        "[...document.querySelector({chart:?}).querySelectorAll('.t')].filter(e => getComputedStyle(e).display != 'none').map(e => e.textContent)"
    );
    strings(&tab.eval(&all))
}

fn said(tab: &mut Tab) -> String {
    tab.text("document.getElementById('says-too').textContent")
}

#[test]
fn the_pointer_reads_out_the_same_moment_on_all_charts() {
    let Some(browser) = browser_or_skip() else { return };
    let pages = Pages::shared();
    let mut tab = browser.tab(1280, 900);
    tab.open(&pages.night("leaking"));
    assert!(read_outs(&mut tab).iter().all(String::is_empty));
    let at = tab.point(CHART, (0.5, 0.5));
    tab.mouse("mouseMoved", at);
    let read = read_outs(&mut tab);
    assert!(read.len() > 8, "{read:?}");
    let moment = read[0].split(" · ").next().unwrap().to_owned();
    assert!(moment.starts_with("15:"), "{moment}");
    assert!(read.iter().all(|text| text.split(" · ").next() == Some(&moment)), "{read:?}");
    assert!(read.iter().all(|text| text.split(" · ").count() == 2), "{read:?}");
    let places =
        "[...new Set([...document.querySelectorAll('svg[data-x] > .xh')].map(l => l.getAttribute('x1')))].length";
    assert_eq!(tab.eval(places), 1);
    tab.mouse("mouseMoved", (2.0, 2.0));
    assert!(read_outs(&mut tab).iter().all(String::is_empty));
    // A finger does the same.
    tab.call("Emulation.setTouchEmulationEnabled", json!({ "enabled": true }));
    tab.tap(at);
    assert_eq!(read_outs(&mut tab)[0].split(" · ").next(), Some(moment.as_str()));
}

#[test]
fn the_keyboard_reads_out_snapshot_by_snapshot() {
    let Some(browser) = browser_or_skip() else { return };
    let pages = Pages::shared();
    let mut tab = browser.tab(1280, 900);
    tab.open(&pages.night("leaking"));
    // All charts are one stop.
    assert_eq!(tab.eval("document.querySelectorAll('svg[data-x][tabindex=\"0\"]').length"), 1);
    let mut stops = Vec::new();
    for _ in 0..60 {
        tab.key("Tab", 0);
        let stop = tab.text("document.activeElement.tagName.toLowerCase() + (document.activeElement.id || '')");
        assert_ne!(
            tab.text("getComputedStyle(document.activeElement).outlineStyle"),
            "none",
            "{stop} is not seen to have the focus"
        );
        let over = stop == "body";
        stops.push(stop);
        if over || tab.eval("document.activeElement.matches('svg[data-x]')") == true {
            break;
        }
    }
    assert_eq!(stops.last().map(String::as_str), Some("svg"), "{stops:?}");
    assert!(stops.contains(&"buttonth".to_owned()) && stops.contains(&"a".to_owned()), "{stops:?}");
    tab.key("ArrowRight", 0);
    let first = said(&mut tab);
    assert!(first.starts_with("0:0"), "{first}");
    tab.key("ArrowRight", 0);
    assert!(said(&mut tab).starts_with("0:05, "), "{}", said(&mut tab));
    tab.key("ArrowLeft", 0);
    assert_eq!(said(&mut tab), first);
    tab.key("End", 0);
    let end = said(&mut tab);
    assert!(end.starts_with("29:55, "), "{end}");
    assert!(read_outs(&mut tab).iter().all(|text| end.starts_with(text.split(" · ").next().unwrap())));
    tab.key("Home", 0);
    assert_eq!(said(&mut tab), first);
    // Down to another chart: the same moment, another figure.
    tab.key("ArrowDown", 0);
    assert_eq!(tab.eval("[...document.querySelectorAll('svg[data-x]')].indexOf(document.activeElement)"), 1);
    assert_eq!(tab.eval("document.querySelectorAll('svg[data-x][tabindex=\"0\"]').length"), 1);
    assert!(!read_outs(&mut tab)[1].is_empty());
    tab.key("Escape", 0);
    assert!(read_outs(&mut tab).iter().all(String::is_empty));
    assert_eq!(tab.text("document.activeElement.getAttribute('role')"), "img");
}

#[test]
fn dragging_zooms_all_charts_and_one_button_brings_the_whole_night_back() {
    let Some(browser) = browser_or_skip() else { return };
    let pages = Pages::shared();
    let mut tab = browser.tab(1280, 900);
    tab.open(&pages.night("leaking"));
    let windows = "[...document.querySelectorAll('svg[data-x] > svg')].map(s => s.getAttribute('viewBox').split(' ').slice(0, 3).join(' '))";
    let (whole, labels) = (tab.eval(windows), times(&mut tab, STACK));
    let from = tab.point(STACK, (0.25, 0.5));
    let to = tab.point(STACK, (0.5, 0.5));
    tab.drag(from, to);
    let zoomed = strings(&tab.eval(windows));
    assert!(zoomed.windows(2).all(|pair| pair[0] == pair[1]), "{zoomed:?}");
    let left: f64 = zoomed[0].split(' ').next().unwrap().parse().unwrap();
    let width: f64 = zoomed[0].split(' ').nth(2).unwrap().parse().unwrap();
    assert!((left - 250.0).abs() < 5.0 && (width - 250.0).abs() < 8.0, "{zoomed:?}");
    let inner = times(&mut tab, STACK);
    assert!(inner.len() >= 2 && inner.iter().all(|label| label.contains(':')), "{inner:?}");
    // Within the zoom the pointer reads out what is there.
    let at = tab.point(STACK, (0.5, 0.5));
    tab.mouse("mouseMoved", at);
    let read = read_outs(&mut tab)[0].clone();
    assert!(read.starts_with("11:"), "{read}");
    tab.click("[data-zoom=out]");
    assert_eq!(tab.eval(windows), whole);
    assert_eq!(times(&mut tab, STACK), labels);
    assert_eq!(tab.eval("document.querySelector('[data-zoom=out]').hidden"), true);
    // The same from the keyboard, and by one pointer without dragging.
    tab.eval("document.querySelector('svg[data-x]').focus(); 0");
    tab.key("Home", 0);
    for _ in 0..20 {
        tab.key("ArrowRight", 8);
    }
    assert_eq!(tab.text("document.getElementById('says').textContent"), "0:00 to 1:40");
    tab.key("Enter", 0);
    assert!(strings(&tab.eval(windows))[0].starts_with("0 0 5"), "{}", tab.eval(windows));
    tab.key("Escape", 0);
    tab.key("Escape", 0);
    assert_eq!(tab.eval(windows), whole);
    tab.click("[data-zoom=in]");
    assert!(strings(&tab.eval(windows))[0].starts_with("250 0 500"), "{}", tab.eval(windows));
}

#[test]
fn kinds_of_lines_and_events_are_shown_and_hidden_on_all_charts_at_once() {
    let Some(browser) = browser_or_skip() else { return };
    let pages = Pages::shared();
    let mut tab = browser.tab(1280, 900);
    tab.open(&pages.night("processes"));
    let seen = |tab: &mut Tab, what: &str| {
        tab.eval(&format!(
            "[...document.querySelectorAll('svg[data-x] {what}')].filter(e => getComputedStyle(e).display != 'none').length"
        ))
        .as_u64()
        .unwrap()
    };
    for (key, line) in [("raw", ".raw"), ("prev", ".prev"), ("lim", ".lim"), ("floor", ".fl")] {
        let before = seen(&mut tab, line);
        assert!(before > 0, "{line}");
        let button = format!("[data-line={key}]");
        tab.click(&button);
        assert_eq!(seen(&mut tab, line), 0, "{line}");
        assert_eq!(tab.text(&format!("document.querySelector('{button}').getAttribute('aria-pressed')")), "false");
        tab.click(&button);
        assert_eq!(seen(&mut tab, line), before, "{line}");
    }
    let kinds = strings(&tab.eval("[...document.querySelectorAll('[data-event]')].map(e => e.textContent.trim())"));
    for expected in ["out of memory 1", "restart 1", "asked 1", "churn 60"] {
        assert!(kinds.iter().any(|kind| kind == expected), "{kinds:?}");
    }
    // What happened is read out beside the figures, unless its kind is hidden.
    tab.eval("document.querySelector('svg[data-x]').focus(); 0");
    tab.key("Home", 0);
    for _ in 0..40 {
        tab.key("ArrowRight", 0);
    }
    assert!(said(&mut tab).contains("out of memory: out of memory: process 40003 was killed"), "{}", said(&mut tab));
    let oom = kinds.iter().position(|kind| kind == "out of memory 1").unwrap();
    tab.click(&format!("[data-event=\"{oom}\"]"));
    assert_eq!(tab.text(&format!("document.querySelector('#ev > [data-e=\"{oom}\"]').style.display")), "none");
    tab.eval("document.querySelector('svg[data-x]').focus(); 0");
    tab.key("Home", 0);
    for _ in 0..40 {
        tab.key("ArrowRight", 0);
    }
    assert!(!said(&mut tab).contains("40003"), "{}", said(&mut tab));
}

#[test]
fn classes_and_processes_are_shown_and_hidden_one_by_one() {
    let Some(browser) = browser_or_skip() else { return };
    let pages = Pages::shared();
    let mut tab = browser.tab(1280, 900);
    tab.open(&pages.night("processes"));
    let keys = "section[aria-labelledby=procs] .keys";
    assert_eq!(tab.eval(&format!("document.querySelectorAll('{keys} button').length")), 8);
    let line = "section[aria-labelledby=procs] svg[data-x] path[data-k=\"2\"]";
    let shown = format!("getComputedStyle(document.querySelector('{line}')).visibility");
    assert_eq!(tab.text(&shown), "visible");
    tab.click(&format!("{keys} li:nth-child(3) button"));
    assert_eq!(tab.text(&shown), "hidden");
    tab.click(&format!("{keys} li:nth-child(3) button"));
    assert_eq!(tab.text(&shown), "visible");
    // A hidden layer lets those above it come down, and comes back as it was.
    let top = "(() => { const all = document.querySelectorAll('section[aria-labelledby=stack] svg[data-x] path[data-k]'); \
               return Math.round(all[all.length - 1].getBBox().y); })()";
    let before = tab.eval(top).as_f64().unwrap();
    let layer = "section[aria-labelledby=stack] .keys li:nth-last-child(2) button";
    tab.click(layer);
    let less = tab.eval(top).as_f64().unwrap();
    assert!(less > before + 3.0, "{before} {less}");
    tab.click(layer);
    let again = tab.eval(top).as_f64().unwrap();
    assert!((again - before).abs() <= 1.0, "{before} {again}");
}

#[test]
fn tables_are_sorted_by_what_their_figures_mean() {
    let Some(browser) = browser_or_skip() else { return };
    let pages = Pages::shared();
    let mut tab = browser.tab(1280, 900);
    tab.open(&pages.night("processes"));
    // The table of the processes and its rest, which stands behind a click.
    let section = "section[aria-labelledby=procs] table:has(th:nth-child(13))";
    let column = |tab: &mut Tab, n: usize, of: &str| {
        let cells = format!("[...document.querySelectorAll('{section} tbody tr')].map(r => r.cells[{n}].{of})");
        strings(&tab.eval(&cells))
    };
    let sorted = |tab: &mut Tab, n: usize| {
        let button = format!("{section} thead th:nth-child({}) button", n + 1);
        tab.click(&button);
        tab.text(&format!("document.querySelector('{button}').parentElement.getAttribute('aria-sort')"))
    };
    assert_eq!(tab.eval(&format!("document.querySelectorAll('{section}').length")), 2);
    let figures = |texts: Vec<String>| -> Vec<f64> { texts.iter().map(|text| text.parse().unwrap()).collect() };
    assert_eq!(sorted(&mut tab, 6), "descending");
    let most = figures(column(&mut tab, 6, "textContent.trim()"));
    assert!(most.len() > 24 && most.windows(2).all(|pair| pair[0] >= pair[1]), "{most:?}");
    assert_eq!(sorted(&mut tab, 6), "ascending");
    let least = figures(column(&mut tab, 6, "textContent.trim()"));
    assert!(least.windows(2).all(|pair| pair[0] <= pair[1]), "{least:?}");
    assert_eq!(sorted(&mut tab, 0), "ascending");
    let pids = figures(column(&mut tab, 0, "textContent.trim().split(' ')[0]"));
    assert!(pids.windows(2).all(|pair| pair[0] <= pair[1]), "{pids:?}");
    assert_eq!(tab.eval(&format!("document.querySelectorAll('{section} [aria-sort]').length")), 2);
    // Bytes count by what they are, not by their digits.
    let memory = "section[aria-labelledby=time] table:has(th:nth-child(7))";
    tab.eval("document.querySelectorAll('details').forEach(e => { e.open = true; }); 0");
    tab.click(&format!("{memory} thead th:nth-child(5) button"));
    let texts =
        format!("[...document.querySelector('{memory}').tBodies[0].rows].map(r => r.cells[4].textContent.trim())");
    let texts = strings(&tab.eval(&texts));
    let mib = texts.iter().position(|text| text.ends_with("MiB")).unwrap();
    let count = texts.iter().position(|text| text.parse::<f64>().is_ok()).unwrap();
    assert!(mib < count && texts.last().is_some_and(|text| text == "–" || text == "0"), "{texts:?}");
}

#[test]
fn the_theme_can_be_switched_by_hand() {
    let Some(browser) = browser_or_skip() else { return };
    let pages = Pages::shared();
    let mut tab = browser.tab(1280, 900);
    tab.open(&pages.night("clean"));
    let ground = "getComputedStyle(document.body).backgroundColor";
    let light = tab.text(ground);
    tab.click("#th");
    assert_ne!(tab.text(ground), light);
    tab.click("#th");
    assert_eq!(tab.text(ground), light);
    // Nothing moves, so nothing must be held still for those who asked for that.
    let moving = "[...document.querySelectorAll('*')].filter(e => { const s = getComputedStyle(e); \
                  return s.animationName != 'none' || s.transitionDuration != '0s'; }).length";
    assert_eq!(tab.eval(moving), 0);
}
