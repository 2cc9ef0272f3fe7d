//! A target that the engine calls unhealthy.

use super::{Level, during, seconds_of};
use crate::judge::{Night, TARGET, finding, sentence, standing};
use crate::model::{EventKind, Finding, RuleKind, Severity, Status};

/// For how long a target was unhealthy.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::judge) struct Unhealthy {
    /// How often it became so.
    pub(in crate::judge) times: u64,
    /// When first, seconds since the soak began.
    pub(in crate::judge) first_s: f64,
    /// For how long in all, seconds.
    pub(in crate::judge) in_all_s: f64,
    /// What was held when it first became so.
    pub(in crate::judge) level: Option<Level>,
}

pub(super) fn judge(night: &Night<'_>, severity: Severity) -> Option<Finding> {
    let unhealthy = unhealthy(night)?;
    let times = unhealthy.times as f64;
    let text = sentence::unhealthy(&unhealthy);
    let found = finding("health", TARGET, RuleKind::Health, Status::Breaks, text);
    Some(Finding { severity, allowed: Some(0.0), measured: Some(times), ..found })
}

fn unhealthy(night: &Night<'_>) -> Option<Unhealthy> {
    // What the engine said last before the soak holds until it says something else.
    let before = night.record.events.iter().filter(|event| event.kind == EventKind::Health && event.at_ms < 0);
    let before = before.max_by_key(|event| event.at_ms).map(|event| (0.0, event.text.as_str()));
    let looks = night.watched.iter().filter_map(|look| Some((look.at_s(), look.target.health.as_deref()?)));
    let events = during(night, EventKind::Health).into_iter().map(|event| (seconds_of(event), event.text.as_str()));
    let mut said: Vec<(f64, bool)> =
        before.into_iter().chain(looks).chain(events).filter_map(|(at_s, text)| Some((at_s, says(text)?))).collect();
    said.sort_by(|a, b| a.0.total_cmp(&b.0));
    let last_s = said.last()?.0.max(standing::watched_s(night));
    // A snapshot may repeat what the engine said just before it changed its mind.
    let apart_s =
        Some(night.record.plan.interval_s).filter(|interval| interval.is_finite()).unwrap_or(0.0).clamp(0.0, 60.0);
    let mut found: Option<Unhealthy> = None;
    let mut ended_s = f64::NEG_INFINITY;
    for (at, (from_s, bad)) in said.iter().enumerate() {
        if !bad {
            continue;
        }
        let to_s = said.get(at + 1).map_or(last_s, |next| next.0);
        let spell = found.get_or_insert_with(|| Unhealthy {
            times: 0,
            first_s: *from_s,
            in_all_s: 0.0,
            level: Level::at(night, 0.0, *from_s),
        });
        spell.times += u64::from(*from_s > ended_s + apart_s);
        spell.in_all_s += (to_s - from_s).max(0.0);
        ended_s = to_s;
    }
    found
}

/// Whether the engine's word is a bad one; `None`: it is no word on health. `starting` is no failure.
fn says(text: &str) -> Option<bool> {
    let word = text.trim_end().rsplit(|c: char| !c.is_ascii_alphabetic()).find(|word| !word.is_empty())?;
    match word {
        "unhealthy" => Some(true),
        "healthy" | "starting" => Some(false),
        _ => None,
    }
}
