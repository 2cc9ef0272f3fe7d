//! What happens to a target while nobody looks.

use std::sync::{Mutex, PoisonError};

use crate::model::EventKind;

/// Something that happened to the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetEvent {
    /// When, by the wall clock.
    pub at: jiff::Timestamp,
    /// What kind.
    pub kind: EventKind,
    /// One line for people.
    pub text: String,
}

/// Events that were not yet taken.
#[derive(Debug, Default)]
pub(super) struct Events {
    waiting: Mutex<Vec<TargetEvent>>,
}

impl Events {
    /// More are not held: a target that changes that often says nothing new.
    const MOST: usize = 10_000;

    pub(super) fn push(&self, event: TargetEvent) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < Self::MOST {
            waiting.push(event);
        }
    }

    pub(super) fn drain(&self) -> Vec<TargetEvent> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
