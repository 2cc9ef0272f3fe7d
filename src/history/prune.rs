//! Which nights are old enough to go.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{StoreError, is_over, read_lines};
use crate::model::{HistoryLine, Verdict};

/// How long nights stay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retention {
    /// Of those that pass, seconds.
    pub keep_s: f64,
    /// Of all others, seconds.
    pub keep_failed_s: f64,
}

/// The nights that may go, by their ids: those that are older than they are to be kept. The latest night of a scenario stays, and
/// so does the last one that passed: the next night is held against them. `lines` are those of one scenario, oldest first.
pub fn old(lines: &[HistoryLine], retention: Retention, now: jiff::Timestamp) -> Vec<&HistoryLine> {
    let latest = lines.last().map(|line| &line.run);
    let passed = lines.iter().rev().find(|line| line.verdict == Verdict::Pass).map(|line| &line.run);
    let is_old = |line: &&HistoryLine| {
        let keep = if line.verdict == Verdict::Pass { retention.keep_s } else { retention.keep_failed_s };
        now.duration_since(line.started).as_secs_f64() > keep
    };
    lines.iter().filter(is_old).filter(|line| Some(&line.run) != latest && Some(&line.run) != passed).collect()
}

/// What is to be removed from a reports folder, and what is said of the rest.
#[derive(Debug, Default)]
pub struct Plan {
    /// Folders of nights and gates, with their sizes in bytes.
    pub folders: Vec<(PathBuf, u64)>,
    /// Folders that were left alone, and why.
    pub left: Vec<String>,
}

/// Looks through the scenarios of a reports folder. Symbolic links are not followed; what is no night stays.
///
/// # Errors
/// A folder or a history cannot be read.
pub fn plan(reports: &Path, retention: Retention, now: jiff::Timestamp) -> Result<Plan, StoreError> {
    let mut plan = Plan::default();
    for scenario in folders(reports)? {
        let Some(name) = scenario.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        let (lines, _) = read_lines(reports, &name)?;
        let old: BTreeSet<&str> = old(&lines, retention, now).into_iter().map(|line| line.run.as_str()).collect();
        for run in folders(&scenario)? {
            let id = run.file_name().map(|id| id.to_string_lossy().into_owned()).unwrap_or_default();
            if !run.join("run.json").is_file() {
                continue;
            }
            if lines.iter().all(|line| line.run != id) {
                plan.left.push(format!(
                    "{} has no line in the history and stays; `slowdrip report {}` makes one",
                    run.display(),
                    run.display()
                ));
            } else if old.contains(id.as_str()) {
                if is_over(&run)? {
                    plan.folders.push((run.clone(), size(&run)));
                } else {
                    plan.left.push(format!("{} is still being written and stays", run.display()));
                }
            }
        }
        for gate in folders(&scenario.join("gates"))? {
            let Some(started) = begun(&gate) else { continue };
            let text = std::fs::read_to_string(gate.join("gate.json")).unwrap_or_default();
            let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let passed = value.get("verdict").and_then(serde_json::Value::as_str) == Some("pass");
            let keep = if passed { retention.keep_s } else { retention.keep_failed_s };
            let sides = folders(&gate)?;
            let busy = sides.iter().any(|side| !is_over(side).unwrap_or(true));
            if !busy && now.duration_since(started).as_secs_f64() > keep {
                plan.folders.push((gate.clone(), size(&gate)));
            }
        }
    }
    plan.folders.sort();
    Ok(plan)
}

/// When a run or a gate began, by its id: `20261122-020000-3fa9`.
fn begun(folder: &Path) -> Option<jiff::Timestamp> {
    let id = folder.file_name()?.to_str()?;
    let time = id.get(..15)?;
    let at = jiff::civil::DateTime::strptime("%Y%m%d-%H%M%S", time).ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

/// The folders in a folder, sorted; none where it is not there. Links are left out.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::new("read", folder, error)),
    };
    let real = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let mut found: Vec<PathBuf> = entries.flatten().filter(real).map(|entry| entry.path()).collect();
    found.sort();
    Ok(found)
}

/// What a folder takes, bytes; what cannot be read counts nothing.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => size(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::lines::tests::line;

    const DAY: i64 = 86_400;

    fn retention() -> Retention {
        Retention { keep_s: 30.0 * DAY as f64, keep_failed_s: 180.0 * DAY as f64 }
    }

    #[test]
    fn passing_nights_go_after_a_month_and_failed_ones_later_but_never_the_last_of_either() {
        let failed = |run: &str, day: i64| HistoryLine { verdict: Verdict::Fail, ..line(run, day * DAY) };
        let lines = [line("a", 0), failed("b", 1), line("c", 2), failed("d", 3), failed("e", 4)];
        let ids = |day: i64| -> Vec<String> {
            let now = jiff::Timestamp::from_second(day * DAY).unwrap();
            old(&lines, retention(), now).into_iter().map(|line| line.run.clone()).collect()
        };
        assert_eq!(ids(20), [""; 0]);
        assert_eq!(ids(100), ["a"], "c is the last that passed");
        assert_eq!(ids(400), ["a", "b", "d"], "e is the latest");
    }

    #[test]
    fn what_is_no_night_stays_and_a_night_without_a_line_is_named() {
        let reports = tempfile::tempdir().unwrap();
        let app = reports.path().join("app");
        let make = |name: &str| {
            let folder = app.join(name);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("run.json"), "{}").unwrap();
            folder
        };
        for (n, run) in ["a", "b"].into_iter().enumerate() {
            make(run);
            crate::history::append_line(reports.path(), &line(run, i64::try_from(n).unwrap())).unwrap();
        }
        make("stray");
        std::fs::create_dir_all(app.join("mine")).unwrap();
        std::os::unix::fs::symlink("/etc", app.join("link")).unwrap();
        let gate = app.join("gates/19700103-000000-ab12");
        std::fs::create_dir_all(&gate).unwrap();
        std::fs::write(gate.join("gate.json"), r#"{"verdict":"pass"}"#).unwrap();
        let now = jiff::Timestamp::from_second(100 * DAY).unwrap();
        let plan = plan(reports.path(), retention(), now).unwrap();
        let folders: Vec<&Path> = plan.folders.iter().map(|(folder, _)| folder.as_path()).collect();
        assert_eq!(folders, [app.join("a"), gate]);
        assert_eq!(plan.left.len(), 1);
        assert!(plan.left[0].contains("stray has no line"), "{:?}", plan.left);
    }
}
