//! What is acceptable: a thresholds file, read and resolved.

mod load;
mod select;
mod wire;

use std::time::Duration;

use globset::GlobMatcher;

use crate::model::{Metric, Severity};

pub use load::{load, parse};

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
}

impl RuleSet {
    /// No rule on any class: only that the target lives, is readable and does its work.
    pub fn empty() -> Self {
        Self { digest: String::new(), text: String::new(), classes: Vec::new(), stop: Severity::Warn }
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
    /// Highest held level as a share of the limit (soft RLIMIT_NOFILE for `fd.*`, the memory limit for `mem.*`).
    pub max_limit_ratio: Option<f64>,
    /// Most dead handles that appear after the first two looks or a fixed warm-up.
    pub max_dead: Option<u64>,
    /// Largest growth of the permanent floor, per hour.
    pub max_growth_per_hour: Option<f64>,
    /// The drip that a pass must have been able to see, per hour.
    pub must_detect_per_hour: f64,
    /// A cycle that is known.
    pub cycle: Option<Duration>,
    /// Only processes older than this count (`proc.*` classes).
    pub older_than: Option<Duration>,
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
