//! An abandoned event loop.

use std::io;
use std::os::fd::OwnedFd;

use rustix::event::epoll;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

/// What Python's asyncio leaves behind when a loop is made by hand and never closed: the epoll of its selector, and the socketpair that
/// wakes it, of which one end is registered. Local Deep Research lost one to each call of an async client that was never closed.
#[derive(Debug)]
pub(in super::super) struct EventLoop {
    epoll: OwnedFd,
    wake: [OwnedFd; 2],
}

impl EventLoop {
    /// The epoll.
    pub(in super::super) fn epoll(&self) -> &OwnedFd {
        &self.epoll
    }

    /// Both ends of the socketpair.
    pub(in super::super) fn wake(&self) -> &[OwnedFd; 2] {
        &self.wake
    }
}

/// Makes the three descriptors and walks away.
pub(in super::super) fn abandon() -> io::Result<EventLoop> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let wake = rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &wake.0, epoll::EventData::new_u64(0), epoll::EventFlags::IN)?;
    Ok(EventLoop { epoll, wake: wake.into() })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn watches_exactly_its_own_socketpair() {
        let left = abandon().unwrap();
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", left.epoll.as_raw_fd())).unwrap();
        let watched: Vec<_> = info.lines().filter(|line| line.starts_with("tfd:")).collect();
        assert_eq!(watched.len(), 1, "{info}");
        assert_eq!(watched[0].split_whitespace().nth(1), Some(left.wake[0].as_raw_fd().to_string().as_str()));
    }
}
