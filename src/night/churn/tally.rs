//! What the churn did so far. The night reads it while the churn goes on, and when it was cut off.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::flow::StepDone;
use crate::model::text::{printable, shorten};
use crate::model::{ChurnRecord, Event, EventKind, Redactor, StepRecord};
use crate::scenario::{Action, Step};

/// So many begins are kept as events.
const MOST_EVENTS: u64 = 20_000;

/// The longest name of a step, characters.
const NAMED: usize = 160;

/// The longest time that is told apart, microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;

/// How exactly times are kept, significant digits.
const DIGITS: u8 = 3;

/// What the churn did so far.
#[derive(Debug, Default)]
pub(in crate::night) struct Tally(Mutex<Done>);

#[derive(Debug, Default)]
struct Done {
    record: ChurnRecord,
    // Not yet taken over by the night.
    events: Vec<Event>,
    // In the order of the file.
    steps: Vec<Measured>,
    places: HashMap<Place, usize>,
}

/// Where a step stands: file, line, column.
type Place = (Arc<str>, usize, usize);

fn place(step: &Step) -> Place {
    (Arc::clone(&step.file), step.at.line, step.at.column)
}

impl Tally {
    fn with<T>(&self, change: impl FnOnce(&mut Done) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins anew, with a place for every step that speaks to the target.
    pub(super) fn begin(&self, max_failed: f64, users: u32, steps: [&[Step]; 2], redactor: &Redactor) {
        self.with(|done| {
            *done = Done::default();
            (done.record.max_failed, done.record.users) = (max_failed, u64::from(users));
            for step in steps.into_iter().flatten() {
                done.expect(step, false, redactor);
            }
        });
    }

    /// An iteration begins.
    pub(super) fn begun(&self, at_ms: i64, name: &str) {
        self.with(|done| {
            done.record.begun += 1;
            if done.record.begun <= MOST_EVENTS {
                done.events.push(Event { at_ms, kind: EventKind::Churn, text: name.to_owned() });
            } else if done.record.begun == MOST_EVENTS + 1 {
                let text = format!("{MOST_EVENTS} begins of the churn are kept; those that follow are only counted");
                done.events.push(Event { at_ms, kind: EventKind::Note, text });
            }
        });
    }

    /// An iteration failed. True for the first one.
    pub(super) fn failed(&self, summary: &str) -> bool {
        self.with(|done| {
            done.record.failed += 1;
            let first = done.record.first_failure.is_none();
            done.record.first_failure.get_or_insert_with(|| summary.to_owned());
            first
        })
    }

    /// A step came to its end.
    pub(super) fn measure(&self, step: &StepDone<'_>) {
        self.with(|done| {
            let at = done.places.get(&place(step.step)).copied();
            if let Some(measured) = at.and_then(|at| done.steps.get_mut(at)) {
                measured.add(step.took, step.failed);
            }
        });
    }

    /// What there is now.
    pub(super) fn record(&self) -> ChurnRecord {
        self.with(|done| ChurnRecord {
            steps: done.steps.iter().map(Measured::record).collect(),
            ..done.record.clone()
        })
    }

    /// The events since the last call.
    pub(super) fn take_events(&self) -> Vec<Event> {
        self.with(|done| std::mem::take(&mut done.events))
    }
}

impl Done {
    /// Makes places for a step, or for those that it holds.
    fn expect(&mut self, step: &Step, awaited: bool, redactor: &Redactor) {
        // A sleep and a snapshot say nothing to the target.
        if !step.action.is_block() && !matches!(step.action, Action::Sleep(_) | Action::Probe(_)) {
            self.add(step, awaited, redactor);
        }
        let awaited = awaited || matches!(step.action, Action::WaitUntil { .. });
        for step in step.action.held().into_iter().flatten() {
            self.expect(step, awaited, redactor);
        }
    }

    fn add(&mut self, step: &Step, awaited: bool, redactor: &Redactor) {
        // A file that is included twice has its steps once.
        self.places.entry(place(step)).or_insert_with(|| {
            self.steps.push(Measured::new(step, awaited, redactor));
            self.steps.len() - 1
        });
    }
}

/// How long a step took, again and again.
#[derive(Debug)]
struct Measured {
    name: String,
    place: String,
    // Tries of a wait are not failures: they are what it is for.
    awaited: bool,
    count: u64,
    failed: u64,
    // In microseconds, of those that succeeded. `None` before the first.
    took: Option<Histogram<u64>>,
}

impl Measured {
    fn new(step: &Step, awaited: bool, redactor: &Redactor) -> Self {
        let wait = if awaited { "wait until " } else { "" };
        let name = shorten(&printable(&redactor.mask(&format!("{wait}{}", step.name()))), NAMED);
        let file =
            Path::new(&*step.file).file_name().map_or_else(|| step.file.to_string(), |n| n.to_string_lossy().into());
        let place = format!("{}:{}", printable(&redactor.mask(&file)), step.at.line);
        Self { name, place, awaited, count: 0, failed: 0, took: None }
    }

    fn add(&mut self, took: Duration, failed: bool) {
        if failed && self.awaited {
            return;
        }
        self.count += 1;
        if failed {
            self.failed += 1;
            return;
        }
        if self.took.is_none() {
            self.took = Histogram::new_with_bounds(1, LONGEST, DIGITS).ok();
        }
        if let Some(histogram) = &mut self.took {
            histogram.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
        }
    }

    fn record(&self) -> StepRecord {
        let at = |share| self.took.as_ref().map_or(0.0, |took| millis(took.value_at_quantile(share)));
        StepRecord {
            name: self.name.clone(),
            place: self.place.clone(),
            count: self.count,
            failed: self.failed,
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            max_ms: self.took.as_ref().map_or(0.0, |took| millis(took.max())),
        }
    }
}

/// Milliseconds, to as many digits as are known.
fn millis(micros: u64) -> f64 {
    let mut unit = 1;
    while micros / unit >= 1000 {
        unit *= 10;
    }
    let rounded = (micros + unit / 2) / unit * unit;
    // At most an hour: far below 2^52.
    rounded as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_told_to_three_digits() {
        assert_eq!(millis(0).to_bits(), 0.0_f64.to_bits());
        for (micros, told) in [(7, 0.007), (999, 0.999), (1_234, 1.23), (1_235, 1.24), (3_600_123_456, 3_600_000.0)] {
            assert!((millis(micros) - told).abs() < 1e-9, "{micros}: {}", millis(micros));
        }
    }

    #[test]
    fn begins_beyond_the_most_are_only_counted() {
        let tally = Tally::default();
        (0..20_010).for_each(|at| tally.begun(at, "churn"));
        let events = tally.take_events();
        assert_eq!((tally.record().begun, events.len()), (20_010, 20_001));
        assert_eq!(events.iter().filter(|event| event.kind == EventKind::Note).count(), 1);
        assert!(tally.take_events().is_empty());
    }

    proptest! {
        #[test]
        fn percentiles_are_those_of_the_sorted_times_within_a_hundredth(micros in proptest::collection::vec(1_u64..5_000_000, 1..300)) {
            let mut measured = Measured {
                name: String::new(), place: String::new(), awaited: false, count: 0, failed: 0, took: None,
            };
            micros.iter().for_each(|micros| measured.add(Duration::from_micros(*micros), false));
            let mut sorted = micros;
            sorted.sort_unstable();
            let exact = |share: f64| {
                let rank = (1..=sorted.len()).find(|rank| *rank as f64 >= share * sorted.len() as f64).unwrap();
                sorted[rank - 1] as f64 / 1000.0
            };
            let record = measured.record();
            for (told, share) in [(record.p50_ms, 0.5), (record.p90_ms, 0.9), (record.p99_ms, 0.99), (record.max_ms, 1.0)] {
                prop_assert!((told - exact(share)).abs() <= 0.01 * exact(share), "{told} {}", exact(share));
            }
        }
    }
}
