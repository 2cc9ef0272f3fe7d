//! `slowdrip prune`: removes old nights; their lines in the history stay.

use std::path::{Path, PathBuf};

use super::{Exit, Failure, console, publish};
use crate::history::{self, Retention};
use crate::model::text::{bytes, count, printable};

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
    // No minutes: whoever writes 6m means months.
    let units = [('h', 3600.0), ('d', 86_400.0), ('w', 604_800.0)];
    let (number, unit) = units.iter().find_map(|(unit, s)| Some((text.strip_suffix(*unit)?, s))).ok_or_else(hint)?;
    let number: u32 = number.parse().map_err(|_| hint())?;
    if number > 0 { Ok(f64::from(number) * unit) } else { Err(hint()) }
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
        let shown = printable(&folder.display().to_string());
        let gone = if args.dry_run { Ok(()) } else { remove(folder) };
        match gone {
            Ok(()) => {
                freed += size;
                let verb = if args.dry_run { "would remove" } else { "removed" };
                lines.push(format!("{verb} {shown}"));
            }
            Err(error) => failed.push(format!("cannot remove {shown}: {error}")),
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

/// Removes a folder, what tells that it is a night last: a removal that was cut off is taken up again by the next one.
fn remove(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else if entry.file_name() != "run.json" {
            std::fs::remove_file(entry.path())?;
        }
    }
    std::fs::remove_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_days_weeks_and_hours_above_zero() {
        assert!((time("30d").unwrap() - 2_592_000.0).abs() < 1e-6);
        assert!((time("12w").unwrap() - 7_257_600.0).abs() < 1e-6);
        assert!((time("36h").unwrap() - 129_600.0).abs() < 1e-6);
        for bad in ["", "soon", "-3d", "0d", "30", "30m", "1h30m", "P30D"] {
            assert!(time(bad).unwrap_err().contains("write for example"), "{bad}");
        }
    }
}
