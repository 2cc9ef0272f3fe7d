//! Numbers that the application or a part beside it tells: counters and series.

use std::time::Duration;

use super::capture::{Written, json_path, regex_of_one};
use super::expect::pattern;
use super::steps::{self, LEAVES, Scope};
use super::wire::{CounterWire, SeriesWire, StepWire};
use super::{Counter, CounterSource, Figure, FigureFrom, Series, Soak};
use crate::document::{FileError, Ordered, Place, Scalar, did_you_mean, listed, written};
use crate::model::Metric;

const LEAST_EVERY: Duration = Duration::from_secs(1);
const LONGEST_NAME: usize = 64;
/// The form of the classes that a thresholds file makes itself.
pub(super) const CLASS: &str = "^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)*$";

/// Reads the counters, in the order of the file.
pub(super) fn counters(
    place: Place<'_>,
    wire: &Ordered<CounterWire>,
    scope: Scope<'_>,
) -> Result<Vec<Counter>, FileError> {
    let mut counters = Vec::new();
    for (at, name, wire) in wire.at(place) {
        check_name(at, name, "counter")?;
        let source = source(at, name, wire, scope)?;
        for (key, figure) in [("absent", wire.absent), ("at_least", wire.at_least), ("at_most", wire.at_most)] {
            check_figure(at.key(key), figure)?;
        }
        if wire.at_least.is_none() && wire.at_most.is_none() {
            let message = format!("the counter `{name}` does not say what is expected of it");
            let help = "write `at_least`, how much it must grow, or `at_most`, how near it must come back";
            return Err(at.key_error(message, help));
        }
        counters.push(Counter { name: name.to_owned(), source, at_least: wire.at_least, at_most: wire.at_most });
    }
    Ok(counters)
}

fn source(place: Place<'_>, name: &str, wire: &CounterWire, scope: Scope<'_>) -> Result<CounterSource, FileError> {
    if let Some(log) = &wire.log {
        if let Some(key) = ["read", "json", "regex", "absent"].into_iter().find(|key| place.get(key).is_some()) {
            let help = format!("lines of the log are counted, and nothing is read; keep one of `log` and `{key}`");
            return Err(place.key(key).key_error(format!("`{key}` does not go with `log`"), help));
        }
        let at = place.key("log");
        scope.reach.check_log(at)?;
        return Ok(CounterSource::Log(pattern(at, log, scope.reader)?));
    }
    let Some(read) = &wire.read else {
        let help = "add `read`, a request or a command, or `log`, a pattern of lines that are counted";
        return Err(place.key_error(format!("the counter `{name}` does not say where it comes from"), help));
    };
    let from = (wire.json.as_ref(), wire.regex.as_ref());
    Ok(CounterSource::Read(figure(place, read, from, wire.absent, scope)?))
}

/// Reads the series, in the order of the file.
pub(super) fn series(
    place: Place<'_>,
    wire: &Ordered<SeriesWire>,
    soak: &Soak,
    scope: Scope<'_>,
) -> Result<Vec<Series>, FileError> {
    let mut series = Vec::new();
    for (at, name, wire) in wire.at(place) {
        check_name(at, name, "series")?;
        check_figure(at.key("absent"), wire.absent)?;
        let figure = figure(at, &wire.read, (wire.json.as_ref(), wire.regex.as_ref()), wire.absent, scope)?;
        let every = match &wire.every {
            Some(every) => {
                let at = at.key("every");
                let every = at.duration(every.at(at))?;
                if every < LEAST_EVERY {
                    let message = format!("{}: {} is too short", at.quoted(), written(every));
                    return Err(at.error(message, "the shortest is `1s`; reading more often would disturb the target"));
                }
                every
            }
            None => soak.interval.max(LEAST_EVERY),
        };
        let compare = wire.compare.as_ref().map(|class| self::class(at.key("compare"), class)).transpose()?;
        series.push(Series { name: name.to_owned(), figure, every, compare });
    }
    Ok(series)
}

/// A class of slowdrip's own list, or one that a thresholds file may make.
fn class(place: Place<'_>, name: &str) -> Result<String, FileError> {
    let part = |part: &str| {
        let mut letters = part.chars();
        letters.next().is_some_and(|c| c.is_ascii_lowercase())
            && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    if name.len() <= LONGEST_NAME && name.split('.').all(part) {
        return Ok(name.to_owned());
    }
    let known: Vec<String> = Metric::all().map(|metric| metric.to_string()).collect();
    let help = match did_you_mean(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "write one such as `fd.total`, or one of the thresholds file".to_owned(),
    };
    Err(place.error(format!("`{name}` cannot be the name of a class"), help))
}

/// What is read, and the one way in which its number is found.
fn figure(
    place: Place<'_>,
    read: &StepWire,
    from: (Option<&String>, Option<&Scalar>),
    absent: Option<f64>,
    scope: Scope<'_>,
) -> Result<Figure, FileError> {
    let at = place.key("read");
    if let Some(key) = at.keys().iter().find(|key| !LEAVES.contains(&key.as_str())) {
        let message = format!("a number is read by one request or one command, and this is a `{key}`");
        return Err(at.key(key).key_error(message, format!("write one of {}", listed(LEAVES))));
    }
    let read = steps::step(at, read, scope)?;
    let from = match from {
        (Some(path), None) => FigureFrom::Json(json_path(place.key("json"), path, Written::Value)?),
        (None, Some(regex)) => FigureFrom::Regex(regex_of_one(place.key("regex"), regex, scope.reader)?),
        (Some(_), Some(_)) => {
            let message = format!("{} is found in two ways", place.quoted());
            return Err(place.key("regex").key_error(message, "keep one of `json` and `regex`"));
        }
        (None, None) => {
            let message = format!("{} does not say where in the answer the number stands", place.quoted());
            return Err(place.key_error(message, "add `json: \"$.count\"` or `regex: 'count=(\\d+)'`"));
        }
    };
    Ok(Figure { read, from, absent })
}

fn check_name(place: Place<'_>, name: &str, what: &str) -> Result<(), FileError> {
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if !name.is_empty() && name.len() <= LONGEST_NAME && fits {
        return Ok(());
    }
    let help = format!("use letters, digits, `_`, `-` and `.`, at most {LONGEST_NAME} of them");
    Err(place.key_error(format!("`{name}` cannot be the name of a {what}"), help))
}

fn check_figure(place: Place<'_>, figure: Option<f64>) -> Result<(), FileError> {
    if figure.is_some_and(|figure| !figure.is_finite() || figure < 0.0) {
        return Err(place.error(format!("{} is below zero", place.quoted()), "write a number from 0 on"));
    }
    Ok(())
}
