//! A gate on disk: `reports/<scenario>/gates/<gate>/`, with a night in `candidate/` and one in `baseline/`.

use std::path::Path;

use super::super::{Exit, Failure, judge as judging, report};
use super::sides::name;
use crate::gate::{self, Gate, Setting};
use crate::history::{self, RunDir};
use crate::model::{GateRole, StoredNight};

/// The folder of a scenario's gates. It is no night, and has no line in the history.
pub(super) const GATES: &str = "gates";

/// A judged gate with its nights.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) gate: Gate,
    candidate: StoredNight,
    baseline: StoredNight,
}

/// Judges a gate from its two nights.
pub(super) fn judge(folder: &Path, setting: &Setting) -> Result<Judged, Failure> {
    let bad = |error: &dyn std::fmt::Display| Failure::new(Exit::BadInput, error);
    let load = |role| history::load(&folder.join(name(role))).map_err(|error| bad(&error));
    let (candidate, baseline) = (load(GateRole::Candidate)?, load(GateRole::Baseline)?);
    let rules = judging::stored_rules(&folder.join(name(GateRole::Candidate)), &candidate)?;
    let gate = gate::compare(&candidate, &baseline, &rules, setting);
    Ok(Judged { gate, candidate, baseline })
}

/// Writes `gate.json` and the pages.
pub(super) fn publish(folder: &Path, judged: &Judged) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(Exit::NotWritten, error);
    // What it holds was masked when the nights were written.
    let folder = RunDir::reopen(folder);
    let text = serde_json::to_string_pretty(&judged.gate).map_err(|error| failed(&error))?;
    folder.write_page("gate.json", &format!("{text}\n")).map_err(|error| failed(&error))?;
    let pages = crate::report::gate(&judged.gate, &judged.candidate, &judged.baseline)
        .map_err(|error| failed(&format!("cannot render a page: {error:#}; this is a fault of slowdrip's own")))?;
    for (file, page) in [("gate.html", &pages.html), ("gate.md", &pages.markdown), ("junit.xml", &pages.junit)] {
        folder.write_page(file, page).map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// True for the folder of a gate.
pub(in crate::cli) fn is_gate(folder: &Path) -> bool {
    [GateRole::Candidate, GateRole::Baseline].iter().all(|role| folder.join(name(*role)).join("run.json").is_file())
}

/// Makes the pages of a stored gate again, and those of its nights.
pub(in crate::cli) fn remake(folder: &Path) -> Result<(), Failure> {
    for role in [GateRole::Candidate, GateRole::Baseline] {
        report::remake(&folder.join(name(role)))?;
    }
    let before = std::fs::read_to_string(folder.join("gate.json")).ok();
    let before = before.and_then(|text| serde_json::from_str::<Gate>(&text).ok());
    let setting = match before {
        Some(gate) => Setting { gate: gate.gate, command: gate.command, margin: gate.margin },
        // It was cut off before it was judged; its candidate knows what was asked.
        None => {
            let night = history::load(&folder.join(name(GateRole::Candidate)))
                .map_err(|error| Failure::new(Exit::BadInput, &error))?;
            let gate = night.record.gate.map_or_else(String::new, |gate| gate.gate);
            let margin = night.record.command.iter().skip_while(|word| *word != "--margin").nth(1);
            let margin = margin.and_then(|margin| margin.parse().ok());
            Setting { gate, command: night.record.command, margin }
        }
    };
    publish(folder, &judge(folder, &setting)?)
}

/// Makes the pages of the scenario's gates that a crash left without any.
pub(in crate::cli) fn recover(reports: &Path, scenario: &str) -> Vec<String> {
    let Ok(gates) = std::fs::read_dir(reports.join(scenario).join(GATES)) else { return Vec::new() };
    let mut said = Vec::new();
    for folder in gates.flatten().map(|entry| entry.path()) {
        let over = |role| history::is_over(&folder.join(name(role))).unwrap_or(false);
        let unfinished = is_gate(&folder) && !folder.join("gate.json").is_file();
        if unfinished && over(GateRole::Candidate) && over(GateRole::Baseline) {
            said.push(match remake(&folder) {
                Ok(()) => format!("made the report of a gate that was cut off: {}", folder.join("gate.html").display()),
                Err(failure) => format!("a gate that was cut off has no report: {}", failure.message),
            });
        }
    }
    said.sort();
    said
}
