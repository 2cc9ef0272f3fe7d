//! Acknowledgements: breaches that are known and borne for a while.

use super::Finding;
use crate::threshold::RuleSet;

/// Marks the breaches that are acknowledged on `today`, and gives a finding for each acknowledgement that has expired.
pub(super) fn apply(_findings: &mut [Finding], _rules: &RuleSet, _today: jiff::civil::Date) -> Vec<Finding> {
    Vec::new()
}
