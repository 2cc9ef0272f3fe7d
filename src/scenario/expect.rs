//! What an answer must be.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;

use super::capture::{Written, json_path};
use super::reader::Reader;
use super::steps::headers;
use super::wire::{ExecExpectWire, HttpExpectWire};
use super::{Expect, JsonExpect, StatusSet};
use crate::document::{FileError, OneOrMany, Ordered, Place, Scalar, suggest};

/// Reads what the answer to a request must be.
pub(super) fn http(place: Place<'_>, wire: &HttpExpectWire, reader: &Reader<'_>) -> Result<Expect, FileError> {
    Ok(Expect {
        status: match &wire.status {
            Some(wire) => status(place.key("status"), wire)?,
            None => Vec::new(),
        },
        header: headers(place.key("header"), &wire.header, reader)?,
        json: json(place.key("json"), &wire.json, reader)?,
        contains: contains(place, wire.contains.as_ref(), reader)?,
        matches: matches(place, wire.matches.as_ref(), reader)?,
        latency: latency(place, wire.latency.as_ref())?,
        exit: None,
    })
}

/// Reads what a command must answer.
pub(super) fn exec(place: Place<'_>, wire: &ExecExpectWire, reader: &Reader<'_>) -> Result<Expect, FileError> {
    Ok(Expect {
        status: Vec::new(),
        header: BTreeMap::new(),
        json: json(place.key("json"), &wire.json, reader)?,
        contains: contains(place, wire.contains.as_ref(), reader)?,
        matches: matches(place, wire.matches.as_ref(), reader)?,
        latency: latency(place, wire.latency.as_ref())?,
        exit: wire.exit,
    })
}

/// Reads statuses, of which there must be one at least.
pub(super) fn status(place: Place<'_>, wire: &OneOrMany<Scalar>) -> Result<Vec<StatusSet>, FileError> {
    let mut status = Vec::new();
    for (at, wire) in wire.at(place) {
        let text = wire.at(at);
        status.push(one_status(text).ok_or_else(|| {
            let help = "write a number from 100 to 599, or a class such as `2xx`";
            at.error(format!("`{text}` is not an HTTP status"), help)
        })?);
    }
    if status.is_empty() {
        return Err(place.error("no status is named", "write one, or remove the line"));
    }
    Ok(status)
}

fn one_status(text: &str) -> Option<StatusSet> {
    if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
        return class.parse().ok().filter(|class| (1..=5).contains(class)).map(StatusSet::Class);
    }
    text.parse().ok().filter(|code| (100..=599).contains(code)).map(StatusSet::One)
}

fn latency(place: Place<'_>, wire: Option<&Scalar>) -> Result<Option<Duration>, FileError> {
    let at = place.key("latency");
    wire.map(|wire| at.duration(wire.at(at))).transpose()
}

/// Reads a text that must be there, a template.
pub(super) fn contains(
    place: Place<'_>,
    wire: Option<&Scalar>,
    reader: &Reader<'_>,
) -> Result<Option<String>, FileError> {
    let Some(wire) = wire else { return Ok(None) };
    let at = place.key("contains");
    let text = wire.at(at);
    if text.is_empty() {
        return Err(at.error("every text holds the empty text", "write what must be there, or remove the line"));
    }
    reader.template(at, text)?;
    Ok(Some(text.to_owned()))
}

/// Reads a regular expression that must match.
pub(super) fn matches(
    place: Place<'_>,
    wire: Option<&Scalar>,
    reader: &Reader<'_>,
) -> Result<Option<Regex>, FileError> {
    wire.map(|wire| pattern(place.key("matches"), wire, reader)).transpose()
}

/// Reads a regular expression that says something. It is made now, so that of names only `vars` are known to it.
pub(super) fn pattern(place: Place<'_>, wire: &Scalar, reader: &Reader<'_>) -> Result<Regex, FileError> {
    place.regex(&reader.word(place, wire)?)
}

/// Reads JSONPaths and what they must find.
pub(super) fn json(
    place: Place<'_>,
    wire: &Ordered<Value>,
    reader: &Reader<'_>,
) -> Result<Vec<(JsonPath, JsonExpect)>, FileError> {
    let mut all = Vec::new();
    for (at, path, value) in wire.at(place) {
        let path = json_path(at, path, Written::Key)?;
        all.extend(json_expect(at, value, reader)?.into_iter().map(|expect| (path.clone(), expect)));
    }
    Ok(all)
}

/// A bare value is compared; a mapping says how to look at it, so that a misspelt `at_least` is no silent comparison.
fn json_expect(place: Place<'_>, value: &Value, reader: &Reader<'_>) -> Result<Vec<JsonExpect>, FileError> {
    const WAYS: [&str; 5] = ["at_least", "at_most", "matches", "exists", "equals"];
    const HELP: &str = "write a value, `{at_least: 5}`, `{at_most: 9}`, `{matches: REGEX}`, `{exists: true}`, or `{equals: {…}}` \
                        for a whole object";
    let Value::Object(ways) = value else {
        check_json(place, value, reader)?;
        return Ok(vec![JsonExpect::Equals(value.clone())]);
    };
    if ways.is_empty() {
        return Err(place.key_error(format!("{} does not say what to expect", place.quoted()), HELP));
    }
    let number = |at: Place<'_>, way: &str, value: &Value| {
        value
            .as_f64()
            .filter(|figure| figure.is_finite())
            .ok_or_else(|| at.error(format!("`{way}` needs a number"), "write a number, without quotes"))
    };
    let mut all = Vec::new();
    for (way, value) in ways {
        let at = place.key(way);
        all.push(match (way.as_str(), value) {
            ("at_least", value) => JsonExpect::AtLeast(number(at, way, value)?),
            ("at_most", value) => JsonExpect::AtMost(number(at, way, value)?),
            ("matches", Value::String(text)) if !text.is_empty() => {
                JsonExpect::Matches(at.regex(&reader.rendered(at, text)?)?)
            }
            ("matches", _) => {
                return Err(at.error("`matches` needs a regular expression", "put quotes around it: `'^\\d+$'`"));
            }
            ("exists", Value::Bool(true)) => JsonExpect::Exists,
            ("exists", _) => {
                return Err(at.error("`exists` can only be `true`", "write `exists: true`, or remove the line"));
            }
            ("equals", value) => {
                check_json(at, value, reader)?;
                JsonExpect::Equals(value.clone())
            }
            _ => {
                let help = suggest(way, WAYS, HELP);
                return Err(at.key_error(format!("unknown key `{way}` in {}", place.quoted()), help));
            }
        });
    }
    Ok(all)
}

/// Checks the templates in a JSON value.
pub(super) fn check_json(place: Place<'_>, value: &Value, reader: &Reader<'_>) -> Result<(), FileError> {
    match value {
        Value::String(text) => reader.template(place, text),
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| check_json(place.item(index), item, reader))
        }
        Value::Object(map) => map.iter().try_for_each(|(key, item)| check_json(place.key(key), item, reader)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}
