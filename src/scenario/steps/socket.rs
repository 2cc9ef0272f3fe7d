//! What stays open: WebSockets and server-sent events.

use std::time::Duration;

use super::http::GoalWire;
use super::{DEFAULT_TIMEOUT, DEFAULT_WAIT, Scope, Socket, duration, steps, template, word};
use crate::document::{Choice, FileError, Ordered, Place, Scalar};
use crate::scenario::capture::{self, Source};
use crate::scenario::expect;
use crate::scenario::wire::{AwaitWire, MessageWire, PingWire, SseWire, WsEndWire, WsWire};
use crate::scenario::{Action, AwaitStep, Message, Sought, SseStep, WsEnd, WsStep};

const PONG_WITHIN: Duration = Duration::from_secs(10);
const SILENT_FOR: Duration = Duration::from_secs(60);
const MOST_EVENTS: u32 = 100_000;

/// Reads a WebSocket.
pub(super) fn ws(place: Place<'_>, wire: &WsWire, scope: Scope<'_>) -> Result<WsStep, FileError> {
    let target = GoalWire {
        port: wire.port,
        path: &wire.path,
        tls: wire.tls.as_ref(),
        query: &wire.query,
        headers: &wire.headers,
        cookies: &wire.cookies,
        auth: wire.auth.as_ref(),
    };
    let (path, goal) = target.read(place, scope)?;
    let mut subprotocols = Vec::new();
    if let Some(wire) = &wire.subprotocols {
        for (at, wire) in wire.at(place.key("subprotocols")) {
            subprotocols.push(word(at, wire, scope.reader)?);
        }
    }
    let inside = Scope { socket: Socket::Open, depth: scope.depth + 1, ..scope };
    Ok(WsStep {
        path,
        goal,
        subprotocols,
        timeout: duration(place, "timeout", wire.timeout.as_ref(), DEFAULT_TIMEOUT)?,
        steps: steps(place.key("steps"), &wire.steps, inside)?,
        end: end(place, wire)?,
    })
}

fn end(place: Place<'_>, wire: &WsWire) -> Result<WsEnd, FileError> {
    let silent_for = duration(place, "silent_for", wire.silent_for.as_ref(), SILENT_FOR)?;
    let end = match wire.end {
        None | Some(Choice(WsEndWire::Close)) => WsEnd::Close,
        Some(Choice(WsEndWire::Drop)) => WsEnd::Drop,
        Some(Choice(WsEndWire::Reset)) => WsEnd::Reset,
        Some(Choice(WsEndWire::Silent)) => return Ok(WsEnd::Silent(silent_for)),
    };
    if wire.silent_for.is_some() {
        let message = format!("`silent_for` does not go with `end: {}`", end.name());
        return Err(place.key("silent_for").key_error(message, "remove it, or write `end: silent`"));
    }
    Ok(end)
}

/// Refuses what needs a WebSocket where none is open.
fn check_open(place: Place<'_>, scope: Scope<'_>) -> Result<(), FileError> {
    let key = place.name();
    match scope.socket {
        Socket::Open => Ok(()),
        Socket::None => {
            let help = format!("write it into the steps of one: `ws: {{path: /, steps: [{{{key}: …}}]}}`");
            Err(place.key_error(format!("no WebSocket is open for this `{key}`"), help))
        }
        Socket::OfAnother => {
            let message = format!("the users of a `parallel` do not share the WebSocket that this `{key}` stands in");
            Err(place.key_error(message, "write a `ws` into the steps of the `parallel`: each user opens its own"))
        }
    }
}

/// Reads a message to be sent.
pub(super) fn send(place: Place<'_>, wire: &MessageWire, scope: Scope<'_>) -> Result<Message, FileError> {
    check_open(place, scope)?;
    match (&wire.json, &wire.text) {
        (Some(json), None) => {
            expect::check_json(place.key("json"), json, scope.reader)?;
            Ok(Message::Json(json.clone()))
        }
        (None, Some(text)) => Ok(Message::Text(template(place.key("text"), text, scope.reader)?)),
        (Some(_), Some(_)) => {
            Err(place.key_error("a message is one thing, and this one has both `json` and `text`", "keep one of them"))
        }
        (None, None) => Err(place.key_error("the message is empty", "add `json: …` or `text: …`")),
    }
}

/// Reads what is awaited; nothing said: the next message.
pub(super) fn receive(place: Place<'_>, wire: Option<&AwaitWire>, scope: Scope<'_>) -> Result<AwaitStep, FileError> {
    check_open(place, scope)?;
    let default = AwaitWire::default();
    let wire = wire.unwrap_or(&default);
    Ok(AwaitStep {
        sought: sought(place, &wire.json, wire.matches.as_ref(), wire.contains.as_ref(), scope)?,
        within: duration(place, "within", wire.within.as_ref(), DEFAULT_WAIT)?,
        capture: capture::captures(place.key("capture"), &wire.capture, Source::Message, scope.reader)?,
    })
}

/// Reads a ping.
pub(super) fn ping(place: Place<'_>, wire: Option<&PingWire>, scope: Scope<'_>) -> Result<Action, FileError> {
    check_open(place, scope)?;
    let within = wire.and_then(|wire| wire.within.as_ref());
    Ok(Action::Ping { within: duration(place, "within", within, PONG_WITHIN)? })
}

/// Reads a stream of events.
pub(super) fn sse(place: Place<'_>, wire: &SseWire, scope: Scope<'_>) -> Result<SseStep, FileError> {
    let target = GoalWire {
        port: wire.port,
        path: &wire.path,
        tls: wire.tls.as_ref(),
        query: &wire.query,
        headers: &wire.headers,
        cookies: &wire.cookies,
        auth: wire.auth.as_ref(),
    };
    let (path, goal) = target.read(place, scope)?;
    let events = wire.events.unwrap_or(1);
    if !(1..=MOST_EVENTS).contains(&events) {
        let message = format!("1 to {MOST_EVENTS} events are read, not {events}");
        return Err(place.key("events").error(message, format!("write a number from 1 to {MOST_EVENTS}")));
    }
    let event = wire.event.as_ref().map(|event| word(place.key("event"), event, scope.reader)).transpose()?;
    Ok(SseStep {
        path,
        goal,
        events,
        event,
        sought: sought(place, &wire.json, wire.matches.as_ref(), wire.contains.as_ref(), scope)?,
        within: duration(place, "within", wire.within.as_ref(), DEFAULT_WAIT)?,
        capture: capture::captures(place.key("capture"), &wire.capture, Source::Event, scope.reader)?,
    })
}

fn sought(
    place: Place<'_>,
    json: &Ordered<serde_json::Value>,
    matches: Option<&Scalar>,
    contains: Option<&Scalar>,
    scope: Scope<'_>,
) -> Result<Sought, FileError> {
    Ok(Sought {
        json: expect::json(place.key("json"), json, scope.reader)?,
        matches: expect::matches(place, matches, scope.reader)?,
        contains: expect::contains(place, contains, scope.reader)?,
    })
}
