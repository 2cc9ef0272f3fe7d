//! A diff for a terminal: what matters on top, the rest in a line or two.

use anstyle::{AnsiColor, Style};

use crate::cli::layout::{Cell, Stand, Table, lines, painted, paragraph};
use crate::diff::{ClassChange, Diff, Fate, Outcome, Shift, Weight};
use crate::model::text::{figure, printable};
use crate::model::{Severity, Unit};
use crate::report::diff::words;

/// Most breaches that are told, the worst first.
const BREACHES: usize = 30;
/// Most classes in a table, and of those that are only named.
const CLASSES: usize = 40;
/// Most lines of one finding's sentence.
const SENTENCE: usize = 4;

const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const BOLD: Style = Style::new().bold();

pub(super) fn text(diff: &Diff) -> String {
    let mut out = String::new();
    if let Some(said) = words::not_comparable(diff) {
        out.push_str(&painted(YELLOW, &paragraph("", &said)));
        out.push('\n');
    }
    head(diff, &mut out);
    changes(diff, &mut out);
    breaches(diff, &mut out);
    classes(diff, &mut out);
    work(diff, &mut out);
    out.push('\n');
    out.push_str(&paragraph("", &words::basis(diff)));
    out
}

fn head(diff: &Diff, out: &mut String) {
    let paint = match diff.outcome {
        Outcome::Worse => RED,
        Outcome::Open | Outcome::NotComparable => YELLOW,
        Outcome::NoWorse => BOLD,
    };
    let fates = words::fates(diff);
    let fates = if fates.is_empty() { String::new() } else { format!(" ({fates})") };
    let first = format!(
        "{}: {}, {} {} {}{fates}",
        printable(&diff.after.scenario),
        diff.outcome.word(),
        words::verdict(&diff.before),
        words::ARROW,
        words::verdict(&diff.after)
    );
    out.push_str(&painted(paint, &paragraph("", &first)));
    out.push_str(&paragraph("", &words::outcome(diff)));
    let mut table = Table::new(&[("", Stand::Left), ("", Stand::Flex)]).indent(2);
    for side in [&diff.before, &diff.after] {
        table.row([Cell::from(&side.name), Cell::from(words::night(side))]);
    }
    out.push_str(&table.render());
}

fn heading(out: &mut String, text: &str) {
    out.push('\n');
    out.push_str(&painted(BOLD, &paragraph("", text)));
}

fn changes(diff: &Diff, out: &mut String) {
    if diff.changes.is_empty() {
        return;
    }
    heading(out, "What changed");
    let mut table = Table::new(&[("", Stand::Flex), ("", Stand::Flex)]).indent(2);
    for change in &diff.changes {
        let (before, after) = (words::value(change.before.as_deref()), words::value(change.after.as_deref()));
        let values = format!("{before} {} {after}", words::ARROW);
        table.row([Cell::from(words::what(&change.what)), Cell::from(values)]);
    }
    out.push_str(&table.render());
}

fn breaches(diff: &Diff, out: &mut String) {
    if diff.breaches.is_empty() {
        out.push_str("\nNo rule is broken in either night.\n");
        return;
    }
    heading(out, "Findings");
    let mut last_cause = None;
    for breach in diff.breaches.iter().take(BREACHES) {
        let fate = words::fate(breach);
        let paint = match (breach.fate, breach.severity) {
            (Fate::New, Severity::Fail) if !breach.acknowledged => RED,
            (Fate::New | Fate::Standing, _) => YELLOW,
            (Fate::Gone | Fate::Unknown, _) => Style::new(),
        };
        let title = format!("  {fate}: {} {}", words::subject(breach), breach.rule.key());
        out.push_str(&painted(paint, &paragraph("  ", &title)));
        let said = lines(&words::breach(breach), crate::cli::layout::WIDTH - 4, SENTENCE);
        said.iter().for_each(|line| out.push_str(&format!("    {line}\n")));
        // Findings of one cause stand together.
        if let Some(cause) = breach.cause.as_ref().filter(|cause| last_cause != Some(*cause)) {
            last_cause = Some(cause);
            out.push_str(&paragraph("    comes from: ", &printable(cause)));
        }
    }
    let more = diff.breaches.len().saturating_sub(BREACHES);
    if more > 0 {
        out.push_str(&format!("  and {more} more\n"));
    }
}

fn classes(diff: &Diff, out: &mut String) {
    let loud = words::loud(diff);
    let shown = || loud.iter().copied().take(CLASSES);
    if !loud.is_empty() {
        heading(out, "What moved");
        levels(diff, shown(), out);
        let grown: Vec<&ClassChange> = shown().filter(|class| words::grows(class)).collect();
        if !grown.is_empty() {
            let mut table = table(diff, "growth per hour");
            for class in grown {
                let rate = |rate, interval| words::rate(rate, interval, class.unit);
                table.row([
                    name(class),
                    rate(class.rate.before, class.rate_intervals.0).into(),
                    rate(class.rate.after, class.rate_intervals.1).into(),
                    noise(&class.rate),
                ]);
            }
            out.push('\n');
            out.push_str(&table.render());
        }
        let dead: Vec<&ClassChange> = shown().filter(|class| words::dies(class)).collect();
        if !dead.is_empty() {
            let mut table = table(diff, "dead handles");
            for class in dead {
                let dead = |dead: Option<f64>| dead.map_or_else(|| "-".to_owned(), figure);
                table.row([
                    name(class),
                    dead(class.dead.before).into(),
                    dead(class.dead.after).into(),
                    noise(&class.dead),
                ]);
            }
            out.push('\n');
            out.push_str(&table.render());
        }
        let more = loud.len().saturating_sub(CLASSES);
        if more > 0 {
            out.push_str(&format!("  and {more} more\n"));
        }
    }
    for (at, (lead, names)) in words::quiet(diff).into_iter().filter(|(_, names)| !names.is_empty()).enumerate() {
        if at == 0 {
            out.push('\n');
        }
        out.push_str(&hanging(&format!("{lead}: {}", words::listed(&names, CLASSES))));
    }
}

/// A paragraph whose lines after the first are indented by two.
fn hanging(text: &str) -> String {
    let all = lines(text, crate::cli::layout::WIDTH - 2, usize::MAX);
    all.iter().enumerate().map(|(at, line)| format!("{}{line}\n", if at == 0 { "" } else { "  " })).collect()
}

fn name(class: &ClassChange) -> Cell {
    let paint = match class.weight {
        Weight::Worse => RED,
        Weight::Open => YELLOW,
        Weight::Better | Weight::Untold | Weight::Quiet => Style::new(),
    };
    Cell::from(&class.class).paint(paint)
}

fn noise(shift: &Shift) -> Cell {
    Cell::from(words::noise(shift))
}

fn table(diff: &Diff, what: &str) -> Table {
    Table::new(&[
        (what, Stand::Flex),
        (&diff.before.name, Stand::Right),
        (&diff.after.name, Stand::Right),
        ("noise", Stand::Left),
    ])
    .indent(2)
}

fn levels<'d>(diff: &'d Diff, classes: impl Iterator<Item = &'d ClassChange>, out: &mut String) {
    let mut table = Table::new(&[
        ("held at the end", Stand::Flex),
        (&diff.before.name, Stand::Right),
        (&diff.after.name, Stand::Right),
        ("change", Stand::Right),
        ("of limit", Stand::Right),
        ("noise", Stand::Left),
    ])
    .indent(2);
    for class in classes {
        table.row([
            name(class),
            words::level(class.level.before, class.unit).into(),
            words::level(class.level.after, class.unit).into(),
            words::change(&class.level, class.unit).into(),
            words::share(class.shares.1).into(),
            noise(&class.level),
        ]);
    }
    out.push_str(&table.render());
}

fn work(diff: &Diff, out: &mut String) {
    if diff.counters.is_empty() && diff.steps.is_empty() {
        return;
    }
    heading(out, "Workload");
    let mut table = Table::new(&[
        ("", Stand::Flex),
        (&diff.before.name, Stand::Right),
        (&diff.after.name, Stand::Right),
        ("change", Stand::Right),
        ("noise", Stand::Left),
    ])
    .indent(2);
    for counter in diff.counters.iter().take(CLASSES) {
        table.row([
            Cell::from(&counter.name),
            words::level(counter.grown.before, Unit::Count).into(),
            words::level(counter.grown.after, Unit::Count).into(),
            words::percent(&counter.grown).into(),
            noise(&counter.grown),
        ]);
    }
    for step in diff.steps.iter().take(CLASSES) {
        table.row([
            Cell::from(&step.name).tail(", median"),
            words::milliseconds(step.median.before).into(),
            words::milliseconds(step.median.after).into(),
            words::percent(&step.median).into(),
            noise(&step.median),
        ]);
    }
    out.push_str(&table.render());
    let more = (diff.counters.len().saturating_sub(CLASSES)) + diff.steps.len().saturating_sub(CLASSES);
    if more > 0 {
        out.push_str(&format!("  and {more} more\n"));
    }
}
