//! From values to a type, and serde's errors turned into messages for people.

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::error::{listed, suggest};
use super::{Document, FileError, Kind, Place};

/// The document's values as a type.
pub(super) fn decode<T: DeserializeOwned>(document: &Document) -> Result<T, FileError> {
    match serde_path_to_error::deserialize(&document.value) {
        Ok(decoded) => refuse_nulls(document.root(), &document.kind).map(|()| decoded),
        Err(error) => {
            let mut place = document.root();
            // The key of an unknown field has a place; the field that is missing has none and stays with its parent.
            for segment in error.path() {
                place = match segment {
                    Segment::Map { key } => place.key(key),
                    Segment::Seq { index } => place.item(*index),
                    Segment::Enum { .. } | Segment::Unknown => place,
                };
            }
            Err(explain(place, &document.kind, &error.inner().to_string()))
        }
    }
}

/// A key without a value would be taken for a key that is not there, and a rule would be lost silently.
fn refuse_nulls(place: Place<'_>, kind: &Kind) -> Result<(), FileError> {
    if place.is_null() {
        return Err(empty(place));
    }
    for key in place.keys() {
        let child = place.key(key);
        let is = |known: &[&str]| known.contains(&key.as_str());
        if child.is_null() {
            if !is(kind.bare) {
                return Err(empty(child));
            }
        } else if !is(kind.nulls_below) {
            refuse_nulls(child, kind)?;
        }
    }
    (0..place.items()).try_for_each(|index| refuse_nulls(place.item(index), kind))
}

fn empty(place: Place<'_>) -> FileError {
    place.key_error(format!("{} has no value", place.quoted()), "give it one, or remove the line")
}

/// The words in backticks.
fn words(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn suggestion(written: &str, known: &[&str], parent: &str) -> String {
    let all = match known {
        [] => format!("{parent} takes no keys"),
        _ => format!("the keys of {parent} are {}", listed(known)),
    };
    suggest(written, known.iter().copied(), &all)
}

/// serde writes its errors in fixed forms: `unknown field …, expected …`, `invalid type: …, expected …`.
fn explain(place: Place<'_>, kind: &Kind, message: &str) -> FileError {
    let (problem, expected) = message.rsplit_once(", expected ").unwrap_or((message, ""));
    if problem.starts_with("unknown field ") || message.contains(", there are no fields") {
        let (key, parent, known) = (place.name(), place.parent().quoted(), words(expected));
        if kind.not_yet.contains(&key.as_str()) {
            let help = format!("the keys of {parent} are {}", listed(&known));
            return place.key_error(format!("`{key}` is not supported yet in {parent}"), help);
        }
        let meant = kind.synonyms.iter().find(|(word, meant)| *word == key && known.contains(meant));
        let written = meant.map_or(key.as_str(), |(_, meant)| meant);
        return place.key_error(format!("unknown key `{key}` in {parent}"), suggestion(written, &known, &parent));
    }
    if let Some(key) = problem.strip_prefix("missing field ") {
        let key = key.trim_matches('`');
        let message = format!("`{key}` is missing in {}", place.quoted());
        return place.key_error(message, format!("add `{key}: …`"));
    }
    if place.is_null() {
        return empty(place);
    }
    if problem.starts_with("unknown variant ") {
        let (written, known) = (place.text().unwrap_or_default(), words(expected));
        let all = format!("{} is one of {}", place.quoted(), listed(&known));
        let help = suggest(written, known.iter().copied(), &all);
        return place.error(format!("{}: `{written}` is not known", place.quoted()), help);
    }
    if let Some(found) = problem.strip_prefix("invalid type: ").or_else(|| problem.strip_prefix("invalid value: ")) {
        let (found, expected) = (found_words(found, place), expected_words(expected));
        return place
            .error(format!("{}: expected {expected}, found {found}", place.quoted()), help_for(&expected, place));
    }
    place.error(format!("{}: {message}", place.quoted()), "check the value")
}

fn found_words(found: &str, place: Place<'_>) -> String {
    let Some(written) = place.text().map(|text| crate::model::text::shorten(text, 60)) else {
        return match found.split(' ').next().unwrap_or_default() {
            "map" => "a mapping".to_owned(),
            "sequence" => "a list".to_owned(),
            _ => found.to_owned(),
        };
    };
    match found.split(' ').next().unwrap_or_default() {
        "string" => format!("the text `{written}`"),
        "integer" | "floating" => format!("the number `{written}`"),
        "boolean" => format!("`{written}`"),
        _ => found.to_owned(),
    }
}

fn expected_words(expected: &str) -> String {
    match expected {
        "u16" => "a whole number from 0 to 65535",
        "u8" | "u32" | "u64" => "a whole number from 0 on",
        "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" => "text",
        "a boolean" => "`true` or `false`",
        "a string key" => "a key that is text",
        "a sequence" => "a list",
        "a single value or a sequence" => "a single value or a list",
        "a map" => "a mapping of names to values",
        other => other,
    }
    .to_owned()
}

fn help_for(expected: &str, place: Place<'_>) -> String {
    match (expected, place.text()) {
        ("text", Some(written)) => format!("put quotes around it: `\"{written}\"`"),
        ("a list", Some(written)) if !written.contains('\n') => format!("write a list: `[{written}]`"),
        ("a list", _) => "write a list: begin every item with `- `".to_owned(),
        ("a key that is text", _) => "put quotes around the key".to_owned(),
        (_, Some(written)) if expected.starts_with("a mapping with ") && words(expected).len() == 1 => {
            format!("write `{{{}: {written}}}`", words(expected).concat())
        }
        (_, _) if expected.starts_with("a mapping of names") => "write `name: value`, one on a line".to_owned(),
        (_, _) => format!("write {expected}"),
    }
}
