//! Where a series of nights changes its level for good.
//!
//! Cuts are proposed by least squares, which is quick and generous, and each must then stand a robust test on the nights between
//! its neighbours, which is strict. So the false alarms are those of the test.

use super::order::median;
use super::student::upper_tail;

/// The chance that a series without a change gets a mark, were its noise normal and its nights independent.
pub const ALPHA: f64 = 2e-4;
/// Nights on either side of a change, but at the end of the series.
pub const LEAST: usize = 3;
/// Nights before a change that shows in the last one or two nights only. Fewer than these, on either side, count only where all
/// of them lie apart from the others.
pub const BEFORE: usize = 5;
/// A change is at least so many standard deviations of the nights about it. What is smaller may be sure, and is no news.
const EFFECT: f64 = 2.0;
/// A last night counts where it lies so many times farther off than any night before.
const BEYOND: f64 = 2.0;
/// A median absolute deviation times this is the standard deviation of a normal variable.
const MAD: f64 = 1.4826;
/// The same for a mean absolute deviation.
const MEAN: f64 = 1.2533;
/// The variance of a median of normal variables against that of their mean, at most.
const MEDIAN: f64 = std::f64::consts::FRAC_PI_2;

/// A difference of levels that is worth a mark. The same figures bound the noise from below: what is counted in whole things may
/// vary by less than it shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worth {
    /// At least so much, in the unit of the values; above zero.
    pub amount: f64,
    /// And at least this share of the larger of the two levels.
    pub share: f64,
}

impl Worth {
    fn least(self, one: f64, other: f64) -> f64 {
        self.amount.max(self.share * one.abs().max(other.abs()))
    }
}

/// A change of level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The first value of the new level.
    pub at: usize,
    /// The median from the change before to this one.
    pub before: f64,
    /// The median from this one to the next.
    pub after: f64,
}

/// The changes of level of a series, in its order; none where a value is not finite.
///
/// 1. Cuts are proposed by optimal partitioning: least squares about the mean of each stretch, with a price of `3 ln n` variances
///    for each cut, on values smoothed by a running median of three, so that a single odd night proposes nothing. Source: Jackson
///    et al., "An algorithm for optimal partitioning of data on an interval", *IEEE Signal Processing Letters* 12 (2005).
/// 2. A cut is tested on the nights between its neighbours: the difference of the medians against its standard error, by Student's
///    t at [`ALPHA`] shared between all places where a cut could be (Bonferroni). The noise is the larger of the median and the mean
///    absolute deviation about the medians, each made a standard deviation, and never less than a quarter of what is worth a mark.
///    Source of the error of a median: Kendall and Stuart, *The Advanced Theory of Statistics* 1, section 10.10.
/// 3. A change is worth a mark by [`Worth`], and at least twice the noise.
///    Where one side has fewer than [`BEFORE`] nights, none of them may lie within the range of the other side.
/// 4. The weakest cut that fails is taken out and its neighbours are tested anew, until all that are left stand.
/// 5. In the end the last two nights, then the last one alone, may be a change of their own: after [`BEFORE`] nights or more, by the
///    same test, and only where they lie at least twice as far from the level as any night of it.
pub fn shifts(values: &[f64], worth: Worth) -> Vec<Shift> {
    if values.len() <= BEFORE || values.iter().any(|value| !value.is_finite()) {
        return Vec::new();
    }
    let test = Test { values, worth, places: values.len() as f64 - 1.0 };
    let mut cuts = proposed(values, worth);
    for pass in 0..2 {
        test.prune(&mut cuts);
        if pass == 0 {
            test.settle(&mut cuts);
        }
    }
    if let Some(cut) = test.end(cuts.last().copied().unwrap_or(0)) {
        cuts.push(cut);
    }
    let bounds = bounds(&cuts, values.len());
    bounds
        .windows(3)
        .filter_map(|place| {
            let [from, at, to] = *place else { return None };
            Some(Shift { at, before: test.level(from, at)?, after: test.level(at, to)? })
        })
        .collect()
}

/// The cuts with the ends of the series.
fn bounds(cuts: &[usize], end: usize) -> Vec<usize> {
    std::iter::once(0).chain(cuts.iter().copied()).chain(std::iter::once(end)).collect()
}

/// The mean of absolute differences.
fn mean_of(differences: &[f64]) -> f64 {
    differences.iter().sum::<f64>() / (differences.len() as f64).max(1.0)
}

/// Cuts by optimal partitioning, [`LEAST`] values apart.
fn proposed(values: &[f64], worth: Worth) -> Vec<usize> {
    let count = values.len();
    let differences: Vec<f64> = values.iter().zip(values.iter().skip(1)).map(|(a, b)| (b - a).abs()).collect();
    let level = median(values).unwrap_or(0.0);
    // Differences of neighbours have twice the variance, and hardly notice a change of level.
    let noise =
        (MAD * median(&differences).unwrap_or(0.0)).max(0.5 * MEAN * mean_of(&differences)) / std::f64::consts::SQRT_2;
    let noise = noise.max(worth.least(level, level) / 4.0);
    let mut sums = vec![(0.0_f64, 0.0_f64)];
    let (mut sum, mut squares) = (0.0, 0.0);
    for value in smooth(values) {
        // About the level, so that large levels with small movements keep their digits.
        let scaled = (value - level) / noise;
        sum += scaled;
        squares += scaled * scaled;
        sums.push((sum, squares));
    }
    let price = 3.0 * (count as f64).ln();
    // For each end: the least cost of all up to it, and where its last stretch begins.
    let mut best: Vec<(f64, usize)> = vec![(-price, 0)];
    for end in 1..=count {
        let mut least = (f64::INFINITY, 0);
        let to = sums.get(end).copied().unwrap_or_default();
        for (start, ((cost, _), from)) in best.iter().zip(&sums).enumerate() {
            if end - start < LEAST {
                break;
            }
            let (sum, squares) = (to.0 - from.0, to.1 - from.1);
            let whole = cost + price + squares - sum * sum / (end - start) as f64;
            if whole < least.0 {
                least = (whole, start);
            }
        }
        best.push(least);
    }
    let mut cuts = Vec::new();
    let mut end = count;
    while let Some((_, start)) = best.get(end).copied().filter(|(_, start)| *start > 0) {
        cuts.push(start);
        end = start;
    }
    cuts.reverse();
    cuts
}

/// A running median of three; the ends as they are.
fn smooth(values: &[f64]) -> Vec<f64> {
    let inner = values.windows(3).map(|three| median(three).unwrap_or_default());
    values.iter().take(1).copied().chain(inner).chain(values.iter().skip(1).last().copied()).collect()
}

/// True where all of the one lie above all of the other.
fn apart(one: &[f64], other: &[f64]) -> bool {
    let low = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    low(one) > high(other) || low(other) > high(one)
}

struct Test<'a> {
    values: &'a [f64],
    worth: Worth,
    /// Places where a cut could be.
    places: f64,
}

impl Test<'_> {
    fn part(&self, from: usize, to: usize) -> &[f64] {
        self.values.get(from..to).unwrap_or_default()
    }

    fn level(&self, from: usize, to: usize) -> Option<f64> {
        median(self.part(from, to))
    }

    /// The change at `at` between its neighbours in standard errors; `None` where it is no change.
    fn strength(&self, from: usize, at: usize, to: usize) -> Option<f64> {
        let (left, right) = (self.part(from, at), self.part(at, to));
        let (before, after) = (median(left)?, median(right)?);
        // A few nights of a skewed noise may well lie high together. They must be apart from all of the others.
        if left.len().min(right.len()) < BEFORE && !apart(left, right) {
            return None;
        }
        let by = (after - before).abs();
        let least = self.worth.least(before, after);
        let off: Vec<f64> = left
            .iter()
            .map(|value| (value - before).abs())
            .chain(right.iter().map(|value| (value - after).abs()))
            .collect();
        let noise = (MAD * median(&off)?).max(MEAN * mean_of(&off)).max(least / 4.0);
        let error = noise * (MEDIAN * (1.0 / left.len() as f64 + 1.0 / right.len() as f64)).sqrt();
        let strength = by / error;
        // The noise of few nights is not well known; a mean absolute deviation is worth 0.88 of as many squares.
        let freedom = (0.88 * (off.len() as f64 - 2.0)).floor().max(1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not more than there are nights")]
        let freedom = freedom as u32;
        let sure = by >= least && by >= EFFECT * noise && 2.0 * upper_tail(strength, freedom) <= ALPHA / self.places;
        sure.then_some(strength)
    }

    /// Takes out the cuts that fail, one at a time: first where the levels are nearest to each other.
    fn prune(&self, cuts: &mut Vec<usize>) {
        loop {
            let all = bounds(cuts, self.values.len());
            let near = |place: &[usize]| match *place {
                [from, at, to] => self.level(from, at).zip(self.level(at, to)).map_or(0.0, |(a, b)| (a - b).abs()),
                _ => 0.0,
            };
            let fails = |place: &[usize]| match *place {
                [from, at, to] => at - from < LEAST || to - at < LEAST || self.strength(from, at, to).is_none(),
                _ => false,
            };
            let weakest = all
                .windows(3)
                .enumerate()
                .filter(|(_, place)| fails(place))
                .min_by(|a, b| near(a.1).total_cmp(&near(b.1)))
                .map(|(n, _)| n);
            match weakest {
                Some(n) => {
                    cuts.remove(n);
                }
                None => return,
            }
        }
    }

    /// Moves each cut to where the nights about it lie nearest to the two levels: smoothing may be a night off.
    fn settle(&self, cuts: &mut [usize]) {
        for n in 0..cuts.len() {
            let all = bounds(cuts, self.values.len());
            let Some(&[from, at, to]) = all.get(n..n + 3) else { continue };
            let Some((before, after)) = self.level(from, at).zip(self.level(at, to)) else { continue };
            let mut cost: f64 = self.part(from, to).iter().map(|value| (value - after).abs()).sum();
            let mut best = (f64::INFINITY, at);
            for (place, value) in (from + 1..to).zip(self.part(from, to)) {
                cost += (value - before).abs() - (value - after).abs();
                // What is left of the last stretch may be too short: the end has a test of its own.
                let whole = place - from >= LEAST && (to - place >= LEAST || to == self.values.len());
                if cost < best.0 && whole {
                    best = (cost, place);
                }
            }
            if let Some(cut) = cuts.get_mut(n) {
                *cut = best.1;
            }
        }
    }

    /// The first of the last two nights, where they are a change of their own.
    fn end(&self, from: usize) -> Option<usize> {
        let end = self.values.len();
        [2, 1].into_iter().map(|nights| end - nights).find(|at| {
            let left = self.part(from, *at);
            let Some(level) = median(left).filter(|_| left.len() >= BEFORE) else { return false };
            let farthest = left.iter().map(|value| (value - level).abs()).fold(0.0, f64::max);
            let right = self.part(*at, end);
            let beyond = right.iter().all(|value| (value - level).abs() >= BEYOND * farthest);
            let one_way = right.iter().all(|value| *value > level) || right.iter().all(|value| *value < level);
            beyond
                && one_way
                && right.iter().all(|value| (value - level).abs() >= self.worth.least(level, *value))
                && self.strength(from, *at, end).is_some()
        })
    }
}

#[cfg(test)]
mod tests;
