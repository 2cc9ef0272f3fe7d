//! The verdicts of sixty nights, a row for each scenario.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::{NIGHTS, Nights, day_of, href};
use crate::model::{HistoryLine, Verdict};
use crate::report::page::build;
use crate::report::page::parts::{clip, name};

/// A narrow screen shows this many nights.
const YOUNG: i64 = 21;

/// The strip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Heat {
    title: String,
    /// The build of each night, where it changes.
    builds: Vec<Tick>,
    rows: Vec<Row>,
    /// The Mondays.
    weeks: Vec<Tick>,
}

/// A column of the rows above and below the strip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Tick {
    text: String,
    old: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Row {
    scenario: String,
    cells: Vec<Square>,
}

/// A night of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Square {
    /// The symbol; empty before the scenario's first night.
    glyph: &'static str,
    title: String,
    href: Option<String>,
    old: bool,
}

/// The days that the page shows. Today is left out while nothing has run today, and nights that never came are shown for a
/// month at most.
pub(crate) fn window(scenarios: &[Nights<'_>], now: jiff::Timestamp) -> RangeInclusive<i64> {
    let last = scenarios.iter().filter_map(Nights::latest).map(|line| day_of(line.started)).max();
    let last = last.unwrap_or_else(|| day_of(now));
    let end = last.max((day_of(now) - 1).min(last + 30));
    end - NIGHTS + 1..=end
}

fn said(day: i64, format: &str) -> String {
    let at = jiff::Timestamp::from_second(day.saturating_mul(86_400)).unwrap_or_default();
    at.strftime(format).to_string()
}

pub(crate) fn heat(scenarios: &[Nights<'_>], kept: &dyn Fn(&HistoryLine) -> bool, now: jiff::Timestamp) -> Heat {
    let days = window(scenarios, now);
    let old = |day: i64| *days.end() - day >= YOUNG;
    let rows = scenarios.iter().map(|nights| Row {
        scenario: name(nights.name),
        cells: days.clone().map(|day| square(nights, day, kept, old(day))).collect(),
    });
    // Day 4 was a Monday.
    let monday = |day: i64| (day - 4).rem_euclid(7) == 0;
    let week = |day: i64| Tick { text: if monday(day) { said(day, "%-d %b") } else { String::new() }, old: old(day) };
    Heat {
        title: format!("{NIGHTS} nights"),
        builds: builds(scenarios, days.clone())
            .into_iter()
            .zip(days.clone())
            .map(|(text, day)| Tick { text, old: old(day) })
            .collect(),
        rows: rows.collect(),
        weeks: days.clone().map(week).collect(),
    }
}

/// The build of each day, written where it changes and where there is room for it.
fn builds(scenarios: &[Nights<'_>], days: RangeInclusive<i64>) -> Vec<String> {
    const ROOM: usize = 5;
    let mut current = String::new();
    let mut free = 0_usize;
    days.map(|day| {
        let mut names: Vec<String> = scenarios
            .iter()
            .flat_map(|nights| nights.lines.iter().filter(|line| day_of(line.started) == day))
            .filter_map(|line| build::build(&line.labels, line.image.as_deref()))
            .collect();
        names.sort();
        names.dedup();
        let build = match names.as_slice() {
            [] => String::new(),
            [one] => clip(one, 12),
            _ => "several".to_owned(),
        };
        free = free.saturating_sub(1);
        if build.is_empty() || build == current || free > 0 {
            return String::new();
        }
        current.clone_from(&build);
        free = ROOM;
        build
    })
    .collect()
}

fn square(nights: &Nights<'_>, day: i64, kept: &dyn Fn(&HistoryLine) -> bool, old: bool) -> Square {
    let mut runs: Vec<&HistoryLine> = nights.lines.iter().copied().filter(|line| day_of(line.started) == day).collect();
    let first = nights.lines.first().map_or(i64::MAX, |line| day_of(line.started));
    // The worst run of the day stands for it, of several equal ones the last.
    runs.sort_by_key(|line| (weight(line.verdict), line.started));
    let Some(worst) = runs.last().copied() else {
        let (glyph, title) =
            if day < first { ("", String::new()) } else { ("g-none", format!("{}: no run", said(day, "%-d %b"))) };
        return Square { glyph, title, href: None, old };
    };
    let build =
        build::build(&worst.labels, worst.image.as_deref()).map_or_else(String::new, |build| format!(", {build}"));
    let title = match runs.len() {
        1 => format!("{}{build}: {}", said(day, "%-d %b"), word(worst.verdict)),
        n => {
            runs.sort_by_key(|line| line.started);
            let words: Vec<&str> = runs.iter().map(|line| word(line.verdict)).collect();
            format!("{}{build}: {n} runs: {}", said(day, "%-d %b"), words.join(", "))
        }
    };
    let glyph = match worst.verdict {
        Verdict::Pass => "g-ok",
        Verdict::Fail => "g-fail",
        Verdict::Inconclusive => "g-inc",
    };
    Square { glyph, title: clip(&title, 160), href: kept(worst).then(|| href(worst)), old }
}

fn weight(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 0,
        Verdict::Inconclusive => 1,
        Verdict::Fail => 2,
    }
}

/// A verdict in running text.
pub(crate) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Inconclusive => "inconclusive",
    }
}
