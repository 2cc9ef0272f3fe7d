//! A series read snapshot by snapshot, and the age of processes.

use std::collections::HashMap;

use super::count::Counter;
use super::follow;
use super::{Question, Series, SeriesGap};
use crate::model::{Metric, ProcId, ProcState, ProcessSample, Snapshot};
use crate::threshold::Selector;

/// A series in the making.
pub(super) struct Reader<'q, 'a> {
    question: &'q Question<'q>,
    counter: Counter<'q, 'a>,
    ages: Option<Ages>,
    series: Series,
}

impl<'q, 'a> Reader<'q, 'a> {
    pub(super) fn new(question: &'q Question<'q>, watched: &[&Snapshot]) -> Self {
        Self {
            question,
            counter: Counter::new(question.select),
            ages: Ages::of(question),
            series: Series::new(question, watched),
        }
    }

    /// The series, once every snapshot was taken in, with the lives behind it.
    pub(super) fn finish(self, watched: &[&Snapshot]) -> Series {
        let Self { question, mut series, .. } = self;
        // Those of an age are another set at every look.
        if question.older_than.is_none() {
            series.lives = follow::lives(question.select, watched, &series);
        }
        series
    }

    /// Takes in the next snapshot; `own` are the application's own processes in it.
    pub(super) fn take(&mut self, snapshot: &'a Snapshot, own: &[&'a ProcessSample]) {
        let at_s = snapshot.at_s();
        let looked = match &mut self.ages {
            None => self.counter.look(snapshot, own),
            Some(ages) => match ages.old_at(snapshot, own) {
                Some(old) => self.counter.look(snapshot, &old),
                // Nobody can have been seen for long enough yet: neither a figure nor a gap.
                None => return,
            },
        };
        match looked {
            Ok(Some(look)) => self.series.push(at_s, &look, self.question),
            // A figure that is taken at some of the snapshots only: neither a figure nor a gap.
            Ok(None) => {}
            Err(why) => self.series.gaps.push(SeriesGap { at_s, why }),
        }
    }
}

/// Since when each process was seen.
pub(super) struct Ages {
    least_ms: u64,
    zombies: bool,
    first_look: Option<u64>,
    first_seen: HashMap<ProcId, u64>,
}

impl Ages {
    /// `None` where processes of any age count.
    pub(super) fn of(question: &Question<'_>) -> Option<Self> {
        let least_ms = u64::try_from(question.older_than?.as_millis()).unwrap_or(u64::MAX);
        let zombies = matches!(question.select, Selector::Metric(Metric::ProcZombie));
        Some(Self { least_ms, zombies, first_look: None, first_seen: HashMap::new() })
    }

    /// Those of the processes that are old enough; `None` while none can be.
    pub(super) fn old_at<'a>(
        &mut self,
        snapshot: &Snapshot,
        own: &[&'a ProcessSample],
    ) -> Option<Vec<&'a ProcessSample>> {
        let now = snapshot.at_ms;
        let first_look = *self.first_look.get_or_insert(now);
        let mut old = Vec::new();
        for process in own {
            // A zombie's age counts from its death: a worker of hours that has just ended is no old zombie.
            if self.zombies && process.state != ProcState::Zombie {
                continue;
            }
            let first = *self.first_seen.entry(process.id).or_insert(now);
            if now.saturating_sub(first) >= self.least_ms {
                old.push(*process);
            }
        }
        (now.saturating_sub(first_look) >= self.least_ms).then_some(old)
    }
}
