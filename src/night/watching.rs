//! The phases in which the target is watched: the soak with its churn, and the rest after it.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use super::Night;
use super::counters::Moment;
use super::phases::{not_written, say};
use super::soak::Watch;
use crate::flow::{Flow, StepError};
use crate::history::Journal;
use crate::model::text::seconds;
use crate::model::{ChurnRecord, Ending, Phase};

impl Night<'_> {
    pub(super) async fn watch(&mut self, flow: &mut Flow) -> Result<(), Ending> {
        self.record.churn = self.scenario.churn.as_ref().map(|_| ChurnRecord::default());
        self.enter(Phase::Soak)?;
        self.begin_soak()?;
        let mut journal = self.folder.journal().map_err(|error| not_written(&error))?;
        self.follow_log();
        let recording = self.recording(flow).map_err(|error| not_written(&error))?;
        let figures = async {
            match recording {
                Some(recording) => recording.run().await,
                None => pending().await,
            }
        };
        // All in turn on one task: none waits for another, and whatever ends the watching ends the rest.
        let watched = tokio::select! {
            biased;
            watched = self.soak_and_settle(&mut journal, flow) => watched,
            never = figures => match never {},
        };
        self.collect_series();
        watched?;
        self.end_log().await;
        self.read_counters(flow, Moment::Settled).await;
        journal.sync().map_err(|error| not_written(&error))
    }

    async fn soak_and_settle(&mut self, journal: &mut Journal, flow: &mut Flow) -> Result<(), Ending> {
        let soak = &self.scenario.soak;
        let mut watch = Watch::new(soak.interval);
        let fresh = self.scenario.churn.as_ref().is_some_and(|churn| churn.fresh_session);
        let memory = flow.memory();
        let churning = self.churning();
        let churn = async {
            match churning {
                Some(churning) => churning.run(flow).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            soaked = self.soak(&mut watch, journal, Phase::Soak, soak.duration) => soaked?,
            never = churn => match never {},
        }
        flow.observe(None);
        if fresh {
            flow.go_back(&memory);
        }
        self.unpause().await;
        self.sum_up_churn();
        self.read_counters(flow, Moment::End).await;
        if !soak.settle.is_zero() || !self.scenario.settle.is_empty() {
            self.settle(&mut watch, journal, flow).await?;
        }
        Ok(())
    }

    /// Lets things come to rest: the steps that let go of the load, and snapshots beside them.
    async fn settle(&mut self, watch: &mut Watch, journal: &mut Journal, flow: &mut Flow) -> Result<(), Ending> {
        self.enter(Phase::Settle)?;
        let (scenario, audience, redactor) = (self.scenario, self.audience, Arc::clone(&self.redactor));
        let Some(target) = self.steered() else { return Err(Ending::Unfinished) };
        let length = scenario.soak.settle;
        let mut done: Option<Result<(), StepError>> = None;
        let progress = |line: &str| say(audience, &redactor, line);
        let steps = async { done = Some(flow.run(&scenario.settle, &target, &progress).await) };
        if length.is_zero() {
            self.serving(Phase::Settle, steps).await;
        } else {
            let steps = async {
                steps.await;
                pending::<Infallible>().await
            };
            tokio::select! {
                biased;
                soaked = self.soak(watch, journal, Phase::Settle, length) => soaked?,
                never = steps => match never {},
            }
        }
        self.unpause().await;
        match done {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => self.failed_check("settle", &error.summary(), &error.to_string()),
            None => {
                let late =
                    format!("the steps were not done when the phase ended after {}", seconds(length.as_secs_f64()));
                self.failed_check("settle", &late, &late)
            }
        }
    }

    pub(super) async fn after(&mut self, flow: &mut Flow) -> Result<(), Ending> {
        if self.scenario.after.is_empty() {
            return Ok(());
        }
        self.enter(Phase::After)?;
        let (scenario, audience, redactor) = (self.scenario, self.audience, Arc::clone(&self.redactor));
        let Some(target) = self.steered() else { return Err(Ending::Unfinished) };
        let progress = |line: &str| say(audience, &redactor, line);
        let checked = self.serving(Phase::After, flow.run(&scenario.after, &target, &progress)).await;
        self.unpause().await;
        match checked {
            Ok(()) => Ok(()),
            Err(error) => self.failed_check("after", &error.summary(), &error.to_string()),
        }
    }

    /// A check that failed breaks the night and does not end it. The whole exchange is evidence; the record keeps one line of it.
    fn failed_check(&mut self, phase: &str, summary: &str, whole: &str) -> Result<(), Ending> {
        self.warn(summary);
        let prefix = if phase == "after" { String::new() } else { format!("{phase}: ") };
        self.record.after_failures.push(self.redactor.mask(&format!("{prefix}{summary}")));
        let file = format!("evidence/{phase}.txt");
        self.folder.write_text(&file, &format!("{whole}\n")).map_err(|error| not_written(&error))
    }
}
