//! `slowdrip prune`: removes old nights; their lines in the history stay.

use std::path::PathBuf;

use super::{Exit, Failure, console, publish};
use crate::history::{self, Retention};
use crate::model::text::{bytes, count};

/// What `prune` is told.
#[derive(Debug, clap::Args)]
pub(super) struct PruneArgs {
    /// How long nights that pass are kept: 30d, 12w, 36h.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "30d")]
    keep: f64,
    /// How long all other nights are kept.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "180d")]
    keep_failed: f64,
    /// Folder in which nights land.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    reports: PathBuf,
    /// Say what would go, and remove nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Seconds of a time such as `30d`; a day has 24 hours.
fn time(text: &str) -> Result<f64, String> {
    let hint = || format!("`{text}` is no time; write for example 30d, 12w or 36h");
    let span: jiff::Span = text.parse().map_err(|_| hint())?;
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    let seconds = span.total((jiff::Unit::Second, days)).map_err(|_| hint())?;
    if seconds > 0.0 { Ok(seconds) } else { Err(hint()) }
}

pub(super) fn run(args: &PruneArgs) -> Result<Exit, Failure> {
    let bad = |error: &dyn std::fmt::Display| Failure::new(Exit::BadInput, error);
    if !args.reports.is_dir() {
        let message = format!("there is no folder {}; name the reports with --reports", args.reports.display());
        return Err(bad(&message));
    }
    let retention = Retention { keep_s: args.keep, keep_failed_s: args.keep_failed };
    let plan = history::prune_plan(&args.reports, retention, jiff::Timestamp::now()).map_err(|error| bad(&error))?;
    let mut lines = plan.left;
    let mut freed = 0;
    let mut failed = Vec::new();
    for (folder, size) in &plan.folders {
        let gone = if args.dry_run { Ok(()) } else { std::fs::remove_dir_all(folder) };
        match gone {
            Ok(()) => {
                freed += size;
                let verb = if args.dry_run { "would remove" } else { "removed" };
                lines.push(format!("{verb} {}", folder.display()));
            }
            Err(error) => failed.push(format!("cannot remove {}: {error}", folder.display())),
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let size = bytes(freed as f64);
    let done = plan.folders.len() - failed.len();
    let word = if args.dry_run { "would be freed" } else { "freed" };
    lines.push(match done {
        0 if failed.is_empty() => "nothing is old enough to go".to_owned(),
        _ => format!("{}, {size} {word}; the history keeps every line", count(done as u64, "folder")),
    });
    console::out(&lines.join("\n"));
    if !args.dry_run && done > 0 {
        publish::write_index(&args.reports).map_err(|error| Failure::new(Exit::NotWritten, &error))?;
    }
    if failed.is_empty() { Ok(Exit::Pass) } else { Err(Failure::new(Exit::NotWritten, &failed.join("\n"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_days_weeks_and_hours_above_zero() {
        assert!((time("30d").unwrap() - 2_592_000.0).abs() < 1e-6);
        assert!((time("12w").unwrap() - 7_257_600.0).abs() < 1e-6);
        assert!((time("36h").unwrap() - 129_600.0).abs() < 1e-6);
        for bad in ["", "soon", "-3d", "0d", "30", "1y 0"] {
            assert!(time(bad).unwrap_err().contains("write for example"), "{bad}");
        }
    }
}
