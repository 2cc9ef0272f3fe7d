//! Every class of both nights, held against each other.

use super::pair::{self, Growth, Pair, Terms};
use super::windows::{self, Level};
use super::{Class, Difference, FALSE_ALARMS, Fate, Held, dead_events, words};
use crate::judge::{Doubt, Evidence};
use crate::model::{FdClass, Metric, RuleKind, Severity, Status, StoredNight, Unit};
use crate::series::{Question, Series, dead_at_end, dead_rest_at_end, has_dead, restarts, watched};
use crate::stats::holm;
use crate::stats::rates::{Counted, difference, excess};
use crate::threshold::{ClassRule, Per, RuleSet, Selector};

/// What is compared where the thresholds name no class.
const ALWAYS: [Metric; 7] = [
    Metric::FdTotal,
    Metric::Fd(FdClass::Eventpoll),
    Metric::Fd(FdClass::Pidfd),
    Metric::Fd(FdClass::Socket),
    Metric::ProcCount,
    Metric::ProcThreads,
    Metric::MemAnon,
];

/// A level may be higher by so much of the baseline's where the thresholds set no `max_vs_baseline`.
const LEVEL_TIMES: f64 = 1.1;
/// The least deviation of a level from window to window: counts, and bytes.
const LEAST_DEVIATION: (f64, f64) = (0.25, 256.0 * 1024.0);
/// Growth that must be found where nothing is said: counts per hour, and bytes per hour.
const MUST_DETECT: (f64, f64) = (24.0, 20.0 * 1024.0 * 1024.0);
/// Memory may grow faster by so much where its rule says nothing, bytes per hour.
const MEMORY_MARGIN: f64 = 10.0 * 1024.0 * 1024.0;
/// A pass may rest on a sensitivity so many times what must be found, as in a night.
const SENSITIVITY_SLACK: f64 = 1.5;
/// Beside a leak that stands, so much of its rate is as good as none.
const STANDING_SHARE: f64 = 0.25;
/// A level may be uncertain by so many times what it is allowed.
const LEVEL_SLACK: f64 = 2.0;

/// A class with what both nights told of it.
struct Both<'a> {
    rule: &'a ClassRule,
    candidate: Series,
    baseline: Series,
    growth: Result<Growth, Doubt>,
    margin: f64,
    level: Option<Level>,
    level_allowed: f64,
    /// Handles and events of the candidate, and of the baseline.
    dead: Option<[(u64, u64); 2]>,
    /// So much the candidate's night by itself would have reported.
    alone: Option<f64>,
}

/// Compares all classes, the worst first.
pub(super) fn compare(
    candidate: &StoredNight,
    baseline: &StoredNight,
    rules: &RuleSet,
    margin: Option<f64>,
) -> Vec<Class> {
    let always: Vec<ClassRule> = ALWAYS.into_iter().map(rule).collect();
    let rules = if rules.classes.is_empty() { &always } else { &rules.classes };
    let questions = rules.iter().map(|rule| 2 + usize::from(has_dead(&rule.select))).sum::<usize>().max(1);
    let alpha = FALSE_ALARMS / questions as f64;
    let read = |night: &StoredNight| {
        let memory_limit = night.record.target.memory_limit;
        let asked: Vec<Question<'_>> = rules
            .iter()
            .map(|rule| Question { class: &rule.name, select: &rule.select, older_than: rule.older_than, memory_limit })
            .collect();
        Series::read_all(&asked, &watched(&night.snapshots))
    };
    let series = read(candidate).into_iter().zip(read(baseline));
    let all: Vec<Both<'_>> = rules
        .iter()
        .zip(series)
        .map(|(rule, series)| Both::of(rule, series, (candidate, baseline), margin, alpha))
        .collect();
    let p_values: Vec<f64> = all.iter().flat_map(Both::p_values).collect();
    let mut significant = holm::significant(&p_values, FALSE_ALARMS).into_iter();
    let mut next = || significant.next().unwrap_or(false);
    let mut classes: Vec<Class> = all
        .into_iter()
        .map(|both| {
            let (growth, level) = (next(), next());
            let dead = both.dead.is_some() && next();
            both.finish([growth, level, dead])
        })
        .collect();
    classes.sort_by_key(|class| (class.fate, class.severity == Severity::Warn));
    classes
}

impl<'a> Both<'a> {
    fn of(
        rule: &'a ClassRule,
        (candidate, baseline): (Series, Series),
        nights: (&StoredNight, &StoredNight),
        margin: Option<f64>,
        alpha: f64,
    ) -> Self {
        // Its end behind the last look, as of a target that is stopped, starts nothing anew.
        let within = |night: &StoredNight, series: &Series| -> Vec<f64> {
            let end = series.points.last().map_or(0.0, |last| last.0);
            restarts(&night.record).into_iter().filter(|at| *at < end).collect()
        };
        let (own_restarts, other_restarts) = (within(nights.0, &candidate), within(nights.1, &baseline));
        let unit = candidate.unit;
        let allowed = rule.max_growth_per_hour;
        let margin = match unit {
            Unit::Count => margin.or(allowed).unwrap_or(0.0),
            Unit::Bytes => allowed.unwrap_or(MEMORY_MARGIN),
        };
        let readable = |series: &Series| -> Result<(), Doubt> {
            let (missing, of) = (series.gaps.len(), series.gaps.len() + series.points.len());
            if missing * 3 > of { Err(Doubt::Gaps { missing, of }) } else { Ok(()) }
        };
        let pair = Pair { candidate: side(&candidate, &own_restarts), baseline: side(&baseline, &other_restarts) };
        let warmup_s = nights.0.record.plan.warmup_s.filter(|warmup| warmup.is_finite());
        let terms = Terms { margin, cycle_s: rule.cycle.map(|cycle| cycle.as_secs_f64()), warmup_s, alpha };
        let growth = readable(&candidate).and_then(|()| readable(&baseline)).and_then(|()| match unit {
            Unit::Count => pair::counts(&pair, &terms),
            Unit::Bytes => pair::memory(&pair, &terms),
        });
        let least = if unit == Unit::Count { LEAST_DEVIATION.0 } else { LEAST_DEVIATION.1 };
        let level = windows::level(&candidate.points, &baseline.points, least);
        let allowed = |level: Level| level_allowed(rule.max_vs_baseline, level.baseline, rule.baseline_slack);
        let level_allowed = level.map_or(0.0, allowed);
        let dead = |night: &StoredNight| {
            let watched = watched(&night.snapshots);
            let listed = dead_at_end(&watched, &rule.select)?;
            let rest: u64 = dead_rest_at_end(&watched, &rule.select).values().sum();
            Some((listed.len() as u64 + rest, dead_events(&listed)))
        };
        let dead =
            has_dead(&rule.select).then(|| [dead(nights.0).unwrap_or_default(), dead(nights.1).unwrap_or_default()]);
        let alone = alone(rule, nights.0);
        Self { rule, candidate, baseline, growth, margin, level, level_allowed, dead, alone }
    }

    /// Of growth, level and, where the class has them, dead handles.
    fn p_values(&self) -> Vec<f64> {
        let growth = self.growth.as_ref().map_or(1.0, |growth| growth.p);
        let level = self.level.map_or(1.0, |level| level.p(self.level_allowed));
        [growth, level].into_iter().chain(self.dead.map(dead_p)).collect()
    }

    fn finish(self, [faster, higher, deader]: [bool; 3]) -> Class {
        let growth = self.growth.as_ref().ok().map(|growth| Difference {
            extra: growth.extra,
            low: growth.low,
            high: growth.high,
            allowed: self.margin,
            p: growth.p,
            worse: faster,
        });
        let level = self.level.map(|level| Difference {
            extra: level.extra,
            low: level.low,
            high: level.high,
            allowed: self.level_allowed,
            p: level.p(self.level_allowed),
            worse: higher,
        });
        let dead = self.dead.map(|sides| {
            let [(own, own_events), (other, other_events)] = sides;
            let (low, high) = difference(once(own_events), once(other_events), 0.025);
            Difference { extra: own as f64 - other as f64, low, high, allowed: 0.0, p: dead_p(sides), worse: deader }
        });
        let seen = self.seen();
        let fate = if faster || higher || deader {
            Fate::Worse
        } else if self.is_unknown(seen) {
            Fate::Unknown
        } else {
            Fate::NoWorse
        };
        // One pair of nights says little of levels, which differ from start to start: it fails only by a figure that the user set.
        let only_level = higher && !faster && !deader && self.rule.max_vs_baseline.is_none();
        let severity = if only_level { Severity::Warn } else { self.rule.severity };
        let held = |series: &Series, which: usize| Held {
            level: series.held_level(0.0),
            rate: self.growth.as_ref().ok().map(|growth| if which == 0 { growth.candidate } else { growth.baseline }),
            dead: self.dead.and_then(|sides| sides.get(which).copied()).map_or(0, |side| side.0),
            floor: self.growth.as_ref().map_or_else(
                |_| Vec::new(),
                |growth| if which == 0 { growth.candidate_floor.clone() } else { growth.baseline_floor.clone() },
            ),
        };
        let mut class = Class {
            class: self.rule.name.clone(),
            unit: self.candidate.unit,
            severity,
            required: self.rule.required,
            fate,
            sentence: String::new(),
            candidate: held(&self.candidate, 0),
            baseline: held(&self.baseline, 1),
            growth,
            level,
            dead,
            seen,
        };
        class.sentence = words::of_class(&class, self.growth.as_ref().map(|growth| growth.steady));
        class
    }

    /// What extra growth would have failed the gate: held against the baseline, or by the candidate's own rule.
    fn seen(&self) -> Option<f64> {
        let growth = self.growth.as_ref().ok()?;
        let alone = self.alone.map(|alone| (alone - growth.baseline.0.max(0.0)).max(0.0));
        match (growth.seen, alone) {
            (Some(paired), Some(alone)) => Some(paired.min(alone)),
            (one, other) => one.or(other),
        }
    }

    fn is_unknown(&self, seen: Option<f64>) -> bool {
        if self.candidate.points.is_empty() || self.baseline.points.is_empty() {
            return true;
        }
        let level = self.level.is_some_and(|level| level.high > LEVEL_SLACK * self.level_allowed);
        // Growth is judged where a rule asks for it, as in a night.
        if self.rule.max_growth_per_hour.is_none() {
            return level || self.level.is_none();
        }
        let Ok(growth) = &self.growth else { return true };
        let standing = STANDING_SHARE * growth.baseline.0.max(0.0);
        let wanted = self.margin.max(self.rule.must_detect_per_hour).max(standing);
        let sees = self.margin.max(SENSITIVITY_SLACK * self.rule.must_detect_per_hour).max(standing);
        level || growth.excluded_above > wanted || seen.is_none_or(|seen| seen > sees)
    }
}

fn side<'a>(series: &'a Series, restarts: &'a [f64]) -> Evidence<'a> {
    Evidence { points: &series.points, lives: series.lives.as_ref(), restarts, room: series.room }
}

/// What the candidate's night by itself would have reported of a class and failed by: nothing where it fails by it anyhow.
fn alone(rule: &ClassRule, night: &StoredNight) -> Option<f64> {
    let found = night
        .assessment
        .as_ref()?
        .findings
        .iter()
        .find(|found| found.class == rule.name && found.rule == RuleKind::MaxGrowth && found.subject == "target")?;
    let counts = found.severity == Severity::Fail && found.status != Status::Breaks;
    found.growth.as_ref().filter(|_| counts)?.sensitivity
}

/// How much more than the baseline's level may be held: `times` of it as the rule has it, and a slack for small ones.
pub fn level_allowed(times: Option<f64>, baseline: f64, slack: f64) -> f64 {
    (times.unwrap_or(LEVEL_TIMES) - 1.0).max(0.0) * baseline + slack
}

fn once(events: u64) -> Counted {
    Counted { events, time: 1.0 }
}

fn dead_p([(_, own), (_, other)]: [(u64, u64); 2]) -> f64 {
    excess(once(own), once(other), 0.0)
}

/// What a class is asked for that no thresholds name.
fn rule(metric: Metric) -> ClassRule {
    let bytes = metric.unit() == Unit::Bytes;
    ClassRule {
        name: metric.to_string(),
        select: Selector::Metric(metric),
        severity: Severity::Fail,
        required: false,
        max: None,
        max_limit_ratio: None,
        max_dead: None,
        max_growth_per_hour: Some(if bytes { MEMORY_MARGIN } else { 0.0 }),
        must_detect_per_hour: if bytes { MUST_DETECT.1 } else { MUST_DETECT.0 },
        max_vs_baseline: None,
        baseline_slack: if bytes { MEMORY_MARGIN } else { 3.0 },
        settle_to: None,
        cycle: None,
        per: Per::Target,
        older_than: None,
    }
}
