//! What a night says of one class and subject, all its findings together.

use std::collections::{BTreeMap, BTreeSet};

use super::track::Track;
use crate::judge::evidence::Outcome;
use crate::judge::growth;
use crate::judge::{Class, Night, TARGET};
use crate::model::{
    DeadHandle, Estimate, FdClass, Finding, Metric, ProcState, Reading, RuleKind, Snapshot, Status, Unit,
};
use crate::series::{Question, Series, app_processes};
use crate::threshold::{ClassRule, Per, Selector};

/// Fewest steps by which something that breaks no rule is said to grow.
const GROWS: usize = 3;
/// Most classes that no rule names and that are looked into.
const UNLISTED: usize = 12;
/// They must rise by so much of the smallest breach that grows, and by so many.
const WORTH: (f64, f64) = (0.3, 3.0);

/// A class and subject with what was found.
#[derive(Debug)]
pub(super) struct Item<'a> {
    /// The class, as the thresholds name it.
    pub(super) class: &'a str,
    /// See [`Finding::subject`].
    pub(super) subject: &'a str,
    /// What it is made of: of a class of the user's own, the built-in class that most of it belongs to.
    pub(super) metric: Metric,
    /// What a class of the user's own matches; `None` for a built-in one.
    own: Option<BTreeSet<String>>,
    /// Its broken rules, in the order of the findings.
    pub(super) breaches: Vec<&'a Finding>,
    /// Its dead handles.
    pub(super) dead: &'a [DeadHandle],
    /// When it grew, by the steps of its floor, or by when its handles died.
    pub(super) track: Track,
    /// The rises of its floor, as finely as they were seen.
    pub(super) rises: Vec<(f64, f64)>,
    /// True where its floor rose.
    pub(super) grows: bool,
    /// The level it holds.
    level: f64,
}

impl<'a> Item<'a> {
    /// True where it is part of the story: it breaks a rule, or grows though that is undecided.
    fn counts(&self) -> bool {
        !self.breaches.is_empty() || (self.grows && self.track.steps.len() >= GROWS)
    }

    /// How much it rose.
    pub(super) fn rise(&self) -> f64 {
        self.track.rise()
    }

    /// True for the one that is a part of the other, or the same seen more narrowly.
    pub(super) fn is_part_of(&self, whole: &Item<'_>) -> bool {
        let other_subject = self.subject != whole.subject;
        if (self.class == whole.class && !other_subject) || (other_subject && whole.subject != TARGET) {
            return false;
        }
        match (&self.own, &whole.own) {
            (None, None) => within(self.metric, whole.metric) || (self.metric == whole.metric && other_subject),
            (Some(_), None) => self.metric == whole.metric || within(self.metric, whole.metric),
            (None, Some(_)) => false,
            (Some(part), Some(all)) => {
                // Of two classes that match the same, the first by name stands for both.
                let narrower = part.len() < all.len() || other_subject || self.class < whole.class;
                !part.is_empty() && part.is_subset(all) && narrower
            }
        }
    }

    /// How much of it there is, in the measure in which the whole is a breach.
    pub(super) fn size_beside(&self, whole: &Item<'_>) -> f64 {
        let size = if whole.grows {
            if self.grows { self.rise() } else { 0.0 }
        } else if whole.dead.is_empty() {
            self.level
        } else {
            self.dead.len() as f64
        };
        if size.is_finite() { size } else { 0.0 }
    }
}

/// True where every descriptor, process or byte of the one counts in the other too.
fn within(part: Metric, whole: Metric) -> bool {
    match (part, whole) {
        (Metric::Fd(_) | Metric::Kind(_), Metric::FdTotal) => true,
        (Metric::Kind(kind), Metric::Fd(class)) => kind.class() == class,
        // The states of TCP count the sockets of its families again.
        (Metric::Kind(state), Metric::Kind(family)) => {
            state.is_tcp_state() && matches!(family, crate::model::FdKind::Tcp | crate::model::FdKind::Tcp6)
        }
        (Metric::ProcZombie | Metric::ProcOrphan, Metric::ProcCount) => true,
        (Metric::ProcCount | Metric::ProcZombie | Metric::ProcOrphan | Metric::ProcThreads, Metric::CgroupPids)
        | (Metric::ProcCount, Metric::ProcThreads) => true,
        (Metric::MemAnon | Metric::MemFile | Metric::MemShmem, Metric::MemRss) => true,
        (Metric::MemAnon, Metric::CgroupAnon) => true,
        (
            Metric::MemAnon | Metric::MemShmem | Metric::CgroupAnon | Metric::CgroupFile | Metric::CgroupKernel,
            Metric::CgroupMemory,
        ) => true,
        (Metric::MemShmem, Metric::CgroupFile) => true,
        (_, _) => false,
    }
}

/// The items of a night that count: those of the findings, and the classes that grow though no rule names them.
pub(super) fn items<'a>(night: &'a Night<'_>, findings: &'a [Finding], unnamed: &'a [ClassRule]) -> Vec<Item<'a>> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.rule.is_of_class()) {
        groups.entry((&finding.class, &finding.subject)).or_default().push(finding);
    }
    let mut items: Vec<Item<'_>> =
        groups.into_iter().map(|((class, subject), group)| of_findings(night, class, subject, &group)).collect();
    let grown = unlisted(night, &items, unnamed);
    items.extend(grown);
    items.retain(Item::counts);
    items
}

fn of_findings<'a>(night: &Night<'_>, class: &'a str, subject: &'a str, group: &[&'a Finding]) -> Item<'a> {
    let known = night.classes.iter().find(|known| known.rule.name == class);
    let (metric, own) = match known.map(|known| &known.rule.select) {
        Some(Selector::Metric(metric)) => (*metric, None),
        Some(select @ (Selector::Links(_) | Selector::Cmdline(_))) => matched(night, select),
        None => (class.parse().unwrap_or(Metric::Fd(FdClass::Unknown)), None),
    };
    let estimate = group
        .iter()
        .filter(|finding| finding.rule == RuleKind::MaxGrowth && finding.status != Status::Holds)
        .find_map(|finding| finding.growth.as_ref());
    let breaches: Vec<&Finding> = group.iter().copied().filter(|finding| finding.status == Status::Breaks).collect();
    let dead = breaches.iter().find(|finding| !finding.dead.is_empty()).map_or(&[][..], |finding| &finding.dead);
    let level = |rule: RuleKind| group.iter().find(|finding| finding.rule == rule).and_then(|finding| finding.measured);
    let level = level(RuleKind::Max)
        .or(level(RuleKind::MaxVsBaseline))
        .or(level(RuleKind::SettleTo))
        .or(group.iter().find_map(|finding| Some(finding.growth.as_ref()?.level)))
        .unwrap_or(0.0);
    Item { class, subject, metric, own, breaches, ..course(night, estimate, dead, metric, level) }
}

/// The part of an item that tells when it grew.
fn course<'a>(
    night: &Night<'_>,
    estimate: Option<&Estimate>,
    dead: &'a [DeadHandle],
    metric: Metric,
    level: f64,
) -> Item<'a> {
    let grown = estimate.map(|estimate| (rises(night, estimate), span(estimate), estimate));
    let grown = grown.filter(|(rises, _, estimate)| !rises.is_empty() && estimate.rise > 0.0);
    let grows = grown.is_some();
    let (track, rises) = match grown {
        Some((rises, (from_s, to_s), estimate)) => {
            // Memory has no steps of its own: the rises from window to window stand for them.
            let steps = if estimate.steps.is_empty() { rises.clone() } else { estimate.steps.clone() };
            (Track::of(steps, from_s, to_s), rises)
        }
        None => {
            let died: Vec<(f64, f64)> =
                dead.iter().map(|handle| (handle.first_ms as f64 / 1000.0, 1.0)).filter(|died| died.0 > 0.0).collect();
            let end = night.watched.last().map_or(0.0, |last| last.at_s());
            (Track::of(died.iter().copied(), 0.0, end), died)
        }
    };
    let (class, subject) = ("", TARGET);
    Item { class, subject, metric, own: None, breaches: Vec::new(), dead, track, rises, grows, level }
}

/// From when to when a floor was followed, seconds since the soak began.
fn span(estimate: &Estimate) -> (f64, f64) {
    let first = estimate.floor.first().map_or(estimate.warmup_end_s, |point| point.0);
    let last = estimate.floor.last().map_or(first, |point| point.0);
    (first, last)
}

/// The rises of a floor above what it reached before; a restart begins anew.
fn rises(night: &Night<'_>, estimate: &Estimate) -> Vec<(f64, f64)> {
    let mut rises = Vec::new();
    let mut reached: Option<(f64, f64)> = None;
    for (at, level) in estimate.floor.iter().copied().filter(|point| point.0.is_finite() && point.1.is_finite()) {
        match reached {
            Some((before, _)) if night.restarts.iter().any(|restart| *restart > before && *restart <= at) => {
                reached = Some((at, level));
            }
            Some((_, most)) => {
                if level > most {
                    rises.push((at, level - most));
                }
                reached = Some((at, level.max(most)));
            }
            None => reached = Some((at, level)),
        }
    }
    rises
}

/// What a class of the user's own is made of, and the names that it matches, by the last snapshot in which it matches any.
fn matched(night: &Night<'_>, select: &Selector) -> (Metric, Option<BTreeSet<String>>) {
    for look in night.watched.iter().rev() {
        let (mut names, mut tally) = (BTreeSet::new(), BTreeMap::<FdClass, u64>::new());
        for process in app_processes(look) {
            match select {
                Selector::Links(globs) => {
                    let Reading::Value(fds) = &process.fds else { continue };
                    for link in fds.links.iter().filter(|link| globs.iter().any(|glob| glob.is_match(&link.name))) {
                        names.insert(link.name.clone());
                        let sum = tally.entry(link.class).or_insert(0);
                        *sum = sum.saturating_add(link.count);
                    }
                }
                Selector::Cmdline(patterns) => {
                    if process.state != ProcState::Zombie && patterns.iter().any(|it| it.is_match(&process.cmdline)) {
                        names.insert(process.id.to_string());
                    }
                }
                Selector::Metric(_) => {}
            }
        }
        if !names.is_empty() {
            let most = tally.iter().max_by_key(|(_, count)| **count).map(|(class, _)| Metric::Fd(*class));
            return (most.unwrap_or(Metric::ProcCount), Some(names));
        }
    }
    let nothing = match select {
        Selector::Cmdline(_) => Metric::ProcCount,
        Selector::Links(_) | Selector::Metric(_) => Metric::Fd(FdClass::File),
    };
    (nothing, Some(BTreeSet::new()))
}

/// A rule that asks for nothing, for each built-in class that could grow beside those of the thresholds.
pub(super) fn unnamed_rules(night: &Night<'_>, findings: &[Finding]) -> Vec<ClassRule> {
    let grown = |finding: &&Finding| {
        finding.status == Status::Breaks
            && finding.unit == Unit::Count
            && finding.growth.as_ref().is_some_and(|growth| growth.rise > 0.0)
    };
    let grown: Vec<&Estimate> = findings.iter().filter(grown).filter_map(|finding| finding.growth.as_ref()).collect();
    let Some(least) = grown.iter().map(|growth| growth.rise).min_by(f64::total_cmp) else { return Vec::new() };
    let from = grown.iter().map(|growth| growth.warmup_end_s).fold(f64::INFINITY, f64::min);
    let looks: Vec<&Snapshot> = [night.watched.iter().find(|look| look.at_s() >= from), night.watched.last()]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    let named = |metric: Metric| {
        night.classes.iter().any(|class| matches!(class.rule.select, Selector::Metric(own) if own == metric))
    };
    let mut rose: Vec<(Metric, f64)> = Metric::all()
        .filter(|metric| metric.unit() == Unit::Count && *metric != Metric::FdTotal && !named(*metric))
        .filter_map(|metric| {
            let series = read(&metric.to_string(), &Selector::Metric(metric), &looks);
            let (first, last) = (series.points.first()?, series.points.last()?);
            Some((metric, last.1 - first.1))
        })
        .filter(|(_, rise)| *rise >= WORTH.1 && *rise >= WORTH.0 * least)
        .collect();
    rose.sort_by(|a, b| b.1.total_cmp(&a.1));
    rose.into_iter().take(UNLISTED).map(|(metric, _)| quiet_rule(metric)).collect()
}

fn read(class: &str, select: &Selector, looks: &[&Snapshot]) -> Series {
    Series::read(&Question { class, select, older_than: None, memory_limit: None }, looks)
}

fn quiet_rule(metric: Metric) -> ClassRule {
    ClassRule {
        name: metric.to_string(),
        select: Selector::Metric(metric),
        severity: crate::model::Severity::Warn,
        required: false,
        max: None,
        max_limit_ratio: None,
        max_dead: None,
        max_growth_per_hour: Some(0.0),
        must_detect_per_hour: 24.0,
        max_vs_baseline: None,
        baseline_slack: 0.0,
        settle_to: None,
        per: Per::Target,
        cycle: None,
        older_than: None,
    }
}

/// Classes that no rule names and that grow: they tell what the others come from.
fn unlisted<'a>(night: &Night<'_>, listed: &[Item<'a>], unnamed: &'a [ClassRule]) -> Vec<Item<'a>> {
    if listed.iter().all(|item| item.breaches.is_empty()) {
        return Vec::new();
    }
    let grown = unnamed.iter().filter_map(|rule| {
        let class = Class::whole(rule, read(&rule.name, &rule.select, &night.watched));
        let growth = growth::judge(night, &class, 0.0);
        if growth.outcome == Outcome::Holds {
            return None;
        }
        let estimate = growth.estimate.filter(|estimate| estimate.rise > 0.0)?;
        let Selector::Metric(metric) = rule.select else { return None };
        Some(Item { class: &rule.name, ..course(night, Some(&estimate), &[], metric, estimate.level) })
    });
    grown.collect()
}
