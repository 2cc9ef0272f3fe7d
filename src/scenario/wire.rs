//! The wire form of a scenario: what the file says, word for word. Either/or is a set of optional keys here, and becomes
//! an enum when it is resolved; untagged and internally tagged enums would lose the place of an error.

use schemars::JsonSchema;
use serde::Deserialize;

use super::schema;
use crate::document::{Either, OneOrMany, Ordered, Scalar, form};

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
    /// Steps that check that it still really serves. A failed one is a broken rule.
    #[serde(default)]
    pub(super) after: Vec<StepWire>,
    /// Numbers that prove that the workload ran, by name.
    #[serde(default)]
    pub(super) counters: Ordered<CounterWire>,
    /// How it is asked to stop.
    pub(super) stop: Option<StopWire>,
    /// Variables for templates: `NAME: value`, or `NAME: {from_env: VARIABLE}`.
    #[serde(default)]
    pub(super) vars: Ordered<Either<FromEnvWire>>,
    /// The thresholds file, from the folder of the scenario. Without one, no class is judged.
    pub(super) thresholds: Option<String>,
}

/// The target or a sidecar.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `build`, `image` or another kind of target")]
#[schemars(rename = "service")]
pub(super) struct ServiceWire {
    /// An image to be built.
    pub(super) build: Option<BuildWire>,
    /// An image that is there.
    pub(super) image: Option<Scalar>,
    /// A running container, by name or id: watched, and never started, stopped or removed.
    pub(super) container: Option<Scalar>,
    /// A local process, `[program, argument, …]`, started and stopped by slowdrip.
    pub(super) command: Option<Vec<Scalar>>,
    /// A running process and its descendants: watched only.
    #[schemars(with = "Option<form::Templated<form::Whole>>")]
    pub(super) pid: Option<Scalar>,
    /// The working directory of a `command`.
    pub(super) workdir: Option<Scalar>,
    /// Environment: `NAME: value`, or `NAME: {from_env: VARIABLE}` for a secret, which is masked everywhere.
    #[serde(default)]
    pub(super) env: Ordered<Either<FromEnvWire>>,
    /// Ports of the container. Each gets a free port of 127.0.0.1.
    #[serde(default)]
    #[schemars(with = "Vec<form::Templated<form::Port>>")]
    pub(super) publish: Vec<Scalar>,
    /// A path in the container for a fresh volume, or `{host: DIR, path: /data, read_only: true}`.
    #[serde(default)]
    pub(super) volumes: Vec<Either<BindWire>>,
    /// Paths in the container that lie in memory.
    #[serde(default)]
    pub(super) tmpfs: Vec<Scalar>,
    /// Limits: `nofile: 1024`, or `nofile: {soft: 1024, hard: 4096}`; `-1` is no limit.
    #[serde(default)]
    #[schemars(schema_with = "schema::ulimits")]
    pub(super) ulimits: Ordered<Either<UlimitWire>>,
    /// The memory limit, at least `6MiB`.
    #[schemars(with = "Option<form::Templated<form::Size>>")]
    pub(super) memory: Option<Scalar>,
    /// A number of processors, such as `1.5`.
    #[schemars(with = "Option<form::Templated<form::Above0>>")]
    pub(super) cpus: Option<Scalar>,
    /// Run the engine's init as first process, which reaps zombies.
    #[serde(default)]
    pub(super) init: bool,
    /// Capabilities to add, such as `SYS_PTRACE`, or `ALL`.
    #[serde(default)]
    pub(super) cap_add: Vec<Scalar>,
    /// Capabilities to take away.
    #[serde(default)]
    pub(super) cap_drop: Vec<Scalar>,
    /// User and group.
    pub(super) user: Option<Scalar>,
    /// A list that replaces the image's entry point.
    pub(super) entrypoint: Option<Vec<Scalar>>,
    /// A list that replaces the image's command.
    pub(super) cmd: Option<Vec<Scalar>>,
    /// `private` (the default): a network of this run; `host`; `none`; for sidecars also `target`.
    #[schemars(with = "Option<schema::Network>")]
    pub(super) network: Option<Scalar>,
    /// `none`, or a check that replaces the image's.
    pub(super) healthcheck: Option<Either<HealthcheckWire>>,
}

/// An image to be built.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `context`")]
#[schemars(rename = "build")]
pub(super) struct BuildWire {
    /// The folder that is sent to the engine.
    pub(super) context: Scalar,
    /// Its Dockerfile, in the context: `Dockerfile` by default.
    pub(super) dockerfile: Option<Scalar>,
    /// Build arguments.
    #[serde(default)]
    pub(super) args: Ordered<Scalar>,
    /// The stage to build.
    pub(super) target: Option<Scalar>,
    /// The network of the build, such as `host`.
    pub(super) network: Option<Scalar>,
    /// False: no layer of an earlier build is used, and none is left.
    pub(super) cache: Option<bool>,
}

/// A value from slowdrip's own environment, masked in everything that is shown or written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "from_env")]
pub(super) struct FromEnvWire {
    /// The name of the variable.
    pub(super) from_env: String,
}

/// A folder of this machine, mounted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "bind")]
pub(super) struct BindWire {
    /// The folder here, from the folder of the scenario.
    pub(super) host: Scalar,
    /// The path in the container.
    pub(super) path: Scalar,
    /// True: it cannot be written to.
    #[serde(default)]
    pub(super) read_only: bool,
}

/// A soft and a hard limit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ulimit")]
pub(super) struct UlimitWire {
    /// The soft limit; `-1` is none.
    #[schemars(range(min = -1))]
    pub(super) soft: i64,
    /// The hard limit; `-1` is none.
    #[schemars(range(min = -1))]
    pub(super) hard: i64,
}

/// A health check.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "healthcheck")]
pub(super) struct HealthcheckWire {
    /// A shell command, or a list that begins with `CMD` or `CMD-SHELL`.
    pub(super) test: OneOrMany<Scalar>,
    /// Time between tries: `30s` by default.
    #[schemars(with = "Option<form::Templated<form::Time>>")]
    pub(super) interval: Option<Scalar>,
    /// Time for a try: `30s` by default.
    #[schemars(with = "Option<form::Templated<form::Time>>")]
    pub(super) timeout: Option<Scalar>,
    /// Failed tries in a row that make it unhealthy: 3 by default.
    #[schemars(range(min = 1))]
    pub(super) retries: Option<u32>,
    /// Time at the start in which failures do not count.
    #[schemars(with = "Option<form::Templated<form::TimeOrZero>>")]
    pub(super) start_period: Option<Scalar>,
}

/// When the target counts as ready: one check, and a deadline.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `http`, `healthcheck` or `log`")]
#[schemars(rename = "ready", transform = schema::ready)]
pub(super) struct ReadyWire {
    /// A path that must answer.
    pub(super) http: Option<ReadyHttpWire>,
    /// `true`: the engine calls the container healthy.
    #[schemars(extend("const" = true))]
    pub(super) healthcheck: Option<bool>,
    /// A regular expression that a log line must match.
    pub(super) log: Option<Scalar>,
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

/// What is done again and again during the soak.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `every` and `steps`")]
#[schemars(rename = "churn")]
pub(super) struct ChurnWire {
    /// What it is called, at most 40 characters: `churn` by default.
    pub(super) name: Option<String>,
    /// From one iteration to the next, at least `1s`.
    #[schemars(with = "form::Time")]
    pub(super) every: Scalar,
    /// The steps of an iteration.
    pub(super) steps: Vec<StepWire>,
    /// Time from the beginning of the soak without churn: `0s` by default.
    #[schemars(with = "Option<form::TimeOrZero>")]
    pub(super) start: Option<Scalar>,
    /// Quiet time before the end of the soak: `0s` by default.
    #[schemars(with = "Option<form::TimeOrZero>")]
    pub(super) idle_tail: Option<Scalar>,
    /// The share of iterations that may fail before the night is inconclusive: `0.1` by default.
    pub(super) max_failed: Option<f64>,
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

/// A step does one thing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a step such as `get: {path: /}`")]
#[schemars(rename = "step", extend("minProperties" = 1, "maxProperties" = 1))]
pub(super) struct StepWire {
    /// A GET request.
    #[schemars(with = "Option<schema::Get>")]
    pub(super) get: Option<HttpWire>,
    /// A POST request.
    pub(super) post: Option<HttpWire>,
    /// A PUT request.
    pub(super) put: Option<HttpWire>,
    /// Steps several times over.
    pub(super) repeat: Option<RepeatWire>,
    /// A request or command again and again, until its expectations hold.
    pub(super) wait_until: Option<WaitUntilWire>,
    /// A command in the target or in a sidecar.
    pub(super) exec: Option<ExecWire>,
}

/// A request, and what its answer must be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `path`")]
#[schemars(rename = "request")]
pub(super) struct HttpWire {
    /// The port of the target: the first published one by default.
    pub(super) port: Option<u16>,
    /// The path, with its query.
    #[schemars(with = "form::Word")]
    pub(super) path: Scalar,
    /// Headers, by name.
    #[serde(default)]
    pub(super) headers: Ordered<Scalar>,
    /// Cookies, by name, beside those that the server set.
    #[serde(default)]
    pub(super) cookies: Ordered<Scalar>,
    /// Sent as `application/x-www-form-urlencoded`.
    pub(super) form: Option<Ordered<Scalar>>,
    /// Sent as `application/json`.
    pub(super) json: Option<serde_json::Value>,
    /// For the whole exchange: `60s` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(super) timeout: Option<Scalar>,
    /// Values taken from the answer, by name, for the steps that follow.
    #[serde(default)]
    pub(super) capture: Ordered<CaptureWire>,
    /// What the answer must be: by default a status below 400.
    #[serde(default)]
    pub(super) expect: HttpExpectWire,
}

/// Steps several times over.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `times` and `steps`")]
#[schemars(rename = "repeat")]
pub(super) struct RepeatWire {
    /// How many times.
    #[schemars(range(min = 1, max = 10_000))]
    pub(super) times: u32,
    /// The name of the number in templates, from 1.
    #[serde(rename = "as")]
    pub(super) name: Option<String>,
    /// The steps.
    #[schemars(length(min = 1))]
    pub(super) steps: Vec<StepWire>,
}

/// A step again and again until its expectations hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `within`, `every` and `step`")]
#[schemars(rename = "wait_until")]
pub(super) struct WaitUntilWire {
    /// The deadline: `2m` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(super) within: Option<Scalar>,
    /// Time between tries: `1s` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(super) every: Option<Scalar>,
    /// A request or a command.
    pub(super) step: Box<StepWire>,
}

/// A command, and what it must answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `command`")]
#[schemars(rename = "exec")]
pub(super) struct ExecWire {
    /// The sidecar to run it in; the target without it.
    #[serde(rename = "in")]
    pub(super) service: Option<String>,
    /// The program and its arguments.
    #[schemars(length(min = 1))]
    pub(super) command: Vec<Scalar>,
    /// `60s` by default.
    #[schemars(with = "Option<form::Time>")]
    pub(super) timeout: Option<Scalar>,
    /// Values taken from standard output, by name.
    #[serde(default)]
    pub(super) capture: Ordered<CaptureWire>,
    /// What it must answer: by default exit code 0.
    #[serde(default)]
    pub(super) expect: ExecExpectWire,
}

/// Where a value stands in an answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `json` or `css`")]
#[schemars(rename = "capture", transform = schema::capture)]
pub(super) struct CaptureWire {
    /// A JSONPath that must find exactly one value.
    pub(super) json: Option<String>,
    /// A CSS selector that must find exactly one element.
    pub(super) css: Option<String>,
    /// The attribute to take; the text without it.
    pub(super) attr: Option<String>,
}

/// What an answer must be.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `status`, `header`, `json` or `contains`")]
#[schemars(rename = "expect_answer")]
pub(super) struct HttpExpectWire {
    /// One status, or a list of those that are right.
    #[schemars(with = "Option<OneOrMany<schema::Status>>")]
    pub(super) status: Option<OneOrMany<u16>>,
    /// Headers by name; a `*` at the end stands for anything.
    #[serde(default)]
    pub(super) header: Ordered<Scalar>,
    /// JSONPath and value, `{at_least: 5}`, `{exists: true}`, or `{equals: {…}}` for a whole object.
    #[serde(default)]
    pub(super) json: Ordered<serde_json::Value>,
    /// A text that the body must hold.
    #[schemars(with = "Option<form::Word>")]
    pub(super) contains: Option<Scalar>,
}

/// What a command must answer.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `exit`, `json` or `contains`")]
#[schemars(rename = "expect_output")]
pub(super) struct ExecExpectWire {
    /// The exit code: 0 by default.
    pub(super) exit: Option<i64>,
    /// JSONPath and value, as in the answer to a request.
    #[serde(default)]
    pub(super) json: Ordered<serde_json::Value>,
    /// A text that standard output must hold.
    #[schemars(with = "Option<form::Word>")]
    pub(super) contains: Option<Scalar>,
}

/// A number that proves that the workload ran: read after seeding and at the end of the soak.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `read`, `json` and `at_least`")]
#[schemars(rename = "counter", extend("anyOf" = [{"required": ["at_least"]}, {"required": ["at_most"]}]))]
pub(super) struct CounterWire {
    /// One request or command.
    pub(super) read: StepWire,
    /// A JSONPath to the number in the answer.
    pub(super) json: String,
    /// Stands for a value that the answer does not hold.
    #[schemars(range(min = 0))]
    pub(super) absent: Option<f64>,
    /// By how much it must grow. One of `at_least` and `at_most` is needed.
    #[schemars(range(min = 0))]
    pub(super) at_least: Option<f64>,
    /// How much higher it may be at the end of the settle phase than after seeding.
    #[schemars(range(min = 0))]
    pub(super) at_most: Option<f64>,
}
