//! `history.jsonl`: one line per night, kept for good.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use super::StoreError;
use crate::model::HistoryLine;

/// Adds a night's line, or replaces the one that the same run left before.
///
/// # Errors
/// The history could not be read or written.
pub fn append_line(reports: &Path, line: &HistoryLine) -> Result<(), StoreError> {
    let folder = reports.join(&line.scenario);
    let path = folder.join("history.jsonl");
    let fail = |error| StoreError::new("write", &path, error);
    std::fs::create_dir_all(&folder).map_err(fail)?;
    // Two nights of one scenario may end at the same moment.
    let _lock = lock_folder(&folder)?;
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(fail(error)),
    };
    let new = serde_json::to_string(line).map_err(|error| fail(error.into()))?;
    let same_run = |old: &&str| run_of(old).as_deref() == Some(line.run.as_str());
    if text.lines().any(|old| same_run(&old)) {
        let lines = text.lines().map(|old| if same_run(&old) { new.as_str() } else { old });
        let all: String = lines.flat_map(|line| [line, "\n"]).collect();
        return super::store::replace(&path, all.as_bytes());
    }
    // A line that a crash cut off stays a line of its own.
    let lead = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let mut file = OpenOptions::new().append(true).create(true).open(&path).map_err(fail)?;
    file.write_all(format!("{lead}{new}\n").as_bytes()).map_err(fail)
}

/// Locks a folder against other nights that end at the same moment, until what is returned is dropped. The folder is locked, not a
/// file in it, which may be replaced.
///
/// # Errors
/// The folder could not be opened or locked.
pub fn lock_folder(folder: &Path) -> Result<File, StoreError> {
    let fail = |error| StoreError::new("lock", folder, error);
    let lock = File::open(folder).map_err(fail)?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).map_err(|error| fail(error.into()))?;
    Ok(lock)
}

fn run_of(line: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    value.get("run")?.as_str().map(str::to_owned)
}

/// The lines of one scenario that can be read, oldest first, and how many cannot.
///
/// # Errors
/// The file is there and cannot be read.
pub fn read_lines(reports: &Path, scenario: &str) -> Result<(Vec<HistoryLine>, u64), StoreError> {
    let path = reports.join(scenario).join("history.jsonl");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(StoreError::new("read", &path, error)),
    };
    let mut unread = 0;
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match serde_json::from_str::<HistoryLine>(line) {
            Ok(line) => lines.push(line),
            Err(_) => unread += 1,
        }
    }
    lines.sort_by(|a, b| a.started.cmp(&b.started).then_with(|| a.run.cmp(&b.run)));
    Ok((lines, unread))
}

/// The lines of every scenario below `reports`, and of how many lines nothing could be read, by the name of the scenario's folder.
///
/// # Errors
/// The folder or a history cannot be read.
pub fn read_all_lines(reports: &Path) -> Result<(Vec<HistoryLine>, BTreeMap<String, u64>), StoreError> {
    let fail = |error| StoreError::new("read", reports, error);
    let (mut all, mut unread) = (Vec::new(), BTreeMap::new());
    for entry in std::fs::read_dir(reports).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if entry.path().join("history.jsonl").is_file() {
            let scenario = entry.file_name().to_string_lossy().into_owned();
            let (lines, cannot) = read_lines(reports, &scenario)?;
            all.extend(lines);
            if cannot > 0 {
                unread.insert(scenario, cannot);
            }
        }
    }
    Ok((all, unread))
}

/// The lines of the nights that began before `run`, oldest first.
pub fn earlier(lines: &[HistoryLine], run: &str, started: jiff::Timestamp) -> Vec<HistoryLine> {
    lines.iter().filter(|line| line.started < started && line.run != run).cloned().collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{RUN_FORMAT, Verdict};

    pub(in crate::history) fn line(run: &str, second: i64) -> HistoryLine {
        HistoryLine {
            format: RUN_FORMAT,
            run: run.into(),
            scenario: "app".into(),
            started: jiff::Timestamp::from_second(second).unwrap(),
            soaked_s: 1.0,
            snapshots: 1,
            verdict: Verdict::Pass,
            reason: String::new(),
            image: None,
            labels: BTreeMap::new(),
            kernel: String::new(),
            machine: String::new(),
            engine: String::new(),
            thresholds_digest: String::new(),
            scenario_digest: String::new(),
            classes: BTreeMap::new(),
            broken: Vec::new(),
            acknowledged: Vec::new(),
            causes: Vec::new(),
            work: Default::default(),
        }
    }

    #[test]
    fn a_night_that_is_judged_again_replaces_its_line() {
        let dir = tempfile::tempdir().unwrap();
        append_line(dir.path(), &line("a", 1)).unwrap();
        append_line(dir.path(), &line("b", 2)).unwrap();
        append_line(dir.path(), &HistoryLine { snapshots: 7, ..line("a", 1) }).unwrap();
        let (lines, unread) = read_lines(dir.path(), "app").unwrap();
        assert_eq!(unread, 0);
        assert_eq!(lines.iter().map(|l| (l.run.as_str(), l.snapshots)).collect::<Vec<_>>(), [("a", 7), ("b", 1)]);
        assert_eq!(earlier(&lines, "b", lines[1].started).len(), 1);
    }

    #[test]
    fn a_line_cut_off_by_a_crash_costs_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        append_line(dir.path(), &line("a", 1)).unwrap();
        let path = dir.path().join("app/history.jsonl");
        let cut = std::fs::read_to_string(&path).unwrap() + r#"{"format":1,"ru"#;
        std::fs::write(&path, cut).unwrap();
        append_line(dir.path(), &line("b", 2)).unwrap();
        let (lines, unread) = read_lines(dir.path(), "app").unwrap();
        assert_eq!((lines.len(), unread), (2, 1));
        let (all, unread) = read_all_lines(dir.path()).unwrap();
        assert_eq!((all.len(), unread), (2, BTreeMap::from([("app".to_owned(), 1)])));
    }
}
