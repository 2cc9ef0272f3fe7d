//! What the things of a class are called, more than one of them.

use crate::model::{FdClass, FdKind, Metric};

/// The plural of what a class counts, as it stands within a sentence: `eventpolls`, `TCP connections in CLOSE_WAIT`.
pub fn noun(metric: Metric) -> &'static str {
    match metric {
        Metric::FdTotal => "open descriptors",
        Metric::Fd(class) => of_class(class),
        Metric::Kind(kind) => of_kind(kind),
        Metric::ProcCount => "processes",
        Metric::ProcZombie => "zombies",
        Metric::ProcOrphan => "orphaned processes",
        Metric::ProcThreads => "threads",
        Metric::MemAnon => "anonymous memory",
        Metric::MemRss => "resident memory",
        Metric::MemFile => "mapped file pages",
        Metric::MemShmem => "shared memory",
        Metric::MemSwap => "swapped memory",
        Metric::CgroupMemory => "memory of the cgroup",
        Metric::CgroupAnon => "anonymous memory of the cgroup",
        Metric::CgroupFile => "page cache of the cgroup",
        Metric::CgroupKernel => "kernel memory of the cgroup",
        Metric::CgroupPids => "processes and threads of the cgroup",
        Metric::DiskLayer => "files in the container",
        Metric::DiskVolumes => "files in the volumes",
    }
}

fn of_class(class: FdClass) -> &'static str {
    match class {
        FdClass::Eventpoll => "eventpolls",
        FdClass::Eventfd => "eventfds",
        FdClass::Timerfd => "timerfds",
        FdClass::Signalfd => "signalfds",
        FdClass::Inotify => "inotify instances",
        FdClass::Fanotify => "fanotify groups",
        FdClass::Pidfd => "pidfds",
        FdClass::IoUring => "io_urings",
        FdClass::Userfaultfd => "userfaultfds",
        FdClass::Bpf => "BPF objects",
        FdClass::PerfEvent => "performance counters",
        FdClass::AnonOther => "other anonymous inodes",
        FdClass::Memfd => "memfds",
        FdClass::Socket => "sockets",
        FdClass::Pipe => "pipe ends",
        FdClass::Fifo => "named pipes",
        FdClass::Pty => "pseudo terminals",
        FdClass::Tty => "terminals",
        FdClass::SqliteDb => "SQLite databases",
        FdClass::SqliteWal => "SQLite write-ahead logs",
        FdClass::SqliteShm => "SQLite shared-memory indexes",
        FdClass::SqliteJournal => "SQLite journals",
        FdClass::Log => "log files",
        FdClass::Deleted => "deleted files",
        FdClass::Directory => "directories",
        FdClass::Device => "devices",
        FdClass::File => "files",
        FdClass::Unknown => "descriptors of an unknown kind",
    }
}

fn of_kind(kind: FdKind) -> &'static str {
    match kind {
        FdKind::Tcp => "TCP sockets",
        FdKind::Tcp6 => "TCP sockets over IPv6",
        FdKind::Udp => "UDP sockets",
        FdKind::Udp6 => "UDP sockets over IPv6",
        FdKind::RawIp => "raw IP sockets",
        FdKind::UnixStream => "unix stream sockets",
        FdKind::UnixDgram => "unix datagram sockets",
        FdKind::UnixSeqpacket => "unix seqpacket sockets",
        FdKind::Netlink => "netlink sockets",
        FdKind::Packet => "packet sockets",
        FdKind::Vsock => "vsock sockets",
        FdKind::SocketOther => "sockets of other families",
        FdKind::Unattached => "unattached sockets",
        FdKind::TcpEstablished => "established TCP connections",
        FdKind::TcpSynSent => "TCP connections in SYN_SENT",
        FdKind::TcpSynRecv => "TCP connections in SYN_RECV",
        FdKind::TcpFinWait1 => "TCP connections in FIN_WAIT1",
        FdKind::TcpFinWait2 => "TCP connections in FIN_WAIT2",
        FdKind::TcpClose => "TCP sockets in CLOSE",
        FdKind::TcpCloseWait => "TCP connections in CLOSE_WAIT",
        FdKind::TcpLastAck => "TCP connections in LAST_ACK",
        FdKind::TcpListen => "listening TCP sockets",
        FdKind::TcpClosing => "TCP connections in CLOSING",
        FdKind::PipeRead => "reading ends of pipes",
        FdKind::PipeWrite => "writing ends of pipes",
        FdKind::PtyMaster => "masters of pseudo terminals",
        FdKind::PtySlave => "slaves of pseudo terminals",
    }
}
