//! `slowdrip diff`: two recorded nights against each other.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::fixture::{Fixture, stderr, stdout};

const OLDEST: &str = "20261122-190132-a205";
const CLEAN: &str = "20261123-071755-4c46";
const LEAKING: &str = "20261123-071840-cd7d";
const SCENARIO: &str = "local-deep-research";

/// A folder with the three recorded nights.
fn recorded() -> Fixture {
    let fixture = Fixture::new();
    for run in [OLDEST, CLEAN, LEAKING] {
        copy(run, &folder(&fixture, run));
    }
    let history = source().join("history.jsonl");
    std::fs::copy(history, fixture.path().join("reports").join(SCENARIO).join("history.jsonl")).unwrap();
    // As if somebody had changed the scenario between the two nights.
    edit(&folder(&fixture, LEAKING), |record| record["scenario_digest"] = json!("ab".repeat(32)));
    fixture
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("reports").join(SCENARIO)
}

fn folder(fixture: &Fixture, run: &str) -> PathBuf {
    fixture.path().join("reports").join(SCENARIO).join(run)
}

fn copy(run: &str, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in ["run.json", "findings.json", "samples.jsonl", "thresholds.yaml"] {
        std::fs::copy(source().join(run).join(file), to.join(file)).unwrap();
    }
}

/// Changes a run's record.
fn edit(folder: &Path, change: impl FnOnce(&mut Value)) {
    let path = folder.join("run.json");
    let mut record: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut record);
    std::fs::write(path, record.to_string()).unwrap();
}

/// Makes a night one that the clean night can be compared with.
fn alike(fixture: &Fixture, run: &str) {
    let record: Value =
        serde_json::from_slice(&std::fs::read(folder(fixture, CLEAN).join("run.json")).unwrap()).unwrap();
    edit(&folder(fixture, run), |own| {
        own["scenario_digest"] = record["scenario_digest"].clone();
        own["host"] = record["host"].clone();
        own["plan"] = record["plan"].clone();
    });
}

fn diff(fixture: &Fixture, flags: &[&str]) -> (Option<i32>, String, String) {
    let output = fixture.run(&[&["diff"], flags].concat());
    (output.status.code(), stdout(&output), stderr(&output))
}

#[test]
fn nights_that_cannot_be_compared_are_compared_and_said_so_first() {
    let fixture = recorded();
    let (code, out, err) = diff(&fixture, &[]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("Not comparable: another text of the scenario"), "{out}");
    assert!(out.contains("fd.eventpoll") && out.contains(CLEAN), "{out}");
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    assert!(!out.contains('\u{1b}'), "no colour but on a terminal: {out}");
    assert_eq!(diff(&fixture, &["--exit-code"]).0, Some(3));
    let (_, named, _) = diff(&fixture, &[SCENARIO]);
    let (_, flagged, _) = diff(&fixture, &["--scenario", SCENARIO]);
    let (_, both, _) = diff(&fixture, &[CLEAN, LEAKING]);
    assert_eq!([&named, &flagged, &both], [&out, &out, &out]);
}

#[test]
fn the_last_comparable_night_is_chosen_and_its_kernel_counts() {
    let fixture = recorded();
    alike(&fixture, OLDEST);
    alike(&fixture, LEAKING);
    edit(&folder(&fixture, CLEAN), |record| record["host"]["kernel"] = json!("1.0"));
    let (_, out, _) = diff(&fixture, &[LEAKING]);
    assert!(out.contains(OLDEST) && !out.contains(CLEAN) && !out.contains("Not comparable"), "{out}");
    edit(&folder(&fixture, OLDEST), |record| record["ending"] = json!({"interrupted": {"signal": 2}}));
    let (code, out, _) = diff(&fixture, &[LEAKING, "--exit-code"]);
    assert!(out.starts_with("Not comparable: another kernel") && out.contains(CLEAN), "{out}");
    assert_eq!(code, Some(3));
}

#[test]
fn the_exit_code_tells_worse_from_no_worse() {
    let fixture = recorded();
    alike(&fixture, LEAKING);
    let (code, out, _) = diff(&fixture, &[CLEAN, LEAKING, "--exit-code"]);
    assert_eq!(code, Some(100), "{out}");
    assert!(out.starts_with(&format!("{SCENARIO}: WORSE, PASS → FAIL")), "{out}");
    // The leak is gone, and two pools are fuller than they were: nobody knows yet how much they move from night to night.
    let (code, out, _) = diff(&fixture, &[LEAKING, CLEAN, "--exit-code"]);
    assert_eq!(code, Some(3), "{out}");
    assert!(out.starts_with(&format!("{SCENARIO}: NOT DECIDED, FAIL → PASS")), "{out}");
    let (code, out, _) = diff(&fixture, &[CLEAN, CLEAN, "--exit-code"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("No new finding fails"), "{out}");
}

#[test]
fn every_form_can_be_written_to_a_file() {
    let fixture = recorded();
    for (file, begins) in
        [("d.html", "<!doctype html>"), ("d.md", "**Not comparable"), ("d.json", "{"), ("d.txt", "Not")]
    {
        let (code, out, err) = diff(&fixture, &["--output", file]);
        assert_eq!((code, out.trim()), (Some(0), file), "{err}");
        let text = std::fs::read_to_string(fixture.path().join(file)).unwrap();
        assert!(text.starts_with(begins), "{file}: {}", text.get(..80).unwrap());
    }
    let (_, json, _) = diff(&fixture, &["--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["outcome"], &json["after"]["run"]), (&json!("not_comparable"), &json!(LEAKING)));
    let (_, markdown, _) = diff(&fixture, &["--markdown"]);
    assert_eq!(markdown, diff(&fixture, &["--format", "markdown"]).1);
    assert_eq!(diff(&fixture, &["--output", "no/such/folder/d.html"]).0, Some(110));
}

#[test]
fn what_cannot_be_compared_at_all_is_one_clear_error() {
    let fixture = recorded();
    let fails = |flags: &[&str], parts: &[&str]| {
        let (code, _, err) = diff(&fixture, flags);
        assert_eq!(code, Some(96), "{err}");
        assert!(parts.iter().all(|part| err.contains(part)), "{err}");
    };
    fails(&["nobody"], &["there is no run `nobody`"]);
    fails(&[CLEAN, "nobody"], &["there is no run `nobody`"]);
    fails(&["--scenario", "nobody"], &["there is no night of `nobody`"]);
    fails(&["--reports", "nowhere"], &["cannot read nowhere"]);
    fails(&[OLDEST], &["holds no night before", "slowdrip diff BEFORE"]);
    let twin = fixture.path().join("reports/other").join(CLEAN);
    copy(CLEAN, &twin);
    fails(&[CLEAN, LEAKING], &["more than one run", "local-deep-research/20261123-071755-4c46", "other/20261123"]);
    fails(&[], &["nights of several scenarios", "local-deep-research, other"]);
    edit(&twin, |record| record["format"] = json!(99));
    fails(&["reports/other/20261123-071755-4c46", LEAKING], &["written by a newer slowdrip", "format 99"]);
    assert_eq!(diff(&fixture, &["a", "b", "c"]).0, Some(2));
}

#[test]
fn a_night_that_was_cut_off_is_compared_and_said_to_be_unjudged() {
    let fixture = recorded();
    let night = folder(&fixture, LEAKING);
    alike(&fixture, LEAKING);
    std::fs::remove_file(night.join("findings.json")).unwrap();
    edit(&night, |record| record["ending"] = json!("unfinished"));
    let samples = std::fs::read(night.join("samples.jsonl")).unwrap();
    std::fs::write(night.join("samples.jsonl"), &samples[..samples.len() / 2]).unwrap();
    let (code, out, err) = diff(&fixture, &["--exit-code"]);
    assert_eq!(code, Some(3), "{err}");
    let first = out.split_once("\n\n").unwrap().0.replace('\n', " ");
    assert!(first.contains("did not come to its end") && first.contains("never judged"), "{out}");
    assert!(out.contains("NOT JUDGED") && out.contains("fd.eventpoll"), "{out}");
}

#[test]
fn nights_of_two_scenarios_and_downloaded_folders_can_be_compared() {
    let fixture = recorded();
    let elsewhere = fixture.path().join("downloads").join("night");
    copy(LEAKING, &elsewhere);
    edit(&elsewhere, |record| record["scenario"] = json!("other"));
    let (code, out, err) = diff(&fixture, &[CLEAN, "downloads/night"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("Not comparable: another scenario (other, before local-deep-research)"), "{out}");
}
