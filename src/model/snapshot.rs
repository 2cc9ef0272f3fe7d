//! One look at the target.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::class::FdClass;
use super::process::{ProcId, ProcessSample};
use super::reading::Gap;
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
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// What the look cost.
    pub observer: Observer,
}

impl Snapshot {
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

/// A handle that can never be of use again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadHandle {
    /// Who holds it.
    pub process: ProcId,
    /// The descriptor's number.
    pub fd: u32,
    /// Why it is dead.
    pub kind: DeadKind,
    /// When it was first seen dead (or first suspected), milliseconds since the soak began.
    pub first_ms: u64,
    /// In how many snapshots it was seen so, this one included.
    pub survived: u32,
    /// What it points at, for people.
    pub detail: String,
}

/// Why a handle is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadKind {
    /// A pidfd whose process is gone (`Pid: -1` in fdinfo).
    PidfdTargetGone,
    /// An eventpoll on which nobody waits, which nobody polls and which is not nested in another.
    EventpollAbandoned,
}

impl DeadKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::PidfdTargetGone, Self::EventpollAbandoned];

    /// The class whose `max_dead` judges the handle.
    pub fn class(self) -> FdClass {
        match self {
            Self::PidfdTargetGone => FdClass::Pidfd,
            Self::EventpollAbandoned => FdClass::Eventpoll,
        }
    }

    /// One clause for people.
    pub fn reason(self) -> &'static str {
        match self {
            Self::PidfdTargetGone => "its process is gone",
            Self::EventpollAbandoned => "nobody waits on it",
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
