//! Handles that can never be of use again. Pure: what was read goes in, what is dead comes out.
//!
//! - A **pidfd** is dead when its process is gone and reaped, and is reported from the second look on.
//! - An **eventpoll** is abandoned when no thread sat in epoll_wait on it in [`LOOKS`] looks. Looks that cannot tell
//!   ([`Waits::sure`](super::handles::Waits)) do not count. It lives as long as an eventpoll that watches it lives. One that
//!   was in use before needs [`LOOKS_AFTER_USE`] looks: its thread may be at work for long. A process that was never seen
//!   waiting on any eventpoll works in a way that cannot be judged, and none of its eventpolls is reported.
//!
//! All eventpolls share one inode and numbers are used again, so a handle is known by process, number and what it watches.
//! A forked process inherits handles: one that an ancestor holds too, with the same number and the same contents, is
//! reported once, for the ancestor, and when the ancestor lets go of it, with the ancestor's age.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use super::handles::{Handles, Pidfd, Poll};
use super::living::Waited;
use super::read::Seen;
use super::root::ProcRoot;
use super::sockets::SocketTable;
use crate::model::{DeadHandle, DeadKind, Gap, ProcId};

/// Looks in which nobody waits, until an eventpoll that was never in use counts as abandoned.
pub const LOOKS: u32 = 5;

/// The same for one that was in use.
pub const LOOKS_AFTER_USE: u32 = 24;

/// Looks in which a pidfd must be dead.
const PIDFD_LOOKS: u32 = 2;

/// How many generations up an inherited handle is looked for. A bound, because a recorded tree may be forged.
const DEEPEST: usize = 64;

type Key = (ProcId, u32);

/// Every process of the target by its pid, with its parent's pid.
pub type Parents = HashMap<u32, (ProcId, u32)>;

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
    /// The handles, at most [`Snapshot::MAX_DEAD`](crate::model::Snapshot::MAX_DEAD) of each kind, the oldest first.
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
    tracks: BTreeMap<Key, Track>,
    // Processes that were seen waiting on an eventpoll.
    waiters: HashSet<ProcId>,
}

#[derive(Debug, Clone)]
struct Track {
    mark: Mark,
    // Looks (of those that can tell) in a row in which it was dead.
    looks: u32,
    // When it was first seen dead; for an eventpoll: not seen alive, even by a look that cannot tell.
    first_ms: Option<u64>,
    used: bool,
    // The ancestor's handle of which this one is a copy, and since when that one is dead.
    original: Option<(Key, Option<u64>)>,
    detail: String,
}

/// Tells a handle from another that got its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    kind: DeadKind,
    // The inode of a pidfd, a digest of what an eventpoll watches.
    content: u64,
}

impl Tracker {
    /// A tracker with graces of its own.
    pub fn new(graces: Graces) -> Self {
        Self { graces, ..Self::default() }
    }

    /// Takes in one look.
    pub fn observe(&mut self, look: &Look<'_>) -> Found {
        let parents = look.seen.iter().map(|one| (one.sample.id.pid, (one.sample.id, one.sample.ppid))).collect();
        let handles: Vec<Handles> = look.seen.iter().filter_map(|one| one.handles.clone()).collect();
        Found { handles: self.take(look.at_ms, &handles, &parents), ..Found::default() }
    }

    fn take(&mut self, at_ms: u64, seen: &[Handles], parents: &Parents) -> Vec<DeadHandle> {
        let mut seen: Vec<&Handles> = seen.iter().collect();
        // Parents before their children, so that a copy finds its original.
        seen.sort_by_key(|handles| (handles.id.start, handles.id.pid));
        self.waiters.retain(|id| parents.get(&id.pid).is_some_and(|(current, _)| current == id));
        self.waiters.extend(seen.iter().filter(|handles| !handles.waits.on.is_empty()).map(|handles| handles.id));

        let waited = Waited::new(&seen);
        let mut open = BTreeSet::new();
        for handles in &seen {
            for pidfd in &handles.pidfds {
                open.insert((handles.id, pidfd.fd));
                self.pidfd(at_ms, handles.id, pidfd, parents);
            }
            let living = waited.living(handles);
            for poll in &handles.polls {
                open.insert((handles.id, poll.fd));
                let lives = living.contains(&poll.fd);
                self.poll(at_ms, handles, poll, lives, parents);
            }
        }
        self.tracks.retain(|key, _| open.contains(key));
        self.report()
    }

    fn pidfd(&mut self, at_ms: u64, process: ProcId, pidfd: &Pidfd, parents: &Parents) {
        let mark = Mark { kind: DeadKind::PidfdTargetGone, content: pidfd.info.ino.unwrap_or(0) };
        let track = self.track((process, pidfd.fd), mark, parents);
        match pidfd.info.pid {
            -1 => {
                track.suspect(at_ms);
                track.looks += 1;
            }
            pid => {
                track.lives();
                track.detail = format!("pid {pid} gone");
            }
        }
    }

    fn poll(&mut self, at_ms: u64, handles: &Handles, poll: &Poll, lives: bool, parents: &Parents) {
        let mut hasher = DefaultHasher::new();
        poll.watched.hash(&mut hasher);
        let mark = Mark { kind: DeadKind::EventpollAbandoned, content: hasher.finish() };
        let track = self.track((handles.id, poll.fd), mark, parents);
        track.detail.clone_from(&poll.detail);
        if lives {
            track.used = true;
            track.lives();
        } else {
            track.suspect(at_ms);
            track.looks += u32::from(handles.waits.sure);
        }
    }

    /// The track of a handle; a fresh one where the number now stands for another handle.
    fn track(&mut self, key: Key, mark: Mark, parents: &Parents) -> &mut Track {
        let old = self.tracks.get(&key);
        if old.is_none_or(|track| track.mark != mark) {
            let mut fresh = Track::new(mark);
            match self.original(key, mark, parents) {
                Some((original, track)) => {
                    fresh.original = Some((original, track.first_ms));
                    fresh.detail.clone_from(&track.detail);
                }
                // A changed set does not mean another eventpoll: one that was in use stays so until it is closed.
                None => fresh.used = old.is_some_and(|track| track.mark.kind == mark.kind && track.used),
            }
            self.tracks.insert(key, fresh);
        }
        self.tracks.entry(key).or_insert_with(|| Track::new(mark))
    }

    /// The same handle in an ancestor: same number, same kind, same contents.
    fn original(&self, key: Key, mark: Mark, parents: &Parents) -> Option<(Key, &Track)> {
        let mut child = parents.get(&key.0.pid)?;
        for _ in 0..DEEPEST {
            let parent = parents.get(&child.1).filter(|(id, _)| *id != key.0)?;
            let candidate = (parent.0, key.1);
            if let Some(track) = self.tracks.get(&candidate).filter(|track| track.mark == mark) {
                return Some((candidate, track));
            }
            child = parent;
        }
        None
    }

    fn report(&self) -> Vec<DeadHandle> {
        let dead = self.tracks.iter().filter(|((process, _), track)| {
            let needed = match track.mark.kind {
                DeadKind::EventpollAbandoned if track.used => LOOKS_AFTER_USE,
                DeadKind::EventpollAbandoned => LOOKS,
                DeadKind::PidfdTargetGone
                | DeadKind::PipeNoReader
                | DeadKind::PipeNoWriter
                | DeadKind::SocketPeerGone
                | DeadKind::PtySlaveGone
                | DeadKind::TcpCloseWait
                | DeadKind::SocketUnattached
                | DeadKind::ProcessZombie
                | DeadKind::ProcessOrphan
                | DeadKind::FileDeleted => PIDFD_LOOKS,
            };
            let judged = track.mark.kind == DeadKind::PidfdTargetGone || self.waiters.contains(process);
            let original = track.original.and_then(|(key, _)| self.tracks.get(&key));
            track.looks >= needed && judged && original.is_none_or(|original| original.mark != track.mark)
        });
        dead.map(|((process, fd), track)| DeadHandle {
            process: *process,
            fd: Some(*fd),
            kind: track.mark.kind,
            first_ms: track.first_ms.unwrap_or_default(),
            survived: track.looks,
            detail: track.detail.clone(),
        })
        .collect()
    }
}

impl Track {
    fn new(mark: Mark) -> Self {
        let detail = "its process was gone when it was first seen".to_owned();
        Self { mark, looks: 0, first_ms: None, used: false, original: None, detail }
    }

    fn suspect(&mut self, at_ms: u64) {
        let inherited = self.original.and_then(|(_, first_ms)| first_ms);
        self.first_ms.get_or_insert(inherited.unwrap_or(at_ms));
    }

    fn lives(&mut self) {
        self.looks = 0;
        self.first_ms = None;
        self.original = self.original.map(|(key, _)| (key, None));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::handles::Waits;
    use crate::probe::parse::{PidfdInfo, Watched};

    const APP: ProcId = ProcId { pid: 10, start: 100 };
    const CHILD: ProcId = ProcId { pid: 11, start: 200 };

    fn parents() -> Parents {
        HashMap::from([(10, (APP, 1)), (11, (CHILD, 10))])
    }

    fn holder(id: ProcId) -> Handles {
        let ppid = if id == APP { 1 } else { APP.pid };
        Handles { id, ppid, pidfds: Vec::new(), polls: Vec::new(), waits: Waits { on: BTreeSet::new(), sure: true } }
    }

    fn poll(fd: u32, watched: &[u32]) -> Poll {
        let watched = watched.iter().map(|&fd| Watched { fd, data: 0, ino: u64::from(fd), device: 8 }).collect();
        Poll { fd, watched: Some(watched), detail: format!("poll {fd}") }
    }

    fn looks(tracker: &mut Tracker, number: u64, from: u64, seen: &[Handles]) -> Vec<DeadHandle> {
        (from..from + number).map(|n| tracker.take(n * 1000, seen, &parents())).last().unwrap()
    }

    fn fds(dead: &[DeadHandle]) -> Vec<(u32, u32)> {
        dead.iter().map(|handle| (handle.process.pid, handle.fd.unwrap())).collect()
    }

    /// The main loop on fd 3, and another eventpoll on fd 7.
    fn app() -> Handles {
        let mut app = holder(APP);
        app.polls = vec![poll(3, &[4, 5]), poll(7, &[8])];
        app.waits.on.insert(3);
        app
    }

    #[test]
    fn a_pidfd_is_dead_from_the_second_look_on() {
        let mut tracker = Tracker::default();
        let mut app = holder(APP);
        app.pidfds.push(Pidfd { fd: 5, info: PidfdInfo { pid: 77, ino: Some(1) } });
        assert!(looks(&mut tracker, 3, 0, std::slice::from_ref(&app)).is_empty());
        app.pidfds[0].info.pid = -1;
        assert!(looks(&mut tracker, 1, 3, std::slice::from_ref(&app)).is_empty());
        let dead = looks(&mut tracker, 1, 4, std::slice::from_ref(&app));
        assert_eq!(
            dead,
            [DeadHandle {
                process: APP,
                fd: Some(5),
                kind: DeadKind::PidfdTargetGone,
                first_ms: 3000,
                survived: 2,
                detail: "pid 77 gone".to_owned()
            }]
        );
        app.pidfds[0].info = PidfdInfo { pid: -1, ino: Some(2) };
        assert!(looks(&mut tracker, 1, 5, &[app]).is_empty(), "another pidfd with the same number starts anew");
    }

    #[test]
    fn an_eventpoll_on_which_nobody_waits_is_abandoned_after_five_looks() {
        let mut tracker = Tracker::default();
        assert!(looks(&mut tracker, 4, 0, &[app()]).is_empty());
        let dead = looks(&mut tracker, 1, 4, &[app()]);
        assert_eq!(fds(&dead), [(10, 7)]);
        assert_eq!((dead[0].first_ms, dead[0].survived), (0, 5));
        assert_eq!(dead[0].detail, "poll 7");
        assert!(looks(&mut tracker, 1, 5, &[]).is_empty(), "a closed one is forgotten");
    }

    #[test]
    fn a_process_that_never_waits_on_an_eventpoll_cannot_be_judged() {
        let mut tracker = Tracker::default();
        let mut app = app();
        app.waits.on.clear();
        assert!(looks(&mut tracker, 50, 0, &[app]).is_empty());
    }

    #[test]
    fn looks_that_cannot_tell_do_not_count() {
        let mut tracker = Tracker::default();
        let mut unsure = app();
        unsure.waits.sure = false;
        assert!(looks(&mut tracker, 4, 0, &[app()]).is_empty());
        assert!(looks(&mut tracker, 20, 4, &[unsure]).is_empty());
        let dead = looks(&mut tracker, 1, 24, &[app()]);
        assert_eq!((dead[0].survived, dead[0].first_ms), (5, 0));

        let mut tracker = Tracker::default();
        let mut unsure = app();
        unsure.waits.sure = false;
        looks(&mut tracker, 3, 0, &[unsure]);
        let dead = looks(&mut tracker, 5, 3, &[app()]);
        assert_eq!((dead[0].survived, dead[0].first_ms), (5, 0), "it was suspected from the first look on");
    }

    #[test]
    fn a_changed_set_starts_the_count_anew() {
        let mut tracker = Tracker::default();
        looks(&mut tracker, 4, 0, &[app()]);
        let mut changed = app();
        changed.polls[1] = poll(7, &[9]);
        assert!(looks(&mut tracker, 4, 4, &[changed.clone()]).is_empty());
        assert_eq!(looks(&mut tracker, 1, 8, &[changed])[0].first_ms, 4000);
    }

    #[test]
    fn nested_eventpolls_live_and_die_with_the_outer_one() {
        let mut tracker = Tracker::default();
        let mut nested = app();
        nested.polls[0] = poll(3, &[4, 7]);
        nested.polls.push(poll(8, &[9]));
        nested.polls[1] = poll(7, &[8]);
        assert!(looks(&mut tracker, 50, 0, &[nested]).is_empty());

        let mut tracker = Tracker::default();
        let mut outer_dead = app();
        outer_dead.polls.push(poll(20, &[7]));
        assert_eq!(fds(&looks(&mut tracker, 5, 0, &[outer_dead])), [(10, 7), (10, 20)]);
    }

    #[test]
    fn an_eventpoll_that_was_in_use_is_given_more_time() {
        let mut tracker = Tracker::default();
        let mut busy = app();
        busy.waits.on.insert(7);
        looks(&mut tracker, 1, 0, &[busy]);
        assert!(looks(&mut tracker, u64::from(LOOKS_AFTER_USE) - 1, 1, &[app()]).is_empty());
        assert_eq!(fds(&looks(&mut tracker, 1, 50, &[app()])), [(10, 7)]);
    }

    #[test]
    fn an_eventpoll_is_alive_where_a_forked_process_or_a_duplicate_waits_on_it() {
        let mut child = holder(CHILD);
        child.polls = vec![poll(7, &[8])];
        child.waits.on.insert(7);
        assert!(looks(&mut Tracker::default(), 50, 0, &[app(), child.clone()]).is_empty());
        child.polls[0].watched = None;
        assert!(looks(&mut Tracker::default(), 50, 0, &[app(), child.clone()]).is_empty());
        child.polls[0] = poll(7, &[30]);
        assert_eq!(fds(&looks(&mut Tracker::default(), 5, 0, &[app(), child])), [(10, 7)]);

        let mut duplicate = app();
        duplicate.polls[1] = poll(7, &[4, 5]);
        assert!(looks(&mut Tracker::default(), 50, 0, &[duplicate]).is_empty());
    }

    #[test]
    fn a_fork_does_not_double_a_leak_and_a_leftover_copy_keeps_its_age() {
        let mut tracker = Tracker::default();
        assert_eq!(fds(&looks(&mut tracker, 5, 0, &[app()])), [(10, 7)]);
        let mut child = holder(CHILD);
        child.polls = vec![poll(7, &[8]), poll(9, &[])];
        child.waits.on.insert(9);
        assert_eq!(fds(&looks(&mut tracker, 10, 5, &[app(), child.clone()])), [(10, 7)]);
        let mut healed = app();
        healed.polls.pop();
        let dead = looks(&mut tracker, 1, 15, &[healed, child]);
        assert_eq!(fds(&dead), [(11, 7)]);
        assert_eq!(dead[0].first_ms, 0);
    }
}
