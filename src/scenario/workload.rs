//! What is done to the target during the soak, and the numbers that prove that it worked.

use std::time::Duration;

use super::Step;

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
#[expect(clippy::large_enum_variant, reason = "a scenario has a few of them, most of them the larger one")]
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
