//! Brings the application up and down.
//!
//! [`Target`] is one interface over three ways to run: containers (`docker/`, the only place that speaks to the engine), a
//! local process (`process.rs`), and a process that was there before. What is made bears its owner (`owner.rs`), so that
//! [`sweep`] can remove what a crash left, and nothing else.

mod asked;
mod attached;
mod context;
mod control;
mod descent;
mod docker;
mod dockerfile;
mod error;
mod events;
mod facts;
mod follow;
mod ignored;
mod limits;
mod lines;
mod owner;
mod ports;
mod process;
mod ready;
mod signals;
mod still;
mod stop;
mod table;
mod volumes;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};

use crate::model::{DiskSample, EngineRecord, LogLine, Redactor, Scope, TargetRecord};
use crate::scenario::{EnvValue, Ready, Scenario, TargetKind};

pub use docker::{Beside, EngineFacts, Meter, Wire, WireError};
pub use error::TargetError;
pub use events::TargetEvent;
pub use facts::Facts;
pub use follow::Followed;
pub use limits::raise_own_limit;

use attached::Attached;
use docker::{Application, Engine};
use process::Local;

/// Where lines of progress go (build output, "starting sidecar x").
pub type Progress<'a> = dyn Fn(&str) + Send + Sync + 'a;

/// How many log lines a message shows.
const LAST_LINES: usize = 20;
/// A target that is to be brought up, is up, or is being taken down.
#[derive(Debug)]
pub struct Target {
    body: Body,
    kind: &'static str,
    // What the scenario names, secrets masked.
    name: String,
    ports: Vec<u16>,
    ready: Ready,
    redactor: Arc<Redactor>,
}

/// The three ways to run.
#[derive(Debug)]
enum Body {
    Docker(Box<Application>),
    Local(Arc<Local>),
    Attached(Attached),
}

/// How the target is at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Its main process runs.
    Running {
        /// The main process, in the host's namespace.
        pid: u32,
        /// Restarts since the start: by the engine, and those that the scenario asked for.
        restarts: u64,
        /// `healthy`, `unhealthy`, `starting`; `None`: no health check.
        health: Option<String>,
    },
    /// Its main process ended.
    Exited {
        /// The exit code, where it is known.
        code: Option<i64>,
        /// The kernel killed it for its memory.
        oom: bool,
    },
    /// It is not there any more.
    Gone,
}

impl Target {
    /// Prepares a target: connects to the engine where one is needed. Makes nothing yet.
    ///
    /// # Errors
    /// No engine, or no permission to speak to it.
    pub async fn new(scenario: &Scenario, run: &str, redactor: Arc<Redactor>) -> Result<Self, TargetError> {
        let target = &scenario.target;
        let kind = target.kind.key();
        // Whoever made the redactor may have added them already; a secret must not depend on that.
        let all_options = scenario.sidecars.iter().map(|sidecar| &sidecar.options).chain([&target.options]);
        for value in all_options.flat_map(|options| options.env.values()) {
            if let EnvValue::Secret { value, .. } = value {
                redactor.add(value);
            }
        }
        let (body, name) = match &target.kind {
            TargetKind::Command { argv, workdir } => {
                let local = Local::new(argv, workdir.clone(), target, run);
                (Body::Local(Arc::new(local)), argv.join(" "))
            }
            TargetKind::Pid(pid) => (Body::Attached(Attached::new(*pid)), pid.to_string()),
            TargetKind::Build(_) | TargetKind::Image(_) | TargetKind::Container(_) => {
                let engine = Engine::connect().await?;
                let application = Application::new(engine, scenario, run, Arc::clone(&redactor));
                let name = match &target.kind {
                    // The folder's name alone: where it lies on this machine is nobody's business.
                    TargetKind::Build(build) => build.context.file_name().map_or_else(
                        || build.context.display().to_string(),
                        |name| name.to_string_lossy().into_owned(),
                    ),
                    TargetKind::Image(name) | TargetKind::Container(name) => name.clone(),
                    TargetKind::Command { .. } | TargetKind::Pid(_) => String::new(),
                };
                (Body::Docker(Box::new(application)), name)
            }
        };
        if !scenario.sidecars.is_empty() && !matches!(target.kind, TargetKind::Build(_) | TargetKind::Image(_)) {
            return Err(TargetError::SidecarsImpossible { kind });
        }
        let ports = target.options.publish.clone();
        Ok(Self { body, kind, name: redactor.mask(&name), ports, ready: scenario.ready.clone(), redactor })
    }

    /// Builds the image, makes networks and volumes, starts sidecars and the target.
    ///
    /// # Errors
    /// The build, the creation or the start failed; the message has the last lines of the build or the log.
    pub async fn start(&mut self, progress: &Progress<'_>) -> Result<(), TargetError> {
        match &mut self.body {
            Body::Docker(application) => application.start(progress).await,
            Body::Local(local) => {
                progress("starting the target");
                local.start()
            }
            Body::Attached(attached) => attached.start(),
        }
    }

    /// Waits until the target is ready.
    ///
    /// # Errors
    /// It was not within its deadline, or it ended; the message has the last log lines.
    pub async fn wait_ready(&self, progress: &Progress<'_>) -> Result<(), TargetError> {
        ready::wait(self, &self.ready, progress).await
    }

    /// How it is now. Waits for a restart that the scenario asked for to be over.
    ///
    /// # Errors
    /// The engine does not answer, or the target was not started.
    pub async fn state(&self) -> Result<State, TargetError> {
        match &self.body {
            Body::Docker(application) => application.state().await,
            Body::Local(local) => local.state().await,
            Body::Attached(attached) => attached.state(),
        }
    }

    /// Which processes belong to it. `None` before the start, and where a container has no process any more. After a restart
    /// of the container it is right from the next [`Target::state`] on.
    pub fn scope(&self) -> Option<Scope> {
        match &self.body {
            Body::Docker(application) => application.scope(),
            Body::Local(local) => local.pid().map(|pid| Scope::Descent { pid }),
            Body::Attached(attached) => attached.pid().map(|pid| Scope::Descent { pid }),
        }
    }

    /// How many of its restarts the scenario asked for.
    fn asked_restarts(&self) -> u64 {
        match &self.body {
            Body::Docker(application) => application.live.asked.restarts(),
            Body::Local(local) => local.asked.restarts(),
            Body::Attached(_) => 0,
        }
    }

    /// The command of the container's health check, as the engine has it (`["CMD", …]`); `None`: there is none.
    pub fn healthcheck(&self) -> Option<Vec<String>> {
        match &self.body {
            Body::Docker(application) => application.healthcheck(),
            Body::Local(_) | Body::Attached(_) => None,
        }
    }

    /// What is known of it, for `run.json`.
    pub fn record(&self) -> TargetRecord {
        let mut record = TargetRecord {
            kind: self.kind.to_owned(),
            name: self.name.clone(),
            image: None,
            labels: std::collections::BTreeMap::new(),
            container: None,
            memory_limit: None,
            probe: String::new(),
            probe_reason: String::new(),
        };
        if let Body::Docker(application) = &self.body {
            (record.image, record.labels) = application.image();
            record.container = application.container();
            record.memory_limit = application.memory_limit();
        }
        record
    }

    /// The engine, where one is used.
    pub fn engine(&self) -> Option<EngineRecord> {
        match &self.body {
            Body::Docker(application) => Some(application.engine().record().clone()),
            Body::Local(_) | Body::Attached(_) => None,
        }
    }

    /// What the engine says of the target and its sidecars: (file name, JSON), for the evidence. Secrets are masked.
    pub async fn inspect(&self) -> Vec<(String, serde_json::Value)> {
        match &self.body {
            Body::Docker(application) => application.inspect().await,
            Body::Local(_) | Body::Attached(_) => Vec::new(),
        }
    }

    /// Logs of the target and its sidecars: (name, lines), for the evidence. Secrets are not masked.
    pub async fn all_logs(&self, tail: usize) -> Vec<(String, Vec<LogLine>)> {
        match &self.body {
            Body::Docker(application) => application.all_logs(tail).await,
            Body::Local(local) => vec![("target".to_owned(), local.log().tail(tail))],
            Body::Attached(_) => Vec::new(),
        }
    }

    /// What happened to the target since the last call: health changes, deaths, restarts, out-of-memory kills, and what the
    /// scenario did to it.
    pub fn drain_events(&self) -> Vec<TargetEvent> {
        match &self.body {
            Body::Docker(application) => application.drain_events(),
            Body::Local(local) => local.events.drain(),
            Body::Attached(attached) => attached.events.drain(),
        }
    }

    /// Removes everything that bears this run's label; may be called at any time and more than once. Leaves alone what is not
    /// ours and what was kept.
    ///
    /// # Errors
    /// What could not be removed, by name.
    pub async fn remove(&mut self) -> Result<(), TargetError> {
        match &mut self.body {
            Body::Docker(application) => application.remove().await,
            Body::Local(local) => local.remove().await,
            Body::Attached(_) => Ok(()),
        }
    }

    /// Marks everything of this run as kept on purpose, and returns what a person types to remove it. A local process cannot
    /// be kept (its output would have no reader): it is ended, and nothing is returned.
    ///
    /// # Errors
    /// The engine refused; or the local process could not be ended.
    pub async fn keep(&mut self) -> Result<Vec<String>, TargetError> {
        match &mut self.body {
            Body::Docker(application) => application.keep().await,
            Body::Local(local) => local.remove().await.map(|()| Vec::new()),
            Body::Attached(_) => Ok(Vec::new()),
        }
    }

    /// Measures its disk; the answer may take long and needs nothing of the target. `None` where it is no container.
    fn disk(&self) -> Option<BoxFuture<'static, DiskSample>> {
        match &self.body {
            Body::Docker(application) => application.disk().map(FutureExt::boxed),
            Body::Local(_) | Body::Attached(_) => None,
        }
    }

    /// Sidecars that have ended, and how.
    async fn ended_sidecars(&self) -> Vec<String> {
        match &self.body {
            Body::Docker(application) => application.ended_sidecars().await,
            Body::Local(_) | Body::Attached(_) => Vec::new(),
        }
    }

    fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// All log lines from the start on, as they come; `None` where there is no log.
    fn follow(&self) -> Option<BoxStream<'static, LogLine>> {
        match &self.body {
            Body::Docker(application) => application.follow(),
            Body::Local(local) => {
                let log = Arc::clone(local.log());
                let pieces = stream::unfold((log, 0), |(log, from)| async move {
                    let (lines, next) = log.since(from).await;
                    Some((stream::iter(lines), (log, next)))
                });
                Some(pieces.flatten().boxed())
            }
            Body::Attached(_) => None,
        }
    }
}

/// `with exit code 1`, `with exit code 137 (out of memory)`.
fn how_it_ended(code: Option<i64>, oom: bool) -> String {
    let code = code.map_or_else(|| "an unknown exit code".to_owned(), |code| format!("exit code {code}"));
    if oom { format!("with {code} (killed for its memory)") } else { format!("with {code}") }
}

/// Asks the engine whether it is there.
///
/// # Errors
/// No engine, or no permission to speak to it.
pub async fn ping() -> Result<(), TargetError> {
    Engine::connect().await.map(drop)
}

/// A container that runs, as its engine knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningContainer {
    /// Its first process, in the namespace of the engine's machine.
    pub pid: u32,
    /// Its full id.
    pub id: String,
    /// The command of its health check (`["CMD", …]`); `None`: there is none.
    pub healthcheck: Option<Vec<String>>,
    /// `healthy`, `unhealthy`, `starting`; `None` without a health check.
    pub health: Option<String>,
    /// Restarts by the engine.
    pub restarts: u64,
}

/// A running container, by its name or id. `None`: there is no such container.
///
/// # Errors
/// No engine, no permission to speak to it, or the container does not run.
pub async fn find_container(name: &str) -> Result<Option<RunningContainer>, TargetError> {
    let engine = Engine::connect().await?;
    docker::find(&engine, name).await
}

/// Asks the engine what it is.
///
/// # Errors
/// No engine, or no permission to speak to it.
pub async fn engine_facts() -> Result<EngineFacts, TargetError> {
    docker::facts().await
}

/// What a sweep removed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Swept {
    /// Containers, networks, volumes, images and processes, by name.
    pub removed: Vec<String>,
    /// What could not be removed, and why.
    pub failed: Vec<String>,
    /// What was kept on purpose and left alone.
    pub kept: Vec<String>,
}

/// Removes what dead runs left behind, and nothing else. With `kept`, also what was kept on purpose. Local processes are swept
/// even where there is no engine, see [`sweep_processes`].
///
/// # Errors
/// No engine, or no permission to speak to it.
pub async fn sweep(kept: bool) -> Result<Swept, TargetError> {
    let processes = sweep_processes().await;
    let engine = Engine::connect().await?;
    let mut swept = docker::sweep(&engine, kept).await?;
    swept.removed.extend(processes);
    Ok(swept)
}

/// Kills local processes that a dead run left behind, and names them. Needs no engine.
pub async fn sweep_processes() -> Vec<String> {
    tokio::task::spawn_blocking(descent::sweep_processes).await.unwrap_or_default()
}
