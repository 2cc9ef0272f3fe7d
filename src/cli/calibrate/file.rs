//! The thresholds file: changed at the places of its figures, or made.

use std::io::Write as _;
use std::path::Path;

use regex::Regex;

use crate::calibrate::Change;
use crate::cli::{Exit, Failure};
use crate::document::{Document, Edited, FileError, Heading, LineChange, Setting};
use crate::model::text::count;
use crate::threshold::{self, RuleSet};

/// The keys of figures in the order in which they stand.
const ORDER: [&str; 4] = ["max", "max_limit_ratio", "max_dead", "max_growth_per_hour"];

fn heading(day: &str, nights: usize) -> String {
    format!("# Calibrated on {day} from {}.", count(nights as u64, "clean night"))
}

/// The text of a file with changes made at their places.
pub(super) fn edited(
    path: &Path,
    rules: &RuleSet,
    changes: &[Change],
    day: &str,
    nights: usize,
) -> Result<Edited, FileError> {
    let document = Document::parse(path, rules.text.clone(), threshold::KIND)?;
    let earlier = Regex::new(r"^# Calibrated on \d{4}-\d{2}-\d{2} from \d+ clean nights?\.$")
        .map_err(|error| FileError::new(path, error.to_string(), "this is a fault of slowdrip's own"))?;
    let heading = Heading { earlier: &earlier, comment: heading(day, nights) };
    document.edited(&settings(&document, changes), Some(&heading))
}

fn settings(document: &Document, changes: &[Change]) -> Vec<Setting> {
    let has_classes = document.root().get("classes").is_some();
    if !has_classes && !changes.is_empty() {
        let entries: Vec<String> = changes.iter().map(|change| format!("{}: {}", change.class, change.value)).collect();
        return vec![Setting {
            keys: vec!["classes".to_owned()],
            value: format!("{{{}}}", entries.join(", ")),
            after: None,
        }];
    }
    let setting = |change: &Change| {
        let keys = ["classes", &change.class].into_iter().chain(change.key).map(str::to_owned).collect();
        let before =
            |key: &str| ORDER.iter().take_while(|other| **other != key).map(|other| (*other).to_owned()).collect();
        Setting { keys, value: change.value.clone(), after: change.key.map(before) }
    };
    changes.iter().map(setting).collect()
}

/// The text of a new file.
pub(super) fn created(changes: &[Change], day: &str, nights: usize) -> Result<Edited, FileError> {
    let mut lines = vec![heading(day, nights)];
    lines.push(if changes.is_empty() { "classes: {}" } else { "classes:" }.to_owned());
    lines.extend(changes.iter().map(|change| format!("  {}: {}", change.class, change.value)));
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    let lines = lines.into_iter().map(|after| LineChange { line: 0, before: None, after }).collect();
    Ok(Edited { text, lines })
}

/// Writes the text beside the file and renames it, so that nobody sees half of it. Rights stay as they were, and what a link
/// leads to is written, not the link.
pub(super) fn write(path: &Path, rules: &RuleSet, exists: bool, text: &str) -> Result<(), Failure> {
    let fail = |problem: &dyn std::fmt::Display| {
        Failure::new(Exit::NotWritten, &format!("cannot write {}: {problem}; nothing was written", path.display()))
    };
    // By its kind: the name of the temporary file, which its text holds, helps nobody.
    let kind = |error: std::io::Error| fail(&error.kind());
    let real = if exists { path.canonicalize().map_err(kind)? } else { path.to_owned() };
    let mode = if exists {
        let about = real.metadata().map_err(kind)?;
        // A rename would not ask, and root is always let in.
        if about.permissions().readonly() {
            return Err(fail(&"the file is read-only; make it writable with `chmod u+w`"));
        }
        let now = std::fs::read_to_string(&real).map_err(kind)?;
        if now != rules.text {
            return Err(fail(&"it was changed meanwhile; calibrate again"));
        }
        about.permissions()
    } else {
        std::os::unix::fs::PermissionsExt::from_mode(0o644)
    };
    let folder = real.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".slowdrip-").tempfile_in(folder).map_err(kind)?;
    file.write_all(text.as_bytes()).map_err(kind)?;
    file.as_file().set_permissions(mode).map_err(kind)?;
    file.as_file().sync_all().map_err(kind)?;
    if exists {
        file.persist(&real).map_err(|error| kind(error.error))?;
    } else {
        file.persist_noclobber(&real).map_err(|error| kind(error.error))?;
    }
    Ok(())
}
