//! Flags and their help.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::annotate::AnnotationArgs;
use super::exit::TABLE;
use super::gate::GateArgs;
use super::history::HistoryCommand;
use super::prune::PruneArgs;
use crate::model::ProbeMode;

/// Soaks a containerised application for half an hour, reads its handles from /proc, and says what leaks.
#[derive(Debug, Parser)]
#[command(name = "slowdrip", version, after_help = TABLE, propagate_version = true)]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a night: start, seed, soak, judge, report, remove.
    #[command(after_help = TABLE)]
    Run(RunArgs),
    /// Release gate: soak a candidate beside the last release, and say whether it is any worse.
    #[command(after_help = TABLE)]
    Gate(GateArgs),
    /// Take the steps of a scenario against something that runs already, and show each: the way to write one.
    #[command(after_help = TABLE)]
    Flow(FlowArgs),
    /// Judge a stored night again, by its own thresholds or by others; nothing is written.
    Judge(JudgeArgs),
    /// Make the pages of a stored night again.
    Report(ReportArgs),
    /// Compare two nights: by default the last one with the last comparable one before it.
    #[command(after_help = super::diff::EXITS)]
    Diff(super::diff::DiffArgs),
    /// Say what growth of a class means, where it likely comes from, and how to look closer.
    Explain(ExplainArgs),
    /// Propose thresholds from the clean nights of a scenario's history, and write them if asked to.
    Calibrate(CalibrateArgs),
    /// Look for a moment at a running container or process.
    Snapshot(SnapshotArgs),
    /// Say what works on this machine, why the rest does not, and what to do about it.
    Doctor(DoctorArgs),
    /// Print the JSON Schema of a kind of file: editors complete and check by it, other programs read by it.
    Schema(SchemaArgs),
    /// Remove what runs left behind that are gone.
    Clean(CleanArgs),
    /// The nights that are kept for good.
    #[command(subcommand)]
    History(HistoryCommand),
    /// Remove old nights; their lines in the history stay.
    Prune(PruneArgs),
    /// Run a short night against an application that leaks on purpose, or one of the scenarios that come with slowdrip.
    Demo(DemoArgs),
    /// The application of the demo.
    #[command(hide = true)]
    DemoApp(crate::demo::app::AppArgs),
    /// Waits until its standard input ends: the doctor tries on it what may be refused.
    #[command(hide = true)]
    DoctorChild,
    /// What a helper container runs: answers requests on standard input.
    #[command(hide = true)]
    ProbeHelper,
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Scenario files, run one after the other, or side by side with `--jobs`.
    #[arg(required = true, value_name = "SCENARIO")]
    pub(super) scenarios: Vec<PathBuf>,
    /// Thresholds in place of the scenario's.
    #[arg(long, value_name = "FILE")]
    pub(super) thresholds: Option<PathBuf>,
    /// Folder in which nights land.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(super) reports: PathBuf,
    /// Length of the soak in place of the scenario's, for example 25m or 1h30m.
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub(super) duration: Option<Duration>,
    /// Time between snapshots in place of the scenario's.
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub(super) interval: Option<Duration>,
    /// This image in place of the scenario's `build` or `image`.
    #[arg(long, value_name = "REF")]
    pub(super) image: Option<String>,
    /// A build argument or template variable in place of the scenario's; may be given more than once.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub(super) set: Vec<(String, String)>,
    /// Which containers stay when the night is over.
    #[arg(long, value_enum, default_value_t = KeepArg::Never)]
    pub(super) keep: KeepArg,
    /// How the processes are read; by itself the best way that works.
    #[arg(long, value_enum, default_value_t = ProbeArg::Auto)]
    pub(super) probe: ProbeArg,
    /// How many nights go on at a time.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = jobs)]
    pub(super) jobs: usize,
    /// The users of the run and their ids: the same number makes the same ones.
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Print the resolved plan and start nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) annotations: AnnotationArgs,
}

/// How the processes of the target are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ProbeArg {
    /// The best way that works.
    Auto,
    /// From this machine's /proc: root, or capabilities.
    Host,
    /// By a helper container in the target's namespaces.
    Helper,
    /// By a shell in the container; no dead handle can be told.
    Exec,
}

impl ProbeArg {
    /// The mode that is asked for; `None`: the best that works.
    pub(super) fn wanted(self) -> Option<ProbeMode> {
        match self {
            Self::Auto => None,
            Self::Host => Some(ProbeMode::Host),
            Self::Helper => Some(ProbeMode::Helper),
            Self::Exec => Some(ProbeMode::Exec),
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum KeepArg {
    /// None.
    Never,
    /// Those of nights that do not pass.
    OnFailure,
    /// All.
    Always,
}

#[derive(Debug, Args)]
pub(super) struct FlowArgs {
    /// The scenario file.
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: PathBuf,
    /// Where it runs: `http://127.0.0.1:8080` for the first published port, `PORT=http://127.0.0.1:8081` for another (may be given
    /// again), or the name of a running container, in which commands, logs and signals work too.
    #[arg(long, value_name = "URL|CONTAINER", required = true)]
    pub(super) against: Vec<String>,
    /// The last part that is taken.
    #[arg(long, value_enum, default_value_t = FlowPart::After)]
    pub(super) until: FlowPart,
    /// How many iterations of the churn.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(super) iterations: u64,
    /// A template variable in place of the scenario's; may be given more than once.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub(super) set: Vec<(String, String)>,
    /// The user and the ids: the same number makes the same ones.
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
}

/// A part of a scenario whose steps are taken, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum FlowPart {
    /// The steps that show that it is ready.
    Ready,
    /// The steps that make the user and the data.
    Seed,
    /// The churn, and after it counters and series.
    Churn,
    /// The steps of the settle phase.
    Settle,
    /// The checks at the end.
    After,
}

#[derive(Debug, Args)]
pub(super) struct JudgeArgs {
    /// A run's folder, or its id below the reports folder.
    pub(super) run: String,
    /// Thresholds in place of those that the night was judged by.
    #[arg(long, value_name = "FILE")]
    pub(super) thresholds: Option<PathBuf>,
    /// Folder in which nights land.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(super) reports: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// A run's folder, or its id below the reports folder.
    pub(super) run: String,
    /// Folder in which nights land.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(super) reports: PathBuf,
    /// Print all that the page says as JSON; nothing is written.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) annotations: AnnotationArgs,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// A class such as fd.eventpoll, a class of the thresholds' own, or a cause such as event-loop-never-closed.
    #[arg(value_name = "CLASS|CAUSE", required_unless_present = "list")]
    pub(super) subject: Option<String>,
    /// List every built-in class and every cause.
    #[arg(long, conflicts_with = "subject")]
    pub(super) list: bool,
    /// Thresholds whose precedents are shown first, and whose own classes are known.
    #[arg(long, value_name = "FILE")]
    pub(super) thresholds: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct CalibrateArgs {
    /// A scenario file: its name says which history, and it names the thresholds.
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: PathBuf,
    /// Thresholds in place of the scenario's; a file that is not there is made.
    #[arg(long, value_name = "FILE")]
    pub(super) thresholds: Option<PathBuf>,
    /// Folder in which nights land.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(super) reports: PathBuf,
    /// The most nights that are used, the latest ones.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(3..=10_000))]
    pub(super) nights: u64,
    /// Nights of this kind of machine in place of this one's, as the history names it; `any`: of all.
    #[arg(long, value_name = "KIND|any")]
    pub(super) machine: Option<String>,
    /// Also nights of earlier texts of the scenario.
    #[arg(long)]
    pub(super) any_digest: bool,
    /// How many clean nights may break a figure, all classes together.
    #[arg(long, value_name = "SHARE", default_value = "1%", value_parser = percent, allow_hyphen_values = true)]
    pub(super) false_alarms: f64,
    /// Propose also for built-in classes that the thresholds do not name.
    #[arg(long)]
    pub(super) add_classes: bool,
    /// Write the figures into the thresholds file, keeping all the rest of it.
    #[arg(long)]
    pub(super) write: bool,
}

#[derive(Debug, Args)]
pub(super) struct SnapshotArgs {
    /// A container's name or id, or a process id.
    #[arg(value_name = "CONTAINER|PID")]
    pub(super) subject: String,
    /// JSON, as in samples.jsonl, in place of tables.
    #[arg(long)]
    pub(super) json: bool,
    /// How long to look, twice a second; the last look is shown. 0s: one look, which tells fewer dead handles.
    #[arg(long, value_name = "TIME", value_parser = time_or_zero, default_value = "3s", allow_hyphen_values = true)]
    pub(super) watch: Duration,
    /// How long handles may look dead and still be put to use, in place of the graces of a night.
    #[arg(long, value_name = "TIME", value_parser = time_or_zero, allow_hyphen_values = true)]
    pub(super) grace: Option<Duration>,
    /// How to reach the processes.
    #[arg(long, value_enum, default_value_t = ProbeArg::Auto)]
    pub(super) probe: ProbeArg,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// A running container's name or id: the ways to read it are tried for real.
    pub(super) container: Option<String>,
    /// JSON in place of text.
    #[arg(long)]
    pub(super) json: bool,
    /// Folder in which nights land.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(super) reports: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Of which files.
    #[arg(value_enum)]
    pub(super) of: SchemaOf,
}

/// The kinds of files that have a schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum SchemaOf {
    /// What to run.
    Scenario,
    /// Steps that scenarios share.
    Flow,
    /// What is acceptable.
    Thresholds,
    /// What `diff --format json` prints.
    Diff,
    /// `run.json`: what is known of a night beside its snapshots.
    Run,
    /// `findings.json`: what the judge says of a night.
    Findings,
    /// A line of `history.jsonl`: what is kept of a night for good.
    History,
}

#[derive(Debug, Args)]
pub(super) struct CleanArgs {
    /// Also remove what was kept on purpose.
    #[arg(long)]
    pub(super) kept: bool,
}

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// One of the scenarios that come with slowdrip, in place of the demo's own short night; `--list` shows them.
    #[arg(value_name = "SCENARIO", value_parser = shipped())]
    pub(super) scenario: Option<String>,
    /// The scenario's application in the form that leaks.
    #[arg(long, requires = "scenario")]
    pub(super) fault: bool,
    /// List the scenarios.
    #[arg(long, conflicts_with_all = ["scenario", "process"])]
    pub(super) list: bool,
    /// Length of the soak in place of the scenario's, for example 90s.
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true, requires = "scenario")]
    pub(super) duration: Option<Duration>,
    /// Folder in which the night lands.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(super) reports: PathBuf,
    /// Soak a local process even where a Docker engine answers.
    #[arg(long, conflicts_with = "scenario")]
    pub(super) process: bool,
}

fn shipped() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(crate::demo::Shipped::ALL.map(|shipped| shipped.name))
}

pub(super) fn time(text: &str) -> Result<Duration, String> {
    crate::document::duration(text).map_err(|error| error.to_string())
}

fn time_or_zero(text: &str) -> Result<Duration, String> {
    crate::document::duration_or_zero(text).map_err(|error| error.to_string())
}

/// A share of at least a millionth and at most a half, as 0 to 1.
fn percent(text: &str) -> Result<f64, String> {
    let Some(number) = text.trim().strip_suffix('%') else {
        return Err("expected a share with `%`, for example `1%`".to_owned());
    };
    let share = number.trim().parse::<f64>().map_err(|_| "expected a number before `%`, for example `0.5%`")? / 100.0;
    if (1e-6..=0.5).contains(&share) { Ok(share) } else { Err("expected a share from 0.0001% to 50%".to_owned()) }
}

/// A growth that is allowed: things per hour, 0 or more.
pub(super) fn margin(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(number) if (0.0..=1e9).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err("expected a number of things per hour, 0 or more".to_owned()),
    }
}

/// A number of nights that one machine may bear.
fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=64) => Ok(jobs),
        Ok(_) | Err(_) => Err("expected a number from 1 to 64".to_owned()),
    }
}

pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}
