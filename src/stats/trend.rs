//! Trends without a model of the noise.

use super::order::median;

/// What Mann-Kendall and Theil-Sen say of points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// The median slope, per unit of x.
    pub slope: f64,
    /// Lower end of the 95 % interval of the slope.
    pub low: f64,
    /// Upper end of the 95 % interval of the slope.
    pub high: f64,
    /// Mann-Kendall's statistic, standard normal where there is no trend.
    pub z: f64,
}

/// The slopes of all pairs of points, ascending. Pairs at one x have none.
pub fn pairwise_slopes(points: &[(f64, f64)]) -> Vec<f64> {
    let mut slopes: Vec<f64> = points
        .iter()
        .enumerate()
        .flat_map(|(i, a)| points.iter().skip(i + 1).filter(|b| b.0 > a.0).map(|b| (b.1 - a.1) / (b.0 - a.0)))
        .collect();
    slopes.sort_by(f64::total_cmp);
    slopes
}

/// The median of the pairwise slopes; `None` with fewer than two points.
///
/// Source: P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", *JASA* 63 (1968).
pub fn median_slope(points: &[(f64, f64)]) -> Option<f64> {
    median(&pairwise_slopes(points))
}

/// Mann-Kendall's test and Theil-Sen's slope with Sen's interval; `None` with fewer than three points. It justifies
/// "floor grows 76 MiB/h [69, 85]".
///
/// Sources: H. B. Mann, "Nonparametric tests against trend", *Econometrica* 13 (1945), with the continuity correction of
/// M. G. Kendall, *Rank Correlation Methods*, 4; P. K. Sen (1968) for the interval. No correction for ties.
pub fn trend(points: &[(f64, f64)]) -> Option<Trend> {
    if points.len() < 3 {
        return None;
    }
    let slopes = pairwise_slopes(points);
    let n = points.len() as f64;
    let deviation = (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    let score: f64 = slopes.iter().map(|slope| f64::from(i8::from(*slope > 0.0) - i8::from(*slope < 0.0))).sum();
    let corrected = if score > 0.0 { score - 1.0 } else { (score + 1.0).min(0.0) };
    let pairs = slopes.len() as f64;
    let half = 1.96 * deviation;
    Some(Trend {
        slope: median(&slopes)?,
        low: at(&slopes, (pairs - half) / 2.0)?,
        high: at(&slopes, ((pairs + half) / 2.0).ceil())?,
        z: corrected / deviation,
    })
}

/// The value at a position that may lie outside; the nearest then.
fn at(sorted: &[f64], position: f64) -> Option<f64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    let index = position.max(0.0) as usize;
    sorted.get(index.min(sorted.len().checked_sub(1)?)).copied()
}

/// The deepest fall from an earlier high; 0 without values.
pub fn drawdown(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut top, mut deepest) = (f64::NEG_INFINITY, 0.0_f64);
    for value in values {
        top = top.max(value);
        deepest = deepest.max(top - value);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_has_one_slope() {
        let line: Vec<_> = (0..10).map(|i| (f64::from(i), 2.0 * f64::from(i) + 1.0)).collect();
        let found = trend(&line).unwrap();
        assert!((found.slope - 2.0).abs() < 1e-12 && (found.low - 2.0).abs() < 1e-12);
        // S is 45 for ten rising points; (45 - 1) / sqrt(125).
        assert!((found.z - 44.0 / 125.0_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_level_line_has_no_trend() {
        let level: Vec<_> = (0..12).map(|i| (f64::from(i), 7.0)).collect();
        let found = trend(&level).unwrap();
        assert!(found.z.abs() < 1e-12 && found.slope.abs() < 1e-12);
        assert_eq!(trend(&level[..2]), None);
    }

    #[test]
    fn the_deepest_fall_counts() {
        assert!((drawdown([3.0, 5.0, 4.0, 6.0, 2.0, 9.0]) - 4.0).abs() < 1e-12);
        assert!(drawdown([]).abs() < 1e-12);
    }
}
