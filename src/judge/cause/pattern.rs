//! Which classes grow together when something whole is left behind: one thing is several handles.

use crate::model::{DeadKind, FdClass, FdKind, Metric};

/// Classes that tell a cause together, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joint {
    /// The key of the cause and its lesson.
    pub key: &'static str,
    /// The leading class is one of these.
    pub lead: Vec<Metric>,
    /// At least one of these must grow with it.
    pub needs: Vec<Metric>,
    /// These belong to it where they grow too.
    pub may: Vec<Metric>,
}

/// Every cause that several classes tell together.
pub fn joints() -> Vec<Joint> {
    let metrics = |parts: &[Part]| parts.iter().map(|part| part.metric).collect();
    let joint =
        |it: &Pattern| Joint { key: it.key, lead: it.lead.to_vec(), needs: metrics(it.needs), may: metrics(it.may) };
    PATTERNS.iter().map(joint).collect()
}

/// Classes that grow together, and what that means.
#[derive(Debug)]
pub(super) struct Pattern {
    /// The lesson's key.
    pub(super) key: &'static str,
    /// The leading class: one of these.
    pub(super) lead: &'static [Metric],
    /// At least one class of these must grow with it.
    pub(super) needs: &'static [Part],
    /// And these belong to it where they do.
    pub(super) may: &'static [Part],
    /// Dead handles of the lead that say otherwise.
    pub(super) never: &'static [DeadKind],
}

/// A class that belongs to a pattern.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) metric: Metric,
    /// How many there are for one of the lead, at least and at most; of bytes, how many bytes.
    pub(super) per: (f64, f64),
}

const fn part(metric: Metric, least: f64, most: f64) -> Part {
    Part { metric, per: (least, most) }
}

const EVENTPOLL: Metric = Metric::Fd(FdClass::Eventpoll);
const EVENTFD: Metric = Metric::Fd(FdClass::Eventfd);
const TIMERFD: Metric = Metric::Fd(FdClass::Timerfd);
const IO_URING: Metric = Metric::Fd(FdClass::IoUring);
const PIDFD: Metric = Metric::Fd(FdClass::Pidfd);
const SOCKET: Metric = Metric::Fd(FdClass::Socket);
const UNIX: Metric = Metric::Kind(FdKind::UnixStream);
const SEQPACKET: Metric = Metric::Kind(FdKind::UnixSeqpacket);
const TCP: Metric = Metric::Kind(FdKind::Tcp);
const TCP6: Metric = Metric::Kind(FdKind::Tcp6);
const ESTABLISHED: Metric = Metric::Kind(FdKind::TcpEstablished);
const CLOSE_WAIT: Metric = Metric::Kind(FdKind::TcpCloseWait);
const PIPE: Metric = Metric::Fd(FdClass::Pipe);
const PIPE_READ: Metric = Metric::Kind(FdKind::PipeRead);
const PIPE_WRITE: Metric = Metric::Kind(FdKind::PipeWrite);
const PTY: Metric = Metric::Fd(FdClass::Pty);
const MASTER: Metric = Metric::Kind(FdKind::PtyMaster);
const SLAVE: Metric = Metric::Kind(FdKind::PtySlave);
const DB: Metric = Metric::Fd(FdClass::SqliteDb);
const WAL: Metric = Metric::Fd(FdClass::SqliteWal);
const SHM: Metric = Metric::Fd(FdClass::SqliteShm);
const LOG: Metric = Metric::Fd(FdClass::Log);
const MEMFD: Metric = Metric::Fd(FdClass::Memfd);
const INOTIFY: Metric = Metric::Fd(FdClass::Inotify);

const MIB: f64 = 1024.0 * 1024.0;
/// The memory of a process, of a thread, and of a buffer, bytes. A thread may touch but a page of its stack.
const OF_PROCESS: (f64, f64) = (0.25 * MIB, 16384.0 * MIB);
const OF_THREAD: (f64, f64) = (8192.0, 1024.0 * MIB);
const OF_BUFFER: (f64, f64) = (4096.0, 4096.0 * MIB);

/// Every pattern. Of two that fit as well, the first is taken.
pub(super) const PATTERNS: &[Pattern] = &[
    // asyncio: one epoll and a socket pair (selector_events: _make_self_pipe).
    Pattern {
        key: "event-loop-never-closed",
        lead: &[EVENTPOLL],
        needs: &[part(UNIX, 1.6, 2.6), part(SOCKET, 1.6, 4.0)],
        may: &[
            part(EVENTFD, 0.5, 1.5),
            part(ESTABLISHED, 0.2, 3.0),
            part(CLOSE_WAIT, 0.2, 3.0),
            part(TCP, 0.2, 3.0),
            part(TCP6, 0.2, 3.0),
            part(Metric::ProcThreads, 0.5, 2.0),
        ],
        never: &[],
    },
    // libuv, Netty, java.nio (epoll and eventfd), mio (two descriptors on one epoll, one eventfd).
    Pattern {
        key: "runtime-never-closed",
        lead: &[EVENTPOLL],
        needs: &[part(EVENTFD, 0.4, 2.2)],
        may: &[
            part(PIPE, 0.8, 5.0),
            part(PIPE_READ, 0.4, 2.5),
            part(PIPE_WRITE, 0.4, 2.5),
            part(TIMERFD, 0.4, 1.5),
            part(IO_URING, 0.4, 2.5),
            part(UNIX, 0.3, 1.5),
            part(TCP, 0.2, 3.0),
            part(TCP6, 0.2, 3.0),
            part(ESTABLISHED, 0.2, 3.0),
            part(Metric::ProcThreads, 0.4, 64.0),
            part(Metric::MemAnon, OF_THREAD.0, OF_THREAD.1),
        ],
        never: &[],
    },
    Pattern {
        key: "database-connection-never-closed",
        lead: &[DB],
        needs: &[part(WAL, 0.5, 1.5)],
        may: &[part(SHM, 0.02, 1.5), part(Metric::ProcThreads, 0.1, 1.5)],
        never: &[],
    },
    Pattern {
        key: "children-not-cleaned-up",
        lead: &[PIDFD],
        needs: &[part(PIPE, 0.5, 6.0), part(PIPE_READ, 0.5, 3.0), part(PIPE_WRITE, 0.5, 3.0), part(UNIX, 0.5, 3.0)],
        may: &[part(EVENTPOLL, 0.5, 1.5), part(LOG, 0.5, 2.0)],
        never: &[],
    },
    Pattern {
        key: "child-never-waited-for",
        lead: &[Metric::ProcZombie],
        needs: &[part(PIDFD, 0.5, 1.5), part(PIPE, 0.5, 6.0), part(PIPE_READ, 0.5, 3.0), part(PIPE_WRITE, 0.5, 3.0)],
        may: &[part(UNIX, 0.5, 3.0)],
        never: &[],
    },
    Pattern {
        key: "health-check-hangs",
        lead: &[PIDFD, Metric::ProcOrphan],
        needs: &[part(ESTABLISHED, 0.5, 2.5), part(TCP, 0.5, 2.5), part(TCP6, 0.5, 2.5), part(SOCKET, 0.5, 2.5)],
        may: &[part(PIDFD, 0.5, 1.5), part(Metric::ProcCount, 0.5, 2.5), part(Metric::ProcOrphan, 0.5, 1.5)],
        never: &[DeadKind::PidfdTargetGone],
    },
    Pattern {
        key: "worker-never-ended",
        lead: &[Metric::ProcCount],
        needs: &[
            part(PIPE, 0.5, 8.0),
            part(PIPE_READ, 0.5, 4.0),
            part(PIPE_WRITE, 0.5, 4.0),
            part(PTY, 0.5, 6.0),
            part(MASTER, 0.5, 2.0),
            part(SEQPACKET, 0.5, 3.0),
        ],
        may: &[
            part(SLAVE, 0.5, 6.0),
            part(LOG, 0.5, 4.0),
            part(DB, 0.5, 8.0),
            part(WAL, 0.5, 8.0),
            part(SHM, 0.5, 4.0),
            part(UNIX, 0.5, 6.0),
            part(EVENTPOLL, 0.5, 4.0),
            part(EVENTFD, 0.5, 6.0),
            part(PIDFD, 0.5, 1.5),
            part(Metric::ProcThreads, 1.0, 200.0),
            part(Metric::CgroupPids, 1.0, 200.0),
            part(Metric::MemAnon, OF_PROCESS.0, OF_PROCESS.1),
            part(Metric::MemRss, OF_PROCESS.0, OF_PROCESS.1),
            part(Metric::CgroupAnon, OF_PROCESS.0, OF_PROCESS.1),
            part(Metric::CgroupMemory, OF_PROCESS.0, OF_PROCESS.1),
        ],
        never: &[],
    },
    Pattern {
        key: "thread-per-task-never-ended",
        lead: &[Metric::ProcThreads],
        needs: &[
            part(Metric::MemAnon, OF_THREAD.0, OF_THREAD.1),
            part(Metric::CgroupAnon, OF_THREAD.0, OF_THREAD.1),
            part(DB, 0.5, 4.0),
            part(ESTABLISHED, 0.5, 2.0),
            part(TCP, 0.5, 2.0),
            part(TCP6, 0.5, 2.0),
            part(CLOSE_WAIT, 0.5, 2.0),
        ],
        may: &[
            part(WAL, 0.5, 4.0),
            part(SHM, 0.02, 4.0),
            part(Metric::MemRss, OF_THREAD.0, OF_THREAD.1),
            part(Metric::CgroupMemory, OF_THREAD.0, OF_THREAD.1),
            part(Metric::CgroupPids, 0.8, 1.2),
        ],
        never: &[],
    },
    Pattern {
        key: "log-handle-per-child",
        lead: &[LOG],
        needs: &[
            part(Metric::ProcCount, 0.2, 1.5),
            part(Metric::ProcZombie, 0.2, 1.5),
            part(PIDFD, 0.2, 1.5),
            part(PIPE, 0.5, 4.0),
        ],
        may: &[],
        never: &[],
    },
    Pattern {
        key: "file-watcher-never-stopped",
        lead: &[INOTIFY],
        needs: &[
            part(Metric::ProcThreads, 0.8, 4.0),
            part(PIPE, 0.8, 4.0),
            part(PIPE_READ, 0.8, 2.0),
            part(EVENTPOLL, 0.8, 2.0),
            part(EVENTFD, 0.8, 2.0),
        ],
        may: &[part(PIPE_WRITE, 0.8, 2.0)],
        never: &[],
    },
    Pattern {
        key: "shared-buffers-never-freed",
        lead: &[MEMFD],
        needs: &[
            part(Metric::MemShmem, OF_BUFFER.0, OF_BUFFER.1),
            part(Metric::CgroupMemory, OF_BUFFER.0, OF_BUFFER.1),
            part(Metric::CgroupFile, OF_BUFFER.0, OF_BUFFER.1),
        ],
        may: &[part(Metric::MemRss, OF_BUFFER.0, OF_BUFFER.1)],
        never: &[],
    },
    Pattern {
        key: "session-never-closed",
        lead: &[ESTABLISHED, TCP, TCP6, CLOSE_WAIT],
        needs: &[part(EVENTPOLL, 0.4, 1.5), part(EVENTFD, 0.4, 1.5), part(Metric::ProcThreads, 0.8, 4.0)],
        may: &[part(UNIX, 0.8, 2.5)],
        never: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::lore;
    use crate::model::Unit;

    #[test]
    fn every_pattern_has_a_lesson_and_parts_that_can_be() {
        for pattern in PATTERNS {
            assert!(lore::cause(pattern.key).is_some_and(|lesson| lesson.of.is_empty()), "{}", pattern.key);
            assert!(!pattern.lead.is_empty() && !pattern.needs.is_empty(), "{}", pattern.key);
            for part in pattern.needs.iter().chain(pattern.may) {
                assert!(part.per.0 > 0.0 && part.per.0 < part.per.1, "{}: {}", pattern.key, part.metric);
            }
            assert!(pattern.lead.iter().all(|lead| lead.unit() == Unit::Count), "{}", pattern.key);
        }
        let joint = lore::lessons().filter(|lesson| lesson.of.is_empty());
        assert!(joint.into_iter().all(|lesson| PATTERNS.iter().any(|pattern| pattern.key == lesson.key)));
    }
}
