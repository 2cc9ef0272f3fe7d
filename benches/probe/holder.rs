//! Processes that hold descriptors and do nothing: this very program, started again.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket, socketpair};
use rustix::pipe::pipe;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const NUMBER: &str = "SLOWDRIP_BENCH_HOLD";
const FILES: &str = "SLOWDRIP_BENCH_FILES";

/// How many files with names of their own are open among the rest.
const NAMES: usize = 40;

/// Processes that hold descriptors until they are dropped.
pub(crate) struct Holders {
    children: Vec<Child>,
    // Where their files are.
    _files: tempfile::TempDir,
}

impl Holders {
    /// Starts `processes` of them with `descriptors` each, and waits until all of them hold all.
    pub(crate) fn start(processes: usize, descriptors: usize) -> Self {
        let files = tempfile::tempdir().expect("a temporary folder");
        let start = || {
            Command::new(std::env::current_exe().expect("this program"))
                .env(NUMBER, descriptors.to_string())
                .env(FILES, files.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("a process")
        };
        let mut holders = Self { children: (0..processes).map(|_| start()).collect(), _files: files };
        for child in &mut holders.children {
            let mut line = String::new();
            let out = child.stdout.as_mut().expect("its output");
            BufReader::new(out).read_line(&mut line).expect("its answer");
            assert_eq!(line, "ready\n", "a process could not open {descriptors} descriptors");
        }
        holders
    }

    /// Their pids.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.children.iter().map(Child::id).collect()
    }
}

impl Drop for Holders {
    fn drop(&mut self) {
        for child in &mut self.children {
            drop(child.stdin.take());
            // It ends with its input.
            let _ = child.wait();
        }
    }
}

/// True in a process that is to hold descriptors.
pub(crate) fn wanted() -> bool {
    std::env::var_os(NUMBER).is_some()
}

/// Holds descriptors until its input ends.
pub(crate) fn hold() {
    let number: usize = std::env::var(NUMBER).ok().and_then(|n| n.parse().ok()).expect("a number");
    let files = std::env::var_os(FILES).expect("a folder");
    let limit = Rlimit { current: Some(number as u64 + 64), maximum: getrlimit(Resource::Nofile).maximum };
    let limit = Rlimit { maximum: limit.maximum.max(limit.current), ..limit };
    setrlimit(Resource::Nofile, limit).expect("the right to open that many");
    let mut held: Vec<OwnedFd> = Vec::new();
    // The list has the descriptor in it through which it is read.
    let inherited = std::fs::read_dir("/proc/self/fd").expect("own descriptors").count() - 1;
    let number = number.saturating_sub(inherited);
    for turn in 0.. {
        if held.len() >= number {
            break;
        }
        open(turn, Path::new(&files), &mut held).expect("descriptors");
    }
    held.truncate(number);
    println!("ready");
    std::io::stdout().flush().expect("its output");
    let _ = std::io::stdin().read(&mut [0]);
}

/// What a server has open: mostly sockets, then files, pipes and what event loops need.
fn open(turn: usize, files: &Path, held: &mut Vec<OwnedFd>) -> std::io::Result<()> {
    let pair = || socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    match turn % 6 {
        0 | 1 => held.extend(<[OwnedFd; 2]>::from(pair()?)),
        2 => held.push(socket(AddressFamily::INET, SocketType::STREAM, None)?),
        3 => held.extend(<[OwnedFd; 2]>::from(pipe()?)),
        4 => held.push(eventfd(0, EventfdFlags::CLOEXEC)?),
        _ => {
            let name = files.join(format!("store-{}.db", turn / 6 % NAMES));
            held.push(File::options().create(true).truncate(false).write(true).open(name)?.into());
            if turn % 30 == 5 {
                held.push(epoll::create(epoll::CreateFlags::CLOEXEC)?);
            }
        }
    }
    Ok(())
}
