//! What steps may do to the target while it runs.

use std::net::SocketAddr;
use std::time::Duration;

use super::docker::described;
use super::events::TargetEvent;
use super::lines::HELD;
use super::signals::signal_of;
use super::{Body, Target, descent, ports, still, table};
use crate::model::{ControlError, ExecOutput, LogLine, ProcId, RunningProcess, TargetControl};

impl TargetControl for Target {
    fn address(&self, port: u16) -> Option<SocketAddr> {
        match &self.body {
            Body::Docker(application) => application.address(port),
            Body::Local(_) | Body::Attached(_) => self.ports.contains(&port).then(|| ports::local(port)),
        }
    }

    fn ports(&self) -> Vec<u16> {
        self.ports.clone()
    }

    async fn exec(&self, sidecar: Option<&str>, command: &[String]) -> Result<ExecOutput, ControlError> {
        match (&self.body, sidecar) {
            (Body::Docker(application), sidecar) => application.exec(sidecar, command).await,
            (Body::Local(_) | Body::Attached(_), Some(name)) => {
                Err(ControlError::NoSuchSidecar { name: name.to_owned(), known: "none".to_owned() })
            }
            (Body::Local(local), None) => local.exec(command).await,
            (Body::Attached(_), None) => Err(ControlError::Unsupported { kind: self.kind, verb: "run commands" }),
        }
    }

    async fn logs(&self, tail: usize) -> Result<Vec<LogLine>, ControlError> {
        match &self.body {
            Body::Docker(application) => application.logs(tail, None).await.map_err(failed),
            Body::Local(local) => Ok(local.log().tail(tail)),
            Body::Attached(_) => Err(ControlError::Unsupported { kind: self.kind, verb: "show its log" }),
        }
    }

    async fn logs_since(&self, since: jiff::Timestamp) -> Result<Vec<LogLine>, ControlError> {
        match &self.body {
            Body::Docker(application) => application.logs(HELD, Some(since)).await.map_err(failed),
            Body::Local(local) => {
                let mut lines = local.log().tail(HELD);
                lines.retain(|line| line.at.is_none_or(|at| at >= since));
                Ok(lines)
            }
            Body::Attached(_) => Err(ControlError::Unsupported { kind: self.kind, verb: "show its log" }),
        }
    }

    async fn processes(&self) -> Result<Vec<RunningProcess>, ControlError> {
        let members = match &self.body {
            Body::Docker(application) => return application.processes().await,
            Body::Local(local) => {
                // Between its end and its new start there are none.
                let _settled = local.asked.settled().await;
                local.members().await.map_err(failed)?
            }
            Body::Attached(attached) => {
                let id = attached.id().map_err(failed)?;
                on_a_thread(move || descent::below(id)).await?
            }
        };
        on_a_thread(move || members.into_iter().filter_map(table::still).collect()).await
    }

    async fn signal(&self, process: &RunningProcess, signal: &str) -> Result<bool, ControlError> {
        let (number, name) = signal_of(signal).map_err(failed)?;
        let sent = match &self.body {
            Body::Docker(application) => application.signal_process(process, number, &name).await?,
            Body::Local(local) => {
                let _settled = local.asked.settled().await;
                send(process, number, &name)?
            }
            Body::Attached(_) => send(process, number, &name)?,
        };
        if sent {
            let text = format!("{name} was sent to 1 process, as the scenario asked: {}", described(process));
            match &self.body {
                Body::Docker(application) => application.live.events.push(TargetEvent::asked(text)),
                Body::Local(local) => local.events.push(TargetEvent::asked(text)),
                Body::Attached(attached) => attached.events.push(TargetEvent::asked(text)),
            }
        }
        Ok(sent)
    }

    async fn restart(&self, within: Duration) -> Result<(), ControlError> {
        match &self.body {
            Body::Docker(application) => application.restart(within).await,
            Body::Local(local) => local.restart(within).await,
            Body::Attached(_) => {
                let verb = "be restarted: slowdrip did not start the process and only watches it";
                Err(ControlError::Unsupported { kind: self.kind, verb })
            }
        }
    }

    async fn pause(&self, paused: bool) -> Result<(), ControlError> {
        match &self.body {
            Body::Docker(application) => application.pause(paused).await,
            Body::Local(local) => local.pause(paused).await,
            Body::Attached(_) => {
                let verb = "be paused: slowdrip did not start the process and only watches it";
                Err(ControlError::Unsupported { kind: self.kind, verb })
            }
        }
    }
}

impl Target {
    /// Lets a paused target go on: one that stands still heeds no signal.
    pub(super) async fn resume(&self) {
        match &self.body {
            Body::Docker(application) => application.resume().await,
            Body::Local(local) => local.resume().await,
            Body::Attached(_) => {}
        }
    }
}

/// Sends a signal to a process of this machine. False where it is gone.
fn send(process: &RunningProcess, signal: rustix::process::Signal, name: &str) -> Result<bool, ControlError> {
    let known = process.start.map(|start| ProcId { pid: process.pid, start });
    // Looked at once more: the process may be gone, and its pid somebody else's. A zombie takes signals and heeds none.
    let Some(id) = known.filter(|id| table::still(*id).is_some()) else { return Ok(false) };
    match descent::send(id, signal) {
        Ok(()) => Ok(true),
        Err(err) if still::is_over(&err) => Ok(false),
        Err(err) => {
            let process = described(process);
            let text =
                format!("{name} cannot be sent to process {process}: {err}; run slowdrip as its user, or with sudo");
            Err(ControlError::Failed(text))
        }
    }
}

async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ControlError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|err| ControlError::Failed(format!("the processes cannot be read: {err}")))
}

fn failed(err: impl std::fmt::Display) -> ControlError {
    ControlError::Failed(err.to_string())
}
