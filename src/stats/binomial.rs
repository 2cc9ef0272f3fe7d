//! The binomial distribution's tail.

use super::ln_factorial;

/// The chance of `k` or more hits in `n` trials with chance `p` each.
///
/// Source: Johnson, Kemp and Kotz, *Univariate Discrete Distributions*, 3.1; summed in logarithms so that long nights with
/// thousands of steps neither overflow nor lose the small terms.
pub fn tail_at_least(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 || p >= 1.0 {
        return 1.0;
    }
    if k > n || p <= 0.0 {
        return 0.0;
    }
    let (hit, miss) = (p.ln(), (-p).ln_1p());
    // From one term to the next by the ratio of their coefficients, instead of three factorials each.
    let mut ln_choose = ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
    let mut sum = 0.0;
    for i in k..=n {
        sum += (ln_choose + i as f64 * hit + (n - i) as f64 * miss).exp();
        ln_choose += ((n - i) as f64).ln() - ((i + 1) as f64).ln();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_exact_sum() {
        // Values of math.comb summed in Python.
        for (k, n, expected) in [
            (1, 1, 0.25),
            (2, 4, 0.261_718_75),
            (7, 12, 0.014_252_781_867_980_957),
            (30, 60, 2.669_427_217_408_378_3e-5),
            (0, 9, 1.0),
            (10, 9, 0.0),
        ] {
            assert!((tail_at_least(k, n, 0.25) - expected).abs() < 1e-12, "{k} of {n}: {}", tail_at_least(k, n, 0.25));
        }
    }

    #[test]
    fn stands_thousands_of_trials() {
        assert!((tail_at_least(2500, 10_000, 0.25) - 0.5).abs() < 0.01);
    }
}
