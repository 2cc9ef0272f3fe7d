//! The handles that stay: which those are that were opened under the eyes of the probe and never closed, and what they point at.

use std::collections::BTreeMap;

use super::classify::readable;
use super::parse;
use super::read::Seen;
use super::root::{ProcDir, ProcRoot};
use super::sockets::SocketTable;
use super::turnover::{Ledger, Standing};
use crate::model::text::shorten;
use crate::model::{FdClass, FdKind, HeldHandle, ProcId, Snapshot};

/// How long the words on one handle may be.
const WORDS: usize = 160;
/// The most that is read of one fdinfo; what an eventpoll watches beyond it is not named.
const FDINFO_CAP: u64 = 64 * 1024;
/// How many of the descriptors that an eventpoll watches are named.
const WATCHED: usize = 3;

/// The oldest handles of each class that are open and were not at the first look, at most [`Snapshot::MAX_HELD`] of a class.
/// Their links are read once more: one that was closed since is left out.
pub(super) fn oldest(ledger: &Ledger, root: &ProcRoot, seen: &[Seen], sockets: &SocketTable) -> Vec<HeldHandle> {
    let mut by_class: BTreeMap<FdClass, Vec<Standing>> = BTreeMap::new();
    for handle in ledger.standing().filter(|handle| handle.born > 0) {
        by_class.entry(handle.class).or_default().push(handle);
    }
    let mut chosen: Vec<Standing> = Vec::new();
    for handles in by_class.values_mut() {
        handles.sort_by_key(|handle| (handle.born, handle.process, handle.fd));
        chosen.extend(handles.iter().take(Snapshot::MAX_HELD));
    }
    let mut dirs: BTreeMap<ProcId, Option<ProcDir>> = BTreeMap::new();
    let there = |id: ProcId| seen.iter().any(|one| one.sample.id == id);
    chosen
        .into_iter()
        .filter_map(|handle| {
            let open = || there(handle.process).then(|| root.open(handle.process.pid).ok()).flatten();
            let dir = dirs.entry(handle.process).or_insert_with(open).as_ref()?;
            let link = dir.link(&format!("fd/{}", handle.fd)).ok()?;
            Some(HeldHandle {
                process: handle.process,
                fd: handle.fd,
                class: handle.class,
                born: handle.born,
                sure: handle.sure,
                detail: shorten(&words(dir, &handle, &link, sockets), WORDS),
            })
        })
        .collect()
}

/// What a handle points at, for people.
fn words(dir: &ProcDir, handle: &Standing, link: &[u8], sockets: &SocketTable) -> String {
    let link = readable(link);
    let info = || dir.read(&format!("fdinfo/{}", handle.fd), FDINFO_CAP).unwrap_or_default();
    if handle.class == FdClass::Socket {
        let Some(told) = inode(&link).and_then(|inode| sockets.get(inode)) else { return link };
        let short =
            |kind: FdKind| kind.name().trim_start_matches("socket.").trim_start_matches("tcp.").replace('_', " ");
        let state = told.state.map_or_else(String::new, |state| format!(" {}", short(state)));
        let end = |word: &str, name: String| if name.is_empty() { name } else { format!(" {word} {name}") };
        let (at, to) = (end("at", told.name()), end("to", told.peer()));
        return format!("{} {link}{state}{at}{to}", short(told.kind));
    }
    if handle.class == FdClass::Eventpoll {
        let Ok(watched) = parse::watched(&info()) else { return link };
        if watched.is_empty() {
            return "watches nothing".to_owned();
        }
        let named: Vec<String> = watched
            .iter()
            .take(WATCHED)
            .map(|one| match dir.link(&format!("fd/{}", one.fd)) {
                Ok(link) => format!("{} → {}", one.fd, readable(&link)),
                Err(_) => format!("{} (closed)", one.fd),
            })
            .collect();
        let more = watched.len().saturating_sub(WATCHED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        return format!("watches {}{more}", named.join(", "));
    }
    link
}

fn inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Phase, Scope};
    use crate::probe::testing::{Proc, Tree};
    use crate::probe::{Depth, Sampler};

    fn look(sampler: &mut Sampler, seq: u32, depth: Depth) -> Snapshot {
        sampler.snapshot(seq, u64::from(seq) * 1000, jiff::Timestamp::UNIX_EPOCH, Phase::Soak, depth)
    }

    #[test]
    fn a_full_look_names_what_was_opened_since_the_first_and_stayed_the_oldest_first() {
        let tree = Tree::new();
        let one = Proc::new(100).fd(0, "/dev/null").fd(3, "/data/a.log");
        tree.add(&one);
        let mut sampler = Sampler::new(tree.root(), Scope::Descent { pid: 100 });
        assert!(look(&mut sampler, 0, Depth::Full).held.is_empty(), "nothing is older than the first look");
        let two = one.fd(4, "/data/b.log");
        tree.add(&two);
        assert!(look(&mut sampler, 1, Depth::Light).held.is_empty(), "a light look tells none");
        let three = two.fd(5, "/data/c.log").fd(6, "pipe:[77]");
        tree.add(&three);
        let held = look(&mut sampler, 2, Depth::Full).held;
        let told: Vec<_> = held.iter().map(|handle| (handle.fd, handle.born, handle.detail.as_str())).collect();
        assert_eq!(told, [(6, 2, "pipe:[77]"), (4, 1, "/data/b.log"), (5, 2, "/data/c.log")], "by class, then by age");
    }

    #[test]
    fn an_eventpoll_says_what_it_watches() {
        let tree = Tree::new();
        let one = Proc::new(100).fd(0, "/dev/null");
        tree.add(&one);
        let mut sampler = Sampler::new(tree.root(), Scope::Descent { pid: 100 });
        look(&mut sampler, 0, Depth::Light);
        tree.add(&one.epoll(8, &[9]).fd(9, "socket:[41]"));
        let held = look(&mut sampler, 1, Depth::Full).held;
        let poll = held.iter().find(|handle| handle.class == FdClass::Eventpoll).unwrap();
        assert_eq!((poll.detail.as_str(), poll.sure), ("watches 9 → socket:[41]", false));
    }
}
