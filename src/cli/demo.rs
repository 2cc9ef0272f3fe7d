//! `slowdrip demo`: a short night against an application that leaks on purpose.

use super::args::DemoArgs;
use super::{Exit, Failure, console, run, signals};
use crate::demo;
use crate::night::Keep;
use crate::scenario::Overrides;
use crate::target;

pub(super) async fn run(args: DemoArgs) -> Result<Exit, Failure> {
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
    let how = run::How {
        reports: args.reports.clone(),
        keep: Keep::Never,
        probe: None,
        seed: crate::flow::random_seed(),
        beside: 0,
        command,
        stage: console::Stage::default(),
    };
    let (exit, outcome) = run::one(&scenario, &rules, how, interrupt).await?;
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

async fn engine_answers() -> bool {
    match target::ping().await {
        Ok(()) => true,
        Err(error) => {
            console::info(&format!("{error}\nThe demo soaks the same application as a local process instead."));
            false
        }
    }
}
