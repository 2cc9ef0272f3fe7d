//! Steps. Their strings stay templates, filled in when they run; here only their syntax is checked.

use std::collections::BTreeMap;
use std::time::Duration;

use super::expect;
use super::reader::{Reader, check_name};
use super::wire::{ExecWire, HttpWire, RepeatWire, StepWire, WaitUntilWire};
use super::{Action, Body, ExecStep, Goal, HttpStep, Sidecar, Step, Target, TargetKind};
use crate::document::{FileError, Ordered, Place, Scalar, listed, suggest};

/// How long a request or a command may take where the scenario does not say.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

const KINDS: [&str; 6] = ["get", "post", "put", "repeat", "wait_until", "exec"];
const MOST_REPEATS: u32 = 10_000;

/// What steps can reach.
pub(super) struct Reach<'a> {
    sidecars: Vec<&'a str>,
    /// The published ports; `None` where they show only when the container is looked at.
    ports: Option<&'a [u16]>,
}

impl<'a> Reach<'a> {
    pub(super) fn new(target: &'a Target, sidecars: &'a [Sidecar]) -> Self {
        let ports = match target.kind {
            TargetKind::Container(_) => None,
            TargetKind::Build(_) | TargetKind::Image(_) | TargetKind::Command { .. } | TargetKind::Pid(_) => {
                Some(target.options.publish.as_slice())
            }
        };
        Self { sidecars: sidecars.iter().map(|sidecar| sidecar.name.as_str()).collect(), ports }
    }

    /// Refuses a request that could never arrive.
    pub(super) fn check_port(&self, place: Place<'_>, port: Option<u16>) -> Result<(), FileError> {
        match (self.ports, port) {
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
}

/// Reads a list of steps.
pub(super) fn steps(
    place: Place<'_>,
    wire: &[StepWire],
    reader: &Reader<'_>,
    reach: &Reach<'_>,
) -> Result<Vec<Step>, FileError> {
    wire.iter().enumerate().map(|(index, wire)| step(place.item(index), wire, reader, reach)).collect()
}

/// Reads one step.
pub(super) fn step(
    place: Place<'_>,
    wire: &StepWire,
    reader: &Reader<'_>,
    reach: &Reach<'_>,
) -> Result<Step, FileError> {
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
    let action = if let Some(wire) = &wire.get {
        Action::Http(Box::new(http(at, "GET", wire, reader, reach)?))
    } else if let Some(wire) = &wire.post {
        Action::Http(Box::new(http(at, "POST", wire, reader, reach)?))
    } else if let Some(wire) = &wire.put {
        Action::Http(Box::new(http(at, "PUT", wire, reader, reach)?))
    } else if let Some(wire) = &wire.repeat {
        repeat(at, wire, reader, reach)?
    } else if let Some(wire) = &wire.wait_until {
        wait_until(at, wire, reader, reach)?
    } else if let Some(wire) = &wire.exec {
        Action::Exec(exec(at, wire, reader, reach)?)
    } else {
        return Err(at.key_error("the step does nothing", "give it a value"));
    };
    Ok(Step { file: reader.file(), at: at.key_location(), action })
}

fn repeat(place: Place<'_>, wire: &RepeatWire, reader: &Reader<'_>, reach: &Reach<'_>) -> Result<Action, FileError> {
    if wire.times == 0 || wire.times > MOST_REPEATS {
        let message = format!("steps are repeated 1 to {MOST_REPEATS} times, not {}", wire.times);
        return Err(place.key("times").error(message, format!("write a number from 1 to {MOST_REPEATS}")));
    }
    if let Some(name) = &wire.name {
        check_value_name(place.key("as"), name)?;
    }
    if wire.steps.is_empty() {
        return Err(place.key("steps").key_error("there are no steps to repeat", "add a step, or remove the `repeat`"));
    }
    let steps = steps(place.key("steps"), &wire.steps, reader, reach)?;
    Ok(Action::Repeat { times: wire.times, name: wire.name.clone(), steps })
}

fn wait_until(
    place: Place<'_>,
    wire: &WaitUntilWire,
    reader: &Reader<'_>,
    reach: &Reach<'_>,
) -> Result<Action, FileError> {
    let within = duration(place, "within", wire.within.as_ref(), Duration::from_secs(120))?;
    let every = duration(place, "every", wire.every.as_ref(), Duration::from_secs(1))?;
    if every >= within {
        let at = place.get("every").unwrap_or_else(|| place.key("within"));
        return Err(at.error("there is time for one try only", "write an `every` that is shorter than `within`"));
    }
    let at = place.key("step");
    let step = step(at, &wire.step, reader, reach)?;
    match step.action {
        Action::Http(_) | Action::Exec(_) => Ok(Action::WaitUntil { within, every, step: Box::new(step) }),
        _ => {
            let help = "write one of `get`, `post`, `put` and `exec`, with what it must `expect`";
            Err(at.key_error("only a request or a command can be waited for", help))
        }
    }
}

fn http(
    place: Place<'_>,
    method: &'static str,
    wire: &HttpWire,
    reader: &Reader<'_>,
    reach: &Reach<'_>,
) -> Result<HttpStep, FileError> {
    reach.check_port(place, wire.port)?;
    let at = place.key("path");
    let path = wire.path.at(at).to_owned();
    check_path(at, &path)?;
    reader.template(at, &path)?;
    let headers = headers(place.key("headers"), &wire.headers, reader)?;
    let cookies = templates(place.key("cookies"), &wire.cookies, reader)?;
    let body = match (&wire.form, &wire.json) {
        (None, None) => Body::Empty,
        (Some(_), Some(_)) => {
            let second = place.keys().iter().rfind(|key| ["form", "json"].contains(&key.as_str()));
            let at = second.map_or(place, |key| place.key(key));
            return Err(
                at.key_error("a request has one body, and this one has both `form` and `json`", "keep one of them")
            );
        }
        (Some(_), None) | (None, Some(_)) if method == "GET" => {
            let at = place.get("form").unwrap_or_else(|| place.key("json"));
            return Err(at.key_error("a `get` sends no body", "write `post`, or put it into the path: `/search?q=x`"));
        }
        (Some(form), None) => Body::Form(templates(place.key("form"), form, reader)?),
        (None, Some(json)) => {
            expect::check_json(place.key("json"), json, reader)?;
            Body::Json(json.clone())
        }
    };
    Ok(HttpStep {
        method,
        path,
        goal: Goal { port: wire.port, headers, cookies, ..Goal::default() },
        body,
        redirects: 0,
        retry: None,
        timeout: duration(place, "timeout", wire.timeout.as_ref(), DEFAULT_TIMEOUT)?,
        capture: expect::captures(place.key("capture"), &wire.capture)?,
        expect: expect::http(place.key("expect"), &wire.expect, reader)?,
    })
}

/// The path of a request, which may be a template.
pub(super) fn check_path(place: Place<'_>, path: &str) -> Result<(), FileError> {
    if let Some((_, rest)) = path.split_once("://") {
        let inside = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
        let message = format!("{} is a whole address", place.quoted());
        return Err(place.error(message, format!("write the path alone, `{inside}`; `port` says where it goes")));
    }
    if !path.starts_with('/') && !path.starts_with("{{") && !path.starts_with("{%") {
        let message = format!("{}: `{path}` does not begin with `/`", place.quoted());
        return Err(place.error(message, format!("write `/{path}`")));
    }
    if path.contains(|c: char| c.is_control()) {
        return Err(
            place.error(format!("{} holds a control character", place.quoted()), "remove it, or write it as `%0A`")
        );
    }
    Ok(())
}

fn exec(place: Place<'_>, wire: &ExecWire, reader: &Reader<'_>, reach: &Reach<'_>) -> Result<ExecStep, FileError> {
    let sidecar = match wire.service.as_deref() {
        None | Some("target") => None,
        Some(name) if reach.sidecars.contains(&name) => Some(name.to_owned()),
        Some(name) => {
            let all = match reach.sidecars.as_slice() {
                [] => "there are no sidecars; leave `in` out to run it in the target".to_owned(),
                sidecars => format!("the sidecars are {}; leave `in` out to run it in the target", listed(sidecars)),
            };
            let help = suggest(name, reach.sidecars.iter().copied(), &all);
            return Err(place.key("in").error(format!("there is no sidecar `{name}`"), help));
        }
    };
    let at = place.key("command");
    let mut command = Vec::new();
    for (index, word) in wire.command.iter().enumerate() {
        let at = at.item(index);
        let word = word.at(at);
        reader.template(at, word)?;
        command.push(word.to_owned());
    }
    if command.first().is_none_or(|program| program.trim().is_empty()) {
        let help = "write the program and its arguments: `[python3, -c, \"…\"]`";
        return Err(at.key_error("the command names no program", help));
    }
    Ok(ExecStep {
        sidecar,
        command,
        capture: expect::captures(place.key("capture"), &wire.capture)?,
        expect: expect::exec(place.key("expect"), &wire.expect, reader)?,
        timeout: duration(place, "timeout", wire.timeout.as_ref(), DEFAULT_TIMEOUT)?,
    })
}

fn duration(place: Place<'_>, key: &str, wire: Option<&Scalar>, default: Duration) -> Result<Duration, FileError> {
    wire.map_or(Ok(default), |wire| place.key(key).duration(wire.at(place.key(key))))
}

/// Templates by name.
fn templates(
    place: Place<'_>,
    wire: &Ordered<Scalar>,
    reader: &Reader<'_>,
) -> Result<BTreeMap<String, String>, FileError> {
    let mut templates = BTreeMap::new();
    for (at, name, value) in wire.at(place) {
        let text = value.at(at);
        reader.template(at, text)?;
        templates.insert(name.to_owned(), text.to_owned());
    }
    Ok(templates)
}

/// Templates by the name of a header.
pub(super) fn headers(
    place: Place<'_>,
    wire: &Ordered<Scalar>,
    reader: &Reader<'_>,
) -> Result<BTreeMap<String, String>, FileError> {
    let mut seen: Vec<String> = Vec::new();
    for (at, name, _) in wire.at(place) {
        let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c));
        if name.is_empty() || !fits {
            let help = "write the name alone, and the value behind the colon: `x-name: value`";
            return Err(at.key_error(format!("`{name}` cannot be the name of a header"), help));
        }
        let lower = name.to_ascii_lowercase();
        if seen.contains(&lower) {
            let help = "upper and lower case are the same in names of headers; remove one of the two";
            return Err(at.key_error(format!("the header `{name}` is there twice"), help));
        }
        seen.push(lower);
    }
    templates(place, wire, reader)
}

/// A name that is written as a value, as in `as: n`.
fn check_value_name(place: Place<'_>, name: &str) -> Result<(), FileError> {
    check_name(place, name)
        .map_err(|error| place.error(error.message, "use letters, digits and `_`, and begin with a letter"))
}
