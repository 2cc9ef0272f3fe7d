//! Steps that hold others.

use std::time::Duration;

use serde_json::Value;

use super::{LEAVES, Scope, Socket, duration, inner, step, steps};
use crate::document::{FileError, Place, listed};
use crate::model::text::count;
use crate::scenario::expect;
use crate::scenario::reader::{Reader, check_name};
use crate::scenario::wire::{ForEachWire, ParallelWire, RepeatWire, WaitUntilWire, WhenWire};
use crate::scenario::{Action, Items, Step};

const MOST_REPEATS: u32 = 10_000;
const MOST_USERS: u32 = 100;
/// Steps that one block may come to with all that it repeats.
const MOST_TAKEN: u64 = 100_000;

/// Reads a wait.
pub(super) fn wait_until(place: Place<'_>, wire: &WaitUntilWire, scope: Scope<'_>) -> Result<Action, FileError> {
    let within = duration(place, "within", wire.within.as_ref(), Duration::from_secs(120))?;
    let every = duration(place, "every", wire.every.as_ref(), Duration::from_secs(1))?;
    if every >= within {
        let at = place.get("every").unwrap_or_else(|| place.key("within"));
        return Err(at.error("there is time for one try only", "write an `every` that is shorter than `within`"));
    }
    let at = place.key("step");
    if let Some(key) = at.keys().iter().find(|key| !LEAVES.contains(&key.as_str())) {
        let help = format!("write one of {}, with what it must `expect`", listed(LEAVES));
        let message = format!("only a request or a command can be waited for, and this is a `{key}`");
        return Err(at.key(key).key_error(message, help));
    }
    let step = step(at, &wire.step, Scope { depth: scope.depth + 1, ..scope })?;
    Ok(Action::WaitUntil { within, every, step: Box::new(step) })
}

/// Reads a repeat.
pub(super) fn repeat(place: Place<'_>, wire: &RepeatWire, scope: Scope<'_>) -> Result<Action, FileError> {
    if wire.times == 0 || wire.times > MOST_REPEATS {
        let message = format!("steps are repeated 1 to {MOST_REPEATS} times, not {}", wire.times);
        return Err(place.key("times").error(message, format!("write a number from 1 to {MOST_REPEATS}")));
    }
    check_bound(place, wire.name.as_deref())?;
    let action = Action::Repeat {
        times: wire.times,
        name: wire.name.clone(),
        steps: inner(place, &wire.steps, scope, "repeat")?,
    };
    bounded(place, action)
}

/// Reads a loop over values.
pub(super) fn for_each(place: Place<'_>, wire: &ForEachWire, scope: Scope<'_>) -> Result<Action, FileError> {
    let at = place.key("in");
    let items = match &wire.items {
        Value::Array(items) if items.is_empty() => {
            return Err(at.key_error("there is nothing to go through", "write values: `in: [a, b]`"));
        }
        list @ Value::Array(items) => {
            expect::check_json(at, list, scope.reader)?;
            Items::List(items.clone())
        }
        Value::String(text) if text.trim().starts_with("{{") => Items::Expression(expression(at, text, scope.reader)?),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Object(_) | Value::Null => {
            let help = "write `in: [a, b]`, or `in: \"{{ names }}\"` for a list that was captured";
            return Err(at.error(format!("{} is neither a list nor an expression", at.quoted()), help));
        }
    };
    check_bound(place, Some(&wire.name))?;
    let steps = inner(place, &wire.steps, scope, "for_each")?;
    bounded(place, Action::ForEach { items, name: wire.name.clone(), steps })
}

/// Reads steps of several users.
pub(super) fn parallel(place: Place<'_>, wire: &ParallelWire, scope: Scope<'_>) -> Result<Action, FileError> {
    if wire.users == 0 || wire.users > MOST_USERS {
        let message = format!("steps are taken by 1 to {MOST_USERS} users at once, not {}", wire.users);
        return Err(place.key("users").error(message, format!("write a number from 1 to {MOST_USERS}")));
    }
    let users = wire.users.saturating_mul(scope.users);
    if users > MOST_USERS {
        let message = format!("a `parallel` within another one comes to {users} users at once");
        let help = format!("the most is {MOST_USERS}, all of them together");
        return Err(place.key("users").error(message, help));
    }
    check_bound(place, wire.name.as_deref())?;
    let socket = if scope.socket == Socket::None { Socket::None } else { Socket::OfAnother };
    let steps = inner(place, &wire.steps, Scope { socket, users, ..scope }, "parallel")?;
    bounded(place, Action::Parallel { users: wire.users, name: wire.name.clone(), steps })
}

/// Reads steps under a condition.
pub(super) fn when(place: Place<'_>, wire: &WhenWire, scope: Scope<'_>) -> Result<Action, FileError> {
    let at = place.key("if");
    let inside = Scope { depth: scope.depth + 1, ..scope };
    Ok(Action::When {
        condition: expression(at, wire.condition.at(at), scope.reader)?,
        steps: inner(place, &wire.steps, scope, "when")?,
        otherwise: steps(place.key("else"), &wire.otherwise, inside)?,
    })
}

/// An expression, its braces taken away where it has them.
fn expression(place: Place<'_>, text: &str, reader: &Reader<'_>) -> Result<String, FileError> {
    let text = text.trim();
    let inside = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    let inside = inside.map_or(text, |inside| inside.trim_start_matches(['-', '+']).trim_end_matches(['-', '+']));
    let inside = inside.trim();
    if inside.is_empty() {
        return Err(place.error(format!("{} is empty", place.quoted()), "write an expression: `{{ count > 5 }}`"));
    }
    reader.expression(place, inside)?;
    Ok(inside.to_owned())
}

/// A name that is written as a value, as in `as: n`.
fn check_bound(place: Place<'_>, name: Option<&str>) -> Result<(), FileError> {
    let Some(name) = name else { return Ok(()) };
    let at = place.key("as");
    check_name(at, name)
        .map_err(|error| at.error(error.message, "use letters, digits and `_`, and begin with a letter"))
}

/// Refuses a block that would never come to its end.
fn bounded(place: Place<'_>, action: Action) -> Result<Action, FileError> {
    let taken = taken(&action);
    if taken <= MOST_TAKEN {
        return Ok(action);
    }
    let message = format!("{} comes to {}, all that it repeats with it", place.quoted(), count(taken, "step"));
    Err(place
        .key_error(message, format!("the most is {MOST_TAKEN}; what is done again and again belongs into `churn`")))
}

/// How many steps one comes to; a list that is not known yet counts once.
fn taken(action: &Action) -> u64 {
    let all = |steps: &[Step]| steps.iter().fold(0, |sum: u64, step| sum.saturating_add(taken(&step.action)));
    let [steps, otherwise] = action.held();
    let turns = if let Action::Repeat { times: turns, .. } | Action::Parallel { users: turns, .. } = action {
        u64::from(*turns)
    } else if let Action::ForEach { items: Items::List(items), .. } = action {
        u64::try_from(items.len()).unwrap_or(u64::MAX)
    } else {
        1
    };
    let own = u64::from(!action.is_block());
    turns.saturating_mul(all(steps).max(all(otherwise))).saturating_add(own)
}
