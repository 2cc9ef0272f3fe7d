//! What a pool that fills ever slower looks like, and how a drip differs from it.

/// Mean and standard deviation of a position in `0..1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub sd: f64,
}

/// Where, in an observed span of length `x` time constants, the steps of a pool lie that fills as `1 - exp(-t/tau)`: the
/// moments of an exponential distribution cut off at the end of the span.
///
/// Source: Johnson, Kotz and Balakrishnan, *Continuous Univariate Distributions* 1, 19.14 (truncated exponential).
pub fn moments(x: f64) -> Moments {
    let x = x.min(50.0);
    if x < 1e-3 {
        // The closed form cancels to noise here; these are the first terms of its series.
        return Moments { mean: 0.5 - x / 12.0, sd: (1.0 / 12.0 - x * x / 240.0).sqrt() };
    }
    let grown = x.exp_m1();
    let variance = 1.0 / (x * x) - x.exp() / (grown * grown);
    Moments { mean: 1.0 / x - 1.0 / grown, sd: variance.max(0.0).sqrt() }
}

/// True where steps lie later than a pool of `x` time constants would put them: both the mean of their positions and the
/// mean weighted by size exceed the pool's mean by `z` standard errors. Weights count as `(sum w)^2 / sum w^2` steps.
///
/// `steps` has positions in `0..1` of the observed span and sizes.
///
/// Source for the effective number: L. Kish, *Survey Sampling* (1965), 11.7.
pub fn later_than_filling(steps: &[(f64, f64)], x: f64, z: f64) -> bool {
    let weight: f64 = steps.iter().map(|step| step.1).sum();
    let squares: f64 = steps.iter().map(|step| step.1 * step.1).sum();
    if steps.is_empty() || weight <= 0.0 || squares <= 0.0 {
        return false;
    }
    let pool = moments(x);
    let k = steps.len() as f64;
    let mean = steps.iter().map(|step| step.0).sum::<f64>() / k;
    let weighted = steps.iter().map(|step| step.0 * step.1).sum::<f64>() / weight;
    let effective = weight * weight / squares;
    mean > pool.mean + z * pool.sd / k.sqrt() && weighted > pool.mean + z * pool.sd / effective.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_closed_form() {
        // Values of decide.py.
        for (x, mean, sd) in [
            (0.5, 0.458_505_917_463_201_8, 0.286_883_096_342_807_34),
            (2.0, 0.343_482_357_250_334_4, 0.262_649_166_681_378_17),
            (5.75, 0.170_720_100_243_338_75, 0.164_446_369_891_365_8),
            (80.0, 0.02, 0.02),
        ] {
            let found = moments(x);
            assert!((found.mean - mean).abs() < 1e-9, "{x}: {found:?}");
            assert!((found.sd - sd).abs() < 1e-9, "{x}: {found:?}");
        }
    }

    #[test]
    fn the_series_meets_the_closed_form() {
        let (below, above) = (moments(0.000_999_9), moments(0.001_000_1));
        assert!((below.mean - above.mean).abs() < 1e-6 && (below.sd - above.sd).abs() < 1e-4);
    }

    #[test]
    fn tells_an_even_drip_from_a_filling_pool() {
        let even: Vec<_> = (0..16).map(|i| ((f64::from(i) + 0.5) / 16.0, 1.0)).collect();
        let early: Vec<_> = even.iter().map(|step| (step.0 * step.0 * step.0, 1.0)).collect();
        assert!(later_than_filling(&even, 5.75, 2.33));
        assert!(!later_than_filling(&early, 5.75, 2.33));
        assert!(!later_than_filling(&[], 5.75, 2.33));
    }
}
