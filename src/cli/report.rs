//! `slowdrip report`: the pages of a stored night, made again.

use std::path::Path;

use super::args::ReportArgs;
use super::{Exit, Failure, annotate, console, gate, judge, publish};
use crate::history::{self, RunDir};
use crate::model::StoredNight;

pub(super) fn run(args: &ReportArgs) -> Result<Exit, Failure> {
    let direct = Path::new(&args.run);
    if gate::is_gate(direct) {
        gate::remake(direct)?;
        console::out(&direct.join("gate.html").display().to_string());
        return Ok(Exit::Pass);
    }
    let folder = history::find_run(&args.reports, &args.run).map_err(|error| Failure::new(Exit::BadInput, &error))?;
    if args.json {
        console::out(&json(&folder)?);
        return Ok(Exit::Pass);
    }
    let night = remake(&folder)?;
    if args.annotations.wanted() {
        annotate::print(&night);
    }
    console::out(&folder.join("report.html").display().to_string());
    Ok(Exit::Pass)
}

/// All that the page of a night says, as JSON. Nothing is written: one that was never judged is judged for this alone.
fn json(folder: &Path) -> Result<String, Failure> {
    let mut night = history::load(folder).map_err(|error| Failure::new(Exit::BadInput, &error))?;
    if night.assessment.is_none() {
        night.assessment = Some(crate::judge::judge(night.recorded(), &judge::stored_rules(folder, &night)?));
    }
    publish::page_json(&RunDir::reopen(folder), &night).map_err(|error| Failure::new(Exit::Unexpected, &error))
}

/// Makes the pages of a night; one that was never judged (slowdrip was killed) is judged first.
pub(super) fn remake(folder: &Path) -> Result<StoredNight, Failure> {
    let mut night = history::load(folder).map_err(|error| Failure::new(Exit::BadInput, &error))?;
    let rules = judge::stored_rules(folder, &night)?;
    let folder = RunDir::reopen(folder);
    if night.assessment.is_none() {
        let assessment = crate::judge::judge(night.recorded(), &rules);
        folder.write_assessment(&assessment).map_err(|error| Failure::new(Exit::NotWritten, &error))?;
        night.assessment = Some(assessment);
    }
    publish::publish(&folder, &night, &rules).map_err(|error| Failure::new(Exit::NotWritten, &error))?;
    Ok(night)
}

/// Makes the pages of the scenario's nights that a crash left without any.
pub(super) fn recover(reports: &Path, scenario: &str) -> Vec<String> {
    let Ok(runs) = history::runs_of(reports, scenario) else { return Vec::new() };
    let mut said = Vec::new();
    for folder in runs {
        let unfinished = !folder.join("findings.json").is_file() && history::is_over(&folder).unwrap_or(false);
        if unfinished {
            said.push(match remake(&folder) {
                Ok(_) => {
                    format!("made the report of a night that was cut off: {}", folder.join("report.html").display())
                }
                Err(failure) => format!("a night that was cut off has no report: {}", failure.message),
            });
        }
    }
    said
}
