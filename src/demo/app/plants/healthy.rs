//! Handles that look much like dead ones, and are well.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::event::epoll;
use rustix::net::{AddressFamily, SocketType};
use rustix::pipe::PipeFlags;
use rustix::process::{PidfdFlags, pidfd_open};

use crate::model::{FdClass, FdKind, Metric};

use super::super::leaks::event_loop;
use super::bed::{Bed, Spot};
use super::errand::Errand;
use super::threads::{Churn, Waiter};
use super::{classes, sockets};

type Made = io::Result<()>;

/// Standard error: where a process of a plant gets what it is passed.
const PASSED: &[u32] = &[2];

pub(super) fn a_nested_eventpoll(bed: &mut Bed<'_>) -> Made {
    let inner = event_loop::abandon()?;
    let outer: Arc<OwnedFd> = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
    epoll::add(&outer, inner.epoll(), epoll::EventData::new_u64(1), epoll::EventFlags::IN)?;
    bed.show(Spot::here([inner.epoll()]).class(FdClass::Eventpoll));
    bed.show(Spot::here([&*outer]).class(FdClass::Eventpoll));
    bed.hold(Waiter::on(&outer)?);
    bed.hold(outer);
    bed.hold(inner);
    Ok(())
}

pub(super) fn a_waited_eventpoll(bed: &mut Bed<'_>) -> Made {
    let epoll: Arc<OwnedFd> = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
    bed.show(Spot::here([&*epoll]).class(FdClass::Eventpoll));
    bed.hold(Waiter::on(&epoll)?);
    bed.hold(epoll);
    Ok(())
}

pub(super) fn a_polled_eventpoll(bed: &mut Bed<'_>) -> Made {
    // In a process of its own: while a thread sits in poll(2), nothing can be said of the other eventpolls of its process.
    let (pid, fds) = bed.errand(Errand::Poll, None)?;
    bed.show(Spot::at(pid, &fds).class(FdClass::Eventpoll));
    Ok(())
}

pub(super) fn a_living_pidfd(bed: &mut Bed<'_>) -> Made {
    let (pid, _) = bed.errand(Errand::Hold, None)?;
    let pidfd = pidfd_open(super::bed::pid(pid)?, PidfdFlags::empty())?;
    bed.keep(pidfd, FdClass::Pidfd, &[]);
    Ok(())
}

pub(super) fn a_pipe_to_a_child(bed: &mut Bed<'_>) -> Made {
    let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let (pid, _) = bed.errand(Errand::Hold, Some(reader))?;
    bed.show(Spot::at(pid, PASSED).class(FdClass::Pipe).kinds(&[FdKind::PipeRead]));
    bed.keep(writer, FdClass::Pipe, &[FdKind::PipeWrite]);
    Ok(())
}

pub(super) fn a_pipe_from_a_child(bed: &mut Bed<'_>) -> Made {
    let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let (pid, _) = bed.errand(Errand::Hold, Some(writer))?;
    bed.show(Spot::at(pid, PASSED).class(FdClass::Pipe).kinds(&[FdKind::PipeWrite]));
    bed.keep(reader, FdClass::Pipe, &[FdKind::PipeRead]);
    Ok(())
}

pub(super) fn an_unread_pipe(bed: &mut Bed<'_>) -> Made {
    let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    rustix::io::write(&writer, b"still to be read")?;
    bed.keep(reader, FdClass::Pipe, &[FdKind::PipeRead]);
    Ok(())
}

pub(super) fn its_own_output(bed: &mut Bed<'_>) -> Made {
    let pid = std::process::id();
    for number in [1, 2] {
        let link = std::fs::read_link(format!("/proc/self/fd/{number}"))?;
        let spot = Spot::at(pid, &[number]);
        // Whoever started the application decides what it is.
        let is_pipe = link.to_string_lossy().starts_with("pipe:");
        bed.show(if is_pipe { spot.class(FdClass::Pipe).kinds(&[FdKind::PipeWrite]) } else { spot });
    }
    Ok(())
}

pub(super) fn a_socketpair_with_a_child(bed: &mut Bed<'_>) -> Made {
    let (kept, passed) = sockets::pair(SocketType::STREAM)?;
    let (pid, _) = bed.errand(Errand::Hold, Some(passed))?;
    bed.show(Spot::at(pid, PASSED).class(FdClass::Socket).kinds(&[FdKind::UnixStream]));
    bed.keep(kept, FdClass::Socket, &[FdKind::UnixStream]);
    Ok(())
}

pub(super) fn a_connection(bed: &mut Bed<'_>) -> Made {
    let (client, server) = sockets::plain_connection()?;
    for end in [client, server] {
        bed.keep(OwnedFd::from(end), FdClass::Socket, &[FdKind::Tcp, FdKind::TcpEstablished]);
    }
    Ok(())
}

pub(super) fn an_idle_pool(bed: &mut Bed<'_>) -> Made {
    bed.show(Spot::changing().class(FdClass::Socket));
    // The other end is closed as soon as it is made.
    bed.hold(Churn::start(|| sockets::plain_connection().map(|(kept, _closed)| kept))?);
    Ok(())
}

pub(super) fn a_fresh_socket(bed: &mut Bed<'_>) -> Made {
    bed.show(Spot::changing().class(FdClass::Socket));
    bed.hold(Churn::start(|| sockets::fresh(AddressFamily::INET, SocketType::STREAM, None))?);
    Ok(())
}

pub(super) fn an_unopened_pty(bed: &mut Bed<'_>) -> Made {
    bed.keep(classes::pty_master()?, FdClass::Pty, &[FdKind::PtyMaster]);
    Ok(())
}

pub(super) fn a_reaped_zombie(bed: &mut Bed<'_>) -> Made {
    let (pid, _) = bed.errand(Errand::Reap, None)?;
    bed.show(Spot::process(pid, Some(Metric::ProcCount)));
    Ok(())
}

pub(super) fn a_temporary_file(bed: &mut Bed<'_>) -> Made {
    let path = bed.path(".tmp");
    bed.show(Spot::changing().class(FdClass::Deleted));
    bed.hold(Churn::start(move || {
        let file = File::create(&path)?;
        std::fs::remove_file(&path)?;
        Ok(file)
    })?);
    Ok(())
}
