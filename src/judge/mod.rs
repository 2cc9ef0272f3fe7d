//! Rules and series turned into findings and a verdict. Pure: the same bytes give the same verdict.
//!
//! The order of decision, for each class and each of its subjects: dead handles, the held level, its share of the limit, the
//! level against earlier nights and against the time before the churn, growth. Beside the classes stand rules that are always
//! on (`standing`, `events`, `log`): that the target lives, can be read, does its work, stays healthy, and ends well. What
//! breaks is then acknowledged (`ack`) and joined under what it comes from (`cause`).

mod ack;
mod baseline;
mod cause;
mod cycle;
mod dead;
mod events;
mod evidence;
mod floor;
mod growth;
mod history;
mod level;
mod live;
mod log;
pub mod lore;
mod memory;
mod reason;
mod segment;
mod sentence;
mod settle;
mod standing;
mod subjects;
mod trust;
mod verdict;

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use crate::model::{
    Assessment, Finding, KeptLine, ProcId, Recorded, RuleKind, RunRecord, Severity, Snapshot, Status, Unit,
};
use crate::series::{Series, Subject, restarts, watched};
use crate::threshold::{ClassRule, RuleSet};

pub use cause::{Joint, joints};
pub use evidence::{Doubt, Evidence, Growth, Outcome, Pools, Terms, judge_count, judge_memory, judge_turnover};
pub use history::history_line;
pub use live::worst;

/// Judges a night.
pub fn judge(recorded: Recorded<'_>, rules: &RuleSet) -> Assessment {
    let night = Night::of(recorded, rules);
    let mut findings = standing::before_the_classes(&night, rules);
    findings.extend(trust::of_night(&night, rules));
    let of_classes = night.classes.iter().flat_map(|class| judge_class(&night, class)).collect();
    findings.extend(subjects::fold(&night.classes, of_classes));
    findings.extend(log::judge(&night, rules));
    findings.extend(standing::after_the_classes(&night, rules));
    let expired = ack::apply(&mut findings, rules, record_day(&night));
    findings.extend(expired);
    findings.sort_by_key(rank);
    let causes = cause::of(&night, &findings, rules);
    verdict::assess(&night, findings, causes)
}

/// The day of the night, by which acknowledgements expire: a stored night is judged as on its own day.
fn record_day(night: &Night<'_>) -> jiff::civil::Date {
    night.record.started.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Breaches first, what fails before what warns and that before what is acknowledged, then the undecided, then what holds.
fn rank(finding: &Finding) -> u8 {
    match (finding.status, finding.severity) {
        (Status::Breaks, Severity::Fail | Severity::Warn) if finding.ack.is_some() => 2,
        (Status::Breaks, Severity::Fail) => 0,
        (Status::Breaks, Severity::Warn) => 1,
        (Status::Undecided, Severity::Fail | Severity::Warn) => 3,
        (Status::Holds, Severity::Fail | Severity::Warn) => 4,
    }
}

/// A night made ready to be judged.
#[derive(Debug)]
struct Night<'a> {
    record: &'a RunRecord,
    /// The target's log.
    log: &'a [KeptLine],
    /// The snapshots that are judged, in the order of time.
    watched: Vec<&'a Snapshot>,
    /// When the target's main process ended or was started again, seconds since the soak began.
    restarts: Vec<f64>,
    /// A fixed warm-up, seconds.
    warmup_s: Option<f64>,
    /// Where the clock of the snapshots went back.
    went_back: Option<trust::WentBack>,
    /// Lines of the samples that could not be read.
    unread_lines: u64,
    classes: Vec<Class<'a>>,
}

/// A class of the thresholds with what the night told of it.
#[derive(Debug)]
struct Class<'a> {
    rule: &'a ClassRule,
    /// Whose figures the series has, see [`Finding::subject`].
    subject: String,
    /// The same, where it is not the target as a whole.
    of: Option<Subject>,
    /// The processes of a program.
    members: HashSet<ProcId>,
    /// Which of the rules are judged of it.
    judged: subjects::Judged,
    series: Series,
}

impl<'a> Class<'a> {
    /// The class of the target as a whole.
    fn whole(rule: &'a ClassRule, series: Series) -> Self {
        let (of, members, judged) = (None, HashSet::new(), subjects::Judged::All);
        Self { rule, subject: TARGET.to_owned(), of, members, judged, series }
    }
}

impl<'a> Night<'a> {
    fn of(recorded: Recorded<'a>, rules: &'a RuleSet) -> Self {
        let Recorded { record, snapshots, log, unread_lines } = recorded;
        let watched = watched(snapshots);
        let classes = subjects::classes(record, rules, &watched);
        let warmup_s = record.plan.warmup_s.filter(|warmup| warmup.is_finite()).map(|warmup| warmup.max(0.0));
        let went_back = trust::WentBack::of(snapshots);
        Self { record, log, watched, restarts: restarts(record), warmup_s, went_back, unread_lines, classes }
    }

    /// When the stretch began that reaches to the end.
    fn last_start(&self) -> f64 {
        self.restarts.last().copied().unwrap_or(0.0)
    }
}

fn judge_class(night: &Night<'_>, class: &Class<'_>) -> Vec<Finding> {
    let rule = class.rule;
    let mut findings = Vec::new();
    if let Some(most) = rule.max_dead.filter(|_| class.judged.covers(RuleKind::MaxDead)) {
        findings.push(dead::judge(night, class, most));
    }
    if class.judged.covers(RuleKind::Max) {
        findings.extend(rule.max.map(|most| level::judge_max(night, class, most)));
        findings.extend(rule.max_limit_ratio.map(|ratio| level::judge_share(night, class, ratio)));
        findings.extend(rule.max_vs_baseline.map(|times| baseline::judge(night, class, times)));
        findings.extend(rule.settle_to.map(|near| settle::judge(night, class, near)));
        findings.extend(rule.max_growth_per_hour.map(|allowed| judge_growth(night, class, allowed)));
    }
    for finding in &mut findings {
        trust::doubt(night, class, finding);
        if finding.status == Status::Breaks {
            finding.carriers = subjects::carriers(night, class, finding);
        }
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

/// A finding on a class and its subject.
fn finding_of(class: &Class<'_>, rule: RuleKind, status: Status, sentence: String) -> Finding {
    Finding {
        severity: class.rule.severity,
        required: class.rule.required,
        unit: class.series.unit,
        ..finding(&class.rule.name, &class.subject, rule, status, sentence)
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
        carriers: Vec::new(),
        ack: None,
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
mod level_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod subject_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trust_tests;
