//! What is put beside a running container to look at it: a helper container of this very program, or a shell in it.

use std::collections::HashMap;

use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ExecConfig, HostConfig, HostConfigCgroupnsModeEnum,
    HostConfigLogConfig,
};
use bollard::query_parameters::{AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, StartContainerOptions};

use super::own::{Lease, OwnImage};
use super::remove::{Kind, Thing};
use super::wire::Wire;
use super::{Engine, Marks, words};
use crate::model::CgroupSample;
use crate::pack;
use crate::target::error::TargetError;
use crate::target::owner::{self, Owner};

/// The helper may use no more memory, bytes: a look at 100,000 descriptors takes a fraction of it.
const MEMORY: i64 = 256 << 20;

/// The helper may have no more threads.
const PIDS: i64 = 32;

/// The engine's API that knows cgroup namespaces.
const CGROUPNS_SINCE: (usize, usize) = (1, 41);

/// The place beside a running container.
#[derive(Debug)]
pub struct Beside {
    engine: Engine,
    container: String,
    marks: Marks,
    // How many helpers were made: each has a name of its own, for the one before may still be on its way out.
    made: u32,
    helper: Option<String>,
    lease: Option<Lease>,
}

impl Beside {
    /// Looks at the container, by its full id.
    ///
    /// # Errors
    /// No engine, no permission to speak to it, or no such container.
    pub async fn of(container: &str) -> Result<Self, TargetError> {
        let engine = Engine::connect().await?;
        let found = engine.look(container).await?.ok_or_else(|| TargetError::NoSuchContainer {
            name: container.chars().take(12).collect(),
            reason: "there is none".to_owned(),
        })?;
        let marks = marks(&found);
        Ok(Self { engine, container: container.to_owned(), marks, made: 0, helper: None, lease: None })
    }

    /// Starts a helper: this very program in the container's namespaces of processes and network, with these arguments. The
    /// one before is removed.
    ///
    /// # Errors
    /// It could not be packed, created or started, with the engine's words.
    pub async fn helper(&mut self, arguments: &[&str]) -> Result<Wire, TargetError> {
        self.remove_helper().await;
        let target = self.engine.look(&self.container).await?.ok_or_else(|| failed("created", "the target is gone"))?;
        let (image, lease) = self.engine.own_image().await?;
        self.lease = Some(lease);
        self.made += 1;
        let name = self.marks.name(&format!("probe-{}", self.made));
        let body = body(&self.container, &target, &image, arguments, &self.marks.labels, self.knows_cgroupns());
        let query = CreateContainerOptionsBuilder::new().name(&name).build();
        let made = self.engine.api.create_container(Some(query), body).await;
        let id = made.map_err(|err| failed("created", &words(&err)))?.id;
        self.helper = Some(id.clone());
        let options = AttachContainerOptionsBuilder::new().stdin(true).stdout(true).stderr(true).stream(true).build();
        // Attached before the start, so that not a word is lost.
        let attached = self.engine.patient().attach_container(&id, Some(options)).await;
        let attached = attached.map_err(|err| failed("attached to", &words(&err)))?;
        let started = self.engine.api.start_container(&id, None::<StartContainerOptions>).await;
        started.map_err(|err| failed("started", &words(&err)))?;
        Ok(Wire::new(attached.output, attached.input))
    }

    /// Starts a command in the container as its user 0.
    ///
    /// # Errors
    /// The engine refused, with its words.
    pub async fn command(&self, command: &[&str]) -> Result<Wire, TargetError> {
        let refused = |err| TargetError::Engine { verb: "run a command in the container", message: words(&err) };
        let config = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            user: Some("0".to_owned()),
            cmd: Some(command.iter().map(|word| (*word).to_owned()).collect()),
            ..ExecConfig::default()
        };
        let made = self.engine.api.create_exec(&self.container, config).await.map_err(refused)?;
        match self.engine.patient().start_exec(&made.id, None::<StartExecOptions>).await.map_err(refused)? {
            StartExecResults::Attached { output, input } => Ok(Wire::new(output, input)),
            StartExecResults::Detached => Err(failed("attached to", "the engine detached it")),
        }
    }

    /// The engine's words on what the container is charged with can be asked for on the side.
    pub fn meter(&self) -> Meter {
        Meter { engine: self.engine.clone(), container: self.container.clone() }
    }

    async fn remove_helper(&mut self) {
        if let Some(id) = self.helper.take() {
            let thing = Thing { kind: Kind::Container, id, name: "probe".to_owned(), labels: HashMap::new() };
            // One that cannot be removed bears its labels: the end of the run or a sweep removes it.
            let _left = self.engine.remove_surely(thing).await;
        }
    }

    /// Removes the helper, and the image where nobody else needs it.
    ///
    /// # Errors
    /// The image could not be removed.
    pub async fn remove(&mut self) -> Result<(), TargetError> {
        self.remove_helper().await;
        self.lease = None;
        self.engine.remove_own_image().await
    }

    fn knows_cgroupns(&self) -> bool {
        let spoken = self.engine.api.client_version();
        (spoken.major_version, spoken.minor_version) >= CGROUPNS_SINCE
    }
}

/// Asks what a container is charged with.
#[derive(Debug, Clone)]
pub struct Meter {
    engine: Engine,
    container: String,
}

impl Meter {
    /// The engine's words, which take a second or two. `None`: it does not say.
    pub async fn read(&self) -> Option<CgroupSample> {
        self.engine.charged(&self.container).await
    }
}

fn failed(verb: &'static str, message: &str) -> TargetError {
    TargetError::Helper { verb, message: message.to_owned() }
}

/// The marks of the target's own run where it is ours, so that the helper goes when the run's things go; else of no run.
fn marks(target: &ContainerInspectResponse) -> Marks {
    let labels = target.config.as_ref().and_then(|config| config.labels.as_ref());
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).map(String::as_str);
    let ours = label(owner::OWNER) == Some(Owner::current().to_string().as_str());
    match (label(owner::SCENARIO), label(owner::RUN)) {
        (Some(scenario), Some(run)) if ours => Marks::new(scenario, run),
        _ => {
            let id: String = target.id.iter().flat_map(|id| id.chars()).take(12).collect();
            Marks::new("attached", &format!("{}-{id}", std::process::id()))
        }
    }
}

/// What the engine is asked to create.
fn body(
    container: &str,
    target: &ContainerInspectResponse,
    image: &OwnImage,
    arguments: &[&str],
    labels: &HashMap<String, String>,
    cgroupns: bool,
) -> ContainerCreateBody {
    let within = format!("container:{container}");
    let mut security = vec!["no-new-privileges".to_owned()];
    // Under AppArmor a process may read those of its own profile only.
    let profile = target.app_armor_profile.as_deref().filter(|profile| !profile.is_empty());
    security.extend(profile.map(|profile| format!("apparmor={profile}")));
    let host = HostConfig {
        pid_mode: Some(within.clone()),
        network_mode: Some(within),
        // The paths of cgroups are then those of the machine, and name the container whatever the hierarchy.
        cgroupns_mode: cgroupns.then_some(HostConfigCgroupnsModeEnum::HOST),
        userns_mode: target.host_config.as_ref().and_then(|host| host.userns_mode.clone()),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(["SYS_PTRACE", "DAC_READ_SEARCH"].map(str::to_owned).to_vec()),
        readonly_rootfs: Some(true),
        security_opt: Some(security),
        memory: Some(MEMORY),
        pids_limit: Some(PIDS),
        init: Some(false),
        auto_remove: Some(true),
        // Its output goes to us, and need not fill the disk as a log too.
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        ..HostConfig::default()
    };
    let command = arguments.iter().map(|word| (*word).to_owned()).collect();
    ContainerCreateBody {
        image: Some(image.id.clone()),
        user: Some("0".to_owned()),
        entrypoint: Some(vec![pack::IN_IMAGE.to_owned()]),
        cmd: Some(command),
        env: image.dynamic.then(|| vec![format!("LD_LIBRARY_PATH={}", pack::LIBRARIES)]),
        labels: Some(labels.clone()),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        // When the connection ends, so does its input: a slowdrip that was killed leaves no helper running.
        stdin_once: Some(true),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn target(value: serde_json::Value) -> ContainerInspectResponse {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_helper_has_no_more_rights_than_it_needs() {
        let image = OwnImage { id: "sha256:1".into(), dynamic: true };
        let labels = HashMap::from([("l".to_owned(), "v".to_owned())]);
        let target = target(json!({"AppArmorProfile": "docker-default", "HostConfig": {"UsernsMode": "host"}}));
        let body = body("abc", &target, &image, &["probe-helper"], &labels, true);
        let json = serde_json::to_value(&body).unwrap();
        let host = &json["HostConfig"];
        assert_eq!((&host["PidMode"], &host["NetworkMode"]), (&"container:abc".into(), &"container:abc".into()));
        assert_eq!(host["CapDrop"], json!(["ALL"]));
        assert_eq!(host["CapAdd"], json!(["SYS_PTRACE", "DAC_READ_SEARCH"]));
        assert_eq!(host["SecurityOpt"], json!(["no-new-privileges", "apparmor=docker-default"]));
        assert_eq!((&host["ReadonlyRootfs"], &host["AutoRemove"]), (&true.into(), &true.into()));
        assert_eq!((host["Memory"].as_i64(), host["PidsLimit"].as_i64()), (Some(256 << 20), Some(32)));
        assert_eq!((&host["CgroupnsMode"], &host["UsernsMode"]), (&"host".into(), &"host".into()));
        assert_eq!(host["LogConfig"]["Type"], "none");
        assert!(host.get("Privileged").is_none() && host.get("Binds").is_none());
        assert_eq!((&json["StdinOnce"], &json["OpenStdin"]), (&true.into(), &true.into()));
        assert_eq!(json["Entrypoint"], json!(["/slowdrip"]));
        assert_eq!(json["Env"], json!(["LD_LIBRARY_PATH=/opt/slowdrip/lib"]));
        assert_eq!(json["Labels"]["l"], "v");
    }

    #[test]
    fn the_helper_of_our_own_target_bears_its_run_and_that_of_another_does_not() {
        let of = |owner: String| {
            let labels = json!({"slowdrip.run": "r1", "slowdrip.scenario": "s1", "slowdrip.owner": owner});
            marks(&target(json!({"Id": "0123456789abcdef", "Config": {"Labels": labels}}))).name("probe-1")
        };
        assert_eq!(of(Owner::current().to_string()), "slowdrip-s1-r1-probe-1");
        let own = format!("slowdrip-attached-{}-0123456789ab-probe-1", std::process::id());
        assert_eq!(of("boot/1/2".to_owned()), own);
        assert_eq!(marks(&target(json!({"Id": "0123456789abcdef"}))).name("probe-1"), own);
    }
}
