//! The gate in figures.

use crate::gate::{Class, Difference, FALSE_ALARMS, Fate, Gate, Held};
use crate::model::{Severity, StoredNight, Unit, text};
use crate::report::chart::{Chart, Svg};
use crate::report::page::parts::{Block, Cell, Mark, Section, Table, clip, column, name, sentence, signed};

/// The mark of a class.
pub(super) fn mark(class: &Class) -> Mark {
    match (class.fate, class.severity) {
        (Fate::Worse, Severity::Fail) => Mark { word: "worse", ..Mark::FAIL },
        (Fate::Worse, Severity::Warn) => Mark { word: "worse, only warns", ..Mark::WARN },
        (Fate::Unknown, _) => Mark { word: "cannot tell", ..Mark::OPEN },
        (Fate::NoWorse, _) => Mark { word: "no worse", ..Mark::HOLDS },
    }
}

/// The absolute thresholds that the candidate breaks.
pub(super) fn absolute(gate: &Gate) -> Option<Section> {
    let note = "no worse than the last release is not enough: these hold for every build";
    let mut section = Section::new("absolute", "Thresholds", "Absolute thresholds that the candidate breaks", note);
    let columns = vec![
        column("Class", ""),
        column("Rule", "m"),
        column("What the candidate's night says", "w"),
        column("Last release", ""),
    ];
    let mut table = Table::new("Broken thresholds", columns).quiet();
    table.rows = gate
        .absolute
        .iter()
        .map(|found| {
            let too = if found.baseline_too { "breaks it too" } else { "keeps it" };
            vec![
                Cell::marked(Mark::FAIL, name(&found.class)),
                found.rule.key().into(),
                sentence(&found.sentence).into(),
                too.into(),
            ]
        })
        .collect();
    if !table.rows.is_empty() {
        section.blocks = table.cut(300, "candidate/findings.json").fold(12, "thresholds");
    }
    section.filled()
}

/// Every class, the worst first.
pub(super) fn classes(gate: &Gate) -> Option<Section> {
    let percent = text::figure(FALSE_ALARMS * 100.0);
    let note = format!("meant to err in {percent} of 100 gates; docs/gate.md has what was measured");
    let mut section = Section::new("classes", "Classes", "Every class, baseline against candidate", note);
    let columns = vec![
        column("Class", ""),
        column("Held: baseline hollow, candidate filled", "sp opt"),
        column("Baseline", "r"),
        column("Candidate", "r"),
        column("Growth, baseline", "r opt"),
        column("Growth, candidate", "r opt"),
        column("Grows more", "r"),
        column("Allowed", "r opt"),
        column("Would be seen", "r"),
    ];
    let mut table = Table::new("Classes", columns).quiet();
    table.rows = gate.classes.iter().map(row).collect();
    if !table.rows.is_empty() {
        section.blocks = table.cut(400, "gate.json").fold(40, "classes");
        let mut told = Table::new("What is said of each", vec![column("Class", ""), column("Outcome", "w")]).quiet();
        told.rows = gate
            .classes
            .iter()
            .map(|class| {
                let word = mark(class).word;
                vec![
                    Cell::marked(mark(class), name(&class.class)),
                    format!("{word}: {}", sentence(&class.sentence)).into(),
                ]
            })
            .collect();
        let summary = "The same in sentences".to_owned();
        section.blocks.push(Block::Fold { summary, table: told.cut(400, "gate.json") });
    }
    section.filled()
}

fn row(class: &Class) -> Vec<Cell> {
    let unit = class.unit;
    let dash = || Cell::from("–");
    let level = |held: &Held| {
        let dead = if held.dead > 0 { format!("{} dead", held.dead) } else { String::new() };
        let level = held.level.map_or_else(dash, |level| Cell::from(text::amount(level, unit)));
        Cell { sub: dead, ..level }
    };
    let rate = |held: &Held| held.rate.map_or_else(dash, |rate| Cell::from(text::per_hour(rate.0, unit)));
    let extra = class.growth.as_ref().map_or_else(dash, |growth| Cell {
        sub: interval(growth, unit),
        ..Cell::from(format!("{}/h", signed(growth.extra, unit)))
    });
    let allowed = class.growth.as_ref().map_or_else(dash, |growth| Cell::from(text::per_hour(growth.allowed, unit)));
    let seen = class.seen.map_or_else(dash, |seen| Cell::from(text::per_hour(seen, unit)));
    let worse = class.fate == Fate::Worse;
    vec![
        Cell::marked(mark(class), name(&class.class)),
        Cell::drawn(dots(class), ""),
        level(&class.baseline),
        Cell { strong: worse, ..level(&class.candidate) },
        rate(&class.baseline),
        rate(&class.candidate),
        extra,
        allowed,
        seen,
    ]
}

fn interval(difference: &Difference, unit: Unit) -> String {
    format!("[{}, {}]", signed(difference.low, unit), signed(difference.high, unit))
}

/// Both levels on a scale that begins at nothing.
fn dots(class: &Class) -> Svg {
    let (own, other) = (class.candidate.level.unwrap_or(0.0), class.baseline.level.unwrap_or(0.0));
    let most = own.max(other).max(if class.unit == Unit::Count { 4.0 } else { 1.0 }) * 1.08;
    let mut chart = Chart::new(16.0, 0.0, (0.0, most), (0.0, 1.0)).flush(0.0);
    chart.level("g", 0.5);
    if class.baseline.level.is_some() {
        chart.dot("fh", other, 0.5);
    }
    if class.candidate.level.is_some() {
        let filled = match (class.fate, class.severity) {
            (Fate::Worse, Severity::Fail) => "fa",
            (Fate::Worse, Severity::Warn) => "fwa",
            (Fate::Unknown | Fate::NoWorse, _) => "fi",
        };
        chart.dot(filled, own, 0.5);
    }
    let label = format!(
        "{} holds {}, the baseline {}",
        name(&class.class),
        text::amount(own, class.unit),
        text::amount(other, class.unit)
    );
    chart.finish(&label, &[])
}

/// What was done to both, and how both were watched.
pub(super) fn load(gate: &Gate, candidate: &StoredNight, baseline: &StoredNight) -> Option<Section> {
    let note = "the same users, the same churn, the same minutes";
    let mut section = Section::new("load", "Load", "What both went through", note);
    let columns = vec![column("What", "w"), column("Baseline", "r"), column("Candidate", "r")];
    let mut table = Table::new("Load", columns).quiet();
    let mut add =
        |what: String, other: String, own: String| table.rows.push(vec![what.into(), other.into(), own.into()]);
    for (what, own) in &gate.candidate.work {
        let other = gate.baseline.work.iter().find(|work| work.0 == *what).map(|work| work.1);
        add(clip(what, 80), other.map_or_else(|| "–".to_owned(), text::figure), text::figure(*own));
    }
    add("snapshots".to_owned(), gate.baseline.snapshots.to_string(), gate.candidate.snapshots.to_string());
    let began = |night: &StoredNight| {
        night.record.soak_started.map_or_else(|| "–".to_owned(), |at| at.strftime("%H:%M:%S%.1f").to_string())
    };
    add("soak began".to_owned(), began(baseline), began(candidate));
    let failed = |night: &StoredNight| night.record.churn.as_ref().map_or(0, |churn| churn.failed);
    if failed(candidate).max(failed(baseline)) > 0 {
        add("iterations that failed".to_owned(), failed(baseline).to_string(), failed(candidate).to_string());
    }
    section.blocks.push(Block::Table(table.cut(60, "gate.json")));
    section.filled()
}
