//! What the judge says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cause::Cause;
use super::class::Unit;
use super::run::RUN_FORMAT;
use super::snapshot::DeadHandle;

/// The verdict of a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing that fails was found, and what must be judged could be judged.
    Pass,
    /// A rule of severity `fail` is broken, or the target did not live.
    Fail,
    /// What must be judged could not be judged.
    Inconclusive,
}

impl Verdict {
    /// The word shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Inconclusive => "INCONCLUSIVE",
        }
    }
}

/// How much a broken rule weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "severity")]
pub enum Severity {
    /// It is said, and the night may pass.
    Warn,
    /// The night fails.
    Fail,
}

/// How a rule fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The rule is kept.
    Holds,
    /// The rule is broken.
    Breaks,
    /// The night cannot tell.
    Undecided,
}

impl Status {
    /// The one that weighs most: a breach, then what is undecided.
    pub fn worst(statuses: impl IntoIterator<Item = Self>) -> Option<Self> {
        statuses.into_iter().max_by_key(|status| match status {
            Self::Holds => 0,
            Self::Undecided => 1,
            Self::Breaks => 2,
        })
    }
}

/// Which rule a finding speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// `max_dead`
    MaxDead,
    /// `max`
    Max,
    /// `max_limit_ratio`
    MaxLimitRatio,
    /// `max_growth_per_hour`
    MaxGrowth,
    /// `max_vs_baseline`
    MaxVsBaseline,
    /// `settle_to`
    SettleTo,
    /// A pattern of the `log` list: too many lines, or too many an hour, or the same one over and over.
    Log,
    /// The engine calls the target unhealthy.
    Health,
    /// The target, or one of its long-lived processes, was started again.
    Restarts,
    /// The kernel killed for want of memory.
    Oom,
    /// A long-lived process of the target ended by itself and was started again.
    SelfKill,
    /// The target lives to the end of the soak.
    Alive,
    /// A workload counter reaches its `at_least`.
    Workload,
    /// A workload counter comes back to within its `at_most`.
    ComesBack,
    /// A check after the soak.
    After,
    /// Exit in time and port silent after the stop signal.
    Stop,
    /// What must be judged could be read.
    Readable,
    /// An acknowledgement has not expired.
    Ack,
}

impl RuleKind {
    /// The key in the thresholds file, or the name of a rule that is always on.
    pub fn key(self) -> &'static str {
        match self {
            Self::MaxDead => "max_dead",
            Self::Max => "max",
            Self::MaxLimitRatio => "max_limit_ratio",
            Self::MaxGrowth => "max_growth_per_hour",
            Self::MaxVsBaseline => "max_vs_baseline",
            Self::SettleTo => "settle_to",
            Self::Log => "log",
            Self::Health => "health",
            Self::Restarts => "restarts",
            Self::Oom => "oom",
            Self::SelfKill => "self_kill",
            Self::Alive => "alive",
            Self::Workload => "workload",
            Self::ComesBack => "at_most",
            Self::After => "after",
            Self::Stop => "stop",
            Self::Readable => "readable",
            Self::Ack => "ack",
        }
    }

    /// True for the rules that thresholds set on a class, false for those that are always on.
    pub fn is_of_class(self) -> bool {
        match self {
            Self::MaxDead
            | Self::Max
            | Self::MaxLimitRatio
            | Self::MaxGrowth
            | Self::MaxVsBaseline
            | Self::SettleTo => true,
            Self::Log
            | Self::Health
            | Self::Restarts
            | Self::Oom
            | Self::SelfKill
            | Self::Alive
            | Self::Workload
            | Self::ComesBack
            | Self::After
            | Self::Stop
            | Self::Readable
            | Self::Ack => false,
        }
    }
}

/// What the judge says of one rule on one class and subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Stays the same from night to night: the first 8 hex digits of a digest of class, subject and rule.
    pub fingerprint: String,
    /// The class, for example `fd.eventpoll`; the name of a counter, check or rule for those without a class.
    pub class: String,
    /// Of whom: `target` for the sum over the target's processes, the name of a program (`process api`) or a path
    /// (`path /data/app.db`) where a class is judged for each of them, `other programs` or `other paths` for those that are too
    /// many to be judged each, and `programs` or `paths` where many of them are undecided together.
    pub subject: String,
    /// The rule.
    pub rule: RuleKind,
    /// How it fared.
    pub status: Status,
    /// What a breach weighs.
    pub severity: Severity,
    /// True where an undecided rule makes the night inconclusive.
    pub required: bool,
    /// One sentence for people, without the class name, ending in a full stop.
    pub sentence: String,
    /// What the class counts in.
    pub unit: Unit,
    /// What was allowed, in `unit` (per hour for growth); `None` where the rule has no figure.
    pub allowed: Option<f64>,
    /// What was measured, in `unit` (per hour for growth).
    pub measured: Option<f64>,
    /// The estimate of growth, for the rules that made one.
    pub growth: Option<Estimate>,
    /// The dead handles at the end, oldest first, at most 100; `measured` has the count.
    pub dead: Vec<DeadHandle>,
    /// Who carries a breach: the programs and paths with the largest shares, largest first, at most 5 of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carriers: Vec<Carrier>,
    /// The acknowledgement that makes a breach weigh nothing; `None`: there is none, or it has expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack: Option<AckRecord>,
}

/// Who carries what a finding is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Carrier {
    /// What is named: a program or a path.
    pub of: CarrierKind,
    /// The program's name with the gist of its command line, or the path; foreign text, made printable.
    pub name: String,
    /// How much of the finding's figure is its own, in the finding's unit: of a growth its rise, of a level its level, of dead
    /// handles their number.
    pub figure: f64,
    /// The same as a share of the whole, 0 to 1.
    pub share: f64,
}

/// What a [`Carrier`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CarrierKind {
    /// A program: processes of one name.
    Process,
    /// What descriptors refer to.
    Path,
}

/// Why a breach is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AckRecord {
    /// Why, as the thresholds file has it.
    pub reason: String,
    /// The last day on which it counts; `None`: for good.
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub expires: Option<jiff::civil::Date>,
}

/// What the permanent floor says of a class. Rates are per hour in the class's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The held level at the end.
    pub level: f64,
    /// Total rise of the permanent floor after warm-up.
    pub rise: f64,
    /// Steps of the floor: seconds since the soak began and size.
    pub steps: Vec<(f64, f64)>,
    /// Best estimate of the growth.
    pub rate: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
    /// Growth above this is excluded with 95 % confidence; `None`: nothing is excluded.
    pub excluded_above: Option<f64>,
    /// A drip of this rate would have been reported with 90 % probability; `None`: no rate would.
    pub sensitivity: Option<f64>,
    /// End of the warm-up, seconds since the soak began.
    pub warmup_end_s: f64,
    /// The time after warm-up that was judged, seconds.
    pub observed_s: f64,
    /// Hours until the limit at the estimated rate, where there is a limit and a growth.
    pub hours_to_limit: Option<f64>,
    /// The permanent floor: seconds since the soak began and level, only where the level changes, and the last point.
    pub floor: Vec<(f64, f64)>,
    /// A cycle that the night itself shows, seconds: the level came back to the same floor at equal distances. Worth
    /// declaring as `cycle`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_cycle_s: Option<f64>,
}

/// All that the judge says of a night.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// The version of the stored format, as `run.json` has it; 0 in files of older versions, which do not say.
    #[serde(default)]
    #[schemars(range(max = RUN_FORMAT))]
    pub format: u32,
    /// The verdict.
    pub verdict: Verdict,
    /// One sentence: why.
    pub reason: String,
    /// What could not be seen, for a passing night: "a drip above 23/h would have been seen".
    pub sensitivity: Option<String>,
    /// Every rule's fate: breaches first (fail before warn), then undecided, then held; in each the order of the rules.
    pub findings: Vec<Finding>,
    /// What the breaches come from, the surest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
}

impl Assessment {
    /// The broken rules of a severity, those that are acknowledged left out.
    pub fn broken(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |f| f.status == Status::Breaks && f.severity == severity && f.ack.is_none())
    }
}
