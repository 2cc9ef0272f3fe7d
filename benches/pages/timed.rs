//! Times of something that is done again and again.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

const TURNS: usize = 9;

/// CPU time of the calling thread so far. Nothing here starts another.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Does it nine times after a first one, and prints the medians of its CPU and wall times beside the figure to reach.
pub(crate) fn print<T>(what: &str, target_ms: u64, mut of: impl FnMut() -> T) -> T {
    let mut last = of();
    let mut times: Vec<(Duration, Duration)> = Vec::new();
    for _ in 0..TURNS {
        let (busy, begun) = (cpu(), Instant::now());
        last = of();
        times.push((cpu().saturating_sub(busy), begun.elapsed()));
    }
    let median = |of: fn(&(Duration, Duration)) -> Duration| {
        let mut sorted: Vec<Duration> = times.iter().map(of).collect();
        sorted.sort();
        sorted.get(TURNS / 2).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    };
    let (busy, wall) = (median(|time| time.0), median(|time| time.1));
    println!("{what}: {busy:.0} ms of CPU, {wall:.0} ms by the clock (medians of {TURNS}); target {target_ms} ms");
    last
}
