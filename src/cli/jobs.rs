//! Nights side by side: each on a thread of its own, so that what blocks one (a look at /proc, the judge) holds up no other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use super::console::{self, Stage};
use super::run::{How, one};
use super::{Exit, Failure};
use crate::model::Severity;
use crate::model::text::{count, seconds};
use crate::night::Outcome;
use crate::scenario::{Network, Scenario, TargetKind, Volume};
use crate::threshold::RuleSet;

/// Between the starts of nights that begin together: their ids differ by the second, and their snapshots do not all fall on one moment.
pub(super) const APART: Duration = Duration::from_millis(1100);

/// A night that is to be run.
#[derive(Debug)]
pub(super) struct Night {
    pub(super) scenario: Arc<Scenario>,
    pub(super) rules: Arc<RuleSet>,
    pub(super) how: How,
}

/// A night that is over, or could not begin.
struct Ended {
    index: usize,
    name: String,
    took: Duration,
    result: Result<(Exit, Outcome), Failure>,
}

/// Refuses scenarios that would take from each other what this machine has once: its ports, and folders that both write to.
pub(super) fn check(scenarios: &[&Scenario]) -> Result<(), Failure> {
    let mut taken: HashMap<String, &str> = HashMap::new();
    for scenario in scenarios {
        for thing in taken_by(scenario) {
            if let Some(other) = taken.insert(thing.clone(), &scenario.name) {
                let message = format!(
                    "`{other}` and `{}` both need {thing}, and cannot run side by side; run them one after the other with `--jobs 1`, \
                     or give one of them another",
                    scenario.name
                );
                return Err(Failure::new(Exit::BadInput, &message));
            }
        }
    }
    Ok(())
}

/// What two sides of a gate both need of what this machine has once, in words.
pub(super) fn both_need(first: &Scenario, second: &Scenario) -> Option<String> {
    let other = taken_by(second);
    taken_by(first).into_iter().find(|thing| other.contains(thing))
}

/// What a scenario takes of this machine that there is only once, in words.
fn taken_by(scenario: &Scenario) -> Vec<String> {
    let mut taken = Vec::new();
    let sidecars = scenario.sidecars.iter().map(|sidecar| (&sidecar.kind, &sidecar.options));
    for (kind, options) in sidecars.chain([(&scenario.target.kind, &scenario.target.options)]) {
        let fixed = matches!(kind, TargetKind::Command { .. }) || options.network == Network::Host;
        if fixed {
            taken.extend(options.publish.iter().map(|port| format!("port {port} of this machine")));
        }
        for volume in &options.volumes {
            if let Volume::Bind { host, read_only: false, .. } = volume {
                taken.push(format!("the folder `{}`", host.display()));
            }
        }
    }
    taken.sort();
    taken.dedup();
    taken
}

/// Runs nights, `side_by_side` of them at a time, and says at the end how all of them ended. The worst exit code decides.
pub(super) async fn run(
    nights: Vec<Night>,
    side_by_side: usize,
    stage: &Stage,
    interrupt: watch::Receiver<Option<i32>>,
) -> Result<Exit, Failure> {
    let places = Arc::new(Semaphore::new(side_by_side.max(1)));
    let several = nights.len() > 1;
    let mut under_way = FuturesUnordered::new();
    for (index, night) in nights.into_iter().enumerate() {
        let (places, interrupt) = (Arc::clone(&places), interrupt.clone());
        under_way.push(async move {
            let place = places.acquire_owned().await;
            if interrupt.borrow().is_some() {
                return None;
            }
            if side_by_side > 1 {
                // In the order of the command line, each a little after the one before.
                tokio::time::sleep(APART * u32::try_from(index % side_by_side).unwrap_or(0)).await;
            }
            let ended = on_own_thread(index, night, interrupt).await;
            drop(place);
            Some(ended)
        });
    }
    let mut all = Vec::new();
    let mut worst = Exit::Pass;
    while let Some(ended) = under_way.next().await {
        let Some(ended) = ended else { continue };
        match &ended.result {
            Ok((exit, _)) => worst = worst.worse(*exit),
            // The others go on: they have their own reports.
            Err(failure) if several => {
                stage.suspend(|| console::error(&format!("{}: {}", ended.name, failure.message)));
                worst = worst.worse(failure.exit);
            }
            Err(_) => {}
        }
        all.push(ended);
    }
    if several {
        all.sort_by_key(|ended| ended.index);
        console::out(&summary(&all));
        return Ok(worst);
    }
    match all.pop().map(|ended| ended.result) {
        Some(Err(failure)) => Err(failure),
        Some(Ok(_)) | None => Ok(worst),
    }
}

async fn on_own_thread(index: usize, night: Night, interrupt: watch::Receiver<Option<i32>>) -> Ended {
    let name = night.scenario.name.clone();
    let began = std::time::Instant::now();
    let handle = Handle::current();
    let ran = tokio::task::spawn_blocking(move || {
        let Night { scenario, rules, how } = night;
        handle.block_on(one(&scenario, &rules, how, interrupt))
    });
    let result = ran.await.unwrap_or_else(|error| Err(Failure::new(Exit::Unexpected, &error)));
    Ended { index, name, took: began.elapsed(), result }
}

/// One row per night, and the path of its report below.
fn summary(all: &[Ended]) -> String {
    let mut lines = vec![String::new(), format!("{:<34} {:<13} {:>9} {:>12}", "scenario", "verdict", "broken", "took")];
    for ended in all {
        let (word, broken) = match &ended.result {
            Ok((exit, outcome)) => {
                let assessment = outcome.assessment.as_ref();
                let broken = assessment.map_or(0, |found| found.broken(Severity::Fail).count());
                let word = match assessment.map(|found| found.verdict) {
                    Some(verdict) if *exit == Exit::of_verdict(verdict) => verdict.word().to_owned(),
                    // Something weighs more than what was judged.
                    Some(_) | None => format!("exit {}", exit.code()),
                };
                (word, broken.to_string())
            }
            Err(failure) => (format!("exit {}", failure.exit.code()), "-".to_owned()),
        };
        let name = crate::model::text::shorten(&ended.name, 34);
        let took = seconds(ended.took.as_secs_f64().round());
        lines.push(format!("{name:<34} {word:<13} {broken:>9} {took:>12}"));
    }
    let pages = all.iter().filter_map(|ended| {
        let page = ended.result.as_ref().ok()?.1.folder.join("report.html");
        page.is_file().then(|| page.display().to_string())
    });
    let pages: Vec<String> = pages.collect();
    lines.push(format!("\n{}, {}:", count(all.len() as u64, "night"), count(pages.len() as u64, "report")));
    lines.extend(pages);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario::{Overrides, parse};

    fn scenario(name: &str, target: &str) -> Scenario {
        let text = format!("name: {name}\ntarget: {target}\n");
        parse(Path::new("s.yaml"), &text, &Overrides::default(), &|_| None).unwrap()
    }

    #[test]
    fn what_there_is_only_once_is_not_taken_twice() {
        let a = scenario("a", "{command: [app], publish: [8080, 8081]}");
        let b = scenario("b", "{image: app, publish: [8080]}");
        assert!(check(&[&a, &b]).is_ok(), "the port of a container is any free one");
        let c = scenario("c", "{image: app, network: host, publish: [8081]}");
        let failure = check(&[&a, &b, &c]).unwrap_err();
        assert_eq!(failure.exit, Exit::BadInput);
        assert!(failure.message.contains("`a` and `c` both need port 8081 of this machine"), "{}", failure.message);
    }

    #[test]
    fn a_folder_that_two_write_to_is_refused_and_one_that_both_read_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let bind = |name: &str, read_only: bool| {
            let host = folder.path().display();
            scenario(
                name,
                &format!("{{image: app, volumes: [{{host: \"{host}\", path: /d, read_only: {read_only}}}]}}"),
            )
        };
        assert!(check(&[&bind("a", true), &bind("b", true)]).is_ok());
        assert!(check(&[&bind("a", false), &bind("b", false)]).is_err());
    }
}
