//! The wire form of a thresholds file: what the file says, word for word.

use serde::Deserialize;

use crate::document::{OneOrMany, Ordered, Scalar};
use crate::model::Severity;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping of keys")]
pub(super) struct ThresholdsWire {
    #[serde(default)]
    pub(super) defaults: DefaultsWire,
    pub(super) stop: Option<Severity>,
    #[serde(default)]
    pub(super) classes: Ordered<ClassWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with `must_detect_per_hour` and `severity`")]
pub(super) struct DefaultsWire {
    pub(super) must_detect_per_hour: Option<Scalar>,
    pub(super) severity: Option<Severity>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping of rules such as `{max: 20}`")]
pub(super) struct ClassWire {
    pub(super) max: Option<Scalar>,
    pub(super) max_limit_ratio: Option<Scalar>,
    pub(super) max_dead: Option<Scalar>,
    pub(super) max_growth_per_hour: Option<Scalar>,
    pub(super) must_detect_per_hour: Option<Scalar>,
    pub(super) cycle: Option<Scalar>,
    pub(super) older_than: Option<Scalar>,
    pub(super) severity: Option<Severity>,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(rename = "match")]
    pub(super) links: Option<OneOrMany<Scalar>>,
    #[serde(rename = "match_cmdline")]
    pub(super) cmdline: Option<OneOrMany<Scalar>>,
}
