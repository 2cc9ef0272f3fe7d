//! A night that is driven by several users, tells figures of its own, and comes to rest by steps.

use slowdrip::model::{EventKind, Phase};

use crate::fixture::{Fixture, free_port, json, processes_with, stderr, stdout};

const NIGHT: &str = "
seed: [{get: {path: /health}}, {probe: seeded}]
churn:
  every: 2s
  users: 2
  idle_tail: 500ms
  setup:
    - get: {path: /register, capture: {csrf: {css: \"input[name=csrf_token]\", attr: value}}}
    - post: {path: /register, form: {username: \"{{ user }}\", password: \"{{ password }}\", csrf_token: \"{{ csrf }}\"}, expect: {status: 302}}
  steps:
    - post: {path: /subscriptions, json: {query: \"topic {{ user_number }}.{{ iteration }}\"}, expect: {status: 201}}
    - get: {path: \"/by-{{ user_number }}-{{ iteration }}\", expect: {status: 404}}
    - probe: \"churned\"
settle: [{get: {path: /settling, expect: {status: 404}}}, {probe: settling}]
after: [{probe: served}]
counters: {visits: {log: 'by-\\d+-\\d+ 404', at_least: 5}}
series: {open: {read: {get: {path: /open-files}}, json: $.open_files, every: 1s, compare: fd.total}}
soak: {duration: 7s, interval: 500ms, settle: 2s}
stop: {within: 5s}
";

#[test]
fn users_figures_and_counted_lines_are_in_the_record_and_on_the_page() {
    let fixture = Fixture::new();
    fixture.process("driven", "", NIGHT);
    let output = fixture.run(&["run", "driven.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("churn: 5 iterations by 2 users"), "{}", stderr(&output));

    let folder = fixture.only_run("driven");
    let night = slowdrip::history::load(&folder).unwrap();
    let churn = night.record.churn.unwrap();
    assert_eq!((churn.begun, churn.failed, churn.users), (5, 0, 2), "{churn:?}");
    let counts: Vec<u64> = churn.steps.iter().map(|step| step.count).collect();
    assert_eq!(counts, [2, 2, 5, 5], "the setup once for each user: {churn:?}");
    let first = &churn.steps[0];
    assert_eq!((first.name.as_str(), first.failed), ("get /register", 0));
    assert!(first.place.starts_with("driven.yaml:") && first.p50_ms > 0.0 && first.p50_ms <= first.max_ms, "{first:?}");

    let counter = &night.record.counters[0];
    assert_eq!((counter.start, counter.end, &counter.problem), (Some(0.0), Some(5.0), &None));
    let texts: Vec<&str> = night.log.iter().map(|line| line.text.as_str()).collect();
    for visit in ["by-1-1", "by-2-1", "by-1-2", "by-2-2", "by-1-3"] {
        assert!(texts.iter().any(|text| text.contains(visit)), "{visit}: {texts:?}");
    }
    assert!(texts.iter().any(|text| text.contains("/settling")), "{texts:?}");

    let series = &night.record.series[0];
    assert_eq!((series.name.as_str(), series.failed), ("open", 0), "{series:?}");
    assert!((8..=10).contains(&night.figures.len()), "{:?}", night.figures);
    assert!(night.figures.iter().all(|figure| figure.value.is_some_and(|open| open > 3.0)), "{:?}", night.figures);
    let named: Vec<(&str, Phase, bool)> = night
        .probes
        .iter()
        .map(|probe| {
            (probe.name.as_str(), probe.phase, probe.snapshot.processes.iter().any(|own| own.fds.value().is_some()))
        })
        .collect();
    let churned = ("churned", Phase::Soak, true);
    let mut expected = vec![("seeded", Phase::Seed, true)];
    expected.extend([churned; 5]);
    expected.extend([("settling", Phase::Settle, true), ("served", Phase::After, true)]);
    assert_eq!(named, expected);
    assert!(night.probes[0].at_ms < 0 && night.probes[1].at_ms > 1500, "{}", night.probes[0].at_ms);
    let asked = night.record.events.iter().filter(|event| event.kind == EventKind::Asked);
    assert_eq!(asked.map(|event| event.text.as_str()).next(), Some("snapshot seeded"));
    // The row of the ordinary ones is as if nobody had asked.
    let numbers: Vec<u32> = night.snapshots.iter().map(|look| look.seq).collect();
    assert_eq!(numbers, (0..18).collect::<Vec<u32>>());
    let page = std::fs::read_to_string(folder.join("report.md")).unwrap();
    for said in [
        "| Class | seeded | churned |",
        "What the application says of itself",
        "- Correlation:",
        "| get /register | driven.yaml:",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(processes_with(&fixture.path().to_string_lossy()).is_empty());
}

#[test]
fn a_settle_step_that_fails_breaks_the_night_and_does_not_end_it() {
    let fixture = Fixture::new();
    let soak = "soak: {duration: 2s, interval: 500ms, settle: 2s}\nstop: {within: 5s}";
    fixture.process("unsettled", "", &format!("settle: [{{get: {{path: /nowhere}}}}]\n{soak}"));
    let output = fixture.run(&["run", "unsettled.yaml"]);
    assert_eq!(output.status.code(), Some(100), "{}{}", stdout(&output), stderr(&output));
    let folder = fixture.only_run("unsettled");
    let night = slowdrip::history::load(&folder).unwrap();
    assert!(night.record.after_failures[0].starts_with("settle: "), "{:?}", night.record.after_failures);
    assert!(night.snapshots.iter().any(|look| look.at_s() > 3.0), "the snapshots went on");
    assert!(std::fs::read_to_string(folder.join("evidence/settle.txt")).unwrap().contains("/nowhere"));
}

#[test]
fn steps_that_never_succeed_leave_a_target_that_was_never_ready() {
    let fixture = Fixture::new();
    let port = free_port();
    let app = env!("CARGO_BIN_EXE_slowdrip");
    let data = fixture.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let ready = "ready: {steps: [{get: {path: /health}}, {get: {path: /nowhere}}], within: 3s}";
    let target = format!(
        "target: {{command: [{app}, demo-app, --listen, \"127.0.0.1:{port}\", --data, {}], publish: [{port}]}}",
        data.display()
    );
    fixture.write("never.yaml", &format!("name: never\n{target}\n{ready}\n"));
    let output = fixture.run(&["run", "never.yaml"]);
    assert_eq!(output.status.code(), Some(102), "{}{}", stdout(&output), stderr(&output));
    let record = json(&fixture.only_run("never").join("run.json"));
    let message = record["ending"]["never_ready"]["message"].as_str().unwrap();
    assert!(
        message.contains("get /nowhere") && message.contains("404") && message.contains("last log lines"),
        "{message}"
    );
    assert!(processes_with(&fixture.path().to_string_lossy()).is_empty());
}

#[test]
fn a_target_that_is_restarted_and_paused_on_purpose_is_watched_on_and_not_blamed() {
    let fixture = Fixture::new();
    fixture.write("thresholds.yaml", "classes: {fd.total: {max: 400}, proc.count: {max: 3}}\n");
    let steps = "
seed: [restart: {within: 5s}, {wait_until: {within: 10s, step: {get: {path: /health}}}}]
churn:
  every: 3s
  steps:
    - restart: {within: 5s}
    - wait_until: {within: 10s, step: {get: {path: /health}}}
    - probe: restarted
    - pause: {for: 500ms}
    - pause: {}
soak: {duration: 8s, interval: 500ms, settle: 1s}
after: [{get: {path: /health}}]
stop: {within: 5s}
thresholds: thresholds.yaml
";
    fixture.process("steered", "", steps);
    let output = fixture.run(&["run", "steered.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let night = slowdrip::history::load(&fixture.only_run("steered")).unwrap();
    let told = |what: &str| {
        let asked = night.record.events.iter().filter(|event| event.kind == EventKind::Asked);
        asked.filter(|event| event.text.contains(what)).count()
    };
    assert!(told("restarted, as the scenario asked") >= 2 && told("paused") >= 1, "{:?}", night.record.events);
    let pids: std::collections::BTreeSet<u32> =
        night.snapshots.iter().flat_map(|look| &look.processes).map(|own| own.id.pid).collect();
    assert!(pids.len() >= 2, "the new processes are seen: {pids:?}");
    assert!(night.snapshots.last().unwrap().processes.iter().any(|own| own.fds.value().is_some()));
    assert!(processes_with(&fixture.path().to_string_lossy()).is_empty());
}
