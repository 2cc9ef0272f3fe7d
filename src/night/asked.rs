//! Snapshots that steps ask for by name. They stand beside the row of the others, and are shown, not judged.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Night;
use crate::flow::SnapshotRequest;
use crate::history::RecordFile;
use crate::model::text::printable;
use crate::model::{Ending, EventKind, NamedSnapshot, Phase};
use crate::probe::Depth;

/// So many are taken in a night.
const MOST: u32 = 200;

/// So many may wait for their turn.
const WAITING: usize = 16;

/// The longest name, characters.
const NAMED: usize = 80;

/// The snapshots that steps ask for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    requests: Option<mpsc::Receiver<SnapshotRequest>>,
    file: Option<RecordFile<NamedSnapshot>>,
    taken: u32,
}

impl Asked {
    /// Where steps ask from now on.
    pub(super) fn open(&mut self) -> mpsc::Sender<SnapshotRequest> {
        let (sender, requests) = mpsc::channel(WAITING);
        self.requests = Some(requests);
        sender
    }

    /// The next that somebody still waits for; never, where nobody can ask.
    pub(super) async fn next(&mut self) -> SnapshotRequest {
        if let Some(requests) = &mut self.requests {
            while let Some(request) = requests.recv().await {
                if !request.done.is_closed() {
                    return request;
                }
            }
        }
        std::future::pending().await
    }

    /// Counts from a moment on what was counted from the begin of the run, where something was.
    ///
    /// # Errors
    /// The file could not be written, one line.
    pub(super) fn count_from(&mut self, begin_ms: i64) -> Result<(), String> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.change(|kept| kept.at_ms -= begin_ms).map_err(|error| error.to_string())
    }
}

impl Night<'_> {
    /// Does something of a phase to its end, and takes the snapshots that it asks for meanwhile.
    pub(super) async fn serving<T>(&mut self, phase: Phase, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            let request = tokio::select! {
                biased;
                done = &mut work => return done,
                request = self.asked.next() => request,
            };
            let mut taking = pin!(self.answer(phase, request));
            // Others of the same work need not wait for it. A look that has begun is never cut off.
            tokio::select! {
                biased;
                () = &mut taking => {}
                done = &mut work => {
                    taking.await;
                    return done;
                }
            }
        }
    }

    /// Takes the snapshot that somebody asks for, and answers.
    pub(super) async fn answer(&mut self, phase: Phase, request: SnapshotRequest) {
        let SnapshotRequest { name, done } = request;
        let taken = self.take_named(phase, &name).await;
        // Whoever asked may have been cut off meanwhile.
        let _gone = done.send(taken.map_err(|problem| printable(&self.redactor.mask(&problem))));
    }

    async fn take_named(&mut self, phase: Phase, name: &str) -> Result<(), String> {
        if self.asked.taken >= MOST {
            return Err(format!("{MOST} snapshots were asked for already, and no more are taken in a night"));
        }
        self.asked.taken += 1;
        self.follow_target().await.map_err(why)?;
        let at_ms = self.at_ms();
        let since = self.soak_clock.map_or(Duration::ZERO, |clock| clock.elapsed());
        let since = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let access = self.access().map_err(why)?;
        let snapshot = access.snapshot(0, since, phase, Depth::Aside).await.map_err(|error| error.to_string())?;
        self.note_access();
        let name = crate::model::text::shorten(&printable(&self.redactor.mask(name)), NAMED);
        let seen = !snapshot.processes.is_empty();
        let kept = NamedSnapshot { name, at_ms, phase, snapshot };
        if self.asked.file.is_none() {
            self.asked.file = Some(self.folder.probes().map_err(|error| error.to_string())?);
        }
        if let Some(file) = &mut self.asked.file
            && !file.append(&kept).map_err(|error| error.to_string())?
        {
            return Err("probes.jsonl is full, and the snapshot was not kept".to_owned());
        }
        self.note(EventKind::Asked, &format!("snapshot {}", kept.name));
        if seen { Ok(()) } else { Err("no process of the target could be read".to_owned()) }
    }
}

fn why(ending: Ending) -> String {
    match ending {
        Ending::Unreadable { message }
        | Ending::NotStarted { message }
        | Ending::NeverReady { message }
        | Ending::SeedFailed { message }
        | Ending::Died { message }
        | Ending::NotWritten { message } => message,
        Ending::Completed | Ending::Unfinished | Ending::Interrupted { .. } => "the night is over".to_owned(),
    }
}
