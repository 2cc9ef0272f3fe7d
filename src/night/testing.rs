//! A target without an application, for tests of what is done beside the snapshots.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use super::{Audience, Notice};
use crate::model::{ControlError, ExecOutput, LogLine, RunningProcess, TargetControl};

/// A target whose commands take so many seconds. Every third one fails where it is `x`, only the very third where it is
/// `third`, and every one that holds `fail`. Their standard output is their number.
#[derive(Debug)]
pub(super) struct Fake {
    takes: u64,
    commands: Mutex<Vec<String>>,
}

impl Fake {
    pub(super) fn new(takes: u64) -> Self {
        Self { takes, commands: Mutex::default() }
    }

    /// The commands so far, arguments joined by spaces, in the order of their ends.
    pub(super) fn commands(&self) -> Vec<String> {
        self.commands.lock().unwrap().clone()
    }
}

impl TargetControl for Fake {
    fn address(&self, _port: u16) -> Option<SocketAddr> {
        None
    }

    fn ports(&self) -> Vec<u16> {
        Vec::new()
    }

    async fn exec(&self, _sidecar: Option<&str>, command: &[String]) -> Result<ExecOutput, ControlError> {
        tokio::time::sleep(Duration::from_secs(self.takes)).await;
        let command = command.join(" ");
        let mut commands = self.commands.lock().unwrap();
        let number = commands.len() + 1;
        let fails = match command.as_str() {
            "x" => number.is_multiple_of(3),
            "third" => number == 3,
            other => other.contains("fail"),
        };
        commands.push(command);
        let stdout = format!("{{\"n\": {}}}\n", commands.len()).into_bytes();
        Ok(ExecOutput { exit_code: i64::from(fails), stdout, stderr: b"hunter2-hunter2\n".to_vec() })
    }

    async fn logs(&self, _tail: usize) -> Result<Vec<LogLine>, ControlError> {
        Ok(Vec::new())
    }

    async fn logs_since(&self, _since: jiff::Timestamp) -> Result<Vec<LogLine>, ControlError> {
        Ok(Vec::new())
    }

    async fn processes(&self) -> Result<Vec<RunningProcess>, ControlError> {
        Ok(Vec::new())
    }

    async fn signal(&self, _process: &RunningProcess, _signal: &str) -> Result<bool, ControlError> {
        Ok(false)
    }

    async fn restart(&self, _within: Duration) -> Result<(), ControlError> {
        Ok(())
    }

    async fn pause(&self, _paused: bool) -> Result<(), ControlError> {
        Ok(())
    }
}

/// Hears nothing.
pub(super) struct Deaf;

impl Audience for Deaf {
    fn notice(&self, _notice: &Notice<'_>) {}
}
