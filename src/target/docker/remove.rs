//! Finding and removing what bears the labels.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bollard::errors::Error;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder, RemoveVolumeOptionsBuilder,
};

use super::image::REPOSITORY;
use super::{Engine, KEPT, PREFIX, is_gone, labelled, refused, status, words};
use crate::target::error::TargetError;
use crate::target::owner;

/// Between two looks. A create that was under way when its caller left is visible by then.
const BETWEEN: Duration = Duration::from_millis(300);
/// Tries before a failure is reported: the engine is busy at times.
const TRIES: u32 = 5;
/// No removal takes longer than this.
const LONGEST: Duration = Duration::from_secs(120);

/// What a thing is, in the order of removal: what is used comes after what uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Container,
    Network,
    Volume,
    Image,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Image => "image",
        }
    }
}

/// Something of ours.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    pub(super) kind: Kind,
    /// How the engine is told which one; networks by id, for two can bear one name.
    pub(super) id: String,
    /// How people call it.
    pub(super) name: String,
    pub(super) labels: HashMap<String, String>,
}

impl Thing {
    /// `container slowdrip-…`.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.kind.name(), self.name)
    }

    /// True for a container that was kept on purpose.
    pub(super) fn is_kept(&self) -> bool {
        self.kind == Kind::Container && self.name.starts_with(KEPT)
    }

    /// What a person types to remove it.
    pub(super) fn by_hand(&self) -> String {
        match self.kind {
            Kind::Container => format!("docker rm --force --volumes {}", self.name),
            Kind::Network => format!("docker network rm {}", self.name),
            Kind::Volume => format!("docker volume rm {}", self.name),
            Kind::Image => format!("docker image rm --no-prune {}", self.name),
        }
    }
}

/// What a removal came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) removed: Vec<String>,
    pub(super) failed: Vec<String>,
}

impl Engine {
    /// All that bears a label, containers first. Containers and images must bear our names too: a container that somebody
    /// starts from one of our images inherits its labels.
    pub(super) async fn things(&self, run: Option<&str>) -> Result<Vec<Thing>, TargetError> {
        let filters = labelled(owner::RUN, run);
        let mut things = Vec::new();
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        for found in self.api.list_containers(Some(options)).await.map_err(refused("list the containers"))? {
            let names = found.names.unwrap_or_default();
            let name = names.first().map(|name| name.trim_start_matches('/').to_owned()).unwrap_or_default();
            if let Some(id) = found.id.filter(|_| name.starts_with(PREFIX)) {
                things.push(Thing { kind: Kind::Container, id, name, labels: found.labels.unwrap_or_default() });
            }
        }
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        for found in self.api.list_networks(Some(options)).await.map_err(refused("list the networks"))? {
            let name = found.name.unwrap_or_default();
            let labels = found.labels.unwrap_or_default();
            things.extend(found.id.map(|id| Thing { kind: Kind::Network, id, name, labels }));
        }
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let volumes = self.api.list_volumes(Some(options)).await.map_err(refused("list the volumes"))?;
        things.extend(volumes.volumes.unwrap_or_default().into_iter().map(|found| Thing {
            kind: Kind::Volume,
            id: found.name.clone(),
            name: found.name,
            labels: found.labels,
        }));
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        for found in self.api.list_images(Some(options)).await.map_err(refused("list the images"))? {
            let tags: Vec<String> = found.repo_tags.into_iter().filter(|tag| tag != "<none>:<none>").collect();
            // An image without any name is what a build left that was broken off.
            let names = if tags.is_empty() { vec![found.id] } else { tags };
            let ours = |name: &String| name.starts_with(REPOSITORY) || name.starts_with("sha256:");
            things.extend(names.into_iter().filter(ours).map(|name| Thing {
                kind: Kind::Image,
                id: name.clone(),
                name,
                labels: found.labels.clone(),
            }));
        }
        Ok(things)
    }

    /// Removes things in the order of their kinds.
    pub(super) async fn remove_all(&self, mut things: Vec<Thing>) -> Outcome {
        things.sort_by_key(|thing| thing.kind);
        let mut outcome = Outcome::default();
        for thing in things {
            match self.remove_one(&thing).await {
                Ok(()) => outcome.removed.push(thing.shown()),
                Err(err) if is_gone(&err) => {}
                Err(err) => outcome.failed.push(format!("{}: {}", thing.shown(), words(&err))),
            }
        }
        outcome
    }

    async fn remove_one(&self, thing: &Thing) -> Result<(), Error> {
        match thing.kind {
            Kind::Container => {
                // `v` takes the anonymous volumes of the image along.
                let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
                match self.api.remove_container(&thing.id, Some(options)).await {
                    // Somebody else is at it already; the next look shows whether it came to an end.
                    Err(err) if status(&err) == Some(409) && words(&err).contains("in progress") => Ok(()),
                    other => other,
                }
            }
            Kind::Network => self.api.remove_network(&thing.id).await,
            Kind::Volume => {
                let options = RemoveVolumeOptionsBuilder::new().build();
                self.api.remove_volume(&thing.id, Some(options)).await
            }
            Kind::Image => {
                // The layers below stay where they are the cache of the next night's build.
                let cached = thing.labels.get(owner::CACHE).is_none_or(|cache| cache != "none");
                let options = RemoveImageOptionsBuilder::new().noprune(cached).build();
                self.api.remove_image(&thing.id, Some(options), None).await.map(drop)
            }
        }
    }

    /// Removes one thing, and tries again where the engine is still busy with it or with what uses it.
    pub(super) async fn remove_surely(&self, thing: Thing) -> Result<(), TargetError> {
        let mut tries = 1;
        loop {
            match self.remove_one(&thing).await {
                Ok(()) => return Ok(()),
                Err(err) if is_gone(&err) => return Ok(()),
                Err(err) if tries >= TRIES => {
                    return Err(TargetError::NotRemoved {
                        failed: vec![format!("{}: {}", thing.shown(), words(&err))],
                    });
                }
                Err(_) => tries += 1,
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }

    /// Removes everything of a run. After an unfinished start the engine may still be finishing what nobody waits for any
    /// more, so it looks until two looks in a row found nothing.
    pub(super) async fn clear(&self, run: &str, unfinished: bool) -> Result<(), TargetError> {
        let began = Instant::now();
        let wanted = if unfinished { 2 } else { 1 };
        let (mut empty, mut failures) = (0, 0);
        loop {
            let things = self.things(Some(run)).await?;
            let found = !things.is_empty();
            let outcome = self.remove_all(things).await;
            if found {
                empty = 0;
            } else {
                empty += 1;
            }
            failures = if outcome.failed.is_empty() { 0 } else { failures + 1 };
            if empty >= wanted {
                return Ok(());
            }
            if failures >= TRIES || began.elapsed() > LONGEST {
                return Err(TargetError::NotRemoved { failed: outcome.failed });
            }
            if unfinished || failures > 0 {
                tokio::time::sleep(BETWEEN).await;
            }
        }
    }
}
