//! The ways to a container's processes: what each of them sees, that nothing of them is left, and who may use them.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::fixture::{Fixture, SLOWDRIP, Started, is_root_or_skip, json, nobody, stderr, stdout};
use crate::support::{Docker, docker_or_skip, unique_run};

/// The shell that goes into a container.
const BUSYBOX: &str = "/bin/busybox";

/// A container with an image of its own, removed at the end.
struct Container {
    docker: Docker,
    name: String,
    id: String,
}

impl Container {
    /// The demo application, which leaks nothing.
    fn demo(docker: Docker, fixture: &Fixture) -> Self {
        let dockerfile = "FROM scratch\nCOPY slowdrip /slowdrip\nWORKDIR /data\nENTRYPOINT [\"/slowdrip\"]\n";
        let arguments = ["demo-app", "--listen", "0.0.0.0:8080", "--data", "/data"];
        Self::of(docker, fixture, Path::new(SLOWDRIP), dockerfile, &[], &arguments)
    }

    /// A shell, with some flags of `docker run`.
    fn shell(docker: Docker, fixture: &Fixture, flags: &[&str]) -> Self {
        let dockerfile = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\n";
        let script = "exec 5</bin/busybox 6</dev/null; exec /bin/busybox sleep 600";
        Self::of(docker, fixture, Path::new(BUSYBOX), dockerfile, flags, &["/bin/sh", "-c", script])
    }

    fn of(
        docker: Docker,
        fixture: &Fixture,
        program: &Path,
        dockerfile: &str,
        flags: &[&str],
        arguments: &[&str],
    ) -> Self {
        let name = unique_run("access");
        let context = fixture.path().join("context");
        std::fs::create_dir_all(&context).unwrap();
        let copy = context.join(program.file_name().unwrap());
        // A link where that is possible: the program is large.
        if std::fs::hard_link(program, &copy).is_err() {
            std::fs::copy(program, &copy).unwrap();
        }
        std::fs::write(context.join("Dockerfile"), dockerfile).unwrap();
        let image = format!("it-access:{name}");
        let built = Command::new("docker")
            .env("DOCKER_BUILDKIT", "0")
            .args(["build", "--quiet", "--no-cache", "--tag", &image])
            .arg(&context)
            .output()
            .unwrap();
        assert!(built.status.success(), "{built:?}");
        let run = [&["run", "--detach", "--name", &name][..], flags, &[&image], arguments].concat();
        let id = docker.run(&run);
        Self { docker, name, id }
    }

    /// Containers that were put beside this one.
    fn helpers(&self) -> Vec<String> {
        let filter = format!("name=slowdrip-attached-.*-{}-probe", &self.id[..12]);
        let found = self.docker.run(&["ps", "--all", "--format", "{{.Names}}", "--filter", &filter]);
        found.lines().map(str::to_owned).collect()
    }

    fn one_helper(&self) -> String {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let [one] = self.helpers().as_slice() {
                return one.clone();
            }
            assert!(Instant::now() < deadline, "{:?}", self.helpers());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn wait_for_no_helper(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.helpers().is_empty() {
            assert!(Instant::now() < deadline, "{:?}", self.helpers());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The scenario of a night beside the container.
    fn night(&self, fixture: &Fixture, soak: &str) {
        let text =
            format!("name: beside\ntarget: {{container: {}}}\nsoak: {soak}\nthresholds: thresholds.yaml\n", self.name);
        fixture.write("beside.yaml", &text);
        let rules = "classes:\n  fd.total: {max: 100}\n  fd.eventpoll: {max_dead: 0}\n";
        fixture.write("thresholds.yaml", rules);
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.docker.output(&["rm", "--force", "--volumes", &self.name]);
        self.docker.output(&["image", "rm", &format!("it-access:{}", self.name)]);
    }
}

/// The snapshots of a run, in order.
fn snapshots(run: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(run.join("samples.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What does not depend on who looks: of every process of the application, its pid inside, its command and its descriptors.
fn census(run: &Path) -> BTreeMap<u64, (String, Value)> {
    let last = snapshots(run).pop().unwrap();
    let processes = last["processes"].as_array().unwrap().clone();
    processes
        .into_iter()
        .filter(|process| process["role"] == "app")
        .map(|process| {
            let pid = process["ns_pid"].as_u64().unwrap();
            (pid, (process["cmdline"].as_str().unwrap().to_owned(), process["fds"]["value"]["classes"].clone()))
        })
        .collect()
}

/// The texts of the events of a run.
fn events(run: &Path) -> Vec<String> {
    let record = json(&run.join("run.json"));
    let events = record["events"].as_array().unwrap().clone();
    events.into_iter().map(|event| event["text"].as_str().unwrap().to_owned()).collect()
}

/// The fate of a rule.
fn status(run: &Path, class: &str, rule: &str) -> String {
    let findings = json(&run.join("findings.json"));
    let findings = findings["findings"].as_array().unwrap().clone();
    let found = findings.iter().find(|found| found["class"] == class && found["rule"] == rule);
    found.unwrap_or_else(|| panic!("{class} {rule}: {findings:?}"))["status"].as_str().unwrap().to_owned()
}

/// The images of the program that a process with this pid made.
fn images(docker: Docker, pid: u32) -> String {
    docker.run(&["images", "--all", "--quiet", "--filter", &format!("label=slowdrip.run=probe-{pid}")])
}

/// Carries connections from a TCP port to the engine's socket, as a remote engine has it.
fn over_tcp() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let engine = UnixStream::connect("/var/run/docker.sock").unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), engine.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Write);
            });
            let (mut from, mut to) = (engine, client);
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    address
}

#[test]
fn the_helper_sees_what_the_host_sees_and_is_gone_afterwards() {
    let Some(docker) = docker_or_skip() else { return };
    let fixture = Fixture::new();
    let container = Container::demo(docker, &fixture);
    container.night(&fixture, "{duration: 3s, interval: 500ms}");
    let remote = over_tcp();
    for (mode, host) in [("host", None), ("helper", None), ("helper", Some(remote.as_str()))] {
        let mut command = fixture.command(&["run", "beside.yaml", "--probe", mode]);
        command.envs(host.map(|host| ("DOCKER_HOST", host)));
        let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{mode}: {}{}", stdout(&output), stderr(&output));
        assert_eq!(container.helpers(), Vec::<String>::new());
        assert_eq!(images(docker, pid), "");
    }
    let runs = fixture.runs("beside");
    assert_eq!(runs.len(), 3);
    let seen: Vec<_> = runs.iter().map(|run| census(run)).collect();
    assert!(
        seen[0][&1].1["eventpoll"].as_u64() > Some(0) || seen[0][&1].1["fd.eventpoll"].as_u64() > Some(0),
        "{seen:?}"
    );
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    for (run, mode) in runs.iter().zip(["host", "helper", "helper"]) {
        let record = json(&run.join("run.json"));
        assert_eq!(record["target"]["probe"], mode);
        assert_eq!(record["target"]["probe_reason"], if mode == "host" { "" } else { "it was asked for" });
        assert_eq!(status(run, "fd.eventpoll", "max_dead"), "holds");
        let gaps: Vec<Value> = snapshots(run).iter().map(|snapshot| snapshot["gaps"].clone()).collect();
        assert!(gaps.iter().all(|gaps| gaps.as_array().unwrap().is_empty()), "{gaps:?}");
    }
    // The engine's own words stand in for the cgroup that a helper may not see.
    let last = snapshots(&runs[1]).pop().unwrap();
    assert!(last["target"]["cgroup"]["memory"]["value"].as_u64() > Some(1 << 20), "{last}");
    let page = std::fs::read_to_string(runs[1].join("report.html")).unwrap();
    assert!(page.contains("by way of helper"), "the report names the mode");
}

/// A night that goes on, and the container it looks at.
fn long_night(fixture: &Fixture, container: &Container, mode: &str) -> Started {
    container.night(fixture, "{duration: 18s, interval: 500ms}");
    let night = fixture.start_until(&["run", "beside.yaml", "--probe", mode], ": soak");
    let deadline = Instant::now() + Duration::from_secs(30);
    // The runs of a scenario, oldest first: this one is the last.
    let begun = |run: &PathBuf| std::fs::read(run.join("samples.jsonl")).is_ok_and(|samples| samples.ends_with(b"\n"));
    while !fixture.runs("beside").last().is_some_and(begun) {
        assert!(Instant::now() < deadline, "{}", night.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    night
}

fn came_back(run: &Path) {
    let snapshots = snapshots(run);
    let seen: Vec<bool> =
        snapshots.iter().map(|snapshot| !snapshot["processes"].as_array().unwrap().is_empty()).collect();
    assert!(seen.first() == Some(&true) && seen.last() == Some(&true), "{seen:?}");
    assert!(seen.iter().zip(&snapshots).all(|(seen, snapshot)| *seen || snapshot["gaps"].to_string().contains("late")));
    let events = events(run);
    assert!(events.iter().any(|event| event.contains("made anew")), "{events:?}");
}

#[test]
fn a_helper_that_is_killed_is_made_anew_and_what_was_missed_is_a_gap() {
    let Some(docker) = docker_or_skip() else { return };
    let fixture = Fixture::new();
    let container = Container::demo(docker, &fixture);
    let mut night = long_night(&fixture, &container, "helper");
    docker.run(&["kill", &container.one_helper()]);
    night.wait();
    let run = fixture.only_run("beside");
    came_back(&run);
    let lost = snapshots(&run).iter().filter(|snapshot| snapshot["gaps"].to_string().contains("\"late\"")).count();
    assert!(lost > 0, "what was missed is a gap");
    assert!(events(&run).iter().any(|event| event.contains("is lost")), "{:?}", events(&run));
    assert_eq!(container.helpers(), Vec::<String>::new());
}

#[test]
fn a_restart_of_the_container_makes_the_helper_anew_in_its_new_namespaces() {
    let Some(docker) = docker_or_skip() else { return };
    let fixture = Fixture::new();
    let container = Container::demo(docker, &fixture);
    let mut night = long_night(&fixture, &container, "helper");
    // A night that sees the moment in which nothing runs would end.
    night.signal(Signal::STOP);
    docker.run(&["restart", &container.name]);
    night.signal(Signal::CONT);
    night.wait();
    let run = fixture.only_run("beside");
    came_back(&run);
    let started = |snapshot: &Value| snapshot["processes"][0]["id"]["start"].as_u64();
    let snapshots = snapshots(&run);
    assert!(started(snapshots.last().unwrap()) > started(&snapshots[0]));
    assert_eq!(container.helpers(), Vec::<String>::new());
}

#[test]
fn a_night_that_is_killed_leaves_no_helper_running_and_a_sweep_removes_the_rest() {
    let Some(docker) = docker_or_skip() else { return };
    let fixture = Fixture::new();
    let container = Container::demo(docker, &fixture);
    for stuck in [false, true] {
        let mut night = long_night(&fixture, &container, "helper");
        let helper = container.one_helper();
        if stuck {
            docker.run(&["pause", &helper]);
        }
        night.signal(Signal::KILL);
        night.wait();
        if stuck {
            assert_eq!(container.helpers(), [helper]);
        } else {
            container.wait_for_no_helper();
        }
        // A sweep of another test may be at it too.
        let deadline = Instant::now() + Duration::from_secs(30);
        while !container.helpers().is_empty() || !images(docker, night.child.id()).is_empty() {
            fixture.run(&["clean"]);
            assert!(Instant::now() < deadline, "{:?} {}", container.helpers(), images(docker, night.child.id()));
        }
    }
}

#[test]
fn a_signal_while_the_way_is_opened_leaves_nothing() {
    let Some(docker) = docker_or_skip() else { return };
    let fixture = Fixture::new();
    let container = Container::demo(docker, &fixture);
    container.night(&fixture, "{duration: 10m, interval: 1s}");
    for wait_ms in [0, 150, 400, 900] {
        let mut night = fixture.start_until(&["run", "beside.yaml", "--probe", "helper"], ": ready");
        std::thread::sleep(Duration::from_millis(wait_ms));
        night.signal(Signal::TERM);
        assert_eq!(night.wait(), Some(143), "{}", night.log());
        assert_eq!(container.helpers(), Vec::<String>::new(), "{wait_ms}");
        assert_eq!(images(docker, night.child.id()), "", "{wait_ms}");
    }
}

/// slowdrip as somebody who may speak to the engine, and nothing else.
fn as_nobody(fixture: &Fixture, args: &[&str]) -> Output {
    nobody(fixture.path()).args(args).output().unwrap()
}

#[test]
fn a_user_with_nothing_but_the_engines_socket_gets_the_same_from_a_helper() {
    let Some(docker) = docker_or_skip() else { return };
    if !is_root_or_skip() {
        return;
    }
    let fixture = Fixture::new();
    let container = Container::demo(docker, &fixture);
    container.night(&fixture, "{duration: 3s, interval: 500ms}");
    let output = as_nobody(&fixture, &["run", "beside.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let own = fixture.only_run("beside");
    let target = json(&own.join("run.json"))["target"].clone();
    assert_eq!(target["probe"], "helper");
    let reason = target["probe_reason"].as_str().unwrap();
    assert!(reason.starts_with("host: no right to read the descriptors of process"), "{reason}");
    assert_eq!(container.helpers(), Vec::<String>::new());

    // What such a user cannot read himself, the helper brings along as evidence.
    fixture.write("thresholds.yaml", "classes: {fd.total: {max: 1}}\n");
    let broken = as_nobody(&fixture, &["run", "beside.yaml", "--reports", "broken"]);
    assert_eq!(broken.status.code(), Some(100), "{}{}", stdout(&broken), stderr(&broken));
    let run = slowdrip::history::runs_of(&fixture.path().join("broken"), "beside").unwrap().remove(0);
    let evidence = |name: &str| std::fs::read_to_string(run.join("evidence").join(name)).unwrap();
    assert!(evidence("fds-1.txt").contains("socket:["), "{}", evidence("fds-1.txt"));
    assert!(evidence("sockets.txt").contains("LISTEN") && evidence("processes.txt").contains("demo-app"));
    container.night(&fixture, "{duration: 3s, interval: 500ms}");

    let wrong = as_nobody(&fixture, &["run", "beside.yaml", "--probe", "host", "--reports", "wrong"]);
    assert_eq!(wrong.status.code(), Some(105), "{}{}", stdout(&wrong), stderr(&wrong));
    assert!(stdout(&wrong).replace("\n  ", " ").contains("`--probe host` does not work here"), "{}", stdout(&wrong));

    let output = fixture.run(&["run", "beside.yaml", "--probe", "host", "--reports", "root"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let runs = slowdrip::history::runs_of(&fixture.path().join("root"), "beside").unwrap();
    assert_eq!(census(&own), census(&runs[0]));
}

#[test]
fn a_shell_counts_across_users_and_says_what_it_cannot_see() {
    let Some(docker) = docker_or_skip() else { return };
    if !Path::new(BUSYBOX).exists() {
        assert!(std::env::var_os("CI").is_none(), "busybox-static is not installed");
        eprintln!("SKIPPED, busybox-static is not installed");
        return;
    }
    let fixture = Fixture::new();
    let container = Container::shell(docker, &fixture, &["--user", "1000"]);
    container.night(&fixture, "{duration: 4s, interval: 500ms}");
    for mode in ["exec", "host"] {
        fixture.run(&["run", "beside.yaml", "--probe", mode]);
    }
    let [shell, host] = fixture.runs("beside").try_into().unwrap();
    let record = json(&shell.join("run.json"));
    assert_eq!(record["target"]["probe"], "exec", "{record}");
    let reason = record["target"]["probe_reason"].as_str().unwrap();
    assert!(reason.contains("no dead handle") && reason.contains("5 of another user"), "{reason}");
    let app = |run: &Path| {
        let last = snapshots(run).pop().unwrap();
        let processes = last["processes"].as_array().unwrap().clone();
        let app: Vec<Value> = processes.iter().filter(|process| process["role"] == "app").cloned().collect();
        assert_eq!(app.len(), 1, "{last}");
        (app[0].clone(), last)
    };
    let ((by_shell, last), (by_host, _)) = (app(&shell), app(&host));
    let total = |process: &Value| process["fds"]["value"]["total"].as_u64();
    assert_eq!(total(&by_shell), Some(5));
    assert_eq!(total(&by_shell), total(&by_host));
    assert_eq!(by_shell["cmdline"], by_host["cmdline"]);
    assert!(by_shell["fds"]["value"]["classes"].to_string().contains("unknown"), "{by_shell}");
    let own = last["processes"].as_array().unwrap().iter().filter(|process| process["role"] == "exec").count();
    assert_eq!(own, 1, "the shell is seen and does not count: {last}");
    assert_eq!(status(&shell, "fd.total", "max"), "holds");
    assert_eq!(status(&shell, "fd.eventpoll", "max_dead"), "undecided");
    assert_eq!(status(&host, "fd.eventpoll", "max_dead"), "holds");
    let shells = docker.run(&["top", &container.name]);
    assert!(!shells.contains("slowdrip-probe"), "{shells}");
}

#[test]
fn a_shell_without_rights_is_refused_and_so_is_a_container_without_a_shell() {
    let Some(docker) = docker_or_skip() else { return };
    let fixture = Fixture::new();
    let container = Container::demo(docker, &fixture);
    container.night(&fixture, "{duration: 3s, interval: 500ms}");
    let output = fixture.run(&["run", "beside.yaml", "--probe", "exec"]);
    assert_eq!(output.status.code(), Some(105), "{}", stderr(&output));
    assert!(stdout(&output).replace("\n  ", " ").contains("has no shell"), "{}", stdout(&output));
    drop(container);
    if !Path::new(BUSYBOX).exists() {
        return;
    }
    let fixture = Fixture::new();
    let container = Container::shell(docker, &fixture, &["--user", "1000", "--cap-drop", "ALL"]);
    container.night(&fixture, "{duration: 3s, interval: 500ms}");
    let output = fixture.run(&["run", "beside.yaml", "--probe", "exec"]);
    assert_eq!(output.status.code(), Some(105), "{}", stderr(&output));
    let words = stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("no right to list the descriptors of process 1"), "{words}");
}

#[test]
fn a_process_of_this_machine_has_no_helper() {
    let fixture = Fixture::new();
    fixture.process("local", "", "soak: {duration: 2s, interval: 400ms}");
    let output = fixture.run(&["run", "local.yaml", "--probe", "helper"]);
    assert_eq!(output.status.code(), Some(105), "{}", stderr(&output));
    let words = stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("`--probe helper` needs a container"), "{words}");
}
