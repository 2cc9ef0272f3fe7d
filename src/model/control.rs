//! What steps may do to a running target, without knowing how it runs.

use std::future::Future;
use std::net::SocketAddr;

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
}
