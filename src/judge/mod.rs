//! Rules and series turned into findings and a verdict. Pure: the same bytes give the same verdict.
//!
//! The order of decision, for each class: dead handles, the held level, its share of the limit, growth. Beside the classes
//! stand rules that are always on (`standing`): that the target lives, can be read, does its work, and ends well.

mod cycle;
mod dead;
mod evidence;
mod floor;
mod growth;
mod history;
mod level;
mod live;
mod memory;
mod segment;
mod sentence;
mod standing;
mod verdict;

use sha2::{Digest, Sha256};

use crate::model::{Assessment, Finding, RuleKind, RunRecord, Severity, Snapshot, Status, Unit};
use crate::series::{Question, Series, restarts, watched};
use crate::threshold::{ClassRule, RuleSet};

pub use evidence::{Doubt, Evidence, Growth, Outcome, Pools, Terms, judge_count, judge_memory};
pub use history::history_line;
pub use live::worst;

/// Judges a night.
pub fn judge(record: &RunRecord, snapshots: &[Snapshot], rules: &RuleSet) -> Assessment {
    let night = Night::of(record, snapshots, rules);
    let mut findings = standing::before_the_classes(&night, rules);
    for class in &night.classes {
        findings.extend(judge_class(&night, class));
    }
    findings.extend(standing::after_the_classes(&night, rules));
    findings.sort_by_key(rank);
    verdict::assess(&night, findings)
}

/// Breaches first, what fails before what warns, then the undecided, then what holds.
fn rank(finding: &Finding) -> u8 {
    match (finding.status, finding.severity) {
        (Status::Breaks, Severity::Fail) => 0,
        (Status::Breaks, Severity::Warn) => 1,
        (Status::Undecided, Severity::Fail | Severity::Warn) => 2,
        (Status::Holds, Severity::Fail | Severity::Warn) => 3,
    }
}

/// A night made ready to be judged.
#[derive(Debug)]
struct Night<'a> {
    record: &'a RunRecord,
    /// The snapshots that are judged, in the order of time.
    watched: Vec<&'a Snapshot>,
    /// When the target's main process ended or was started again, seconds since the soak began.
    restarts: Vec<f64>,
    /// A fixed warm-up, seconds.
    warmup_s: Option<f64>,
    classes: Vec<Class<'a>>,
}

/// A class of the thresholds with what the night told of it.
#[derive(Debug)]
struct Class<'a> {
    rule: &'a ClassRule,
    series: Series,
}

impl<'a> Night<'a> {
    fn of(record: &'a RunRecord, snapshots: &'a [Snapshot], rules: &'a RuleSet) -> Self {
        let watched = watched(snapshots);
        let classes = rules
            .classes
            .iter()
            .map(|rule| Class {
                rule,
                series: Series::read(
                    &Question {
                        class: &rule.name,
                        select: &rule.select,
                        older_than: rule.older_than,
                        memory_limit: record.target.memory_limit,
                    },
                    &watched,
                ),
            })
            .collect();
        let warmup_s = record.plan.warmup_s.filter(|warmup| warmup.is_finite()).map(|warmup| warmup.max(0.0));
        Self { record, watched, restarts: restarts(record), warmup_s, classes }
    }

    /// When the stretch began that reaches to the end.
    fn last_start(&self) -> f64 {
        self.restarts.last().copied().unwrap_or(0.0)
    }
}

fn judge_class(night: &Night<'_>, class: &Class<'_>) -> Vec<Finding> {
    let rule = class.rule;
    let mut findings = Vec::new();
    if let Some(most) = rule.max_dead {
        findings.push(dead::judge(night, class, most));
    }
    if let Some(most) = rule.max {
        findings.push(level::judge_max(night, class, most));
    }
    if let Some(ratio) = rule.max_limit_ratio {
        findings.push(level::judge_share(night, class, ratio));
    }
    if let Some(allowed) = rule.max_growth_per_hour {
        findings.push(judge_growth(night, class, allowed));
    }
    findings
}

fn judge_growth(night: &Night<'_>, class: &Class<'_>, allowed: f64) -> Finding {
    let growth = growth::judge(night, class, allowed);
    let status = match &growth.outcome {
        Outcome::Leaks => Status::Breaks,
        Outcome::Holds => Status::Holds,
        Outcome::Undecided(_) => Status::Undecided,
    };
    let mut finding = finding_of(class, RuleKind::MaxGrowth, status, sentence::growth(&growth, &class.series));
    finding.allowed = Some(growth.allowed);
    finding.measured = growth.estimate.as_ref().map(|estimate| estimate.rate);
    finding.growth = growth.estimate;
    finding
}

/// The subject of every finding on the target as a whole.
const TARGET: &str = "target";

/// A finding on a class.
fn finding_of(class: &Class<'_>, rule: RuleKind, status: Status, sentence: String) -> Finding {
    Finding {
        severity: class.rule.severity,
        required: class.rule.required,
        unit: class.series.unit,
        ..finding(&class.rule.name, TARGET, rule, status, sentence)
    }
}

/// A finding, of severity `fail` and not required, without figures.
fn finding(class: &str, subject: &str, rule: RuleKind, status: Status, sentence: String) -> Finding {
    Finding {
        fingerprint: fingerprint(class, subject, rule),
        class: class.to_owned(),
        subject: subject.to_owned(),
        rule,
        status,
        severity: Severity::Fail,
        required: false,
        sentence,
        unit: Unit::Count,
        allowed: None,
        measured: None,
        growth: None,
        dead: Vec::new(),
    }
}

/// Stays the same from night to night: the first 8 hex digits of SHA-256 over class, subject and rule, with zero bytes
/// between them.
fn fingerprint(class: &str, subject: &str, rule: RuleKind) -> String {
    let digest = Sha256::digest(format!("{class}\0{subject}\0{}", rule.key()));
    digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod dead_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
