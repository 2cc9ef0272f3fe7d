//! Threads that are part of a plant. They end, and are waited for, when the plant is dropped.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{EventfdFlags, epoll, eventfd};

use super::super::log;

/// How long what is replaced again and again lasts.
const LASTS: Duration = Duration::from_secs(1);

/// A thread that waits on an eventpoll.
pub(in super::super) struct Waiter {
    stop: OwnedFd,
    thread: Option<JoinHandle<()>>,
}

impl Waiter {
    /// Starts it. Nothing that the eventpoll watches already may ever be ready.
    pub(in super::super) fn on(epoll: &Arc<OwnedFd>) -> io::Result<Self> {
        let stop = eventfd(0, EventfdFlags::CLOEXEC)?;
        epoll::add(epoll, &stop, epoll::EventData::new_u64(0), epoll::EventFlags::IN)?;
        let epoll = Arc::clone(epoll);
        let thread = std::thread::Builder::new().name("plant-waiter".to_owned()).spawn(move || wait(&epoll))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

/// Waits until something is ready.
pub(super) fn wait(epoll: &OwnedFd) {
    let mut events = [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }];
    while epoll::wait(epoll, &mut events, None) == Err(rustix::io::Errno::INTR) {}
}

impl Drop for Waiter {
    fn drop(&mut self) {
        // Where the thread could not be told, it is not waited for either.
        if rustix::io::write(&self.stop, &1_u64.to_ne_bytes()).is_ok() {
            drop(self.thread.take().map(JoinHandle::join));
        }
    }
}

/// A thread that makes something, lets go of it after a second, and makes it again.
pub(super) struct Churn {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Churn {
    /// Starts it.
    pub(super) fn start<T>(mut make: impl FnMut() -> io::Result<T> + Send + 'static) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let churn = move || {
            loop {
                // The old one goes first, so that the new one gets its number: it must not get its age as well.
                let made = make();
                if let Err(error) = &made {
                    log::line(format_args!("error: a plant could not be made anew: {error}"));
                }
                if stopped.recv_timeout(LASTS) != Err(mpsc::RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("plant-churn".to_owned()).spawn(churn)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        drop(self.stop.take());
        drop(self.thread.take().map(JoinHandle::join));
    }
}
