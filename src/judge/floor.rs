//! The permanent-floor rule: growth of a count, told from pools that fill, work in flight and saw-teeth.
//!
//! A count leaks where its floor, the level that it never goes below again, keeps rising: in steps spread over the night,
//! by more than chance gives and takes, and later than a pool that fills would put them.

use super::growth::{Doubt, Growth, Outcome, stretches};
use super::segment::{MIN_SAMPLES, Segment};
use crate::model::Estimate;
use crate::stats::poisson::{lower_bound, upper_bound};
use crate::stats::power::detectable_mu;

/// Fewest steps of a leak.
const MIN_STEPS: u64 = 4;
/// Quarters of the time that must hold a step.
const MIN_QUARTERS: usize = 3;
/// The rise must be so many times the deepest fall.
const NOISE_FALLS: f64 = 4.0;
/// And so many standard deviations of what chance gives and takes (Skellam).
const NOISE_Z: f64 = 3.3;
/// How much later than a pool's the steps must be, in standard errors; the second where less than [`SHORT_S`] was observed.
const LATE_Z: (f64, f64) = (2.33, 3.09);
const SHORT_S: f64 = 900.0;
/// The time after warm-up below which nothing is said, seconds.
const MIN_OBSERVED_S: f64 = 480.0;
/// A declared cycle must be seen so often.
const CYCLES: f64 = 1.5;
/// A pass may rest on a sensitivity so many times what must be detected.
const SENSITIVITY_SLACK: f64 = 1.5;
/// The probability of the sensitivity.
const POWER: f64 = 0.9;
/// A stretch without samples so large, as a share of the observed time, leaves a quarter unseen.
const MAX_HOLE: f64 = 0.25;

/// What is allowed and what is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// Growth allowed, per hour.
    pub(super) allowed: f64,
    /// The drip that a pass must have been able to see, per hour.
    pub(super) must_detect: f64,
    /// A cycle that is known, seconds.
    pub(super) cycle_s: Option<f64>,
    /// A fixed warm-up, seconds.
    pub(super) warmup_s: Option<f64>,
}

/// Judges the growth of a count. `room` is how far it can still grow.
pub(super) fn judge(points: &[(f64, f64)], restarts: &[f64], room: Option<f64>, terms: &Terms) -> Growth {
    let undecided = |doubt, estimate| Growth { outcome: Outcome::Undecided(doubt), estimate, allowed: terms.allowed };
    let long: Vec<_> =
        stretches(points, restarts).into_iter().filter(|stretch| stretch.1.len() >= MIN_SAMPLES).collect();
    if long.is_empty() {
        let samples = stretches(points, restarts).iter().map(|stretch| stretch.1.len()).max().unwrap_or(0);
        return undecided(Doubt::FewSamples { samples, needed: MIN_SAMPLES }, None);
    }
    let segments: Vec<Segment> =
        long.iter().filter_map(|(start, points)| Segment::read(points, *start, terms.warmup_s)).collect();
    let Some(floor) = Floor::of(segments) else {
        return undecided(Doubt::Short { observed_s: 0.0, needed_s: MIN_OBSERVED_S }, None);
    };
    let estimate = floor.estimate(room);
    if floor.observed_s < MIN_OBSERVED_S {
        let doubt = Doubt::Short { observed_s: floor.observed_s, needed_s: MIN_OBSERVED_S };
        // The figures of so short a time would only mislead; where the floor lay is worth showing.
        return undecided(doubt, Some(Estimate { sensitivity: None, excluded_above: None, ..estimate }));
    }
    Growth { outcome: floor.decide(&estimate, terms), estimate: Some(estimate), allowed: terms.allowed }
}

/// All segments of a night together.
struct Floor {
    segments: Vec<Segment>,
    main: Segment,
    observed_s: f64,
    count: u64,
    rise: f64,
    fall: f64,
    /// What chance alone may look like.
    noise: f64,
}

impl Floor {
    fn of(segments: Vec<Segment>) -> Option<Self> {
        let main = segments.iter().max_by(|a, b| a.observed_s.total_cmp(&b.observed_s))?.clone();
        let most = |of: fn(&Segment) -> f64| segments.iter().map(of).fold(0.0, f64::max);
        let fall = most(|segment| segment.fall);
        let given_back = most(|segment| segment.given_back);
        Some(Self {
            observed_s: segments.iter().map(|segment| segment.observed_s).sum(),
            count: segments.iter().map(Segment::count).sum(),
            rise: segments.iter().map(|segment| segment.rise).sum(),
            fall,
            noise: (NOISE_FALLS * fall).max(NOISE_Z * (2.0 * given_back).sqrt()),
            main,
            segments,
        })
    }

    fn hours(&self) -> f64 {
        self.observed_s / 3600.0
    }

    fn late_z(&self) -> f64 {
        if self.main.observed_s >= SHORT_S { LATE_Z.0 } else { LATE_Z.1 }
    }

    /// The rise that is not just the way back from a fall.
    fn net(&self) -> f64 {
        (self.rise - self.fall).max(0.0)
    }

    fn per_step(&self, total: f64) -> f64 {
        if self.count > 0 { total / self.count as f64 } else { 1.0 }
    }

    fn estimate(&self, room: Option<f64>) -> Estimate {
        let hours = self.hours();
        let size = self.per_step(self.net());
        let rate = self.net() / hours;
        let whole_size = self.per_step(self.rise).max(1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
        let needed = MIN_STEPS.max(self.noise.ceil() as u64);
        let mut floor: Vec<(f64, f64)> = Vec::new();
        for segment in &self.segments {
            let last = segment.floor.len().saturating_sub(1);
            for (i, point) in segment.floor.iter().enumerate() {
                let moved = floor.last().is_none_or(|before| (before.1 - point.1).abs() > f64::EPSILON);
                if i == 0 || i == last || moved {
                    floor.push(*point);
                }
            }
        }
        Estimate {
            level: self.segments.last().map_or(self.main.level, |segment| segment.level),
            rise: self.rise,
            steps: self.segments.iter().flat_map(|segment| segment.steps.iter().copied()).collect(),
            rate,
            low: size * lower_bound(self.count, 0.025) / hours,
            high: size.max(1.0) * upper_bound(self.count, 0.025) / hours,
            excluded_above: Some(whole_size * upper_bound(self.count, 0.05) / hours),
            sensitivity: detectable_mu(needed, self.main.pools(), self.late_z(), POWER).map(|steps| steps / hours),
            warmup_end_s: self.main.from_s,
            observed_s: self.observed_s,
            hours_to_limit: room.filter(|_| rate > 0.0).map(|room| room / rate).filter(|hours| hours.is_finite()),
            floor,
            found_cycle_s: None,
        }
    }

    fn decide(&self, estimate: &Estimate, terms: &Terms) -> Outcome {
        let grows = self.count >= MIN_STEPS
            && self.main.quarters >= MIN_QUARTERS
            && self.rise >= self.noise
            && self.net() > 0.0;
        if grows {
            if let Some(cycle_s) = terms.cycle_s.filter(|cycle_s| self.observed_s < CYCLES * cycle_s) {
                return Outcome::Undecided(Doubt::Cycle { cycle_s });
            }
            if !self.main.outlasts_pools(self.late_z()) {
                return Outcome::Undecided(Doubt::Filling);
            }
            if estimate.low > terms.allowed {
                return Outcome::Leaks;
            }
        }
        let wanted = terms.allowed.max(terms.must_detect);
        let sees = terms.allowed.max(SENSITIVITY_SLACK * terms.must_detect);
        let excluded = estimate.excluded_above.is_some_and(|rate| rate <= wanted);
        let sensitive = self.fall <= 0.0 || estimate.sensitivity.is_some_and(|rate| rate <= sees);
        if !excluded || !sensitive {
            return Outcome::Undecided(Doubt::NotExcluded);
        }
        let (from_s, to_s) = self.main.hole;
        if to_s - from_s > MAX_HOLE * self.main.observed_s {
            return Outcome::Undecided(Doubt::Hole { from_s, to_s });
        }
        Outcome::Holds
    }
}

#[cfg(test)]
mod tests;
