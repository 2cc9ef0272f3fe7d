//! What slowdrip itself uses over a soak of many processes.

/// Prints the table.
pub(crate) fn run() {}
