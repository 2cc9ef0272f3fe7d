//! What is known already: breaches that are borne, and where growth was met before.

use jiff::civil::Date;

use super::wire::{AckWire, PrecedentWire};
use super::{Ack, ClassRule, Precedent};
use crate::document::{FileError, Place, Scalar, suggest};
use crate::model::Metric;

/// Hex digits of a fingerprint.
pub(super) const FINGERPRINT: usize = 8;

/// Reads the acknowledgements.
pub(super) fn acks(place: Place<'_>, wire: &[AckWire]) -> Result<Vec<Ack>, FileError> {
    let mut acks: Vec<Ack> = Vec::new();
    for (index, wire) in wire.iter().enumerate() {
        let item = place.item(index);
        let at = item.key("fingerprint");
        let fingerprint = fingerprint(at, wire.fingerprint.at(at))?;
        if let Some(first) = acks.iter().position(|ack| ack.fingerprint == fingerprint) {
            let line = place.item(first).key("fingerprint").location().line;
            let help = format!("it stands on line {line} already; remove one of the two");
            return Err(at.error(format!("`{fingerprint}` is acknowledged twice"), help));
        }
        acks.push(Ack {
            fingerprint,
            reason: said(item.key("reason"), &wire.reason, "say why it is borne, for whoever reads the report")?,
            expires: wire.expires.as_ref().map(|wire| date(item.key("expires"), wire)).transpose()?,
        });
    }
    Ok(acks)
}

fn fingerprint(place: Place<'_>, written: &str) -> Result<String, FileError> {
    let hex = |c: char| c.is_ascii_hexdigit();
    if written.len() == FINGERPRINT && written.chars().all(hex) {
        if !written.contains(|c: char| c.is_ascii_uppercase()) {
            return Ok(written.to_owned());
        }
        let help = format!("fingerprints are in lower case: write `{}`", written.to_ascii_lowercase());
        return Err(place.error(format!("{} has capital letters", place.quoted()), help));
    }
    let help = "copy it from the report: 8 hex digits in lower case, for example `ab12cd34`";
    Err(place.error(format!("{}: `{written}` is not a fingerprint", place.quoted()), help))
}

/// A day as ISO 8601 writes it in full, and in no other of its many forms.
fn date(place: Place<'_>, wire: &Scalar) -> Result<Date, FileError> {
    const HELP: &str = "write the last day on which it counts as `YYYY-MM-DD`, for example `2027-01-31`";
    let written = wire.at(place);
    let parts: Vec<&str> = written.split('-').collect();
    let digits = |part: &str, count: usize| part.len() == count && part.chars().all(|c| c.is_ascii_digit());
    let [year, month, day] = parts.as_slice() else {
        return Err(place.error(format!("{}: `{written}` is not a date", place.quoted()), HELP));
    };
    if !(digits(year, 4) && digits(month, 2) && digits(day, 2)) {
        return Err(place.error(format!("{}: `{written}` is not a date", place.quoted()), HELP));
    }
    written.parse().map_err(|_| {
        let message = format!("{}: there is no day `{written}` in the calendar", place.quoted());
        place.error(message, HELP)
    })
}

/// Reads where growth was met before; `classes` are the classes of the file.
pub(super) fn precedents(
    place: Place<'_>,
    wire: &[PrecedentWire],
    classes: &[ClassRule],
) -> Result<Vec<Precedent>, FileError> {
    let one = |(index, wire): (usize, &PrecedentWire)| {
        let item = place.item(index);
        let see = item.key("see");
        Ok(Precedent {
            class: class(item.key("class"), &wire.class, classes)?,
            cause: said(item.key("cause"), &wire.cause, "say what it was")?,
            see: wire.see.as_ref().map(|wire| said(see, wire, "name where to read on, or remove it")).transpose()?,
        })
    };
    wire.iter().enumerate().map(one).collect()
}

fn class(place: Place<'_>, wire: &Scalar, classes: &[ClassRule]) -> Result<String, FileError> {
    let written = wire.at(place);
    let mut names: Vec<String> = Metric::all().map(|metric| metric.to_string()).collect();
    names.extend(classes.iter().map(|class| class.name.clone()));
    if names.iter().any(|name| name == written) {
        return Ok(written.to_owned());
    }
    let all = "name a built-in class, as docs/thresholds.md lists them, or one that this file makes below `classes`";
    let help = suggest(written, names.iter().map(String::as_str), all);
    Err(place.error(format!("{}: there is no class `{written}`", place.quoted()), help))
}

/// A text that says something.
fn said(place: Place<'_>, wire: &Scalar, help: &str) -> Result<String, FileError> {
    let text = wire.at(place).trim();
    if text.is_empty() { Err(place.error(format!("{} is empty", place.quoted()), help)) } else { Ok(text.to_owned()) }
}
