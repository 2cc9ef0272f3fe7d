//! Dead handles: exact evidence, whatever the counts say.

use std::collections::BTreeMap;

use super::{Class, Night, finding_of, sentence};
use crate::model::{DeadHandle, DeadKind, Finding, RuleKind, Severity, Snapshot, Status};
use crate::series::{covers_dead, dead_at_end, dead_rest_at_end, has_dead, unasked_at_end};
use crate::threshold::Selector;

/// How many handles a finding lists.
const LISTED: usize = 100;

/// The first format whose nights know every kind.
const ALL_KINDS: u32 = 2;

/// The kinds of the format before.
const OLD_KINDS: [DeadKind; 2] = [DeadKind::PidfdTargetGone, DeadKind::EventpollAbandoned];

/// How many dead handles there are at the end, by kind.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Proof enough by themselves, and younger than the first looks.
    pub(super) late: BTreeMap<DeadKind, u64>,
    /// Proof enough, and dead from the beginning: they may be a design.
    pub(super) early: BTreeMap<DeadKind, u64>,
    /// May be a design whenever they came.
    pub(super) doubtful: BTreeMap<DeadKind, u64>,
}

impl Tally {
    fn of(night: &Night<'_>, class: &Class<'_>, dead: &[DeadHandle], standing: &Standing) -> Self {
        let mut tally = Self::default();
        for handle in dead {
            *tally.place(handle.kind, standing.holds(handle)).entry(handle.kind).or_insert(0) += 1;
        }
        // Of those that are not listed nobody knows whose they are.
        if class.of.is_some() {
            return tally;
        }
        // The oldest are listed. Of the rest, what is more than there was in the beginning came later.
        for (kind, rest) in dead_rest_at_end(&night.watched, &class.rule.select) {
            let first =
                night.watched.iter().filter(|look| standing.spans(look)).filter_map(|look| look.dead_rest.get(&kind));
            let early = first.max().copied().unwrap_or(0).min(rest);
            for (number, is_early) in [(early, true), (rest - early, false)] {
                if number > 0 {
                    *tally.place(kind, is_early).entry(kind).or_insert(0) += number;
                }
            }
        }
        tally
    }

    fn place(&mut self, kind: DeadKind, early: bool) -> &mut BTreeMap<DeadKind, u64> {
        if !kind.is_exact() {
            &mut self.doubtful
        } else if early {
            &mut self.early
        } else {
            &mut self.late
        }
    }
}

/// Judges the dead handles of a class. Only those that are proof by themselves and came during the night break the rule with
/// its severity; the others warn: what may be a design fails a night by its growth.
pub(super) fn judge(night: &Night<'_>, class: &Class<'_>, most: u64) -> Finding {
    let select = &class.rule.select;
    let allowed = Some(most as f64);
    let undecided = |text| Finding { allowed, ..finding_of(class, RuleKind::MaxDead, Status::Undecided, text) };
    if !has_dead(select) {
        return undecided(sentence::dead_unknown());
    }
    let Some(mut dead) = dead_at_end(&night.watched, select) else {
        return undecided(sentence::dead_unread(&class.series));
    };
    dead.retain(|handle| class.has(handle));
    let standing = Standing::of(night);
    let tally = Tally::of(night, class, &dead, &standing);
    let sum = |part: &BTreeMap<DeadKind, u64>| part.values().sum::<u64>();
    let (late, all) = (sum(&tally.late), sum(&tally.late) + sum(&tally.early) + sum(&tally.doubtful));
    let text = sentence::dead(&tally, most);
    let (status, severity, number, mut listed) = if late > most {
        let handles = dead.into_iter().filter(|handle| handle.kind.is_exact() && !standing.holds(handle));
        (Status::Breaks, class.rule.severity, late, handles.collect())
    } else if all > most {
        (Status::Breaks, Severity::Warn, all, dead)
    } else if night.record.format < ALL_KINDS && covers_others(select) {
        return undecided(sentence::dead_of_old());
    } else if let Some(gap) = unasked_at_end(&night.watched, select) {
        return undecided(sentence::dead_unasked(gap));
    } else {
        (Status::Holds, class.rule.severity, all, dead)
    };
    listed.truncate(LISTED);
    let measured = Some(number as f64);
    Finding { allowed, measured, severity, dead: listed, ..finding_of(class, RuleKind::MaxDead, status, text) }
}

fn covers_others(select: &Selector) -> bool {
    DeadKind::ALL.iter().any(|kind| !OLD_KINDS.contains(kind) && covers_dead(select, *kind))
}

/// The spans of time in which a handle was already dead when watching began: the first two looks after the start and after
/// each restart, or a warm-up that was asked for. Milliseconds since the soak began, both ends included.
///
/// The warm-up that the growth rules find is no measure here: it takes two minutes at least, and a night may be no longer.
struct Standing(Vec<(f64, f64)>);

impl Standing {
    fn of(night: &Night<'_>) -> Self {
        let starts = std::iter::once(0.0).chain(night.restarts.iter().map(|at_s| at_s * 1000.0));
        let spans = starts.map(|start| {
            let second_look = night.watched.iter().map(|look| look.at_ms as f64).filter(|at| *at >= start).nth(1);
            let end = match night.warmup_s {
                Some(warmup) => start + warmup * 1000.0,
                None => second_look.unwrap_or(start),
            };
            (start, end)
        });
        Self(spans.collect())
    }

    fn holds(&self, handle: &DeadHandle) -> bool {
        self.contains(handle.first_ms)
    }

    fn spans(&self, look: &Snapshot) -> bool {
        self.contains(look.at_ms)
    }

    fn contains(&self, at_ms: u64) -> bool {
        let at = at_ms as f64;
        self.0.iter().any(|span| span.0 <= at && at <= span.1)
    }
}
