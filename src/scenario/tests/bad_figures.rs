//! What is said of counters, series and phases that cannot be meant.

use super::*;

#[test]
fn counter_of_two_sources() {
    insta::assert_snapshot!(error(&with("counters:\n  c: {log: a, read: {get: {path: /}}, json: $.n, at_least: 1}\n")), @r"
    `read` does not go with `log`
     --> soak.yaml:4:15
      |
    4 |   c: {log: a, read: {get: {path: /}}, json: $.n, at_least: 1}
      |               ^^^^
      |
      = help: lines of the log are counted, and nothing is read; keep one of `log` and `read`
    ");
}

#[test]
fn counter_of_lines_without_a_pattern() {
    insta::assert_snapshot!(error(&with("counters:\n  c: {log: \"(\", at_least: 1}\n")), @r#"
    `counters.c.log` is not a regular expression: unclosed group
     --> soak.yaml:4:12
      |
    4 |   c: {log: "(", at_least: 1}
      |            ^^^
      |
      = help: check brackets and backslashes; in double quotes YAML wants `\\` for `\`, in single quotes not
    "#);
}

#[test]
fn counter_of_lines_that_may_be_absent() {
    insta::assert_snapshot!(error(&with("counters:\n  c: {log: a, absent: 0, at_least: 1}\n")), @r"
    `absent` does not go with `log`
     --> soak.yaml:4:15
      |
    4 |   c: {log: a, absent: 0, at_least: 1}
      |               ^^^^^^
      |
      = help: lines of the log are counted, and nothing is read; keep one of `log` and `absent`
    ");
}

#[test]
fn counter_of_no_source() {
    insta::assert_snapshot!(error(&with("counters:\n  c: {at_least: 1}\n")), @r"
    the counter `c` does not say where it comes from
     --> soak.yaml:4:3
      |
    4 |   c: {at_least: 1}
      |   ^
      |
      = help: add `read`, a request or a command, or `log`, a pattern of lines that are counted
    ");
}

#[test]
fn counter_without_a_place() {
    insta::assert_snapshot!(error(&with("counters:\n  c: {read: {get: {path: /}}, at_least: 1}\n")), @r#"
    `counters.c` does not say where in the answer the number stands
     --> soak.yaml:4:3
      |
    4 |   c: {read: {get: {path: /}}, at_least: 1}
      |   ^
      |
      = help: add `json: "$.count"` or `regex: 'count=(\d+)'`
    "#);
}

#[test]
fn counter_of_two_places() {
    insta::assert_snapshot!(error(&with("counters:\n  c: {read: {get: {path: /}}, json: $.n, regex: a, at_least: 1}\n")), @r"
    `counters.c` is found in two ways
     --> soak.yaml:4:42
      |
    4 |   c: {read: {get: {path: /}}, json: $.n, regex: a, at_least: 1}
      |                                          ^^^^^
      |
      = help: keep one of `json` and `regex`
    ");
}

#[test]
fn counter_of_two_groups() {
    insta::assert_snapshot!(error(&with("counters:\n  c: {read: {get: {path: /}}, regex: (a)(b), at_least: 1}\n")), @r"
    `counters.c.regex` has 2 groups, and takes one value
     --> soak.yaml:4:38
      |
    4 |   c: {read: {get: {path: /}}, regex: (a)(b), at_least: 1}
      |                                      ^^^^^^
      |
      = help: keep the group around what is taken, and write the others as `(?:…)`
    ");
}

#[test]
fn counter_that_is_read_by_a_loop() {
    insta::assert_snapshot!(error(&with("counters:\n  c: {read: {repeat: {times: 2, steps: [{sleep: 1s}]}}, json: $.n, at_least: 1}\n")), @r"
    a number is read by one request or one command, and this is a `repeat`
     --> soak.yaml:4:14
      |
    4 |   c: {read: {repeat: {times: 2, steps: [{sleep: 1s}]}}, json: $.n, at_least: 1}
      |              ^^^^^^
      |
      = help: write one of `get`, `post`, `put`, `patch`, `delete` and `exec`
    ");
}

#[test]
fn counter_of_lines_that_cannot_be_read() {
    insta::assert_snapshot!(error("name: app\ntarget: {pid: 1}\ncounters:\n  c: {log: a, at_least: 1}\n"), @r"
    the log of a running process cannot be read
     --> soak.yaml:4:7
      |
    4 |   c: {log: a, at_least: 1}
      |       ^^^
      |
      = help: ask the process itself, by a request or an `exec`
    ");
}

#[test]
fn series_with_an_unknown_key() {
    insta::assert_snapshot!(error(&with("series:\n  s: {read: {get: {path: /}}, json: $.n, at_least: 1}\n")), @r"
    unknown key `at_least` in `series.s`
     --> soak.yaml:4:42
      |
    4 |   s: {read: {get: {path: /}}, json: $.n, at_least: 1}
      |                                          ^^^^^^^^
      |
      = help: the keys of `series.s` are `read`, `json`, `regex`, `absent`, `every` and `compare`
    ");
}

#[test]
fn series_without_a_place() {
    insta::assert_snapshot!(error(&with("series:\n  s: {read: {get: {path: /}}}\n")), @r#"
    `series.s` does not say where in the answer the number stands
     --> soak.yaml:4:3
      |
    4 |   s: {read: {get: {path: /}}}
      |   ^
      |
      = help: add `json: "$.count"` or `regex: 'count=(\d+)'`
    "#);
}

#[test]
fn series_that_is_not_read() {
    insta::assert_snapshot!(error(&with("series:\n  s: {json: $.n}\n")), @r"
    `read` is missing in `series.s`
     --> soak.yaml:4:3
      |
    4 |   s: {json: $.n}
      |   ^
      |
      = help: add `read: …`
    ");
}

#[test]
fn series_read_too_often() {
    insta::assert_snapshot!(error(&with("series:\n  s: {read: {get: {path: /}}, json: $.n, every: 500ms}\n")), @r"
    `series.s.every`: 500ms is too short
     --> soak.yaml:4:49
      |
    4 |   s: {read: {get: {path: /}}, json: $.n, every: 500ms}
      |                                                 ^^^^^
      |
      = help: the shortest is `1s`; reading more often would disturb the target
    ");
}

#[test]
fn series_beside_a_class_that_cannot_be() {
    insta::assert_snapshot!(error(&with("series:\n  s: {read: {get: {path: /}}, json: $.n, compare: FD.total}\n")), @r"
    `FD.total` cannot be the name of a class
     --> soak.yaml:4:51
      |
    4 |   s: {read: {get: {path: /}}, json: $.n, compare: FD.total}
      |                                                   ^^^^^^^^
      |
      = help: did you mean `fd.total`?
    ");
}

#[test]
fn series_with_a_name_of_two_words() {
    insta::assert_snapshot!(error(&with("series:\n  open files: {read: {get: {path: /}}, json: $.n}\n")), @r"
    `open files` cannot be the name of a series
     --> soak.yaml:4:3
      |
    4 |   open files: {read: {get: {path: /}}, json: $.n}
      |   ^^^^^^^^^^
      |
      = help: use letters, digits, `_`, `-` and `.`, at most 64 of them
    ");
}

#[test]
fn series_read_by_a_websocket() {
    insta::assert_snapshot!(error(&with("series:\n  s: {read: {ws: {path: /}}, json: $.n}\n")), @r"
    a number is read by one request or one command, and this is a `ws`
     --> soak.yaml:4:14
      |
    4 |   s: {read: {ws: {path: /}}, json: $.n}
      |              ^^
      |
      = help: write one of `get`, `post`, `put`, `patch`, `delete` and `exec`
    ");
}

#[test]
fn series_below_zero() {
    insta::assert_snapshot!(error(&with("series:\n  s: {read: {get: {path: /}}, json: $.n, absent: -1}\n")), @r"
    `series.s.absent` is below zero
     --> soak.yaml:4:50
      |
    4 |   s: {read: {get: {path: /}}, json: $.n, absent: -1}
      |                                                  ^^
      |
      = help: write a number from 0 on
    ");
}

#[test]
fn settle_steps_without_time() {
    insta::assert_snapshot!(error(&with("settle: [{get: {path: /}}]\n")), @r"
    there are steps for the settle phase, and it has no time
     --> soak.yaml:3:1
      |
    3 | settle: [{get: {path: /}}]
      | ^^^^^^
      |
      = help: write `soak: {settle: 2m}`, or remove the steps
    ");
}

#[test]
fn readiness_of_no_steps() {
    insta::assert_snapshot!(error(&with("ready: {steps: []}\n")), @r"
    no step would show anything
     --> soak.yaml:3:9
      |
    3 | ready: {steps: []}
      |         ^^^^^
      |
      = help: add a step, or await an answer with `http`
    ");
}

#[test]
fn readiness_of_a_wrong_step() {
    insta::assert_snapshot!(error(&with("ready: {steps: [{get: {path: x}}], within: 1m}\n")), @r"
    `ready.steps[0].get.path`: `x` does not begin with `/`
     --> soak.yaml:3:30
      |
    3 | ready: {steps: [{get: {path: x}}], within: 1m}
      |                              ^
      |
      = help: write `/x`
    ");
}

#[test]
fn readiness_of_steps_and_a_log() {
    insta::assert_snapshot!(error(&with("ready: {steps: [{get: {path: /}}], log: a}\n")), @r"
    `ready` says in more than one way what is awaited
     --> soak.yaml:3:36
      |
    3 | ready: {steps: [{get: {path: /}}], log: a}
      |                                    ^^^
      |
      = help: write one of `http`, `healthcheck`, `log` and `steps`
    ");
}
