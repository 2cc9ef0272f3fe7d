//! What right steps mean.

use super::*;
use crate::model::Which;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The steps of a seed, one on a line.
fn steps(lines: &[&str]) -> Vec<Step> {
    read(&seed(lines)).unwrap_or_else(|error| panic!("{error}")).seed
}

fn seed(lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("  - {line}\n")).collect();
    with(&format!("seed:\n{lines}"))
}

fn step(line: &str) -> Action {
    steps(&[line]).remove(0).action
}

fn http(line: &str) -> HttpStep {
    match step(line) {
        Action::Http(step) => *step,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_kind_of_step_has_its_name() {
    let all = steps(&[
        "get: {path: /}",
        "post: {path: /}",
        "put: {path: /}",
        "patch: {path: /}",
        "delete: {path: /x}",
        "ws: {path: /ws, steps: [{send: {text: a}}]}",
        "sse: {path: /events}",
        "exec: {command: [id]}",
        "signal: {process: worker}",
        "restart: {}",
        "restart: {process: worker}",
        "pause: {for: 10s}",
        "unpause: {}",
        "sleep: 5s",
        "log: {matches: started}",
        "wait_until: {step: {delete: {path: /x}}}",
        "repeat: {times: 2, steps: [{sleep: 1s}]}",
        "for_each: {in: [a], as: x, steps: [{sleep: 1s}]}",
        "parallel: {users: 5, steps: [{sleep: 1s}]}",
        "when: {if: x, steps: [{sleep: 1s}]}",
        "probe: after the uploads",
    ]);
    let names: Vec<String> = all.iter().map(Step::name).collect();
    insta::assert_snapshot!(names.join("\n"), @r"
    get /
    post /
    put /
    patch /
    delete /x
    ws /ws
    sse /events
    exec: id
    signal SIGTERM worker
    restart
    restart worker
    pause
    unpause
    sleep 5s
    log started
    wait until delete /x
    repeat 2 times
    for each x
    parallel, 5 users
    when x
    probe after the uploads
    ");
}
