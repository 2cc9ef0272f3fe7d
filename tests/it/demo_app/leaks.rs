//! What it leaks, as /proc shows it.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{App, SOON, eventually, state};

/// What a leak adds to the open files, each time.
fn grows(leak: &str, per_leak: &[(&str, usize)]) {
    let quiet = App::start(&[]).links();
    let app = App::start(&[&format!("--leak={leak}=20/s"), "--serve-after-term"]);
    let times = || -> Vec<usize> {
        let links = app.links();
        let more =
            |name: &str| links.get(name).copied().unwrap_or_default() - quiet.get(name).copied().unwrap_or_default();
        per_leak.iter().map(|(name, each)| more(name) / each).collect()
    };
    eventually(&format!("ten leaks of {leak}"), || times().iter().all(|times| *times >= 10).then_some(()));
    // Now that no more come, there are as many of one as of the other.
    app.signal(Signal::TERM);
    eventually("it says so", || app.said("still serving").then_some(()));
    eventually(&format!("whole leaks of {leak}"), || times().windows(2).all(|pair| pair[0] == pair[1]).then_some(()));
}

#[test]
fn leaks_event_loops() {
    grows("event-loop", &[("anon_inode:[eventpoll]", 1), ("socket:[N]", 2)]);
}

#[test]
fn leaks_bare_epolls() {
    grows("eventpoll", &[("anon_inode:[eventpoll]", 1)]);
}

#[test]
fn leaks_half_open_pipes() {
    grows("pipe", &[("pipe:[N]", 1)]);
}

#[test]
fn leaks_database_connections() {
    grows("sqlite", &[("user-N.db", 1), ("user-N.db-wal", 1), ("user-N.db-shm", 1)]);
}

#[test]
fn leaks_log_handles() {
    grows("log", &[("agent-N.log", 1)]);
}

#[test]
fn leaks_pidfds_of_children_that_are_gone() {
    let app = App::start(&["--leak=pidfd=20/s"]);
    eventually("ten dead pidfds", || {
        let infos = fs::read_dir(format!("/proc/{}/fdinfo", app.child.id())).unwrap();
        let texts = infos.filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok());
        let dead = texts.filter(|text| text.lines().any(|line| line.split_whitespace().eq(["Pid:", "-1"]))).count();
        (dead >= 10).then_some(())
    });
    // All of them were reaped, but for one that may be on its way.
    let zombies = app.children().into_iter().filter(|pid| state(*pid) == Some('Z')).count();
    assert!(zombies <= 1, "{zombies}");
}

#[test]
fn leaks_memory_that_stays_resident() {
    let app = App::start(&["--leak=memory=20/s"]);
    let anonymous = || -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", app.child.id())).unwrap();
        status.lines().find(|line| line.starts_with("RssAnon:"))?.split_whitespace().nth(1)?.parse().ok()
    };
    let before = anonymous().unwrap();
    eventually("ten times 256 KiB", || (anonymous()? >= before + 2560).then_some(()));
}

#[test]
fn leaks_workers_that_end_with_the_application() {
    let mut app = App::start(&["--leak=worker=20/s"]);
    let workers = eventually("five workers", || Some(app.children()).filter(|workers| workers.len() >= 5));
    let command = fs::read_to_string(format!("/proc/{}/cmdline", workers[0])).unwrap();
    assert!(command.contains("--child\0worker:"), "{command:?}");
    app.signal(Signal::TERM);
    assert_eq!(app.ended().code(), Some(0));
    // Reaped by the application, and not left to somebody else.
    for worker in workers {
        assert_eq!(state(worker), None);
    }
}

#[test]
fn workers_do_not_outlive_an_application_that_is_killed() {
    let mut app = App::start(&["--at-start=worker=3"]);
    let workers = app.children();
    assert_eq!(workers.len(), 3);
    app.signal(Signal::KILL);
    assert_eq!(app.ended().signal(), Some(9));
    for worker in workers {
        // Who inherits it may take its time to reap it.
        eventually("the worker is gone", || matches!(state(worker), None | Some('Z' | 'X')).then_some(()));
    }
}

#[test]
fn a_worker_dies_with_its_parent_even_while_its_pipe_stays_open() {
    let (started, child) = mpsc::channel();
    let (end, ending) = mpsc::channel::<()>();
    // The signal is sent when the thread ends that started the child.
    let parent = thread::spawn(move || {
        let worker = format!("worker:{}", std::process::id());
        let command = ["demo-app", "--child", &worker];
        let child = Command::new(env!("CARGO_BIN_EXE_slowdrip")).args(command).stdin(Stdio::piped()).spawn().unwrap();
        started.send(child).unwrap();
        let _ = ending.recv();
    });
    let mut child: Child = child.recv().unwrap();
    let _pipe = child.stdin.take().unwrap();
    let own = Path::new(env!("CARGO_BIN_EXE_slowdrip")).canonicalize().unwrap();
    eventually("the worker sleeps", || {
        let exe = fs::read_link(format!("/proc/{}/exe", child.id())).ok()?;
        (exe == own && state(child.id()) == Some('S')).then_some(())
    });
    drop(end);
    parent.join().unwrap();
    let status = eventually("the worker is gone", || child.try_wait().unwrap());
    assert_eq!(status.signal(), Some(9));
}

#[tokio::test]
async fn leaks_at_the_rate_that_was_asked_for() {
    let app = App::start(&["--leak=eventpoll=50/s", "--leak=pipe=1/h", "--at-start=log=4"]);
    let started = Instant::now();
    let deadline = started + SOON;
    let leaked = loop {
        let leaked = app.json("/stats").await["leaked"].clone();
        if leaked["eventpoll"].as_u64() >= Some(50) {
            break leaked;
        }
        assert!(Instant::now() < deadline, "{leaked}");
    };
    // The application began a little before it printed its port.
    let most = (started.elapsed() + Duration::from_millis(500)).as_millis() / 20;
    assert!(u128::from(leaked["eventpoll"].as_u64().unwrap()) <= most, "{leaked} in {:?}", started.elapsed());
    assert_eq!((leaked.get("pipe"), leaked["log"].as_u64()), (None, Some(4)));
}
