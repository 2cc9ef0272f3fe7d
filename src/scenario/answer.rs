//! What is taken out of an answer, and what it must be.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::Regex;
use serde_json_path::JsonPath;

/// How a value is taken out of an answer.
#[derive(Debug, Clone)]
pub struct Capture {
    /// Where it stands.
    pub from: CaptureFrom,
    /// True: a list of all that are found, which may be empty. False: exactly one must be.
    pub all: bool,
}

/// Where a value stands in an answer.
#[derive(Debug, Clone)]
pub enum CaptureFrom {
    /// At a JSONPath (RFC 9535).
    Json(JsonPath),
    /// In an element that a CSS selector finds: an attribute's value, or its text.
    Css {
        /// The selector, checked when the file was read.
        selector: String,
        /// The attribute; `None`: the text.
        attr: Option<String>,
    },
    /// What a regular expression matches in the body: its first group where it has one, all of it where it has none.
    Regex(Regex),
    /// In the header of this name.
    Header(String),
    /// In the cookie of this name that the answer sets.
    Cookie(String),
    /// The status, a number; with `exec` the exit code.
    Status,
}

/// What an answer must be. Empty fields expect nothing.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    /// One of these; empty: any status below 400 (HTTP steps).
    pub status: Vec<StatusSet>,
    /// Headers: a template each, `*` at the end stands for anything.
    pub header: BTreeMap<String, String>,
    /// JSONPath and what it must find.
    pub json: Vec<(JsonPath, JsonExpect)>,
    /// Text that the body must hold, a template.
    pub contains: Option<String>,
    /// A regular expression that the body must match.
    pub matches: Option<Regex>,
    /// The longest time from the sending to the end of the answer.
    pub latency: Option<Duration>,
    /// Exit code (exec steps); `None`: 0.
    pub exit: Option<i64>,
}

/// What a JSONPath must find.
#[derive(Debug, Clone)]
pub enum JsonExpect {
    /// This value; strings inside are templates.
    Equals(serde_json::Value),
    /// A number of at least this.
    AtLeast(f64),
    /// A number of at most this.
    AtMost(f64),
    /// A text that matches.
    Matches(Regex),
    /// Anything that is not null.
    Exists,
}

/// One HTTP status, or a class of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusSet {
    /// This one.
    One(u16),
    /// `2` for all from 200 to 299.
    Class(u16),
}

impl StatusSet {
    /// Whether a status is in it.
    pub fn holds(self, status: u16) -> bool {
        match self {
            Self::One(one) => one == status,
            Self::Class(class) => status / 100 == class,
        }
    }
}

impl std::fmt::Display for StatusSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(one) => write!(f, "{one}"),
            Self::Class(class) => write!(f, "{class}xx"),
        }
    }
}
