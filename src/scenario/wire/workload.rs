//! What is done during the soak, and the numbers that are read then, as the file says them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::StepWire;
use crate::document::{Choice, Scalar, form};
use crate::scenario::schema;

/// What is done again and again during the soak.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `every` and `steps`")]
#[schemars(rename = "churn", transform = schema::churn)]
pub(in crate::scenario) struct ChurnWire {
    /// What it is called, at most 40 characters: `churn` by default.
    pub(in crate::scenario) name: Option<String>,
    /// From one iteration of a user to the next, at least `1s`. One of `every` and `rate` is needed.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) every: Option<Scalar>,
    /// How many iterations begin in a second, a minute or an hour, all users together: `30/m`.
    #[schemars(with = "Option<schema::Rate>")]
    pub(in crate::scenario) rate: Option<Scalar>,
    /// How many users take the steps, each in its own time: 1 by default.
    #[schemars(range(min = 1, max = 200))]
    pub(in crate::scenario) users: Option<u32>,
    /// The begin of every iteration is moved by a random time of up to so much: `0s` by default.
    #[schemars(with = "Option<form::TimeOrZero>")]
    pub(in crate::scenario) jitter: Option<Scalar>,
    /// Steps of every user before its first iteration; with `session: fresh` before each.
    #[serde(default)]
    pub(in crate::scenario) setup: Vec<StepWire>,
    /// `keep` (the default): cookies and captures go on from iteration to iteration. `fresh`: they are forgotten.
    pub(in crate::scenario) session: Option<Choice<SessionWire>>,
    /// The steps of an iteration.
    #[schemars(length(min = 1))]
    pub(in crate::scenario) steps: Vec<StepWire>,
    /// Time from the beginning of the soak without churn: `0s` by default.
    #[schemars(with = "Option<form::TimeOrZero>")]
    pub(in crate::scenario) start: Option<Scalar>,
    /// Time from the beginning of the soak after which no iteration begins: its end by default. Not with `idle_tail`.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) stop: Option<Scalar>,
    /// Quiet time before the end of the soak: `0s` by default.
    #[schemars(with = "Option<form::TimeOrZero>")]
    pub(in crate::scenario) idle_tail: Option<Scalar>,
    /// The share of iterations that may fail before the night is inconclusive: `0.1` by default.
    #[schemars(range(min = 0, max = 1))]
    pub(in crate::scenario) max_failed: Option<f64>,
}

/// What a user knows at the begin of an iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "session")]
pub(in crate::scenario) enum SessionWire {
    /// What it knew at the end of the one before.
    Keep,
    /// What it knew after seeding.
    Fresh,
}

/// A number that proves that the workload ran: read after seeding and at the end of the soak.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `read`, `json` and `at_least`")]
#[schemars(rename = "counter", transform = schema::counter)]
pub(in crate::scenario) struct CounterWire {
    /// One request or command.
    pub(in crate::scenario) read: Option<StepWire>,
    /// A JSONPath to the number in the answer.
    pub(in crate::scenario) json: Option<String>,
    /// A regular expression for the number in the answer: its group, or all of it.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) regex: Option<Scalar>,
    /// A regular expression: the lines of the target's log that match are counted, and nothing is read.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) log: Option<Scalar>,
    /// Stands for a value that the answer does not hold.
    #[schemars(range(min = 0))]
    pub(in crate::scenario) absent: Option<f64>,
    /// By how much it must grow. One of `at_least` and `at_most` is needed.
    #[schemars(range(min = 0))]
    pub(in crate::scenario) at_least: Option<f64>,
    /// How much higher it may be at the end of the settle phase than after seeding.
    #[schemars(range(min = 0))]
    pub(in crate::scenario) at_most: Option<f64>,
}

/// A figure that the application tells of itself, recorded over the soak.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `read` and `json`")]
#[schemars(rename = "series", transform = schema::series)]
pub(in crate::scenario) struct SeriesWire {
    /// One request or command.
    pub(in crate::scenario) read: StepWire,
    /// A JSONPath to the number in the answer.
    pub(in crate::scenario) json: Option<String>,
    /// A regular expression for the number in the answer: its group, or all of it.
    #[schemars(with = "Option<form::Word>")]
    pub(in crate::scenario) regex: Option<Scalar>,
    /// Stands for a value that the answer does not hold.
    #[schemars(range(min = 0))]
    pub(in crate::scenario) absent: Option<f64>,
    /// Time between readings: the soak's interval by default, at least `1s`.
    #[schemars(with = "Option<form::Time>")]
    pub(in crate::scenario) every: Option<Scalar>,
    /// The class that counts the same, such as `fd.total`: both are shown together.
    #[schemars(with = "Option<schema::ClassName>")]
    pub(in crate::scenario) compare: Option<String>,
}
