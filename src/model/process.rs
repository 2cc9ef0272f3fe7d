//! One process of the target, as one snapshot saw it.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reading::Reading;
use super::snapshot::FdCensus;

/// A process is a pid together with its start time: pids are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcId {
    /// The pid in the namespace of the observer.
    pub pid: u32,
    /// Field 22 of `/proc/PID/stat`: clock ticks after boot, see proc_pid_stat(5).
    pub start: u64,
}

impl fmt::Display for ProcId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.pid, self.start)
    }
}

/// Which processes belong to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every process in the cgroup of a container, found by its first process.
    Container {
        /// The container's first process, in the namespace of the observer.
        pid: u32,
        /// The container's full id, part of its cgroup's path.
        id: String,
    },
    /// A process, its descendants, and those that once were its descendants.
    Descent {
        /// The process.
        pid: u32,
    },
}

/// Whose process it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The application's own.
    App,
    /// A health check of the engine. Not counted as the application's.
    HealthCheck,
    /// Something executed from outside (`docker exec`). Not counted as the application's.
    Exec,
}

/// The state letter of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcState {
    /// R
    Running,
    /// S or I
    Sleeping,
    /// D
    DiskSleep,
    /// T or t
    Stopped,
    /// Z or X
    Zombie,
    /// A letter this version does not know.
    Other,
}

/// One process in one snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessSample {
    /// Who it is.
    pub id: ProcId,
    /// Its parent's pid, in the namespace of the observer.
    pub ppid: u32,
    /// The pid that it has in its own, innermost pid namespace (last of `NSpid`).
    pub ns_pid: Option<u32>,
    /// Whose it is.
    pub role: Role,
    /// What it does.
    pub state: ProcState,
    /// The short name of `/proc/PID/comm`, printable.
    pub comm: String,
    /// The command line, arguments joined by a space, bytes that are not UTF-8 escaped, cut at 4 KiB. Empty for a zombie.
    pub cmdline: String,
    /// Threads.
    pub threads: Reading<u64>,
    /// Resident memory, bytes.
    pub rss: Reading<u64>,
    /// Anonymous resident memory (`RssAnon`), bytes.
    pub anon: Reading<u64>,
    /// The soft limit of open descriptors; `None` inside the value: unlimited.
    pub nofile: Reading<Option<u64>>,
    /// The open descriptors. `Gone` for a zombie, which holds none.
    /// Shared with other snapshots of a loaded night in which they are the same.
    pub fds: Reading<Arc<FdCensus>>,
    /// What else is known of it. Empty in nights of format 1.
    #[serde(default)]
    pub facts: ProcessFacts,
}

/// What is known of a process beside the figures that are judged first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessFacts {
    /// The executable, printable; `None` where it could not be read (a zombie has none).
    pub exe: Option<String>,
    /// The real user.
    pub uid: Option<u32>,
    /// Its process group.
    pub pgrp: Option<i64>,
    /// Its session.
    pub session: Option<i64>,
    /// True where it was seen under another parent before, or first seen without one: it was handed to an init.
    pub orphan: bool,
    /// CPU time used so far, microseconds.
    pub cpu_us: Option<u64>,
    /// Names of its threads, numbers in them collapsed (`worker-*`), most frequent first, at most
    /// [`ProcessFacts::MAX_THREAD_NAMES`].
    pub thread_names: Vec<(String, u64)>,
    /// Resident pages of files (`RssFile`), bytes.
    pub file: Reading<u64>,
    /// Resident shared memory (`RssShmem`), bytes.
    pub shmem: Reading<u64>,
    /// Swapped-out anonymous memory (`VmSwap`), bytes.
    pub swap: Reading<u64>,
    /// Its proportional share of memory (`Pss` in smaps_rollup), bytes; only at the first and the last snapshot.
    pub pss: Option<Reading<u64>>,
}

impl ProcessFacts {
    /// How many names of threads are kept.
    pub const MAX_THREAD_NAMES: usize = 16;
}

impl ProcessSample {
    /// The name used to group processes: the base name of the command, or the short name.
    pub fn name(&self) -> &str {
        let first = self.cmdline.split(' ').next().unwrap_or_default();
        let base = first.rsplit('/').next().unwrap_or_default();
        if base.is_empty() { &self.comm } else { base }
    }
}
