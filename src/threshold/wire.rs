//! The wire form of a thresholds file: what the file says, word for word. Its comments are the help that editors show.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Per, schema};
use crate::document::{Choice, OneOrMany, Ordered, Scalar, form};
use crate::model::Severity;

/// What is acceptable of a night of slowdrip.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping of keys")]
#[schemars(title = "Thresholds of slowdrip")]
pub(super) struct ThresholdsWire {
    /// What holds for all classes and log rules that do not say otherwise.
    #[serde(default)]
    pub(super) defaults: DefaultsWire,
    /// What it weighs when the target ignores the stop signal or its port still serves: `warn` (the default) or `fail`.
    pub(super) stop: Option<Choice<Severity>>,
    /// What the events of the target weigh. All of them fail the night unless said otherwise.
    #[serde(default)]
    pub(super) events: EventsWire,
    /// Class by class, what is acceptable. Classes that are not named are recorded and not judged.
    #[serde(default)]
    #[schemars(schema_with = "schema::classes")]
    pub(super) classes: Ordered<ClassWire>,
    /// What is acceptable in the target's log.
    #[serde(default)]
    pub(super) log: Vec<LogWire>,
    /// Breaches that are known and borne for a while.
    #[serde(default)]
    pub(super) acks: Vec<AckWire>,
    /// Where the growth of a class was met before, in your own words.
    #[serde(default)]
    pub(super) precedents: Vec<PrecedentWire>,
}

/// What holds where a class or a log rule does not say otherwise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `must_detect_per_hour` and `severity`")]
#[schemars(rename = "defaults")]
pub(super) struct DefaultsWire {
    /// The drip that a pass must have been able to see, per hour: 24 by default. For classes that are counted.
    #[schemars(with = "Option<form::Above0>")]
    pub(super) must_detect_per_hour: Option<Scalar>,
    /// What a breach weighs: `fail` (the default) or `warn`.
    pub(super) severity: Option<Choice<Severity>>,
}

/// What the events of the target weigh.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `health`, `restarts`, `oom` or `self_kill`")]
#[schemars(rename = "events")]
pub(super) struct EventsWire {
    /// The health check called the target unhealthy at any time.
    pub(super) health: Option<Choice<WeightWire>>,
    /// The target was started again.
    pub(super) restarts: Option<Choice<WeightWire>>,
    /// The kernel killed a process for want of memory.
    pub(super) oom: Option<Choice<WeightWire>>,
    /// A long-lived process ended by itself and was started again.
    pub(super) self_kill: Option<Choice<WeightWire>>,
}

/// What an event weighs.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "weight")]
pub(super) enum WeightWire {
    /// The night fails.
    Fail,
    /// It is said, and the night may pass.
    Warn,
    /// It is not judged.
    Ignore,
}

/// What is acceptable of a class.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping of rules such as `{max: 20}`")]
#[schemars(rename = "class")]
pub(super) struct ClassWire {
    /// The highest level that is held to the end, in the class's unit. A passing peak does not break it.
    #[schemars(with = "Option<form::Figure>")]
    pub(super) max: Option<Scalar>,
    /// The same as a share of the limit (open files, memory, pids): above 0, up to 1.
    #[schemars(with = "Option<form::Share>")]
    pub(super) max_limit_ratio: Option<Scalar>,
    /// The most dead handles that appear during the soak.
    #[schemars(with = "Option<form::Whole>")]
    pub(super) max_dead: Option<Scalar>,
    /// The largest growth of the permanent floor, per hour. `0`: none at all.
    #[schemars(with = "Option<form::Figure>")]
    pub(super) max_growth_per_hour: Option<Scalar>,
    /// The highest held level as a multiple of what earlier nights held (their median): from 1 on, 1.2 for 20 % more.
    #[schemars(with = "Option<form::Multiple>")]
    pub(super) max_vs_baseline: Option<Scalar>,
    /// What is allowed on top of that multiple: 3, or 10MiB for classes in bytes, by default. Beside
    /// `max_vs_baseline`.
    #[schemars(with = "Option<form::Figure>")]
    pub(super) baseline_slack: Option<Scalar>,
    /// How far above the level before the churn it may be once the settle phase is over: a figure in the class's unit, or a
    /// share such as `10%`.
    #[schemars(with = "Option<form::Figure>")]
    pub(super) settle_to: Option<Scalar>,
    /// The drip that a pass must have been able to see, per hour: 24, or 10MiB for classes in bytes, by default.
    #[schemars(with = "Option<form::Figure>")]
    pub(super) must_detect_per_hour: Option<Scalar>,
    /// A cycle that you know of, such as `30m`: a rise is called a leak only after one and a half of them.
    #[schemars(with = "Option<form::Time>")]
    pub(super) cycle: Option<Scalar>,
    /// Only processes older than this count; for `proc.zombie` the age counts from its death.
    #[schemars(with = "Option<form::Time>")]
    pub(super) older_than: Option<Scalar>,
    /// Whose figures are judged: those of the target as a whole (the default), of each program or of each path by itself.
    pub(super) per: Option<Choice<Per>>,
    /// What a breach weighs: `fail` (the default) or `warn`.
    pub(super) severity: Option<Choice<Severity>>,
    /// True: the night is inconclusive where a rule of this class is undecided.
    #[serde(default)]
    pub(super) required: bool,
    /// Makes a class of your own, of descriptors whose path matches: `/logs/*.log`, or a list. `*` stays within a folder, `**`
    /// does not.
    #[serde(rename = "match")]
    #[schemars(with = "Option<OneOrMany<form::Word>>")]
    pub(super) links: Option<OneOrMany<Scalar>>,
    /// Makes a class of your own, of processes whose command line matches the regular expression, or one of a list.
    #[serde(rename = "match_cmdline")]
    #[schemars(with = "Option<OneOrMany<form::Word>>")]
    pub(super) cmdline: Option<OneOrMany<Scalar>>,
}

/// What is acceptable of the lines that match a pattern.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a rule such as `{pattern: 'Errno 24', max: 0}`")]
#[schemars(rename = "log_rule", transform = schema::log_rule)]
pub(super) struct LogWire {
    /// A regular expression, searched for in every line of the log.
    #[schemars(with = "form::Word")]
    pub(super) pattern: Scalar,
    /// The most lines that match.
    #[schemars(with = "Option<form::Whole>")]
    pub(super) max: Option<Scalar>,
    /// The most lines that match in an hour, on average over the soak.
    #[schemars(with = "Option<form::Number>")]
    pub(super) max_per_hour: Option<Scalar>,
    /// The most matching lines an hour that are the same but for their numbers: more of them are an endless retry.
    #[schemars(with = "Option<form::Number>")]
    pub(super) max_repeats_per_hour: Option<Scalar>,
    /// What a breach weighs: `fail` (the default) or `warn`.
    pub(super) severity: Option<Choice<Severity>>,
    /// True: the night is inconclusive where a rule on this pattern is undecided.
    #[serde(default)]
    pub(super) required: bool,
}

/// A breach that is known and borne.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `fingerprint` and `reason`")]
#[schemars(rename = "ack")]
pub(super) struct AckWire {
    /// The finding's fingerprint, as the report shows it: 8 hex digits in lower case.
    #[schemars(with = "form::Fingerprint")]
    pub(super) fingerprint: Scalar,
    /// Why it is borne.
    #[schemars(with = "form::Word")]
    pub(super) reason: Scalar,
    /// The last day on which it counts, such as `2027-01-31`. Without it the acknowledgement counts for good.
    #[schemars(with = "Option<form::Date>")]
    pub(super) expires: Option<Scalar>,
}

/// Where the growth of a class was met before.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `class` and `cause`")]
#[schemars(rename = "precedent")]
pub(super) struct PrecedentWire {
    /// A built-in class, or one of this file's own.
    #[schemars(schema_with = "schema::class_name")]
    pub(super) class: Scalar,
    /// What it was.
    #[schemars(with = "form::Word")]
    pub(super) cause: Scalar,
    /// Where to read on.
    #[schemars(with = "Option<form::Word>")]
    pub(super) see: Option<Scalar>,
}
