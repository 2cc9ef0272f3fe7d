//! Statistics on slices of numbers, nothing else.
//!
//! Each function says in its documentation what it computes and where the formula stands. Nothing here knows of snapshots,
//! classes or rules.

pub mod binomial;
pub mod change;
pub mod correlation;
pub mod gauss;
pub mod holm;
pub mod noise;
pub mod order;
pub mod poisson;
pub mod pools;
pub mod power;
pub mod rates;
pub mod student;
pub mod trend;

/// Halves `[low, high]` until the place is found where `below` turns from true to false. Eighty halvings are more than a
/// double can resolve.
fn bisect(mut low: f64, mut high: f64, below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// `ln k!` as the plain sum of logarithms: counts are integers, so no approximation of the gamma function is needed.
fn ln_factorial(k: u64) -> f64 {
    (2..=k).map(|i| (i as f64).ln()).sum()
}
