//! A diff as JSON. The form has a version of its own: keys may be added within one, and are never given another meaning.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::words;
use crate::diff::{self, Basis, Breach, ClassChange, Diff, Shift, Told};
use crate::model::{Status, Unit, Verdict};
use crate::stats::noise::FEWEST_NIGHTS;

/// The version of the form.
const FORMAT: u32 = 1;
/// Most breaches that are listed, the worst first.
const MOST: usize = 1000;

/// What differs between two nights, as `slowdrip diff --format json` prints it. A key that is left out is not known.
#[derive(Debug, Serialize, JsonSchema)]
struct Document {
    /// The version of this form.
    format: u32,
    /// `no_worse`, `worse`, `open` (it cannot be told yet) or `not_comparable`.
    outcome: &'static str,
    /// The same as one sentence.
    summary: String,
    /// Why the nights cannot be compared like with like; empty: they can.
    not_comparable: Vec<Obstacle>,
    /// The earlier night.
    before: Side,
    /// The later night.
    after: Side,
    /// What the noise is known from.
    noise: Noise,
    /// What was soaked, by what, and what it was held against, where that differs.
    changes: Vec<Change>,
    /// The broken rules of both nights: new, standing, gone, unknown; in each, fail before warn. At most 1000.
    findings: Vec<Finding>,
    /// How many more there are.
    findings_left_out: usize,
    /// Every class that either night tells of, those that matter first.
    classes: Vec<Class>,
    /// The workload counters.
    counters: Vec<Counter>,
    /// The steps of the churn.
    steps: Vec<Step>,
}

/// A reason why figures differ without the target's doing.
#[derive(Debug, Serialize, JsonSchema)]
struct Obstacle {
    /// `scenario`, `scenario_text`, `machine`, `kernel`, `memory_limit`, `plan`, `ending`, `died` or `unjudged`.
    kind: &'static str,
    /// One clause for people.
    text: String,
}

/// One of the two nights.
#[derive(Debug, Serialize, JsonSchema)]
struct Side {
    /// What it is called: `before`, `after`.
    name: String,
    /// The run's id.
    run: String,
    /// The scenario's name.
    scenario: String,
    /// When it began, RFC 3339 in UTC.
    started: String,
    /// The image's digest or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    /// Build arguments and labels that name a version.
    labels: BTreeMap<String, String>,
    /// `pass`, `fail` or `inconclusive`; left out where it was never judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'static str>,
    /// The reason of the verdict.
    reason: String,
}

/// What the noise is known from.
#[derive(Debug, Serialize, JsonSchema)]
struct Noise {
    /// Comparable past nights.
    past_nights: usize,
    /// How many there must be.
    needed: usize,
    /// The chance that any figure of two nights that do not differ is called beyond noise.
    level: f64,
}

/// A fact about a night that is not the same in both.
#[derive(Debug, Serialize, JsonSchema)]
struct Change {
    /// What: `image`, a label's name, `kernel`.
    what: String,
    /// Before; left out: there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// After; left out: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// A broken rule of one or both nights.
#[derive(Debug, Serialize, JsonSchema)]
struct Finding {
    /// `new`, `standing`, `gone` or `unknown`.
    fate: &'static str,
    /// The same from night to night.
    fingerprint: String,
    /// The class.
    class: String,
    /// Of whom.
    subject: String,
    /// The rule's key.
    rule: &'static str,
    /// `fail` or `warn`.
    severity: &'static str,
    /// True where it is acknowledged.
    acknowledged: bool,
    /// True where the other night has no such rule.
    only_here: bool,
    /// One sentence.
    sentence: String,
    /// What it comes from, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// What was measured before.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<f64>,
    /// What was measured after.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<f64>,
}

/// A figure before and after.
#[derive(Debug, Serialize, JsonSchema)]
struct Figure {
    /// Before.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<f64>,
    /// After.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<f64>,
    /// By how much it moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<f64>,
    /// The standard deviation of a change between two nights that do not differ (of a latency: of its natural logarithm).
    #[serde(skip_serializing_if = "Option::is_none")]
    deviation: Option<f64>,
    /// The change in such deviations.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    /// `past_nights`, `these_nights` (what moved within the two) or `nothing`.
    basis: &'static str,
    /// `beyond`, `within` or `unknown`.
    noise: &'static str,
    /// True where it is large enough to matter.
    large: bool,
}

/// The ends of a 95 % interval.
#[derive(Debug, Serialize, JsonSchema)]
struct Interval {
    low: f64,
    high: f64,
}

/// A class in both nights.
#[derive(Debug, Serialize, JsonSchema)]
struct Class {
    /// Its name.
    class: String,
    /// `count` or `bytes`.
    unit: &'static str,
    /// `worse`, `open` (nobody can tell yet), `better`, `untold` (only one night tells of it) or `quiet`.
    weight: &'static str,
    /// The level held at the end.
    level: Figure,
    /// Growth per hour.
    rate: Figure,
    /// Its 95 % interval before.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_before: Option<Interval>,
    /// Its 95 % interval after.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_after: Option<Interval>,
    /// Dead handles at the end.
    dead: Figure,
    /// The limit, of each process for descriptors.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<f64>,
    /// The share of the limit that was held before, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    share_before: Option<f64>,
    /// The share of the limit that was held after, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    share_after: Option<f64>,
    /// How its rules fared before: `holds`, `breaks` or `undecided`; left out: no rule names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_before: Option<&'static str>,
    /// How its rules fared after.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_after: Option<&'static str>,
}

/// A workload counter.
#[derive(Debug, Serialize, JsonSchema)]
struct Counter {
    /// Its name.
    name: String,
    /// By how much it grew.
    grown: Figure,
}

/// A step of the churn. Times are milliseconds.
#[derive(Debug, Serialize, JsonSchema)]
struct Step {
    /// As it is written.
    name: String,
    /// The median of what it took.
    median_ms: Figure,
    /// What the step did before.
    before: Tail,
    /// What the step did after.
    after: Tail,
}

/// What a step did in one night.
#[derive(Debug, Serialize, JsonSchema)]
struct Tail {
    /// How often it was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    /// How often it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<u64>,
    /// 90 % took no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    p90_ms: Option<f64>,
    /// 99 % took no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_ms: Option<f64>,
}

pub(super) fn render(diff: &Diff) -> String {
    // Nothing of it can fail: keys are strings, and figures that are none become null.
    serde_json::to_string_pretty(&document(diff)).map_or_else(|_| String::new(), |text| text + "\n")
}

pub(super) fn schema() -> String {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<Document>();
    format!("{:#}\n", schema.to_value())
}

fn document(diff: &Diff) -> Document {
    Document {
        format: FORMAT,
        outcome: match diff.outcome {
            diff::Outcome::NoWorse => "no_worse",
            diff::Outcome::Worse => "worse",
            diff::Outcome::Open => "open",
            diff::Outcome::NotComparable => "not_comparable",
        },
        summary: words::outcome(diff),
        not_comparable: diff
            .not_comparable
            .iter()
            .map(|obstacle| Obstacle { kind: obstacle.kind.word(), text: obstacle.text.clone() })
            .collect(),
        before: side(&diff.before),
        after: side(&diff.after),
        noise: Noise { past_nights: diff.past_nights, needed: FEWEST_NIGHTS, level: diff::LEVEL },
        changes: diff
            .changes
            .iter()
            .map(|it| Change { what: it.what.clone(), before: it.before.clone(), after: it.after.clone() })
            .collect(),
        findings: diff.breaches.iter().take(MOST).map(finding).collect(),
        findings_left_out: diff.breaches.len().saturating_sub(MOST),
        classes: diff.classes.iter().map(class).collect(),
        counters: diff
            .counters
            .iter()
            .map(|counter| Counter { name: counter.name.clone(), grown: figure(&counter.grown) })
            .collect(),
        steps: diff.steps.iter().map(step).collect(),
    }
}

fn side(side: &diff::Side) -> Side {
    Side {
        name: side.name.clone(),
        run: side.run.clone(),
        scenario: side.scenario.clone(),
        started: side.started.to_string(),
        image: side.image.clone(),
        labels: side.labels.clone(),
        verdict: side.verdict.map(|verdict| match verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Inconclusive => "inconclusive",
        }),
        reason: side.reason.clone(),
    }
}

fn finding(breach: &Breach) -> Finding {
    Finding {
        fate: breach.fate.word(),
        fingerprint: breach.fingerprint.clone(),
        class: breach.class.clone(),
        subject: breach.subject.clone(),
        rule: breach.rule.key(),
        severity: match breach.severity {
            crate::model::Severity::Fail => "fail",
            crate::model::Severity::Warn => "warn",
        },
        acknowledged: breach.acknowledged,
        only_here: breach.only_here,
        sentence: breach.sentence.clone(),
        cause: breach.cause.clone(),
        before: finite(breach.before),
        after: finite(breach.after),
    }
}

/// JSON has no infinities: such a figure is left out.
fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

fn figure(shift: &Shift) -> Figure {
    Figure {
        before: finite(shift.before),
        after: finite(shift.after),
        change: finite(shift.change()),
        deviation: finite(shift.deviation),
        score: finite(shift.score),
        basis: match shift.basis {
            Basis::PastNights(_) => "past_nights",
            Basis::TheseNights => "these_nights",
            Basis::Nothing => "nothing",
        },
        noise: match shift.told {
            Told::Beyond => "beyond",
            Told::Within => "within",
            Told::Unknown => "unknown",
        },
        large: shift.large,
    }
}

fn class(class: &ClassChange) -> Class {
    let interval = |ends: Option<(f64, f64)>| {
        ends.filter(|(low, high)| low.is_finite() && high.is_finite()).map(|(low, high)| Interval { low, high })
    };
    let status = |status: Option<Status>| {
        status.map(|status| match status {
            Status::Holds => "holds",
            Status::Breaks => "breaks",
            Status::Undecided => "undecided",
        })
    };
    Class {
        class: class.class.clone(),
        unit: match class.unit {
            Unit::Count => "count",
            Unit::Bytes => "bytes",
        },
        weight: class.weight.word(),
        level: figure(&class.level),
        rate: figure(&class.rate),
        rate_before: interval(class.rate_intervals.0),
        rate_after: interval(class.rate_intervals.1),
        dead: figure(&class.dead),
        limit: finite(class.limit),
        share_before: finite(class.shares.0),
        share_after: finite(class.shares.1),
        status_before: status(class.status.0),
        status_after: status(class.status.1),
    }
}

fn step(step: &diff::StepChange) -> Step {
    Step {
        name: step.name.clone(),
        median_ms: figure(&step.median),
        before: Tail { count: step.count.0, failed: step.failed.0, p90_ms: step.p90_ms.0, p99_ms: step.p99_ms.0 },
        after: Tail { count: step.count.1, failed: step.failed.1, p90_ms: step.p90_ms.1, p99_ms: step.p99_ms.1 },
    }
}
