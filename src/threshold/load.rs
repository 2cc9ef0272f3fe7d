//! From a thresholds file to a [`RuleSet`].

use std::path::Path;

use super::select::{self, figure_unit};
use super::wire::{ClassWire, DefaultsWire, ThresholdsWire};
use super::{ClassRule, EventRules, Per, RuleSet, Selector};
use crate::document::{Document, FileError, Kind, Place, Scalar, listed};
use crate::model::{DeadKind, Metric, Severity, Unit};

/// What a thresholds file is, to the reader of documents.
pub const KIND: Kind = Kind {
    noun: "thresholds",
    whole: "the thresholds file",
    smallest: "`classes: {fd.total: {max: 400}}`",
    not_yet: &["max_vs_baseline", "settle_to", "log", "acks", "precedents"],
    nulls_below: &[],
};

/// The drip that a pass must have been able to see where the file does not say: what an application that is idle would need
/// a day or two to notice.
const MUST_DETECT_COUNT: f64 = 24.0;
const MUST_DETECT_BYTES: f64 = 10.0 * 1024.0 * 1024.0;

const RULES: [&str; 4] = ["max", "max_limit_ratio", "max_dead", "max_growth_per_hour"];

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
        .map(|(at, name, wire)| class(at, name, wire, &defaults))
        .collect::<Result<_, _>>()?;
    Ok(RuleSet {
        digest: document.digest(),
        text: document.text().to_owned(),
        classes,
        stop: wire.stop.unwrap_or(Severity::Warn),
        events: EventRules::default(),
        log: Vec::new(),
        acks: Vec::new(),
        precedents: Vec::new(),
    })
}

struct Defaults {
    must_detect: f64,
    severity: Severity,
}

impl Defaults {
    fn read(place: Place<'_>, wire: &DefaultsWire) -> Result<Self, FileError> {
        let at = place.key("must_detect_per_hour");
        let must_detect = match &wire.must_detect_per_hour {
            Some(wire) => must_detect(at, wire, Unit::Count)?,
            None => MUST_DETECT_COUNT,
        };
        Ok(Self { must_detect, severity: wire.severity.unwrap_or(Severity::Fail) })
    }
}

fn class(place: Place<'_>, name: &str, wire: &ClassWire, defaults: &Defaults) -> Result<ClassRule, FileError> {
    let select = select::read(place, name, wire)?;
    let unit = figure_unit(&select);
    if !RULES.iter().any(|rule| place.get(rule).is_some()) {
        let message = format!("the class `{name}` has no rule");
        return Err(place.key_error(message, format!("add one of {}", listed(RULES))));
    }
    let figure = |key: &str, wire: &Option<Scalar>| -> Result<Option<f64>, FileError> {
        let at = place.key(key);
        wire.as_ref().map(|wire| self::figure(at, wire.at(at), unit)).transpose()
    };
    Ok(ClassRule {
        max: figure("max", &wire.max)?,
        max_limit_ratio: ratio(place.key("max_limit_ratio"), wire, &select)?,
        max_dead: max_dead(place.key("max_dead"), wire, &select)?,
        max_growth_per_hour: figure("max_growth_per_hour", &wire.max_growth_per_hour)?,
        must_detect_per_hour: match (&wire.must_detect_per_hour, unit) {
            (Some(wire), _) => must_detect(place.key("must_detect_per_hour"), wire, unit)?,
            (None, Unit::Count) => defaults.must_detect,
            // A count of handles says nothing about bytes.
            (None, Unit::Bytes) => MUST_DETECT_BYTES,
        },
        max_vs_baseline: None,
        baseline_slack: 0.0,
        settle_to: None,
        per: Per::Target,
        cycle: wire.cycle.as_ref().map(|wire| duration(place.key("cycle"), wire)).transpose()?,
        older_than: match &wire.older_than {
            Some(wire) => Some(older_than(place.key("older_than"), wire, &select)?),
            None => None,
        },
        severity: wire.severity.unwrap_or(defaults.severity),
        required: wire.required,
        name: name.to_owned(),
        select,
    })
}

fn duration(place: Place<'_>, wire: &Scalar) -> Result<std::time::Duration, FileError> {
    place.duration(wire.at(place))
}

/// A figure in the unit of its class, from 0 on.
fn figure(place: Place<'_>, written: &str, unit: Unit) -> Result<f64, FileError> {
    if unit == Unit::Bytes {
        let bytes = place.size(written)?;
        #[expect(clippy::cast_precision_loss, reason = "sizes are below 2^60, and judged to a few digits")]
        return Ok(bytes as f64);
    }
    match written.parse::<f64>() {
        Ok(figure) if figure.is_finite() && figure >= 0.0 => Ok(figure),
        Ok(figure) if figure < 0.0 && figure.is_finite() => {
            let help = format!("did you mean `{}`?", written.trim_start_matches('-'));
            Err(place.error(format!("{} is negative", place.quoted()), help))
        }
        Ok(_) | Err(_) => {
            let message = format!("{}: `{written}` is not a number", place.quoted());
            let help = match crate::document::size(written) {
                Ok(_) => "this class is counted, not measured in bytes: write a number without a unit",
                Err(_) => "write a number from 0 on",
            };
            Err(place.error(message, help))
        }
    }
}

fn must_detect(place: Place<'_>, wire: &Scalar, unit: Unit) -> Result<f64, FileError> {
    let figure = figure(place, wire.at(place), unit)?;
    if figure > 0.0 {
        return Ok(figure);
    }
    let help = "no night sees every drip: write the slowest one that must be seen, for example `24`";
    Err(place.error(format!("{} is zero", place.quoted()), help))
}

fn ratio(place: Place<'_>, wire: &ClassWire, select: &Selector) -> Result<Option<f64>, FileError> {
    let Some(wire) = &wire.max_limit_ratio else { return Ok(None) };
    let limited = match select {
        Selector::Metric(metric) => metric.is_descriptors() || metric.is_memory(),
        Selector::Links(_) => true,
        Selector::Cmdline(_) => false,
    };
    if !limited {
        let help = "descriptors (`fd.*`) and memory (`mem.*`, `cgroup.*`) have one; write `max` here";
        return Err(place.key_error(format!("`{}` has no limit to take a share of", place.parent().name()), help));
    }
    let ratio = figure(place, wire.at(place), Unit::Count)?;
    if ratio > 0.0 && ratio <= 1.0 {
        return Ok(Some(ratio));
    }
    let message = format!("{} is not a share of the limit", place.quoted());
    Err(place.error(message, "write a number above 0 and up to 1, for example `0.5` for the half"))
}

fn max_dead(place: Place<'_>, wire: &ClassWire, select: &Selector) -> Result<Option<u64>, FileError> {
    let Some(wire) = &wire.max_dead else { return Ok(None) };
    let known = |metric: Metric| DeadKind::ALL.iter().any(|kind| kind.is_of(metric));
    if !matches!(select, Selector::Metric(metric) if known(*metric)) {
        let classes: Vec<String> =
            Metric::all().filter(|metric| known(*metric)).map(|metric| metric.to_string()).collect();
        let classes = listed(classes);
        let message = format!("dead handles of `{}` are not known", place.parent().name());
        return Err(place.key_error(message, format!("`max_dead` goes with {classes}; write `max` here")));
    }
    let written = wire.at(place);
    written.parse().map(Some).map_err(|_| {
        let message = format!("{}: `{written}` is not a count", place.quoted());
        place.error(message, "write a whole number from 0 on")
    })
}

fn older_than(place: Place<'_>, wire: &Scalar, select: &Selector) -> Result<std::time::Duration, FileError> {
    let processes = match select {
        Selector::Metric(metric) => metric.is_processes(),
        Selector::Links(_) => false,
        Selector::Cmdline(_) => true,
    };
    if processes {
        return duration(place, wire);
    }
    let help = "it goes with `proc.*` and with classes by `match_cmdline`; remove it";
    Err(place.key_error("`older_than` is about processes", help))
}
