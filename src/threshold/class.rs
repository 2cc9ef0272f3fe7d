//! The rules of one class.

use super::takes::Takes;
use super::wire::{ClassWire, DefaultsWire};
use super::{ClassRule, Per, figure, select};
use crate::document::{Choice, FileError, Place, Scalar, listed};
use crate::model::{Metric, Severity, Unit};

/// The drip that a pass must have been able to see where the file does not say: what an application that is idle would need
/// a day or two to notice.
const MUST_DETECT_COUNT: f64 = 24.0;
const MUST_DETECT_BYTES: f64 = 10.0 * 1024.0 * 1024.0;

/// How far above the earlier nights' level a class may be in any case, where the file does not say: what clean nights differ by.
const SLACK_COUNT: f64 = 3.0;
const SLACK_BYTES: f64 = 10.0 * 1024.0 * 1024.0;

/// The keys of which a class needs one.
pub(super) const RULES: [&str; 6] =
    ["max", "max_limit_ratio", "max_dead", "max_growth_per_hour", "max_vs_baseline", "settle_to"];

/// What holds where a class or a log rule does not say otherwise.
#[derive(Debug)]
pub(super) struct Defaults {
    must_detect: f64,
    pub(super) severity: Severity,
}

impl Defaults {
    /// Reads what the file says of all.
    pub(super) fn read(place: Place<'_>, wire: &DefaultsWire) -> Result<Self, FileError> {
        let at = place.key("must_detect_per_hour");
        let must_detect = match &wire.must_detect_per_hour {
            Some(wire) => figure::must_detect(at, wire, Unit::Count)?,
            None => MUST_DETECT_COUNT,
        };
        Ok(Self { must_detect, severity: wire.severity.map_or(Severity::Fail, |Choice(severity)| severity) })
    }
}

/// Reads what is acceptable of a class.
pub(super) fn read(
    place: Place<'_>,
    name: &str,
    wire: &ClassWire,
    defaults: &Defaults,
) -> Result<ClassRule, FileError> {
    let select = select::read(place, name, wire)?;
    let takes = Takes::of(&select);
    if !RULES.iter().any(|rule| place.get(rule).is_some()) {
        let message = format!("the class `{name}` has no rule");
        return Err(place.key_error(message, format!("add one of {}", listed(RULES))));
    }
    check_keys(place, name, takes)?;
    let unit = takes.unit;
    let figure = |key: &str, wire: &Option<Scalar>| -> Result<Option<f64>, FileError> {
        let at = place.key(key);
        wire.as_ref().map(|wire| figure::of_class(at, wire.at(at), unit)).transpose()
    };
    let duration = |key: &str, wire: &Option<Scalar>| {
        let at = place.key(key);
        wire.as_ref().map(|wire| at.duration(wire.at(at))).transpose()
    };
    // A count of handles says nothing about bytes.
    let (must_detect, slack) = match unit {
        Unit::Count => (defaults.must_detect, SLACK_COUNT),
        Unit::Bytes => (MUST_DETECT_BYTES, SLACK_BYTES),
    };
    Ok(ClassRule {
        max: figure("max", &wire.max)?,
        max_limit_ratio: figure::optional(place, "max_limit_ratio", &wire.max_limit_ratio, figure::share)?,
        max_dead: figure::optional(place, "max_dead", &wire.max_dead, figure::whole)?,
        max_growth_per_hour: figure("max_growth_per_hour", &wire.max_growth_per_hour)?,
        max_vs_baseline: figure::optional(place, "max_vs_baseline", &wire.max_vs_baseline, figure::multiple)?,
        baseline_slack: figure("baseline_slack", &wire.baseline_slack)?.unwrap_or(slack),
        settle_to: figure::optional(place, "settle_to", &wire.settle_to, |at, written| {
            figure::settle_to(at, written, unit)
        })?,
        must_detect_per_hour: match &wire.must_detect_per_hour {
            Some(wire) => figure::must_detect(place.key("must_detect_per_hour"), wire, unit)?,
            None => must_detect,
        },
        cycle: duration("cycle", &wire.cycle)?,
        older_than: duration("older_than", &wire.older_than)?,
        per: wire.per.map_or(Per::default(), |Choice(per)| per),
        severity: wire.severity.map_or(defaults.severity, |Choice(severity)| severity),
        required: wire.required,
        name: name.to_owned(),
        select,
    })
}

/// Refuses keys that would be ignored.
fn check_keys(place: Place<'_>, name: &str, takes: Takes) -> Result<(), FileError> {
    if let Some(at) = place.get("max_limit_ratio").filter(|_| !takes.limit) {
        let help =
            "descriptors (`fd.*`), memory (`mem.*`, `cgroup.*`) and `cgroup.pids` have one; write `max` here instead";
        return Err(at.key_error(format!("`{name}` has no limit to take a share of"), help));
    }
    if let Some(at) = place.get("max_dead").filter(|_| !takes.dead) {
        let classes =
            listed(Metric::all().filter(|metric| Takes::metric(*metric).dead).map(|metric| metric.to_string()));
        let message = format!("dead handles of `{name}` are not known");
        return Err(at.key_error(message, format!("`max_dead` goes with {classes}; write `max` here")));
    }
    if let Some(at) = place.get("older_than").filter(|_| !takes.older_than) {
        let help = "it goes with `proc.*` and with classes by `match_cmdline`; remove it";
        return Err(at.key_error("`older_than` is about processes", help));
    }
    if let (Some(at), None) = (place.get("baseline_slack"), place.get("max_vs_baseline")) {
        let help = "add `max_vs_baseline: 1.2`, or remove it";
        return Err(at.key_error("`baseline_slack` says nothing without `max_vs_baseline`", help));
    }
    let Some(at) = place.get("per") else { return Ok(()) };
    let written = at.text().unwrap_or_default();
    let allowed: Vec<&str> = takes.per().into_iter().map(Per::key).collect();
    if allowed.contains(&written) {
        return Ok(());
    }
    let (why, help) = if takes.process {
        ("has no paths; only descriptors have", format!("here `per` can be {}", listed(allowed)))
    } else {
        ("is a figure of the whole target", "remove it".to_owned())
    };
    Err(at.error(format!("{}: `{name}` {why}", at.quoted()), help))
}
