//! One scenario over its nights: its classes and its runs.

use std::collections::BTreeSet;

use serde::Serialize;

use super::head::lag;
use super::spark::{Spark, spark};
use super::words::{apart, build_of};
use super::{Kind, Nights, YEAR};
use crate::model::{HistoryLine, text};
use crate::report::page::parts::{Block, Cell, Mark, Table, clip, column, moment, name};

/// Classes that are shown at once, if nothing about them is news.
const QUIET: usize = 6;
/// Classes that are shown at once.
const SHOWN: usize = 12;
/// Classes that get a line at all.
const MOST: usize = 24;
/// The latest runs of the list; of those before only the ones that did not pass.
const RUNS: usize = 14;
/// Most runs of the list.
const MOST_RUNS: usize = 40;

/// A scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Trend {
    mark: Mark,
    scenario: String,
    href: Option<String>,
    note: String,
    /// True where it has not run when the others did.
    late: bool,
    sparks: Vec<Spark>,
    /// Classes behind a click, and what they are called.
    steady: Vec<Spark>,
    fold: String,
    more: String,
    runs: Vec<Block>,
}

pub(crate) fn trend(nights: &Nights<'_>, scenarios: &[Nights<'_>]) -> Trend {
    let latest = nights.latest();
    let end = nights.days.keys().next_back().copied().unwrap_or_default();
    let nightly = nights.nightly(end - YEAR + 1);
    let mut sparks: Vec<Spark> = Vec::new();
    let mut names: Vec<&str> = classes(&nightly).into_iter().collect();
    let found = names.len();
    names.truncate(4 * MOST);
    if let Some(latest) = latest {
        sparks.extend(names.iter().map(|class| spark(&nightly, class, latest.line)));
    }
    sparks.sort_by_key(|spark| spark.rank);
    sparks.truncate(MOST);
    let more = found - sparks.len();
    let news = sparks.iter().filter(|spark| spark.rank < 3).count();
    let mut steady = sparks.split_off(sparks.len().min(news.clamp(QUIET, SHOWN)));
    // A fold that hides one or two is a nuisance.
    if steady.len() < 3 {
        sparks.append(&mut steady);
    }
    let lag = lag(nights, scenarios);
    let when = latest.map_or_else(String::new, |night| format!("latest: {}", moment(night.line.started)));
    Trend {
        mark: latest.map_or(Mark::OPEN, |night| night.kind().mark()),
        scenario: apart(name(nights.name)),
        href: latest.and_then(|night| night.href()),
        note: match lag {
            None => when,
            Some(days) => {
                format!("{when}, {} behind the others", text::count(days.unsigned_abs(), "day"))
            }
        },
        late: lag.is_some(),
        fold: format!(
            "{}, without a change in the last nights",
            text::count(steady.len() as u64, "more class").replace("classs", "classes")
        ),
        sparks,
        steady,
        more: if more > 0 { format!("and {more} more, in history.jsonl") } else { String::new() },
        runs: runs(nights),
    }
}

/// Classes of which there is something to tell.
fn classes<'a>(nightly: &[(i64, &'a HistoryLine)]) -> BTreeSet<&'a str> {
    nightly
        .iter()
        .flat_map(|(_, line)| &line.classes)
        .filter(|(_, kept)| kept.status.is_some() || kept.dead > 0 || kept.level.is_some_and(|level| level > 0.0))
        .map(|(class, _)| class.as_str())
        .collect()
}

/// The latest runs, and of those before the ones that did not pass, the latest first.
fn runs(nights: &Nights<'_>) -> Vec<Block> {
    let columns = vec![
        column("Night", ""),
        column("Build", "opt"),
        column("Verdict", ""),
        column("Why", "w"),
        column("Watched", "r opt"),
    ];
    let mut table = Table::new(&format!("Runs of {}", name(nights.name)), columns).quiet();
    let all = nights.all.len();
    let worth = |(n, night): &(usize, &super::Night<'_>)| *n < RUNS || night.kind() != Kind::Pass;
    let rows = nights.all.iter().rev().enumerate().filter(worth).map(|(_, night)| {
        let line = night.line;
        let sub = if night.kept { "" } else { "page no longer kept" };
        vec![
            Cell { href: night.href(), sub: sub.to_owned(), ..Cell::from(moment(line.started)) },
            build_of(line).unwrap_or_default().into(),
            Cell::marked(night.kind().mark(), night.kind().short()),
            clip(&line.reason, 160).into(),
            text::seconds(line.soaked_s.round()).into(),
        ]
    });
    table.rows = rows.collect();
    let left = all - table.rows.len();
    let mut table = table.cut(MOST_RUNS, "history.jsonl");
    if left > 0 {
        let passed = format!("{} that passed, in history.jsonl", text::count(left as u64, "earlier run"));
        table.more =
            if table.more.is_empty() { format!("and {passed}") } else { format!("{}; and {passed}", table.more) };
    }
    vec![Block::Fold { summary: text::count(all as u64, "run"), table }]
}
