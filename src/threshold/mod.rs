//! What is acceptable: a thresholds file, read and resolved.

mod class;
mod figure;
mod known;
mod load;
mod log;
mod schema;
mod select;
mod takes;
mod wire;

use std::time::Duration;

use globset::GlobMatcher;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::{Metric, Severity};

pub use load::{KIND, load, parse};
pub use schema::schema;

/// The rules of a thresholds file.
#[derive(Debug, Clone)]
pub struct RuleSet {
    /// SHA-256 of the file's text, hex; empty for [`RuleSet::empty`].
    pub digest: String,
    /// The file's text, kept beside the report.
    pub text: String,
    /// Class rules in the order of the file.
    pub classes: Vec<ClassRule>,
    /// What a bad end (stop signal ignored, port still serving) weighs.
    pub stop: Severity,
    /// What the engine's events weigh.
    pub events: EventRules,
    /// Rules on the target's log, in the order of the file.
    pub log: Vec<LogRule>,
    /// Breaches that are known and borne.
    pub acks: Vec<Ack>,
    /// Where a class's growth was met before.
    pub precedents: Vec<Precedent>,
}

impl RuleSet {
    /// No rule on any class: only that the target lives, is readable and does its work.
    pub fn empty() -> Self {
        Self {
            digest: String::new(),
            text: String::new(),
            classes: Vec::new(),
            stop: Severity::Warn,
            events: EventRules::default(),
            log: Vec::new(),
            acks: Vec::new(),
            precedents: Vec::new(),
        }
    }
}

/// What is acceptable of one class. Figures are in the class's unit (bytes for `mem.*`).
#[derive(Debug, Clone)]
pub struct ClassRule {
    /// The class's name, as the file has it.
    pub name: String,
    /// What is counted.
    pub select: Selector,
    /// What a breach weighs.
    pub severity: Severity,
    /// True where an undecided rule makes the night inconclusive.
    pub required: bool,
    /// Highest held level.
    pub max: Option<f64>,
    /// Highest held level as a share of the limit (soft RLIMIT_NOFILE for `fd.*`, the memory limit for `mem.*` and
    /// the memory of `cgroup.*`, pids.max for `cgroup.pids`).
    pub max_limit_ratio: Option<f64>,
    /// Most dead handles that appear after the first two looks or a fixed warm-up.
    pub max_dead: Option<u64>,
    /// Largest growth of the permanent floor, per hour.
    pub max_growth_per_hour: Option<f64>,
    /// The drip that a pass must have been able to see, per hour.
    pub must_detect_per_hour: f64,
    /// Highest held level as a multiple of what earlier nights held (their median).
    pub max_vs_baseline: Option<f64>,
    /// What is allowed on top of that multiple, in the class's unit: small levels move by more than
    /// their share.
    pub baseline_slack: f64,
    /// How near the level must come to that before the churn, once the settle phase is over.
    pub settle_to: Option<SettleTo>,
    /// A cycle that is known.
    pub cycle: Option<Duration>,
    /// Whose figures are judged.
    pub per: Per,
    /// Only processes older than this count (`proc.*` classes).
    pub older_than: Option<Duration>,
}

/// How near a level must come to what it was before the churn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SettleTo {
    /// At most so much above it, in the class's unit.
    Above(f64),
    /// At most this share above it, 0.1 for 10 %.
    Share(f64),
}

/// Whose figures a rule is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "per")]
pub enum Per {
    /// The target as a whole: the sum over its processes.
    #[default]
    Target,
    /// Each program by itself: the sum over the processes of one name.
    Process,
    /// Each path by itself: the descriptors on one file, all processes together (classes of descriptors only).
    Path,
}

impl Per {
    /// The name in thresholds files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Process => "process",
            Self::Path => "path",
        }
    }
}

/// What the engine's events weigh; `None`: they are not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRules {
    /// The target was unhealthy at any time.
    pub health: Option<Severity>,
    /// The target was started again.
    pub restarts: Option<Severity>,
    /// The kernel killed for want of memory.
    pub oom: Option<Severity>,
    /// A long-lived process ended by itself and was started again: a watchdog, a supervisor, a worker that recycles itself.
    pub self_kill: Option<Severity>,
}

impl Default for EventRules {
    /// Failures, all of them: what heals itself must not hide what it heals.
    fn default() -> Self {
        let fail = Some(Severity::Fail);
        Self { health: fail, restarts: fail, oom: fail, self_kill: fail }
    }
}

/// What is acceptable in the target's log during the soak and the settle phase.
#[derive(Debug, Clone)]
pub struct LogRule {
    /// The pattern, searched for in each line.
    pub pattern: regex::Regex,
    /// What a breach weighs.
    pub severity: Severity,
    /// True where an undecided rule makes the night inconclusive.
    pub required: bool,
    /// Most lines that match.
    pub max: Option<u64>,
    /// Most lines that match in an hour, on average over the soak.
    pub max_per_hour: Option<f64>,
    /// Most lines an hour that are the same but for their numbers, on average over the soak: an endless retry.
    pub max_repeats_per_hour: Option<f64>,
}

/// A breach that is known and borne for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// The finding's fingerprint.
    pub fingerprint: String,
    /// Why.
    pub reason: String,
    /// The last day on which it counts; `None`: for good.
    pub expires: Option<jiff::civil::Date>,
}

/// Where a class's growth was met before, in the user's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precedent {
    /// The class.
    pub class: String,
    /// What it was.
    pub cause: String,
    /// Where to read on.
    pub see: Option<String>,
}

/// What a class counts.
#[derive(Debug, Clone)]
pub enum Selector {
    /// A built-in metric.
    Metric(Metric),
    /// Descriptors whose link target matches one of these globs.
    Links(Vec<GlobMatcher>),
    /// Processes whose command line matches one of these patterns.
    Cmdline(Vec<regex::Regex>),
}

#[cfg(test)]
mod tests;
