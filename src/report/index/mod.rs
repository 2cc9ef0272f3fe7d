//! The trend: every scenario over all its nights.

mod head;
mod heat;
mod latest;
mod since;
mod spark;
#[cfg(test)]
mod tests;
mod trend;
mod words;
mod year;

use std::collections::BTreeMap;

use serde::Serialize;

use super::page::parts::{Mark, Piece, clip, moment, name};
use super::page::record::segment;
use super::page::verdict::stopped;
use crate::model::{HistoryLine, Verdict, text};
use head::Head;
use heat::Heat;
use latest::Latest;
use since::Since;
use trend::Trend;
use words::{Kind, apart, called, day_of};
use year::Year;

/// Nights of the strip that shows each of them.
const NIGHTS: i64 = 60;
/// Nights that the page goes back.
const YEAR: i64 = 365;
/// After this time without a night something is wrong with whoever starts them.
const OVERDUE_S: i64 = 36 * 3600;
/// A night that is said to begin later than this from now is a clock's fault.
const AHEAD_S: i64 = 24 * 3600;

/// The page of all nights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Index {
    title: String,
    pages: Vec<Piece>,
    head: Head,
    since: Option<Since>,
    /// What the latest nights say that do not pass, where there are several.
    news: Vec<News>,
    heat: Heat,
    year: Option<Year>,
    trends: Vec<Trend>,
    latest: Option<Latest>,
    /// What of the history could not be shown.
    notes: Vec<String>,
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

/// A run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Night<'a> {
    line: &'a HistoryLine,
    /// True where its page is still there.
    kept: bool,
}

impl Night<'_> {
    fn kind(&self) -> Kind {
        Kind::of(self.line)
    }

    /// Where its page is, seen from the trend.
    fn href(&self) -> Option<String> {
        let line = self.line;
        self.kept.then(|| format!("{}/{}/report.html", segment(&line.scenario), segment(&line.run)))
    }
}

/// A scenario's nights, oldest first, one for each run.
pub(crate) struct Nights<'a> {
    name: &'a str,
    all: Vec<Night<'a>>,
    days: BTreeMap<i64, Vec<Night<'a>>>,
}

impl<'a> Nights<'a> {
    fn latest(&self) -> Option<Night<'a>> {
        self.all.last().copied()
    }

    /// The night before the latest.
    fn previous(&self) -> Option<Night<'a>> {
        self.all.len().checked_sub(2).and_then(|n| self.all.get(n)).copied()
    }

    fn first_day(&self) -> Option<i64> {
        self.days.keys().next().copied()
    }

    /// The runs of a day, in the order of their begin.
    fn on(&self, day: i64) -> &[Night<'a>] {
        self.days.get(&day).map(Vec::as_slice).unwrap_or_default()
    }

    /// One run for each day from `first` on: the last of the day.
    fn nightly(&self, first: i64) -> Vec<(i64, &'a HistoryLine)> {
        let last = |(day, runs): (&i64, &Vec<Night<'a>>)| runs.last().map(|night| (*day, night.line));
        self.days.range(first..).filter_map(last).collect()
    }
}

/// The scenarios by name. A run that was judged again counts once, as it was judged last: of lines of one run the last stands.
fn scenarios<'a>(lines: &[&'a HistoryLine], kept: &dyn Fn(&HistoryLine) -> bool) -> Vec<Nights<'a>> {
    let mut by_name: BTreeMap<&str, BTreeMap<&str, &HistoryLine>> = BTreeMap::new();
    for line in lines {
        by_name.entry(&line.scenario).or_default().insert(&line.run, line);
    }
    let nights = by_name.into_iter().map(|(name, lines)| {
        let mut all: Vec<Night<'a>> = lines.into_values().map(|line| Night { line, kept: kept(line) }).collect();
        all.sort_by_key(|night| (night.line.started, &night.line.run));
        let mut days: BTreeMap<i64, Vec<Night<'a>>> = BTreeMap::new();
        for night in &all {
            days.entry(day_of(night.line.started)).or_default().push(*night);
        }
        Nights { name, all, days }
    });
    nights.collect()
}

/// The last night of the strips. Today is left out while nothing has run today, and nights that never came are shown for a month
/// at most.
fn last_day(scenarios: &[Nights<'_>], now: jiff::Timestamp) -> i64 {
    let last = scenarios.iter().filter_map(Nights::latest).map(|night| day_of(night.line.started)).max();
    let last = last.unwrap_or_else(|| day_of(now));
    last.max((day_of(now) - 1).min(last + 30))
}

impl Index {
    /// `unread` has the lines of each scenario's history that could not be read.
    pub(crate) fn new(
        lines: &[HistoryLine],
        unread: &BTreeMap<String, u64>,
        kept: &dyn Fn(&HistoryLine) -> bool,
        now: jiff::Timestamp,
    ) -> Self {
        let ahead = |line: &&HistoryLine| line.started.as_second() - now.as_second() > AHEAD_S;
        let (ahead, lines): (Vec<&HistoryLine>, Vec<&HistoryLine>) = lines.iter().partition(ahead);
        let mut scenarios = scenarios(&lines, kept);
        // The worst on top, on all of the page.
        scenarios.sort_by_key(|nights| std::cmp::Reverse(nights.latest().map(|night| night.kind())));
        let end = last_day(&scenarios, now);
        let head = head::head(&scenarios, end, now);
        let newest = scenarios.iter().filter_map(Nights::latest).filter(|night| night.kept);
        let pages = newest.max_by_key(|night| night.line.started).and_then(|night| night.href());
        Self {
            title: format!("{}: slowdrip, {}", head.word, now.strftime("%-d %b %Y")),
            pages: pages.map(|href| Piece::link("Last report", href)).into_iter().collect(),
            since: since::since(&scenarios),
            news: news(&scenarios),
            heat: heat::heat(&scenarios, end),
            year: year::year(&scenarios, end),
            trends: scenarios.iter().map(|nights| trend::trend(nights, &scenarios)).collect(),
            latest: latest::latest(&scenarios),
            notes: notes(unread, &ahead),
            footer: format!("Times are UTC. Made by slowdrip {} on {}.", env!("CARGO_PKG_VERSION"), moment(now)),
            head,
        }
    }
}

/// The latest nights that do not pass, the worst first; a single one is told by the headline.
fn news(scenarios: &[Nights<'_>]) -> Vec<News> {
    let mut latest: Vec<Night<'_>> = scenarios.iter().filter_map(Nights::latest).collect();
    latest.retain(|night| night.line.verdict != Verdict::Pass);
    if latest.len() < 2 {
        return Vec::new();
    }
    latest.sort_by_key(|night| (std::cmp::Reverse(night.kind()), std::cmp::Reverse(night.line.started)));
    let news = latest.iter().map(|night| News {
        mark: night.kind().mark(),
        scenario: apart(name(&night.line.scenario)),
        href: night.href(),
        when: moment(night.line.started),
        reason: stopped(&clip(&night.line.reason, 400)),
    });
    news.collect()
}

/// What of the history is not on the page, and why.
fn notes(unread: &BTreeMap<String, u64>, ahead: &[&HistoryLine]) -> Vec<String> {
    const MOST: usize = 12;
    let mut notes: Vec<String> = Vec::new();
    for (scenario, lines) in unread.iter().filter(|(_, lines)| **lines > 0) {
        let (lines, are) = (text::count(*lines, "line"), if *lines == 1 { "is" } else { "are" });
        notes.push(format!(
            "{lines} of {}/history.jsonl cannot be read and {are} left out: cut off, or written by a newer slowdrip.",
            called(scenario)
        ));
    }
    let mut late: BTreeMap<&str, (u64, jiff::Timestamp)> = BTreeMap::new();
    for line in ahead {
        let (runs, latest) = late.entry(&line.scenario).or_insert((0, line.started));
        (*runs, *latest) = (*runs + 1, line.started.max(*latest));
    }
    for (scenario, (runs, latest)) in late {
        let (runs, lie) = (text::count(runs, "run"), if runs == 1 { "lies" } else { "lie" });
        notes.push(format!(
            "{runs} of {} {lie} in the future (up to {}) and count for nothing here: see to the clock of the machine.",
            called(scenario),
            moment(latest)
        ));
    }
    let more = notes.len().saturating_sub(MOST);
    if more > 0 {
        notes.truncate(MOST);
        notes.push(format!("And {} of this kind.", text::count(more as u64, "more note")));
    }
    notes
}
