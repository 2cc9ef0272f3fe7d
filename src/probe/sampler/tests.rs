//! Whole looks, at recorded trees and at this very process.

use std::os::fd::OwnedFd;

use super::*;
use crate::model::{DeadKind, FdClass, ProcState, Role};
use crate::probe::testing::{Proc, Tree};

const ID: &str = "4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01";

fn container(tree: &Tree) -> Sampler {
    Sampler::new(tree.root(), Scope::Container { pid: 100, id: ID.to_owned() })
}

fn look(sampler: &mut Sampler, seq: u32) -> Snapshot {
    sampler.snapshot(seq, u64::from(seq) * 1000, jiff::Timestamp::UNIX_EPOCH, Phase::Soak, Depth::Light)
}

fn inside(proc: Proc) -> Proc {
    proc.cgroup(&format!("0::/system.slice/docker-{ID}.scope\n"))
}

#[test]
fn a_zombie_is_counted_and_its_nothing_is_a_true_nothing() {
    let tree = Tree::new();
    tree.add(&inside(Proc::new(100)).fd(3, "socket:[1]"));
    tree.add(&Proc::new(101).ppid(100).zombie().comm(b"chrome (x)"));
    let mut sampler = container(&tree);
    sampler.check().unwrap();
    let snapshot = look(&mut sampler, 0);
    let zombie = &snapshot.processes[1];
    assert_eq!((zombie.state, zombie.comm.as_str(), zombie.cmdline.as_str()), (ProcState::Zombie, "chrome (x)", ""));
    assert_eq!((&zombie.fds, &zombie.anon, &zombie.rss), (&Reading::Gone, &Reading::Value(0), &Reading::Value(0)));
    assert_eq!(zombie.threads, Reading::Value(1));
    assert_eq!(snapshot.gaps, [], "a zombie is no gap");
    let app = &snapshot.processes[0];
    assert_eq!((&app.rss, &app.anon), (&Reading::Value(2 << 20), &Reading::Value(1 << 20)));
    assert_eq!((app.nofile.clone(), app.ns_pid), (Reading::Value(Some(1024)), Some(7)));
    assert_eq!((app.name(), app.role), ("app", Role::App));
}

#[test]
fn a_process_lives_on_in_its_threads_when_its_main_thread_has_ended() {
    let tree = Tree::new();
    let leader = inside(Proc::new(100).zombie()).thread(100, "").thread(105, "");
    tree.add(&leader);
    let task = tree.path().join("100/task/105");
    std::fs::write(task.join("stat"), "105 (worker) S 1 1 1 0 -1 0 0 0 0 0 7 8 0 0 20 0 2 0 100 0 0\n").unwrap();
    std::fs::write(task.join("status"), "VmRSS:\t4 kB\nRssAnon:\t4 kB\n").unwrap();
    std::fs::create_dir(task.join("fd")).unwrap();
    std::os::unix::fs::symlink("pipe:[1]", task.join("fd/9")).unwrap();
    let snapshot = look(&mut container(&tree), 0);
    let process = &snapshot.processes[0];
    assert_eq!(process.fds.value().unwrap().classes[&FdClass::Pipe], 1);
    assert_ne!(process.state, ProcState::Zombie);
    assert_eq!(process.anon, Reading::Value(4096));
}

#[test]
fn a_target_that_is_gone_is_a_gap_and_not_a_zero() {
    let tree = Tree::new();
    tree.add(&inside(Proc::new(100)));
    let mut sampler = container(&tree);
    assert_eq!(look(&mut sampler, 0).gaps, []);
    tree.remove(100);
    let snapshot = look(&mut sampler, 1);
    assert!(snapshot.processes.is_empty());
    assert_eq!(snapshot.gaps.len(), 1);
    assert_eq!(snapshot.gaps[0].reason, GapReason::Gone);
    // Another process with the same pid is not the target.
    tree.add(&Proc::new(100).start(5000));
    let snapshot = look(&mut sampler, 2);
    assert!(snapshot.processes.is_empty());
    assert_eq!(snapshot.gaps[0].reason, GapReason::Gone);
    tree.add(&inside(Proc::new(200)));
    sampler.retarget(Scope::Container { pid: 200, id: ID.to_owned() });
    let snapshot = look(&mut sampler, 3);
    assert_eq!((snapshot.processes.len(), snapshot.gaps.len()), (1, 0));
}

#[test]
fn the_check_says_what_is_wrong() {
    let tree = Tree::new();
    assert!(matches!(container(&tree).check(), Err(ProbeError::NoProcess { .. })));
    tree.add(&Proc::new(100));
    assert!(matches!(container(&tree).check(), Err(ProbeError::NotInContainer { pid: 100, .. })));
    let nowhere = ProcRoot::at(tree.path().join("nowhere"));
    let error = Sampler::new(nowhere, Scope::Descent { pid: 1 }).check().unwrap_err();
    assert!(matches!(error, ProbeError::Root { .. }), "{error}");
}

#[test]
fn unreadable_parts_are_gaps() {
    let tree = Tree::new();
    tree.add(&inside(Proc::new(100)).fd(5, "anon_inode:[pidfd]").fdinfo(5, "pos:\t0\n"));
    std::fs::write(tree.path().join("100/limits"), "nothing").unwrap();
    std::fs::remove_file(tree.path().join("100/status")).unwrap();
    let snapshot = look(&mut container(&tree), 0);
    let what: Vec<&str> = snapshot.gaps.iter().map(|gap| gap.what.as_str()).collect();
    assert_eq!(
        what,
        ["status of 100", "limits of 100", "fdinfo of 100", "resident memory of 100", "anonymous memory of 100"]
    );
    assert_eq!(snapshot.processes[0].anon, Reading::Gone);
    assert!(matches!(snapshot.processes[0].nofile, Reading::Malformed(_)));
}

#[test]
fn reports_dead_pidfds_and_abandoned_eventpolls() {
    let tree = Tree::new();
    let app = inside(Proc::new(100))
        .epoll(3, &[4])
        .epoll(6, &[12])
        .fd(12, "socket:[99]")
        .pidfd(8, -1, 5)
        .waits_on(100, 3)
        .thread(101, "202 0x1 0x2\n");
    tree.add(&app);
    let mut sampler = container(&tree);
    assert_eq!(look(&mut sampler, 0).dead, []);
    let second = look(&mut sampler, 1).dead;
    assert_eq!(
        second.iter().map(|dead| (dead.fd, dead.kind)).collect::<Vec<_>>(),
        [(Some(8), DeadKind::PidfdTargetGone)]
    );
    (2..4).for_each(|seq| drop(look(&mut sampler, seq)));
    let fifth = look(&mut sampler, 4);
    assert_eq!(fifth.gaps, []);
    let poll = fifth.dead.iter().find(|dead| dead.kind == DeadKind::EventpollAbandoned).unwrap();
    assert_eq!((poll.fd, poll.survived, poll.first_ms), (Some(6), 5, 0));
    assert_eq!(poll.detail, "watches 1 descriptor: socket fd 12");
}

#[test]
fn a_thread_that_runs_or_polls_or_cannot_be_read_proves_nothing() {
    for other in
        ["running\n", "-1 0x1 0x2\n", "gibberish\n", if cfg!(target_arch = "x86_64") { "7 0x1\n" } else { "73 0x1\n" }]
    {
        let tree = Tree::new();
        tree.add(&inside(Proc::new(100)).epoll(3, &[4]).epoll(6, &[]).waits_on(100, 3).thread(101, other));
        let mut sampler = container(&tree);
        for seq in 0..8 {
            assert_eq!(look(&mut sampler, seq).dead, [], "{other}");
        }
    }
}

#[test]
fn sees_the_descriptors_of_this_very_process() {
    let mut sampler = Sampler::new(ProcRoot::system(), Scope::Descent { pid: std::process::id() });
    sampler.check().unwrap();
    // Other tests of this process open and close descriptors meanwhile, so the numbers are taken large.
    let count = |snapshot: &Snapshot, class| {
        let own = snapshot.processes.iter().find(|process| process.id.pid == std::process::id()).unwrap();
        own.fds.value().unwrap().classes.get(&class).copied().unwrap_or(0)
    };
    let before = look(&mut sampler, 0);
    let mut held: Vec<OwnedFd> = Vec::new();
    for _ in 0..100 {
        held.push(rustix::event::epoll::create(rustix::event::epoll::CreateFlags::CLOEXEC).unwrap());
        held.extend(<[OwnedFd; 2]>::from(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap()));
        held.push(rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap());
        held.push(rustix::fs::memfd_create("slowdrip", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
    }
    let after = look(&mut sampler, 1);
    for (class, number) in
        [(FdClass::Eventpoll, 100), (FdClass::Pipe, 200), (FdClass::Eventfd, 100), (FdClass::Memfd, 100)]
    {
        let rise = count(&after, class).saturating_sub(count(&before, class));
        assert!(rise.abs_diff(number) < 40, "{class:?} rose by {rise}");
    }
    assert!(after.observer.rss > 0);
}

#[test]
fn a_look_aside_is_not_remembered() {
    let tree = Tree::new();
    tree.add(&inside(Proc::new(100)).pidfd(8, -1, 5));
    let (mut plain, mut asked) = (container(&tree), container(&tree));
    for seq in 0..3 {
        let aside = asked.snapshot(9, 9, jiff::Timestamp::UNIX_EPOCH, Phase::Soak, Depth::Aside);
        assert!(aside.turnover.is_empty() && aside.dead.is_empty() && aside.processes[0].fds.value().is_some());
        let (one, other) = (look(&mut plain, seq), look(&mut asked, seq));
        assert_eq!((one.turnover, one.dead), (other.turnover, other.dead));
    }
}
