//! The snapshots that steps asked for by name.

use super::parts::{Cell, Column, Section, Table, clip, clock, column, name};
use super::view::View;
use crate::model::{Snapshot, text};
use crate::report::points;

/// So many are shown side by side.
const NAMES: usize = 12;

/// The longest name at the head of a column.
const HEAD: usize = 40;

/// What was held in each of them, class by class.
pub(crate) fn section(view: &View<'_>) -> Option<Section> {
    let probes = &view.night.probes;
    if probes.is_empty() {
        return None;
    }
    let shown = probes.get(..NAMES).unwrap_or(probes);
    let snapshots: Vec<&Snapshot> = shown.iter().map(|probe| &probe.snapshot).collect();
    let note = format!("{}, shown and not judged", text::count(probes.len() as u64, "snapshot"));
    let mut section = Section::new("named", "Snapshots", "Snapshots that steps asked for", note);
    let heads = shown.iter().map(|probe| Column { name: clip(&probe.name, HEAD), class: "r", svg: None });
    let mut table =
        Table::new("Classes by snapshot", std::iter::once(column("Class", "")).chain(heads).collect()).quiet();
    #[expect(clippy::cast_precision_loss, reason = "a night's milliseconds are far below 2^52")]
    let taken = shown
        .iter()
        .map(|probe| Cell { sub: probe.phase.name().to_owned(), ..Cell::from(clock(probe.at_ms as f64 / 1000.0)) });
    table.rows.push(std::iter::once(Cell::from("Taken at")).chain(taken).collect());
    for (class, unit, figures) in points::counts(view.night, &snapshots) {
        let figure = |figure: Option<f64>| {
            Cell::from(figure.map_or_else(|| "–".to_owned(), |figure| text::amount(figure, unit)))
        };
        table.rows.push(std::iter::once(name(&class).into()).chain(figures.into_iter().map(figure)).collect());
    }
    let mut table = table.cut(120, "probes.jsonl");
    let more = probes.len() - shown.len();
    if more > 0 {
        let rest = format!("and {more} more snapshots, in probes.jsonl");
        table.more = if table.more.is_empty() { rest } else { format!("{}; {rest}", table.more) };
    }
    section.blocks = table.fold(60, "classes");
    Some(section)
}
