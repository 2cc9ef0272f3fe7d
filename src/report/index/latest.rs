//! The last two nights of the scenario that fails, side by side, from their lines alone.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use minijinja::HtmlEscape;
use serde::Serialize;

use super::spark::figure;
use super::words::{apart, build_of, called, short_day, unlike};
use super::{NIGHTS, Nights, YEAR};
use crate::model::{HistoryClass, HistoryLine, Severity, Status, Unit, Verdict, text};
use crate::report::chart::Svg;
use crate::report::page::parts::{Cell, Mark, Table, column, listed, name, signed};

/// Classes that get a row.
const MOST: usize = 14;

/// The difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Latest {
    title: String,
    note: String,
    table: Table,
    /// What did not change.
    same: String,
}

/// Of the scenarios that fail, the one with the most that is new; `None` where none fails or there is no night before.
pub(crate) fn latest(scenarios: &[Nights<'_>]) -> Option<Latest> {
    let pairs = scenarios.iter().filter_map(|nights| {
        let (before, after) = nights.previous().zip(nights.latest())?;
        (after.line.verdict == Verdict::Fail).then_some((nights, before.line, after.line))
    });
    let (nights, before, after) = pairs.max_by_key(|(_, before, after)| {
        (after.broken.iter().filter(|print| !before.broken.contains(print)).count(), after.started)
    })?;
    Some(between(nights, before, after))
}

fn between(nights: &Nights<'_>, before: &HistoryLine, after: &HistoryLine) -> Latest {
    let columns = vec![
        column("Class", ""),
        column(&short_day(before), "r opt"),
        column(&short_day(after), "r"),
        column("Change", "r"),
        column("Rate in the run", "r"),
        column("Level; band: the nights before, hollow: the last of them", "sp opt"),
    ];
    let mut table = Table::new("Classes that changed", columns).quiet();
    let mut same: Vec<String> = Vec::new();
    let classes: BTreeSet<&String> = before.classes.keys().chain(after.classes.keys()).collect();
    let end = nights.days.keys().next_back().copied().unwrap_or_default();
    let earlier: Vec<&HistoryLine> = nights.nightly(end - NIGHTS.min(YEAR)).into_iter().map(|(_, line)| line).collect();
    let mut rows: Vec<(u8, f64, Vec<Cell>)> = Vec::new();
    for class in classes {
        let (was, is) = (before.classes.get(class), after.classes.get(class));
        let Some(unit) = is.or(was).map(|kept| kept.unit) else { continue };
        if changed(was, is, unit) {
            let levels: Vec<f64> = earlier
                .iter()
                .filter(|line| line.run != after.run)
                .filter_map(|line| line.classes.get(class)?.level.filter(|level| level.is_finite()))
                .collect();
            let broken = is.and_then(|kept| kept.status) == Some(Status::Breaks);
            rows.push((u8::from(!broken), share(was, is), row(class, was, is, unit, &levels)));
        } else if let (Some(was), Some(is)) = (was, is) {
            same.extend(unchanged(class, was, is, unit));
        }
    }
    rows.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    table.rows = rows.into_iter().map(|(_, _, row)| row).collect();
    let build = |line: &HistoryLine| build_of(line).map_or_else(String::new, |build| format!(", {build}"));
    let mut note = format!("{}{} → {}{}", short_day(before), build(before), short_day(after), build(after));
    let unlike = unlike(before, after);
    if !unlike.is_empty() {
        let _ = write!(note, "; not like with like: {}", unlike.join(", "));
    }
    Latest {
        title: format!("Latest difference: {}", called(nights.name)),
        note,
        table: table.cut(MOST, "the report of the night"),
        same: if same.is_empty() { String::new() } else { format!("Same on both nights: {}.", listed(&same, 14)) },
    }
}

fn level(kept: Option<&HistoryClass>) -> Option<f64> {
    kept.and_then(|kept| kept.level)
}

/// By how much of the larger level they differ.
fn share(was: Option<&HistoryClass>, is: Option<&HistoryClass>) -> f64 {
    level(was).zip(level(is)).map_or(1.0, |(was, is)| (is - was).abs() / was.abs().max(is.abs()).max(f64::MIN_POSITIVE))
}

/// A tenth and more than two things, other dead handles, or a rule that fares otherwise.
fn changed(was: Option<&HistoryClass>, is: Option<&HistoryClass>, unit: Unit) -> bool {
    let least = match unit {
        Unit::Count => 2.0,
        Unit::Bytes => 1_048_576.0,
    };
    let (Some(then), Some(now)) = (was, is) else { return true };
    let moved = level(was).zip(level(is)).is_some_and(|(a, b)| (b - a).abs() > least && share(was, is) >= 0.1);
    let judged = then.status.zip(now.status).is_some_and(|(then, now)| then != now);
    moved || judged || then.dead != now.dead || then.level.is_some() != now.level.is_some()
}

fn unchanged(class: &str, was: &HistoryClass, is: &HistoryClass, unit: Unit) -> Option<String> {
    let (then, now) = (text::amount(was.level?, unit), text::amount(is.level?, unit));
    Some(figure(class, &if then == now { now } else { format!("{then} → {now}") }))
}

fn row(class: &str, was: Option<&HistoryClass>, is: Option<&HistoryClass>, unit: Unit, levels: &[f64]) -> Vec<Cell> {
    let said = |kept: Option<&HistoryClass>| level(kept).map_or("–".to_owned(), |level| text::amount(level, unit));
    let mut head = Cell::from(apart(name(class)));
    head.mark = is.and_then(|kept| kept.status).map(|status| Mark::of(status, Severity::Fail));
    let by = level(was).zip(level(is)).map_or("–".to_owned(), |(was, is)| signed(is - was, unit));
    let rate = is.and_then(|kept| kept.rate).map_or("–".to_owned(), |rate| text::per_hour(rate, unit));
    let mut now = Cell::strong(said(is));
    if let Some(dead) = is.map(|kept| kept.dead).filter(|dead| *dead > 0) {
        now.sub = format!("{dead} dead");
    }
    let broken = is.and_then(|kept| kept.status) == Some(Status::Breaks);
    let drawn = Cell::drawn(track(level(was), level(is), levels, broken, unit), "");
    vec![head, said(was).into(), now, by.into(), rate.into(), drawn]
}

/// From nothing to the highest level: what the earlier nights held as a band, the night before hollow, the latest filled.
fn track(was: Option<f64>, is: Option<f64>, levels: &[f64], broken: bool, unit: Unit) -> Svg {
    let low = levels.iter().copied().fold(f64::INFINITY, f64::min);
    let high = levels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let top = [was, is, Some(high)].into_iter().flatten().fold(1.0_f64, f64::max) * 1.03;
    let place = |value: f64| format!("{:.1}%", (value / top * 98.0 + 1.0).clamp(0.0, 100.0));
    let band = if levels.is_empty() {
        String::new()
    } else {
        format!(
            "; {} before {} to {}",
            text::count(levels.len() as u64, "night"),
            text::amount(low, unit),
            text::amount(high, unit)
        )
    };
    let said = |level: Option<f64>| level.map_or("not read".to_owned(), |level| text::amount(level, unit));
    let label = format!("{} after {}{band}", said(is), said(was));
    let mut svg = format!(
        r#"<svg class="p" width="100%" height="16" role="img" aria-label="{}"><line x1="0" x2="100%" y1="8" y2="8" class="g"/>"#,
        HtmlEscape(&label)
    );
    if !levels.is_empty() {
        let width = ((high - low) / top * 98.0).clamp(0.8, 100.0);
        let _ = write!(svg, r#"<rect x="{}" y="3" width="{width:.1}%" height="10" class="bd"/>"#, place(low));
    }
    let (line, dot) = if broken { ("tka", "fa") } else { ("raw", "fi") };
    if let Some((was, is)) = was.zip(is) {
        let _ = write!(svg, r#"<line x1="{}" x2="{}" y1="8" y2="8" class="{line}"/>"#, place(was), place(is));
    }
    if let Some(was) = was {
        let _ = write!(svg, r#"<circle cx="{}" cy="8" r="3.5" class="ho"/>"#, place(was));
    }
    if let Some(is) = is {
        let _ = write!(svg, r#"<circle cx="{}" cy="8" r="3.5" class="{dot}"/>"#, place(is));
    }
    svg.push_str("</svg>");
    Svg(svg)
}
