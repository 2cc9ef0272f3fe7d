//! Processes that the kernel killed for want of memory.

use super::level::last_look;
use super::{during, seconds_of, untold};
use crate::judge::{Night, TARGET, finding, sentence};
use crate::model::{EventKind, Finding, RuleKind, Severity, Snapshot, Status};
use crate::series::app_processes;

/// Kills at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::judge) struct Kills {
    /// When, seconds since the soak began.
    pub(in crate::judge) at_s: f64,
    /// How many.
    pub(in crate::judge) number: u64,
    /// True where the engine reported it, false where only the cgroup counted it.
    pub(in crate::judge) reported: bool,
    /// The memory that was in use before, bytes.
    pub(in crate::judge) memory: Option<f64>,
    /// Its limit, bytes.
    pub(in crate::judge) limit: Option<f64>,
}

pub(super) fn judge(night: &Night<'_>, severity: Severity) -> Option<Finding> {
    let kills = kills(night);
    if kills.is_empty() {
        return None;
    }
    let n = kills.iter().fold(0_u64, |sum, kills| sum.saturating_add(kills.number)) as f64;
    let found = finding("oom", TARGET, RuleKind::Oom, Status::Breaks, sentence::out_of_memory(&kills));
    Some(Finding { severity, allowed: Some(0.0), measured: Some(n), ..found })
}

fn kills(night: &Night<'_>) -> Vec<Kills> {
    let reported: Vec<f64> = during(night, EventKind::Oom).into_iter().map(seconds_of).collect();
    let counted = |look: &Snapshot| look.target.cgroup.as_ref()?.oom_kills.value().copied();
    let inside = untold(night, &reported, counted);
    let mut moments: Vec<(f64, u64, bool)> = reported.into_iter().map(|at_s| (at_s, 1, true)).collect();
    moments.extend(inside.into_iter().map(|(at_s, number)| (at_s, number, false)));
    moments.sort_by(|a, b| a.0.total_cmp(&b.0));
    moments
        .into_iter()
        .map(|(at_s, number, reported)| {
            // A kill that only the cgroup counted came before the look that shows it.
            let look = if reported {
                last_look(night, 0.0, at_s, |look| used(look).is_some())
            } else {
                last_look(night, 0.0, at_s, |look| look.at_s() < at_s && used(look).is_some())
            };
            let bound = |look: &Snapshot| look.target.cgroup.as_ref()?.memory_max.value().copied().flatten();
            let limit = look.and_then(bound).or(night.record.target.memory_limit).filter(|limit| *limit > 0);
            let (memory, limit) = (look.and_then(used), limit.map(|limit| limit as f64));
            Kills { at_s, number, reported, memory, limit }
        })
        .collect()
}

/// What counts against the limit, bytes: the cgroup's charge, or the resident memory of all processes.
fn used(look: &Snapshot) -> Option<f64> {
    let charged = look.target.cgroup.as_ref().and_then(|cgroup| cgroup.memory.value().copied());
    let resident = || {
        let mut known = app_processes(look).filter_map(|process| process.rss.value().copied()).peekable();
        known.peek().is_some().then(|| known.fold(0_u64, u64::saturating_add))
    };
    charged.or_else(resident).map(|bytes| bytes as f64)
}
