//! Ctrl-C and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// A channel that takes the number of the first signal that asks slowdrip to end.
pub(super) fn interrupt() -> std::io::Result<watch::Receiver<Option<i32>>> {
    let (sender, receiver) = watch::channel(None);
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut stream = signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                // The first one decides the exit code; the clean-up goes on whatever follows.
                sender.send_if_modified(|first| {
                    let new = first.is_none();
                    *first = first.or(Some(kind.as_raw_value()));
                    new
                });
            }
        });
    }
    Ok(receiver)
}
