//! Tonight against the night before. Pure.
//!
//! Two nights are compared by what they measured, not by what they were judged by: a class that no threshold names is
//! compared as well, and breaches are told apart by their fingerprints.

mod classes;

use crate::model::{
    Assessment, CounterRecord, Ending, Finding, RuleKind, RunRecord, Severity, Status, StoredNight, Verdict,
};

pub use classes::{ClassChange, Figures};

/// What differs between two nights.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff {
    /// The earlier night.
    pub before: Side,
    /// The later night.
    pub after: Side,
    /// Why the nights cannot be compared like with like, one clause each; empty: they can.
    pub not_comparable: Vec<String>,
    /// What was soaked differs: image, labels, versions.
    pub changes: Vec<Change>,
    /// The broken rules of both nights: new ones, standing ones, then those that are gone; in each, fail before warn.
    pub breaches: Vec<Breach>,
    /// Every class that either night tells of, those that changed first.
    pub classes: Vec<ClassChange>,
    /// The workload counters of both nights.
    pub counters: Vec<CounterChange>,
}

/// One of the two nights.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The run's id.
    pub run: String,
    /// The scenario's name.
    pub scenario: String,
    /// When it began.
    pub started: jiff::Timestamp,
    /// The verdict; `None` where it was not judged.
    pub verdict: Option<Verdict>,
    /// The reason of the verdict.
    pub reason: String,
}

/// A fact about the target that is not the same in both nights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What: `image`, a label's name.
    pub what: String,
    /// Before; `None`: there was none.
    pub before: Option<String>,
    /// After; `None`: there is none.
    pub after: Option<String>,
}

/// What became of a breach from one night to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Only the later night has it.
    New,
    /// Both nights have it.
    Standing,
    /// Only the earlier night has it.
    Gone,
    /// Only the earlier night has it, and the later one cannot tell.
    Unknown,
}

impl Fate {
    /// The word shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Standing => "standing",
            Self::Gone => "gone",
            Self::Unknown => "unknown",
        }
    }
}

/// A broken rule of one or both nights.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach {
    /// What became of it.
    pub fate: Fate,
    /// Its fingerprint.
    pub fingerprint: String,
    /// The class.
    pub class: String,
    /// The rule.
    pub rule: RuleKind,
    /// What it weighs.
    pub severity: Severity,
    /// What the later night says of it, or the earlier one where the later says nothing.
    pub sentence: String,
    /// What was measured before.
    pub before: Option<f64>,
    /// What was measured after.
    pub after: Option<f64>,
}

/// A workload counter in both nights.
#[derive(Debug, Clone, PartialEq)]
pub struct CounterChange {
    /// Its name.
    pub name: String,
    /// By how much it grew before.
    pub before: Option<f64>,
    /// By how much it grew after.
    pub after: Option<f64>,
}

/// Compares two nights of one scenario.
pub fn compare(before: &StoredNight, after: &StoredNight) -> Diff {
    Diff {
        before: side(before),
        after: side(after),
        not_comparable: not_comparable(&before.record, &after.record),
        changes: changes(&before.record, &after.record),
        breaches: breaches(before.assessment.as_ref(), after.assessment.as_ref()),
        classes: classes::compare(before, after),
        counters: counters(&before.record.counters, &after.record.counters),
    }
}

fn side(night: &StoredNight) -> Side {
    Side {
        run: night.record.run.clone(),
        scenario: night.record.scenario.clone(),
        started: night.record.started,
        verdict: night.assessment.as_ref().map(|assessment| assessment.verdict),
        reason: night.assessment.as_ref().map_or_else(String::new, |assessment| assessment.reason.clone()),
    }
}

/// What of the circumstances differs, so that a difference of figures may have another cause than the target.
fn not_comparable(before: &RunRecord, after: &RunRecord) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut differs = |what: &str, before: String, after: String| {
        if before != after {
            reasons.push(format!("{what} {after}, before {before}"));
        }
    };
    differs("scenario", before.scenario.clone(), after.scenario.clone());
    differs("kernel", before.host.kernel.clone(), after.host.kernel.clone());
    differs("architecture", before.host.arch.clone(), after.host.arch.clone());
    differs("processors", before.host.cpus.to_string(), after.host.cpus.to_string());
    let memory = |record: &RunRecord| {
        record.target.memory_limit.map_or("none".to_owned(), |limit| crate::model::text::bytes(limit as f64))
    };
    differs("memory limit", memory(before), memory(after));
    let plan = |record: &RunRecord| {
        let plan = &record.plan;
        let seconds = crate::model::text::seconds;
        let warmup = plan.warmup_s.map_or("auto".to_owned(), seconds);
        format!(
            "{} every {} (warm-up {warmup}, settle {})",
            seconds(plan.duration_s),
            seconds(plan.interval_s),
            seconds(plan.settle_s)
        )
    };
    differs("soak of", plan(before), plan(after));
    if before.scenario_digest != after.scenario_digest && before.scenario == after.scenario {
        reasons.push("the scenario file was edited".to_owned());
    }
    if before.thresholds_digest != after.thresholds_digest {
        reasons.push("the thresholds were edited".to_owned());
    }
    for (word, record) in [("earlier", before), ("later", after)] {
        match &record.ending {
            Ending::Completed => {}
            // A death is a finding of the night, and its figures stand up to it.
            Ending::Died { .. } => reasons.push(format!("the target of the {word} night died")),
            Ending::Unfinished
            | Ending::Interrupted { .. }
            | Ending::NotStarted { .. }
            | Ending::NeverReady { .. }
            | Ending::SeedFailed { .. }
            | Ending::Unreadable { .. }
            | Ending::NotWritten { .. } => reasons.push(format!("the {word} night was cut short")),
        }
    }
    reasons
}

fn changes(before: &RunRecord, after: &RunRecord) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |what: &str, before: Option<&str>, after: Option<&str>| {
        if before != after {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            changes.push(Change { what: what.to_owned(), before: owned(before), after: owned(after) });
        }
    };
    add("target", Some(&before.target.name), Some(&after.target.name));
    add("image", before.target.image.as_deref(), after.target.image.as_deref());
    let (old, new) = (&before.target.labels, &after.target.labels);
    for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
        add(name, old.get(name).map(String::as_str), new.get(name).map(String::as_str));
    }
    let engine = |record: &RunRecord| record.engine.as_ref().map(|engine| engine.version.clone());
    add("engine", engine(before).as_deref(), engine(after).as_deref());
    add("slowdrip", Some(&before.slowdrip), Some(&after.slowdrip));
    changes
}

fn breaches(before: Option<&Assessment>, after: Option<&Assessment>) -> Vec<Breach> {
    let of = |night: Option<&Assessment>, fingerprint: &str| {
        let findings = night.map_or(&[] as &[Finding], |night| night.findings.as_slice());
        findings.iter().find(|found| found.fingerprint == fingerprint).cloned()
    };
    let broken = |night: Option<&Assessment>| -> Vec<Finding> {
        let findings = night.map_or(&[] as &[Finding], |night| night.findings.as_slice());
        findings.iter().filter(|found| found.status == Status::Breaks).cloned().collect()
    };
    let breach = |fate, found: &Finding, before: Option<f64>, after: Option<f64>| Breach {
        fate,
        fingerprint: found.fingerprint.clone(),
        class: found.class.clone(),
        rule: found.rule,
        severity: found.severity,
        sentence: found.sentence.clone(),
        before,
        after,
    };
    let mut breaches = Vec::new();
    for found in broken(after) {
        let earlier = of(before, &found.fingerprint);
        let stood = earlier.as_ref().is_some_and(|earlier| earlier.status == Status::Breaks);
        let fate = if stood { Fate::Standing } else { Fate::New };
        breaches.push(breach(fate, &found, earlier.and_then(|earlier| earlier.measured), found.measured));
    }
    for found in broken(before) {
        match of(after, &found.fingerprint) {
            Some(later) if later.status == Status::Breaks => {}
            // A rule that is no longer there, or is undecided, has not been kept. What only a breach mentions is gone.
            Some(later) if later.status == Status::Undecided => {
                breaches.push(breach(Fate::Unknown, &later, found.measured, later.measured));
            }
            Some(later) => breaches.push(breach(Fate::Gone, &later, found.measured, later.measured)),
            None if after.is_some() && speaks_only_when_broken(&found) => {
                breaches.push(breach(Fate::Gone, &found, found.measured, None));
            }
            None => breaches.push(breach(Fate::Unknown, &found, found.measured, None)),
        }
    }
    breaches.sort_by_key(|breach| (breach.fate, breach.severity == Severity::Warn));
    breaches
}

/// True for rules that leave no finding where they are kept.
fn speaks_only_when_broken(found: &Finding) -> bool {
    match found.rule {
        RuleKind::After
        | RuleKind::Alive
        | RuleKind::Health
        | RuleKind::Restarts
        | RuleKind::Oom
        | RuleKind::SelfKill
        | RuleKind::Ack => true,
        RuleKind::MaxDead
        | RuleKind::Max
        | RuleKind::MaxLimitRatio
        | RuleKind::MaxGrowth
        | RuleKind::MaxVsBaseline
        | RuleKind::SettleTo
        | RuleKind::Log
        | RuleKind::Workload
        | RuleKind::ComesBack
        | RuleKind::Stop
        | RuleKind::Readable => false,
    }
}

fn counters(before: &[CounterRecord], after: &[CounterRecord]) -> Vec<CounterChange> {
    let grown = |counters: &[CounterRecord], name: &str| {
        let counter = counters.iter().find(|counter| counter.name == name)?;
        counter.start.zip(counter.end).map(|(start, end)| end - start)
    };
    let mut names: Vec<&String> = after.iter().map(|counter| &counter.name).collect();
    names.extend(before.iter().map(|counter| &counter.name).filter(|name| !after.iter().any(|it| it.name == **name)));
    names
        .into_iter()
        .map(|name| CounterChange { name: name.clone(), before: grown(before, name), after: grown(after, name) })
        .collect()
}

#[cfg(test)]
mod tests;
