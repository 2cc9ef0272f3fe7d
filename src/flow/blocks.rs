//! Steps that hold others: waits, repeats, loops, users side by side, conditions, other files.

use std::time::Duration;

use tokio::time::Instant;

use super::answer::took;
use super::failure::StepError;
use super::template::is_template;
use super::{Done, Failed, Flow, Repeat};
use crate::model::TargetControl;
use crate::model::text::count;
use crate::scenario::{Action, Step};

/// The last try of a wait begins this long before its deadline, so that it has time to be answered.
const LAST_TRY: Duration = Duration::from_millis(500);

impl Flow {
    /// Runs a step that holds others.
    pub(super) async fn block<C: TargetControl>(
        &mut self,
        step: &Step,
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<Done, StepError> {
        match &step.action {
            Action::Repeat { times, name, steps } => {
                self.repeat(*times, name.as_deref(), steps, target, deadline).await
            }
            Action::WaitUntil { within, every, step } => self.wait(*within, *every, step, target, deadline).await,
            _ => Err(self.fail(step, Failed { problems: vec!["not yet".to_owned()], ..Failed::default() })),
        }
    }

    async fn repeat<C: TargetControl>(
        &mut self,
        times: u32,
        name: Option<&str>,
        steps: &[Step],
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<Done, StepError> {
        let mut result = Ok(());
        'turns: for turn in 1..=times {
            self.repeats.push(Repeat { name: name.map(str::to_owned), turn, times });
            for step in steps {
                result = self.step(step, target, deadline).await.map(drop);
                if result.is_err() {
                    self.repeats.pop();
                    break 'turns;
                }
            }
            self.repeats.pop();
        }
        result?;
        let what = format!("repeat {} {}", count(u64::from(times), "time"), names(steps));
        Ok(Done { said: "done".to_owned(), what, seen: None })
    }

    async fn wait<C: TargetControl>(
        &mut self,
        within: Duration,
        every: Duration,
        step: &Step,
        target: &C,
        outer: Option<Instant>,
    ) -> Result<Done, StepError> {
        let started = Instant::now();
        // A time beyond the clock's end is no deadline of its own.
        let deadline = [started.checked_add(within), outer].into_iter().flatten().min();
        let mut tries: u64 = 0;
        let mut last: Option<StepError> = None;
        loop {
            tries += 1;
            let failure = match self.step(step, target, deadline).await {
                Ok(done) => {
                    let said = format!("{} at try {tries}", done.said);
                    return Ok(Done { said, what: format!("wait until {}", done.what), seen: done.seen });
                }
                Err(failure) if failure.is_permanent() => return Err(failure),
                Err(failure) => failure,
            };
            // A try that was cut short knows less than the one before it.
            let failure = if failure.was_cut() { last.unwrap_or(failure) } else { failure };
            let left = deadline.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            if left <= LAST_TRY {
                // Less than its own time where something outside waits too.
                let had = deadline.map_or(within, |end| end.saturating_duration_since(started));
                let try_word = if tries == 1 { "try" } else { "tries" };
                return Err(failure.after_waiting(&format!("not within {} ({tries} {try_word})", took(had))));
            }
            last = Some(failure);
            tokio::time::sleep(every.min(left - LAST_TRY)).await;
        }
    }
}

/// Steps by name, for a line of progress: the one there is, or how many.
fn names(steps: &[Step]) -> String {
    match steps {
        [Step { action: Action::Http(step), .. }] if !is_template(&step.path) => {
            format!("{} {}", step.method.to_ascii_lowercase(), step.path)
        }
        steps => count(steps.len() as u64, "step"),
    }
}
