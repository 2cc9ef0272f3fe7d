//! Many nights on all cores, and the exact bounds of what they show.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};

use slowdrip::judge::{Doubt, Evidence, Growth, Outcome, Pools, Terms, judge_count};
use slowdrip::stats::binomial::tail_at_least;

use crate::sim::{Plan, generator, night};

/// How nights came out.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) leaks: u64,
    pub(crate) holds: u64,
    pub(crate) of: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, outcome: &Outcome) {
        self.of += 1;
        match outcome {
            Outcome::Leaks => self.leaks += 1,
            Outcome::Holds => self.holds += 1,
            Outcome::Undecided(_) => {}
        }
    }

    pub(crate) fn sum(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::default(), |sum, own| Self {
            leaks: sum.leaks + own.leaks,
            holds: sum.holds + own.holds,
            of: sum.of + own.of,
        })
    }

    pub(crate) fn share(&self) -> f64 {
        self.leaks as f64 / self.of.max(1) as f64
    }

    pub(crate) fn undecided(&self) -> f64 {
        (self.of - self.leaks - self.holds) as f64 / self.of.max(1) as f64
    }

    /// The one-sided exact upper bound of the share of leaks at 95 %.
    pub(crate) fn at_most(&self) -> f64 {
        upper(self.leaks, self.of)
    }
}

/// Clopper and Pearson's one-sided upper bound at 95 %: the chance at which `hits` or fewer of `of` are as rare as 5 %.
pub(crate) fn upper(hits: u64, of: u64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    if hits >= of {
        return 1.0;
    }
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if tail_at_least(hits + 1, of, middle) < 0.95 { low = middle } else { high = middle }
    }
    high
}

/// What `of` gives for 0, 1, 2 … up to `n`, in order, reckoned on all cores.
pub(crate) fn each<T: Send>(n: u64, of: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(2, NonZero::get);
    let mut all: Vec<(u64, T)> = std::thread::scope(|scope| {
        let work = || {
            let mut own = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= n {
                    return own;
                }
                own.push((i, of(i)));
            }
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    all.sort_by_key(|one| one.0);
    all.into_iter().map(|one| one.1).collect()
}

/// The n-th night of this plan, judged. Without growth allowed, as the default thresholds have it.
pub(crate) fn judged(plan: &Plan, pools: Pools, seed: u64, n: u64) -> Growth {
    // Of the leak nothing: with and without one, the n-th night has the same background.
    let name = format!("{} {}", plan.shape.name(), plan.minutes);
    let sampled = night(plan, &mut generator(seed, &name, n));
    let evidence = Evidence {
        points: &sampled.points,
        lives: sampled.lives.as_ref(),
        restarts: &sampled.restarts,
        room: Some(1000.0),
    };
    judge_count(&evidence, &Terms { cycle_s: sampled.cycle_s, pools, ..Terms::allowing(Some(0.0)) })
}

/// `n` nights of plans that differ from night to night.
pub(crate) fn tally(n: u64, seed: u64, pools: Pools, plan: impl Fn(u64) -> Plan + Sync) -> Tally {
    let outcomes = each(n, |i| judged(&plan(i), pools, seed, i).outcome);
    let mut tally = Tally::default();
    outcomes.iter().for_each(|outcome| tally.add(outcome));
    tally
}

/// One word.
pub(crate) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Leaks => "LEAK",
        Outcome::Holds => "PASS",
        Outcome::Undecided(Doubt::Filling) => "undecided: filling",
        Outcome::Undecided(Doubt::Cycle { .. }) => "undecided: cycle",
        Outcome::Undecided(Doubt::NotExcluded) => "undecided: not excluded",
        Outcome::Undecided(_) => "undecided: too little seen",
    }
}
