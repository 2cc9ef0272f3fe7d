//! The line that a night leaves in the history.

use std::collections::BTreeMap;

use super::subjects::question;
use super::{Night, TARGET, standing};
use crate::model::{
    Assessment, FdClass, Finding, HistoryClass, HistoryLine, HistoryWork, Metric, RUN_FORMAT, Recorded, RuleKind,
    Status,
};
use crate::series::{Question, Series, dead_at_end};
use crate::threshold::{RuleSet, Selector};

/// The built-in classes that every line has, whatever the thresholds name.
const ALWAYS: [Metric; 8] = [
    Metric::FdTotal,
    Metric::Fd(FdClass::Eventpoll),
    Metric::Fd(FdClass::Pidfd),
    Metric::Fd(FdClass::Socket),
    Metric::ProcCount,
    Metric::ProcThreads,
    Metric::MemAnon,
    Metric::MemRss,
];

/// The line of a judged night.
pub fn history_line(recorded: Recorded<'_>, assessment: &Assessment, rules: &RuleSet) -> HistoryLine {
    let Recorded { record, snapshots, .. } = recorded;
    let night = Night::of(recorded, rules);
    let mut classes = BTreeMap::new();
    let always = ALWAYS.map(|metric| (metric.to_string(), Selector::Metric(metric)));
    let memory_limit = record.target.memory_limit;
    let questions = always.each_ref().map(|(class, select)| Question { class, select, older_than: None, memory_limit });
    for (series, (class, select)) in Series::read_all(&questions, &night.watched).iter().zip(&always) {
        classes.insert(class.clone(), kept(&night, series, select, assessment));
    }
    let mut seen: Option<&str> = None;
    for class in &night.classes {
        let rule = class.rule;
        // The subjects of a class stand one after the other; the history keeps the class as a whole.
        if seen.replace(&rule.name) == Some(&rule.name) {
            continue;
        }
        let whole = class.of.as_ref().map(|_| Series::read(&question(record, rule), &night.watched));
        // A class of the thresholds stands before the built-in one of the same name: it may have an age limit.
        let series = whole.as_ref().unwrap_or(&class.series);
        classes.insert(rule.name.clone(), kept(&night, series, &rule.select, assessment));
    }
    HistoryLine {
        format: RUN_FORMAT,
        run: record.run.clone(),
        scenario: record.scenario.clone(),
        started: record.started,
        soaked_s: standing::soaked_s(&night),
        snapshots: snapshots.len() as u64,
        verdict: assessment.verdict,
        reason: assessment.reason.clone(),
        image: record.target.image.clone(),
        labels: record.target.labels.clone(),
        kernel: record.host.kernel.clone(),
        machine: record.host.kind(),
        engine: record.engine.as_ref().map_or_else(String::new, |engine| engine.version.clone()),
        scenario_digest: record.scenario_digest.clone(),
        thresholds_digest: record.thresholds_digest.clone(),
        classes,
        broken: broken(assessment).map(|found| found.fingerprint.clone()).collect(),
        acknowledged: broken(assessment)
            .filter(|found| found.ack.is_some())
            .map(|found| found.fingerprint.clone())
            .collect(),
        causes: assessment.causes.iter().map(|cause| cause.title.clone()).collect(),
        work: HistoryWork::of(record),
    }
}

fn broken(assessment: &Assessment) -> impl Iterator<Item = &Finding> {
    assessment.findings.iter().filter(|found| found.status == Status::Breaks)
}

fn kept(night: &Night<'_>, series: &Series, select: &Selector, assessment: &Assessment) -> HistoryClass {
    let own = || assessment.findings.iter().filter(|found| found.rule.is_of_class() && found.class == series.class);
    let rate = own()
        .filter(|found| found.rule == RuleKind::MaxGrowth && found.subject == TARGET)
        .find_map(|found| found.growth.as_ref());
    let dead = dead_at_end(&night.watched, select);
    HistoryClass {
        unit: series.unit,
        level: series.held_level(night.last_start()),
        rate: rate.map(|estimate| estimate.rate),
        seen: rate.and_then(|estimate| estimate.sensitivity),
        dead: dead.map_or(0, |dead| dead.len() as u64),
        status: Status::worst(own().map(|found| found.status)),
    }
}
