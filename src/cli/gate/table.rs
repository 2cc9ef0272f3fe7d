//! A gate as a table of at most 80 columns.

use anstyle::{AnsiColor, Style};

use super::super::console::{bold, red, yellow};
use super::super::layout::{Cell, Stand, Table, paragraph};
use crate::gate::{Class, Fate, Gate, Held};
use crate::model::text::{amount, per_hour, printable};
use crate::model::{Severity, Verdict};

/// The verdict, its reason, one row per class, and the sentences of those that are worse or cannot be told.
pub(super) fn table(gate: &Gate) -> String {
    let word = match gate.verdict {
        Verdict::Pass => bold("PASS"),
        Verdict::Fail => red("FAIL"),
        Verdict::Inconclusive => yellow("INCONCLUSIVE"),
    };
    let mut out = format!("\n{word} {}\n", bold(&format!("gate of {}", printable(&gate.scenario))));
    out.push_str(&paragraph("", &gate.reason));
    out.extend(gate.seen.iter().map(|seen| paragraph("", seen)));
    out.extend(gate.notes.iter().map(|note| paragraph("", note)));
    out.push('\n');
    let mut sides = Table::new(&[("", Stand::Left), ("", Stand::Flex), ("", Stand::Left)]);
    for (name, side) in [("candidate", &gate.candidate), ("baseline", &gate.baseline)] {
        let verdict = side.verdict.map_or("not judged", Verdict::word);
        sides.row([Cell::from(name), Cell::from(&side.name), Cell::from(format!("by itself {verdict}"))]);
    }
    out.push_str(&sides.render());
    if !gate.classes.is_empty() {
        out.push('\n');
        out.push_str(&classes(&gate.classes));
    }
    for found in &gate.absolute {
        let too = if found.baseline_too { " The last release breaks it too." } else { "" };
        let lead = format!("{} {}: ", found.class, found.rule.key());
        out.push('\n');
        out.push_str(&paragraph("  ", &format!("{lead}{}{too}", found.sentence)));
    }
    out
}

fn classes(classes: &[Class]) -> String {
    let mut table = Table::new(&[
        ("class", Stand::Flex),
        ("baseline", Stand::Right),
        ("candidate", Stand::Right),
        ("grows more", Stand::Right),
        ("would be seen", Stand::Right),
        ("fate", Stand::Left),
    ]);
    let (red, yellow) = (AnsiColor::Red.on_default().bold(), AnsiColor::Yellow.on_default());
    for class in classes {
        let level = |held: &Held| held.level.map_or_else(|| "-".to_owned(), |level| amount(level, class.unit));
        let (fate, paint) = match (class.fate, class.severity) {
            (Fate::Worse, Severity::Fail) => ("WORSE", red),
            (Fate::Worse, Severity::Warn) => ("worse, warns", yellow),
            (Fate::Unknown, _) => ("cannot tell", yellow),
            (Fate::NoWorse, _) => ("no worse", Style::new()),
        };
        let growth = class.growth.as_ref().map_or_else(|| "-".to_owned(), |growth| per_hour(growth.extra, class.unit));
        let seen = class.seen.map_or_else(|| "-".to_owned(), |seen| per_hour(seen, class.unit));
        table.row([
            Cell::from(&class.class),
            Cell::from(level(&class.baseline)),
            Cell::from(level(&class.candidate)),
            Cell::from(growth),
            Cell::from(seen),
            Cell::from(fate).paint(paint),
        ]);
    }
    table.render()
}
