//! Watching the target: snapshots at intervals, on disk as they are taken.

use std::time::Duration;

use super::clocks::Clocks;
use super::phases::{how_it_ended, not_written, unreadable};
use super::{Night, Notice, Tick};
use crate::history::Journal;
use crate::judge;
use crate::model::text::seconds;
use crate::model::{Ending, EventKind, GapReason, Phase, Snapshot};
use crate::probe::Depth;
use crate::target::{Facts, State};

/// How often the target is asked whether it still lives, at least.
const PULSE: Duration = Duration::from_secs(1);

/// How often the record is put on disk while nothing else asks for it: a crash costs no more of it than that.
const SAVED: Duration = Duration::from_secs(60);

/// How long the engine may be silent before the night ends.
const PATIENCE: Duration = Duration::from_secs(30);

/// What lives from one snapshot to the next.
#[derive(Debug)]
pub(super) struct Watch {
    facts: Facts,
    interval: Duration,
    taken: u32,
    // At the last snapshot.
    clocks: Option<Clocks>,
    silent_since: Option<tokio::time::Instant>,
    // When the record was last put on disk.
    saved: tokio::time::Instant,
}

impl Watch {
    pub(super) fn new(interval: Duration) -> Self {
        let saved = tokio::time::Instant::now();
        Self { facts: Facts::default(), interval, taken: 0, clocks: None, silent_since: None, saved }
    }
}

impl Night<'_> {
    /// Takes snapshots for `length`, the first at once (but see [`super::Place::shift`]), and ends early where the target does.
    pub(super) async fn soak(
        &mut self,
        watch: &mut Watch,
        journal: &mut Journal,
        phase: Phase,
        length: Duration,
    ) -> Result<(), Ending> {
        let begin = tokio::time::Instant::now();
        let mut due = begin + self.shift.min(length / 2);
        while due < begin + length {
            self.wait_alive(watch, phase, due).await?;
            let late = due.elapsed();
            if late > watch.interval {
                self.note(EventKind::Gap, &format!("a snapshot came {} late", seconds(late.as_secs_f64())));
            }
            let last = next_on_grid(due, watch.interval) >= begin + length;
            let depth = if watch.taken == 0 || last { Depth::Full } else { Depth::Light };
            let snapshot = self.look(watch, phase, depth).await?;
            journal.append(&snapshot).map_err(|error| not_written(&error))?;
            self.collect_events();
            if watch.saved.elapsed() >= SAVED {
                self.save()?;
                watch.saved = tokio::time::Instant::now();
            }
            due = next_on_grid(due, watch.interval);
            // In time for the last snapshot, which waits for nothing.
            let before_last = !last && due + watch.interval >= begin + length;
            if let Some(target) = &self.target {
                watch.facts.measure(target, before_last);
            }
            self.audience.notice(&Notice::Tick(&Tick {
                phase,
                elapsed: begin.elapsed(),
                total: length,
                next: due.saturating_duration_since(tokio::time::Instant::now()),
                snapshots: watch.taken,
                worst: judge::worst(&snapshot, self.rules),
            }));
        }
        self.wait_alive(watch, phase, begin + length).await
    }

    /// Waits until `due`, asks the target at least every [`PULSE`] whether it lives, and takes the snapshots that steps ask for.
    async fn wait_alive(&mut self, watch: &mut Watch, phase: Phase, due: tokio::time::Instant) -> Result<(), Ending> {
        loop {
            let next = due.min(tokio::time::Instant::now() + PULSE);
            loop {
                let request = tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(next) => break,
                    request = self.asked.next() => request,
                };
                self.answer(phase, request).await;
            }
            self.pulse(watch).await?;
            if next >= due {
                return Ok(());
            }
        }
    }

    async fn pulse(&mut self, watch: &mut Watch) -> Result<(), Ending> {
        let Some(target) = &self.target else { return Err(Ending::Unfinished) };
        let state = match target.state().await {
            Ok(state) => state,
            Err(error) => return self.engine_is_silent(watch, &error.to_string()),
        };
        watch.silent_since = None;
        watch.facts.note(target, &state);
        let Some(message) = how_it_ended(&state) else { return self.follow_to(&state).await };
        self.collect_events();
        if self.record.events.last().is_none_or(|event| event.kind != EventKind::Died) {
            self.note(EventKind::Died, &format!("the target ended: {message}"));
        }
        Err(Ending::Died { message })
    }

    /// Looks from now on at the processes that the target has now, where it was started anew. An engine that does not answer
    /// is asked again at the next opportunity.
    pub(super) async fn follow_target(&mut self) -> Result<(), Ending> {
        let Some(target) = &self.target else { return Err(Ending::Unfinished) };
        match target.state().await {
            Ok(state) => self.follow_to(&state).await,
            Err(_) => Ok(()),
        }
    }

    async fn follow_to(&mut self, state: &State) -> Result<(), Ending> {
        let State::Running { pid, restarts, .. } = state else { return Ok(()) };
        let life = (*pid, *restarts);
        // That it was started anew is among the target's events.
        let anew = self.life.replace(life).is_some_and(|before| before != life);
        let scope = self.target.as_ref().filter(|_| anew).and_then(|target| target.scope());
        if let Some(scope) = scope {
            self.access()?.retarget(scope).await.map_err(|error| unreadable(&error))?;
        }
        Ok(())
    }

    /// An engine may be started anew while its containers go on: the night waits for it for a while.
    fn engine_is_silent(&mut self, watch: &mut Watch, error: &str) -> Result<(), Ending> {
        let Some(since) = watch.silent_since else {
            watch.silent_since = Some(tokio::time::Instant::now());
            self.note(EventKind::Note, &format!("the engine does not answer: {error}"));
            return Ok(());
        };
        let silent = since.elapsed();
        if silent < PATIENCE {
            return Ok(());
        }
        let message = format!("the engine has not answered for {}: {error}", seconds(silent.as_secs_f64().round()));
        Err(Ending::Unreadable { message })
    }

    async fn look(&mut self, watch: &mut Watch, phase: Phase, depth: Depth) -> Result<Snapshot, Ending> {
        let clocks = Clocks::now();
        if let Some(before) = watch.clocks.replace(clocks) {
            for (kind, text) in clocks.since(&before) {
                self.note(kind, &text);
            }
        }
        let at = self.soak_clock.map_or(Duration::ZERO, |clock| clock.elapsed());
        let at_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        let mut looked = self.access()?.snapshot(watch.taken, at_ms, phase, depth).await;
        if is_lost(looked.as_ref().ok()) {
            // The target may have been started anew just now.
            self.pulse(watch).await?;
            looked = self.access()?.snapshot(watch.taken, at_ms, phase, depth).await;
        }
        self.note_access();
        watch.taken += 1;
        let mut snapshot = looked.map_err(|error| unreadable(&error))?;
        watch.facts.enter(&mut snapshot.target);
        Ok(snapshot)
    }
}

/// Whether a look found no process, and could have: one that came late would come late again.
fn is_lost(looked: Option<&Snapshot>) -> bool {
    looked.is_none_or(|snapshot| {
        snapshot.processes.is_empty() && snapshot.gaps.iter().all(|gap| gap.reason != GapReason::Late)
    })
}

/// The next of the times at which snapshots are due. The grid stays: what was missed is a gap, not a burst of snapshots.
pub(super) fn next_on_grid(mut due: tokio::time::Instant, interval: Duration) -> tokio::time::Instant {
    let now = tokio::time::Instant::now();
    while due <= now {
        due += interval;
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_snapshot_that_was_missed_is_left_out_and_the_grid_stays() {
        let begin = tokio::time::Instant::now();
        let interval = Duration::from_secs(5);
        assert_eq!(next_on_grid(begin, interval), begin + interval);
        tokio::time::advance(Duration::from_secs(12)).await;
        assert_eq!(next_on_grid(begin + interval, interval), begin + 3 * interval);
    }
}
