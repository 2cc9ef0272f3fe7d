//! What a shape holds: handles that are alive by every rule of dead handles.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::event::epoll;
use rustix::pipe::PipeFlags;

use super::super::plants::threads::Waiter;
use super::order::HandleKind;

/// Something that is open. Dropping it closes it.
#[expect(dead_code, reason = "handles are held, and nothing is done with them")]
enum Open {
    Socket(UdpSocket),
    Pipe { reader: OwnedFd, writer: OwnedFd },
    File { file: File, _removed: Removed },
    Eventpoll(OwnedFd),
}

/// A handle of a shape. Dropping it closes it.
pub(super) struct Handle(#[expect(dead_code, reason = "held until it is dropped")] Open);

/// A file that is removed when it is closed.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // Where it was removed already, all is well; and elsewhere it is only a little room that is lost.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Opens handles.
pub(super) struct Opener {
    folder: PathBuf,
    outer: Option<Outer>,
}

/// An eventpoll on which a thread waits, as the one of an event loop.
struct Outer {
    epoll: Arc<OwnedFd>,
    _waiter: Waiter,
}

impl Opener {
    /// Makes what handles of these kinds need. Files go below `folder`, which is made where there are any.
    pub(super) fn prepare(kinds: &[HandleKind], folder: PathBuf) -> io::Result<Self> {
        if kinds.contains(&HandleKind::File) {
            std::fs::create_dir_all(&folder)?;
        }
        let outer = if kinds.contains(&HandleKind::Eventpoll) {
            let epoll = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
            let waiter = Waiter::on(&epoll)?;
            Some(Outer { epoll, _waiter: waiter })
        } else {
            None
        };
        Ok(Self { folder, outer })
    }

    /// Opens one. `name` is that of a file, and no other handle's.
    pub(super) fn open(&self, kind: HandleKind, name: &str) -> io::Result<Handle> {
        Ok(Handle(match kind {
            // Bound, so that it stands in the kernel's table: one that is not might be one that was forgotten.
            HandleKind::Socket => Open::Socket(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?),
            HandleKind::Pipe => {
                let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
                Open::Pipe { reader, writer }
            }
            HandleKind::File => {
                let path = self.folder.join(format!("{name}.dat"));
                let file = File::create(&path)?;
                Open::File { file, _removed: Removed(path) }
            }
            HandleKind::Eventpoll => {
                let inner = epoll::create(epoll::CreateFlags::CLOEXEC)?;
                if let Some(outer) = &self.outer {
                    // The kernel takes it out again when it is closed.
                    epoll::add(&outer.epoll, &inner, epoll::EventData::new_u64(1), epoll::EventFlags::IN)?;
                }
                Open::Eventpoll(inner)
            }
        }))
    }
}
