//! What a night tells those who watch it.

use std::time::Duration;

use crate::model::Phase;

/// Somebody who watches a night: the console.
pub trait Audience: Send + Sync {
    /// Something happened. Texts are printable and masked.
    fn notice(&self, notice: &Notice<'_>);
}

/// Something that happened.
#[derive(Debug)]
pub enum Notice<'a> {
    /// A phase begins.
    Phase(Phase),
    /// A line of detail: build output, a step, an event.
    Line(&'a str),
    /// Something a person should know although the night goes on.
    Warning(&'a str),
    /// A snapshot was taken.
    Tick(&'a Tick),
}

/// How far the watching is.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Soak or settle.
    pub phase: Phase,
    /// Since the phase began.
    pub elapsed: Duration,
    /// Its length.
    pub total: Duration,
    /// Until the next snapshot.
    pub next: Duration,
    /// Snapshots so far.
    pub snapshots: u32,
    /// The class that is closest to breaking its rule, and how: `fd.pidfd: 3 dead, 0 allowed`.
    pub worst: Option<String>,
}
