//! The command line.

mod annotate;
mod args;
mod calibrate;
mod clean;
mod console;
mod demo;
mod diff;
mod doctor;
mod exit;
mod explain;
mod flow;
mod gate;
mod history;
mod jobs;
mod judge;
mod layout;
mod plan;
mod prune;
mod publish;
mod report;
mod run;
mod schema;
mod signals;
mod snapshot;
mod verdict;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
pub use exit::Exit;

/// With fewer descriptors nothing can even be begun: the runtime itself takes some.
const FEWEST_DESCRIPTORS: u64 = 12;

/// An error with the exit code it leads to.
#[derive(Debug)]
struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    fn new(exit: Exit, error: &dyn std::fmt::Display) -> Self {
        Self { exit, message: error.to_string() }
    }
}

/// Parses the command line, does what it says, and ends with the documented exit code.
pub fn main() -> ExitCode {
    match crate::demo::app::ran_as_child(std::env::args_os()) {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(error) => {
            console::error(&format!("a child of the demo application failed: {error}"));
            return ExitCode::from(Exit::Unexpected.code());
        }
    }
    let cli = Cli::parse();
    if let Command::ProbeHelper = cli.command {
        return probe_helper();
    }
    // The demo application is a target: it lives under the limit that it was given.
    if !matches!(cli.command, Command::DemoApp(_)) {
        let limit = crate::target::raise_own_limit();
        if let Some(few) = limit.filter(|limit| *limit < FEWEST_DESCRIPTORS) {
            console::error(&format!(
                "cannot start: no more than {few} descriptors may be open at once; raise the limit with `ulimit -n`"
            ));
            return ExitCode::from(Exit::Unexpected.code());
        }
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            console::error(&format!("cannot start: {error}"));
            return ExitCode::from(Exit::Unexpected.code());
        }
    };
    let result = runtime.block_on(dispatch(cli.command));
    // A blocking read that hangs in the kernel must not keep slowdrip from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    let exit = match result {
        Ok(exit) => exit,
        Err(failure) => {
            console::error(&failure.message);
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

/// What a helper container runs. Without a runtime: it has a thread for each processor, and a helper may have few.
fn probe_helper() -> ExitCode {
    let (requests, answers) = (std::io::stdin().lock(), std::io::BufWriter::new(std::io::stdout().lock()));
    match crate::access::serve(requests, answers, &crate::probe::ProcRoot::system()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::error(&error.to_string());
            ExitCode::from(Exit::Unexpected.code())
        }
    }
}

async fn dispatch(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(args) => run::run(args).await,
        Command::Gate(args) => gate::run(args).await,
        Command::Flow(args) => flow::run(args).await,
        Command::Judge(args) => judge::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Snapshot(args) => snapshot::run(&args).await,
        Command::Doctor(args) => doctor::run(&args).await,
        Command::DoctorChild => doctor::sleep(),
        Command::Schema(args) => Ok(schema::run(&args)),
        Command::Clean(args) => clean::run(&args).await,
        Command::History(command) => history::run(&command),
        Command::Prune(args) => prune::run(&args),
        Command::Demo(args) => demo::run(args).await,
        // Dealt with before there is a runtime.
        Command::ProbeHelper => Ok(Exit::Pass),
        Command::DemoApp(args) => match crate::demo::app::serve(args).await {
            Ok(()) => Ok(Exit::Pass),
            Err(error) => Err(Failure::new(Exit::Unexpected, &format!("{error:#}"))),
        },
    }
}
