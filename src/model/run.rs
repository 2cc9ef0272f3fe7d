//! The record of a night: `run.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::workload::{ChurnRecord, CounterRecord, SeriesRecord, is_zero};

/// The version of the stored format that this build writes.
pub const RUN_FORMAT: u32 = 5;

/// The phases of a night, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Build the image, make networks, start sidecars and the target.
    Start,
    /// Wait until the target is ready.
    Ready,
    /// Seed the user and the data.
    Seed,
    /// Soak, warm-up included, with snapshots.
    Soak,
    /// Let things come to rest, with snapshots.
    Settle,
    /// Check that the target still serves.
    After,
    /// Ask the target to stop.
    Stop,
    /// Judge.
    Judge,
    /// Render the reports.
    Report,
    /// Remove what was made.
    Remove,
}

impl Phase {
    /// The name shown to people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Ready => "ready",
            Self::Seed => "seed",
            Self::Soak => "soak",
            Self::Settle => "settle",
            Self::After => "after",
            Self::Stop => "stop",
            Self::Judge => "judge",
            Self::Report => "report",
            Self::Remove => "remove",
        }
    }
}

/// All that is known of a night beside its snapshots and its verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// The version of the stored format: [`RUN_FORMAT`] of the build that wrote it.
    #[schemars(range(min = 1, max = RUN_FORMAT))]
    pub format: u32,
    /// Version of slowdrip.
    pub slowdrip: String,
    /// The run's id: UTC start time and four random hex digits, `20261122-020000-3fa9`. Also the folder's name.
    pub run: String,
    /// The scenario's name.
    pub scenario: String,
    /// SHA-256 of the scenario file, hex.
    pub scenario_digest: String,
    /// SHA-256 of the thresholds file, hex; empty where there is none.
    pub thresholds_digest: String,
    /// The command line that repeats the night, secrets masked.
    pub command: Vec<String>,
    /// When the run began.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started: jiff::Timestamp,
    /// When the soak began; `None` where it did not come to that.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub soak_started: Option<jiff::Timestamp>,
    /// When the record was written last.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub ended: jiff::Timestamp,
    /// The durations that were asked for.
    pub plan: PlanRecord,
    /// The machine.
    pub host: HostRecord,
    /// The container engine, where one was used.
    pub engine: Option<EngineRecord>,
    /// The application.
    pub target: TargetRecord,
    /// What the users of the run are made from (`--seed`); `None` in nights of earlier formats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How many other nights went on beside it, in the same slowdrip.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub beside: u64,
    /// The night it was held against while both went on; `None` where it was run alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateRecord>,
    /// The phases that were entered, in order.
    pub phases: Vec<PhaseRecord>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// The workload counters.
    pub counters: Vec<CounterRecord>,
    /// Checks after the soak that failed, one text each.
    pub after_failures: Vec<String>,
    /// How the target took the stop signal; `None` where none was sent.
    pub stop: Option<StopRecord>,
    /// What the churn did; `None` where the scenario has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub churn: Option<ChurnRecord>,
    /// Figures that the application tells of itself; their readings are in `figures.jsonl`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<SeriesRecord>,
    /// What became of the target's log; `None` where it could not be followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogRecord>,
    /// What earlier nights held, to measure this one against; `None` where there are none to compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineRecord>,
    /// How the night ended.
    pub ending: Ending,
    /// True where containers were kept on purpose.
    pub kept: bool,
}

/// Which part a night has in a release gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateRecord {
    /// The gate's id, the same in both nights.
    pub gate: String,
    /// Which of the two it is.
    pub role: GateRole,
}

/// The two nights of a release gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateRole {
    /// What is to be released.
    Candidate,
    /// What was released last.
    Baseline,
}

/// The durations that were asked for, seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRecord {
    /// Length of the soak, warm-up included.
    pub duration_s: f64,
    /// Time between snapshots.
    pub interval_s: f64,
    /// Length of the settle phase.
    pub settle_s: f64,
    /// A fixed warm-up; `None`: found by the judge.
    pub warmup_s: Option<f64>,
}

/// The machine on which a night ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostRecord {
    /// Kernel release, `6.18.4`.
    pub kernel: String,
    /// Architecture, `x86_64`.
    pub arch: String,
    /// Processors.
    pub cpus: u64,
    /// Memory, bytes.
    pub memory: u64,
    /// 1 or 2; 0 where no cgroup hierarchy is mounted.
    pub cgroup: u8,
}

impl HostRecord {
    /// What kind of machine it is, for comparing nights: "x86_64, 2 CPUs, 24 GiB". Kernels are not part of it: a runner's change
    /// from week to week.
    pub fn kind(&self) -> String {
        let gib = (self.memory as f64 / f64::from(1 << 30)).round();
        format!("{}, {} CPUs, {gib} GiB", self.arch, self.cpus)
    }
}

/// The engine that ran the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineRecord {
    /// Version of the engine.
    pub version: String,
    /// API version in use.
    pub api: String,
}

/// The application of a night.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetRecord {
    /// `build`, `image`, `container`, `command` or `pid`.
    pub kind: String,
    /// What the scenario names: an image, a context, a container, a command or a pid.
    pub name: String,
    /// The image's digest or id, where there is one.
    pub image: Option<String>,
    /// Build arguments and labels of the image that name a version.
    pub labels: BTreeMap<String, String>,
    /// The container's id.
    pub container: Option<String>,
    /// Memory limit, bytes, where one is set.
    pub memory_limit: Option<u64>,
    /// How the probe reads: the name of a [`ProbeMode`].
    pub probe: String,
    /// Why it reads so, and not in a better way. Empty in nights of format 1.
    #[serde(default)]
    pub probe_reason: String,
}

/// How the processes of the target are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeMode {
    /// From this machine's /proc, as root or with capabilities.
    Host,
    /// By a container of this very program in the target's namespaces: needs nothing but the engine.
    Helper,
    /// By commands in the target: counts where another user's descriptors cannot be read.
    Exec,
}

impl ProbeMode {
    /// Every mode, the best first.
    pub const ALL: &'static [Self] = &[Self::Host, Self::Helper, Self::Exec];

    /// The name used in flags and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Helper => "helper",
            Self::Exec => "exec",
        }
    }
}

/// A phase that was entered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhaseRecord {
    /// Which.
    pub phase: Phase,
    /// Seconds since the run began.
    pub from_s: f64,
    /// Seconds since the run began; `None` where it was not left in order.
    pub to_s: Option<f64>,
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A health check changed its mind.
    Health,
    /// The target's main process ended and was started again.
    Restart,
    /// The target's main process ended.
    Died,
    /// The engine reported an out-of-memory kill.
    Oom,
    /// A snapshot came late or not at all.
    Gap,
    /// An iteration of the churn began; the text is the churn's name.
    Churn,
    /// Something that the scenario did to the target on purpose: a restart, a pause, a signal, a named snapshot.
    Asked,
    /// Anything else worth a line.
    Note,
}

/// Something that happened during a night.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Milliseconds since the soak began, negative before it; since the run began where there was no soak.
    pub at_ms: i64,
    /// What kind.
    pub kind: EventKind,
    /// One line for people.
    pub text: String,
}

/// What became of the target's log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogRecord {
    /// Lines since the soak began.
    pub lines: u64,
    /// Of those, lines that were not kept: there were too many.
    pub dropped: u64,
    /// Why following it ended early.
    pub problem: Option<String>,
}

/// A line of the target's log, as it is kept: one line of `log.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptLine {
    /// Milliseconds since the soak began, by the engine's clock; negative before it.
    pub at_ms: i64,
    /// The text, secrets masked, cut to [`KeptLine::MAX_CHARS`].
    pub text: String,
}

impl KeptLine {
    /// How much of a line is kept, characters.
    pub const MAX_CHARS: usize = 500;
}

/// What earlier passing nights of the same scenario on the same kind of machine held.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaselineRecord {
    /// The nights' ids, the latest first.
    pub nights: Vec<String>,
    /// The median of their held levels by class, in the class's unit.
    pub levels: BTreeMap<String, f64>,
}

/// What the main process did after the stop signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TermResponse {
    /// It ended in time.
    Exited,
    /// It was still there at the deadline and did nothing about it: had to be killed.
    Ignored,
}

/// What a published port did after the stop signal, read at the moment of exit or at the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PortEnd {
    /// Nobody answers any more.
    Silent,
    /// It still accepts connections and answers.
    StillServing,
    /// The scenario publishes no port.
    NoPort,
}

/// How the target took the stop signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopRecord {
    /// The signal, `SIGTERM`.
    pub signal: String,
    /// The time it was given, seconds.
    pub within_s: f64,
    /// How long it took, seconds; the time given where it was ignored.
    pub took_s: f64,
    /// What the process did.
    pub response: TermResponse,
    /// What the port did.
    pub port: PortEnd,
    /// The exit code, where it ended by itself.
    pub exit_code: Option<i64>,
}

/// How a night ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// All phases ran.
    Completed,
    /// The run is going on, or it ended without being able to say how (a crash, a kill).
    Unfinished,
    /// A signal ended it.
    Interrupted {
        /// The signal's number.
        signal: i32,
    },
    /// The image could not be built or the target not be started.
    NotStarted {
        /// Why.
        message: String,
    },
    /// The target did not become ready in time.
    NeverReady {
        /// Why.
        message: String,
    },
    /// A seed step failed.
    SeedFailed {
        /// Why.
        message: String,
    },
    /// The target ended during the soak.
    Died {
        /// How, with the exit code where it is known.
        message: String,
    },
    /// What must be judged could not be read.
    Unreadable {
        /// What, and what to do about it.
        message: String,
    },
    /// A file of the night could not be written.
    NotWritten {
        /// Which, and why.
        message: String,
    },
}

impl Ending {
    /// The message of a night of a release gate that was not started because the other one had ended.
    pub const LEFT_ALONE: &str =
        "the soak was not begun: the other night of the gate had ended before, as its own report says";
}
