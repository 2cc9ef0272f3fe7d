//! What is said of names, files and times that cannot be meant.

use super::*;

#[test]
fn name_with_a_blank() {
    insta::assert_snapshot!(error("name: My App\ntarget: {image: x}\n"), @r"
    `My App` cannot be the name of a scenario
     --> soak.yaml:1:7
      |
    1 | name: My App
      |       ^^^^^^
      |
      = help: did you mean `my-app`? A name has lower-case letters, digits, `.`, `_` and `-`, begins with a letter or digit, and has at most 64
    ");
}

#[test]
fn name_that_climbs() {
    insta::assert_snapshot!(error("name: a..b\ntarget: {image: x}\n"), @r"
    `a..b` cannot be the name of a scenario
     --> soak.yaml:1:7
      |
    1 | name: a..b
      |       ^^^^
      |
      = help: did you mean `a.b`? A name has lower-case letters, digits, `.`, `_` and `-`, begins with a letter or digit, and has at most 64
    ");
}

#[test]
fn negative_duration() {
    insta::assert_snapshot!(error(&with("soak:\n  duration: -5m\n")), @r"
    `soak.duration`: a negative duration, `-5m`
     --> soak.yaml:4:13
      |
    4 |   duration: -5m
      |             ^^^
      |
      = help: did you mean `5m`?
    ");
}

#[test]
fn duration_without_unit() {
    insta::assert_snapshot!(error(&with("soak:\n  duration: 5\n")), @r"
    `soak.duration`: `5` has no unit
     --> soak.yaml:4:13
      |
    4 |   duration: 5
      |             ^
      |
      = help: did you mean `5s` or `5m`?
    ");
}

#[test]
fn duration_of_zero() {
    insta::assert_snapshot!(error(&with("soak: {duration: 0m}\n")), @r"
    `soak.duration`: a duration of zero
     --> soak.yaml:3:18
      |
    3 | soak: {duration: 0m}
      |                  ^^
      |
      = help: write one that is longer, for example `5s`
    ");
}

#[test]
fn duration_in_days() {
    insta::assert_snapshot!(error(&with("soak: {duration: 1d}\n")), @r"
    `soak.duration`: `1d` counts in days or longer
     --> soak.yaml:3:18
      |
    3 | soak: {duration: 1d}
      |                  ^^
      |
      = help: write hours, for example `24h`
    ");
}

#[test]
fn interval_longer_than_duration() {
    insta::assert_snapshot!(error(&with("soak: {interval: 10m, duration: 5m}\n")), @r"
    the interval of 10m is not shorter than the duration of 5m
     --> soak.yaml:3:18
      |
    3 | soak: {interval: 10m, duration: 5m}
      |                  ^^^
      |
      = help: write an interval of a few seconds, for example `interval: 5s`, and a duration of many minutes
    ");
}

#[test]
fn default_interval_longer_than_duration() {
    insta::assert_snapshot!(error(&with("soak: {duration: 3s}\n")), @r"
    the interval of 5s (the default) is not shorter than the duration of 3s
     --> soak.yaml:3:18
      |
    3 | soak: {duration: 3s}
      |                  ^^
      |
      = help: write an interval of a few seconds, for example `interval: 5s`, and a duration of many minutes
    ");
}

#[test]
fn interval_too_short() {
    insta::assert_snapshot!(error(&with("soak: {interval: 50ms}\n")), @r"
    `soak.interval`: 50ms is too short an interval
     --> soak.yaml:3:18
      |
    3 | soak: {interval: 50ms}
      |                  ^^^^
      |
      = help: the shortest is `200ms`; looking more often would disturb the target
    ");
}

#[test]
fn warm_up_as_long_as_the_soak() {
    insta::assert_snapshot!(error(&with("soak: {duration: 10m, warmup: 10m}\n")), @r"
    the warm-up of 10m leaves nothing of the duration of 10m
     --> soak.yaml:3:31
      |
    3 | soak: {duration: 10m, warmup: 10m}
      |                               ^^^
      |
      = help: the duration includes the warm-up: write `warmup: auto`, or a longer duration
    ");
}

#[test]
fn misspelt_auto() {
    insta::assert_snapshot!(error(&with("soak: {warmup: auot}\n")), @r"
    `soak.warmup`: `auot` is not a duration
     --> soak.yaml:3:16
      |
    3 | soak: {warmup: auot}
      |                ^^^^
      |
      = help: did you mean `auto`?
    ");
}

#[test]
fn missing_thresholds_file() {
    insta::assert_snapshot!(error(&with("thresholds: nope.yaml\n")), @r"
    the thresholds file does not exist
     --> soak.yaml:3:13
      |
    3 | thresholds: nope.yaml
      |             ^^^^^^^^^
      |
      = help: it was looked for at `nope.yaml`; paths count from the folder of the scenario
    ");
}

#[test]
fn ready_in_two_ways() {
    insta::assert_snapshot!(error(&with("ready: {log: a, healthcheck: true}\n")), @r"
    `ready` says in more than one way what is awaited
     --> soak.yaml:3:17
      |
    3 | ready: {log: a, healthcheck: true}
      |                 ^^^^^^^^^^^
      |
      = help: write one of `http`, `healthcheck`, `log` and `steps`
    ");
}

#[test]
fn ready_without_a_check() {
    insta::assert_snapshot!(error(&with("ready: {within: 3m}\n")), @r"
    `ready` does not say what is awaited
     --> soak.yaml:3:1
      |
    3 | ready: {within: 3m}
      | ^^^^^
      |
      = help: write one of `http`, `healthcheck`, `log` and `steps`
    ");
}

#[test]
fn ready_pattern() {
    insta::assert_snapshot!(error(&with("ready: {log: \"up (\"}\n")), @r#"
    `ready.log` is not a regular expression: unclosed group
     --> soak.yaml:3:14
      |
    3 | ready: {log: "up ("}
      |              ^^^^^^
      |
      = help: check brackets and backslashes; in double quotes YAML wants `\\` for `\`, in single quotes not
    "#);
}

#[test]
fn ready_without_a_port() {
    insta::assert_snapshot!(error("name: app\ntarget: {image: x}\nready: {http: {path: /}}\n"), @r"
    there is no port to send this to
     --> soak.yaml:3:9
      |
    3 | ready: {http: {path: /}}
      |         ^^^^
      |
      = help: add `publish: [PORT]` to `target`
    ");
}

#[test]
fn unknown_signal() {
    insta::assert_snapshot!(error(&with("stop: {signal: SIGTREM}\n")), @r"
    `SIGTREM` is not a signal to stop with
     --> soak.yaml:3:16
      |
    3 | stop: {signal: SIGTREM}
      |                ^^^^^^^
      |
      = help: did you mean `SIGTERM`? The signals are `SIGTERM`, `SIGINT`, `SIGQUIT`, `SIGHUP`, `SIGUSR1`, `SIGUSR2`, `SIGKILL`, `SIGABRT`, `SIGALRM` and `SIGWINCH`
    ");
}
