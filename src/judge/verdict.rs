//! From findings to the verdict of a night and its reason.

use std::collections::BTreeSet;

use super::standing::soaked_s;
use super::{Night, reason, sentence};
use crate::model::text::count;
use crate::model::{Assessment, Cause, Ending, Finding, RUN_FORMAT, RuleKind, Severity, Status, Unit, Verdict};

/// How many findings a reason names.
const NAMED: usize = 3;

/// The verdict: fail where a rule of severity `fail` breaks; else inconclusive where the night is no whole night or a
/// required rule is undecided; else pass.
pub(super) fn assess(night: &Night<'_>, findings: Vec<Finding>, causes: Vec<Cause>) -> Assessment {
    let (verdict, reason) = decide(night, &findings, &causes);
    let sensitivity = match verdict {
        Verdict::Pass => sensitivity(&findings),
        Verdict::Fail | Verdict::Inconclusive => None,
    };
    Assessment { format: RUN_FORMAT, verdict, reason, sensitivity, findings, causes }
}

fn decide(night: &Night<'_>, findings: &[Finding], causes: &[Cause]) -> (Verdict, String) {
    let broken: Vec<&Finding> = failing(findings).collect();
    let ending = &night.record.ending;
    let whole = *ending == Ending::Completed;
    if !broken.is_empty() {
        let mut reason = reason::why(&broken, causes).unwrap_or_else(|| {
            let rules = if broken.len() == 1 { "rule is" } else { "rules are" };
            format!("{} {rules} broken: {}", broken.len(), listed(&broken))
        });
        if !whole && !matches!(ending, Ending::Died { .. }) {
            reason = format!("{reason}; {}", sentence::clause(&sentence::cut_short(ending, soaked_s(night))));
        }
        return (Verdict::Fail, reason + &acknowledged(findings));
    }
    if !whole {
        return (Verdict::Inconclusive, sentence::cut_short(ending, soaked_s(night)));
    }
    if night.watched.is_empty() {
        return (Verdict::Inconclusive, "No snapshot was taken".to_owned());
    }
    let open: Vec<&Finding> =
        findings.iter().filter(|found| found.status == Status::Undecided && found.required).collect();
    let idle: Vec<&Finding> = open.iter().copied().filter(|found| found.rule == RuleKind::Workload).collect();
    if !idle.is_empty() {
        return (Verdict::Inconclusive, format!("The workload did not run: {}", listed(&idle)));
    }
    if !open.is_empty() {
        return (Verdict::Inconclusive, format!("What must be judged is undecided: {}", listed(&open)));
    }
    (Verdict::Pass, passed(findings))
}

fn failing(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    weighing(findings, Severity::Fail)
}

/// The breaches of a severity that nobody acknowledged.
fn weighing(findings: &[Finding], severity: Severity) -> impl Iterator<Item = &Finding> {
    let weighs =
        move |found: &&Finding| found.status == Status::Breaks && found.severity == severity && found.ack.is_none();
    findings.iter().filter(weighs)
}

/// "; 1 known breach is acknowledged"
fn acknowledged(findings: &[Finding]) -> String {
    match findings.iter().filter(|found| found.ack.is_some()).count() {
        0 => String::new(),
        1 => "; 1 known breach is acknowledged".to_owned(),
        n => format!("; {n} known breaches are acknowledged"),
    }
}

/// The first findings as clauses, and how many more there are.
pub(super) fn listed(findings: &[&Finding]) -> String {
    let mut parts: Vec<String> = findings.iter().take(NAMED).map(|found| clause(found)).collect();
    if findings.len() > NAMED {
        parts.push(format!("and {} more", findings.len() - NAMED));
    }
    parts.join("; ")
}

/// A finding as part of a sentence, its class before it where the sentence is on a class.
fn clause(found: &Finding) -> String {
    let clause = sentence::clause(&found.sentence);
    match found.rule {
        RuleKind::MaxDead
        | RuleKind::Max
        | RuleKind::MaxLimitRatio
        | RuleKind::MaxGrowth
        | RuleKind::MaxVsBaseline
        | RuleKind::SettleTo
        | RuleKind::Workload
        | RuleKind::ComesBack => {
            format!("{} {clause}", sentence::foreign(&found.class))
        }
        // A sentence that begins with the signal's name has a subject of its own.
        RuleKind::Stop if clause.starts_with(char::is_lowercase) => format!("the target {clause}"),
        RuleKind::Stop
        | RuleKind::Alive
        | RuleKind::After
        | RuleKind::Readable
        | RuleKind::Log
        | RuleKind::Health
        | RuleKind::Restarts
        | RuleKind::Oom
        | RuleKind::SelfKill
        | RuleKind::Ack => clause,
    }
}

/// The class rules of a status, and the classes they are of, in the order of the findings, each once.
fn classes(findings: &[Finding], wanted: impl Fn(&Finding) -> bool) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for found in findings.iter().filter(|found| found.rule.is_of_class() && wanted(found)) {
        if !names.contains(&found.class.as_str()) {
            names.push(&found.class);
        }
    }
    names
}

fn passed(findings: &[Finding]) -> String {
    let judged = classes(findings, |_| true).len() as u64;
    // What is known to drip and borne did not pass: the other classes did.
    let growth = |found: &Finding| found.rule == RuleKind::MaxGrowth;
    let growing = classes(findings, |found| growth(found) && found.ack.is_none());
    let undecided = classes(findings, |found| found.status == Status::Undecided);
    let held = classes(findings, |found| growth(found) && found.status == Status::Holds).len();
    let mut reason = if judged == 0 {
        "The target lived; no class is judged".to_owned()
    } else if !findings.iter().any(growth) {
        format!("No rule is broken in {}; only levels and dead handles were judged", classes_of(judged))
    } else if growing.is_empty() {
        "What drips is known".to_owned()
    } else if held == growing.len() {
        format!("Nothing dripped in {}", classes_of(held as u64))
    } else {
        format!("Nothing is known to drip in {}", classes_of(growing.len() as u64))
    };
    if !undecided.is_empty() {
        reason = format!("{reason}; undecided: {}", names(&undecided));
    }
    let patterns: BTreeSet<&str> = findings
        .iter()
        .filter(|found| found.rule == RuleKind::Log && found.status == Status::Undecided)
        .map(|found| found.class.as_str())
        .collect();
    if !patterns.is_empty() {
        let patterns: Vec<&str> = patterns.into_iter().collect();
        reason = format!("{reason}; undecided in the log: {}", names(&patterns));
    }
    let warned: Vec<&Finding> = weighing(findings, Severity::Warn).collect();
    if !warned.is_empty() {
        reason = format!("{reason}; {}: {}", count(warned.len() as u64, "warning"), listed(&warned));
    }
    reason + &acknowledged(findings)
}

fn classes_of(n: u64) -> String {
    if n == 1 { "1 class".to_owned() } else { format!("{n} classes") }
}

fn names(classes: &[&str]) -> String {
    let mut shown: Vec<String> = classes.iter().take(NAMED).map(|class| sentence::foreign(class)).collect();
    if classes.len() > NAMED {
        shown.push(format!("and {} more", classes.len() - NAMED));
    }
    shown.join(", ")
}

/// What a passing night could have seen: the worst of its classes whose growth was judged.
fn sensitivity(findings: &[Finding]) -> Option<String> {
    let growth: Vec<&Finding> = findings.iter().filter(|found| found.rule == RuleKind::MaxGrowth).collect();
    if growth.is_empty() {
        return None;
    }
    let held = || growth.iter().filter(|found| found.status == Status::Holds);
    let worst = |unit: Unit| {
        held()
            .filter(|found| found.unit == unit)
            .filter_map(|found| found.growth.as_ref()?.sensitivity)
            .max_by(f64::total_cmp)
            .map(|rate| sentence::seen_above(rate, unit))
    };
    let blind = classes(findings, |found| {
        found.rule == RuleKind::MaxGrowth
            && (found.status == Status::Undecided
                || found.status == Status::Holds && found.growth.as_ref().is_none_or(|it| it.sensitivity.is_none()))
    });
    let mut parts: Vec<String> = [worst(Unit::Count), worst(Unit::Bytes)].into_iter().flatten().collect();
    if let [drip, memory] = parts.as_slice() {
        let drip = drip.strip_suffix(" would have been seen").unwrap_or(drip);
        parts = vec![format!("{drip}, or memory {memory}")];
    }
    if !blind.is_empty() {
        parts.push(format!("no drip is excluded in {}", names(&blind)));
    }
    if parts.is_empty() { None } else { Some(parts.join("; ")) }
}
