//! `slowdrip calibrate`: thresholds that the clean nights of the history speak for.

mod file;
mod view;

use std::path::Path;

use super::args::CalibrateArgs;
use super::{Exit, Failure, console};
use crate::calibrate::{self, Asked, Chosen, FEWEST_NIGHTS, Machine};
use crate::model::text::count;
use crate::scenario::{self, Overrides};
use crate::threshold::{self, RuleSet};
use crate::{history, night};

pub(super) fn run(args: &CalibrateArgs) -> Result<Exit, Failure> {
    let bad = |error: &dyn std::fmt::Display| Failure::new(Exit::BadInput, error);
    // Nothing is started: what the environment would bring is not needed, and need not be there.
    let env = |_: &str| Some("stands for a value of the environment".to_owned());
    let scenario = scenario::load(&args.scenario, &Overrides::default(), &env).map_err(|error| bad(&error))?;
    let path = args.thresholds.clone().or(scenario.thresholds).ok_or_else(|| no_thresholds(&args.scenario))?;
    let (rules, exists) = rules(&path)?;
    let (lines, unread) = history::read_lines(&args.reports, &scenario.name).map_err(|error| bad(&error))?;
    let asked = Asked {
        nights: usize::try_from(args.nights).unwrap_or(usize::MAX),
        machine: machine(args.machine.as_deref()),
        any_digest: args.any_digest,
    };
    let chosen = calibrate::choose(&lines, &asked);
    console::out(&view::head(&scenario.name, &chosen, &asked, unread));
    if chosen.nights.len() < FEWEST_NIGHTS {
        let folder = args.reports.join(&scenario.name);
        return Err(too_few(&chosen, &folder.join("history.jsonl"), lines.is_empty()));
    }
    let new_classes = args.add_classes || !exists;
    let propose = |rules: &RuleSet| calibrate::propose(&chosen.nights, rules, args.false_alarms, new_classes);
    let calibration = propose(&rules);
    console::out(&view::body(&calibration, chosen.nights.len(), args.false_alarms));
    let changes = calibration.changes();
    let day = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let edited = if exists {
        file::edited(&path, &rules, &changes, &day, chosen.nights.len())
    } else {
        file::created(&changes, &day, chosen.nights.len())
    }
    .map_err(|error| bad(&error))?;
    // The text is read as the next night will read it: nothing more may be left to propose.
    let again = threshold::parse(&path, &edited.text).map_err(|error| bad(&error))?;
    if !propose(&again).changes().is_empty() {
        return Err(bad(&format!(
            "{} cannot be edited in place: it would not say what is proposed; nothing was written, make the changes by hand",
            path.display()
        )));
    }
    if args.write && !edited.lines.is_empty() {
        file::write(&path, &rules, exists, &edited.text)?;
    }
    console::out(&view::changes(&path, &edited, &changes, args.write));
    Ok(Exit::Pass)
}

/// Today's rules, and whether there is a file of them.
fn rules(path: &Path) -> Result<(RuleSet, bool), Failure> {
    // A link that leads nowhere is there all the same, and is an error.
    if path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Ok((RuleSet::empty(), false));
    }
    let rules = threshold::load(path).map_err(|error| Failure::new(Exit::BadInput, &error))?;
    Ok((rules, true))
}

fn machine(asked: Option<&str>) -> Machine {
    match asked {
        Some("any") => Machine::Any,
        Some(kind) => Machine::Kind(kind.to_owned()),
        None => Machine::Kind(night::this_machine().kind()),
    }
}

fn no_thresholds(scenario: &Path) -> Failure {
    let message = format!("{} names no thresholds; name a file with --thresholds, it may be new", scenario.display());
    Failure::new(Exit::BadInput, &message)
}

fn too_few(chosen: &Chosen<'_>, history: &Path, none: bool) -> Failure {
    let path = history.display();
    let message = if none {
        format!(
            "there is no history in {path}: {FEWEST_NIGHTS} clean nights are needed; run the scenario, or say with --reports where it lies"
        )
    } else {
        let found = chosen.nights.len();
        let (are, missing) = (count(found as u64, "clean night"), FEWEST_NIGHTS - found);
        let left_out = !chosen.other_machines.is_empty() || !chosen.other_digests.is_empty();
        let help = if left_out { ", or take some of those that were left out" } else { "" };
        format!("{are} in {path}: it takes {missing} more to propose anything; run the scenario again{help}")
    };
    Failure::new(Exit::Inconclusive, &message)
}
