//! The target as the steps of a night have it: one that they leave standing still goes on when a phase ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use super::Night;
use crate::model::{ControlError, ExecOutput, LogLine, RunningProcess, TargetControl};
use crate::target::Target;

/// An engine that hangs must not keep a night from ending.
const PATIENCE: Duration = Duration::from_secs(10);

/// The target as steps have it.
#[derive(Debug)]
pub(super) struct Steered<C = Target> {
    target: Arc<C>,
    // True from a pause that was asked for until the target goes on.
    paused: Arc<AtomicBool>,
}

impl<C: TargetControl> TargetControl for Steered<C> {
    fn address(&self, port: u16) -> Option<SocketAddr> {
        self.target.address(port)
    }

    fn ports(&self) -> Vec<u16> {
        self.target.ports()
    }

    async fn exec(&self, sidecar: Option<&str>, command: &[String]) -> Result<ExecOutput, ControlError> {
        self.target.exec(sidecar, command).await
    }

    async fn logs(&self, tail: usize) -> Result<Vec<LogLine>, ControlError> {
        self.target.logs(tail).await
    }

    async fn logs_since(&self, since: jiff::Timestamp) -> Result<Vec<LogLine>, ControlError> {
        self.target.logs_since(since).await
    }

    async fn processes(&self) -> Result<Vec<RunningProcess>, ControlError> {
        self.target.processes().await
    }

    async fn signal(&self, process: &RunningProcess, signal: &str) -> Result<bool, ControlError> {
        self.target.signal(process, signal).await
    }

    async fn restart(&self, within: Duration) -> Result<(), ControlError> {
        self.target.restart(within).await
    }

    async fn pause(&self, paused: bool) -> Result<(), ControlError> {
        if paused {
            // Before it does: a pause that is cut off may still come.
            self.paused.store(true, Ordering::SeqCst);
        }
        let done = self.target.pause(paused).await;
        if paused != done.is_ok() {
            // It goes on, or was never paused.
            self.paused.store(false, Ordering::SeqCst);
        }
        done
    }
}

impl Night<'_> {
    /// The target as steps have it.
    pub(super) fn steered(&self) -> Option<Steered> {
        let target = Arc::clone(self.target.as_ref()?);
        Some(Steered { target, paused: Arc::clone(&self.paused) })
    }

    /// Has a target go on that steps have left standing still.
    pub(super) async fn unpause(&mut self) {
        if !self.paused.load(Ordering::SeqCst) {
            return;
        }
        let Some(steered) = self.steered() else { return };
        let problem = match timeout(PATIENCE, steered.pause(false)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_elapsed) => "the engine did not answer in time".to_owned(),
        };
        self.warn(&format!("the target stands still and could not be made to go on: {problem}"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fake;
    use super::*;

    #[tokio::test]
    async fn a_pause_is_known_until_the_target_goes_on() {
        let flag = Arc::new(AtomicBool::new(false));
        let steered = Steered { target: Arc::new(Fake::new(0)), paused: Arc::clone(&flag) };
        let paused = || flag.load(Ordering::SeqCst);
        steered.pause(true).await.unwrap();
        assert!(paused());
        steered.pause(false).await.unwrap();
        assert!(!paused());
    }
}
