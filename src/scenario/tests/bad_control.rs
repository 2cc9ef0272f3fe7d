//! What is said of what cannot be done to a target.

use super::*;

#[test]
fn unknown_signal() {
    insta::assert_snapshot!(seed("- signal: {process: worker, signal: SIGKIL}"), @r"
    `SIGKIL` is not a signal
     --> soak.yaml:4:39
      |
    4 |   - signal: {process: worker, signal: SIGKIL}
      |                                       ^^^^^^
      |
      = help: did you mean `SIGKILL`? The signals are `SIGTERM`, `SIGINT`, `SIGQUIT`, `SIGHUP`, `SIGUSR1`, `SIGUSR2`, `SIGKILL`, `SIGABRT`, `SIGALRM`, `SIGWINCH`, `SIGSTOP` and `SIGCONT`
    ");
}

#[test]
fn signal_to_every_process() {
    insta::assert_snapshot!(seed("- signal: {process: \"\"}"), @r#"
    `seed[0].signal.process` is empty
     --> soak.yaml:4:23
      |
    4 |   - signal: {process: ""}
      |                       ^^
      |
      = help: give it a value, or remove the line
    "#);
}

#[test]
fn signal_to_a_broken_regex() {
    insta::assert_snapshot!(seed("- signal: {process: \"worker (\"}"), @r#"
    `seed[0].signal.process` is not a regular expression: unclosed group
     --> soak.yaml:4:23
      |
    4 |   - signal: {process: "worker ("}
      |                       ^^^^^^^^^^
      |
      = help: check brackets and backslashes; in double quotes YAML wants `\\` for `\`, in single quotes not
    "#);
}

#[test]
fn signal_to_whom() {
    insta::assert_snapshot!(seed("- signal: {signal: KILL}"), @r"
    `process` is missing in `seed[0].signal`
     --> soak.yaml:4:5
      |
    4 |   - signal: {signal: KILL}
      |     ^^^^^^
      |
      = help: add `process: …`
    ");
}

#[test]
fn signal_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- signal: {process: a, pid: 5}"), @r"
    unknown key `pid` in `seed[0].signal`
     --> soak.yaml:4:26
      |
    4 |   - signal: {process: a, pid: 5}
      |                          ^^^
      |
      = help: the keys of `seed[0].signal` are `process`, `signal` and `which`
    ");
}

#[test]
fn signal_to_an_unknown_share() {
    insta::assert_snapshot!(seed("- signal: {process: a, which: first}"), @r"
    `seed[0].signal.which`: `first` is not known
     --> soak.yaml:4:33
      |
    4 |   - signal: {process: a, which: first}
      |                                 ^^^^^
      |
      = help: `seed[0].signal.which` is one of `all`, `oldest` and `newest`
    ");
}

#[test]
fn restart_of_a_container_by_a_signal() {
    insta::assert_snapshot!(seed("- restart: {signal: KILL}"), @r"
    `signal` does not go with the restart of a container
     --> soak.yaml:4:15
      |
    4 |   - restart: {signal: KILL}
      |               ^^^^^^
      |
      = help: add `process: REGEX`, or remove it
    ");
}

#[test]
fn restart_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- restart: {timeout: 5s}"), @r"
    unknown key `timeout` in `seed[0].restart`
     --> soak.yaml:4:15
      |
    4 |   - restart: {timeout: 5s}
      |               ^^^^^^^
      |
      = help: the keys of `seed[0].restart` are `process`, `signal`, `which` and `within`
    ");
}

#[test]
fn restart_that_is_text() {
    insta::assert_snapshot!(seed("- restart: worker"), @r"
    `seed[0].restart`: expected a mapping with `within` or `process`, found the text `worker`
     --> soak.yaml:4:14
      |
    4 |   - restart: worker
      |              ^^^^^^
      |
      = help: write a mapping with `within` or `process`
    ");
}

#[test]
fn pause_without_a_unit() {
    insta::assert_snapshot!(seed("- pause: {for: 10}"), @r"
    `seed[0].pause.for`: `10` has no unit
     --> soak.yaml:4:18
      |
    4 |   - pause: {for: 10}
      |                  ^^
      |
      = help: did you mean `10s` or `10m`?
    ");
}

#[test]
fn pause_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- pause: {within: 10s}"), @r"
    unknown key `within` in `seed[0].pause`
     --> soak.yaml:4:13
      |
    4 |   - pause: {within: 10s}
      |             ^^^^^^
      |
      = help: the keys of `seed[0].pause` are `for`
    ");
}

#[test]
fn unpause_with_a_time() {
    insta::assert_snapshot!(seed("- unpause: {for: 10s}"), @r"
    unknown key `for` in `seed[0].unpause`
     --> soak.yaml:4:15
      |
    4 |   - unpause: {for: 10s}
      |               ^^^
      |
      = help: `seed[0].unpause` takes no keys
    ");
}

#[test]
fn sleep_without_a_unit() {
    insta::assert_snapshot!(seed("- sleep: 5"), @r"
    `seed[0].sleep`: `5` has no unit
     --> soak.yaml:4:12
      |
    4 |   - sleep: 5
      |            ^
      |
      = help: did you mean `5s` or `5m`?
    ");
}

#[test]
fn sleep_that_is_a_mapping() {
    insta::assert_snapshot!(seed("- sleep: {for: 5s}"), @r"
    `seed[0].sleep`: expected a single value, found a mapping
     --> soak.yaml:4:5
      |
    4 |   - sleep: {for: 5s}
      |     ^^^^^
      |
      = help: write a single value
    ");
}

#[test]
fn sleep_without_a_value() {
    insta::assert_snapshot!(seed("- sleep:"), @r"
    `seed[0].sleep` has no value
     --> soak.yaml:4:5
      |
    4 |   - sleep:
      |     ^^^^^
      |
      = help: give it one, or remove the line
    ");
}

#[test]
fn log_that_is_text() {
    insta::assert_snapshot!(seed("- log: started"), @r"
    `seed[0].log`: expected a mapping with `matches`, found the text `started`
     --> soak.yaml:4:10
      |
    4 |   - log: started
      |          ^^^^^^^
      |
      = help: write `{matches: started}`
    ");
}

#[test]
fn log_without_a_pattern() {
    insta::assert_snapshot!(seed("- log: {within: 5s}"), @r"
    `matches` is missing in `seed[0].log`
     --> soak.yaml:4:5
      |
    4 |   - log: {within: 5s}
      |     ^^^
      |
      = help: add `matches: …`
    ");
}

#[test]
fn log_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- log: {matches: a, regex: b}"), @r"
    unknown key `regex` in `seed[0].log`
     --> soak.yaml:4:23
      |
    4 |   - log: {matches: a, regex: b}
      |                       ^^^^^
      |
      = help: the keys of `seed[0].log` are `matches`, `within` and `capture`
    ");
}

#[test]
fn probe_without_a_name() {
    insta::assert_snapshot!(seed("- probe: \"\""), @r#"
    `seed[0].probe` is empty
     --> soak.yaml:4:12
      |
    4 |   - probe: ""
      |            ^^
      |
      = help: write at most 40 characters that can be printed, for example `probe: after the uploads`
    "#);
}

#[test]
fn probe_with_a_long_name() {
    insta::assert_snapshot!(seed("- probe: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), @r"
    `seed[0].probe` is too long
     --> soak.yaml:4:12
      |
    4 |   - probe: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write at most 40 characters that can be printed, for example `probe: after the uploads`
    ");
}

#[test]
fn probe_that_is_a_mapping() {
    insta::assert_snapshot!(seed("- probe: {name: a}"), @r"
    `seed[0].probe`: expected a single value, found a mapping
     --> soak.yaml:4:5
      |
    4 |   - probe: {name: a}
      |     ^^^^^
      |
      = help: write a single value
    ");
}

#[test]
fn exit_code_in_words() {
    insta::assert_snapshot!(seed("- exec: {command: [a], expect: {exit: ok}}"), @r"
    `seed[0].exec.expect.exit`: expected a whole number, found the text `ok`
     --> soak.yaml:4:41
      |
    4 |   - exec: {command: [a], expect: {exit: ok}}
      |                                         ^^
      |
      = help: write a whole number
    ");
}

#[test]
fn status_of_a_command() {
    insta::assert_snapshot!(seed("- exec: {command: [a], expect: {status: 200}}"), @r"
    unknown key `status` in `seed[0].exec.expect`
     --> soak.yaml:4:35
      |
    4 |   - exec: {command: [a], expect: {status: 200}}
      |                                   ^^^^^^
      |
      = help: the keys of `seed[0].exec.expect` are `exit`, `json`, `contains`, `matches` and `latency`
    ");
}

#[test]
fn step_by_another_name() {
    insta::assert_snapshot!(seed("- websocket: {path: /}"), @r"
    unknown key `websocket` in `seed[0]`
     --> soak.yaml:4:5
      |
    4 |   - websocket: {path: /}
      |     ^^^^^^^^^
      |
      = help: did you mean `ws`? The keys of `seed[0]` are `get`, `post`, `put`, `patch`, `delete`, `ws`, `send`, `await`, `ping`, `sse`, `exec`, `signal`, `restart`, `pause`, `unpause`, `sleep`, `log`, `wait_until`, `repeat`, `for_each`, `parallel`, `when`, `include` and `probe`
    ");
}

#[test]
fn kill_is_a_signal() {
    insta::assert_snapshot!(seed("- kill: {process: a}"), @r"
    unknown key `kill` in `seed[0]`
     --> soak.yaml:4:5
      |
    4 |   - kill: {process: a}
      |     ^^^^
      |
      = help: did you mean `signal`? The keys of `seed[0]` are `get`, `post`, `put`, `patch`, `delete`, `ws`, `send`, `await`, `ping`, `sse`, `exec`, `signal`, `restart`, `pause`, `unpause`, `sleep`, `log`, `wait_until`, `repeat`, `for_each`, `parallel`, `when`, `include` and `probe`
    ");
}
