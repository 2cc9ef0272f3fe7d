//! Files of one JSON record a line, on disk as soon as each was made, and bounded: `figures.jsonl`, `probes.jsonl`.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::store::replace;
use crate::model::Redactor;

/// How much a file may hold: beyond that nothing is appended, and nothing is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    pub(super) lines: u64,
    pub(super) bytes: u64,
}

/// Of readings: ten series that are read every five seconds fit for a day.
pub(super) const FIGURES: Most = Most { lines: 200_000, bytes: 32 << 20 };

/// Of named snapshots, which may be large.
pub(super) const PROBES: Most = Most { lines: 200, bytes: 256 << 20 };

/// Appends records to a file.
#[derive(Debug)]
pub struct RecordFile<T> {
    path: PathBuf,
    file: File,
    redactor: Arc<Redactor>,
    most: Most,
    lines: u64,
    bytes: u64,
    of: PhantomData<fn(T)>,
}

impl<T: Serialize + DeserializeOwned> RecordFile<T> {
    pub(super) fn create(path: &Path, redactor: Arc<Redactor>, most: Most) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|error| StoreError::new("create", path, error))?;
        Ok(Self { path: path.to_owned(), file, redactor, most, lines: 0, bytes: 0, of: PhantomData })
    }

    /// Appends one record as one write, secrets masked, so that a crash costs at most the line being written. False where the
    /// file is full and the record was not written.
    ///
    /// # Errors
    /// The line could not be written.
    pub fn append(&mut self, record: &T) -> Result<bool, StoreError> {
        let line = self.line(record)?;
        let bytes = line.len() as u64;
        if self.lines >= self.most.lines || self.bytes + bytes > self.most.bytes {
            // What comes later might fit, but a file with holes would tell less than one that ends.
            self.lines = self.most.lines;
            return Ok(false);
        }
        self.file.write_all(line.as_bytes()).map_err(|error| StoreError::new("write", &self.path, error))?;
        (self.lines, self.bytes) = (self.lines + 1, self.bytes + bytes);
        Ok(true)
    }

    /// Changes every record that is there.
    ///
    /// # Errors
    /// The file could not be read, or not be written anew; then it is as it was.
    pub fn change(&mut self, change: impl Fn(&mut T)) -> Result<(), StoreError> {
        let mut text = String::new();
        for mut record in read(&self.path, self.most)? {
            change(&mut record);
            text.push_str(&self.line(&record)?);
        }
        replace(&self.path, text.as_bytes())?;
        // The old file has no name any more.
        let file = OpenOptions::new().append(true).open(&self.path);
        self.file = file.map_err(|error| StoreError::new("open", &self.path, error))?;
        self.bytes = text.len() as u64;
        Ok(())
    }

    fn line(&self, record: &T) -> Result<String, StoreError> {
        let fail = |error: serde_json::Error| StoreError::new("write", &self.path, error.into());
        let mut value = serde_json::to_value(record).map_err(fail)?;
        self.redactor.mask_json(&mut value);
        Ok(format!("{value}\n"))
    }
}

/// The records of a file in their order; none where there is no such file. Lines that cannot be read are left out: a crash
/// or a full disk cuts the last one off.
pub(super) fn read<T: DeserializeOwned>(path: &Path, most: Most) -> Result<Vec<T>, StoreError> {
    let fail = |error| StoreError::new("read", path, error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fail(error)),
    };
    let mut bytes = Vec::new();
    file.take(most.bytes).read_to_end(&mut bytes).map_err(fail)?;
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    Ok(lines.take(usize::try_from(most.lines).unwrap_or(usize::MAX)).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::KeptFigure;

    const FEW: Most = Most { lines: 3, bytes: 1000 };

    fn figure(at_ms: u64, name: &str, value: Option<f64>) -> KeptFigure {
        KeptFigure { at_ms, name: name.to_owned(), value }
    }

    fn file(folder: &Path, most: Most) -> (RecordFile<KeptFigure>, PathBuf) {
        let redactor = Arc::new(Redactor::new());
        redactor.add("hunter2");
        let path = folder.join("figures.jsonl");
        (RecordFile::create(&path, redactor, most).unwrap(), path)
    }

    #[test]
    fn records_come_back_masked_and_in_order_and_can_be_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (mut file, path) = file(folder.path(), FIGURES);
        assert!(read::<KeptFigure>(&path, FIGURES).unwrap().is_empty());
        assert!(file.append(&figure(7, "open hunter2", Some(1.5))).unwrap());
        assert!(file.append(&figure(2, "b", None)).unwrap());
        let of = |at_ms| [figure(at_ms, "open [secret]", Some(1.5)), figure(at_ms - 5, "b", None)];
        assert_eq!(read::<KeptFigure>(&path, FIGURES).unwrap(), of(7));
        file.change(|kept| kept.at_ms += 10).unwrap();
        assert!(file.append(&figure(3, "c", None)).unwrap(), "it goes on in the new file");
        let found = read::<KeptFigure>(&path, FIGURES).unwrap();
        assert_eq!((&found[..2], found.len()), (of(17).as_slice(), 3));
    }

    #[test]
    fn a_line_that_was_cut_off_costs_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let (mut file, path) = file(folder.path(), FIGURES);
        (0..3).for_each(|at| assert!(file.append(&figure(at, "a", Some(1.0))).unwrap()));
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
        assert_eq!(read::<KeptFigure>(&path, FIGURES).unwrap().len(), 2);
        assert!(read::<KeptFigure>(&folder.path().join("none"), FIGURES).unwrap().is_empty());
    }

    #[test]
    fn no_more_is_written_or_read_than_was_said() {
        let folder = tempfile::tempdir().unwrap();
        let (mut few, path) = file(folder.path(), FEW);
        let kept: Vec<bool> = (0..5).map(|at| few.append(&figure(at, "a", None)).unwrap()).collect();
        assert_eq!(kept, [true, true, true, false, false]);
        assert_eq!(read::<KeptFigure>(&path, FEW).unwrap().len(), 3);
        assert_eq!(read::<KeptFigure>(&path, Most { lines: 2, ..FEW }).unwrap().len(), 2);
        assert_eq!(read::<KeptFigure>(&path, Most { bytes: 60, ..FEW }).unwrap().len(), 1);
        let other = folder.path().join("other");
        std::fs::create_dir(&other).unwrap();
        let (mut few, _) = file(&other, FEW);
        assert!(!few.append(&figure(0, &"x".repeat(1000), None)).unwrap());
        assert!(!few.append(&figure(0, "x", None)).unwrap(), "once there was no room, there is none for a short one");
    }

    proptest! {
        #[test]
        fn every_record_comes_back(at_ms in any::<u64>(), name in any::<String>(), value in proptest::option::of(-1e12_f64..1e12)) {
            let folder = tempfile::tempdir().unwrap();
            let (mut file, path) = file(folder.path(), FIGURES);
            file.append(&figure(at_ms, &name, value)).unwrap();
            prop_assert_eq!(read::<KeptFigure>(&path, FIGURES).unwrap().len(), 1);
        }
    }
}
