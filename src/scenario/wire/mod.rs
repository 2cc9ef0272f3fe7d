//! The wire form of a scenario: what the file says, word for word. Either/or is a set of optional keys here, and becomes
//! an enum when it is resolved; untagged and internally tagged enums would lose the place of an error.

use schemars::JsonSchema;
use serde::Deserialize;

mod request;
mod service;
mod step;
mod workload;

pub(super) use request::{
    AuthWire, CaptureWire, ExecExpectWire, HttpExpectWire, HttpWire, PartWire, RetryWire, SseWire, TlsWire, WsEndWire,
    WsWire,
};
pub(super) use service::{BindWire, BuildWire, BuilderWire, HealthcheckWire, SecretWire, ServiceWire, UlimitWire};
pub(super) use step::{
    AwaitWire, ExecWire, ForEachWire, IncludeWire, LogWire, MessageWire, NothingWire, ParallelWire, PauseWire,
    PingWire, RepeatWire, RestartWire, SignalWire, StepWire, WaitUntilWire, WhenWire, WhichWire,
};
pub(super) use workload::{ChurnWire, CounterWire, SeriesWire, SessionWire};

use super::schema;
use crate::document::{Either, Ordered, Scalar, form};

/// Steps that scenarios share by `include`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `steps`")]
#[schemars(title = "Flow file of slowdrip")]
pub(super) struct FlowWire {
    /// The steps.
    #[schemars(length(min = 1))]
    pub(super) steps: Vec<StepWire>,
}

/// What to run in a night of slowdrip.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping of keys")]
#[schemars(title = "Scenario of slowdrip")]
pub(super) struct ScenarioWire {
    /// Lower-case letters, digits, `-`, `_` and `.`, at most 64. Names the folder of the reports.
    #[schemars(schema_with = "schema::name")]
    pub(super) name: String,
    /// What is soaked.
    #[schemars(schema_with = "schema::target")]
    pub(super) target: ServiceWire,
    /// Containers beside the target, by name. They do not count.
    #[serde(default)]
    #[schemars(schema_with = "schema::sidecars")]
    pub(super) sidecars: Ordered<ServiceWire>,
    /// When it counts as ready. Without it, as soon as it runs.
    pub(super) ready: Option<ReadyWire>,
    /// Steps that make the user and the data.
    #[serde(default)]
    pub(super) seed: Vec<StepWire>,
    /// How long to watch: 30 minutes by default.
    pub(super) soak: Option<SoakWire>,
    /// What is done again and again during the soak.
    pub(super) churn: Option<ChurnWire>,
    /// Steps taken at the begin of the settle phase: what the load opened is let go.
    #[serde(default)]
    pub(super) settle: Vec<StepWire>,
    /// Steps that check that it still really serves. A failed one is a broken rule.
    #[serde(default)]
    pub(super) after: Vec<StepWire>,
    /// Numbers that prove that the workload ran, by name.
    #[serde(default)]
    pub(super) counters: Ordered<CounterWire>,
    /// Figures that the application tells of itself, by name: recorded beside slowdrip's own.
    #[serde(default)]
    pub(super) series: Ordered<SeriesWire>,
    /// How it is asked to stop.
    pub(super) stop: Option<StopWire>,
    /// Variables for templates: `NAME: value`, `NAME: {from_env: VARIABLE}` or `NAME: {from_file: PATH}`.
    #[serde(default)]
    pub(super) vars: Ordered<Either<SecretWire>>,
    /// The thresholds file, from the folder of the scenario. Without one, no class is judged.
    pub(super) thresholds: Option<String>,
}

/// When the target counts as ready: one check, and a deadline.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `http`, `healthcheck`, `log` or `steps`")]
#[schemars(rename = "ready", transform = schema::ready)]
pub(super) struct ReadyWire {
    /// A path that must answer.
    pub(super) http: Option<ReadyHttpWire>,
    /// `true`: the engine calls the container healthy.
    #[schemars(extend("const" = true))]
    pub(super) healthcheck: Option<bool>,
    /// A regular expression that a log line must match.
    pub(super) log: Option<Scalar>,
    /// Steps that must succeed, all of them in one go.
    #[schemars(length(min = 1))]
    pub(super) steps: Option<Vec<StepWire>>,
    /// The deadline: `2m` by default.
    #[schemars(with = "Option<form::Templated<form::Time>>")]
    pub(super) within: Option<Scalar>,
}

/// A path that must answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `path`, `port` and `status`")]
#[schemars(rename = "ready_http")]
pub(super) struct ReadyHttpWire {
    /// The port: the first published one by default.
    #[schemars(with = "Option<form::Templated<form::Port>>")]
    pub(super) port: Option<Scalar>,
    /// The path: `/` by default.
    pub(super) path: Option<Scalar>,
    /// The status: 200 by default.
    #[schemars(with = "Option<form::Templated<schema::StatusText>>")]
    pub(super) status: Option<Scalar>,
}

/// How long the target is watched.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `duration`")]
#[schemars(rename = "soak")]
pub(super) struct SoakWire {
    /// From the end of seeding, warm-up included: `30m` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(super) duration: Option<Scalar>,
    /// `auto` (the default): the judge finds its end. A duration fixes it.
    #[schemars(with = "Option<schema::Warmup>")]
    pub(super) warmup: Option<Scalar>,
    /// Time between snapshots: `5s` by default, at least `200ms`.
    #[schemars(with = "Option<form::Time>")]
    pub(super) interval: Option<Scalar>,
    /// Rest after the soak, with snapshots: `0s` by default.
    #[schemars(with = "Option<form::TimeOrZero>")]
    pub(super) settle: Option<Scalar>,
}

/// How the target is asked to stop.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `signal` and `within`")]
#[schemars(rename = "stop")]
pub(super) struct StopWire {
    /// The signal: `SIGTERM` by default.
    #[schemars(with = "Option<schema::Signal>")]
    pub(super) signal: Option<Scalar>,
    /// The time it has: `10s` by default.
    #[schemars(with = "Option<form::Templated<form::Time>>")]
    pub(super) within: Option<Scalar>,
}
