//! Growth of the one against growth of the other.
//!
//! Counts are worse where the candidate's permanent floor rises by the rule of a night, and the exact chance of so many more
//! steps than the baseline's is small. Memory is worse where the difference of both keeps growing.

use super::windows::windows;
use crate::judge::{Doubt, Evidence, Outcome, Pools, judge_count, judge_turnover};
use crate::model::Estimate;
use crate::stats::gauss::upper_tail;
use crate::stats::order::median;
use crate::stats::poisson::upper_bound;
use crate::stats::rates::{Counted, difference, excess, least_excess};
use crate::stats::trend::{Trend, drawdown, median_slope, trend};

/// A class of both nights.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// What is to be released.
    pub candidate: Evidence<'a>,
    /// What was released last.
    pub baseline: Evidence<'a>,
}

/// What is allowed, and how sure a breach must be.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How much faster the candidate may grow, per hour in the class's unit.
    pub margin: f64,
    /// A cycle that is known, seconds.
    pub cycle_s: Option<f64>,
    /// A fixed warm-up, seconds.
    pub warmup_s: Option<f64>,
    /// The chance of a false alarm of this question, for what it would have seen.
    pub alpha: f64,
}

/// How much faster the candidate grows. Per hour in the class's unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Growth {
    /// The best estimate.
    pub extra: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of its 95 % interval.
    pub high: f64,
    /// With 95 % confidence it is no more than this.
    pub excluded_above: f64,
    /// The chance of such a difference where no more than the margin is there. 1 where the candidate does not grow steadily: then
    /// it is not growth that is seen.
    pub p: f64,
    /// True where the candidate grows steadily, more than chance gives and takes and not as a pool fills.
    pub steady: bool,
    /// So much extra growth would have been found with 90 % probability; `None`: none would.
    pub seen: Option<f64>,
    /// Growth of the candidate with its 95 % interval.
    pub candidate: (f64, f64, f64),
    /// Growth of the baseline with its 95 % interval.
    pub baseline: (f64, f64, f64),
    /// The floor of the candidate over time.
    pub candidate_floor: Vec<(f64, f64)>,
    /// The floor of the baseline over time.
    pub baseline_floor: Vec<(f64, f64)>,
}

/// The power of what is said to have been visible.
const POWER: f64 = 0.9;

/// Holds the growth of two counts against each other.
///
/// # Errors
/// Either night has too little of the class to judge its growth.
pub fn counts(pair: &Pair<'_>, terms: &Terms) -> Result<Growth, Doubt> {
    let of_night = |warmup_s: Option<f64>| crate::judge::Terms {
        allowed: Some(0.0),
        must_detect: 0.0,
        cycle_s: terms.cycle_s,
        warmup_s,
        pools: Pools::default(),
    };
    let told = |evidence: &Evidence<'_>, warmup_s: Option<f64>| {
        let growth = judge_count(evidence, &of_night(warmup_s));
        match (growth.outcome.clone(), growth.estimate.is_some()) {
            (Outcome::Undecided(doubt @ (Doubt::Short { .. } | Doubt::FewSamples { .. } | Doubt::NoSamples)), _) => {
                Err(doubt)
            }
            (Outcome::Undecided(doubt), false) => Err(doubt),
            (_, true) => Ok(growth),
            (Outcome::Leaks | Outcome::Holds, false) => Err(Doubt::NoSamples),
        }
    };
    let [mut candidate, mut baseline] = [told(&pair.candidate, terms.warmup_s)?, told(&pair.baseline, terms.warmup_s)?];
    // The same minutes of both: from the end of the longer warm-up on. A restart has a warm-up of its own.
    let mut warmup_s = terms.warmup_s;
    let restarted = !pair.candidate.restarts.is_empty() || !pair.baseline.restarts.is_empty();
    if warmup_s.is_none()
        && !restarted
        && let (Some(own), Some(other)) = (&candidate.estimate, &baseline.estimate)
    {
        let later = own.warmup_end_s.max(other.warmup_end_s);
        warmup_s = Some(later);
        [candidate, baseline] = [told(&pair.candidate, warmup_s)?, told(&pair.baseline, warmup_s)?];
    }
    // Where all that turns over was counted on one side, it must be on the other.
    let turnover = |evidence: &Evidence<'_>| judge_turnover(evidence, &of_night(warmup_s));
    if pair.candidate.lives.is_some() && turnover(&pair.candidate) == candidate {
        let other = turnover(&pair.baseline);
        baseline = if other.estimate.is_some() { other } else { baseline };
    }
    let (Some(own), Some(other)) = (candidate.estimate, baseline.estimate) else { return Err(Doubt::NoSamples) };
    Ok(counted(own, other, candidate.outcome == Outcome::Leaks, terms))
}

fn counted(own: Estimate, other: Estimate, steady: bool, terms: &Terms) -> Growth {
    let (own_hours, other_hours) = (own.observed_s / 3600.0, other.observed_s / 3600.0);
    // What comes in batches varies by more than what comes one by one: so many things make one event.
    let sizes = || own.steps.iter().chain(&other.steps).map(|step| step.1);
    let (sum, squares) = (sizes().sum::<f64>(), sizes().map(|size| size * size).sum::<f64>());
    let batch = if sum > 0.0 { (squares / sum).max(1.0) } else { 1.0 };
    let events = |estimate: &Estimate, time: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
        let events = (estimate.rise / batch).round() as u64;
        Counted { events, time }
    };
    let (first, second) = (events(&own, own_hours), events(&other, other_hours));
    let margin = terms.margin / batch;
    let (low, high) = difference(first, second, 0.025);
    let needed = least_excess(own_hours, second, margin, terms.alpha);
    let enough = needed.map(|needed| upper_bound(needed.saturating_sub(1), 1.0 - POWER) * batch / own_hours);
    // It must be found to grow at all, and by so much more.
    let seen = own.sensitivity.zip(enough).map(|(alone, enough)| (alone.max(enough) - second.rate() * batch).max(0.0));
    Growth {
        extra: own.rise / own_hours - other.rise / other_hours,
        low: low * batch,
        high: high * batch,
        excluded_above: difference(first, second, 0.05).1 * batch,
        p: if steady { excess(first, second, margin) } else { 1.0 },
        steady,
        seen,
        candidate: (own.rate, own.low, own.high),
        baseline: (other.rate, other.low, other.high),
        candidate_floor: own.floor,
        baseline_floor: other.floor,
    }
}

/// The warm-up of memory: share of the soak, and its bounds in seconds.
const MEMORY_WARMUP: (f64, f64, f64) = (1.0 / 3.0, 300.0, 1200.0);
/// The difference must rise by so many times its deepest fall.
const NOISE_FALLS: f64 = 3.0;
/// The late half of the difference must grow at this share of the early half's pace.
const LATE_SHARE: f64 = 0.6;
/// Quantiles of the normal distribution: of a two-sided 95 % interval, of a one-sided one, and of a probability of 90 %.
const NORMAL: (f64, f64, f64) = (1.96, 1.645, 1.281_551_565_544_6);

/// Holds the growth of two amounts of memory against each other.
///
/// # Errors
/// Either night has too little of the class to judge its growth, or was started again in between.
pub fn memory(pair: &Pair<'_>, terms: &Terms) -> Result<Growth, Doubt> {
    let (own, other) = (pair.candidate.points, pair.baseline.points);
    let (Some(end), Some(other_end)) = (own.last(), other.last()) else { return Err(Doubt::NoSamples) };
    let end = end.0.min(other_end.0);
    // Memory of a new process is not that of the old one.
    if let Some(restart) = pair.candidate.restarts.iter().chain(pair.baseline.restarts).next() {
        return Err(Doubt::Hole { from_s: *restart, to_s: *restart });
    }
    let from = terms.warmup_s.unwrap_or_else(|| (MEMORY_WARMUP.0 * end).clamp(MEMORY_WARMUP.1, MEMORY_WARMUP.2));
    let samples = own.len().min(other.len());
    let windows = windows(own, other, from).ok_or(Doubt::FewSamples { samples, needed: 36 })?;
    let per_hour = |at: f64| at / 3600.0;
    let extra: Vec<(f64, f64)> = windows.iter().map(|(at, own, other)| (per_hour(*at), own - other)).collect();
    let beyond: Vec<(f64, f64)> = extra.iter().map(|(at, extra)| (*at, extra - terms.margin * at)).collect();
    let lines = |side: fn(&(f64, f64, f64)) -> f64| -> Vec<(f64, f64)> {
        windows.iter().map(|window| (per_hour(window.0), side(window))).collect()
    };
    let (own, other) = (lines(|window| window.1), lines(|window| window.2));
    let (Some(both), Some(beyond), Some(own_trend), Some(other_trend)) =
        (trend(&extra), trend(&beyond), trend(&own), trend(&other))
    else {
        return Err(Doubt::NoSamples);
    };
    let fall = drawdown(extra.iter().map(|point| point.1));
    let steady = rise(&extra) >= NOISE_FALLS * fall && as_fast_late(&extra) && own_trend.low > 0.0;
    let half = (both.high - both.low) / 2.0;
    // The interval's end where a breach would be significant, and the rise beside the falls.
    let sure = crate::stats::gauss::upper_quantile(terms.alpha);
    let hours = extra.last().zip(extra.first()).map_or(0.0, |(last, first)| last.0 - first.0);
    let certain = terms.margin + half * (sure + NORMAL.2) / NORMAL.0;
    let seen = if hours > 0.0 { certain.max(NOISE_FALLS * fall / hours) } else { certain };
    let span = |trend: Trend| (trend.slope, trend.low, trend.high);
    let seconds = |line: Vec<(f64, f64)>| line.into_iter().map(|(at, level)| (at * 3600.0, level)).collect();
    Ok(Growth {
        extra: both.slope,
        low: both.low,
        high: both.high,
        excluded_above: both.slope + half * NORMAL.1 / NORMAL.0,
        p: if steady { upper_tail(beyond.z) } else { 1.0 },
        steady,
        seen: Some(seen),
        candidate: span(own_trend),
        baseline: span(other_trend),
        candidate_floor: seconds(own),
        baseline_floor: seconds(other),
    })
}

/// Between the medians of the first and the last three.
fn rise(points: &[(f64, f64)]) -> f64 {
    let middle = |points: Option<&[(f64, f64)]>| {
        let figures: Vec<f64> = points.unwrap_or_default().iter().map(|point| point.1).collect();
        median(&figures).unwrap_or(0.0)
    };
    middle(points.len().checked_sub(3).and_then(|at| points.get(at..))) - middle(points.get(..3))
}

/// True where the late half grows about as fast as the early one, or faster.
fn as_fast_late(points: &[(f64, f64)]) -> bool {
    let half = points.len() / 2;
    let (early, late) = (points.get(..points.len() - half), points.get(points.len() - half..));
    match (early.and_then(median_slope), late.and_then(median_slope)) {
        (Some(early), Some(late)) => late >= LATE_SHARE * early.max(0.0),
        (None, _) | (_, None) => false,
    }
}
