//! Leaks.

use rand::Rng as _;
use rand_distr::{Distribution as _, Normal, Poisson};

use super::blocks::{EVER, collections, moments, reclaimed, uniform};
use super::{Handle, Rng};

/// How leaked handles come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeakKind {
    /// One by one, at random.
    Poisson,
    /// One by one, at equal distances.
    Regular,
    /// Three at a time, at random.
    Threes,
    /// In small bursts, as connections break.
    Bursts,
    /// Not before two fifths of the night.
    LateOnset,
    /// As many again come and are reclaimed.
    HalfReclaimed,
}

impl LeakKind {
    /// Those over which power is averaged.
    pub(crate) const MIX: [Self; 4] = [Self::Poisson, Self::Regular, Self::Threes, Self::Bursts];
    /// Those that are told apart.
    pub(crate) const APART: [Self; 2] = [Self::LateOnset, Self::HalfReclaimed];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Poisson => "poisson",
            Self::Regular => "regular",
            Self::Threes => "step3",
            Self::Bursts => "ws",
            Self::LateOnset => "late_onset",
            Self::HalfReclaimed => "half_reclaimed",
        }
    }
}

/// Handles that leak at `rate` per hour until `end`.
pub(crate) fn leak(kind: LeakKind, rate: f64, end: f64, rng: &mut Rng) -> Vec<Handle> {
    let per_second = rate / 3600.0;
    let forever = |born: Vec<f64>| born.into_iter().map(|at| (at, EVER)).collect();
    match kind {
        LeakKind::Poisson => forever(moments(per_second, 0.0, end, rng)),
        LeakKind::Regular => {
            let first = uniform(0.0, 1.0 / per_second, rng);
            let all = (0..).map(|i| first + f64::from(i) / per_second);
            forever(all.take_while(|at| *at < end).collect())
        }
        LeakKind::Threes => {
            let thirds = moments(per_second / 3.0, 0.0, end, rng);
            forever(thirds.into_iter().flat_map(|at| [at; 3]).collect())
        }
        LeakKind::Bursts => {
            let n: f64 = Poisson::new((per_second * end).max(1e-9)).expect("a mean above 0").sample(rng);
            let n = n as usize;
            let centres: Vec<f64> = (0..(n / 2).max(1)).map(|_| uniform(0.0, end, rng)).collect();
            let near = Normal::new(0.0, 5.0).expect("a deviation above 0");
            let at = |rng: &mut Rng| (centres[rng.random_range(0..centres.len())] + near.sample(rng)).clamp(0.0, end);
            forever((0..n).map(|_| at(rng)).collect())
        }
        LeakKind::LateOnset => forever(moments(per_second, 0.4 * end, end, rng)),
        LeakKind::HalfReclaimed => {
            let at = collections(end, 120.0, rng);
            let mut handles: Vec<Handle> = forever(moments(per_second, 0.0, end, rng));
            handles.extend(reclaimed(end, rate, &at, rng));
            handles
        }
    }
}
