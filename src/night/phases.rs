//! The phases in which the target is up.

use std::sync::Arc;

use super::counters::Moment;
use super::{Alone, Night, Notice, left_alone, not_started};
use crate::flow::Flow;
use crate::history::StoreError;
use crate::model::text::{printable, shorten};
use crate::model::{Ending, Event, EventKind, Phase, PhaseRecord, Verdict};
use crate::target::{self, Target};

impl Night<'_> {
    /// Runs the phases up to the stop and says how they ended. May be dropped at any await point; `finish` then tidies up.
    pub(super) async fn phases(&mut self) -> Ending {
        match self.phases_or_ending().await {
            Ok(()) => Ending::Completed,
            Err(ending) => ending,
        }
    }

    async fn phases_or_ending(&mut self) -> Result<(), Ending> {
        self.start().await?;
        let ready = self.ready().await?;
        self.meet().await?;
        let mut flow = self.seed(ready).await?;
        // What the seeding started may run as somebody else than what was there at the start, or may be another process.
        self.follow_target().await?;
        self.access()?.check().await.map_err(|error| unreadable(&error))?;
        self.meet().await?;
        self.read_counters(&mut flow, Moment::Start).await;
        self.watch(&mut flow).await?;
        self.after(&mut flow).await?;
        self.take_evidence_unless_fine().await;
        self.close_access().await;
        self.stop().await
    }

    /// Enters a phase: shown, recorded, on disk.
    pub(super) fn enter(&mut self, phase: Phase) -> Result<(), Ending> {
        let now = self.clock.elapsed().as_secs_f64();
        if let Some(last) = self.record.phases.last_mut()
            && last.to_s.is_none()
        {
            last.to_s = Some(now);
        }
        self.record.phases.push(PhaseRecord { phase, from_s: now, to_s: None });
        self.audience.notice(&Notice::Phase(phase));
        self.save()
    }

    pub(super) fn save(&mut self) -> Result<(), Ending> {
        // They come from several sides, each in its own time.
        self.record.events.sort_by_key(|event| event.at_ms);
        self.record.ended = jiff::Timestamp::now();
        self.folder.write_record(&self.record).map_err(|error| not_written(&error))
    }

    pub(super) fn say(&self, line: &str) {
        say(self.audience, &self.redactor, line);
    }

    pub(super) fn warn(&self, line: &str) {
        self.audience.notice(&Notice::Warning(&printable(&self.redactor.mask(line))));
    }

    /// Milliseconds since the soak began; before it, since the run began, until [`Night::begin_soak`] knows better.
    pub(super) fn at_ms(&self) -> i64 {
        i64::try_from(self.soak_clock.unwrap_or(self.clock).elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Starts the clock of the soak, and counts what happened before from it.
    pub(super) fn begin_soak(&mut self) -> Result<(), Ending> {
        let begin = self.at_ms();
        for event in &mut self.record.events {
            event.at_ms -= begin;
        }
        self.asked.count_from(begin).map_err(|message| Ending::NotWritten { message })?;
        self.soak_clock = Some(tokio::time::Instant::now());
        self.record.soak_started = Some(jiff::Timestamp::now());
        Ok(())
    }

    pub(super) fn note(&mut self, kind: EventKind, text: &str) {
        let text = printable(&self.redactor.mask(text));
        self.audience.notice(&Notice::Line(&text));
        self.record.events.push(Event { at_ms: self.at_ms(), kind, text });
    }

    async fn start(&mut self) -> Result<(), Ending> {
        self.enter(Phase::Start)?;
        self.sweep().await;
        let target = Target::new(self.scenario, &self.record.run, Arc::clone(&self.redactor)).await;
        let target = self.target.insert(Arc::new(target.map_err(|error| not_started(&error))?));
        self.record.engine = target.engine();
        self.record.target = target.record();
        let (audience, redactor) = (self.audience, &self.redactor);
        let Some(target) = Arc::get_mut(target) else { return Err(Ending::Unfinished) };
        let started = target.start(&|line| say(audience, redactor, line)).await;
        self.record.target = target.record();
        started.map_err(|error| not_started(&error))
    }

    /// Removes what runs left behind that are gone.
    async fn sweep(&self) {
        let swept = if self.scenario.target.needs_engine() {
            target::sweep(false).await
        } else {
            Ok(target::Swept { removed: target::sweep_processes().await, ..target::Swept::default() })
        };
        // Where the engine does not answer, the start says so with more to go on.
        let Ok(swept) = swept else { return };
        for name in &swept.removed {
            self.say(&format!("removed {name}, left behind by a run that is gone"));
        }
        for problem in &swept.failed {
            self.warn(problem);
        }
    }

    async fn seed(&mut self, mut flow: Flow) -> Result<Flow, Ending> {
        self.enter(Phase::Seed)?;
        let Some(target) = self.steered() else { return Err(Ending::Unfinished) };
        // From here on the way to the processes is open.
        flow.probe_by(Some(self.asked.open()));
        let (scenario, audience, redactor) = (self.scenario, self.audience, Arc::clone(&self.redactor));
        let progress = |line: &str| say(audience, &redactor, line);
        let seeded = self.serving(Phase::Seed, flow.run(&scenario.seed, &target, &progress)).await;
        self.unpause().await;
        match seeded {
            Ok(()) => Ok(flow),
            // A target that ended is the better explanation of a refused connection.
            Err(error) => Err(match self.death().await {
                Some(message) => {
                    Ending::SeedFailed { message: format!("the target ended during seeding: {message}\n{error}") }
                }
                None => Ending::SeedFailed { message: error.to_string() },
            }),
        }
    }

    /// In a release gate, waits for the other night.
    async fn meet(&mut self) -> Result<(), Ending> {
        let (audience, redactor) = (self.audience, Arc::clone(&self.redactor));
        let Some(seat) = &mut self.seat else { return Ok(()) };
        say(audience, &redactor, "waits for the other night of the gate");
        seat.meet().await.map_err(|Alone| left_alone())
    }

    async fn stop(&mut self) -> Result<(), Ending> {
        self.enter(Phase::Stop)?;
        self.collect_events();
        let Some(target) = &self.target else { return Ok(()) };
        match target.stop(&self.scenario.stop.signal, self.scenario.stop.within).await {
            Ok(stop) => self.record.stop = stop,
            Err(error) => {
                let text = format!("the stop signal could not be sent: {error}");
                self.note(EventKind::Note, &text);
            }
        }
        Ok(())
    }

    /// Whatever the engine reported since the last time becomes an event of the night.
    pub(super) fn collect_events(&mut self) {
        self.collect_churn();
        self.collect_log();
        self.collect_series();
        let Some(target) = &self.target else { return };
        for event in target.drain_events() {
            let since_soak = self
                .record
                .soak_started
                .map_or_else(|| self.at_ms(), |begin| (event.at.as_millisecond()) - begin.as_millisecond());
            let text = printable(&self.redactor.mask(&event.text));
            self.audience.notice(&Notice::Line(&text));
            self.record.events.push(Event { at_ms: since_soak, kind: event.kind, text });
        }
    }

    /// How the target ended, if it did. An engine that does not answer says nothing of the target.
    async fn death(&self) -> Option<String> {
        self.target.as_ref()?.state().await.ok().and_then(|state| how_it_ended(&state))
    }

    /// Captures evidence now if the night, judged by what there is, would not pass: after the stop it would be too late.
    async fn take_evidence_unless_fine(&mut self) {
        if self.save().is_err() {
            return;
        }
        if self.assess_as(&Ending::Completed).is_none_or(|assessment| assessment.verdict != Verdict::Pass) {
            self.take_evidence().await;
        }
    }
}

/// Hands a line to the audience, masked and harmless, cut to what a person reads.
pub(super) fn say(audience: &dyn super::Audience, redactor: &crate::model::Redactor, line: &str) {
    audience.notice(&Notice::Line(&shorten(&printable(&redactor.mask(line)), 400)));
}

/// How a target ended that is in this state; `None`: it runs.
pub(super) fn how_it_ended(state: &target::State) -> Option<String> {
    match state {
        target::State::Running { .. } => None,
        target::State::Gone => Some("it is gone".to_owned()),
        target::State::Exited { oom: true, .. } => {
            Some("the kernel killed it for using more memory than its limit".to_owned())
        }
        target::State::Exited { code: Some(code), .. } => Some(format!("it exited with code {code}")),
        target::State::Exited { code: None, .. } => Some("it exited".to_owned()),
    }
}

pub(super) fn unreadable(error: &crate::access::AccessError) -> Ending {
    Ending::Unreadable { message: error.to_string() }
}

pub(super) fn not_written(error: &StoreError) -> Ending {
    Ending::NotWritten { message: error.to_string() }
}
