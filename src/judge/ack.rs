//! Acknowledgements: breaches that are known and borne for a while.

use std::collections::BTreeMap;

use super::{Finding, finding, sentence};
use crate::model::{AckRecord, RuleKind, Status};
use crate::threshold::{Ack, RuleSet};

/// Marks the breaches that are acknowledged on `today`, and gives a finding for each acknowledgement of a breach that has
/// expired; it weighs what the breach weighs.
///
/// An acknowledgement that fits no breach of the night says nothing: a leak may come and go, and what is gone does no harm.
pub(super) fn apply(findings: &mut [Finding], rules: &RuleSet, today: jiff::civil::Date) -> Vec<Finding> {
    let mut acks: BTreeMap<String, &Ack> = BTreeMap::new();
    for ack in &rules.acks {
        // Of several for one breach, that which lasts longest.
        let known = acks.entry(ack.fingerprint.to_ascii_lowercase()).or_insert(ack);
        if lasts(ack) > lasts(known) {
            *known = ack;
        }
    }
    let mut expired = Vec::new();
    for found in findings.iter_mut().filter(|found| found.status == Status::Breaks) {
        let Some(ack) = acks.get(&found.fingerprint) else { continue };
        match ack.expires.filter(|last| *last < today) {
            None => found.ack = Some(AckRecord { reason: ack.reason.clone(), expires: ack.expires }),
            Some(last) => {
                let text = sentence::expired(found, &ack.reason, last);
                let told = finding("ack", &found.fingerprint, RuleKind::Ack, Status::Breaks, text);
                expired.push(Finding { severity: found.severity, ..told });
            }
        }
    }
    expired
}

fn lasts(ack: &Ack) -> jiff::civil::Date {
    ack.expires.unwrap_or(jiff::civil::Date::MAX)
}

#[cfg(test)]
mod tests;
