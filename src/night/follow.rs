//! The target's log during the watching, on disk as it comes, in a task of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::Night;
use crate::history::LogFile;
use crate::model::text::printable;
use crate::model::{LogRecord, Redactor};
use crate::target::{Followed, Target};

/// So many lines are taken at once, where there are so many.
const AT_ONCE: usize = 256;
/// What a target wrote last may still be on its way.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// A disk that hangs must not keep a night from ending.
const PATIENCE: Duration = Duration::from_secs(10);

/// A log that is followed.
#[derive(Debug)]
pub(super) struct Following {
    task: AbortOnDropHandle<()>,
    end: watch::Sender<Option<jiff::Timestamp>>,
    record: Arc<Mutex<LogRecord>>,
}

impl Following {
    fn record(&self) -> LogRecord {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Sorts what comes into the file and the record.
struct Keeper {
    // When the soak began.
    begin: jiff::Timestamp,
    // `None` once it could not be written any more.
    file: Option<LogFile>,
    record: Arc<Mutex<LogRecord>>,
    redactor: Arc<Redactor>,
}

impl Keeper {
    fn change(&self, change: impl FnOnce(&mut LogRecord)) {
        change(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn problem(&self, text: &str) {
        let text = printable(&self.redactor.mask(text));
        self.change(|record| {
            record.problem.get_or_insert(text);
        });
    }

    /// Takes what came, up to `until`. False once something came that is later.
    fn take(&mut self, pieces: Vec<Followed>, until: Option<jiff::Timestamp>) -> bool {
        let (mut lines, mut lost, mut in_time) = (Vec::with_capacity(pieces.len()), 0, true);
        for piece in pieces {
            match piece {
                Followed::Line(line) => {
                    let at = line.at.unwrap_or_else(jiff::Timestamp::now);
                    if until.is_some_and(|until| at > until) {
                        in_time = false;
                        continue;
                    }
                    lines.push((at.as_millisecond() - self.begin.as_millisecond(), line.text));
                }
                Followed::Lost(n) => lost += n,
                Followed::Failed(why) => self.problem(&format!("the log could not be followed to the end: {why}")),
            }
        }
        let written = self.file.as_mut().map(|file| file.append(lines.iter().map(|(at, text)| (*at, text.as_str()))));
        let kept = match written {
            Some(Ok(kept)) => kept,
            Some(Err(error)) => {
                self.file = None;
                self.problem(&error.to_string());
                0
            }
            None => 0,
        };
        let came = lines.len() as u64;
        self.change(|record| {
            record.lines += came + lost;
            record.dropped += came - kept + lost;
        });
        in_time
    }
}

/// Follows a log until it ends, or for a little longer than `end` says.
async fn follow(
    lines: BoxStream<'static, Followed>,
    mut keeper: Keeper,
    mut end: watch::Receiver<Option<jiff::Timestamp>>,
) {
    let mut pieces = lines.ready_chunks(AT_ONCE);
    let until = loop {
        tokio::select! {
            biased;
            ended = end.wait_for(Option::is_some) => break ended.map_or(None, |at| *at),
            came = pieces.next() => match came {
                Some(came) => keeper.take(came, None),
                None => break None,
            },
        };
        // A target that never stops writing must leave room for others on this thread.
        tokio::task::consume_budget().await;
    };
    let last_words = async {
        while let Some(came) = pieces.next().await {
            if !keeper.take(came, until) {
                break;
            }
        }
    };
    // Whether they were all: there is no telling.
    let _late = tokio::time::timeout(LAST_WORDS, last_words).await;
    if let Some(Err(error)) = keeper.file.take().map(LogFile::finish) {
        keeper.problem(&error.to_string());
    }
}

impl Night<'_> {
    /// Begins to follow the target's log, where it has one.
    pub(super) fn follow_log(&mut self) {
        let begin = self.record.soak_started.unwrap_or_else(jiff::Timestamp::now);
        let Some(lines) = self.target.as_deref().and_then(|target: &Target| target.follow_log(begin)) else { return };
        let record = Arc::new(Mutex::new(LogRecord::default()));
        let redactor = Arc::clone(&self.redactor);
        let mut keeper = Keeper { begin, file: None, record: Arc::clone(&record), redactor };
        match self.folder.log() {
            Ok(file) => keeper.file = Some(file),
            Err(error) => keeper.problem(&error.to_string()),
        }
        let (end, ended) = watch::channel(None);
        let task = AbortOnDropHandle::new(tokio::spawn(follow(lines, keeper, ended)));
        self.following = Some(Following { task, end, record });
    }

    /// Takes over into the record how the log fares.
    pub(super) fn collect_log(&mut self) {
        if let Some(following) = &self.following {
            self.record.log = Some(following.record());
        }
    }

    /// Ends following the log. May be called more than once.
    pub(super) async fn end_log(&mut self) {
        let Some(following) = &mut self.following else { return };
        following.end.send_replace(Some(jiff::Timestamp::now()));
        let ended = tokio::time::timeout(PATIENCE, &mut following.task).await;
        let mut record = following.record();
        if !matches!(ended, Ok(Ok(()))) {
            record.problem.get_or_insert_with(|| "the log could not be brought to its end".to_owned());
        }
        if let Some(problem) = &record.problem {
            let line = format!("the target's log: {problem}");
            self.warn(&line);
        }
        self.record.log = Some(record);
        self.following = None;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::history::RunDir;
    use crate::model::{KeptLine, LogLine};

    fn line(at: Timestamp, text: &str) -> Followed {
        Followed::Line(LogLine { at: Some(at), stderr: false, text: text.to_owned() })
    }

    /// Follows these pieces up to `end`: the record, and the lines of the file.
    async fn followed(begin: Timestamp, pieces: Vec<Followed>, end: Timestamp) -> (LogRecord, Vec<(i64, String)>) {
        let folder = tempfile::tempdir().unwrap();
        let redactor = Arc::new(Redactor::new());
        redactor.add("hunter2");
        let run = RunDir::create(folder.path(), "s", "r", Arc::clone(&redactor)).unwrap();
        let record = Arc::new(Mutex::new(LogRecord::default()));
        let keeper = Keeper { begin, file: Some(run.log().unwrap()), record: Arc::clone(&record), redactor };
        let (sender, ended) = watch::channel(None);
        sender.send_replace(Some(end));
        follow(stream::iter(pieces).chain(stream::pending()).boxed(), keeper, ended).await;
        let text = std::fs::read_to_string(run.path().join("log.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<KeptLine>(line).unwrap());
        let lines = lines.map(|line| (line.at_ms, line.text)).collect();
        let record = record.lock().unwrap().clone();
        (record, lines)
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_in_time_is_kept_and_what_was_lost_is_counted() {
        let begin = Timestamp::from_second(1_000_000).unwrap();
        let at = |seconds| begin + SignedDuration::from_secs(seconds);
        let pieces = vec![line(at(1), "one hunter2"), Followed::Lost(7), line(at(2), "two"), line(at(4), "late")];
        let (record, lines) = followed(begin, pieces, at(3)).await;
        assert_eq!(lines, [(1000, "one [secret]".to_owned()), (2000, "two".to_owned())]);
        assert_eq!(record, LogRecord { lines: 9, dropped: 7, problem: None });
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_fails_says_why_and_keeps_what_there_was() {
        let begin = Timestamp::from_second(1_000_000).unwrap();
        let pieces = vec![line(begin, "one"), Followed::Failed("no reading of hunter2".to_owned())];
        let (record, lines) = followed(begin, pieces, begin).await;
        assert_eq!(lines, [(0, "one".to_owned())]);
        assert_eq!(record.problem.as_deref(), Some("the log could not be followed to the end: no reading of [secret]"));
    }
}
