//! The end of a target, as an orchestrator brings it: a signal, a deadline, a kill.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::signals::signal_of;
use super::{Body, State, Target, TargetError, ports};
use crate::model::{PortEnd, StopRecord, TargetControl, TermResponse};

/// Between two looks after the stop signal.
const PULSE: Duration = Duration::from_millis(100);
/// The time that a killed process has to be gone.
const KILLED: Duration = Duration::from_secs(10);

impl Target {
    /// Sends the stop signal and watches the process and the port. `None` for targets that are not ours (`container`, `pid`),
    /// and where the target had ended before. A target that ignores the signal is killed at the deadline.
    ///
    /// # Errors
    /// The engine does not answer, or there is no such signal.
    pub async fn stop(&self, signal: &str, within: Duration) -> Result<Option<StopRecord>, TargetError> {
        let (number, name) = signal_of(signal)?;
        if matches!(self.kind, "container" | "pid") || !matches!(self.state().await?, State::Running { .. }) {
            return Ok(None);
        }
        self.resume().await;
        let first_port = self.ports.first().and_then(|port| self.address(*port));
        let sent = Instant::now();
        if !self.signal_main(number, &name).await? {
            return Ok(None);
        }
        let ended = self.wait_end(within).await?;
        let took = sent.elapsed().min(within);
        // One look, at the very moment of the exit or the deadline: before the kill, which would silence any port.
        let port: PortEnd = ports::probe_end(first_port).await;
        let response = if ended.is_some() { TermResponse::Exited } else { TermResponse::Ignored };
        if ended.is_none() {
            self.signal_main(Signal::KILL, "SIGKILL").await?;
            self.wait_end(KILLED).await?;
        }
        Ok(Some(StopRecord {
            signal: name,
            within_s: within.as_secs_f64(),
            took_s: took.as_secs_f64(),
            response,
            port,
            exit_code: ended.flatten(),
        }))
    }

    /// False where the main process had ended before.
    async fn signal_main(&self, number: Signal, name: &str) -> Result<bool, TargetError> {
        match &self.body {
            Body::Docker(application) => application.signal(name).await,
            Body::Local(local) => local.signal(number),
            Body::Attached(_) => Ok(false),
        }
    }

    /// The exit code (where it is known) if the main process ends in time.
    async fn wait_end(&self, within: Duration) -> Result<Option<Option<i64>>, TargetError> {
        let deadline = Instant::now() + within;
        loop {
            match self.state().await? {
                State::Exited { code, .. } => return Ok(Some(code)),
                State::Gone => return Ok(Some(None)),
                State::Running { .. } => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            tokio::time::sleep(PULSE.min(left)).await;
        }
    }
}
