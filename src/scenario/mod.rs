//! What to run: a scenario file, read and resolved.
//!
//! The wire form (`wire.rs`) is what the file says; here stands what it means: every either/or of the file is an enum, every
//! default is filled in, every duration and size is a number. Strings may hold minijinja templates where a field says so.

mod answer;
mod capture;
mod channel;
mod churn;
mod expect;
mod figures;
mod load;
mod options;
mod phases;
mod reader;
mod schema;
mod service;
mod step;
mod steps;
mod wire;
mod workload;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub use answer::{Capture, CaptureFrom, Expect, JsonExpect, StatusSet};
pub use channel::{AwaitStep, Message, Sought, SseStep, WsEnd, WsStep};
pub use load::{Overrides, flow_schema, load, parse, schema};
pub use step::{
    Action, Auth, Body, ExecStep, Goal, HttpStep, Items, LogStep, Part, PartContent, RestartStep, Retry, SignalStep,
    Step, Tls,
};
pub use steps::DEFAULT_TIMEOUT;
pub use workload::{Churn, Counter, CounterSource, Figure, FigureFrom, Series};

/// A scenario, ready to run.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name: lower-case letters, digits, `-`, `_` and `.`; names the folder of its reports.
    pub name: String,
    /// The file it came from.
    pub path: PathBuf,
    /// The file's text, kept beside the report.
    pub text: String,
    /// The files that it includes, in the order in which they are met: a relative path without `..` for each, and the text. A
    /// path is that from the scenario's folder, `up` standing for the folder above.
    pub included: Vec<(String, String)>,
    /// SHA-256 of the file's text, of those that it includes behind it, hex.
    pub digest: String,
    /// What is soaked.
    pub target: Target,
    /// What it needs beside it.
    pub sidecars: Vec<Sidecar>,
    /// When it counts as ready.
    pub ready: Ready,
    /// Steps that make the user and the data.
    pub seed: Vec<Step>,
    /// How long to watch.
    pub soak: Soak,
    /// What is done to it again and again during the soak.
    pub churn: Option<Churn>,
    /// Steps taken at the begin of the settle phase, beside its snapshots: what the load opened is let go.
    pub settle: Vec<Step>,
    /// Steps that check that it still serves.
    pub after: Vec<Step>,
    /// Numbers that prove that the workload ran.
    pub counters: Vec<Counter>,
    /// Figures that the application tells of itself, recorded beside ours.
    pub series: Vec<Series>,
    /// How it is asked to stop.
    pub stop: Stop,
    /// The thresholds file, as a path that can be opened; `None`: no class is judged.
    pub thresholds: Option<PathBuf>,
    /// Variables for templates, `--set` applied.
    pub vars: BTreeMap<String, String>,
    /// Values that came from the environment by `from_env`, or from files by `from_file`: to be masked everywhere.
    pub secrets: Vec<String>,
}

/// What is soaked.
#[derive(Debug, Clone)]
pub struct Target {
    /// What it is and where it comes from.
    pub kind: TargetKind,
    /// How its container is made; for `command` only `env` and `publish` count, for `container` and `pid` only `publish`.
    pub options: ContainerOptions,
}

impl Target {
    /// True where a container engine is needed.
    pub fn needs_engine(&self) -> bool {
        match self.kind {
            TargetKind::Build(_) | TargetKind::Image(_) | TargetKind::Container(_) => true,
            TargetKind::Command { .. } | TargetKind::Pid(_) => false,
        }
    }
}

/// What a target is.
#[derive(Debug, Clone, PartialEq)]
pub enum TargetKind {
    /// An image to be built.
    Build(Build),
    /// An image that is there.
    Image(String),
    /// A running container, attached to: never started, stopped or removed by slowdrip.
    Container(String),
    /// A local process, started and stopped by slowdrip.
    Command {
        /// The program and its arguments.
        argv: Vec<String>,
        /// Its working directory.
        workdir: Option<PathBuf>,
    },
    /// A running process, attached to.
    Pid(u32),
}

impl TargetKind {
    /// The key in the scenario file.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Build(_) => "build",
            Self::Image(_) => "image",
            Self::Container(_) => "container",
            Self::Command { .. } => "command",
            Self::Pid(_) => "pid",
        }
    }
}

/// How an image is built.
#[derive(Debug, Clone, PartialEq)]
pub struct Build {
    /// The context's folder, as a path that can be opened.
    pub context: PathBuf,
    /// The Dockerfile, relative to the context.
    pub dockerfile: String,
    /// Build arguments, `--set` applied.
    pub args: BTreeMap<String, String>,
    /// The stage to build.
    pub stage: Option<String>,
    /// Network mode of the build, for example `host`.
    pub network: Option<String>,
    /// Use layers of earlier builds, and leave this build's for later ones. Without, the image is built anew and goes whole.
    pub cache: bool,
    /// Which of the engine's builders is asked.
    pub builder: Builder,
}

/// Which of the engine's builders builds an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Builder {
    /// BuildKit where the Dockerfile needs it, the classic one elsewhere.
    #[default]
    Auto,
    /// The classic one.
    Classic,
    /// BuildKit.
    BuildKit,
}

/// An environment variable's value.
#[derive(Clone, PartialEq, Eq)]
pub enum EnvValue {
    /// Written in the scenario.
    Plain(String),
    /// Read from slowdrip's environment or from a file; never shown.
    Secret {
        /// The variable of slowdrip's environment, or `file` and the path.
        from: String,
        /// Its value.
        value: String,
    },
}

impl EnvValue {
    /// The value, to hand to the target and to nobody else.
    pub fn expose(&self) -> &str {
        match self {
            Self::Plain(value) | Self::Secret { value, .. } => value,
        }
    }
}

impl std::fmt::Debug for EnvValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plain(value) => write!(f, "{value:?}"),
            Self::Secret { from, .. } => write!(f, "secret from {from}"),
        }
    }
}

/// How a container is made.
#[derive(Debug, Clone, Default)]
pub struct ContainerOptions {
    /// Environment.
    pub env: BTreeMap<String, EnvValue>,
    /// Container ports published on a free port of 127.0.0.1 (for `command`, `pid` and host networks: ports on 127.0.0.1 as they are).
    pub publish: Vec<u16>,
    /// Volumes.
    pub volumes: Vec<Volume>,
    /// Folders in memory.
    pub tmpfs: Vec<String>,
    /// Limits by name, for example `nofile`: soft and hard.
    pub ulimits: BTreeMap<String, (i64, i64)>,
    /// Memory limit, bytes.
    pub memory: Option<u64>,
    /// Processors, a fraction allowed.
    pub cpus: Option<f64>,
    /// Run the engine's init as PID 1.
    pub init: bool,
    /// Capabilities added.
    pub cap_add: Vec<String>,
    /// Capabilities dropped.
    pub cap_drop: Vec<String>,
    /// User and group.
    pub user: Option<String>,
    /// Entry point in place of the image's.
    pub entrypoint: Option<Vec<String>>,
    /// Command in place of the image's.
    pub cmd: Option<Vec<String>>,
    /// Network.
    pub network: Network,
    /// Health check in place of the image's.
    pub healthcheck: Option<Healthcheck>,
}

/// A volume of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Volume {
    /// A fresh volume of this run, removed with it, at this path.
    Fresh(String),
    /// A folder of the host, as a path that can be opened.
    Bind {
        /// On the host.
        host: PathBuf,
        /// In the container.
        path: String,
        /// Not writable.
        read_only: bool,
    },
}

/// A container's network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Network {
    /// The run's private network, made and removed with it (the default).
    #[default]
    Private,
    /// The target's network namespace (sidecars only): both see each other on 127.0.0.1.
    Target,
    /// The host's.
    Host,
    /// None at all.
    None,
}

/// A health check that replaces the image's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Healthcheck {
    /// No health check.
    Disabled,
    /// This one.
    Test {
        /// As Docker writes it: `["CMD", …]` or `["CMD-SHELL", …]`.
        test: Vec<String>,
        /// Between checks.
        interval: Duration,
        /// For one check.
        timeout: Duration,
        /// Failures in a row that make it unhealthy.
        retries: u32,
        /// Grace at the start.
        start_period: Duration,
    },
}

/// A container beside the target.
#[derive(Debug, Clone)]
pub struct Sidecar {
    /// Its name; on the private network also its host name.
    pub name: String,
    /// Where it comes from: `Build` or `Image`.
    pub kind: TargetKind,
    /// How it is made.
    pub options: ContainerOptions,
}

/// When the target counts as ready.
#[derive(Debug, Clone)]
pub struct Ready {
    /// What must be seen.
    pub check: ReadyCheck,
    /// The deadline.
    pub within: Duration,
}

/// What shows that the target is ready.
#[derive(Debug, Clone)]
pub enum ReadyCheck {
    /// It runs.
    Started,
    /// The engine calls it healthy.
    Healthcheck,
    /// A path answers.
    Http {
        /// The target's port; `None`: the first published one.
        port: Option<u16>,
        /// The path.
        path: String,
        /// The status awaited.
        status: u16,
    },
    /// A log line matches.
    Log(regex::Regex),
    /// Steps succeed, all of them in one go; taken by whoever runs the night.
    Steps(Vec<Step>),
}

/// How long to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Soak {
    /// From the end of seeding, warm-up included.
    pub duration: Duration,
    /// `None`: found by the judge.
    pub warmup: Option<Duration>,
    /// Between snapshots.
    pub interval: Duration,
    /// Rest after the soak, with snapshots.
    pub settle: Duration,
}

/// How the target is asked to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// `SIGTERM` or another.
    pub signal: String,
    /// The time it has.
    pub within: Duration,
}

#[cfg(test)]
mod tests;
