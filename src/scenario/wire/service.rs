//! The target and the containers beside it, as the file says them.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::document::{Choice, Either, OneOrMany, Ordered, Scalar, form};
use crate::scenario::schema;

/// The target or a sidecar.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `build`, `image` or another kind of target")]
#[schemars(rename = "service")]
pub(in crate::scenario) struct ServiceWire {
    /// An image to be built.
    pub(in crate::scenario) build: Option<BuildWire>,
    /// An image that is there.
    pub(in crate::scenario) image: Option<Scalar>,
    /// A running container, by name or id: watched, and never started, stopped or removed.
    pub(in crate::scenario) container: Option<Scalar>,
    /// A local process, `[program, argument, …]`, started and stopped by slowdrip.
    pub(in crate::scenario) command: Option<Vec<Scalar>>,
    /// A running process and its descendants: watched only.
    #[schemars(with = "Option<form::Templated<form::Whole>>")]
    pub(in crate::scenario) pid: Option<Scalar>,
    /// The working directory of a `command`.
    pub(in crate::scenario) workdir: Option<Scalar>,
    /// Environment: `NAME: value`, or `NAME: {from_env: VARIABLE}` or `NAME: {from_file: PATH}` for a secret, which is masked everywhere.
    #[serde(default)]
    pub(in crate::scenario) env: Ordered<Either<SecretWire>>,
    /// Ports of the container. Each gets a free port of 127.0.0.1.
    #[serde(default)]
    #[schemars(with = "Vec<form::Templated<form::Port>>")]
    pub(in crate::scenario) publish: Vec<Scalar>,
    /// A path in the container for a fresh volume, or `{host: DIR, path: /data, read_only: true}`.
    #[serde(default)]
    pub(in crate::scenario) volumes: Vec<Either<BindWire>>,
    /// Paths in the container that lie in memory.
    #[serde(default)]
    pub(in crate::scenario) tmpfs: Vec<Scalar>,
    /// Limits: `nofile: 1024`, or `nofile: {soft: 1024, hard: 4096}`; `-1` is no limit.
    #[serde(default)]
    #[schemars(schema_with = "schema::ulimits")]
    pub(in crate::scenario) ulimits: Ordered<Either<UlimitWire>>,
    /// The memory limit, at least `6MiB`.
    #[schemars(with = "Option<form::Templated<form::Size>>")]
    pub(in crate::scenario) memory: Option<Scalar>,
    /// A number of processors, such as `1.5`.
    #[schemars(with = "Option<form::Templated<form::Above0>>")]
    pub(in crate::scenario) cpus: Option<Scalar>,
    /// Run the engine's init as first process, which reaps zombies.
    #[serde(default)]
    pub(in crate::scenario) init: bool,
    /// Capabilities to add, such as `SYS_PTRACE`, or `ALL`.
    #[serde(default)]
    pub(in crate::scenario) cap_add: Vec<Scalar>,
    /// Capabilities to take away.
    #[serde(default)]
    pub(in crate::scenario) cap_drop: Vec<Scalar>,
    /// User and group.
    pub(in crate::scenario) user: Option<Scalar>,
    /// A list that replaces the image's entry point.
    pub(in crate::scenario) entrypoint: Option<Vec<Scalar>>,
    /// A list that replaces the image's command.
    pub(in crate::scenario) cmd: Option<Vec<Scalar>>,
    /// `private` (the default): a network of this run; `host`; `none`; for sidecars also `target`.
    #[schemars(with = "Option<schema::Network>")]
    pub(in crate::scenario) network: Option<Scalar>,
    /// `none`, or a check that replaces the image's.
    pub(in crate::scenario) healthcheck: Option<Either<HealthcheckWire>>,
}

/// An image to be built.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `context`")]
#[schemars(rename = "build")]
pub(in crate::scenario) struct BuildWire {
    /// The folder that is sent to the engine.
    pub(in crate::scenario) context: Scalar,
    /// Its Dockerfile, in the context: `Dockerfile` by default.
    pub(in crate::scenario) dockerfile: Option<Scalar>,
    /// Build arguments.
    #[serde(default)]
    pub(in crate::scenario) args: Ordered<Scalar>,
    /// The stage to build.
    pub(in crate::scenario) target: Option<Scalar>,
    /// The network of the build, such as `host`.
    pub(in crate::scenario) network: Option<Scalar>,
    /// False: no layer of an earlier build is used, and none is left.
    pub(in crate::scenario) cache: Option<bool>,
    /// Which of the engine's builders is asked: by default `auto`, which finds out from the Dockerfile.
    pub(in crate::scenario) builder: Option<Choice<BuilderWire>>,
}

/// Which of the engine's builders is asked.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "builder")]
pub(in crate::scenario) enum BuilderWire {
    /// `BuildKit` where the Dockerfile needs it.
    Auto,
    /// The classic one.
    Classic,
    /// `BuildKit`.
    Buildkit,
}

/// A value from slowdrip's own environment or from a file, masked in everything that is shown or written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `from_env` or `from_file`")]
#[schemars(rename = "secret", transform = schema::secret)]
pub(in crate::scenario) struct SecretWire {
    /// The name of the variable.
    pub(in crate::scenario) from_env: Option<String>,
    /// The file, from the folder of the scenario; a line end at its end does not count.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) from_file: Option<Scalar>,
}

/// A folder of this machine, mounted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "bind")]
pub(in crate::scenario) struct BindWire {
    /// The folder here, from the folder of the scenario.
    pub(in crate::scenario) host: Scalar,
    /// The path in the container.
    pub(in crate::scenario) path: Scalar,
    /// True: it cannot be written to.
    #[serde(default)]
    pub(in crate::scenario) read_only: bool,
}

/// A soft and a hard limit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ulimit")]
pub(in crate::scenario) struct UlimitWire {
    /// The soft limit; `-1` is none.
    #[schemars(range(min = -1))]
    pub(in crate::scenario) soft: i64,
    /// The hard limit; `-1` is none.
    #[schemars(range(min = -1))]
    pub(in crate::scenario) hard: i64,
}

/// A health check.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "healthcheck")]
pub(in crate::scenario) struct HealthcheckWire {
    /// A shell command, or a list that begins with `CMD` or `CMD-SHELL`.
    pub(in crate::scenario) test: OneOrMany<Scalar>,
    /// Time between tries: `30s` by default.
    #[schemars(with = "Option<form::Templated<form::Time>>")]
    pub(in crate::scenario) interval: Option<Scalar>,
    /// Time for a try: `30s` by default.
    #[schemars(with = "Option<form::Templated<form::Time>>")]
    pub(in crate::scenario) timeout: Option<Scalar>,
    /// Failed tries in a row that make it unhealthy: 3 by default.
    #[schemars(range(min = 1))]
    pub(in crate::scenario) retries: Option<u32>,
    /// Time at the start in which failures do not count.
    #[schemars(with = "Option<form::Templated<form::TimeOrZero>>")]
    pub(in crate::scenario) start_period: Option<Scalar>,
}
