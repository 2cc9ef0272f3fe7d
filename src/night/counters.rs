//! The numbers that prove that the workload ran.

use std::time::Duration;

use super::Night;
use crate::flow::Flow;
use crate::model::CounterRecord;
use crate::scenario::{Counter, CounterSource};

/// A line that the target wrote last may still be on its way.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// When the workload counters are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// After the seeding.
    Start,
    /// At the end of the soak.
    End,
    /// At the end of the settle phase, those that must come back.
    Settled,
}

impl Night<'_> {
    /// Reads every workload counter. A figure that is missing makes the night inconclusive, it does not end it.
    pub(super) async fn read_counters(&mut self, flow: &mut Flow, moment: Moment) {
        let Some(target) = self.steered() else { return };
        let scenario = self.scenario;
        let of_log = |counter: &Counter| matches!(counter.source, CounterSource::Log(_));
        if moment == Moment::End && scenario.counters.iter().any(of_log) {
            tokio::time::sleep(LAST_WORDS).await;
            self.collect_log();
        }
        for (index, counter) in scenario.counters.iter().enumerate() {
            if moment == Moment::Settled && counter.at_most.is_none() {
                continue;
            }
            let read = match &counter.source {
                CounterSource::Read(figure) => {
                    flow.read(&counter.name, figure, &target).await.map_err(|error| error.to_string())
                }
                CounterSource::Log(_) => self.lines_of(index, counter, moment),
            };
            let (figure, problem) = match read {
                Ok(figure) => (Some(figure), None),
                Err(problem) => (None, Some(problem)),
            };
            if moment == Moment::Start {
                self.record.counters.push(CounterRecord {
                    name: counter.name.clone(),
                    start: None,
                    end: None,
                    at_least: counter.at_least.unwrap_or(0.0),
                    at_most: counter.at_most,
                    settled: None,
                    problem: None,
                });
            }
            let Some(entry) = self.record.counters.get_mut(index) else { continue };
            match moment {
                Moment::Start => entry.start = figure,
                Moment::End => entry.end = figure,
                Moment::Settled => entry.settled = figure,
            }
            entry.problem = entry.problem.take().or(problem);
        }
    }

    /// How many lines of the log a counter has counted since the begin of the soak.
    fn lines_of(&self, index: usize, counter: &Counter, moment: Moment) -> Result<f64, String> {
        if moment == Moment::Start {
            return Ok(0.0);
        }
        let Some(log) = &self.record.log else {
            return Err("the log of this target cannot be followed, so that its lines cannot be counted".to_owned());
        };
        #[expect(clippy::cast_precision_loss, reason = "lines of a log are far fewer than 2^52")]
        let found =
            self.line_counts.iter().find(|count| count.counter == index).map_or(0.0, |count| count.found() as f64);
        match &log.problem {
            // There were at least so many, which is all that is asked.
            Some(problem) if counter.at_most.is_some() || counter.at_least.is_some_and(|least| found < least) => {
                Err(problem.clone())
            }
            Some(_) | None => Ok(found),
        }
    }
}
