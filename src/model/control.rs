//! What steps may do to a running target, without knowing how it runs.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

/// What an executed command answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// Its exit code.
    pub exit_code: i64,
    /// Standard output, at most 1 MiB.
    pub stdout: Vec<u8>,
    /// Standard error, at most 1 MiB.
    pub stderr: Vec<u8>,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When the engine took it; `None` where nobody stamped it.
    pub at: Option<jiff::Timestamp>,
    /// True for standard error.
    pub stderr: bool,
    /// The text without its line end, bytes that are not UTF-8 replaced.
    pub text: String,
}

/// A process of the target that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningProcess {
    /// Its pid, in the namespace of the engine's machine.
    pub pid: u32,
    /// When it was started, clock ticks since the machine's boot; `None` where only the engine could be asked.
    pub start: Option<u64>,
    /// Its command line, arguments joined by spaces.
    pub command: String,
}

/// Which of several processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Which {
    /// All.
    #[default]
    All,
    /// The one that was started first.
    Oldest,
    /// The one that was started last.
    Newest,
}

/// Why the target could not do what it was asked to.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ControlError {
    /// There is no sidecar of that name.
    #[error("there is no sidecar `{name}` (there are: {known})")]
    NoSuchSidecar {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// This kind of target cannot do that.
    #[error("a target of kind `{kind}` cannot {verb}")]
    Unsupported {
        /// The target's kind.
        kind: &'static str,
        /// What was asked for.
        verb: &'static str,
    },
    /// The engine or the system refused.
    #[error("{0}")]
    Failed(String),
}

/// A running target as steps see it.
pub trait TargetControl: Send + Sync {
    /// Where a port of the target is reached from here; `None` where it is not published.
    fn address(&self, port: u16) -> Option<SocketAddr>;

    /// The ports that can be reached, the first one being the default of HTTP steps.
    fn ports(&self) -> Vec<u16>;

    /// Runs a command in the target, or in the sidecar named, and waits for its end.
    fn exec(
        &self,
        sidecar: Option<&str>,
        command: &[String],
    ) -> impl Future<Output = Result<ExecOutput, ControlError>> + Send;

    /// The last `tail` log lines of the target, oldest first.
    fn logs(&self, tail: usize) -> impl Future<Output = Result<Vec<LogLine>, ControlError>> + Send;

    /// The log lines of the target that were written since a moment, oldest first. Lines that nobody stamped are held to be
    /// written when they came.
    fn logs_since(&self, since: jiff::Timestamp) -> impl Future<Output = Result<Vec<LogLine>, ControlError>> + Send;

    /// The processes of the target that run, in no order. What the engine or slowdrip runs in it (health checks, `exec`) may
    /// be among them.
    fn processes(&self) -> impl Future<Output = Result<Vec<RunningProcess>, ControlError>> + Send;

    /// Sends a signal (`SIGKILL`) to one process of the target. False where it is gone, or its pid is somebody else's by now.
    fn signal(&self, process: &RunningProcess, signal: &str)
    -> impl Future<Output = Result<bool, ControlError>> + Send;

    /// Ends the target's main process, after `within` by force, starts it again, and waits until it runs. Ports and processes
    /// are other ones from then on. It is no restart that the night holds against the target.
    fn restart(&self, within: Duration) -> impl Future<Output = Result<(), ControlError>> + Send;

    /// Makes the target stand still, or go on. Nothing happens where it does already.
    fn pause(&self, paused: bool) -> impl Future<Output = Result<(), ControlError>> + Send;
}
