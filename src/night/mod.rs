//! The orchestration of a night, phase by phase.
//!
//! build/start → ready → seed → soak → settle → after → stop → judge → report → remove. Whatever ends the phases early
//! (a failure, a signal, a dead engine, a full disk), the rest still happens: evidence, verdict, report, removal.

mod asked;
mod baseline;
mod churn;
mod clocks;
mod counters;
mod figures;
mod finish;
mod follow;
mod host;
mod notice;
mod phases;
mod reach;
mod ready;
mod soak;
mod steer;
#[cfg(test)]
mod testing;
mod together;
mod watching;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::history::{self, RunDir, StoreError};
use crate::model::{
    Assessment, Ending, PlanRecord, ProbeMode, RUN_FORMAT, Redactor, RunRecord, StoredNight, TargetRecord,
};
use crate::scenario::{Scenario, TargetKind};
use crate::target::{Target, TargetError};
use crate::threshold::RuleSet;

pub use host::{record as this_machine, run_id};
pub use notice::{Audience, Notice, Tick};
pub use together::{Alone, Place, Seat};

/// Which containers stay when the night is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// None.
    Never,
    /// Those of a night that did not pass.
    OnFailure,
    /// All.
    Always,
}

/// Turns a stored and judged night into its pages, history line and index; handed in by the command line, so that the
/// orchestration knows nothing of pages.
pub type Publish = dyn Fn(&RunDir, &StoredNight, &RuleSet) -> Result<(), PublishError> + Send + Sync;

/// Pages could not be made or written.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A file could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A page could not be rendered.
    #[error("cannot render a page: {0}; this is a fault of slowdrip's own")]
    Render(String),
}

/// How a night is to be run.
pub struct Options<'a> {
    /// Where nights land.
    pub reports: PathBuf,
    /// Which containers stay.
    pub keep: Keep,
    /// The command line that repeats the night.
    pub command: Vec<String>,
    /// How the processes are to be read; `None`: in the best way that works.
    pub probe: Option<ProbeMode>,
    /// Who watches.
    pub audience: &'a dyn Audience,
    /// Makes the pages.
    pub publish: &'a Publish,
    /// What the users of the run are made from.
    pub seed: u64,
    /// How many other nights go on beside it, in this slowdrip.
    pub beside: u64,
    /// Its place in a release gate; `None`: it is a night of its own.
    pub gate: Option<Place>,
    /// Becomes the number of the signal that asks slowdrip to end.
    pub interrupt: watch::Receiver<Option<i32>>,
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("reports", &self.reports).field("keep", &self.keep).finish_non_exhaustive()
    }
}

/// A night that is over.
#[derive(Debug)]
pub struct Outcome {
    /// Its folder.
    pub folder: PathBuf,
    /// How it ended.
    pub ending: Ending,
    /// What the judge says; `None` where the disk did not let it be stored and read again.
    pub assessment: Option<Assessment>,
    /// What went wrong beside the verdict: something that could not be removed or written, one line each.
    pub problems: Vec<String>,
    /// True where a file of the night is missing or half of it could not be written.
    pub not_written: bool,
    /// What a person types to remove what was kept on purpose.
    pub kept: Vec<String>,
}

/// Why a night could not even begin.
#[derive(Debug, thiserror::Error)]
pub enum NightError {
    /// The reports folder cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Runs one night from its start to the removal of what it made.
///
/// # Errors
/// The folder of the night could not be made. Everything later ends in an [`Outcome`].
pub async fn run(scenario: &Scenario, rules: &RuleSet, options: Options<'_>) -> Result<Outcome, NightError> {
    let redactor = Arc::new(secrets_of(scenario));
    let started = jiff::Timestamp::now();
    let run = host::run_id(started);
    let folder = match &options.gate {
        Some(place) => RunDir::create_at(&place.folder, Arc::clone(&redactor))?,
        None => RunDir::create(&options.reports, &scenario.name, &run, Arc::clone(&redactor))?,
    };
    folder.write_text("scenario.yaml", &scenario.text)?;
    for (path, text) in &scenario.included {
        folder.write_text(&format!("flows/{}", inside(path)), text)?;
    }
    if !rules.text.is_empty() {
        folder.write_text("thresholds.yaml", &rules.text)?;
    }
    let mut record = first_record(scenario, rules, &run, started, options.command.clone());
    (record.seed, record.beside) = (Some(options.seed), options.beside);
    record.gate = options.gate.as_ref().map(|place| place.record.clone());
    match history::read_lines(&options.reports, &scenario.name) {
        Ok((lines, _)) => record.baseline = baseline::of(&lines, &record.scenario_digest, &record.host.kind()),
        // A history that cannot be read costs the comparison, not the night.
        Err(error) => options.audience.notice(&Notice::Warning(&error.to_string())),
    }
    folder.write_record(&record)?;
    let night = Night {
        scenario,
        rules,
        keep: options.keep,
        probe: options.probe,
        audience: options.audience,
        publish: options.publish,
        shift: options.gate.as_ref().map_or(Duration::ZERO, |place| place.shift),
        seat: options.gate.map(|place| place.seat),
        redactor,
        folder,
        record,
        clock: tokio::time::Instant::now(),
        soak_clock: None,
        target: None,
        life: None,
        paused: Arc::default(),
        asked: asked::Asked::default(),
        churned: Arc::default(),
        kept_figures: Arc::default(),
        line_counts: follow::LineCount::of(scenario),
        following: None,
        reach: reach::Reach::None,
        evidence_taken: false,
        problems: Vec::new(),
        not_written: false,
        kept: Vec::new(),
    };
    Ok(night.run(options.interrupt).await)
}

/// A relative path that never leaves the folder it is taken below, of plain characters only.
fn inside(path: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let parts = path.split('/').filter(|part| !part.is_empty() && part.chars().any(|c| c != '.'));
    let parts: Vec<String> = parts.map(|part| part.chars().map(plain).take(100).collect()).collect();
    if parts.is_empty() { "flow".to_owned() } else { parts.join("/") }
}

/// What must not be shown of a scenario: what came from the environment, and what stands in it under a secret's name.
fn secrets_of(scenario: &Scenario) -> Redactor {
    let redactor = Redactor::new();
    for secret in &scenario.secrets {
        redactor.add(secret);
    }
    let sidecars = scenario.sidecars.iter().map(|sidecar| (&sidecar.kind, &sidecar.options));
    for (kind, options) in sidecars.chain([(&scenario.target.kind, &scenario.target.options)]) {
        options.env.iter().for_each(|(name, value)| redactor.add_named(name, value.expose()));
        if let TargetKind::Build(build) = kind {
            build.args.iter().for_each(|(name, value)| redactor.add_named(name, value));
        }
    }
    scenario.vars.iter().for_each(|(name, value)| redactor.add_named(name, value));
    redactor
}

fn first_record(
    scenario: &Scenario,
    rules: &RuleSet,
    run: &str,
    started: jiff::Timestamp,
    command: Vec<String>,
) -> RunRecord {
    RunRecord {
        format: RUN_FORMAT,
        slowdrip: env!("CARGO_PKG_VERSION").to_owned(),
        run: run.to_owned(),
        scenario: scenario.name.clone(),
        scenario_digest: scenario.digest.clone(),
        thresholds_digest: rules.digest.clone(),
        command,
        started,
        soak_started: None,
        ended: started,
        plan: PlanRecord {
            duration_s: scenario.soak.duration.as_secs_f64(),
            interval_s: scenario.soak.interval.as_secs_f64(),
            settle_s: scenario.soak.settle.as_secs_f64(),
            warmup_s: scenario.soak.warmup.map(|warmup| warmup.as_secs_f64()),
        },
        host: host::record(),
        engine: None,
        target: TargetRecord {
            kind: scenario.target.kind.key().to_owned(),
            name: String::new(),
            image: None,
            labels: std::collections::BTreeMap::new(),
            container: None,
            memory_limit: scenario.target.options.memory,
            probe: String::new(),
            probe_reason: String::new(),
        },
        seed: None,
        gate: None,
        beside: 0,
        phases: Vec::new(),
        events: Vec::new(),
        counters: Vec::new(),
        after_failures: Vec::new(),
        stop: None,
        churn: None,
        series: Vec::new(),
        log: None,
        baseline: None,
        ending: Ending::Unfinished,
        kept: false,
    }
}

/// A night under way.
struct Night<'a> {
    scenario: &'a Scenario,
    rules: &'a RuleSet,
    keep: Keep,
    probe: Option<ProbeMode>,
    audience: &'a dyn Audience,
    publish: &'a Publish,
    // Of a release gate, until the phases are over.
    seat: Option<Seat>,
    shift: Duration,
    redactor: Arc<Redactor>,
    folder: RunDir,
    record: RunRecord,
    clock: tokio::time::Instant,
    soak_clock: Option<tokio::time::Instant>,
    // Shared with the churn for as long as that goes on.
    target: Option<Arc<Target>>,
    // The process and the number of restarts when the target was last seen to run.
    life: Option<(u32, u64)>,
    // By steps.
    paused: Arc<std::sync::atomic::AtomicBool>,
    asked: asked::Asked,
    churned: Arc<churn::Tally>,
    kept_figures: Arc<figures::Kept>,
    line_counts: Arc<[follow::LineCount]>,
    following: Option<follow::Following>,
    reach: reach::Reach,
    evidence_taken: bool,
    problems: Vec<String>,
    not_written: bool,
    kept: Vec<String>,
}

impl Night<'_> {
    async fn run(mut self, mut interrupt: watch::Receiver<Option<i32>>) -> Outcome {
        let left = self.seat.as_ref().map(Seat::left_alone);
        let alone = async {
            match left {
                Some(left) => left.await,
                None => std::future::pending().await,
            }
            left_alone()
        };
        let ending = tokio::select! {
            biased;
            signal = interrupted(&mut interrupt) => Ending::Interrupted { signal },
            ending = self.phases() => ending,
            ending = alone => ending,
        };
        // Whoever waits here for this night need not wait for its pages.
        self.seat = None;
        self.record.ending = ending;
        self.finish(&interrupt).await
    }
}

/// Comes back with the number of the signal that asks slowdrip to end; never, where none comes.
async fn interrupted(interrupt: &mut watch::Receiver<Option<i32>>) -> i32 {
    loop {
        if let Some(signal) = *interrupt.borrow_and_update() {
            return signal;
        }
        if interrupt.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// How a night of a release gate ends that has nobody to go on with.
fn left_alone() -> Ending {
    Ending::NotStarted { message: Ending::LEFT_ALONE.to_owned() }
}

/// How a night ends that the target's management ended.
fn not_started(error: &TargetError) -> Ending {
    Ending::NotStarted { message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_included_is_kept_inside_the_folder() {
        assert_eq!(inside("up/flows/log in.yaml"), "up/flows/log_in.yaml");
        assert_eq!(inside("/../.././../etc/pass\u{0}wd"), "etc/pass_wd");
        assert_eq!(inside(".."), "flow");
    }
}
