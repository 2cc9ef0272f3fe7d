//! Which process is the first of a container, seen from within its pid namespace.

use crate::probe::{ProcRoot, parse};

/// The first process of the container with this full id: process 1 where that one is in the container's cgroup, else the
/// oldest that is. A container that shares the pid namespace of the machine, or of another container, has no process 1 of its
/// own; its first process lives for as long as it does, and all others began later.
pub(super) fn first(root: &ProcRoot, container: &str) -> Option<u32> {
    let begun = |pid: &u32| {
        let dir = root.open(*pid).ok()?;
        let inside = parse::cgroup_names(&dir.read("cgroup", 64 * 1024).ok()?, container);
        let start = parse::stat(&dir.read("stat", 4096).ok()?).ok()?.start;
        inside.then_some((start, *pid))
    };
    if begun(&1).is_some() {
        return Some(1);
    }
    root.pids().ok()?.iter().filter_map(begun).min().map(|(_, pid)| pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{Proc, Tree};

    const ID: &str = "4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01";

    fn inside(pid: u32) -> Proc {
        Proc::new(pid).cgroup(&format!("0::/docker/{ID}\n"))
    }

    #[test]
    fn process_1_is_the_first_where_it_is_in_the_container() {
        let tree = Tree::new();
        tree.add(&inside(1).start(500));
        tree.add(&inside(7).start(400));
        assert_eq!(first(&tree.root(), ID), Some(1));
    }

    #[test]
    fn in_a_shared_namespace_it_is_the_oldest_of_the_container() {
        let tree = Tree::new();
        tree.add(&Proc::new(1).cgroup("0::/init.scope\n").start(1));
        tree.add(&inside(90).start(400));
        tree.add(&inside(80).start(700));
        assert_eq!(first(&tree.root(), ID), Some(90));
        assert_eq!(first(&tree.root(), "another"), None);
    }
}
