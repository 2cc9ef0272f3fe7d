//! What is taken out of an answer.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json_path::JsonPath;

use super::expect::pattern;
use super::reader::{Reader, check_name};
use super::steps::check_header;
use super::wire::CaptureWire;
use super::{Capture, CaptureFrom};
use crate::document::{FileError, Ordered, Place, Scalar, listed};

/// The ways in which a value is found.
pub(super) const WAYS: [&str; 6] = ["json", "css", "regex", "header", "cookie", "status"];
/// What there is no list of.
pub(super) const SINGLE: [&str; 2] = ["cookie", "status"];

/// What values are taken out of.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// The answer to a request.
    Response,
    /// The output of a command.
    Output,
    /// A message of a WebSocket.
    Message,
    /// The data of a server-sent event.
    Event,
    /// A line of the log.
    Line,
}

impl Source {
    /// What it has none of.
    pub(super) fn lacks(self) -> &'static [&'static str] {
        match self {
            Self::Response => &[],
            Self::Output => &["header", "cookie"],
            Self::Message | Self::Event | Self::Line => &["header", "cookie", "status"],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Response => "an answer",
            Self::Output => "the output of a command",
            Self::Message => "a message",
            Self::Event => "an event",
            Self::Line => "a line of the log",
        }
    }
}

/// Reads values to be taken out of an answer.
pub(super) fn captures(
    place: Place<'_>,
    wire: &Ordered<CaptureWire>,
    source: Source,
    reader: &Reader<'_>,
) -> Result<BTreeMap<String, Capture>, FileError> {
    let mut captures = BTreeMap::new();
    for (at, name, wire) in wire.at(place) {
        check_name(at, name)?;
        captures.insert(name.to_owned(), capture(at, wire, source, reader)?);
    }
    Ok(captures)
}

fn capture(place: Place<'_>, wire: &CaptureWire, source: Source, reader: &Reader<'_>) -> Result<Capture, FileError> {
    let mut ways = place.keys().iter().map(String::as_str).filter(|key| WAYS.contains(key));
    let (Some(way), second) = (ways.next(), ways.next()) else {
        let help = "add one of `json: \"$.name\"`, `css: \"input[name=x]\"`, `regex: 'id=(\\d+)'` and others";
        return Err(place.key_error(format!("{} does not say where the value stands", place.quoted()), help));
    };
    let at = place.key(way);
    if let Some(second) = second {
        let help = format!("keep one of `{way}` and `{second}`");
        return Err(place.key_error(format!("{} is taken in two ways", place.quoted()), help));
    }
    if source.lacks().contains(&way) {
        let here: Vec<&str> = WAYS.into_iter().filter(|way| !source.lacks().contains(way)).collect();
        let help = format!("write one of {}", listed(here));
        return Err(at.key_error(format!("{} has no {way} to be taken", source.name()), help));
    }
    if wire.attr.is_some() && way != "css" {
        return Err(place.key("attr").key_error(format!("`attr` does not go with `{way}`"), "remove it"));
    }
    let all = wire.all.unwrap_or(false);
    if all && SINGLE.contains(&way) {
        let message = format!("`all` does not go with `{way}`");
        return Err(place.key("all").key_error(message, format!("remove it; there is one {way} at most")));
    }
    let from = if let Some(path) = &wire.json {
        CaptureFrom::Json(json_path(at, path, Written::Value)?)
    } else if let Some(selector) = &wire.css {
        check_selector(at, selector)?;
        CaptureFrom::Css { selector: selector.clone(), attr: wire.attr.clone() }
    } else if let Some(regex) = &wire.regex {
        CaptureFrom::Regex(regex_of_one(at, regex, reader)?)
    } else if let Some(header) = &wire.header {
        let name = header.at(at);
        check_header(name).map_err(|(message, _)| at.error(message, "write the name alone, for example `location`"))?;
        CaptureFrom::Header(name.to_owned())
    } else if let Some(cookie) = &wire.cookie {
        let name = cookie.at(at);
        check_header(name).map_err(|_| {
            let message = format!("`{name}` cannot be the name of a cookie");
            at.error(message, "write the name alone, for example `sessionid`")
        })?;
        CaptureFrom::Cookie(name.to_owned())
    } else if wire.status == Some(true) {
        CaptureFrom::Status
    } else {
        return Err(at.error("`status` can only be `true`", "write `status: true`, or take another value"));
    };
    Ok(Capture { from, all })
}

fn check_selector(place: Place<'_>, selector: &str) -> Result<(), FileError> {
    scraper::Selector::parse(selector).map(drop).map_err(|error| {
        let help = "write a CSS selector, for example `input[name=csrf_token]`";
        place.error(format!("{} is not a CSS selector: {error}", place.quoted()), help)
    })
}

/// Reads a regular expression that takes one value.
pub(super) fn regex_of_one(place: Place<'_>, wire: &Scalar, reader: &Reader<'_>) -> Result<Regex, FileError> {
    let regex = pattern(place, wire, reader)?;
    let groups = regex.captures_len() - 1;
    if groups > 1 {
        let help = "keep the group around what is taken, and write the others as `(?:…)`";
        return Err(place.error(format!("{} has {groups} groups, and takes one value", place.quoted()), help));
    }
    Ok(regex)
}

/// How a JSONPath is written at its place.
#[derive(Clone, Copy)]
pub(super) enum Written {
    /// As a key.
    Key,
    /// As a value.
    Value,
}

/// Reads a JSONPath.
pub(super) fn json_path(place: Place<'_>, path: &str, written: Written) -> Result<JsonPath, FileError> {
    JsonPath::parse(path).map_err(|error| {
        let message =
            format!("`{path}` is not a JSONPath: {}, at its character {}", error.message(), error.position() + 1);
        let help = if path.starts_with('$') {
            "write it as RFC 9535 does, for example `$.items[0].name`".to_owned()
        } else {
            format!("it begins with `$`: did you mean `$.{path}`?")
        };
        match written {
            Written::Key => place.key_error(message, help),
            Written::Value => place.error(message, help),
        }
    })
}
