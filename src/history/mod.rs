//! Runs on disk.
//!
//! `reports/<scenario>/<run>/` holds a night, `reports/<scenario>/history.jsonl` one line per night for good. Samples are
//! appended as they are taken; every other file is written beside its place and renamed, so that a crash leaves whole files.
//! Whatever is written passes the [`crate::model::Redactor`].

mod journal;
mod lines;
mod load;
mod log;
mod merge;
mod prune;
mod records;
mod store;

use std::path::{Path, PathBuf};

pub use journal::Journal;
pub use lines::{append_line, earlier, lock_folder, read_all_lines, read_lines};
pub use load::{LoadError, find_run, load, load_record, runs_of};
pub use log::LogFile;
pub use merge::{Merged, merge};
pub use prune::{Plan as PrunePlan, Retention, old, plan as prune_plan};
pub use records::RecordFile;
pub use store::{RunDir, is_over, write_file, write_index};

/// A file or folder of the reports could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {}: {source}{}", path.display(), hint(source))]
pub struct StoreError {
    verb: &'static str,
    path: PathBuf,
    source: std::io::Error,
}

impl StoreError {
    fn new(verb: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self { verb, path: path.to_owned(), source }
    }
}

/// What to do next about an error of the file system.
fn hint(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let kind = error.kind();
    if [StorageFull, QuotaExceeded].contains(&kind) {
        "; free some space, or put the reports elsewhere with --reports"
    } else if [PermissionDenied, ReadOnlyFilesystem].contains(&kind) {
        "; choose a folder that can be written with --reports"
    } else {
        ""
    }
}
