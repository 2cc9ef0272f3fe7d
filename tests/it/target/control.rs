//! What steps do to a target that runs: signals, restarts, pauses, and its log since a moment.

use slowdrip::model::{ControlError, RunningProcess};
use slowdrip::target::{Facts, TargetEvent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// A shell with all its tools, in one file.
pub(super) const BUSYBOX: &str = "/bin/busybox";

/// True where the shell is there; says so where it is not.
pub(super) fn busybox_or_skip() -> bool {
    let there = Path::new(BUSYBOX).exists();
    if !there {
        assert!(std::env::var_os("CI").is_none(), "busybox-static is not installed");
        let _ = std::io::stderr().write_all(b"SKIPPED, busybox-static is not installed\n");
    }
    there
}

/// A context of the shell, with these lines after the first.
pub(super) fn shell_context(dir: &Path, lines: &str) -> std::path::PathBuf {
    let context = dir.join("shell");
    std::fs::create_dir_all(&context).unwrap();
    std::fs::copy(BUSYBOX, context.join("busybox")).unwrap();
    let first = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\n";
    std::fs::write(context.join("Dockerfile"), format!("{first}{lines}")).unwrap();
    context
}

/// A container that serves a page, logs, and has two processes that can be told apart.
fn serving(dir: &Path) -> TargetKind {
    let script = "trap 'echo bye; exit 0' TERM; echo up; busybox sleep 4001 & busybox sleep 4002 & mkdir -p /www; echo page >/www/index.html; busybox httpd -f -p 8080 -h /www & while :; do wait; done";
    let script = script.replace("mkdir", "busybox mkdir");
    let command = serde_json::to_string(&["/bin/sh", "-c", &script]).unwrap();
    build(&shell_context(dir, &format!("ENV PATH=/bin\nCMD {command}\n")))
}

fn page() -> ReadyCheck {
    ReadyCheck::Http { port: None, path: "/index.html".into(), status: 200 }
}

/// Whether the target answers within a moment.
async fn answers(target: &Target) -> bool {
    let address = target.address(8080).unwrap();
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n").await?;
        stream.read(&mut [0; 1]).await
    };
    matches!(tokio::time::timeout(Duration::from_secs(2), ask).await, Ok(Ok(1)))
}

async fn until_it_answers(target: &Target) {
    let began = Instant::now();
    while !answers(target).await {
        assert!(began.elapsed() < SOON, "it does not answer any more");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn find(target: &Target, command: &str) -> Option<RunningProcess> {
    let found = target.processes().await.unwrap();
    found.into_iter().find(|process| process.command == command)
}

async fn until_gone(target: &Target, command: &str) {
    let began = Instant::now();
    while find(target, command).await.is_some() {
        assert!(began.elapsed() < SOON, "{command} is still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn pid_of(state: &State) -> u32 {
    let State::Running { pid, .. } = state else { panic!("it does not run: {state:?}") };
    *pid
}

fn told(events: &[TargetEvent]) -> Vec<(EventKind, &str)> {
    events.iter().map(|event| (event.kind, event.text.as_str())).collect()
}

#[tokio::test]
async fn a_signal_reaches_the_one_process_that_is_meant() {
    let Some(docker) = docker_or_skip().filter(|_| busybox_or_skip()) else { return };
    let dir = tempfile::tempdir().unwrap();
    let run = unique_run("signal");
    let mut target = up(&scenario(serving(dir.path()), page()), &run).await;

    let all = target.processes().await.unwrap();
    let main = pid_of(&target.state().await.unwrap());
    assert!(all.iter().any(|process| process.pid == main && process.command.contains("echo bye; exit 0")), "{all:?}");
    let one = find(&target, "busybox sleep 4001").await.unwrap();
    let other = find(&target, "busybox sleep 4002").await.unwrap();
    assert!(one.start.is_some());

    // A process that is somebody else's, or was, is never hit.
    let mut bystander = tokio::process::Command::new("sleep").arg("600").kill_on_drop(true).spawn().unwrap();
    let start = slowdrip_start_of(bystander.id().unwrap());
    let stranger = RunningProcess { pid: bystander.id().unwrap(), start: Some(start), command: "sleep 600".into() };
    assert!(!target.signal(&stranger, "SIGKILL").await.unwrap());
    let earlier = RunningProcess { start: other.start.map(|start| start - 1), ..other.clone() };
    assert!(!target.signal(&earlier, "SIGKILL").await.unwrap());
    assert!(bystander.try_wait().unwrap().is_none());
    assert!(target.signal(&one, "SIGNOPE").await.unwrap_err().to_string().contains("unknown signal `SIGNOPE`"));

    assert!(target.signal(&one, "SIGKILL").await.unwrap());
    until_gone(&target, "busybox sleep 4001").await;
    assert!(!target.signal(&one, "SIGKILL").await.unwrap(), "it is gone");
    assert_eq!(find(&target, "busybox sleep 4002").await, Some(other));
    assert!(answers(&target).await);
    let events = target.drain_events();
    let text = format!("SIGKILL was sent to 1 process, as the scenario asked: {} (busybox sleep 4001)", one.pid);
    assert_eq!(told(&events), [(EventKind::Asked, text.as_str())]);

    target.remove().await.unwrap();
    assert_eq!(docker.of_run(&run), Vec::<String>::new());
}

fn slowdrip_start_of(pid: u32) -> u64 {
    owner_of(pid).rsplit('/').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_restart_that_was_asked_for_is_no_death_and_what_shares_the_network_comes_along() {
    let Some(docker) = docker_or_skip().filter(|_| busybox_or_skip()) else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut plan = scenario(serving(dir.path()), page());
    let reach = "until busybox wget -q -O - http://127.0.0.1:8080/index.html; do busybox sleep 0.1; done";
    plan.sidecars = vec![Sidecar {
        name: "inside".into(),
        kind: plan.target.kind.clone(),
        options: ContainerOptions {
            network: Network::Target,
            cmd: Some(["/bin/busybox", "sleep", "600"].map(String::from).into()),
            ..ContainerOptions::default()
        },
    }];
    let run = unique_run("restart");
    let mut target = up(&plan, &run).await;
    let before = target.state().await.unwrap();
    let mut facts = Facts::default();

    // Whoever looks meanwhile waits, and sees no death.
    let looking = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        target.state().await.unwrap()
    };
    let (restarted, after) = tokio::join!(target.restart(Duration::from_secs(10)), looking);
    restarted.unwrap();
    let State::Running { pid, restarts: 1, .. } = after else { panic!("{after:?}") };
    assert_ne!(pid, pid_of(&before));
    assert_eq!(target.scope(), Some(Scope::Container { pid, id: target.record().container.unwrap() }));
    until_it_answers(&target).await;
    let words = ["/bin/sh", "-c", reach].map(String::from);
    let reached = target.exec(Some("inside"), &words).await.unwrap();
    assert_eq!((reached.exit_code, reached.stdout.as_slice()), (0, &b"page\n"[..]));
    assert_eq!(target.exec(None, &words).await.unwrap().exit_code, 0);
    facts.note(&target, &after);
    let mut sample = slowdrip::model::TargetSample::default();
    facts.enter(&mut sample);
    assert_eq!(sample.restarts, Some(0), "it is not held against the target");
    let events = target.drain_events();
    assert_eq!(told(&events), [(EventKind::Asked, "the container was restarted, as the scenario asked")]);

    // Cut off half-way it goes on to its end, and no state shows a target that is down.
    let cut = tokio::time::timeout(Duration::from_millis(30), target.restart(Duration::from_secs(10))).await;
    assert!(cut.is_err());
    assert!(matches!(target.state().await.unwrap(), State::Running { restarts: 2, .. }));
    until_it_answers(&target).await;
    assert_eq!(target.drain_events().len(), 1);

    // One second after, an end is the target's own.
    let main = pid_of(&target.state().await.unwrap());
    docker.run(&["kill", "--signal", "KILL", &target.record().container.unwrap()]);
    assert!(event(&target, EventKind::Died).await.contains("exit code 137"));
    assert!(matches!(target.state().await.unwrap(), State::Exited { code: Some(137), .. }), "{main}");
    let refused = target.restart(Duration::from_secs(1)).await.unwrap_err().to_string();
    assert!(refused.contains("had ended before") && refused.contains("exit code 137"), "{refused}");

    target.remove().await.unwrap();
    assert_eq!(docker.of_run(&run), Vec::<String>::new());
}

#[tokio::test]
async fn a_target_that_does_not_come_up_again_or_is_removed_meanwhile_says_so() {
    let Some(docker) = docker_or_skip().filter(|_| busybox_or_skip()) else { return };
    let dir = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; [ -e /once ] && exit 4; echo >/once; while :; do busybox sleep 1; done";
    let command = serde_json::to_string(&["/bin/sh", "-c", script]).unwrap();
    let kind = build(&shell_context(dir.path(), &format!("ENV PATH=/bin\nCMD {command}\n")));
    let plan = scenario(kind, ReadyCheck::Started);
    let run = unique_run("again");
    let mut target = up(&plan, &run).await;
    // Whether it was up for a moment: whoever looks may be too late to see it.
    let again = target.restart(Duration::from_secs(1)).await.map_err(|err| err.to_string());
    let began = Instant::now();
    let state = loop {
        let state = target.state().await.unwrap();
        if !matches!(state, State::Running { .. }) || began.elapsed() > SOON {
            break state;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(event(&target, EventKind::Died).await.contains("exit code 4"), "its end after the start is its own");
    target.remove().await.unwrap();
    assert_eq!(state, State::Exited { code: Some(4), oom: false }, "{again:?}");
    assert!(again.as_ref().err().is_none_or(|err| err.contains("ended again")), "{again:?}");

    // It ignores the signal: the restart is still under way when the target is taken down.
    let run = unique_run("again");
    let mut target = up(&plan, &run).await;
    let cut = tokio::time::timeout(Duration::from_millis(200), target.restart(Duration::from_secs(60))).await;
    assert!(cut.is_err());
    let began = Instant::now();
    target.remove().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(docker.of_run(&run), Vec::<String>::new());
}

#[tokio::test]
async fn a_paused_container_stands_still_goes_on_and_can_be_taken_down() {
    let Some(docker) = docker_or_skip().filter(|_| busybox_or_skip()) else { return };
    let dir = tempfile::tempdir().unwrap();
    let run = unique_run("pause");
    let mut target = up(&scenario(serving(dir.path()), page()), &run).await;
    let before = pid_of(&target.state().await.unwrap());
    for paused in [true, true] {
        target.pause(paused).await.unwrap();
    }
    assert!(!answers(&target).await);
    assert_eq!(pid_of(&target.state().await.unwrap()), before);
    let refused = target.exec(None, &["true".into()]).await.unwrap_err().to_string();
    assert!(refused.contains("is paused"), "{refused}");
    assert!(find(&target, "busybox sleep 4001").await.is_some());
    for paused in [false, false] {
        target.pause(paused).await.unwrap();
    }
    assert!(answers(&target).await);
    let texts =
        ["the target was paused, as the scenario asked", "the target goes on after its pause, as the scenario asked"];
    assert_eq!(told(&target.drain_events()), texts.map(|text| (EventKind::Asked, text)));

    // A restart ends a pause, and a stop too.
    target.pause(true).await.unwrap();
    target.restart(Duration::from_secs(10)).await.unwrap();
    until_it_answers(&target).await;
    target.pause(true).await.unwrap();
    let stop = target.stop("SIGTERM", SOON).await.unwrap().unwrap();
    assert_eq!((stop.response, stop.exit_code), (TermResponse::Exited, Some(0)));
    target.remove().await.unwrap();
    assert_eq!(docker.of_run(&run), Vec::<String>::new());

    let run = unique_run("pause");
    let mut target = up(&scenario(serving(dir.path()), page()), &run).await;
    target.pause(true).await.unwrap();
    target.remove().await.unwrap();
    assert_eq!(docker.of_run(&run), Vec::<String>::new());
}

#[tokio::test]
async fn the_log_since_a_moment_leaves_out_what_was_before() {
    let Some(docker) = docker_or_skip().filter(|_| busybox_or_skip()) else { return };
    let dir = tempfile::tempdir().unwrap();
    let run = unique_run("since");
    let mut target = up(&scenario(serving(dir.path()), page()), &run).await;
    let begin = target.logs(10).await.unwrap();
    assert_eq!(begin.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["up"]);
    let first = begin[0].at.unwrap();
    assert_eq!(target.logs_since(first).await.unwrap(), begin);
    let later = first.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap();
    assert_eq!(target.logs_since(later).await.unwrap(), []);
    target.restart(Duration::from_secs(10)).await.unwrap();
    let began = Instant::now();
    let texts = loop {
        let lines = target.logs_since(later).await.unwrap();
        if lines.len() >= 2 || began.elapsed() > SOON {
            break lines.into_iter().map(|line| line.text).collect::<Vec<_>>();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(texts, ["bye", "up"]);
    target.remove().await.unwrap();
    assert_eq!(docker.of_run(&run), Vec::<String>::new());
}

#[tokio::test]
async fn a_container_that_is_only_watched_is_neither_restarted_nor_paused() {
    let Some(docker) = docker_or_skip().filter(|_| busybox_or_skip()) else { return };
    let dir = tempfile::tempdir().unwrap();
    let run = unique_run("own");
    let mut own = up(&scenario(serving(dir.path()), page()), &run).await;
    let plan = scenario(TargetKind::Container(own.record().container.unwrap()), ReadyCheck::Started);
    let mut watched = up(&plan, &unique_run("watched")).await;
    for refused in [watched.restart(SOON).await, watched.pause(true).await] {
        let err = refused.unwrap_err();
        assert!(matches!(err, ControlError::Unsupported { kind: "container", .. }), "{err}");
        assert!(err.to_string().contains("only watches it"), "{err}");
    }
    let one = find(&watched, "busybox sleep 4001").await.unwrap();
    assert!(watched.signal(&one, "SIGTERM").await.unwrap());
    until_gone(&watched, "busybox sleep 4001").await;
    watched.remove().await.unwrap();
    assert!(answers(&own).await);
    own.remove().await.unwrap();
    assert_eq!(docker.of_run(&run), Vec::<String>::new());
}
