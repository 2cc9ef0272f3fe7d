//! From a thresholds file to a [`RuleSet`].

use std::path::Path;

use super::class::{self, Defaults};
use super::wire::{EventsWire, ThresholdsWire, WeightWire};
use super::{EventRules, RuleSet, known, log};
use crate::document::{Choice, Document, FileError, Kind};
use crate::model::Severity;

/// What a thresholds file is, to the reader of documents.
pub const KIND: Kind = Kind {
    noun: "thresholds",
    whole: "the thresholds file",
    smallest: "`classes: {fd.total: {max: 400}}`",
    not_yet: &[],
    synonyms: &[],
    bare: &[],
    nulls_below: &[],
};

/// Reads a thresholds file.
///
/// # Errors
/// Whatever is wrong with the file, with its place.
pub fn load(path: &Path) -> Result<RuleSet, FileError> {
    resolve(&Document::read(path, KIND)?)
}

/// Reads thresholds from text; `path` is only for messages.
///
/// # Errors
/// Whatever is wrong with the text, with its place.
pub fn parse(path: &Path, text: &str) -> Result<RuleSet, FileError> {
    resolve(&Document::parse(path, text.to_owned(), KIND)?)
}

fn resolve(document: &Document) -> Result<RuleSet, FileError> {
    let wire: ThresholdsWire = document.decode()?;
    let root = document.root();
    let defaults = Defaults::read(root.key("defaults"), &wire.defaults)?;
    let classes = wire
        .classes
        .at(root.key("classes"))
        .map(|(at, name, wire)| class::read(at, name, wire, &defaults))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(RuleSet {
        digest: document.digest(),
        text: document.text().to_owned(),
        stop: wire.stop.map_or(Severity::Warn, |Choice(severity)| severity),
        events: events(&wire.events),
        log: log::read(root.key("log"), &wire.log, &defaults)?,
        acks: known::acks(root.key("acks"), &wire.acks)?,
        precedents: known::precedents(root.key("precedents"), &wire.precedents, &classes)?,
        classes,
    })
}

fn events(wire: &EventsWire) -> EventRules {
    let weight = |wire: Option<Choice<WeightWire>>, default: Option<Severity>| match wire {
        None => default,
        Some(Choice(WeightWire::Fail)) => Some(Severity::Fail),
        Some(Choice(WeightWire::Warn)) => Some(Severity::Warn),
        Some(Choice(WeightWire::Ignore)) => None,
    };
    let default = EventRules::default();
    EventRules {
        health: weight(wire.health, default.health),
        restarts: weight(wire.restarts, default.restarts),
        oom: weight(wire.oom, default.oom),
        self_kill: weight(wire.self_kill, default.self_kill),
    }
}
