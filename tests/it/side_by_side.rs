//! Several nights at a time, and the steps of a scenario without a night.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::fixture::{Fixture, SLOWDRIP, json, stderr, stdout};

const SHORT: &str = "soak: {duration: 4s, interval: 500ms}\nstop: {within: 5s}\n";

const REGISTER: &str = "
seed:
  - get: {path: /register, capture: {csrf: {css: \"input[name=csrf_token]\", attr: value}}}
  - post: {path: /register, form: {username: \"{{ user }}\", password: \"{{ password }}\", csrf_token: \"{{ csrf }}\"}, expect: {status: 302}}
churn:
  every: 1s
  steps:
    - post: {path: /subscriptions, json: {query: \"topic {{ iteration }}\"}, expect: {status: 201}}
counters:
  subscriptions: {read: {get: {path: /stats}}, json: $.subscriptions, at_least: 1}
after:
  - get: {path: /subscriptions, expect: {json: {\"$.total\": {at_least: 1}}}}
";

#[test]
fn nights_side_by_side_have_a_report_each_and_the_worst_decides() {
    let fixture = Fixture::new();
    fixture.process("one", "", &format!("{REGISTER}{SHORT}"));
    fixture.process("two", "", SHORT);
    fixture.process("three", "", &format!("seed: [{{get: {{path: /nowhere}}}}]\n{SHORT}"));
    let output = fixture.run(&["run", "one.yaml", "two.yaml", "three.yaml", "--jobs", "3", "--seed", "7"]);
    let (said, told) = (stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(103), "{said}{told}");
    for name in ["one", "two", "three"] {
        let folder = fixture.only_run(name);
        assert!(folder.join("report.html").is_file(), "{name}: {told}");
        let record = json(&folder.join("run.json"));
        assert_eq!((&record["beside"], &record["seed"]), (&2.into(), &7.into()), "{name}");
        assert!(told.lines().any(|line| line.contains(&format!(" {name}: soak")) || name == "three"), "{told}");
        assert!(said.contains(&folder.file_name().unwrap().display().to_string()), "{said}");
    }
    let begun: Vec<jiff::Timestamp> = ["one", "two", "three"]
        .map(|name| json(&fixture.only_run(name).join("run.json"))["started"].as_str().unwrap().parse().unwrap())
        .into();
    assert!(begun[1] > begun[0] && begun[2] > begun[1], "in the order of the command line: {begun:?}");
    let summary = &said[said.rfind("scenario ").unwrap()..];
    assert!(summary.contains("3 nights, 3 reports:"), "{summary}");
    for (name, word) in [("one", "PASS"), ("two", "PASS"), ("three", "FAIL")] {
        let row = summary.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        assert!(row.to_uppercase().contains(word) || row.contains("exit"), "{summary}");
        assert!(row.len() <= 80, "{row}");
    }
}

#[test]
fn nights_that_would_take_a_port_from_each_other_are_refused() {
    let fixture = Fixture::new();
    fixture.process("one", "", SHORT);
    let text = std::fs::read_to_string(fixture.path().join("one.yaml")).unwrap();
    fixture.write("two.yaml", &text.replace("name: one", "name: two"));
    let output = fixture.run(&["run", "one.yaml", "two.yaml", "--jobs", "2"]);
    assert_eq!(output.status.code(), Some(96), "{}", stderr(&output));
    assert!(stderr(&output).contains("`one` and `two` both need port"), "{}", stderr(&output));
    assert!(!fixture.path().join("reports").exists());
    let plans = fixture.run(&["run", "one.yaml", "two.yaml", "--dry-run"]);
    assert_eq!(plans.status.code(), Some(0), "one after the other they may: {}", stderr(&plans));
}

/// The demo application, running by itself.
struct App {
    child: Child,
    port: u16,
}

impl App {
    fn start(fixture: &Fixture) -> Self {
        let data = fixture.path().join("data");
        std::fs::create_dir_all(&data).unwrap();
        let mut child = Command::new(SLOWDRIP)
            .args(["demo-app", "--listen=127.0.0.1:0", "--print-port", "--data"])
            .arg(&data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { port: line.trim().parse().unwrap(), child }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_flow_shows_every_step_and_makes_the_same_user_from_the_same_seed() {
    let fixture = Fixture::new();
    let app = App::start(&fixture);
    fixture.process("written", "", REGISTER);
    let port = app.port;
    let declared = port_of(&fixture, "written");
    let against = format!("{declared}=http://127.0.0.1:{port}");
    let output = fixture.run(&["flow", "written.yaml", "--against", &against, "--iterations", "2", "--seed", "11"]);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{said}{}", stderr(&output));
    for part in [
        "seed",
        "get /register → 200",
        "post /register → 302",
        "churn, iteration 2",
        "counter subscriptions = 2",
        "--seed 11",
    ] {
        assert!(said.contains(part), "`{part}` is missing in:\n{said}");
    }
    assert_eq!(said.matches("post /subscriptions → 201").count(), 2, "{said}");
    // The same user once more: the name is taken now.
    let again = fixture.run(&["flow", "written.yaml", "--against", &against, "--seed", "11"]);
    let told = stderr(&again);
    assert_eq!(again.status.code(), Some(103), "{told}");
    for part in [
        "written.yaml:",
        "post /register",
        "409",
        "expected status 302",
        "sent:",
        "password=[secret]",
        "captured before: csrf = ",
    ] {
        assert!(told.contains(part), "`{part}` is missing in:\n{told}");
    }
    let seeded = fixture.run(&["flow", "written.yaml", "--against", &against, "--until", "seed", "--seed", "12"]);
    assert_eq!(seeded.status.code(), Some(0), "{}", stderr(&seeded));
    assert!(!stdout(&seeded).contains("churn"), "{}", stdout(&seeded));
    assert!(!fixture.path().join("reports").exists(), "a flow leaves no night");
}

#[test]
fn a_flow_that_nobody_answers_says_so() {
    let fixture = Fixture::new();
    fixture.process("written", "", REGISTER);
    let output = fixture.run(&["flow", "written.yaml", "--against", "http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(103));
    assert!(stderr(&output).contains("connection refused: nothing listens on 127.0.0.1:1"), "{}", stderr(&output));
    let output = fixture.run(&["flow", "written.yaml", "--against", "http://192.0.2.1:80"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("is not this machine"), "{}", stderr(&output));
}

/// The port that a scenario publishes.
fn port_of(fixture: &Fixture, name: &str) -> u16 {
    let text = std::fs::read_to_string(fixture.path().join(format!("{name}.yaml"))).unwrap();
    let (_, rest) = text.split_once("publish: [").unwrap();
    rest.split_once(']').unwrap().0.parse().unwrap()
}
