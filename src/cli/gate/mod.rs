//! `slowdrip gate`: a candidate against the last release, soaked side by side.

mod sides;
mod store;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::args::{KeepArg, ProbeArg, margin, pair, time};
use super::console::{self, Stage};
use super::{Exit, Failure, jobs, plan, run, signals};
use crate::flow::random_seed;
use crate::gate::Setting;
use crate::model::GateRole;
use crate::night::{self, Keep};
use crate::scenario::{Overrides, Scenario, TargetKind};
use crate::threshold::RuleSet;

pub(super) use store::{is_gate, recover, remake};

#[derive(Debug, Args)]
pub(super) struct GateArgs {
    /// The scenario file. Its target is an image, or is built.
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: PathBuf,
    /// The image that is to be released.
    #[arg(long, value_name = "IMAGE", required_unless_present = "candidate_set")]
    pub(super) candidate: Option<String>,
    /// The image that was released last.
    #[arg(long, value_name = "IMAGE", required_unless_present = "baseline_set")]
    pub(super) baseline: Option<String>,
    /// A build argument or template variable of the candidate alone; may be given more than once.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub(super) candidate_set: Vec<(String, String)>,
    /// A build argument or template variable of the baseline alone; may be given more than once.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub(super) baseline_set: Vec<(String, String)>,
    /// A build argument or template variable of both; may be given more than once.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub(super) set: Vec<(String, String)>,
    /// How many things more per hour counts may grow by, in place of what their rules allow them to grow.
    #[arg(long, value_name = "N", value_parser = margin)]
    pub(super) margin: Option<f64>,
    /// Thresholds in place of the scenario's.
    #[arg(long, value_name = "FILE")]
    pub(super) thresholds: Option<PathBuf>,
    /// Folder in which gates land, below the scenario's.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(super) reports: PathBuf,
    /// Length of the soak in place of the scenario's, for example 25m or 1h30m.
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub(super) duration: Option<Duration>,
    /// Time between snapshots in place of the scenario's.
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub(super) interval: Option<Duration>,
    /// Which containers stay when the gate is over.
    #[arg(long, value_enum, default_value_t = KeepArg::Never)]
    pub(super) keep: KeepArg,
    /// How the processes are read; by itself the best way that works.
    #[arg(long, value_enum, default_value_t = ProbeArg::Auto)]
    pub(super) probe: ProbeArg,
    /// The users of both sides and their ids: the same number makes the same ones.
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Print the resolved plans of both sides and start nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// One of the two nights, ready to be run.
#[derive(Debug)]
pub(super) struct Side {
    role: GateRole,
    scenario: Arc<Scenario>,
    rules: Arc<RuleSet>,
}

/// What both nights have in common.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    gate: String,
    folder: PathBuf,
    reports: PathBuf,
    keep: Keep,
    probe: Option<crate::model::ProbeMode>,
    seed: u64,
    command: Vec<String>,
    stage: Stage,
}

pub(super) async fn run(args: GateArgs) -> Result<Exit, Failure> {
    let candidate = side(&args, GateRole::Candidate)?;
    let baseline = side(&args, GateRole::Baseline)?;
    check(&args, &candidate.scenario, &baseline.scenario)?;
    if args.dry_run {
        let plans = [("candidate", &candidate), ("baseline", &baseline)]
            .map(|(name, side)| format!("{name}\n{}", plan::text(&side.scenario, &side.rules)));
        console::out(&plans.join("\n\n"));
        return Ok(Exit::Pass);
    }
    let interrupt = signals::interrupt().map_err(|error| Failure::new(Exit::Unexpected, &error))?;
    let stage = Stage::new(true);
    let name = candidate.scenario.name.clone();
    for line in recover(&args.reports, &name) {
        stage.info(&line);
    }
    if args.candidate.is_some() && args.candidate == args.baseline && args.candidate_set == args.baseline_set {
        stage.info("both sides are the same image: this gate measures its own noise");
    }
    let gate = night::run_id(jiff::Timestamp::now());
    let seed = args.seed.unwrap_or_else(random_seed);
    let shared = Shared {
        folder: args.reports.join(&name).join(store::GATES).join(&gate),
        reports: args.reports.clone(),
        keep: match args.keep {
            KeepArg::Never => Keep::Never,
            KeepArg::OnFailure => Keep::OnFailure,
            KeepArg::Always => Keep::Always,
        },
        probe: args.probe.wanted(),
        seed,
        command: command(&args, seed),
        stage: stage.clone(),
        gate,
    };
    let setting = Setting { gate: shared.gate.clone(), command: shared.command.clone(), margin: args.margin };
    let ended = sides::run([candidate, baseline], &shared, interrupt).await;
    stage.suspend(|| finish(&shared.folder, &setting, ended))
}

/// Judges the gate from what both nights left, shows it and says how slowdrip ends.
fn finish(folder: &Path, setting: &Setting, ended: Vec<sides::Ended>) -> Result<Exit, Failure> {
    let mut exit = sides::exit(&ended);
    for ended in &ended {
        let who = ended.who();
        match &ended.result {
            Ok(outcome) => outcome.problems.iter().for_each(|problem| console::error(&format!("{who}: {problem}"))),
            Err(failure) => console::error(&format!("{who}: {}", failure.message)),
        }
    }
    let kept: Vec<String> =
        ended.iter().flat_map(|ended| ended.result.iter().flat_map(|outcome| outcome.kept.clone())).collect();
    let judged = match store::judge(folder, setting) {
        Ok(judged) => judged,
        // Where a side could not begin, that is the reason; what it left is named by it.
        Err(failure) if exit == Exit::Pass => return Err(failure),
        Err(_) => return Ok(exit),
    };
    exit = exit.worse(Exit::of_verdict(judged.gate.verdict));
    let written = store::publish(folder, &judged);
    console::out(&table::table(&judged.gate));
    if !kept.is_empty() {
        console::out(&format!("\nKept on purpose; to remove:\n  {}", kept.join("\n  ")));
    }
    if let Err(failure) = written {
        console::error(&failure.message);
        exit = exit.worse(failure.exit);
    }
    let page = folder.join("gate.html");
    if page.is_file() {
        console::out(&format!("\n{}", page.display()));
    }
    Ok(exit)
}

fn side(args: &GateArgs, role: GateRole) -> Result<Side, Failure> {
    let (image, own) = match role {
        GateRole::Candidate => (&args.candidate, &args.candidate_set),
        GateRole::Baseline => (&args.baseline, &args.baseline_set),
    };
    let overrides = Overrides {
        image: image.clone(),
        duration: args.duration,
        interval: args.interval,
        thresholds: args.thresholds.clone(),
        set: args.set.iter().chain(own).cloned().collect(),
    };
    let (scenario, rules) = run::load(&args.scenario, &overrides)?;
    Ok(Side { role, scenario: Arc::new(scenario), rules: Arc::new(rules) })
}

/// Refuses what cannot be soaked twice at the same time.
fn check(args: &GateArgs, candidate: &Scenario, baseline: &Scenario) -> Result<(), Failure> {
    let bad = |message: &str| Err(Failure::new(Exit::BadInput, &message));
    let file = args.scenario.display();
    match &candidate.target.kind {
        TargetKind::Build(_) | TargetKind::Image(_) => {}
        TargetKind::Container(_) | TargetKind::Pid(_) => {
            return bad(&format!(
                "{file}: a gate starts both sides by itself, and this target is one that runs already; give the scenario an `image` or a `build`"
            ));
        }
        TargetKind::Command { .. } => {
            return bad(&format!(
                "{file}: a gate compares images, and this target is a local command; give the scenario an `image` or a `build`"
            ));
        }
    }
    if args.candidate.is_none() && args.baseline.is_none() && args.candidate_set == args.baseline_set {
        return bad(
            "both sides would be built alike; give them other --candidate-set and --baseline-set, or name images",
        );
    }
    if let Some(thing) = jobs::both_need(candidate, baseline) {
        return bad(&format!(
            "{file}: both sides need {thing}, and cannot run side by side; let the scenario leave it out"
        ));
    }
    Ok(())
}

/// The command line that repeats a gate.
fn command(args: &GateArgs, seed: u64) -> Vec<String> {
    let mut words = vec!["slowdrip".to_owned(), "gate".to_owned(), args.scenario.display().to_string()];
    let mut flag = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            words.extend([name.to_owned(), value]);
        }
    };
    let time = |time: Duration| format!("{}s", time.as_secs_f64());
    flag("--candidate", args.candidate.clone());
    flag("--baseline", args.baseline.clone());
    flag("--margin", args.margin.map(|margin| margin.to_string()));
    flag("--thresholds", args.thresholds.as_deref().map(|path| path.display().to_string()));
    flag("--duration", args.duration.map(time));
    flag("--interval", args.interval.map(time));
    flag("--probe", args.probe.wanted().map(|mode| mode.name().to_owned()));
    flag("--seed", Some(seed.to_string()));
    for (name, pairs) in
        [("--set", &args.set), ("--candidate-set", &args.candidate_set), ("--baseline-set", &args.baseline_set)]
    {
        pairs.iter().for_each(|(key, value)| flag(name, Some(format!("{key}={value}"))));
    }
    words
}
