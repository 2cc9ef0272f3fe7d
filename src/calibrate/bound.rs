//! From the figures of clean nights to a bound that a clean night breaks seldom enough.

use super::{Alarms, Bound, FEWEST_NIGHTS, Spread};
use crate::model::Unit;
use crate::stats::order::median;
use crate::stats::student::Prediction;
use crate::stats::trend::trend;

const MIB: f64 = 1024.0 * 1024.0;

/// Levels above this are no levels: a double counts in whole numbers up to here.
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// The largest figure that a thresholds file may have.
const LARGEST_BOUND: f64 = 1_152_921_504_606_846_976.0;

/// A bound lies at least this share above the highest night...
const MARGIN_SHARE: f64 = 0.1;

/// ... and at least so many things, or MiB: a class that is held at one or two still needs some room.
const MARGIN_GRAINS: f64 = 2.0;

/// Mann-Kendall's statistic above which nights rise: one in a hundred where they do not.
const RISING: f64 = 2.326;

/// What is the smallest step in which a class is written: one thing, or one MiB.
fn grain(unit: Unit) -> f64 {
    match unit {
        Unit::Count => 1.0,
        Unit::Bytes => MIB,
    }
}

/// Figures of the nights, oldest first, those left out that are none.
#[derive(Debug, Clone)]
pub(super) struct Figures {
    values: Vec<f64>,
    unit: Unit,
}

impl Figures {
    pub(super) fn of(values: impl IntoIterator<Item = Option<f64>>, unit: Unit) -> Self {
        // `abs` of what is no number compares false.
        let values = values.into_iter().flatten().filter(|value| value.abs() <= LARGEST).collect();
        Self { values, unit }
    }

    pub(super) fn spread(&self) -> Option<Spread> {
        let fold = |pick: fn(f64, f64) -> f64| self.values.iter().copied().reduce(pick);
        Some(Spread {
            nights: self.values.len(),
            min: fold(f64::min)?,
            median: median(&self.values)?,
            max: fold(f64::max)?,
        })
    }

    pub(super) fn are_enough(&self) -> bool {
        self.values.len() >= FEWEST_NIGHTS
    }

    /// The next night. What is written in whole grains is known to half of one; the standard deviation of that is
    /// `grain / sqrt(12)` (W. F. Sheppard, *Proceedings of the London Mathematical Society* 29 (1898)), and a smaller one cannot be
    /// told from none.
    fn next(&self) -> Option<Prediction> {
        Prediction::of(&self.values, grain(self.unit) / 12.0_f64.sqrt())
    }

    /// A bound that a clean night breaks with chance `alpha` at most, at least `least`, in whole grains.
    pub(super) fn bound(&self, alpha: f64, least: f64) -> Option<f64> {
        let grain = grain(self.unit);
        let highest = self.spread()?.max;
        let margin = (highest.abs() * MARGIN_SHARE).max(MARGIN_GRAINS * grain);
        let bound = self.next()?.upper_bound(alpha).max(highest + margin).max(least);
        let step = match self.unit {
            Unit::Count => 1.0,
            // Five significant binary digits: 384 MiB, and not 377.
            Unit::Bytes => (bound / 32.0 / MIB).max(1.0).log2().floor().exp2() * MIB,
        };
        Some(((bound / step).ceil() * step).min(LARGEST_BOUND))
    }

    /// How often a clean night breaks a bound. Whatever the distribution, a night that may stand at any place among the others
    /// exceeds the k-th highest of n with chance `k / (n + 1)` (S. S. Wilks, *Annals of Mathematical Statistics* 12 (1941)).
    pub(super) fn alarms(&self, bound: f64) -> Option<Alarms> {
        let above = self.values.iter().filter(|value| **value > bound).count();
        // A count that breaks the bound is a whole one above it: its tail begins half-way.
        let half = if self.unit == Unit::Count { 0.5 } else { 0.0 };
        Some(Alarms {
            model: self.next()?.chance_above(bound + half),
            at_most: (above as f64 + 1.0) / (self.values.len() as f64 + 1.0),
        })
    }

    /// How far they rose from the first to the last where they rise by more than chance and by more than a grain.
    pub(super) fn rise(&self) -> Option<f64> {
        let points: Vec<(f64, f64)> = self.values.iter().enumerate().map(|(at, value)| (at as f64, *value)).collect();
        let found = trend(&points).filter(|found| found.z > RISING)?;
        let rise = found.slope * (points.len() as f64 - 1.0);
        (rise >= grain(self.unit)).then_some(rise)
    }

    /// The figure of the file against the figure that is proposed. With `keep_rising`, one whose nights rise is left as it is.
    pub(super) fn judged(&self, old: Option<f64>, alpha: f64, least: f64, keep_rising: bool) -> Option<Bound> {
        let spread = self.spread()?;
        let rising = self.rise().filter(|_| keep_rising);
        let proposed = self.bound(alpha, least)?;
        // Nights that are all the same do not speak against a figure that is stricter than they can vouch for: `max: 0`.
        let is_strict = |old: f64| spread.min >= spread.max && old >= spread.max && old < proposed;
        let kept = rising.is_none() && old.is_some_and(is_strict);
        let new = if kept || rising.is_some() { old } else { Some(proposed) };
        Some(Bound {
            spread,
            old,
            old_alarms: old.filter(|_| !kept).and_then(|old| self.alarms(old)),
            new,
            new_alarms: new.filter(|_| !kept).and_then(|new| self.alarms(new)),
            kept,
            rising,
        })
    }
}
