//! Connections that stay open while nothing is read, answered or sent any more, as those of a client that lost its network.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

use super::wire::Wire;

/// How many are kept at most.
const MOST: usize = 10_000;

/// Connections that stay open and silent for a while, then are reset; all of them when this is dropped.
#[derive(Debug, Default)]
pub(in crate::flow) struct Silent {
    kept: Mutex<JoinSet<()>>,
}

impl Silent {
    /// Whether another one can be kept.
    pub(super) fn has_room(&self) -> Result<(), String> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        room(&mut kept)
    }

    /// Keeps a connection open for a time.
    pub(super) fn keep(&self, wire: Wire, lasts: Duration) -> Result<(), String> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        room(&mut kept)?;
        wire.reset_at_end().map_err(|err| format!("the connection cannot be made to end by a reset: {err}"))?;
        kept.spawn(async move {
            tokio::time::sleep(lasts).await;
            drop(wire);
        });
        Ok(())
    }
}

fn room(kept: &mut JoinSet<()>) -> Result<(), String> {
    // Those whose time is over.
    while kept.try_join_next().is_some() {}
    if kept.len() < MOST {
        return Ok(());
    }
    Err(format!("{MOST} silent connections are open, which are the most; let them be silent for a shorter time"))
}
