//! What the engine says of a container.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum};
use bollard::query_parameters::InspectContainerOptions;
use serde_json::Value;

use super::{Engine, is_gone, refused};
use crate::model::redact::{MASK, is_secret_name};
use crate::target::error::TargetError;
use crate::target::{RunningContainer, State};

impl Engine {
    /// The container as the engine sees it; `None` where it is not there (any more).
    pub(super) async fn look(&self, id: &str) -> Result<Option<ContainerInspectResponse>, TargetError> {
        match self.api.inspect_container(id, None::<InspectContainerOptions>).await {
            Ok(found) => Ok(Some(found)),
            Err(err) if is_gone(&err) => Ok(None),
            Err(err) => Err(refused("look at the container")(err)),
        }
    }
}

/// A running container, by its name or id.
pub(in crate::target) async fn find(engine: &Engine, name: &str) -> Result<Option<RunningContainer>, TargetError> {
    let Some(found) = engine.look(name).await? else { return Ok(None) };
    match (state_of(&found), found.id.clone()) {
        (State::Running { pid, restarts, health }, Some(id)) => {
            Ok(Some(RunningContainer { pid, id, healthcheck: healthcheck_of(&found), health, restarts }))
        }
        _ => Err(TargetError::NoSuchContainer { name: name.to_owned(), reason: "it does not run".to_owned() }),
    }
}

/// The command of a container's health check; `None`: there is none.
pub(super) fn healthcheck_of(found: &ContainerInspectResponse) -> Option<Vec<String>> {
    found.config.as_ref()?.healthcheck.as_ref()?.test.clone().filter(|test| !test.is_empty())
}

/// How a container is.
pub(super) fn state_of(found: &ContainerInspectResponse) -> State {
    let Some(state) = &found.state else { return State::Gone };
    // A restarting container counts as running for the engine, but it has no process.
    let pid = state.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0);
    let restarts = found.restart_count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default();
    match pid {
        Some(pid) if state.running == Some(true) => {
            let health = state.health.as_ref().and_then(|health| health.status).map(|status| status.to_string());
            let health = health.filter(|status| !status.is_empty() && status != "none");
            State::Running { pid, restarts, health }
        }
        Some(_) | None => {
            if state.status == Some(ContainerStateStatusEnum::REMOVING) {
                return State::Gone;
            }
            let oom = state.oom_killed.unwrap_or_default();
            State::Exited { code: state.exit_code, oom }
        }
    }
}

/// Where a container's port is reached from here: as published, else (on a bridge) at the container's own address.
pub(super) fn address_of(found: &ContainerInspectResponse, port: u16) -> Option<SocketAddr> {
    let mode = found.host_config.as_ref().and_then(|host| host.network_mode.as_deref()).unwrap_or_default();
    if mode == "host" {
        return Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let settings = found.network_settings.as_ref()?;
    let bindings = settings.ports.as_ref().and_then(|ports| ports.get(&format!("{port}/tcp"))).cloned().flatten();
    let published = bindings.unwrap_or_default().into_iter().find_map(|binding| {
        let host_port = binding.host_port?.parse().ok().filter(|port| *port > 0)?;
        let ip: IpAddr = binding.host_ip.unwrap_or_default().parse().unwrap_or(Ipv4Addr::LOCALHOST.into());
        let ip = if ip.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { ip };
        Some(SocketAddr::new(ip, host_port))
    });
    published.or_else(|| {
        let networks = settings.networks.as_ref()?;
        let ip = networks.values().find_map(|network| network.ip_address.as_deref()?.parse::<IpAddr>().ok())?;
        Some(SocketAddr::new(ip, port))
    })
}

/// Masks the values of variables that hold secrets: those named, and those whose names say so.
pub(super) fn mask_env(found: &mut Value, secret: &BTreeSet<String>) {
    let Some(env) = found.pointer_mut("/Config/Env").and_then(Value::as_array_mut) else { return };
    for entry in env {
        let Some((name, _)) = entry.as_str().and_then(|text| text.split_once('=')) else { continue };
        if secret.contains(name) || is_secret_name(name) {
            *entry = Value::String(format!("{name}={MASK}"));
        }
    }
}

/// Values of a foreign container's variables whose names say that they are secrets. Short ones are left out: masking
/// `true` or `8080` everywhere would mangle the report.
pub(super) fn secrets_of(found: &ContainerInspectResponse) -> Vec<String> {
    let env = found.config.as_ref().and_then(|config| config.env.as_ref());
    env.into_iter()
        .flatten()
        .filter_map(|entry| entry.split_once('='))
        .filter(|(name, value)| is_secret_name(name) && value.len() >= 8)
        .map(|(_, value)| value.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(value: Value) -> ContainerInspectResponse {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_published_port_is_reached_where_it_is_bound() {
        let ports = json!({"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32768"}], "81/tcp": null});
        let networks = json!({"bridge": {"IPAddress": "172.17.0.2"}});
        let found = found(json!({"NetworkSettings": {"Ports": ports, "Networks": networks}}));
        assert_eq!(address_of(&found, 80), Some("127.0.0.1:32768".parse().unwrap()));
        assert_eq!(address_of(&found, 81), Some("172.17.0.2:81".parse().unwrap()));
    }

    #[test]
    fn on_the_hosts_network_ports_are_as_they_are_and_elsewhere_they_may_be_out_of_reach() {
        let host = found(json!({"HostConfig": {"NetworkMode": "host"}}));
        assert_eq!(address_of(&host, 80), Some("127.0.0.1:80".parse().unwrap()));
        let none = found(json!({"NetworkSettings": {"Networks": {"none": {"IPAddress": ""}}}}));
        assert_eq!(address_of(&none, 80), None);
    }

    #[test]
    fn the_health_check_is_known_by_its_command() {
        let with = |value| healthcheck_of(&found(json!({"Config": {"Healthcheck": value}})));
        assert_eq!(with(json!({"Test": ["CMD", "/probe"]})), Some(vec!["CMD".to_owned(), "/probe".to_owned()]));
        assert_eq!(with(json!({"Test": []})), None);
        assert_eq!(with(json!(null)), None);
    }

    #[test]
    fn a_restarting_container_is_not_running() {
        let state = json!({"Running": true, "Restarting": true, "Pid": 0, "ExitCode": 3, "OOMKilled": true});
        assert_eq!(state_of(&found(json!({"State": state}))), State::Exited { code: Some(3), oom: true });
        let state = json!({"Running": true, "Pid": 7, "Health": {"Status": "starting"}});
        let running = State::Running { pid: 7, restarts: 2, health: Some("starting".into()) };
        assert_eq!(state_of(&found(json!({"State": state, "RestartCount": 2}))), running);
    }

    #[test]
    fn variables_that_hold_secrets_are_masked_and_others_are_not() {
        let mut value = json!({"Config": {"Env": ["A=1", "DB_PASSWORD=x=y", "B=2", "ODD"]}});
        mask_env(&mut value, &BTreeSet::from(["B".to_owned()]));
        assert_eq!(value, json!({"Config": {"Env": ["A=1", "DB_PASSWORD=[secret]", "B=[secret]", "ODD"]}}));
    }
}
