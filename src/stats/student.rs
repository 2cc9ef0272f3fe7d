//! Student's t distribution, and what a small sample says of the next value.

use super::bisect;

/// More terms than the continued fraction needs anywhere.
const MOST_TERMS: u32 = 10_000;

/// The chance that a variable with Student's t distribution of `freedom` degrees exceeds `t`; `NaN` where `t` is none.
///
/// Source: Abramowitz and Stegun, *Handbook of Mathematical Functions*, 26.7.1: half the regularised incomplete beta function
/// at `freedom / (freedom + t^2)`.
pub fn upper_tail(t: f64, freedom: u32) -> f64 {
    if t < 0.0 {
        return 1.0 - upper_tail(-t, freedom);
    }
    let n = f64::from(freedom.max(1));
    // Not `n / (n + t^2)`: the square of a large value is infinite.
    let ratio = t / n.sqrt();
    if ratio.is_infinite() {
        return 0.0;
    }
    let x = 1.0 / (1.0 + ratio * ratio);
    0.5 * if x < (n / 2.0 + 1.0) / (n / 2.0 + 2.5) {
        incomplete_beta(x, n / 2.0, 0.5, beta_half(freedom))
    } else {
        // The fraction converges fast only below that place; above it the other tail is reckoned.
        let other = ratio * ratio * x;
        1.0 - incomplete_beta(other, 0.5, n / 2.0, beta_half(freedom))
    }
}

/// The value that a variable with Student's t distribution of `freedom` degrees exceeds with chance `alpha`, which lies in
/// `0..=0.5`; infinite for an `alpha` of 0.
pub fn upper_quantile(alpha: f64, freedom: u32) -> f64 {
    let mut high = 1.0;
    while upper_tail(high, freedom) > alpha {
        high *= 2.0;
        if f64::is_infinite(high) {
            return high;
        }
    }
    bisect(0.0, high, |t| upper_tail(t, freedom) > alpha)
}

/// `B(n/2, 1/2)` by the recurrence `B(a + 1, b) = B(a, b) a / (a + b)`, so that no gamma function is needed.
fn beta_half(n: u32) -> f64 {
    let n = n.max(1);
    let (first, mut beta) = if n % 2 == 1 { (1, std::f64::consts::PI) } else { (2, 2.0) };
    for k in (first..n).step_by(2) {
        let a = f64::from(k) / 2.0;
        beta *= a / (a + 0.5);
    }
    beta
}

/// The regularised incomplete beta function, where `whole` is the complete one.
///
/// Source: *NIST Digital Library of Mathematical Functions*, 8.17.22 (continued fraction), by the method of W. J. Lentz, "Generating
/// Bessel functions in Mie scattering calculations using continued fractions", *Applied Optics* 15 (1976).
fn incomplete_beta(x: f64, a: f64, b: f64, whole: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let away_from_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..MOST_TERMS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut last = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            last = c * d;
            fraction *= last;
        }
        if (last - 1.0_f64).abs() < 1e-15 {
            break;
        }
    }
    (a * x.ln() + b * (-x).ln_1p()).exp() / (a * whole) * fraction
}

/// What a sample says of the next value, if all of them come from one normal distribution of unknown mean and spread.
///
/// Source: G. J. Hahn and W. Q. Meeker, *Statistical Intervals* (1991), 4.7: the next value less the mean, divided by
/// `s sqrt(1 + 1/n)`, has Student's t distribution of `n - 1` degrees of freedom. It justifies "one night in a thousand is above
/// that".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    mean: f64,
    /// Standard deviation of the next value around the mean.
    spread: f64,
    freedom: u32,
}

impl Prediction {
    /// From a sample. The standard deviation is taken as at least `least`, which is above zero: what was measured in whole steps
    /// may vary by less than they show. `None` with fewer than two values.
    pub fn of(values: &[f64], least: f64) -> Option<Self> {
        let count = u32::try_from(values.len()).ok().filter(|count| *count >= 2)?;
        let n = f64::from(count);
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (squares / (n - 1.0)).sqrt().max(least);
        Some(Self { mean, spread: deviation * (1.0 + 1.0 / n).sqrt(), freedom: count - 1 })
    }

    /// What the next value exceeds with chance `alpha`, which lies in `0..=0.5`.
    pub fn upper_bound(&self, alpha: f64) -> f64 {
        self.mean + upper_quantile(alpha, self.freedom) * self.spread
    }

    /// The chance that the next value exceeds `limit`.
    pub fn chance_above(&self, limit: f64) -> f64 {
        upper_tail((limit - self.mean) / self.spread, self.freedom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn agrees_with_the_tables() {
        // The table of percentage points in Abramowitz and Stegun, 26.10, to its three decimals.
        for (alpha, freedom, expected) in [
            (0.25, 30, 0.683),
            (0.05, 2, 2.920),
            (0.025, 1, 12.706),
            (0.025, 4, 2.776),
            (0.005, 10, 3.169),
            (0.0005, 2, 31.599),
            (0.0005, 13, 4.221),
            (0.0005, 120, 3.373),
        ] {
            let found = upper_quantile(alpha, freedom);
            assert!((found - expected).abs() < 0.000_51, "{alpha} with {freedom}: {found}");
        }
    }

    #[test]
    fn agrees_with_the_closed_forms() {
        // One degree is Cauchy's distribution; two have 1/2 - t / (2 sqrt(2 + t^2)), written so that it does not cancel.
        for t in [0.0_f64, 0.01, 0.5, 1.0, 3.0, 40.0, 1e5] {
            let one = 1.0_f64.atan2(t) / std::f64::consts::PI;
            let root = (2.0 + t * t).sqrt();
            let two = 1.0 / (root * (root + t));
            for (found, expected) in [(upper_tail(t, 1), one), (upper_tail(t, 2), two)] {
                assert!((found - expected).abs() <= 1e-10 * expected, "{t}: {found} and {expected}");
            }
            assert!((upper_tail(-t, 2) - (1.0 - two)).abs() < 1e-12);
        }
    }

    #[test]
    fn many_degrees_are_as_good_as_normal() {
        let normal = crate::stats::gauss::upper_tail(2.0);
        assert!((upper_tail(2.0, 100_000) - normal).abs() < 1e-5);
    }

    #[test]
    fn the_next_value_of_a_small_sample() {
        // Mean 18, s 2, n 3: 18 + 2.920 * 2 * sqrt(4/3).
        let next = Prediction::of(&[16.0, 20.0, 18.0], 0.1).unwrap();
        assert!((next.upper_bound(0.05) - (18.0 + 2.92 * 2.0 * (4.0_f64 / 3.0).sqrt())).abs() < 1e-3);
        assert!((next.chance_above(18.0) - 0.5).abs() < 1e-12);
        assert_eq!(Prediction::of(&[1.0], 0.1), None);
    }

    #[test]
    fn values_that_are_all_the_same_keep_the_least_spread() {
        let next = Prediction::of(&[4.0; 14], 0.25).unwrap();
        assert!(next.chance_above(4.5) > 0.01 && next.chance_above(8.0) < 1e-6);
        assert!(next.upper_bound(0.01) > 4.5);
    }

    proptest! {
        #[test]
        fn quantile_and_tail_undo_each_other(exponent in 0.31..12.0_f64, freedom in 1..400_u32) {
            let alpha = 10.0_f64.powf(-exponent);
            let back = upper_tail(upper_quantile(alpha, freedom), freedom);
            prop_assert!((back - alpha).abs() <= 1e-6 * alpha, "{alpha} came back as {back}");
        }

        #[test]
        fn a_tail_is_a_chance_that_falls(t in 0.0..1e200_f64, more in 1.0..1e10_f64, freedom in 1..1000_u32) {
            let (near, far) = (upper_tail(t, freedom), upper_tail(t * more, freedom));
            prop_assert!((0.0..=0.5 + 1e-12).contains(&near) && far <= near + 1e-12, "{near} {far}");
        }
    }
}
