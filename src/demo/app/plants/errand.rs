//! What the processes of plants do. Each tells what it has to tell in one line of numbers on its standard output, and ends when its
//! standard input does.

use std::io::{self, Write as _};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, epoll, poll};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::super::children::{ChildKind, until_input_ends};
use super::super::{THIS_PROGRAM, leaks};
use super::threads;

/// How long a zombie that is well stays one.
const UNREAPED: Duration = Duration::from_millis(500);

/// What a process of a plant does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// Holds what it was given.
    Hold,
    /// Watches an eventpoll through poll(2), while another thread waits on another one; tells the numbers of both.
    Poll,
    /// Has a child that ended, and never reaps it; tells its pid.
    Zombie,
    /// Has children that ended, one after the other, and reaps each after a while.
    Reap,
    /// Has a child that is to outlive it; tells its pid.
    Parent,
}

impl Errand {
    const ALL: [Self; 5] = [Self::Hold, Self::Poll, Self::Zombie, Self::Reap, Self::Parent];

    /// Its name on the command line.
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Poll => "poll",
            Self::Zombie => "zombie",
            Self::Reap => "reap",
            Self::Parent => "parent",
        }
    }

    /// The one with this name.
    pub(in super::super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|errand| errand.name() == name)
    }

    /// Does it. Blocks.
    pub(in super::super) fn run(self) -> io::Result<()> {
        match self {
            Self::Hold => {
                tell(&[])?;
                until_input_ends()
            }
            Self::Poll => watch(),
            Self::Zombie => {
                let zombie = ended_child()?;
                tell(&[i64::from(zombie.id())])?;
                until_input_ends()
            }
            Self::Reap => reap_late(),
            Self::Parent => {
                // It shares our standard input, and ends when that does.
                let child = command(ChildKind::Orphan).stdin(Stdio::inherit()).spawn()?;
                tell(&[i64::from(child.id())])?;
                until_input_ends()
            }
        }
    }
}

/// Ends the process when its standard input does.
fn end_with_input() -> io::Result<()> {
    let end = || {
        let code = i32::from(until_input_ends().is_err());
        std::process::exit(code);
    };
    std::thread::Builder::new().name("lifeline".to_owned()).spawn(end).map(drop)
}

fn tell(numbers: &[i64]) -> io::Result<()> {
    let line: Vec<String> = numbers.iter().map(i64::to_string).collect();
    let mut out = io::stdout().lock();
    writeln!(out, "{}", line.join(" "))?;
    out.flush()
}

/// Reads the line that a process of a plant tells.
pub(in super::super) fn read_told(from: &mut impl io::Read) -> io::Result<Vec<u32>> {
    let wrong = |what: &str| io::Error::other(format!("a process of a plant {what}"));
    // One byte at a time: nothing behind the line may be taken.
    let mut line = String::new();
    loop {
        let mut byte = [0_u8];
        match from.read(&mut byte)? {
            0 => return Err(wrong("ended before it was ready")),
            _ if byte == *b"\n" => break,
            _ if line.len() > 100 => return Err(wrong("says too much")),
            _ => line.push(char::from(byte[0])),
        }
    }
    line.split_whitespace().map(|word| word.parse().map_err(|_| wrong("says no number"))).collect()
}

fn command(kind: ChildKind) -> Command {
    let mut command = Command::new(THIS_PROGRAM);
    command.args(["demo-app", "--child"]).arg(kind.argument());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A child that has ended and was not reaped.
fn ended_child() -> io::Result<Child> {
    let child = command(ChildKind::Exit).spawn()?;
    waitid(WaitId::Pid(Pid::from_child(&child)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    Ok(child)
}

fn reap_late() -> io::Result<()> {
    end_with_input()?;
    let mut zombie = ended_child()?;
    tell(&[])?;
    loop {
        std::thread::sleep(UNREAPED);
        zombie.wait()?;
        std::thread::sleep(UNREAPED);
        zombie = ended_child()?;
    }
}

/// What a process has that works with both kinds of waiting. The one that is polled looks just like one that was abandoned.
fn watch() -> io::Result<()> {
    end_with_input()?;
    let polled = leaks::event_loop::abandon()?;
    let waited: OwnedFd = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let number = waited.as_raw_fd();
    std::thread::Builder::new().name("waiter".to_owned()).spawn(move || threads::wait(&waited))?;
    tell(&[i64::from(polled.epoll().as_raw_fd()), i64::from(number)])?;
    loop {
        let mut fds = [PollFd::new(polled.epoll(), PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_errand_reads_back_from_its_name() {
        for errand in Errand::ALL {
            assert_eq!(Errand::named(errand.name()), Some(errand));
        }
        assert_eq!(Errand::named("dance"), None);
    }

    #[test]
    fn takes_one_line_and_nothing_behind_it() {
        let mut text = &b"12 7\nrest"[..];
        assert_eq!(read_told(&mut text).unwrap(), [12, 7]);
        assert_eq!(text, b"rest");
        assert_eq!(read_told(&mut &b"\n"[..]).unwrap(), [0_u32; 0]);
        for wrong in [&b""[..], b"1 2", b"one\n", b"-1\n", &[b'1'; 200]] {
            assert!(read_told(&mut &*wrong).is_err(), "{wrong:?}");
        }
    }
}
