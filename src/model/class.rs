//! Descriptor classes and the closed list of built-in metrics.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
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
    Fanotify = "fanotify", "file system watches of whole mounts";
    Pidfd = "pidfd", "handles on processes";
    IoUring = "io_uring", "io_uring instances";
    Userfaultfd = "userfaultfd", "user-space page fault handlers";
    Bpf = "bpf", "BPF maps, programs, links and type data";
    PerfEvent = "perf_event", "performance counters";
    AnonOther = "anon_other", "other anonymous inodes, namespaces among them";
    Memfd = "memfd", "anonymous memory files";
    Socket = "socket", "sockets of every family";
    Pipe = "pipe", "both ends of anonymous pipes";
    Fifo = "fifo", "named pipes (where the kind could be read)";
    Pty = "pty", "pseudo terminal masters and slaves";
    Tty = "tty", "other terminals and consoles";
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

macro_rules! fd_kinds {
    ($($variant:ident = $class:ident, $name:literal, $about:literal;)+) => {
        /// A finer kind of a descriptor within its class. The kinds of a class add up to the class wherever all of them could
        /// be told; the states of TCP (`tcp.*`) stand beside the families of sockets and count the same descriptors again.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FdKind {
            $(#[doc = $about] $variant,)+
        }

        impl FdKind {
            /// Every kind, in the order in which tables list them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name used in threshold files, without the leading `fd.`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The class of which it is a part.
            pub fn class(self) -> FdClass {
                match self { $(Self::$variant => FdClass::$class,)+ }
            }

            /// One line on what falls into the kind.
            pub fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)+ }
            }
        }
    };
}

fd_kinds! {
    Tcp = Socket, "socket.tcp", "TCP sockets over IPv4";
    Tcp6 = Socket, "socket.tcp6", "TCP sockets over IPv6";
    Udp = Socket, "socket.udp", "UDP sockets over IPv4";
    Udp6 = Socket, "socket.udp6", "UDP sockets over IPv6";
    RawIp = Socket, "socket.raw", "raw and ping sockets over IP";
    UnixStream = Socket, "socket.unix_stream", "unix stream sockets";
    UnixDgram = Socket, "socket.unix_dgram", "unix datagram sockets";
    UnixSeqpacket = Socket, "socket.unix_seqpacket", "unix seqpacket sockets";
    Netlink = Socket, "socket.netlink", "netlink sockets";
    Packet = Socket, "socket.packet", "packet sockets";
    Vsock = Socket, "socket.vsock", "sockets to the virtual machine's host";
    SocketOther = Socket, "socket.other", "sockets of other families";
    Unattached = Socket, "socket.unattached", "IP and unix sockets in no protocol table: neither bound nor connected, or cut off";
    TcpEstablished = Socket, "tcp.established", "TCP connections that are open on both sides";
    TcpSynSent = Socket, "tcp.syn_sent", "TCP connections that are being made from here";
    TcpSynRecv = Socket, "tcp.syn_recv", "TCP connections that are being made from there";
    TcpFinWait1 = Socket, "tcp.fin_wait1", "TCP connections shut down here, not yet acknowledged";
    TcpFinWait2 = Socket, "tcp.fin_wait2", "TCP connections shut down here and still open there";
    TcpClose = Socket, "tcp.close", "TCP sockets that are bound, or whose connection is over";
    TcpCloseWait = Socket, "tcp.close_wait", "TCP connections that the peer closed and the target did not";
    TcpLastAck = Socket, "tcp.last_ack", "TCP connections closed on both sides, not yet acknowledged";
    TcpListen = Socket, "tcp.listen", "TCP sockets that listen";
    TcpClosing = Socket, "tcp.closing", "TCP connections that both sides closed at once";
    PipeRead = Pipe, "pipe.read", "reading ends of pipes";
    PipeWrite = Pipe, "pipe.write", "writing ends of pipes";
    PtyMaster = Pty, "pty.master", "masters of pseudo terminals";
    PtySlave = Pty, "pty.slave", "slaves of pseudo terminals";
}

impl FdKind {
    /// True for the states of TCP, which count the descriptors of the TCP families again.
    pub fn is_tcp_state(self) -> bool {
        self.name().starts_with("tcp.")
    }
}

/// What a metric counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Descriptors of one kind within a class (`fd.<kind>`).
    Kind(FdKind),
    /// Processes, zombies included (`proc.count`).
    ProcCount,
    /// Zombies (`proc.zombie`).
    ProcZombie,
    /// Processes that lost their parent (`proc.orphan`).
    ProcOrphan,
    /// Threads of all processes (`proc.threads`).
    ProcThreads,
    /// Anonymous memory summed over the processes, bytes (`mem.anon`).
    MemAnon,
    /// Resident memory summed over the processes, bytes (`mem.rss`).
    MemRss,
    /// Resident pages of files summed over the processes, bytes (`mem.file`).
    MemFile,
    /// Resident shared memory summed over the processes, bytes (`mem.shmem`).
    MemShmem,
    /// Anonymous memory that was swapped out, summed over the processes, bytes (`mem.swap`).
    MemSwap,
    /// What the target's cgroup is charged with, page cache included, bytes (`cgroup.memory`).
    CgroupMemory,
    /// Anonymous memory of the cgroup, bytes (`cgroup.anon`).
    CgroupAnon,
    /// Page cache of the cgroup, bytes (`cgroup.file`).
    CgroupFile,
    /// Memory of the kernel on behalf of the cgroup, bytes (`cgroup.kernel`).
    CgroupKernel,
    /// Processes and threads of the cgroup (`cgroup.pids`).
    CgroupPids,
    /// What the container wrote over its image, bytes (`disk.layer`).
    DiskLayer,
    /// What the container's volumes hold, bytes (`disk.volumes`).
    DiskVolumes,
}

/// Name and meaning of the metrics that are not descriptors.
const NAMED: &[(Metric, &str, &str)] = &[
    (Metric::FdTotal, "fd.total", "all open descriptors"),
    (Metric::ProcCount, "proc.count", "processes of the target, zombies included, health checks and execs excepted"),
    (Metric::ProcZombie, "proc.zombie", "processes that ended and were not reaped by their parent"),
    (Metric::ProcOrphan, "proc.orphan", "processes that lost their parent and were handed to another"),
    (Metric::ProcThreads, "proc.threads", "threads of all processes"),
    (Metric::MemAnon, "mem.anon", "anonymous memory summed over the processes"),
    (Metric::MemRss, "mem.rss", "resident memory summed over the processes"),
    (Metric::MemFile, "mem.file", "resident pages of files summed over the processes"),
    (Metric::MemShmem, "mem.shmem", "resident shared memory summed over the processes"),
    (Metric::MemSwap, "mem.swap", "swapped-out anonymous memory summed over the processes"),
    (Metric::CgroupMemory, "cgroup.memory", "memory charged to the cgroup, page cache included"),
    (Metric::CgroupAnon, "cgroup.anon", "anonymous memory of the cgroup"),
    (Metric::CgroupFile, "cgroup.file", "page cache of the cgroup"),
    (Metric::CgroupKernel, "cgroup.kernel", "memory of the kernel on behalf of the cgroup"),
    (Metric::CgroupPids, "cgroup.pids", "processes and threads of the cgroup"),
    (Metric::DiskLayer, "disk.layer", "what the container wrote over its image"),
    (Metric::DiskVolumes, "disk.volumes", "what the container's volumes hold"),
];

impl Metric {
    /// Every built-in metric, in the order in which tables list them.
    pub fn all() -> impl Iterator<Item = Self> {
        let classes = FdClass::ALL.iter().copied().map(Self::Fd);
        let kinds = FdKind::ALL.iter().copied().map(Self::Kind);
        let rest = NAMED.iter().map(|(metric, _, _)| *metric).filter(|metric| *metric != Self::FdTotal);
        std::iter::once(Self::FdTotal).chain(classes).chain(kinds).chain(rest)
    }

    fn named(self) -> Option<(&'static str, &'static str)> {
        NAMED.iter().find(|(metric, _, _)| *metric == self).map(|(_, name, about)| (*name, *about))
    }

    /// What the metric counts in.
    pub fn unit(self) -> Unit {
        match self {
            Self::MemAnon
            | Self::MemRss
            | Self::MemFile
            | Self::MemShmem
            | Self::MemSwap
            | Self::CgroupMemory
            | Self::CgroupAnon
            | Self::CgroupFile
            | Self::CgroupKernel
            | Self::DiskLayer
            | Self::DiskVolumes => Unit::Bytes,
            Self::FdTotal
            | Self::Fd(_)
            | Self::Kind(_)
            | Self::ProcCount
            | Self::ProcZombie
            | Self::ProcOrphan
            | Self::ProcThreads
            | Self::CgroupPids => Unit::Count,
        }
    }

    /// True for figures of descriptors.
    pub fn is_descriptors(self) -> bool {
        matches!(self, Self::FdTotal | Self::Fd(_) | Self::Kind(_))
    }

    /// True for figures of processes and threads that are counted one by one.
    pub fn is_processes(self) -> bool {
        matches!(self, Self::ProcCount | Self::ProcZombie | Self::ProcOrphan | Self::ProcThreads)
    }

    /// True for figures of memory, which the target's memory limit bounds.
    pub fn is_memory(self) -> bool {
        self.unit() == Unit::Bytes && !matches!(self, Self::DiskLayer | Self::DiskVolumes)
    }

    /// One line on what the metric counts.
    pub fn about(self) -> &'static str {
        match (self, self.named()) {
            (Self::Fd(class), _) => class.about(),
            (Self::Kind(kind), _) => kind.about(),
            (_, named) => named.map_or("", |(_, about)| about),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.named()) {
            (Self::Fd(class), _) => write!(f, "fd.{}", class.name()),
            (Self::Kind(kind), _) => write!(f, "fd.{}", kind.name()),
            (_, named) => f.write_str(named.map_or("", |(name, _)| name)),
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
            assert!(!metric.about().is_empty(), "{metric}");
        }
    }
}
