//! An **eventpoll** is abandoned when no thread sat in epoll_wait on it in [`LOOKS`] looks. Looks that cannot tell
//! ([`Waits::sure`](crate::probe::handles::Waits)) do not count. It lives as long as an eventpoll that watches it lives. One
//! that was in use before needs [`LOOKS_AFTER_USE`] looks: its thread may be at work for long. A process that was never seen
//! waiting on any eventpoll works in a way that cannot be judged, and none of its eventpolls is reported.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::living::Waited;
use super::track::{Key, Tracks};
use super::{LOOKS, LOOKS_AFTER_USE, Parents};
use crate::model::{DeadKind, ProcId};
use crate::probe::handles::Handles;

#[derive(Debug, Default)]
pub(super) struct Eventpolls {
    // Processes that were seen waiting on an eventpoll.
    waiters: HashSet<ProcId>,
}

impl Eventpolls {
    pub(super) fn look(&mut self, at_ms: u64, seen: &[&Handles], parents: &Parents, tracks: &mut Tracks) {
        self.waiters.retain(|id| parents.get(&id.pid).is_some_and(|(current, _)| current == id));
        self.waiters.extend(seen.iter().filter(|handles| !handles.waits.on.is_empty()).map(|handles| handles.id));
        let waited = Waited::new(seen);
        for handles in seen.iter().filter(|handles| !handles.polls.is_empty()) {
            let living = waited.living(handles);
            for poll in &handles.polls {
                // All eventpolls share one inode: one is told from another by what it watches.
                let mut hasher = DefaultHasher::new();
                poll.watched.hash(&mut hasher);
                let track = tracks.see(Key::of(handles.id, poll.fd, DeadKind::EventpollAbandoned), hasher.finish());
                track.judged = self.waiters.contains(&handles.id);
                track.detail.clone_from(&poll.detail);
                if living.contains(&poll.fd) {
                    // A changed set does not mean another eventpoll: one that was in use stays so until it is closed.
                    track.used = true;
                    track.lives();
                } else if handles.waits.sure {
                    track.dead(at_ms);
                } else {
                    track.doubt(at_ms);
                }
                track.needed = if track.used { LOOKS_AFTER_USE } else { LOOKS };
            }
        }
    }
}
