//! What the application leaks on purpose. Each kind stands for a bug that was met in a real application.

pub(super) mod event_loop;
mod eventpoll;
mod log;
mod memory;
mod pidfd;
pub(super) mod pipe;
mod sqlite;
mod worker;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use super::args::ArgumentError;
use super::children::Children;

/// A kind of leak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leak {
    /// An event loop that was abandoned: an epoll and the socketpair registered in it.
    EventLoop,
    /// An epoll that nobody waits on.
    Eventpoll,
    /// A handle on a child that is gone.
    Pidfd,
    /// A pipe whose other end is closed.
    Pipe,
    /// A database connection: db, -wal and -shm.
    Sqlite,
    /// The handle of a log file.
    Log,
    /// A worker process that nobody needs any more.
    Worker,
    /// Memory that nobody needs any more.
    Memory,
}

impl Leak {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::EventLoop,
        Self::Eventpoll,
        Self::Pidfd,
        Self::Pipe,
        Self::Sqlite,
        Self::Log,
        Self::Worker,
        Self::Memory,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::EventLoop => "event-loop",
            Self::Eventpoll => "eventpoll",
            Self::Pidfd => "pidfd",
            Self::Pipe => "pipe",
            Self::Sqlite => "sqlite",
            Self::Log => "log",
            Self::Worker => "worker",
            Self::Memory => "memory",
        }
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Leak {
    type Err = ArgumentError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|leak| leak.name() == name)
            .ok_or_else(|| ArgumentError::Kind { name: name.to_owned(), known: Self::ALL.map(Self::name).join(", ") })
    }
}

/// How much is held at most: far beyond what a descriptor limit allows, so that the limit is what an experiment meets first.
const MOST_HELD: u64 = 100_000;

/// Everything that was leaked so far. Dropping it closes it all.
#[derive(Debug)]
pub(super) struct Hoard {
    data: PathBuf,
    children: Children,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    things: Vec<Box<dyn Send>>,
    counts: BTreeMap<Leak, u64>,
    // Names files; not reused when a leak fails half-way.
    files: u64,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl Hoard {
    /// An empty hoard that puts files below `data` and has children started by `children`.
    pub(super) fn new(data: PathBuf, children: Children) -> Self {
        Self { data, children, held: Mutex::default() }
    }

    /// Leaks one more.
    pub(super) async fn leak(&self, leak: Leak) -> io::Result<()> {
        let (number, total) = {
            let mut held = self.lock();
            held.files += 1;
            (held.files, held.counts.values().sum::<u64>())
        };
        if total >= MOST_HELD {
            return Err(io::Error::other(format!(
                "{MOST_HELD} leaks are held already, which is the most there may be"
            )));
        }
        let thing: Box<dyn Send> = match leak {
            Leak::EventLoop => Box::new(event_loop::abandon()?),
            Leak::Eventpoll => Box::new(eventpoll::abandon()?),
            Leak::Pidfd => Box::new(pidfd::keep(&self.children).await?),
            Leak::Pipe => Box::new(pipe::half_close()?),
            Leak::Sqlite => Box::new(
                blocking({
                    let path = self.data.join(format!("user-{number}.db"));
                    move || sqlite::connect(&path)
                })
                .await?,
            ),
            Leak::Log => Box::new(
                blocking({
                    let path = self.data.join(format!("agent-{number}.log"));
                    move || log::keep_open(&path)
                })
                .await?,
            ),
            Leak::Worker => Box::new(worker::forget(&self.children).await?),
            Leak::Memory => Box::new(memory::keep()),
        };
        let mut held = self.lock();
        held.things.push(thing);
        *held.counts.entry(leak).or_default() += 1;
        Ok(())
    }

    /// How many of each kind are held.
    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.lock().counts.iter().map(|(leak, count)| (leak.name(), *count)).collect()
    }

    /// Lets go of everything.
    pub(super) fn release(&self) {
        let things = std::mem::take(&mut self.lock().things);
        drop(things);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs what waits for the disk on a thread where it disturbs nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leak_reads_back_from_its_name() {
        for leak in Leak::ALL {
            assert_eq!(leak.name().parse::<Leak>().unwrap(), leak);
        }
    }

    #[tokio::test]
    async fn counts_what_it_holds_and_lets_go_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let hoard = Hoard::new(dir.path().to_owned(), Children::start(PathBuf::from("/bin/true")).unwrap());
        for leak in [Leak::Log, Leak::Log, Leak::Sqlite, Leak::Memory] {
            hoard.leak(leak).await.unwrap();
        }
        assert_eq!(hoard.counts(), BTreeMap::from([("log", 2), ("memory", 1), ("sqlite", 1)]));
        let open = || {
            let links = std::fs::read_dir("/proc/self/fd")
                .unwrap()
                .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
            links.filter(|link| link.starts_with(dir.path())).count()
        };
        assert_eq!(open(), 5);
        hoard.release();
        assert_eq!(open(), 0);
    }
}
