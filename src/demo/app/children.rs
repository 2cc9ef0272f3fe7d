//! The application's children: copies of this very binary, because an image FROM scratch holds no other program.
//!
//! One thread starts and reaps them all. That is needed twice over: the signal that a worker asks for at its parent's death is
//! sent when the *thread* that started it ends, so that thread must live as long as the process; and whoever runs as PID 1 must reap
//! whatever is handed to it, without stealing the exit of a child that somebody else is about to wait for.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};
use tokio::sync::oneshot;

use super::plants::{self, Errand};

/// What a child of the application does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildKind {
    /// Ends at once.
    Exit,
    /// Sleeps until its standard input closes or its parent dies.
    Worker {
        /// The pid of the parent that started it.
        parent: i32,
    },
    /// Does what a plant needs a process for, until its standard input closes or its parent dies.
    Plant {
        /// What.
        errand: Errand,
        /// The pid of the parent that started it.
        parent: i32,
    },
    /// Sleeps until its standard input closes, whether its parent lives or not.
    Orphan,
}

/// A `--child` that the application does not use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of the application's own children")]
pub struct UnknownChild(String);

impl FromStr for ChildKind {
    type Err = UnknownChild;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, parent) = match text.split_once(':') {
            None if text == "exit" => return Ok(Self::Exit),
            None if text == "orphan" => return Ok(Self::Orphan),
            None => return Err(UnknownChild(text.to_owned())),
            Some((kind, parent)) => (kind, parent.parse().map_err(|_| UnknownChild(text.to_owned()))?),
        };
        match Errand::named(kind) {
            Some(errand) => Ok(Self::Plant { errand, parent }),
            None if kind == "worker" => Ok(Self::Worker { parent }),
            None => Err(UnknownChild(text.to_owned())),
        }
    }
}

impl ChildKind {
    pub(super) fn argument(self) -> String {
        match self {
            Self::Exit => "exit".to_owned(),
            Self::Orphan => "orphan".to_owned(),
            Self::Worker { parent } => format!("worker:{parent}"),
            Self::Plant { errand, parent } => format!("{}:{parent}", errand.name()),
        }
    }

    /// Does what the child is for. Blocks.
    pub(super) fn run(self) -> io::Result<()> {
        match self {
            Self::Exit => Ok(()),
            Self::Worker { parent } if ends_with(parent)? => until_input_ends(),
            Self::Plant { errand, parent } if ends_with(parent)? => errand.run(),
            Self::Worker { .. } | Self::Plant { .. } => Ok(()),
            Self::Orphan => until_input_ends(),
        }
    }
}

/// Asks the kernel to end this process with its parent; false where that is gone already.
fn ends_with(parent: i32) -> io::Result<bool> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have died before the line above: then nobody will send the signal any more.
    Ok(rustix::process::getppid().map(Pid::as_raw_pid) == Some(parent))
}

/// Sleeps until there is no more standard input.
pub(super) fn until_input_ends() -> io::Result<()> {
    io::copy(&mut io::stdin().lock(), &mut io::sink()).map(drop)
}

/// Does the work of one of the application's own children, where the command line asks for that, and says so.
///
/// A program calls this before it starts threads or an async runtime: a child that only sleeps should hold no epoll of its own.
///
/// # Errors
/// The parent's death could not be watched, or standard input not be read.
pub fn ran_as_child(args: impl IntoIterator<Item = OsString>) -> io::Result<bool> {
    let mut args = args.into_iter().skip(1);
    let asked =
        args.next().as_deref() == Some(OsStr::new("demo-app")) && args.next().as_deref() == Some(OsStr::new("--child"));
    let kind = args.next().filter(|_| asked).and_then(|kind| kind.to_str().and_then(|kind| kind.parse().ok()));
    match kind {
        Some(kind) => ChildKind::run(kind).map(|()| true),
        None => Ok(false),
    }
}

enum Order {
    /// Starts a child that ends at once and reaps it; answers with its pidfd.
    Short(oneshot::Sender<io::Result<OwnedFd>>),
    /// Starts a worker; answers with its standard input.
    Worker(oneshot::Sender<io::Result<ChildStdin>>),
    /// Starts a process of a plant, with this as its descriptor 2; answers with how to talk to it.
    Errand(Errand, Option<OwnedFd>, oneshot::Sender<io::Result<Helper>>),
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

fn serve(program: &PathBuf, orders: &mpsc::Receiver<Order>) {
    for order in orders {
        // Whoever asked may have given up; what was started for it is then dropped with the answer.
        match order {
            Order::Short(reply) => drop(reply.send(short(program))),
            Order::Worker(reply) => drop(reply.send(worker(program))),
            Order::Errand(errand, passed, reply) => drop(reply.send(helper(program, errand, passed))),
            Order::Reap => while reap_one() == Reaped::One {},
            Order::End(reply) => {
                let deadline = Instant::now() + END_WITHIN;
                while reap_one() != Reaped::NoneLeft && Instant::now() < deadline {
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

fn reap_one() -> Reaped {
    match rustix::process::wait(WaitOptions::NOHANG) {
        Ok(Some(_)) => Reaped::One,
        Ok(None) | Err(rustix::io::Errno::INTR) => Reaped::NoneEnded,
        Err(_) => Reaped::NoneLeft,
    }
}

fn command(program: &PathBuf, kind: ChildKind) -> Command {
    let mut command = Command::new(program);
    command.args(["demo-app", "--child"]).arg(kind.argument()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn short(program: &PathBuf) -> io::Result<OwnedFd> {
    let mut child = command(program, ChildKind::Exit).stdin(Stdio::null()).spawn()?;
    let pidfd = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty());
    // Reaped in any case, even where there is no pidfd to keep.
    child.wait()?;
    Ok(pidfd?)
}

fn worker(program: &PathBuf) -> io::Result<ChildStdin> {
    let parent = rustix::process::getpid().as_raw_pid();
    let mut child = command(program, ChildKind::Worker { parent }).stdin(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or_else(|| io::Error::other("a worker without standard input"))
}

fn helper(program: &PathBuf, errand: Errand, passed: Option<OwnedFd>) -> io::Result<Helper> {
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

    #[test]
    fn child_kinds_survive_the_command_line() {
        let kinds = [
            ChildKind::Exit,
            ChildKind::Orphan,
            ChildKind::Worker { parent: 42 },
            ChildKind::Plant { errand: Errand::Zombie, parent: 42 },
        ];
        for kind in kinds {
            assert_eq!(kind.argument().parse::<ChildKind>().unwrap(), kind);
        }
        assert!("worker".parse::<ChildKind>().is_err());
        assert!("worker:x".parse::<ChildKind>().is_err());
        assert!("dance:1".parse::<ChildKind>().is_err());
    }

    #[test]
    fn an_ordinary_command_line_is_not_taken_for_a_child() {
        for line in
            [&["slowdrip", "run", "--child", "exit"][..], &["slowdrip", "demo-app", "--data", "x"], &["slowdrip"]]
        {
            assert!(!ran_as_child(line.iter().map(OsString::from)).unwrap(), "{line:?}");
        }
        assert!(ran_as_child(["slowdrip", "demo-app", "--child", "exit"].map(OsString::from)).unwrap());
    }

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
