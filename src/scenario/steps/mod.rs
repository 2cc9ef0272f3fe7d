//! Steps. Their strings stay templates, filled in when they run; here their syntax is checked, and that they could run at all.

mod blocks;
mod control;
mod http;
mod include;
mod socket;

use std::collections::BTreeMap;
use std::time::Duration;

use super::reader::Reader;
use super::wire::{NothingWire, StepWire};
use super::{Action, Sidecar, Step, Target, TargetKind};
use crate::document::{FileError, Place, Scalar, listed};

pub(super) use http::{BODIES, check_header, check_path, headers};
pub(super) use include::{Files, Link, flow_schema};

/// How long a request or a command may take where the scenario does not say.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// How long something is awaited where the scenario does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(60);
const KINDS: [&str; 24] = [
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "ws",
    "send",
    "await",
    "ping",
    "sse",
    "exec",
    "signal",
    "restart",
    "pause",
    "unpause",
    "sleep",
    "log",
    "wait_until",
    "repeat",
    "for_each",
    "parallel",
    "when",
    "include",
    "probe",
];
/// Steps that can be taken again and again, and answer with something.
pub(super) const LEAVES: [&str; 6] = ["get", "post", "put", "patch", "delete", "exec"];
/// Steps of a scenario with all files that it includes, however often it does.
const MOST_STEPS: usize = 2_000;
/// Steps within steps. Reading and taking them needs stack for each.
const DEEPEST: usize = 32;
const LONGEST_NAME: usize = 40;

/// What steps can reach.
pub(super) struct Reach<'a> {
    sidecars: Vec<&'a str>,
    /// The published ports; `None` where they show only when the container is looked at.
    ports: Option<&'a [u16]>,
    /// The target's log can be read.
    log: bool,
}

impl<'a> Reach<'a> {
    pub(super) fn new(target: &'a Target, sidecars: &'a [Sidecar]) -> Self {
        let ports = match target.kind {
            TargetKind::Container(_) => None,
            TargetKind::Build(_) | TargetKind::Image(_) | TargetKind::Command { .. } | TargetKind::Pid(_) => {
                Some(target.options.publish.as_slice())
            }
        };
        let log = !matches!(target.kind, TargetKind::Pid(_));
        Self { sidecars: sidecars.iter().map(|sidecar| sidecar.name.as_str()).collect(), ports, log }
    }

    /// Refuses a request that could never arrive.
    pub(super) fn check_port(&self, place: Place<'_>, port: Option<u16>) -> Result<(), FileError> {
        match (self.ports, port) {
            (_, Some(0)) => Err(place.key("port").error("there is no port 0", "write a number from 1 to 65535")),
            (None, _) => Ok(()),
            (Some(ports), Some(port)) if ports.contains(&port) => Ok(()),
            (Some([_, ..]), None) => Ok(()),
            (Some(ports), Some(port)) => {
                let mut all = ports.to_vec();
                all.push(port);
                let message = format!("the port {port} is not published");
                Err(place.key("port").error(message, format!("write `publish: {all:?}` in `target`")))
            }
            (Some([]), None) => {
                Err(place.key_error("there is no port to send this to", "add `publish: [PORT]` to `target`"))
            }
        }
    }

    /// Refuses to look for lines where none can be read.
    pub(super) fn check_log(&self, place: Place<'_>) -> Result<(), FileError> {
        if self.log {
            return Ok(());
        }
        let help = "ask the process itself, by a request or an `exec`";
        Err(place.key_error("the log of a running process cannot be read", help))
    }
}

/// What steps are read with.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// Reads values.
    pub(super) reader: &'a Reader<'a>,
    /// What steps can reach.
    pub(super) reach: &'a Reach<'a>,
    /// Flow files, and how much was read.
    pub(super) files: &'a Files,
    /// The files that are being read, from the scenario on.
    chain: &'a [Link],
    socket: Socket,
    depth: usize,
    /// How many users take the step at once.
    users: u32,
}

/// Whether a WebSocket is open where a step stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Socket {
    None,
    Open,
    /// One is, and not of the users who take the step.
    OfAnother,
}

impl<'a> Scope<'a> {
    /// At the top of a scenario; `chain` is the scenario alone.
    pub(super) fn new(reader: &'a Reader<'a>, reach: &'a Reach<'a>, files: &'a Files, chain: &'a [Link]) -> Self {
        Self { reader, reach, files, chain, socket: Socket::None, depth: 0, users: 1 }
    }
}

/// Reads a list of steps.
pub(super) fn steps(place: Place<'_>, wire: &[StepWire], scope: Scope<'_>) -> Result<Vec<Step>, FileError> {
    wire.iter().enumerate().map(|(index, wire)| step(place.item(index), wire, scope)).collect()
}

/// Reads the steps of a block, of which there must be one at least; `block` is what would do nothing.
fn inner(place: Place<'_>, wire: &[StepWire], scope: Scope<'_>, block: &str) -> Result<Vec<Step>, FileError> {
    let at = place.key("steps");
    if wire.is_empty() {
        return Err(at.key_error(format!("the `{block}` has no steps"), format!("add a step, or remove the `{block}`")));
    }
    steps(at, wire, Scope { depth: scope.depth + 1, ..scope })
}

/// Reads one step.
pub(super) fn step(place: Place<'_>, wire: &StepWire, scope: Scope<'_>) -> Result<Step, FileError> {
    let mut keys = place.keys().iter();
    let key = match (keys.next(), keys.next()) {
        (Some(key), None) => key.as_str(),
        (Some(first), Some(second)) => {
            let message = format!("a step does one thing, and this one has both `{first}` and `{second}`");
            return Err(place.key(second).key_error(message, "begin a new step with `- `; check the indentation"));
        }
        (None, _) => return Err(place.error("the step does nothing", format!("write one of {}", listed(KINDS)))),
    };
    let at = place.key(key);
    if scope.files.count() > MOST_STEPS {
        let message = format!("there are more than {MOST_STEPS} steps, those of included files with them");
        return Err(at.key_error(message, "write a `repeat` or a `for_each` around steps that are alike"));
    }
    if scope.depth > DEEPEST {
        let message = format!("steps are nested more than {DEEPEST} deep, those of included files with them");
        return Err(at.key_error(message, "nest less deeply"));
    }
    let action = request(at, wire, scope)?;
    let action = match action {
        Some(action) => action,
        None => match control(at, key, wire, scope)? {
            Some(action) => action,
            None => block(at, wire, scope)?,
        },
    };
    Ok(Step { file: scope.reader.file(), at: at.key_location(), action })
}

/// What speaks to the target over the network.
fn request(at: Place<'_>, wire: &StepWire, scope: Scope<'_>) -> Result<Option<Action>, FileError> {
    let methods = [
        ("GET", &wire.get),
        ("POST", &wire.post),
        ("PUT", &wire.put),
        ("PATCH", &wire.patch),
        ("DELETE", &wire.delete),
    ];
    for (method, wire) in methods {
        if let Some(wire) = wire {
            return Ok(Some(Action::Http(Box::new(http::http(at, method, wire, scope)?))));
        }
    }
    Ok(Some(if let Some(wire) = &wire.ws {
        Action::Ws(Box::new(socket::ws(at, wire, scope)?))
    } else if let Some(wire) = &wire.send {
        Action::Send(socket::send(at, wire, scope)?)
    } else if let Some(wire) = &wire.sse {
        Action::Sse(Box::new(socket::sse(at, wire, scope)?))
    } else {
        return Ok(None);
    }))
}

/// What is done to the target in other ways, and steps that may stand without a value.
fn control(at: Place<'_>, key: &str, wire: &StepWire, scope: Scope<'_>) -> Result<Option<Action>, FileError> {
    let reader = scope.reader;
    Ok(Some(match key {
        "await" => Action::Await(Box::new(socket::receive(at, wire.r#await.as_ref(), scope)?)),
        "ping" => socket::ping(at, wire.ping.as_ref(), scope)?,
        "restart" => Action::Restart(control::restart(at, wire.restart.as_ref(), reader)?),
        "pause" => control::pause(at, wire.pause.as_ref())?,
        "unpause" => match &wire.unpause {
            None | Some(NothingWire {}) => Action::Unpause,
        },
        _ => {
            if let Some(wire) = &wire.exec {
                Action::Exec(control::exec(at, wire, scope)?)
            } else if let Some(wire) = &wire.signal {
                Action::Signal(control::signal(at, wire, reader)?)
            } else if let Some(wire) = &wire.sleep {
                Action::Sleep(at.duration(wire.at(at))?)
            } else if let Some(wire) = &wire.log {
                Action::Log(Box::new(control::log(at, wire, scope)?))
            } else if let Some(wire) = &wire.probe {
                let name = reader.text(at, wire)?;
                check_shown(at, &name, "probe: after the uploads")?;
                Action::Probe(name)
            } else {
                return Ok(None);
            }
        }
    }))
}

/// What holds other steps.
fn block(at: Place<'_>, wire: &StepWire, scope: Scope<'_>) -> Result<Action, FileError> {
    if let Some(wire) = &wire.wait_until {
        blocks::wait_until(at, wire, scope)
    } else if let Some(wire) = &wire.repeat {
        blocks::repeat(at, wire, scope)
    } else if let Some(wire) = &wire.for_each {
        blocks::for_each(at, wire, scope)
    } else if let Some(wire) = &wire.parallel {
        blocks::parallel(at, wire, scope)
    } else if let Some(wire) = &wire.when {
        blocks::when(at, wire, scope)
    } else if let Some(wire) = &wire.include {
        include::include(at, wire, scope)
    } else {
        Err(at.key_error("the step does nothing", "give it a value"))
    }
}

/// A name for people, in one line of a table; `example` is how one is written.
pub(super) fn check_shown(place: Place<'_>, name: &str, example: &str) -> Result<(), FileError> {
    let problem = if name.trim().is_empty() {
        "is empty"
    } else if crate::model::text::printable(name) != name {
        "holds a control character"
    } else if name.chars().count() > LONGEST_NAME {
        "is too long"
    } else {
        return Ok(());
    };
    let help = format!("write at most {LONGEST_NAME} characters that can be printed, for example `{example}`");
    Err(place.error(format!("{} {problem}", place.quoted()), help))
}

fn duration(place: Place<'_>, key: &str, wire: Option<&Scalar>, default: Duration) -> Result<Duration, FileError> {
    wire.map_or(Ok(default), |wire| place.key(key).duration(wire.at(place.key(key))))
}

/// A template.
fn template(place: Place<'_>, wire: &Scalar, reader: &Reader<'_>) -> Result<String, FileError> {
    let text = wire.at(place);
    reader.template(place, text)?;
    Ok(text.to_owned())
}

/// A template that says something.
fn word(place: Place<'_>, wire: &Scalar, reader: &Reader<'_>) -> Result<String, FileError> {
    let text = template(place, wire, reader)?;
    if text.trim().is_empty() {
        return Err(place.error(format!("{} is empty", place.quoted()), "give it a value, or remove the line"));
    }
    Ok(text)
}

/// Templates by name.
fn templates<'w>(
    wire: impl Iterator<Item = (Place<'w>, &'w str, &'w Scalar)>,
    reader: &Reader<'_>,
) -> Result<BTreeMap<String, String>, FileError> {
    wire.map(|(at, name, value)| Ok((name.to_owned(), template(at, value, reader)?))).collect()
}
