//! Which eventpolls are alive in one look. Pure.

use std::collections::{BTreeSet, HashMap};

use crate::model::ProcId;
use crate::probe::handles::{Handles, Poll};
use crate::probe::parse::Watched;

/// On which numbers threads wait, over all processes, and what those eventpolls watch.
#[derive(Debug)]
pub(crate) struct Waited<'a> {
    by_fd: HashMap<u32, Vec<Elsewhere<'a>>>,
}

/// Who waits, and what the eventpoll watches, where that was read.
type Elsewhere<'a> = (ProcId, Option<&'a [Watched]>);

impl<'a> Waited<'a> {
    pub(crate) fn new(seen: &[&'a Handles]) -> Self {
        let mut by_fd: HashMap<u32, Vec<Elsewhere<'_>>> = HashMap::new();
        for handles in seen {
            for fd in &handles.waits.on {
                let poll = handles.polls.iter().find(|poll| poll.fd == *fd);
                by_fd.entry(*fd).or_default().push((handles.id, poll.and_then(|poll| poll.watched.as_deref())));
            }
        }
        Self { by_fd }
    }

    /// The eventpolls of a process that are alive: a thread waits on them, on a copy of them, or on another eventpoll
    /// that watches them.
    pub(crate) fn living(&self, handles: &Handles) -> BTreeSet<u32> {
        // Duplicates of a descriptor watch the same. So may two eventpolls of their own: then the doubt is in favour.
        let twins: Vec<&[Watched]> = handles
            .polls
            .iter()
            .filter(|poll| handles.waits.on.contains(&poll.fd))
            .filter_map(|poll| poll.watched.as_deref().filter(|watched| !watched.is_empty()))
            .collect();
        let mut living: BTreeSet<u32> = handles
            .polls
            .iter()
            .filter(|poll| {
                let own = handles.waits.on.contains(&poll.fd);
                let twin = poll.watched.as_deref().is_some_and(|watched| twins.contains(&watched));
                own || twin || self.shared(handles.id, poll)
            })
            .map(|poll| poll.fd)
            .collect();
        // An eventpoll that is watched by a living one is alive, and so on inwards.
        let mut open: Vec<u32> = living.iter().copied().collect();
        while let Some(outer) = open.pop() {
            let poll = handles.polls.iter().find(|poll| poll.fd == outer);
            for watched in poll.and_then(|poll| poll.watched.as_deref()).unwrap_or_default() {
                let nested = handles.polls.iter().any(|poll| poll.fd == watched.fd);
                if nested && living.insert(watched.fd) {
                    open.push(watched.fd);
                }
            }
        }
        living
    }

    /// True where another process waits on the same number, and nothing speaks against its being the same eventpoll, left
    /// over from a fork.
    fn shared(&self, process: ProcId, poll: &Poll) -> bool {
        let waited = self.by_fd.get(&poll.fd).map(Vec::as_slice).unwrap_or_default();
        waited.iter().any(|(other, watched)| {
            *other != process && watched.is_none_or(|watched| poll.watched.as_deref().is_none_or(|own| own == watched))
        })
    }
}
