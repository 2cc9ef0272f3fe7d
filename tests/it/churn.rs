//! What is done to a target during its soak, what it writes meanwhile, and whether it comes back to rest.

use crate::fixture::{Fixture, json, processes_with, stderr, stdout};

const SECRET: &str = "s3cr3t-in-the-log";

const NIGHT: &str = "
vars: {token: {from_env: SOAK_TOKEN}}
seed:
  - get: {path: /register, capture: {csrf: {css: \"input[name=csrf_token]\", attr: value}}}
  - post: {path: /register, form: {username: \"{{ user }}\", password: \"{{ password }}\", csrf_token: \"{{ csrf }}\"}, expect: {status: 302}}
churn:
  name: topics
  every: 1s
  idle_tail: 1500ms
  max_failed: 0
  steps:
    - post: {path: /subscriptions, json: {query: \"topic {{ uuid() }}\"}, expect: {status: 201}, capture: {id: {json: $.id}}}
    - get: {path: \"/{{ token }}\", expect: {status: 404}}
counters:
  subscriptions: {read: {get: {path: /stats}}, json: $.subscriptions, at_least: 3}
  websockets: {read: {get: {path: /stats}}, json: $.websockets, at_most: 0}
soak: {duration: 6s, interval: 500ms, settle: 1s}
stop: {within: 5s}
";

fn run(fixture: &Fixture, name: &str) -> std::process::Output {
    fixture.command(&["run", &format!("{name}.yaml")]).env("SOAK_TOKEN", SECRET).output().unwrap()
}

#[test]
fn churn_leaves_its_events_and_the_log_is_kept_without_secrets() {
    let fixture = Fixture::new();
    fixture.process("churned", "", NIGHT);
    let output = run(&fixture, "churned");
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("churn: 4 iterations"), "{}", stderr(&output));
    assert!(!stderr(&output).contains(SECRET), "{}", stderr(&output));

    let folder = fixture.only_run("churned");
    let record = json(&folder.join("run.json"));
    assert_eq!((&record["churn"]["begun"], &record["churn"]["failed"]), (&4.into(), &0.into()));
    let begins: Vec<i64> = record["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["kind"] == "churn" && event["text"] == "topics")
        .map(|event| event["at_ms"].as_i64().unwrap() / 1000)
        .collect();
    assert_eq!(begins, [1, 2, 3, 4]);
    let counters = &record["counters"];
    assert_eq!(counters[0]["end"].as_f64(), Some(4.0), "{counters}");
    assert_eq!((&counters[0]["settled"], &counters[1]["settled"]), (&serde_json::Value::Null, &0.0.into()));

    let night = slowdrip::history::load(&folder).unwrap();
    let kept = night.record.log.unwrap();
    assert_eq!((kept.lines, kept.dropped, kept.problem), (night.log.len() as u64, 0, None));
    let masked = night.log.iter().filter(|line| line.text.contains("/[secret] 404"));
    assert_eq!(masked.count(), 4, "{:?}", night.log);
    assert!(night.log.iter().all(|line| (0..7500).contains(&line.at_ms)), "{:?}", night.log);
    assert!(!night.log.iter().any(|line| line.text.contains("/register")), "before the soak: {:?}", night.log);
    assert!(!std::fs::read_to_string(folder.join("log.jsonl")).unwrap().contains(SECRET));
}

#[test]
fn churn_that_fails_makes_a_night_inconclusive_and_does_not_end_it() {
    let fixture = Fixture::new();
    fixture.process("failing", "", &NIGHT.replace("status: 201", "status: 202"));
    let output = run(&fixture, "failing");
    assert_eq!(output.status.code(), Some(3), "{}{}", stdout(&output), stderr(&output));
    let record = json(&fixture.only_run("failing").join("run.json"));
    assert_eq!(record["ending"], "completed");
    assert_eq!((&record["churn"]["begun"], &record["churn"]["failed"]), (&4.into(), &4.into()));
    let first = record["churn"]["first_failure"].as_str().unwrap();
    assert!(first.contains("/subscriptions") && first.contains("201") && !first.contains('\n'), "{first}");
    let findings = json(&fixture.only_run("failing").join("findings.json"));
    let found = findings["findings"].as_array().unwrap().iter().find(|found| found["class"] == "churn").unwrap();
    assert_eq!((&found["rule"], &found["status"]), (&"workload".into(), &"undecided".into()));
}

#[test]
fn churn_that_hangs_delays_neither_the_snapshots_nor_the_end_of_an_interrupted_night() {
    let fixture = Fixture::new();
    // A wait that never ends, on a soak that is cut off while it waits.
    let hanging = NIGHT.replace(
        "steps:\n    - post",
        "steps:\n    - wait_until: {within: 10m, step: {get: {path: /nowhere}}}\n    - post",
    );
    fixture.process("hanging", "", &hanging.replace("duration: 6s", "duration: 10m"));
    let mut command = fixture.command(&["run", "hanging.yaml"]);
    let mut child = command
        .env("SOAK_TOKEN", SECRET)
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let samples = || {
        let run = fixture.runs("hanging").pop()?;
        Some(std::fs::read_to_string(run.join("samples.jsonl")).ok()?.lines().count())
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    // The first iteration hangs from the second second on.
    while samples().unwrap_or(0) < 8 {
        assert!(std::time::Instant::now() < deadline && child.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let record = json(&fixture.only_run("hanging").join("run.json"));
    assert_eq!((&record["churn"]["begun"], &record["churn"]["failed"]), (&1.into(), &0.into()));
    assert!(!record["events"].as_array().unwrap().iter().any(|event| event["kind"] == "gap"), "{record}");
    assert!(fixture.only_run("hanging").join("log.jsonl").is_file());
    assert!(processes_with(&fixture.path().to_string_lossy()).is_empty());
}
