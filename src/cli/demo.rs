//! `slowdrip demo`: a short night against an application that leaks on purpose, or one of the scenarios that come with slowdrip.

use std::path::Path;

use super::args::DemoArgs;
use super::{Exit, Failure, console, run, signals};
use crate::demo::{self, Shipped};
use crate::night::Keep;
use crate::scenario::Overrides;
use crate::target;

pub(super) async fn run(args: DemoArgs) -> Result<Exit, Failure> {
    if args.list {
        console::out(&list());
        return Ok(Exit::Pass);
    }
    match args.scenario.as_deref().and_then(Shipped::named) {
        Some(shipped) => shipped_night(&shipped, &args).await,
        None => short_night(&args).await,
    }
}

/// The scenarios that come with slowdrip, one a line.
fn list() -> String {
    let width = Shipped::ALL.iter().map(|shipped| shipped.name.len()).max().unwrap_or_default();
    let line = |shipped: &Shipped| format!("{:width$}  {}", shipped.name, shipped.about);
    let lines: Vec<String> = Shipped::ALL.iter().map(line).collect();
    format!(
        "{}\n\nslowdrip demo SCENARIO          soaks the application as it should be\nslowdrip demo SCENARIO --fault  soaks it in the form that leaks",
        lines.join("\n")
    )
}

/// A night of a scenario that comes with slowdrip; it ends as `slowdrip run` does.
async fn shipped_night(shipped: &Shipped, args: &DemoArgs) -> Result<Exit, Failure> {
    if let Err(error) = target::ping().await {
        let message = format!("{error}\n`{}` soaks a container; `slowdrip demo --process` needs none", shipped.name);
        return Err(Failure::new(Exit::NotStarted, &message));
    }
    let folder = tempfile::tempdir().map_err(|error| Failure::new(Exit::NotWritten, &error))?;
    let prepared = demo::prepare_shipped(folder.path(), shipped, args.fault);
    let prepared = prepared.map_err(|error| Failure::new(Exit::NotStarted, &error))?;
    let mut command = vec!["slowdrip".to_owned(), "demo".to_owned(), shipped.name.to_owned()];
    if args.fault {
        command.push("--fault".to_owned());
    }
    if let Some(duration) = args.duration {
        command.extend(["--duration".to_owned(), format!("{}s", duration.as_secs_f64())]);
    }
    let overrides = Overrides { set: prepared.set, duration: args.duration, ..Overrides::default() };
    let (scenario, rules) = run::load(&prepared.scenario_path, &overrides)?;
    let interrupt = signals::interrupt().map_err(|error| Failure::new(Exit::Unexpected, &error))?;
    let (exit, _) = run::one(&scenario, &rules, how(&args.reports, command), interrupt).await?;
    Ok(exit)
}

/// The demo's own night: were exactly its planted leaks found?
async fn short_night(args: &DemoArgs) -> Result<Exit, Failure> {
    let docker = !args.process && engine_answers().await;
    let folder = tempfile::tempdir().map_err(|error| Failure::new(Exit::NotWritten, &error))?;
    let prepared = demo::prepare(folder.path(), docker).map_err(|error| Failure::new(Exit::NotStarted, &error))?;
    console::info(
        "A small application with two planted leaks is soaked for a minute and a half: one eventpoll and one pidfd every \
         few seconds that can never be of use again.",
    );
    let overrides = Overrides { set: prepared.set, ..Overrides::default() };
    let (scenario, rules) = run::load(&prepared.scenario_path, &overrides)?;
    let interrupt = signals::interrupt().map_err(|error| Failure::new(Exit::Unexpected, &error))?;
    let command = ["slowdrip", "demo"].map(str::to_owned).to_vec();
    let (exit, outcome) = run::one(&scenario, &rules, how(&args.reports, command), interrupt).await?;
    if !matches!(exit, Exit::Broken | Exit::Pass | Exit::Inconclusive) {
        return Ok(exit);
    }
    match outcome.assessment.as_ref().map(demo::judge_demo) {
        Some(found) if found.is_as_planted() => {
            console::out(&format!("\nThe demo {found}."));
            Ok(Exit::Pass)
        }
        Some(found) => Err(Failure::new(Exit::Broken, &format!("the demo: {found}"))),
        None => Ok(exit),
    }
}

/// How a night of the demo is run.
fn how(reports: &Path, command: Vec<String>) -> run::How {
    run::How {
        reports: reports.to_owned(),
        keep: Keep::Never,
        probe: None,
        seed: crate::flow::random_seed(),
        beside: 0,
        command,
        stage: console::Stage::default(),
        annotations: false,
    }
}

async fn engine_answers() -> bool {
    match target::ping().await {
        Ok(()) => true,
        Err(error) => {
            console::info(&format!("{error}\nThe demo soaks the same application as a local process instead."));
            false
        }
    }
}
