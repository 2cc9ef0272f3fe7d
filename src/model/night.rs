//! A night as it is stored, and the line that it leaves in the history.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::class::Unit;
use super::finding::{Assessment, Status, Verdict};
use super::run::{KeptLine, RunRecord};
use super::snapshot::Snapshot;
use super::workload::{KeptFigure, NamedSnapshot};

/// A night, loaded from its folder.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredNight {
    /// `run.json`
    pub record: RunRecord,
    /// `samples.jsonl`
    pub snapshots: Vec<Snapshot>,
    /// `findings.json`; `None` where the night was not judged.
    pub assessment: Option<Assessment>,
    /// `thresholds.yaml`: the text of the thresholds it was judged by; empty where there were none.
    pub thresholds: String,
    /// The lines of `samples.jsonl` that could not be read (a cut-off last line counts).
    pub unread_lines: u64,
    /// Files below `evidence/`, relative to the run's folder, sorted.
    pub evidence: Vec<String>,
    /// `log.jsonl`: the target's log during the soak and the settle phase, in the order of its times; empty where there is none.
    pub log: Vec<KeptLine>,
    /// `figures.jsonl`: what the application told of itself, in the order of its times; empty where it was not asked.
    pub figures: Vec<KeptFigure>,
    /// `probes.jsonl`: the snapshots that steps asked for, in their order.
    pub probes: Vec<NamedSnapshot>,
}

impl StoredNight {
    /// What the judge goes by.
    pub fn recorded(&self) -> Recorded<'_> {
        Recorded { record: &self.record, snapshots: &self.snapshots, log: &self.log, unread_lines: self.unread_lines }
    }
}

/// What was recorded of a night: all that its verdict rests on.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// `run.json`
    pub record: &'a RunRecord,
    /// `samples.jsonl`
    pub snapshots: &'a [Snapshot],
    /// `log.jsonl`
    pub log: &'a [KeptLine],
    /// The lines of `samples.jsonl` that could not be read.
    pub unread_lines: u64,
}

/// One line of `history.jsonl`: what is kept of a night for good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryLine {
    /// The version of the stored format: [`super::RUN_FORMAT`] of the build that wrote it.
    #[schemars(range(min = 1, max = super::RUN_FORMAT))]
    pub format: u32,
    /// The run's id.
    pub run: String,
    /// The scenario's name.
    pub scenario: String,
    /// When the run began.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started: jiff::Timestamp,
    /// Length of the soak that was reached, seconds.
    pub soaked_s: f64,
    /// Snapshots taken.
    pub snapshots: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// Its reason.
    pub reason: String,
    /// The image's digest or id.
    pub image: Option<String>,
    /// Build arguments and labels of the image that name a version.
    pub labels: BTreeMap<String, String>,
    /// Kernel release.
    pub kernel: String,
    /// The kind of machine, see [`super::HostRecord::kind`]. Empty in lines of older versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub machine: String,
    /// The engine's version. Empty without an engine, and in lines of older versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub engine: String,
    /// SHA-256 of the scenario.
    pub scenario_digest: String,
    /// SHA-256 of the thresholds; empty where there were none, and in lines of older versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub thresholds_digest: String,
    /// Per class, what was measured; the classes of the thresholds and the main built-in ones.
    pub classes: BTreeMap<String, HistoryClass>,
    /// Fingerprints of the rules that break.
    pub broken: Vec<String>,
    /// Those of them that are acknowledged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acknowledged: Vec<String>,
    /// What the breaches come from, the surest first: the titles of the causes. Empty in lines of older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What work was done, and how long it took. Empty in lines of older versions.
    #[serde(default, skip_serializing_if = "HistoryWork::is_empty")]
    pub work: HistoryWork,
}

/// What is kept of a night's workload.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryWork {
    /// By how much each counter grew, and how many iterations of the churn succeeded, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, f64>,
    /// The median of what each step of the churn took, milliseconds, by the step as it is written; the second of one name
    /// bears ` (2)`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub steps_ms: BTreeMap<String, f64>,
}

impl HistoryWork {
    /// What a record tells.
    pub fn of(record: &RunRecord) -> Self {
        let finite = |(name, value): (String, Option<f64>)| value.filter(|it| it.is_finite()).map(|it| (name, it));
        let steps = record.steps().into_iter().filter(|(_, step)| step.tells_time());
        Self {
            counters: record.work_done().into_iter().filter_map(finite).collect(),
            steps_ms: steps.map(|(name, step)| (name, step.p50_ms)).collect(),
        }
    }

    /// True where nothing is known.
    pub fn is_empty(&self) -> bool {
        self.counters.is_empty() && self.steps_ms.is_empty()
    }
}

impl HistoryLine {
    /// True where its figures may be held against those of a night: the same scenario, word for word, on the same kind of
    /// machine. Lines of older versions do not name the machine.
    pub fn is_like(&self, record: &RunRecord) -> bool {
        let machine = self.machine.is_empty() || self.machine == record.host.kind();
        self.scenario_digest == record.scenario_digest && machine
    }

    /// The night to hold another one against: of the lines before it, oldest first, the last that is like it and was watched;
    /// else the last of all.
    pub fn reference<'a>(earlier: &'a [Self], record: &RunRecord) -> Option<&'a Self> {
        let like = |line: &&Self| line.is_like(record) && line.snapshots > 0;
        earlier.iter().rev().find(like).or_else(|| earlier.last())
    }
}

/// What is kept of a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryClass {
    /// What it counts in.
    pub unit: Unit,
    /// The held level at the end: the lowest value of the last sixth of the soak. `None`: no samples.
    pub level: Option<f64>,
    /// Growth per hour, where it was estimated.
    pub rate: Option<f64>,
    /// The smallest growth per hour that the night would have reported, where its growth was judged and there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<f64>,
    /// Dead handles at the end.
    pub dead: u64,
    /// How its rules fared, the worst of them; `None`: no rule names it.
    pub status: Option<Status>,
}
