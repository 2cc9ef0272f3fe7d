//! One look at the target.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::class::{FdClass, FdKind, Metric};
use super::process::{ProcId, ProcessSample};
use super::reading::{Gap, Reading};
use super::run::Phase;

/// All that one look at /proc told: one line of `samples.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Counts from 0.
    pub seq: u32,
    /// Milliseconds since the soak began, monotonic clock.
    pub at_ms: u64,
    /// Wall clock of the host.
    pub wall: jiff::Timestamp,
    /// The phase in which it was taken.
    pub phase: Phase,
    /// Every process of the target.
    pub processes: Vec<ProcessSample>,
    /// Handles that can never be of use again.
    pub dead: Vec<DeadHandle>,
    /// Dead handles that did not fit into `dead`, by kind; see [`Snapshot::MAX_DEAD`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dead_rest: BTreeMap<DeadKind, u64>,
    /// What came, went and stayed since the snapshot before, by class. Empty in nights of format 1.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub turnover: BTreeMap<FdClass, Turnover>,
    /// The handles that were opened after the first snapshot and are still open: the oldest of each class, at most
    /// [`Snapshot::MAX_HELD`]. Only the last snapshot of a phase tells them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldHandle>,
    /// The target as a whole.
    #[serde(default)]
    pub target: TargetSample,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// What the look cost.
    pub observer: Observer,
}

impl Snapshot {
    /// How many dead handles of one kind a snapshot lists, the oldest first.
    pub const MAX_DEAD: usize = 500;

    /// How many held handles of one class a snapshot lists, the oldest first.
    pub const MAX_HELD: usize = 60;

    /// The gap of a snapshot for which no descriptor was asked whether it is dead: none that is named does not mean none.
    pub const HANDLES: &str = "fdinfo";

    /// True where it tells which descriptors are dead.
    pub fn tells_handles(&self) -> bool {
        self.gaps.iter().all(|gap| gap.what != Self::HANDLES)
    }

    /// Seconds since the soak began.
    #[expect(clippy::cast_precision_loss, reason = "a night's milliseconds are far below 2^52")]
    pub fn at_s(&self) -> f64 {
        self.at_ms as f64 / 1000.0
    }
}

/// The open descriptors of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FdCensus {
    /// All that could be read.
    pub total: u64,
    /// By class; a class that is not named has none.
    pub classes: BTreeMap<FdClass, u64>,
    /// By finer kind, where it could be told: see [`FdCensus::kinds_told`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<FdKind, u64>,
    /// By link target, most frequent first, numbers in anonymous names collapsed (`socket:[*]`), at most
    /// [`FdCensus::MAX_LINKS`] entries.
    pub links: Vec<LinkCount>,
    /// Descriptors whose link target did not fit into `links`.
    pub rest: u64,
    /// Entries that vanished between listing and reading: they may or may not have been open.
    pub vanished: u64,
}

impl FdCensus {
    /// How many link targets one process keeps.
    pub const MAX_LINKS: usize = 128;

    /// True where the finer kind of every descriptor of a class could be told. If not, a kind that is not named may still be
    /// there: it is missing, and no zero.
    pub fn kinds_told(&self, class: FdClass) -> bool {
        let told = self.kinds.iter().filter(|(kind, _)| kind.class() == class && !kind.is_tcp_state());
        told.map(|(_, count)| count).sum::<u64>() == self.classes.get(&class).copied().unwrap_or(0)
    }
}

/// Handles of one class over all processes of the application, against the snapshot before.
///
/// A handle is a number in a process together with what it refers to: the inode of a socket, a pipe or (since Linux 6.9) a
/// pidfd, the path of a file. Eventpolls, timers and other anonymous inodes share one inode, so that they are known by their
/// number alone: of such, one that was closed and opened again between two snapshots counts as a survivor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turnover {
    /// Open now, and not in the snapshot before.
    pub born: u64,
    /// Open in the snapshot before, and not now: the snapshot in which they were first seen, and how many of those.
    pub died: BTreeMap<u32, u64>,
    /// Open in both.
    pub survived: u64,
    /// Of those, how many are known by their number alone.
    pub unsure: u64,
}

/// The target as a whole: what its cgroup and its engine tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetSample {
    /// Its cgroup; `None` where it has none of its own, or in nights of format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<CgroupSample>,
    /// Its disk space, at some of the snapshots only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskSample>,
    /// What the engine says of its health (`healthy`, `unhealthy`, `starting`); `None` without a health check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// How often the engine started it anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<u64>,
}

/// What a cgroup was charged with. Every figure is [`Reading::Gone`] where the controller is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CgroupSample {
    /// All memory, page cache included, bytes (`memory.current`, `memory.usage_in_bytes`).
    pub memory: Reading<u64>,
    /// Anonymous memory, bytes.
    pub anon: Reading<u64>,
    /// Page cache, bytes.
    pub file: Reading<u64>,
    /// Memory of the kernel, bytes.
    pub kernel: Reading<u64>,
    /// The limit of memory, bytes; `None` inside the value: unlimited.
    pub memory_max: Reading<Option<u64>>,
    /// Times the limit was hit.
    pub memory_max_events: Reading<u64>,
    /// Processes killed for lack of memory.
    pub oom_kills: Reading<u64>,
    /// Processes and threads.
    pub pids: Reading<u64>,
    /// The limit of processes and threads; `None` inside the value: unlimited.
    pub pids_max: Reading<Option<u64>>,
    /// CPU time used, microseconds.
    pub cpu_us: Reading<u64>,
    /// CPU time for which it had to wait at its quota, microseconds.
    pub throttled_us: Reading<u64>,
    /// Bytes read from block devices.
    pub io_read: Reading<u64>,
    /// Bytes written to block devices.
    pub io_write: Reading<u64>,
}

/// Disk space of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskSample {
    /// What the container wrote over its image, bytes.
    pub layer: Reading<u64>,
    /// What its volumes hold, bytes, by the path they are mounted at.
    pub volumes: BTreeMap<String, Reading<u64>>,
}

/// How many descriptors of a process refer to one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkCount {
    /// The link's target, bytes that are not UTF-8 and control characters escaped.
    pub name: String,
    /// Its class.
    pub class: FdClass,
    /// How many.
    pub count: u64,
}

/// A handle that was opened while the target was watched, and not closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldHandle {
    /// Who holds it.
    pub process: ProcId,
    /// The descriptor's number.
    pub fd: u32,
    /// Its class.
    pub class: FdClass,
    /// The number ([`Snapshot::seq`]) of the snapshot in which it was first seen.
    pub born: u32,
    /// False where it is known by its number alone, see [`Turnover::unsure`]: it may have been closed and opened again.
    pub sure: bool,
    /// What it points at, for people: a path, the ends of a socket, what an eventpoll watches.
    pub detail: String,
}

/// A handle that can never be of use again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadHandle {
    /// Who holds it.
    pub process: ProcId,
    /// The descriptor's number; `None` where the process itself is the handle.
    pub fd: Option<u32>,
    /// Why it is dead.
    pub kind: DeadKind,
    /// When it was first seen dead (or first suspected), milliseconds since the soak began.
    pub first_ms: u64,
    /// In how many snapshots it was seen so, this one included.
    pub survived: u32,
    /// What it points at, for people.
    pub detail: String,
}

macro_rules! dead_kinds {
    ($($variant:ident = $metric:expr, $exact:literal, $reason:literal, $about:literal;)+) => {
        /// Why a handle is dead.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum DeadKind {
            $(#[doc = $about] $variant,)+
        }

        impl DeadKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The class whose `max_dead` judges the handle.
            pub fn class(self) -> Metric {
                match self { $(Self::$variant => $metric,)+ }
            }

            /// True where one such handle is proof enough. The others may be a design (an idle pool, a daemon): they warn,
            /// and only their growth fails a night.
            pub fn is_exact(self) -> bool {
                match self { $(Self::$variant => $exact,)+ }
            }

            /// One clause for people.
            pub fn reason(self) -> &'static str {
                match self { $(Self::$variant => $reason,)+ }
            }
        }
    };
}

dead_kinds! {
    PidfdTargetGone = Metric::Fd(FdClass::Pidfd), true, "its process is gone",
        "A pidfd whose process is gone (`Pid: -1` in fdinfo).";
    EventpollAbandoned = Metric::Fd(FdClass::Eventpoll), true, "nobody waits on it",
        "An eventpoll on which nobody waits, which nobody polls and which is not nested in another.";
    PipeNoReader = Metric::Fd(FdClass::Pipe), true, "its readers are gone",
        "The writing end of a pipe that nobody can read any more (POLLERR).";
    PipeNoWriter = Metric::Fd(FdClass::Pipe), true, "its writers are gone",
        "The reading end of a pipe that nobody can write to any more (POLLHUP).";
    SocketPeerGone = Metric::Fd(FdClass::Socket), true, "the other end is closed",
        "A connected unix socket whose other end is closed everywhere (POLLHUP).";
    PtySlaveGone = Metric::Fd(FdClass::Pty), true, "its terminal is closed",
        "The master of a pseudo terminal whose slave is closed everywhere (POLLHUP).";
    TcpCloseWait = Metric::Kind(FdKind::TcpCloseWait), false, "the peer has closed it",
        "A TCP connection that the peer closed and the target did not, beyond its grace. Idle pools do this.";
    SocketUnattached = Metric::Kind(FdKind::Unattached), false, "it is in no protocol table",
        "A socket that is neither bound nor connected, beyond its grace.";
    ProcessZombie = Metric::ProcZombie, true, "its parent did not reap it",
        "A process that ended and was not reaped, beyond its grace.";
    ProcessOrphan = Metric::ProcOrphan, false, "its parent is gone",
        "A process that lost its parent and was handed to another, beyond its grace. Daemons do this on purpose.";
    FileDeleted = Metric::Fd(FdClass::Deleted), false, "its file is deleted",
        "A deleted file that is still held, beyond its grace. Temporary files do this on purpose.";
}

impl DeadKind {
    /// True where a metric's `max_dead` covers handles of this kind: a class covers those of its kinds too, `fd.total` those
    /// of all descriptors.
    pub fn is_of(self, metric: Metric) -> bool {
        match (metric, self.class()) {
            (Metric::FdTotal, Metric::Fd(_) | Metric::Kind(_)) => true,
            (Metric::Fd(class), Metric::Kind(kind)) => kind.class() == class,
            (metric, class) => metric == class,
        }
    }

    /// How a [`Gap`] begins that says that handles of this kind could not be asked; `None` for kinds of which /proc and the
    /// protocol tables tell.
    pub fn asked(self) -> Option<&'static str> {
        match self {
            Self::PipeNoReader | Self::PipeNoWriter => Some("ends of pipes"),
            Self::SocketPeerGone => Some("ends of unix sockets"),
            Self::PtySlaveGone => Some("masters of terminals"),
            Self::PidfdTargetGone
            | Self::EventpollAbandoned
            | Self::TcpCloseWait
            | Self::SocketUnattached
            | Self::ProcessZombie
            | Self::ProcessOrphan
            | Self::FileDeleted => None,
        }
    }
}

/// What one look cost the observer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observer {
    /// Wall time of the scan, microseconds.
    pub scan_us: u64,
    /// CPU time of slowdrip since it began, microseconds.
    pub cpu_us: u64,
    /// Resident memory of slowdrip, bytes.
    pub rss: u64,
}
