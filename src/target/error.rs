//! Why a target could not be brought up, or down. Every text says what to do next.

use std::path::PathBuf;
use std::time::Duration;

use crate::model::text;

/// Why a target could not be brought up, or down.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// `DOCKER_HOST` names a way to the engine that this build does not speak.
    #[error(
        "`DOCKER_HOST` is `{host}`, but only unix:///path and tcp://host:port are spoken; unset it, or forward the engine's socket to one of these"
    )]
    UnsupportedHost {
        /// The value.
        host: String,
    },
    /// Nobody answers where the engine should be.
    #[error(
        "no Docker engine answers at {address} ({reason}); start one (`systemctl start docker`), set DOCKER_HOST, or use a target of kind `command`, which needs none"
    )]
    NoEngine {
        /// Where it was looked for.
        address: String,
        /// What happened.
        reason: String,
    },
    /// The engine's socket is there but may not be used.
    #[error(
        "no permission to use the Docker socket {address}; add yourself to the `docker` group (`sudo usermod -aG docker $USER`, then log in again) or run with sudo"
    )]
    NoPermission {
        /// The socket.
        address: String,
    },
    /// The engine answered something that cannot be used.
    #[error("the Docker engine failed to {verb}: {message}")]
    Engine {
        /// What it was asked to do.
        verb: &'static str,
        /// Its words.
        message: String,
    },
    /// The image is not on this machine and could not be pulled.
    #[error(
        "image `{image}` is not on this machine, and pulling it failed ({pull}); run `docker pull {image}` where there is a network, build it, or correct its name"
    )]
    ImageMissing {
        /// The image.
        image: String,
        /// Why the pull failed.
        pull: String,
    },
    /// The build's context cannot be used.
    #[error("the build context cannot be sent: {path}: {reason}", path = path.display())]
    Context {
        /// The folder or the file at fault.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The build failed.
    #[error("building {name} failed: {message}{hint}{}", listing("the last lines of the build", lines))]
    BuildFailed {
        /// `the target` or a sidecar.
        name: String,
        /// The engine's words.
        message: String,
        /// What to do, where it is known; begins with `; `.
        hint: &'static str,
        /// The end of the build's output.
        lines: Vec<String>,
    },
    /// A volume's folder on the host cannot be used.
    #[error("the volume's folder {path} cannot be used: {reason}; create it or correct the scenario", path = path.display())]
    Volume {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The engine refused to create a container, a network or a volume.
    #[error("{name} could not be created: {message}; check the options of `{name}` in the scenario")]
    CreateFailed {
        /// What was to be created.
        name: String,
        /// The engine's words.
        message: String,
    },
    /// The engine created a container but could not start it.
    #[error(
        "{name} could not be started: {message}; check its entrypoint, command, user and limits{}",
        listing("its last log lines", lines)
    )]
    StartFailed {
        /// What was to be started.
        name: String,
        /// The engine's words.
        message: String,
        /// The end of its log.
        lines: Vec<String>,
    },
    /// A port that the target needs is in use.
    #[error(
        "port {port} is taken by another process; find it with `ss -ltnp 'sport = :{port}'` and end it, or choose another port"
    )]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// The program of a `command` target cannot be run.
    #[error("cannot run `{program}`: {reason}; check `command` and `workdir` in the scenario")]
    CommandFailed {
        /// The program.
        program: String,
        /// What the system said.
        reason: String,
    },
    /// There is no such container to attach to, or it does not run.
    #[error(
        "cannot attach to container `{name}`: {reason}; `docker ps` lists what runs, and slowdrip never starts a container that is not its own"
    )]
    NoSuchContainer {
        /// The container.
        name: String,
        /// Not there, or not running.
        reason: String,
    },
    /// There is no such process to attach to.
    #[error("there is no process {pid}; check `pid` in the scenario")]
    NoSuchProcess {
        /// The pid.
        pid: u32,
    },
    /// The ready check cannot work with this target.
    #[error("the ready check cannot work: {reason}")]
    ReadyImpossible {
        /// Why, and what to do.
        reason: String,
    },
    /// The target ended while it was waited for.
    #[error("the target ended before it was ready, {how}{}", listing("its last log lines", lines))]
    EndedEarly {
        /// How it ended, `with exit code 1`.
        how: String,
        /// The end of its log.
        lines: Vec<String>,
    },
    /// The target did not become ready in time.
    #[error(
        "the target was not ready within {}: {last}; raise `ready.within`, or correct `ready`{}",
        text::seconds(within.as_secs_f64()),
        listing("its last log lines", lines)
    )]
    NeverReady {
        /// The time it had.
        within: Duration,
        /// What the last look saw.
        last: String,
        /// The end of its log.
        lines: Vec<String>,
    },
    /// The name of a signal is unknown.
    #[error("unknown signal `{name}`; use a name like SIGTERM or SIGINT")]
    UnknownSignal {
        /// The name.
        name: String,
    },
    /// A helper container could not be made.
    #[error("the helper container could not be {verb}: {message}")]
    Helper {
        /// What could not be done with it.
        verb: &'static str,
        /// The engine's words.
        message: String,
    },
    /// Some of what was made is still there.
    #[error("could not remove {}; `slowdrip clean` tries again", failed.join("; "))]
    NotRemoved {
        /// What, by name, and why.
        failed: Vec<String>,
    },
    /// Only an image can be a sidecar.
    #[error("{name} is of kind `{kind}`, but only `build` and `image` make a container; correct the scenario")]
    NoImage {
        /// Whose kind it is.
        name: String,
        /// The kind.
        kind: &'static str,
    },
    /// Sidecars beside a target that is in no container of ours.
    #[error("sidecars need a target of kind `build` or `image`, not `{kind}`; remove `sidecars` or change the target")]
    SidecarsImpossible {
        /// The target's kind.
        kind: &'static str,
    },
    /// A call that needs a started target came before the start.
    #[error("the target was not started")]
    NotStarted,
}

/// Lines below a message, or nothing where there are none.
fn listing(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    format!("\n{title}:\n  {}", lines.join("\n  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_last_lines_below_the_message_and_no_empty_listing() {
        let ended = TargetError::EndedEarly { how: "with exit code 1".into(), lines: vec!["one".into(), "two".into()] };
        assert_eq!(
            ended.to_string(),
            "the target ended before it was ready, with exit code 1\nits last log lines:\n  one\n  two"
        );
        let silent = TargetError::EndedEarly { how: "with exit code 1".into(), lines: vec![] };
        assert_eq!(silent.to_string(), "the target ended before it was ready, with exit code 1");
    }
}
