//! `log.jsonl`: the target's log, one line per line.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StoreError;
use super::store::replace;
use crate::model::text::shorten;
use crate::model::{KeptLine, Redactor};

/// So many lines are kept of a night.
const MOST_LINES: u64 = 50_000;
/// So many bytes are kept of a night.
const MOST_BYTES: u64 = 8 * 1024 * 1024;

/// Appends lines of a log to a file, secrets masked, until there are too many.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    redactor: Arc<Redactor>,
    lines: u64,
    bytes: u64,
}

impl LogFile {
    pub(super) fn create(path: &Path, redactor: Arc<Redactor>) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|error| StoreError::new("create", path, error))?;
        Ok(Self { path: path.to_owned(), file, redactor, lines: 0, bytes: 0 })
    }

    /// Appends lines (milliseconds since the soak began, text) as one write, and returns how many of them were kept: none any
    /// more once there are too many.
    ///
    /// # Errors
    /// They could not be written.
    pub fn append<'t>(&mut self, lines: impl IntoIterator<Item = (i64, &'t str)>) -> Result<u64, StoreError> {
        let mut room = Vec::new();
        let mut kept = 0;
        for (at_ms, text) in lines {
            if self.is_full() {
                break;
            }
            // Masked first: a secret that is cut is not known any more.
            let text = shorten(&self.redactor.mask(text), KeptLine::MAX_CHARS);
            let before = room.len();
            push(&mut room, &KeptLine { at_ms, text }).map_err(|error| StoreError::new("write", &self.path, error))?;
            let bytes = (room.len() - before) as u64;
            if self.bytes + bytes > MOST_BYTES {
                room.truncate(before);
                // What comes later might fit, but a log with holes would tell less than one that ends.
                self.bytes = MOST_BYTES;
                break;
            }
            self.bytes += bytes;
            self.lines += 1;
            kept += 1;
        }
        self.file.write_all(&room).map_err(|error| StoreError::new("write", &self.path, error))?;
        Ok(kept)
    }

    fn is_full(&self) -> bool {
        self.lines >= MOST_LINES || self.bytes >= MOST_BYTES
    }

    /// Masks what became known as a secret only after it was written, and makes the system put everything on disk.
    ///
    /// # Errors
    /// It could not. A file that holds secrets is then removed.
    pub fn finish(mut self) -> Result<(), StoreError> {
        self.file.flush().map_err(|error| StoreError::new("write", &self.path, error))?;
        let mut room = Vec::new();
        let mut late = false;
        for mut line in read(&self.path)? {
            let masked = self.redactor.mask(&line.text);
            late |= masked != line.text;
            line.text = masked;
            push(&mut room, &line).map_err(|error| StoreError::new("write", &self.path, error))?;
        }
        if late && let Err(error) = replace(&self.path, &room) {
            std::fs::remove_file(&self.path).map_err(|error| StoreError::new("remove", &self.path, error))?;
            return Err(error);
        }
        self.file.sync_data().map_err(|error| StoreError::new("write", &self.path, error))
    }
}

fn push(room: &mut Vec<u8>, line: &KeptLine) -> std::io::Result<()> {
    serde_json::to_writer(&mut *room, line)?;
    room.push(b'\n');
    Ok(())
}

/// The lines in the order of their times; none where there is no such file. Lines that cannot be read are left out: a crash
/// or a full disk cuts the last one off.
pub(super) fn read(path: &Path) -> Result<Vec<KeptLine>, StoreError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::new("read", path, error)),
    };
    let lines = bytes.split(|byte| *byte == b'\n');
    let mut lines: Vec<KeptLine> = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
    lines.sort_by_key(|line| line.at_ms);
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(folder: &Path) -> (LogFile, Arc<Redactor>, PathBuf) {
        let redactor = Arc::new(Redactor::new());
        let path = folder.join("log.jsonl");
        (LogFile::create(&path, Arc::clone(&redactor)).unwrap(), redactor, path)
    }

    fn texts(path: &Path) -> Vec<String> {
        read(path).unwrap().into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn lines_come_back_in_order_masked_and_cut() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, redactor, path) = file(folder.path());
        redactor.add("hunter2");
        let long = format!("{}hunter2", "x".repeat(KeptLine::MAX_CHARS - 3));
        assert_eq!(log.append([(20, "b\u{1b}[0m\thunter2"), (-5, "a")]).unwrap(), 2);
        assert_eq!(log.append([(30, long.as_str())]).unwrap(), 1);
        // A token that the target wrote before it gave it away.
        log.append([(40, "late-secret")]).unwrap();
        assert!(texts(&path).contains(&"late-secret".to_owned()));
        redactor.add("late-secret");
        log.finish().unwrap();
        let found = read(&path).unwrap();
        assert_eq!(found.iter().map(|line| line.at_ms).collect::<Vec<_>>(), [-5, 20, 30, 40]);
        let texts = texts(&path);
        assert_eq!(
            (texts[0].as_str(), texts[1].as_str(), texts[3].as_str()),
            ("a", "b\u{1b}[0m\t[secret]", "[secret]")
        );
        assert!(texts[2].chars().count() == KeptLine::MAX_CHARS && !texts[2].contains("hun"), "{}", texts[2]);
    }

    #[test]
    fn a_line_that_was_cut_off_costs_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _, path) = file(folder.path());
        log.append([(1, "one"), (2, "two")]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
        assert_eq!(texts(&path), ["one"]);
        assert!(read(&folder.path().join("none")).unwrap().is_empty());
    }

    #[test]
    fn no_more_is_kept_than_was_said() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _, path) = file(folder.path());
        let many = || (0..MOST_LINES as i64 - 1).map(|at| (at, "x"));
        assert_eq!(log.append(many()).unwrap(), MOST_LINES - 1);
        assert_eq!(log.append([(1, "y"), (2, "z")]).unwrap(), 1);
        assert_eq!(log.append([(3, "z")]).unwrap(), 0);
        assert_eq!(read(&path).unwrap().len() as u64, MOST_LINES);

        let (mut log, _, path) = file(&{
            let other = folder.path().join("other");
            std::fs::create_dir(&other).unwrap();
            other
        });
        let wide = "\u{1}".repeat(400);
        let mut kept = 0;
        for at in 0..10_000 {
            kept += log.append([(at, wide.as_str())]).unwrap();
        }
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size <= MOST_BYTES && size > MOST_BYTES - 5000 && kept < 10_000, "{size} {kept}");
        // Once there was no room, there is none for a short line either.
        assert_eq!(log.append([(0, "x")]).unwrap(), 0);
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in any::<String>()) {
            let folder = tempfile::tempdir().unwrap();
            let (mut log, _, path) = file(folder.path());
            log.append([(0, text.as_str())]).unwrap();
            prop_assert_eq!(texts(&path), [shorten(&text, KeptLine::MAX_CHARS)]);
        }
    }
}
