//! Handles that can never be of use again.
//!
//! Each kind has a rule of its own: `pidfd`, `eventpoll`, `peer` (pipes, sockets, terminals) and `grace` (what may look
//! dead for a while). A handle must be dead in two looks at least, and is known from look to look by process, number and what
//! it refers to: all eventpolls share one inode, and numbers are used again. What several descriptors share is reported once
//! (`shared`).

mod eventpoll;
mod grace;
mod kernel;
mod living;
mod names;
mod peer;
mod pidfd;
mod shared;
mod track;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::handles::Handles;
use super::read::Seen;
use super::root::ProcRoot;
use super::sockets::SocketTable;
use crate::model::{DeadHandle, DeadKind, Gap, ProcId, ProcState, Snapshot};
use kernel::{Kernel, Recorded, Running};

/// Looks in which nobody waits, until an eventpoll that was never in use counts as abandoned.
pub const LOOKS: u32 = 5;

/// The same for one that was in use.
pub const LOOKS_AFTER_USE: u32 = 24;

/// Every process of the target by its pid, with its parent's pid.
type Parents = HashMap<u32, (ProcId, u32)>;

/// How long a handle may look dead and still be put to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Graces {
    /// A connection that the peer has closed: an idle pool finds out at its next use.
    pub close_wait: Duration,
    /// A socket that is not yet bound or connected.
    pub unattached: Duration,
    /// A process that ended and may still be reaped.
    pub zombie: Duration,
    /// A process that lost its parent, which may be how a daemon starts.
    pub orphan: Duration,
    /// A deleted file.
    pub deleted: Duration,
}

impl Default for Graces {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            close_wait: minute,
            unattached: minute,
            zombie: Duration::from_secs(30),
            orphan: minute,
            deleted: minute,
        }
    }
}

impl Graces {
    /// The same grace for all.
    pub fn all(grace: Duration) -> Self {
        Self { close_wait: grace, unattached: grace, zombie: grace, orphan: grace, deleted: grace }
    }
}

/// What one look saw.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Milliseconds since the soak began.
    pub at_ms: u64,
    /// Where the processes were read.
    pub root: &'a ProcRoot,
    /// The processes.
    pub seen: &'a [Seen],
    /// The sockets.
    pub sockets: &'a SocketTable,
}

/// What is dead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The handles, at most [`Snapshot::MAX_DEAD`] of each kind, the oldest first.
    pub handles: Vec<DeadHandle>,
    /// How many more there are.
    pub rest: BTreeMap<DeadKind, u64>,
    /// What could not be asked.
    pub gaps: Vec<Gap>,
}

/// Remembers handles from look to look.
#[derive(Debug, Default)]
pub struct Tracker {
    graces: Graces,
    tracks: track::Tracks,
    names: names::Names,
    polls: eventpoll::Eventpolls,
    peers: peer::Peers,
    shared: shared::Shared,
}

impl Tracker {
    /// A tracker with graces of its own.
    pub fn new(graces: Graces) -> Self {
        Self { graces, ..Self::default() }
    }

    /// Takes in one look.
    pub fn observe(&mut self, look: &Look<'_>) -> Found {
        if look.root.is_system() {
            self.take_in(look, &mut Running::default())
        } else {
            self.take_in(look, &mut Recorded)
        }
    }

    fn take_in(&mut self, look: &Look<'_>, kernel: &mut dyn Kernel) -> Found {
        if look.seen.is_empty() {
            // Nothing was seen, which is not to say that everything was closed.
            return Found::default();
        }
        let parents: Parents =
            look.seen.iter().map(|one| (one.sample.id.pid, (one.sample.id, one.sample.ppid))).collect();
        let handles: Vec<&Handles> = look.seen.iter().filter_map(|one| one.handles.as_ref()).collect();
        self.names.take_in(look.seen);
        self.tracks.begin();
        for handles in &handles {
            pidfd::look(look.at_ms, handles, &self.names, &mut self.tracks);
        }
        self.polls.look(look.at_ms, &handles, &parents, &mut self.tracks);
        grace::look(look, &self.graces, &self.names, &mut self.tracks);
        let gaps = self.peers.look(look, &mut self.tracks, kernel);
        self.tracks.sweep(&unread(look.seen));
        let copies = self.shared.copies(&mut self.tracks, &parents, kernel);
        let (handles, rest) = cut(self.tracks.dead(look.at_ms, &copies));
        Found { handles, rest, gaps }
    }
}

/// The processes whose descriptors could not be read this time.
fn unread(seen: &[Seen]) -> HashSet<ProcId> {
    let unread = seen.iter().filter(|one| one.held.is_none() && one.sample.state != ProcState::Zombie);
    unread.map(|one| one.sample.id).collect()
}

/// As many of each kind as a snapshot lists, and how many more there are.
fn cut(mut dead: Vec<DeadHandle>) -> (Vec<DeadHandle>, BTreeMap<DeadKind, u64>) {
    let mut listed: BTreeMap<DeadKind, usize> = BTreeMap::new();
    let mut rest = BTreeMap::new();
    dead.retain(|handle| {
        let number = listed.entry(handle.kind).or_default();
        *number += 1;
        let fits = *number <= Snapshot::MAX_DEAD;
        if !fits {
            *rest.entry(handle.kind).or_default() += 1;
        }
        fits
    });
    (dead, rest)
}

#[cfg(test)]
mod live;
#[cfg(test)]
mod tests;
