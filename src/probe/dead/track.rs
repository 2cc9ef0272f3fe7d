//! What is remembered of a handle from look to look.

use std::collections::{BTreeMap, HashSet};

use crate::model::{DeadHandle, DeadKind, ProcId};

/// Looks in which a handle must be dead, where nothing else is said.
pub(super) const LOOKS: u32 = 2;

/// A handle under suspicion of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) process: ProcId,
    /// `None` where the process itself is the handle.
    pub(super) fd: Option<u32>,
    pub(super) kind: DeadKind,
}

impl Key {
    pub(super) fn of(process: ProcId, fd: u32, kind: DeadKind) -> Self {
        Self { process, fd: Some(fd), kind }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Track {
    /// Tells the handle from another that got its number.
    pub(super) mark: u64,
    /// Looks (of those that can tell) in a row in which it was dead.
    pub(super) looks: u32,
    /// When it was first seen dead; for an eventpoll: not seen alive, even by a look that cannot tell.
    pub(super) first_ms: Option<u64>,
    /// The looks that it takes.
    pub(super) needed: u32,
    /// The time that it takes, milliseconds.
    pub(super) grace_ms: u64,
    /// False where it cannot be judged at all.
    pub(super) judged: bool,
    /// True where it was once seen in use.
    pub(super) used: bool,
    /// What it points at, for people.
    pub(super) detail: String,
    // The look that told of it last.
    touched: u64,
}

impl Track {
    fn new(mark: u64, touched: u64) -> Self {
        Self {
            mark,
            looks: 0,
            first_ms: None,
            needed: LOOKS,
            grace_ms: 0,
            judged: true,
            used: false,
            detail: String::new(),
            touched,
        }
    }

    /// It was seen dead.
    pub(super) fn dead(&mut self, at_ms: u64) {
        self.doubt(at_ms);
        self.looks = self.looks.saturating_add(1);
    }

    /// It was not seen alive, by a look that cannot tell.
    pub(super) fn doubt(&mut self, at_ms: u64) {
        self.first_ms.get_or_insert(at_ms);
    }

    /// It was seen alive.
    pub(super) fn lives(&mut self) {
        self.looks = 0;
        self.first_ms = None;
    }
}

/// Every handle that is remembered.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    by_key: BTreeMap<Key, Track>,
    look: u64,
}

impl Tracks {
    pub(super) fn begin(&mut self) {
        self.look += 1;
    }

    /// The track of a handle of which this look tells; a fresh one where the number now stands for another handle.
    pub(super) fn see(&mut self, key: Key, mark: u64) -> &mut Track {
        let look = self.look;
        let track = self.by_key.entry(key).or_insert_with(|| Track::new(mark, look));
        if track.mark != mark {
            *track = Track { used: track.used, ..Track::new(mark, look) };
        }
        track.touched = look;
        track
    }

    /// Keeps the last answer on a handle that is still open and that this look could not ask.
    pub(super) fn keep(&mut self, key: Key, mark: u64) {
        if let Some(track) = self.by_key.get_mut(&key).filter(|track| track.mark == mark) {
            track.touched = self.look;
        }
    }

    pub(super) fn get_mut(&mut self, key: &Key) -> Option<&mut Track> {
        self.by_key.get_mut(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Track)> {
        self.by_key.iter()
    }

    /// Forgets handles of which this look did not tell: they were closed, or are alive and need no memory. Those of processes
    /// that could not be read stay.
    pub(super) fn sweep(&mut self, unread: &HashSet<ProcId>) {
        let look = self.look;
        self.by_key.retain(|key, track| track.touched == look || (key.fd.is_some() && unread.contains(&key.process)));
    }

    /// The handles that are dead, copies left out.
    pub(super) fn dead(&self, at_ms: u64, copies: &HashSet<Key>) -> Vec<DeadHandle> {
        let mut dead: Vec<DeadHandle> = self
            .by_key
            .iter()
            .filter(|(_, track)| track.touched == self.look && track.judged && track.looks >= track.needed)
            .filter_map(|(key, track)| Some((key, track, track.first_ms?)))
            .filter(|(key, track, first_ms)| at_ms.saturating_sub(*first_ms) >= track.grace_ms && !copies.contains(key))
            .map(|(key, track, first_ms)| DeadHandle {
                process: key.process,
                fd: key.fd,
                kind: key.kind,
                first_ms,
                survived: track.looks,
                detail: track.detail.clone(),
            })
            .collect();
        dead.sort_by_key(|handle| (handle.first_ms, handle.process, handle.fd, handle.kind));
        dead
    }
}
