//! Dead handles: exact evidence, whatever the counts say.

use super::{Class, Night, finding_of, sentence};
use crate::model::{DeadHandle, Finding, RuleKind, Severity, Status};
use crate::series::{dead_at_end, has_dead};

/// How many handles a finding lists.
const LISTED: usize = 100;

/// Judges the dead handles of a class.
pub(super) fn judge(night: &Night<'_>, class: &Class<'_>, most: u64) -> Finding {
    let allowed = Some(most as f64);
    if !has_dead(&class.rule.select) {
        let text = sentence::dead_unknown();
        return Finding { allowed, ..finding_of(class, RuleKind::MaxDead, Status::Undecided, text) };
    }
    let Some(dead) = dead_at_end(&night.watched, &class.rule.select) else {
        let text = sentence::dead_unread(&class.series);
        return Finding { allowed, ..finding_of(class, RuleKind::MaxDead, Status::Undecided, text) };
    };
    let standing = Standing::of(night);
    let (early_handles, late_handles): (Vec<_>, Vec<_>) =
        dead.iter().cloned().partition(|handle| standing.holds(handle));
    let (late, early) = (late_handles.len() as u64, early_handles.len() as u64);
    let text = sentence::dead(late, early, most);
    let (status, severity, mut listed) = if late > most {
        (Status::Breaks, class.rule.severity, late_handles)
    } else if late + early > most {
        // What was dead before the first looks may be a design: it is said, and it does not fail.
        (Status::Breaks, Severity::Warn, dead)
    } else {
        (Status::Holds, class.rule.severity, dead)
    };
    let measured = Some(listed.len() as f64);
    listed.truncate(LISTED);
    Finding { allowed, measured, severity, dead: listed, ..finding_of(class, RuleKind::MaxDead, status, text) }
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
        let first = handle.first_ms as f64;
        self.0.iter().any(|span| span.0 <= first && first <= span.1)
    }
}
