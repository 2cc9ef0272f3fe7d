//! Why a night fails, in one sentence: the cause before the symptom.

use super::sentence;
use super::verdict::listed;
use crate::model::text::{amount, figure};
use crate::model::{Cause, Confidence, Estimate, Finding, RuleKind};

/// How many classes a reason names with their growth.
const NAMED: usize = 3;

/// The reason of a night that several rules of one cause fail: "An event loop is made and never closed, 1 per refresh (24 of 24):
/// fd.eventpoll 290/h [224, 369], fd.socket 580/h [447, 739]; descriptors run out in 0.7 h (0.5 h at the earliest); also …".
/// `None` where no cause says more than its findings do.
pub(super) fn why(broken: &[&Finding], causes: &[Cause]) -> Option<String> {
    let of = |cause: &Cause| -> Vec<&Finding> {
        broken.iter().copied().filter(|found| cause.findings.contains(&found.fingerprint)).collect()
    };
    let (lead, own) = causes.iter().map(|cause| (cause, of(cause))).find(|(cause, own)| {
        let classes = own.iter().any(|found| Some(&found.class) != own.first().map(|first| &first.class));
        classes || cause.confidence == Confidence::High && !own.is_empty()
    })?;
    let mut reason = sentence::foreign(&lead.title);
    let first = lead.findings.first().and_then(|print| own.iter().find(|found| &found.fingerprint == print));
    if let Some(relation) = &lead.relation {
        let each = first.map_or_else(|| figure(relation.each), |first| amount(relation.each, first.unit));
        let to = sentence::foreign(&relation.to);
        reason = format!("{reason}, {each} per {to} ({} of {})", relation.hits, relation.of);
    }
    let symptoms = symptoms(lead, &own);
    reason = format!("{reason}: {symptoms}");
    if let Some(end) = runs_out(&own) {
        reason = format!("{reason}; {end}");
    }
    let rest: Vec<&Finding> = broken.iter().copied().filter(|found| !own.iter().any(|o| o == found)).collect();
    if rest.is_empty() { Some(reason) } else { Some(format!("{reason}; also {}", others(&rest))) }
}

/// The classes of a cause with their growth, the leading ones first; without growth, its findings.
fn symptoms(cause: &Cause, own: &[&Finding]) -> String {
    let place = |found: &Finding| cause.findings.iter().position(|print| print == &found.fingerprint);
    let mut grown: Vec<(&Finding, &Estimate)> = own
        .iter()
        .filter(|found| found.rule == RuleKind::MaxGrowth)
        .filter_map(|found| Some((*found, found.growth.as_ref()?)))
        .collect();
    // A total repeats what its parts say.
    if grown.len() > 1 {
        grown.retain(|(found, _)| !found.class.ends_with(".total"));
    }
    if grown.is_empty() {
        return listed(own);
    }
    grown.sort_by_key(|(found, _)| place(found));
    let mut said: Vec<String> = grown.iter().take(NAMED).map(|(found, growth)| pace(found, growth)).collect();
    if let Some(more) = grown.len().checked_sub(NAMED).filter(|more| *more > 0) {
        said.push(format!("and {more} more"));
    }
    said.join(", ")
}

/// "fd.socket 580/h [447, 739]"
fn pace(found: &Finding, growth: &Estimate) -> String {
    let whom = match found.subject.as_str() {
        "target" => String::new(),
        subject => format!(" of {}", sentence::foreign(subject)),
    };
    format!("{}{whom} {}", sentence::foreign(&found.class), sentence::rate(growth, found.unit))
}

/// What else is broken: growth by its figure, the rest by what is said of it.
fn others(rest: &[&Finding]) -> String {
    let growth = |found: &Finding| match (found.rule, &found.growth) {
        (RuleKind::MaxGrowth, Some(growth)) => Some(pace(found, growth)),
        _ => None,
    };
    let mut said: Vec<String> =
        rest.iter().take(NAMED).map(|found| growth(found).unwrap_or_else(|| listed(&[*found]))).collect();
    if let Some(more) = rest.len().checked_sub(NAMED).filter(|more| *more > 0) {
        said.push(format!("and {more} more"));
    }
    said.join("; ")
}

/// "descriptors run out in 0.7 h (0.5 h at the earliest)": the limit that is reached first.
fn runs_out(own: &[&Finding]) -> Option<String> {
    let (found, growth, hours) = own
        .iter()
        .filter_map(|found| {
            let growth = found.growth.as_ref()?;
            Some((*found, growth, growth.hours_to_limit?))
        })
        .min_by(|a, b| a.2.total_cmp(&b.2))?;
    let what = match found.class.split('.').next() {
        Some("fd") => "descriptors run out",
        Some("mem") => "memory runs out",
        Some("proc") => "processes run out",
        _ => "the limit is reached",
    };
    let earliest = figure(hours * growth.rate / growth.high.max(growth.rate));
    let hours = figure(hours);
    if hours == earliest {
        Some(format!("{what} in {hours} h"))
    } else {
        Some(format!("{what} in {hours} h ({earliest} h at the earliest)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Severity, Status, Unit};

    fn finding(class: &str, rule: RuleKind, rate: f64) -> Finding {
        let growth = Estimate {
            level: 10.0,
            rise: 10.0,
            steps: vec![(1.0, 1.0)],
            rate,
            low: rate / 2.0,
            high: rate * 2.0,
            excluded_above: None,
            sensitivity: None,
            warmup_end_s: 0.0,
            observed_s: 1800.0,
            hours_to_limit: Some(1000.0 / rate),
            floor: Vec::new(),
            found_cycle_s: None,
        };
        Finding {
            fingerprint: format!("{class} {}", rule.key()),
            class: class.to_owned(),
            subject: "target".to_owned(),
            rule,
            status: Status::Breaks,
            severity: Severity::Fail,
            required: false,
            sentence: "Holds 12 at the end (6 allowed).".to_owned(),
            unit: Unit::Count,
            allowed: Some(0.0),
            measured: Some(rate),
            growth: (rule == RuleKind::MaxGrowth).then_some(growth),
            dead: Vec::new(),
            carriers: Vec::new(),
            ack: None,
        }
    }

    fn cause(confidence: Confidence, findings: &[&Finding]) -> Cause {
        Cause {
            key: "k".to_owned(),
            title: "A thing is made and never closed".to_owned(),
            sentence: String::new(),
            confidence,
            findings: findings.iter().map(|found| found.fingerprint.clone()).collect(),
            relation: None,
            sources: Vec::new(),
            next: Vec::new(),
            precedents: Vec::new(),
        }
    }

    #[test]
    fn the_cause_comes_before_the_symptoms_and_a_total_is_left_out() {
        let total = finding("fd.total", RuleKind::MaxGrowth, 300.0);
        let poll = finding("fd.eventpoll", RuleKind::MaxGrowth, 100.0);
        let socket = finding("fd.socket", RuleKind::MaxGrowth, 200.0);
        let other = finding("mem.anon", RuleKind::Max, 1.0);
        let broken = [&total, &poll, &socket, &other];
        let causes = [cause(Confidence::High, &[&poll, &socket, &total])];
        assert_eq!(
            why(&broken, &causes).unwrap(),
            "A thing is made and never closed: fd.eventpoll 100/h [50, 200], fd.socket 200/h [100, 400]; descriptors run \
             out in 3.3 h (1.7 h at the earliest); also mem.anon holds 12 at the end (6 allowed)"
        );
    }

    #[test]
    fn a_cause_that_only_repeats_its_finding_gives_no_reason() {
        let only = finding("fd.total", RuleKind::MaxGrowth, 60.0);
        assert_eq!(why(&[&only], &[cause(Confidence::Low, &[&only])]), None);
        assert_eq!(why(&[&only], &[]), None);
    }
}
