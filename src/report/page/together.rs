//! The chart of a cause: what its classes hold, in one frame.

use super::figures;
use super::finding_charts::{floor_points, last};
use super::parts::{Block, Figure, Key, Keys, name};
use super::view::{Class, View};
use crate::model::{Estimate, Finding, RuleKind, Severity, text};
use crate::report::chart::{Anchor, Chart, LARGE, Point, fit, range};

/// Lines of one chart; more cannot be told apart.
const LINES: usize = 4;
/// How far labels stay from each other, pixels.
const APART: f64 = 15.0;

/// A class of the chart.
struct Line<'a> {
    finding: &'a Finding,
    growth: &'a Estimate,
    class: &'a Class,
    column: usize,
    floor: Vec<Point>,
}

/// The floors of the growing classes of a cause; `None` where fewer than two of one unit grow.
pub(crate) fn blocks(view: &View<'_>, findings: &[&Finding]) -> Option<Vec<Block>> {
    let lines = lines(view, findings);
    let first = lines.first().filter(|_| lines.len() > 1)?;
    let unit = first.finding.unit;
    let points = lines.iter().flat_map(|line| [line.class.now.points.as_slice(), line.floor.as_slice()]);
    let scale = fit(range(points), &[], unit, 3);
    let mut chart = Chart::new(250.0, 24.0, (0.0, view.end_s), scale.span());
    let judged = lines.iter().map(|line| line.growth.warmup_end_s).fold(f64::INFINITY, f64::min);
    if judged.is_finite() && judged > 0.0 {
        chart.band(0.0, judged);
    }
    if let Some(settle) = view.settle_s {
        chart.band(settle, view.end_s);
    }
    chart.grid(&scale, " open");
    chart.times(3);
    for (key, line) in lines.iter().enumerate() {
        chart.line(Some(key));
        chart.steps("raw", &line.class.now.points, LARGE);
        chart.steps(stroke(line), &line.floor, LARGE);
    }
    chart.line(None);
    chart.marks("tka", first.growth.steps.iter().map(|(at, _)| *at));
    view.mark(&mut chart);
    label(&mut chart, &lines);
    let says: Vec<String> = lines
        .iter()
        .map(|line| {
            let level = text::amount(line.growth.level, line.finding.unit);
            let rate = text::per_hour(line.growth.rate, line.finding.unit);
            format!("{} {level} at the end, {rate}", name(&line.finding.class))
        })
        .collect();
    let steps = text::count(first.growth.steps.len() as u64, "step");
    let note = format!("thick: held for good; grey: open now; ticks: the {steps} of {}", name(&first.finding.class));
    let columns: Vec<usize> = lines.iter().map(|line| line.column).collect();
    let said = format!("Held for good over the night: {}", says.join("; "));
    let figure = Figure { mark: None, title: "Held for good".to_owned(), note, svg: chart.finish(&said, &columns) };
    let keys = lines.iter().map(|line| Key::new(name(&line.finding.class), stroke(line), &[line.column])).collect();
    let rows = lines.iter().map(|line| (name(&line.finding.class), unit, line.class.now.points.as_slice()));
    Some(vec![
        Block::Figure(figure),
        Block::Keys(Keys { label: "Classes shown".to_owned(), stacked: false, keys }),
        figures::over_time("Open over the night", rows),
    ])
}

/// How the floor of a class is drawn.
fn stroke(line: &Line<'_>) -> &'static str {
    if fails(line) { "fl" } else { "fw" }
}

fn fails(line: &Line<'_>) -> bool {
    line.finding.severity == Severity::Fail && line.finding.ack.is_none()
}

/// The growing classes in the unit of the first of them, those that hold most first. A total is left out beside its parts.
fn lines<'a>(view: &'a View<'_>, findings: &[&'a Finding]) -> Vec<Line<'a>> {
    let grown = || findings.iter().copied().filter(|finding| finding.rule == RuleKind::MaxGrowth);
    let whole = |finding: &Finding| finding.class.ends_with(".total");
    let parts = grown().filter(|finding| !whole(finding)).count();
    let mut lines: Vec<Line<'a>> = grown()
        .filter(|finding| finding.subject == "target" && (parts == 0 || !whole(finding)))
        .filter_map(|finding| {
            let growth = finding.growth.as_ref().filter(|growth| !growth.floor.is_empty())?;
            let (column, class) = view.class(&finding.class)?;
            Some(Line { finding, growth, class, column, floor: floor_points(growth) })
        })
        .collect();
    let unit = lines.first().map(|line| line.finding.unit);
    lines.retain(|line| Some(line.finding.unit) == unit);
    lines.truncate(LINES);
    lines
}

/// A dot and a name at the end of every line, names apart from each other.
fn label(chart: &mut Chart, lines: &[Line<'_>]) {
    let mut ends: Vec<(f64, f64, &Line<'_>)> =
        lines.iter().filter_map(|line| last(&line.floor).map(|(at, held)| (at, held, line))).collect();
    ends.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut lowest = f64::NEG_INFINITY;
    for (at, held, line) in ends {
        chart.line(lines.iter().position(|other| std::ptr::eq(other, line)));
        let (dot, colour) = if fails(line) { ("fa", "al") } else { ("fwa", "wa") };
        let y = (chart.pixel(held) - 8.0).max(lowest + APART);
        lowest = y;
        chart.dot(dot, at, held);
        let said = format!("{} {}", name(&line.finding.class), text::amount(held, line.finding.unit));
        chart.label(colour, Anchor::End, (at, held), chart.pixel(held) - y, &said);
    }
    chart.line(None);
}
