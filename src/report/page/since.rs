//! What changed since the night before.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::build;
use super::parts::{Fact, clip, day, listed, moment, name};
use super::view::View;
use crate::model::{Ending, Finding, HistoryLine, Severity, Status, StoredNight, Verdict};

/// The strip below the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Since {
    /// What it is called for those who do not see it.
    pub(crate) label: String,
    pub(crate) facts: Vec<Fact>,
}

/// What is known of an earlier night, from its folder or from the history.
#[derive(Debug)]
pub(crate) struct Before<'a> {
    pub(crate) started: jiff::Timestamp,
    image: Option<&'a str>,
    labels: &'a BTreeMap<String, String>,
    kernel: &'a str,
    machine: String,
    engine: &'a str,
    scenario_digest: &'a str,
    thresholds_digest: &'a str,
    verdict: Option<Verdict>,
    broken: Vec<&'a str>,
}

impl<'a> From<&'a HistoryLine> for Before<'a> {
    fn from(line: &'a HistoryLine) -> Self {
        Self {
            started: line.started,
            image: line.image.as_deref(),
            labels: &line.labels,
            kernel: &line.kernel,
            machine: line.machine.clone(),
            engine: &line.engine,
            scenario_digest: &line.scenario_digest,
            thresholds_digest: &line.thresholds_digest,
            verdict: Some(line.verdict),
            broken: line.broken.iter().map(String::as_str).collect(),
        }
    }
}

impl<'a> From<&'a StoredNight> for Before<'a> {
    fn from(night: &'a StoredNight) -> Self {
        let findings = night.assessment.iter().flat_map(|assessment| &assessment.findings);
        Self {
            started: night.record.started,
            image: night.record.target.image.as_deref(),
            labels: &night.record.target.labels,
            kernel: &night.record.host.kernel,
            machine: night.record.host.kind(),
            engine: night.record.engine.as_ref().map_or("", |engine| engine.version.as_str()),
            scenario_digest: &night.record.scenario_digest,
            thresholds_digest: &night.record.thresholds_digest,
            verdict: night.assessment.as_ref().map(|assessment| assessment.verdict),
            broken: findings.filter(|f| f.status == Status::Breaks).map(|f| f.fingerprint.as_str()).collect(),
        }
    }
}

/// The night that this one is held against, if there was one.
pub(crate) fn before<'a>(view: &View<'a>) -> Option<Before<'a>> {
    let line = HistoryLine::reference(view.history, &view.night.record);
    line.map(Before::from).or_else(|| view.previous.map(Before::from))
}

/// How breaches of one story relate to the nights before: `new tonight`, `standing, 3rd night`. One of them that stood is
/// enough.
pub(crate) fn standing(view: &View<'_>, findings: &[&Finding]) -> String {
    let Some(before) = before(view) else { return "first night".to_owned() };
    let broke = |line: &&HistoryLine| findings.iter().any(|finding| line.broken.contains(&finding.fingerprint));
    if !findings.iter().any(|finding| before.broken.contains(&finding.fingerprint.as_str())) {
        return match view.history.iter().rev().find(broke) {
            Some(line) => format!("back, last seen {}", day(line.started)),
            None => "new tonight".to_owned(),
        };
    }
    match view.history.iter().rev().take_while(broke).count() {
        0 | 1 => "standing, 2nd night".to_owned(),
        2 => "standing, 3rd night".to_owned(),
        nights => format!("standing, {}th night", nights + 1),
    }
}

/// `Since last night`, or since when, if that was not the night before.
fn since_when(then: jiff::Timestamp, now: jiff::Timestamp) -> String {
    let hours = (now.as_second() - then.as_second()) / 3600;
    match hours {
        12..=36 => "Since last night".to_owned(),
        0..12 => format!("Since the run of {}", moment(then)),
        _ => format!("Since {}", day(then)),
    }
}

pub(crate) fn since(view: &View<'_>) -> Since {
    let record = &view.night.record;
    let Some(before) = before(view) else {
        let fact =
            Fact::new("Since last night", "First night").class("w").sub("of this scenario: nothing to compare with");
        return Since { label: "Since last night".to_owned(), facts: vec![fact] };
    };
    let when = since_when(before.started, record.started);
    let mut facts = vec![image(view, &before, &when)];
    // What is acknowledged is no news.
    let breaks: Vec<&Finding> = view.with(Status::Breaks).filter(|finding| finding.ack.is_none()).collect();
    let (old, new): (Vec<&Finding>, Vec<&Finding>) =
        breaks.iter().partition(|finding| before.broken.contains(&finding.fingerprint.as_str()));
    let gone = |finding: &&&str| view.with(Status::Holds).any(|holds| holds.fingerprint == **finding);
    let (gone, rest): (Vec<&&str>, Vec<&&str>) = before.broken.iter().partition(gone);
    let open = rest.iter().filter(|print| !breaks.iter().any(|finding| finding.fingerprint == ***print)).count();
    let named = |findings: &[&Finding]| {
        let mut names: Vec<String> = findings.iter().map(|finding| name(&finding.class)).collect();
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        if names.is_empty() { "none".to_owned() } else { listed(&names, 3) }
    };
    let alarm = |findings: &[&Finding]| match findings.iter().map(|finding| finding.severity).max() {
        Some(Severity::Fail) => "bad",
        Some(Severity::Warn) => "amb",
        None => "",
    };
    if view.night.assessment.is_none() {
        facts.push(Fact::new("Findings", "not judged").class("w").sub("nothing to compare"));
    } else {
        facts.push(Fact::new("New findings", new.len().to_string()).class(alarm(&new)).sub(named(&new)));
        facts.push(Fact::new("Standing", old.len().to_string()).class(alarm(&old)).sub(named(&old)));
        let names: Vec<&Finding> =
            view.with(Status::Holds).filter(|holds| gone.iter().any(|print| **print == holds.fingerprint)).collect();
        let mut sub = named(&names);
        if open > 0 {
            sub = format!("{sub}; {open} not judged tonight");
        } else if before.broken.is_empty() && before.verdict == Some(Verdict::Pass) {
            "it passed".clone_into(&mut sub);
        }
        facts.push(Fact::new("Gone", gone.len().to_string()).sub(sub));
    }
    facts.push(comparable(view, &before));
    Since { label: when, facts }
}

fn image(view: &View<'_>, before: &Before<'_>, when: &str) -> Fact {
    let target = &view.night.record.target;
    let now = build::build(&target.labels, target.image.as_deref());
    let then = build::build(before.labels, before.image);
    let digests = match (before.image.map(build::digest), target.image.as_deref().map(build::digest)) {
        (Some(then), Some(now)) if then != now => format!("image {then} → {now}"),
        (Some(_), Some(now)) => format!("image {now}"),
        _ => String::new(),
    };
    let same = match (before.image, target.image.as_deref()) {
        (Some(then), Some(now)) => then == now,
        _ => then == now,
    };
    match (then, now) {
        (_, None) | (None, _) => Fact::new(format!("{when}, the image"), "is not known").class("w"),
        (Some(_), Some(now)) if same => {
            Fact::new(format!("{when}, the image did not change"), now).class("w").sub(digests)
        }
        (Some(then), Some(now)) if then == now => {
            Fact::new(format!("{when}, the image changed"), format!("{now}, built anew")).class("w").sub(digests)
        }
        (Some(then), Some(now)) => {
            Fact::new(format!("{when}, the image changed"), format!("{then} → {now}")).class("w").sub(digests)
        }
    }
}

/// Whether the figures of the two nights may be held against each other.
fn comparable(view: &View<'_>, before: &Before<'_>) -> Fact {
    let record = &view.night.record;
    if view.night.snapshots.is_empty() {
        return Fact::new("Comparable", "no").class("w").sub("nothing was watched tonight");
    }
    let mut changed = Vec::new();
    if record.ending != Ending::Completed {
        changed.push("the night was cut short".to_owned());
    }
    if before.scenario_digest != record.scenario_digest {
        changed.push("another scenario file".to_owned());
    }
    // What older versions did not write down is not known to differ.
    let mut differs = |what: &str, then: &str, now: &str| {
        if !then.is_empty() && then != now {
            changed.push(format!("{what} {} → {}", clip(then, 40), clip(now, 40)));
        }
    };
    differs("kernel", before.kernel, &record.host.kernel);
    differs("machine", &before.machine, &record.host.kind());
    differs("engine", before.engine, record.engine.as_ref().map_or("none", |engine| engine.version.as_str()));
    let previous = view.previous.map(|previous| &previous.record);
    if previous.is_some_and(|previous| previous.plan != record.plan) {
        changed.push("another length".to_owned());
    }
    let thresholds = match previous {
        Some(previous) => previous.thresholds_digest.as_str(),
        None => before.thresholds_digest,
    };
    if !thresholds.is_empty() && thresholds != record.thresholds_digest {
        changed.push("other thresholds".to_owned());
    }
    if changed.is_empty() {
        Fact::new("Comparable", "yes").sub("same scenario, thresholds, kernel and machine")
    } else {
        Fact::new("Comparable", "with care").class("w").sub(changed.join(", "))
    }
}
