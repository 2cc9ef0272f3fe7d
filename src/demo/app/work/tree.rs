//! A manager and its workers: processes of which the application knows only the first.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, getppid};

use super::super::THIS_PROGRAM;
use super::super::children::{ChildKind, command, own_pid, until_input_ends};

/// How many workers a manager has.
const WORKERS: usize = 2;
/// How often a worker that does not mind its manager's end looks whether the application lives.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What a manager does: it has workers, with a pipe to each and one from each, until its standard input ends. `app` is who
/// started it.
pub(in super::super) fn manage(app: i32, orphans: bool) -> io::Result<()> {
    let kind = ChildKind::TreeWorker { parent: own_pid(), app: orphans.then_some(app) };
    let mut pipes = Vec::new();
    for _ in 0..WORKERS {
        let mut worker = command(Path::new(THIS_PROGRAM), kind).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        pipes.push((worker.stdin.take(), worker.stdout.take()));
        // One that is ended by somebody else is reaped too.
        std::thread::Builder::new().name("reaper".to_owned()).spawn(move || worker.wait())?;
    }
    until_input_ends()
}

/// What a worker does that does not mind the end of its manager: it sleeps for as long as the application lives, which gets it
/// when the manager is gone. So an experiment leaves nothing behind.
pub(in super::super) fn outlive(manager: i32, app: i32) -> io::Result<()> {
    while getppid().map(Pid::as_raw_pid).is_some_and(|parent| [manager, app].contains(&parent)) {
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
