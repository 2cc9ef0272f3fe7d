//! Targets that are processes of this machine: started here, or attached to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::AsyncRead;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::descent::{Awaited, Descent, adopt_orphans, end, look, send, spawn};
use super::error::TargetError;
use super::events::{Events, TargetEvent};
use super::lines::{EXEC_CAP, LogBuffer, read_capped};
use super::owner::{OWNER_VARIABLE, Owner, RUN_VARIABLE, is_gone, start_of};
use super::ports::check_free;
use super::{State, how_it_ended};
use crate::model::{ControlError, EventKind, ExecOutput, ProcId};
use crate::scenario::{EnvValue, Target as Plan};

/// How often descendants are looked for: one that is orphaned between two looks is found by what it inherited.
const EVERY: Duration = Duration::from_secs(1);

/// A process that slowdrip starts and ends.
#[derive(Debug)]
pub(super) struct Local {
    argv: Vec<String>,
    workdir: Option<PathBuf>,
    env: BTreeMap<String, EnvValue>,
    ports: Vec<u16>,
    run: String,
    log: Arc<LogBuffer>,
    events: Arc<Events>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    id: ProcId,
    // The exit code, once it ended.
    ended: watch::Receiver<Option<i64>>,
    descent: Arc<Mutex<Descent>>,
    // Readers, waiter and the look-out end with the target.
    _tasks: Vec<AbortOnDropHandle<()>>,
}

impl Local {
    pub(super) fn new(argv: &[String], workdir: Option<PathBuf>, plan: &Plan, run: &str) -> Self {
        Self {
            argv: argv.to_vec(),
            workdir,
            env: plan.options.env.clone(),
            ports: plan.options.publish.clone(),
            run: run.to_owned(),
            log: Arc::default(),
            events: Arc::default(),
            running: None,
        }
    }

    /// Starts the process. Never waits, so it cannot be given up half-way.
    pub(super) fn start(&mut self) -> Result<(), TargetError> {
        check_free(&self.ports)?;
        let program = self.argv.first().cloned().unwrap_or_default();
        let failed =
            |err: std::io::Error| TargetError::CommandFailed { program: program.clone(), reason: err.to_string() };
        adopt_orphans().map_err(failed)?;
        let (mut child, awaited) = spawn(&mut self.command(&self.argv)).map_err(failed)?;
        let pid = child.id().unwrap_or_default();
        let id = ProcId { pid, start: start_of(pid).unwrap_or_default() };
        let descent = Arc::new(Mutex::new(Descent::new(&self.run, id)));
        let mut tasks = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let log = Arc::clone(&self.log);
            tasks.push(task(async move { log.fill(stdout, false).await }));
        }
        if let Some(stderr) = child.stderr.take() {
            let log = Arc::clone(&self.log);
            tasks.push(task(async move { log.fill(stderr, true).await }));
        }
        let (sender, ended) = watch::channel(None);
        tasks.push(task(wait_for(child, awaited, sender, Arc::clone(&self.events))));
        let followed = Arc::clone(&descent);
        tasks.push(task(async move {
            loop {
                look(&followed).await;
                tokio::time::sleep(EVERY).await;
            }
        }));
        self.running = Some(Running { id, ended, descent, _tasks: tasks });
        Ok(())
    }

    fn command(&self, argv: &[String]) -> Command {
        let (program, args) = argv.split_first().map_or(("", &[][..]), |(program, args)| (program.as_str(), args));
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(self.env.iter().map(|(key, value)| (key, value.expose())));
        command.env(RUN_VARIABLE, &self.run).env(OWNER_VARIABLE, Owner::current().to_string());
        // A group of its own keeps a Ctrl-C at slowdrip's terminal away from it, and tells what it leaves from our children.
        command.process_group(0);
        if let Some(workdir) = &self.workdir {
            command.current_dir(workdir);
        }
        command
    }

    pub(super) fn state(&self) -> Result<State, TargetError> {
        let running = self.running.as_ref().ok_or(TargetError::NotStarted)?;
        Ok(match *running.ended.borrow() {
            Some(code) => State::Exited { code: Some(code), oom: false },
            None => State::Running { pid: running.id.pid, restarts: 0, health: None },
        })
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.id.pid)
    }

    pub(super) fn log(&self) -> &Arc<LogBuffer> {
        &self.log
    }

    pub(super) fn drain_events(&self) -> Vec<TargetEvent> {
        self.events.drain()
    }

    /// Sends a signal to the main process. False where it had ended before.
    pub(super) fn signal(&self, signal: Signal) -> Result<bool, TargetError> {
        let running = self.running.as_ref().ok_or(TargetError::NotStarted)?;
        Ok(running.ended.borrow().is_none() && send(running.id, signal).is_ok())
    }

    /// Runs a command beside the target, with its environment and in its folder.
    pub(super) async fn exec(&self, argv: &[String]) -> Result<ExecOutput, ControlError> {
        let program = argv.first().cloned().unwrap_or_default();
        let failed = |err: std::io::Error| ControlError::Failed(format!("cannot run `{program}`: {err}"));
        // The name stays until the child is reaped.
        let (mut child, _awaited) = spawn(self.command(argv).kill_on_drop(true)).map_err(failed)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (stdout, stderr, status) = tokio::join!(read_all(stdout), read_all(stderr), child.wait());
        Ok(ExecOutput {
            exit_code: code_of(status.map_err(failed)?),
            stdout: stdout.map_err(failed)?,
            stderr: stderr.map_err(failed)?,
        })
    }

    /// Ends the process and all its descent, daemons too.
    pub(super) async fn remove(&mut self) -> Result<(), TargetError> {
        let Some(running) = &mut self.running else { return Ok(()) };
        end(&running.descent).await?;
        // The waiter has reaped it, or is about to.
        drop(running.ended.wait_for(Option::is_some).await);
        self.running = None;
        Ok(())
    }
}

async fn read_all(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    match stream {
        Some(stream) => read_capped(stream, EXEC_CAP).await,
        None => Ok(Vec::new()),
    }
}

fn task(work: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(work))
}

async fn wait_for(mut child: Child, awaited: Awaited, ended: watch::Sender<Option<i64>>, events: Arc<Events>) {
    // Without a status nobody knows how it ended, but it did.
    let code = child.wait().await.map_or(-1, code_of);
    drop(awaited);
    let text = format!("the main process ended {}", how_it_ended(Some(code), false));
    events.push(TargetEvent { at: jiff::Timestamp::now(), kind: EventKind::Died, text });
    let _unheard = ended.send(Some(code));
}

/// The exit code, or 128 and the signal's number, as shells and engines tell it.
fn code_of(status: ExitStatus) -> i64 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    i64::from(code.unwrap_or(-1))
}

/// A process that was there before and is left alone.
#[derive(Debug)]
pub(super) struct Attached {
    pid: u32,
    // Known from the start on, so that a later process of the same pid is not taken for it.
    id: Option<ProcId>,
}

impl Attached {
    pub(super) fn new(pid: u32) -> Self {
        Self { pid, id: None }
    }

    pub(super) fn start(&mut self) -> Result<(), TargetError> {
        let start = start_of(self.pid).ok_or(TargetError::NoSuchProcess { pid: self.pid })?;
        self.id = Some(ProcId { pid: self.pid, start });
        Ok(())
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.id.map(|id| id.pid)
    }

    pub(super) fn state(&self) -> Result<State, TargetError> {
        let id = self.id.ok_or(TargetError::NotStarted)?;
        let stat = i32::try_from(id.pid).ok().and_then(|pid| procfs::process::Process::new(pid).ok()?.stat().ok());
        Ok(match stat.filter(|stat| stat.starttime == id.start) {
            None if is_gone(id) => State::Gone,
            Some(stat) if matches!(stat.state, 'Z' | 'X') => State::Exited { code: None, oom: false },
            Some(_) | None => State::Running { pid: id.pid, restarts: 0, health: None },
        })
    }
}

/// A signal by its name, with or without `SIG`.
pub(super) fn signal_of(name: &str) -> Result<(Signal, String), TargetError> {
    const KNOWN: [(&str, Signal); 12] = [
        ("HUP", Signal::HUP),
        ("INT", Signal::INT),
        ("QUIT", Signal::QUIT),
        ("ABRT", Signal::ABORT),
        ("KILL", Signal::KILL),
        ("USR1", Signal::USR1),
        ("USR2", Signal::USR2),
        ("PIPE", Signal::PIPE),
        ("ALRM", Signal::ALARM),
        ("TERM", Signal::TERM),
        ("CONT", Signal::CONT),
        ("WINCH", Signal::WINCH),
    ];
    let upper = name.trim().to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    let found = KNOWN.iter().find(|(known, _)| *known == short);
    let (known, signal) = found.ok_or_else(|| TargetError::UnknownSignal { name: name.to_owned() })?;
    Ok((*signal, format!("SIG{known}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_with_and_without_a_prefix() {
        assert_eq!(signal_of("SIGTERM").unwrap(), (Signal::TERM, "SIGTERM".into()));
        assert_eq!(signal_of("int").unwrap(), (Signal::INT, "SIGINT".into()));
        assert!(signal_of("SIGNOPE").unwrap_err().to_string().contains("`SIGNOPE`"));
    }

    #[test]
    fn an_attached_process_is_told_from_a_later_one_of_its_pid() {
        let pid = std::process::id();
        let mut attached = Attached::new(pid);
        attached.start().unwrap();
        assert!(matches!(attached.state().unwrap(), State::Running { pid: found, .. } if found == pid));
        attached.id = attached.id.map(|id| ProcId { start: id.start + 1, ..id });
        assert_eq!(attached.state().unwrap(), State::Gone);
        assert!(Attached::new(u32::MAX / 4).start().is_err());
    }
}
