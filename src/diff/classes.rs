//! What the classes of two nights measured.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use super::past::Past;
use super::shift::{Known, Shift};
use crate::model::{Estimate, FdClass, FdKind, Finding, Metric, RuleKind, Snapshot, Status, StoredNight, Unit};
use crate::series::{Question, Series, dead_at_end, dead_rest_at_end, has_dead, restarts, watched};
use crate::stats::noise::{Floor, within};
use crate::threshold::{self, Selector};

/// A difference of levels below this share of the larger is no news.
const LEVEL_SHARE: f64 = 0.1;
/// Nor is one of so many things or fewer.
const LEVEL_THINGS: f64 = 2.0;
/// Nor is one of so many bytes or fewer.
const LEVEL_BYTES: f64 = 1_048_576.0;
/// The least that a level of bytes moves from night to night: this share of it, and so many bytes.
const LEAST_BYTES: (f64, f64) = (0.001, 65_536.0);
/// A 95 % interval is so many standard deviations wide.
const INTERVAL: f64 = 3.92;
/// The first part of a night that says nothing of its usual noise.
const SETTLING: f64 = 1.0 / 3.0;
/// The stretches whose lowest values are compared within a night, as a share of it: those of a held level.
const STRETCH: f64 = 1.0 / 6.0;

/// The lower and the upper end of an interval.
pub type Interval = (f64, f64);
/// Seconds since the soak began and figures, in ascending order.
pub type Points = Vec<(f64, f64)>;

/// A class in both nights.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassChange {
    /// The class.
    pub class: String,
    /// What it counts in.
    pub unit: Unit,
    /// The level held at the end.
    pub level: Shift,
    /// Growth per hour, where a rule asked for it.
    pub rate: Shift,
    /// The 95 % intervals of the growth, per hour.
    pub rate_intervals: (Option<Interval>, Option<Interval>),
    /// Dead handles at the end.
    pub dead: Shift,
    /// The limit of the later night (of the earlier one where that has none), in the unit: of each process for descriptors.
    pub limit: Option<f64>,
    /// The share of the limit that was held, 0 to 1: of the fullest process for descriptors.
    pub shares: (Option<f64>, Option<f64>),
    /// How its rules fared, the worst of them; `None`: no rule names it.
    pub status: (Option<Status>, Option<Status>),
    /// What to make of it.
    pub weight: Weight,
    /// Seconds since the soak began and the figure, before and after; empty for what is not loud.
    pub points: (Points, Points),
}

/// What to make of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Up by more than noise, or a rule breaks that did not.
    Worse,
    /// It moved enough to matter, and nobody can tell whether that is noise.
    Open,
    /// Down by more than noise, or no rule breaks any more.
    Better,
    /// Only one of the nights tells of it: an older slowdrip did not read it, or it could not be read.
    Untold,
    /// Within noise, or too little to matter.
    Quiet,
}

impl Weight {
    /// True for what stands on top.
    pub fn is_loud(self) -> bool {
        !matches!(self, Self::Untold | Self::Quiet)
    }

    /// The word of the JSON form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Open => "open",
            Self::Better => "better",
            Self::Untold => "untold",
            Self::Quiet => "quiet",
        }
    }
}

impl ClassChange {
    /// True where the class is higher, grows faster or has more dead handles by more than noise, by enough to matter, and is
    /// none that the kernel fills and empties as it likes (page cache).
    pub fn is_up(&self) -> bool {
        let up = |shift: &Shift| shift.matters() && shift.rose();
        !is_cache(&self.class) && (up(&self.level) || up(&self.rate) || up(&self.dead))
    }

    /// True where any of its figures is higher after.
    pub(super) fn rises(&self) -> bool {
        [&self.level, &self.rate, &self.dead].iter().any(|shift| shift.rose())
    }

    /// Every figure of it that is tested.
    pub(super) fn shifts(&mut self) -> impl Iterator<Item = &mut Shift> {
        [&mut self.level, &mut self.rate, &mut self.dead].into_iter()
    }

    /// Says what to make of it, once its figures were tested.
    pub(super) fn weigh(&mut self) {
        let broke = |status: Option<Status>| status == Some(Status::Breaks);
        // A rule that only one of the nights had is a matter of the thresholds, not of the target.
        let judged = self.status.0.is_some() && self.status.1.is_some();
        let worse = judged && broke(self.status.1) && !broke(self.status.0);
        let better = judged && broke(self.status.0) && self.status.1 == Some(Status::Holds);
        let shifts = [&self.level, &self.rate, &self.dead];
        let known = |night: fn(&Shift) -> Option<f64>| night(&self.level).is_some() || night(&self.dead).is_some();
        let one_sided = known(|shift| shift.before) != known(|shift| shift.after);
        let dies = self.dead.change().is_some_and(|change| change > 0.0);
        let down = |shift: &&Shift| shift.matters() && !shift.rose();
        let opens = |shift: &&Shift| shift.is_open() && shift.rose();
        self.weight = if worse || self.is_up() {
            Weight::Worse
        } else if shifts.iter().any(opens) || dies {
            Weight::Open
        } else if better || shifts.iter().any(down) {
            Weight::Better
        } else if shifts.iter().any(|shift| shift.is_open()) {
            Weight::Open
        } else if one_sided {
            Weight::Untold
        } else {
            Weight::Quiet
        };
        if !self.weight.is_loud() {
            self.points = (Vec::new(), Vec::new());
        }
    }
}

fn is_cache(class: &str) -> bool {
    let caches = [Metric::MemFile, Metric::CgroupFile, Metric::CgroupMemory];
    class.parse().is_ok_and(|metric: Metric| caches.contains(&metric))
}

/// What is counted in both nights.
struct Asked {
    class: String,
    select: Selector,
    older_than: Option<Duration>,
}

/// The classes of both nights, built-in ones in the order of their list before a file's own. Nothing is tested yet.
pub(super) fn compare(before: &StoredNight, after: &StoredNight, past: &Past<'_>) -> Vec<ClassChange> {
    let asked = asked(before, after);
    let (before, after) = (Measured::of(before, &asked), Measured::of(after, &asked));
    asked.iter().enumerate().filter_map(|(at, asked)| change(at, asked, &before, &after, past)).collect()
}

/// The built-in classes that either night has to do with, and those of their thresholds.
fn asked(before: &StoredNight, after: &StoredNight) -> Vec<Asked> {
    let mut rules: BTreeMap<String, Asked> = BTreeMap::new();
    for night in [after, before].into_iter().filter(|night| !night.thresholds.trim().is_empty()) {
        // Thresholds that this build cannot read leave the built-in classes.
        let Ok(set) = threshold::parse(Path::new("thresholds.yaml"), &night.thresholds) else { continue };
        for rule in set.classes {
            let asked = Asked { class: rule.name.clone(), select: rule.select, older_than: rule.older_than };
            rules.entry(rule.name).or_insert(asked);
        }
    }
    let mut used = self::used(&before.snapshots);
    used.extend(self::used(&after.snapshots));
    used.extend(
        class_findings(before).chain(class_findings(after)).filter_map(|found| found.class.parse::<Metric>().ok()),
    );
    let mut asked: Vec<Asked> = Vec::new();
    for metric in Metric::all() {
        let class = metric.to_string();
        match rules.remove(&class) {
            Some(rule) => asked.push(rule),
            None if used.contains(&metric) => {
                asked.push(Asked { class, select: Selector::Metric(metric), older_than: None });
            }
            None => {}
        }
    }
    asked.extend(rules.into_values());
    // Classes of findings whose thresholds are not known any more.
    let own: BTreeSet<&str> =
        class_findings(before).chain(class_findings(after)).map(|found| found.class.as_str()).collect();
    for class in own {
        if asked.iter().all(|known| known.class != class) {
            asked.push(Asked { class: class.to_owned(), select: Selector::Links(Vec::new()), older_than: None });
        }
    }
    asked
}

/// The metrics that any of the snapshots tells something of, cheaply: a class of descriptors that nobody holds is not read.
fn used(snapshots: &[Snapshot]) -> BTreeSet<Metric> {
    let (mut classes, mut kinds): (BTreeSet<FdClass>, BTreeSet<FdKind>) = (BTreeSet::new(), BTreeSet::new());
    for process in snapshots.iter().flat_map(|snapshot| &snapshot.processes) {
        let Some(census) = process.fds.value() else { continue };
        let there = |count: &u64| *count > 0;
        classes.extend(census.classes.iter().filter(|(_, count)| there(count)).map(|(class, _)| *class));
        kinds.extend(census.kinds.iter().filter(|(_, count)| there(count)).map(|(kind, _)| *kind));
    }
    Metric::all()
        .filter(|metric| match metric {
            Metric::Fd(class) => classes.contains(class),
            Metric::Kind(kind) => kinds.contains(kind),
            Metric::FdTotal
            | Metric::ProcCount
            | Metric::ProcZombie
            | Metric::ProcOrphan
            | Metric::ProcThreads
            | Metric::MemAnon
            | Metric::MemRss
            | Metric::MemFile
            | Metric::MemShmem
            | Metric::MemSwap
            | Metric::CgroupMemory
            | Metric::CgroupAnon
            | Metric::CgroupFile
            | Metric::CgroupKernel
            | Metric::CgroupPids
            | Metric::DiskLayer
            | Metric::DiskVolumes => !snapshots.is_empty(),
        })
        .collect()
}

fn class_findings(night: &StoredNight) -> impl Iterator<Item = &Finding> {
    night.assessment.iter().flat_map(|assessment| &assessment.findings).filter(|found| found.rule.is_of_class())
}

/// What a night measured, by the place of the class in what was asked.
struct Measured<'a> {
    watched: Vec<&'a Snapshot>,
    series: Vec<Series>,
    since: f64,
    end: f64,
    findings: BTreeMap<&'a str, Vec<&'a Finding>>,
}

impl<'a> Measured<'a> {
    fn of(night: &'a StoredNight, asked: &[Asked]) -> Self {
        let watched = watched(&night.snapshots);
        let memory_limit = night.record.target.memory_limit;
        let questions: Vec<Question<'_>> = asked
            .iter()
            .map(|it| Question { class: &it.class, select: &it.select, older_than: it.older_than, memory_limit })
            .collect();
        let mut findings: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for found in class_findings(night) {
            findings.entry(&found.class).or_default().push(found);
        }
        Self {
            series: Series::read_all(&questions, &watched),
            since: restarts(&night.record).last().copied().unwrap_or(0.0),
            end: watched.last().map_or(0.0, |snapshot| snapshot.at_s()),
            watched,
            findings,
        }
    }

    fn findings(&self, class: &str) -> &[&'a Finding] {
        self.findings.get(class).map_or(&[], Vec::as_slice)
    }

    fn figures(&self, at: usize, asked: &Asked) -> Option<Figures<'_>> {
        let series = self.series.get(at)?;
        let own = self.findings(&asked.class);
        // One subject's figure is not that of the class.
        let whole = || own.iter().filter(|found| found.subject == "target");
        let estimate = whole().filter_map(|found| found.growth.as_ref()).find(|growth| growth.excluded_above.is_some());
        let unknown = matches!(&asked.select, Selector::Links(globs) if globs.is_empty());
        let measured = || whole().find(|found| found.rule == RuleKind::Max).and_then(|found| found.measured);
        let level = if unknown { measured() } else { series.held_level(self.since) };
        let dead = has_dead(&asked.select).then(|| {
            let rest: u64 = dead_rest_at_end(&self.watched, &asked.select).values().sum();
            dead_at_end(&self.watched, &asked.select).map(|dead| dead.len() as u64 + rest)
        });
        Some(Figures {
            level,
            share: series.held_share(self.since),
            limit: series.limit,
            estimate,
            dead: dead.flatten().map(|dead| dead as f64),
            status: Status::worst(own.iter().map(|found| found.status)),
            wanders: within(&series.points, self.since.max(SETTLING * self.end), STRETCH * self.end),
            points: &series.points,
        })
    }
}

/// What a night measured of a class.
struct Figures<'a> {
    level: Option<f64>,
    share: Option<f64>,
    limit: Option<f64>,
    estimate: Option<&'a Estimate>,
    dead: Option<f64>,
    status: Option<Status>,
    wanders: Option<f64>,
    points: &'a [(f64, f64)],
}

impl Figures<'_> {
    fn worth_a_line(&self) -> bool {
        self.level.is_some_and(|level| level > 0.0) || self.dead.is_some_and(|dead| dead > 0.0) || self.status.is_some()
    }
}

fn change(
    at: usize,
    asked: &Asked,
    before: &Measured<'_>,
    after: &Measured<'_>,
    past: &Past<'_>,
) -> Option<ClassChange> {
    let (earlier, later) = (before.figures(at, asked)?, after.figures(at, asked)?);
    if !earlier.worth_a_line() && !later.worth_a_line() {
        return None;
    }
    let found =
        || after.findings(&asked.class).iter().chain(before.findings(&asked.class)).next().map(|found| found.unit);
    let unit = match &asked.select {
        Selector::Metric(metric) => metric.unit(),
        Selector::Links(_) | Selector::Cmdline(_) => found().unwrap_or(Unit::Count),
    };
    let broke = earlier.status == Some(Status::Breaks);
    let both = |of: fn(&Figures<'_>) -> Option<f64>| (of(&earlier), of(&later));
    let level = {
        let (from, to) = both(|figures| figures.level);
        let own = earlier.wanders.zip(later.wanders).map(|(a, b)| a.hypot(b));
        let floor = match unit {
            Unit::Count => Floor::Counted,
            Unit::Bytes => Floor::Of((LEAST_BYTES.0 * from.unwrap_or(0.0).max(to.unwrap_or(0.0))).max(LEAST_BYTES.1)),
        };
        let nights = past.class(&asked.class, broke, |kept| kept.level);
        let mut level = Shift::of(from, to, difference(from, to), Known { past: &nights, floor, own });
        level.large = level.change().is_some_and(|by| large(by, from.unwrap_or(0.0).max(to.unwrap_or(0.0)), unit));
        level
    };
    let rate = {
        let (from, to) = both(|figures| figures.estimate.map(|estimate| estimate.rate));
        let width = |figures: &Figures<'_>| figures.estimate.map(|it| (it.high - it.low).max(0.0) / INTERVAL);
        // The intervals come from the number of steps: what chance makes of a drip within one night.
        let own = width(&earlier).zip(width(&later)).map(|(a, b)| a.hypot(b));
        let floor = Floor::Of(own.unwrap_or(0.0).max(f64::MIN_POSITIVE));
        let nights = past.class(&asked.class, broke, |kept| kept.rate);
        let mut rate = Shift::of(from, to, difference(from, to), Known { past: &nights, floor, own });
        // A rate matters where what it adds in an hour would matter as a level.
        let held = level.before.unwrap_or(0.0).max(level.after.unwrap_or(0.0));
        rate.large = rate.change().is_some_and(|by| large(by, held, unit));
        rate
    };
    let dead = {
        let (from, to) = both(|figures| figures.dead);
        let nights = past.class(&asked.class, broke, |kept| Some(kept.dead as f64));
        let known = Known { past: &nights, floor: Floor::Counted, own: Some(1.0) };
        let mut dead = Shift::of(from, to, difference(from, to), known);
        dead.large = dead.change().is_some_and(|by| by.abs() >= 1.0);
        dead
    };
    let interval = |figures: &Figures<'_>| figures.estimate.map(|it| (it.low, it.high));
    Some(ClassChange {
        class: asked.class.clone(),
        unit,
        level,
        rate,
        rate_intervals: (interval(&earlier), interval(&later)),
        dead,
        limit: later.limit.or(earlier.limit),
        shares: (earlier.share, later.share),
        status: (earlier.status, later.status),
        weight: Weight::Quiet,
        points: (earlier.points.to_vec(), later.points.to_vec()),
    })
}

fn difference(before: Option<f64>, after: Option<f64>) -> Option<f64> {
    before.zip(after).map(|(before, after)| after - before)
}

/// True for a change of a level that matters, where the larger of the two is `most`.
fn large(by: f64, most: f64, unit: Unit) -> bool {
    let least = match unit {
        Unit::Count => LEVEL_THINGS,
        Unit::Bytes => LEVEL_BYTES,
    };
    by.abs() > least && by.abs() > LEVEL_SHARE * most
}
