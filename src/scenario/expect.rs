//! What is taken out of an answer, and what the answer must be.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json_path::JsonPath;

use super::reader::{Reader, check_name};
use super::steps::headers;
use super::wire::{CaptureWire, ExecExpectWire, HttpExpectWire};
use super::{Capture, CaptureFrom, Expect, JsonExpect, StatusSet};
use crate::document::{FileError, Ordered, Place, Scalar, suggest};

/// Where in its place a JSONPath is written.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// As a key.
    Key,
    /// As a value.
    Value,
}

/// Reads values to be taken out of an answer.
pub(super) fn captures(place: Place<'_>, wire: &Ordered<CaptureWire>) -> Result<BTreeMap<String, Capture>, FileError> {
    let mut captures = BTreeMap::new();
    for (at, name, wire) in wire.at(place) {
        check_name(at, name)?;
        let capture = match (&wire.json, &wire.css) {
            (Some(path), None) => {
                if wire.attr.is_some() {
                    return Err(at.key("attr").key_error("`attr` does not go with `json`", "remove it"));
                }
                CaptureFrom::Json(json_path(at.key("json"), path, Source::Value)?)
            }
            (None, Some(selector)) => {
                check_selector(at.key("css"), selector)?;
                CaptureFrom::Css { selector: selector.clone(), attr: wire.attr.clone() }
            }
            (Some(_), Some(_)) => {
                let help = "keep one of `json` and `css`";
                return Err(at.key_error(format!("{} is taken in two ways", at.quoted()), help));
            }
            (None, None) => {
                let help = "add `json: \"$.name\"` or `css: \"input[name=x]\"`";
                return Err(at.key_error(format!("{} does not say where the value stands", at.quoted()), help));
            }
        };
        captures.insert(name.to_owned(), Capture { from: capture, all: false });
    }
    Ok(captures)
}

fn check_selector(place: Place<'_>, selector: &str) -> Result<(), FileError> {
    scraper::Selector::parse(selector).map(drop).map_err(|error| {
        let help = "write a CSS selector, for example `input[name=csrf_token]`";
        place.error(format!("{} is not a CSS selector: {error}", place.quoted()), help)
    })
}

/// Reads a JSONPath.
pub(super) fn json_path(place: Place<'_>, path: &str, source: Source) -> Result<JsonPath, FileError> {
    JsonPath::parse(path).map_err(|error| {
        let message =
            format!("`{path}` is not a JSONPath: {}, at its character {}", error.message(), error.position() + 1);
        let help = if path.starts_with('$') {
            "write it as RFC 9535 does, for example `$.items[0].name`".to_owned()
        } else {
            format!("it begins with `$`: did you mean `$.{path}`?")
        };
        match source {
            Source::Key => place.key_error(message, help),
            Source::Value => place.error(message, help),
        }
    })
}

/// Reads what the answer to a request must be.
pub(super) fn http(place: Place<'_>, wire: &HttpExpectWire, reader: &Reader<'_>) -> Result<Expect, FileError> {
    let mut status = Vec::new();
    if let Some(wire) = &wire.status {
        for (at, &code) in wire.at(place.key("status")) {
            if !(100..=599).contains(&code) {
                let help = "write a number from 100 to 599";
                return Err(at.error(format!("{code} is not an HTTP status"), help));
            }
            status.push(StatusSet::One(code));
        }
        if status.is_empty() {
            return Err(place.key("status").error("no status would be right", "write one, or remove the line"));
        }
    }
    Ok(Expect {
        status,
        header: headers(place.key("header"), &wire.header, reader)?,
        json: json(place.key("json"), &wire.json, reader)?,
        contains: contains(place, wire.contains.as_ref(), reader)?,
        matches: None,
        latency: None,
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
        matches: None,
        latency: None,
        exit: wire.exit,
    })
}

fn contains(place: Place<'_>, wire: Option<&Scalar>, reader: &Reader<'_>) -> Result<Option<String>, FileError> {
    let Some(wire) = wire else { return Ok(None) };
    let at = place.key("contains");
    let text = wire.at(at);
    if text.is_empty() {
        return Err(at.error("every text holds the empty text", "write what must be there, or remove the line"));
    }
    reader.template(at, text)?;
    Ok(Some(text.to_owned()))
}

fn json(
    place: Place<'_>,
    wire: &Ordered<Value>,
    reader: &Reader<'_>,
) -> Result<Vec<(JsonPath, JsonExpect)>, FileError> {
    wire.at(place)
        .map(|(at, path, value)| Ok((json_path(at, path, Source::Key)?, json_expect(at, value, reader)?)))
        .collect()
}

/// A bare value is compared; a mapping says how to look at it, so that a misspelt `at_least` is no silent comparison.
fn json_expect(place: Place<'_>, value: &Value, reader: &Reader<'_>) -> Result<JsonExpect, FileError> {
    const WAYS: [&str; 3] = ["at_least", "exists", "equals"];
    const HELP: &str = "write a value, `{at_least: 5}`, `{exists: true}`, or `{equals: {…}}` for a whole object";
    let Value::Object(ways) = value else {
        check_json(place, value, reader)?;
        return Ok(JsonExpect::Equals(value.clone()));
    };
    let mut ways = ways.iter();
    let (Some((way, value)), None) = (ways.next(), ways.next()) else {
        return Err(place.key_error(format!("{} does not say what to expect", place.quoted()), HELP));
    };
    let at = place.key(way);
    match way.as_str() {
        "at_least" => match value.as_f64().filter(|least| least.is_finite()) {
            Some(least) => Ok(JsonExpect::AtLeast(least)),
            None => Err(at.error("`at_least` needs a number", "write a number, without quotes")),
        },
        "exists" if *value == Value::Bool(true) => Ok(JsonExpect::Exists),
        "exists" => Err(at.error("`exists` can only be `true`", "write `exists: true`, or remove the line")),
        "equals" => {
            check_json(at, value, reader)?;
            Ok(JsonExpect::Equals(value.clone()))
        }
        _ => {
            let help = suggest(way, WAYS, HELP);
            Err(at.key_error(format!("unknown key `{way}` in {}", place.quoted()), help))
        }
    }
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
