//! When the target is ready, how long it is watched, how it is stopped.

use std::path::Path;
use std::time::Duration;

use super::reader::Reader;
use super::steps::{self, Reach, Scope, check_path};
use super::wire::{ReadyHttpWire, ReadyWire, SoakWire, StopWire};
use super::{Healthcheck, Overrides, Ready, ReadyCheck, Soak, Stop, Target, TargetKind};
use crate::document::{FileError, Place, Scalar, did_you_mean, listed, suggest, written};

const STARTED_WITHIN: Duration = Duration::from_secs(60);
const READY_WITHIN: Duration = Duration::from_secs(120);
const STOP_WITHIN: Duration = Duration::from_secs(10);
const DURATION: Duration = Duration::from_secs(1800);
const INTERVAL: Duration = Duration::from_secs(5);
const LEAST_INTERVAL: Duration = Duration::from_millis(200);
pub(super) const SIGNALS: [&str; 10] =
    ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL", "SIGABRT", "SIGALRM", "SIGWINCH"];
/// Signals that steps send; the last two stop nothing for good.
pub(super) const ALL_SIGNALS: [&str; 12] = [
    "SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL", "SIGABRT", "SIGALRM", "SIGWINCH",
    "SIGSTOP", "SIGCONT",
];
/// What can show that the target is ready.
pub(super) const CHECKS: [&str; 4] = ["http", "healthcheck", "log", "steps"];

fn within(
    place: Place<'_>,
    wire: Option<&Scalar>,
    default: Duration,
    reader: &Reader<'_>,
) -> Result<Duration, FileError> {
    let at = place.key("within");
    wire.map_or(Ok(default), |wire| at.duration(&reader.text(at, wire)?))
}

/// Reads what shows that the target is ready; without a word on it, that it runs.
pub(super) fn ready(
    place: Place<'_>,
    wire: Option<&ReadyWire>,
    target: &Target,
    scope: Scope<'_>,
) -> Result<Ready, FileError> {
    let reader = scope.reader;
    let Some(wire) = wire else {
        return Ok(Ready { check: ReadyCheck::Started, within: STARTED_WITHIN });
    };
    let mut checks = place.keys().iter().map(String::as_str).filter(|key| CHECKS.contains(key));
    let (Some(key), None) = (checks.next(), checks.next()) else {
        let second = place.keys().iter().rfind(|key| CHECKS.contains(&key.as_str()));
        let at = second.map_or(place, |key| place.key(key));
        let message = match second {
            Some(_) => "`ready` says in more than one way what is awaited",
            None => "`ready` does not say what is awaited",
        };
        return Err(at.key_error(message, format!("write one of {}", listed(CHECKS))));
    };
    let at = place.key(key);
    let check = if let Some(http) = &wire.http {
        ready_http(at, http, scope.reach, reader)?
    } else if let Some(log) = &wire.log {
        if let TargetKind::Pid(_) = target.kind {
            let help = "await an answer with `http`, or leave `ready` out";
            return Err(at.key_error("the log of a running process cannot be read", help));
        }
        ReadyCheck::Log(at.regex(&reader.word(at, log)?)?)
    } else if let Some(wire) = &wire.steps {
        if wire.is_empty() {
            return Err(at.key_error("no step would show anything", "add a step, or await an answer with `http`"));
        }
        ReadyCheck::Steps(steps::steps(at, wire, scope)?)
    } else {
        ready_healthcheck(at, wire.healthcheck == Some(true), target)?
    };
    Ok(Ready { check, within: within(place, wire.within.as_ref(), READY_WITHIN, reader)? })
}

fn ready_http(
    place: Place<'_>,
    wire: &ReadyHttpWire,
    reach: &Reach<'_>,
    reader: &Reader<'_>,
) -> Result<ReadyCheck, FileError> {
    let port = wire.port.as_ref().map(|port| reader.port(place.key("port"), port)).transpose()?;
    reach.check_port(place, port)?;
    let path = match &wire.path {
        Some(path) => {
            let at = place.key("path");
            let path = reader.word(at, path)?;
            check_path(at, &path)?;
            path
        }
        None => "/".to_owned(),
    };
    let status = match &wire.status {
        Some(status) => {
            let at = place.key("status");
            let status: u16 = reader.number(at, status, "an HTTP status")?;
            if !(100..=599).contains(&status) {
                return Err(at.error(format!("{status} is not an HTTP status"), "write a number from 100 to 599"));
            }
            status
        }
        None => 200,
    };
    Ok(ReadyCheck::Http { port, path, status })
}

fn ready_healthcheck(place: Place<'_>, wanted: bool, target: &Target) -> Result<ReadyCheck, FileError> {
    if !wanted {
        let help = "write `healthcheck: true`, or another of `http`, `log` and `steps`";
        return Err(place.error("`healthcheck` can only be `true`", help));
    }
    match (&target.kind, &target.options.healthcheck) {
        (TargetKind::Command { .. } | TargetKind::Pid(_), _) => {
            let message = format!("a target of kind `{}` has no health check", target.kind.key());
            Err(place.key_error(message, "await an answer with `http`, or leave `ready` out"))
        }
        (_, Some(Healthcheck::Disabled)) => {
            let help = "await an answer with `http`, or remove `healthcheck: none` from `target`";
            Err(place.key_error("the health check of the target is switched off", help))
        }
        (TargetKind::Build(_) | TargetKind::Image(_) | TargetKind::Container(_), _) => Ok(ReadyCheck::Healthcheck),
    }
}

/// Reads how the target is stopped.
pub(super) fn stop(place: Place<'_>, wire: Option<&StopWire>, reader: &Reader<'_>) -> Result<Stop, FileError> {
    let default = Stop { signal: "SIGTERM".to_owned(), within: STOP_WITHIN };
    let Some(wire) = wire else { return Ok(default) };
    let signal = match &wire.signal {
        Some(written) => signal_name(place.key("signal"), written, &SIGNALS, "a signal to stop with", reader)?,
        None => default.signal,
    };
    Ok(Stop { signal, within: within(place, wire.within.as_ref(), default.within, reader)? })
}

/// A signal, whose name may be without `SIG` and in any case.
pub(super) fn signal_name(
    place: Place<'_>,
    wire: &Scalar,
    known: &[&str],
    what: &str,
    reader: &Reader<'_>,
) -> Result<String, FileError> {
    let written = reader.word(place, wire)?;
    let upper = written.to_ascii_uppercase();
    let name = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
    if known.contains(&name.as_str()) {
        return Ok(name);
    }
    let help = suggest(&name, known.iter().copied(), &format!("the signals are {}", listed(known)));
    Err(place.error(format!("`{written}` is not {what}"), help))
}

/// Where a time was said: by a flag, or in the file.
#[derive(Clone, Copy)]
enum Origin<'d> {
    Flag(&'d Path, &'static str),
    File(Place<'d>),
    /// Nowhere: it is the default.
    Default,
}

impl<'d> Origin<'d> {
    fn file(place: Place<'d>, key: &str) -> Self {
        place.get(key).map_or(Self::Default, Self::File)
    }

    fn name(self) -> String {
        match self {
            Self::Flag(_, flag) => format!("`{flag}`"),
            Self::File(place) => place.quoted(),
            Self::Default => "the default".to_owned(),
        }
    }

    /// Who said it, behind the figure, where the file does not.
    fn aside(self) -> String {
        match self {
            Self::Flag(..) | Self::Default => format!(" ({})", self.name()),
            Self::File(_) => String::new(),
        }
    }

    /// The error at the first of these origins that the user wrote.
    fn error(origins: &[Self], document: &Path, message: impl Into<String>, help: impl Into<String>) -> FileError {
        for origin in origins {
            match origin {
                Self::Flag(path, _) => return FileError::new(path, message, help),
                Self::File(place) => return place.error(message, help),
                Self::Default => {}
            }
        }
        FileError::new(document, message, help)
    }
}

/// Reads how long to watch.
pub(super) fn soak(
    document: &Path,
    place: Place<'_>,
    wire: Option<&SoakWire>,
    overrides: &Overrides,
) -> Result<Soak, FileError> {
    let time = |key: &str, wire: Option<&Scalar>, flag: Option<Duration>, name: &'static str, default: Duration| {
        let at = place.key(key);
        // What the file says is read even where a flag replaces it: a wrong file is wrong every night.
        let said = wire.map_or(Ok(default), |wire| at.duration(wire.at(at)))?;
        Ok(match flag {
            Some(flag) => (flag, Origin::Flag(document, name)),
            None => (said, Origin::file(place, key)),
        })
    };
    let duration = wire.and_then(|wire| wire.duration.as_ref());
    let (duration, duration_by) = time("duration", duration, overrides.duration, "--duration", DURATION)?;
    let interval = wire.and_then(|wire| wire.interval.as_ref());
    let (interval, interval_by) = time("interval", interval, overrides.interval, "--interval", INTERVAL)?;
    let say = |time: Duration, by: Origin<'_>| format!("{}{}", written(time), by.aside());
    for (time, by) in [(duration, duration_by), (interval, interval_by)] {
        if time.is_zero() {
            let message = format!("{}: a duration of zero", by.name());
            return Err(Origin::error(&[by], document, message, "write one that is longer, for example `5s`"));
        }
    }
    if interval < LEAST_INTERVAL {
        let message = format!("{}: {} is too short an interval", interval_by.name(), written(interval));
        let help = "the shortest is `200ms`; looking more often would disturb the target";
        return Err(Origin::error(&[interval_by], document, message, help));
    }
    if interval >= duration {
        let origins = match (interval_by, duration_by) {
            (Origin::Flag(..), _) | (Origin::File(_), Origin::File(_) | Origin::Default) => [interval_by, duration_by],
            (Origin::File(_), Origin::Flag(..)) | (Origin::Default, _) => [duration_by, interval_by],
        };
        let (interval, duration) = (say(interval, interval_by), say(duration, duration_by));
        let message = format!("the interval of {interval} is not shorter than the duration of {duration}");
        let help = "write an interval of a few seconds, for example `interval: 5s`, and a duration of many minutes";
        return Err(Origin::error(&origins, document, message, help));
    }
    let at = place.key("warmup");
    let warmup = match wire.and_then(|wire| wire.warmup.as_ref()).map(|wire| wire.at(at)) {
        None | Some("auto") => None,
        Some(said) => Some(at.duration(said).map_err(|error| match did_you_mean(said, ["auto"]) {
            Some(_) => at.error(error.message, "did you mean `auto`?"),
            None => error,
        })?),
    };
    if let Some(warmup) = warmup.filter(|warmup| *warmup >= duration) {
        let origins = match duration_by {
            Origin::Flag(..) => [duration_by, Origin::File(at)],
            Origin::File(_) | Origin::Default => [Origin::File(at), duration_by],
        };
        let (warmup, duration) = (written(warmup), say(duration, duration_by));
        let message = format!("the warm-up of {warmup} leaves nothing of the duration of {duration}");
        let help = "the duration includes the warm-up: write `warmup: auto`, or a longer duration";
        return Err(Origin::error(&origins, document, message, help));
    }
    let at = place.key("settle");
    let settle = wire.and_then(|wire| wire.settle.as_ref());
    let settle = settle.map_or(Ok(Duration::ZERO), |wire| at.duration_or_zero(wire.at(at)))?;
    Ok(Soak { duration, warmup, interval, settle })
}
