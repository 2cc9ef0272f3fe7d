//! `slowdrip diff`: two nights against each other.

mod pick;
mod view;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Exit, Failure, console};
use crate::diff::{self, Diff, Outcome};
use crate::{history, report};

/// The exit codes, shown by `--help`.
pub(super) const EXITS: &str = "\
Exit codes:
    0  the nights were compared; with --exit-code: nothing is worse beyond noise
    2  wrong usage
    3  with --exit-code: not comparable, or nobody can tell yet
   96  there are no such nights, or they cannot be read
  100  with --exit-code: a new finding fails, or a class is up beyond noise and by enough to matter
  110  the file could not be written";

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The earlier night: a run's id or its folder. Alone: a scenario, whose last night is compared, or a run that is compared with
    /// the last comparable one before it.
    #[arg(value_name = "A")]
    pub(super) first: Option<String>,
    /// The later night: a run's id or its folder.
    #[arg(value_name = "B", requires = "first")]
    pub(super) second: Option<String>,
    /// The scenario whose last night is compared; not needed where the reports folder holds only one.
    #[arg(long, value_name = "NAME", conflicts_with = "first")]
    pub(super) scenario: Option<String>,
    /// Folder in which nights land.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(super) reports: PathBuf,
    /// What to print; text by default, or what the end of the `--output` file's name says.
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,
    /// Write it to a file in place of printing it.
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Tell by the exit code whether the later night is worse.
    #[arg(long)]
    pub(super) exit_code: bool,
    /// The same as `--format markdown`.
    #[arg(long, hide = true, conflicts_with = "format")]
    pub(super) markdown: bool,
}

/// The forms of a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For a terminal, 80 columns wide.
    Text,
    /// For a step summary.
    Markdown,
    /// For a machine; `slowdrip schema diff` describes it.
    Json,
    /// A page of its own, one file.
    Html,
}

impl DiffArgs {
    fn format(&self) -> Format {
        if self.markdown {
            return Format::Markdown;
        }
        let end = self.output.as_ref().and_then(|path| path.extension()).and_then(|end| end.to_str());
        self.format.unwrap_or(match end {
            Some("html" | "htm") => Format::Html,
            Some("md") => Format::Markdown,
            Some("json") => Format::Json,
            Some(_) | None => Format::Text,
        })
    }
}

pub(super) fn run(args: &DiffArgs) -> Result<Exit, Failure> {
    let nights = pick::nights(args)?;
    let (before, after) = load(&nights)?;
    let diff = diff::compare(&before, &after, &pick::history(&nights, args, &after.record));
    let text = render(&diff, args.format())?;
    match &args.output {
        Some(path) => {
            history::write_file(path, &anstream::adapter::strip_str(&text).to_string())
                .map_err(|error| Failure::new(Exit::NotWritten, &error))?;
            console::out(&path.display().to_string());
        }
        None => console::out(&text),
    }
    Ok(if args.exit_code { exit(diff.outcome) } else { Exit::Pass })
}

/// Both nights, side by side: reading them takes longer than comparing them.
fn load(nights: &pick::Nights) -> Result<(crate::model::StoredNight, crate::model::StoredNight), Failure> {
    let (before, after) = std::thread::scope(|scope| {
        let before = scope.spawn(|| history::load(&nights.before));
        let after = history::load(&nights.after);
        (before.join(), after)
    });
    let bad = |error: &dyn std::fmt::Display| Failure::new(Exit::BadInput, error);
    let before = before.map_err(|_| Failure::new(Exit::Unexpected, &"reading the earlier night failed"))?;
    Ok((before.map_err(|error| bad(&error))?, after.map_err(|error| bad(&error))?))
}

fn render(diff: &Diff, format: Format) -> Result<String, Failure> {
    match format {
        Format::Text => Ok(view::text(diff)),
        Format::Markdown => Ok(report::diff_markdown(diff)),
        Format::Json => Ok(report::diff_json(diff)),
        Format::Html => report::diff_html(diff)
            .map_err(|error| Failure::new(Exit::Unexpected, &format!("cannot render the page: {error:#}"))),
    }
}

fn exit(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::NoWorse => Exit::Pass,
        Outcome::Worse => Exit::Broken,
        Outcome::Open | Outcome::NotComparable => Exit::Inconclusive,
    }
}
