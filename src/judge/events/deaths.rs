//! A target that ended and was started again.

use super::{Death, Level, during, seconds_of, untold};
use crate::judge::{Night, TARGET, finding, sentence};
use crate::model::{Ending, Event, EventKind, Finding, RuleKind, Severity, Status};

pub(super) fn judge(night: &Night<'_>, severity: Severity) -> Option<Finding> {
    let deaths = deaths(night);
    if deaths.is_empty() {
        return None;
    }
    let n = deaths.len() as f64;
    let found = finding("restart", TARGET, RuleKind::Restarts, Status::Breaks, sentence::deaths(&deaths));
    Some(Finding { severity, allowed: Some(0.0), measured: Some(n), ..found })
}

/// What a target held that died and was not started again.
pub(in crate::judge) fn final_level(night: &Night<'_>) -> Option<Level> {
    let restart = during(night, EventKind::Restart).last().map_or(0.0, |event| seconds_of(event));
    let died = during(night, EventKind::Died).last().map_or(f64::INFINITY, |event| seconds_of(event));
    let mut level = Level::at(night, restart, died)?;
    level.before_s = if level.before_s.is_finite() { level.before_s } else { 0.0 };
    Some(level)
}

/// When lives ended that were followed by another, as the engine told it: the moment, the exit code, the new beginning.
fn told(night: &Night<'_>) -> Vec<(f64, Option<i64>, f64)> {
    let mut events: Vec<&Event> = during(night, EventKind::Died);
    events.extend(during(night, EventKind::Restart));
    // A life ends before the next begins, also within one millisecond.
    events.sort_by_key(|event| (event.at_ms, event.kind == EventKind::Restart));
    let mut lives = Vec::new();
    let mut died: Option<&Event> = None;
    for event in events {
        if event.kind == EventKind::Died {
            died = Some(event);
        } else {
            let end = died.take();
            let exit = end.and_then(|end| exit_code(&end.text));
            lives.push((seconds_of(end.unwrap_or(event)), exit, seconds_of(event)));
        }
    }
    // The last death of several belongs to them; one alone is not a restart but the end of the target.
    if let Some(end) = died.filter(|_| !lives.is_empty() && matches!(night.record.ending, Ending::Died { .. })) {
        lives.push((seconds_of(end), exit_code(&end.text), f64::INFINITY));
    }
    lives
}

/// More than these are counted by the snapshots alone and named by nobody.
const MOST_UNTOLD: u64 = 1000;

fn deaths(night: &Night<'_>) -> Vec<Death> {
    let mut lives = told(night);
    let begun: Vec<f64> = lives.iter().map(|life| life.2).collect();
    // Restarts that the engine counted and did not report.
    for (at_s, more) in untold(night, &begun, |look| look.target.restarts) {
        lives.extend((0..more.min(MOST_UNTOLD)).map(|_| (at_s, None, at_s)));
    }
    lives.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut since_s = None;
    lives
        .into_iter()
        .map(|(at_s, exit, next_s)| {
            let level = Level::at(night, since_s.unwrap_or(0.0), at_s);
            let up_s = since_s.replace(next_s).map(|since: f64| (at_s - since).max(0.0));
            Death { at_s, up_s, exit, level }
        })
        .collect()
}

/// The number after "exit code".
fn exit_code(text: &str) -> Option<i64> {
    let rest = text.split_once("exit code ")?.1;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}
