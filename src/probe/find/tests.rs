use std::fs;

use super::*;
use crate::probe::testing::{Proc, Tree};

const NOBODY: [u32; 0] = [];

const ID: &str = "4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01";

fn container() -> Finder {
    Finder::new(
        Scope::Container { pid: 100, id: ID.to_owned() },
        vec!["CMD-SHELL".into(), "curl -f 'http://x/'".into()],
    )
}

fn roles(finder: &mut Finder, tree: &Tree) -> Vec<(u32, Role)> {
    let found = finder.find(&tree.root()).unwrap();
    assert_eq!(found.gaps, []);
    found.members.iter().map(|member| (member.id.pid, member.role)).collect()
}

fn v1(pid: u32) -> Proc {
    Proc::new(pid).cgroup(&format!("12:pids:/docker/{ID}\n4:memory:/docker/{ID}\n0::/\n"))
}

fn v2(pid: u32) -> Proc {
    Proc::new(pid).cgroup(&format!("0::/../docker-{ID}.scope/init\n"))
}

#[test]
fn takes_the_processes_of_the_cgroup_and_their_zombies_on_both_versions() {
    for make in [v1, v2] {
        let tree = Tree::new();
        tree.add(&Proc::new(1).ppid(0));
        tree.add(&Proc::new(50).cgroup("0::/system.slice/cron.service\n"));
        tree.add(&make(100).ppid(60));
        tree.add(&make(101).ppid(100));
        tree.add(&Proc::new(102).ppid(101).zombie());
        tree.add(&Proc::new(103).ppid(50).zombie());
        let expected = [(100, Role::App), (101, Role::App), (102, Role::App)];
        assert_eq!(roles(&mut container(), &tree), expected);
    }
}

#[test]
fn tells_health_checks_and_execs_from_the_application() {
    let tree = Tree::new();
    tree.add(&Proc::new(60));
    tree.add(&v2(100).ppid(60));
    tree.add(&v2(110).ppid(60).cmdline(&["/bin/sh", "-c", "curl -f 'http://x/'"]));
    tree.add(&v2(111).ppid(110).cmdline(&["curl", "-f", "http://x/"]));
    tree.add(&v2(120).ppid(60).cmdline(&["bash"]));
    tree.add(&v2(121).ppid(120).cmdline(&["curl", "-f", "http://x/"]));
    let mut finder = container();
    let all =
        [(100, Role::App), (110, Role::HealthCheck), (111, Role::HealthCheck), (120, Role::Exec), (121, Role::Exec)];
    assert_eq!(roles(&mut finder, &tree), all);
    // The engine kills the shell of a check that hangs; its child is handed to the first process and stays.
    tree.remove(110);
    tree.add(&v2(111).ppid(100));
    // In the host's pid namespace it is handed to the engine's shim.
    tree.remove(120);
    tree.add(&v2(121).ppid(60));
    assert_eq!(roles(&mut finder, &tree), [(100, Role::App), (111, Role::App), (121, Role::App)]);
}

#[test]
fn a_process_that_joins_late_is_seen_and_a_stranger_stays_one() {
    let tree = Tree::new();
    tree.add(&v2(100).ppid(60));
    tree.add(&Proc::new(110).ppid(60));
    let mut finder = container();
    assert_eq!(roles(&mut finder, &tree), [(100, Role::App)]);
    // The engine's own process, on its way into the container.
    tree.add(&v2(110).ppid(60));
    assert_eq!(roles(&mut finder, &tree), [(100, Role::App), (110, Role::Exec)]);
    tree.add(&Proc::new(120).ppid(60));
    (0..2).for_each(|_| drop(roles(&mut finder, &tree)));
    fs::write(tree.path().join("120/cgroup"), format!("0::/{ID}\n")).unwrap();
    assert_eq!(roles(&mut finder, &tree).len(), 2);
}

#[test]
fn follows_orphans_of_a_descent_and_their_children() {
    let tree = Tree::new();
    tree.add(&Proc::new(1).ppid(0));
    tree.add(&Proc::new(100));
    tree.add(&Proc::new(101).ppid(100));
    tree.add(&Proc::new(102).ppid(101));
    tree.add(&Proc::new(200));
    let mut finder = Finder::new(Scope::Descent { pid: 100 }, Vec::new());
    let pids = |finder: &mut Finder| -> Vec<u32> {
        finder.find(&tree.root()).unwrap().members.iter().map(|member| member.id.pid).collect()
    };
    assert_eq!(pids(&mut finder), [100, 101, 102]);
    tree.remove(101);
    tree.add(&Proc::new(102).ppid(1));
    tree.add(&Proc::new(103).ppid(102));
    assert_eq!(pids(&mut finder), [100, 102, 103]);
    // Even when the first process is gone; a pid that is used again is another process.
    tree.remove(100);
    tree.add(&Proc::new(103).ppid(1).start(9999));
    let found = finder.find(&tree.root()).unwrap();
    assert_eq!(found.members.iter().map(|member| member.id.pid).collect::<Vec<_>>(), [102]);
    assert_eq!((found.gaps.len(), found.first), (1, Reading::Gone));
}

#[test]
fn a_forged_process_table_ends_the_search_too() {
    let tree = Tree::new();
    tree.add(&Proc::new(100).ppid(101));
    tree.add(&Proc::new(101).ppid(100));
    tree.add(&Proc::new(102).ppid(102));
    let mut finder = Finder::new(Scope::Descent { pid: 100 }, Vec::new());
    assert_eq!(roles(&mut finder, &tree), [(100, Role::App), (101, Role::App)]);
}

fn orphans(finder: &mut Finder, tree: &Tree) -> Vec<u32> {
    let found = finder.find(&tree.root()).unwrap();
    found.members.iter().filter(|member| member.orphan).map(|member| member.id.pid).collect()
}

#[test]
fn a_process_that_is_handed_to_the_containers_first_is_an_orphan_from_then_on() {
    let tree = Tree::new();
    tree.add(&v2(100).ppid(60));
    tree.add(&v2(101).ppid(100));
    tree.add(&v2(102).ppid(101));
    tree.add(&v2(103).ppid(102));
    let mut finder = container();
    assert_eq!(orphans(&mut finder, &tree), NOBODY);
    tree.remove(101);
    tree.add(&v2(102).ppid(100));
    assert_eq!(orphans(&mut finder, &tree), [102], "its child has not lost its parent");
    assert_eq!(orphans(&mut finder, &tree), [102]);
    // To a subreaper that is not the first; and a zombie, which on v1 is back in the root cgroup.
    tree.remove(102);
    tree.add(&v2(102).ppid(100).zombie());
    tree.add(&v2(103).ppid(100));
    assert_eq!(orphans(&mut finder, &tree), [102, 103]);
    // Another process with the same pid has its own story.
    tree.add(&v2(103).ppid(100).start(9999));
    assert_eq!(orphans(&mut finder, &tree), [102]);
}

#[test]
fn a_process_whose_parent_was_never_seen_is_not_called_an_orphan() {
    let tree = Tree::new();
    tree.add(&v2(100).ppid(60));
    tree.add(&v2(102).ppid(100));
    assert_eq!(orphans(&mut container(), &tree), NOBODY);
}

#[test]
fn the_engines_own_children_are_no_orphans_until_they_are_handed_to_the_application() {
    let tree = Tree::new();
    tree.add(&Proc::new(60));
    tree.add(&Proc::new(61));
    // The runtime that starts them ends, and they are handed to the shim.
    tree.add(&v2(100).ppid(61));
    tree.add(&v2(110).ppid(61).cmdline(&["/bin/sh", "-c", "curl -f 'http://x/'"]));
    tree.add(&v2(120).ppid(61).cmdline(&["bash"]));
    tree.add(&v2(121).ppid(120).cmdline(&["sleep", "1000"]));
    let mut finder = container();
    assert_eq!(orphans(&mut finder, &tree), NOBODY);
    for pid in [100, 110, 120] {
        tree.remove(pid);
    }
    tree.add(&v2(100).ppid(60));
    tree.add(&v2(110).ppid(60).cmdline(&["/bin/sh", "-c", "curl -f 'http://x/'"]));
    tree.add(&v2(120).ppid(60).cmdline(&["bash"]));
    assert_eq!(orphans(&mut finder, &tree), NOBODY);
    let left = [(100, Role::App), (110, Role::HealthCheck), (120, Role::Exec), (121, Role::Exec)];
    assert_eq!(roles(&mut finder, &tree), left);
    // What the shell left behind is the application's, and has lost its parent. In the host's pid namespace it is handed
    // to the shim.
    tree.remove(120);
    tree.add(&v2(121).ppid(60).cmdline(&["sleep", "1000"]));
    assert_eq!(orphans(&mut finder, &tree), [121]);
    let left = [(100, Role::App), (110, Role::HealthCheck), (121, Role::App)];
    assert_eq!(roles(&mut finder, &tree), left);
}

#[test]
fn a_daemon_that_leaves_the_first_process_of_a_descent_is_an_orphan() {
    let tree = Tree::new();
    tree.add(&Proc::new(1).ppid(0));
    tree.add(&Proc::new(50));
    tree.add(&Proc::new(100).ppid(50));
    tree.add(&Proc::new(101).ppid(100));
    let mut finder = Finder::new(Scope::Descent { pid: 100 }, Vec::new());
    assert_eq!(orphans(&mut finder, &tree), NOBODY);
    // Whoever started the first process is not the target's.
    tree.remove(50);
    tree.add(&Proc::new(100).ppid(1));
    assert_eq!(orphans(&mut finder, &tree), NOBODY);
    tree.remove(100);
    tree.add(&Proc::new(101).ppid(1));
    assert_eq!(orphans(&mut finder, &tree), [101]);
}
