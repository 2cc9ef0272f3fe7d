//! `slowdrip run`: nights, one after the other or side by side.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use super::args::{KeepArg, RunArgs};
use super::console::{self, Console, Stage};
use super::{Exit, Failure, annotate, jobs, plan, publish, report, signals, verdict};
use crate::flow::random_seed;
use crate::history;
use crate::model::ProbeMode;
use crate::night::{self, Keep, Options, Outcome};
use crate::scenario::{self, Overrides, Scenario};
use crate::threshold::{self, RuleSet};

pub(super) async fn run(args: RunArgs) -> Result<Exit, Failure> {
    // Every file is read before anything is started, so that a typing error in the last one does not cost a night.
    let nights = args.scenarios.iter().map(|path| load(path, &overrides(&args))).collect::<Result<Vec<_>, _>>()?;
    let side_by_side = args.jobs.min(nights.len());
    if side_by_side > 1 {
        let scenarios: Vec<&Scenario> = nights.iter().map(|(scenario, _)| scenario).collect();
        jobs::check(&scenarios)?;
    }
    if args.dry_run {
        let plans: Vec<String> = nights.iter().map(|(scenario, rules)| plan::text(scenario, rules)).collect();
        console::out(&plans.join("\n\n"));
        return Ok(Exit::Pass);
    }
    let interrupt = signals::interrupt().map_err(|error| Failure::new(Exit::Unexpected, &error))?;
    let keep = match args.keep {
        KeepArg::Never => Keep::Never,
        KeepArg::OnFailure => Keep::OnFailure,
        KeepArg::Always => Keep::Always,
    };
    let stage = Stage::new(side_by_side > 1);
    let beside = side_by_side.saturating_sub(1) as u64;
    let nights = args.scenarios.iter().zip(nights).map(|(path, (scenario, rules))| {
        let seed = args.seed.unwrap_or_else(random_seed);
        let how = How {
            reports: args.reports.clone(),
            keep,
            probe: args.probe.wanted(),
            seed,
            beside,
            command: command(path, &args, seed),
            stage: stage.clone(),
            annotations: args.annotations.wanted(),
        };
        jobs::Night { scenario: Arc::new(scenario), rules: Arc::new(rules), how }
    });
    jobs::run(nights.collect(), side_by_side, &stage, interrupt).await
}

fn overrides(args: &RunArgs) -> Overrides {
    Overrides {
        image: args.image.clone(),
        duration: args.duration,
        interval: args.interval,
        thresholds: args.thresholds.clone(),
        set: args.set.clone(),
    }
}

/// Reads a scenario and its thresholds.
pub(super) fn load(path: &Path, overrides: &Overrides) -> Result<(Scenario, RuleSet), Failure> {
    let bad = |error: &dyn std::fmt::Display| Failure::new(Exit::BadInput, error);
    let scenario = scenario::load(path, overrides, &|name| std::env::var(name).ok()).map_err(|error| bad(&error))?;
    let rules = match &scenario.thresholds {
        Some(path) => threshold::load(path).map_err(|error| bad(&error))?,
        None => RuleSet::empty(),
    };
    Ok((scenario, rules))
}

/// How a night is run, beside what its scenario says.
#[derive(Debug)]
pub(super) struct How {
    /// Where nights land.
    pub(super) reports: PathBuf,
    /// Which containers stay.
    pub(super) keep: Keep,
    /// How the processes are read; `None`: in the best way that works.
    pub(super) probe: Option<ProbeMode>,
    /// What its users are made from.
    pub(super) seed: u64,
    /// How many other nights go on beside it.
    pub(super) beside: u64,
    /// The command line that repeats it.
    pub(super) command: Vec<String>,
    /// Where it is shown.
    pub(super) stage: Stage,
    /// Whether its worst findings are printed as annotations.
    pub(super) annotations: bool,
}

/// Runs one night and shows it: progress on standard error, the verdict on standard output, the report's path last.
pub(super) async fn one(
    scenario: &Scenario,
    rules: &RuleSet,
    how: How,
    interrupt: watch::Receiver<Option<i32>>,
) -> Result<(Exit, Outcome), Failure> {
    for line in report::recover(&how.reports, &scenario.name) {
        how.stage.info(&line);
    }
    let mut console = Console::new(&scenario.name, &how.stage);
    let options = Options {
        reports: how.reports,
        keep: how.keep,
        command: how.command,
        probe: how.probe,
        audience: &console,
        publish: &publish::publish,
        seed: how.seed,
        beside: how.beside,
        gate: None,
        interrupt,
    };
    let outcome = night::run(scenario, rules, options).await;
    console.end();
    let outcome = outcome.map_err(|error| Failure::new(Exit::NotWritten, &error))?;
    how.stage.suspend(|| show(&outcome, how.annotations));
    Ok((Exit::of(&outcome), outcome))
}

fn show(outcome: &Outcome, annotations: bool) {
    if let Ok(night) = history::load(&outcome.folder) {
        if let Some(assessment) = &outcome.assessment {
            console::out(&verdict::table(&night.record, assessment));
        }
        if annotations {
            annotate::print(&night);
        }
    }
    for problem in &outcome.problems {
        console::error(problem);
    }
    if !outcome.kept.is_empty() {
        console::out(&format!("\nKept on purpose; to remove:\n  {}", outcome.kept.join("\n  ")));
    }
    let page = outcome.folder.join("report.html");
    if page.is_file() {
        console::out(&format!("\n{}", page.display()));
    }
}

/// The command line that repeats a night of one scenario.
fn command(path: &Path, args: &RunArgs, seed: u64) -> Vec<String> {
    let mut words = vec!["slowdrip".to_owned(), "run".to_owned(), shown(path)];
    let mut flag = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            words.extend([name.to_owned(), value]);
        }
    };
    let time = |time: std::time::Duration| format!("{}s", time.as_secs_f64());
    flag("--thresholds", args.thresholds.as_deref().map(shown));
    flag("--duration", args.duration.map(time));
    flag("--interval", args.interval.map(time));
    flag("--image", args.image.clone());
    flag("--probe", args.probe.wanted().map(|mode| mode.name().to_owned()));
    flag("--seed", Some(seed.to_string()));
    for (key, value) in &args.set {
        flag("--set", Some(format!("{key}={value}")));
    }
    words
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
