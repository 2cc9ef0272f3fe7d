//! What a night's records must be for its figures to be trusted. A night that cannot be trusted is inconclusive: never a pass,
//! and no failure that rests on figures out of order.

use super::standing::soaked_s;
use super::{Class, Night, TARGET, finding, sentence};
use crate::model::{Ending, Finding, Phase, RuleKind, Snapshot, Status};
use crate::threshold::RuleSet;

/// A class is judged by so many snapshots at least: the three of a held level, twice.
const FEWEST: usize = 6;
/// The share of the time at the end, and the snapshots in it, without which the end of a class is not known.
const END: (f64, usize) = (1.0 / 6.0, 3);
/// The share of the time at the end of which something must be known, however few snapshots lie in it.
const LATE: f64 = 1.0 / 3.0;
/// So many intervals may the last snapshot lie before the end of the soak.
const INTERVALS: f64 = 3.0;

/// A clock that went back: when it stood furthest, and by how much it went back, seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WentBack {
    at_s: f64,
    by_s: f64,
}

impl WentBack {
    /// Holds the times of the snapshots against the order in which they were taken; the first that is earlier than the one
    /// before it. A clock that stood still did not go back.
    pub(super) fn of(snapshots: &[Snapshot]) -> Option<Self> {
        let mut taken: Vec<&Snapshot> =
            snapshots.iter().filter(|look| matches!(look.phase, Phase::Soak | Phase::Settle)).collect();
        taken.sort_by_key(|look| look.seq);
        let pairs = taken.iter().zip(taken.iter().skip(1));
        let mut back = pairs.filter(|(before, after)| before.seq < after.seq && before.at_ms > after.at_ms);
        back.next().map(|(before, after)| Self { at_s: before.at_s(), by_s: before.at_s() - after.at_s() })
    }
}

/// Why the night as a whole cannot be trusted; empty for one that can.
pub(super) fn of_night(night: &Night<'_>, rules: &RuleSet) -> Vec<Finding> {
    let undecided = |class: &str, text| Finding {
        required: true,
        ..finding(class, TARGET, RuleKind::Readable, Status::Undecided, text)
    };
    let mut findings = Vec::new();
    if let Some(back) = night.went_back {
        findings.push(undecided("clock", sentence::levels::clock_went_back(back.at_s, back.by_s)));
    }
    if night.unread_lines > 0 {
        findings.push(undecided("samples", sentence::levels::unread_lines(night.unread_lines)));
    }
    let taken = night.watched.len();
    // That none was taken is said elsewhere.
    if taken > 0 && taken < FEWEST && !rules.classes.is_empty() {
        findings.push(undecided("snapshots", sentence::levels::few_looks(taken, FEWEST)));
    }
    let last = night.watched.last().map(|look| look.at_s());
    // What lies behind the planned end is the engine's slowness to answer, not a part of the soak.
    let soaked = soaked_s(night).min(night.record.plan.duration_s);
    let slack = (END.0 * soaked).max(INTERVALS * night.record.plan.interval_s);
    // A night that did not run to its end is inconclusive anyhow, and a clock that went back does not say when it ends.
    if let Some(last) = last.filter(|last| last + slack < soaked)
        && night.record.ending == Ending::Completed
        && night.went_back.is_none()
        && !rules.classes.is_empty()
    {
        findings.push(undecided("samples_end", sentence::levels::ends_early(last, soaked)));
    }
    findings
}

/// Takes back what a class's rule says where the class cannot be trusted, and makes the night inconclusive for it.
pub(super) fn doubt(night: &Night<'_>, class: &Class<'_>, found: &mut Finding) {
    if let Some(back) = night.went_back {
        found.sentence = sentence::levels::clock_went_back(back.at_s, back.by_s);
        found.status = Status::Undecided;
        (found.growth, found.measured) = (None, None);
        found.dead.clear();
        return;
    }
    let Some((last, _)) = class.series.points.last().copied() else {
        found.required |= found.status == Status::Undecided;
        return;
    };
    if !vanished(night, last) {
        return;
    }
    // What was seen to grow has grown, and what was dead is dead; what was held at the end is not known.
    let stands = found.status == Status::Breaks && matches!(found.rule, RuleKind::MaxGrowth | RuleKind::MaxDead);
    if !stands {
        found.sentence = sentence::levels::vanished(last);
        found.status = Status::Undecided;
        found.required = true;
        found.measured = None;
    }
}

/// True where a class that was told last at `last_s` is not told at the end of the night.
fn vanished(night: &Night<'_>, last_s: f64) -> bool {
    let (Some(first), Some(end)) = (night.watched.first(), night.watched.last()) else { return false };
    let (first, end) = (first.at_s(), end.at_s());
    let unseen = night.watched.len() - night.watched.partition_point(|look| look.at_s() <= last_s);
    let (silent, span) = (end - last_s, end - first);
    silent > span * LATE || silent > span * END.0 && unseen >= END.1
}
