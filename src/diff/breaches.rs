//! What became of the broken rules from one night to the next.

use std::collections::HashMap;

use crate::model::{Assessment, Finding, RuleKind, Severity, Status};

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
    /// Every fate, in the order in which breaches are told.
    pub const ALL: [Self; 4] = [Self::New, Self::Standing, Self::Gone, Self::Unknown];

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
    /// Of whom, see [`Finding::subject`].
    pub subject: String,
    /// The rule.
    pub rule: RuleKind,
    /// What it weighs.
    pub severity: Severity,
    /// True where the night that has it bears it: it is acknowledged.
    pub acknowledged: bool,
    /// True where the other night has no such rule: the thresholds differ, and the target need not.
    pub only_here: bool,
    /// What the later night says of it, or the earlier one where the later says nothing.
    pub sentence: String,
    /// What it comes from, in a few words, where the night that has it knows.
    pub cause: Option<String>,
    /// What was measured before.
    pub before: Option<f64>,
    /// What was measured after.
    pub after: Option<f64>,
}

impl Breach {
    /// True for one that fails the later night and did not fail the earlier one.
    pub fn worsens(&self) -> bool {
        self.fate == Fate::New && self.severity == Severity::Fail && !self.acknowledged
    }
}

/// A night's findings by their fingerprints.
struct Found<'a> {
    judged: bool,
    findings: &'a [Finding],
    by_print: HashMap<&'a str, &'a Finding>,
    causes: HashMap<&'a str, &'a str>,
}

impl<'a> Found<'a> {
    fn of(night: Option<&'a Assessment>) -> Self {
        let findings = night.map_or(&[] as &[Finding], |night| night.findings.as_slice());
        let causes = night.into_iter().flat_map(|night| &night.causes);
        Self {
            judged: night.is_some(),
            findings,
            by_print: findings.iter().map(|found| (found.fingerprint.as_str(), found)).collect(),
            causes: causes
                .flat_map(|cause| cause.findings.iter().map(|print| (print.as_str(), cause.title.as_str())))
                .collect(),
        }
    }

    fn get(&self, print: &str) -> Option<&'a Finding> {
        self.by_print.get(print).copied()
    }

    fn broken(&self) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(|found| found.status == Status::Breaks)
    }
}

/// The broken rules of both nights: new ones, standing ones, then those that are gone; in each, fail before warn before what
/// is acknowledged.
pub(super) fn compare(before: Option<&Assessment>, after: Option<&Assessment>) -> Vec<Breach> {
    let (before, after) = (Found::of(before), Found::of(after));
    let mut breaches = Vec::new();
    for found in after.broken() {
        let earlier = before.get(&found.fingerprint);
        let stood = earlier.is_some_and(|earlier| earlier.status == Status::Breaks);
        let fate = if stood { Fate::Standing } else { Fate::New };
        let measured = (earlier.and_then(|earlier| earlier.measured), found.measured);
        let only_here = before.judged && earlier.is_none() && !speaks_only_when_broken(found);
        breaches.push(Breach { only_here, ..breach(fate, found, measured, &after) });
    }
    for found in before.broken() {
        let later = after.get(&found.fingerprint);
        let fate = match later.map(|later| later.status) {
            Some(Status::Breaks) => continue,
            // A rule that is no longer there, or is undecided, has not been kept. What only a breach mentions is gone.
            Some(Status::Undecided) => Fate::Unknown,
            Some(Status::Holds) => Fate::Gone,
            None if after.judged && speaks_only_when_broken(found) => Fate::Gone,
            None => Fate::Unknown,
        };
        let measured = (found.measured, later.and_then(|later| later.measured));
        let only_here = after.judged && later.is_none() && !speaks_only_when_broken(found);
        let said = later.unwrap_or(found);
        breaches.push(Breach {
            only_here,
            // The weight is that of the night that has it.
            severity: found.severity,
            acknowledged: found.ack.is_some(),
            ..breach(fate, said, measured, &before)
        });
    }
    breaches.sort_by_key(|breach| (breach.fate, breach.acknowledged, breach.severity == Severity::Warn));
    breaches
}

fn breach(fate: Fate, found: &Finding, measured: (Option<f64>, Option<f64>), causes: &Found<'_>) -> Breach {
    Breach {
        fate,
        fingerprint: found.fingerprint.clone(),
        class: found.class.clone(),
        subject: found.subject.clone(),
        rule: found.rule,
        severity: found.severity,
        acknowledged: found.ack.is_some(),
        only_here: false,
        sentence: found.sentence.clone(),
        cause: causes.causes.get(found.fingerprint.as_str()).map(|title| (*title).to_owned()),
        before: measured.0,
        after: measured.1,
    }
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
