//! `slowdrip snapshot CONTAINER|PID`: a short watch, and its last look as tables or as JSON.

mod dead;
mod handles;
mod processes;
mod target;
#[cfg(test)]
mod testing;
mod view;
mod watch;

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::args::SnapshotArgs;
use super::{Exit, Failure, console, signals};
use crate::access::{Access, AccessError, Subject};
use crate::model::text::{printable, seconds};
use crate::model::{Scope, Snapshot};
use crate::probe::{Graces, ProcRoot};
use crate::target::{RunningContainer, TargetError, find_container};
use view::View;

/// A watch that is longer says on a terminal that it goes on.
const LONG: Duration = Duration::from_secs(10);

/// What is to be watched, and how it is called.
#[derive(Debug, PartialEq, Eq)]
struct Chosen {
    scope: Scope,
    title: String,
    healthcheck: Option<Vec<String>>,
}

/// What came of it.
enum Outcome {
    Text(String),
    Interrupted(i32),
}

/// Watches a container (by name or id) or a process (by pid) for a moment and prints the last look.
pub(super) async fn run(args: &SnapshotArgs) -> Result<Exit, Failure> {
    match take(args).await {
        Ok(Outcome::Text(text)) => {
            console::out(&text);
            Ok(Exit::Pass)
        }
        Ok(Outcome::Interrupted(signal)) => Ok(Exit::Interrupted(signal)),
        Err(error) => Err(Failure::new(exit_of(&error), &format!("{error:#}"))),
    }
}

fn exit_of(error: &anyhow::Error) -> Exit {
    if error.downcast_ref::<AccessError>().is_some() {
        Exit::Unreadable
    } else if error.downcast_ref::<TargetError>().is_some() {
        Exit::NotStarted
    } else {
        Exit::Unexpected
    }
}

async fn take(args: &SnapshotArgs) -> anyhow::Result<Outcome> {
    // From here on a signal ends the watch, and what was made for it is removed.
    let mut interrupt = signals::interrupt().context("failed to listen for signals")?;
    let Chosen { scope, title, healthcheck } = resolve(&args.subject).await?;
    let graces = args.grace.map_or_else(Graces::default, Graces::all);
    let subject = Subject { scope: scope.clone(), healthcheck, graces };
    let mut access = Access::open(args.probe.wanted(), subject).await?;
    if args.watch > LONG && std::io::stderr().is_terminal() {
        console::info(&format!("watching for {}", seconds(args.watch.as_secs_f64())));
    }
    let looked = tokio::select! {
        looked = watch::watch(&mut access, args.watch) => Ok(looked),
        signal = interrupt.wait_for(Option::is_some) => Err(signal.ok().and_then(|signal| *signal).unwrap_or_default()),
    };
    let (mode, reason) = (access.mode(), access.reason().to_owned());
    access.close().await;
    let mut watched = match looked {
        Ok(watched) => watched?,
        Err(signal) => return Ok(Outcome::Interrupted(signal)),
    };
    if let Scope::Container { id, .. } = &scope {
        // The engine answered a moment ago. Where it does not now, the line is missing.
        if let Ok(Some(container)) = find_container(id).await {
            enter(&mut watched.last, &container);
        }
    }
    Ok(Outcome::Text(if args.json {
        serde_json::to_string_pretty(&watched.last).context("failed to write JSON")? + "\n"
    } else {
        view::render(&View { title: &title, mode, reason: &reason, graces, watched: &watched })
    }))
}

/// Enters what the engine says, where the look did not bring it along.
fn enter(snapshot: &mut Snapshot, container: &RunningContainer) {
    let target = &mut snapshot.target;
    target.health = target.health.take().or_else(|| container.health.clone());
    target.restarts = target.restarts.or(Some(container.restarts));
}

/// A number is a pid, unless a container has it for a name.
async fn resolve(subject: &str) -> anyhow::Result<Chosen> {
    let pid = subject.parse::<u32>().ok().filter(|_| subject.bytes().all(|b| b.is_ascii_digit()));
    let container = match find_container(subject).await {
        Ok(container) => container,
        Err(_) if pid.is_some() => None,
        Err(problem) => return Err(problem).context(format!("failed to look for container `{}`", printable(subject))),
    };
    choose(subject, pid, container, |pid| ProcRoot::system().open(pid).is_ok())
}

fn choose(
    subject: &str,
    pid: Option<u32>,
    container: Option<RunningContainer>,
    exists: impl FnOnce(u32) -> bool,
) -> anyhow::Result<Chosen> {
    let process = |pid| Chosen {
        scope: Scope::Descent { pid },
        title: format!("process {pid} and its descendants"),
        healthcheck: None,
    };
    match (container, pid) {
        // The number is no name, but the beginning of an id.
        (Some(container), Some(pid)) if container.id.starts_with(subject) && exists(pid) => Ok(process(pid)),
        (Some(RunningContainer { pid, id, healthcheck, .. }), _) => {
            let short: String = id.chars().take(12).collect();
            let named = if id.starts_with(subject) { short } else { format!("{} ({short})", printable(subject)) };
            let title = format!("container {named}, pid {pid}");
            Ok(Chosen { scope: Scope::Container { pid, id }, title, healthcheck })
        }
        (None, Some(pid)) => Ok(process(pid)),
        (None, None) => {
            bail!(
                "there is no container `{}`: `docker ps` lists those that run; a process is named by its pid",
                printable(subject)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(id: &str) -> RunningContainer {
        let healthcheck = Some(vec!["CMD".to_owned(), "/probe".to_owned()]);
        RunningContainer { pid: 5, id: id.to_owned(), healthcheck, health: Some("healthy".to_owned()), restarts: 2 }
    }

    #[test]
    fn a_number_is_a_pid_unless_a_container_is_called_so() {
        let id = "77aa".repeat(16);
        let scope =
            |subject: &str, pid, container, exists: bool| choose(subject, pid, container, |_| exists).unwrap().scope;
        let other = Scope::Container { pid: 5, id: id.clone() };
        assert_eq!(scope("77", Some(77), None, true), Scope::Descent { pid: 77 });
        assert_eq!(scope("77", Some(77), Some(container(&id)), true), Scope::Descent { pid: 77 });
        assert_eq!(scope("77", Some(77), Some(container(&id)), false), other);
        assert_eq!(scope("88", Some(88), Some(container(&id)), true), other);
        assert_eq!(scope("web", None, Some(container(&id)), true), other);
        assert!(choose("web", None, None, |_| true).is_err());
    }

    #[test]
    fn a_container_is_called_by_its_name_and_brings_its_health_check() {
        let id = "77aa".repeat(16);
        let chosen = choose("web", None, Some(container(&id)), |_| true).unwrap();
        assert_eq!(chosen.title, "container web (77aa77aa77aa), pid 5");
        assert_eq!(chosen.healthcheck.unwrap(), ["CMD", "/probe"]);
        assert_eq!(
            choose("77aa", None, Some(container(&id)), |_| true).unwrap().title,
            "container 77aa77aa77aa, pid 5"
        );
    }

    #[test]
    fn what_the_engine_says_fills_what_the_look_left_open() {
        let mut snapshot = testing::snapshot();
        snapshot.target.health = None;
        snapshot.target.restarts = Some(7);
        enter(&mut snapshot, &container("77aa"));
        assert_eq!((snapshot.target.health.as_deref(), snapshot.target.restarts), (Some("healthy"), Some(7)));
    }
}
