//! What the threads of a process are called.

use std::collections::{BTreeMap, HashMap};

use super::classify::readable;
use super::parse;
use super::read::Seen;
use super::root::ProcRoot;
use crate::model::{ProcId, ProcState, ProcessFacts, ProcessSample};

/// How many threads of one process are asked for their name.
const MAX_READ: usize = 4096;

/// The longest name that is kept, bytes: the kernel keeps 15, and 63 for its own threads.
const LONGEST: u64 = 128;

/// Names of threads, remembered from look to look.
///
/// A process of one thread has the name that was read already. The names of others are read again only when their number
/// changed: reading them costs as much as reading as many descriptors. So a thread that is renamed later, and one that takes
/// the place of another between two looks, bear the old name until then.
#[derive(Debug, Default)]
pub struct ThreadNames {
    known: HashMap<ProcId, Names>,
}

#[derive(Debug)]
struct Names {
    threads: u64,
    names: Vec<(String, u64)>,
}

impl ThreadNames {
    /// Puts the names into what was seen, and forgets the processes that are gone.
    pub fn enter(&mut self, root: &ProcRoot, seen: &mut [Seen]) {
        let mut before = std::mem::take(&mut self.known);
        for sample in seen.iter_mut().map(|one| &mut one.sample) {
            let Some(threads) = sample.threads.value().copied() else { continue };
            if sample.state == ProcState::Zombie {
                continue;
            }
            if threads == 1 && !sample.comm.is_empty() {
                sample.facts.thread_names = vec![(readable(&parse::collapsed(sample.comm.as_bytes())), 1)];
                continue;
            }
            let known = before.remove(&sample.id).filter(|known| known.threads == threads);
            // Threads that could not be read are tried again at the next look.
            let Some(names) = known.or_else(|| Some(Names { threads, names: read(root, sample)? })) else { continue };
            sample.facts.thread_names.clone_from(&names.names);
            self.known.insert(sample.id, names);
        }
    }
}

/// The names of a process's threads, most frequent first; `None` where they could not be read.
fn read(root: &ProcRoot, sample: &ProcessSample) -> Option<Vec<(String, u64)>> {
    let dir = root.open(sample.id.pid).ok()?;
    let stat = parse::stat(&dir.read("stat", 4096).ok()?).ok()?;
    if stat.start != sample.id.start {
        return None;
    }
    let mut counts: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    let mut name = Vec::new();
    for thread in dir.numbers("task").ok()?.into_iter().take(MAX_READ) {
        // A thread may end meanwhile.
        if dir.read_into(&format!("task/{thread}/comm"), LONGEST, &mut name).is_err() {
            continue;
        }
        let name = name.strip_suffix(b"\n").unwrap_or(&name);
        *counts.entry(parse::collapsed(name)).or_default() += 1;
    }
    let mut names: Vec<(String, u64)> = counts.into_iter().map(|(name, count)| (readable(&name), count)).collect();
    names.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    names.truncate(ProcessFacts::MAX_THREAD_NAMES);
    (!names.is_empty()).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scope;
    use crate::probe::find::Finder;
    use crate::probe::scan::Scanner;
    use crate::probe::testing::{Proc, Tree};
    use crate::probe::{Depth, read as read_process};

    fn names(known: &mut ThreadNames, tree: &Tree) -> Vec<Vec<(String, u64)>> {
        let mut finder = Finder::new(Scope::Descent { pid: 100 }, Vec::new());
        let found = finder.find(&tree.root()).unwrap();
        let mut scanner = Scanner::default();
        let mut seen: Vec<Seen> = found
            .members
            .iter()
            .filter_map(|member| read_process::read(&tree.root(), member, &mut scanner, Depth::Light))
            .collect();
        known.enter(&tree.root(), &mut seen);
        seen.into_iter().map(|one| one.sample.facts.thread_names).collect()
    }

    fn named(mut proc: Proc, names: &[&[u8]]) -> Proc {
        for (tid, name) in (100_u32..).zip(names) {
            proc = proc.named_thread(tid, name);
        }
        proc
    }

    fn owned(names: &[(&str, u64)]) -> Vec<(String, u64)> {
        names.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn counts_the_threads_of_a_pool_under_one_name_and_shows_hostile_ones_harmlessly() {
        let tree = Tree::new();
        tree.add(&named(Proc::new(100), &[b"main", b"worker-1", b"worker-22", b"a\n\xff7"]));
        let seen = names(&mut ThreadNames::default(), &tree);
        assert_eq!(seen, [owned(&[("worker-*", 2), ("a\\n\\xff*", 1), ("main", 1)])]);
    }

    #[test]
    fn a_single_thread_bears_the_name_of_its_process_and_a_zombie_has_none() {
        let tree = Tree::new();
        tree.add(&Proc::new(100).comm(b"app7"));
        tree.add(&Proc::new(101).ppid(100).zombie());
        assert_eq!(names(&mut ThreadNames::default(), &tree), [owned(&[("app*", 1)]), Vec::new()]);
    }

    #[test]
    fn names_are_read_again_only_when_the_number_of_threads_changed() {
        let tree = Tree::new();
        let mut known = ThreadNames::default();
        tree.add(&named(Proc::new(100), &[b"main", b"old"]));
        assert_eq!(names(&mut known, &tree), [owned(&[("main", 1), ("old", 1)])]);
        tree.add(&named(Proc::new(100), &[b"main", b"new"]));
        assert_eq!(names(&mut known, &tree), [owned(&[("main", 1), ("old", 1)])]);
        tree.add(&named(Proc::new(100), &[b"main", b"new", b"new"]));
        assert_eq!(names(&mut known, &tree), [owned(&[("new", 2), ("main", 1)])]);
        // Another process with the same pid is not the same.
        tree.add(&named(Proc::new(100).start(7), &[b"main", b"b", b"c"]));
        assert_eq!(names(&mut known, &tree), [owned(&[("b", 1), ("c", 1), ("main", 1)])]);
        tree.remove(100);
        assert!(names(&mut known, &tree).is_empty());
        assert!(known.known.is_empty());
    }

    #[test]
    fn a_process_of_very_many_threads_is_asked_for_some_and_keeps_few_names() {
        let tree = Tree::new();
        let all: Vec<Vec<u8>> = (0..5000_u32).map(|i| vec![b'a' + u8::try_from(i % 20).unwrap()]).collect();
        let all: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
        tree.add(&named(Proc::new(100), &all));
        let seen = names(&mut ThreadNames::default(), &tree);
        assert_eq!(seen[0].len(), ProcessFacts::MAX_THREAD_NAMES);
        assert!(seen[0].iter().map(|(_, count)| count).sum::<u64>() <= MAX_READ as u64);
    }
}
