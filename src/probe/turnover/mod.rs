//! Which handles came, went and stayed from look to look. Pure, but for the kernel's version.

use std::collections::{BTreeMap, HashMap};

use super::read::Seen;
use super::scan::Entry;
use crate::model::{FdClass, FdKind, ProcId, ProcState, Role, Turnover};

/// Remembers the handles of every process of the application: 24 bytes for each that is open.
#[derive(Debug)]
pub struct Ledger {
    processes: HashMap<ProcId, Process>,
    // Room of the process that was merged before.
    spare: Vec<Handle>,
    looks: u64,
    // True where each process has an inode of its own in pidfs, so that `ino` of fdinfo tells pidfds apart.
    pidfs: bool,
}

#[derive(Debug, Default)]
struct Process {
    // By number.
    handles: Vec<Handle>,
    // The look in which it was last there.
    look: u64,
}

#[derive(Debug, Clone, Copy)]
struct Handle {
    fd: u32,
    // The snapshot in which it was first seen.
    born: u32,
    // What it refers to, as in `Entry`.
    ident: u64,
    class: FdClass,
    // False where it is known by its number alone.
    sure: bool,
}

/// A handle that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Who holds it.
    pub process: ProcId,
    /// Its number.
    pub fd: u32,
    /// Its class.
    pub class: FdClass,
    /// The look in which it was first seen.
    pub born: u32,
    /// False where it is known by its number alone.
    pub sure: bool,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new(has_pidfs(&rustix::system::uname().release().to_string_lossy()))
    }
}

impl Ledger {
    fn new(pidfs: bool) -> Self {
        Self { processes: HashMap::new(), spare: Vec::new(), looks: 0, pidfs }
    }

    /// Every handle of the last look.
    pub fn standing(&self) -> impl Iterator<Item = Standing> {
        self.processes.iter().flat_map(|(id, process)| {
            process.handles.iter().map(|handle| Standing {
                process: *id,
                fd: handle.fd,
                class: handle.class,
                born: handle.born,
                sure: handle.sure,
            })
        })
    }

    /// Takes in look number `seq`. A process whose descriptors could not be read keeps those it had: a gap is no death. A look
    /// that saw no process at all tells nothing.
    ///
    /// All handles of the first look are born in it, and so are those of a process that is seen for the first time. A handle
    /// that is renamed (a log that is rotated, a file that is deleted) dies and is born again under its new name.
    pub fn observe(&mut self, seq: u32, seen: &[Seen]) -> BTreeMap<FdClass, Turnover> {
        if seen.is_empty() {
            return BTreeMap::new();
        }
        self.looks += 1;
        let mut tally = Tally::default();
        for one in seen.iter().filter(|one| one.sample.role == Role::App) {
            let process = self.processes.entry(one.sample.id).or_default();
            process.look = self.looks;
            let zombie = one.sample.state == ProcState::Zombie;
            let held: &[Entry] = match &one.held {
                Some(held) => held,
                None if zombie => &[],
                None => continue,
            };
            let mut pidfds = Pidfds::of(one, self.pidfs);
            let now = held.iter().map(|entry| pidfds.handle(entry, seq));
            self.spare.clear();
            merge(&process.handles, now, &mut self.spare, &mut tally);
            std::mem::swap(&mut process.handles, &mut self.spare);
        }
        let look = self.looks;
        self.processes.retain(|_, process| {
            let there = process.look == look;
            if !there {
                process.handles.iter().for_each(|handle| tally.died(handle));
            }
            there
        });
        tally.told()
    }
}

/// Both are in the order of numbers.
fn merge(before: &[Handle], now: impl Iterator<Item = Handle>, kept: &mut Vec<Handle>, tally: &mut Tally) {
    let mut before = before.iter().peekable();
    for mut handle in now {
        while let Some(gone) = before.next_if(|old| old.fd < handle.fd) {
            tally.died(gone);
        }
        match before.next_if(|old| old.fd == handle.fd) {
            Some(old) if old.is(&handle) => {
                handle.born = old.born;
                if !handle.sure {
                    // Its inode could not be read this time, or never could.
                    (handle.ident, handle.sure) = (old.ident, old.sure);
                    tally.survived(&handle, true);
                } else {
                    tally.survived(&handle, !old.sure);
                }
            }
            Some(old) => {
                tally.died(old);
                tally.born(&handle);
            }
            None => tally.born(&handle),
        }
        kept.push(handle);
    }
    before.for_each(|gone| tally.died(gone));
}

impl Handle {
    fn is(&self, other: &Self) -> bool {
        // The name of all pidfds is the same; only an inode says more.
        let unread = self.class == FdClass::Pidfd && !(self.sure && other.sure);
        self.class == other.class && (self.ident == other.ident || unread)
    }
}

/// The inodes of pidfds: their links all read `anon_inode:[pidfd]`.
struct Pidfds<'a> {
    read: std::iter::Peekable<std::slice::Iter<'a, super::handles::Pidfd>>,
}

impl<'a> Pidfds<'a> {
    fn of(one: &'a Seen, pidfs: bool) -> Self {
        let read = one.handles.as_ref().filter(|_| pidfs).map_or(&[][..], |handles| &handles.pidfds);
        Self { read: read.iter().peekable() }
    }

    /// Asked in the order of numbers.
    fn handle(&mut self, entry: &Entry, seq: u32) -> Handle {
        let Entry { fd, class, .. } = *entry;
        let handle = Handle { fd, born: seq, ident: entry.ident, class, sure: is_sure(entry) };
        if class != FdClass::Pidfd || handle.sure {
            return handle;
        }
        while self.read.next_if(|pidfd| pidfd.fd < fd).is_some() {}
        match self.read.next_if(|pidfd| pidfd.fd == fd).and_then(|pidfd| pidfd.info.ino) {
            Some(ident) => Handle { ident, sure: true, ..handle },
            None => handle,
        }
    }
}

/// False where many handles bear the name: all eventpolls share one inode, all masters of pseudo terminals one path, and memory
/// files are named as one likes.
fn is_sure(entry: &Entry) -> bool {
    match entry.class {
        FdClass::Socket | FdClass::Pipe | FdClass::Pidfd => entry.by_inode(),
        FdClass::Pty => entry.kind != Some(FdKind::PtyMaster),
        FdClass::Eventpoll
        | FdClass::Eventfd
        | FdClass::Timerfd
        | FdClass::Signalfd
        | FdClass::Inotify
        | FdClass::Fanotify
        | FdClass::IoUring
        | FdClass::Userfaultfd
        | FdClass::Bpf
        | FdClass::PerfEvent
        | FdClass::AnonOther
        | FdClass::Memfd
        | FdClass::Unknown => false,
        FdClass::Fifo
        | FdClass::Tty
        | FdClass::SqliteDb
        | FdClass::SqliteWal
        | FdClass::SqliteShm
        | FdClass::SqliteJournal
        | FdClass::Log
        | FdClass::Deleted
        | FdClass::Directory
        | FdClass::Device
        | FdClass::File => true,
    }
}

/// True from Linux 6.9 on, see `fs/pidfs.c`.
fn has_pidfs(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (6, 9)
}

/// What is told of each class.
#[derive(Default)]
struct Tally {
    classes: [Count; FdClass::ALL.len()],
    died: BTreeMap<(FdClass, u32), u64>,
}

#[derive(Default, Clone, Copy)]
struct Count {
    born: u64,
    survived: u64,
    unsure: u64,
}

impl Tally {
    fn count(&mut self, class: FdClass, add: impl FnOnce(&mut Count)) {
        if let Some(count) = self.classes.get_mut(class as usize) {
            add(count);
        }
    }

    fn born(&mut self, handle: &Handle) {
        self.count(handle.class, |count| count.born += 1);
    }

    fn survived(&mut self, handle: &Handle, unsure: bool) {
        self.count(handle.class, |count| {
            count.survived += 1;
            count.unsure += u64::from(unsure);
        });
    }

    fn died(&mut self, handle: &Handle) {
        *self.died.entry((handle.class, handle.born)).or_default() += 1;
    }

    /// Classes of which nothing was open in either look are left out.
    fn told(self) -> BTreeMap<FdClass, Turnover> {
        let counts = FdClass::ALL.iter().copied().zip(self.classes);
        let mut told: BTreeMap<FdClass, Turnover> = counts
            .filter(|(_, count)| count.born + count.survived > 0)
            .map(|(class, Count { born, survived, unsure })| {
                (class, Turnover { born, died: BTreeMap::new(), survived, unsure })
            })
            .collect();
        for ((class, born), count) in self.died {
            told.entry(class).or_default().died.insert(born, count);
        }
        told
    }
}

#[cfg(test)]
mod tests;
