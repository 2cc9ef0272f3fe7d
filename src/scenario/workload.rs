//! What is done to the target during the soak, and the numbers that prove that it worked.

use std::time::Duration;

use super::expect::{self, Source};
use super::reader::Reader;
use super::steps::{self, Reach};
use super::wire::{ChurnWire, CounterWire};
use super::{Action, Overrides, Soak, Step};
use crate::document::{FileError, Ordered, Place, Scalar, written};
use crate::model::text::printable;

const LEAST_EVERY: Duration = Duration::from_secs(1);
const LONGEST_NAME: usize = 40;
const MAX_FAILED: f64 = 0.1;

/// Steps that are taken again and again during the soak.
#[derive(Debug, Clone)]
pub struct Churn {
    /// What it is called: at most 40 printable characters.
    pub name: String,
    /// How many users take them, each in its own time. The first is the one that the seeding made, the others are new and know
    /// what it has captured.
    pub users: u32,
    /// From the begin of one iteration of a user to the next. The first begins this long after `start`; users begin evenly
    /// spread over it.
    pub every: Duration,
    /// Each begin is moved by a random time of up to so much, forwards.
    pub jitter: Duration,
    /// What every user does before its first iteration; with `fresh_session` before each.
    pub setup: Vec<Step>,
    /// Cookies and captures of an iteration are forgotten before the next: it begins with what the user had after seeding.
    pub fresh_session: bool,
    /// What an iteration does.
    pub steps: Vec<Step>,
    /// The time from the begin of the soak on in which nothing is done.
    pub start: Duration,
    /// The time before the end of the soak in which no iteration begins.
    pub idle_tail: Duration,
    /// The share of iterations that may fail, 0 to 1; the night is inconclusive beyond it.
    pub max_failed: f64,
}

/// A number that the application or a part beside it tells.
#[derive(Debug, Clone)]
pub struct Figure {
    /// The step that reads it (`Http` or `Exec`).
    pub read: Step,
    /// Where in the answer it stands.
    pub from: FigureFrom,
    /// The figure where the answer does not hold it; `None`: that is an error.
    pub absent: Option<f64>,
}

/// Where a number stands in an answer.
#[derive(Debug, Clone)]
pub enum FigureFrom {
    /// At this JSONPath.
    Json(serde_json_path::JsonPath),
    /// In the first group of this regular expression, in all of its match where it has none.
    Regex(regex::Regex),
}

/// A number that proves that the workload ran, or that what it opened was closed again.
#[derive(Debug, Clone)]
pub struct Counter {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub source: CounterSource,
    /// How much it must grow from the end of the seeding to the end of the soak; `None`: it need not grow.
    pub at_least: Option<f64>,
    /// How much higher it may be at the end of the settle phase than after the seeding; `None`: it need not come back.
    pub at_most: Option<f64>,
}

/// Where a counter's number comes from.
#[derive(Debug, Clone)]
pub enum CounterSource {
    /// It is asked for.
    Read(Figure),
    /// How many lines of the target's log match, since the begin of the soak.
    Log(regex::Regex),
}

/// A figure that the application tells of itself, recorded over the soak.
#[derive(Debug, Clone)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// How it is read.
    pub figure: Figure,
    /// From one reading to the next.
    pub every: Duration,
    /// The class of ours that counts the same; `None`: there is none.
    pub compare: Option<String>,
}

/// Reads what is done during the soak.
pub(super) fn churn(
    place: Place<'_>,
    wire: Option<&ChurnWire>,
    soak: &Soak,
    overrides: &Overrides,
    reader: &Reader<'_>,
    reach: &Reach<'_>,
) -> Result<Option<Churn>, FileError> {
    let Some(wire) = wire else { return Ok(None) };
    let name = wire.name.clone().unwrap_or_else(|| "churn".to_owned());
    check_name(place.key("name"), &name)?;
    let at = place.key("every");
    let every = at.duration(wire.every.at(at))?;
    if every < LEAST_EVERY {
        let message = format!("{}: {} is too short", at.quoted(), written(every));
        return Err(at.error(message, "the shortest is `1s`; write a `repeat` to do more in one iteration"));
    }
    if wire.steps.is_empty() {
        let at = place.key("steps");
        return Err(at.key_error("there are no steps to take", "add a step, or remove the `churn`"));
    }
    let steps = steps::steps(place.key("steps"), &wire.steps, reader, reach)?;
    let quiet = |key: &str, wire: Option<&Scalar>| {
        let at = place.key(key);
        wire.map_or(Ok(Duration::ZERO), |wire| at.duration_or_zero(wire.at(at)))
    };
    let (start, idle_tail) = (quiet("start", wire.start.as_ref())?, quiet("idle_tail", wire.idle_tail.as_ref())?);
    let max_failed = wire.max_failed.unwrap_or(MAX_FAILED);
    if !(0.0..=1.0).contains(&max_failed) {
        let at = place.key("max_failed");
        let message = format!("{}: {max_failed} is not a share", at.quoted());
        return Err(at.error(message, "write a number from 0 (none may fail) to 1 (all may fail), for example `0.1`"));
    }
    let churn = Churn {
        name,
        users: 1,
        every,
        jitter: Duration::ZERO,
        setup: Vec::new(),
        fresh_session: false,
        steps,
        start,
        idle_tail,
        max_failed,
    };
    check_fits(place, &churn, soak, overrides)?;
    Ok(Some(churn))
}

/// A name for people, in one line of a table.
fn check_name(place: Place<'_>, name: &str) -> Result<(), FileError> {
    let problem = if name.trim().is_empty() {
        "is empty"
    } else if printable(name) != name {
        "holds a control character"
    } else if name.chars().count() > LONGEST_NAME {
        "is too long"
    } else {
        return Ok(());
    };
    let help = format!("write at most {LONGEST_NAME} characters that can be printed, for example `name: research`");
    Err(place.error(format!("{} {problem}", place.quoted()), help))
}

/// A churn of which no iteration would begin is a mistake, and the night would only show it at its end.
fn check_fits(place: Place<'_>, churn: &Churn, soak: &Soak, overrides: &Overrides) -> Result<(), FileError> {
    if churn.start + churn.every + churn.idle_tail < soak.duration {
        return Ok(());
    }
    let at = ["idle_tail", "start", "every"].iter().find_map(|key| place.get(key)).unwrap_or(place);
    let aside = if overrides.duration.is_some() { " (`--duration`)" } else { "" };
    let duration = format!("the duration of {}{aside}", written(soak.duration));
    if churn.start + churn.idle_tail >= soak.duration {
        let (start, tail) = (written(churn.start), written(churn.idle_tail));
        let message = format!("a start of {start} and an idle tail of {tail} leave nothing of {duration}");
        return Err(at.error(message, "write a shorter `start` or `idle_tail`, or a longer duration"));
    }
    let message = format!("no iteration would begin within {duration}");
    let help = "the first begins `start` and `every` after the begin of the soak, and none in the `idle_tail`";
    Err(at.error(message, help))
}

/// Reads the counters, in the order of the file.
pub(super) fn counters(
    place: Place<'_>,
    wire: &Ordered<CounterWire>,
    reader: &Reader<'_>,
    reach: &Reach<'_>,
) -> Result<Vec<Counter>, FileError> {
    let mut counters = Vec::new();
    for (at, name, wire) in wire.at(place) {
        let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        if name.is_empty() || name.len() > 64 || !fits {
            let help = "use letters, digits, `_`, `-` and `.`, at most 64 of them";
            return Err(at.key_error(format!("`{name}` cannot be the name of a counter"), help));
        }
        let read = steps::step(at.key("read"), &wire.read, reader, reach)?;
        if !matches!(read.action, Action::Http(_) | Action::Exec(_)) {
            let help = "write one of `get`, `post`, `put` and `exec`";
            return Err(at.key("read").key_error("a counter is read by one request or one command", help));
        }
        for (key, figure) in [("absent", wire.absent), ("at_least", wire.at_least), ("at_most", wire.at_most)] {
            if figure.is_some_and(|figure| !figure.is_finite() || figure < 0.0) {
                let at = at.key(key);
                return Err(at.error(format!("{} is below zero", at.quoted()), "write a number from 0 on"));
            }
        }
        if wire.at_least.is_none() && wire.at_most.is_none() {
            let message = format!("the counter `{name}` does not say what is expected of it");
            let help = "write `at_least`, how much it must grow, or `at_most`, how near it must come back";
            return Err(at.key_error(message, help));
        }
        let json = expect::json_path(at.key("json"), &wire.json, Source::Value)?;
        let (name, at_least, at_most) = (name.to_owned(), wire.at_least, wire.at_most);
        let figure = Figure { read, from: FigureFrom::Json(json), absent: wire.absent };
        counters.push(Counter { name, source: CounterSource::Read(figure), at_least, at_most });
    }
    Ok(counters)
}
