//! A target in a container, with its sidecars: made by us, or attached to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::stream::BoxStream;
use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;

use super::disk::volumes_of;
use super::image::{Image, Making};
use super::inspect::{healthcheck_of, mask_env, secrets_of, state_of};
use super::remove::{Kind, Outcome};
use super::restart::Live;
use super::{Engine, KEPT, Marks, PREFIX, refused, status};
use crate::model::{ControlError, ExecOutput, LogLine, Redactor, Scope};
use crate::scenario::{ContainerOptions, EnvValue, Scenario, Sidecar, TargetKind};
use crate::target::error::TargetError;
use crate::target::events::TargetEvent;
use crate::target::{Followed, Progress, State, how_it_ended};

/// How far the making has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fresh,
    /// Begun and not ended: the caller may have given up while the engine was still at it.
    Starting,
    Started,
}

/// The target's container, its sidecars, and what was made for them.
#[derive(Debug)]
pub(in crate::target) struct Application {
    pub(super) engine: Engine,
    pub(super) marks: Marks,
    pub(super) kind: TargetKind,
    pub(super) options: ContainerOptions,
    pub(super) plan: Vec<Sidecar>,
    pub(super) redactor: Arc<Redactor>,
    stage: Stage,
    kept: bool,
    // The full id of the target's container, once it is there.
    pub(super) container: Option<String>,
    pub(in crate::target) live: Arc<Live>,
    pub(super) image: Option<Image>,
    memory_limit: Option<u64>,
    healthcheck: Option<Vec<String>>,
    // Where its volumes are mounted.
    pub(super) volumes: Vec<String>,
    // Names and ids of the sidecars that were created.
    pub(super) sidecars: Vec<(String, String)>,
    watcher: Option<AbortOnDropHandle<()>>,
}

impl Application {
    pub(in crate::target) fn new(engine: Engine, scenario: &Scenario, run: &str, redactor: Arc<Redactor>) -> Self {
        Self {
            engine,
            marks: Marks::new(&scenario.name, run),
            kind: scenario.target.kind.clone(),
            options: scenario.target.options.clone(),
            plan: scenario.sidecars.clone(),
            redactor,
            stage: Stage::Fresh,
            kept: false,
            container: None,
            live: Arc::default(),
            image: None,
            memory_limit: scenario.target.options.memory,
            healthcheck: None,
            volumes: Vec::new(),
            sidecars: Vec::new(),
            watcher: None,
        }
    }

    pub(in crate::target) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// True where the container is somebody else's.
    pub(super) fn is_attached(&self) -> bool {
        matches!(self.kind, TargetKind::Container(_))
    }

    /// Makes and starts everything, or attaches.
    pub(in crate::target) async fn start(&mut self, progress: &Progress<'_>) -> Result<(), TargetError> {
        if let TargetKind::Container(name) = self.kind.clone() {
            return self.attach(&name).await;
        }
        self.stage = Stage::Starting;
        let redactor = Arc::clone(&self.redactor);
        let marks = self.marks.clone();
        let making = Making { marks: &marks, redactor: &redactor, progress };
        self.bring_up(&making).await?;
        self.stage = Stage::Started;
        Ok(())
    }

    async fn attach(&mut self, name: &str) -> Result<(), TargetError> {
        let missing = |reason: &str| TargetError::NoSuchContainer { name: name.to_owned(), reason: reason.to_owned() };
        let found = self.engine.look(name).await?.ok_or_else(|| missing("there is none"))?;
        let State::Running { .. } = state_of(&found) else { return Err(missing("it does not run")) };
        for secret in secrets_of(&found) {
            self.redactor.add(&secret);
        }
        let id = found.id.clone().ok_or_else(|| missing("the engine does not tell its id"))?;
        let memory =
            found.host_config.as_ref().and_then(|host| host.memory).and_then(|bytes| u64::try_from(bytes).ok());
        self.memory_limit = memory.filter(|bytes| *bytes > 0);
        if let Some(image) = &found.image {
            self.image = self.engine.found_image(image).await;
        }
        self.container = Some(id.clone());
        self.follow_events(id, 0);
        self.refresh().await
    }

    /// Starts to follow the target's events; `starts` are still to come that are no restarts.
    pub(super) fn follow_events(&mut self, id: String, starts: u32) {
        let watch = self.engine.clone().watch(id, starts, jiff::Timestamp::now(), Arc::clone(&self.live));
        self.watcher = Some(AbortOnDropHandle::new(tokio::spawn(watch)));
    }

    /// Takes over where the engine put the target: its process, its ports.
    pub(super) async fn refresh(&mut self) -> Result<(), TargetError> {
        let Some(id) = &self.container else { return Err(TargetError::NotStarted) };
        if let Some(found) = self.engine.look(id).await? {
            self.live.take_over(&found, &self.options.publish);
            self.healthcheck = healthcheck_of(&found);
            self.volumes = volumes_of(&found);
        }
        Ok(())
    }

    /// The full id of the target's container.
    pub(super) fn container_id(&self) -> Result<&str, ControlError> {
        self.container.as_deref().ok_or_else(|| ControlError::Failed(TargetError::NotStarted.to_string()))
    }

    /// How the container is. Waits for a restart that is under way.
    pub(in crate::target) async fn state(&self) -> Result<State, TargetError> {
        let Some(id) = &self.container else { return Err(TargetError::NotStarted) };
        let _settled = self.live.asked.settled().await;
        let mut state = self.engine.look(id).await?.map_or(State::Gone, |found| state_of(&found));
        self.live.note_pid(&state);
        if let State::Running { restarts, .. } = &mut state {
            *restarts += self.live.asked.restarts();
        }
        Ok(state)
    }

    /// Sidecars that have ended, and how: a target often waits for one that is not there.
    pub(in crate::target) async fn ended_sidecars(&self) -> Vec<String> {
        let mut ended = Vec::new();
        for (name, id) in &self.sidecars {
            let state = self.engine.look(id).await.ok().flatten().map(|found| state_of(&found));
            if let Some(State::Exited { code, oom }) = state {
                ended.push(format!("sidecar `{name}` ended {}", how_it_ended(code, oom)));
            }
        }
        ended
    }

    pub(in crate::target) fn scope(&self) -> Option<Scope> {
        let pid = Some(self.live.pid()).filter(|pid| *pid > 0)?;
        Some(Scope::Container { pid, id: self.container.clone()? })
    }

    pub(in crate::target) fn healthcheck(&self) -> Option<Vec<String>> {
        self.healthcheck.clone()
    }

    pub(in crate::target) fn address(&self, port: u16) -> Option<SocketAddr> {
        self.live.address(port)
    }

    pub(in crate::target) fn image(&self) -> (Option<String>, BTreeMap<String, String>) {
        self.image.as_ref().map_or_else(Default::default, |image| (Some(image.digest.clone()), image.versions.clone()))
    }

    pub(in crate::target) fn container(&self) -> Option<String> {
        self.container.clone()
    }

    pub(in crate::target) fn memory_limit(&self) -> Option<u64> {
        self.memory_limit
    }

    pub(in crate::target) fn drain_events(&self) -> Vec<TargetEvent> {
        self.live.events.drain()
    }

    /// The containers there are: the target first.
    fn containers(&self) -> impl Iterator<Item = (&str, &str)> {
        let target = self.container.iter().map(|id| ("target", id.as_str()));
        target.chain(self.sidecars.iter().map(|(name, id)| (name.as_str(), id.as_str())))
    }

    pub(in crate::target) async fn inspect(&self) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        for (name, id) in self.containers() {
            let mut value = match self.engine.look(id).await {
                Ok(Some(found)) => serde_json::to_value(found).unwrap_or_default(),
                Ok(None) => serde_json::json!({"problem": "the container is gone"}),
                Err(err) => serde_json::json!({"problem": err.to_string()}),
            };
            mask_env(&mut value, &self.secret_names(name));
            self.redactor.mask_json(&mut value);
            all.push((format!("inspect-{name}.json"), value));
        }
        all
    }

    /// Names of the variables whose values came by `from_env`.
    fn secret_names(&self, container: &str) -> BTreeSet<String> {
        let sidecar = self.plan.iter().find(|sidecar| sidecar.name == container).map(|sidecar| &sidecar.options);
        let options = sidecar.unwrap_or(&self.options);
        let secret = |value: &EnvValue| matches!(value, EnvValue::Secret { .. });
        options.env.iter().filter(|(_, value)| secret(value)).map(|(key, _)| key.clone()).collect()
    }

    pub(in crate::target) async fn all_logs(&self, tail: usize) -> Vec<(String, Vec<LogLine>)> {
        let mut all = Vec::new();
        for (name, id) in self.containers() {
            let lines = self.engine.logs(id, tail).await.unwrap_or_else(|err| {
                let text = format!("(the log cannot be had: {err})");
                vec![LogLine { at: None, stderr: false, text }]
            });
            all.push((name.to_owned(), lines));
        }
        all
    }

    pub(in crate::target) async fn logs(
        &self,
        tail: usize,
        since: Option<jiff::Timestamp>,
    ) -> Result<Vec<LogLine>, TargetError> {
        let Some(id) = &self.container else { return Err(TargetError::NotStarted) };
        self.engine.logs_since(id, tail, since).await
    }

    pub(in crate::target) fn follow(&self) -> Option<BoxStream<'static, LogLine>> {
        self.container.as_ref().map(|id| self.engine.follow(id))
    }

    pub(in crate::target) fn follow_from(&self, since: jiff::Timestamp) -> Option<BoxStream<'static, Followed>> {
        self.container.as_ref().map(|id| self.engine.clone().follow_from(id.clone(), since))
    }

    pub(in crate::target) async fn exec(
        &self,
        sidecar: Option<&str>,
        command: &[String],
    ) -> Result<ExecOutput, ControlError> {
        let id = match sidecar {
            None => self.container_id()?,
            Some(wanted) => {
                let found = self.sidecars.iter().find(|(name, _)| name == wanted).map(|(_, id)| id.as_str());
                found.ok_or_else(|| {
                    let known: Vec<&str> = self.sidecars.iter().map(|(name, _)| name.as_str()).collect();
                    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                    ControlError::NoSuchSidecar { name: wanted.to_owned(), known }
                })?
            }
        };
        // A container that is between its end and its new start runs nothing.
        drop(self.live.asked.settled().await);
        self.engine.exec_as(id, command, None).await
    }

    /// Sends a signal to the main process. False where it had ended before.
    pub(in crate::target) async fn signal(&self, name: &str) -> Result<bool, TargetError> {
        let Some(id) = &self.container else { return Err(TargetError::NotStarted) };
        let options = bollard::query_parameters::KillContainerOptionsBuilder::new().signal(name).build();
        match self.engine.api.kill_container(id, Some(options)).await {
            Ok(()) => Ok(true),
            Err(err) if matches!(status(&err), Some(404 | 409)) => Ok(false),
            Err(err) => Err(refused("send the signal")(err)),
        }
    }

    /// Removes everything of the run, unless it was kept or is somebody else's.
    pub(in crate::target) async fn remove(&mut self) -> Result<(), TargetError> {
        self.watcher = None;
        if self.is_attached() || self.kept || self.stage == Stage::Fresh {
            return Ok(());
        }
        let cut_off = self.live.asked.give_up().await;
        self.resume().await;
        self.engine.clear(&self.marks.run, self.stage == Stage::Starting || cut_off).await?;
        self.stage = Stage::Fresh;
        self.container = None;
        self.sidecars.clear();
        Ok(())
    }

    /// Gives the containers names that a sweep leaves alone.
    pub(in crate::target) async fn keep(&mut self) -> Result<Vec<String>, TargetError> {
        if self.is_attached() {
            return Ok(Vec::new());
        }
        self.live.asked.give_up().await;
        self.resume().await;
        let mut things = self.engine.things(Some(&self.marks.run)).await?;
        let mut outcome = Outcome::default();
        for thing in things.iter_mut().filter(|thing| thing.kind == Kind::Container && !thing.is_kept()) {
            let name = format!("{KEPT}{}", thing.name.trim_start_matches(PREFIX));
            let options = bollard::query_parameters::RenameContainerOptionsBuilder::new().name(&name).build();
            match self.engine.api.rename_container(&thing.id, options).await {
                Ok(()) => thing.name = name,
                Err(err) => outcome.failed.push(format!("{}: {}", thing.shown(), super::words(&err))),
            }
        }
        // One container with such a name keeps the whole run.
        self.kept = things.iter().any(super::remove::Thing::is_kept);
        if !outcome.failed.is_empty() && !self.kept {
            return Err(TargetError::Engine { verb: "rename what is to be kept", message: outcome.failed.join("; ") });
        }
        Ok(things.iter().map(super::remove::Thing::by_hand).collect())
    }
}
