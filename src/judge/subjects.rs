//! Whose figures are judged, and who carries a breach.
//!
//! A class is judged for the target as a whole, or for each of its programs or paths by itself. Each subject is one more test:
//! twenty programs of a class that are judged by themselves raise the false alarms of that class twentyfold (at the 0.15 % of a
//! class-night to 3 %), where the target as a whole costs one. Name the classes that are worth it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Class, Night, TARGET, finding_of, sentence};
use crate::model::{Carrier, CarrierKind, DeadHandle, Finding, Metric, ProcId, RuleKind, RunRecord, Snapshot, Status};
use crate::series::{
    Held, Part, Question, Series, Subject, Windows, can_split, collapsed_name, held_by, parts, program_name,
};
use crate::threshold::{ClassRule, Per, RuleSet, Selector};

/// Subjects of a class whose rule is undecided and that are named one by one; more are one finding.
const UNDECIDED: usize = 5;
/// Carriers of each kind, and the smallest share worth a name.
const CARRIERS: (usize, f64) = (5, 0.05);
/// The share of the time and the most seconds over which a carrier must hold its level, as for the level at the end.
const HELD: (f64, f64) = (1.0 / 6.0, 300.0);
/// The fewest snapshots of such a window.
const HELD_POINTS: usize = 3;

/// The question that a rule asks of the snapshots.
pub(super) fn question<'a>(record: &RunRecord, rule: &'a ClassRule) -> Question<'a> {
    Question {
        class: &rule.name,
        select: &rule.select,
        older_than: rule.older_than,
        memory_limit: record.target.memory_limit,
    }
}

/// The classes of the thresholds, one for each subject.
pub(super) fn classes<'a>(record: &RunRecord, rules: &'a RuleSet, watched: &[&Snapshot]) -> Vec<Class<'a>> {
    let questions: Vec<Question<'_>> = rules.classes.iter().map(|rule| question(record, rule)).collect();
    let wholes = Series::read_all(&questions, watched);
    let each = rules.classes.iter().zip(&questions).zip(wholes);
    each.flat_map(|((rule, question), whole)| of_rule(rule, question, whole, watched)).collect()
}

/// The subjects of a class. Where there is none, the whole is judged: nobody holding any is a figure too, and nobody who could
/// be read is none.
fn of_rule<'a>(rule: &'a ClassRule, question: &Question<'_>, whole: Series, watched: &[&Snapshot]) -> Vec<Class<'a>> {
    let found = if can_split(&rule.select, rule.per) { parts(question, rule.per, watched) } else { Vec::new() };
    let whole = Class::whole(rule, whole);
    if found.is_empty() {
        return vec![whole];
    }
    let part = |part: Part| {
        let (subject, judged) = match &part.subject {
            Subject::Program(name) => (format!("process {name}"), Judged::All),
            Subject::OtherPrograms => ("other programs".to_owned(), Judged::All),
            Subject::Path(name) => (format!("path {name}"), Judged::Figures),
            Subject::OtherPaths => ("other paths".to_owned(), Judged::Figures),
        };
        Class { rule, subject, of: Some(part.subject), members: part.members, judged, series: part.series }
    };
    let parts = found.into_iter().map(part);
    // A dead handle does not say on which path it was opened: those are judged of the whole.
    let dead =
        (rule.per == Per::Path && rule.max_dead.is_some()).then_some(Class { judged: Judged::DeadHandles, ..whole });
    dead.into_iter().chain(parts).collect()
}

/// Which rules of a class are judged of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// Every rule.
    All,
    /// All but `max_dead`.
    Figures,
    /// `max_dead` only.
    DeadHandles,
}

impl Judged {
    /// True where a rule is among them.
    pub(super) fn covers(self, rule: RuleKind) -> bool {
        match self {
            Self::All => true,
            Self::Figures => rule != RuleKind::MaxDead,
            Self::DeadHandles => rule == RuleKind::MaxDead,
        }
    }
}

impl Class<'_> {
    /// True where a dead handle is this subject's.
    pub(super) fn has(&self, handle: &DeadHandle) -> bool {
        match &self.of {
            Some(Subject::Program(_) | Subject::OtherPrograms) => self.members.contains(&handle.process),
            Some(Subject::Path(_) | Subject::OtherPaths) | None => true,
        }
    }
}

/// Folds the undecided subjects of a rule into one finding where there are many of them: a short night would else fill a page
/// with the same sentence.
pub(super) fn fold(classes: &[Class<'_>], findings: Vec<Finding>) -> Vec<Finding> {
    let alone = |found: &Finding| found.status != Status::Undecided || found.subject == TARGET;
    let mut number: BTreeMap<(String, RuleKind), usize> = BTreeMap::new();
    for found in findings.iter().filter(|found| !alone(found)) {
        *number.entry((found.class.clone(), found.rule)).or_insert(0) += 1;
    }
    // Of earlier nights there is one thing to say, whoever it is said of.
    let many =
        |found: &Finding, number: usize| number > if found.rule == RuleKind::MaxVsBaseline { 1 } else { UNDECIDED };
    let mut folded: Vec<Finding> = Vec::with_capacity(findings.len());
    let mut places: HashMap<(String, RuleKind), usize> = HashMap::new();
    for found in findings {
        let key = (found.class.clone(), found.rule);
        let own = number.get(&key).copied().unwrap_or(0);
        if alone(&found) || !many(&found, own) {
            folded.push(found);
        } else if let Some(first) = places.get(&key).and_then(|place| folded.get_mut(*place)) {
            first.required |= found.required;
        } else if let Some(class) = classes.iter().find(|class| class.rule.name == found.class) {
            places.insert(key, folded.len());
            folded.push(of_many(class, &found, own));
        }
    }
    folded
}

/// One finding for many subjects of a class, of which the largest is `first`.
fn of_many(class: &Class<'_>, first: &Finding, number: usize) -> Finding {
    let subjects = if class.rule.per == Per::Path { "paths" } else { "programs" };
    let text = sentence::levels::undecided_for(number, subjects, &first.subject, &first.sentence);
    let mut found = finding_of(class, first.rule, Status::Undecided, text);
    found.fingerprint = super::fingerprint(&first.class, subjects, first.rule);
    found.subject = subjects.to_owned();
    found.required = first.required;
    found.allowed = first.allowed;
    found
}

/// Who carries a growth, a level or dead handles of a class: programs and paths with their share of it.
pub(super) fn carriers(night: &Night<'_>, class: &Class<'_>, finding: &Finding) -> Vec<Carrier> {
    if finding.rule == RuleKind::MaxDead {
        return of_dead(night, class, &finding.dead);
    }
    let Some(windows) = windows(night, finding) else { return Vec::new() };
    let question = question(night.record, class.rule);
    let only = class.of.as_ref().map(|subject| (subject, &class.members));
    let held = |by| held_by(&question, by, only, &night.watched, windows);
    let rises = |held: Vec<Held>| held.into_iter().map(|held| (held.name, held.after - held.before)).collect();
    let (programs, paths) = match &class.of {
        None => (held(Per::Process), held(Per::Path)),
        Some(Subject::Program(_) | Subject::OtherPrograms) => (Vec::new(), held(Per::Path)),
        Some(Subject::Path(_)) => (held(Per::Process), Vec::new()),
        Some(Subject::OtherPaths) => (Vec::new(), Vec::new()),
    };
    let mut paths = largest(CarrierKind::Path, rises(paths));
    // That sockets are held on `socket:[*]` is known.
    if matches!(class.rule.select, Selector::Metric(Metric::Fd(_))) {
        paths.retain(|carrier| carrier.name.contains('/'));
    }
    let mut carriers = largest(CarrierKind::Process, rises(programs));
    carriers.extend(paths);
    carriers
}

/// The spans of time between which a growth is measured, or over which a level is held at the end.
fn windows(night: &Night<'_>, finding: &Finding) -> Option<Windows> {
    let times: Vec<f64> = night.watched.iter().map(|look| look.at_s()).collect();
    let end = *times.last()?;
    let warmup_end = finding.growth.as_ref().map(|estimate| estimate.warmup_end_s);
    // What was held before a restart was given back with it.
    let from = warmup_end.unwrap_or(0.0).max(night.last_start());
    let first = times.partition_point(|at| *at < from);
    let long = ((end - from) * HELD.0).clamp(0.0, HELD.1);
    let third = times.get(first + HELD_POINTS - 1).copied()?;
    let third_last = times.len().checked_sub(HELD_POINTS).and_then(|at| times.get(at)).copied()?;
    let before = warmup_end.map(|_| (from, (from + long).max(third)));
    Some(Windows { before, after: ((end - long).min(third_last), end) })
}

fn of_dead(night: &Night<'_>, class: &Class<'_>, dead: &[DeadHandle]) -> Vec<Carrier> {
    let mut programs: BTreeMap<ProcId, String> = BTreeMap::new();
    let holders: HashSet<ProcId> = dead.iter().map(|handle| handle.process).collect();
    // The later name of a process is the better one, but a dead process has no command line.
    for process in night.watched.iter().rev().flat_map(|look| &look.processes) {
        if holders.contains(&process.id) && !process.cmdline.is_empty() && !programs.contains_key(&process.id) {
            programs.insert(process.id, program_name(process));
        }
        if programs.len() == holders.len() {
            break;
        }
    }
    let count = |names: Vec<String>| {
        let mut numbers: BTreeMap<String, f64> = BTreeMap::new();
        names.into_iter().for_each(|name| *numbers.entry(name).or_insert(0.0) += 1.0);
        numbers.into_iter().collect::<Vec<_>>()
    };
    let mut carriers = Vec::new();
    if class.of.is_none() {
        let names = dead.iter().filter_map(|handle| programs.get(&handle.process).cloned());
        carriers = largest(CarrierKind::Process, count(names.collect()));
    }
    let details = dead.iter().filter(|handle| !handle.detail.trim().is_empty());
    let details = details.map(|handle| collapsed_name(handle.detail.trim())).collect();
    carriers.extend(largest(CarrierKind::Path, count(details)));
    carriers
}

/// The carriers with the largest shares of what all together have.
fn largest(of: CarrierKind, figures: Vec<(String, f64)>) -> Vec<Carrier> {
    let mut figures: Vec<(String, f64)> =
        figures.into_iter().filter(|(_, figure)| figure.is_finite() && *figure > 0.0).collect();
    figures.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    // Summed in order: the last digit of a sum hangs on it.
    let whole: f64 = figures.iter().map(|(_, figure)| figure).sum();
    let carrier = |(name, figure): (String, f64)| Carrier { of, name, figure, share: figure / whole };
    figures.into_iter().map(carrier).filter(|carrier| carrier.share >= CARRIERS.1).take(CARRIERS.0).collect()
}
