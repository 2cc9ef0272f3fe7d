//! A diff as Markdown: it fits a step summary, and foreign text stays text.

use super::words;
use crate::diff::Diff;
use crate::model::text::figure;
use crate::report::markdown::escape;
use crate::report::page::parts::{clip, listed, name};

/// Most breaches and most classes that are shown.
const MOST: usize = 100;

pub(super) fn render(diff: &Diff) -> String {
    let mut out = String::new();
    out.extend(words::not_comparable(diff).map(|said| format!("**{}**\n\n", escape(&said))));
    let fates = words::fates(diff);
    let fates = if fates.is_empty() { String::new() } else { format!(" ({fates})") };
    out.push_str(&format!(
        "## {}: {}, {} {} {}{fates}\n\n",
        escape(&name(&diff.after.scenario)),
        diff.outcome.word(),
        words::verdict(&diff.before),
        words::ARROW,
        words::verdict(&diff.after)
    ));
    out.push_str(&format!("{}\n\n", escape(&words::outcome(diff))));
    for side in [&diff.before, &diff.after] {
        out.push_str(&format!("- {}: {}\n", escape(&side.name), escape(&words::night(side))));
    }
    changes(diff, &mut out);
    breaches(diff, &mut out);
    classes(diff, &mut out);
    work(diff, &mut out);
    out.push_str(&format!("\n{}\n", escape(&words::basis(diff))));
    out
}

/// A table whose cells are escaped here.
fn table(out: &mut String, head: &[&str], align: &str, rows: &[Vec<String>], most: usize) {
    out.push_str(&format!("\n| {} |\n{align}\n", head.join(" | ")));
    for row in rows.iter().take(most) {
        let cells: Vec<String> = row.iter().map(|cell| escape(cell)).collect();
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    let more = rows.len().saturating_sub(most);
    if more > 0 {
        out.push_str(&format!("\nand {more} more\n"));
    }
}

fn changes(diff: &Diff, out: &mut String) {
    if diff.changes.is_empty() {
        return;
    }
    let rows: Vec<Vec<String>> = diff
        .changes
        .iter()
        .map(|it| vec![words::what(&it.what), words::value(it.before.as_deref()), words::value(it.after.as_deref())])
        .collect();
    table(out, &["Changed", &escape(&diff.before.name), &escape(&diff.after.name)], "| --- | --- | --- |", &rows, MOST);
}

fn breaches(diff: &Diff, out: &mut String) {
    if diff.breaches.is_empty() {
        out.push_str("\nNo rule is broken in either night.\n");
        return;
    }
    let rows: Vec<Vec<String>> = diff
        .breaches
        .iter()
        .take(MOST + 1)
        .map(|it| {
            let cause = it.cause.as_deref().map_or_else(String::new, |cause| clip(cause, 120));
            vec![words::fate(it), words::subject(it), it.rule.key().to_owned(), words::breach(it), cause]
        })
        .collect();
    let shown = rows.len().min(MOST);
    table(
        out,
        &["Finding", "Class", "Rule", "What", "Comes from"],
        "| --- | --- | --- | --- | --- |",
        rows.get(..shown).unwrap_or(&rows),
        MOST,
    );
    let more = diff.breaches.len().saturating_sub(MOST);
    if more > 0 {
        out.push_str(&format!("\nand {more} more findings\n"));
    }
}

fn classes(diff: &Diff, out: &mut String) {
    let loud = words::loud(diff);
    if !loud.is_empty() {
        let rows: Vec<Vec<String>> = loud
            .iter()
            .map(|class| {
                let rate = |rate, interval| words::rate(rate, interval, class.unit);
                let dead = |dead: Option<f64>| dead.map_or_else(|| "-".to_owned(), figure);
                vec![
                    name(&class.class),
                    words::level(class.level.before, class.unit),
                    words::level(class.level.after, class.unit),
                    words::change(&class.level, class.unit),
                    words::share(class.shares.1),
                    words::noise(&class.level),
                    rate(class.rate.before, class.rate_intervals.0),
                    rate(class.rate.after, class.rate_intervals.1),
                    format!("{} {} {}", dead(class.dead.before), words::ARROW, dead(class.dead.after)),
                    words::status(class),
                ]
            })
            .collect();
        let (before, after) = (escape(&diff.before.name), escape(&diff.after.name));
        let growth = [format!("Growth {before}"), format!("Growth {after}")];
        table(
            out,
            &["Class", &before, &after, "Change", "Of limit", "Noise", &growth[0], &growth[1], "Dead", "Rules"],
            "| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: | --- |",
            &rows,
            MOST,
        );
    }
    for (lead, names) in words::quiet(diff) {
        if !names.is_empty() {
            let names = listed(&names, MOST);
            out.push_str(&format!("\n{lead}: {}\n", escape(&names)));
        }
    }
}

fn work(diff: &Diff, out: &mut String) {
    let mut rows: Vec<Vec<String>> = diff
        .counters
        .iter()
        .map(|counter| {
            vec![
                name(&counter.name),
                words::level(counter.grown.before, crate::model::Unit::Count),
                words::level(counter.grown.after, crate::model::Unit::Count),
                words::percent(&counter.grown),
                words::noise(&counter.grown),
                String::new(),
            ]
        })
        .collect();
    rows.extend(diff.steps.iter().map(|step| {
        vec![
            format!("{}, median", name(&step.name)),
            words::milliseconds(step.median.before),
            words::milliseconds(step.median.after),
            words::percent(&step.median),
            words::noise(&step.median),
            words::tail(step),
        ]
    }));
    if !rows.is_empty() {
        let (before, after) = (escape(&diff.before.name), escape(&diff.after.name));
        let align = "| --- | ---: | ---: | ---: | --- | --- |";
        table(out, &["Workload", &before, &after, "Change", "Noise", "Beside"], align, &rows, MOST);
    }
}
