//! What containers write, and commands executed in them.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, future, stream};

use super::{Engine, refused, status, words};
use crate::model::{ControlError, ExecOutput, LogLine};
use crate::target::Followed;
use crate::target::error::TargetError;
use crate::target::lines::{EXEC_CAP, keep_capped};

/// Rest before the next try where a log that is followed broke off.
const REST: Duration = Duration::from_secs(1);
/// So often in a row the engine may refuse the log before it is believed.
const MOST_REFUSALS: u32 = 5;

impl Engine {
    /// The last log lines of a container by time: standard output and error come unordered from the engine.
    pub(super) async fn logs(&self, id: &str, tail: usize) -> Result<Vec<LogLine>, TargetError> {
        self.logs_since(id, tail, None).await
    }

    /// The same, without those that are older than `since`.
    pub(super) async fn logs_since(
        &self,
        id: &str,
        tail: usize,
        since: Option<jiff::Timestamp>,
    ) -> Result<Vec<LogLine>, TargetError> {
        let mut options = LogsOptionsBuilder::new().stdout(true).stderr(true).timestamps(true).tail(&tail.to_string());
        if let Some(since) = since {
            // The engine counts in seconds; what that gives too much is left out below.
            options = options.since(i32::try_from(since.as_second()).unwrap_or(i32::MAX));
        }
        let mut output = self.api.logs(id, Some(options.build()));
        let mut lines = Vec::new();
        while let Some(piece) = output.next().await {
            lines.push(line_of(piece.map_err(refused("read the log"))?));
        }
        lines.retain(|line| line.at.is_none_or(|at| since.is_none_or(|since| at >= since)));
        lines.sort_by_key(|line| line.at);
        Ok(lines)
    }

    /// All log lines of a container from its start on, as they come. Ends where the container ends.
    pub(super) fn follow(&self, id: &str) -> BoxStream<'static, LogLine> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).timestamps(true).follow(true).build();
        let pieces = self.api.logs(id, Some(options));
        pieces
            .take_while(|piece| future::ready(piece.is_ok()))
            .filter_map(|piece| async { piece.ok().map(line_of) })
            .boxed()
    }

    /// The log lines of a container from `since` on, each once. Where the stream ends, because the container or the engine is
    /// started anew, it is asked for again.
    pub(super) fn follow_from(self, id: String, since: jiff::Timestamp) -> BoxStream<'static, Followed> {
        self.follow_at_pace(id, since, REST)
    }

    /// The same with this rest before each new try.
    pub(super) fn follow_at_pace(
        self,
        id: String,
        since: jiff::Timestamp,
        rest: Duration,
    ) -> BoxStream<'static, Followed> {
        let before = since.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap_or(since);
        let resumed = Resumed { engine: self, id, rest, seen: before, newest: before, pieces: None, refusals: 0 };
        stream::unfold(resumed, Resumed::next).boxed()
    }

    /// Runs a command in a container, as its own user or another, and waits for its end.
    pub(super) async fn exec_as(
        &self,
        id: &str,
        command: &[String],
        user: Option<&str>,
    ) -> Result<ExecOutput, ControlError> {
        let failed = |err: Error| ControlError::Failed(format!("the engine refused to run it: {}", words(&err)));
        let config = ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            user: user.map(str::to_owned),
            cmd: Some(command.to_vec()),
            ..ExecConfig::default()
        };
        let made = self.api.create_exec(id, config).await.map_err(failed)?;
        let started = self.api.start_exec(&made.id, None::<StartExecOptions>).await.map_err(failed)?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(piece) = output.next().await {
                match piece.map_err(failed)? {
                    LogOutput::StdErr { message } => keep_capped(&mut stderr, &message, EXEC_CAP),
                    LogOutput::StdOut { message } | LogOutput::Console { message } => {
                        keep_capped(&mut stdout, &message, EXEC_CAP);
                    }
                    LogOutput::StdIn { .. } => {}
                }
            }
        }
        let ended = self.api.inspect_exec(&made.id).await.map_err(failed)?;
        let exit_code = ended.exit_code.ok_or_else(|| {
            ControlError::Failed(
                "the engine does not say how it ended; the container may have ended with it".to_owned(),
            )
        })?;
        Ok(ExecOutput { exit_code, stdout, stderr })
    }
}

/// A log that is asked for again where it breaks off.
struct Resumed {
    engine: Engine,
    id: String,
    rest: Duration,
    // Up to here the lines were given out by earlier streams.
    seen: jiff::Timestamp,
    newest: jiff::Timestamp,
    pieces: Option<BoxStream<'static, Result<LogOutput, Error>>>,
    // In a row.
    refusals: u32,
}

impl Resumed {
    async fn next(mut self) -> Option<(Followed, Self)> {
        loop {
            let pieces = match &mut self.pieces {
                Some(pieces) => pieces,
                None if self.refusals >= MOST_REFUSALS => return None,
                None => {
                    // The engine counts in seconds; what that gives too much is left out below.
                    let since = i32::try_from(self.newest.as_second()).unwrap_or(i32::MAX);
                    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).timestamps(true).follow(true);
                    self.seen = self.newest;
                    let pieces = self.engine.api.logs(&self.id, Some(options.since(since).build()));
                    self.pieces.insert(pieces.boxed())
                }
            };
            match pieces.next().await {
                Some(Ok(piece)) => {
                    self.refusals = 0;
                    let line = line_of(piece);
                    if line.at.is_some_and(|at| at <= self.seen) {
                        continue;
                    }
                    self.newest = line.at.map_or(self.newest, |at| at.max(self.newest));
                    return Some((Followed::Line(line), self));
                }
                Some(Err(error)) if status(&error).is_some() => {
                    self.pieces = None;
                    self.refusals += 1;
                    if self.refusals >= MOST_REFUSALS {
                        return Some((Followed::Failed(words(&error)), self));
                    }
                }
                Some(Err(_)) | None => self.pieces = None,
            }
            tokio::time::sleep(self.rest).await;
        }
    }
}

/// Cuts the engine's stamp off a line.
fn line_of(piece: LogOutput) -> LogLine {
    let stderr = matches!(piece, LogOutput::StdErr { .. });
    let bytes = piece.into_bytes();
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_end_matches(['\n', '\r']);
    let stamped = text.split_once(' ').or(Some((text, ""))).and_then(|(stamp, rest)| {
        let at: jiff::Timestamp = stamp.parse().ok()?;
        Some((at, rest))
    });
    match stamped {
        Some((at, rest)) => LogLine { at: Some(at), stderr, text: rest.to_owned() },
        None => LogLine { at: None, stderr, text: text.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine {
        line_of(LogOutput::StdErr { message: text.to_owned().into() })
    }

    #[test]
    fn the_stamp_is_cut_off_and_a_line_without_one_stays_whole() {
        let stamped = line("2026-11-22T18:10:37.123456789Z hello  world\r\n");
        assert_eq!(stamped.at.map(|at| at.to_string()).as_deref(), Some("2026-11-22T18:10:37.123456789Z"));
        assert!(stamped.stderr && stamped.text == "hello  world");
        assert_eq!(line("2026-11-22T18:10:37Z\n").text, "");
        assert_eq!(line("no stamp\n"), LogLine { at: None, stderr: true, text: "no stamp".into() });
    }
}
