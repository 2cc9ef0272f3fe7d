//! Long-lived processes that ended by themselves and were started again: a watchdog, a supervisor, a worker that recycles
//! itself.

use std::collections::BTreeMap;

use super::{CLOCKS_S, Death, Level, during, seconds_of};
use crate::judge::{Night, finding, sentence};
use crate::model::{EventKind, Finding, RuleKind, Severity, Status};
use crate::series::{End, ends};

/// One finding for each program.
pub(super) fn judge(night: &Night<'_>, severity: Severity) -> Vec<Finding> {
    let restarts = restarts(night);
    let all = ends(&night.watched);
    let mut replaced: BTreeMap<u32, Vec<&End>> = BTreeMap::new();
    for end in all.iter().filter(|end| end.replaced_by.is_some()) {
        replaced.entry(end.id.pid).or_default().push(end);
    }
    let with_parent = |end: &End| {
        let parents = replaced.get(&end.parent).into_iter().flatten();
        parents.copied().any(|parent| parent.id != end.id && (parent.at_s - end.at_s).abs() <= CLOCKS_S)
    };
    let mut programs: BTreeMap<String, Vec<Death>> = BTreeMap::new();
    for end in all.iter().filter(|end| end.replaced_by.is_some()) {
        // A restart of the whole target is told by itself, and a child that went with its parent is the parent's.
        let near = |restart: &(f64, f64)| end.at_s >= restart.0 - CLOCKS_S && end.at_s <= restart.1 + CLOCKS_S;
        if restarts.iter().any(near) || with_parent(end) {
            continue;
        }
        let death = Death { at_s: end.at_s, up_s: Some(end.seen_s), exit: None, level: Some(Level::of_end(end)) };
        programs.entry(sentence::foreign(&end.name)).or_default().push(death);
    }
    let of_program = |(name, deaths): (String, Vec<Death>)| {
        let text = sentence::self_kills(&name, &deaths);
        let found = finding("self_kill", &format!("process {name}"), RuleKind::SelfKill, Status::Breaks, text);
        Finding { severity, allowed: Some(0.0), measured: Some(deaths.len() as f64), ..found }
    };
    programs.into_iter().map(of_program).collect()
}

/// From when to when the whole target went down and came up, or a step ended processes: between the looks that tell of a
/// restart, or at the event.
fn restarts(night: &Night<'_>) -> Vec<(f64, f64)> {
    let mut spans: Vec<(f64, f64)> = [EventKind::Died, EventKind::Restart, EventKind::Asked]
        .into_iter()
        .flat_map(|kind| during(night, kind))
        .filter(|event| event.kind != EventKind::Asked || !event.text.starts_with("snapshot "))
        // The first look without a process may come an interval after the event.
        .map(|event| (seconds_of(event), next_look_s(night, seconds_of(event))))
        .collect();
    let told = night.watched.iter().filter_map(|look| Some((look.at_s(), look.target.restarts?)));
    let mut before: Option<(f64, u64)> = None;
    for (at_s, number) in told {
        if let Some((from_s, _)) = before.filter(|(_, counted)| *counted != number) {
            spans.push((from_s, next_look_s(night, at_s)));
        }
        before = Some((at_s, number));
    }
    spans
}

/// When the first look after a moment was taken that saw the application.
fn next_look_s(night: &Night<'_>, at_s: f64) -> f64 {
    let after = night.watched.iter().skip_while(|look| look.at_s() <= at_s);
    after.copied().find(|look| crate::series::app_processes(look).next().is_some()).map_or(at_s, |look| look.at_s())
}
