//! The floors of a class in windows of time that both nights share: noise within a window falls out, and what is left of one
//! window to the next is near enough to independent.

use crate::stats::correlation::pearson;
use crate::stats::order::low_decile;
use crate::stats::student::{upper_quantile, upper_tail};

/// Windows, and how many of them must have samples on both sides.
const WINDOWS: (usize, usize) = (12, 9);
/// Fewest samples of a window.
const MIN_PER_WINDOW: usize = 3;
/// The share of the soak at its begin that is left out of levels, and the most of it in seconds.
const LEVEL_FROM: (f64, f64) = (1.0 / 3.0, 1200.0);

/// A level held by the candidate against that of the baseline, in the class's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// How much more the candidate holds on average.
    pub extra: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
    /// What the baseline holds on average.
    pub baseline: f64,
    /// The spread of the mean.
    error: f64,
    freedom: u32,
}

impl Level {
    /// The chance of a difference as large as this one or larger where no more than `allowed` is there.
    pub fn p(&self, allowed: f64) -> f64 {
        upper_tail((self.extra - allowed) / self.error, self.freedom)
    }
}

/// A figure of both sides in a window: its middle in seconds, the candidate's floor, the baseline's floor.
pub(super) type Window = (f64, f64, f64);

/// The windows from `from` to the end that both sides have samples enough in; `None`: too few.
pub(super) fn windows(candidate: &[(f64, f64)], baseline: &[(f64, f64)], from: f64) -> Option<Vec<Window>> {
    let end = candidate.last()?.0.min(baseline.last()?.0);
    let width = (end - from) / WINDOWS.0 as f64;
    if width.is_nan() || width <= 0.0 {
        return None;
    }
    let floor = |points: &[(f64, f64)], window: usize| {
        let edge = |n: usize| from + width * n as f64;
        let first = points.partition_point(|point| point.0 < edge(window));
        let last = points.partition_point(|point| point.0 < edge(window + 1));
        // The last window has its right edge too.
        let last = if window + 1 == WINDOWS.0 { points.len() } else { last };
        let figures: Vec<f64> = points.get(first..last)?.iter().map(|point| point.1).collect();
        low_decile(&figures).filter(|_| figures.len() >= MIN_PER_WINDOW)
    };
    let both = (0..WINDOWS.0).filter_map(|window| {
        let middle = from + width * (window as f64 + 0.5);
        Some((middle, floor(candidate, window)?, floor(baseline, window)?))
    });
    let both: Vec<Window> = both.collect();
    (both.len() >= WINDOWS.1).then_some(both)
}

/// How much more the candidate holds over the later two thirds of the soak. The deviation is taken as at least `least`, which is
/// above 0: what was counted in whole things may vary by less than it shows. `None`: too little was seen.
///
/// The windows' differences are taken for a sample of a normal distribution. Where neighbours are alike, they count for fewer:
/// `n (1 - r) / (1 + r)` with the lag-one correlation `r` (G. V. Bayley and J. M. Hammersley, "The effective number of independent
/// observations in an autocorrelated time series", *Supplement to the JRSS* 8, 1946).
pub fn level(candidate: &[(f64, f64)], baseline: &[(f64, f64)], least: f64) -> Option<Level> {
    let first = candidate.first()?.0.max(baseline.first()?.0);
    let end = candidate.last()?.0.min(baseline.last()?.0);
    let windows = windows(candidate, baseline, first + ((end - first) * LEVEL_FROM.0).min(LEVEL_FROM.1))?;
    let extra: Vec<f64> = windows.iter().map(|(_, candidate, baseline)| candidate - baseline).collect();
    let n = extra.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let middle = mean(&extra);
    let squares: f64 = extra.iter().map(|value| (value - middle).powi(2)).sum();
    let neighbours: Vec<(f64, f64)> = extra.iter().copied().zip(extra.iter().skip(1).copied()).collect();
    let alike = pearson(&neighbours).unwrap_or(0.0).clamp(0.0, 0.8);
    let effective = n * (1.0 - alike) / (1.0 + alike);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number above 0")]
    let freedom = (effective.floor() as u32).saturating_sub(1).max(1);
    let error = (squares / (n - 1.0)).sqrt().max(least) / effective.sqrt();
    let half = upper_quantile(0.025, freedom) * error;
    Some(Level {
        extra: middle,
        low: middle - half,
        high: middle + half,
        baseline: mean(&windows.iter().map(|window| window.2).collect::<Vec<_>>()),
        error,
        freedom,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(level: f64, shift: f64) -> Vec<(f64, f64)> {
        (0..360).map(|i| (f64::from(i) * 5.0 + shift, level + f64::from(i % 3))).collect()
    }

    #[test]
    fn a_level_that_is_higher_throughout_is_told() {
        let found = level(&flat(20.0, 0.0), &flat(12.0, 2.5), 0.25).unwrap();
        assert!((found.extra - 8.0).abs() < 1e-9 && (found.baseline - 12.0).abs() < 1e-9);
        assert!(found.p(4.2) < 1e-9 && found.p(8.0) > 0.4 && found.p(9.0) > 0.9);
        assert!(found.low > 7.5 && found.high < 8.5);
    }

    #[test]
    fn windows_need_samples_of_both() {
        let short: Vec<(f64, f64)> = flat(3.0, 0.0).into_iter().take(20).collect();
        assert_eq!(level(&short, &flat(3.0, 0.0), 0.25), None);
        assert_eq!(level(&[], &flat(3.0, 0.0), 0.25), None);
        let holey: Vec<(f64, f64)> =
            flat(3.0, 0.0).into_iter().filter(|point| point.0 < 1000.0 || point.0 > 1500.0).collect();
        assert_eq!(level(&holey, &flat(3.0, 0.0), 0.25), None);
    }

    #[test]
    fn windows_that_are_alike_count_for_fewer() {
        let wandering: Vec<(f64, f64)> =
            (0..360).map(|i| (f64::from(i) * 5.0, 20.0 + 6.0 * (f64::from(i) / 60.0).sin())).collect();
        let jumping: Vec<(f64, f64)> =
            (0..360).map(|i| (f64::from(i) * 5.0, 20.0 + if i / 20 % 2 == 0 { 4.2 } else { -4.2 })).collect();
        let p = |points: &[(f64, f64)]| level(points, &flat(12.0, 2.5), 0.25).unwrap();
        assert!(p(&wandering).freedom < p(&jumping).freedom);
    }
}
