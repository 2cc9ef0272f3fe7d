//! The target as the steps of a night have it: what they do to it on purpose is known while it goes on, so that a target that
//! is being restarted is not taken for one that died, and a target that stands still goes on when a phase ends.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::Night;
use crate::model::{ControlError, ExecOutput, LogLine, RunningProcess, TargetControl};
use crate::target::Target;

/// After a restart that was asked for the target may still be on its way for so long.
const GRACE: Duration = Duration::from_secs(10);

/// An engine that hangs must not keep a night from ending.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is being done to the target on purpose.
#[derive(Debug, Default)]
pub(super) struct Steering {
    restarting: AtomicU32,
    // When a restart came to its end, or was cut off.
    restarted: Mutex<Option<Instant>>,
    paused: AtomicBool,
}

impl Steering {
    /// Whether a restart is under way, or was a moment ago.
    pub(super) fn is_restarting(&self) -> bool {
        let restarted = *self.restarted.lock().unwrap_or_else(PoisonError::into_inner);
        self.restarting.load(Ordering::SeqCst) > 0 || restarted.is_some_and(|at| at.elapsed() < GRACE)
    }
}

/// A restart that is under way.
struct Restarting<'a>(&'a Steering);

impl<'a> Restarting<'a> {
    fn begin(steering: &'a Steering) -> Self {
        steering.restarting.fetch_add(1, Ordering::SeqCst);
        Self(steering)
    }
}

impl Drop for Restarting<'_> {
    fn drop(&mut self) {
        *self.0.restarted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.0.restarting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The target as steps have it.
#[derive(Debug)]
pub(super) struct Steered<C = Target> {
    target: Arc<C>,
    steering: Arc<Steering>,
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
        let _under_way = Restarting::begin(&self.steering);
        self.target.restart(within).await
    }

    async fn pause(&self, paused: bool) -> Result<(), ControlError> {
        if paused {
            // Before it does: a pause that is cut off may still come.
            self.steering.paused.store(true, Ordering::SeqCst);
        }
        self.target.pause(paused).await?;
        if !paused {
            self.steering.paused.store(false, Ordering::SeqCst);
        }
        Ok(())
    }
}

impl Night<'_> {
    /// The target as steps have it.
    pub(super) fn steered(&self) -> Option<Steered> {
        let target = Arc::clone(self.target.as_ref()?);
        Some(Steered { target, steering: Arc::clone(&self.steering) })
    }

    /// Has a target go on that steps have left standing still.
    pub(super) async fn unpause(&mut self) {
        if !self.steering.paused.load(Ordering::SeqCst) {
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

    #[tokio::test(start_paused = true)]
    async fn a_restart_that_is_under_way_or_was_a_moment_ago_is_known() {
        let steering = Arc::new(Steering::default());
        let steered = Steered { target: Arc::new(Fake::new(5)), steering: Arc::clone(&steering) };
        assert!(!steering.is_restarting());
        let restart = steered.restart(Duration::from_secs(1));
        assert!(timeout(Duration::from_secs(2), restart).await.is_err(), "it is cut off");
        assert!(steering.is_restarting());
        tokio::time::advance(GRACE).await;
        assert!(!steering.is_restarting());
        steered.restart(Duration::from_secs(1)).await.unwrap();
        assert!(steering.is_restarting());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_known_until_the_target_goes_on() {
        let steering = Arc::new(Steering::default());
        let steered = Steered { target: Arc::new(Fake::new(0)), steering: Arc::clone(&steering) };
        let paused = || steering.paused.load(Ordering::SeqCst);
        steered.pause(true).await.unwrap();
        assert!(paused());
        steered.pause(false).await.unwrap();
        assert!(!paused());
    }
}
