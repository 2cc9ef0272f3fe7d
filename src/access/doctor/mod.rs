//! What works on this machine, why the rest does not, and what to do about it.
//!
//! `machine` reads what the machine says of itself, `trial` tries the calls that may be refused, `modes` the ways to a
//! target. What that means is judged by pure functions: `system`, `rights` and `engine`. Nothing here waits for long: what
//! does not answer in time is unknown.

mod engine;
mod machine;
mod modes;
mod rights;
mod system;
mod trial;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::target::{self, RunningContainer, TargetError};
use engine::Answer;
use machine::Machine;

/// How long the engine or a disk may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// Something is missing that slowdrip can do without.
    Warn,
    /// Something is missing that is needed.
    Fail,
    /// It could not be found out, or was not tried.
    Unknown,
}

impl CheckState {
    /// One word for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name, as in `docs/doctor.md`.
    pub name: &'static str,
    /// How it came out.
    pub state: CheckState,
    /// What was found.
    pub found: String,
    /// What that means for slowdrip; empty where all is well.
    pub meaning: String,
    /// What to do about it; empty where there is nothing to do.
    pub advice: String,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, state: CheckState::Ok, found: found.into(), meaning: String::new(), advice: String::new() }
    }

    fn new(
        name: &'static str,
        state: CheckState,
        found: impl Into<String>,
        meaning: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { name, state, found: found.into(), meaning: meaning.into(), advice: advice.into() }
    }
}

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Examination {
    /// The ways to a target, each by the name of its [`ProbeMode`](crate::model::ProbeMode), the best first.
    pub modes: Vec<Check>,
    /// Everything else.
    pub checks: Vec<Check>,
}

impl Examination {
    /// How it stands with the ways to a target: `Ok` where one was seen to work, `Fail` where none does, `Unknown` where none was
    /// seen to work and one was not tried.
    pub fn verdict(&self) -> CheckState {
        let any = |state| self.modes.iter().any(|mode| mode.state == state);
        if any(CheckState::Ok) || any(CheckState::Warn) {
            CheckState::Ok
        } else if any(CheckState::Unknown) {
            CheckState::Unknown
        } else {
            CheckState::Fail
        }
    }
}

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// A running container, by its name or id, on which the ways are tried.
    pub container: Option<String>,
    /// Where reports land.
    pub reports: PathBuf,
    /// A program that waits until its standard input ends; `None`: the calls are tried on this process itself.
    pub sleeper: Option<Vec<String>>,
}

/// Looks at everything. Never fails: what cannot be found out is a check of its own.
pub async fn examine(patient: &Patient) -> Examination {
    let reports = patient.reports.clone();
    let sleeper = patient.sleeper.clone();
    let read = blocking(move || Machine::read(std::path::Path::new("/"), &reports));
    let tried = blocking(move || trial::all(sleeper.as_deref()));
    let asked = within(target::engine_facts());
    let (machine, tried, facts) = tokio::join!(read, tried, asked);
    let facts = facts.unwrap_or_else(|| Err(silent()));
    let found = match (&patient.container, &facts) {
        (Some(name), Ok(_)) => Some(look_up(name).await),
        (Some(_) | None, _) => None,
    };
    let reachable = facts.is_ok();
    let answer = Answer { facts: &facts, release: machine.as_ref().map(|machine| machine.release.as_str()) };
    let mut checks = Vec::new();
    match &machine {
        Some(machine) => {
            checks.extend(system::kernel_and_cgroup(machine));
            checks.extend(rights::checks(machine));
        }
        None => checks.push(late("machine", "/proc or a disk")),
    }
    match tried {
        Some(tried) => checks.extend(tried),
        None => checks.push(late("trials", "the kernel")),
    }
    checks.extend(engine::checks(&answer));
    if let Some(machine) = &machine {
        checks.extend(system::room(machine));
    }
    let subject = match (&patient.container, found) {
        (Some(name), Some(found)) => {
            checks.push(container(name, &found));
            found.ok().flatten().map_or(modes::On::Missing, modes::On::Container)
        }
        (Some(_), None) => modes::On::Missing,
        (None, _) => modes::On::Nothing,
    };
    Examination { modes: modes::checks(&subject, reachable, machine.as_ref()).await, checks }
}

/// Runs what may block, and waits for it no longer than [`PATIENCE`].
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    within(tokio::task::spawn_blocking(work)).await?.ok()
}

/// Waits no longer than [`PATIENCE`].
async fn within<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(PATIENCE, work).await.ok()
}

fn silent() -> TargetError {
    let address = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "its socket".to_owned());
    TargetError::NoEngine { address, reason: format!("no answer within {} s", PATIENCE.as_secs()) }
}

fn late(name: &'static str, who: &str) -> Check {
    let found = format!("{who} did not answer within {} s", PATIENCE.as_secs());
    Check::new(
        name,
        CheckState::Unknown,
        found,
        "Something hangs, for example a network disk.",
        "Look at `dmesg` and at `df`.",
    )
}

async fn look_up(name: &str) -> Result<Option<RunningContainer>, TargetError> {
    within(target::find_container(name)).await.unwrap_or_else(|| Err(silent()))
}

fn container(name: &str, found: &Result<Option<RunningContainer>, TargetError>) -> Check {
    match found {
        Ok(Some(container)) => {
            let id: String = container.id.chars().take(12).collect();
            Check::ok("container", format!("{name} runs: {id}, pid {} on the engine's machine", container.pid))
        }
        Ok(None) => Check::new(
            "container",
            CheckState::Fail,
            format!("the engine knows no container {name}"),
            "The ways to a target could not be tried.",
            "`docker ps` lists the containers that run.",
        ),
        Err(error) => Check::new(
            "container",
            CheckState::Fail,
            error.to_string(),
            "The ways to a target could not be tried.",
            "Name a container that runs.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProbeMode;

    fn examination(states: [CheckState; 3]) -> Examination {
        let modes = ProbeMode::ALL.iter().zip(states);
        let modes = modes.map(|(mode, state)| Check::new(mode.name(), state, "", "", "")).collect();
        Examination { modes, checks: Vec::new() }
    }

    #[test]
    fn one_way_that_works_is_enough_and_what_was_not_tried_is_not_called_broken() {
        use CheckState::{Fail, Ok, Unknown, Warn};
        assert_eq!(examination([Fail, Unknown, Ok]).verdict(), Ok);
        assert_eq!(examination([Fail, Fail, Warn]).verdict(), Ok);
        assert_eq!(examination([Fail, Unknown, Unknown]).verdict(), Unknown);
        assert_eq!(examination([Fail, Fail, Fail]).verdict(), Fail);
    }

    #[tokio::test]
    async fn everything_that_is_checked_stands_in_the_documentation() {
        let patient = Patient { container: None, reports: PathBuf::from("reports"), sleeper: None };
        let examination = examine(&patient).await;
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/doctor.md")).unwrap();
        assert_eq!(examination.modes.len(), ProbeMode::ALL.len());
        for check in examination.modes.iter().chain(&examination.checks) {
            assert!(text.contains(&format!("| `{}` |", check.name)), "{}", check.name);
            assert!(!check.found.is_empty(), "{check:?}");
            let explained = check.state == CheckState::Ok || !(check.meaning.is_empty() || check.advice.is_empty());
            assert!(explained, "what is not as it should be is explained: {check:?}");
        }
    }
}
