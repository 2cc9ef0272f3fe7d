//! A target that was there before: a process of this machine that is only watched.

use super::State;
use super::error::TargetError;
use super::events::Events;
use super::owner::{is_gone, start_of};
use crate::model::ProcId;

/// A process that was there before and is left alone.
#[derive(Debug)]
pub(super) struct Attached {
    pid: u32,
    // Known from the start on, so that a later process of the same pid is not taken for it.
    id: Option<ProcId>,
    pub(super) events: Events,
}

impl Attached {
    pub(super) fn new(pid: u32) -> Self {
        Self { pid, id: None, events: Events::default() }
    }

    pub(super) fn start(&mut self) -> Result<(), TargetError> {
        let start = start_of(self.pid).ok_or(TargetError::NoSuchProcess { pid: self.pid })?;
        self.id = Some(ProcId { pid: self.pid, start });
        Ok(())
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.id.map(|id| id.pid)
    }

    pub(super) fn id(&self) -> Result<ProcId, TargetError> {
        self.id.ok_or(TargetError::NotStarted)
    }

    pub(super) fn state(&self) -> Result<State, TargetError> {
        let id = self.id()?;
        let stat = i32::try_from(id.pid).ok().and_then(|pid| procfs::process::Process::new(pid).ok()?.stat().ok());
        Ok(match stat.filter(|stat| stat.starttime == id.start) {
            None if is_gone(id) => State::Gone,
            Some(stat) if matches!(stat.state, 'Z' | 'X') => State::Exited { code: None, oom: false },
            Some(_) | None => State::Running { pid: id.pid, restarts: 0, health: None },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attached_process_is_told_from_a_later_one_of_its_pid() {
        let pid = std::process::id();
        let mut attached = Attached::new(pid);
        attached.start().unwrap();
        assert!(matches!(attached.state().unwrap(), State::Running { pid: found, .. } if found == pid));
        attached.id = attached.id.map(|id| ProcId { start: id.start + 1, ..id });
        assert_eq!(attached.state().unwrap(), State::Gone);
        assert!(Attached::new(u32::MAX / 4).start().is_err());
    }
}
