//! What breaches come from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Findings that come from one thing, with what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// A name that stays the same from night to night: `event-loop-never-closed`; `precedent` for one of the user's.
    pub key: String,
    /// What happened, in a few words: "An event loop is made and never closed".
    pub title: String,
    /// One sentence: which classes grew together and how that shows, ending in a full stop.
    pub sentence: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// The fingerprints of its findings, the leading one first. Each breach is in one cause.
    pub findings: Vec<String>,
    /// The growth against what the night did; `None` where nothing coincides.
    pub relation: Option<Relation>,
    /// Where it likely comes from, the likeliest first.
    pub sources: Vec<String>,
    /// What to do next, in order.
    pub next: Vec<String>,
    /// Where the user has met it before: the file's own precedents.
    pub precedents: Vec<PrecedentRecord>,
}

/// How sure a cause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// One class alone, which may have many sources.
    Low,
    /// The classes fit, their steps coincide in part.
    Medium,
    /// The classes fit and step together, or what dead handles point at says so.
    High,
}

/// How steps coincide with what the night did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// What was done: the churn's name, as the scenario has it.
    pub to: String,
    /// After how many of them the floor rose.
    pub hits: u64,
    /// How many there were while growth was judged.
    pub of: u64,
    /// How much it rose for each, on average, in the unit of the leading finding.
    pub each: f64,
}

/// A precedent of the thresholds file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrecedentRecord {
    /// What it was.
    pub cause: String,
    /// Where to read on.
    pub see: Option<String>,
}
