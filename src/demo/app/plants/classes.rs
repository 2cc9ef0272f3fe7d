//! One descriptor of every class that can be made without special rights, sockets excepted.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;

use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::fs::{MemfdFlags, Mode, OFlags, inotify};
use rustix::io_uring::{io_uring_params, io_uring_setup};
use rustix::mm::UserfaultfdFlags;
use rustix::pipe::PipeFlags;
use rustix::process::{PidfdFlags, getpid, pidfd_open};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};

use crate::model::{FdClass, FdKind};

use super::bed::Bed;

type Made = io::Result<()>;

pub(super) fn an_eventpoll(bed: &mut Bed<'_>) -> Made {
    bed.keep(epoll::create(epoll::CreateFlags::CLOEXEC)?, FdClass::Eventpoll, &[]);
    Ok(())
}

pub(super) fn an_eventfd(bed: &mut Bed<'_>) -> Made {
    bed.keep(eventfd(0, EventfdFlags::CLOEXEC)?, FdClass::Eventfd, &[]);
    Ok(())
}

pub(super) fn a_timerfd(bed: &mut Bed<'_>) -> Made {
    bed.keep(timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?, FdClass::Timerfd, &[]);
    Ok(())
}

pub(super) fn an_inotify(bed: &mut Bed<'_>) -> Made {
    bed.keep(inotify::init(inotify::CreateFlags::CLOEXEC)?, FdClass::Inotify, &[]);
    Ok(())
}

pub(super) fn a_pidfd(bed: &mut Bed<'_>) -> Made {
    bed.keep(pidfd_open(getpid(), PidfdFlags::empty())?, FdClass::Pidfd, &[]);
    Ok(())
}

pub(super) fn a_memfd(bed: &mut Bed<'_>) -> Made {
    bed.keep(rustix::fs::memfd_create("plant", MemfdFlags::CLOEXEC)?, FdClass::Memfd, &[]);
    Ok(())
}

pub(super) fn a_ring(bed: &mut Bed<'_>) -> Made {
    bed.keep(ring()?, FdClass::IoUring, &[]);
    Ok(())
}

#[expect(unsafe_code, reason = "no safe call; a ring that nothing is ever submitted to touches no memory")]
fn ring() -> io::Result<OwnedFd> {
    // SAFETY: the parameters are all zero, as io_uring_setup(2) wants them: no flags, so that no address is read.
    Ok(unsafe { io_uring_setup(1, &mut io_uring_params::default()) }?)
}

pub(super) fn a_userfaultfd(bed: &mut Bed<'_>) -> Made {
    bed.keep(userfaultfd()?, FdClass::Userfaultfd, &[]);
    Ok(())
}

#[expect(unsafe_code, reason = "no safe call; no memory is ever registered with it")]
fn userfaultfd() -> io::Result<OwnedFd> {
    // SAFETY: no memory is registered, so that no page fault ever comes here.
    Ok(unsafe { rustix::mm::userfaultfd(UserfaultfdFlags::CLOEXEC) }?)
}

pub(super) fn a_namespace(bed: &mut Bed<'_>) -> Made {
    bed.keep(File::open("/proc/self/ns/net")?, FdClass::AnonOther, &[]);
    Ok(())
}

pub(super) fn a_pipe(bed: &mut Bed<'_>) -> Made {
    let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    bed.keep(reader, FdClass::Pipe, &[FdKind::PipeRead]);
    bed.keep(writer, FdClass::Pipe, &[FdKind::PipeWrite]);
    Ok(())
}

pub(super) fn a_fifo(bed: &mut Bed<'_>) -> Made {
    let path = bed.path(".fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, Mode::RUSR | Mode::WUSR)?;
    // For both at once, or the opening would wait for the other side.
    bed.keep(File::options().read(true).write(true).open(path)?, FdClass::Fifo, &[]);
    Ok(())
}

/// The master of a pseudo terminal whose slave can be opened.
pub(super) fn pty_master() -> io::Result<OwnedFd> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    unlockpt(&master)?;
    Ok(master)
}

/// Its slave.
pub(super) fn pty_slave(master: &OwnedFd) -> io::Result<OwnedFd> {
    Ok(ioctl_tiocgptpeer(master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?)
}

pub(super) fn a_pty(bed: &mut Bed<'_>) -> Made {
    let master = pty_master()?;
    let slave = pty_slave(&master)?;
    bed.keep(master, FdClass::Pty, &[FdKind::PtyMaster]);
    bed.keep(slave, FdClass::Pty, &[FdKind::PtySlave]);
    Ok(())
}

pub(super) fn a_tty(bed: &mut Bed<'_>) -> Made {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    bed.keep(rustix::fs::open("/dev/tty", flags, Mode::empty())?, FdClass::Tty, &[]);
    Ok(())
}

fn file(bed: &mut Bed<'_>, ending: &str, class: FdClass) -> Made {
    let file = new_file(bed, ending)?;
    bed.keep(file, class, &[]);
    Ok(())
}

fn new_file(bed: &Bed<'_>, ending: &str) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(true).write(true).open(bed.path(ending))
}

pub(super) fn the_files_of_sqlite(bed: &mut Bed<'_>) -> Made {
    // The names are what tells them apart: nothing is stored in them.
    file(bed, ".db", FdClass::SqliteDb)?;
    file(bed, ".db-wal", FdClass::SqliteWal)?;
    file(bed, ".db-shm", FdClass::SqliteShm)?;
    file(bed, ".db-journal", FdClass::SqliteJournal)
}

pub(super) fn a_log(bed: &mut Bed<'_>) -> Made {
    file(bed, ".log", FdClass::Log)
}

pub(super) fn a_file(bed: &mut Bed<'_>) -> Made {
    file(bed, ".txt", FdClass::File)
}

pub(super) fn a_deleted_file(bed: &mut Bed<'_>) -> Made {
    let file = new_file(bed, ".tmp")?;
    std::fs::remove_file(bed.path(".tmp"))?;
    bed.keep(file, FdClass::Deleted, &[]);
    Ok(())
}

pub(super) fn a_directory(bed: &mut Bed<'_>) -> Made {
    let path = bed.path(".folder");
    std::fs::create_dir_all(&path)?;
    bed.keep(File::open(path)?, FdClass::Directory, &[]);
    Ok(())
}

pub(super) fn a_device(bed: &mut Bed<'_>) -> Made {
    bed.keep(File::open("/dev/zero")?, FdClass::Device, &[]);
    Ok(())
}
