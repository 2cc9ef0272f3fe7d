//! Descriptor classes and the closed list of built-in metrics.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! fd_classes {
    ($($variant:ident = $name:literal, $about:literal;)+) => {
        /// What kind of thing a file descriptor refers to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FdClass {
            $(#[doc = $about] $variant,)+
        }

        impl FdClass {
            /// Every class, in the order in which tables list them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name used in threshold files, without the leading `fd.`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// One line on what falls into the class.
            pub fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)+ }
            }
        }
    };
}

fd_classes! {
    Eventpoll = "eventpoll", "epoll instances, the heart of an event loop";
    Eventfd = "eventfd", "eventfd counters, used to wake event loops";
    Timerfd = "timerfd", "timers delivered through a descriptor";
    Signalfd = "signalfd", "signals delivered through a descriptor";
    Inotify = "inotify", "file system watches";
    Pidfd = "pidfd", "handles on processes";
    IoUring = "io_uring", "io_uring instances";
    Userfaultfd = "userfaultfd", "user-space page fault handlers";
    AnonOther = "anon_other", "other anonymous inodes (bpf, perf, fanotify and newer ones)";
    Memfd = "memfd", "anonymous memory files";
    Socket = "socket", "sockets of every family";
    Pipe = "pipe", "both ends of anonymous pipes";
    Pty = "pty", "pseudo terminal masters and slaves";
    SqliteDb = "sqlite_db", "SQLite databases (.db, .sqlite, .sqlite3)";
    SqliteWal = "sqlite_wal", "SQLite write-ahead logs (-wal)";
    SqliteShm = "sqlite_shm", "SQLite shared-memory indexes (-shm)";
    SqliteJournal = "sqlite_journal", "SQLite rollback journals (-journal)";
    Log = "log", "log files (.log and rotated ones)";
    Deleted = "deleted", "files that were deleted and are still held open";
    Directory = "directory", "directories (where the kind could be read)";
    Device = "device", "devices below /dev, terminals excepted";
    File = "file", "other regular files";
    Unknown = "unknown", "links in a form this version does not know";
}

/// What a metric counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
}

/// A built-in metric of the target as a whole. The list is closed: a threshold on anything else is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// All open descriptors (`fd.total`).
    FdTotal,
    /// Descriptors of one class (`fd.<class>`).
    Fd(FdClass),
    /// Processes, zombies included (`proc.count`).
    ProcCount,
    /// Zombies (`proc.zombie`).
    ProcZombie,
    /// Threads of all processes (`proc.threads`).
    ProcThreads,
    /// Anonymous memory summed over the processes, bytes (`mem.anon`).
    MemAnon,
    /// Resident memory summed over the processes, bytes (`mem.rss`).
    MemRss,
}

impl Metric {
    /// Every built-in metric, in the order in which tables list them.
    pub fn all() -> impl Iterator<Item = Self> {
        std::iter::once(Self::FdTotal).chain(FdClass::ALL.iter().copied().map(Self::Fd)).chain([
            Self::ProcCount,
            Self::ProcZombie,
            Self::ProcThreads,
            Self::MemAnon,
            Self::MemRss,
        ])
    }

    /// What the metric counts in.
    pub fn unit(self) -> Unit {
        match self {
            Self::MemAnon | Self::MemRss => Unit::Bytes,
            Self::FdTotal | Self::Fd(_) | Self::ProcCount | Self::ProcZombie | Self::ProcThreads => Unit::Count,
        }
    }

    /// One line on what the metric counts.
    pub fn about(self) -> &'static str {
        match self {
            Self::FdTotal => "all open descriptors",
            Self::Fd(class) => class.about(),
            Self::ProcCount => "processes of the target, zombies included, health checks and execs excepted",
            Self::ProcZombie => "processes that ended and were not reaped by their parent",
            Self::ProcThreads => "threads of all processes",
            Self::MemAnon => "anonymous memory summed over the processes",
            Self::MemRss => "resident memory summed over the processes",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FdTotal => f.write_str("fd.total"),
            Self::Fd(class) => write!(f, "fd.{}", class.name()),
            Self::ProcCount => f.write_str("proc.count"),
            Self::ProcZombie => f.write_str("proc.zombie"),
            Self::ProcThreads => f.write_str("proc.threads"),
            Self::MemAnon => f.write_str("mem.anon"),
            Self::MemRss => f.write_str("mem.rss"),
        }
    }
}

/// A name that is not in the list of built-in metrics.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a built-in metric")]
pub struct UnknownMetric(pub String);

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::all().find(|metric| metric.to_string() == name).ok_or_else(|| UnknownMetric(name.to_owned()))
    }
}

impl Serialize for Metric {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_name_reads_back() {
        for metric in Metric::all() {
            assert_eq!(metric.to_string().parse::<Metric>().unwrap(), metric);
        }
    }
}
