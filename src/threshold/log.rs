//! What is acceptable in the target's log.

use super::class::Defaults;
use super::wire::LogWire;
use super::{LogRule, figure};
use crate::document::{Choice, FileError, Place, listed};

/// The keys of which a log rule needs one.
pub(super) const RULES: [&str; 3] = ["max", "max_per_hour", "max_repeats_per_hour"];

/// Reads the rules on the log, in the order of the file.
pub(super) fn read(place: Place<'_>, wire: &[LogWire], defaults: &Defaults) -> Result<Vec<LogRule>, FileError> {
    let mut rules: Vec<LogRule> = Vec::new();
    for (index, wire) in wire.iter().enumerate() {
        let rule = rule(place.item(index), wire, defaults)?;
        if let Some(first) = rules.iter().position(|earlier| earlier.pattern.as_str() == rule.pattern.as_str()) {
            let line = place.item(first).key("pattern").location().line;
            let at = place.item(index).key("pattern");
            let help = format!("it stands on line {line} already; put all that is said of it into one rule");
            return Err(at.error(format!("{}: there is a rule on this pattern already", at.quoted()), help));
        }
        rules.push(rule);
    }
    Ok(rules)
}

fn rule(place: Place<'_>, wire: &LogWire, defaults: &Defaults) -> Result<LogRule, FileError> {
    let at = place.key("pattern");
    let pattern = wire.pattern.at(at);
    if pattern.is_empty() {
        return Err(at.error(format!("{} is empty", at.quoted()), "write what to search for; `.` is in every line"));
    }
    let pattern = at.regex(pattern)?;
    if !RULES.iter().any(|rule| place.get(rule).is_some()) {
        return Err(place.error(format!("{} has no rule", place.quoted()), format!("add one of {}", listed(RULES))));
    }
    Ok(LogRule {
        pattern,
        severity: wire.severity.map_or(defaults.severity, |Choice(severity)| severity),
        required: wire.required,
        max: figure::optional(place, "max", &wire.max, figure::whole)?,
        max_per_hour: figure::optional(place, "max_per_hour", &wire.max_per_hour, figure::plain)?,
        max_repeats_per_hour: figure::optional(
            place,
            "max_repeats_per_hour",
            &wire.max_repeats_per_hour,
            figure::plain,
        )?,
    })
}
