//! The order in which a target and its sidecars come up.

use std::sync::LazyLock;

use bollard::models::{NetworkCreateRequest, VolumeCreateRequest};
use bollard::query_parameters::{CreateContainerOptionsBuilder, StartContainerOptions};
use regex::Regex;

use super::application::Application;
use super::create::{Attachment, body};
use super::image::{Image, Making};
use super::inspect::state_of;
use super::words;
use crate::scenario::{ContainerOptions, Network, Sidecar, Volume};
use crate::target::error::TargetError;
use crate::target::lines::{shown, shown_lines};
use crate::target::ports::check_free;
use crate::target::{LAST_LINES, State, how_it_ended};

static PORT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r":(\d+)(?: failed)?: (?:port is already|bind: address already)").ok());

impl Application {
    /// Images first (nothing runs while a build may still fail), then sidecars, the target, and those that live inside it.
    pub(super) async fn bring_up(&mut self, making: &Making<'_>) -> Result<(), TargetError> {
        if self.options.network == Network::Host {
            check_free(&self.options.publish)?;
        }
        let image = self.engine.image(&self.kind, None, making).await?;
        self.image = Some(image.clone());
        let mut beside = Vec::new();
        for sidecar in self.plan.clone() {
            let image = self.engine.image(&sidecar.kind, Some(&sidecar.name), making).await?;
            beside.push((sidecar, image));
        }
        let private = beside.iter().any(|(sidecar, _)| sidecar.options.network == Network::Private);
        let network = if private { Some(self.make_network().await?) } else { None };
        let attachment = |options: &ContainerOptions, alias: &str| match (&options.network, &network) {
            (Network::Private, Some(network)) => {
                Attachment::Private { network: network.clone(), alias: alias.to_owned() }
            }
            (Network::Private | Network::Target, _) => Attachment::Bridge,
            (Network::Host, _) => Attachment::Host,
            (Network::None, _) => Attachment::None,
        };
        let (inside, outside): (Vec<_>, Vec<_>) =
            beside.into_iter().partition(|(sidecar, _)| sidecar.options.network == Network::Target);
        for (sidecar, image) in &outside {
            self.run_sidecar(sidecar, image, &attachment(&sidecar.options, &sidecar.name), making).await?;
        }

        (making.progress)("starting the target");
        let options = self.options.clone();
        let id = self.create("target", &image, &options, &attachment(&options, "target")).await?;
        self.container = Some(id.clone());
        self.follow_events(id.clone(), 1);
        self.run_container("the target", &id).await?;
        for (sidecar, image) in &inside {
            let within = Attachment::Inside { container: id.clone() };
            if let Err(err) = self.run_sidecar(sidecar, image, &within, making).await {
                // Nobody can join the namespaces of a target that has ended: its end is the cause.
                return Err(self.ended().await.unwrap_or(err));
            }
        }
        self.refresh().await
    }

    async fn run_sidecar(
        &mut self,
        sidecar: &Sidecar,
        image: &Image,
        attachment: &Attachment,
        making: &Making<'_>,
    ) -> Result<(), TargetError> {
        (making.progress)(&format!("starting sidecar {}", sidecar.name));
        let id = self.create(&sidecar.name, image, &sidecar.options, attachment).await?;
        self.sidecars.push((sidecar.name.clone(), id.clone()));
        self.run_container(&format!("sidecar `{}`", sidecar.name), &id).await
    }

    async fn make_network(&self) -> Result<String, TargetError> {
        let name = self.marks.name("network");
        let request = NetworkCreateRequest {
            name: name.clone(),
            driver: Some("bridge".to_owned()),
            labels: Some(self.marks.labels.clone()),
            ..NetworkCreateRequest::default()
        };
        let made = self.engine.api.create_network(request).await;
        made.map(|made| made.id).map_err(|err| TargetError::CreateFailed { name, message: words(&err) })
    }

    async fn create(
        &self,
        role: &str,
        image: &Image,
        options: &ContainerOptions,
        attachment: &Attachment,
    ) -> Result<String, TargetError> {
        let failed = |name: String| {
            let redactor = &self.redactor;
            move |err| TargetError::CreateFailed { name, message: shown(&words(&err), redactor) }
        };
        let mut volumes = Vec::new();
        let fresh = options.volumes.iter().filter(|volume| matches!(volume, Volume::Fresh(_)));
        for (number, _) in fresh.enumerate() {
            let name = self.marks.name(&format!("{role}-{number}"));
            let request = VolumeCreateRequest {
                name: Some(name.clone()),
                labels: Some(self.marks.labels.clone()),
                ..VolumeCreateRequest::default()
            };
            self.engine.api.create_volume(request).await.map_err(failed(name.clone()))?;
            volumes.push(name);
        }
        let body = body(&image.id, options, attachment, &volumes, &self.marks.labels)?;
        let name = self.marks.name(role);
        let query = CreateContainerOptionsBuilder::new().name(&name).build();
        let made = self.engine.api.create_container(Some(query), body).await.map_err(failed(role.to_owned()))?;
        Ok(made.id)
    }

    async fn run_container(&self, name: &str, id: &str) -> Result<(), TargetError> {
        let Err(err) = self.engine.api.start_container(id, None::<StartContainerOptions>).await else { return Ok(()) };
        let message = shown(&words(&err), &self.redactor);
        if let Some(port) = taken_port(&message) {
            return Err(TargetError::PortTaken { port });
        }
        let lines = self.engine.logs(id, LAST_LINES).await.unwrap_or_default();
        Err(TargetError::StartFailed { name: name.to_owned(), message, lines: shown_lines(&lines, &self.redactor) })
    }

    /// How the target ended, where it did.
    async fn ended(&self) -> Option<TargetError> {
        let id = self.container.as_deref()?;
        let found = self.engine.look(id).await.ok()??;
        let State::Exited { code, oom } = state_of(&found) else { return None };
        let lines = self.engine.logs(id, LAST_LINES).await.unwrap_or_default();
        let how = how_it_ended(code, oom);
        Some(TargetError::EndedEarly { how, lines: shown_lines(&lines, &self.redactor) })
    }
}

/// The port that the engine says is in use.
fn taken_port(message: &str) -> Option<u16> {
    PORT.as_ref()?.captures(message)?.get(1)?.as_str().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_taken_port_is_read_from_the_engines_words() {
        let allocated = "driver failed programming external connectivity: Bind for 127.0.0.1:8080 failed: port is already allocated";
        assert_eq!(taken_port(allocated), Some(8080));
        let bound = "Error starting userland proxy: listen tcp4 127.0.0.1:5000: bind: address already in use";
        assert_eq!(taken_port(bound), Some(5000));
        assert_eq!(taken_port("no such file"), None);
    }
}
