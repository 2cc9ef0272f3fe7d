//! `slowdrip judge`: a stored night, judged again.

use std::path::Path;

use super::args::JudgeArgs;
use super::{Exit, Failure, console, verdict};
use crate::history;
use crate::model::StoredNight;
use crate::threshold::{self, RuleSet};

pub(super) fn run(args: &JudgeArgs) -> Result<Exit, Failure> {
    let folder = history::find_run(&args.reports, &args.run).map_err(|error| Failure::new(Exit::BadInput, &error))?;
    let night = history::load(&folder).map_err(|error| Failure::new(Exit::BadInput, &error))?;
    let rules = match &args.thresholds {
        Some(path) => threshold::load(path).map_err(|error| Failure::new(Exit::BadInput, &error))?,
        None => stored_rules(&folder, &night)?,
    };
    let assessment = crate::judge::judge(night.recorded(), &rules);
    console::out(&verdict::table(&night.record, &assessment));
    Ok(Exit::of_verdict(assessment.verdict))
}

/// The rules that a night was judged by.
pub(super) fn stored_rules(folder: &Path, night: &StoredNight) -> Result<RuleSet, Failure> {
    if night.thresholds.is_empty() {
        return Ok(RuleSet::empty());
    }
    threshold::parse(&folder.join("thresholds.yaml"), &night.thresholds)
        .map_err(|error| Failure::new(Exit::BadInput, &error))
}
