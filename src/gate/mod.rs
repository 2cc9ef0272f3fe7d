//! A candidate held against the last release, both soaked side by side in the same minutes under the same churn. Pure.
//!
//! A night alone asks whether something leaks. A gate also asks whether it leaks more than before, and what the weather of the
//! day does to the one it does to the other. docs/gate.md tells the questions with their formulas and figures.

mod class;
mod pair;
mod verdict;
mod windows;
mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{DeadHandle, GateRole, RUN_FORMAT, RuleKind, Severity, StoredNight, Unit, Verdict};
use crate::threshold::RuleSet;

pub use class::level_allowed;
pub use pair::{Growth, Pair, Terms, counts, memory};
pub use windows::{Level, level};

/// The chance that a gate between two like images is meant to find the candidate worse anywhere, all its classes and questions
/// together. docs/gate.md has what was measured.
pub const FALSE_ALARMS: f64 = 0.01;

/// What a gate says: `gate.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// [`RUN_FORMAT`] of the build that wrote it.
    pub format: u32,
    /// Version of slowdrip.
    pub slowdrip: String,
    /// The gate's id, which is also its folder's name.
    pub gate: String,
    /// The scenario's name.
    pub scenario: String,
    /// When its first night began.
    pub started: jiff::Timestamp,
    /// Pass: no worse. Fail: worse, or an absolute threshold is broken. Else it cannot tell.
    pub verdict: Verdict,
    /// Why, in one or two sentences.
    pub reason: String,
    /// What a passing gate would have seen, one sentence; `None` where it did not pass.
    pub seen: Option<String>,
    /// What is to be released.
    pub candidate: Side,
    /// What was released last.
    pub baseline: Side,
    /// True where both sides are the same image, so that whatever is found is the gate's own noise.
    pub same_image: bool,
    /// The absolute thresholds that the candidate breaks.
    pub absolute: Vec<Absolute>,
    /// Every class that was compared, the worst first.
    pub classes: Vec<Class>,
    /// How much faster counts may grow, per hour, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// What else a reader must know, one sentence each.
    pub notes: Vec<String>,
    /// The command line that repeats the gate, secrets masked.
    pub command: Vec<String>,
}

/// One of the two nights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// Which.
    pub role: GateRole,
    /// What was asked for: an image, or what was built.
    pub name: String,
    /// The image's digest or id.
    pub image: Option<String>,
    /// Build arguments and labels of the image that name a version.
    pub labels: BTreeMap<String, String>,
    /// The verdict of the night by itself.
    pub verdict: Option<Verdict>,
    /// Its reason.
    pub reason: String,
    /// Snapshots taken.
    pub snapshots: u64,
    /// What the workload did: its counters and the iterations of the churn, by name.
    pub work: Vec<(String, f64)>,
}

/// An absolute threshold that the candidate breaks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absolute {
    /// The class, or the name of a rule that has none.
    pub class: String,
    /// The rule.
    pub rule: RuleKind,
    /// The finding's fingerprint.
    pub fingerprint: String,
    /// What the candidate's night says of it.
    pub sentence: String,
    /// True where the baseline breaks the same rule.
    pub baseline_too: bool,
}

/// How a class of the candidate fared against the baseline's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Worse by more than is allowed.
    Worse,
    /// The gate cannot tell.
    Unknown,
    /// Not worse, and the gate would have seen it.
    NoWorse,
}

/// A class of both nights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// The class's name.
    pub class: String,
    /// What it counts in.
    pub unit: Unit,
    /// What it weighs where it is worse.
    pub severity: Severity,
    /// True where a gate that cannot tell of it is inconclusive.
    pub required: bool,
    /// How it fared.
    pub fate: Fate,
    /// One sentence for people, without the class name.
    pub sentence: String,
    /// What the candidate holds.
    pub candidate: Held,
    /// What the baseline holds.
    pub baseline: Held,
    /// How much faster the candidate grows, per hour; `None`: too little was seen.
    pub growth: Option<Difference>,
    /// How much more the candidate holds; `None`: too little was seen.
    pub level: Option<Difference>,
    /// How many more dead handles the candidate has; `None`: the class has none.
    pub dead: Option<Difference>,
    /// An extra growth of that much per hour would have failed this gate with 90 % probability; `None`: none would.
    pub seen: Option<f64>,
}

/// What one side holds of a class.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The held level at the end.
    pub level: Option<f64>,
    /// Growth per hour with its 95 % interval.
    pub rate: Option<(f64, f64, f64)>,
    /// Dead handles at the end.
    pub dead: u64,
    /// The permanent floor, or the floors of windows: seconds since the soak began and level.
    pub floor: Vec<(f64, f64)>,
}

/// A figure of the candidate less that of the baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The best estimate.
    pub extra: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of its 95 % interval.
    pub high: f64,
    /// What is allowed.
    pub allowed: f64,
    /// The chance of such a difference where no more than that is there.
    pub p: f64,
    /// True where that is too small to be chance, all questions of the gate considered.
    pub worse: bool,
}

/// What is compared, beside the two nights.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// The gate's id.
    pub gate: String,
    /// The command line that repeats it.
    pub command: Vec<String>,
    /// How much faster counts may grow, per hour; `None`: by as much as their rules allow them to grow.
    pub margin: Option<f64>,
}

/// Holds a candidate's night against the baseline's. Both were judged by `rules`.
pub fn compare(candidate: &StoredNight, baseline: &StoredNight, rules: &RuleSet, setting: &Setting) -> Gate {
    let classes = class::compare(candidate, baseline, rules, setting.margin);
    let absolute = absolute(candidate, baseline);
    let (candidate_side, baseline_side) = (side(candidate, GateRole::Candidate), side(baseline, GateRole::Baseline));
    let mut gate = Gate {
        format: RUN_FORMAT,
        slowdrip: env!("CARGO_PKG_VERSION").to_owned(),
        gate: setting.gate.clone(),
        scenario: candidate.record.scenario.clone(),
        started: candidate.record.started.min(baseline.record.started),
        verdict: Verdict::Inconclusive,
        reason: String::new(),
        seen: None,
        same_image: candidate_side.image.is_some() && candidate_side.image == baseline_side.image,
        candidate: candidate_side,
        baseline: baseline_side,
        absolute,
        classes,
        margin: setting.margin,
        notes: Vec::new(),
        command: setting.command.clone(),
    };
    verdict::decide(&mut gate, candidate, baseline);
    gate
}

fn side(night: &StoredNight, role: GateRole) -> Side {
    let record = &night.record;
    let counters = record.counters.iter().filter_map(|counter| {
        let grown = counter.start.zip(counter.end).map(|(start, end)| end - start)?;
        Some((counter.name.clone(), grown)).filter(|_| grown.is_finite())
    });
    let churn = record.churn.as_ref().map(|churn| ("iterations of the churn".to_owned(), churn.begun as f64));
    Side {
        role,
        name: record.target.name.clone(),
        image: record.target.image.clone(),
        labels: record.target.labels.clone(),
        verdict: night.assessment.as_ref().map(|found| found.verdict),
        reason: night.assessment.as_ref().map_or_else(String::new, |found| found.reason.clone()),
        snapshots: night.snapshots.len() as u64,
        work: counters.chain(churn).collect(),
    }
}

fn absolute(candidate: &StoredNight, baseline: &StoredNight) -> Vec<Absolute> {
    let broken = |night: &StoredNight| -> Vec<_> {
        night.assessment.iter().flat_map(|found| found.broken(Severity::Fail)).cloned().collect()
    };
    let theirs: Vec<String> = broken(baseline).into_iter().map(|found| found.fingerprint).collect();
    let own = broken(candidate).into_iter().map(|found| Absolute {
        baseline_too: theirs.contains(&found.fingerprint),
        class: found.class,
        rule: found.rule,
        fingerprint: found.fingerprint,
        sentence: found.sentence,
    });
    let mut own: Vec<Absolute> = own.collect();
    // What is new in this build is what a reader looks for.
    own.sort_by_key(|found| found.baseline_too);
    own
}

/// Events among dead handles: what one look found dead at once has one cause.
fn dead_events(dead: &[DeadHandle]) -> u64 {
    let mut times: Vec<u64> =
        dead.iter().filter(|handle| handle.kind.is_exact()).map(|handle| handle.first_ms).collect();
    times.sort_unstable();
    times.dedup();
    times.len() as u64
}

#[cfg(test)]
mod tests;
