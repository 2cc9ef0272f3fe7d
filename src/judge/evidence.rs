//! What growth is judged by, and how the judgement comes out.

use super::{floor, memory};
use crate::model::Estimate;
use crate::series::Lives;

/// How a growth rule came out.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It grows by more than is allowed.
    Leaks,
    /// It does not, and the night could have seen it.
    Holds,
    /// The night cannot tell.
    Undecided(Doubt),
}

/// Why a night cannot tell.
#[derive(Debug, Clone, PartialEq)]
pub enum Doubt {
    /// No snapshot told the figure.
    NoSamples,
    /// Too few of them in one stretch.
    FewSamples {
        /// How many.
        samples: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Too little time after the warm-up.
    Short {
        /// The time there was, seconds.
        observed_s: f64,
        /// The time it takes, seconds.
        needed_s: f64,
    },
    /// It grows, and a cycle that is known may bring it back.
    Cycle {
        /// The cycle, seconds.
        cycle_s: f64,
    },
    /// It grows, ever slower.
    Filling,
    /// Growth that matters is not excluded.
    NotExcluded,
    /// A long time without a sample.
    Hole {
        /// From, seconds since the soak began.
        from_s: f64,
        /// To, seconds since the soak began.
        to_s: f64,
    },
    /// Many snapshots did not tell.
    Gaps {
        /// How many.
        missing: usize,
        /// Of how many.
        of: usize,
    },
}

/// A growth rule's outcome with the figures behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Growth {
    /// How it came out.
    pub outcome: Outcome,
    /// The figures; `None` where there was too little to reckon with.
    pub estimate: Option<Estimate>,
    /// The growth that was allowed, per hour.
    pub allowed: f64,
}

/// A series to judge.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Seconds since the soak began and the figure (a count, or bytes), in ascending order of time.
    pub points: &'a [(f64, f64)],
    /// Who is behind a count, where that is known.
    pub lives: Option<&'a Lives>,
    /// When the process was started again, seconds since the soak began, in ascending order.
    pub restarts: &'a [f64],
    /// How far the figure can still grow, in its own unit; `None` where nothing limits it.
    pub room: Option<f64>,
}

/// What is allowed and what is known.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Growth allowed, per hour; `None` (memory alone): the larger of the default figures.
    pub allowed: Option<f64>,
    /// The drip that a pass must have been able to see, per hour.
    pub must_detect: f64,
    /// A cycle that is known, seconds.
    pub cycle_s: Option<f64>,
    /// A fixed warm-up, seconds.
    pub warmup_s: Option<f64>,
    /// What the rule for counts takes for warm-up.
    pub pools: Pools,
}

impl Terms {
    /// The terms of a rule that allows so much growth.
    pub fn allowing(per_hour: Option<f64>) -> Self {
        Self { allowed: per_hour, must_detect: 24.0, cycle_s: None, warmup_s: None, pools: Pools::default() }
    }
}

/// What the rule for counts takes for the filling of pools. The default is the rule; other figures are for benchmarks, which
/// draw what each costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pools {
    /// Time constant of the slowest pool that must not be mistaken for a leak, seconds.
    pub slowest_s: f64,
    /// By how many standard errors a drip must explain the steps better than pools do.
    pub z: f64,
    /// The same where less than a quarter of an hour was observed.
    pub z_short: f64,
}

impl Default for Pools {
    /// Seven minutes: connection pools, caches and lazily loaded parts have filled after half an hour (99 % in 32 min). 1.75
    /// calls 4 in 100 pools of just that pace a leak, and fewer of all that are faster; see the curve in docs/statistics.md.
    /// In a quarter of an hour a pool of seven minutes is not yet half told from a drip: 1 in 100 there.
    fn default() -> Self {
        Self { slowest_s: 420.0, z: 1.75, z_short: 2.33 }
    }
}

/// Judges the growth of a count by its permanent floor. Whatever the figures are, also infinite ones or none, this gives an
/// answer; without evidence it is [`Outcome::Undecided`].
pub fn judge_count(evidence: &Evidence<'_>, terms: &Terms) -> Growth {
    floor::judge(evidence, terms)
}

/// Judges the growth of a count by all that rises, also where identity tells who stayed: what is replaced again and again can
/// leak too. [`judge_count`] asks this as well where it must; two nights are to be held against each other by the same.
pub fn judge_turnover(evidence: &Evidence<'_>, terms: &Terms) -> Growth {
    floor::judge_all(evidence, terms)
}

/// Judges the growth of memory, bytes. See [`judge_count`].
pub fn judge_memory(evidence: &Evidence<'_>, terms: &Terms) -> Growth {
    memory::judge(evidence, terms)
}

/// The points from each restart to the next, with the time at which the stretch began.
pub(super) fn stretches<'a>(points: &'a [(f64, f64)], restarts: &[f64]) -> Vec<(f64, &'a [(f64, f64)])> {
    let mut stretches = Vec::new();
    let (mut start, mut rest) = (0.0, points);
    for restart in restarts {
        let (before, after) = rest.split_at(rest.partition_point(|point| point.0 < *restart));
        stretches.push((start, before));
        (start, rest) = (*restart, after);
    }
    stretches.push((start, rest));
    stretches
}
