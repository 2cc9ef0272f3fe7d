//! Talking with a command in a container through its standard streams, which the engine carries in one connection.

use std::fmt;
use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::errors::Error;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::words;
use crate::target::lines::keep_capped;

/// How much of what a command writes to standard error is kept for a message.
const COMPLAINT: usize = 2048;

/// A running command that listens on standard input and answers on standard output. It sees the end of its input when this is
/// dropped.
pub struct Wire {
    output: BoxStream<'static, Result<LogOutput, Error>>,
    input: Pin<Box<dyn AsyncWrite + Send>>,
    held: Vec<u8>,
    complaint: Vec<u8>,
}

/// Why an answer did not come.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The command ended.
    #[error("it ended{0}")]
    Ended(String),
    /// The engine broke the connection.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The answer is longer than any answer can be.
    #[error("it answered more than {0} bytes")]
    TooLong(usize),
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("held", &self.held.len()).finish_non_exhaustive()
    }
}

impl Wire {
    pub(super) fn new(
        output: impl futures_util::Stream<Item = Result<LogOutput, Error>> + Send + 'static,
        input: Pin<Box<dyn AsyncWrite + Send>>,
    ) -> Self {
        Self { output: output.boxed(), input, held: Vec::new(), complaint: Vec::new() }
    }

    /// A wire to something in this process, for tests.
    #[cfg(test)]
    pub(crate) fn to(peer: tokio::io::DuplexStream) -> Self {
        let (read, write) = tokio::io::split(peer);
        let pieces = futures_util::stream::unfold(read, |mut read| async move {
            let mut room = vec![0; 1024];
            let got = tokio::io::AsyncReadExt::read(&mut read, &mut room).await.ok().filter(|got| *got > 0)?;
            room.truncate(got);
            Some((Ok(LogOutput::StdOut { message: room.into() }), read))
        });
        Self::new(pieces, Box::pin(write))
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let sent = async {
            self.input.write_all(bytes).await?;
            self.input.flush().await
        };
        sent.await.map_err(|err| WireError::Broken(err.to_string()))
    }

    /// Waits for output that ends with `end`, and gives all of it. What came after it is kept for the next call.
    ///
    /// # Errors
    /// The command ended, the connection is broken, or more than `most` bytes came without the end.
    pub async fn until(&mut self, end: &[u8], most: usize) -> Result<Vec<u8>, WireError> {
        let mut searched = 0_usize;
        loop {
            let from = searched.saturating_sub(end.len());
            let found = self.held.get(from..).and_then(|rest| find(rest, end));
            if let Some(at) = found {
                let rest = self.held.split_off(from + at + end.len());
                return Ok(std::mem::replace(&mut self.held, rest));
            }
            searched = self.held.len();
            if searched > most {
                return Err(WireError::TooLong(most));
            }
            match self.output.next().await {
                Some(Ok(LogOutput::StdErr { message })) => keep_capped(&mut self.complaint, &message, COMPLAINT),
                Some(Ok(LogOutput::StdOut { message } | LogOutput::Console { message })) => {
                    self.held.extend_from_slice(&message);
                }
                Some(Ok(LogOutput::StdIn { .. })) => {}
                Some(Err(err)) => return Err(WireError::Broken(words(&err))),
                None => return Err(WireError::Ended(self.last_words())),
            }
        }
    }

    /// `: what it wrote last`, to standard error where it wrote there: an engine that cannot run a command says so in its place.
    fn last_words(&self) -> String {
        let said = if self.complaint.is_empty() { &self.held } else { &self.complaint };
        let text = String::from_utf8_lossy(said.get(said.len().saturating_sub(COMPLAINT)..).unwrap_or_default());
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        if line.is_empty() { String::new() } else { format!(": {}", crate::model::text::printable(line)) }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    // Nearly always the part begins with a line end, which is rare in the answers of a helper.
    let first = *part.first()?;
    let starts = text.iter().enumerate().filter(|(_, byte)| **byte == first).map(|(at, _)| at);
    starts.into_iter().find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(part)))
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn wire(pieces: Vec<LogOutput>) -> Wire {
        Wire::new(stream::iter(pieces.into_iter().map(Ok)), Box::pin(tokio::io::sink()))
    }

    fn out(text: &'static str) -> LogOutput {
        LogOutput::StdOut { message: text.into() }
    }

    #[tokio::test]
    async fn an_answer_comes_out_whole_whatever_pieces_it_came_in() {
        let err = LogOutput::StdErr { message: "cannot\nopen it\n".into() };
        let mut wire = wire(vec![out("a\nb"), out("c\nE"), err, out("ND\nrest\nEND\nlost")]);
        assert_eq!(wire.until(b"\nEND\n", 100).await.unwrap(), b"a\nbc\nEND\n");
        assert_eq!(wire.until(b"\nEND\n", 100).await.unwrap(), b"rest\nEND\n");
        let ended = wire.until(b"\nEND\n", 100).await.unwrap_err();
        assert_eq!(ended.to_string(), "it ended: open it");
    }

    #[tokio::test]
    async fn an_answer_without_an_end_is_given_up() {
        let mut wire = wire(vec![out("0123456789"), out("0123456789"), out("\n")]);
        assert!(matches!(wire.until(b"\n", 15).await, Err(WireError::TooLong(15))));
    }
}
