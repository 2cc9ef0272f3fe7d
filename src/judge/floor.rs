//! The permanent-floor rule: growth of a count, told from pools that fill, work in flight and saw-teeth.
//!
//! A count leaks where its floor, the level that it never goes below again, keeps rising: in steps spread over the night,
//! by more than chance gives and takes, and more steadily than pools that fill could make it. Where identity is known, it is
//! the handles that stay which must carry the rise. docs/statistics.md tells the rule with its formulas and figures.

use super::cycle::{self, Cycle};
use super::evidence::{Doubt, Evidence, Growth, Outcome, Pools, Terms, stretches};
use super::segment::{MIN_SAMPLES, SLOT_S, Segment, View};
use crate::model::Estimate;
use crate::stats::poisson::{lower_bound, upper_bound};
use crate::stats::pools::Arrivals;
use crate::stats::power::detectable_mu;

/// Fewest steps of a leak: three fall into three quarters by chance too often.
const MIN_STEPS: u64 = 4;
/// Quarters of the time that must hold a step: one event and its echo touch two.
const MIN_QUARTERS: usize = 3;
/// The rise must be so many times the deepest fall: a level that fell by D may stand D too low at the start and D too high at
/// the end, each way, by chance alone.
const NOISE_FALLS: f64 = 4.0;
/// The same where the rise rests on handles that stayed: those cannot be chance at the end, so that half of it is left, and
/// one more for what the cap lets through.
const NOISE_FALLS_STAYERS: f64 = 3.0;
/// And so many standard deviations of what chance gives and takes (Skellam): 1 in 2000 on one side.
const NOISE_Z: f64 = 3.3;
/// Below this time after the warm-up pools are harder to tell, seconds: see [`Pools::z_short`].
const SHORT_S: f64 = 900.0;
/// The time after warm-up below which nothing is said, seconds: a drip of 24 per hour makes three steps in it.
const MIN_OBSERVED_S: f64 = 480.0;
/// A cycle must be seen so often: once, and half of it again to show that it came back.
const CYCLES: f64 = 1.5;
/// A pass may rest on a sensitivity so many times what must be detected.
const SENSITIVITY_SLACK: f64 = 1.5;
/// The probability of the sensitivity.
const POWER: f64 = 0.9;
/// One-sided 95 % of the normal distribution.
const ONE_SIDED: f64 = 1.645;
/// A stretch without samples so large, as a share of the observed time, leaves a quarter unseen.
const MAX_HOLE: f64 = 0.25;
/// Most slots of all stretches together: an hour of 20 s. Longer nights have longer slots; a pool that fills within a few of
/// them need not be resolved.
const MAX_SLOTS: f64 = 180.0;

/// Judges the growth of a count.
pub(super) fn judge(evidence: &Evidence<'_>, terms: &Terms) -> Growth {
    let stayers = Floor::read(evidence, terms, View::Stayers);
    let judged = stayers.as_ref().map_err(Clone::clone).map(|floor| floor.judged(evidence, terms));
    let outcome = judged.as_ref().map(|growth| &growth.outcome);
    // What is replaced again and again can leak too, but it must rise by more than its own turnover explains.
    if evidence.lives.is_some()
        && outcome != Ok(&Outcome::Leaks)
        && let Ok(all) = Floor::read(evidence, terms, View::All)
        && all.turns_over()
        && all.grows()
    {
        let growth = all.judged(evidence, terms);
        if growth.outcome == Outcome::Leaks || outcome == Ok(&Outcome::Holds) {
            return growth;
        }
    }
    judged.unwrap_or_else(|doubt| Growth {
        outcome: Outcome::Undecided(doubt),
        estimate: None,
        allowed: terms.allowed.unwrap_or(0.0),
    })
}

/// Judges the growth of a count by all that rises.
pub(super) fn judge_all(evidence: &Evidence<'_>, terms: &Terms) -> Growth {
    match Floor::read(evidence, terms, View::All) {
        Ok(floor) => floor.judged(evidence, terms),
        Err(doubt) => {
            Growth { outcome: Outcome::Undecided(doubt), estimate: None, allowed: terms.allowed.unwrap_or(0.0) }
        }
    }
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
    fn read(evidence: &Evidence<'_>, terms: &Terms, view: View) -> Result<Self, Doubt> {
        let stretches = stretches(evidence.points, evidence.restarts);
        let samples = stretches.iter().map(|stretch| stretch.1.len()).max().unwrap_or(0);
        if samples < MIN_SAMPLES {
            return Err(Doubt::FewSamples { samples, needed: MIN_SAMPLES });
        }
        let long = stretches.into_iter().filter(|stretch| stretch.1.len() >= MIN_SAMPLES);
        let read =
            long.filter_map(|(start, points)| Segment::read(points, start, terms.warmup_s, evidence.lives, view));
        Self::of(read.collect(), view).ok_or(Doubt::Short { observed_s: 0.0, needed_s: MIN_OBSERVED_S })
    }

    fn of(segments: Vec<Segment>, view: View) -> Option<Self> {
        let main = segments.iter().max_by(|a, b| a.observed_s.total_cmp(&b.observed_s))?.clone();
        let most = |of: fn(&Segment) -> f64| segments.iter().map(of).fold(0.0, f64::max);
        let fall = most(|segment| segment.fall);
        let turned_over = if view == View::All { most(|segment| segment.turned_over) } else { 0.0 };
        let stayers = view == View::Stayers && segments.iter().all(|segment| segment.followed);
        let falls = if stayers { NOISE_FALLS_STAYERS } else { NOISE_FALLS };
        let exchanged = most(|segment| segment.given_back).max(turned_over);
        Some(Self {
            observed_s: segments.iter().map(|segment| segment.observed_s).sum(),
            count: segments.iter().map(Segment::count).sum(),
            rise: segments.iter().map(|segment| segment.rise).sum(),
            fall,
            noise: (falls * fall).max(NOISE_Z * (2.0 * exchanged).sqrt()),
            main,
            segments,
        })
    }

    fn judged(&self, evidence: &Evidence<'_>, terms: &Terms) -> Growth {
        let (arrivals, slot_s) = self.arrivals(&terms.pools);
        let cycle = cycle::find(evidence.points, self.main.from_s);
        let estimate = self.estimate(evidence.room, &terms.pools, &arrivals, slot_s);
        let estimate = Estimate { found_cycle_s: cycle.map(|cycle| cycle.length_s), ..estimate };
        let allowed = terms.allowed.unwrap_or(0.0);
        if self.observed_s < MIN_OBSERVED_S {
            let doubt = Doubt::Short { observed_s: self.observed_s, needed_s: MIN_OBSERVED_S };
            // The figures of so short a time would only mislead; where the floor lay is worth showing.
            let estimate = Estimate { sensitivity: None, excluded_above: None, ..estimate };
            return Growth { outcome: Outcome::Undecided(doubt), estimate: Some(estimate), allowed };
        }
        let outcome = self.decide(&estimate, terms, &arrivals, cycle);
        Growth { outcome, estimate: Some(estimate), allowed }
    }

    fn hours(&self) -> f64 {
        self.observed_s / 3600.0
    }

    fn pools_z(&self, pools: &Pools) -> f64 {
        if self.observed_s >= SHORT_S { pools.z } else { pools.z_short }
    }

    /// The rise that is not just the way back from a fall.
    fn net(&self) -> f64 {
        (self.rise - self.fall).max(0.0)
    }

    fn per_step(&self, total: f64) -> f64 {
        if self.count > 0 { total / self.count as f64 } else { 1.0 }
    }

    /// The rises of all segments, and the length of their slots in seconds.
    fn arrivals(&self, pools: &Pools) -> (Arrivals, f64) {
        let whole: f64 = self.segments.iter().map(Segment::whole_s).sum();
        let slot_s = SLOT_S.max(whole / MAX_SLOTS);
        let stretches: Vec<Vec<f64>> = self.segments.iter().map(|segment| segment.arrivals(slot_s)).collect();
        (Arrivals::new(&stretches, slot_s, pools.slowest_s), slot_s)
    }

    /// Quarters of all the time that hold a step.
    fn quarters(&self) -> usize {
        let mut touched = [false; 4];
        let mut before = 0.0;
        for segment in &self.segments {
            for step in &segment.steps {
                let place = (before + step.0 - segment.from_s) / self.observed_s;
                let quarter = [0.25, 0.5, 0.75].iter().filter(|edge| place >= **edge).count();
                touched.get_mut(quarter).into_iter().for_each(|seen| *seen = true);
            }
            before += segment.observed_s;
        }
        touched.iter().filter(|seen| **seen).count()
    }

    /// The rate above which growth is excluded with 95 % confidence: the exact bound on the number of steps, or, where the
    /// steps came early, what a drip beside the pools can have been at most.
    fn excluded(&self, arrivals: &Arrivals, slot_s: f64) -> f64 {
        let size = self.per_step(self.rise).max(1.0);
        let exact = size * upper_bound(self.count, 0.05) / self.hours();
        if self.count == 0 {
            return exact;
        }
        let profile = size * arrivals.scaled(1.0 / size).most_drip(ONE_SIDED) * 3600.0 / slot_s;
        // No likelihood excludes more than no step at all would.
        exact.min(profile.max(upper_bound(0, 0.05) / self.hours()))
    }

    /// The rate of a steady drip that would have been reported with 90 % probability: enough steps beside tonight's noise, in
    /// three quarters, and told from the pools, tonight's among them.
    fn sensitivity(&self, pools: &Pools, arrivals: &Arrivals) -> Option<f64> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
        let needed = MIN_STEPS.max(self.noise.ceil() as u64);
        let steps = |each| detectable_mu(needed, each, self.pools_z(pools), POWER);
        let alone = arrivals.gain_of_a_drip();
        let first = steps(alone)?;
        // Pools of tonight hide a part of the drip. Where tonight itself drips, it must not make itself easier to see.
        let beside = arrivals.gain_with(first) / first;
        steps(beside.min(alone)).map(|steps| steps / self.hours())
    }

    fn estimate(&self, room: Option<f64>, pools: &Pools, arrivals: &Arrivals, slot_s: f64) -> Estimate {
        let hours = self.hours();
        let size = self.per_step(self.net());
        let rate = self.net() / hours;
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
            excluded_above: Some(self.excluded(arrivals, slot_s)),
            sensitivity: self.sensitivity(pools, arrivals),
            warmup_end_s: self.main.from_s,
            observed_s: self.observed_s,
            hours_to_limit: room.filter(|_| rate > 0.0).map(|room| room / rate).filter(|hours| hours.is_finite()),
            floor,
            found_cycle_s: None,
        }
    }

    fn turns_over(&self) -> bool {
        self.segments.iter().any(|segment| segment.turned_over > 0.0)
    }

    fn grows(&self) -> bool {
        self.count >= MIN_STEPS && self.quarters() >= MIN_QUARTERS && self.rise >= self.noise && self.net() > 0.0
    }

    fn decide(&self, estimate: &Estimate, terms: &Terms, arrivals: &Arrivals, found: Option<Cycle>) -> Outcome {
        let allowed = terms.allowed.unwrap_or(0.0);
        if self.grows() {
            let cycle = terms.cycle_s.or(found.map(|found| found.length_s));
            if let Some(cycle_s) = cycle.filter(|cycle_s| self.observed_s < CYCLES * cycle_s) {
                return Outcome::Undecided(Doubt::Cycle { cycle_s });
            }
            if arrivals.gain() <= self.pools_z(&terms.pools).powi(2) {
                return Outcome::Undecided(Doubt::Filling);
            }
            if estimate.low > allowed {
                return Outcome::Leaks;
            }
        }
        let wanted = allowed.max(terms.must_detect);
        let sees = allowed.max(SENSITIVITY_SLACK * terms.must_detect);
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
