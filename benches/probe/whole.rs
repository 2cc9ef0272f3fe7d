//! slowdrip as a whole process against lsof and a shell script.

/// Prints the table.
pub(crate) fn run() {}
