//! Processes that hold descriptors, to be looked at: this very program, started again with a role. They end when their
//! standard input does, so that none is left behind.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

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

/// Descriptors as an application holds them: half of them sockets and pipes, the others files, events and eventpolls.
pub(crate) fn descriptors(number: usize) -> Vec<OwnedFd> {
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
    let mut held = Vec::with_capacity(number + 1);
    while held.len() < number {
        match held.len() % 8 {
            0 => held.push(OwnedFd::from(std::fs::File::open("/etc/passwd").unwrap())),
            1 => held.push(rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap()),
            2 => held.push(rustix::event::epoll::create(rustix::event::epoll::CreateFlags::CLOEXEC).unwrap()),
            3 => held.push(OwnedFd::from(std::fs::File::open("/dev/null").unwrap())),
            4 => held.extend(<[OwnedFd; 2]>::from(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap())),
            _ => held.extend([OwnedFd::from(std::os::unix::net::UnixDatagram::unbound().unwrap())]),
        }
    }
    held.truncate(number);
    held
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
