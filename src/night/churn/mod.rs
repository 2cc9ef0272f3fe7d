//! What is done to the target while it is watched: users who take iterations, each on a grid of times of their own, beside
//! the snapshots.

mod tally;

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::phases::say;
use super::soak::next_on_grid;
use super::steer::Steered;
use super::{Audience, Night};
use crate::flow::{Flow, StepDone, StepError};
use crate::model::text::{count, printable};
use crate::model::{Redactor, TargetControl};
use crate::scenario::Churn;

pub(super) use tally::Tally;

/// The churn of a night, ready to be run.
pub(super) struct Churning<'a, C> {
    pub(super) plan: &'a Churn,
    /// The begin of the soak.
    pub(super) begin: Instant,
    /// The length of the soak.
    pub(super) length: Duration,
    /// The run's, from which the shifts of the begins are drawn.
    pub(super) seed: u64,
    pub(super) target: Arc<C>,
    pub(super) tally: Arc<Tally>,
    pub(super) audience: &'a dyn Audience,
    pub(super) redactor: Arc<Redactor>,
}

impl<C: TargetControl> Churning<'_, C> {
    /// Runs iterations until it is dropped; an iteration that is under way then is cut off and does not count as failed.
    ///
    /// Each user begins one every `every`. The first user's first begins that long after `start`, those of the others spread
    /// evenly over the same time after it. Where one takes longer than that, the times that it covers are left out, and the
    /// user's next begins at the next time of its grid.
    pub(super) async fn run(self, flow: &mut Flow) -> Infallible {
        let plan = self.plan;
        self.tally.begin(plan.max_failed, plan.users.max(1), [&plan.setup, &plan.steps], &self.redactor);
        let tally = Arc::clone(&self.tally);
        flow.observe(Some(Arc::new(move |step: &StepDone<'_>| tally.measure(step))));
        let mut others = Vec::new();
        for number in 2..=plan.users {
            match flow.fork(&format!("user {number}")) {
                Ok(other) => others.push((number, other)),
                Err(error) => self.note_failure(number, &error),
            }
        }
        let users = FuturesUnordered::new();
        users.push(self.user(1, flow));
        for (number, other) in &mut others {
            users.push(self.user(*number, other));
        }
        users.collect::<()>().await;
        pending().await
    }

    /// One user's iterations, one after the other.
    async fn user(&self, number: u32, flow: &mut Flow) {
        let Churn { name, every, setup, fresh_session, steps, start, idle_tail, jitter, .. } = self.plan;
        let until = self.begin + self.length.saturating_sub(*idle_tail);
        // What the user knows after the seeding.
        let memory = flow.memory();
        let mut shifts = Shifts::new(self.seed, number, *jitter);
        let mut due = self.begin + *start + *every + *every * (number - 1) / self.plan.users.max(1);
        flow.tell("user_number", number.into());
        let mut set_up = false;
        for iteration in 1_u64.. {
            let at = due + shifts.draw();
            if at >= until {
                return;
            }
            tokio::time::sleep_until(at).await;
            let at_ms = i64::try_from(self.begin.elapsed().as_millis()).unwrap_or(i64::MAX);
            self.tally.begun(at_ms, name);
            flow.tell("iteration", iteration.into());
            if *fresh_session || !set_up {
                flow.go_back(&memory);
                set_up = false;
            }
            let done = async {
                if !set_up {
                    flow.run(setup, &*self.target, &|_| {}).await?;
                }
                set_up = true;
                flow.run(steps, &*self.target, &|_| {}).await
            };
            if let Err(error) = done.await {
                self.note_failure(number, &error);
            }
            due = next_on_grid(due, *every);
        }
    }

    fn note_failure(&self, number: u32, error: &StepError) {
        let user = if self.plan.users > 1 { format!("user {number}: ") } else { String::new() };
        let summary = printable(&self.redactor.mask(&format!("{user}{}", error.summary())));
        if self.tally.failed(&summary) {
            say(self.audience, &self.redactor, &format!("an iteration of the churn failed: {summary}"));
        }
    }
}

/// By how much a user's begins are moved: random, and the same in every run of the same seed.
struct Shifts {
    seed: u64,
    user: u32,
    drawn: u64,
    most: Duration,
}

impl Shifts {
    fn new(seed: u64, user: u32, most: Duration) -> Self {
        Self { seed, user, drawn: 0, most }
    }

    fn draw(&mut self) -> Duration {
        if self.most.is_zero() {
            return Duration::ZERO;
        }
        self.drawn += 1;
        let hash = Sha256::new()
            .chain_update(b"slowdrip jitter")
            .chain_update(self.seed.to_be_bytes())
            .chain_update(self.user.to_be_bytes())
            .chain_update(self.drawn.to_be_bytes())
            .finalize();
        let share = hash.iter().take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        self.most.mul_f64(f64::from(share) / f64::from(u32::MAX))
    }
}

impl<'a> Night<'a> {
    /// The churn that the scenario asks for, from now on.
    pub(super) fn churning(&mut self) -> Option<Churning<'a, Steered>> {
        let plan = self.scenario.churn.as_ref()?;
        Some(Churning {
            plan,
            begin: self.soak_clock.unwrap_or_else(Instant::now),
            length: self.scenario.soak.duration,
            seed: self.record.seed.unwrap_or_default(),
            target: Arc::new(self.steered()?),
            tally: Arc::clone(&self.churned),
            audience: self.audience,
            redactor: Arc::clone(&self.redactor),
        })
    }

    /// Takes over into the record what the churn did since the last time.
    pub(super) fn collect_churn(&mut self) {
        let Some(record) = &mut self.record.churn else { return };
        *record = self.churned.record();
        self.record.events.extend(self.churned.take_events());
    }

    /// Says at the end of the soak what the churn did.
    pub(super) fn sum_up_churn(&mut self) {
        self.collect_churn();
        if let Some(record) = &self.record.churn {
            let users = if record.users > 1 { format!(" by {} users", record.users) } else { String::new() };
            let failed = if record.failed == 0 { String::new() } else { format!(", {} failed", record.failed) };
            self.say(&format!("churn: {}{users}{failed}", count(record.begun, "iteration")));
        }
    }
}

#[cfg(test)]
mod tests;
