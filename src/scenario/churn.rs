//! What is done during the soak.

use std::time::Duration;

use super::steps::{self, Scope, check_shown};
use super::wire::{ChurnWire, SessionWire};
use super::{Churn, Overrides, Soak};
use crate::document::{Choice, FileError, Place, Scalar, written};
use crate::model::text::count;

const LEAST_EVERY: Duration = Duration::from_secs(1);
/// With a rate: a user can do no more than one thing after the other.
const LEAST_BY_RATE: Duration = Duration::from_millis(100);
const MOST_USERS: u32 = 200;
const MAX_FAILED: f64 = 0.1;

/// Reads what is done during the soak.
pub(super) fn churn(
    place: Place<'_>,
    wire: Option<&ChurnWire>,
    soak: &Soak,
    overrides: &Overrides,
    scope: Scope<'_>,
) -> Result<Option<Churn>, FileError> {
    let Some(wire) = wire else { return Ok(None) };
    let name = wire.name.clone().unwrap_or_else(|| "churn".to_owned());
    check_shown(place.key("name"), &name, "name: research")?;
    let users = wire.users.unwrap_or(1);
    if !(1..=MOST_USERS).contains(&users) {
        let message = format!("a churn has 1 to {MOST_USERS} users, not {users}");
        return Err(place.key("users").error(message, format!("write a number from 1 to {MOST_USERS}")));
    }
    let every = pace(place, wire, users)?;
    let jitter = time(place, "jitter", wire.jitter.as_ref())?;
    if jitter >= every {
        let message = format!(
            "the jitter of {} is not shorter than the {} from one iteration of a user to the next",
            written(jitter),
            written(every)
        );
        return Err(place.key("jitter").error(message, "write a shorter `jitter`, or let more time be in between"));
    }
    if wire.steps.is_empty() {
        let at = place.key("steps");
        return Err(at.key_error("there are no steps to take", "add a step, or remove the `churn`"));
    }
    let steps = steps::steps(place.key("steps"), &wire.steps, scope)?;
    let setup = steps::steps(place.key("setup"), &wire.setup, scope)?;
    let max_failed = wire.max_failed.unwrap_or(MAX_FAILED);
    if !(0.0..=1.0).contains(&max_failed) {
        let at = place.key("max_failed");
        let message = format!("{}: {max_failed} is not a share", at.quoted());
        return Err(at.error(message, "write a number from 0 (none may fail) to 1 (all may fail), for example `0.1`"));
    }
    let start = time(place, "start", wire.start.as_ref())?;
    let churn = Churn {
        name,
        users,
        every,
        jitter,
        setup,
        fresh_session: wire.session == Some(Choice(SessionWire::Fresh)),
        steps,
        start,
        idle_tail: idle_tail(place, wire, start, soak, overrides)?,
        max_failed,
    };
    check_fits(place, &churn, soak, overrides)?;
    Ok(Some(churn))
}

fn time(place: Place<'_>, key: &str, wire: Option<&Scalar>) -> Result<Duration, FileError> {
    let at = place.key(key);
    wire.map_or(Ok(Duration::ZERO), |wire| at.duration_or_zero(wire.at(at)))
}

/// From the begin of one iteration of a user to the next.
fn pace(place: Place<'_>, wire: &ChurnWire, users: u32) -> Result<Duration, FileError> {
    match (&wire.every, &wire.rate) {
        (Some(every), None) => {
            let at = place.key("every");
            let every = at.duration(every.at(at))?;
            if every < LEAST_EVERY {
                let message = format!("{}: {} is too short", at.quoted(), written(every));
                let help = "the shortest is `1s`; write a `rate`, or a `repeat` to do more in one iteration";
                return Err(at.error(message, help));
            }
            Ok(every)
        }
        (None, Some(rate)) => {
            let at = place.key("rate");
            let text = rate.at(at);
            let Some(between) = between(text) else {
                let message = format!("{}: `{text}` is not a rate", at.quoted());
                return Err(at.error(message, "write a number above zero in a second, minute or hour: `30/m`"));
            };
            let too_slow = || at.error(format!("{}: `{text}` is too slow", at.quoted()), "write one that is higher");
            let every = Duration::try_from_secs_f64(between * f64::from(users)).map_err(|_| too_slow())?;
            if every < LEAST_BY_RATE {
                let users = count(u64::from(users), "user");
                let message = format!("{}: `{text}` is too much for {users}", at.quoted());
                let help = "a user begins at most 10 iterations in a second; write a lower rate, or more `users`";
                return Err(at.error(message, help));
            }
            Ok(every)
        }
        (Some(_), Some(_)) => {
            let help = "keep one of them: `every` is said of each user, `rate` of all together";
            Err(place.key("rate").key_error("both `every` and `rate` say how often", help))
        }
        (None, None) => {
            let message = format!("{} does not say how often", place.quoted());
            Err(place.key_error(message, "add `every: 60s`, or `rate: 30/m` for all users together"))
        }
    }
}

/// The seconds between two iterations at a rate such as `30/m`.
fn between(rate: &str) -> Option<f64> {
    let (number, unit) = rate.split_once('/')?;
    let seconds = match unit.trim() {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let number: f64 = number.trim().parse().ok()?;
    (number.is_finite() && number > 0.0).then(|| seconds / number)
}

/// The time before the end of the soak in which no iteration begins.
fn idle_tail(
    place: Place<'_>,
    wire: &ChurnWire,
    start: Duration,
    soak: &Soak,
    overrides: &Overrides,
) -> Result<Duration, FileError> {
    let Some(stop) = &wire.stop else { return time(place, "idle_tail", wire.idle_tail.as_ref()) };
    let at = place.key("stop");
    if wire.idle_tail.is_some() {
        let help = "keep one of them: `stop` counts from the begin of the soak, `idle_tail` from its end";
        return Err(at.key_error("both `stop` and `idle_tail` say when it ends", help));
    }
    let stop = at.duration(stop.at(at))?;
    if stop <= start {
        let message = format!("a stop after {} leaves nothing of a start after {}", written(stop), written(start));
        return Err(at.error(message, "write a later `stop`, or an earlier `start`"));
    }
    // A night that a flag makes shorter has no tail; the file is as right as it was.
    if stop > soak.duration && overrides.duration.is_none() {
        let message =
            format!("a stop after {} lies behind the end of the soak, {}", written(stop), written(soak.duration));
        return Err(at.error(message, "write an earlier `stop`, or remove it"));
    }
    Ok(soak.duration.saturating_sub(stop))
}

/// A churn of which no iteration would begin is a mistake, and the night would only show it at its end.
fn check_fits(place: Place<'_>, churn: &Churn, soak: &Soak, overrides: &Overrides) -> Result<(), FileError> {
    if churn.start.saturating_add(churn.every).saturating_add(churn.idle_tail) < soak.duration {
        return Ok(());
    }
    let keys = ["idle_tail", "stop", "start", "every", "rate"];
    let at = keys.iter().find_map(|key| place.get(key)).unwrap_or(place);
    let aside = if overrides.duration.is_some() { " (`--duration`)" } else { "" };
    let duration = format!("the duration of {}{aside}", written(soak.duration));
    if churn.start + churn.idle_tail >= soak.duration {
        let (start, tail) = (written(churn.start), written(churn.idle_tail));
        let message = format!("a start of {start} and an idle tail of {tail} leave nothing of {duration}");
        return Err(at.error(message, "write a shorter `start` or `idle_tail`, or a longer duration"));
    }
    let message = format!("no iteration would begin within {duration}");
    let help = "the first begins `start` and `every` after the begin of the soak, and none in the `idle_tail`";
    Err(at.error(message, help))
}
