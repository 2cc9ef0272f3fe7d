//! One of every kind of dead handle.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{AddressFamily, SocketType};
use rustix::pipe::PipeFlags;

use crate::model::{DeadKind, FdClass, FdKind};

use super::super::leaks::{event_loop, pipe};
use super::bed::{Bed, Spot};
use super::errand::Errand;
use super::{classes, sockets};

type Made = io::Result<()>;

pub(super) fn a_pidfd(bed: &mut Bed<'_>) -> Made {
    let pidfd = bed.children().dead_pidfd_now()?;
    bed.keep_dead(pidfd, FdClass::Pidfd, &[], DeadKind::PidfdTargetGone);
    Ok(())
}

pub(super) fn a_pidfd_in_two_processes(bed: &mut Bed<'_>) -> Made {
    let pidfd: OwnedFd = bed.children().dead_pidfd_now()?;
    // Inherited as by a fork: under the same number. Whatever else is started meanwhile would inherit it too; nothing is.
    fcntl_setfd(&pidfd, FdFlags::empty())?;
    let started = bed.errand(Errand::Hold, None);
    fcntl_setfd(&pidfd, FdFlags::CLOEXEC)?;
    started?;
    bed.keep_dead(pidfd, FdClass::Pidfd, &[], DeadKind::PidfdTargetGone);
    Ok(())
}

pub(super) fn an_eventpoll(bed: &mut Bed<'_>) -> Made {
    // By a thread that then goes away, as event loops are lost in life.
    let abandoned = std::thread::spawn(event_loop::abandon);
    let abandoned = abandoned.join().map_err(|_| io::Error::other("the thread of an event loop broke down"))??;
    bed.show(Spot::here([abandoned.epoll()]).class(FdClass::Eventpoll).dead(DeadKind::EventpollAbandoned));
    // Each end still has the other.
    bed.show(Spot::here(abandoned.wake()).class(FdClass::Socket).kinds(&[FdKind::UnixStream]).well());
    bed.hold(abandoned);
    Ok(())
}

pub(super) fn a_writer(bed: &mut Bed<'_>) -> Made {
    let (_reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    bed.keep_dead(writer, FdClass::Pipe, &[FdKind::PipeWrite], DeadKind::PipeNoReader);
    Ok(())
}

pub(super) fn a_reader(bed: &mut Bed<'_>) -> Made {
    bed.keep_dead(pipe::half_close()?, FdClass::Pipe, &[FdKind::PipeRead], DeadKind::PipeNoWriter);
    Ok(())
}

pub(super) fn a_socketpair(bed: &mut Bed<'_>) -> Made {
    let (kept, _closed) = sockets::pair(SocketType::STREAM)?;
    bed.keep_dead(kept, FdClass::Socket, &[FdKind::UnixStream], DeadKind::SocketPeerGone);
    Ok(())
}

pub(super) fn a_pty(bed: &mut Bed<'_>) -> Made {
    let master = classes::pty_master()?;
    drop(classes::pty_slave(&master)?);
    bed.keep_dead(master, FdClass::Pty, &[FdKind::PtyMaster], DeadKind::PtySlaveGone);
    Ok(())
}

pub(super) fn a_connection(bed: &mut Bed<'_>) -> Made {
    let (kept, _closed) = sockets::plain_connection()?;
    let kinds = [FdKind::Tcp, FdKind::TcpCloseWait];
    bed.keep_dead(OwnedFd::from(kept), FdClass::Socket, &kinds, DeadKind::TcpCloseWait);
    Ok(())
}

pub(super) fn a_socket(bed: &mut Bed<'_>) -> Made {
    let socket = sockets::fresh(AddressFamily::INET, SocketType::STREAM, None)?;
    bed.keep_dead(socket, FdClass::Socket, &[FdKind::Unattached], DeadKind::SocketUnattached);
    Ok(())
}

pub(super) fn a_zombie(bed: &mut Bed<'_>) -> Made {
    let (_, told) = bed.errand(Errand::Zombie, None)?;
    process(bed, &told, DeadKind::ProcessZombie)
}

pub(super) fn an_orphan(bed: &mut Bed<'_>) -> Made {
    let told = bed.parent()?;
    process(bed, &told, DeadKind::ProcessOrphan)
}

fn process(bed: &mut Bed<'_>, told: &[u32], why: DeadKind) -> Made {
    let [pid] = told else { return Err(io::Error::other("a process of a plant does not tell a pid")) };
    bed.show(Spot::process(*pid, Some(why.class())).dead(why));
    Ok(())
}

pub(super) fn a_file(bed: &mut Bed<'_>) -> Made {
    let path = bed.path(".tmp");
    let file = File::create(&path)?;
    std::fs::remove_file(&path)?;
    bed.keep_dead(file, FdClass::Deleted, &[], DeadKind::FileDeleted);
    Ok(())
}
