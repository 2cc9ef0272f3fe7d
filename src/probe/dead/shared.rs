//! One open file that several descriptors share, by fork, by dup or by a message, is one handle: it is reported once.
//!
//! Pipes and sockets are known by their inode. Of the others, those that look the same are compared by kcmp(2), which puts
//! them in an order: a new one finds its place among the known by halving. Where the kernel does not tell, a descriptor with
//! the same number and the same contents as an ancestor's is taken for inherited.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::Parents;
use super::kernel::Kernel;
use super::track::{Key, Tracks};
use crate::model::{DeadKind, ProcId};

/// How many generations up an inherited handle is looked for. A bound, because a recorded tree may be forged.
const DEEPEST: usize = 64;

/// A descriptor; in this order parents stand before their children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Holder {
    start: u64,
    pid: u32,
    fd: u32,
}

/// The descriptors of one open file. Never empty.
type Holders = BTreeSet<Holder>;

type Look = (DeadKind, u64);

#[derive(Debug, Default)]
pub(super) struct Shared {
    groups: HashMap<Look, Group>,
}

impl Shared {
    /// The descriptors that are not to be reported: copies of others, and those of an open file that is alive in another
    /// hand. All who share an open file get the age of the oldest, so that a copy that is left over keeps it.
    pub(super) fn copies(&mut self, tracks: &mut Tracks, parents: &Parents, kernel: &mut dyn Kernel) -> HashSet<Key> {
        let mut alike: HashMap<Look, Vec<Holder>> = HashMap::new();
        for (key, track) in tracks.iter() {
            // An eventpoll that is alive here is alive wherever it is shared.
            if track.first_ms.is_some() || key.kind == DeadKind::EventpollAbandoned {
                let holder = key.fd.map(|fd| Holder { start: key.process.start, pid: key.process.pid, fd });
                alike.entry((key.kind, track.mark)).or_default().extend(holder);
            }
        }
        alike.retain(|_, holders| holders.len() > 1);
        self.groups.retain(|look, _| alike.contains_key(look));
        let mut copies = HashSet::new();
        // In order, so that what a bound cuts off is the same every time.
        let mut alike: Vec<(Look, Vec<Holder>)> = alike.into_iter().collect();
        alike.sort_unstable();
        for (look, mut holders) in alike {
            holders.sort_unstable();
            let files = if is_known_by_inode(look.0) {
                vec![holders]
            } else {
                self.groups.entry(look).or_default().divide(&holders, parents, kernel)
            };
            files.iter().filter(|file| file.len() > 1).for_each(|file| share(look.0, file, tracks, &mut copies));
        }
        copies
    }
}

fn share(kind: DeadKind, file: &[Holder], tracks: &mut Tracks, copies: &mut HashSet<Key>) {
    let key = |holder: &Holder| Key::of(ProcId { pid: holder.pid, start: holder.start }, holder.fd, kind);
    let mut first_ms: Option<u64> = None;
    let mut alive = false;
    for holder in file {
        let since = tracks.get_mut(&key(holder)).and_then(|track| track.first_ms);
        alive |= since.is_none();
        first_ms = first_ms.into_iter().chain(since).min();
    }
    for (n, holder) in file.iter().enumerate() {
        if let Some(track) = tracks.get_mut(&key(holder))
            && track.first_ms.is_some()
        {
            track.first_ms = first_ms;
        }
        if n > 0 || alive {
            copies.insert(key(holder));
        }
    }
}

/// What two descriptors have in common that share the inode, is the same whether they share the open file or not.
fn is_known_by_inode(kind: DeadKind) -> bool {
    match kind {
        DeadKind::PipeNoReader
        | DeadKind::PipeNoWriter
        | DeadKind::SocketPeerGone
        | DeadKind::TcpCloseWait
        | DeadKind::SocketUnattached => true,
        DeadKind::PidfdTargetGone
        | DeadKind::EventpollAbandoned
        | DeadKind::PtySlaveGone
        | DeadKind::ProcessZombie
        | DeadKind::ProcessOrphan
        | DeadKind::FileDeleted => false,
    }
}

/// Descriptors that look the same, as open files in the order of the kernel. The order lasts as long as a file is open.
#[derive(Debug, Default)]
struct Group {
    files: Vec<Holders>,
}

impl Group {
    /// The open files, each with its descriptors in order.
    fn divide(&mut self, holders: &[Holder], parents: &Parents, kernel: &mut dyn Kernel) -> Vec<Vec<Holder>> {
        self.forget(holders, kernel);
        let known: HashSet<Holder> = self.files.iter().flatten().copied().collect();
        let loose: Vec<Holder> =
            holders.iter().filter(|new| !known.contains(new) && !self.place(**new, kernel)).copied().collect();
        let mut files: Vec<Vec<Holder>> = self.files.iter().map(|file| file.iter().copied().collect()).collect();
        let mut home: HashMap<Holder, usize> = HashMap::new();
        if !loose.is_empty() {
            home.extend(files.iter().enumerate().flat_map(|(n, file)| file.iter().map(move |holder| (*holder, n))));
        }
        for holder in loose {
            let ancestor = ancestors(holder, parents).find_map(|ancestor| home.get(&ancestor).copied());
            let at = ancestor.unwrap_or(files.len());
            match files.get_mut(at) {
                Some(file) => file.push(holder),
                None => files.push(vec![holder]),
            }
            home.insert(holder, at);
        }
        files.iter_mut().for_each(|file| file.sort_unstable());
        files
    }

    /// Drops those that were closed, and those that got another file under the same number.
    fn forget(&mut self, holders: &[Holder], kernel: &mut dyn Kernel) {
        for file in &mut self.files {
            file.retain(|holder| holders.binary_search(holder).is_ok());
            if let Some(first) = file.first().copied() {
                file.retain(|holder| *holder == first || compare(kernel, *holder, first).is_none_or(Ordering::is_eq));
            }
        }
        self.files.retain(|file| !file.is_empty());
    }

    /// Finds the place of a new one; false where the kernel does not tell.
    fn place(&mut self, new: Holder, kernel: &mut dyn Kernel) -> bool {
        let (mut low, mut high) = (0, self.files.len());
        while low < high {
            let middle = low.midpoint(high);
            let Some((file, other)) =
                self.files.get_mut(middle).and_then(|file| file.first().copied().map(|first| (file, first)))
            else {
                return false;
            };
            match compare(kernel, new, other) {
                Some(Ordering::Equal) => {
                    file.insert(new);
                    return true;
                }
                Some(Ordering::Less) => high = middle,
                Some(Ordering::Greater) => low = middle + 1,
                None => return false,
            }
        }
        self.files.insert(low, Holders::from([new]));
        true
    }
}

fn compare(kernel: &mut dyn Kernel, a: Holder, b: Holder) -> Option<Ordering> {
    kernel.compare((a.pid, a.fd), (b.pid, b.fd))
}

/// The same number in the parent, its parent, and so on.
fn ancestors(holder: Holder, parents: &Parents) -> impl Iterator<Item = Holder> + '_ {
    let above = |(id, ppid): &(ProcId, u32)| parents.get(ppid).filter(|(parent, _)| parent != id);
    let own = parents.get(&holder.pid);
    std::iter::successors(own, move |row| above(row)).skip(1).take(DEEPEST).map(move |(id, _)| Holder {
        start: id.start,
        pid: id.pid,
        fd: holder.fd,
    })
}
