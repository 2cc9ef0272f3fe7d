//! What all requests share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::leaks::Hoard;
use super::plants::Garden;
use super::session::Sessions;
use super::shapes::Shapes;
use super::store::Store;
use super::work::Work;

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Tally(AtomicU64);

impl Tally {
    /// Adds to it.
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Adds one, and answers with what it is then.
    pub(super) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Its value.
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What all requests share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The database.
    pub(super) store: Store,
    /// What was leaked.
    pub(super) hoard: Hoard,
    /// What it does that real applications do.
    pub(super) work: Work,
    /// What was planted.
    pub(super) garden: Garden,
    /// What the shapes hold.
    pub(super) shapes: Shapes,
    /// What it does by itself goes by this; it began with the application.
    pub(super) clock: Clock,
    /// The sessions.
    pub(super) sessions: Mutex<Sessions>,
    /// Requests answered.
    pub(super) requests: Tally,
    /// Refreshes of subscriptions.
    pub(super) refreshes: Tally,
    /// WebSocket messages sent back.
    pub(super) echoes: Tally,
    /// Room for WebSocket connections.
    pub(super) sockets: Arc<Semaphore>,
    /// Cancelled when serving ends.
    pub(super) serving: CancellationToken,
}

impl Shared {
    /// The sessions, to oneself.
    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
