//! The disk space of a container: what it wrote over its image, and what its volumes hold.

use std::future::Future;
use std::time::Duration;

use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::InspectContainerOptionsBuilder;

use super::{Application, Engine, is_gone, words};
use crate::model::text::printable;
use crate::model::{DiskSample, Reading};
use crate::target::volumes;

/// The engine walks the whole layer to tell its size.
const PATIENCE: Duration = Duration::from_secs(20);

impl Engine {
    /// What a container wrote over its image, bytes (`SizeRw`).
    async fn layer(&self, id: &str) -> Reading<u64> {
        let options = InspectContainerOptionsBuilder::new().size(true).build();
        match tokio::time::timeout(PATIENCE, self.api.inspect_container(id, Some(options))).await {
            Ok(Ok(found)) => layer_of(&found),
            Ok(Err(err)) if is_gone(&err) => Reading::Gone,
            Ok(Err(err)) => Reading::Malformed(words(&err)),
            Err(_elapsed) => Reading::Malformed(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }
}

impl Application {
    /// Measures the disk. The answer may take long and needs nothing of the application: it may go on meanwhile. `None` where
    /// there is no container yet.
    pub(in crate::target) fn disk(&self) -> Option<impl Future<Output = DiskSample> + Send + 'static> {
        let (engine, id) = (self.engine.clone(), self.container.clone()?);
        let (pid, paths) = (self.live.pid(), self.volumes.clone());
        Some(async move {
            let volumes = volumes::measure(pid, id.clone(), paths);
            let (layer, volumes) = tokio::join!(engine.layer(&id), volumes);
            let volumes = volumes.into_iter().map(|(path, size)| (printable(&path), size)).collect();
            DiskSample { layer, volumes }
        })
    }
}

fn layer_of(found: &ContainerInspectResponse) -> Reading<u64> {
    match found.size_rw.map(u64::try_from) {
        Some(Ok(size)) => Reading::Value(size),
        // Some storage drivers tell that they do not know by a negative figure.
        Some(Err(_)) => Reading::Malformed("the engine does not know the layer's size".to_owned()),
        None => Reading::Gone,
    }
}

/// Where the volumes of a container are mounted. Folders of the host that are mounted are not the container's own.
pub(super) fn volumes_of(found: &ContainerInspectResponse) -> Vec<String> {
    let mounts = found.mounts.iter().flatten();
    let mut paths: Vec<String> = mounts
        .filter(|mount| mount.typ.as_deref() == Some("volume"))
        .filter_map(|mount| mount.destination.clone())
        .filter(|path| !path.is_empty())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn found(value: Value) -> ContainerInspectResponse {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn only_volumes_are_measured() {
        let mounts = json!([
            {"Type": "volume", "Name": "b", "Destination": "/b"},
            {"Type": "bind", "Source": "/srv", "Destination": "/srv"},
            {"Type": "tmpfs", "Destination": "/tmp"},
            {"Type": "volume", "Name": "a", "Destination": "/a"},
            {"Type": "volume", "Name": "c"},
        ]);
        assert_eq!(volumes_of(&found(json!({"Mounts": mounts}))), ["/a", "/b"]);
        assert!(volumes_of(&found(json!({}))).is_empty());
    }

    #[test]
    fn a_size_that_the_engine_does_not_tell_is_no_zero() {
        assert_eq!(layer_of(&found(json!({"SizeRw": 12}))), Reading::Value(12));
        assert_eq!(layer_of(&found(json!({}))), Reading::Gone);
        assert!(matches!(layer_of(&found(json!({"SizeRw": -1}))), Reading::Malformed(_)));
    }
}
