//! Both nights of a gate in one picture: the baseline dotted, the candidate solid.

use super::tables::mark;
use crate::gate::{Class, Fate, Gate};
use crate::model::{Severity, StoredNight, Unit, text};
use crate::report::chart::{Anchor, Chart, LARGE, Point, SMALL, fit, range};
use crate::report::page::parts::{Block, Figure, Section, name, sentence};
use crate::report::points;

/// Large charts of what is worse.
const WORSE: usize = 4;
/// Small charts in all.
const CHARTS: usize = 48;

/// A class of both nights, as it was read and as it was held.
struct Lines {
    own: Vec<Point>,
    other: Vec<Point>,
    floor: Vec<Point>,
    other_floor: Vec<Point>,
    end_s: f64,
}

impl Lines {
    fn of(class: &Class, candidate: &StoredNight, baseline: &StoredNight) -> Option<Self> {
        let line = |night| points::named(night, &class.class).map(|line| line.points).unwrap_or_default();
        let (own, other) = (line(candidate), line(baseline));
        let end_s = own.iter().chain(&other).map(|point| point.0).fold(0.0, f64::max);
        let floor = |floor: &[(f64, f64)]| floor.iter().map(|(at, level)| (*at, Some(*level))).collect();
        (end_s > 0.0).then(|| Self {
            floor: floor(&class.candidate.floor),
            other_floor: floor(&class.baseline.floor),
            own,
            other,
            end_s,
        })
    }

    fn range(&self) -> Option<(f64, f64)> {
        range([&self.own, &self.other, &self.floor, &self.other_floor].map(Vec::as_slice))
    }
}

/// What is worse, each with a large chart.
pub(super) fn worse(gate: &Gate, candidate: &StoredNight, baseline: &StoredNight) -> Option<Section> {
    let worse = || gate.classes.iter().filter(|class| class.fate == Fate::Worse);
    let note = "dotted: baseline; thin: candidate; thick: what the candidate holds for good";
    let mut section = Section::new("worse", "Worse", "What is worse", note);
    for class in worse().take(WORSE) {
        let said = sentence(&class.sentence);
        match large(class, candidate, baseline) {
            Some(svg) => section.blocks.push(Block::Figure(Figure {
                mark: Some(mark(class)),
                title: name(&class.class),
                note: said,
                svg,
            })),
            None => section.blocks.push(Block::Text(format!("{}: {said}", name(&class.class)))),
        }
    }
    for class in worse().skip(WORSE) {
        section.blocks.push(Block::Text(format!("{}: {}", name(&class.class), sentence(&class.sentence))));
    }
    section.filled()
}

fn large(class: &Class, candidate: &StoredNight, baseline: &StoredNight) -> Option<crate::report::chart::Svg> {
    let lines = Lines::of(class, candidate, baseline)?;
    let scale = fit(lines.range(), &[], class.unit, 3);
    let mut chart = Chart::new(220.0, 24.0, (0.0, lines.end_s), scale.span());
    chart.grid(&scale, if class.unit == Unit::Count { " open" } else { "" });
    chart.times(4);
    chart.steps("prev", &lines.other, LARGE);
    chart.steps("raw", &lines.own, LARGE);
    let (line, dot, colour) = colours(class);
    chart.steps(line, &lines.floor, LARGE);
    let last = |points: &[Point]| points.iter().rev().find_map(|(at, value)| value.map(|value| (*at, value)));
    if let Some((at, level)) = last(&lines.own) {
        chart.dot(dot, at, level);
        chart.label(colour, Anchor::End, (at, level), 8.0, &format!("candidate {}", text::amount(level, class.unit)));
        if let Some((at, other)) = last(&lines.other)
            && (chart.pixel(other) - chart.pixel(level)).abs() > 18.0
        {
            chart.dot("fh", at, other);
            chart.label("", Anchor::End, (at, other), 8.0, &format!("baseline {}", text::amount(other, class.unit)));
        }
    }
    Some(chart.finish(&label(class), &[]))
}

fn colours(class: &Class) -> (&'static str, &'static str, &'static str) {
    match (class.fate, class.severity) {
        (Fate::Worse, Severity::Fail) => ("fl", "fa", "al"),
        (Fate::Worse, Severity::Warn) => ("fw", "fwa", "wa"),
        (Fate::Unknown | Fate::NoWorse, _) => ("flok", "fi", "k"),
    }
}

fn label(class: &Class) -> String {
    let level = |level: Option<f64>| {
        level.map_or_else(|| "nothing that was read".to_owned(), |it| text::amount(it, class.unit))
    };
    format!(
        "{}: the candidate holds {} at the end, the baseline {}",
        name(&class.class),
        level(class.candidate.level),
        level(class.baseline.level)
    )
}

/// Small charts of all classes.
pub(super) fn overlays(gate: &Gate, candidate: &StoredNight, baseline: &StoredNight) -> Option<Section> {
    let note = "each on its own scale; dotted: baseline; thin: candidate; thick: what the candidate holds for good";
    let mut section = Section::new("time", "Over time", "Both over the soak", note);
    let figures: Vec<Figure> =
        gate.classes.iter().take(CHARTS).filter_map(|class| small(class, candidate, baseline)).collect();
    if !figures.is_empty() {
        section.blocks.push(Block::Multiples(figures));
    }
    section.filled()
}

fn small(class: &Class, candidate: &StoredNight, baseline: &StoredNight) -> Option<Figure> {
    let lines = Lines::of(class, candidate, baseline)?;
    let scale = fit(lines.range(), &[], class.unit, 2);
    let mut chart = Chart::new(96.0, 18.0, (0.0, lines.end_s), scale.span());
    chart.grid(&scale, "");
    chart.times(2);
    chart.steps("prev", &lines.other, SMALL);
    chart.steps("raw", &lines.own, SMALL);
    chart.steps(colours(class).0, &lines.floor, SMALL);
    let level = |level: Option<f64>| level.map_or_else(|| "?".to_owned(), |it| text::amount(it, class.unit));
    let note = format!("{} / {}", level(class.baseline.level), level(class.candidate.level));
    let mark = (class.fate != Fate::NoWorse).then(|| mark(class));
    Some(Figure { mark, title: name(&class.class), note, svg: chart.finish(&label(class), &[]) })
}
