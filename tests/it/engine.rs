//! Whole nights in containers, against the real engine: what leaks is found, and nothing of ours is left, however a night ends.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::fixture::{Fixture, SLOWDRIP, broken, json, stderr, stdout};
use crate::support::docker_or_skip;

const THRESHOLDS: &str = "classes:
  fd.total: {max: 400}
  fd.eventpoll: {max: 200, max_dead: 0}
  fd.pidfd: {max: 200, max_dead: 0}
  proc.count: {max: 3}
  proc.zombie: {max: 0}
";

/// The demo application as a container, with a sidecar on the private network and a fresh volume.
fn containers(fixture: &Fixture, name: &str, app_flags: &str, rest: &str) {
    let context = fixture.path().join("context");
    if !context.exists() {
        std::fs::create_dir(&context).unwrap();
        // The binary may lie on another file system.
        std::fs::hard_link(SLOWDRIP, context.join("slowdrip"))
            .or_else(|_| std::fs::copy(SLOWDRIP, context.join("slowdrip")).map(drop))
            .unwrap();
        let dockerfile = "FROM scratch\nCOPY slowdrip /slowdrip\nWORKDIR /data\nENTRYPOINT [\"/slowdrip\"]\n";
        std::fs::write(context.join("Dockerfile"), dockerfile).unwrap();
    }
    fixture.write("thresholds.yaml", THRESHOLDS);
    let flags: String = app_flags.split_whitespace().map(|flag| format!(", {flag:?}")).collect();
    fixture.write(
        &format!("{name}.yaml"),
        &format!(
            "name: {name}
target:
  build: {{context: context, cache: false}}
  cmd: [demo-app, --listen, '0.0.0.0:8080', --data, /data{flags}]
  publish: [8080]
  volumes: [/data]
  memory: 256MiB
sidecars:
  helper:
    build: {{context: context, cache: false}}
    cmd: [demo-app, --listen, '0.0.0.0:9090', --data, /data]
ready: {{http: {{path: /health}}, within: 30s}}
thresholds: thresholds.yaml
{rest}
"
        ),
    );
}

/// Containers, networks and volumes that bear the name of a scenario.
fn left(scenario: &str) -> Vec<String> {
    let label = format!("label=slowdrip.scenario={scenario}");
    let lists: [&[&str]; 3] = [
        &["ps", "--all", "--quiet", "--filter", &label],
        &["network", "ls", "--quiet", "--filter", &label],
        &["volume", "ls", "--quiet", "--filter", &label],
    ];
    lists.iter().flat_map(|args| lines(args)).collect()
}

fn lines(args: &[&str]) -> Vec<String> {
    let output = Command::new("docker").args(args).output().unwrap();
    assert!(output.status.success(), "docker {args:?}: {}", stderr(&output));
    stdout(&output).lines().map(str::to_owned).collect()
}

fn unique(name: &str) -> String {
    format!("t{}-{name}", std::process::id())
}

#[test]
fn a_night_in_containers_finds_what_leaks_and_leaves_nothing() {
    if docker_or_skip().is_none() {
        return;
    }
    let fixture = Fixture::new();
    let name = unique("leaky");
    let rest = "seed: [{exec: {command: [/slowdrip, --version], expect: {contains: slowdrip}}}]
soak: {duration: 8s, interval: 400ms, settle: 1s}
after: [{get: {path: /health, expect: {json: {'$.status': ok}}}}]";
    containers(&fixture, &name, "--leak eventpoll=2/s --leak pidfd=2/s", rest);
    let output = fixture.run(&["run", &format!("{name}.yaml")]);
    assert_eq!(output.status.code(), Some(100), "{}{}", stdout(&output), stderr(&output));
    let run = fixture.only_run(&name);
    let dead = |class: &str| (class.to_owned(), "max_dead".to_owned());
    assert_eq!(broken(&run), [dead("fd.eventpoll"), dead("fd.pidfd")]);
    let record = json(&run.join("run.json"));
    assert_eq!(record["stop"]["response"], "exited", "{record}");
    assert_eq!(record["stop"]["port"], "silent", "{record}");
    assert!(record["engine"]["version"].is_string());
    for evidence in ["processes.txt", "sockets.txt", "log-target.txt", "log-helper.txt", "inspect-target.json"] {
        assert!(run.join("evidence").join(evidence).is_file(), "{evidence}");
    }
    assert_eq!(left(&name), Vec::<String>::new());
}

#[test]
fn a_signal_at_any_phase_leaves_nothing() {
    if docker_or_skip().is_none() {
        return;
    }
    for (phase, signal, code) in
        [(": start", Signal::INT, 130), (": ready", Signal::TERM, 143), (": soak", Signal::INT, 130)]
    {
        let fixture = Fixture::new();
        let name = unique(&format!("cut-{}", &phase[2..]));
        containers(&fixture, &name, "", "soak: {duration: 10m, interval: 1s}");
        let mut started = fixture.start_until(&["run", &format!("{name}.yaml")], phase);
        started.signal(signal);
        assert_eq!(started.wait(), Some(code), "{phase}: {}", started.log());
        assert!(fixture.only_run(&name).join("report.html").is_file(), "{phase}");
        assert_eq!(left(&name), Vec::<String>::new(), "{phase}");
    }
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next_one_and_what_lives_is_spared() {
    if docker_or_skip().is_none() {
        return;
    }
    let fixture = Fixture::new();
    let (killed, alive) = (unique("killed"), unique("alive"));
    containers(&fixture, &killed, "", "soak: {duration: 10m, interval: 1s}");
    containers(&fixture, &alive, "", "soak: {duration: 10m, interval: 1s}");
    let mut started = fixture.start_until(&["run", &format!("{killed}.yaml")], ": soak");
    started.signal(Signal::KILL);
    started.wait();
    assert_eq!(json(&fixture.only_run(&killed).join("run.json"))["ending"], "unfinished");
    let mut living = fixture.start_until(&["run", &format!("{alive}.yaml")], ": soak");
    // The run that began after the kill has removed what was left, or that of another test is just doing so.
    let deadline = Instant::now() + Duration::from_secs(30);
    while !left(&killed).is_empty() {
        assert!(Instant::now() < deadline, "{:?}", left(&killed));
        std::thread::sleep(Duration::from_millis(200));
    }
    let before = left(&alive);
    assert_eq!(fixture.run(&["clean"]).status.code(), Some(0));
    assert_eq!(left(&alive), before);
    living.signal(Signal::INT);
    assert_eq!(living.wait(), Some(130), "{}", living.log());
    assert_eq!(left(&alive), Vec::<String>::new());
}

#[test]
fn what_is_kept_on_purpose_stays_until_it_is_cleaned_by_name() {
    if docker_or_skip().is_none() {
        return;
    }
    let fixture = Fixture::new();
    let name = unique("kept");
    containers(&fixture, &name, "--leak pidfd=5/s", "soak: {duration: 4s, interval: 400ms}");
    let output = fixture.run(&["run", &format!("{name}.yaml"), "--keep", "on-failure"]);
    assert_eq!(output.status.code(), Some(100), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("Kept on purpose"), "{}", stdout(&output));
    assert_eq!(fixture.run(&["clean"]).status.code(), Some(0));
    assert!(!left(&name).is_empty());
    // Only this test's own: others may keep something at the same time.
    let label = format!("label=slowdrip.scenario={name}");
    for container in lines(&["ps", "--all", "--quiet", "--filter", &label]) {
        lines(&["rm", "--force", "--volumes", &container]);
    }
    for (kind, filter) in [("network", &label), ("volume", &label)] {
        for id in lines(&[kind, "ls", "--quiet", "--filter", filter]) {
            lines(&[kind, "rm", &id]);
        }
    }
    assert_eq!(left(&name), Vec::<String>::new());
}

#[test]
fn an_image_that_is_missing_or_does_not_build_is_said_with_its_last_lines() {
    if docker_or_skip().is_none() {
        return;
    }
    let fixture = Fixture::new();
    let name = unique("missing");
    fixture.write(
        &format!("{name}.yaml"),
        &format!("name: {name}\ntarget: {{image: slowdrip.invalid/no-such-image:1}}\n"),
    );
    let output = fixture.run(&["run", &format!("{name}.yaml")]);
    assert_eq!(output.status.code(), Some(101), "{}", stderr(&output));
    assert!(stdout(&output).contains("no-such-image"), "{}", stdout(&output));

    let name = unique("unbuilt");
    containers(&fixture, &name, "", "");
    let broken = "FROM scratch\nCOPY slowdrip /slowdrip\nRUN [\"/slowdrip\", \"no-such-command\"]\n";
    std::fs::write(fixture.path().join("context/Dockerfile"), broken).unwrap();
    let output = fixture.run(&["run", &format!("{name}.yaml")]);
    assert_eq!(output.status.code(), Some(101), "{}", stderr(&output));
    assert!(stdout(&output).contains("no-such-command"), "{}", stdout(&output));
    assert_eq!(left(&name), Vec::<String>::new());
}

#[test]
fn a_running_container_is_watched_and_left_alone() {
    if docker_or_skip().is_none() {
        return;
    }
    let fixture = Fixture::new();
    let name = unique("attached");
    containers(&fixture, &name, "--leak pidfd=5/s", "soak: {duration: 10m, interval: 1s}");
    let mut owner = fixture.start_until(&["run", &format!("{name}.yaml")], ": soak");
    let label = format!("label=slowdrip.scenario={name}");
    let names = lines(&["ps", "--format", "{{.Names}}", "--filter", &label]);
    let container = names.iter().find(|name| name.ends_with("target")).unwrap_or_else(|| panic!("{names:?}"));
    let look = fixture.run(&["snapshot", container]);
    assert_eq!(look.status.code(), Some(0), "{}", stderr(&look));
    assert!(stdout(&look).contains("pidfd"), "{}", stdout(&look));
    let json = fixture.run(&["snapshot", container, "--json"]);
    let snapshot: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(snapshot["processes"][0]["role"], "app", "{snapshot}");

    let watcher = unique("watcher");
    fixture.write(
        &format!("{watcher}.yaml"),
        &format!("name: {watcher}\ntarget: {{container: {container}}}\nsoak: {{duration: 4s, interval: 400ms}}\nthresholds: thresholds.yaml\n"),
    );
    let output = fixture.run(&["run", &format!("{watcher}.yaml")]);
    assert_eq!(output.status.code(), Some(100), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(broken(&fixture.only_run(&watcher)), [("fd.pidfd".to_owned(), "max_dead".to_owned())]);
    assert!(owner.child.try_wait().unwrap().is_none(), "the container was not ours to stop: {}", owner.log());
    owner.signal(Signal::INT);
    assert_eq!(owner.wait(), Some(130));
    assert_eq!(left(&name), Vec::<String>::new());
}

#[test]
fn the_end_is_told_apart_ignored_and_still_serving() {
    if docker_or_skip().is_none() {
        return;
    }
    for (flag, port) in [("--ignore-term", "still_serving"), ("--serve-after-term", "still_serving")] {
        let fixture = Fixture::new();
        let name = unique(&format!("end{}", flag.trim_start_matches("-")));
        containers(&fixture, &name, flag, "soak: {duration: 3s, interval: 400ms}\nstop: {within: 2s}");
        let output = fixture.run(&["run", &format!("{name}.yaml")]);
        assert_eq!(output.status.code(), Some(0), "a warning by default: {}{}", stdout(&output), stderr(&output));
        let record = json(&fixture.only_run(&name).join("run.json"));
        assert_eq!(record["stop"]["response"], "ignored", "{flag}: {record}");
        assert_eq!(record["stop"]["port"], port, "{flag}: {record}");
        assert!(broken(&fixture.only_run(&name)).iter().any(|(_, rule)| rule == "stop"));
        assert_eq!(left(&name), Vec::<String>::new());
    }
}
