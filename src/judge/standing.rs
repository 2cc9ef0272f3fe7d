//! The rules that are always on: the target lives, can be read, does its work, still serves at the end, and stops.

use std::collections::BTreeMap;

use super::{Night, TARGET, events, finding, sentence};
use crate::model::text::{count, figure};
use crate::model::{
    ChurnRecord, CounterRecord, Ending, Finding, Phase, PhaseRecord, PortEnd, RuleKind, Severity, Status, StopRecord,
    TermResponse,
};
use crate::series::Missing;
use crate::threshold::RuleSet;

/// That the target lived, could be read, and did its work.
pub(super) fn before_the_classes(night: &Night<'_>, rules: &RuleSet) -> Vec<Finding> {
    let mut findings = vec![alive(night)];
    findings.extend(events::judge(night, rules));
    findings.push(readable(night, rules));
    for counter in &night.record.counters {
        findings.extend(workload(counter));
        findings.extend(counter.at_most.map(|most| comes_back(night, counter, most)));
    }
    findings.extend(night.record.churn.as_ref().map(churn));
    findings
}

/// That the target still served, and stopped.
pub(super) fn after_the_classes(night: &Night<'_>, rules: &RuleSet) -> Vec<Finding> {
    let mut findings = after_checks(&night.record.after_failures);
    findings.extend(night.record.stop.as_ref().map(|record| stop(record, rules.stop)));
    findings
}

/// How long the soak went on, seconds.
pub(super) fn soaked_s(night: &Night<'_>) -> f64 {
    let whole = soak(night).and_then(|phase| phase.to_s.map(|to| (to - phase.from_s).max(0.0)));
    let last = night.watched.iter().rev().find(|snapshot| snapshot.phase == Phase::Soak);
    whole.filter(|soaked| soaked.is_finite()).unwrap_or_else(|| last.map_or(0.0, |snapshot| snapshot.at_s()))
}

/// How long the target was watched, the settle phase included, seconds.
pub(super) fn watched_s(night: &Night<'_>) -> f64 {
    let settled = phase_s(night, Phase::Settle, |phase| phase.to_s);
    settled.unwrap_or_else(|| {
        let last = night.watched.last().map_or(0.0, |snapshot| snapshot.at_s());
        if night.record.ending == Ending::Completed { soaked_s(night) } else { soaked_s(night).max(last) }
    })
}

/// When the target was asked to stop, seconds since the soak began; `None` where it was not.
pub(super) fn asked_to_stop_s(night: &Night<'_>) -> Option<f64> {
    phase_s(night, Phase::Stop, |phase| Some(phase.from_s))
}

fn soak<'a>(night: &Night<'a>) -> Option<&'a PhaseRecord> {
    night.record.phases.iter().rev().find(|phase| phase.phase == Phase::Soak)
}

/// A moment of a phase after the soak, seconds since the soak began.
fn phase_s(night: &Night<'_>, phase: Phase, moment: impl Fn(&PhaseRecord) -> Option<f64>) -> Option<f64> {
    let begin = soak(night)?.from_s;
    let phase = night.record.phases.iter().rev().find(|record| record.phase == phase)?;
    Some(moment(phase)? - begin).filter(|moment| moment.is_finite() && *moment >= 0.0)
}

fn alive(night: &Night<'_>) -> Finding {
    let ending = &night.record.ending;
    let status = match ending {
        Ending::Died { .. } => Status::Breaks,
        Ending::Completed => Status::Holds,
        // The phases after the soak are behind the target's life; what could not be read or written says nothing of it.
        Ending::Unreadable { .. }
        | Ending::NotWritten { .. }
        | Ending::Unfinished
        | Ending::Interrupted { .. }
        | Ending::NotStarted { .. }
        | Ending::NeverReady { .. }
        | Ending::SeedFailed { .. } => Status::Undecided,
    };
    let text = sentence::alive(ending, soaked_s(night), events::final_level(night).as_ref());
    Finding { required: true, ..finding("alive", TARGET, RuleKind::Alive, status, text) }
}

fn readable(night: &Night<'_>, rules: &RuleSet) -> Finding {
    let found =
        |status, text| Finding { required: true, ..finding("readable", TARGET, RuleKind::Readable, status, text) };
    if let Ending::Unreadable { .. } = night.record.ending {
        return found(Status::Undecided, format!("{}.", sentence::cut_short(&night.record.ending, 0.0)));
    }
    let mut refused: Vec<&str> = night
        .classes
        .iter()
        .filter(|class| {
            class.series.points.is_empty() && class.series.gaps.iter().any(|gap| gap.why == Missing::Denied)
        })
        .map(|class| class.rule.name.as_str())
        .collect();
    // The subjects of a class stand one after the other.
    refused.dedup();
    if !refused.is_empty() {
        return found(Status::Undecided, sentence::refused(&refused));
    }
    if night.watched.is_empty() {
        let required = !rules.classes.is_empty();
        return Finding { required, ..found(Status::Undecided, "No snapshot was taken.".to_owned()) };
    }
    found(Status::Holds, sentence::readable(night.watched.len()))
}

/// That a counter grew. One that must only come back need not grow.
fn workload(counter: &CounterRecord) -> Option<Finding> {
    if counter.at_most.is_some() && counter.at_least <= 0.0 {
        return None;
    }
    let grown = counter.start.zip(counter.end).map(|(start, end)| end - start).filter(|grown| grown.is_finite());
    let status = match grown {
        Some(grown) if grown >= counter.at_least => Status::Holds,
        Some(_) | None => Status::Undecided,
    };
    let text = sentence::workload(grown, counter.at_least, counter.problem.as_deref());
    Some(Finding {
        required: true,
        allowed: Some(counter.at_least),
        measured: grown,
        ..finding(&counter.name, TARGET, RuleKind::Workload, status, text)
    })
}

/// That a counter came back once the load was over.
fn comes_back(night: &Night<'_>, counter: &CounterRecord, most: f64) -> Finding {
    // Without a settle phase there is one figure. With one, the figure before it can show that the counter never left.
    let rested = counter.settled.is_some() || night.record.plan.settle_s <= 0.0;
    let above = counter.start.zip(counter.settled.or(counter.end)).map(|(start, end)| end - start);
    let above = above.filter(|above| above.is_finite());
    let status = match above {
        Some(above) if above <= most => Status::Holds,
        Some(above) if rested && above > most => Status::Breaks,
        Some(_) | None => Status::Undecided,
    };
    let text = sentence::comes_back(above, most, rested, counter.problem.as_deref());
    Finding {
        required: true,
        allowed: Some(most).filter(|most| most.is_finite()),
        measured: above,
        ..finding(&counter.name, TARGET, RuleKind::ComesBack, status, text)
    }
}

/// That the churn did what was asked: a soak whose churn did not run proves as little as one without its workload.
fn churn(record: &ChurnRecord) -> Finding {
    let ChurnRecord { begun, failed, .. } = *record;
    let allowed = (record.max_failed * begun as f64).floor();
    let by = if record.users > 1 { format!(" by {} users", record.users) } else { String::new() };
    let began = format!("Began {}{by}", count(begun, "iteration"));
    let (status, text) = if begun == 0 {
        let first = record.first_failure.as_deref().map(|text| format!(" {}.", sentence::foreign(text)));
        (Status::Undecided, format!("Began no iteration.{}", first.unwrap_or_default()))
    } else if failed == 0 {
        (Status::Holds, format!("{began}; none failed."))
    } else {
        let status = if failed as f64 <= allowed { Status::Holds } else { Status::Undecided };
        let first = record.first_failure.as_deref().map(|text| format!(" The first: {}.", sentence::foreign(text)));
        let failed = format!("{failed} of them failed ({} may).", figure(allowed));
        (status, format!("{began}, and {failed}{}", first.unwrap_or_default()))
    };
    Finding {
        required: true,
        allowed: Some(allowed),
        measured: Some(failed as f64),
        ..finding("churn", TARGET, RuleKind::Workload, status, text)
    }
}

/// Each failed check is a finding of its own. What stands before the first colon names the check, so that the finding keeps
/// its fingerprint when the figures in the text change.
fn after_checks(failures: &[String]) -> Vec<Finding> {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    failures
        .iter()
        .map(|text| {
            let name = sentence::foreign(text.split_once(": ").map_or(text.as_str(), |(name, _)| name));
            let nth = seen.entry(name.clone()).or_insert(0);
            *nth += 1;
            let subject = if *nth == 1 { name } else { format!("{name} ({nth})") };
            finding("after", &subject, RuleKind::After, Status::Breaks, sentence::after(text))
        })
        .collect()
}

fn stop(record: &StopRecord, severity: Severity) -> Finding {
    let status = match (record.response, record.port) {
        (TermResponse::Exited, PortEnd::Silent | PortEnd::NoPort) => Status::Holds,
        (TermResponse::Ignored, _) | (_, PortEnd::StillServing) => Status::Breaks,
    };
    Finding { severity, ..finding("stop", TARGET, RuleKind::Stop, status, sentence::stop(record)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_churn_that_did_not_run_or_often_failed_proves_nothing() {
        let of = |begun, failed| {
            let first_failure = (failed > 0).then(|| "get /x: refused.".to_owned());
            let found = churn(&ChurnRecord { begun, failed, first_failure, max_failed: 0.1, ..ChurnRecord::default() });
            assert!(found.required && found.rule == RuleKind::Workload);
            (found.status, found.sentence)
        };
        assert_eq!(of(0, 0), (Status::Undecided, "Began no iteration.".to_owned()));
        assert_eq!(of(24, 0), (Status::Holds, "Began 24 iterations; none failed.".to_owned()));
        let text = "Began 24 iterations, and 2 of them failed (2 may). The first: get /x: refused.";
        assert_eq!(of(24, 2), (Status::Holds, text.to_owned()));
        assert_eq!(of(24, 3).0, Status::Undecided);
        assert_eq!(of(1, 1).0, Status::Undecided);
        let several = |failed| ChurnRecord { begun: 12, failed, max_failed: 0.1, users: 4, ..ChurnRecord::default() };
        assert_eq!(churn(&several(0)).sentence, "Began 12 iterations by 4 users; none failed.");
        let text = "Began 12 iterations by 4 users, and 2 of them failed (1 may).";
        assert_eq!((churn(&several(2)).status, churn(&several(2)).sentence.as_str()), (Status::Undecided, text));
        let wild = ChurnRecord { begun: 3, failed: u64::MAX, max_failed: f64::NAN, ..ChurnRecord::default() };
        assert_eq!(churn(&wild).status, Status::Undecided);
    }
}
