//! The growth of a class: its series put before the rule for its unit.

use super::evidence::{Doubt, Evidence, Growth, Outcome, Pools, Terms, judge_count, judge_memory};
use super::{Class, Night};
use crate::model::Unit;

/// Judges the growth of a class.
pub(super) fn judge(night: &Night<'_>, class: &Class<'_>, allowed: f64) -> Growth {
    let series = &class.series;
    let terms = Terms {
        allowed: Some(allowed),
        must_detect: class.rule.must_detect_per_hour,
        cycle_s: class.rule.cycle.map(|cycle| cycle.as_secs_f64()),
        warmup_s: night.warmup_s,
        pools: Pools::default(),
    };
    let (points, restarts) = (&series.points[..], &night.restarts[..]);
    let mut growth = match series.unit {
        Unit::Count => {
            judge_count(&Evidence { points, lives: series.lives.as_ref(), restarts, room: series.room }, &terms)
        }
        Unit::Bytes => judge_memory(&Evidence { points, lives: None, restarts, room: series.room }, &terms),
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
