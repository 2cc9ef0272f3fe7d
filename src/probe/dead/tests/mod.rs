//! Looks made by hand: every kind with a healthy twin.

mod grace;
mod loops;
mod peers;
mod shares;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use rustix::io::Errno;

use super::*;
use crate::model::{FdClass, FdKind, ProcessFacts, ProcessSample, Reading, Role};
use crate::probe::ends::{End, PipeEnd};
use crate::probe::handles::{Pidfd, Waits};
use crate::probe::parse::PidfdInfo;
use crate::probe::scan::Entry;

const APP: ProcId = ProcId { pid: 10, start: 100 };
const CHILD: ProcId = ProcId { pid: 11, start: 200 };

/// A process of the application that holds nothing; the child is that of the other.
pub(super) fn process(id: ProcId) -> Seen {
    let ppid = if id == CHILD { APP.pid } else { 1 };
    let waits = Waits { on: BTreeSet::new(), sure: true };
    Seen {
        sample: ProcessSample {
            id,
            ppid,
            ns_pid: None,
            role: Role::App,
            state: ProcState::Sleeping,
            comm: "app".to_owned(),
            cmdline: format!("app --number {}", id.pid),
            threads: Reading::Value(1),
            rss: Reading::Value(0),
            anon: Reading::Value(0),
            nofile: Reading::Value(None),
            fds: Reading::Gone,
            facts: ProcessFacts::default(),
        },
        held: Some(Vec::new()),
        handles: Some(Handles { waits, ..Handles::none(id, ppid) }),
        gaps: Vec::new(),
    }
}

/// Its pidfds, eventpolls, pipes and terminals.
pub(super) fn own(seen: &mut Seen) -> &mut Handles {
    seen.handles.as_mut().unwrap()
}

fn with_pidfd(mut seen: Seen, fd: u32, pid: i64, ino: u64) -> Seen {
    own(&mut seen).pidfds.push(Pidfd { fd, info: PidfdInfo { pid, ino: Some(ino) } });
    seen
}

fn with_pipe(mut seen: Seen, fd: u32, ino: u64, end: End) -> Seen {
    own(&mut seen).pipes.push(PipeEnd { fd, ino, end });
    seen
}

fn with_entry(mut seen: Seen, fd: u32, class: FdClass, ident: u64) -> Seen {
    seen.held.as_mut().unwrap().push(Entry { fd, class, kind: None, ident });
    seen
}

/// A process and a descriptor's number.
type At = (u32, u32);

/// A kernel made by hand.
#[derive(Default)]
struct Fake {
    /// What is answered about a descriptor. What is not here is alive.
    answers: BTreeMap<At, Result<bool, Errno>>,
    /// Which open file a descriptor is; `None` as a whole: the kernel has no kcmp.
    files: Option<BTreeMap<At, u32>>,
    asked: Vec<At>,
    compared: u64,
}

impl Fake {
    fn says(answers: &[(At, Result<bool, Errno>)]) -> Self {
        Self { answers: answers.iter().copied().collect(), ..Self::default() }
    }
}

impl Kernel for Fake {
    fn answers(&self) -> bool {
        true
    }

    fn is_dead(&mut self, pid: u32, fd: u32, _kind: DeadKind, _ino: u64) -> Result<bool, Errno> {
        self.asked.push((pid, fd));
        self.answers.get(&(pid, fd)).copied().unwrap_or(Ok(false))
    }

    fn compare(&mut self, a: (u32, u32), b: (u32, u32)) -> Option<Ordering> {
        self.compared += 1;
        let files = self.files.as_ref()?;
        Some(files.get(&a)?.cmp(files.get(&b)?))
    }
}

/// A tracker with what surrounds it.
#[derive(Default)]
struct Night {
    tracker: Tracker,
    sockets: SocketTable,
    kernel: Fake,
    now_s: u64,
}

impl Night {
    fn with(kernel: Fake) -> Self {
        Self { kernel, ..Self::default() }
    }

    /// One look, a second after the one before.
    fn look(&mut self, seen: &[Seen]) -> Found {
        let root = ProcRoot::at("/nowhere");
        let look = Look { at_ms: self.now_s * 1000, root: &root, seen, sockets: &self.sockets };
        self.now_s += 1;
        self.tracker.take_in(&look, &mut self.kernel)
    }

    /// So many looks at the same; what the last one found.
    fn looks(&mut self, number: u32, seen: &[Seen]) -> Vec<DeadHandle> {
        (0..number).map(|_| self.look(seen)).last().unwrap().handles
    }
}

fn fds(dead: &[DeadHandle]) -> Vec<(u32, u32)> {
    dead.iter().map(|handle| (handle.process.pid, handle.fd.unwrap())).collect()
}

#[test]
fn a_pidfd_is_dead_from_the_second_look_on_and_names_whom_it_pointed_at() {
    let mut night = Night::default();
    let mut worker = process(CHILD);
    worker.sample.cmdline = "python worker.py".to_owned();
    let alive = with_pidfd(process(APP), 5, 11, 1);
    assert!(night.looks(2, &[alive, worker]).is_empty());
    // The worker became a zombie: it has no command line any more.
    let mut zombie = process(CHILD);
    zombie.sample.state = ProcState::Zombie;
    zombie.sample.cmdline.clear();
    (zombie.held, zombie.handles) = (None, None);
    assert!(night.looks(1, &[with_pidfd(process(APP), 5, 11, 1), zombie]).is_empty());
    let gone = [with_pidfd(process(APP), 5, -1, 1)];
    assert!(night.looks(1, &gone).is_empty());
    assert_eq!(
        night.looks(1, &gone),
        [DeadHandle {
            process: APP,
            fd: Some(5),
            kind: DeadKind::PidfdTargetGone,
            first_ms: 3000,
            survived: 2,
            detail: "pid 11 (python worker.py) gone".to_owned()
        }]
    );
    let other = [with_pidfd(process(APP), 5, -1, 2)];
    assert!(night.looks(1, &other).is_empty(), "another pidfd with the same number starts anew");
    assert_eq!(night.looks(1, &other)[0].detail, "its process was gone when it was first seen");
}

#[test]
fn a_process_that_could_not_be_read_keeps_the_age_of_its_handles() {
    let mut night = Night::default();
    let gone = [with_pidfd(process(APP), 5, -1, 1)];
    night.looks(3, &gone);
    let mut unread = process(APP);
    (unread.held, unread.handles) = (None, None);
    assert!(night.looks(1, &[unread]).is_empty(), "what was not read is not said");
    assert!(night.looks(1, &[]).is_empty(), "a look that saw nothing tells nothing");
    let dead = night.looks(1, &gone);
    assert_eq!((dead[0].first_ms, dead[0].survived), (0, 4));
    assert!(night.looks(1, &[process(APP)]).is_empty());
    assert!(night.looks(1, &gone).is_empty(), "one that was closed is forgotten");
}

#[test]
fn another_process_with_the_same_pid_starts_anew() {
    let mut night = Night::default();
    night.looks(3, &[with_pidfd(process(APP), 5, -1, 1)]);
    let other = ProcId { pid: APP.pid, start: 999 };
    assert!(night.looks(1, &[with_pidfd(process(other), 5, -1, 1)]).is_empty());
}

#[test]
fn the_oldest_of_each_kind_are_listed_and_the_rest_is_counted() {
    let mut night = Night::default();
    let many = |last: u32| (3..=last).fold(process(APP), |seen, fd| with_pidfd(seen, fd, -1, u64::from(fd)));
    let full = u32::try_from(Snapshot::MAX_DEAD).unwrap();
    night.looks(2, &[many(2 + full)]);
    night.looks(1, &[many(12 + full)]);
    let found = night.look(&[many(12 + full)]);
    assert_eq!(found.handles.len(), Snapshot::MAX_DEAD);
    assert_eq!(found.rest, BTreeMap::from([(DeadKind::PidfdTargetGone, 10)]));
    assert!(found.handles.iter().all(|handle| handle.first_ms == 0));
}
