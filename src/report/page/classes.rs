//! Every class over the night.

use super::figures;
use super::finding_charts::{about, floor_points};
use super::parts::{Block, Cell, Figure, Mark, Section, Table, column, name};
use super::view::{Class, View};
use crate::model::{Finding, RuleKind, Severity, Status, text};
use crate::report::chart::{Anchor, Chart, SMALL, fit, range};

/// Classes that get a chart of their own; the table has all.
const CHARTS: usize = 48;

/// `1 → 142`
fn change(class: &Class) -> String {
    let said = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| text::amount(value, class.now.unit));
    match (class.now.values().next(), class.now.values().next_back()) {
        (None, None) => "not read".to_owned(),
        (first, last) => format!("{} → {}", said(first), said(last)),
    }
}

fn mark(view: &View<'_>, class: &Class) -> Option<Mark> {
    view.worst(&class.now.name)
        .filter(|(status, _)| *status != Status::Holds)
        .map(|(status, severity)| Mark::of(status, severity))
}

/// Small charts of all classes, and their figures as a table.
pub(crate) fn over_time(view: &View<'_>) -> Option<Section> {
    if view.night.snapshots.is_empty() {
        return None;
    }
    let note = if view.previous.is_some() {
        "each on its own scale; dotted is the night before"
    } else {
        "each on its own scale"
    };
    let title = if view.night.snapshots.len() == 1 {
        "Every class in the only snapshot".to_owned()
    } else if view.end_s > 600.0 {
        format!("Every class over {}", text::seconds((view.end_s / 60.0).round() * 60.0))
    } else {
        format!("Every class over {}", text::seconds(view.end_s.max(1.0).round()))
    };
    let mut section = Section::new("time", "Over time", title, note);
    // A class without a rule that stayed at nothing all night has its row in the table, not a chart.
    let tells = |class: &Class| class.now.values().any(|value| value > 0.0) || view.worst(&class.now.name).is_some();
    let has_points = |class: &Class| class.now.values().next().is_some();
    let drawn = view.classes.iter().enumerate().filter(|(_, class)| has_points(class) && tells(class));
    let drawn: Vec<(usize, &Class)> = drawn.take(CHARTS).collect();
    let mut charts: Vec<Figure> = drawn.iter().map(|(column, class)| small(view, *column, class)).collect();
    charts.push(legend());
    section.blocks.push(Block::Multiples(charts));
    let lines = drawn.iter().map(|(_, class)| (class.now.name.clone(), class.now.unit, class.now.points.as_slice()));
    let over_time = figures::over_time("Every class over the night", lines);
    let columns = vec![
        column("Class", ""),
        column("First", "r"),
        column("Lowest", "r"),
        column("Highest", "r"),
        column("Last", "r"),
        column("Night before, last", "r"),
        column("Not read", "r opt"),
    ];
    let mut table = Table::new("Every class in figures", columns).quiet();
    table.rows = view.classes.iter().map(|class| figures_row(view, class)).collect();
    let table = table.cut(400, "samples.jsonl");
    section.blocks.push(Block::Fold { summary: "The same in figures".to_owned(), table });
    section.blocks.push(over_time);
    Some(section)
}

fn figures_row(view: &View<'_>, class: &Class) -> Vec<Cell> {
    let unit = class.now.unit;
    let said = |value: Option<f64>| Cell::from(value.map_or_else(|| "–".to_owned(), |value| text::amount(value, unit)));
    let span = range([class.now.points.as_slice()]);
    let missing = class.now.points.iter().filter(|(_, value)| value.is_none()).count();
    let head = match mark(view, class) {
        Some(mark) => Cell::marked(mark, name(&class.now.name)),
        None => name(&class.now.name).into(),
    };
    vec![
        head,
        said(class.now.values().next()),
        said(span.map(|(low, _)| low)),
        said(span.map(|(_, high)| high)),
        said(class.now.values().next_back()),
        said(class.before.as_ref().and_then(|before| before.values().next_back())),
        missing.to_string().into(),
    ]
}

fn small(view: &View<'_>, column: usize, class: &Class) -> Figure {
    let before = class.before.as_ref().map(|before| before.points.as_slice()).unwrap_or_default();
    let growth = view.estimate(&class.now.name);
    let floor = growth.map(floor_points).unwrap_or_default();
    let span = range([class.now.points.as_slice(), floor.as_slice(), before]);
    // A ceiling far above would press everything else to the ground.
    let near = |ceiling: &f64| span.is_some_and(|(_, high)| *ceiling <= 2.0 * high);
    let ceiling = ceiling(view, &class.now.name).filter(near);
    let scale = fit(span, ceiling.as_slice(), class.now.unit, 2);
    let mut chart = Chart::new(96.0, 18.0, (0.0, view.end_s), scale.span());
    if let Some(growth) = growth {
        chart.band(0.0, growth.warmup_end_s);
    }
    if let Some(settle) = view.settle_s {
        chart.band(settle, view.end_s);
    }
    chart.grid(&scale, "");
    chart.times(2);
    chart.steps("prev", before, SMALL);
    chart.steps("raw", &class.now.points, SMALL);
    let mark = mark(view, class);
    let line = match view.worst(&class.now.name) {
        Some((Status::Breaks, Severity::Fail)) => "fl",
        Some((Status::Breaks, Severity::Warn)) => "fw",
        Some((Status::Holds | Status::Undecided, _)) | None => "flok",
    };
    chart.steps(line, &floor, SMALL);
    if let Some(ceiling) = ceiling {
        chart.level("lim", ceiling);
    }
    view.mark(&mut chart);
    let title = name(&class.now.name);
    let highest = range([class.now.points.as_slice()]).map_or(0.0, |(_, high)| high);
    let label =
        format!("{title}: {}, {} at most", change(class).replace('→', "to"), text::amount(highest, class.now.unit));
    let breaks = view.worst(&class.now.name).is_some_and(|(status, _)| status == Status::Breaks);
    let hours = growth.and_then(|growth| growth.hours_to_limit).filter(|_| breaks);
    if let Some(hours) = hours {
        // What grows is low on the left.
        let top = scale.span().1;
        chart.label("al", Anchor::Middle, (0.4 * view.end_s, top), -10.0, &format!("full in {}", about(hours)));
    }
    Figure { mark, title, note: change(class), svg: chart.finish(&label, &[column]) }
}

/// What a rule allows to be held, where one says so.
fn ceiling(view: &View<'_>, class: &str) -> Option<f64> {
    let own =
        |finding: &&Finding| finding.class == class && finding.rule == RuleKind::Max && finding.subject == "target";
    view.findings().iter().find(own)?.allowed
}

/// The line grammar, drawn once.
fn legend() -> Figure {
    let mut chart = Chart::new(96.0, 18.0, (0.0, 10.0), (0.0, 10.0));
    chart.band(0.0, 2.4);
    chart.band(9.0, 10.0);
    chart.level("ax", 0.0);
    chart.level("lim", 9.0);
    chart.straight("prev", &[(0.0, 1.8), (10.0, 1.8)]);
    let open = [(0.0, 3.0), (1.5, 3.0), (1.5, 4.5), (4.0, 4.5), (4.0, 7.0), (6.2, 7.0), (6.2, 4.5), (10.0, 4.5)];
    chart.straight("raw", &open);
    chart.straight("flok", &[(2.4, 4.5), (9.0, 4.5)]);
    chart.label("", Anchor::Start, (3.9, 7.0), -11.0, "open now");
    chart.label("k", Anchor::End, (9.2, 4.5), 4.0, "floor");
    chart.label("", Anchor::End, (10.0, 1.8), 3.0, "night before");
    chart.label("k", Anchor::End, (10.0, 9.0), 4.0, "allowed");
    chart.label("", Anchor::Start, (-0.2, 0.0), -14.0, "not judged: warm-up, settling");
    let label = "How to read: thick is held for good, thin grey is open now, dotted the night before, dashed a limit, \
                 shaded parts are not judged";
    Figure { mark: None, title: "How to read".to_owned(), note: String::new(), svg: chart.finish(label, &[]) }
}
