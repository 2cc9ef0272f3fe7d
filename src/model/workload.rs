//! What was done to the target during a night, and what it told of itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Snapshot;
use super::run::{Phase, RunRecord};

/// A number that proves that the workload ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CounterRecord {
    /// Its name in the scenario.
    pub name: String,
    /// The figure after seeding; `None` where it could not be read.
    pub start: Option<f64>,
    /// The figure at the end of the soak; `None` where it could not be read.
    pub end: Option<f64>,
    /// How much it must grow.
    pub at_least: f64,
    /// How much higher it may be at the end of the settle phase than it was after seeding; `None`: it need not come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// The figure at the end of the settle phase; `None` where it was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<f64>,
    /// Why a figure is missing.
    pub problem: Option<String>,
}

/// What the churn did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChurnRecord {
    /// Iterations that were begun.
    pub begun: u64,
    /// Iterations that failed.
    pub failed: u64,
    /// The first failure, one line.
    pub first_failure: Option<String>,
    /// The share of iterations that may fail, 0 to 1.
    #[serde(default)]
    pub max_failed: f64,
    /// How many users took them; 0 in nights of earlier formats.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub users: u64,
    /// What the steps did that speak to the target, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepRecord>,
}

/// What one step of the churn did, all iterations and users together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepRecord {
    /// As it is written: `post /research`.
    pub name: String,
    /// Where it stands: `scenario.yaml:41`.
    pub place: String,
    /// How often it was taken to its end.
    pub count: u64,
    /// Of those, how often it failed.
    pub failed: u64,
    /// How long it took where it succeeded, milliseconds: the median. To three significant digits, as the others.
    pub p50_ms: f64,
    /// 90 % took no longer.
    pub p90_ms: f64,
    /// 99 % took no longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl StepRecord {
    /// True where it succeeded at all, so that its times are known.
    pub fn tells_time(&self) -> bool {
        self.count > self.failed && self.p50_ms > 0.0
    }
}

impl RunRecord {
    /// By how much each counter grew (`None`: it could not be read), and how many iterations of the churn succeeded, by name.
    pub fn work_done(&self) -> Vec<(String, Option<f64>)> {
        let of = |counter: &CounterRecord| counter.start.zip(counter.end).map(|(start, end)| end - start);
        let mut done: Vec<(String, Option<f64>)> =
            self.counters.iter().map(|counter| (counter.name.clone(), of(counter))).collect();
        #[expect(clippy::cast_precision_loss, reason = "a night has far fewer iterations than 2^52")]
        let iterations = |churn: &ChurnRecord| churn.begun.saturating_sub(churn.failed) as f64;
        done.extend(self.churn.as_ref().map(|churn| ("churn iterations".to_owned(), Some(iterations(churn)))));
        done
    }

    /// The steps of the churn in their order; the second of one name bears ` (2)`.
    pub fn steps(&self) -> Vec<(String, &StepRecord)> {
        let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
        let steps = self.churn.iter().flat_map(|churn| &churn.steps);
        steps
            .map(|step| {
                let nth = seen.entry(step.name.as_str()).or_default();
                *nth += 1;
                let name = if *nth > 1 { format!("{} ({nth})", step.name) } else { step.name.clone() };
                (name, step)
            })
            .collect()
    }
}

/// A figure that the application tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesRecord {
    /// Its name in the scenario.
    pub name: String,
    /// The class of ours that counts the same.
    pub compare: Option<String>,
    /// Readings that failed.
    pub failed: u64,
    /// The first failure, one line.
    pub first_failure: Option<String>,
}

/// A reading of a figure that the application tells of itself: one line of `figures.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptFigure {
    /// Milliseconds since the soak began.
    pub at_ms: u64,
    /// Its name in the scenario.
    pub name: String,
    /// The figure; `None`: it could not be read.
    pub value: Option<f64>,
}

/// A snapshot that a step asked for: one line of `probes.jsonl`. It is shown, and not judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedSnapshot {
    /// Its name.
    pub name: String,
    /// Milliseconds since the soak began, negative before it.
    pub at_ms: i64,
    /// The phase it was taken in.
    pub phase: Phase,
    /// What was seen. Its own `at_ms` and number mean nothing.
    pub snapshot: Snapshot,
}

/// Whether a number need not be written.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
pub(super) fn is_zero(number: &u64) -> bool {
    *number == 0
}
