//! What comparable past nights say.

use std::collections::BTreeMap;

use crate::model::{HistoryClass, HistoryLine, RunRecord, Status};

/// The share of the planned soak that a past night must have reached.
const REACHED: f64 = 0.9;

/// The nights that noise is known from, oldest first.
#[derive(Debug)]
pub(super) struct Past<'a> {
    lines: Vec<&'a HistoryLine>,
}

impl<'a> Past<'a> {
    /// The nights like the earlier one, of the same text of the scenario on the same kind of machine, that began before the
    /// later of the two. The later night is never among them: it must not be a part of what it is measured by. Lines of older
    /// versions name no machine, and do not count.
    pub(super) fn of(lines: &'a [HistoryLine], before: &RunRecord, after: &RunRecord) -> Self {
        let kind = before.host.kind();
        let until = before.started.max(after.started);
        let like = |line: &&HistoryLine| {
            line.scenario == before.scenario
                && line.scenario_digest == before.scenario_digest
                && line.machine == kind
                && line.started <= until
                && line.run != after.run
                && line.soaked_s >= REACHED * before.plan.duration_s
        };
        // A run that was judged again counts once, as it was judged last.
        let mut nights: BTreeMap<(jiff::Timestamp, &str), &HistoryLine> = BTreeMap::new();
        for line in lines.iter().filter(like) {
            nights.insert((line.started, &line.run), line);
        }
        Self { lines: nights.into_values().collect() }
    }

    /// How many there are.
    pub(super) fn nights(&self) -> usize {
        self.lines.len()
    }

    /// A figure of a class. Nights in which the class broke a rule count only where it broke one in the earlier night too:
    /// a leak is no noise, and where it stands, what it adds from night to night is.
    pub(super) fn class(&self, class: &str, broke: bool, of: impl Fn(&HistoryClass) -> Option<f64>) -> Vec<f64> {
        let own = self.lines.iter().filter_map(|line| line.classes.get(class));
        own.filter(|kept| broke || kept.status != Some(Status::Breaks)).filter_map(of).collect()
    }

    /// By how much a workload counter grew.
    pub(super) fn counter(&self, name: &str) -> Vec<f64> {
        self.lines.iter().filter_map(|line| line.work.counters.get(name)).copied().collect()
    }

    /// The medians of a step of the churn, milliseconds.
    pub(super) fn step(&self, name: &str) -> Vec<f64> {
        self.lines.iter().filter_map(|line| line.work.steps_ms.get(name)).copied().collect()
    }
}
