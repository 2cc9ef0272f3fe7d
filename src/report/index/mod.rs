//! The trend: every scenario over all its nights.

mod heat;
mod trend;

use std::collections::BTreeMap;

use serde::Serialize;

use super::page::build;
use super::page::parts::{Fact, Mark, Piece, clip, listed, moment, name};
use super::page::record::segment;
use super::page::verdict::{Headline, stopped};
use crate::model::{HistoryLine, Verdict, text};
use heat::Heat;
use trend::Trend;

/// Nights that the page shows.
const NIGHTS: i64 = 60;
/// After this time without a night something is wrong with whoever starts them.
const OVERDUE_S: i64 = 36 * 3600;

/// The page of all nights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Index {
    title: String,
    pages: Vec<Piece>,
    headline: Headline,
    /// What the latest nights that do not pass say.
    news: Vec<News>,
    heat: Heat,
    trends: Vec<Trend>,
    footer: String,
}

/// A scenario whose latest night does not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct News {
    mark: Mark,
    scenario: String,
    href: Option<String>,
    when: String,
    reason: String,
}

/// A scenario's nights, oldest first, one line for each run.
pub(crate) struct Nights<'a> {
    name: &'a str,
    lines: Vec<&'a HistoryLine>,
}

impl<'a> Nights<'a> {
    fn latest(&self) -> Option<&'a HistoryLine> {
        self.lines.last().copied()
    }
}

/// The scenarios by name. A run that was judged again counts once, as it was judged last.
fn scenarios(lines: &[HistoryLine]) -> Vec<Nights<'_>> {
    let mut all: BTreeMap<&str, BTreeMap<(jiff::Timestamp, &str), &HistoryLine>> = BTreeMap::new();
    for line in lines {
        all.entry(&line.scenario).or_default().insert((line.started, &line.run), line);
    }
    all.into_iter().map(|(name, lines)| Nights { name, lines: lines.into_values().collect() }).collect()
}

/// The day of a moment, counted from 1970.
fn day_of(at: jiff::Timestamp) -> i64 {
    at.as_second().div_euclid(86_400)
}

/// The shape of a verdict.
fn mark(verdict: Verdict) -> Mark {
    match verdict {
        Verdict::Pass => Mark::HOLDS,
        Verdict::Fail => Mark::FAIL,
        Verdict::Inconclusive => Mark::OPEN,
    }
}

/// Where a night's page is, seen from the trend.
fn href(line: &HistoryLine) -> String {
    format!("{}/{}/report.html", segment(&line.scenario), segment(&line.run))
}

impl Index {
    pub(crate) fn new(lines: &[HistoryLine], kept: &dyn Fn(&HistoryLine) -> bool, now: jiff::Timestamp) -> Self {
        let scenarios = scenarios(lines);
        let headline = headline(&scenarios, kept, now);
        let mut latest: Vec<&HistoryLine> = scenarios.iter().filter_map(Nights::latest).collect();
        latest.retain(|line| line.verdict != Verdict::Pass);
        latest.sort_by_key(|line| (line.verdict != Verdict::Fail, std::cmp::Reverse(line.started)));
        let news = latest.iter().map(|line| News {
            mark: mark(line.verdict),
            scenario: name(&line.scenario),
            href: kept(line).then(|| href(line)),
            when: moment(line.started),
            reason: stopped(&clip(&line.reason, 400)),
        });
        let pages =
            scenarios.iter().filter_map(Nights::latest).filter(|line| kept(line)).max_by_key(|line| line.started);
        Self {
            title: format!("{}: slowdrip, {}", headline.word, now.strftime("%-d %b %Y")),
            pages: pages.map(|line| Piece::link("Last report", href(line))).into_iter().collect(),
            news: news.collect(),
            heat: heat::heat(&scenarios, kept, now),
            trends: scenarios.iter().map(|nights| trend::trend(nights, kept)).collect(),
            footer: format!("Times are UTC. Made by slowdrip {} on {}.", env!("CARGO_PKG_VERSION"), moment(now)),
            headline,
        }
    }
}

fn headline(scenarios: &[Nights<'_>], kept: &dyn Fn(&HistoryLine) -> bool, now: jiff::Timestamp) -> Headline {
    let latest: Vec<&HistoryLine> = scenarios.iter().filter_map(Nights::latest).collect();
    let of = |verdict: Verdict| latest.iter().copied().filter(|line| line.verdict == verdict).collect::<Vec<_>>();
    let (fails, open, passes) = (of(Verdict::Fail), of(Verdict::Inconclusive), of(Verdict::Pass));
    let all = latest.len();
    let (word, class, mark) = match (fails.len(), open.len()) {
        _ if all == 0 => ("No nights".to_owned(), "v-warn", Mark::OPEN),
        (0, 0) if all == 1 => ("Passes".to_owned(), "v-pass", Mark::HOLDS),
        (0, _) if all == 1 => ("Inconclusive".to_owned(), "v-warn", Mark::OPEN),
        _ if all == 1 => ("Fails".to_owned(), "v-fail", Mark::FAIL),
        (0, 0) => (format!("All {all} pass"), "v-pass", Mark::HOLDS),
        (0, open) => (format!("{open} of {all} inconclusive"), "v-warn", Mark::OPEN),
        (1, _) => (format!("1 of {all} fails"), "v-fail", Mark::FAIL),
        (fails, _) => (format!("{fails} of {all} fail"), "v-fail", Mark::FAIL),
    };
    let names = |lines: &[&HistoryLine]| listed(&lines.iter().map(|line| name(&line.scenario)).collect::<Vec<_>>(), 4);
    let mut says = Vec::new();
    match fails.as_slice() {
        [] => {}
        [one] => says.push(format!("{} fails: {}", name(&one.scenario), stopped(&clip(&one.reason, 240)))),
        many => says.push(format!("{} fail.", names(many))),
    }
    match open.as_slice() {
        [] => {}
        [one] if fails.is_empty() => {
            says.push(format!("{} is inconclusive: {}", name(&one.scenario), stopped(&clip(&one.reason, 240))));
        }
        [one] => says.push(format!("{} is inconclusive.", name(&one.scenario))),
        many => says.push(format!("{} are inconclusive.", names(many))),
    }
    if !passes.is_empty() && all > 1 {
        says.push(match passes.len() {
            passing if passing == all => "Every scenario passes.".to_owned(),
            1 => format!("{} passes.", names(&passes)),
            passing => format!("The other {passing} pass."),
        });
    } else if let ([one], true) = (passes.as_slice(), all == 1) {
        says.push(format!("{}: {}", name(&one.scenario), stopped(&clip(&one.reason, 240))));
    }
    if all == 0 {
        says.push("The history is empty: no night has been recorded yet.".to_owned());
    }
    let advice = advice(&fails, &open, kept, scenarios, now);
    Headline { word, class, mark, reason: says.join(" "), advice, facts: facts(scenarios, kept, now) }
}

fn advice(
    fails: &[&HistoryLine],
    open: &[&HistoryLine],
    kept: &dyn Fn(&HistoryLine) -> bool,
    scenarios: &[Nights<'_>],
    now: jiff::Timestamp,
) -> Vec<Piece> {
    let Some(last) = scenarios.iter().filter_map(Nights::latest).map(|line| line.started).max() else {
        return vec![
            Piece::plain("run a first night: "),
            Piece::Code("slowdrip run SCENARIO".to_owned()),
            Piece::plain("."),
        ];
    };
    let overdue = now.as_second() - last.as_second() > OVERDUE_S;
    let mut pieces = Vec::new();
    match fails.first().or(open.first()) {
        Some(line) => {
            let what = if fails.is_empty() { "inconclusive report" } else { "failing report" };
            pieces.push(Piece::plain("open the "));
            pieces.push(if kept(line) {
                Piece::link(what, href(line))
            } else {
                Piece::plain(format!("{what} (no longer kept here)"))
            });
            let nights = scenarios.iter().find(|nights| nights.name == line.scenario);
            let good = nights.and_then(|nights| nights.lines.iter().rev().find(|line| line.verdict == Verdict::Pass));
            if let Some(good) = good {
                let build = build::build(&good.labels, good.image.as_deref())
                    .map_or_else(String::new, |build| format!(" with {build}"));
                pieces.push(Piece::plain(format!("; {} last passed{build} on ", name(&line.scenario))));
                let when = good.started.strftime("%-d %b").to_string();
                pieces.push(if kept(good) { Piece::link(when, href(good)) } else { Piece::plain(when) });
            }
            pieces.push(Piece::plain("."));
        }
        None if overdue => {}
        None => pieces.push(Piece::plain("nothing.")),
    }
    if overdue {
        let lead = if pieces.is_empty() { "see" } else { " See" };
        pieces.push(Piece::plain(format!("{lead} why no night has run for {}.", age(now, last))));
    }
    pieces
}

/// How long ago, in the largest units.
fn age(now: jiff::Timestamp, then: jiff::Timestamp) -> String {
    let seconds = (now.as_second() - then.as_second()).max(0);
    if seconds >= 2 * 86_400 {
        return format!("{} days", seconds / 86_400);
    }
    #[expect(clippy::cast_precision_loss, reason = "at most two days of seconds")]
    let rounded = if seconds >= 3600 { (seconds / 60 * 60) as f64 } else { seconds as f64 };
    text::seconds(rounded)
}

fn facts(scenarios: &[Nights<'_>], kept: &dyn Fn(&HistoryLine) -> bool, now: jiff::Timestamp) -> Vec<Fact> {
    let lines = || scenarios.iter().flat_map(|nights| nights.lines.iter().copied());
    let Some(last) = lines().map(|line| line.started).max() else { return Vec::new() };
    let overdue = now.as_second() - last.as_second() > OVERDUE_S;
    let mut facts = Vec::new();
    let mut began = Fact::new("Last night began", format!("{} ago", age(now, last)))
        .sub(format!("{}{}", moment(last), if overdue { ", overdue" } else { "" }))
        .class(if overdue { "bad" } else { "lead" });
    began.time = Some(last.to_string());
    facts.push(began);
    let tonight = scenarios
        .iter()
        .filter(|nights| nights.latest().is_some_and(|line| last.as_second() - line.started.as_second() < 86_400));
    let tonight = tonight.count();
    let all = scenarios.len();
    let ran = Fact::new("Scenarios run", format!("{tonight} of {all}")).sub("within a day of it");
    facts.push(if tonight < all { ran.class("amb") } else { ran });
    let runs = lines().count() as u64;
    let days: std::collections::BTreeSet<i64> = lines().map(|line| day_of(line.started)).collect();
    let window = heat::window(scenarios, now);
    let since = days.first().copied().unwrap_or(0).max(*window.start());
    let missing = (since..=*window.end()).filter(|day| !days.contains(day)).count();
    let missed = if missing == 0 { "none missing".to_owned() } else { format!("{missing} without a run") };
    facts.push(Fact::new("Nights", text::count(days.len() as u64, "night")).sub(missed));
    let pages = lines().filter(|line| kept(line)).count();
    facts.push(Fact::new("Runs", runs.to_string()).sub(format!("{pages} with their page")));
    let newest = lines().max_by_key(|line| line.started);
    if let Some(build) = newest.and_then(|line| build::build(&line.labels, line.image.as_deref())) {
        facts.push(Fact::new("Latest build", build));
    }
    facts
}
