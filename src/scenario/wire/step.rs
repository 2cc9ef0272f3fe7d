//! Steps, as the file says them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{CaptureWire, ExecExpectWire, HttpWire, SseWire, WsWire};
use crate::document::{Choice, Either, Ordered, Scalar, form};
use crate::scenario::schema;

/// A step does one thing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a step such as `get: {path: /}`")]
#[schemars(rename = "step", extend("minProperties" = 1, "maxProperties" = 1))]
pub(in crate::scenario) struct StepWire {
    /// A GET request.
    #[schemars(with = "Option<schema::Get>")]
    pub(in crate::scenario) get: Option<HttpWire>,
    /// A POST request.
    pub(in crate::scenario) post: Option<HttpWire>,
    /// A PUT request.
    pub(in crate::scenario) put: Option<HttpWire>,
    /// A PATCH request.
    pub(in crate::scenario) patch: Option<HttpWire>,
    /// A DELETE request.
    pub(in crate::scenario) delete: Option<HttpWire>,
    /// A WebSocket: connected, used by its own steps, ended.
    pub(in crate::scenario) ws: Option<WsWire>,
    /// A message to the WebSocket that is open.
    pub(in crate::scenario) send: Option<MessageWire>,
    /// A message from the WebSocket that is open.
    #[schemars(with = "Option<schema::Bare<AwaitWire>>")]
    pub(in crate::scenario) r#await: Option<AwaitWire>,
    /// A ping to the WebSocket that is open, and its pong.
    #[schemars(with = "Option<schema::Bare<PingWire>>")]
    pub(in crate::scenario) ping: Option<PingWire>,
    /// Server-sent events: opened, read, dropped.
    pub(in crate::scenario) sse: Option<SseWire>,
    /// A command in the target or in a sidecar.
    pub(in crate::scenario) exec: Option<ExecWire>,
    /// A signal to processes of the target.
    pub(in crate::scenario) signal: Option<SignalWire>,
    /// The container, or processes of it, ended and there again.
    #[schemars(with = "Option<schema::Bare<RestartWire>>")]
    pub(in crate::scenario) restart: Option<RestartWire>,
    /// The target stands still.
    #[schemars(with = "Option<schema::Bare<PauseWire>>")]
    pub(in crate::scenario) pause: Option<PauseWire>,
    /// The target goes on.
    #[schemars(with = "Option<schema::Bare<NothingWire>>")]
    pub(in crate::scenario) unpause: Option<NothingWire>,
    /// Nothing, for so long.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) sleep: Option<Scalar>,
    /// A line of the target's log, awaited.
    pub(in crate::scenario) log: Option<LogWire>,
    /// A request or command again and again, until its expectations hold.
    pub(in crate::scenario) wait_until: Option<WaitUntilWire>,
    /// Steps several times over.
    pub(in crate::scenario) repeat: Option<RepeatWire>,
    /// Steps for each of several values.
    pub(in crate::scenario) for_each: Option<ForEachWire>,
    /// Steps by several users at once.
    pub(in crate::scenario) parallel: Option<ParallelWire>,
    /// Steps under a condition.
    pub(in crate::scenario) when: Option<WhenWire>,
    /// Steps of a flow file, from the folder of this file.
    #[schemars(with = "Option<form::Or<form::Word, IncludeWire>>")]
    pub(in crate::scenario) include: Option<Either<IncludeWire>>,
    /// A snapshot now, under this name.
    #[schemars(with = "Option<schema::ProbeName>")]
    pub(in crate::scenario) probe: Option<Scalar>,
}

/// A message.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `json` or `text`")]
#[schemars(rename = "message", transform = schema::message)]
pub(in crate::scenario) struct MessageWire {
    /// Sent as JSON.
    pub(in crate::scenario) json: Option<serde_json::Value>,
    /// Sent as text.
    pub(in crate::scenario) text: Option<Scalar>,
}

/// A message that is awaited; others that come before it are passed over.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `json`, `matches` or `contains`")]
#[schemars(rename = "await")]
pub(in crate::scenario) struct AwaitWire {
    /// Values that it must hold: JSONPath and value, as in `expect`.
    #[serde(default)]
    pub(in crate::scenario) json: Ordered<serde_json::Value>,
    /// A regular expression that it must match.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) matches: Option<Scalar>,
    /// A text that it must hold.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) contains: Option<Scalar>,
    /// The deadline: `60s` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) within: Option<Scalar>,
    /// Values taken from it, by name.
    #[serde(default)]
    #[schemars(with = "Ordered<schema::MessageCapture>")]
    pub(in crate::scenario) capture: Ordered<CaptureWire>,
}

/// A ping and its pong.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `within`")]
#[schemars(rename = "ping")]
pub(in crate::scenario) struct PingWire {
    /// The time that the pong has: `10s` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) within: Option<Scalar>,
}

/// A command, and what it must answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `command`")]
#[schemars(rename = "exec")]
pub(in crate::scenario) struct ExecWire {
    /// The sidecar to run it in; the target without it.
    #[serde(rename = "in")]
    pub(in crate::scenario) service: Option<String>,
    /// The program and its arguments.
    #[schemars(length(min = 1))]
    pub(in crate::scenario) command: Vec<Scalar>,
    /// `60s` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) timeout: Option<Scalar>,
    /// Values taken from standard output, by name.
    #[serde(default)]
    #[schemars(with = "Ordered<schema::OutputCapture>")]
    pub(in crate::scenario) capture: Ordered<CaptureWire>,
    /// What it must answer: by default exit code 0.
    #[serde(default)]
    pub(in crate::scenario) expect: ExecExpectWire,
}

/// A signal to processes of the target.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `process` and `signal`")]
#[schemars(rename = "signal")]
pub(in crate::scenario) struct SignalWire {
    /// A regular expression that their command lines match.
    #[schemars(with = "form::Word")]
    pub(in crate::scenario) process: Scalar,
    /// The signal: `SIGTERM` by default.
    #[schemars(with = "Option<schema::AnySignal>")]
    pub(in crate::scenario) signal: Option<Scalar>,
    /// To which of those that match: `all` by default.
    pub(in crate::scenario) which: Option<Choice<WhichWire>>,
}

/// Which of several processes.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "which")]
pub(in crate::scenario) enum WhichWire {
    /// All.
    All,
    /// The one that was started first.
    Oldest,
    /// The one that was started last.
    Newest,
}

/// The container, or processes that somebody in it starts again.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `within` or `process`")]
#[schemars(rename = "restart", transform = schema::restart)]
pub(in crate::scenario) struct RestartWire {
    /// A regular expression that the command lines of the processes match; the container without it.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) process: Option<Scalar>,
    /// With `process`: the signal, `SIGTERM` by default.
    #[schemars(with = "Option<schema::AnySignal>")]
    pub(in crate::scenario) signal: Option<Scalar>,
    /// With `process`: to which of those that match, `all` by default.
    pub(in crate::scenario) which: Option<Choice<WhichWire>>,
    /// The time that the container has to stop, `10s` by default; with `process` the time until others are there, `30s`.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) within: Option<Scalar>,
}

/// The target stands still.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `for`")]
#[schemars(rename = "pause")]
pub(in crate::scenario) struct PauseWire {
    /// For so long; without it, until an `unpause` or the end of the phase.
    #[serde(rename = "for")]
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) lasts: Option<Scalar>,
}

/// A step of which nothing more is to be said.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an empty mapping, `{}`")]
#[schemars(rename = "nothing")]
pub(in crate::scenario) struct NothingWire {}

/// A line of the target's log.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `matches`")]
#[schemars(rename = "log")]
pub(in crate::scenario) struct LogWire {
    /// A regular expression that it must match.
    #[schemars(with = "form::Word")]
    pub(in crate::scenario) matches: Scalar,
    /// The deadline: `60s` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) within: Option<Scalar>,
    /// Values taken from the line, by name.
    #[serde(default)]
    #[schemars(with = "Ordered<schema::MessageCapture>")]
    pub(in crate::scenario) capture: Ordered<CaptureWire>,
}

/// A step again and again until its expectations hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `within`, `every` and `step`")]
#[schemars(rename = "wait_until")]
pub(in crate::scenario) struct WaitUntilWire {
    /// The deadline: `2m` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) within: Option<Scalar>,
    /// Time between tries: `1s` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) every: Option<Scalar>,
    /// A request or a command.
    #[schemars(with = "schema::Leaf")]
    pub(in crate::scenario) step: Box<StepWire>,
}

/// Steps several times over.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `times` and `steps`")]
#[schemars(rename = "repeat")]
pub(in crate::scenario) struct RepeatWire {
    /// How many times.
    #[schemars(range(min = 1, max = 10_000))]
    pub(in crate::scenario) times: u32,
    /// The name of the number in templates, from 1.
    #[serde(rename = "as")]
    #[schemars(with = "Option<schema::Name>")]
    pub(in crate::scenario) name: Option<String>,
    /// The steps.
    #[schemars(length(min = 1))]
    pub(in crate::scenario) steps: Vec<StepWire>,
}

/// Steps for each of several values.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `in`, `as` and `steps`")]
#[schemars(rename = "for_each")]
pub(in crate::scenario) struct ForEachWire {
    /// A list of values, or the `{{ expression }}` that gives one.
    #[serde(rename = "in")]
    #[schemars(with = "schema::Items")]
    pub(in crate::scenario) items: serde_json::Value,
    /// The name of the value in templates.
    #[serde(rename = "as")]
    #[schemars(with = "schema::Name")]
    pub(in crate::scenario) name: String,
    /// The steps.
    #[schemars(length(min = 1))]
    pub(in crate::scenario) steps: Vec<StepWire>,
}

/// Steps by several users at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `users` and `steps`")]
#[schemars(rename = "parallel")]
pub(in crate::scenario) struct ParallelWire {
    /// How many users.
    #[schemars(range(min = 1, max = 100))]
    pub(in crate::scenario) users: u32,
    /// The name of the user's number in templates, from 1.
    #[serde(rename = "as")]
    #[schemars(with = "Option<schema::Name>")]
    pub(in crate::scenario) name: Option<String>,
    /// The steps of each.
    #[schemars(length(min = 1))]
    pub(in crate::scenario) steps: Vec<StepWire>,
}

/// Steps under a condition.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `if` and `steps`")]
#[schemars(rename = "when")]
pub(in crate::scenario) struct WhenWire {
    /// An expression of templates, with or without its braces.
    #[serde(rename = "if")]
    #[schemars(with = "form::Word")]
    pub(in crate::scenario) condition: Scalar,
    /// What is done where it is true.
    #[schemars(length(min = 1))]
    pub(in crate::scenario) steps: Vec<StepWire>,
    /// What is done where it is not.
    #[serde(default, rename = "else")]
    pub(in crate::scenario) otherwise: Vec<StepWire>,
}

/// Steps of a flow file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a path, or a mapping with `file` and `with`")]
#[schemars(rename = "include")]
pub(in crate::scenario) struct IncludeWire {
    /// The file, from the folder of this one.
    #[schemars(with = "form::Word")]
    pub(in crate::scenario) file: Scalar,
    /// Values by the names that its templates know.
    #[serde(default)]
    pub(in crate::scenario) with: Ordered<serde_json::Value>,
}
