//! The Poisson distribution and the exact bounds on its mean.

use super::bisect;

/// The chance of `k` or fewer events where `mu` are expected.
///
/// Source: Johnson, Kemp and Kotz, *Univariate Discrete Distributions*, 4.2; the terms are built in logarithms.
pub fn cdf(k: u64, mu: f64) -> f64 {
    if mu <= 0.0 {
        return 1.0;
    }
    let ln_mu = mu.ln();
    let mut ln_term = -mu;
    let mut sum = ln_term.exp();
    for i in 1..=k {
        ln_term += ln_mu - (i as f64).ln();
        sum += ln_term.exp();
    }
    sum.min(1.0)
}

/// The upper bound of the mean after `k` events: the smallest mean that makes `k` or fewer events as rare as `alpha`.
///
/// Source: F. Garwood, "Fiducial limits for the Poisson distribution", *Biometrika* 28 (1936): half the `1 - alpha`
/// quantile of chi-squared with `2k + 2` degrees of freedom. It justifies "growth above this is excluded".
pub fn upper_bound(k: u64, alpha: f64) -> f64 {
    let n = k as f64;
    bisect(0.0, n + 12.0 * (n + 1.0).sqrt() + 20.0, |mu| cdf(k, mu) > alpha)
}

/// The lower bound of the mean after `k` events: the largest mean that makes `k` or more events as rare as `alpha`.
///
/// Source: F. Garwood (1936), as for [`upper_bound`]; 0 where nothing was seen.
pub fn lower_bound(k: u64, alpha: f64) -> f64 {
    let Some(fewer) = k.checked_sub(1) else { return 0.0 };
    bisect(0.0, k as f64, |mu| 1.0 - cdf(fewer, mu) < alpha)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_tables_of_garwood() {
        // Values of decide.py, which agree with the published table to its last digit.
        for (k, low, high) in [
            (0, 0.0, 3.688_879_454_113_936),
            (1, 0.025_317_807_984_289_842, 5.571_643_390_938_899),
            (7, 2.814_363_051_519_860_5, 14.422_675_361_702_378),
            (60, 45.786_320_950_006_7, 77.231_893_406_643_22),
        ] {
            assert!((lower_bound(k, 0.025) - low).abs() < 1e-9, "lower {k}: {}", lower_bound(k, 0.025));
            assert!((upper_bound(k, 0.025) - high).abs() < 1e-9, "upper {k}: {}", upper_bound(k, 0.025));
        }
        assert!((upper_bound(0, 0.05) - 2.995_732_273_553_991).abs() < 1e-9);
    }

    #[test]
    fn a_mean_of_nothing_gives_nothing() {
        assert!((cdf(0, 0.0) - 1.0).abs() < f64::EPSILON);
        assert!((cdf(3, 2.5) - 0.757_576_133_133_066_1).abs() < 1e-12);
    }
}
