//! What it does that real applications do: in the fixed form nothing stays, in the other exactly what is said.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::{App, SOON, eventually, state};

/// Short clocks: a silent client is gone after 200 ms, and its worker 200 ms later.
const SHORT: [&str; 2] = ["--ping-every=100ms", "--session-grace=200ms"];

/// What is open for one session in the application itself.
fn of_sessions(number: usize) -> BTreeMap<String, usize> {
    let parts = [("sessions.log", 1), ("sessions.db", 1), ("sessions.db-wal", 1), ("ptmx", 1), ("pipe:[N]", 3)];
    let mut all: BTreeMap<String, usize> = parts.map(|(name, each)| (name.to_owned(), each * number)).into();
    if number > 0 {
        // The connections of one process share it.
        all.insert("sessions.db-shm".to_owned(), 1);
    }
    all.retain(|_, number| *number > 0);
    all
}

impl App {
    /// What it has open beyond what it had before.
    fn beyond(&self, before: &BTreeMap<String, usize>) -> BTreeMap<String, usize> {
        let of_the_tests = |name: &str| name.starts_with("socket:");
        let now = self.links().into_iter().filter(|(name, _)| !of_the_tests(name));
        now.map(|(name, number)| (name.clone(), number.saturating_sub(before.get(&name).copied().unwrap_or(0))))
            .filter(|(_, number)| *number > 0)
            .collect()
    }

    /// Its children with this word in their command line, and theirs.
    fn processes(&self, word: &str) -> Vec<u32> {
        let mut found = Vec::new();
        let mut parents = vec![self.child.id()];
        while let Some(parent) = parents.pop() {
            let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
            let others = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
            let others = others.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
            let all: Vec<String> = others.chain([children]).collect();
            let mut pids: Vec<u32> =
                all.iter().flat_map(|line| line.split_whitespace()).map(|pid| pid.parse().unwrap()).collect();
            pids.sort_unstable();
            pids.dedup();
            for pid in pids {
                parents.push(pid);
                if fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains(word)) {
                    found.push(pid);
                }
            }
        }
        found
    }

    async fn work(&self) -> Value {
        self.json("/stats").await["work"].take()
    }
}

fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

fn parent(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// A client with a session.
async fn client(app: &App) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", app.port)).await.unwrap();
    let (mut socket, _) =
        tokio_tungstenite::client_async(format!("ws://127.0.0.1:{}/session", app.port), stream).await.unwrap();
    assert_eq!(ask(&mut socket, "create").await["event"], "created");
    socket
}

async fn ask(socket: &mut WebSocketStream<TcpStream>, op: &str) -> Value {
    send(socket, &json!({"op": op}).to_string()).await
}

async fn send(socket: &mut WebSocketStream<TcpStream>, text: &str) -> Value {
    socket.send(Message::text(text)).await.unwrap();
    let answer = async {
        loop {
            if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    };
    tokio::time::timeout(SOON, answer).await.unwrap()
}

/// Two clients that close, one that drops the connection, one that resets it; returns one that is silent.
async fn all_ways_to_go(app: &App) -> WebSocketStream<TcpStream> {
    let mut asks = client(app).await;
    assert_eq!(ask(&mut asks, "close").await["event"], "closed");
    let mut closes = client(app).await;
    closes.close(None).await.unwrap();
    let rest = async { while closes.next().await.is_some_and(|message| message.is_ok()) {} };
    tokio::time::timeout(SOON, rest).await.unwrap();
    drop(client(app).await);
    let resets = client(app).await;
    rustix::net::sockopt::set_socket_linger(resets.get_ref(), Some(Duration::ZERO)).unwrap();
    drop(resets);
    client(app).await
}

#[tokio::test]
async fn the_worker_of_a_session_ends_however_its_client_goes() {
    let app = App::start(&SHORT);
    let before = app.links();
    let _open = client(&app).await;
    assert_eq!(app.processes("session-worker").len(), 1);
    assert_eq!(app.beyond(&before), of_sessions(1));
    drop(_open);
    let silent = all_ways_to_go(&app).await;
    eventually("nothing is left", || {
        (app.processes("session-worker").is_empty() && app.beyond(&before).is_empty()).then_some(())
    });
    assert_eq!(app.work().await["sessions"], json!({"created": 6, "closed": 2, "dropped": 4, "ended": 6}));
    drop(silent);
}

#[tokio::test]
async fn with_its_fault_the_worker_outlives_a_client_that_is_gone_without_a_word() {
    let mut app = App::start(&[&SHORT[..], &["--fault=ws-drop"]].concat());
    let before = app.links();
    let silent = all_ways_to_go(&app).await;
    let deadline = Instant::now() + SOON;
    while app.work().await["sessions"]["dropped"] != 3 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Well after the grace.
    tokio::time::sleep(Duration::from_millis(400)).await;
    let workers = app.processes("session-worker");
    assert_eq!(workers.len(), 3);
    assert_eq!(app.beyond(&before), of_sessions(3));
    for pid in &workers {
        let link = |fd: u32| fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap();
        assert!((0..3).all(|fd| link(fd).to_string_lossy().starts_with("pipe:")));
        let held = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        let held = held.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
        assert_eq!(held.filter(|link| link.starts_with("/dev/pts")).count(), 1);
    }
    assert_eq!(app.work().await["sessions"], json!({"created": 5, "closed": 2, "dropped": 3, "ended": 2}));
    drop(silent);
    app.signal(Signal::TERM);
    assert_eq!(app.ended().code(), Some(0));
    eventually("its workers end with it", || workers.iter().all(|pid| state(*pid).is_none()).then_some(()));
}

#[tokio::test]
async fn what_a_session_does_not_understand_is_answered_and_changes_nothing() {
    let app = App::start(&[]);
    let mut one = client(&app).await;
    for wrong in ["", "{}", "[]", "{\"op\": \"dance\"}", "{\"op\": \"create\", \"more\": 1}", "{\"op\": \"create\"}"] {
        assert_eq!(send(&mut one, wrong).await["event"], "error", "{wrong}");
    }
    assert_eq!(app.processes("session-worker").len(), 1);
    assert_eq!(ask(&mut one, "close").await, json!({"event": "closed", "session": 1}));
    assert_eq!(ask(&mut one, "close").await["event"], "error");
    assert_eq!(ask(&mut one, "create").await, json!({"event": "created", "session": 2}));
}

#[tokio::test]
async fn a_worker_that_was_killed_is_reaped_and_closed_as_any_other() {
    let app = App::start(&SHORT);
    let before = app.links();
    let mut one = client(&app).await;
    let worker = app.processes("session-worker")[0];
    kill(worker, Signal::KILL);
    eventually("it is reaped", || state(worker).is_none().then_some(()));
    assert_eq!(ask(&mut one, "close").await["event"], "closed");
    assert_eq!(app.beyond(&before), BTreeMap::new());
}

#[tokio::test]
async fn a_lookup_leaves_a_connection_only_with_its_fault() {
    for (fault, left) in [("none", 0), ("thread-connection", 75)] {
        let app = App::start(&["--fault", fault]);
        let client = reqwest::Client::new();
        let before = app.links();
        for number in 1..=75 {
            let answer: Value = client.get(app.url("/lookup")).send().await.unwrap().json().await.unwrap();
            assert_eq!(answer, json!({"lookup": number}));
        }
        let mut expected: BTreeMap<String, usize> = BTreeMap::new();
        if left > 0 {
            expected = [("lookups.db", left), ("lookups.db-wal", left), ("lookups.db-shm", 1)]
                .map(|(name, number)| (name.to_owned(), number))
                .into();
        }
        // The last thread may still be ending.
        eventually("only what the fault leaves", || (app.beyond(&before) == expected).then_some(()));
        assert_eq!(app.work().await["lookups"], 75);
    }
}

#[tokio::test]
async fn a_job_is_started_again_and_its_log_stays_open_only_with_its_fault() {
    for (fault, left) in [("none", 1), ("log-handle", 4)] {
        let app = App::start(&["--supervise", "--fault", fault]);
        let next = |last: u32| eventually("a job", || app.processes("job:").into_iter().find(|pid| *pid != last));
        let mut job = next(0);
        for turn in 1..=3 {
            eventually("its line", || (lines_of(&app) == turn).then_some(()));
            kill(job, Signal::TERM);
            let new = next(job);
            assert_eq!(state(job), None);
            job = new;
        }
        let open = || app.links().get("job.log").copied().unwrap_or_default();
        eventually("as many logs as the fault leaves", || (open() == left).then_some(()));
        eventually("its line", || (lines_of(&app) == 4).then_some(()));
        assert_eq!(app.work().await["job_starts"], 4);
        let link = fs::read_link(format!("/proc/{job}/fd/1")).unwrap();
        assert!(link.ends_with("job.log"), "{}", link.display());
    }
}

/// How often a job has written into its log.
fn lines_of(app: &App) -> usize {
    fs::read_to_string(app._data.path().join("job.log")).unwrap_or_default().lines().count()
}

#[tokio::test]
async fn what_is_below_a_manager_goes_with_it_but_for_its_fault() {
    for (fault, survive) in [("none", false), ("orphans", true)] {
        let mut app = App::start(&["--tree", "--fault", fault]);
        let workers = eventually("two workers", || {
            let workers = app.processes("tree-worker:");
            (workers.len() == 2).then_some(workers)
        });
        let manager = app.processes("manager:")[0];
        assert!(workers.iter().all(|pid| parent(*pid) == Some(manager)));
        kill(manager, Signal::KILL);
        let all = eventually("two new workers", || {
            let all = app.processes("tree-worker:");
            (all.iter().filter(|pid| !workers.contains(pid)).count() == 2).then_some(all)
        });
        if survive {
            assert_eq!(all.len(), 4);
            assert!(workers.iter().all(|pid| parent(*pid) == Some(app.child.id())), "{all:?}");
        } else {
            eventually("the old ones are gone", || workers.iter().all(|pid| state(*pid).is_none()).then_some(()));
        }
        assert_ne!(app.processes("manager:")[0], manager);
        assert_eq!(app.work().await["manager_starts"], 2);
        app.signal(Signal::TERM);
        assert_eq!(app.ended().code(), Some(0));
        eventually("nobody is left", || all.iter().all(|pid| state(*pid).is_none()).then_some(()));
    }
}

#[tokio::test]
async fn whoever_asks_for_a_health_check_outlives_it_only_with_its_fault() {
    let mut app = App::start(&[]);
    let check = |fault: &str| {
        Command::new(env!("CARGO_BIN_EXE_slowdrip"))
            .args(["demo-app", "--child", &format!("check:{}:{fault}", app.port)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let asking = |check: u32| {
        let children = fs::read_to_string(format!("/proc/{check}/task/{check}/children")).unwrap_or_default();
        let pid: u32 = children.split_whitespace().next()?.parse().ok()?;
        fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?.starts_with("ask\0").then_some(pid)
    };
    let mut fixed = check("none");
    let asks = eventually("somebody asks", || asking(fixed.id()));
    let code = eventually("the check ends by itself", || fixed.try_wait().unwrap()).code();
    assert_eq!((code, state(asks)), (Some(1), None));

    let mut endless = check("health-check");
    let asks = eventually("somebody asks", || asking(endless.id()));
    let deadline = Instant::now() + SOON;
    while app.work().await["hangs"] != 2 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    endless.kill().unwrap();
    endless.wait().unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(state(asks).is_some_and(|state| state != 'Z'));
    app.signal(Signal::TERM);
    assert_eq!(app.ended().code(), Some(0));
    // Reaped by whoever inherited it.
    eventually("it ends with the application", || state(asks).is_none_or(|state| state == 'Z').then_some(()));
}

#[tokio::test]
async fn a_refresh_leaves_an_event_loop_only_with_its_fault() {
    for (fault, leaks) in [("none", false), ("refresh-loop", true)] {
        let app = App::start(&["--fault", fault]);
        let ann = super::browser();
        let csrf = super::token(&ann, &app, "/register").await;
        let fields = [("username", "ann"), ("password", "correct horse"), ("csrf_token", csrf.as_str())];
        super::send(&ann, &app, "/register", &fields).await;
        let before = app.links().get("anon_inode:[eventpoll]").copied().unwrap_or_default();
        ann.post(app.url("/subscriptions")).json(&json!({"query": "x"})).send().await.unwrap();
        eventually("a refresh", || app.said("refreshed subscription 1, run 3").then_some(()));
        let after = app.links().get("anon_inode:[eventpoll]").copied().unwrap_or_default();
        assert_eq!(after >= before + 2, leaks, "{fault}: {before} to {after}");
    }
}
