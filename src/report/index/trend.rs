//! One scenario over its nights: the held level of each class, and every run.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{NIGHTS, Nights, day_of, href, mark};
use crate::model::{HistoryClass, HistoryLine, Status, text};
use crate::report::chart::{Chart, Point, Svg, range};
use crate::report::page::build;
use crate::report::page::parts::{Block, Cell, Mark, Table, clip, column, moment, name};

/// Classes that get a line of their own.
const CLASSES: usize = 18;

/// A scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Trend {
    mark: Mark,
    scenario: String,
    href: Option<String>,
    note: String,
    sparks: Vec<Spark>,
    more: String,
    runs: Vec<Block>,
}

/// A class over the nights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Spark {
    class: String,
    svg: Svg,
    value: String,
    colour: &'static str,
    sub: String,
}

pub(crate) fn trend(nights: &Nights<'_>, kept: &dyn Fn(&HistoryLine) -> bool) -> Trend {
    let lines = shown(nights);
    let latest = nights.latest();
    let mut classes: BTreeMap<&str, Option<&HistoryClass>> = BTreeMap::new();
    for line in lines {
        for (class, kept) in &line.classes {
            if kept.status.is_some() || kept.dead > 0 || kept.level.is_some_and(|level| level > 0.0) {
                classes.insert(class, None);
            }
        }
    }
    for (class, last) in &mut classes {
        *last = latest.and_then(|line| line.classes.get(*class));
    }
    let mut sorted: Vec<(&str, Option<&HistoryClass>)> = classes.into_iter().collect();
    sorted.sort_by_key(|(name, last)| {
        let status = last.and_then(|last| last.status);
        let rank = match status {
            Some(Status::Breaks) => 0,
            Some(Status::Undecided) => 2,
            Some(Status::Holds) => 1,
            None => 3,
        };
        (rank, *name)
    });
    let more = sorted.len().saturating_sub(CLASSES);
    let sparks = sorted.iter().take(CLASSES).map(|(class, last)| spark(lines, class, *last)).collect();
    Trend {
        mark: latest.map_or(Mark::OPEN, |line| mark(line.verdict)),
        scenario: name(nights.name),
        href: latest.filter(|line| kept(line)).map(href),
        note: latest.map_or_else(String::new, |line| format!("latest: {}", moment(line.started))),
        sparks,
        more: if more > 0 { format!("and {more} more classes, in history.jsonl") } else { String::new() },
        runs: runs(nights, kept),
    }
}

/// The lines of the nights that the page shows.
fn shown<'a, 'b>(nights: &'b Nights<'a>) -> &'b [&'a HistoryLine] {
    let end = nights.latest().map_or(0, |line| day_of(line.started));
    let first = nights.lines.partition_point(|line| day_of(line.started) <= end - NIGHTS);
    nights.lines.get(first..).unwrap_or_default()
}

fn spark(lines: &[&HistoryLine], class: &str, last: Option<&HistoryClass>) -> Spark {
    let start = lines.first().map_or(0, |line| line.started.as_second());
    let mut points: Vec<Point> = Vec::new();
    let mut before = None;
    let mut previous = None;
    for line in lines {
        #[expect(clippy::cast_precision_loss, reason = "seconds of two months")]
        let at = (line.started.as_second() - start) as f64 / 86_400.0;
        if let Some(then) = before.filter(|then| at - then > 1.5) {
            points.push((f64::midpoint(then, at), None));
        }
        before = Some(at);
        points.push((at, line.classes.get(class).and_then(|kept| kept.level)));
    }
    for line in lines.iter().rev().skip(1) {
        if let Some(level) = line.classes.get(class).and_then(|kept| kept.level) {
            previous = Some(level);
            break;
        }
    }
    let colour = match last.and_then(|last| last.status) {
        Some(Status::Breaks) => "bad",
        Some(Status::Holds | Status::Undecided) | None => "",
    };
    let unit = last.map(|last| last.unit);
    let said = |level: f64| unit.map_or_else(|| text::figure(level), |unit| text::amount(level, unit));
    let level = last.and_then(|last| last.level);
    let mut sub = Vec::new();
    if let (Some(now), Some(then)) = (level, previous)
        && (now - then).abs() >= (0.1 * now.abs().max(then.abs())).max(1.0)
    {
        sub.push(format!("{} before", said(then)));
    }
    if let Some(dead) = last.map(|last| last.dead).filter(|dead| *dead > 0) {
        sub.push(format!("{dead} dead"));
    }
    if let (Some(rate), Some(unit)) = (last.and_then(|last| last.rate).filter(|rate| *rate > 0.05), unit) {
        sub.push(text::per_hour(rate, unit));
    }
    let value = level.map_or_else(|| "not read".to_owned(), said);
    let class = name(class);
    let label = format!("{class} over {}: {value} in the latest", text::count(lines.len() as u64, "run"));
    Spark {
        svg: draw(&points, &label, if colour == "bad" { "fa" } else { "fi" }),
        class,
        value,
        colour,
        sub: sub.join(", "),
    }
}

fn draw(points: &[Point], label: &str, dot: &str) -> Svg {
    let end = points.last().map_or(1.0, |(at, _)| *at).max(1.0);
    // A range of its own, but never so narrow that the usual to and fro looks like an event.
    let (low, high) = range([points]).unwrap_or((0.0, 1.0));
    let span = (high - low).max(0.3 * high).max(3.0);
    let base = (f64::midpoint(low, high) - span / 2.0).max(0.0);
    // A first night stands at the end of its line, as every latest night does.
    let start = if points.len() > 1 { 0.0 } else { -end };
    let end = if points.len() > 1 { end * 1.02 } else { 0.02 };
    let mut chart = Chart::new(32.0, 4.0, (start, end), (base, base + span * 1.05)).flush(4.0);
    chart.joined("raw", points);
    if let Some((at, level)) = points.last().and_then(|(at, level)| level.map(|level| (*at, level))) {
        chart.dot(dot, at, level);
    }
    chart.finish(label, &[])
}

/// Every run that the page shows, the latest first.
fn runs(nights: &Nights<'_>, kept: &dyn Fn(&HistoryLine) -> bool) -> Vec<Block> {
    const MOST: usize = 60;
    let columns = vec![
        column("Night", ""),
        column("Build", "opt"),
        column("Verdict", ""),
        column("Why", "w"),
        column("Watched", "r opt"),
    ];
    let mut table = Table::new(&format!("Runs of {}", name(nights.name)), columns).quiet();
    table.rows = nights
        .lines
        .iter()
        .rev()
        .map(|line| {
            let night = Cell { href: kept(line).then(|| href(line)), ..Cell::from(moment(line.started)) };
            vec![
                night,
                build::build(&line.labels, line.image.as_deref()).unwrap_or_default().into(),
                Cell::marked(mark(line.verdict), super::heat::word(line.verdict)),
                clip(&line.reason, 160).into(),
                text::seconds(line.soaked_s.round()).into(),
            ]
        })
        .collect();
    let summary = text::count(nights.lines.len() as u64, "run");
    vec![Block::Fold { summary, table: table.cut(MOST, "history.jsonl") }]
}
