//! Lines of a target: bounded, stamped, and made fit for a message.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::Notify;

use crate::model::text::printable;
use crate::model::{LogLine, Redactor};

/// How many lines of a local process are held, and how many of any log are looked through at once.
pub(super) const HELD: usize = 10_000;
/// A line longer than this is cut into several, as the engine does.
const LONGEST: usize = 16 * 1024;
/// How much of each stream of an executed command is kept.
pub(super) const EXEC_CAP: usize = 1024 * 1024;

/// The text of foreign lines, secrets masked, fit for a terminal and a single line.
pub(super) fn shown(text: &str, redactor: &Redactor) -> String {
    // Masked first: escaping would change a secret that holds control characters.
    printable(&redactor.mask(text))
}

/// The last lines of a log for a message.
pub(super) fn shown_lines(lines: &[LogLine], redactor: &Redactor) -> Vec<String> {
    lines.iter().map(|line| shown(&line.text, redactor)).collect()
}

/// Cuts bytes into lines, whatever pieces they come in.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    held: Vec<u8>,
}

impl Splitter {
    /// Takes bytes and gives the lines that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.held.extend_from_slice(piece);
            if self.held.ends_with(b"\n") || self.held.len() >= LONGEST {
                lines.extend(self.finish());
            }
        }
        lines
    }

    /// The line begun, if there is one.
    pub(super) fn finish(&mut self) -> Option<String> {
        if self.held.is_empty() {
            return None;
        }
        let text = String::from_utf8_lossy(&self.held);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text).to_owned();
        self.held.clear();
        Some(text)
    }
}

/// The last lines that a local process wrote.
#[derive(Debug, Default)]
pub(super) struct LogBuffer {
    lines: Mutex<Numbered>,
    grown: Notify,
}

#[derive(Debug, Default)]
struct Numbered {
    // The number of the first line held, counted from the start of the process.
    first: u64,
    lines: VecDeque<LogLine>,
}

impl LogBuffer {
    /// Takes a line.
    pub(super) fn push(&self, stderr: bool, text: String) {
        let mut held = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if held.lines.len() >= HELD {
            held.lines.pop_front();
            held.first += 1;
        }
        held.lines.push_back(LogLine { at: Some(jiff::Timestamp::now()), stderr, text });
        drop(held);
        self.grown.notify_waiters();
    }

    /// The last lines, oldest first.
    pub(super) fn tail(&self, tail: usize) -> Vec<LogLine> {
        let held = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        held.lines.iter().skip(held.lines.len().saturating_sub(tail)).cloned().collect()
    }

    /// The number that the next line will have.
    pub(super) fn next_number(&self) -> u64 {
        let held = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        held.first + held.lines.len() as u64
    }

    /// Waits for lines from a number on, and gives them with the number after the last.
    pub(super) async fn since(&self, number: u64) -> (Vec<LogLine>, u64) {
        loop {
            let grown = self.grown.notified();
            tokio::pin!(grown);
            // Enabled before the look, so that a line between look and wait is not missed.
            grown.as_mut().enable();
            {
                let held = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
                let next = held.first + held.lines.len() as u64;
                if next > number {
                    let skipped = usize::try_from(number.saturating_sub(held.first)).unwrap_or(usize::MAX);
                    return (held.lines.iter().skip(skipped).cloned().collect(), next);
                }
            }
            grown.await;
        }
    }

    /// Reads a stream to its end.
    pub(super) async fn fill(&self, mut from: impl AsyncRead + Unpin, stderr: bool) {
        let mut splitter = Splitter::default();
        let mut room = vec![0_u8; 8 * 1024];
        while let Ok(read) = from.read(&mut room).await {
            let Some(bytes) = room.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            for line in splitter.push(bytes) {
                self.push(stderr, line);
            }
        }
        if let Some(line) = splitter.finish() {
            self.push(stderr, line);
        }
    }
}

/// Reads a stream to its end but keeps only its first `most` bytes.
pub(super) async fn read_capped(mut from: impl AsyncRead + Unpin, most: usize) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let mut room = vec![0_u8; 8 * 1024];
    loop {
        let read = from.read(&mut room).await?;
        let Some(bytes) = room.get(..read).filter(|bytes| !bytes.is_empty()) else { return Ok(kept) };
        keep_capped(&mut kept, bytes, most);
    }
}

/// Appends as many bytes as there is room for.
pub(super) fn keep_capped(kept: &mut Vec<u8>, bytes: &[u8], most: usize) {
    let room = most.saturating_sub(kept.len()).min(bytes.len());
    kept.extend(bytes.iter().take(room));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_whatever_pieces_they_came_in() {
        let mut splitter = Splitter::default();
        assert_eq!(splitter.push(b"on"), Vec::<String>::new());
        assert_eq!(splitter.push(b"e\r\ntwo\n\nthr"), ["one", "two", ""]);
        assert_eq!(splitter.push(b"\xffee"), Vec::<String>::new());
        assert_eq!(splitter.finish().as_deref(), Some("thr\u{fffd}ee"));
        assert_eq!(splitter.finish(), None);
        assert_eq!(splitter.push(&vec![b'x'; LONGEST + 5]).len(), 1);
    }

    #[tokio::test]
    async fn the_buffer_keeps_the_newest_and_waits_for_more() {
        let buffer = LogBuffer::default();
        for n in 0..HELD + 3 {
            buffer.push(false, n.to_string());
        }
        let tail: Vec<String> = buffer.tail(2).into_iter().map(|line| line.text).collect();
        assert_eq!(tail, ["10001", "10002"]);
        let (all, next) = buffer.since(0).await;
        assert_eq!((all.len(), next), (HELD, HELD as u64 + 3));
        let (more, ()) = tokio::join!(buffer.since(next), async { buffer.push(true, "late".into()) });
        assert!(more.0.len() == 1 && more.0[0].stderr && more.0[0].text == "late");
    }

    #[tokio::test]
    async fn output_beyond_the_cap_is_read_but_not_kept() {
        let kept = read_capped(&[1_u8; 100][..], 10).await.unwrap();
        assert_eq!(kept.len(), 10);
    }

    #[test]
    fn secrets_are_masked_before_control_characters_are_escaped() {
        let redactor = Redactor::new();
        redactor.add("pass\tword");
        assert_eq!(shown("x pass\tword\x1b[0m", &redactor), "x [secret]\\u{1b}[0m");
    }
}
