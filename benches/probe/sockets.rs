//! sock_diag against net/tcp.

/// Prints the table.
pub(crate) fn run() {}
