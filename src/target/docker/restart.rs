//! A container that is restarted or paused because the scenario asks for it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bollard::query_parameters::RestartContainerOptionsBuilder;

use super::application::Application;
use super::inspect::{address_of, state_of};
use super::{Engine, status, words};
use crate::model::{ControlError, EventKind};
use crate::scenario::Network;
use crate::target::asked::Asked;
use crate::target::error::TargetError;
use crate::target::events::{Events, TargetEvent};
use crate::target::{State, how_it_ended};

/// What changes while a container is up.
#[derive(Debug, Default)]
pub(in crate::target) struct Live {
    // Of the main process; 0 where none runs.
    pid: AtomicU32,
    // Where its ports are reached; other ones after each start.
    addresses: Mutex<BTreeMap<u16, SocketAddr>>,
    pub(in crate::target) events: Events,
    pub(in crate::target) asked: Asked,
}

impl Live {
    pub(super) fn pid(&self) -> u32 {
        self.pid.load(Ordering::Relaxed)
    }

    pub(super) fn note_pid(&self, state: &State) {
        let pid = if let State::Running { pid, .. } = state { *pid } else { 0 };
        self.pid.store(pid, Ordering::Relaxed);
    }

    pub(super) fn address(&self, port: u16) -> Option<SocketAddr> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).get(&port).copied()
    }

    /// Takes over where the engine put the container: its process, its ports.
    pub(super) fn take_over(&self, found: &bollard::models::ContainerInspectResponse, ports: &[u16]) {
        self.note_pid(&state_of(found));
        let reached = |port: &u16| Some((*port, address_of(found, *port)?));
        let addresses = ports.iter().filter_map(reached).collect();
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner) = addresses;
    }
}

/// A restart, on its own: it goes on where the caller is cut off.
struct Restart {
    engine: Engine,
    live: std::sync::Arc<Live>,
    target: String,
    // Names and ids of those that live in the target's network.
    inside: Vec<(String, String)>,
    ports: Vec<u16>,
    within: Duration,
}

impl Application {
    /// Restarts the container, and the sidecars that share its network: theirs ended with it.
    pub(in crate::target) async fn restart(&self, within: Duration) -> Result<(), ControlError> {
        if self.is_attached() {
            let verb = "be restarted: slowdrip did not start the container and only watches it";
            return Err(ControlError::Unsupported { kind: self.kind.key(), verb });
        }
        let target = self.container_id()?;
        let shares = |name: &str| {
            self.plan.iter().any(|sidecar| sidecar.name == name && sidecar.options.network == Network::Target)
        };
        let restart = Restart {
            engine: self.engine.clone(),
            live: std::sync::Arc::clone(&self.live),
            target: target.to_owned(),
            inside: self.sidecars.iter().filter(|(name, _)| shares(name)).cloned().collect(),
            ports: self.options.publish.clone(),
            within,
        };
        self.live.asked.alone(restart.run()).await
    }

    /// Makes the container stand still, or go on.
    pub(in crate::target) async fn pause(&self, paused: bool) -> Result<(), ControlError> {
        if self.is_attached() {
            let verb = "be paused: slowdrip did not start the container and only watches it";
            return Err(ControlError::Unsupported { kind: self.kind.key(), verb });
        }
        let (engine, live, id) =
            (self.engine.clone(), std::sync::Arc::clone(&self.live), self.container_id()?.to_owned());
        let work = async move {
            if live.asked.is_paused() == paused {
                return Ok(());
            }
            if paused {
                // Said first: whoever takes the target down meanwhile must let it go on.
                live.asked.set_paused(true);
                if let Err(err) = engine.api.pause_container(&id).await {
                    live.asked.set_paused(false);
                    return Err(refused("pause the container", &err));
                }
            } else {
                engine.unpause(&id).await.map_err(|err| refused("let the container go on", &err))?;
                live.asked.set_paused(false);
            }
            live.events.push(TargetEvent::paused(paused));
            Ok(())
        };
        self.live.asked.alone(work).await
    }

    /// Lets a paused container go on: one that stands still heeds no signal.
    pub(in crate::target) async fn resume(&self) {
        if let Some(id) = self.container.as_ref().filter(|_| self.live.asked.is_paused()) {
            // One that cannot be told to go on can still be removed.
            let _refused = self.engine.unpause(id).await;
            self.live.asked.set_paused(false);
        }
    }
}

impl Engine {
    async fn unpause(&self, id: &str) -> Result<(), bollard::errors::Error> {
        match self.api.unpause_container(id).await {
            // Somebody else let it go on.
            Err(err) if words(&err).contains("not paused") => Ok(()),
            other => other,
        }
    }

    /// `within`: what the main process has after the stop signal.
    async fn restart(&self, id: &str, within: Duration) -> Result<(), ControlError> {
        // Whole seconds are all that the engine takes.
        let seconds = within.as_secs() + u64::from(within.subsec_nanos() > 0);
        let options = RestartContainerOptionsBuilder::new().t(i32::try_from(seconds).unwrap_or(i32::MAX)).build();
        let restarted = self.patient().restart_container(id, Some(options)).await;
        restarted.map_err(|err| refused("restart the container", &err))
    }
}

impl Restart {
    async fn run(self) -> Result<(), ControlError> {
        let Self { engine, live, target, inside, ports, within } = self;
        let failed = |err: TargetError| ControlError::Failed(err.to_string());
        let at = jiff::Timestamp::now();
        let before = engine.look(&target).await.map_err(failed)?.map_or(State::Gone, |found| state_of(&found));
        if let Some(how) = ended(&before) {
            let text = format!("the target had ended before it was to be restarted, {how}; it is not started again");
            return Err(ControlError::Failed(text));
        }
        if live.asked.is_paused() {
            engine.unpause(&target).await.map_err(|err| refused("let the container go on", &err))?;
            live.asked.set_paused(false);
        }
        live.asked.expect_restart();
        let restarted = engine.restart(&target, within).await;
        live.asked.restart_is_over().await;
        restarted?;
        let found = engine.look(&target).await.map_err(failed)?;
        let after = found.as_ref().map_or(State::Gone, state_of);
        if let Some(how) = ended(&after) {
            live.note_pid(&after);
            let text = format!("the target ended again as soon as it was restarted, {how}; its log tells more");
            return Err(ControlError::Failed(text));
        }
        for (name, id) in inside {
            engine.restart(&id, within).await.map_err(|err| {
                ControlError::Failed(format!(
                    "the target was restarted, but sidecar `{name}`, which shares its network, was not: {err}"
                ))
            })?;
        }
        if let Some(found) = found {
            live.take_over(&found, &ports);
        }
        live.asked.count_restart();
        let text = "the container was restarted, as the scenario asked".to_owned();
        live.events.push(TargetEvent { at, kind: EventKind::Asked, text });
        Ok(())
    }
}

fn ended(state: &State) -> Option<String> {
    match state {
        State::Running { .. } => None,
        State::Exited { code, oom } => Some(how_it_ended(*code, *oom)),
        State::Gone => Some("and is gone".to_owned()),
    }
}

fn refused(verb: &str, err: &bollard::errors::Error) -> ControlError {
    let advice = match status(err) {
        Some(409) => "; it is stopped, paused or being removed",
        _ => "",
    };
    ControlError::Failed(format!("the engine failed to {verb}: {}{advice}", words(err)))
}
