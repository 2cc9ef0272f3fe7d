//! What a night would have seen: the power of the permanent-floor rule.

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

/// The chance that the gain of `k` steps of a steady drip exceeds `z^2`, where one step gains `each` on average (see
/// [`super::pools::Arrivals::gain_of_a_drip`]): the root of the gain is near normal with variance 1.
///
/// Source: Cowan, Cranmer, Gross and Vitells (2011), as there, section 3.5.
pub fn gain_probability(k: u64, each: f64, z: f64) -> f64 {
    upper_tail(z - (each * k as f64).sqrt())
}

/// The number of steps that a steady drip must be expected to make so that it is reported with probability `power`: at
/// least `least` steps, in three quarters, late enough. `None`: no number would do.
pub fn detectable_mu(least: u64, each: f64, z: f64, power: f64) -> Option<f64> {
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
        (least..last).map(|k| (k as f64, spread_probability(k, 3) * gain_probability(k, each, z))).collect()
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
    fn a_step_that_gains_much_leaves_the_number_and_the_spread_to_decide() {
        let reported = |mu: f64| -> f64 {
            (4..60)
                .map(|k| {
                    (super::super::poisson::cdf(k, mu) - super::super::poisson::cdf(k - 1, mu))
                        * spread_probability(k, 3)
                })
                .sum()
        };
        let found = detectable_mu(4, 1e6, 1.75, 0.9).unwrap();
        assert!((reported(found) - 0.9).abs() < 1e-6, "{found}");
    }

    #[test]
    fn the_less_a_step_gains_the_more_it_takes() {
        let least = [2.0, 1.0, 0.5, 0.25].map(|each| detectable_mu(4, each, 1.75, 0.9).unwrap());
        assert!(least.is_sorted() && least[3] > 1.5 * least[0], "{least:?}");
        assert!((gain_probability(4, 1.0, 2.0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_span_too_short_to_tell_a_drip_from_a_pool_detects_nothing() {
        assert_eq!(detectable_mu(4, 1e-4, 2.33, 0.9), None);
    }

    #[test]
    fn the_two_ways_of_reckoning_meet() {
        let (below, above) = (
            detectable_mu(NORMAL_FROM, 1.0, 1.75, 0.9).unwrap(),
            detectable_mu(NORMAL_FROM + 1, 1.0, 1.75, 0.9).unwrap(),
        );
        assert!((above - below).abs() < 3.0, "{below} and {above}");
    }
}
