//! The network namespaces in which the target lives, and a netlink socket kept inside each. Such a socket keeps its namespace
//! alive: it is let go as soon as no process of the target is seen there.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::diag::Diag;
use super::table::SocketTable;
use crate::model::{Gap, GapReason, ProcId, Reading};
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

/// What is kept of a namespace from look to look.
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

    /// A process holds a socket that nobody can tell: it may have gone to another namespace, and is asked anew.
    pub(super) fn doubt(&mut self, id: ProcId) {
        self.of.remove(&id);
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

/// Opens a netlink socket in a namespace, in a thread that ends at once: one that went back might fail to.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{Proc, Tree};

    #[test]
    fn a_process_whose_main_thread_has_ended_lives_on_in_the_namespace_of_another() {
        let tree = Tree::new();
        tree.add(&Proc::new(100).thread(100, "").thread(105, "").netns(77));
        assert_eq!(which(&tree.root(), 100), (Which::Inode(77), String::new()));
        std::fs::create_dir(tree.path().join("100/task/105/ns")).unwrap();
        std::fs::rename(tree.path().join("100/ns/net"), tree.path().join("100/task/105/ns/net")).unwrap();
        assert_eq!(which(&tree.root(), 100), (Which::Inode(77), "task/105/".to_owned()));
        std::fs::remove_dir_all(tree.path().join("100/task")).unwrap();
        assert_eq!(which(&tree.root(), 100), (Which::Recorded, String::new()));
    }

    #[test]
    fn lets_go_of_a_namespace_in_which_nobody_is_seen_any_more() {
        let (mut spaces, mut table) = (Spaces::default(), SocketTable::default());
        let mut of = |seen: &[Seen]| {
            let found = spaces.of(&ProcRoot::system(), seen, &mut Vec::new(), &mut table);
            (found.len(), spaces.open.values().filter(|open| open.diag.is_some()).count())
        };
        let seen = [crate::probe::sockets::live::holder(std::process::id(), [])];
        assert_eq!((of(&seen), of(&[])), ((1, 1), (0, 0)));
    }

    #[test]
    fn takes_only_the_kernels_form_for_a_namespace() {
        assert_eq!(inode(b"net:[4026531840]"), Some(4_026_531_840));
        for link in [&b"mnt:[4026531840]"[..], b"net:[]", b"net:[12", b"/net:[12]"] {
            assert_eq!(inode(link), None);
        }
    }

    #[test]
    fn a_way_that_leads_elsewhere_by_now_is_not_taken() {
        let way = || ProcRoot::system().open(std::process::id()).unwrap().file("ns/net").unwrap();
        assert_eq!(open_in(way(), 1).err(), Some(Errno::NOENT));
        if rustix::process::geteuid().is_root() {
            assert!(own().is_some_and(|own| open_in(way(), own).is_ok()));
        }
    }
}
