//! What the application says of itself, beside what was counted.

use super::parts::{Block, Fact, Figure, Section, name, sentence, signed};
use super::view::View;
use crate::model::{KeptFigure, SeriesRecord, StoredNight, Unit, text};
use crate::report::chart::{Chart, LARGE, Point, fit, range};
use crate::report::points::{self, Line};
use crate::stats::{correlation, order};

/// So many figures get a chart.
const CHARTS: usize = 24;

/// Figures of two kinds share a scale where one is at most so many times the other.
const SHARED: f64 = 50.0;

/// A figure of the application over the night.
struct Own {
    points: Vec<Point>,
    // That of ours where both share a scale; else nobody knows what it counts in.
    unit: Unit,
    ours: Option<Line>,
    shared: bool,
}

impl Own {
    fn of(view: &View<'_>, record: &SeriesRecord) -> Self {
        let ours = record.compare.as_deref().and_then(|class| match view.class(class) {
            Some((_, known)) => Some(known.now.clone()),
            None => points::named(view.night, class),
        });
        let points = read(view.night, record);
        let highest = |points: &[Point]| range([points]).map(|(low, high)| low.abs().max(high.abs()));
        let both = highest(&points).zip(ours.as_ref().and_then(|line| highest(&line.points)));
        let shared = both.is_some_and(|(said, counted)| said <= counted * SHARED && counted <= said * SHARED);
        let unit = ours.as_ref().filter(|_| shared).map_or(Unit::Count, |line| line.unit);
        Self { points, unit, ours, shared }
    }

    fn values(&self) -> impl DoubleEndedIterator<Item = f64> {
        self.points.iter().filter_map(|(_, value)| *value)
    }

    /// Each reading with what the class counted at the nearest snapshot, where one is near.
    fn pairs(&self, interval_s: f64) -> Vec<(f64, f64)> {
        let Some(ours) = &self.ours else { return Vec::new() };
        let near_s = interval_s.max(1.0) * 1.5;
        let counted: Vec<(f64, f64)> = ours.points.iter().filter_map(|(at, value)| Some((*at, (*value)?))).collect();
        let nearest = |at: f64| {
            let after = counted.partition_point(|point| point.0 < at);
            let around = counted.get(after.saturating_sub(1)..(after + 1).min(counted.len()))?;
            let nearest = around.iter().min_by(|a, b| (a.0 - at).abs().total_cmp(&(b.0 - at).abs()))?;
            ((nearest.0 - at).abs() <= near_s).then_some(nearest.1)
        };
        self.points.iter().filter_map(|(at, value)| Some(((*value)?, nearest(*at)?))).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a night's milliseconds are far below 2^52")]
fn read(night: &StoredNight, record: &SeriesRecord) -> Vec<Point> {
    let own = night.figures.iter().filter(|figure| figure.name == record.name);
    let point = |figure: &KeptFigure| (figure.at_ms as f64 / 1000.0, figure.value.filter(|value| value.is_finite()));
    own.map(point).collect()
}

/// A chart and its facts for each figure.
pub(crate) fn section(view: &View<'_>) -> Option<Section> {
    let series = &view.night.record.series;
    if series.is_empty() {
        return None;
    }
    let note = "thick: what it says; grey: what was counted";
    let mut section = Section::new("own", "Own figures", "What the application says of itself", note);
    for record in series.iter().take(CHARTS) {
        let own = Own::of(view, record);
        let facts = Block::Terms(facts(view, record, &own));
        let figures = figures(view, record, &own);
        section.blocks.push(Block::Pair { wide: figures, narrow: vec![facts] });
    }
    if let Some(more) = series.len().checked_sub(CHARTS).filter(|more| *more > 0) {
        section.blocks.push(Block::Text(format!("and {more} more, in figures.jsonl")));
    }
    Some(section)
}

/// One chart of both where they share a scale, else one for each.
fn figures(view: &View<'_>, record: &SeriesRecord, own: &Own) -> Vec<Block> {
    let title = name(&record.name);
    if own.values().next().is_none() {
        return vec![Block::Text(format!("{title} could not be read."))];
    }
    let ours = own.ours.as_ref().filter(|line| line.values().next().is_some());
    let together = ours.filter(|_| own.shared).map(|line| line.points.as_slice()).unwrap_or_default();
    let mut blocks = vec![Block::Figure(drawn(view, title, own.unit, &own.points, together))];
    if let Some(line) = ours.filter(|_| !own.shared) {
        blocks.push(Block::Figure(drawn(view, name(&line.name), line.unit, &[], &line.points)));
    }
    blocks
}

/// A chart: `said` thick, `counted` grey.
fn drawn(view: &View<'_>, title: String, unit: Unit, said: &[Point], counted: &[Point]) -> Figure {
    let end_s = said.iter().chain(counted).map(|point| point.0).fold(view.end_s, f64::max);
    let scale = fit(range([said, counted]), &[], unit, 3);
    let mut chart = Chart::new(140.0, 20.0, (0.0, end_s), scale.span());
    if let Some(settle) = view.settle_s {
        chart.band(settle, end_s);
    }
    chart.grid(&scale, "");
    chart.times(3);
    chart.steps("raw", counted, LARGE);
    chart.steps("flok", said, LARGE);
    view.mark(&mut chart);
    let shown = if said.is_empty() { counted } else { said };
    let values = || shown.iter().filter_map(|(_, value)| *value);
    let told = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| text::amount(value, unit));
    let note = format!("{} → {}", told(values().next()), told(values().next_back()));
    let label = format!("{title}: {}", note.replace('→', "to"));
    Figure { mark: None, title, note, svg: chart.finish(&label, &[]) }
}

fn facts(view: &View<'_>, record: &SeriesRecord, own: &Own) -> Vec<Fact> {
    let told = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| text::amount(value, own.unit));
    let read = own.values().count() as u64;
    let mut facts = vec![
        Fact::new("Figure", name(&record.name)),
        Fact::new("First", told(own.values().next())),
        Fact::new("Last", told(own.values().next_back())),
        Fact::new("Readings", read.to_string()),
    ];
    let failed = Fact::new("Failed", record.failed.to_string());
    facts.push(match &record.first_failure {
        Some(first) => failed.class("amb").sub(sentence(first)),
        None => failed,
    });
    let Some(class) = &record.compare else { return facts };
    let pairs = own.pairs(view.night.record.plan.interval_s);
    let apart: Vec<f64> = pairs.iter().map(|(said, counted)| said - counted).collect();
    let apart = order::median(&apart).filter(|apart| apart.is_finite());
    let class = name(class);
    facts.push(match apart {
        Some(apart) if own.shared => {
            Fact::new("Difference", signed(apart, own.unit)).sub(format!("the median, to {class}"))
        }
        Some(_) => Fact::new("Difference", "–").sub(format!("{class} is on quite another scale")),
        None => Fact::new("Difference", "–").sub(format!("{class} was not counted at these times")),
    });
    let together = match correlation::pearson(&pairs) {
        Some(r) => Fact::new("Correlation", format!("{}", (r * 100.0).round() / 100.0 + 0.0))
            .sub(format!("Pearson's, over {}", text::count(pairs.len() as u64, "pair"))),
        None => Fact::new("Correlation", "–").sub("one of both never moved, or too few pairs"),
    };
    facts.push(together);
    facts
}
