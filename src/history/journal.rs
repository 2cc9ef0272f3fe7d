//! `samples.jsonl`: one line per snapshot, on disk as soon as it was taken.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StoreError;
use crate::model::{Redactor, Snapshot};

/// Appends snapshots to a file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    redactor: Arc<Redactor>,
}

impl Journal {
    pub(super) fn create(path: &Path, redactor: Arc<Redactor>) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|error| StoreError::new("create", path, error))?;
        Ok(Self { path: path.to_owned(), file, redactor })
    }

    /// Appends one snapshot as one write, so that a crash costs at most the line being written.
    ///
    /// # Errors
    /// The line could not be written.
    pub fn append(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let fail = |error| StoreError::new("write", &self.path, error);
        let mut value = serde_json::to_value(snapshot).map_err(|error| fail(error.into()))?;
        self.redactor.mask_json(&mut value);
        let mut line = value.to_string();
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(fail)
    }

    /// Makes the system put everything on disk.
    ///
    /// # Errors
    /// It could not.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|error| StoreError::new("write", &self.path, error))
    }
}
