//! Whether the two nights did the same work, and how long its steps took.

use std::collections::{BTreeMap, BTreeSet};

use super::past::Past;
use super::shift::{Known, Shift};
use crate::model::{RunRecord, StepRecord};
use crate::stats::noise::Floor;

/// A workload that did this much more or less is another workload.
const WORK_SHARE: f64 = 0.1;
/// A latency matters where it moved by this share.
const SLOWER_SHARE: f64 = 0.2;
/// And by so much, milliseconds.
const SLOWER_MS: f64 = 5.0;
/// The least that the logarithm of a latency moves from night to night: 2 %.
const LEAST_LN: f64 = 0.02;
/// What a 90 % quantile is above the median in standard deviations of a normal distribution.
const Z_90: f64 = 1.281_55;
/// The standard error of a median is so many times that of a mean, for a normal distribution.
const OF_MEDIAN: f64 = 1.2533;

/// A workload counter in both nights.
#[derive(Debug, Clone, PartialEq)]
pub struct CounterChange {
    /// Its name.
    pub name: String,
    /// By how much it grew.
    pub grown: Shift,
}

/// A step of the churn in both nights.
#[derive(Debug, Clone, PartialEq)]
pub struct StepChange {
    /// As it is written: `post /research`.
    pub name: String,
    /// The median of what it took, milliseconds.
    pub median: Shift,
    /// 90 % took no longer, milliseconds.
    pub p90_ms: (Option<f64>, Option<f64>),
    /// 99 % took no longer, milliseconds.
    pub p99_ms: (Option<f64>, Option<f64>),
    /// How often it was taken.
    pub count: (Option<u64>, Option<u64>),
    /// How often it failed.
    pub failed: (Option<u64>, Option<u64>),
}

/// The workload counters, and the iterations of the churn, by name.
pub(super) fn counters(before: &RunRecord, after: &RunRecord, past: &Past<'_>) -> Vec<CounterChange> {
    let (before, after) = (before.work_done(), after.work_done());
    let mut names: Vec<&String> = after.iter().map(|(name, _)| name).collect();
    names.extend(before.iter().map(|(name, _)| name).filter(|name| !after.iter().any(|it| it.0 == **name)));
    let of = |grown: &[(String, Option<f64>)], name: &str| grown.iter().find(|it| it.0 == name).and_then(|it| it.1);
    names.into_iter().map(|name| counter(name, of(&before, name), of(&after, name), past)).collect()
}

fn counter(name: &str, before: Option<f64>, after: Option<f64>, past: &Past<'_>) -> CounterChange {
    let both = before.zip(after);
    // Work that comes by chance (Poisson) varies by the root of its number; work at a pace by less.
    let own = both.map(|(before, after)| (before.abs() + after.abs()).max(1.0).sqrt());
    let nights = past.counter(name);
    let known = Known { past: &nights, floor: Floor::Counted, own };
    let mut grown = Shift::of(before, after, both.map(|(before, after)| after - before), known);
    let most = both.map_or(0.0, |(before, after)| before.abs().max(after.abs()));
    grown.large = grown.change().is_some_and(|change| change.abs() > WORK_SHARE * most && change.abs() >= 2.0);
    CounterChange { name: name.to_owned(), grown }
}

/// The steps of the churn in the order of the later night, then those that only the earlier one has.
pub(super) fn steps(before: &RunRecord, after: &RunRecord, past: &Past<'_>) -> Vec<StepChange> {
    let (before, after) = (before.steps(), after.steps());
    let earlier: BTreeMap<&str, &StepRecord> = before.iter().map(|(name, step)| (name.as_str(), *step)).collect();
    let later: BTreeSet<&str> = after.iter().map(|(name, _)| name.as_str()).collect();
    let kept =
        after.iter().map(|(name, step)| step_change(name, earlier.get(name.as_str()).copied(), Some(*step), past));
    let gone = before.iter().filter(|(name, _)| !later.contains(name.as_str()));
    kept.chain(gone.map(|(name, step)| step_change(name, Some(*step), None, past))).collect()
}

fn step_change(name: &str, before: Option<&StepRecord>, after: Option<&StepRecord>, past: &Past<'_>) -> StepChange {
    let (earlier, later) = (before.filter(|step| step.tells_time()), after.filter(|step| step.tells_time()));
    let both = earlier.zip(later);
    let change = both.map(|(earlier, later)| (later.p50_ms / earlier.p50_ms).ln());
    let own = both.map(|(earlier, later)| deviation(earlier).hypot(deviation(later)));
    let nights: Vec<f64> = past.step(name).iter().map(|ms| ms.ln()).collect();
    let floor = Floor::Of(own.unwrap_or(0.0).max(LEAST_LN));
    let median = |step: Option<&StepRecord>| step.map(|step| step.p50_ms);
    let mut shift = Shift::of(median(earlier), median(later), change, Known { past: &nights, floor, own });
    shift.large = both.is_some_and(|(earlier, later)| {
        let by = (later.p50_ms - earlier.p50_ms).abs();
        by > SLOWER_MS && by > SLOWER_SHARE * earlier.p50_ms.min(later.p50_ms)
    });
    let pair = |of: fn(&StepRecord) -> f64| (earlier.map(of), later.map(of));
    StepChange {
        name: name.to_owned(),
        median: shift,
        p90_ms: pair(|step| step.p90_ms),
        p99_ms: pair(|step| step.p99_ms),
        count: (before.map(|step| step.count), after.map(|step| step.count)),
        failed: (before.map(|step| step.failed), after.map(|step| step.failed)),
    }
}

/// The standard error of the logarithm of a step's median: the spread is taken from the median to the 90 % quantile.
fn deviation(step: &StepRecord) -> f64 {
    let spread = (step.p90_ms / step.p50_ms).ln().max(0.0) / Z_90;
    OF_MEDIAN * spread / ((step.count - step.failed).max(1) as f64).sqrt()
}
