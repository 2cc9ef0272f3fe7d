//! The scan of descriptors against the bare system calls and the procfs crate.

/// Prints the table.
pub(crate) fn run() {}
