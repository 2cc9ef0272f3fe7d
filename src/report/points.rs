//! Series turned into the points of charts: one for each snapshot, so that all lines of a page share their times.

use std::path::Path;
use std::time::Duration;

use super::chart::Point;
use crate::model::{Metric, ProcId, Snapshot, StoredNight, Unit};
use crate::series::{Question, Series, covers_dead, watched};
use crate::threshold::{self, Selector};

/// What a line counts.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) name: String,
    pub(crate) select: Selector,
    pub(crate) older_than: Option<Duration>,
}

impl Choice {
    fn question<'a>(&'a self, night: &StoredNight) -> Question<'a> {
        Question {
            class: &self.name,
            select: &self.select,
            older_than: self.older_than,
            memory_limit: night.record.target.memory_limit,
        }
    }
}

impl From<Metric> for Choice {
    fn from(metric: Metric) -> Self {
        Self { name: metric.to_string(), select: Selector::Metric(metric), older_than: None }
    }
}

/// A class over the night.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) points: Vec<Point>,
}

impl Line {
    /// The values that were read.
    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = f64> {
        self.points.iter().filter_map(|(_, value)| *value)
    }

    /// True where the class was ever in use.
    fn lives(&self) -> bool {
        self.values().any(|value| value > 0.0)
    }
}

/// What the rules of a night select. Thresholds that this build cannot read leave the built-in classes.
fn rules(night: &StoredNight) -> Vec<Choice> {
    if night.thresholds.trim().is_empty() {
        return Vec::new();
    }
    let choice =
        |rule: threshold::ClassRule| Choice { name: rule.name, select: rule.select, older_than: rule.older_than };
    threshold::parse(Path::new("thresholds.yaml"), &night.thresholds)
        .map(|rules| rules.classes.into_iter().map(choice).collect())
        .unwrap_or_default()
}

/// Every class worth a chart, tonight and the night before: those of the rules first, then the built-in ones that were ever in
/// use on either night.
pub(crate) fn lines(night: &StoredNight, previous: Option<&StoredNight>) -> Vec<(Line, Option<Line>)> {
    let (choices, ruled) = choices(night);
    let always = |name: &str| ["fd.total", "proc.count", "proc.threads", "mem.anon", "mem.rss"].contains(&name);
    choices
        .iter()
        .enumerate()
        .map(|(n, choice)| (n < ruled, line(night, choice), previous.map(|previous| line(previous, choice))))
        .filter(|(ruled, now, before)| {
            *ruled || always(&now.name) || now.lives() || before.as_ref().is_some_and(Line::lives)
        })
        .map(|(_, now, before)| (now, before))
        .collect()
}

/// All that can be counted in a night: what the rules select first, and how many of those there are.
fn choices(night: &StoredNight) -> (Vec<Choice>, usize) {
    let mut choices = rules(night);
    let judged = night.assessment.iter().flat_map(|assessment| &assessment.findings);
    let named: Vec<Metric> = judged.filter_map(|finding| finding.class.parse().ok()).collect();
    let add = |choices: &mut Vec<Choice>, metric: Metric| {
        let choice = Choice::from(metric);
        if choices.iter().all(|known| known.name != choice.name) {
            choices.push(choice);
        }
    };
    named.into_iter().for_each(|metric| add(&mut choices, metric));
    let ruled = choices.len();
    Metric::all().for_each(|metric| add(&mut choices, metric));
    (choices, ruled)
}

/// A class of the night by its name, also one that was never in use; `None`: there is none.
pub(crate) fn named(night: &StoredNight, name: &str) -> Option<Line> {
    let choice = choices(night).0.into_iter().find(|choice| choice.name == name)?;
    Some(line(night, &choice))
}

/// What each class counted in some single snapshots: its name, its unit, and a figure for each snapshot. Classes by age are left
/// out, which one look does not tell, and those that are nothing in all of them.
pub(crate) fn counts(night: &StoredNight, snapshots: &[&Snapshot]) -> Vec<(String, Unit, Vec<Option<f64>>)> {
    let counted = choices(night).0.into_iter().filter(|choice| choice.older_than.is_none()).map(|choice| {
        let question = choice.question(night);
        let mut unit = Unit::Count;
        let figures = snapshots.iter().map(|snapshot| {
            let series = Series::read(&question, &[*snapshot]);
            unit = series.unit;
            series.points.first().map(|(_, figure)| *figure)
        });
        let figures: Vec<Option<f64>> = figures.collect();
        (choice.name.clone(), unit, figures)
    });
    counted.filter(|(_, _, figures)| figures.iter().flatten().any(|figure| *figure > 0.0)).collect()
}

/// One class of a night. A snapshot that does not tell the figure is a gap in the line.
pub(crate) fn line(night: &StoredNight, choice: &Choice) -> Line {
    let question = choice.question(night);
    let watched = watched(&night.snapshots);
    let series = Series::read(&question, &watched);
    let figure = |snapshot: &Snapshot| {
        let at = snapshot.at_s();
        let place = series.points.binary_search_by(|(time, _)| time.total_cmp(&at)).ok()?;
        series.points.get(place).map(|(_, figure)| *figure)
    };
    let points = over_time(night, &watched, figure);
    Line { name: choice.name.clone(), unit: series.unit, points }
}

/// The dead handles of a class, as seen by every snapshot.
pub(crate) fn dead(night: &StoredNight, select: &Selector) -> Vec<Point> {
    #[expect(clippy::cast_precision_loss, reason = "handles are far fewer than 2^52")]
    over_time(night, &watched(&night.snapshots), |snapshot| {
        Some(snapshot.dead.iter().filter(|handle| covers_dead(select, handle.kind)).count() as f64)
    })
}

/// The descriptors of one process; before it began and after it ended there is nothing to say.
pub(crate) fn process(night: &StoredNight, id: ProcId) -> Vec<Point> {
    #[expect(clippy::cast_precision_loss, reason = "descriptors are far fewer than 2^52")]
    over_time(night, &watched(&night.snapshots), |snapshot| {
        let process = snapshot.processes.iter().find(|process| process.id == id)?;
        process.fds.value().map(|census| census.total as f64)
    })
}

/// A figure of each snapshot by seconds. A pause of more than three intervals is a gap in the line.
fn over_time(night: &StoredNight, watched: &[&Snapshot], figure: impl Fn(&Snapshot) -> Option<f64>) -> Vec<Point> {
    let pause = 3.0 * night.record.plan.interval_s.max(0.1);
    let mut points: Vec<Point> = Vec::with_capacity(watched.len());
    for snapshot in watched {
        let at = snapshot.at_s();
        if let Some((before, _)) = points.last().filter(|(before, _)| at - before > pause) {
            points.push((f64::midpoint(*before, at), None));
        }
        points.push((at, figure(snapshot)));
    }
    points
}
