//! The same for processes of this machine: no engine is needed.

use slowdrip::model::{ControlError, RunningProcess};

use super::*;

/// A shell that counts, with a child that can be told by its argument.
fn counting(dir: &Path) -> Scenario {
    let script = "trap 'echo bye; exit 0' TERM; echo up; sleep 4003 & n=0; while :; do n=$((n+1)); echo $n >count; sleep 0.05; done";
    let argv = ["sh", "-c", script].map(String::from).to_vec();
    let check = ReadyCheck::Log(regex::Regex::new("^up$").unwrap());
    let mut plan = scenario(TargetKind::Command { argv, workdir: Some(dir.into()) }, check);
    plan.target.options.publish = Vec::new();
    plan
}

async fn child(target: &Target) -> Option<RunningProcess> {
    target.processes().await.unwrap().into_iter().find(|process| process.command == "sleep 4003")
}

/// Waits for the counter to move; false where it stands for a while.
async fn counts(dir: &Path) -> bool {
    let read = || std::fs::read_to_string(dir.join("count")).unwrap_or_default();
    let (before, began) = (read(), Instant::now());
    while began.elapsed() < Duration::from_secs(2) {
        // In the middle of being written it is empty.
        if !read().is_empty() && read() != before {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn a_command_is_restarted_with_the_same_log_and_without_what_the_first_one_left() {
    let dir = tempfile::tempdir().unwrap();
    let run = unique_run("restart-local");
    let mut target = up(&counting(dir.path()), &run).await;
    let State::Running { pid: before, restarts: 0, .. } = target.state().await.unwrap() else { panic!() };
    let old = child(&target).await.unwrap();
    let begin = target.logs(1).await.unwrap().remove(0).at.unwrap();

    let looking = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        target.state().await.unwrap()
    };
    let (restarted, after) = tokio::join!(target.restart(Duration::from_secs(10)), looking);
    restarted.unwrap();
    let State::Running { pid, restarts: 1, .. } = after else { panic!("{after:?}") };
    assert_ne!(pid, before);
    assert_eq!(target.scope(), Some(Scope::Descent { pid }));
    target.wait_ready(&|_| {}).await.unwrap();
    assert!(!target.signal(&old, "SIGKILL").await.unwrap(), "it ended with the first one");
    let events = target.drain_events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(
        (events[0].kind, events[0].text.as_str()),
        (EventKind::Asked, "the target was restarted, as the scenario asked")
    );
    let texts = async |since| {
        let lines = target.logs_since(since).await.unwrap();
        lines.into_iter().map(|line| line.text).collect::<Vec<_>>()
    };
    let began = Instant::now();
    while texts(begin).await.len() < 3 && began.elapsed() < SOON {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(texts(begin).await, ["up", "bye", "up"]);
    assert_eq!(texts(begin.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap()).await, ["bye", "up"]);

    // An end that nobody asked for is a death, whatever was asked before.
    let main = target.processes().await.unwrap().into_iter().find(|process| process.pid == pid).unwrap();
    assert!(target.signal(&main, "SIGKILL").await.unwrap());
    assert!(event(&target, EventKind::Died).await.contains("exit code 137"));
    let refused = target.restart(Duration::from_secs(1)).await.unwrap_err().to_string();
    assert!(refused.contains("had ended before"), "{refused}");
    target.remove().await.unwrap();
}

#[tokio::test]
async fn a_command_that_ignores_the_signal_is_killed_for_its_restart() {
    let argv = ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"].map(String::from).to_vec();
    let check = ReadyCheck::Log(regex::Regex::new("^up$").unwrap());
    let mut plan = scenario(TargetKind::Command { argv, workdir: None }, check);
    plan.target.options.publish = Vec::new();
    let mut target = up(&plan, &unique_run("stubborn")).await;
    target.restart(Duration::from_millis(300)).await.unwrap();
    assert!(matches!(target.state().await.unwrap(), State::Running { restarts: 1, .. }));
    assert!(target.drain_events().iter().all(|event| event.kind == EventKind::Asked));
    // Taken down while a restart waits for it.
    let cut = tokio::time::timeout(Duration::from_millis(50), target.restart(SOON)).await;
    assert!(cut.is_err());
    let began = Instant::now();
    target.remove().await.unwrap();
    assert!(began.elapsed() < SOON / 2);
}

#[tokio::test]
async fn a_paused_command_stands_still_with_its_children_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let run = unique_run("pause-local");
    let mut target = up(&counting(dir.path()), &run).await;
    assert!(counts(dir.path()).await);
    target.pause(true).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!counts(dir.path()).await);
    let stopped = child(&target).await.unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", stopped.pid)).unwrap();
    assert!(stat.contains(") T "), "{stat}");
    assert!(matches!(target.state().await.unwrap(), State::Running { .. }));
    target.pause(false).await.unwrap();
    assert!(counts(dir.path()).await);

    target.pause(true).await.unwrap();
    let stop = target.stop("SIGTERM", SOON).await.unwrap().unwrap();
    assert_eq!((stop.response, stop.exit_code), (TermResponse::Exited, Some(0)));
    target.remove().await.unwrap();

    let mut target = up(&counting(dir.path()), &unique_run("pause-local")).await;
    target.pause(true).await.unwrap();
    target.remove().await.unwrap();
    assert!(!counts(dir.path()).await);
}

#[tokio::test]
async fn a_process_that_is_only_watched_takes_signals_and_nothing_else() {
    let mut program = Command::new("sh").args(["-c", "sleep 4004 & wait; exec sleep 600"]).spawn().unwrap();
    let plan = scenario(TargetKind::Pid(program.id()), ReadyCheck::Started);
    let mut target = up(&plan, "watched-pid").await;
    for refused in [
        target.restart(SOON).await,
        target.pause(true).await,
        target.logs_since(jiff::Timestamp::now()).await.map(drop),
    ] {
        assert!(matches!(refused.unwrap_err(), ControlError::Unsupported { kind: "pid", .. }));
    }
    let began = Instant::now();
    let found = loop {
        let all = target.processes().await.unwrap();
        if let Some(found) = all.into_iter().find(|process| process.command == "sleep 4004") {
            break found;
        }
        assert!(began.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(target.signal(&found, "SIGTERM").await.unwrap());
    assert!(event(&target, EventKind::Asked).await.contains("SIGTERM was sent to 1 process"));
    let later = RunningProcess { pid: program.id(), start: Some(1), command: "sh".into() };
    assert!(!target.signal(&later, "SIGKILL").await.unwrap());
    assert!(program.try_wait().unwrap().is_none());
    for process in target.processes().await.unwrap() {
        target.signal(&process, "SIGKILL").await.unwrap();
    }
    program.wait().unwrap();
    target.remove().await.unwrap();
}
