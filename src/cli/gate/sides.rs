//! The two nights of a gate, each on a thread of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::super::console::Console;
use super::super::jobs::APART;
use super::super::{Exit, Failure, publish};
use super::{Shared, Side};
use crate::model::{Ending, GateRecord, GateRole};
use crate::night::{self, Options, Outcome, Place, Seat};

/// A night that is over, or could not begin.
#[derive(Debug)]
pub(super) struct Ended {
    role: GateRole,
    pub(super) result: Result<Outcome, Failure>,
}

impl Ended {
    /// Which night it is, in a word.
    pub(super) fn who(&self) -> &'static str {
        name(self.role)
    }
}

/// The word for a side, which is also its folder's name.
pub(super) fn name(role: GateRole) -> &'static str {
    match role {
        GateRole::Candidate => "candidate",
        GateRole::Baseline => "baseline",
    }
}

/// Runs both nights to their ends.
pub(super) async fn run(sides: [Side; 2], shared: &Shared, interrupt: watch::Receiver<Option<i32>>) -> Vec<Ended> {
    let [candidate, baseline] = sides;
    let (first, second) = Seat::pair();
    // The looks of the one fall between those of the other: what the machine does at one moment is not seen by both at once,
    // and the observer's own work is spread.
    let between = baseline.scenario.soak.interval / 2;
    let (candidate, baseline) =
        tokio::join!(on_own_thread(candidate, shared, first, Duration::ZERO, interrupt.clone()), async {
            // Their ids differ by the second.
            tokio::time::sleep(APART).await;
            on_own_thread(baseline, shared, second, between, interrupt.clone()).await
        });
    vec![candidate, baseline]
}

async fn on_own_thread(
    side: Side,
    shared: &Shared,
    seat: Seat,
    shift: Duration,
    interrupt: watch::Receiver<Option<i32>>,
) -> Ended {
    let role = side.role;
    let record = GateRecord { gate: shared.gate.clone(), role };
    let place = Place { record, folder: shared.folder.join(name(role)), seat, shift };
    let (handle, shared) = (Handle::current(), shared.clone());
    let ran = tokio::task::spawn_blocking(move || handle.block_on(one(side, shared, place, interrupt)));
    Ended { role, result: ran.await.unwrap_or_else(|error| Err(Failure::new(Exit::Unexpected, &error))) }
}

async fn one(
    side: Side,
    shared: Shared,
    place: Place,
    interrupt: watch::Receiver<Option<i32>>,
) -> Result<Outcome, Failure> {
    let mut console = Console::new(name(side.role), &shared.stage);
    let options = Options {
        reports: shared.reports,
        keep: shared.keep,
        command: shared.command,
        probe: shared.probe,
        audience: &console,
        publish: &publish::publish,
        seed: shared.seed,
        beside: 1,
        gate: Some(place),
        interrupt,
    };
    let (scenario, rules) = (Arc::clone(&side.scenario), Arc::clone(&side.rules));
    let outcome = night::run(&scenario, &rules, options).await;
    console.end();
    outcome.map_err(|error| Failure::new(Exit::NotWritten, &error))
}

/// How the nights end slowdrip, verdicts left out: the gate has its own. A night that the other one left alone did not fail.
pub(super) fn exit(ended: &[Ended]) -> Exit {
    ended.iter().fold(Exit::Pass, |worst, ended| match &ended.result {
        Err(failure) => worst.worse(failure.exit),
        Ok(outcome) => {
            let written = if outcome.not_written { Exit::NotWritten } else { Exit::Pass };
            let alone = matches!(&outcome.ending, Ending::NotStarted { message } if message == Ending::LEFT_ALONE);
            let end = if alone { Exit::Pass } else { Exit::of_ending(&outcome.ending) };
            worst.worse(end).worse(written)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(ending: Ending) -> Ended {
        let outcome = Outcome {
            folder: "x".into(),
            ending,
            assessment: None,
            problems: Vec::new(),
            not_written: false,
            kept: Vec::new(),
        };
        Ended { role: GateRole::Candidate, result: Ok(outcome) }
    }

    #[test]
    fn the_night_that_failed_decides_and_not_the_one_it_left_alone() {
        let alone = || ended(Ending::NotStarted { message: Ending::LEFT_ALONE.to_owned() });
        let never = || ended(Ending::NeverReady { message: "no answer".to_owned() });
        assert_eq!(exit(&[alone(), never()]), Exit::NeverReady);
        assert_eq!(exit(&[never(), alone()]), Exit::NeverReady);
        assert_eq!(exit(&[ended(Ending::Completed), ended(Ending::Completed)]), Exit::Pass);
        assert_eq!(exit(&[alone(), ended(Ending::Interrupted { signal: 2 })]).code(), 130);
    }
}
