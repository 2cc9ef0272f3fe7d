//! What the target feels of being read.

/// Prints the table.
pub(crate) fn run() {}
