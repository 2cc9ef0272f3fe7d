//! Targets in containers. This folder alone speaks to the engine, and alone names the crate that does.

mod application;
mod beside;
mod build;
mod buildkit;
mod charged;
mod create;
mod disk;
mod facts;
mod image;
mod inspect;
mod launch;
mod logs;
mod own;
mod processes;
mod remove;
mod restart;
mod sweep;
#[cfg(test)]
mod tests;
mod watch;
mod wire;

use std::collections::HashMap;
use std::error::Error as _;
use std::io;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;

use super::error::TargetError;
use super::owner::{self, Owner};
use crate::model::EngineRecord;

pub(super) use application::Application;
pub use beside::{Beside, Meter};
pub use facts::EngineFacts;
pub(super) use facts::facts;
pub(super) use inspect::find;
pub(super) use processes::described;
pub(super) use sweep::sweep;
pub use wire::{Wire, WireError};

/// Where the engine is when `DOCKER_HOST` does not say.
const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
/// An engine that is there answers within this time.
const GREETING: Duration = Duration::from_secs(10);

/// Where the engine is: `DOCKER_HOST`, or the default socket.
fn address() -> String {
    std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty()).unwrap_or_else(|| DEFAULT_HOST.to_owned())
}

/// A container engine that answered.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    api: Docker,
    host: String,
    record: EngineRecord,
}

impl Engine {
    /// Connects to `DOCKER_HOST`, or to the default socket.
    pub(super) async fn connect() -> Result<Self, TargetError> {
        Self::connect_to(&address()).await
    }

    /// Connects to an engine and agrees with it on the version to speak.
    pub(super) async fn connect_to(host: &str) -> Result<Self, TargetError> {
        let api = Docker::connect_with_host(host).map_err(|err| unreachable(host, &err))?;
        let greeting = async {
            let api = api.negotiate_version().await?;
            let version = api.version().await?;
            Ok::<_, Error>((api, version))
        };
        let (api, version) = match tokio::time::timeout(GREETING, greeting).await {
            Ok(answer) => answer.map_err(|err| unreachable(host, &err))?,
            Err(_elapsed) => {
                return Err(TargetError::NoEngine {
                    address: host.to_owned(),
                    reason: format!("no answer within {} s", GREETING.as_secs()),
                });
            }
        };
        let spoken = api.client_version();
        let record = EngineRecord {
            version: version.version.unwrap_or_default(),
            api: format!("{}.{}", spoken.major_version, spoken.minor_version),
        };
        Ok(Self { api, host: host.to_owned(), record })
    }

    pub(super) fn record(&self) -> &EngineRecord {
        &self.record
    }

    /// The same engine for calls that may take long before their first answer: a build reads its whole context first.
    fn patient(&self) -> Docker {
        self.api.clone().with_timeout(Duration::from_secs(6 * 3600))
    }
}

/// Names and labels of one run's things.
#[derive(Debug, Clone)]
struct Marks {
    scenario: String,
    run: String,
    labels: HashMap<String, String>,
}

impl Marks {
    fn new(scenario: &str, run: &str) -> Self {
        let labels = [
            (owner::RUN, run.to_owned()),
            (owner::SCENARIO, scenario.to_owned()),
            (owner::OWNER, Owner::current().to_string()),
            (owner::PID_NAMESPACE, owner::pid_namespace()),
        ];
        let labels = labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { scenario: scenario.to_owned(), run: run.to_owned(), labels }
    }

    /// The name of a container, a network or a volume of the run.
    fn name(&self, role: &str) -> String {
        format!("{PREFIX}{}-{}-{role}", self.scenario, self.run)
    }
}

/// Names of all that is made begin like this.
const PREFIX: &str = "slowdrip-";
/// Names of what is kept on purpose begin like this.
const KEPT: &str = "slowdrip-kept-";

/// The one filter used: things that bear a label, with this value if one is given.
fn labelled(key: &str, value: Option<&str>) -> HashMap<String, Vec<String>> {
    let wanted = value.map_or_else(|| key.to_owned(), |value| format!("{key}={value}"));
    HashMap::from([("label".to_owned(), vec![wanted])])
}

/// What the engine itself said, or the whole chain where it said nothing.
fn words(err: &Error) -> String {
    if let Error::DockerResponseServerError { message: said, .. } | Error::DockerStreamError { error: said } = err {
        return said.trim().to_owned();
    }
    let mut text = err.to_string();
    let mut source = err.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

fn status(err: &Error) -> Option<u16> {
    if let Error::DockerResponseServerError { status_code, .. } = err { Some(*status_code) } else { None }
}

/// True where the thing asked for is not there (any more).
fn is_gone(err: &Error) -> bool {
    status(err) == Some(404)
}

fn refused(verb: &'static str) -> impl FnOnce(Error) -> TargetError {
    move |err| match io_kind(&err) {
        Some(io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            TargetError::Engine { verb, message: format!("{} (the engine went away)", words(&err)) }
        }
        _ => TargetError::Engine { verb, message: words(&err) },
    }
}

/// The kind of the system's error at the bottom of the chain.
fn io_kind(err: &Error) -> Option<io::ErrorKind> {
    // This one stands for the system's error, so it does not name it as its source.
    if let Error::IOError { err } = err {
        return Some(err.kind());
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(err);
    while let Some(err) = cause {
        if let Some(err) = err.downcast_ref::<io::Error>() {
            return Some(err.kind());
        }
        cause = err.source();
    }
    None
}

fn unreachable(host: &str, err: &Error) -> TargetError {
    let address = host.to_owned();
    if let Error::UnsupportedURISchemeError { .. } = err {
        return TargetError::UnsupportedHost { host: address };
    }
    if let Error::SocketNotFoundError(_) = err {
        return TargetError::NoEngine { address, reason: "there is no such socket".into() };
    }
    match io_kind(err) {
        Some(io::ErrorKind::PermissionDenied) => TargetError::NoPermission { address },
        Some(io::ErrorKind::ConnectionRefused) => {
            TargetError::NoEngine { address, reason: "the connection was refused".into() }
        }
        _ => TargetError::NoEngine { address, reason: words(err) },
    }
}
