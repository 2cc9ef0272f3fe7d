//! Growth of memory: continuous and noisy, so that its floor is taken per window and its trend without a model of the noise.
//!
//! After a third of the run the rest is cut into twelve windows; a window's floor is its tenth percentile. Memory leaks where
//! Mann-Kendall sees the floors rise, by more than they ever fell, as fast late as early, and Sen's interval of the slope
//! lies above what is allowed.

use super::evidence::{Doubt, Evidence, Growth, Outcome, Terms, stretches};
use crate::model::Estimate;
use crate::stats::order::{low_decile, median};
use crate::stats::trend::{Trend, drawdown, median_slope, trend};

/// Windows, and how many of them must have samples.
const WINDOWS: (usize, usize) = (12, 9);
/// Fewest samples of a window.
const MIN_PER_WINDOW: usize = 3;
/// The warm-up: share of the run, and its bounds in seconds.
const WARMUP: (f64, f64, f64) = (1.0 / 3.0, 300.0, 1200.0);
/// Mann-Kendall's statistic at one in a thousand.
const MIN_Z: f64 = 3.09;
/// The rise must be so many times the deepest fall.
const NOISE_FALLS: f64 = 3.0;
/// The late half must grow at this share of the early half's pace.
const LATE_SHARE: f64 = 0.6;
/// What is allowed where nothing is said: bytes per hour, and share of the level per hour.
const DEFAULT_ALLOWED: (f64, f64) = (10.0 * 1024.0 * 1024.0, 0.05);
/// A pass may leave so many times the allowed growth possible.
const WANTED: f64 = 2.0;
/// Quantiles of the normal distribution: of a two-sided 95 % interval, and of a probability of 90 %.
const NORMAL: (f64, f64) = (1.96, 1.281_551_565_544_6);

/// Judges the growth of memory, in the longest stretch without a restart.
pub(super) fn judge(evidence: &Evidence<'_>, terms: &Terms) -> Growth {
    let Evidence { points, restarts, room, .. } = *evidence;
    let span = |stretch: &(f64, &[(f64, f64)])| stretch.1.last().map_or(0.0, |last| last.0 - stretch.0);
    let longest = stretches(points, restarts).into_iter().max_by(|a, b| span(a).total_cmp(&span(b)));
    let (start, points) = longest.unwrap_or((0.0, points));
    let level = points.last().map_or(0.0, |last| last.1);
    let allowed = |level: f64| terms.allowed.unwrap_or_else(|| default_allowed(level));
    let too_few = |samples| Growth {
        outcome: Outcome::Undecided(Doubt::FewSamples { samples, needed: WINDOWS.1 * MIN_PER_WINDOW }),
        estimate: None,
        allowed: allowed(level),
    };
    let end = points.last().map_or(start, |last| last.0);
    let warmup = terms.warmup_s.unwrap_or_else(|| (WARMUP.0 * (end - start)).clamp(WARMUP.1, WARMUP.2));
    let from = start + warmup;
    let judged = points.get(points.partition_point(|point| point.0 < from)..).unwrap_or_default();
    let floors = windows(judged, from, end);
    let (Some(trend), true) = (trend(&floors), floors.len() >= WINDOWS.1) else {
        return too_few(judged.len());
    };
    let floor = Floor::of(&floors, trend);
    let allowed = allowed(floor.level);
    let estimate = floor.estimate(floors.clone(), allowed, room, from, end);
    Growth { outcome: floor.decide(&floors, allowed, terms), estimate: Some(estimate), allowed }
}

/// What memory may grow by where the thresholds do not say.
fn default_allowed(level: f64) -> f64 {
    DEFAULT_ALLOWED.0.max(DEFAULT_ALLOWED.1 * level)
}

/// The floor of every window that has samples enough, at the window's middle.
fn windows(points: &[(f64, f64)], from: f64, end: f64) -> Vec<(f64, f64)> {
    let width = (end - from) / WINDOWS.0 as f64;
    let mut floors = Vec::with_capacity(WINDOWS.0);
    let mut rest = points;
    for window in 1..=WINDOWS.0 {
        let edge = from + width * window as f64;
        let inside = if window == WINDOWS.0 { rest.len() } else { rest.partition_point(|point| point.0 < edge) };
        let (own, later) = rest.split_at(inside);
        rest = later;
        if own.len() >= MIN_PER_WINDOW {
            let figures: Vec<f64> = own.iter().map(|point| point.1).collect();
            floors.extend(low_decile(&figures).map(|floor| (edge - width / 2.0, floor)));
        }
    }
    floors
}

/// The windows' floors and their trend per hour.
struct Floor {
    level: f64,
    rise: f64,
    fall: f64,
    trend: Trend,
}

impl Floor {
    fn of(floors: &[(f64, f64)], per_second: Trend) -> Self {
        let figures: Vec<f64> = floors.iter().map(|floor| floor.1).collect();
        let three = |figures: &[f64]| median(figures).unwrap_or(0.0);
        let first = figures.get(..3).map_or(0.0, three);
        let last = figures.len().checked_sub(3).and_then(|at| figures.get(at..)).map_or(0.0, three);
        let trend = Trend {
            slope: per_second.slope * 3600.0,
            low: per_second.low * 3600.0,
            high: per_second.high * 3600.0,
            z: per_second.z,
        };
        let level = figures.last().copied().unwrap_or(0.0);
        Self { level, rise: last - first, fall: drawdown(figures), trend }
    }

    fn grows(&self) -> bool {
        self.trend.z >= MIN_Z && self.rise >= NOISE_FALLS * self.fall && self.trend.low > 0.0
    }

    fn decide(&self, floors: &[(f64, f64)], allowed: f64, terms: &Terms) -> Outcome {
        let late = as_fast_late(floors);
        if self.grows() && late && self.trend.low > allowed {
            return Outcome::Leaks;
        }
        if self.grows() && !late && self.trend.slope > allowed {
            return Outcome::Undecided(Doubt::Filling);
        }
        // No growth at all can never be excluded: where none is allowed, a pass excludes what is allowed by default.
        let wanted = if allowed > 0.0 { WANTED * allowed } else { WANTED * default_allowed(self.level) };
        if self.trend.high <= wanted.max(terms.must_detect) {
            Outcome::Holds
        } else {
            Outcome::Undecided(Doubt::NotExcluded)
        }
    }

    fn estimate(
        &self,
        floors: Vec<(f64, f64)>,
        allowed: f64,
        room: Option<f64>,
        warmup_end_s: f64,
        end: f64,
    ) -> Estimate {
        let rate = self.trend.slope;
        Estimate {
            level: self.level,
            rise: self.rise,
            steps: Vec::new(),
            rate,
            low: self.trend.low,
            high: self.trend.high,
            excluded_above: Some(self.trend.high),
            sensitivity: Some(self.sensitivity(&floors, allowed)),
            warmup_end_s,
            observed_s: end - warmup_end_s,
            hours_to_limit: room.filter(|_| rate > 0.0).map(|room| room / rate).filter(|hours| hours.is_finite()),
            floor: floors,
            found_cycle_s: None,
        }
    }

    /// The rate that would have been reported with 90 % probability: its interval must lie above what is allowed, and its
    /// rise above the falls, given tonight's noise.
    fn sensitivity(&self, floors: &[(f64, f64)], allowed: f64) -> f64 {
        let half = (self.trend.high - self.trend.low) / 2.0;
        let certain = allowed + half * (1.0 + NORMAL.1 / NORMAL.0);
        // The rise is measured between the medians of the first and the last three floors, each the middle one of three.
        let first = floors.get(1).map_or(0.0, |floor| floor.0);
        let last = floors.len().checked_sub(2).and_then(|at| floors.get(at)).map_or(first, |floor| floor.0);
        let hours = (last - first) / 3600.0;
        if hours > 0.0 { certain.max(NOISE_FALLS * self.fall / hours) } else { certain }
    }
}

/// True where the late half grows about as fast as the early one, or faster.
fn as_fast_late(floors: &[(f64, f64)]) -> bool {
    let half = floors.len() / 2;
    let (early, _) = floors.split_at(floors.len() - half);
    let (_, late) = floors.split_at(floors.len() - half);
    match (median_slope(early), median_slope(late)) {
        (Some(early), Some(late)) => late >= LATE_SHARE * early.max(0.0),
        (None, _) | (_, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = 1024.0 * 1024.0;
    fn judged(points: &[(f64, f64)], room: Option<f64>, allowed: Option<f64>) -> Growth {
        judge(&Evidence { points, lives: None, restarts: &[], room }, &Terms::allowing(allowed))
    }

    /// Thirty minutes at 5 s, with a ripple of 1 MiB and growth per hour.
    fn night(per_hour: f64) -> Vec<(f64, f64)> {
        (0..360)
            .map(|i| {
                let at = f64::from(i) * 5.0;
                (at, 300.0 * MIB + MIB * f64::from(i % 7) + per_hour * at / 3600.0)
            })
            .collect()
    }

    #[test]
    fn a_steady_growth_leaks() {
        let growth = judged(&night(100.0 * MIB), Some(1700.0 * MIB), None);
        assert_eq!(growth.outcome, Outcome::Leaks);
        let estimate = growth.estimate.unwrap();
        assert!((estimate.rate / MIB - 100.0).abs() < 5.0, "{}", estimate.rate / MIB);
        assert!((estimate.hours_to_limit.unwrap() - 17.0).abs() < 1.0);
    }

    #[test]
    fn a_ripple_holds() {
        let growth = judged(&night(0.0), None, None);
        assert_eq!(growth.outcome, Outcome::Holds);
        assert!((growth.allowed - 0.05 * 300.0 * MIB).abs() < MIB);
    }

    #[test]
    fn growth_that_slows_down_is_not_yet_decided() {
        // 200 MiB of warm-up with a time constant of fifteen minutes.
        let warming: Vec<_> =
            night(0.0).into_iter().map(|(at, level)| (at, level + 200.0 * MIB * (1.0 - (-at / 900.0).exp()))).collect();
        assert_eq!(judged(&warming, None, None).outcome, Outcome::Undecided(Doubt::Filling));
    }

    #[test]
    fn minutes_are_not_enough() {
        let points: Vec<_> = night(1000.0 * MIB).into_iter().filter(|point| point.0 < 280.0).collect();
        assert!(matches!(judged(&points, None, None).outcome, Outcome::Undecided(Doubt::FewSamples { .. })));
        assert!(matches!(judged(&[], None, None).outcome, Outcome::Undecided(_)));
    }

    #[test]
    fn no_growth_allowed_still_passes_what_does_not_grow() {
        assert_eq!(judged(&night(0.0), None, Some(0.0)).outcome, Outcome::Holds);
        assert_eq!(judged(&night(100.0 * MIB), None, Some(0.0)).outcome, Outcome::Leaks);
    }
}
