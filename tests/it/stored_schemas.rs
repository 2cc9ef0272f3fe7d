//! Holds the JSON Schemas of what a night leaves against the program and against the stored nights of every format.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use slowdrip::history;
use slowdrip::model::{RUN_FORMAT, findings_schema, history_schema, run_schema};

type Generated = fn() -> String;

const KINDS: [(&str, Generated); 3] = [("run", run_schema), ("findings", findings_schema), ("history", history_schema)];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn validator(schema: &str) -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(schema).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn problems(validator: &jsonschema::Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn nights() -> Vec<PathBuf> {
    let scenario = root().join("reports/local-deep-research");
    let entries = fs::read_dir(scenario).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.join("run.json").is_file()).collect()
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_committed_schemas_of_stored_files_are_those_of_the_program() {
    for (name, generated) in KINDS {
        let path = root().join(format!("docs/schemas/{name}.schema.json"));
        assert!(
            fs::read_to_string(&path).is_ok_and(|committed| committed == generated()),
            "{} is out of date: run `cargo run -- schema {name} > docs/schemas/{name}.schema.json`",
            path.display(),
        );
    }
}

#[test]
fn stored_nights_of_every_format_are_of_their_schemas_and_are_read() {
    let (run, findings, lines) =
        (validator(&run_schema()), validator(&findings_schema()), validator(&history_schema()));
    let mut formats = Vec::new();
    for night in nights() {
        let record = read(&night.join("run.json"));
        assert_eq!(problems(&run, &record), [""; 0], "{}", night.display());
        formats.push(record["format"].as_u64().unwrap());
        assert_eq!(problems(&findings, &read(&night.join("findings.json"))), [""; 0], "{}", night.display());
        assert!(history::load(&night).unwrap().assessment.is_some());
    }
    formats.sort_unstable();
    // The oldest format and the newest are both there.
    assert_eq!((formats.first(), formats.last()), (Some(&1), Some(&u64::from(RUN_FORMAT))));
    let text = fs::read_to_string(root().join("reports/local-deep-research/history.jsonl")).unwrap();
    assert!(text.lines().count() > 0);
    for line in text.lines() {
        assert_eq!(problems(&lines, &serde_json::from_str(line).unwrap()), [""; 0]);
    }
}

#[test]
fn what_is_written_now_is_of_its_schema() {
    for night in nights() {
        let night = history::load(&night).unwrap();
        assert_eq!(problems(&validator(&run_schema()), &json!(night.record)), [""; 0]);
        let assessment = night.assessment.unwrap();
        assert_eq!(problems(&validator(&findings_schema()), &json!(assessment)), [""; 0]);
    }
}

#[test]
fn what_is_newer_or_malformed_is_not_of_its_schema() {
    let night = nights().pop().unwrap();
    let (run, findings) = (validator(&run_schema()), validator(&findings_schema()));
    let changed = |file: &str, pointer: &str, to: Value| {
        let mut value = read(&night.join(file));
        *value.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = to;
        value
    };
    for (pointer, to) in [
        ("/format", json!(RUN_FORMAT + 1)),
        ("/format", json!(0)),
        ("/started", json!("yesterday")),
        ("/ending", json!("well")),
        ("/host", json!({})),
        ("/phases/0/phase", json!("sleep")),
    ] {
        assert!(!problems(&run, &changed("run.json", pointer, to.clone())).is_empty(), "{pointer}: {to}");
    }
    for (pointer, to) in [
        ("/verdict", json!("perhaps")),
        ("/findings/0/rule", json!("max_deaf")),
        ("/findings/0/measured", json!("7")),
        ("/findings/0/extra", json!(1)),
    ] {
        let mut value = read(&night.join("findings.json"));
        match value.pointer_mut(pointer) {
            Some(place) => *place = to,
            None => value["findings"][0]["extra"] = to,
        }
        assert!(!problems(&findings, &value).is_empty(), "{pointer}");
    }
    let mut value = read(&night.join("findings.json"));
    value["format"] = json!(RUN_FORMAT + 1);
    assert!(!problems(&findings, &value).is_empty());
}

#[test]
fn findings_of_a_newer_slowdrip_are_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let night = nights().pop().unwrap();
    fs::copy(night.join("run.json"), folder.path().join("run.json")).unwrap();
    let findings = format!(r#"{{"format": {}, "verdicts": []}}"#, RUN_FORMAT + 1);
    fs::write(folder.path().join("findings.json"), findings).unwrap();
    let error = history::load(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("findings.json was written by a newer slowdrip (format 6, this build reads up to 5)"),
        "{error}"
    );
}
