//! What the engine and the disk tell of a target, gathered beside the snapshots: no snapshot waits for it.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::{State, Target};
use crate::model::{DiskSample, TargetSample};

/// The rest between two measurements of the disk, at least.
const PACE: Duration = Duration::from_secs(60);

/// A measurement is followed by a rest of so many times its length: it may take a twentieth of the time.
const REST: u32 = 20;

/// What the engine and the disk tell of one target.
#[derive(Debug, Default)]
pub struct Facts {
    // Health and restarts, as the engine said last.
    said: Option<(Option<String>, u64)>,
    measuring: Option<Measuring>,
    // Not before this moment is the disk measured again.
    rested: Option<Instant>,
}

#[derive(Debug)]
struct Measuring {
    answer: AbortOnDropHandle<(DiskSample, Duration)>,
}

impl Facts {
    /// Remembers what the engine said of the target.
    pub fn note(&mut self, target: &Target, state: &State) {
        // A process of this machine is watched by nobody else.
        if target.engine().is_none() {
            return;
        }
        if let State::Running { restarts, health, .. } = state {
            // Those that the scenario asked for are not held against the target.
            self.said = Some((health.clone(), restarts.saturating_sub(target.asked_restarts())));
        }
    }

    /// Begins to measure the disk in the background, where it is time again, or `now` (before the last snapshot). Does nothing
    /// while a measurement is under way, and for a target that is no container.
    pub fn measure(&mut self, target: &Target, now: bool) {
        let rested = self.rested.is_none_or(|rested| Instant::now() >= rested);
        if self.measuring.is_some() || !(rested || now) {
            return;
        }
        let Some(disk) = target.disk() else { return };
        let timed = async move {
            let begun = Instant::now();
            let sample = disk.await;
            (sample, begun.elapsed())
        };
        self.rested = Some(Instant::now() + PACE);
        self.measuring = Some(Measuring { answer: AbortOnDropHandle::new(tokio::spawn(timed)) });
    }

    /// Puts what is known into a snapshot: health and restarts always, the disk once after each measurement.
    pub fn enter(&mut self, sample: &mut TargetSample) {
        if let Some((health, restarts)) = &self.said {
            sample.health.clone_from(health);
            sample.restarts = Some(*restarts);
        }
        let Some(measuring) = &mut self.measuring else { return };
        let Some(answer) = (&mut measuring.answer).now_or_never() else { return };
        self.measuring = None;
        if let Ok((disk, took)) = answer {
            self.rested = self.rested.max(Some(Instant::now() + took.saturating_mul(REST)));
            sample.disk = Some(disk);
        }
    }
}
