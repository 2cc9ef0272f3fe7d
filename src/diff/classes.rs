//! What the classes of two nights measured.

use std::collections::BTreeSet;

use crate::model::{Estimate, Finding, Metric, RuleKind, Status, StoredNight, Unit};
use crate::series::{Question, Series, dead_at_end, restarts, watched};
use crate::threshold::Selector;

/// A difference of levels below this share of the larger is no news.
const LEVEL_SHARE: f64 = 0.1;
/// Nor is one below so many things.
const LEVEL_THINGS: f64 = 2.0;

/// A class in both nights.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassChange {
    /// The class.
    pub class: String,
    /// What it counts in.
    pub unit: Unit,
    /// What it measured before; `None`: nothing was told of it.
    pub before: Option<Figures>,
    /// What it measured after.
    pub after: Option<Figures>,
    /// True where the difference is worth a look: another status, other dead handles, growth whose intervals do not meet, or
    /// a level that moved by a tenth.
    pub matters: bool,
}

/// What a night measured of a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// The level held at the end.
    pub level: Option<f64>,
    /// Growth per hour with the ends of its interval.
    pub rate: Option<(f64, f64, f64)>,
    /// Dead handles at the end.
    pub dead: u64,
    /// How its rules fared, the worst of them; `None`: no rule names it.
    pub status: Option<Status>,
}

/// The classes of both nights, those that matter first, built-in ones in the order of their list before a file's own.
pub(super) fn compare(before: &StoredNight, after: &StoredNight) -> Vec<ClassChange> {
    let built_in: Vec<String> = Metric::all().map(|metric| metric.to_string()).collect();
    let own: BTreeSet<String> = [before, after]
        .into_iter()
        .flat_map(class_findings)
        .map(|found| found.class.clone())
        .filter(|class| !built_in.contains(class))
        .collect();
    let mut changes: Vec<ClassChange> =
        built_in.into_iter().chain(own).filter_map(|class| change(class, before, after)).collect();
    changes.sort_by_key(|change| !change.matters);
    changes
}

fn change(class: String, before: &StoredNight, after: &StoredNight) -> Option<ClassChange> {
    let figures = |night| figures(night, &class).filter(worth_a_line);
    let (earlier, later) = (figures(before), figures(after));
    if earlier.is_none() && later.is_none() {
        return None;
    }
    let metric_unit = class.parse::<Metric>().ok().map(Metric::unit);
    let found_unit = || class_findings(after).chain(class_findings(before)).find(|found| found.class == class);
    let unit = metric_unit.or_else(|| found_unit().map(|found| found.unit)).unwrap_or(Unit::Count);
    // A class without a line of its own has none of its things, as long as the night tells anything.
    let none = Figures { level: Some(0.0), rate: None, dead: 0, status: None };
    let whole = |found: Option<Figures>, night: &StoredNight| {
        found.or_else(|| (metric_unit.is_some() && !night.snapshots.is_empty()).then(|| none.clone()))
    };
    let (before, after) = (whole(earlier, before), whole(later, after));
    let matters = match (&before, &after) {
        (Some(before), Some(after)) => differs(before, after, unit),
        (None, None) => false,
        (None, Some(_)) | (Some(_), None) => true,
    };
    Some(ClassChange { class, unit, before, after, matters })
}

fn worth_a_line(figures: &Figures) -> bool {
    figures.level.is_some_and(|level| level > 0.0) || figures.dead > 0 || figures.status.is_some()
}

fn differs(before: &Figures, after: &Figures, unit: Unit) -> bool {
    let least = match unit {
        Unit::Count => LEVEL_THINGS,
        Unit::Bytes => 0.0,
    };
    let moved = match (before.level, after.level) {
        (Some(before), Some(after)) => {
            let by = (after - before).abs();
            by > least && by > LEVEL_SHARE * before.max(after)
        }
        (None, None) => false,
        (None, Some(_)) | (Some(_), None) => true,
    };
    let paced = match (before.rate, after.rate) {
        (Some(before), Some(after)) => before.2 < after.1 || after.2 < before.1,
        (None, _) | (_, None) => false,
    };
    // A rule that only one of the nights had is a matter of the thresholds, not of the target.
    let judged = before.status.is_some() && after.status.is_some() && before.status != after.status;
    moved || paced || judged || before.dead != after.dead
}

fn class_findings(night: &StoredNight) -> impl Iterator<Item = &Finding> {
    night.assessment.iter().flat_map(|assessment| &assessment.findings).filter(|found| found.rule.is_of_class())
}

/// What a night tells of a class: from its snapshots where the class is built in, from its findings where it is not.
fn figures(night: &StoredNight, class: &str) -> Option<Figures> {
    let own: Vec<&Finding> = class_findings(night).filter(|found| found.class == class).collect();
    let estimate = own.iter().filter(|found| found.subject == "target").find_map(|found| found.growth.as_ref());
    // One subject's figure is not that of the class.
    let measured = |rule| {
        own.iter().find(|found| found.rule == rule && found.subject == "target").and_then(|found| found.measured)
    };
    let (level, dead) = match class.parse::<Metric>() {
        Ok(metric) => from_snapshots(night, class, metric),
        Err(_) => (measured(RuleKind::Max).or_else(|| estimate.map(|estimate| estimate.level)), 0),
    };
    let figures = Figures {
        level,
        rate: estimate.filter(|estimate| told(estimate)).map(|it| (it.rate, it.low, it.high)),
        dead,
        status: Status::worst(own.iter().map(|found| found.status)),
    };
    (figures.level.is_some() || figures.status.is_some()).then_some(figures)
}

/// True where there was time enough for a rate.
fn told(estimate: &Estimate) -> bool {
    estimate.excluded_above.is_some()
}

fn from_snapshots(night: &StoredNight, class: &str, metric: Metric) -> (Option<f64>, u64) {
    let watched = watched(&night.snapshots);
    let select = Selector::Metric(metric);
    let question =
        Question { class, select: &select, older_than: None, memory_limit: night.record.target.memory_limit };
    let since = restarts(&night.record).last().copied().unwrap_or(0.0);
    let level = Series::read(&question, &watched).held_level(since);
    (level, dead_at_end(&watched, &select).map_or(0, |dead| dead.len() as u64))
}
