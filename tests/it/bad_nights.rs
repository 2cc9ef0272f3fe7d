//! Stored nights that are not as they should be, judged by `slowdrip judge`: inconclusive or a named error, never a pass.

use serde_json::{Value, json};

use crate::fixture::{Fixture, stderr, stdout};

const THRESHOLDS: &str = "classes:
  fd.total: {max: 40, max_growth_per_hour: 0}
  mem.rss: {max: 1GiB}
";

/// The record of half an hour that ran to its end.
fn record() -> Value {
    json!({
        "format": 3, "slowdrip": "0.1.0", "run": "night", "scenario": "app", "scenario_digest": "", "thresholds_digest": "",
        "command": ["slowdrip"], "started": "2026-11-22T02:00:00Z", "soak_started": "2026-11-22T02:00:00Z",
        "ended": "2026-11-22T02:31:00Z",
        "plan": {"duration_s": 1800.0, "interval_s": 5.0, "settle_s": 0.0, "warmup_s": null},
        "host": {"kernel": "6.18", "arch": "x86_64", "cpus": 2, "memory": 8_589_934_592_u64, "cgroup": 2}, "engine": null,
        "target": {"kind": "command", "name": "app", "image": null, "labels": {}, "container": null, "memory_limit": null,
            "probe": "host", "probe_reason": ""},
        "phases": [{"phase": "soak", "from_s": 0.0, "to_s": 1800.0}],
        "events": [], "counters": [], "after_failures": [], "stop": null, "ending": "completed", "kept": false,
    })
}

/// A snapshot of one process with so many sockets.
fn look(seq: u64, at_ms: u64, sockets: &Value) -> Value {
    json!({
        "seq": seq, "at_ms": at_ms, "wall": "2026-11-22T02:00:00Z", "phase": "soak", "dead": [], "gaps": [],
        "observer": {"scan_us": 1, "cpu_us": 1, "rss": 1},
        "processes": [{
            "id": {"pid": 42, "start": 7}, "ppid": 1, "ns_pid": 1, "role": "app", "state": "sleeping", "comm": "app",
            "cmdline": "/bin/app", "threads": {"value": 1}, "rss": {"value": 1_048_576}, "anon": {"value": 1},
            "nofile": {"value": 1024},
            "fds": {"value": {"total": sockets, "classes": {"socket": sockets}, "links": [], "rest": 0, "vanished": 0}},
        }],
    })
}

fn looks(number: u64) -> Vec<Value> {
    (0..number).map(|n| look(n, n * 5000, &json!(12))).collect()
}

fn lines(looks: &[Value]) -> String {
    looks.iter().map(|look| format!("{look}\n")).collect()
}

/// Judges a night; its exit code, and all that was said.
fn judged(record: &Value, samples: &str) -> (Option<i32>, String) {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.path().join("night")).unwrap();
    fixture.write("night/run.json", &record.to_string());
    fixture.write("night/samples.jsonl", samples);
    fixture.write("night/thresholds.yaml", THRESHOLDS);
    let output = fixture.run(&["judge", "night"]);
    let said = format!("{}{}", stdout(&output), stderr(&output));
    assert!(!said.contains("panicked"), "{said}");
    // Sentences are broken into lines.
    (output.status.code(), said.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn inconclusive(name: &str, samples: &str, part: &str) {
    let (code, said) = judged(&record(), samples);
    assert_eq!(code, Some(3), "{name}: {said}");
    assert!(said.contains(part), "{name}: `{part}` is missing in {said}");
}

#[test]
fn a_good_night_passes() {
    let (code, said) = judged(&record(), &lines(&looks(360)));
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_night_of_few_snapshots_is_inconclusive() {
    inconclusive("none", "", "No snapshot was taken");
    inconclusive("one", &lines(&looks(1)), "1 snapshot was taken, it takes 6");
    inconclusive("five", &lines(&looks(5)), "5 snapshots were taken, it takes 6");
}

#[test]
fn a_night_that_breaks_off_is_inconclusive() {
    inconclusive("half", &lines(&looks(180)), "the soak lasted 30 min");
    let whole = lines(&looks(360));
    let cut = whole.get(..whole.len() - 40).unwrap();
    inconclusive("a line cut off", cut, "1 line of samples.jsonl is cut off or damaged");
}

#[test]
fn figures_that_are_none_are_inconclusive() {
    for figure in [json!(-3), json!(1.5), json!("NaN"), json!(null), json!(1e300)] {
        let bad: Vec<Value> = (0..360).map(|n| look(n, n * 5000, &figure)).collect();
        inconclusive(&figure.to_string(), &lines(&bad), "360 lines of samples.jsonl are cut off or damaged");
    }
    let text = lines(&looks(360)).replace(":12", ":NaN");
    inconclusive("a bare NaN", &text, "360 lines of samples.jsonl are cut off or damaged");
    let large: Vec<Value> = (0..360).map(|n| look(n, n * 5000, &json!(u64::MAX))).collect();
    inconclusive("overflow", &lines(&large), "the kernel's answer could not be understood");
}

#[test]
fn a_class_that_vanishes_half_way_is_inconclusive() {
    let mut night = looks(360);
    for look in night.iter_mut().skip(180) {
        look["processes"][0]["fds"] = json!("denied");
    }
    inconclusive("vanishing", &lines(&night), "Could be read until 14 min 55 s of the soak");
}

#[test]
fn a_clock_that_went_back_is_inconclusive() {
    let night: Vec<Value> = (0..360).map(|n| look(n, if n < 200 { n } else { n - 100 } * 5000, &json!(n))).collect();
    inconclusive("back", &lines(&night), "The clock went back by 8 min 15 s after 16 min 35 s");
}

#[test]
fn a_night_of_a_newer_format_is_a_named_error() {
    let mut newer = record();
    newer["format"] = json!(99);
    newer["something_new"] = json!({});
    let (code, said) = judged(&newer, &lines(&looks(360)));
    assert_eq!(code, Some(96), "{said}");
    assert!(said.contains("written by a newer slowdrip (format 99"), "{said}");
}
