//! What the night could have seen.

use super::parts::{Block, Cell, Column, Mark, Section, Table, column, listed, name, signed};
use super::view::View;
use crate::model::{Estimate, Finding, RuleKind, Unit, text};
use crate::report::chart::{Anchor, Chart, Svg};

/// The ends of the logarithmic axis: powers of ten per hour.
const AXIS: (f64, f64) = (0.0, 3.0);

/// What each class with a growth rule could have shown.
pub(crate) fn section(view: &View<'_>) -> Option<Section> {
    let judged: Vec<(&Finding, &Estimate)> = view
        .findings()
        .iter()
        .filter(|finding| finding.rule == RuleKind::MaxGrowth)
        .filter_map(|finding| finding.growth.as_ref().map(|growth| (finding, growth)))
        .collect();
    let mut section = Section::new(
        "seen",
        "What it could have seen",
        "What this night could have seen",
        "dot: a steady drip this fast is reported 9 times in 10; mark: growth above it is excluded",
    );
    if judged.is_empty() {
        return None;
    }
    let columns = vec![
        column("Class", ""),
        Column { name: "Drip per hour, from 1 to 1000".to_owned(), class: "sp opt", svg: Some(axis()) },
        column("Held level", "r"),
        column("Floor rise", "r opt"),
        column("Growth excluded above, 95\u{a0}%", "r opt"),
        column("Would have seen above", "r"),
    ];
    let mut table = Table::new("Sensitivity by class", columns).quiet();
    let sees = |growth: &Estimate| growth.sensitivity.is_some() || growth.excluded_above.is_some();
    let (seeing, blind): (Vec<_>, Vec<_>) = judged.iter().partition(|(_, growth)| sees(growth));
    table.rows = seeing.iter().map(|(finding, growth)| row(finding, growth)).collect();
    if !table.rows.is_empty() {
        section.blocks = table.cut(400, "findings.json").fold(24, "classes");
    }
    if !blind.is_empty() {
        let names: Vec<String> = blind.iter().map(|(finding, _)| name(&finding.class)).collect();
        let names = listed(&names, 40);
        section.blocks.push(Block::Text(format!("A drip of any rate could have stayed unseen in {names}.")));
    }
    let counts = judged.iter().filter(|(finding, _)| finding.unit == Unit::Count);
    let worst = counts
        .filter_map(|(_, growth)| growth.sensitivity)
        .fold(None, |worst: Option<f64>, rate| Some(worst.map_or(rate, |worst| worst.max(rate))));
    if let Some(worst) = worst.filter(|worst| *worst > 0.0) {
        let every = text::seconds(3600.0 / worst);
        section.blocks.push(Block::Text(format!(
            "A drip of {} is one handle in {every}. Slower drips need a longer night: twice the length sees about half the rate. \
             Dead handles are seen one by one, at any rate.",
            text::per_hour(worst, Unit::Count)
        )));
    }
    Some(section)
}

fn row(finding: &Finding, growth: &Estimate) -> Vec<Cell> {
    let rate = |rate: Option<f64>| rate.map_or_else(|| "nothing".to_owned(), |rate| text::per_hour(rate, finding.unit));
    let class = Cell::marked(Mark::of(finding.status, finding.severity), name(&finding.class));
    let drawn = match finding.unit {
        Unit::Count => Cell::drawn(track(growth), ""),
        Unit::Bytes => Cell::from(""),
    };
    vec![
        class,
        drawn,
        text::amount(growth.level, finding.unit).into(),
        signed(growth.rise, finding.unit).into(),
        rate(growth.excluded_above).into(),
        Cell::strong(rate(growth.sensitivity)),
    ]
}

fn place(rate: f64) -> f64 {
    rate.max(1.0).log10().clamp(AXIS.0, AXIS.1)
}

fn blank(height: f64) -> Chart {
    Chart::new(height, 0.0, AXIS, (0.0, 1.0)).flush(0.0)
}

/// The heading: 1, 10, 100 and 1000 per hour.
fn axis() -> Svg {
    let mut chart = blank(16.0);
    chart.label("", Anchor::Start, (0.0, 0.0), 4.0, "1/h");
    for power in [1.0, 2.0] {
        chart.label("", Anchor::Middle, (power, 0.0), 4.0, &text::figure(10_f64.powf(power)));
    }
    chart.label("", Anchor::End, (3.0, 0.0), 4.0, "1000");
    chart.finish("logarithmic axis from 1 to 1000 per hour", &[])
}

/// One class: the part that would have been seen, and what is excluded.
fn track(growth: &Estimate) -> Svg {
    let mut chart = blank(22.0);
    for power in [0.0, 1.0, 2.0, 3.0] {
        chart.post("g", power);
    }
    let mut says = Vec::new();
    if let Some(rate) = growth.sensitivity {
        let from = place(rate);
        chart.shape("seen", &[(from, 0.35), (AXIS.1, 0.35), (AXIS.1, 0.65), (from, 0.65)]);
        chart.dot("fac", from, 0.5);
        says.push(format!("a drip above {} would have been seen", text::per_hour(rate, Unit::Count)));
    }
    if let Some(rate) = growth.excluded_above {
        let at = place(rate);
        chart.straight("ac1", &[(at, 0.22), (at, 0.78)]);
        says.push(format!("growth above {} is excluded", text::per_hour(rate, Unit::Count)));
    }
    chart.finish(&if says.is_empty() { "no rate would have been seen".to_owned() } else { says.join(", ") }, &[])
}
