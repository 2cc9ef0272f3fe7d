//! What the application tells of itself: figures read beside the churn and the snapshots, on disk as they come.

use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::phases::say;
use super::soak::next_on_grid;
use super::steer::Steered;
use super::{Audience, Night};
use crate::flow::Flow;
use crate::history::{RecordFile, StoreError};
use crate::model::text::{printable, seconds};
use crate::model::{KeptFigure, Redactor, SeriesRecord, TargetControl};
use crate::scenario::Series;

/// How the readings fare. The night reads it while they go on.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Done>);

#[derive(Debug, Default)]
struct Done {
    records: Vec<SeriesRecord>,
    // `None` before the first reading.
    file: Option<RecordFile<KeptFigure>>,
}

impl Kept {
    fn with<T>(&self, change: impl FnOnce(&mut Done) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins anew.
    pub(super) fn begin(&self, series: &[Series], file: RecordFile<KeptFigure>) {
        let record = |series: &Series| SeriesRecord {
            name: series.name.clone(),
            compare: series.compare.clone(),
            failed: 0,
            first_failure: None,
        };
        let records = series.iter().map(record).collect();
        self.with(|done| *done = Done { records, file: Some(file) });
    }

    /// How they fare now.
    pub(super) fn records(&self) -> Vec<SeriesRecord> {
        self.with(|done| done.records.clone())
    }

    fn append(&self, figure: &KeptFigure) -> Result<bool, StoreError> {
        self.with(|done| done.file.as_mut().map_or(Ok(true), |file| file.append(figure)))
    }

    /// Counts a failure of one series, and returns whether it is the first.
    fn failed(&self, at: usize, why: &str) -> bool {
        self.with(|done| {
            let Some(record) = done.records.get_mut(at) else { return false };
            record.failed += 1;
            let first = record.first_failure.is_none();
            record.first_failure.get_or_insert_with(|| why.to_owned());
            first
        })
    }
}

/// The readings of a night, ready to be taken.
pub(super) struct Recording<'a, C> {
    pub(super) plan: &'a [Series],
    /// A user for each.
    pub(super) flows: Vec<Flow>,
    /// The begin of the soak.
    pub(super) begin: Instant,
    pub(super) target: Arc<C>,
    pub(super) kept: Arc<Kept>,
    pub(super) audience: &'a dyn Audience,
    pub(super) redactor: Arc<Redactor>,
}

impl<C: TargetControl> Recording<'_, C> {
    /// Reads every series on its own grid until it is dropped: the first reading at once, and one at a time. What a reading that
    /// takes too long covers is left out.
    pub(super) async fn run(mut self) -> Infallible {
        let mut flows = std::mem::take(&mut self.flows);
        let all = FuturesUnordered::new();
        for ((at, series), flow) in self.plan.iter().enumerate().zip(&mut flows) {
            all.push(self.one(at, series, flow));
        }
        all.collect::<()>().await;
        pending().await
    }

    async fn one(&self, at: usize, series: &Series, flow: &mut Flow) {
        let mut due = self.begin;
        loop {
            tokio::time::sleep_until(due).await;
            let at_ms = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
            let reading = flow.read(&series.name, &series.figure, &*self.target);
            let value = match tokio::time::timeout(series.every, reading).await {
                Ok(Ok(value)) if value.is_finite() => Ok(value),
                Ok(Ok(value)) => Err(format!("{value} is no number to count with")),
                Ok(Err(error)) => Err(error.summary()),
                Err(_elapsed) => Err(format!("no answer within {}", seconds(series.every.as_secs_f64()))),
            };
            let figure = KeptFigure { at_ms, name: series.name.clone(), value: value.as_ref().ok().copied() };
            let problem = match self.kept.append(&figure) {
                Err(error) => Some(error.to_string()),
                Ok(false) => Some("figures.jsonl is full, and later readings are not kept".to_owned()),
                Ok(true) => value.err(),
            };
            if let Some(problem) = problem {
                let problem = printable(&self.redactor.mask(&problem));
                if self.kept.failed(at, &problem) {
                    say(self.audience, &self.redactor, &format!("`{}` could not be read: {problem}", series.name));
                }
            }
            due = next_on_grid(due, series.every);
        }
    }
}

impl<'a> Night<'a> {
    /// The readings that the scenario asks for, from now on; `None`: there are none.
    ///
    /// # Errors
    /// The file for them could not be made.
    pub(super) fn recording(&mut self, flow: &Flow) -> Result<Option<Recording<'a, Steered>>, StoreError> {
        let plan = self.scenario.series.as_slice();
        let Some(target) = self.steered().filter(|_| !plan.is_empty()) else { return Ok(None) };
        self.kept_figures.begin(plan, self.folder.figures()?);
        let mut flows = Vec::with_capacity(plan.len());
        for at in 0..plan.len() {
            match flow.twin() {
                Ok(twin) => flows.push(twin),
                // The same holds for all that follow.
                Err(error) => {
                    for at in at..plan.len() {
                        self.kept_figures.failed(at, &error.summary());
                    }
                    break;
                }
            }
        }
        Ok(Some(Recording {
            plan,
            flows,
            begin: self.soak_clock.unwrap_or_else(Instant::now),
            target: Arc::new(target),
            kept: Arc::clone(&self.kept_figures),
            audience: self.audience,
            redactor: Arc::clone(&self.redactor),
        }))
    }

    /// Takes over into the record how the readings fare.
    pub(super) fn collect_series(&mut self) {
        self.record.series = self.kept_figures.records();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::super::testing::{Deaf, Fake};
    use super::*;
    use crate::history::{self, RunDir};
    use crate::scenario::{CounterSource, Overrides, parse};

    const HEAD: &str = "name: a\ntarget: {image: x}\nsoak: {duration: 60s}\n";

    /// A series that reads by this command, every ten seconds.
    fn series(name: &str, command: &str) -> Series {
        let text = format!(
            "{HEAD}counters: {{{name}: {{read: {{exec: {{command: [{command}]}}}}, json: $.n, at_least: 0}}}}\n"
        );
        let scenario = parse(Path::new("a.yaml"), &text, &Overrides::default(), &|_| None).unwrap();
        let CounterSource::Read(figure) = scenario.counters[0].source.clone() else { panic!("{text}") };
        Series { name: name.to_owned(), figure, every: Duration::from_secs(10), compare: None }
    }

    /// Half a minute of readings whose commands take `takes` seconds.
    async fn half_a_minute(plan: &[Series], takes: u64) -> (Vec<KeptFigure>, Vec<SeriesRecord>) {
        let scenario = parse(Path::new("a.yaml"), HEAD, &Overrides::default(), &|_| None).unwrap();
        let redactor = Arc::new(Redactor::new());
        redactor.add("hunter2");
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path(), "s", "r", Arc::clone(&redactor)).unwrap();
        let kept = Arc::new(Kept::default());
        kept.begin(plan, run.figures().unwrap());
        let flow = Flow::new(&scenario, Arc::clone(&redactor), 1).unwrap();
        let flows = plan.iter().map(|_| flow.twin().unwrap()).collect();
        let begin = Instant::now();
        let target = Arc::new(Fake::new(takes));
        let recording = Recording { plan, flows, begin, target, kept: Arc::clone(&kept), audience: &Deaf, redactor };
        assert!(tokio::time::timeout(Duration::from_millis(30_500), recording.run()).await.is_err());
        let text = std::fs::read_to_string(run.path().join("figures.jsonl")).unwrap();
        let figures = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(history::load(run.path()).is_err(), "there is no record");
        (figures, kept.records())
    }

    #[tokio::test(start_paused = true)]
    async fn figures_are_kept_on_their_grid_as_they_come() {
        let (figures, records) = half_a_minute(&[series("a", "y"), series("b", "fail")], 1).await;
        let of = |name: &str| -> Vec<(u64, bool)> {
            let own = figures.iter().filter(|figure| figure.name == name);
            own.map(|figure| (figure.at_ms, figure.value.is_some())).collect()
        };
        assert_eq!(of("a"), [(0, true), (10_000, true), (20_000, true)]);
        assert_eq!(of("b"), [(0, false), (10_000, false), (20_000, false)]);
        assert_eq!((records[0].failed, records[1].failed), (0, 3));
        let why = records[1].first_failure.as_deref().unwrap();
        assert!(!why.contains("hunter2") && !why.contains('\n'), "{why}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reading_that_takes_too_long_has_failed_and_the_grid_stays() {
        let (figures, records) = half_a_minute(&[series("slow", "y")], 15).await;
        assert_eq!(
            figures.iter().map(|figure| (figure.at_ms, figure.value)).collect::<Vec<_>>(),
            [(0, None), (20_000, None)]
        );
        assert_eq!(records[0].first_failure.as_deref(), Some("no answer within 10 s"));
    }
}
