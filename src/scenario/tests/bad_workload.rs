//! What is said of churns and counters that cannot be meant.

use super::*;

/// The message on a churn of one step with this beside it.
fn churn(more: &str) -> String {
    error(&with(&format!("churn:\n  steps: [{{get: {{path: /}}}}]\n  {more}\n")))
}

#[test]
fn churn_without_a_pace() {
    insta::assert_snapshot!(churn("start: 1m"), @r"
    `churn` does not say how often
     --> soak.yaml:3:1
      |
    3 | churn:
      | ^^^^^
      |
      = help: add `every: 60s`, or `rate: 30/m` for all users together
    ");
}

#[test]
fn churn_without_steps() {
    insta::assert_snapshot!(error(&with("churn: {every: 60s, steps: []}\n")), @r"
    there are no steps to take
     --> soak.yaml:3:21
      |
    3 | churn: {every: 60s, steps: []}
      |                     ^^^^^
      |
      = help: add a step, or remove the `churn`
    ");
}

#[test]
fn churn_with_an_unknown_key() {
    insta::assert_snapshot!(churn("evry: 60s"), @r"
    unknown key `evry` in `churn`
     --> soak.yaml:5:3
      |
    5 |   evry: 60s
      |   ^^^^
      |
      = help: did you mean `every`? The keys of `churn` are `name`, `every`, `rate`, `users`, `jitter`, `setup`, `session`, `steps`, `start`, `stop`, `idle_tail` and `max_failed`
    ");
}

#[test]
fn churn_at_too_high_a_pace() {
    insta::assert_snapshot!(churn("every: 500ms"), @r"
    `churn.every`: 500ms is too short
     --> soak.yaml:5:10
      |
    5 |   every: 500ms
      |          ^^^^^
      |
      = help: the shortest is `1s`; write a `rate`, or a `repeat` to do more in one iteration
    ");
}

#[test]
fn churn_of_which_nothing_is_left() {
    insta::assert_snapshot!(churn("every: 60s\n  start: 20m\n  idle_tail: 10m"), @r"
    a start of 20m and an idle tail of 10m leave nothing of the duration of 30m
     --> soak.yaml:7:14
      |
    7 |   idle_tail: 10m
      |              ^^^
      |
      = help: write a shorter `start` or `idle_tail`, or a longer duration
    ");
}

#[test]
fn churn_of_which_no_iteration_begins() {
    insta::assert_snapshot!(churn("every: 30m"), @r"
    no iteration would begin within the duration of 30m
     --> soak.yaml:5:10
      |
    5 |   every: 30m
      |          ^^^
      |
      = help: the first begins `start` and `every` after the begin of the soak, and none in the `idle_tail`
    ");
}

#[test]
fn churn_that_a_flag_leaves_no_time() {
    let text = with("churn: {every: 60s, steps: [{get: {path: /}}]}\n");
    let overrides = Overrides { duration: Some(Duration::from_secs(30)), ..Overrides::default() };
    insta::assert_snapshot!(read_with(&text, &overrides).unwrap_err(), @r"
    no iteration would begin within the duration of 30s (`--duration`)
     --> soak.yaml:3:16
      |
    3 | churn: {every: 60s, steps: [{get: {path: /}}]}
      |                ^^^
      |
      = help: the first begins `start` and `every` after the begin of the soak, and none in the `idle_tail`
    ");
}

#[test]
fn churn_with_a_failing_share_in_percent() {
    insta::assert_snapshot!(churn("every: 60s\n  max_failed: 10"), @r"
    `churn.max_failed`: 10 is not a share
     --> soak.yaml:6:15
      |
    6 |   max_failed: 10
      |               ^^
      |
      = help: write a number from 0 (none may fail) to 1 (all may fail), for example `0.1`
    ");
}

#[test]
fn churn_with_a_long_name() {
    insta::assert_snapshot!(churn(&format!("every: 60s\n  name: {}", "x".repeat(41))), @r"
    `churn.name` is too long
     --> soak.yaml:6:9
      |
    6 |   name: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write at most 40 characters that can be printed, for example `name: research`
    ");
}

#[test]
fn churn_with_a_name_of_control_characters() {
    insta::assert_snapshot!(churn("every: 60s\n  name: \"a\\u001b[2J\""), @r#"
    `churn.name` holds a control character
     --> soak.yaml:6:9
      |
    6 |   name: "a\u001b[2J"
      |         ^^^^^^^^^^^^
      |
      = help: write at most 40 characters that can be printed, for example `name: research`
    "#);
}

#[test]
fn churn_without_a_name() {
    insta::assert_snapshot!(churn("every: 60s\n  name: \" \""), @r#"
    `churn.name` is empty
     --> soak.yaml:6:9
      |
    6 |   name: " "
      |         ^^^
      |
      = help: write at most 40 characters that can be printed, for example `name: research`
    "#);
}

#[test]
fn counter_that_expects_nothing() {
    insta::assert_snapshot!(error(&with("counters:\n  c: {read: {get: {path: /}}, json: $.n}\n")), @r"
    the counter `c` does not say what is expected of it
     --> soak.yaml:4:3
      |
    4 |   c: {read: {get: {path: /}}, json: $.n}
      |   ^
      |
      = help: write `at_least`, how much it must grow, or `at_most`, how near it must come back
    ");
}

#[test]
fn counter_that_may_come_back_below_zero() {
    insta::assert_snapshot!(error(&with("counters:\n  c: {read: {get: {path: /}}, json: $.n, at_most: -1}\n")), @r"
    `counters.c.at_most` is below zero
     --> soak.yaml:4:51
      |
    4 |   c: {read: {get: {path: /}}, json: $.n, at_most: -1}
      |                                                   ^^
      |
      = help: write a number from 0 on
    ");
}
