//! Connections that stay open while nothing is read, answered or sent any more, as those of a client that lost its network.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

use super::wire::Wire;

/// How many are kept at most.
const MOST: usize = 10_000;

/// Connections that stay open and silent for a while, then are reset; all of them when this is dropped.
#[derive(Debug)]
pub(in crate::flow) struct Silent {
    kept: Mutex<JoinSet<()>>,
    most: usize,
}

impl Default for Silent {
    fn default() -> Self {
        Self { kept: Mutex::default(), most: MOST }
    }
}

impl Silent {
    /// Whether another one can be kept.
    pub(super) fn has_room(&self) -> Result<(), String> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        self.room(&mut kept)
    }

    /// Keeps a connection open for a time.
    pub(super) fn keep(&self, wire: Wire, lasts: Duration) -> Result<(), String> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        self.room(&mut kept)?;
        wire.reset_at_end().map_err(|err| format!("the connection cannot be made to end by a reset: {err}"))?;
        kept.spawn(async move {
            tokio::time::sleep(lasts).await;
            drop(wire);
        });
        Ok(())
    }

    fn room(&self, kept: &mut JoinSet<()>) -> Result<(), String> {
        // Those whose time is over.
        while kept.try_join_next().is_some() {}
        if kept.len() < self.most {
            return Ok(());
        }
        let most = self.most;
        Err(format!("{most} silent connections are open, which are the most; let them be silent for a shorter time"))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn there_is_room_again_when_the_time_of_one_is_over() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let silent = Silent { most: 2, ..Silent::default() };
        let mut servers = Vec::new();
        for millis in [3_600_000, 50] {
            silent.has_room().unwrap();
            silent.keep(Wire::connect(address, None).await.unwrap(), Duration::from_millis(millis)).unwrap();
            servers.push(listener.accept().await.unwrap().0);
        }
        assert!(silent.has_room().unwrap_err().starts_with("2 silent connections are open"));
        let third = Wire::connect(address, None).await.unwrap();
        assert!(silent.keep(third, Duration::ZERO).is_err());
        assert!(servers[1].read_u8().await.is_err());
        while silent.has_room().is_err() {
            tokio::task::yield_now().await;
        }
        drop(silent);
        assert_eq!(servers[0].read_u8().await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    }
}
