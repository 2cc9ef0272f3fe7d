//! The way to the target's processes: opened, used for evidence, and closed before the target goes.

use std::time::Duration;

use super::Night;
use super::phases::unreadable;
use crate::access::{Access, AccessError, Subject};
use crate::evidence::{self, EvidenceFile};
use crate::model::{Ending, EventKind};
use crate::target::Target;

/// An engine that hangs must not keep a night from ending.
const PATIENCE: Duration = Duration::from_secs(30);

/// What reaches the target's processes, and its making.
#[derive(Debug, Default)]
pub(super) enum Reach {
    /// Not yet, or no more.
    #[default]
    None,
    /// In a task of its own: a night that is interrupted meanwhile still learns what was made, and removes it.
    Opening(tokio::task::JoinHandle<Result<Access, AccessError>>),
    /// There.
    Open(Box<Access>),
}

impl Night<'_> {
    pub(super) async fn open_access(&mut self, subject: Subject) -> Result<(), Ending> {
        self.reach = Reach::Opening(tokio::spawn(Access::open(self.probe, subject)));
        let Reach::Opening(opening) = &mut self.reach else { return Err(Ending::Unfinished) };
        let opened = opening.await.map_err(|error| AccessError::Broken(error.to_string()));
        // From here on there is nothing to wait for, whatever came of it.
        self.reach = Reach::None;
        let access = opened.and_then(|opened| opened).map_err(|error| unreadable(&error))?;
        access.mode().name().clone_into(&mut self.record.target.probe);
        access.reason().clone_into(&mut self.record.target.probe_reason);
        self.say(&format!("the processes are read by way of `{}`", access.mode().name()));
        self.reach = Reach::Open(Box::new(access));
        Ok(())
    }

    /// The open way.
    pub(super) fn access(&mut self) -> Result<&mut Access, Ending> {
        match &mut self.reach {
            Reach::Open(access) => Ok(access),
            Reach::None | Reach::Opening(_) => {
                Err(Ending::Unreadable { message: "the way to the processes is closed".to_owned() })
            }
        }
    }

    /// What happened to the way itself becomes an event of the night.
    pub(super) fn note_access(&mut self) {
        let Reach::Open(access) = &mut self.reach else { return };
        for note in access.take_notes() {
            self.note(EventKind::Gap, &note);
        }
    }

    /// Removes what was made to reach the processes. May be called more than once.
    pub(super) async fn close_access(&mut self) {
        let close = async {
            match std::mem::take(&mut self.reach) {
                Reach::None => {}
                Reach::Open(mut access) => access.close().await,
                Reach::Opening(opening) => {
                    if let Ok(Ok(mut access)) = opening.await {
                        access.close().await;
                    }
                }
            }
        };
        if tokio::time::timeout(PATIENCE, close).await.is_err() {
            self.problems.push(
                "the helper of the probe could not be removed in time; run `slowdrip clean` once the engine answers"
                    .to_owned(),
            );
        }
    }

    /// Captures evidence, once.
    pub(super) async fn take_evidence(&mut self) {
        if self.target.is_none() || self.evidence_taken {
            return;
        }
        self.evidence_taken = true;
        self.say("taking evidence");
        let mut files = self.evidence_of_processes().await;
        if let Some(target) = &self.target {
            files.extend(tokio::time::timeout(PATIENCE, evidence::of_engine(target)).await.unwrap_or_default());
        }
        for file in files {
            if let Err(error) = self.folder.write_text(&format!("evidence/{}", file.name), &file.text) {
                self.not_written = true;
                self.problems.push(error.to_string());
                return;
            }
        }
    }

    async fn evidence_of_processes(&mut self) -> Vec<EvidenceFile> {
        let scope = self.target.as_deref().and_then(Target::scope);
        let capture = async {
            match &mut self.reach {
                Reach::Open(access) if scope.is_some() => access.evidence().await,
                // A target that never got so far, or that has ended.
                Reach::Open(_) | Reach::None | Reach::Opening(_) => evidence::of_processes(scope.as_ref()).await,
            }
        };
        let late = || evidence::without_processes("reading the processes took too long");
        tokio::time::timeout(PATIENCE, capture).await.unwrap_or_else(|_elapsed| late())
    }
}
