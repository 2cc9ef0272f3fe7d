//! The folder of one run.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::{Journal, LogFile, RecordFile, StoreError, records};
use crate::model::{Assessment, KeptFigure, NamedSnapshot, Redactor, RunRecord};

/// The folder of one run, to write into.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
    redactor: Arc<Redactor>,
    // Held for as long as somebody writes here, so that a run that died can be told from one that goes on.
    _lock: Option<Arc<File>>,
}

impl RunDir {
    /// Makes the folder `<reports>/<scenario>/<run>`.
    ///
    /// # Errors
    /// It could not be made, or a run of that id is there already.
    pub fn create(reports: &Path, scenario: &str, run: &str, redactor: Arc<Redactor>) -> Result<Self, StoreError> {
        Self::create_at(&reports.join(scenario).join(run), redactor)
    }

    /// Makes a run's folder where it is told to, the folders above it too.
    ///
    /// # Errors
    /// It could not be made, or is there already.
    pub fn create_at(path: &Path, redactor: Arc<Redactor>) -> Result<Self, StoreError> {
        let path = path.to_owned();
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| StoreError::new("create", parent, error))?;
        }
        std::fs::create_dir(&path).map_err(|error| StoreError::new("create", &path, error))?;
        let lock = lock(&path).map_err(|error| StoreError::new("lock", &path, error))?;
        Ok(Self { path, redactor, _lock: lock.map(Arc::new) })
    }

    /// A folder that is there, to write into again. What it holds was masked when it was first written.
    pub fn reopen(path: &Path) -> Self {
        Self { path: path.to_owned(), redactor: Arc::new(Redactor::new()), _lock: None }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The reports folder that it is in; `None` for a folder that lies elsewhere, such as a downloaded one: what is two
    /// folders above that is nobody's history.
    pub fn reports(&self, scenario: &str, run: &str) -> Option<PathBuf> {
        let path = self.path.canonicalize().ok()?;
        let parent = path.parent()?;
        let own = path.file_name()? == run && parent.file_name()? == scenario;
        own.then(|| parent.parent().map(Path::to_owned))?
    }

    /// Opens `samples.jsonl` for appending.
    ///
    /// # Errors
    /// It could not be opened.
    pub fn journal(&self) -> Result<Journal, StoreError> {
        Journal::create(&self.path.join("samples.jsonl"), Arc::clone(&self.redactor))
    }

    /// Opens `log.jsonl` for appending.
    ///
    /// # Errors
    /// It could not be opened.
    pub fn log(&self) -> Result<LogFile, StoreError> {
        LogFile::create(&self.path.join("log.jsonl"), Arc::clone(&self.redactor))
    }

    /// Opens `figures.jsonl` for appending.
    ///
    /// # Errors
    /// It could not be opened.
    pub fn figures(&self) -> Result<RecordFile<KeptFigure>, StoreError> {
        RecordFile::create(&self.path.join("figures.jsonl"), Arc::clone(&self.redactor), records::FIGURES)
    }

    /// Opens `probes.jsonl` for appending.
    ///
    /// # Errors
    /// It could not be opened.
    pub fn probes(&self) -> Result<RecordFile<NamedSnapshot>, StoreError> {
        RecordFile::create(&self.path.join("probes.jsonl"), Arc::clone(&self.redactor), records::PROBES)
    }

    /// Writes `run.json`.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write_record(&self, record: &RunRecord) -> Result<(), StoreError> {
        self.write_json("run.json", record)
    }

    /// Writes `findings.json`.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write_assessment(&self, assessment: &Assessment) -> Result<(), StoreError> {
        self.write_json("findings.json", assessment)
    }

    fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), StoreError> {
        let path = self.path.join(name);
        let fail = |error: serde_json::Error| StoreError::new("write", &path, error.into());
        let mut value = serde_json::to_value(value).map_err(fail)?;
        self.redactor.mask_json(&mut value);
        let mut text = serde_json::to_string_pretty(&value).map_err(fail)?;
        text.push('\n');
        replace(&path, text.as_bytes())
    }

    /// Writes a text file, secrets masked; folders in its name are made.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write_text(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let path = self.path.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| StoreError::new("create", parent, error))?;
        }
        replace(&path, self.redactor.mask(text).as_bytes())
    }

    /// Writes a page as it is: it was made from files that were masked when they were written, and masking its markup
    /// could break it.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write_page(&self, name: &str, text: &str) -> Result<(), StoreError> {
        replace(&self.path.join(name), text.as_bytes())
    }
}

/// Takes the lock of a run's folder (flock(2) on the folder itself); `None`: somebody else has it.
fn lock(folder: &Path) -> std::io::Result<Option<File>> {
    let file = File::open(folder)?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// True where nobody writes into the folder of a run any more.
///
/// # Errors
/// The folder cannot be opened.
pub fn is_over(folder: &Path) -> Result<bool, StoreError> {
    Ok(lock(folder).map_err(|error| StoreError::new("lock", folder, error))?.is_some())
}

/// Writes a file beside its place and renames it, so that readers and crashes never see half of it.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    // By its kind: the name of the temporary file, which its text holds, helps nobody and differs each time.
    let fail = |error: std::io::Error| StoreError::new("write", path, error.kind().into());
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".slowdrip-").tempfile_in(folder).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    // A temporary file is private; a report is for everyone whom the folder lets in.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(mode).map_err(fail)?;
    file.persist(path).map_err(|error| fail(error.error))?;
    Ok(())
}

/// Writes `reports/index.html`.
///
/// # Errors
/// It could not be written.
pub fn write_index(reports: &Path, html: &str) -> Result<(), StoreError> {
    replace(&reports.join("index.html"), html.as_bytes())
}

/// Writes a file that a person asked for, such as a diff: beside its place and renamed.
///
/// # Errors
/// It could not be written.
pub fn write_file(path: &Path, text: &str) -> Result<(), StoreError> {
    // A bare name lies in the current folder, whose name is not empty.
    if path.parent().is_some_and(|parent| parent.as_os_str().is_empty()) {
        return replace(&Path::new(".").join(path), text.as_bytes());
    }
    replace(path, text.as_bytes())
}
