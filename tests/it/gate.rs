//! The release gate against the real engine: two images of the demo application side by side.

use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::fixture::{Fixture, SLOWDRIP, json, stderr, stdout};
use crate::support::{Docker, docker_or_skip};

const THRESHOLDS: &str = "classes:
  fd.total: {max: 400}
  fd.eventpoll: {max: 200, max_dead: 0}
  proc.count: {max: 3}
";

/// Images of the demo application, removed at the end of the test.
struct Images {
    docker: Docker,
    names: Vec<String>,
}

impl Images {
    /// An image whose application runs with these flags.
    fn build(&mut self, fixture: &Fixture, name: &str, flags: &str) -> String {
        let context = fixture.path().join("context");
        if !context.exists() {
            std::fs::create_dir(&context).unwrap();
            // The binary may lie on another file system.
            std::fs::hard_link(SLOWDRIP, context.join("slowdrip"))
                .or_else(|_| std::fs::copy(SLOWDRIP, context.join("slowdrip")).map(drop))
                .unwrap();
        }
        let flags: String = flags.split_whitespace().map(|flag| format!(", {flag:?}")).collect();
        let dockerfile = format!(
            "FROM scratch\nCOPY slowdrip /slowdrip\nWORKDIR /data\nENTRYPOINT [\"/slowdrip\"]\n\
             CMD [\"demo-app\", \"--listen\", \"0.0.0.0:8080\", \"--data\", \"/data\"{flags}]\n"
        );
        std::fs::write(context.join("Dockerfile"), dockerfile).unwrap();
        let image = format!("slowdrip-test-gate:{}-{name}", std::process::id());
        self.docker.run(&["build", "--quiet", "--tag", &image, context.to_str().unwrap()]);
        self.names.push(image.clone());
        image
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        for name in &self.names {
            self.docker.output(&["image", "rm", "--force", name]);
        }
    }
}

fn scenario(fixture: &Fixture, name: &str, soak: &str) -> String {
    fixture.write("thresholds.yaml", THRESHOLDS);
    let text = format!(
        "name: {name}\ntarget: {{image: none, publish: [8080], volumes: [/data]}}\n\
         ready: {{http: {{path: /health}}, within: 30s}}\n\
         churn: {{every: 1s, steps: [{{get: {{path: /health}}}}]}}\n\
         soak: {soak}\nstop: {{within: 5s}}\nthresholds: thresholds.yaml\n"
    );
    let file = format!("{name}.yaml");
    fixture.write(&file, &text);
    file
}

fn only_gate(fixture: &Fixture, scenario: &str) -> PathBuf {
    let gates: Vec<PathBuf> = std::fs::read_dir(fixture.path().join("reports").join(scenario).join("gates"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(gates.len(), 1, "{gates:?}");
    gates[0].clone()
}

/// Nothing that the nights of a gate made is still there.
fn assert_nothing_left(docker: Docker, gate: &Path) {
    for side in ["candidate", "baseline"] {
        let record = json(&gate.join(side).join("run.json"));
        let left = docker.of_run(record["run"].as_str().unwrap());
        assert!(left.is_empty(), "{side}: {left:?}");
    }
}

#[test]
fn a_gate_finds_the_candidate_that_leaks_and_passes_none_that_it_could_not_judge() {
    let Some(docker) = docker_or_skip() else { return };
    let fixture = Fixture::new();
    let mut images = Images { docker, names: Vec::new() };
    let clean = images.build(&fixture, "clean", "");
    let leaky = images.build(&fixture, "leaky", "--leak eventpoll=1/s");
    let name = format!("t{}-gate", std::process::id());
    let file = scenario(&fixture, &name, "{duration: 20s, interval: 400ms}");
    let output = fixture.run(&["gate", &file, "--candidate", &leaky, "--baseline", &clean, "--seed", "7"]);
    let (said, told) = (stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(100), "{said}{told}");
    let gate = only_gate(&fixture, &name);
    for file in ["gate.html", "gate.md", "gate.json", "junit.xml", "candidate/report.html", "baseline/report.html"] {
        assert!(gate.join(file).is_file(), "{file}");
    }
    assert!(said.trim_end().ends_with("gate.html"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80 || line.ends_with("gate.html")), "{said}");
    let found = json(&gate.join("gate.json"));
    let class = |name: &str| found["classes"].as_array().unwrap().iter().find(|class| class["class"] == name).unwrap();
    assert_eq!(class("fd.eventpoll")["fate"], "worse");
    // So short a gate may not be able to tell of the others.
    assert_ne!(class("proc.count")["fate"], "worse");
    assert_eq!(found["absolute"][0]["baseline_too"], false);
    // One begin, one churn, and looks in turn.
    let (own, other) = (json(&gate.join("candidate/run.json")), json(&gate.join("baseline/run.json")));
    assert_eq!((&own["gate"]["role"], &other["gate"]["role"]), (&"candidate".into(), &"baseline".into()));
    assert_eq!((&own["seed"], &own["seed"]), (&7.into(), &other["seed"]));
    let began =
        |record: &serde_json::Value| record["soak_started"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let apart = began(&own).duration_since(began(&other)).abs();
    assert!(apart < jiff::SignedDuration::from_secs(2), "{apart}");
    let first = |side: &str| {
        let samples = std::fs::read_to_string(gate.join(side).join("samples.jsonl")).unwrap();
        let look: serde_json::Value = serde_json::from_str(samples.lines().next().unwrap()).unwrap();
        look["at_ms"].as_u64().unwrap()
    };
    assert!(first("baseline") >= 200, "half an interval later: {}", first("baseline"));
    // Gates are no nights of the scenario.
    assert!(fixture.runs(&name).is_empty());
    assert!(!fixture.path().join("reports").join(&name).join("history.jsonl").exists());
    assert_nothing_left(docker, &gate);
    let again = fixture.run(&["report", gate.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    assert_eq!(json(&gate.join("gate.json")), found, "made again from the recordings");

    let alike = scenario(&fixture, &format!("{name}-alike"), "{duration: 20s, interval: 400ms}");
    let output = fixture.run(&["gate", &alike, "--candidate", &clean, "--baseline", &clean]);
    let (said, told) = (stdout(&output), stderr(&output));
    // Twenty seconds are enough to find dead handles, and too few to say that there are none of anything.
    assert_eq!(output.status.code(), Some(3), "{said}{told}");
    assert!(said.contains("No class could be compared"), "{said}");
    assert!(told.contains("measures its own noise"), "{told}");
}

#[test]
fn a_candidate_that_does_not_start_ends_both_and_leaves_nothing() {
    let Some(docker) = docker_or_skip() else { return };
    let fixture = Fixture::new();
    let mut images = Images { docker, names: Vec::new() };
    let clean = images.build(&fixture, "sound", "");
    let broken = images.build(&fixture, "broken", "--no-such-flag");
    let name = format!("t{}-gate-broken", std::process::id());
    let file = scenario(&fixture, &name, "{duration: 10m, interval: 1s}");
    for (candidate, code) in [(broken.as_str(), 102), ("slowdrip-test-gate:is-not-there", 101)] {
        let output = fixture.run(&["gate", &file, "--candidate", candidate, "--baseline", &clean]);
        let (said, told) = (stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{said}{told}");
        assert!(said.contains("INCONCLUSIVE") && said.contains("The candidate was"), "{said}");
        let gate = only_gate(&fixture, &name);
        assert_nothing_left(docker, &gate);
        std::fs::remove_dir_all(gate).unwrap();
    }
}

#[test]
fn an_interrupt_ends_both_and_leaves_nothing() {
    let Some(docker) = docker_or_skip() else { return };
    let fixture = Fixture::new();
    let mut images = Images { docker, names: Vec::new() };
    let clean = images.build(&fixture, "cut", "");
    let name = format!("t{}-gate-cut", std::process::id());
    let file = scenario(&fixture, &name, "{duration: 10m, interval: 1s}");
    let mut started = fixture.start_until(&["gate", &file, "--candidate", &clean, "--baseline", &clean], ": soak");
    started.signal(Signal::INT);
    assert_eq!(started.wait(), Some(130), "{}", started.log());
    let gate = only_gate(&fixture, &name);
    assert_eq!(json(&gate.join("gate.json"))["verdict"], "inconclusive");
    assert!(gate.join("gate.html").is_file());
    assert_nothing_left(docker, &gate);
}

#[test]
fn what_cannot_be_soaked_twice_is_refused() {
    let fixture = Fixture::new();
    fixture.process("local", "", "");
    fixture.write("attached.yaml", "name: attached\ntarget: {container: web}\n");
    fixture.write("fixed.yaml", "name: fixed\ntarget: {image: a, network: host, publish: [8080]}\n");
    fixture.write("Dockerfile", "FROM scratch\n");
    fixture.write("built.yaml", "name: built\ntarget: {build: {context: ., args: {V: \"1\"}}}\n");
    for (args, told) in [
        (&["gate", "fixed.yaml", "--candidate", "a:2", "--baseline", "a:1"][..], "both sides need port 8080"),
        (&["gate", "built.yaml", "--candidate-set", "V=2", "--baseline-set", "V=2"][..], "built alike"),
        (&["gate", "missing.yaml", "--candidate", "a:2", "--baseline", "a:1"][..], "missing.yaml"),
    ] {
        let output = fixture.run(args);
        assert_eq!(output.status.code(), Some(96), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(told), "{args:?}: {}", stderr(&output));
    }
    let plans = fixture.run(&["gate", "built.yaml", "--candidate-set", "V=2", "--baseline-set", "V=1", "--dry-run"]);
    assert_eq!(plans.status.code(), Some(0), "{}", stderr(&plans));
    assert!(stdout(&plans).contains("V=2") && stdout(&plans).contains("V=1"), "{}", stdout(&plans));
    let nothing = fixture.run(&["gate", "built.yaml", "--candidate", "a:2"]);
    assert_eq!(nothing.status.code(), Some(2), "{}", stderr(&nothing));
    assert!(!fixture.path().join("reports").exists());
}
