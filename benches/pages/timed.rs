//! Times of something that is done again and again.

use std::time::{Duration, Instant};

const TURNS: usize = 9;

/// Does it nine times after a first one, and prints the median and the best of their wall times beside the figure to reach.
pub(crate) fn print<T>(what: &str, target_ms: u64, mut of: impl FnMut() -> T) -> T {
    let mut last = of();
    let mut times: Vec<Duration> = (0..TURNS)
        .map(|_| {
            let begun = Instant::now();
            last = of();
            begun.elapsed()
        })
        .collect();
    times.sort();
    let said = |time: Option<&Duration>| time.map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0);
    println!(
        "{what}: {:.0} ms (median of {TURNS}), {:.0} ms (best); target {target_ms} ms",
        said(times.get(TURNS / 2)),
        said(times.first())
    );
    last
}
