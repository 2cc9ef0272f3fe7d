//! The target's log during the watching, on disk as it comes, in a task of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use regex::Regex;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::Night;
use crate::history::LogFile;
use crate::model::text::printable;
use crate::model::{LogRecord, Redactor};
use crate::scenario::{CounterSource, Scenario};
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

/// Lines of the log that are counted for a workload counter.
#[derive(Debug)]
pub(super) struct LineCount {
    /// Which of the scenario's counters.
    pub(super) counter: usize,
    pattern: Regex,
    found: AtomicU64,
}

impl LineCount {
    /// Those that a scenario asks for.
    pub(super) fn of(scenario: &Scenario) -> Arc<[Self]> {
        let counters = scenario.counters.iter().enumerate();
        let of_log = counters.filter_map(|(counter, one)| match &one.source {
            CounterSource::Log(pattern) => Some(Self { counter, pattern: pattern.clone(), found: AtomicU64::new(0) }),
            CounterSource::Read(_) => None,
        });
        of_log.collect()
    }

    /// How many lines there were since the begin of the soak.
    pub(super) fn found(&self) -> u64 {
        self.found.load(Ordering::Relaxed)
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
    counts: Arc<[LineCount]>,
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
                    if at >= self.begin {
                        for count in self.counts.iter().filter(|count| count.pattern.is_match(&line.text)) {
                            count.found.fetch_add(1, Ordering::Relaxed);
                        }
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
        let counts = Arc::clone(&self.line_counts);
        let mut keeper = Keeper { begin, file: None, record: Arc::clone(&record), redactor, counts };
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
        let (record, lines, _) = counted(begin, pieces, end, &[]).await;
        (record, lines)
    }

    /// The same, with how many lines match each pattern.
    async fn counted(
        begin: Timestamp,
        pieces: Vec<Followed>,
        end: Timestamp,
        patterns: &[&str],
    ) -> (LogRecord, Vec<(i64, String)>, Vec<u64>) {
        let count =
            |pattern: &&str| LineCount { counter: 0, pattern: Regex::new(pattern).unwrap(), found: AtomicU64::new(0) };
        let counts: Arc<[LineCount]> = patterns.iter().map(count).collect();
        let folder = tempfile::tempdir().unwrap();
        let redactor = Arc::new(Redactor::new());
        redactor.add("hunter2");
        let run = RunDir::create(folder.path(), "s", "r", Arc::clone(&redactor)).unwrap();
        let record = Arc::new(Mutex::new(LogRecord::default()));
        let file = Some(run.log().unwrap());
        let keeper = Keeper { begin, file, record: Arc::clone(&record), redactor, counts: Arc::clone(&counts) };
        let (sender, ended) = watch::channel(None);
        sender.send_replace(Some(end));
        follow(stream::iter(pieces).chain(stream::pending()).boxed(), keeper, ended).await;
        let text = std::fs::read_to_string(run.path().join("log.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<KeptLine>(line).unwrap());
        let lines = lines.map(|line| (line.at_ms, line.text)).collect();
        let record = record.lock().unwrap().clone();
        (record, lines, counts.iter().map(LineCount::found).collect())
    }

    #[tokio::test(start_paused = true)]
    async fn lines_are_counted_from_the_begin_on_also_where_they_are_not_kept() {
        let begin = Timestamp::from_second(1_000_000).unwrap();
        let at = |seconds| begin + SignedDuration::from_secs(seconds);
        let mut pieces = vec![line(at(-1), "call 0")];
        pieces.extend((0..60_000).map(|n| line(at(1), if n % 2 == 0 { "call hunter2" } else { "other" })));
        pieces.push(line(at(9), "call too late"));
        let (record, lines, counts) = counted(begin, pieces, at(3), &["^call", "hunter", "nothing"]).await;
        assert_eq!(counts, [30_000, 30_000, 0]);
        assert!(record.dropped > 0 && lines.len() < 60_000);
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
