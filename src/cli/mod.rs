//! The command line.

mod args;
mod clean;
mod console;
mod demo;
mod diff;
mod exit;
mod judge;
mod plan;
mod publish;
mod report;
mod run;
mod signals;
pub mod snapshot;
mod verdict;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
pub use exit::Exit;

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
        Command::Judge(args) => judge::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Snapshot(args) => snapshot_command(&args).await,
        Command::Clean(args) => clean::run(&args).await,
        Command::Demo(args) => demo::run(args).await,
        // Dealt with before there is a runtime.
        Command::ProbeHelper => Ok(Exit::Pass),
        Command::DemoApp(args) => match crate::demo::app::serve(args).await {
            Ok(()) => Ok(Exit::Pass),
            Err(error) => Err(Failure::new(Exit::Unexpected, &format!("{error:#}"))),
        },
    }
}

async fn snapshot_command(args: &args::SnapshotArgs) -> Result<Exit, Failure> {
    match snapshot::run(&args.subject, args.json).await {
        Ok(text) => {
            console::out(&text);
            Ok(Exit::Pass)
        }
        Err(error) if error.downcast_ref::<crate::probe::ProbeError>().is_some() => {
            Err(Failure::new(Exit::Unreadable, &format!("{error:#}")))
        }
        Err(error) if error.downcast_ref::<crate::target::TargetError>().is_some() => {
            Err(Failure::new(Exit::NotStarted, &format!("{error:#}")))
        }
        Err(error) => Err(Failure::new(Exit::Unexpected, &format!("{error:#}"))),
    }
}
