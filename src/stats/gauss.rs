//! The normal distribution's tail.

/// The complementary error function.
///
/// Source: Abramowitz and Stegun, *Handbook of Mathematical Functions*, 7.1.6 (the series whose terms are all positive)
/// below 3, 7.1.14 (the continued fraction) above.
pub fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    let bell = (-x * x).exp();
    if x < 3.0 {
        let (mut term, mut sum, mut n) = (x, x, 1.0);
        while term > sum * 1e-17 {
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
            n += 1.0;
        }
        return 1.0 - std::f64::consts::FRAC_2_SQRT_PI * bell * sum;
    }
    let tail = (1..=60).rev().fold(x, |below, n| x + f64::from(n) / 2.0 / below);
    bell / tail / std::f64::consts::PI.sqrt()
}

/// The chance that a standard normal variable exceeds `z`.
pub fn upper_tail(z: f64) -> f64 {
    0.5 * erfc(z / std::f64::consts::SQRT_2)
}

/// The value that a standard normal variable exceeds with chance `alpha`, between 0 and 1.
pub fn upper_quantile(alpha: f64) -> f64 {
    super::bisect(-40.0, 40.0, |z| upper_tail(z) > alpha)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_c_library_on_both_sides_of_the_switch() {
        // Values of Python's math.erfc.
        for (x, expected) in [
            (-2.0, 1.995_322_265_018_952_7),
            (0.0, 1.0),
            (0.3, 0.671_373_240_540_872_6),
            (1.5, 0.033_894_853_524_689_274),
            (2.999, 2.223_016_859_983_405_8e-5),
            (3.0, 2.209_049_699_858_544e-5),
            (5.0, 1.537_459_794_428_035e-12),
        ] {
            let relative = (erfc(x) - expected).abs() / expected;
            assert!(relative < 1e-10 || (erfc(x) - expected).abs() < 1e-15, "erfc({x}) is {}", erfc(x));
        }
    }

    #[test]
    fn two_sided_five_percent_lies_at_1_96() {
        assert!((upper_tail(1.959_963_984_540_054) - 0.025).abs() < 1e-12);
        assert!((upper_quantile(0.025) - 1.959_963_984_540_054).abs() < 1e-9);
    }
}
