//! The network namespaces in which the target lives, and a netlink socket kept inside each. Such a socket keeps its namespace
//! alive: it is let go as soon as no process of the target is seen there.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::diag::Diag;
use super::table::SocketTable;
use crate::model::Reading;
use crate::model::{Gap, GapReason, ProcId};
use crate::probe::read::Seen;
use crate::probe::root::refused;
use crate::probe::{ProcDir, ProcRoot};

/// How many namespaces are looked into.
pub(super) const MOST: usize = 8;

/// Processes through which the tables of one namespace are tried to be read as text.
const TRIES: usize = 3;

/// Which namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Which {
    /// The inode of the link `ns/net`.
    Inode(u64),
    /// That of this process, whose link tells nothing. Its own, as far as is known.
    Of(u32),
    /// That of all processes of a recorded tree whose links tell nothing.
    Recorded,
}

/// A process that lives in a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) pid: u32,
    /// Where in its folder to read: empty, or `task/78/` where its main thread has ended.
    pub(super) base: String,
}

/// A namespace of this look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Space {
    which: Which,
    pid: u32,
}

impl Space {
    /// A table that could not be read.
    pub(super) fn gap(&self, table: &str, reason: GapReason) -> Gap {
        Gap { what: format!("{table} sockets in the network of {}", self.pid), reason, count: 1 }
    }
}

#[derive(Debug)]
struct Open {
    diag: Option<Diag>,
    // The way in was refused for good, or there is none.
    closed: bool,
    members: Vec<Member>,
}

/// The namespaces, from look to look.
#[derive(Debug, Default)]
pub(super) struct Spaces {
    open: HashMap<Which, Open>,
    of: HashMap<ProcId, (Which, String)>,
}

impl Spaces {
    /// The namespaces in which the processes live whose descriptors were read. A gap for those that are too many: then the
    /// table is not complete.
    pub(super) fn of(
        &mut self,
        root: &ProcRoot,
        seen: &[Seen],
        gaps: &mut Vec<Gap>,
        table: &mut SocketTable,
    ) -> Vec<Space> {
        let mut members: BTreeMap<Which, Vec<Member>> = BTreeMap::new();
        let mut known = HashMap::with_capacity(seen.len());
        let mut spaces: Vec<Space> = Vec::new();
        for one in seen.iter().filter(|one| one.held.is_some()) {
            let id = one.sample.id;
            let (which, base) = self.of.remove(&id).unwrap_or_else(|| which(root, id.pid));
            let those = members.entry(which).or_default();
            if those.is_empty() {
                spaces.push(Space { which, pid: id.pid });
            }
            if those.len() < TRIES {
                those.push(Member { pid: id.pid, base: base.clone() });
            }
            // One that told nothing may tell more the next time.
            if matches!(which, Which::Inode(_)) {
                known.insert(id, (which, base));
            }
        }
        self.of = known;
        if let Some(more) = spaces.len().checked_sub(MOST).filter(|more| *more > 0) {
            table.complete = false;
            let what = "sockets in further network namespaces".to_owned();
            gaps.push(Gap { what, reason: GapReason::Late, count: u64::try_from(more).unwrap_or(u64::MAX) });
            spaces.truncate(MOST);
        }
        self.open.retain(|which, _| spaces.iter().any(|space| space.which == *which));
        for space in &spaces {
            let members = members.remove(&space.which).unwrap_or_default();
            let open = self.open.entry(space.which).or_insert(Open { diag: None, closed: false, members: Vec::new() });
            open.members = members;
            open.enter(root, space.which);
        }
        spaces
    }

    /// The netlink socket inside, if there is one. Whoever finds it out of step takes it out.
    pub(super) fn diag(&mut self, space: &Space) -> &mut Option<Diag> {
        let closed = || Open { diag: None, closed: true, members: Vec::new() };
        &mut self.open.entry(space.which).or_insert_with(closed).diag
    }

    /// Processes that live there.
    pub(super) fn members(&self, space: &Space) -> &[Member] {
        self.open.get(&space.which).map_or(&[], |open| &open.members)
    }
}

impl Open {
    /// Opens the netlink socket inside, where there is none yet.
    fn enter(&mut self, root: &ProcRoot, which: Which) {
        let Which::Inode(inode) = which else { return };
        if !root.is_system() || self.closed || self.diag.is_some() {
            return;
        }
        let opened = if own() == Some(inode) { Diag::open() } else { self.inside(root, inode) };
        match opened {
            Ok(diag) => self.diag = Some(diag),
            // The process has ended, or slowdrip has no descriptor or memory left: it may do better the next time.
            Err(Errno::NOENT | Errno::SRCH | Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN) => {}
            Err(_) => self.closed = true,
        }
    }

    fn inside(&self, root: &ProcRoot, inode: u64) -> Result<Diag, Errno> {
        let mut answer = Err(Errno::NOENT);
        for member in &self.members {
            let way = root.open(member.pid).and_then(|dir| dir.file(&format!("{}ns/net", member.base)));
            answer = way.and_then(|way| open_in(way, inode));
            if answer.is_ok() {
                break;
            }
        }
        answer
    }
}

/// Opens a netlink socket in a namespace, in a thread that ends at once: a thread that came back could fail to.
fn open_in(way: OwnedFd, inode: u64) -> Result<Diag, Errno> {
    // The process may have gone elsewhere since its link was read.
    if rustix::fs::fstat(&way)?.st_ino != inode {
        return Err(Errno::NOENT);
    }
    let thread = std::thread::Builder::new().name("netns".to_owned()).spawn(move || {
        move_into_link_name_space(way.as_fd(), Some(LinkNameSpaceType::Network))?;
        Diag::open()
    });
    let thread = thread.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::AGAIN))?;
    thread.join().unwrap_or(Err(Errno::IO))
}

/// The namespace of this very thread.
fn own() -> Option<u64> {
    let link = rustix::fs::readlink("/proc/thread-self/ns/net", Vec::new()).ok()?;
    inode(link.as_bytes())
}

/// The namespace of a process, and where in its folder that can be read.
fn which(root: &ProcRoot, pid: u32) -> (Which, String) {
    let told = root.open(pid).ok().and_then(|dir| link(&dir));
    let untold = if root.is_system() { Which::Of(pid) } else { Which::Recorded };
    told.map_or_else(|| (untold, String::new()), |(inode, base)| (Which::Inode(inode), base))
}

/// A process whose main thread has ended has left its namespaces; its other threads have not.
fn link(dir: &ProcDir) -> Option<(u64, String)> {
    let of = |base: &str| dir.link(&format!("{base}ns/net"));
    match of("") {
        Ok(link) => Some((inode(&link)?, String::new())),
        Err(errno) if refused::<()>(errno) == Reading::Gone => {
            let threads = dir.numbers("task").unwrap_or_default();
            let mut bases = threads.into_iter().map(|tid| format!("task/{tid}/"));
            bases.find_map(|base| Some((inode(&of(&base).ok()?)?, base)))
        }
        Err(_) => None,
    }
}

/// The number in `net:[4026531840]`.
fn inode(link: &[u8]) -> Option<u64> {
    std::str::from_utf8(link.strip_prefix(b"net:[")?.strip_suffix(b"]")?).ok()?.parse().ok()
}
