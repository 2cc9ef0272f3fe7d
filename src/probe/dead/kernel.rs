//! What can be asked of the kernel about descriptors of other processes.

use std::cmp::Ordering;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Stat, fstat, major, minor};
use rustix::io::Errno;

use crate::model::DeadKind;
use crate::probe::borrow::borrow;
use crate::probe::kcmp;

/// The most comparisons of open files in one look, about half a microsecond each. What was not compared waits for the next.
const COMPARISONS: u32 = 4096;

/// The device of every master of a pseudo terminal, see ptmx(4).
const PTMX: (u32, u32) = (5, 2);

pub(super) trait Kernel {
    /// False where nothing can be asked: the processes are those of a recorded tree.
    fn answers(&self) -> bool;

    /// Whether the other end of a pipe, a socket or a terminal is closed for good; `ino` is the inode of a pipe or a socket.
    ///
    /// # Errors
    /// What the kernel answered; `BADF` where the number stands for something else by now.
    fn is_dead(&mut self, pid: u32, fd: u32, kind: DeadKind, ino: u64) -> Result<bool, Errno>;

    /// Compares two open files, see [`kcmp::compare`]; `None` where there is no order between them to be had.
    fn compare(&mut self, a: (u32, u32), b: (u32, u32)) -> Option<Ordering>;
}

/// The kernel that runs.
#[derive(Debug, Default)]
pub(super) struct Running {
    compared: u32,
}

impl Kernel for Running {
    fn answers(&self) -> bool {
        true
    }

    fn is_dead(&mut self, pid: u32, fd: u32, kind: DeadKind, ino: u64) -> Result<bool, Errno> {
        let file = borrow(pid, fd)?;
        if is_still(&fstat(&file)?, kind, ino) { ask(&file, kind) } else { Err(Errno::BADF) }
    }

    fn compare(&mut self, a: (u32, u32), b: (u32, u32)) -> Option<Ordering> {
        if self.compared >= COMPARISONS {
            return None;
        }
        self.compared += 1;
        kcmp::compare(a, b).ok().flatten()
    }
}

/// A recorded tree.
#[derive(Debug)]
pub(super) struct Recorded;

impl Kernel for Recorded {
    fn answers(&self) -> bool {
        false
    }

    fn is_dead(&mut self, _pid: u32, _fd: u32, _kind: DeadKind, _ino: u64) -> Result<bool, Errno> {
        Err(Errno::SRCH)
    }

    fn compare(&mut self, _a: (u32, u32), _b: (u32, u32)) -> Option<Ordering> {
        None
    }
}

/// False where the number was used again between the scan and the question.
fn is_still(stat: &Stat, kind: DeadKind, ino: u64) -> bool {
    let (file, same) = (FileType::from_raw_mode(stat.st_mode), stat.st_ino == ino);
    match kind {
        DeadKind::PipeNoReader | DeadKind::PipeNoWriter => file == FileType::Fifo && same,
        DeadKind::SocketPeerGone => file == FileType::Socket && same,
        DeadKind::PtySlaveGone => {
            file == FileType::CharacterDevice && (major(stat.st_rdev), minor(stat.st_rdev)) == PTMX
        }
        DeadKind::PidfdTargetGone
        | DeadKind::EventpollAbandoned
        | DeadKind::TcpCloseWait
        | DeadKind::SocketUnattached
        | DeadKind::ProcessZombie
        | DeadKind::ProcessOrphan
        | DeadKind::FileDeleted => false,
    }
}

fn ask(file: &OwnedFd, kind: DeadKind) -> Result<bool, Errno> {
    let mut asked = [PollFd::new(file, PollFlags::IN | PollFlags::RDHUP)];
    poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    let [asked] = asked;
    let flags = asked.revents();
    // A socket whose peer is gone is always readable: only the bytes tell whether there is anything left to read.
    let unread = if kind == DeadKind::SocketPeerGone && flags.contains(PollFlags::HUP) {
        rustix::io::ioctl_fionread(file)?
    } else {
        0
    };
    Ok(means_dead(kind, flags, unread))
}

/// What poll(2) says of an end whose other end is gone. One that still holds data to be read is alive until it is drained.
fn means_dead(kind: DeadKind, flags: PollFlags, unread: u64) -> bool {
    match kind {
        DeadKind::PipeNoReader => flags.contains(PollFlags::ERR),
        // A master whose slave was never opened does not hang up, and one whose slave is opened again is alive again.
        DeadKind::PipeNoWriter | DeadKind::PtySlaveGone => {
            flags.contains(PollFlags::HUP) && !flags.contains(PollFlags::IN)
        }
        // A fresh socket hangs up without RDHUP, a peer that only stopped writing is RDHUP without HUP.
        DeadKind::SocketPeerGone => flags.contains(PollFlags::HUP | PollFlags::RDHUP) && unread == 0,
        DeadKind::PidfdTargetGone
        | DeadKind::EventpollAbandoned
        | DeadKind::TcpCloseWait
        | DeadKind::SocketUnattached
        | DeadKind::ProcessZombie
        | DeadKind::ProcessOrphan
        | DeadKind::FileDeleted => false,
    }
}
