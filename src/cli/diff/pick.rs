//! Which two nights are meant.

use std::path::{Path, PathBuf};

use super::DiffArgs;
use crate::cli::{Exit, Failure};
use crate::diff::comparable;
use crate::history;
use crate::model::text::printable;
use crate::model::{HistoryLine, RunRecord};

/// The folders of the two nights.
#[derive(Debug)]
pub(super) struct Nights {
    pub(super) before: PathBuf,
    pub(super) after: PathBuf,
}

pub(super) fn nights(args: &DiffArgs) -> Result<Nights, Failure> {
    match (&args.first, &args.second) {
        (Some(first), Some(second)) => Ok(Nights { before: run(args, first)?, after: run(args, second)? }),
        (Some(one), None) if is_scenario(&args.reports, one) => last_of(args, one),
        (Some(one), None) => before(run(args, one)?),
        (None, _) => match &args.scenario {
            Some(name) => last_of(args, name),
            None => last_of(args, &only_scenario(args)?),
        },
    }
}

fn bad(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::BadInput, error)
}

fn run(args: &DiffArgs, name: &str) -> Result<PathBuf, Failure> {
    history::find_run(&args.reports, name).map_err(|error| bad(&error))
}

/// True for the name of a folder below the reports that holds nights; a path is no name.
fn is_scenario(reports: &Path, name: &str) -> bool {
    let plain = !name.contains('/') && !name.starts_with('.');
    plain && history::runs_of(reports, name).is_ok_and(|runs| !runs.is_empty())
}

/// The last night of a scenario, and the one it is compared with.
fn last_of(args: &DiffArgs, scenario: &str) -> Result<Nights, Failure> {
    let mut runs = history::runs_of(&args.reports, scenario).map_err(|error| bad(&error))?;
    let folder = args.reports.join(scenario);
    match (runs.pop(), runs.is_empty()) {
        (None, _) => Err(bad(&format!(
            "there is no night of `{}` in {}; run one, or say with --reports where they lie",
            printable(scenario),
            folder.display()
        ))),
        (Some(_), true) => {
            Err(bad(&format!("a diff needs two nights, and {} holds 1; run another one", folder.display())))
        }
        (Some(last), false) => chosen(last, runs),
    }
}

/// A night, and the one before it that it is compared with.
fn before(after: PathBuf) -> Result<Nights, Failure> {
    // A name such as `.` has no parent until it is resolved.
    let after = after.canonicalize().unwrap_or(after);
    let record = history::load_record(&after).map_err(|error| bad(&error))?;
    let parent = after.parent().unwrap_or(Path::new(".")).to_owned();
    let mut runs = siblings(&parent);
    runs.retain(|run| run.file_name() < after.file_name());
    if runs.is_empty() {
        let message = format!(
            "{} holds no night before {}; name the one to compare it with: slowdrip diff BEFORE {}",
            parent.display(),
            printable(&record.run),
            printable(&record.run)
        );
        return Err(bad(&message));
    }
    chosen(after, runs)
}

/// The runs of a scenario's folder, oldest first.
fn siblings(parent: &Path) -> Vec<PathBuf> {
    let (Some(reports), Some(name)) = (parent.parent(), parent.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    history::runs_of(reports, name).unwrap_or_default()
}

/// Of the earlier nights, which are not none, the last comparable one: on the same kernel if there is any such. Where none is
/// comparable, the last one that can be read; the diff says why it is not.
fn chosen(after: PathBuf, earlier: Vec<PathBuf>) -> Result<Nights, Failure> {
    let record = history::load_record(&after).map_err(|error| bad(&error))?;
    let mut other_kernel = None;
    let mut newest = None;
    let mut unread = None;
    for folder in earlier.into_iter().rev() {
        let other = match history::load_record(&folder) {
            Ok(other) => other,
            Err(error) => {
                unread.get_or_insert(error);
                continue;
            }
        };
        if comparable(&record, &other) && judged(&folder) {
            if other.host.kernel == record.host.kernel {
                return Ok(Nights { before: folder, after });
            }
            other_kernel.get_or_insert(folder);
        } else {
            newest.get_or_insert(folder);
        }
    }
    match (other_kernel.or(newest), unread) {
        (Some(before), _) => Ok(Nights { before, after }),
        (None, Some(error)) => Err(bad(&error)),
        (None, None) => Err(bad(&"there is no earlier night to compare with")),
    }
}

fn judged(folder: &Path) -> bool {
    folder.join("findings.json").is_file()
}

/// What is known of past nights: from beside the later night, else from the reports folder. None where it cannot be read: the
/// noise is not known then, and the diff says so.
pub(super) fn history(nights: &Nights, args: &DiffArgs, after: &RunRecord) -> Vec<HistoryLine> {
    let beside = nights.after.canonicalize().ok().and_then(|folder| {
        let parent = folder.parent()?;
        let lines = history::read_lines(parent.parent()?, parent.file_name()?.to_str()?).ok()?.0;
        (!lines.is_empty()).then_some(lines)
    });
    beside.unwrap_or_else(|| history::read_lines(&args.reports, &after.scenario).unwrap_or_default().0)
}

fn only_scenario(args: &DiffArgs) -> Result<String, Failure> {
    let mut names: Vec<String> = std::fs::read_dir(&args.reports)
        .map_err(|error| bad(&format!("cannot read {}: {error}", args.reports.display())))?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| history::runs_of(&args.reports, name).is_ok_and(|runs| !runs.is_empty()))
        .collect();
    names.sort();
    match names.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(bad(&format!("{} holds no nights yet", args.reports.display()))),
        many => Err(bad(&format!(
            "{} holds nights of several scenarios; name one of: {}",
            args.reports.display(),
            printable(&many.join(", "))
        ))),
    }
}
