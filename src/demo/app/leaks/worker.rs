//! A worker process that nobody needs any more.

use std::io;
use std::process::ChildStdin;

use super::Children;

/// A sleeping worker and the pipe to its standard input: the hermes agent kept one for every client that had left, until 128 of them held
/// 7.8 GB. Unlike those, this one ends with its parent, so that an experiment leaves nothing behind.
pub(super) async fn forget(children: &Children) -> io::Result<ChildStdin> {
    children.worker().await
}
