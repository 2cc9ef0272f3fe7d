//! `slowdrip calibrate`: thresholds from the clean nights of a history.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use slowdrip::model::{HistoryClass, HistoryLine, Status, Unit, Verdict};
use slowdrip::threshold;

use crate::fixture::{Fixture, stderr, stdout};

const HERE: &str = "x86_64, 2 CPUs, 8 GiB";
const SCENARIO: &str =
    "name: app\ntarget: {command: [sleep, '60'], env: {KEY: {from_env: SLOWDRIP_TEST_UNSET}}}\nthresholds: t.yaml\n";
const THRESHOLDS: &str = "# Mine.\ndefaults: {severity: fail}   # all of them\nclasses:\n  # descriptors\n  fd.total: {max: 91, max_limit_ratio: 0.50}  # three times\n  fd.pidfd:\n    max: \"4\"   # quoted\n    cycle: 30m\n  mem.anon: {max: 1GiB, max_growth_per_hour: 30MiB}\n\n# The end.";

fn line(number: i64) -> HistoryLine {
    let class = |unit: Unit, level: f64, rate: f64| HistoryClass {
        unit,
        level: Some(level),
        rate: Some(rate),
        seen: None,
        dead: 0,
        status: Some(Status::Holds),
    };
    let wave = f64::from(u8::try_from(number * 5 % 7).unwrap());
    let mib = 1024.0 * 1024.0;
    HistoryLine {
        format: 2,
        run: format!("202611{number:02}-020000-0000"),
        scenario: "app".to_owned(),
        started: jiff::Timestamp::from_second(1_793_500_000 + number * 86_400).unwrap(),
        soaked_s: 1800.0,
        snapshots: 360,
        verdict: Verdict::Pass,
        reason: String::new(),
        image: None,
        labels: BTreeMap::new(),
        kernel: String::new(),
        machine: HERE.to_owned(),
        engine: String::new(),
        thresholds_digest: String::new(),
        scenario_digest: "ab".repeat(32),
        classes: BTreeMap::from([
            ("fd.total".to_owned(), class(Unit::Count, 18.0 + wave / 2.0, 0.0)),
            ("fd.pidfd".to_owned(), class(Unit::Count, 0.0, 0.0)),
            ("fd.socket".to_owned(), class(Unit::Count, 1.0, 0.0)),
            ("mem.anon".to_owned(), class(Unit::Bytes, (370.0 + wave) * mib, wave * mib)),
        ]),
        broken: Vec::new(),
        acknowledged: Vec::new(),
        causes: Vec::new(),
        work: Default::default(),
    }
}

/// A folder with a scenario, its thresholds, and so many clean nights.
fn with(nights: i64) -> Fixture {
    let fixture = Fixture::new();
    fixture.write("app.yaml", SCENARIO);
    fixture.write("t.yaml", THRESHOLDS);
    std::fs::create_dir_all(fixture.path().join("reports/app")).unwrap();
    let mut text = String::new();
    for number in 1..=nights {
        writeln!(text, "{}", serde_json::to_string(&line(number)).unwrap()).unwrap();
    }
    fixture.write("reports/app/history.jsonl", &text);
    fixture
}

/// Runs it in the folder; flags beside the scenario and the machine.
fn calibrate(fixture: &Fixture, flags: &[&str]) -> (Option<i32>, String, String) {
    let output = fixture.run(&[&["calibrate", "app.yaml", "--machine", HERE], flags].concat());
    (output.status.code(), stdout(&output), stderr(&output))
}

fn thresholds(fixture: &Fixture) -> String {
    std::fs::read_to_string(fixture.path().join("t.yaml")).unwrap()
}

#[test]
fn proposes_without_writing() {
    let fixture = with(14);
    let (code, out, err) = calibrate(&fixture, &[]);
    assert_eq!(code, Some(0), "{err}");
    for part in ["app: 14 clean nights, 2026-11-", "fd.total", "+    max: \"2\"   # quoted", "Nothing was written"] {
        assert!(out.contains(part), "`{part}` is missing in:\n{out}");
    }
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    assert_eq!(thresholds(&fixture), THRESHOLDS);
}

#[test]
fn writes_the_figures_and_keeps_all_the_rest() {
    let fixture = with(14);
    let path = fixture.path().join("t.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let (code, out, err) = calibrate(&fixture, &["--write"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("The file was written."), "{out}");
    let text = thresholds(&fixture);
    let (heading, rest) = text.split_once('\n').unwrap();
    assert!(heading.starts_with("# Calibrated on ") && heading.ends_with(" from 14 clean nights."), "{heading}");
    let expected = THRESHOLDS
        .replace("max: 91,", "max: 24,")
        .replace("\"4\"   # quoted\n", "\"2\"   # quoted\n    max_dead: 0\n")
        .replace("1GiB", "416MiB")
        .replace("30MiB", "11MiB");
    assert_eq!(rest, expected);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    // The same nights lead to the same file.
    let (_, again, _) = calibrate(&fixture, &["--write"]);
    assert!(again.contains("say all of this already"), "{again}");
    assert_eq!(thresholds(&fixture), text);
}

#[test]
fn writes_what_a_link_leads_to() {
    let fixture = with(5);
    std::fs::create_dir(fixture.path().join("kept")).unwrap();
    std::fs::rename(fixture.path().join("t.yaml"), fixture.path().join("kept/real.yaml")).unwrap();
    std::os::unix::fs::symlink("kept/real.yaml", fixture.path().join("t.yaml")).unwrap();
    let (code, out, _) = calibrate(&fixture, &["--write"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("warning: 5 clean nights are few"), "{out}");
    assert!(fixture.path().join("t.yaml").is_symlink());
    assert!(thresholds(&fixture).starts_with("# Calibrated on "));
}

#[test]
fn makes_a_file_that_is_not_there() {
    let fixture = with(9);
    let (code, out, err) = calibrate(&fixture, &["--thresholds", "new.yaml", "--write"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let rules = threshold::load(&fixture.path().join("new.yaml")).unwrap();
    let names: Vec<&str> = rules.classes.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["fd.total", "fd.pidfd", "fd.socket", "mem.anon"]);
}

#[test]
fn adds_classes_only_when_asked_to() {
    let fixture = with(9);
    fixture.write("t.yaml", "stop: fail\nclasses:\n  fd.pidfd: {max: 2, max_dead: 0}\n# end\n");
    calibrate(&fixture, &["--write"]);
    assert!(!thresholds(&fixture).contains("fd.socket"));
    let (code, out, err) = calibrate(&fixture, &["--write", "--add-classes"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let text = thresholds(&fixture);
    let order = [
        "  fd.pidfd: {max: 2, max_dead: 0}\n  fd.total: {max: 2",
        "}\n  fd.socket: {max: 3, max_dead: 0}\n  mem.anon: {max: 416MiB",
    ];
    assert!(order.iter().all(|part| text.contains(part)), "{text}");
    assert!(thresholds(&fixture).ends_with("MiB}\n# end\n"), "{}", thresholds(&fixture));
    // A file without any class gets them all.
    fixture.write("t.yaml", "stop: fail\n");
    assert_eq!(calibrate(&fixture, &["--write", "--add-classes"]).0, Some(0));
    assert_eq!(threshold::load(&fixture.path().join("t.yaml")).unwrap().classes.len(), 4);
}

#[test]
fn too_few_nights_are_inconclusive() {
    let fixture = with(2);
    let (code, _, err) = calibrate(&fixture, &["--write"]);
    assert_eq!(code, Some(3));
    assert!(err.contains("2 clean nights") && err.contains("1 more"), "{err}");
    std::fs::remove_file(fixture.path().join("reports/app/history.jsonl")).unwrap();
    let (code, _, err) = calibrate(&fixture, &[]);
    assert_eq!(code, Some(3));
    assert!(err.contains("there is no history") && err.contains("run the scenario"), "{err}");
    assert_eq!(thresholds(&fixture), THRESHOLDS);
}

#[test]
fn nights_that_are_left_out_are_counted_with_the_reason() {
    let fixture = with(0);
    let mut lines: Vec<HistoryLine> = (1..=10).map(line).collect();
    lines[0].verdict = Verdict::Fail;
    lines[1].machine = String::new();
    lines[2].scenario_digest = "cd".repeat(32);
    let mut text: String = lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect();
    text.push_str("{\"format\":1,\"ru");
    fixture.write("reports/app/history.jsonl", &text);
    let (code, out, err) = calibrate(&fixture, &[]);
    assert_eq!(code, Some(0), "{err}");
    for part in
        ["7 clean nights", "1 night that did not pass", "not recorded (1)", "cdcdcdcd (1)", "1 line of the history"]
    {
        assert!(out.contains(part), "`{part}` is missing in:\n{out}");
    }
    let (_, all, _) = calibrate(&fixture, &["--any-digest"]);
    assert!(all.contains("8 clean nights"), "{all}");
    let any = fixture.run(&["calibrate", "app.yaml", "--machine", "any", "--any-digest", "--nights", "4"]);
    assert!(
        stdout(&any).contains("4 clean nights") && stdout(&any).contains("5 nights that are older"),
        "{}",
        stdout(&any)
    );
}

#[test]
fn bad_thresholds_are_shown_with_their_place_and_left_alone() {
    let fixture = with(5);
    fixture.write("t.yaml", "classes:\n  fd.total: {maxx: 3}\n");
    let (code, _, err) = calibrate(&fixture, &["--write"]);
    assert_eq!(code, Some(96));
    assert!(err.contains("t.yaml:2:14"), "{err}");
    // What is written over several lines is not edited.
    let block = "classes:\n  fd.total:\n    max: |-\n      91\n    cycle: 30m\n";
    fixture.write("t.yaml", block);
    let (code, _, err) = calibrate(&fixture, &["--write"]);
    assert_eq!(code, Some(96));
    assert!(err.contains("nothing was written") && err.contains("t.yaml:4:"), "{err}");
    assert_eq!(thresholds(&fixture), block);
    fixture.write("app.yaml", "name: app\ntarget: {command: [a]}\n");
    let (code, _, err) = calibrate(&fixture, &[]);
    assert_eq!(code, Some(96));
    assert!(err.contains("names no thresholds"), "{err}");
}

#[test]
fn a_file_that_cannot_be_written_stays_as_it_is() {
    let fixture = with(5);
    let path = fixture.path().join("t.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    let (code, _, err) = calibrate(&fixture, &["--write"]);
    assert_eq!(code, Some(110));
    assert!(err.contains("read-only") && err.contains("nothing was written"), "{err}");
    assert_eq!(thresholds(&fixture), THRESHOLDS);
    let (code, _, err) = calibrate(&fixture, &["--thresholds", "no/such/folder.yaml", "--write"]);
    assert_eq!(code, Some(110), "{err}");
    let left = std::fs::read_dir(fixture.path()).unwrap().flatten();
    assert!(!left.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(".slowdrip-")));
}

#[test]
fn flags_are_held_to_what_they_may_be() {
    let fixture = with(5);
    for (flag, value, part) in [
        ("--false-alarms", "0.01", "1%"),
        ("--false-alarms", "0%", "50%"),
        ("--false-alarms", "NaN%", "50%"),
        ("--false-alarms", "many%", "number"),
        ("--nights", "2", "3"),
        ("--nights", "-5", "-5"),
    ] {
        let (code, _, err) = calibrate(&fixture, &[flag, value]);
        assert_eq!(code, Some(2), "{flag} {value}: {err}");
        assert!(err.contains(part), "{flag} {value}: {err}");
    }
}

#[test]
fn the_nights_of_this_repository_can_be_read() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = std::process::Command::new(crate::fixture::SLOWDRIP);
    let output = command
        .args(["calibrate", "scenarios/local-deep-research.yaml", "--machine", "any"])
        .current_dir(root)
        .output();
    let output = output.unwrap();
    assert!([Some(0), Some(3)].contains(&output.status.code()), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("local-deep-research: "), "{}", stdout(&output));
}
