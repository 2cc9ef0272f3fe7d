//! Looks on bad days: processes that hang, no descriptors left, thousands of processes.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use super::*;
use crate::model::{FdClass, ProcState, Role};
use crate::probe::read::read;
use crate::probe::testing::{Proc, Tree};

const ID: &str = "4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01";

/// Processes that hang until the sender is dropped.
fn gate() -> (Sender<()>, Arc<Mutex<Receiver<()>>>) {
    let (open, closed) = channel();
    (open, Arc::new(Mutex::new(closed)))
}

fn hang(closed: &Mutex<Receiver<()>>) {
    let _opened = closed.lock().unwrap().recv();
}

fn look(sampler: &mut Sampler, seq: u32) -> Snapshot {
    sampler.snapshot(seq, u64::from(seq) * 1000, jiff::Timestamp::UNIX_EPOCH, Phase::Soak, Depth::Light)
}

fn descent(tree: &Tree) -> Sampler {
    Sampler::new(tree.root(), Scope::Descent { pid: 100 }).with_limit(Duration::from_secs(1))
}

fn gaps(snapshot: &Snapshot) -> Vec<(&str, GapReason, u64)> {
    snapshot.gaps.iter().map(|gap| (gap.what.as_str(), gap.reason, gap.count)).collect()
}

/// A process with two descriptors; two children of it, one in state D.
fn family() -> Tree {
    let tree = Tree::new();
    tree.add(&Proc::new(100).fd(0, "/dev/null").fd(3, "socket:[1]"));
    tree.add(&Proc::new(101).ppid(100).comm(b"stuck").cmdline(&["/bin/stuck", "--now"]).disk_sleep().fd(4, "pipe:[7]"));
    tree.add(&Proc::new(102).ppid(100).fd(5, "/data/a.db"));
    tree
}

#[test]
fn a_process_that_hangs_is_a_gap_and_the_others_are_read() {
    let tree = family();
    let mut sampler = descent(&tree);
    let before = look(&mut sampler, 0);
    assert_eq!(before.gaps, []);
    let (open, closed) = gate();
    sampler.reader.set_read(move |root, member, scanner, depth| {
        if member.id.pid == 101 {
            hang(&closed);
        }
        read(root, member, scanner, depth)
    });
    let late = look(&mut sampler, 1);
    assert_eq!(gaps(&late), [("process 101 did not answer within 1 s", GapReason::Late, 1)]);
    assert_eq!((&late.processes[0], &late.processes[2]), (&before.processes[0], &before.processes[2]));
    let stuck = &late.processes[1];
    assert!(matches!(stuck.fds, Reading::Malformed(_)), "no count, so that the sum is no drop: {:?}", stuck.fds);
    assert!(matches!((&stuck.rss, &stuck.anon), (Reading::Malformed(_), Reading::Malformed(_))));
    assert_eq!((stuck.comm.as_str(), stuck.cmdline.as_str()), ("stuck", "/bin/stuck --now"), "its name stays");
    assert_eq!((stuck.state, stuck.role, stuck.ns_pid), (ProcState::DiskSleep, Role::App, Some(7)));

    let still = look(&mut sampler, 2);
    assert_eq!(gaps(&still), [("process 101 still does not answer", GapReason::Late, 1)]);
    assert_eq!(still.processes.len(), 3);
    drop(open);
    let again = (3..1000).map(|seq| look(&mut sampler, seq)).find(|snapshot| snapshot.gaps.is_empty());
    assert_eq!(again.unwrap().processes, before.processes, "it came back, and is read as before");
}

#[test]
fn a_target_that_hangs_from_the_first_is_refused_with_the_reason() {
    let tree = family();
    let mut sampler = descent(&tree);
    let (_open, closed) = gate();
    let hangs = Arc::new(Mutex::new(vec![101, 102]));
    let pids = Arc::clone(&hangs);
    sampler.reader.set_read(move |root, member, scanner, depth| {
        let hangs = pids.lock().unwrap().contains(&member.id.pid);
        if hangs {
            hang(&closed);
        }
        read(root, member, scanner, depth)
    });
    sampler.check().unwrap();
    hangs.lock().unwrap().push(100);
    let error = sampler.check().unwrap_err();
    assert!(matches!(error, ProbeError::Late { pid: 100, .. }), "{error}");
    assert!(error.to_string().contains("within 1 s"), "{error}");
}

#[test]
fn a_command_line_that_hangs_does_not_keep_the_processes_from_being_found() {
    let tree = Tree::new();
    let inside = |pid| Proc::new(pid).cgroup(&format!("0::/system.slice/docker-{ID}.scope\n"));
    tree.add(&inside(100));
    tree.add(&inside(110).ppid(60));
    let mut sampler = Sampler::new(tree.root(), Scope::Container { pid: 100, id: ID.to_owned() })
        .with_healthcheck(vec!["/usr/bin/app".to_owned(), "--serve".to_owned()])
        .with_limit(Duration::from_secs(1));
    let (_open, closed) = gate();
    sampler.reader.set_command_line(move |_, _| {
        hang(&closed);
        Ok(Vec::new())
    });
    let snapshot = look(&mut sampler, 0);
    assert_eq!(gaps(&snapshot), [("process 110 still does not answer", GapReason::Late, 1)]);
    let roles: Vec<_> = snapshot.processes.iter().map(|process| (process.id.pid, process.role)).collect();
    assert_eq!(roles, [(100, Role::App), (110, Role::Exec)]);
}

/// A process and so many descendants: half of them in one long line, half of them side by side.
fn clan(number: u32) -> Tree {
    let tree = Tree::new();
    tree.add(&Proc::new(100));
    for pid in 101..=100 + number {
        let ppid = if pid % 2 == 0 { 100 } else { pid.saturating_sub(2).max(100) };
        let dir = tree.path().join(pid.to_string());
        std::fs::create_dir(&dir).unwrap();
        let tail = format!("S {ppid} 1 1 0 -1 0 0 0 0 0 7 8 0 0 20 0 1 0 {pid} 0 0\n");
        std::fs::write(dir.join("stat"), format!("{pid} (worker) {tail}")).unwrap();
    }
    tree
}

#[test]
fn five_thousand_processes_are_all_found() {
    let tree = clan(5000);
    let found = Finder::new(Scope::Descent { pid: 100 }, Vec::new()).find(&tree.root()).unwrap();
    assert_eq!(found.members.len(), 5001);
}

/// The variable that makes this test program the one that runs out of descriptors.
const EMPTY_HANDED: &str = "SLOWDRIP_TEST_EMPTY_HANDED";

#[test]
fn a_look_without_descriptors_left_is_a_gap_and_never_a_wrong_count() {
    if std::env::var_os(EMPTY_HANDED).is_some() {
        return look_with_few_descriptors();
    }
    // The limit is that of a whole process: another one runs out of descriptors, not those of the tests beside this one.
    let name = "probe::sampler::bad_days::a_look_without_descriptors_left_is_a_gap_and_never_a_wrong_count";
    let output = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" --exact \"$1\" --nocapture --test-threads=1"])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(EMPTY_HANDED, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(shown.contains("looked with too few"), "{shown}");
}

fn look_with_few_descriptors() {
    let tree = Tree::new();
    let folder = |fd: u32| (format!("/srv/{fd}"), "pos:\t0\nflags:\t02300000\n");
    let mut app = Proc::new(100).waits_on(100, 9).epoll(9, &[4]).pidfd(8, 77, 5);
    for fd in 20..24 {
        let (link, info) = folder(fd);
        app = app.fd(fd, &link).fdinfo(fd, info);
    }
    tree.add(&app);
    // Its main thread has ended, another one lives on.
    tree.add(&Proc::new(101).ppid(100).zombie().thread(101, "").thread(105, ""));
    let task = tree.path().join("101/task/105");
    std::fs::write(task.join("stat"), "105 (worker) S 100 1 1 0 -1 0 0 0 0 0 7 8 0 0 20 0 2 0 101 0 0\n").unwrap();
    std::fs::write(
        task.join("status"),
        "VmRSS:\t4 kB\nRssAnon:\t4 kB\nRssFile:\t0 kB\nRssShmem:\t0 kB\nVmSwap:\t0 kB\n",
    )
    .unwrap();
    std::fs::create_dir(task.join("fd")).unwrap();
    std::os::unix::fs::symlink("anon_inode:[eventfd]", task.join("fd/9")).unwrap();

    let whole = look(&mut descent(&tree), 0);
    assert_eq!(gaps(&whole), []);
    let (mut failed, mut complete) = (0, 0);
    for spare in 0..12 {
        // A fresh one: what it learns with too few descriptors must not spoil what it tells with enough.
        let mut sampler = descent(&tree);
        let mut held: Vec<OwnedFd> = Vec::new();
        let null = std::fs::File::open("/dev/null").unwrap();
        while let Ok(fd) = rustix::io::dup(&null) {
            held.push(fd);
        }
        held.truncate(held.len() - spare.min(held.len()));
        let short = look(&mut sampler, 0);
        let checked = sampler.check();
        drop(held);
        if short.processes == whole.processes {
            complete += 1;
        } else {
            failed += 1;
            assert!(short.gaps.iter().any(|gap| gap.reason == GapReason::Exhausted), "{spare}: {:?}", short.gaps);
            assert!(matches!(checked, Ok(()) | Err(ProbeError::Exhausted { .. })), "{spare}: {checked:?}");
        }
        assert!(short.gaps.iter().all(|gap| gap.reason == GapReason::Exhausted), "{spare}: {:?}", short.gaps);
        assert!(short.processes.is_empty() || short.processes.len() == 2, "{spare}: one of them was lost");
        for (process, whole) in short.processes.iter().zip(&whole.processes) {
            assert!(matches!(process.fds, Reading::Value(_) | Reading::Malformed(_)), "{spare}: {:?}", process.fds);
            assert_ne!(process.state, ProcState::Zombie, "{spare}");
            if let Reading::Value(census) = &process.fds {
                assert_eq!(Some(census), whole.fds.value(), "{spare}");
            }
        }
        let later = look(&mut sampler, 1);
        assert_eq!((gaps(&later), &later.processes), (vec![], &whole.processes), "{spare}: it spoils a later look");
    }
    assert_eq!(whole.processes[0].fds.value().unwrap().classes[&FdClass::Directory], 4);
    assert!(failed > 0 && complete > 0, "{failed} failed, {complete} were complete");
    writeln!(std::io::stdout(), "looked with too few: {failed} times").unwrap();
}
