//! The phases that follow whatever happened: judge, report, remove.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Keep, Night, Outcome, PublishError};
use crate::history;
use crate::judge;
use crate::model::{Assessment, Ending, Phase, Verdict};

impl Night<'_> {
    /// Evidence, verdict, pages, removal. Nothing in here ends early: what fails is named and the rest goes on.
    pub(super) async fn finish(mut self, interrupt: &watch::Receiver<Option<i32>>) -> Outcome {
        self.unpause().await;
        self.collect_events();
        self.end_log().await;
        if !matches!(self.record.ending, Ending::Completed) {
            self.take_evidence().await;
        }
        self.enter_or_note(Phase::Judge);
        let mut assessment = self.assess();
        if assessment.as_ref().is_none_or(|assessment| assessment.verdict != Verdict::Pass) {
            self.take_evidence().await;
        }
        self.record.kept = match self.keep {
            Keep::Never => false,
            Keep::OnFailure => assessment.as_ref().is_none_or(|assessment| assessment.verdict != Verdict::Pass),
            Keep::Always => true,
        };
        self.enter_or_note(Phase::Report);
        self.publish_now(assessment.as_ref());
        self.enter_or_note(Phase::Remove);
        self.close_access().await;
        self.remove().await;
        if let Some(last) = self.record.phases.last_mut() {
            last.to_s = Some(self.clock.elapsed().as_secs_f64());
        }
        // A signal that came while the night was being wrapped up counts as well.
        if let Some(signal) = *interrupt.borrow()
            && !matches!(self.record.ending, Ending::Interrupted { .. })
        {
            self.record.ending = Ending::Interrupted { signal };
            assessment = self.assess();
        }
        // The pages again, now that the record is complete: `slowdrip report` makes the very same ones from it.
        self.publish_now(assessment.as_ref());
        Outcome {
            folder: self.folder.path().to_owned(),
            ending: self.record.ending,
            assessment,
            problems: self.problems,
            not_written: self.not_written,
            kept: self.kept,
        }
    }

    /// Judges what is on disk, as `slowdrip judge` does: the same bytes give the same verdict.
    fn assess(&self) -> Option<Assessment> {
        self.assess_as(&self.record.ending)
    }

    /// Judges what is on disk as if the night had ended in this way.
    pub(super) fn assess_as(&self, ending: &Ending) -> Option<Assessment> {
        let mut night = history::load(self.folder.path()).ok()?;
        night.record.ending = ending.clone();
        Some(judge::judge(night.recorded(), self.rules))
    }

    fn publish_now(&mut self, assessment: Option<&Assessment>) {
        self.save_or_note();
        let Some(assessment) = assessment else {
            self.problem("the night could not be read back from disk: there is no report".to_owned());
            return;
        };
        if let Err(error) = self.folder.write_assessment(assessment) {
            self.problem(error.to_string());
            return;
        }
        let published = history::load(self.folder.path())
            .map_err(|error| PublishError::Render(error.to_string()))
            .and_then(|night| (self.publish)(&self.folder, &night, self.rules));
        if let Err(error) = published {
            self.problem(error.to_string());
        }
    }

    async fn remove(&mut self) {
        let Some(target) = &mut self.target else { return };
        // The churn, which shares it, ended with the phases.
        let Some(target) = Arc::get_mut(target) else {
            self.problems.push("the target is still in use and was not removed; run `slowdrip clean`".to_owned());
            return;
        };
        if self.record.kept {
            match target.keep().await {
                Ok(hints) => self.kept = hints,
                Err(error) => self.problems.push(format!("the containers could not be kept: {error}")),
            }
        } else if let Err(error) = target.remove().await {
            self.problems.push(format!("{error}; run `slowdrip clean` once the engine answers"));
        }
    }

    fn problem(&mut self, text: String) {
        self.not_written = true;
        if !self.problems.contains(&text) {
            self.problems.push(text);
        }
    }

    fn enter_or_note(&mut self, phase: Phase) {
        if let Err(Ending::NotWritten { message }) = self.enter(phase) {
            self.problem(message);
        }
    }

    fn save_or_note(&mut self) {
        if let Err(Ending::NotWritten { message }) = self.save() {
            self.problem(message);
        }
    }
}
