//! The application's log: one line each on standard output.

use std::fmt;
use std::io::Write;

use crate::model::text::printable;

/// How much of a line is kept: request paths come from outside.
const MAX_CHARS: usize = 500;

/// Writes a line with the time in front of it.
pub(super) fn line(text: fmt::Arguments<'_>) {
    let text = printable(&crate::model::text::shorten(&text.to_string(), MAX_CHARS));
    // Nobody may be reading any more, and a log is no reason to stop serving.
    let _ = writeln!(std::io::stdout().lock(), "{:.3} {text}", jiff::Timestamp::now());
}
