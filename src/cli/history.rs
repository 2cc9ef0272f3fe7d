//! `slowdrip history merge`: the histories of several machines made one.

use std::path::{Path, PathBuf};

use super::{Exit, Failure, console};
use crate::history;
use crate::model::text::{count, printable};

/// What is done to histories.
#[derive(Debug, clap::Subcommand)]
pub(super) enum HistoryCommand {
    /// Merge history.jsonl files of one scenario: one line a run, in the order of time. Serves git as a merge driver.
    Merge(MergeArgs),
}

/// What `history merge` is told.
#[derive(Debug, clap::Args)]
pub(super) struct MergeArgs {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write the outcome here; to standard output otherwise.
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
}

pub(super) fn run(command: &HistoryCommand) -> Result<Exit, Failure> {
    let HistoryCommand::Merge(args) = command;
    let texts = args.files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
    let merged = history::merge(&texts);
    if merged.scenarios.len() > 1 {
        let names: Vec<String> = merged.scenarios.iter().map(|name| format!("`{}`", printable(name))).collect();
        let message = format!(
            "the files hold nights of {} scenarios ({}); merge the history of each scenario by itself",
            names.len(),
            names.join(", ")
        );
        return Err(Failure::new(Exit::BadInput, &message));
    }
    if merged.unread > 0 {
        let lines = count(merged.unread, "line");
        console::error(&format!("{lines} could not be read and stand at the end as they are"));
    }
    match &args.into {
        Some(into) => history::write_file(into, &merged.text)
            .map_err(|error| Failure::new(Exit::NotWritten, &error))
            .map(|()| console::out(&format!("{}: {}", into.display(), count(merged.runs, "night"))))?,
        None => console::out(merged.text.trim_end_matches('\n')),
    }
    Ok(Exit::Pass)
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| {
        let message = format!("cannot read {}: {error}; name history.jsonl files", file.display());
        Failure::new(Exit::BadInput, &message)
    })
}
