//! What shapes are put together from.

use rand::Rng as _;
use rand_distr::{Distribution as _, Exp, Gamma, Poisson};

use super::{Handle, Rng};

/// Never closed.
pub(super) const EVER: f64 = f64::INFINITY;

pub(super) fn uniform(low: f64, high: f64, rng: &mut Rng) -> f64 {
    low + (high - low) * rng.random::<f64>()
}

/// A whole number in `low..high`.
pub(super) fn whole(low: usize, high: usize, rng: &mut Rng) -> usize {
    rng.random_range(low..high)
}

pub(super) fn exponential(mean: f64, rng: &mut Rng) -> f64 {
    Exp::new(1.0 / mean).expect("a mean above 0").sample(rng)
}

fn number(mean: f64, rng: &mut Rng) -> usize {
    if mean <= 0.0 {
        return 0;
    }
    let number: f64 = Poisson::new(mean).expect("a mean above 0").sample(rng);
    number as usize
}

/// The moments of a Poisson process.
pub(super) fn moments(per_second: f64, from: f64, to: f64, rng: &mut Rng) -> Vec<f64> {
    let mut moments: Vec<f64> = (0..number(per_second * (to - from), rng)).map(|_| uniform(from, to, rng)).collect();
    moments.sort_by(f64::total_cmp);
    moments
}

/// What is opened at the start and stays.
pub(super) fn base(n: usize, rng: &mut Rng) -> Vec<Handle> {
    (0..n).map(|_| (uniform(0.0, 45.0, rng), EVER)).collect()
}

/// Short work: `mean` open on average, each for `life` seconds on average (M/M/∞).
pub(super) fn in_flight(end: f64, mean: f64, life: f64, rng: &mut Rng) -> Vec<Handle> {
    let born = moments(mean / life, 0.0, end, rng);
    born.into_iter().map(|at| (at, at + exponential(life, rng))).collect()
}

/// The same with lives of minutes, in balance from the start.
pub(super) fn slow_churn(end: f64, mean: f64, life: f64, rng: &mut Rng) -> Vec<Handle> {
    let mut handles: Vec<Handle> = (0..number(mean, rng))
        .map(|_| {
            let born = uniform(0.0, 40.0, rng);
            (born, born + exponential(life, rng))
        })
        .collect();
    let born = moments(mean / life, 20.0, end, rng);
    handles.extend(born.into_iter().map(|at| (at, at + exponential(life, rng))));
    handles
}

/// A pool of `size` that fills with time constant `tau`.
pub(super) fn pool(size: usize, tau: f64, rng: &mut Rng) -> Vec<Handle> {
    (0..size).map(|_| (exponential(tau, rng), EVER)).collect()
}

/// A pool that fills in stairs.
pub(super) fn stairs(size: usize, stairs: usize, last: f64, rng: &mut Rng) -> Vec<Handle> {
    let mut at: Vec<f64> = (0..stairs).map(|_| uniform(10.0, last, rng)).collect();
    at.sort_by(f64::total_cmp);
    (0..size).map(|i| (at[i * stairs / size], EVER)).collect()
}

/// Handles that pile up and are all closed at once at these moments.
pub(super) fn reclaimed(end: f64, per_hour: f64, at: &[f64], rng: &mut Rng) -> Vec<Handle> {
    let born = moments(per_hour / 3600.0, 0.0, end, rng);
    born.into_iter().map(|born| (born, at.get(at.partition_point(|at| *at < born)).copied().unwrap_or(EVER))).collect()
}

/// The moments of a garbage collector.
pub(super) fn collections(end: f64, mean: f64, rng: &mut Rng) -> Vec<f64> {
    let between = Gamma::new(2.0, mean / 2.0).expect("a mean above 0");
    let (mut at, mut moments) = (0.0, Vec::new());
    while at < end {
        at += between.sample(rng);
        moments.push(at);
    }
    moments
}

/// A burst every `period` seconds.
pub(super) fn cron(end: f64, period: f64, least: usize, most: usize, rng: &mut Rng) -> Vec<Handle> {
    let mut handles = Vec::new();
    let mut at = uniform(0.0, period, rng);
    while at < end {
        for _ in 0..whole(least, most + 1, rng) {
            let born = at + uniform(0.0, 3.0, rng);
            handles.push((born, born + uniform(3.0, 40.0, rng)));
        }
        at += period;
    }
    handles
}

/// A pool whose members live for `low..high` seconds and are replaced.
pub(super) fn rotation(end: f64, size: usize, low: f64, high: f64, rng: &mut Rng) -> Vec<Handle> {
    let mut handles = Vec::new();
    for _ in 0..size {
        let mut born = uniform(0.0, 45.0, rng);
        let mut died = born + uniform(0.2, 1.0, rng) * uniform(low, high, rng);
        while born < end {
            handles.push((born, died));
            born = died + uniform(0.0, 1.5, rng);
            died = born + uniform(low, high, rng);
        }
    }
    handles
}

/// Processes that come with `least..=most` handles each and go within half a minute.
pub(super) fn processes(end: f64, per_hour: f64, least: usize, most: usize, rng: &mut Rng) -> Vec<Handle> {
    let mut handles = Vec::new();
    for at in moments(per_hour / 3600.0, 0.0, end, rng) {
        let died = at + uniform(1.0, 25.0, rng);
        handles.extend(vec![(at, died); whole(least, most + 1, rng)]);
    }
    handles
}

/// Something that is opened late and stays, `n` times.
pub(super) fn late(end: f64, n: usize, rng: &mut Rng) -> Vec<Handle> {
    let mut handles = Vec::new();
    for _ in 0..n {
        let at = uniform(60.0, end, rng);
        handles.extend(vec![(at, EVER); whole(1, 7, rng)]);
    }
    handles
}
