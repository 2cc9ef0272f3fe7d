//! A diff as a page: every string that the template prints is made here.

use serde::Serialize;

use super::words;
use crate::diff::{Breach, ClassChange, Diff, Fate, Outcome, Side, Weight};
use crate::model::{Severity, Unit, text};
use crate::report::chart::{Anchor, Chart, Point, SMALL, Svg, fit, range};
use crate::report::page::build;
use crate::report::page::parts::{
    Block, Cell, Column, Fact, Figure, Mark, Piece, Section, Table, clip, column, day, listed, moment, name,
};
use crate::report::page::verdict::{Headline, face};

/// Most breaches in the table.
const BREACHES: usize = 100;
/// Most classes that are drawn over the night.
const DRAWN: usize = 12;
/// Breaches that are shown before the fold.
const AT_ONCE: usize = 12;

/// The page of a diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Page {
    title: String,
    scenario: String,
    pages: Vec<Piece>,
    /// Why the nights cannot be compared, where that is so.
    notice: String,
    headline: Headline,
    sections: Vec<Section>,
    footer: String,
}

impl Page {
    pub(crate) fn new(diff: &Diff) -> Self {
        let scenario = name(&diff.after.scenario);
        let sections = [changes(diff), findings(diff), classes(diff), work(diff), Some(how(diff))];
        let (before, after) = (day(diff.before.started), day(diff.after.started));
        Self {
            title: format!("{}: {scenario}, {before} and {after}", diff.outcome.word()),
            pages: Vec::new(),
            notice: words::not_comparable(diff).unwrap_or_default(),
            headline: headline(diff),
            sections: sections.into_iter().flatten().collect(),
            footer: format!("Times are UTC. Made by slowdrip {}.", env!("CARGO_PKG_VERSION")),
            scenario,
        }
    }
}

fn headline(diff: &Diff) -> Headline {
    let (class, mark) = match diff.outcome {
        Outcome::NoWorse => ("v-pass", Mark { word: "no worse", ..Mark::HOLDS }),
        Outcome::Worse => ("v-fail", Mark { word: "worse", ..Mark::FAIL }),
        Outcome::Open | Outcome::NotComparable => ("v-warn", Mark::OPEN),
    };
    let mut facts: Vec<Fact> = [&diff.before, &diff.after].into_iter().map(fact).collect();
    let fates = words::fates(diff);
    let broken = if fates.is_empty() { "none".to_owned() } else { fates };
    facts.push(Fact::new("Findings", broken).sub("by fingerprint"));
    let nights = text::count(diff.past_nights as u64, "past night");
    let known = if diff.knows_noise() { "known" } else { "not known yet" };
    facts.push(Fact::new("Noise from night to night", known).sub(format!("{nights} like these")));
    Headline { word: words_of(diff.outcome), class, mark, reason: words::outcome(diff), advice: advice(diff), facts }
}

/// The outcome as a headline says it.
fn words_of(outcome: Outcome) -> String {
    match outcome {
        Outcome::NoWorse => "No worse",
        Outcome::Worse => "Worse",
        Outcome::Open => "Not decided",
        Outcome::NotComparable => "Not comparable",
    }
    .to_owned()
}

fn fact(side: &Side) -> Fact {
    let build = build::build(&side.labels, side.image.as_deref());
    let term = match build {
        Some(build) => format!("{}: {build}", capital(&side.name)),
        None => capital(&side.name),
    };
    let (_, _, mark) = face(side.verdict);
    let class = if mark == Mark::FAIL { "bad" } else { "lead" };
    Fact::new(term, words::verdict(side)).class(class).sub(format!("{}, {}", moment(side.started), name(&side.run)))
}

fn capital(text: &str) -> String {
    crate::report::page::verdict::capital(&clip(text, 40))
}

fn advice(diff: &Diff) -> Vec<Piece> {
    match diff.outcome {
        Outcome::Worse if diff.count(Fate::New) > 0 => {
            vec![Piece::plain("begin with "), Piece::link("the new findings", "#findings"), Piece::plain(".")]
        }
        Outcome::Worse => vec![Piece::plain("look at "), Piece::link("what is up", "#classes"), Piece::plain(".")],
        Outcome::NoWorse => vec![Piece::plain("nothing.")],
        Outcome::Open => {
            vec![
                Piece::plain("look at "),
                Piece::link("what moved", "#classes"),
                Piece::plain("; then run more nights."),
            ]
        }
        Outcome::NotComparable => vec![
            Piece::plain("read the figures with care: they may differ for another reason. "),
            Piece::Code("slowdrip diff RUN".to_owned()),
            Piece::plain(" chooses the last comparable night before a run, where there is one."),
        ],
    }
}

/// What differs beside the figures.
fn changes(diff: &Diff) -> Option<Section> {
    let (before, after) = (capital(&diff.before.name), capital(&diff.after.name));
    let mut table =
        Table::new("What changed", vec![column("What", ""), column(&before, "w"), column(&after, "w")]).quiet();
    table.rows = diff
        .changes
        .iter()
        .map(|change| {
            vec![
                words::what(&change.what).into(),
                words::value(change.before.as_deref()).into(),
                Cell::strong(words::value(change.after.as_deref())),
            ]
        })
        .collect();
    let mut section = Section::new("changes", "Changes", "What changed", "image, versions, kernel, engine, thresholds");
    if table.rows.is_empty() {
        section.blocks.push(Block::Text("The same image, kernel, engine and thresholds in both nights.".to_owned()));
    } else {
        section.blocks = table.cut(60, "run.json").fold(12, "changes");
    }
    Some(section)
}

fn mark(breach: &Breach) -> Mark {
    match (breach.fate, breach.severity) {
        (Fate::Gone, _) => Mark { word: "gone", ..Mark::HOLDS },
        (Fate::Unknown, _) => Mark::OPEN,
        (Fate::New | Fate::Standing, _) if breach.acknowledged => Mark::KNOWN,
        (Fate::New | Fate::Standing, Severity::Fail) => Mark::FAIL,
        (Fate::New | Fate::Standing, Severity::Warn) => Mark::WARN,
    }
}

fn findings(diff: &Diff) -> Option<Section> {
    let mut section = Section::new("findings", "Findings", "Findings", words::fates(diff));
    if diff.breaches.is_empty() {
        section.blocks.push(Block::Text("No rule is broken in either night.".to_owned()));
        return Some(section);
    }
    let columns = vec![column("Finding", ""), column("Fate", "w"), column("Rule", "m opt"), column("What", "w")];
    let mut table = Table::new("Findings of both nights", columns).quiet();
    table.rows = diff
        .breaches
        .iter()
        .take(BREACHES)
        .map(|breach| {
            let cause = breach.cause.as_deref().map_or_else(String::new, |cause| clip(cause, 160));
            vec![
                Cell::marked(mark(breach), words::subject(breach)),
                words::fate(breach).into(),
                breach.rule.key().into(),
                Cell { sub: cause, ..Cell::from(words::breach(breach)) },
            ]
        })
        .collect();
    let more = diff.breaches.len().saturating_sub(BREACHES);
    if more > 0 {
        table.more = format!("and {more} more, in findings.json");
    }
    section.blocks = table.fold(AT_ONCE, "findings");
    Some(section)
}

/// The mark of a class that moved.
fn class_mark(class: &ClassChange) -> Mark {
    match class.weight {
        Weight::Worse => Mark { word: "worse", ..Mark::FAIL },
        Weight::Open => Mark { word: "not known", ..Mark::OPEN },
        Weight::Better => Mark { word: "better", ..Mark::HOLDS },
        Weight::Untold | Weight::Quiet => Mark { word: "as before", ..Mark::HOLDS },
    }
}

fn columns(diff: &Diff) -> Vec<Column> {
    let (before, after) = (capital(&diff.before.name), capital(&diff.after.name));
    let held = format!("Held, share of the limit; hollow: {}", diff.before.name);
    vec![
        column("Class", ""),
        column(&before, "r"),
        column(&after, "r"),
        column("Change", "r"),
        column("Of limit", "r opt"),
        column("Noise", "w"),
        column("Growth", "r opt"),
        column("Dead", "r opt"),
        column("Rules", "opt"),
        column(&clip(&held, 80), "slope opt"),
    ]
}

fn row(class: &ClassChange) -> Vec<Cell> {
    let unit = class.unit;
    let growth = if words::grows(class) {
        Cell {
            sub: format!("{} before", words::rate(class.rate.before, None, unit)),
            ..Cell::from(words::rate(class.rate.after, class.rate_intervals.1, unit))
        }
    } else {
        Cell::from("-")
    };
    let dead = |dead: Option<f64>| dead.map_or_else(|| "-".to_owned(), text::figure);
    let dead = if words::dies(class) {
        format!("{} {} {}", dead(class.dead.before), words::ARROW, dead(class.dead.after))
    } else {
        "-".to_owned()
    };
    vec![
        Cell::marked(class_mark(class), name(&class.class)),
        words::level(class.level.before, unit).into(),
        Cell::strong(words::level(class.level.after, unit)),
        words::change(&class.level, unit).into(),
        words::share(class.shares.1).into(),
        words::noise(&class.level).into(),
        growth,
        dead.into(),
        words::status(class).into(),
        Cell { svg: Some(slope(class)), ..Cell::default() },
    ]
}

fn classes(diff: &Diff) -> Option<Section> {
    let loud = words::loud(diff);
    let note = words::basis(diff);
    let mut section = Section::new("classes", "Classes", "What moved", "");
    if loud.is_empty() {
        section.blocks.push(Block::Text("No class moved by more than noise.".to_owned()));
    } else {
        let mut table = Table::new("Classes that moved", columns(diff)).quiet();
        table.rows = loud.iter().map(|class| row(class)).collect();
        section.blocks = table.fold(AT_ONCE, "classes");
        let drawn: Vec<Figure> = loud.iter().filter_map(|class| over_time(diff, class)).take(DRAWN).collect();
        if !drawn.is_empty() {
            section.blocks.push(Block::Multiples(drawn));
        }
    }
    section.blocks.push(Block::Text(note));
    let quiet: Vec<&ClassChange> = diff.classes.iter().filter(|class| !class.weight.is_loud()).collect();
    if !quiet.is_empty() {
        let [(_, moved), ..] = words::quiet(diff);
        let summary = if moved.is_empty() {
            format!("As before: {}", classes_of(quiet.len()))
        } else {
            format!("Within noise: {}, of {}", listed(&moved, 4), classes_of(quiet.len()))
        };
        let mut table = Table::new("Classes within noise", columns(diff)).quiet();
        table.rows = quiet.iter().map(|class| row(class)).collect();
        section.blocks.push(Block::Fold { summary, table: table.cut(200, "samples.jsonl") });
    }
    Some(section)
}

/// Before and after as dots on the way to the limit; without a limit, to the larger of the two.
fn slope(class: &ClassChange) -> Svg {
    let (pair, end) = match class.shares {
        (Some(before), Some(after)) => ((Some(before), Some(after)), 1.0_f64.max(before).max(after)),
        _ => {
            let (before, after) = (class.level.before, class.level.after);
            ((before, after), before.unwrap_or(0.0).max(after.unwrap_or(0.0)).max(1.0))
        }
    };
    let limited = class.shares.0.is_some() && class.shares.1.is_some();
    let mut chart = Chart::new(24.0, 4.0, (0.0, end * 1.02), (0.0, 2.0)).flush(4.0);
    chart.straight("g", &[(0.0, 1.0), (end, 1.0)]);
    let (line, dot) = match class.weight {
        Weight::Worse => ("fl", "fa"),
        Weight::Open => ("fw", "fwa"),
        Weight::Better | Weight::Untold | Weight::Quiet => ("flok", "fi"),
    };
    if let (Some(before), Some(after)) = pair {
        chart.straight(line, &[(before, 1.0), (after, 1.0)]);
    }
    if limited {
        chart.post("ax", 1.0);
    }
    pair.0.into_iter().for_each(|before| chart.dot("hollow", before, 1.0));
    pair.1.into_iter().for_each(|after| chart.dot(dot, after, 1.0));
    let said = |share, level| {
        let share = words::share(share);
        if share.is_empty() { words::level(level, class.unit) } else { format!("{share} of the limit") }
    };
    let label = format!(
        "{}: {} before, {} after",
        name(&class.class),
        said(class.shares.0, class.level.before),
        said(class.shares.1, class.level.after)
    );
    chart.finish(&label, &[])
}

/// A class over both nights, one over the other.
fn over_time(diff: &Diff, class: &ClassChange) -> Option<Figure> {
    let line = |points: &[(f64, f64)]| points.iter().map(|(at, value)| (*at, Some(*value))).collect::<Vec<Point>>();
    let (before, after) = (line(&class.points.0), line(&class.points.1));
    let end = before.last().into_iter().chain(after.last()).map(|point| point.0).fold(0.0, f64::max);
    if end <= 0.0 {
        return None;
    }
    let scale = fit(range([before.as_slice(), after.as_slice()]), &[], class.unit, 2);
    let mut chart = Chart::new(120.0, 18.0, (0.0, end), scale.span());
    chart.grid(&scale, if class.unit == Unit::Count { " open" } else { "" });
    chart.times(2);
    chart.steps("prev", &before, SMALL);
    let (stroke, dot, colour) = match class.weight {
        Weight::Worse => ("fl", "fa", "al"),
        Weight::Open => ("fw", "fwa", "wa"),
        Weight::Better | Weight::Untold | Weight::Quiet => ("flok", "fi", "k"),
    };
    chart.steps(stroke, &after, SMALL);
    if let Some((at, Some(last))) = after.last() {
        chart.dot(dot, *at, *last);
        chart.label(colour, Anchor::End, (*at, *last), 8.0, &text::amount(*last, class.unit));
    }
    let label = format!(
        "{} over both nights: held {} {}, {} {}",
        name(&class.class),
        words::level(class.level.before, class.unit),
        clip(&diff.before.name, 40),
        words::level(class.level.after, class.unit),
        clip(&diff.after.name, 40)
    );
    Some(Figure {
        mark: None,
        title: name(&class.class),
        note: format!("held {}", words::change(&class.level, class.unit)),
        svg: chart.finish(&label, &[]),
    })
}

fn work(diff: &Diff) -> Option<Section> {
    let (before, after) = (capital(&diff.before.name), capital(&diff.after.name));
    let heads = |first: &str| {
        vec![column(first, "w"), column(&before, "r"), column(&after, "r"), column("Change", "r"), column("Noise", "w")]
    };
    let mut section = Section::new("work", "Workload", "Workload and latencies", "the same work, in the same time?");
    let mut counters = Table::new("Workload counters", heads("Counter"));
    counters.rows = diff
        .counters
        .iter()
        .map(|counter| {
            vec![
                Cell::marked(shift_mark(&counter.grown), name(&counter.name)),
                words::level(counter.grown.before, Unit::Count).into(),
                Cell::strong(words::level(counter.grown.after, Unit::Count)),
                words::percent(&counter.grown).into(),
                words::noise(&counter.grown).into(),
            ]
        })
        .collect();
    let mut columns = heads("Step of the churn, median");
    columns.push(column("Beside", "w opt"));
    let mut steps = Table::new("Latencies", columns);
    steps.rows = diff
        .steps
        .iter()
        .map(|step| {
            vec![
                Cell::marked(shift_mark(&step.median), name(&step.name)),
                words::milliseconds(step.median.before).into(),
                Cell::strong(words::milliseconds(step.median.after)),
                words::percent(&step.median).into(),
                words::noise(&step.median).into(),
                words::tail(step).into(),
            ]
        })
        .collect();
    for (table, what) in [(counters, "counters"), (steps, "steps")] {
        if !table.rows.is_empty() {
            section.blocks.extend(table.cut(200, "run.json").fold(AT_ONCE, what));
        }
    }
    section.filled()
}

/// The mark of a figure of the workload: it is said, and weighs nothing.
fn shift_mark(shift: &crate::diff::Shift) -> Mark {
    if shift.matters() {
        Mark { word: "beyond noise", ..Mark::WARN }
    } else if shift.is_open() {
        Mark { word: "not known", ..Mark::OPEN }
    } else {
        Mark { word: "as before", ..Mark::HOLDS }
    }
}

/// How to read the page, and how to make it again.
fn how(diff: &Diff) -> Section {
    let mut section = Section::new("how", "How to read", "How to read this", "");
    section.blocks.push(Block::Text(
        "A change is beyond noise where past nights of this scenario on this kind of machine do not move so far by themselves, \
         all figures tested together: two nights that do not differ are told apart in one of a hundred diffs. On top stands \
         what is beyond noise and large enough to matter, and what nobody can tell yet."
            .to_owned(),
    ));
    section.blocks.push(Block::Text(
        "Charts: dotted is the earlier night, solid the later one. Hollow and filled dots are before and after; the mark at \
         the end is the limit."
            .to_owned(),
    ));
    let command = format!("slowdrip diff {} {} --format html", clip(&diff.before.run, 80), clip(&diff.after.run, 80));
    section.blocks.push(Block::Pre(command));
    section
}

/// "1 class", "12 classes".
fn classes_of(n: usize) -> String {
    if n == 1 { "1 class".to_owned() } else { format!("{n} classes") }
}
