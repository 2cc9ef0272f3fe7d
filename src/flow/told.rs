//! What a flow tells those who look on, and asks of them.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::scenario::Step;

/// A snapshot that a step asks for. Whoever watches the target takes it and answers.
#[derive(Debug)]
pub struct SnapshotRequest {
    /// Its name.
    pub name: String,
    /// Where the answer goes: an error is one line for people.
    pub done: oneshot::Sender<Result<(), String>>,
}

/// A step that was taken to its end, for whoever looks on. Steps that only hold others are not told of; a `ws` is, as soon as it
/// is open, with the time of the connecting, before the steps inside. Every try of a `wait_until` is told of.
#[derive(Debug)]
pub struct StepDone<'a> {
    /// The step.
    pub step: &'a Step,
    /// How many steps hold it: 0 at the top.
    pub depth: usize,
    /// The step as it was taken, in a few words; secrets masked, printable.
    pub what: &'a str,
    /// How it ended, in a few words; secrets masked, printable.
    pub said: &'a str,
    /// How long it took.
    pub took: Duration,
    /// True where it failed.
    pub failed: bool,
}

/// Looks on at every step.
pub type Observer = dyn Fn(&StepDone<'_>) + Send + Sync;
