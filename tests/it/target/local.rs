//! Targets that are local processes: no engine is needed.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use slowdrip::model::{EventKind, PortEnd, Scope, TargetControl, TermResponse};
use slowdrip::scenario::{EnvValue, Ready, ReadyCheck, TargetKind};
use slowdrip::target::{State, TargetError, sweep_processes};

use super::{SOON, event, health, owner_of, scenario, target, up};
use crate::fixture::free_port;
use crate::support::{binary, unique_run};

/// Processes that inherited a run's id.
fn processes_of(run: &str) -> Vec<String> {
    let marker = format!("SLOWDRIP_RUN={run}");
    let folders = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let bears = |path: &Path| {
        let environ = std::fs::read(path.join("environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|entry| entry == marker.as_bytes())
    };
    folders.map(|entry| entry.path()).filter(|path| bears(path)).map(|path| path.display().to_string()).collect()
}

#[tokio::test]
async fn a_command_and_the_daemon_that_it_left_are_ended_together() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let script = format!(
        "(setsid sleep 86400 </dev/null >/dev/null 2>&1 &); (setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' </dev/null >/dev/null 2>&1 &); exec {} demo-app --listen 127.0.0.1:{port} --data {}",
        binary().display(),
        dir.path().display(),
    );
    let argv = vec!["sh".into(), "-c".into(), script];
    let mut plan = scenario(TargetKind::Command { argv, workdir: Some(dir.path().into()) }, health());
    plan.target.options.publish = vec![port];
    plan.target.options.env = BTreeMap::from([("COLOUR".into(), EnvValue::Plain("green".into()))]);
    let run = unique_run("daemon");
    let mut target = up(&plan, &run).await;
    let State::Running { pid, .. } = target.state().await.unwrap() else { panic!("it does not run") };
    assert_eq!(target.scope(), Some(Scope::Descent { pid }));
    assert!(target.engine().is_none());
    assert_eq!(target.address(port).unwrap().port(), port);
    assert!(target.logs(10).await.unwrap().iter().any(|line| line.text.contains("listening on")));
    let shell = "printf $COLOUR; printf oops >&2; exit 3";
    let exec = target.exec(None, &["sh".into(), "-c".into(), shell.into()]).await.unwrap();
    assert_eq!((exec.exit_code, exec.stdout.as_slice(), exec.stderr.as_slice()), (3, &b"green"[..], &b"oops"[..]));
    assert!(processes_of(&run).len() >= 3);

    let stop = target.stop("SIGTERM", SOON).await.unwrap().unwrap();
    assert_eq!((stop.response, stop.port, stop.exit_code), (TermResponse::Exited, PortEnd::Silent, Some(0)));
    assert!(event(&target, EventKind::Died).await.contains("exit code 0"));
    assert!(processes_of(&run).len() >= 2, "the daemons outlive the main process");
    target.remove().await.unwrap();
    assert_eq!(processes_of(&run), Vec::<String>::new());
    target.remove().await.unwrap();
}

#[tokio::test]
async fn a_command_that_cannot_run_or_ends_or_finds_its_port_taken_says_so() {
    let fails = async |argv: &[&str], port: u16| {
        let argv = argv.iter().map(|&part| part.to_owned()).collect();
        let mut plan = scenario(TargetKind::Command { argv, workdir: None }, ReadyCheck::Started);
        plan.target.options.publish = vec![port];
        plan.ready = Ready { check: health(), within: SOON };
        let mut target = target(&plan, &unique_run("fails")).await;
        let outcome = match target.start(&|_| {}).await {
            Ok(()) => target.wait_ready(&|_| {}).await,
            Err(err) => Err(err),
        };
        target.remove().await.unwrap();
        outcome.unwrap_err()
    };
    let err = fails(&["/no/such/program"], free_port()).await;
    assert!(matches!(&err, TargetError::CommandFailed { program, .. } if program == "/no/such/program"), "{err}");
    let err = fails(&["sh", "-c", "echo 'last\x1b[31m words' >&2; exit 7"], free_port()).await;
    let TargetError::EndedEarly { how, lines } = &err else { panic!("{err}") };
    assert_eq!((how.as_str(), lines.as_slice()), ("with exit code 7", &["last\\u{1b}[31m words".to_owned()][..]));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let err = fails(&["sleep", "60"], port).await;
    assert!(matches!(err, TargetError::PortTaken { port: taken } if taken == port), "{err}");
}

#[tokio::test]
async fn a_process_that_is_attached_to_is_left_alone() {
    let mut child = tokio::process::Command::new("sleep").arg("600").kill_on_drop(true).spawn().unwrap();
    let pid = child.id().unwrap();
    let mut plan = scenario(TargetKind::Pid(pid), ReadyCheck::Started);
    plan.target.options.publish = Vec::new();
    let mut target = up(&plan, "attached-pid").await;
    assert_eq!(target.scope(), Some(Scope::Descent { pid }));
    assert_eq!(target.stop("SIGTERM", SOON).await.unwrap(), None);
    assert!(target.exec(None, &["true".into()]).await.unwrap_err().to_string().contains("cannot run commands"));
    target.remove().await.unwrap();
    assert!(matches!(target.state().await.unwrap(), State::Running { .. }));
    child.kill().await.unwrap();
    assert_eq!(target.state().await.unwrap(), State::Gone);
}

#[tokio::test]
async fn local_processes_of_a_dead_run_are_swept_and_those_of_a_living_one_are_not() {
    let mut owner = tokio::process::Command::new("sleep").arg("600").kill_on_drop(true).spawn().unwrap();
    let label = owner_of(owner.id().unwrap());
    let orphan =
        || tokio::process::Command::new("sleep").arg("600").env("SLOWDRIP_OWNER", &label).kill_on_drop(true).spawn();
    let mut orphan = orphan().unwrap();
    sweep_processes().await;
    assert_eq!(orphan.try_wait().unwrap(), None);
    owner.kill().await.unwrap();
    sweep_processes().await;
    tokio::time::timeout(SOON, orphan.wait()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_command_that_ignores_the_stop_signal_is_killed() {
    let argv = ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"].map(String::from).to_vec();
    let check = ReadyCheck::Log(regex::Regex::new("^up$").unwrap());
    let mut plan = scenario(TargetKind::Command { argv, workdir: None }, check);
    plan.target.options.publish = Vec::new();
    let run = unique_run("ignores");
    let mut target = up(&plan, &run).await;
    let stop = target.stop("SIGTERM", Duration::from_millis(500)).await.unwrap().unwrap();
    assert_eq!((stop.response, stop.port, stop.exit_code), (TermResponse::Ignored, PortEnd::NoPort, None));
    assert_eq!(target.state().await.unwrap(), State::Exited { code: Some(137), oom: false });
    target.remove().await.unwrap();
    assert_eq!(processes_of(&run), Vec::<String>::new());
}
