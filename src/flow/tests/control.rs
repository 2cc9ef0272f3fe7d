//! What is done to the target itself, with the clock stopped.

use regex::Regex;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::machine::{Machine, running};
use super::*;
use crate::flow::SnapshotRequest;
use crate::model::Which;
use crate::scenario::{LogStep, RestartStep, SignalStep};

fn signal(pattern: &str, signal: &str, which: Which) -> Step {
    at(7, Action::Signal(SignalStep { process: Regex::new(pattern).unwrap(), signal: signal.to_owned(), which }))
}

fn restart(pattern: &str, which: Which, within: u64) -> Step {
    let process = Regex::new(pattern).unwrap();
    let within = Duration::from_secs(within);
    at(8, Action::Restart(RestartStep::Process { process, signal: "SIGTERM".to_owned(), which, within }))
}

fn log(pattern: &str, within: u64) -> LogStep {
    let capture = BTreeMap::new();
    LogStep { matches: Regex::new(pattern).unwrap(), within: Duration::from_secs(within), capture }
}

fn logged(step: LogStep) -> Step {
    at(9, Action::Log(Box::new(step)))
}

fn sleep(seconds: u64) -> Step {
    at(10, Action::Sleep(Duration::from_secs(seconds)))
}

const WORKERS: [(u32, u64, &str); 4] =
    [(40, 100, "python worker.py b"), (1, 10, "python main.py"), (12, 300, "python worker.py c"), (30, 90, "worker a")];

#[tokio::test(start_paused = true)]
async fn signals_go_to_all_the_oldest_or_the_newest_of_those_that_match() {
    let target = Machine::of(&WORKERS);
    let mut told = Told::new();
    let steps = [
        signal("worker", "SIGTERM", Which::All),
        signal("worker", "SIGKILL", Which::Oldest),
        signal("worker", "SIGUSR1", Which::Newest),
    ];
    told.run(&steps, &target).await.unwrap();
    assert_eq!(target.calls(), ["SIGTERM 30", "SIGTERM 40", "SIGTERM 12", "SIGKILL 30", "SIGUSR1 12"]);
    let lines = told.lines();
    holds(&lines[0], &["signal SIGTERM /worker/ → SIGTERM to 3 processes (pids 30, 40, 12) in "]);
    holds(&lines[1], &["SIGKILL to 1 process (pid 30)"]);

    // Without the start of one, pids must do.
    let target = Machine::of(&[(40, 100, "worker"), (12, 0, "worker"), (30, 90, "worker")]);
    told.run(&[signal("worker", "SIGHUP", Which::Newest)], &target).await.unwrap();
    assert_eq!(target.calls(), ["SIGHUP 40"]);
}

#[tokio::test(start_paused = true)]
async fn a_signal_without_a_process_lists_those_there_are() {
    let mut told = Told::new();
    told.redactor.add("hunter22");
    let many: Vec<(u32, u64, String)> =
        (1..=13).map(|n| (n, 20 - u64::from(n), format!("app {n} \u{1b}[2J --password hunter22"))).collect();
    let many: Vec<(u32, u64, &str)> = many.iter().map(|(pid, start, text)| (*pid, *start, text.as_str())).collect();
    let text = told.failure(signal("nobody", "SIGTERM", Which::All), &Machine::of(&many)).await;
    holds(
        &text,
        &[
            "app.yaml:7:5: signal SIGTERM /nobody/: no process of the target matches /nobody/",
            "(there are: 13 `app 13 \\u{1b}[2J --password [secret]`, 12 `app 12",
            ", and 3 more)",
        ],
    );
    assert!(!text.contains("`app 3 ") && !text.contains("hunter22"), "{text}");
    let text = told.failure(signal("nobody", "SIGTERM", Which::All), &Machine::of(&[])).await;
    holds(&text, &["it has none"]);
    let gone = Machine::of(&WORKERS).on_signal(|_, _, _| false);
    let text = told.failure(signal("worker", "SIGTERM", Which::All), &gone).await;
    holds(&text, &["3 processes (pids 30, 40, 12) matched, gone before SIGTERM could be sent"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_target_cannot_do_is_not_waited_for() {
    let unsupported = || ControlError::Unsupported { kind: "pid", verb: "be signalled" };
    let mut told = Told::new();
    let started = Instant::now();
    for (call, step) in [
        ("processes", signal("x", "SIGTERM", Which::All)),
        ("signal", signal("main", "SIGTERM", Which::All)),
        ("pause", at(3, Action::Pause { lasts: None })),
        ("unpause", at(3, Action::Unpause)),
        ("restart", at(3, Action::Restart(RestartStep::Container { within: Duration::from_secs(1) }))),
        ("log", logged(log("x", 100))),
    ] {
        let target = Machine::of(&WORKERS).refusing(call, unsupported());
        let waiting = wait(Duration::from_secs(100), Duration::from_secs(1), step);
        holds(&told.failure(waiting, &target).await, &["a target of kind `pid` cannot be signalled"]);
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_restart_waits_for_as_many_new_processes() {
    // Each that is ended has a successor, at once; one of them is the same program under the same pid.
    let target = Machine::of(&WORKERS).on_signal(|processes, process, _| {
        let index = processes.iter().position(|other| other.pid == process.pid).unwrap();
        processes.remove(index);
        processes.push(running((process.pid, process.start.unwrap() + 1000, "worker again")));
        true
    });
    let mut told = Told::new();
    told.run(&[restart("worker", Which::All, 10)], &target).await.unwrap();
    holds(
        &told.lines()[0],
        &["restart /worker/ → 3 new processes (pids 30, 40, 12) after SIGTERM to 3 processes (pids 30, 40, 12)"],
    );
    told.run(&[at(3, Action::Restart(RestartStep::Container { within: Duration::from_secs(7) }))], &target)
        .await
        .unwrap();
    holds(&told.lines()[1], &["restart → it runs again"]);
    assert_eq!(target.calls().last().unwrap(), "restart within 7s");

    // One comes back, one stays.
    let target = Machine::of(&WORKERS).on_signal(|processes, process, _| {
        if process.pid == 12 {
            processes.retain(|other| other.pid != 12);
            processes.push(running((99, 5000, "worker new")));
        }
        process.pid != 30
    });
    let started = Instant::now();
    let text = told.failure(restart("worker", Which::All, 10), &target).await;
    assert_eq!(started.elapsed().as_secs(), 10);
    holds(
        &text,
        &[
            "SIGTERM went to 2 processes (pids 40, 12), and within 10 s only 1 new one was there instead; 1 has not ended",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn the_target_goes_on_after_its_time_and_after_an_error() {
    let target = Machine::of(&[]);
    let mut told = Told::new();
    let started = Instant::now();
    let lasts = Some(Duration::from_secs(30));
    let steps =
        [at(3, Action::Pause { lasts }), at(4, Action::Pause { lasts: None }), at(5, Action::Unpause), sleep(5)];
    told.run(&steps, &target).await.unwrap();
    assert_eq!(started.elapsed().as_secs(), 35);
    assert_eq!(target.calls(), ["pause", "unpause", "pause", "unpause"]);
    holds(&told.lines()[0], &["pause → it stood still for 30 s in 30 s"]);
    holds(&told.lines()[3], &["sleep 5 s → done in 5 s"]);

    let target = Machine::of(&[]).refusing("pause", ControlError::Failed("half of it froze".to_owned()));
    holds(&told.failure(at(3, Action::Pause { lasts }), &target).await, &["pause: half of it froze"]);
    assert_eq!(target.calls(), ["pause", "unpause"]);

    // A wait that is over cuts a pause and a sleep short, and the target goes on.
    let target = Machine::of(&[]);
    let waiting = |step| wait(Duration::from_secs(10), Duration::from_secs(1), step);
    let text = told.failure(waiting(at(3, Action::Pause { lasts })), &target).await;
    holds(&text, &["not within 10 s (1 try): it was to stand still for 30 s, and goes on after 10 s"]);
    assert_eq!(target.calls(), ["pause", "unpause"]);
    holds(&told.failure(waiting(sleep(20)), &target).await, &["not within 10 s (1 try): only 10 s of it were left"]);
}

#[tokio::test(start_paused = true)]
async fn a_line_of_the_log_is_awaited_and_taken_apart() {
    let target = Machine::of(&[]);
    target.writes(Duration::from_secs(3), "job 17 begun");
    target.writes(Duration::from_secs(4), "job 17 done");
    let mut told = Told::new();
    let mut step = log(r"job \d+ done", 10);
    let from = CaptureFrom::Regex(Regex::new(r"job (\d+)").unwrap());
    step.capture.insert("job".to_owned(), Capture { from, all: false });
    let started = Instant::now();
    told.run(&[logged(step)], &target).await.unwrap();
    assert_eq!(started.elapsed().as_secs(), 4);
    assert_eq!(told.captured("job"), Some(&Value::from("17")));
    holds(&told.lines()[0], &[r"log /job \d+ done/ → `job 17 done` in 4 s"]);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_never_comes_shows_the_last_ones() {
    let target = Machine::of(&[]);
    (1..=7).for_each(|n| target.writes(Duration::ZERO, &format!("line {n} hunter22")));
    let mut told = Told::new();
    told.redactor.add("hunter22");
    let started = Instant::now();
    let text = told.failure(logged(log("never", 10)), &target).await;
    assert_eq!(started.elapsed().as_secs(), 10);
    holds(
        &text,
        &[
            "app.yaml:9:5: log /never/: no such line within 10 s; 7 lines came since the step before began",
            "also: the log (stdout): line 3 [secret]",
            "also: the log (stdout): line 7 [secret]",
        ],
    );
    assert!(!text.contains("line 2"), "{text}");
    let target = Machine::of(&[]).refusing("log", ControlError::Failed("the engine is busy".to_owned()));
    holds(&told.failure(logged(log("never", 2)), &target).await, &["the log cannot be read: the engine is busy"]);
}

#[tokio::test(start_paused = true)]
async fn the_log_is_read_from_the_begin_of_the_step_before() {
    let target = Machine::of(&[]);
    target.writes(Duration::ZERO, "here");
    let mut told = Told::new();
    let created = told.flow.since;
    told.run(&[logged(log("here", 1))], &target).await.unwrap();
    let first_run = jiff::Timestamp::now();
    let steps = [repeat(2, None, vec![exec(&["true"]).step()]), logged(log("here", 1)), logged(log("here", 1))];
    told.run(&steps, &target).await.unwrap();
    let asked = target.asked.lock().unwrap().clone();
    assert_eq!(asked[0], created, "nothing was before the first step but the user");
    // The repeat as a whole is the step before, and then the first wait for a line.
    assert!(asked[1] >= first_run && asked[2] > asked[1], "{asked:?} {first_run}");
}

#[tokio::test(start_paused = true)]
async fn snapshots_are_asked_for_and_waited_for() {
    let target = Machine::of(&[]);
    let mut told = Told::new();
    let probe = || at(11, Action::Probe("before the storm".to_owned()));
    let text = told.failure(wait(Duration::from_secs(60), Duration::from_secs(1), probe()), &target).await;
    holds(&text, &["probe before the storm: snapshots are taken only during a night"]);

    let (prober, mut requests) = mpsc::channel::<SnapshotRequest>(1);
    told.flow.probe_by(Some(prober));
    let watching = tokio::spawn(async move {
        for answer in [Ok(()), Err("the target is gone".to_owned())] {
            let request = requests.recv().await.unwrap();
            assert_eq!(request.name, "before the storm");
            request.done.send(answer).unwrap();
        }
        // The third is taken and never answered.
        let request = requests.recv().await.unwrap();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        drop(request);
    });
    told.run(&[probe()], &target).await.unwrap();
    holds(&told.lines()[0], &["probe before the storm → a snapshot was taken in "]);
    holds(&told.failure(probe(), &target).await, &["no snapshot was taken: the target is gone"]);
    holds(&told.failure(probe(), &target).await, &["no snapshot was taken within 1 min"]);
    watching.abort();
    let _ = watching.await;
    holds(&told.failure(probe(), &target).await, &["nobody takes them any more"]);
}
