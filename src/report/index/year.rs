//! The verdicts of a year, a fine strip for each scenario and the same as counts by month.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use minijinja::HtmlEscape;
use serde::Serialize;

use super::heat::builds;
use super::words::{Kind, apart, said};
use super::{NIGHTS, Nights, YEAR};
use crate::model::text;
use crate::report::chart::Svg;
use crate::report::page::parts::{Block, Cell, Table, column, name};

/// The strips are at least so many nights long.
const LEAST: i64 = 120;

/// The strips.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Year {
    title: String,
    builds: Svg,
    rows: Vec<Row>,
    months: Svg,
    /// The counts by month.
    counts: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Row {
    scenario: String,
    svg: Svg,
}

/// What a strip shows of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    /// Before the scenario's first night.
    Nothing,
    NoRun,
    Ran(Kind),
}

/// The strips of the year that ends with `end`; `None` where the strip of sixty nights shows everything.
pub(crate) fn year(scenarios: &[Nights<'_>], end: i64) -> Option<Year> {
    let first = scenarios.iter().filter_map(Nights::first_day).min()?;
    if first > end - NIGHTS {
        return None;
    }
    // A history of three months is not drawn as a quarter of a year's width.
    let span = ((end - first) / 30 * 30 + 30).clamp(LEAST, YEAR);
    let begin = end - span + 1;
    let rows =
        scenarios.iter().map(|nights| Row { scenario: apart(name(nights.name)), svg: strip(nights, begin, end) });
    let of = |day: i64| usize::try_from(day - begin).unwrap_or_default();
    let texts = builds(scenarios, begin..=end, 26);
    let builds = texts.into_iter().enumerate().filter_map(|(at, text)| text.map(|text| (at, text)));
    let firsts = (begin..=end).filter(|day| said(*day, "%d") == "01");
    let months: Vec<(usize, String)> = firsts.map(|day| (of(day), said(day, month_format(day)))).collect();
    Some(Year {
        title: format!("{span} nights"),
        builds: axis(builds, span, "Builds by night"),
        rows: rows.collect(),
        months: axis(months.into_iter(), span, "Months"),
        counts: vec![Block::Fold { summary: "Counts by month".to_owned(), table: counts(scenarios, begin, end) }],
    })
}

/// The least width of a strip, pixels: a narrow screen shows its right end, not all of it in less room.
fn width(span: i64) -> i64 {
    span * 5 / 2
}

/// January says its year.
fn month_format(day: i64) -> &'static str {
    if said(day, "%m") == "01" { "%b %Y" } else { "%b" }
}

fn shown(nights: &Nights<'_>, day: i64) -> Shown {
    match nights.on(day).iter().map(|night| night.kind()).max() {
        Some(kind) => Shown::Ran(kind),
        None if nights.first_day().is_none_or(|first| day < first) => Shown::Nothing,
        None => Shown::NoRun,
    }
}

/// Class, top and height of what a night is drawn as. A pass is quiet: only trouble has mass.
fn shape(kind: Shown) -> Option<(&'static str, u8, u8)> {
    match kind {
        Shown::Nothing => None,
        Shown::NoRun => Some(("yn", 6, 12)),
        Shown::Ran(Kind::Pass) => Some(("yp", 11, 1)),
        Shown::Ran(Kind::Known) => Some(("yk", 12, 8)),
        Shown::Ran(Kind::Open) => Some(("yi", 7, 10)),
        Shown::Ran(Kind::Fail) => Some(("yf", 2, 20)),
    }
}

fn word(kind: Shown) -> &'static str {
    match kind {
        Shown::Nothing => "not yet there",
        Shown::NoRun => "no run",
        Shown::Ran(kind) => kind.short(),
    }
}

/// A night is one unit wide; nights of a kind that follow each other are one shape, and all shapes of a kind one path.
fn strip(nights: &Nights<'_>, begin: i64, end: i64) -> Svg {
    let span = end - begin + 1;
    let mut paths: BTreeMap<Shown, (String, u64)> = BTreeMap::new();
    let mut open: Option<(Shown, i64)> = None;
    // One day beyond the end closes the last shape.
    for day in begin..=end + 1 {
        let now = (day <= end).then(|| shown(nights, day));
        if let Some((kind, from)) = open.filter(|(kind, _)| Some(*kind) != now) {
            if let Some((_, top, height)) = shape(kind) {
                let (path, count) = paths.entry(kind).or_default();
                let wide = day - from;
                let _ = write!(path, "M{} {top}h{wide}v{height}h-{wide}z", from - begin);
                *count += u64::try_from(wide).unwrap_or_default();
            }
            open = None;
        }
        if let (None, Some(now)) = (open, now) {
            open = Some((now, day));
        }
    }
    let tally: Vec<String> = paths.iter().rev().map(|(kind, (_, count))| format!("{count} {}", word(*kind))).collect();
    let label = format!("{}: {}", name(nights.name), tally.join(", "));
    let mut svg = format!(
        r#"<svg width="{}" viewBox="0 0 {span} 24" preserveAspectRatio="none" role="img" aria-label="{}">"#,
        width(span),
        HtmlEscape(&text::printable(&label))
    );
    for (kind, (path, count)) in &paths {
        if let Some((class, ..)) = shape(*kind) {
            let nights = text::count(*count, "night");
            let _ = write!(svg, r#"<path class="{class}" d="{path}"><title>{}: {nights}</title></path>"#, word(*kind));
        }
    }
    svg.push_str("</svg>");
    Svg(svg)
}

/// Ticks with words, on the scale of the strips.
fn axis(ticks: impl Iterator<Item = (usize, String)>, span: i64, label: &str) -> Svg {
    let mut svg = format!(r#"<svg width="{}" role="img" aria-label="{label}">"#, width(span));
    for (at, text) in ticks {
        #[expect(clippy::cast_precision_loss, reason = "days of a year")]
        let share = at as f64 / span as f64 * 100.0;
        // Near the right edge words stand on the left of their tick.
        let (class, dx) = if share > 92.0 { ("e", -4) } else { ("", 4) };
        let _ = write!(
            svg,
            r#"<line x1="{share:.2}%" x2="{share:.2}%" y1="0" y2="16"/><text x="{share:.2}%" y="12" dx="{dx}" class="{class}">{}</text>"#,
            HtmlEscape(&text)
        );
    }
    svg.push_str("</svg>");
    Svg(svg)
}

/// A row for each scenario, a column for each month.
fn counts(scenarios: &[Nights<'_>], begin: i64, end: i64) -> Table {
    let mut months: Vec<(String, Vec<i64>)> = Vec::new();
    for day in begin..=end {
        let month = said(day, "%b %Y");
        match months.last_mut().filter(|(last, _)| *last == month) {
            Some((_, days)) => days.push(day),
            None => months.push((month, vec![day])),
        }
    }
    let mut columns = vec![column("Scenario", "")];
    columns.extend(months.iter().map(|(month, _)| column(month, "w")));
    let mut table = Table::new("Verdicts by month", columns);
    for nights in scenarios {
        let mut row = vec![Cell::from(apart(name(nights.name)))];
        for (_, days) in &months {
            let mut tally: BTreeMap<Shown, usize> = BTreeMap::new();
            for kind in days.iter().map(|day| shown(nights, *day)).filter(|kind| *kind != Shown::Nothing) {
                *tally.entry(kind).or_default() += 1;
            }
            let parts: Vec<String> =
                tally.iter().rev().map(|(kind, count)| format!("{count} {}", word(*kind))).collect();
            row.push(Cell::from(if parts.is_empty() { "–".to_owned() } else { parts.join(", ") }));
        }
        table.rows.push(row);
    }
    table
}
