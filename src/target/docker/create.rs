//! From a scenario's options to what the engine is asked to create. Pure.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, Mount, MountType, NetworkingConfig, PortBinding,
    ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};

use crate::scenario::{ContainerOptions, Healthcheck, Volume};
use crate::target::error::TargetError;

/// Which network a container is put into, by ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attachment {
    /// The engine's default bridge.
    Bridge,
    /// The run's private network, known there by a host name.
    Private {
        /// The network's id: two networks may bear one name.
        network: String,
        /// The host name.
        alias: String,
    },
    /// The network namespace of a container.
    Inside {
        /// The container's id.
        container: String,
    },
    /// The host's.
    Host,
    /// None.
    None,
}

impl Attachment {
    fn mode(&self) -> String {
        match self {
            Self::Bridge => "bridge".to_owned(),
            Self::Private { network, .. } => network.clone(),
            Self::Inside { container } => format!("container:{container}"),
            Self::Host => "host".to_owned(),
            Self::None => "none".to_owned(),
        }
    }

    fn publishes(&self) -> bool {
        matches!(self, Self::Bridge | Self::Private { .. })
    }
}

/// The body of a create call. `volumes` names the fresh volumes in the order of the options.
///
/// # Errors
/// A folder of the host that is to be bound is not there.
pub(super) fn body(
    image: &str,
    options: &ContainerOptions,
    attachment: &Attachment,
    volumes: &[String],
    labels: &HashMap<String, String>,
) -> Result<ContainerCreateBody, TargetError> {
    let env = options.env.iter().map(|(key, value)| format!("{key}={}", value.expose())).collect();
    let ports: Vec<String> = options.publish.iter().map(|port| format!("{port}/tcp")).collect();
    let networking = match attachment {
        Attachment::Private { network, alias } => {
            let endpoint = EndpointSettings {
                network_id: Some(network.clone()),
                aliases: Some(vec![alias.clone()]),
                ..EndpointSettings::default()
            };
            Some(NetworkingConfig { endpoints_config: Some(HashMap::from([(network.clone(), endpoint)])) })
        }
        Attachment::Bridge | Attachment::Inside { .. } | Attachment::Host | Attachment::None => None,
    };
    Ok(ContainerCreateBody {
        image: Some(image.to_owned()),
        env: Some(env),
        user: options.user.clone(),
        entrypoint: options.entrypoint.clone(),
        cmd: options.cmd.clone(),
        labels: Some(labels.clone()),
        exposed_ports: attachment.publishes().then_some(ports),
        healthcheck: options.healthcheck.as_ref().map(health),
        host_config: Some(host_config(options, attachment, volumes)?),
        networking_config: networking,
        ..ContainerCreateBody::default()
    })
}

fn host_config(
    options: &ContainerOptions,
    attachment: &Attachment,
    volumes: &[String],
) -> Result<HostConfig, TargetError> {
    // An empty host port lets the engine choose a free one.
    let binding = || PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: Some(String::new()) };
    let bindings = options.publish.iter().map(|port| (format!("{port}/tcp"), Some(vec![binding()]))).collect();
    let tmpfs = options.tmpfs.iter().map(|entry| {
        let (path, rest) = entry.split_once(':').unwrap_or((entry, ""));
        (path.to_owned(), rest.to_owned())
    });
    let ulimits = options.ulimits.iter().map(|(name, (soft, hard))| ResourcesUlimits {
        name: Some(name.clone()),
        soft: Some(*soft),
        hard: Some(*hard),
    });
    #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates, and the engine checks the figure")]
    let nano_cpus = options.cpus.map(|cpus| (cpus * 1e9).round() as i64);
    Ok(HostConfig {
        network_mode: Some(attachment.mode()),
        port_bindings: attachment.publishes().then_some(bindings),
        mounts: Some(mounts(&options.volumes, volumes)?),
        tmpfs: Some(tmpfs.collect()),
        ulimits: Some(ulimits.collect()),
        memory: options.memory.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
        nano_cpus,
        init: options.init.then_some(true),
        cap_add: Some(options.cap_add.clone()),
        cap_drop: Some(options.cap_drop.clone()),
        // A policy would hide a death behind a restart.
        restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
        ..HostConfig::default()
    })
}

fn mounts(volumes: &[Volume], fresh: &[String]) -> Result<Vec<Mount>, TargetError> {
    let mut fresh = fresh.iter();
    let mut mounts = Vec::new();
    for volume in volumes {
        mounts.push(match volume {
            Volume::Fresh(path) => Mount {
                typ: Some(MountType::VOLUME),
                source: fresh.next().cloned(),
                target: Some(path.clone()),
                ..Mount::default()
            },
            Volume::Bind { host, path, read_only } => {
                let host = fs::canonicalize(host)
                    .map_err(|err| TargetError::Volume { path: host.clone(), reason: err.to_string() })?;
                Mount {
                    typ: Some(MountType::BIND),
                    source: Some(host.to_string_lossy().into_owned()),
                    target: Some(path.clone()),
                    read_only: Some(*read_only),
                    ..Mount::default()
                }
            }
        });
    }
    Ok(mounts)
}

fn health(check: &Healthcheck) -> HealthConfig {
    match check {
        Healthcheck::Disabled => HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() },
        Healthcheck::Test { test, interval, timeout, retries, start_period } => HealthConfig {
            test: Some(test.clone()),
            interval: Some(nanos(*interval)),
            timeout: Some(nanos(*timeout)),
            retries: Some(i64::from(*retries)),
            start_period: Some(nanos(*start_period)),
            start_interval: None,
        },
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::scenario::EnvValue;

    fn options() -> ContainerOptions {
        ContainerOptions {
            env: BTreeMap::from([
                ("A".into(), EnvValue::Plain("1".into())),
                ("B".into(), EnvValue::Secret { from: "X".into(), value: "hidden".into() }),
            ]),
            publish: vec![5000],
            volumes: vec![
                Volume::Fresh("/data".into()),
                Volume::Bind { host: "/usr/..".into(), path: "/h".into(), read_only: true },
            ],
            tmpfs: vec!["/run:size=1m".into(), "/tmp".into()],
            ulimits: BTreeMap::from([("nofile".into(), (1024, 2048))]),
            memory: Some(1 << 30),
            cpus: Some(1.5),
            init: true,
            healthcheck: Some(Healthcheck::Disabled),
            ..ContainerOptions::default()
        }
    }

    #[test]
    fn every_option_arrives() {
        let labels = HashMap::from([("l".to_owned(), "v".to_owned())]);
        let attachment = Attachment::Private { network: "net-id".into(), alias: "target".into() };
        let body = body("img", &options(), &attachment, &["vol".into()], &labels).unwrap();
        let json = serde_json::to_value(&body).unwrap();
        assert_eq!(json["Env"], serde_json::json!(["A=1", "B=hidden"]));
        assert_eq!(json["Healthcheck"]["Test"], serde_json::json!(["NONE"]));
        assert_eq!(json["NetworkingConfig"]["EndpointsConfig"]["net-id"]["Aliases"][0], "target");
        let host = &json["HostConfig"];
        assert_eq!(host["PortBindings"]["5000/tcp"][0]["HostIp"], "127.0.0.1");
        assert_eq!(host["PortBindings"]["5000/tcp"][0]["HostPort"], "");
        assert_eq!((host["NanoCpus"].as_i64(), host["Memory"].as_i64()), (Some(1_500_000_000), Some(1 << 30)));
        assert_eq!(host["Mounts"][0]["Source"], "vol");
        assert_eq!((&host["Mounts"][1]["Source"], &host["Mounts"][1]["ReadOnly"]), (&"/".into(), &true.into()));
        assert_eq!(host["Tmpfs"], serde_json::json!({"/run": "size=1m", "/tmp": ""}));
        assert_eq!(host["Ulimits"][0], serde_json::json!({"Name": "nofile", "Soft": 1024, "Hard": 2048}));
        assert_eq!((&host["Init"], &host["RestartPolicy"]["Name"]), (&true.into(), &"no".into()));
    }

    #[test]
    fn ports_are_not_published_where_the_network_is_shared() {
        let inside = Attachment::Inside { container: "abc".into() };
        let body = body("img", &options(), &inside, &["vol".into()], &HashMap::new()).unwrap();
        let host = body.host_config.unwrap();
        assert_eq!(host.network_mode.as_deref(), Some("container:abc"));
        assert!(host.port_bindings.is_none() && body.exposed_ports.is_none());
    }

    #[test]
    fn a_bound_folder_that_is_not_there_is_an_error_and_not_made() {
        let volumes = vec![Volume::Bind { host: "/no/such/folder".into(), path: "/h".into(), read_only: false }];
        let options = ContainerOptions { volumes, ..ContainerOptions::default() };
        let err = body("img", &options, &Attachment::Bridge, &[], &HashMap::new()).unwrap_err();
        assert!(err.to_string().contains("/no/such/folder"), "{err}");
    }
}
