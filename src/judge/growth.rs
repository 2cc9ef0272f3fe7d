//! What growth rules have in common: how they come out, and the doubts that keep them from it.

use super::{Class, Night, floor, memory};
use crate::model::{Estimate, Unit};

/// How a growth rule came out.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// It grows by more than is allowed.
    Leaks,
    /// It does not, and the night could have seen it.
    Holds,
    /// The night cannot tell.
    Undecided(Doubt),
}

/// Why a night cannot tell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Doubt {
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
pub(super) struct Growth {
    /// How it came out.
    pub(super) outcome: Outcome,
    /// The figures; `None` where there was too little to reckon with.
    pub(super) estimate: Option<Estimate>,
    /// The growth that was allowed, per hour.
    pub(super) allowed: f64,
}

/// Judges the growth of a class.
pub(super) fn judge(night: &Night<'_>, class: &Class<'_>, allowed: f64) -> Growth {
    let series = &class.series;
    let mut growth = match series.unit {
        Unit::Count => floor::judge(
            &series.points,
            &night.restarts,
            series.room,
            &floor::Terms {
                allowed,
                must_detect: class.rule.must_detect_per_hour,
                cycle_s: class.rule.cycle.map(|cycle| cycle.as_secs_f64()),
                warmup_s: night.warmup_s,
            },
        ),
        Unit::Bytes => memory::judge(
            &series.points,
            &night.restarts,
            series.limit,
            &memory::Terms {
                allowed: Some(allowed),
                must_detect: class.rule.must_detect_per_hour,
                warmup_s: night.warmup_s,
            },
        ),
    };
    if series.points.is_empty() {
        growth.outcome = Outcome::Undecided(Doubt::NoSamples);
    }
    // What was not seen cannot be excluded; what was seen to grow still grows.
    let (missing, of) = (series.gaps.len(), series.gaps.len() + series.points.len());
    if growth.outcome == Outcome::Holds && missing * 3 > of {
        growth.outcome = Outcome::Undecided(Doubt::Gaps { missing, of });
    }
    growth
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
