//! What is done to the target otherwise than by requests.

use std::time::Duration;

use super::{DEFAULT_TIMEOUT, DEFAULT_WAIT, Scope, duration, template};
use crate::document::{Choice, FileError, Place, Scalar, listed, suggest};
use crate::model::Which;
use crate::scenario::capture::{self, Source};
use crate::scenario::expect;
use crate::scenario::phases::{ALL_SIGNALS, signal_name};
use crate::scenario::reader::Reader;
use crate::scenario::wire::{ExecWire, LogWire, PauseWire, RestartWire, SignalWire, WhichWire};
use crate::scenario::{Action, ExecStep, LogStep, RestartStep, SignalStep};

const STOPPED_WITHIN: Duration = Duration::from_secs(10);
const THERE_AGAIN_WITHIN: Duration = Duration::from_secs(30);

/// Reads a command.
pub(super) fn exec(place: Place<'_>, wire: &ExecWire, scope: Scope<'_>) -> Result<ExecStep, FileError> {
    let (reader, sidecars) = (scope.reader, &scope.reach.sidecars);
    let sidecar = match wire.service.as_deref() {
        None | Some("target") => None,
        Some(name) if sidecars.contains(&name) => Some(name.to_owned()),
        Some(name) => {
            let all = match sidecars.as_slice() {
                [] => "there are no sidecars; leave `in` out to run it in the target".to_owned(),
                sidecars => format!("the sidecars are {}; leave `in` out to run it in the target", listed(sidecars)),
            };
            let help = suggest(name, sidecars.iter().copied(), &all);
            return Err(place.key("in").error(format!("there is no sidecar `{name}`"), help));
        }
    };
    let at = place.key("command");
    let words = wire.command.iter().enumerate().map(|(index, word)| template(at.item(index), word, reader));
    let command = words.collect::<Result<Vec<_>, _>>()?;
    if command.first().is_none_or(|program| program.trim().is_empty()) {
        let help = "write the program and its arguments: `[python3, -c, \"…\"]`";
        return Err(at.key_error("the command names no program", help));
    }
    Ok(ExecStep {
        sidecar,
        command,
        capture: capture::captures(place.key("capture"), &wire.capture, Source::Output, reader)?,
        expect: expect::exec(place.key("expect"), &wire.expect, reader)?,
        timeout: duration(place, "timeout", wire.timeout.as_ref(), DEFAULT_TIMEOUT)?,
    })
}

/// Reads a signal.
pub(super) fn signal(place: Place<'_>, wire: &SignalWire, reader: &Reader<'_>) -> Result<SignalStep, FileError> {
    Ok(SignalStep {
        process: expect::pattern(place.key("process"), &wire.process, reader)?,
        signal: sent(place, wire.signal.as_ref(), reader)?,
        which: which(wire.which),
    })
}

fn sent(place: Place<'_>, wire: Option<&Scalar>, reader: &Reader<'_>) -> Result<String, FileError> {
    let Some(wire) = wire else { return Ok("SIGTERM".to_owned()) };
    signal_name(place.key("signal"), wire, &ALL_SIGNALS, "a signal", reader)
}

fn which(wire: Option<Choice<WhichWire>>) -> Which {
    match wire {
        None | Some(Choice(WhichWire::All)) => Which::All,
        Some(Choice(WhichWire::Oldest)) => Which::Oldest,
        Some(Choice(WhichWire::Newest)) => Which::Newest,
    }
}

/// Reads what is ended to be there again; nothing said: the container.
pub(super) fn restart(
    place: Place<'_>,
    wire: Option<&RestartWire>,
    reader: &Reader<'_>,
) -> Result<RestartStep, FileError> {
    let default = RestartWire::default();
    let wire = wire.unwrap_or(&default);
    let Some(process) = &wire.process else {
        for key in ["signal", "which"] {
            if let Some(at) = place.get(key) {
                let message = format!("`{key}` does not go with the restart of a container");
                return Err(at.key_error(message, "add `process: REGEX`, or remove it"));
            }
        }
        return Ok(RestartStep::Container { within: duration(place, "within", wire.within.as_ref(), STOPPED_WITHIN)? });
    };
    Ok(RestartStep::Process {
        process: expect::pattern(place.key("process"), process, reader)?,
        signal: sent(place, wire.signal.as_ref(), reader)?,
        which: which(wire.which),
        within: duration(place, "within", wire.within.as_ref(), THERE_AGAIN_WITHIN)?,
    })
}

/// Reads a pause.
pub(super) fn pause(place: Place<'_>, wire: Option<&PauseWire>) -> Result<Action, FileError> {
    let at = place.key("for");
    let lasts = wire.and_then(|wire| wire.lasts.as_ref());
    Ok(Action::Pause { lasts: lasts.map(|wire| at.duration(wire.at(at))).transpose()? })
}

/// Reads a line of the log to be awaited.
pub(super) fn log(place: Place<'_>, wire: &LogWire, scope: Scope<'_>) -> Result<LogStep, FileError> {
    scope.reach.check_log(place)?;
    Ok(LogStep {
        matches: expect::pattern(place.key("matches"), &wire.matches, scope.reader)?,
        within: duration(place, "within", wire.within.as_ref(), DEFAULT_WAIT)?,
        capture: capture::captures(place.key("capture"), &wire.capture, Source::Line, scope.reader)?,
    })
}
