//! The verdicts of sixty nights, a row for each scenario.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::words::{apart, build_of, called, said, tip};
use super::{NIGHTS, Nights};
use crate::report::page::parts::name;

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
    href: Option<String>,
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

/// The strip of the last [`NIGHTS`] nights, `end` the last of them.
pub(crate) fn heat(scenarios: &[Nights<'_>], end: i64) -> Heat {
    let days = end - NIGHTS + 1..=end;
    let old = |day: i64| end - day >= YOUNG;
    let rows = scenarios.iter().map(|nights| Row {
        scenario: apart(name(nights.name)),
        href: nights.latest().and_then(|night| night.href()),
        cells: days.clone().map(|day| square(nights, day, old(day))).collect(),
    });
    // Day 4 was a Monday.
    let monday = |day: i64| (day - 4).rem_euclid(7) == 0;
    let week = |day: i64| Tick { text: if monday(day) { said(day, "%-d %b") } else { String::new() }, old: old(day) };
    let builds = builds(scenarios, days.clone(), 5).into_iter().zip(days.clone());
    Heat {
        title: format!("{NIGHTS} nights"),
        builds: builds.map(|(text, day)| Tick { text: text.unwrap_or_default(), old: old(day) }).collect(),
        rows: rows.collect(),
        weeks: days.clone().map(week).collect(),
    }
}

/// For each day the build that is new, `None` where none is. It is empty where it has no room for itself: `room` days. The newest is
/// always there.
pub(crate) fn builds(scenarios: &[Nights<'_>], days: RangeInclusive<i64>, room: usize) -> Vec<Option<String>> {
    let mut current = String::new();
    let mut changes: Vec<(usize, String)> = Vec::new();
    for (column, day) in days.clone().enumerate() {
        let mut names: Vec<String> =
            scenarios.iter().flat_map(|nights| nights.on(day)).filter_map(|night| build_of(night.line)).collect();
        names.sort();
        names.dedup();
        let build = match names.as_slice() {
            [] => continue,
            [one] => one.clone(),
            _ => "several".to_owned(),
        };
        if build != current {
            current.clone_from(&build);
            changes.push((column, build));
        }
    }
    let mut texts: Vec<Option<String>> = days.map(|_| None).collect();
    let newest = changes.last().map(|(column, _)| *column);
    let mut free = 0;
    for (column, build) in changes {
        let is_newest = Some(column) == newest;
        let fits = column >= free && (is_newest || newest.is_none_or(|newest| column + room <= newest));
        if fits {
            free = column + room;
        }
        if let Some(text) = texts.get_mut(column) {
            *text = Some(if fits { build } else { String::new() });
        }
    }
    texts
}

fn square(nights: &Nights<'_>, day: i64, old: bool) -> Square {
    let runs = nights.on(day);
    let Some(worst) = runs.iter().max_by_key(|night| (night.kind(), night.line.started)) else {
        let before = nights.first_day().is_none_or(|first| day < first);
        let (glyph, title) = if before { ("", String::new()) } else { ("g-none", tip(day, runs)) };
        return Square { glyph, title, href: None, old };
    };
    Square { glyph: worst.kind().glyph(), title: tip(day, runs), href: worst.href(), old }
}

/// Names within a text, shortened.
pub(crate) fn named<'a>(names: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let all: Vec<String> = names.into_iter().map(called).collect();
    crate::report::page::parts::listed(&all, most)
}
