//! Processes of this machine that stand still for a while.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use procfs::process::Process;
use rustix::process::Signal;

use super::descent::{Descent, look, send};
use crate::model::ProcId;

/// One round stops all that are there, so that the next finds only what they started meanwhile.
const MOST_ROUNDS: usize = 100;

/// The processes that were made to stand still.
#[derive(Debug, Default)]
pub(super) struct Still(Mutex<BTreeSet<ProcId>>);

impl Still {
    fn held(&self) -> MutexGuard<'_, BTreeSet<ProcId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the whole descent, and what it starts before the last of it stands still. What stood still before is left alone.
    ///
    /// # Errors
    /// A process may not be stopped, or they multiply faster than they can be stopped.
    pub(super) async fn stand(&self, descent: &Arc<Mutex<Descent>>) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        for _round in 0..MOST_ROUNDS {
            let new: Vec<ProcId> = look(descent).await.into_iter().filter(|id| seen.insert(*id)).collect();
            if new.is_empty() {
                return Ok(());
            }
            for id in new.into_iter().filter(|id| !stands(*id)) {
                // Noted first: what is stopped must be let go in any case.
                self.held().insert(id);
                match send(id, Signal::STOP) {
                    Ok(()) => {}
                    Err(err) if is_over(&err) => {}
                    Err(err) => {
                        return Err(format!(
                            "process {} of the target cannot be paused: {err}; run slowdrip as its user, or with sudo",
                            id.pid
                        ));
                    }
                }
            }
        }
        Err("the target cannot be paused: it starts processes faster than they can be stopped".to_owned())
    }

    /// Lets those go on that were stopped.
    pub(super) async fn go_on(&self) {
        let stopped = std::mem::take(&mut *self.held());
        for id in stopped {
            // Gone, by now, is as good.
            let _gone = send(id, Signal::CONT);
        }
    }
}

/// True where a signal found nobody.
pub(super) fn is_over(err: &io::Error) -> bool {
    err.kind() == io::ErrorKind::NotFound || err.raw_os_error() == Some(libc::ESRCH)
}

fn stands(id: ProcId) -> bool {
    let stat = i32::try_from(id.pid).ok().and_then(|pid| Process::new(pid).ok()?.stat().ok());
    stat.is_some_and(|stat| stat.starttime == id.start && matches!(stat.state, 'T' | 't'))
}
