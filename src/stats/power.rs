//! What a night would have seen: the power of the permanent-floor rule.

use super::filling::moments;
use super::gauss::upper_tail;
use super::{bisect, ln_factorial};

/// Above this many steps the distribution of their number is as good as normal, and the other conditions hold as good as
/// surely.
const NORMAL_FROM: u64 = 2000;

/// The chance that `k` steps, placed evenly at random, touch at least `quarters` of the four quarters.
///
/// Source: W. Feller, *An Introduction to Probability Theory and Its Applications* 1, IV.2 (occupancy by inclusion and
/// exclusion).
pub fn spread_probability(k: u64, quarters: u32) -> f64 {
    let k = k as f64;
    (quarters..=4)
        .map(|touched| {
            // The chance that exactly these quarters are touched, times the number of ways to choose them.
            let onto: f64 = (0..=touched)
                .map(|left_out| {
                    let sign = if left_out % 2 == 0 { 1.0 } else { -1.0 };
                    sign * choose(touched, left_out) * (f64::from(touched - left_out) / 4.0).powf(k)
                })
                .sum();
            choose(4, touched) * onto
        })
        .sum::<f64>()
        .clamp(0.0, 1.0)
}

fn choose(n: u32, k: u32) -> f64 {
    (0..k).map(|i| f64::from(n - i) / f64::from(i + 1)).product()
}

/// The chance that `k` evenly spread steps lie late enough not to be taken for a pool that fills within a span of `x` time
/// constants (see [`super::filling::later_than_filling`]), by the normal approximation of their mean.
pub fn late_probability(k: u64, x: f64, z: f64) -> f64 {
    let pool = moments(x);
    // An evenly spread position has mean 1/2 and variance 1/12.
    let distance = (0.5 - pool.mean) * (12.0 * k as f64).sqrt() - z * pool.sd * 12.0_f64.sqrt();
    upper_tail(-distance)
}

/// The number of steps that a steady drip must be expected to make so that it is reported with probability `power`: at
/// least `least` steps, in three quarters, late enough. `None`: no number would do.
pub fn detectable_mu(least: u64, x: f64, z: f64, power: f64) -> Option<f64> {
    if least > NORMAL_FROM {
        // P(N >= least) = power where N is normal with mean and variance mu.
        let quantile = bisect(-8.0, 8.0, |q| upper_tail(-q) < power);
        let root = f64::midpoint(quantile, (quantile * quantile + 4.0 * least as f64).sqrt());
        return Some(root * root);
    }
    let ceiling = 3.0 * least as f64 + 150.0;
    let seen: Vec<(f64, f64)> = {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most some thousands")]
        let last = (least as f64 + ceiling + 12.0 * (ceiling + 1.0).sqrt() + 12.0) as u64;
        (least..last).map(|k| (k as f64, spread_probability(k, 3) * late_probability(k, x, z))).collect()
    };
    let first = ln_factorial(least);
    let reported = |mu: f64| {
        let ln_mu = mu.ln();
        let mut ln_term = least as f64 * ln_mu - mu - first;
        let mut sum = 0.0;
        for &(k, chance) in &seen {
            sum += ln_term.exp() * chance;
            ln_term += ln_mu - (k + 1.0).ln();
        }
        sum
    };
    (reported(ceiling) >= power).then(|| bisect(0.01, ceiling, |mu| reported(mu) < power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_agrees_with_counting() {
        // Four steps: 4!/4^4 touch all four quarters, 4 * 36 / 4^4 exactly three.
        assert!((spread_probability(4, 4) - 24.0 / 256.0).abs() < 1e-12);
        assert!((spread_probability(4, 3) - 168.0 / 256.0).abs() < 1e-12);
        assert!(spread_probability(2, 3).abs() < 1e-12);
        assert!((spread_probability(4000, 3) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn agrees_with_the_reference_procedure() {
        // Values of decide.py.
        assert!((late_probability(4, 2.0, 2.33) - 0.150_206_276_727_874_3).abs() < 1e-10);
        assert!((late_probability(10, 5.75, 2.33) - 0.988_689_489_386_707).abs() < 1e-10);
        for (least, x, z, expected) in [
            (4, 5.6, 2.33, 8.901_708_172_394_489),
            (4, 2.0, 3.09, 58.545_100_362_686_355),
            (12, 5.6, 2.33, 16.628_523_574_344_78),
            (40, 3.0, 2.33, 48.307_818_649_503_16),
            (300, 5.6, 2.33, 322.400_222_849_535_1),
        ] {
            let found = detectable_mu(least, x, z, 0.9).unwrap();
            assert!((found - expected).abs() < 1e-6, "{least} {x} {z}: {found}");
        }
    }

    #[test]
    fn a_span_too_short_to_tell_a_drip_from_a_pool_detects_nothing() {
        assert_eq!(detectable_mu(4, 0.01, 3.09, 0.9), None);
    }

    #[test]
    fn the_two_ways_of_reckoning_meet() {
        let (below, above) = (
            detectable_mu(NORMAL_FROM, 5.6, 2.33, 0.9).unwrap(),
            detectable_mu(NORMAL_FROM + 1, 5.6, 2.33, 0.9).unwrap(),
        );
        assert!((above - below).abs() < 3.0, "{below} and {above}");
    }
}
