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

impl TargetEvent {
    /// A pause that was asked for, or its end.
    pub(super) fn paused(paused: bool) -> Self {
        let what = if paused { "was paused" } else { "goes on after its pause" };
        Self::asked(format!("the target {what}, as the scenario asked"))
    }

    /// What was done to the target now because the scenario asked for it.
    pub(super) fn asked(text: String) -> Self {
        Self { at: jiff::Timestamp::now(), kind: EventKind::Asked, text }
    }
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
