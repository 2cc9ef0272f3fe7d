//! Processes that hold descriptors, to be looked at: this very program, started again with a role. They end when their
//! standard input does, so that none is left behind.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Names the role; unset in the benchmark itself.
const ROLE: &str = "SLOWDRIP_BENCH_ROLE";

/// A process that holds descriptors; it ends with this value.
#[derive(Debug)]
pub(crate) struct Holder {
    child: Child,
    lines: Option<BufReader<std::process::ChildStdout>>,
}

impl Holder {
    /// Starts this program in a role, whose words the part `part` passes to its own [`role`], and waits until it is ready.
    pub(crate) fn start(part: &str, role: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(part).env(ROLE, role).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let ready = lines.by_ref().lines().map_while(Result::ok).any(|line| line == "ready");
        assert!(ready, "a holder of descriptors ended early");
        Self { child, lines: Some(lines) }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it says after it is ready. Once.
    pub(crate) fn lines(&mut self) -> BufReader<std::process::ChildStdout> {
        self.lines.take().unwrap()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // Its children see their standard input end with it.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The role of this process, where it is not the benchmark itself.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// Says that everything is held, and waits for the end.
pub(crate) fn ready_until_end() {
    say("ready");
    let mut rest = Vec::new();
    let _end = std::io::stdin().read_to_end(&mut rest);
}

/// A line to who started this process; where nobody listens any more, this process ends.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// How many files with names of their own are open among the rest.
const NAMES: usize = 40;

/// Descriptors as a server has them open, so many of them with those that this process inherited: mostly sockets, then files,
/// pipes and what event loops need.
pub(crate) fn descriptors(number: usize) -> Vec<OwnedFd> {
    let most = getrlimit(Resource::Nofile).maximum.max(Some(number as u64 + 64));
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
    // The list has the descriptor in it through which it is read.
    let inherited = std::fs::read_dir("/proc/self/fd").unwrap().count() - 1;
    let number = number.saturating_sub(inherited);
    let files = files();
    let mut held = Vec::with_capacity(number + 1);
    for turn in 0.. {
        if held.len() >= number {
            break;
        }
        open(turn, &files, &mut held).unwrap();
    }
    held.truncate(number);
    held
}

fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/etc").unwrap().filter_map(Result::ok);
    let plain = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file())).map(|entry| entry.path());
    plain.filter(|path| File::open(path).is_ok()).take(NAMES).collect()
}

fn open(turn: usize, files: &[PathBuf], held: &mut Vec<OwnedFd>) -> std::io::Result<()> {
    let pair = || socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    match turn % 6 {
        0 | 1 => held.extend(<[OwnedFd; 2]>::from(pair()?)),
        2 => held.push(socket(AddressFamily::INET, SocketType::STREAM, None)?),
        3 => held.extend(<[OwnedFd; 2]>::from(pipe_with(PipeFlags::CLOEXEC)?)),
        4 => held.push(eventfd(0, EventfdFlags::CLOEXEC)?),
        _ => {
            if let Some(file) = files.get(turn / 6 % files.len().max(1)) {
                held.push(File::open(file)?.into());
            }
            if turn % 30 == 5 {
                held.push(epoll::create(epoll::CreateFlags::CLOEXEC)?);
            }
        }
    }
    Ok(())
}

/// Processes that hold descriptors and do nothing, until they are dropped.
#[derive(Debug)]
pub(crate) struct Holders(Vec<Holder>);

impl Holders {
    /// Starts `processes` of them with `descriptors` each, in the role of part `part`.
    pub(crate) fn start(part: &str, processes: usize, descriptors: usize) -> Self {
        Self((0..processes).map(|_| Holder::start(part, &descriptors.to_string())).collect())
    }

    /// Their pids.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.0.iter().map(Holder::pid).collect()
    }
}

/// Holds as many descriptors as the role says, until the end; false in the benchmark itself.
pub(crate) fn held_by_role() -> bool {
    let Some(number) = role().and_then(|role| role.parse().ok()) else { return false };
    let held = descriptors(number);
    ready_until_end();
    drop(held);
    true
}

/// CPU time of this process, all threads, seconds.
pub(crate) fn cpu_s() -> f64 {
    seconds(rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime))
}

/// The monotonic clock, seconds. The same in all processes of a machine.
pub(crate) fn now_s() -> f64 {
    seconds(rustix::time::clock_gettime(rustix::time::ClockId::Monotonic))
}

#[expect(clippy::cast_precision_loss, reason = "seconds since the machine began are far below 2^52")]
fn seconds(time: rustix::time::Timespec) -> f64 {
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A figure of /proc/PID/status, KiB; `None` where the process is gone.
pub(crate) fn status_kib(pid: u32, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}
