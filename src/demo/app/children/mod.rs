//! The application's children: copies of this very binary, because an image FROM scratch holds no other program.
//!
//! One thread starts and reaps them all. That is needed twice over: the signal that a worker asks for at its parent's death is
//! sent when the *thread* that started it ends, so that thread must live as long as the process; and whoever runs as PID 1 must reap
//! whatever is handed to it, without stealing the exit of a child that somebody else is about to wait for.

mod kind;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::io::FdFlags;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};
use tokio::sync::oneshot;

use super::plants::{self, Errand};

pub(super) use kind::until_input_ends;
pub use kind::{ChildKind, UnknownChild, ran_as_child};

enum Order {
    /// Starts a child that ends at once and reaps it; answers with its pidfd.
    Short(oneshot::Sender<io::Result<OwnedFd>>),
    /// Starts a worker; answers with its standard input.
    Worker(oneshot::Sender<io::Result<ChildStdin>>),
    /// Starts a process of a plant, with this as its descriptor 2; answers with how to talk to it.
    Errand(Errand, Option<OwnedFd>, oneshot::Sender<io::Result<Helper>>),
    /// Starts a child whose end is told.
    Start(ChildKind, Outfit, oneshot::Sender<io::Result<Running>>),
    /// Ends a child that was started so by force, where it was not reaped yet.
    Kill(i32),
    /// Reaps whatever has ended.
    Reap,
    /// Waits a while for the workers to end, and ends the thread.
    End(oneshot::Sender<()>),
}

/// Starts and reaps children; a handle on the thread that does it.
#[derive(Debug, Clone)]
pub(super) struct Children {
    orders: mpsc::Sender<Order>,
}

impl Children {
    /// Starts the thread. `program` is what children run, with `demo-app --child KIND` as arguments.
    pub(super) fn start(program: PathBuf) -> io::Result<Self> {
        let (orders, received) = mpsc::channel();
        std::thread::Builder::new().name("children".to_owned()).spawn(move || serve(&program, &received))?;
        Ok(Self { orders })
    }

    /// A pidfd on a child that has ended and was reaped.
    pub(super) async fn dead_pidfd(&self) -> io::Result<OwnedFd> {
        self.ask(Order::Short).await?
    }

    /// A sleeping worker; it ends when its standard input is dropped.
    pub(super) async fn worker(&self) -> io::Result<ChildStdin> {
        self.ask(Order::Worker).await?
    }

    /// The same as [`Children::dead_pidfd`], for where one may block.
    pub(super) fn dead_pidfd_now(&self) -> io::Result<OwnedFd> {
        self.ask_and_block(Order::Short)?
    }

    /// A process of a plant. Blocks until it is started.
    pub(super) fn errand(&self, errand: Errand, passed: Option<OwnedFd>) -> io::Result<Helper> {
        self.ask_and_block(|reply| Order::Errand(errand, passed, reply))?
    }

    /// A child whose end is told. It ends when its standard input is dropped.
    pub(super) async fn start_one(&self, kind: ChildKind, outfit: Outfit) -> io::Result<Running> {
        self.ask(|reply| Order::Start(kind, outfit, reply)).await?
    }

    /// Ends a child by force that was started by [`Children::start_one`], soon.
    pub(super) fn kill(&self, pid: i32) {
        let _ = self.orders.send(Order::Kill(pid));
    }

    /// Reaps whatever has ended, soon.
    pub(super) fn reap(&self) {
        // A thread that is gone has reaped all it will.
        let _ = self.orders.send(Order::Reap);
    }

    /// Waits for the children that were told to end.
    pub(super) async fn end(self) {
        let _ = self.ask(Order::End).await;
    }

    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> io::Result<T> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }

    fn ask_and_block<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> io::Result<T> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).map_err(|_| gone())?;
        answer.blocking_recv().map_err(|_| gone())
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread that starts children has ended")
}

/// The pid of this process, as a child that ends with it is told.
pub(super) fn own_pid() -> i32 {
    rustix::process::getpid().as_raw_pid()
}

/// Where a child's output goes.
#[derive(Debug, Default)]
pub(super) enum Output {
    /// Nowhere.
    #[default]
    Null,
    /// To two pipes, one each for standard output and error.
    Pipes,
    /// To this file, standard output alone.
    File(File),
}

/// What a child is given.
#[derive(Debug, Default)]
pub(super) struct Outfit {
    /// Where its output goes.
    pub(super) output: Output,
    /// What it inherits beside its standard descriptors.
    pub(super) passed: Option<OwnedFd>,
}

/// A child whose end is told.
#[derive(Debug)]
pub(super) struct Running {
    /// Its pid.
    pub(super) pid: i32,
    /// With this it ends.
    pub(super) lifeline: ChildStdin,
    /// What it says, with [`Output::Pipes`].
    pub(super) says: Option<ChildStdout>,
    /// What it complains about, with [`Output::Pipes`].
    pub(super) complains: Option<ChildStderr>,
    /// Resolves, with or without an error, once it was reaped.
    pub(super) ended: oneshot::Receiver<()>,
}

/// A process of a plant. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Helper {
    pid: u32,
    lifeline: ChildStdin,
    says: ChildStdout,
}

impl Helper {
    /// Its pid.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until it is ready; answers with the numbers that it has to tell.
    pub(super) fn told(mut self) -> io::Result<(Self, Vec<u32>)> {
        let told = plants::read_told(&mut self.says)?;
        Ok((self, told))
    }

    /// Its standard input, with which it ends; and its standard output, which must be held for as long as it lives, and no longer: it
    /// would be a pipe without a reader, or without a writer.
    pub(super) fn into_parts(self) -> (ChildStdin, ChildStdout) {
        (self.lifeline, self.says)
    }
}

/// How long workers may take to end once their standard input is closed.
const END_WITHIN: Duration = Duration::from_secs(1);

/// Those whose end is to be told, by pid.
type Watched = HashMap<i32, oneshot::Sender<()>>;

fn serve(program: &Path, orders: &mpsc::Receiver<Order>) {
    let mut watched = Watched::new();
    for order in orders {
        // Whoever asked may have given up; what was started for it is then dropped with the answer.
        match order {
            Order::Short(reply) => drop(reply.send(short(program))),
            Order::Worker(reply) => drop(reply.send(worker(program))),
            Order::Errand(errand, passed, reply) => drop(reply.send(helper(program, errand, passed))),
            Order::Start(kind, outfit, reply) => drop(reply.send(start_one(program, kind, outfit, &mut watched))),
            // Until it is reaped, which only this thread does, the pid is nobody else's.
            Order::Kill(pid) => {
                if let Some(pid) = Pid::from_raw(pid).filter(|_| watched.contains_key(&pid)) {
                    let _ = rustix::process::kill_process(pid, Signal::KILL);
                }
            }
            Order::Reap => while reap_one(&mut watched) == Reaped::One {},
            Order::End(reply) => {
                let deadline = Instant::now() + END_WITHIN;
                while reap_one(&mut watched) != Reaped::NoneLeft && Instant::now() < deadline {
                    std::thread::sleep(Duration::from_millis(5));
                }
                let _ = reply.send(());
                return;
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reaped {
    One,
    NoneEnded,
    NoneLeft,
}

fn reap_one(watched: &mut Watched) -> Reaped {
    match rustix::process::wait(WaitOptions::NOHANG) {
        Ok(Some((pid, _))) => {
            if let Some(tell) = watched.remove(&pid.as_raw_pid()) {
                let _ = tell.send(());
            }
            Reaped::One
        }
        Ok(None) | Err(rustix::io::Errno::INTR) => Reaped::NoneEnded,
        Err(_) => Reaped::NoneLeft,
    }
}

/// A copy of this program that does what a child of that kind does, its output going nowhere.
pub(super) fn command(program: &Path, kind: ChildKind) -> Command {
    let mut command = Command::new(program);
    if let Some(title) = kind.title() {
        command.arg0(title);
    }
    command.args(["demo-app", "--child"]).arg(kind.argument()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn start_one(program: &Path, kind: ChildKind, outfit: Outfit, watched: &mut Watched) -> io::Result<Running> {
    let mut command = command(program, kind);
    command.stdin(Stdio::piped());
    match outfit.output {
        Output::Null => {}
        Output::Pipes => drop(command.stdout(Stdio::piped()).stderr(Stdio::piped())),
        Output::File(file) => drop(command.stdout(file)),
    }
    if let Some(passed) = &outfit.passed {
        // No other thread of this process starts programs, so none but this child inherits it.
        rustix::io::fcntl_setfd(passed, FdFlags::empty())?;
    }
    let spawned = command.spawn();
    drop(outfit.passed);
    let mut child = spawned?;
    let pid = Pid::from_child(&child).as_raw_pid();
    let (tell, ended) = oneshot::channel();
    watched.insert(pid, tell);
    let lifeline = child.stdin.take().ok_or_else(|| io::Error::other("a child without standard input"))?;
    Ok(Running { pid, lifeline, says: child.stdout.take(), complains: child.stderr.take(), ended })
}

fn short(program: &Path) -> io::Result<OwnedFd> {
    let mut child = command(program, ChildKind::Exit).stdin(Stdio::null()).spawn()?;
    let pidfd = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty());
    // Reaped in any case, even where there is no pidfd to keep.
    child.wait()?;
    Ok(pidfd?)
}

fn worker(program: &Path) -> io::Result<ChildStdin> {
    let parent = rustix::process::getpid().as_raw_pid();
    let mut child = command(program, ChildKind::Worker { parent }).stdin(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or_else(|| io::Error::other("a worker without standard input"))
}

fn helper(program: &Path, errand: Errand, passed: Option<OwnedFd>) -> io::Result<Helper> {
    let parent = rustix::process::getpid().as_raw_pid();
    let mut command = command(program, ChildKind::Plant { errand, parent });
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(passed.map_or_else(Stdio::null, Stdio::from));
    let mut child = command.spawn()?;
    let missing = || io::Error::other("a process of a plant without standard input and output");
    let lifeline = child.stdin.take().ok_or_else(missing)?;
    let says = child.stdout.take().ok_or_else(missing)?;
    Ok(Helper { pid: child.id(), lifeline, says })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_that_ended_leaves_a_pidfd_without_a_process() {
        let children = Children::start(PathBuf::from("/bin/true")).unwrap();
        let pidfd = children.dead_pidfd().await.unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&pidfd);
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap();
        assert!(info.lines().any(|line| line.split_whitespace().eq(["Pid:", "-1"])), "{info}");
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_an_error_and_not_a_hang() {
        let children = Children::start(PathBuf::from("/nowhere/slowdrip")).unwrap();
        assert_eq!(children.dead_pidfd().await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
