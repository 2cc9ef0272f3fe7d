//! What is done to the target while it is watched: iterations on a grid of times, beside the snapshots.

use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::phases::say;
use super::soak::next_on_grid;
use super::{Audience, Night};
use crate::flow::Flow;
use crate::model::text::{count, printable};
use crate::model::{ChurnRecord, Event, EventKind, Redactor, TargetControl};
use crate::scenario::Churn;

/// What the churn did so far. The night reads it while the churn goes on, and when it was cut off.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Done>);

#[derive(Debug, Default)]
struct Done {
    record: ChurnRecord,
    // Not yet taken over by the night.
    events: Vec<Event>,
}

impl Tally {
    fn with<T>(&self, change: impl FnOnce(&mut Done) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The churn of a night, ready to be run.
pub(super) struct Churning<'a, C> {
    pub(super) plan: &'a Churn,
    /// The begin of the soak.
    pub(super) begin: Instant,
    /// The length of the soak.
    pub(super) length: Duration,
    pub(super) target: Arc<C>,
    pub(super) tally: Arc<Tally>,
    pub(super) audience: &'a dyn Audience,
    pub(super) redactor: Arc<Redactor>,
}

impl<C: TargetControl> Churning<'_, C> {
    /// Runs iterations until it is dropped; an iteration that is under way then is cut off and does not count as failed.
    ///
    /// One begins every `every`, the first one `every` after `start`. Where one takes longer than that, the times that it
    /// covers are left out, and the next begins at the next time of the grid.
    pub(super) async fn run(self, flow: &mut Flow) -> Infallible {
        let Churn { name, every, steps, start, idle_tail, .. } = self.plan;
        let until = self.begin + self.length.saturating_sub(*idle_tail);
        let mut due = self.begin + *start + *every;
        while due < until {
            tokio::time::sleep_until(due).await;
            let at_ms = i64::try_from(self.begin.elapsed().as_millis()).unwrap_or(i64::MAX);
            self.tally.with(|done| {
                done.record.begun += 1;
                done.events.push(Event { at_ms, kind: EventKind::Churn, text: name.clone() });
            });
            if let Err(error) = flow.run(steps, &*self.target, &|_| {}).await {
                self.note_failure(&error.summary());
            }
            due = next_on_grid(due, *every);
        }
        pending().await
    }

    fn note_failure(&self, summary: &str) {
        let summary = printable(&self.redactor.mask(summary));
        let first = self.tally.with(|done| {
            done.record.failed += 1;
            let first = done.record.first_failure.is_none();
            done.record.first_failure.get_or_insert_with(|| summary.clone());
            first
        });
        if first {
            say(self.audience, &self.redactor, &format!("an iteration of the churn failed: {summary}"));
        }
    }
}

impl<'a> Night<'a> {
    /// The churn that the scenario asks for, from now on.
    pub(super) fn churning(&mut self) -> Option<Churning<'a, crate::target::Target>> {
        let plan = self.scenario.churn.as_ref()?;
        let target = Arc::clone(self.target.as_ref()?);
        self.churned.with(|done| done.record.max_failed = plan.max_failed);
        Some(Churning {
            plan,
            begin: self.soak_clock.unwrap_or_else(Instant::now),
            length: self.scenario.soak.duration,
            target,
            tally: Arc::clone(&self.churned),
            audience: self.audience,
            redactor: Arc::clone(&self.redactor),
        })
    }

    /// Takes over into the record what the churn did since the last time.
    pub(super) fn collect_churn(&mut self) {
        let Some(record) = &mut self.record.churn else { return };
        let events = self.churned.with(|done| {
            record.clone_from(&done.record);
            std::mem::take(&mut done.events)
        });
        self.record.events.extend(events);
    }

    /// Says at the end of the soak what the churn did.
    pub(super) fn sum_up_churn(&mut self) {
        self.collect_churn();
        if let Some(record) = &self.record.churn {
            let failed = if record.failed == 0 { String::new() } else { format!(", {} failed", record.failed) };
            self.say(&format!("churn: {}{failed}", count(record.begun, "iteration")));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::path::Path;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::super::Notice;
    use super::*;
    use crate::model::{ControlError, ExecOutput, LogLine, RunningProcess};
    use crate::scenario::{Overrides, parse};

    /// A target whose commands take so many seconds; every third of them fails.
    struct Fake {
        takes: u64,
        runs: AtomicU64,
    }

    impl TargetControl for Fake {
        fn address(&self, _port: u16) -> Option<SocketAddr> {
            None
        }

        fn ports(&self) -> Vec<u16> {
            Vec::new()
        }

        async fn exec(&self, _sidecar: Option<&str>, _command: &[String]) -> Result<ExecOutput, ControlError> {
            tokio::time::sleep(Duration::from_secs(self.takes)).await;
            let run = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
            let stderr = b"hunter2-hunter2\n".to_vec();
            Ok(ExecOutput { exit_code: i64::from(run.is_multiple_of(3)), stdout: Vec::new(), stderr })
        }

        async fn logs(&self, _tail: usize) -> Result<Vec<LogLine>, ControlError> {
            Ok(Vec::new())
        }

        async fn logs_since(&self, _since: jiff::Timestamp) -> Result<Vec<LogLine>, ControlError> {
            Ok(Vec::new())
        }

        async fn processes(&self) -> Result<Vec<RunningProcess>, ControlError> {
            Ok(Vec::new())
        }

        async fn signal(&self, _process: &RunningProcess, _signal: &str) -> Result<bool, ControlError> {
            Ok(false)
        }

        async fn restart(&self, _within: Duration) -> Result<(), ControlError> {
            Ok(())
        }

        async fn pause(&self, _paused: bool) -> Result<(), ControlError> {
            Ok(())
        }
    }

    struct Deaf;

    impl Audience for Deaf {
        fn notice(&self, _notice: &Notice<'_>) {}
    }

    /// A minute of soak with a churn whose commands take `takes` seconds: the seconds at which iterations began, and the record.
    async fn minute(churn: &str, takes: u64) -> (Vec<i64>, ChurnRecord) {
        let text = format!(
            "name: a\ntarget: {{image: x}}\nsoak: {{duration: 60s}}\nchurn: {{{churn}, steps: [{{exec: {{command: [x]}}}}]}}\n"
        );
        let scenario = parse(Path::new("a.yaml"), &text, &Overrides::default(), &|_| None).unwrap();
        let redactor = Arc::new(Redactor::new());
        redactor.add("hunter2");
        let mut flow = Flow::new(&scenario, Arc::clone(&redactor), 1).unwrap();
        let tally = Arc::new(Tally::default());
        let (begin, length) = (Instant::now(), scenario.soak.duration);
        let churning = Churning {
            plan: scenario.churn.as_ref().unwrap(),
            begin,
            length,
            target: Arc::new(Fake { takes, runs: AtomicU64::new(0) }),
            tally: Arc::clone(&tally),
            audience: &Deaf,
            redactor,
        };
        assert!(tokio::time::timeout_at(begin + length, churning.run(&mut flow)).await.is_err());
        assert_eq!(begin.elapsed(), length);
        tally.with(|done| {
            let begun = done.events.iter().map(|event| {
                assert_eq!((event.kind, event.text.as_str()), (EventKind::Churn, "churn"));
                event.at_ms / 1000
            });
            (begun.collect(), done.record.clone())
        })
    }

    #[tokio::test(start_paused = true)]
    async fn iterations_begin_on_the_grid_and_keep_out_of_the_quiet_times() {
        let (begun, record) = minute("every: 10s", 1).await;
        assert_eq!(begun, [10, 20, 30, 40, 50]);
        assert_eq!((record.begun, record.failed), (5, 1));
        let first = record.first_failure.unwrap();
        assert!(!first.contains("hunter2") && !first.contains('\n'), "{first}");
        assert_eq!(minute("every: 10s, start: 5s, idle_tail: 15s", 1).await.0, [15, 25, 35]);
        assert_eq!(minute("every: 10s, idle_tail: 20s", 1).await.0, [10, 20, 30]);
    }

    #[tokio::test(start_paused = true)]
    async fn iterations_do_not_overlap_and_the_last_one_is_cut_off() {
        assert_eq!(
            minute("every: 10s", 12).await,
            (vec![10, 30, 50], ChurnRecord { begun: 3, ..ChurnRecord::default() })
        );
        assert_eq!(minute("every: 10s", 100).await.1, ChurnRecord { begun: 1, ..ChurnRecord::default() });
    }
}
