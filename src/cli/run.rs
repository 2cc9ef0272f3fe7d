//! `slowdrip run`: nights, one after the other.

use std::path::Path;

use tokio::sync::watch;

use super::args::{KeepArg, RunArgs};
use super::console::{self, Console};
use super::{Exit, Failure, plan, publish, report, signals, verdict};
use crate::flow::random_seed;
use crate::history;
use crate::model::ProbeMode;
use crate::night::{self, Keep, Options, Outcome};
use crate::scenario::{self, Overrides, Scenario};
use crate::threshold::{self, RuleSet};

pub(super) async fn run(args: RunArgs) -> Result<Exit, Failure> {
    // Every file is read before anything is started, so that a typing error in the last one does not cost a night.
    let nights = args.scenarios.iter().map(|path| load(path, &overrides(&args))).collect::<Result<Vec<_>, _>>()?;
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
    let mut worst = Exit::Pass;
    for (path, (scenario, rules)) in args.scenarios.iter().zip(&nights) {
        let command = command(path, &args);
        let seed = args.seed.unwrap_or_else(random_seed);
        let how = How { keep, probe: args.probe.wanted(), seed, command };
        let (exit, _) = one(scenario, rules, &args.reports, how, interrupt.clone()).await?;
        worst = worst.worse(exit);
        if matches!(exit, Exit::Interrupted(_)) {
            break;
        }
    }
    Ok(worst)
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
pub(super) struct How {
    /// Which containers stay.
    pub(super) keep: Keep,
    /// How the processes are read; `None`: in the best way that works.
    pub(super) probe: Option<ProbeMode>,
    /// What its users are made from.
    pub(super) seed: u64,
    /// The command line that repeats it.
    pub(super) command: Vec<String>,
}

/// Runs one night and shows it: progress on standard error, the verdict on standard output, the report's path last.
pub(super) async fn one(
    scenario: &Scenario,
    rules: &RuleSet,
    reports: &Path,
    how: How,
    interrupt: watch::Receiver<Option<i32>>,
) -> Result<(Exit, Outcome), Failure> {
    for line in report::recover(reports, &scenario.name) {
        console::info(&line);
    }
    let mut console = Console::new(&scenario.name);
    let options = Options {
        reports: reports.to_owned(),
        keep: how.keep,
        command: how.command,
        probe: how.probe,
        audience: &console,
        publish: &publish::publish,
        seed: how.seed,
        beside: 0,
        interrupt,
    };
    let outcome = night::run(scenario, rules, options).await;
    console.end();
    let outcome = outcome.map_err(|error| Failure::new(Exit::NotWritten, &error))?;
    show(&outcome);
    Ok((Exit::of(&outcome), outcome))
}

fn show(outcome: &Outcome) {
    if let (Some(assessment), Ok(night)) = (&outcome.assessment, history::load(&outcome.folder)) {
        console::out(&verdict::table(&night.record, assessment));
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
fn command(path: &Path, args: &RunArgs) -> Vec<String> {
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
    for (key, value) in &args.set {
        flag("--set", Some(format!("{key}={value}")));
    }
    words
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
