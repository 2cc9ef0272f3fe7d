//! A log file that stays open.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// The handle of a log file that was opened for a child's output and never closed: olas-operate-middleware lost one at every restart of an
/// agent.
pub(super) fn keep_open(path: &Path) -> io::Result<File> {
    let mut file = File::options().create(true).append(true).open(path)?;
    writeln!(file, "agent started")?;
    Ok(file)
}
