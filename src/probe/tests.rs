//! Whole looks at recorded trees of machines that refuse something, and of processes that are ending.

use std::fs;

use super::testing::{Proc, Tree, as_nobody};
use super::{Depth, Sampler};
use crate::model::{Gap, GapReason, Phase, ProcState, Reading, Scope, Snapshot};

const ID: &str = "4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01";

fn inside(proc: Proc) -> Proc {
    proc.cgroup(&format!("0::/docker/{ID}\n"))
}

fn look(tree: &Tree, depth: Depth) -> Snapshot {
    let mut sampler = Sampler::new(tree.root(), Scope::Container { pid: 100, id: ID.to_owned() });
    sampler.snapshot(0, 0, jiff::Timestamp::UNIX_EPOCH, Phase::Soak, depth)
}

fn gap(what: &str, reason: GapReason, count: u64) -> Gap {
    Gap { what: what.to_owned(), reason, count }
}

#[test]
fn processes_that_are_hidden_are_counted_as_a_gap_and_the_others_are_read() {
    let tree = Tree::new();
    tree.add(&inside(Proc::new(100)));
    for pid in [101, 102] {
        tree.add(&inside(Proc::new(pid).ppid(100)));
        tree.close(&pid.to_string());
    }
    let snapshot = as_nobody(|| look(&tree, Depth::Light));
    assert_eq!(snapshot.processes.len(), 1);
    assert_eq!(snapshot.gaps, [gap("processes that may be the target's (hidepid)", GapReason::Denied, 2)]);
}

#[test]
fn what_is_refused_of_a_process_is_denied_and_what_is_not_is_told() {
    let tree = Tree::new();
    tree.add(&inside(Proc::new(100).rollup("Pss: 1 kB\n").fd(3, "socket:[1]")));
    tree.add(&inside(Proc::new(101).ppid(100).rollup("Pss: 1 kB\n")));
    for name in ["100/fd", "100/smaps_rollup", "101/smaps_rollup", "101/status"] {
        tree.close(name);
    }
    let snapshot = as_nobody(|| look(&tree, Depth::Full));
    let [first, second] = &snapshot.processes[..] else { panic!("{:?}", snapshot.processes) };
    assert_eq!((&first.fds, first.facts.pss.as_ref()), (&Reading::Denied, Some(&Reading::Denied)));
    assert_eq!((&first.anon, first.facts.pgrp), (&Reading::Value(1 << 20), Some(100)));
    assert_eq!((&second.anon, &second.facts.swap, second.facts.uid), (&Reading::Denied, &Reading::Denied, None));
    assert_eq!(second.facts.cpu_us.is_some(), second.threads.value().is_some());
    // Shares are refused to all or none: one gap.
    let shares: Vec<&Gap> = snapshot.gaps.iter().filter(|gap| gap.what.contains("share")).collect();
    assert_eq!(shares, [&gap("proportional share of memory of processes", GapReason::Denied, 2)]);
    assert!(snapshot.gaps.contains(&gap("descriptors of 100", GapReason::Denied, 1)));
    assert!(snapshot.gaps.contains(&gap("status of 101", GapReason::Denied, 1)));
}

#[test]
fn a_cgroup_that_is_refused_is_denied_figure_by_figure() {
    let tree = Tree::new();
    tree.add(&inside(Proc::new(100)));
    let folder = tree.path().join(format!("cg/docker/{ID}"));
    fs::create_dir_all(&folder).unwrap();
    fs::create_dir_all(tree.path().join("self")).unwrap();
    fs::write(folder.join("memory.current"), "5\n").unwrap();
    fs::write(folder.join("pids.current"), "5\n").unwrap();
    fs::write(tree.path().join("self/mountinfo"), "1 2 0:3 / /cg rw - cgroup2 none rw\n").unwrap();
    tree.close(&format!("cg/docker/{ID}/memory.current"));
    let mut cgroups = super::cgroup::Cgroups::at(tree.path());
    let mut gaps = Vec::new();
    let sample = as_nobody(|| cgroups.look(&tree.root(), 100, ID, &mut gaps)).unwrap();
    assert_eq!((sample.memory, sample.pids), (Reading::Denied, Reading::Value(5)));
    assert_eq!(gaps, [gap("memory of the cgroup", GapReason::Denied, 1)]);
}

#[test]
fn a_leader_that_ended_before_its_threads_keeps_its_facts() {
    let tree = Tree::new();
    let leader = inside(Proc::new(100).zombie()).thread(100, "").thread(105, "").named_thread(105, b"worker-5");
    tree.add(&leader);
    let task = tree.path().join("100/task/105");
    fs::write(task.join("stat"), "105 (worker-5) S 1 1 1 0 -1 0 0 0 0 0 7 8 0 0 20 0 2 0 100 0 0\n").unwrap();
    fs::write(
        task.join("status"),
        "Uid:\t7\t7\t7\t7\nVmRSS:\t4 kB\nRssAnon:\t3 kB\nRssFile:\t1 kB\nRssShmem:\t0 kB\nVmSwap:\t2 kB\n",
    )
    .unwrap();
    fs::create_dir(task.join("fd")).unwrap();
    std::os::unix::fs::symlink("/usr/bin/worker", task.join("exe")).unwrap();
    fs::write(task.join("smaps_rollup"), "Pss:\t3 kB\n").unwrap();
    let snapshot = look(&tree, Depth::Full);
    let process = &snapshot.processes[0];
    assert_ne!(process.state, ProcState::Zombie);
    assert_eq!((process.facts.uid, process.facts.exe.as_deref()), (Some(7), Some("/usr/bin/worker")));
    assert_eq!((&process.facts.swap, process.facts.pss.as_ref()), (&Reading::Value(2048), Some(&Reading::Value(3072))));
    // The leader's own name is no file any more here.
    assert_eq!(process.facts.thread_names, [("worker-*".to_owned(), 1)]);
}

#[test]
fn a_process_of_which_only_the_folder_is_left_is_gone_and_no_zero() {
    let tree = Tree::new();
    tree.add(&inside(Proc::new(100)));
    tree.add(&inside(Proc::new(101).ppid(100)));
    for name in ["status", "limits", "cmdline", "exe"] {
        fs::remove_file(tree.path().join("101").join(name)).unwrap();
    }
    fs::remove_dir_all(tree.path().join("101/fd")).unwrap();
    let snapshot = look(&tree, Depth::Full);
    let ending = &snapshot.processes[1];
    for figure in [&ending.rss, &ending.anon, &ending.facts.file, &ending.facts.shmem, &ending.facts.swap] {
        assert_eq!(figure, &Reading::Gone);
    }
    assert_eq!(ending.fds, Reading::Gone);
    assert!(snapshot.gaps.iter().all(|gap| gap.reason == GapReason::Gone && gap.what.ends_with("of 101")));
    assert_eq!(snapshot.gaps.len(), 6);
}
