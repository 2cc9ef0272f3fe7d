//! Targets that are processes of this machine and were started here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::AsyncRead;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::asked::Asked;
use super::descent::{Awaited, Descent, adopt_orphans, end, look, send, spawn};
use super::error::TargetError;
use super::events::{Events, TargetEvent};
use super::lines::{EXEC_CAP, LogBuffer, read_capped};
use super::owner::{OWNER_VARIABLE, Owner, RUN_VARIABLE, start_of};
use super::ports::check_free;
use super::still::Still;
use super::{State, how_it_ended};
use crate::model::{ControlError, EventKind, ExecOutput, ProcId};
use crate::scenario::{EnvValue, Target as Plan};

/// How often descendants are looked for: one that is orphaned between two looks is found by what it inherited.
const EVERY: Duration = Duration::from_secs(1);
/// The time that a killed process has to be gone.
const KILLED: Duration = Duration::from_secs(10);
/// What a process wrote last is still read after its end, unless somebody else holds its output open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A process that slowdrip starts and ends.
#[derive(Debug)]
pub(super) struct Local {
    argv: Vec<String>,
    workdir: Option<PathBuf>,
    env: BTreeMap<String, EnvValue>,
    ports: Vec<u16>,
    run: String,
    log: Arc<LogBuffer>,
    pub(super) events: Arc<Events>,
    pub(super) asked: Asked,
    running: Mutex<Option<Running>>,
}

/// One life of the process.
#[derive(Debug)]
struct Running {
    life: Life,
    readers: Vec<AbortOnDropHandle<()>>,
    // The waiter and the look-out end with the target.
    _tasks: Vec<AbortOnDropHandle<()>>,
}

/// What is known of it by others.
#[derive(Debug, Clone)]
struct Life {
    id: ProcId,
    // The exit code, once it ended.
    ended: watch::Receiver<Option<i64>>,
    // Its end was asked for, and is no death.
    expected: Arc<AtomicBool>,
    descent: Arc<Mutex<Descent>>,
    still: Arc<Still>,
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
            asked: Asked::default(),
            running: Mutex::default(),
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn life(&self) -> Result<Life, TargetError> {
        self.running().as_ref().map(|running| running.life.clone()).ok_or(TargetError::NotStarted)
    }

    /// Starts the process. Never waits, so it cannot be given up half-way.
    pub(super) fn start(&self) -> Result<(), TargetError> {
        check_free(&self.ports)?;
        let program = self.argv.first().cloned().unwrap_or_default();
        let failed =
            |err: std::io::Error| TargetError::CommandFailed { program: program.clone(), reason: err.to_string() };
        adopt_orphans().map_err(failed)?;
        let (mut child, awaited) = spawn(&mut self.command(&self.argv)).map_err(failed)?;
        let pid = child.id().unwrap_or_default();
        let id = ProcId { pid, start: start_of(pid).unwrap_or_default() };
        let descent = Arc::new(Mutex::new(Descent::new(&self.run, id)));
        let (mut readers, mut tasks) = (Vec::new(), Vec::new());
        if let Some(stdout) = child.stdout.take() {
            let log = Arc::clone(&self.log);
            readers.push(task(async move { log.fill(stdout, false).await }));
        }
        if let Some(stderr) = child.stderr.take() {
            let log = Arc::clone(&self.log);
            readers.push(task(async move { log.fill(stderr, true).await }));
        }
        let (sender, ended) = watch::channel(None);
        let expected = Arc::<AtomicBool>::default();
        tasks.push(task(wait_for(child, awaited, sender, Arc::clone(&self.events), Arc::clone(&expected))));
        let followed = Arc::clone(&descent);
        tasks.push(task(async move {
            loop {
                look(&followed).await;
                tokio::time::sleep(EVERY).await;
            }
        }));
        let life = Life { id, ended, expected, descent, still: Arc::default() };
        *self.running() = Some(Running { life, readers, _tasks: tasks });
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

    /// Waits for a restart that is under way.
    pub(super) async fn state(&self) -> Result<State, TargetError> {
        let _settled = self.asked.settled().await;
        let life = self.life()?;
        let ended = *life.ended.borrow();
        Ok(match ended {
            Some(code) => State::Exited { code: Some(code), oom: false },
            None => State::Running { pid: life.id.pid, restarts: self.asked.restarts(), health: None },
        })
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.life().ok().map(|life| life.id.pid)
    }

    pub(super) fn log(&self) -> &Arc<LogBuffer> {
        &self.log
    }

    /// The processes that are there, daemons too.
    pub(super) async fn members(&self) -> Result<Vec<ProcId>, TargetError> {
        let descent = self.life()?.descent;
        Ok(look(&descent).await)
    }

    /// Sends a signal to the main process. False where it had ended before.
    pub(super) fn signal(&self, signal: Signal) -> Result<bool, TargetError> {
        let life = self.life()?;
        let running = life.ended.borrow().is_none();
        Ok(running && send(life.id, signal).is_ok())
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

    /// Ends the process and its descent, and starts it again with the same words.
    pub(super) async fn restart(self: &Arc<Self>, within: Duration) -> Result<(), ControlError> {
        let local = Arc::clone(self);
        self.asked.alone(async move { local.restart_now(within).await }).await
    }

    async fn restart_now(&self, within: Duration) -> Result<(), ControlError> {
        let failed = |err: TargetError| ControlError::Failed(err.to_string());
        let at = jiff::Timestamp::now();
        let mut life = self.life().map_err(failed)?;
        let before = *life.ended.borrow();
        if let Some(code) = before {
            let how = how_it_ended(Some(code), false);
            let text = format!("the target had ended before it was to be restarted, {how}; it is not started again");
            return Err(ControlError::Failed(text));
        }
        self.go_on_now(&life).await;
        life.expected.store(true, Ordering::SeqCst);
        // It may end by itself at this moment; it is waited for all the same.
        let _asked = send(life.id, Signal::TERM);
        if tokio::time::timeout(within, life.ended.wait_for(Option::is_some)).await.is_err() {
            let _killed = send(life.id, Signal::KILL);
            if tokio::time::timeout(KILLED, life.ended.wait_for(Option::is_some)).await.is_err() {
                life.expected.store(false, Ordering::SeqCst);
                let text = format!("the main process did not end within {} s of SIGKILL", KILLED.as_secs());
                return Err(ControlError::Failed(text));
            }
        }
        // As with a container: nothing of the old life is there when the new one begins.
        end(&life.descent).await.map_err(failed)?;
        let readers = self.running().as_mut().map(|running| std::mem::take(&mut running.readers)).unwrap_or_default();
        for reader in readers {
            let _last_words = tokio::time::timeout(LAST_WORDS, reader).await;
        }
        self.start().map_err(|err| {
            ControlError::Failed(format!("the target ended for its restart, but could not be started again: {err}"))
        })?;
        self.asked.count_restart();
        let text = "the target was restarted, as the scenario asked".to_owned();
        self.events.push(TargetEvent { at, kind: EventKind::Asked, text });
        Ok(())
    }

    /// Stops the process and its descent, or lets them go on.
    pub(super) async fn pause(self: &Arc<Self>, paused: bool) -> Result<(), ControlError> {
        let local = Arc::clone(self);
        let work = async move {
            if local.asked.is_paused() == paused {
                return Ok(());
            }
            let life = local.life().map_err(|err| ControlError::Failed(err.to_string()))?;
            if paused {
                // Said first: whoever takes the target down meanwhile must let it go on.
                local.asked.set_paused(true);
                if let Err(problem) = life.still.stand(&life.descent).await {
                    local.go_on_now(&life).await;
                    return Err(ControlError::Failed(problem));
                }
            } else {
                local.go_on_now(&life).await;
            }
            local.events.push(TargetEvent::paused(paused));
            Ok(())
        };
        self.asked.alone(work).await
    }

    async fn go_on_now(&self, life: &Life) {
        if self.asked.is_paused() {
            life.still.go_on().await;
            self.asked.set_paused(false);
        }
    }

    /// Lets a paused target go on.
    pub(super) async fn resume(&self) {
        if let Ok(life) = self.life() {
            self.go_on_now(&life).await;
        }
    }

    /// Ends the process and all its descent, daemons too.
    pub(super) async fn remove(&self) -> Result<(), TargetError> {
        self.asked.give_up().await;
        let Ok(mut life) = self.life() else { return Ok(()) };
        self.go_on_now(&life).await;
        end(&life.descent).await?;
        // The waiter has reaped it, or is about to.
        drop(life.ended.wait_for(Option::is_some).await);
        *self.running() = None;
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

async fn wait_for(
    mut child: Child,
    awaited: Awaited,
    ended: watch::Sender<Option<i64>>,
    events: Arc<Events>,
    expected: Arc<AtomicBool>,
) {
    // Without a status nobody knows how it ended, but it did.
    let code = child.wait().await.map_or(-1, code_of);
    drop(awaited);
    if !expected.load(Ordering::SeqCst) {
        let text = format!("the main process ended {}", how_it_ended(Some(code), false));
        events.push(TargetEvent { at: jiff::Timestamp::now(), kind: EventKind::Died, text });
    }
    let _unheard = ended.send(Some(code));
}

/// The exit code, or 128 and the signal's number, as shells and engines tell it.
fn code_of(status: ExitStatus) -> i64 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    i64::from(code.unwrap_or(-1))
}
