//! What the engine says of itself.

use bollard::models::SystemInfo;

use super::{Engine, address, refused};
use crate::target::error::TargetError;

/// What the engine says of itself and of the machine that it runs on. Texts are empty where it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineFacts {
    /// Where it answers, `unix:///var/run/docker.sock`.
    pub address: String,
    /// Its version.
    pub version: String,
    /// The version of its API that is spoken with it, `1.41`.
    pub api: String,
    /// How images and writable layers are stored, `overlay2`.
    pub storage: String,
    /// Who makes the cgroups, `cgroupfs` or `systemd`.
    pub cgroup_driver: String,
    /// `1` or `2`.
    pub cgroup_version: String,
    /// `name=seccomp,profile=default`, `name=rootless`, `name=userns` …
    pub security: Vec<String>,
    /// The release of its machine's kernel.
    pub kernel: String,
    /// The name of its machine.
    pub machine: String,
    /// The name of its system, `Docker Desktop` or a distribution.
    pub system: String,
}

/// Asks the engine at `DOCKER_HOST`, or at the default socket.
pub(in crate::target) async fn facts() -> Result<EngineFacts, TargetError> {
    let engine = Engine::connect().await?;
    let info = engine.api.info().await.map_err(refused("say what it is"))?;
    Ok(told(address(), &engine, info))
}

fn told(address: String, engine: &Engine, info: SystemInfo) -> EngineFacts {
    EngineFacts {
        address,
        version: engine.record.version.clone(),
        api: engine.record.api.clone(),
        storage: info.driver.unwrap_or_default(),
        cgroup_driver: info.cgroup_driver.map(|driver| driver.to_string()).unwrap_or_default(),
        cgroup_version: info.cgroup_version.map(|version| version.to_string()).unwrap_or_default(),
        security: info.security_options.unwrap_or_default(),
        kernel: info.kernel_version.unwrap_or_default(),
        machine: info.name.unwrap_or_default(),
        system: info.operating_system.unwrap_or_default(),
    }
}
