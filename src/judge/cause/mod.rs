//! From breaches to what they come from.
//!
//! Findings on one class and subject are an [`item::Item`]. Items of which one is the other's part are one story; so are those
//! that a [`pattern`] puts together and that step together in its proportions, and those that step together by far more than
//! chance. Everything else is a cause of its own. docs/causes.md says the same for people.
//!
//! How sure a cause is:
//! - high: classes that belong together take their steps together, by more than chance or in an even proportion throughout; or
//!   dead handles that are proof by themselves came while the target was watched;
//! - medium: classes that belong together coincide in part, or no pattern knows them and they step together;
//! - low: one class alone.

mod group;
mod item;
mod pattern;
mod relation;
mod track;
mod words;

use super::Night;
use crate::model::{Cause, Finding, PrecedentRecord, Status};
use crate::threshold::RuleSet;
use group::Group;
use item::Item;

pub use pattern::{Joint, joints};

/// Steps within a slot coincide: so many seconds, or so many looks.
const SLOT_S: f64 = 20.0;
const SLOT_LOOKS: f64 = 2.0;

/// The causes of the breaches among `findings`, the surest first.
pub(super) fn of(night: &Night<'_>, findings: &[Finding], rules: &RuleSet) -> Vec<Cause> {
    let breaks = |finding: &Finding| finding.status == Status::Breaks && finding.rule.is_of_class();
    if !findings.iter().any(breaks) {
        return Vec::new();
    }
    let looks_s = SLOT_LOOKS * night.record.plan.interval_s;
    let slot_s = if looks_s.is_finite() { looks_s.max(SLOT_S) } else { SLOT_S };
    let unnamed = item::unnamed_rules(night, findings);
    let items = item::items(night, findings, &unnamed);
    // What was dead at the first two looks may have been so before the soak.
    let late_ms = night.watched.get(1).map_or(f64::INFINITY, |look| look.at_ms as f64);
    let groups = group::groups(&items, slot_s, late_ms);
    let mut causes: Vec<Cause> = groups.iter().map(|group| cause(night, findings, rules, &items, group)).collect();
    let place = |cause: &Cause| {
        let first = cause.findings.first();
        findings.iter().position(|finding| Some(&finding.fingerprint) == first)
    };
    causes.sort_by(|a, b| b.confidence.cmp(&a.confidence).then(place(a).cmp(&place(b))));
    causes
}

fn cause(night: &Night<'_>, findings: &[Finding], rules: &RuleSet, items: &[Item<'_>], group: &Group) -> Cause {
    let all: Vec<&Item<'_>> = group.members.iter().chain(&group.wholes).filter_map(|at| items.get(*at)).collect();
    let relation = all.first().and_then(|lead| relation::of(night, lead));
    let lesson = group.lesson;
    let looks = lesson.look.iter().map(|look| format!("Look at {}: {}", look.what, look.run));
    Cause {
        key: lesson.key.to_owned(),
        title: lesson.title.to_owned(),
        sentence: words::sentence(group, items, relation.as_ref(), findings),
        confidence: group.confidence,
        findings: all.iter().flat_map(|item| &item.breaches).map(|finding| finding.fingerprint.clone()).collect(),
        relation,
        sources: lesson.sources.iter().map(|source| (*source).to_owned()).collect(),
        next: lesson.next.iter().map(|next| (*next).to_owned()).chain(looks).collect(),
        precedents: precedents(rules, &all),
    }
}

/// What the user wrote on the classes of a cause, those on the leading one first.
fn precedents(rules: &RuleSet, items: &[&Item<'_>]) -> Vec<PrecedentRecord> {
    let mut records: Vec<PrecedentRecord> = Vec::new();
    for item in items {
        for precedent in rules.precedents.iter().filter(|precedent| words::is_named(item, &precedent.class)) {
            let record = PrecedentRecord { cause: precedent.cause.clone(), see: precedent.see.clone() };
            if !records.contains(&record) {
                records.push(record);
            }
        }
    }
    records
}

#[cfg(test)]
mod tests;
