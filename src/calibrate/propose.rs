//! From clean nights and the rules of today to the rules that the nights speak for.

use super::bound::Figures;
use super::{Alarms, Bound, Calibration, FEWEST_NIGHTS, LeftOut, Proposal};
use crate::model::{DeadKind, HistoryClass, HistoryLine, Metric, Status, Unit};
use crate::stats::binomial::tail_at_least;
use crate::threshold::{Per, RuleSet, Selector};

const KIB: f64 = 1024.0;

/// Memory that grows more slowly than this is not worth a night's sleep, bytes per hour.
const LEAST_GROWTH: f64 = 10.0 * KIB * KIB;

/// A class of the file, or one that may be added to it, and what the nights left of it.
struct Class<'h> {
    name: String,
    unit: Unit,
    is_new: bool,
    max: Option<f64>,
    growth: Option<f64>,
    max_dead: Option<u64>,
    /// Dead handles of it are proof.
    has_proof: bool,
    /// The history has the figure that is judged.
    is_whole: bool,
    /// Night by night, oldest first.
    nights: Vec<Option<&'h HistoryClass>>,
}

impl Class<'_> {
    fn figures(&self, of: impl Fn(&HistoryClass) -> Option<f64>, without: Option<usize>) -> Figures {
        let kept = self.nights.iter().enumerate().filter(|(at, _)| Some(*at) != without);
        Figures::of(kept.map(|(_, night)| night.and_then(&of)), self.unit)
    }

    /// Held levels at the end of the nights; `without` leaves one night out.
    fn levels(&self, without: Option<usize>) -> Figures {
        self.figures(|night| night.level.filter(|level| *level >= 0.0), without)
    }

    /// Growth per hour in the nights.
    fn rates(&self, without: Option<usize>) -> Figures {
        self.figures(|night| night.rate, without)
    }

    fn has_max(&self) -> bool {
        self.is_whole && self.levels(None).are_enough()
    }

    fn has_growth(&self) -> bool {
        self.is_whole && self.unit == Unit::Bytes && self.rates(None).are_enough()
    }

    fn rises(&self) -> bool {
        self.levels(None).rise().is_some()
    }

    /// How many of its figures share in the false alarms of a night.
    fn bounds(&self) -> usize {
        usize::from(self.has_max() && !self.rises()) + usize::from(self.has_growth())
    }

    fn propose(&self, alpha: f64) -> Proposal {
        let max = self.levels(None).judged(self.max, alpha, 0.0, true).filter(|_| self.has_max());
        let growth = self.rates(None).judged(self.growth, alpha, LEAST_GROWTH, false).filter(|_| self.has_growth());
        let seen: Vec<&HistoryClass> = self.nights.iter().copied().flatten().collect();
        let none_dead = seen.len() >= FEWEST_NIGHTS && seen.iter().all(|night| night.dead == 0);
        Proposal {
            class: self.name.clone(),
            unit: self.unit,
            is_new: self.is_new,
            max,
            growth,
            no_dead: self.has_proof && none_dead && self.max_dead != Some(0),
            warned: seen.iter().filter(|night| night.status == Some(Status::Breaks)).count(),
        }
    }

    /// True where a night breaks a bound that the others speak for; `None` where they are too few for one.
    fn breaks_the_others(&self, at: usize, alpha: f64) -> Option<bool> {
        let night = self.nights.get(at).copied().flatten()?;
        let above = |value: Option<f64>, others: &Figures, least: f64| {
            let bound = others.bound(alpha, least).filter(|_| others.are_enough())?;
            Some(value? > bound)
        };
        let level = || above(night.level, &self.levels(Some(at)), 0.0);
        let rate = || above(night.rate, &self.rates(Some(at)), LEAST_GROWTH);
        let level = (self.has_max() && !self.rises()).then(level).flatten();
        let rate = self.has_growth().then(rate).flatten();
        level.into_iter().chain(rate).reduce(|a, b| a || b)
    }
}

/// Proposes figures from clean nights, oldest first, so that a clean night breaks one of the new figures with chance
/// `false_alarms` at most, which lies between 0 and 0.5. `new_classes`: also for built-in classes that the rules do not name.
pub fn propose(nights: &[&HistoryLine], rules: &RuleSet, false_alarms: f64, new_classes: bool) -> Calibration {
    let mut classes = named(nights, rules);
    if new_classes {
        classes.extend(unnamed(nights, rules));
    }
    // Every figure gets the same share: the sum bounds the chance of any alarm however the classes hang together (Bonferroni).
    let bounds: usize = classes.iter().map(Class::bounds).sum();
    let alpha = false_alarms / (bounds.max(1) as f64);
    let proposals: Vec<Proposal> = classes.iter().map(|class| class.propose(alpha)).collect();
    let names =
        |wanted: &dyn Fn(&&Class<'_>) -> bool| classes.iter().filter(wanted).map(|class| class.name.clone()).collect();
    Calibration {
        unknown: names(&|class| class.is_whole && !class.levels(None).are_enough()),
        apart: names(&|class| !class.is_whole),
        old_alarms: whole_night(&proposals, |bound| bound.old_alarms),
        new_alarms: whole_night(&proposals, |bound| bound.new_alarms),
        left_out: left_out(&classes, nights.len(), alpha, false_alarms),
        proposals,
    }
}

/// The classes of the file.
fn named<'h>(nights: &[&'h HistoryLine], rules: &RuleSet) -> Vec<Class<'h>> {
    let class = |rule: &crate::threshold::ClassRule| {
        let (unit, has_proof) = match &rule.select {
            Selector::Metric(metric) => (metric.unit(), has_proof(*metric)),
            Selector::Links(_) | Selector::Cmdline(_) => (Unit::Count, false),
        };
        Class {
            name: rule.name.clone(),
            unit,
            is_new: false,
            max: rule.max,
            growth: rule.max_growth_per_hour,
            max_dead: rule.max_dead,
            has_proof,
            is_whole: rule.per == Per::Target,
            nights: nights_of(nights, &rule.name, unit),
        }
    };
    rules.classes.iter().map(class).collect()
}

/// The built-in classes of which the nights know and the file does not.
fn unnamed<'h>(nights: &[&'h HistoryLine], rules: &RuleSet) -> Vec<Class<'h>> {
    let is_known = |name: &str| nights.iter().any(|night| night.classes.contains_key(name));
    let is_named = |name: &str| rules.classes.iter().any(|rule| rule.name == name);
    Metric::all()
        .map(|metric| (metric, metric.to_string()))
        .filter(|(_, name)| is_known(name) && !is_named(name))
        .map(|(metric, name)| Class {
            nights: nights_of(nights, &name, metric.unit()),
            name,
            unit: metric.unit(),
            is_new: true,
            max: None,
            growth: None,
            max_dead: None,
            has_proof: has_proof(metric),
            is_whole: true,
        })
        .filter(|class| class.levels(None).are_enough())
        .collect()
}

fn nights_of<'h>(nights: &[&'h HistoryLine], name: &str, unit: Unit) -> Vec<Option<&'h HistoryClass>> {
    // A class of one's own may have had the name of another once.
    nights.iter().map(|night| night.classes.get(name).filter(|class| class.unit == unit)).collect()
}

/// True where a single dead handle of the class is proof. Those of `fd.total` are those of its parts.
fn has_proof(metric: Metric) -> bool {
    metric != Metric::FdTotal && DeadKind::ALL.iter().any(|kind| kind.is_exact() && kind.is_of(metric))
}

fn whole_night(proposals: &[Proposal], of: impl Fn(&Bound) -> Option<Alarms>) -> Alarms {
    let all = || proposals.iter().flat_map(|proposal| [&proposal.max, &proposal.growth]).flatten().filter_map(&of);
    Alarms {
        model: all().map(|alarms| alarms.model).sum::<f64>().min(1.0),
        at_most: all().map(|alarms| alarms.at_most).sum::<f64>().min(1.0),
    }
}

/// Holds each night against the bounds that the other nights speak for.
fn left_out(classes: &[Class<'_>], nights: usize, alpha: f64, false_alarms: f64) -> Option<LeftOut> {
    let night = |at: usize| classes.iter().filter_map(|class| class.breaks_the_others(at, alpha)).reduce(|a, b| a || b);
    let broken: Vec<bool> = (0..nights).filter_map(night).collect();
    let (tried, broke) = (broken.len(), broken.iter().filter(|broke| **broke).count());
    let too_many = tail_at_least(broke as u64, tried as u64, false_alarms) < 0.05;
    (tried > 0).then_some(LeftOut { broke, tried, too_many })
}

/// A figure as it is written in a thresholds file, without anything lost.
pub(super) fn written(value: f64, unit: Unit) -> String {
    let whole = |step: f64| (value % step).abs() < 0.5;
    match unit {
        Unit::Count => format!("{value:.0}"),
        Unit::Bytes if value > 0.0 && whole(KIB * KIB * KIB) => format!("{:.0}GiB", value / KIB / KIB / KIB),
        Unit::Bytes if whole(KIB * KIB) => format!("{:.0}MiB", value / KIB / KIB),
        Unit::Bytes => format!("{value:.0}"),
    }
}
