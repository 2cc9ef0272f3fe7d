//! Tonight against the night before. Pure.
//!
//! Two nights are compared by what they measured, not by what they were judged by: a class that no threshold names is
//! compared as well, and breaches are told apart by their fingerprints. A change counts when it is beyond what nights of this
//! scenario move by themselves *and* large enough to matter; docs/diff.md tells both with their formulas.

mod breaches;
mod circumstances;
mod classes;
mod past;
mod shift;
mod work;

use crate::model::{HistoryLine, StoredNight, Verdict};
use crate::stats::noise::FEWEST_NIGHTS;

pub use breaches::{Breach, Fate};
pub use circumstances::{Change, Obstacle, ObstacleKind, comparable};
pub use classes::{ClassChange, Interval, Points, Weight};
pub use shift::{Basis, Shift, Told};
pub use work::{CounterChange, StepChange};

/// The chance that two nights that do not differ are told apart in any of their figures: one diff in a hundred.
pub const LEVEL: f64 = 0.01;

/// What differs between two nights.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff {
    /// The earlier night.
    pub before: Side,
    /// The later night.
    pub after: Side,
    /// Why the nights cannot be compared like with like; empty: they can.
    pub not_comparable: Vec<Obstacle>,
    /// What was soaked, by what, and what it was held against, where that differs.
    pub changes: Vec<Change>,
    /// The broken rules of both nights: new ones, standing ones, then those that are gone; in each, fail before warn.
    pub breaches: Vec<Breach>,
    /// Every class that either night tells of, those that matter first.
    pub classes: Vec<ClassChange>,
    /// The workload counters of both nights.
    pub counters: Vec<CounterChange>,
    /// The steps of the churn of both nights.
    pub steps: Vec<StepChange>,
    /// How many comparable past nights there are, see [`FEWEST_NIGHTS`].
    pub past_nights: usize,
    /// Whether it got worse.
    pub outcome: Outcome,
}

/// One of the two nights.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// What it is called beside the other: `before`, `candidate`.
    pub name: String,
    /// The run's id.
    pub run: String,
    /// The scenario's name.
    pub scenario: String,
    /// When it began.
    pub started: jiff::Timestamp,
    /// The image's digest or id.
    pub image: Option<String>,
    /// Build arguments and labels that name a version.
    pub labels: std::collections::BTreeMap<String, String>,
    /// The verdict; `None` where it was not judged.
    pub verdict: Option<Verdict>,
    /// The reason of the verdict.
    pub reason: String,
}

/// Whether the later night is worse than the earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// No new finding fails, and nothing is up by more than noise.
    NoWorse,
    /// A new finding fails, or a class is up by more than noise and enough to matter.
    Worse,
    /// Something is up enough to matter, and nobody can tell whether that is noise; or the later night could not be judged.
    Open,
    /// The nights cannot be compared like with like.
    NotComparable,
}

impl Outcome {
    /// The word shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoWorse => "NO WORSE",
            Self::Worse => "WORSE",
            Self::Open => "NOT DECIDED",
            Self::NotComparable => "NOT COMPARABLE",
        }
    }
}

/// Compares two nights. `history` has lines of their scenario, in any order: the noise from night to night is known from
/// those that are comparable with the earlier night.
pub fn compare(before: &StoredNight, after: &StoredNight, history: &[HistoryLine]) -> Diff {
    let past = past::Past::of(history, &before.record, &after.record);
    let mut diff = Diff {
        before: side("before", before),
        after: side("after", after),
        not_comparable: circumstances::obstacles(before, after),
        changes: circumstances::changes(&before.record, &after.record),
        breaches: breaches::compare(before.assessment.as_ref(), after.assessment.as_ref()),
        classes: classes::compare(before, after, &past),
        counters: work::counters(&before.record, &after.record, &past),
        steps: work::steps(&before.record, &after.record, &past),
        past_nights: past.nights(),
        outcome: Outcome::NoWorse,
    };
    let classes = diff.classes.iter_mut().flat_map(ClassChange::shifts);
    let counters = diff.counters.iter_mut().map(|counter| &mut counter.grown);
    let steps = diff.steps.iter_mut().map(|step| &mut step.median);
    shift::test(classes.chain(counters).chain(steps));
    diff.classes.iter_mut().for_each(ClassChange::weigh);
    diff.classes.sort_by_key(|class| (class.weight, class.weight == Weight::Open && !class.rises()));
    diff.outcome = diff.outcome();
    diff
}

fn side(name: &str, night: &StoredNight) -> Side {
    let assessment = night.assessment.as_ref();
    Side {
        name: name.to_owned(),
        run: night.record.run.clone(),
        scenario: night.record.scenario.clone(),
        started: night.record.started,
        image: night.record.target.image.clone(),
        labels: night.record.target.labels.clone(),
        verdict: assessment.map(|assessment| assessment.verdict),
        reason: assessment.map_or_else(String::new, |assessment| assessment.reason.clone()),
    }
}

impl Diff {
    fn outcome(&self) -> Outcome {
        let open = |class: &ClassChange| {
            let shifts = [&class.level, &class.rate, &class.dead];
            class.weight == Weight::Open && shifts.iter().any(|shift| shift.is_open() && shift.rose())
        };
        if self.not_comparable.iter().any(|obstacle| obstacle.kind.bars()) {
            Outcome::NotComparable
        } else if self.breaches.iter().any(Breach::worsens) || self.classes.iter().any(ClassChange::is_up) {
            Outcome::Worse
        } else if self.after.verdict == Some(Verdict::Inconclusive) || self.classes.iter().any(open) {
            Outcome::Open
        } else {
            Outcome::NoWorse
        }
    }

    /// True where enough past nights tell the noise.
    pub fn knows_noise(&self) -> bool {
        self.past_nights >= FEWEST_NIGHTS
    }

    /// How many breaches met with a fate.
    pub fn count(&self, fate: Fate) -> usize {
        self.breaches.iter().filter(|breach| breach.fate == fate).count()
    }
}

#[cfg(test)]
mod tests;
