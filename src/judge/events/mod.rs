//! The engine's events and the ends of long-lived processes, with what was held when they came.

mod deaths;
mod health;
mod level;
mod oom;
mod own;

use super::{Night, standing};
use crate::model::{Event, EventKind, Finding};
use crate::threshold::RuleSet;

pub(super) use deaths::final_level;
pub(super) use health::Unhealthy;
pub(super) use level::Level;
pub(super) use oom::Kills;

/// The end of a life that went on in another.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Death {
    /// When, seconds since the soak began.
    pub(super) at_s: f64,
    /// How long it had lived, seconds; `None` where it was there before the soak.
    pub(super) up_s: Option<f64>,
    /// The exit code, 128 and the signal's number where a signal ended it.
    pub(super) exit: Option<i64>,
    /// What was held just before.
    pub(super) level: Option<Level>,
}

/// Judges what happened to the target. What is kept leaves no finding.
pub(super) fn judge(night: &Night<'_>, rules: &RuleSet) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(rules.events.health.and_then(|severity| health::judge(night, severity)));
    findings.extend(rules.events.restarts.and_then(|severity| deaths::judge(night, severity)));
    findings.extend(rules.events.oom.and_then(|severity| oom::judge(night, severity)));
    // Which process came after which cannot be told where the clock went back.
    let own = rules.events.self_kill.filter(|_| night.went_back.is_none());
    findings.extend(own.map(|severity| own::judge(night, severity)).unwrap_or_default());
    findings
}

/// The events of a kind from the beginning of the soak until the target was asked to stop, in the order of time.
fn during<'a>(night: &Night<'a>, kind: EventKind) -> Vec<&'a Event> {
    let asked_s = standing::asked_to_stop_s(night).unwrap_or(f64::INFINITY);
    let record = night.record;
    let own = |event: &&Event| event.kind == kind && event.at_ms >= 0 && seconds_of(event) < asked_s;
    let mut events: Vec<&Event> = record.events.iter().filter(own).collect();
    events.sort_by_key(|event| event.at_ms);
    events
}

fn seconds_of(event: &Event) -> f64 {
    event.at_ms as f64 / 1000.0
}

/// The engine's clock and that of the snapshots may be apart by so much, seconds.
const CLOCKS_S: f64 = 5.0;

/// What a counter of the snapshots counted and no event told: times, seconds since the soak began, and how many.
///
/// `count` reads the counter. What stood there at the first snapshot was before; a counter that fell began anew at zero.
fn untold(night: &Night<'_>, told: &[f64], count: impl Fn(&crate::model::Snapshot) -> Option<u64>) -> Vec<(f64, u64)> {
    let mut told: Vec<f64> = told.to_vec();
    let mut untold = Vec::new();
    let mut before: Option<(f64, u64)> = None;
    for look in &night.watched {
        let Some(now) = count(look) else { continue };
        let at_s = look.at_s();
        if let Some((from_s, counted)) = before {
            let mut more = if now >= counted { now - counted } else { now };
            while more > 0 {
                let near = |event: &f64| (from_s - CLOCKS_S..=at_s + CLOCKS_S).contains(event);
                let Some(own) = told.iter().position(near) else { break };
                told.remove(own);
                more -= 1;
            }
            if more > 0 {
                untold.push((at_s, more));
            }
        }
        before = Some((at_s, now));
    }
    untold
}

#[cfg(test)]
mod tests;
