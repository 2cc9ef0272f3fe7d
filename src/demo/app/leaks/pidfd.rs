//! A pidfd whose process is gone.

use std::io;
use std::os::fd::OwnedFd;

use super::Children;

/// A handle on a child that ended and was reaped: what Python's asyncio keeps when a program that it starts cannot be executed. Local
/// Deep Research lost 3.6 of them an hour, to a browser driver that was not there.
pub(super) async fn keep(children: &Children) -> io::Result<OwnedFd> {
    children.dead_pidfd().await
}
