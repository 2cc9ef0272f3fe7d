//! Bad scenarios, thresholds and flags: one error with file, line, column, the line and a suggestion; exit 96; nothing started.

use crate::fixture::{Fixture, stderr};

const GOOD: &str = "name: x\ntarget: {command: [sleep, '60']}\n";

fn refused(name: &str, scenario: &str, thresholds: &str, parts: &[&str]) {
    let fixture = Fixture::new();
    fixture.write("x.yaml", scenario);
    fixture.write("t.yaml", thresholds);
    let output = fixture.run(&["run", "x.yaml"]);
    let shown = stderr(&output);
    assert_eq!(output.status.code(), Some(96), "{name}: {shown}");
    for part in parts {
        assert!(shown.contains(part), "{name}: `{part}` is missing in:\n{shown}");
    }
    assert!(!fixture.path().join("reports").exists(), "{name}");
}

#[test]
fn bad_scenarios_are_refused_with_their_place() {
    let with = |rest: &str| format!("{GOOD}{rest}\n");
    let cases = [
        ("unknown key", with("soaks: {duration: 5m}"), vec!["x.yaml:3:1", "soaks", "soak"]),
        ("wrong type", with("soak: {duration: [1]}"), vec!["x.yaml:3:", "duration"]),
        ("duplicate key", with("name: y"), vec!["x.yaml:3:1", "name"]),
        ("two targets", "name: x\ntarget:\n  image: a\n  pid: 1\n".to_owned(), vec!["x.yaml:4:3", "image", "pid"]),
        ("empty file", String::new(), vec!["x.yaml", "empty"]),
        ("tab", "name: x\ntarget:\n\tpid: 1\n".to_owned(), vec!["x.yaml:3:", "tab"]),
        ("negative duration", with("soak: {duration: -5m}"), vec!["x.yaml:3:18", "-5m"]),
        (
            "interval beyond duration",
            with("soak: {duration: 1m, interval: 5m}"),
            vec!["x.yaml:3:", "interval", "duration"],
        ),
        ("missing thresholds", with("thresholds: no.yaml"), vec!["x.yaml:3:", "no.yaml"]),
        ("undefined variable", "name: x\ntarget: {command: ['{{ nope }}']}\n".to_owned(), vec!["x.yaml:2:", "nope"]),
        (
            "missing variable of the environment",
            "name: x\ntarget:\n  command: [a]\n  env: {A: {from_env: SLOWDRIP_TEST_UNSET}}\n".to_owned(),
            vec!["x.yaml:4:", "SLOWDRIP_TEST_UNSET"],
        ),
    ];
    for (name, scenario, parts) in cases {
        refused(name, &scenario, "classes: {}", &parts);
    }
}

#[test]
fn bad_steps_are_refused_with_their_place() {
    let seed = |step: &str| format!("name: x\ntarget: {{command: [sleep, '60'], publish: [80]}}\nseed:\n  - {step}\n");
    let cases = [
        ("repeat", "repeat: {times: 1000000, steps: [{sleep: 1s}]}", vec!["x.yaml:4:21", "1 to 10000"]),
        ("message", "send: {text: a}", vec!["x.yaml:4:5", "no WebSocket is open"]),
        ("body", "post: {path: /, body_file: gone.bin}", vec!["x.yaml:4:32", "does not exist"]),
        ("two bodies", "post: {path: /, form: {a: b}, json: {}}", vec!["x.yaml:4:35", "both `form` and `json`"]),
        ("signal", "signal: {process: a, signal: SIGKIL}", vec!["x.yaml:4:34", "did you mean `SIGKILL`"]),
        ("pattern", "log: {matches: '('}", vec!["x.yaml:4:20", "unclosed group"]),
        ("path", "get: {path: /, capture: {a: {json: a}}}", vec!["x.yaml:4:40", "did you mean `$.a`"]),
        ("selector", "get: {path: /, capture: {a: {css: 'a['}}}", vec!["x.yaml:4:39", "not a CSS selector"]),
        ("key", "ws: {path: /, ends: drop}", vec!["x.yaml:4:19", "did you mean `end`"]),
        ("kind", "kill: {process: a}", vec!["x.yaml:4:5", "did you mean `signal`"]),
        ("certificate", "get: {path: /, tls: {ca: gone.pem}}", vec!["x.yaml:4:30", "does not exist"]),
    ];
    for (name, step, parts) in cases {
        refused(name, &seed(step), "classes: {}", &parts);
    }
    // The second file is a flow of the first one here.
    refused(
        "cycle",
        &seed("include: t.yaml"),
        "steps: [{include: x.yaml}]\n",
        &["t.yaml:1:19", "x.yaml → t.yaml → x.yaml"],
    );
    refused("flow", &seed("include: t.yaml"), "steps:\n  - gett: {path: /}\n", &["t.yaml:2:5", "did you mean `get`"]);
}

#[test]
fn a_secret_of_a_file_is_in_no_plan() {
    let fixture = Fixture::new();
    fixture.write("token", "correct horse\n");
    fixture
        .write("x.yaml", "name: x\ntarget:\n  command: [serve, correct horse]\n  env: {TOKEN: {from_file: token}}\n");
    let output = fixture.run(&["run", "x.yaml", "--dry-run"]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(shown.contains("TOKEN=(secret, from file token)") && !shown.contains("correct horse"), "{shown}");
}

#[test]
fn bad_thresholds_are_refused_with_their_place() {
    let scenario = format!("{GOOD}thresholds: t.yaml\n");
    let cases = [
        (
            "class that does not exist",
            "classes:\n  fd.evenpoll: {max: 1}\n",
            vec!["t.yaml:2:3", "fd.evenpoll", "fd.eventpoll"],
        ),
        ("unknown key", "classes:\n  fd.total: {maxx: 1}\n", vec!["t.yaml:2:", "maxx", "max"]),
        ("wrong type", "classes:\n  fd.total: {max: many}\n", vec!["t.yaml:2:", "many"]),
        ("duplicate class", "classes:\n  fd.total: {max: 1}\n  fd.total: {max: 2}\n", vec!["t.yaml:3:", "fd.total"]),
        ("negative", "classes:\n  fd.total: {max: -1}\n", vec!["t.yaml:2:", "-1"]),
        ("no dead handles in that class", "classes:\n  fd.file: {max_dead: 0}\n", vec!["t.yaml:2:", "max_dead"]),
        ("empty", "", vec!["t.yaml", "empty"]),
    ];
    for (name, thresholds, parts) in cases {
        refused(name, &scenario, thresholds, &parts);
    }
}

#[test]
fn a_file_of_100_mb_is_refused_without_reading_it() {
    let fixture = Fixture::new();
    std::fs::File::create(fixture.path().join("x.yaml")).unwrap().set_len(100 << 20).unwrap();
    let output = fixture.run(&["run", "x.yaml"]);
    assert_eq!(output.status.code(), Some(96), "{}", stderr(&output));
    assert!(stderr(&output).contains("MiB"), "{}", stderr(&output));
}

#[test]
fn flags_are_held_to_the_same_rules_as_the_file() {
    let fixture = Fixture::new();
    fixture.write("x.yaml", GOOD);
    for (flags, part) in [
        (vec!["--duration", "1s", "--interval", "5s"], "interval"),
        (vec!["--set", "NOPE=1"], "NOPE"),
        (vec!["--image", "a:b"], "--image"),
        (vec!["--thresholds", "gone.yaml"], "gone.yaml"),
    ] {
        let args: Vec<&str> = ["run", "x.yaml"].into_iter().chain(flags).collect();
        let output = fixture.run(&args);
        assert_eq!(output.status.code(), Some(96), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(part), "{args:?}: {}", stderr(&output));
    }
    // What cannot be parsed at all is wrong usage.
    assert_eq!(fixture.run(&["run", "x.yaml", "--duration", "-5m"]).status.code(), Some(2));
    assert_eq!(fixture.run(&["run"]).status.code(), Some(2));
}

#[test]
fn a_second_scenario_with_an_error_keeps_the_first_from_starting() {
    let fixture = Fixture::new();
    fixture.write("x.yaml", GOOD);
    fixture.write("y.yaml", "name: y\n");
    let output = fixture.run(&["run", "x.yaml", "y.yaml"]);
    assert_eq!(output.status.code(), Some(96), "{}", stderr(&output));
    assert!(!fixture.path().join("reports").exists());
}
