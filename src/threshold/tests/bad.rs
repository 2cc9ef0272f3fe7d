//! What is said of thresholds that cannot be meant.

use super::*;

#[test]
fn unknown_class() {
    insta::assert_snapshot!(error(&class("fd.evenpoll: {max: 1}")), @r"
    there is no class `fd.evenpoll`
     --> app.yaml:2:3
      |
    2 |   fd.evenpoll: {max: 1}
      |   ^^^^^^^^^^^
      |
      = help: did you mean `fd.eventpoll`? The classes are `fd.*`, `proc.*`, `mem.*`, `cgroup.*` and `disk.*` as docs/thresholds.md lists them; `match` (paths) or `match_cmdline` (processes) makes a class of your own
    ");
}

#[test]
fn class_of_another_family() {
    insta::assert_snapshot!(error(&class("disk.free: {max: 1}")), @r"
    there is no class `disk.free`
     --> app.yaml:2:3
      |
    2 |   disk.free: {max: 1}
      |   ^^^^^^^^^
      |
      = help: the classes are `fd.*`, `proc.*`, `mem.*`, `cgroup.*` and `disk.*` as docs/thresholds.md lists them; `match` (paths) or `match_cmdline` (processes) makes a class of your own
    ");
}

#[test]
fn unknown_rule() {
    insta::assert_snapshot!(error(&class("fd.total: {maximum: 1}")), @r"
    unknown key `maximum` in `classes.fd.total`
     --> app.yaml:2:14
      |
    2 |   fd.total: {maximum: 1}
      |              ^^^^^^^
      |
      = help: the keys of `classes.fd.total` are `max`, `max_limit_ratio`, `max_dead`, `max_growth_per_hour`, `max_vs_baseline`, `baseline_slack`, `settle_to`, `must_detect_per_hour`, `cycle`, `older_than`, `per`, `severity`, `required`, `match` and `match_cmdline`
    ");
}

#[test]
fn class_without_a_rule() {
    insta::assert_snapshot!(error(&class("fd.total: {severity: warn}")), @r"
    the class `fd.total` has no rule
     --> app.yaml:2:3
      |
    2 |   fd.total: {severity: warn}
      |   ^^^^^^^^
      |
      = help: add one of `max`, `max_limit_ratio`, `max_dead`, `max_growth_per_hour`, `max_vs_baseline` and `settle_to`
    ");
}

#[test]
fn rule_without_a_value() {
    insta::assert_snapshot!(error(&class("fd.total: {max: , max_limit_ratio: 0.5}")), @r"
    `classes.fd.total.max` has no value
     --> app.yaml:2:14
      |
    2 |   fd.total: {max: , max_limit_ratio: 0.5}
      |              ^^^
      |
      = help: give it one, or remove the line
    ");
}

#[test]
fn class_that_is_a_number() {
    insta::assert_snapshot!(error(&class("fd.total: 400")), @r"
    `classes.fd.total`: expected a mapping of rules such as `{max: 20}`, found the number `400`
     --> app.yaml:2:13
      |
    2 |   fd.total: 400
      |             ^^^
      |
      = help: write a mapping of rules such as `{max: 20}`
    ");
}

#[test]
fn duplicate_class() {
    insta::assert_snapshot!(error(&class("fd.total: {max: 1}\n  fd.total: {max: 2}")), @r"
    the key `fd.total` is there twice
     --> app.yaml:3:3
      |
    3 |   fd.total: {max: 2}
      |   ^^^^^^^^
      |
      = help: it stands on line 2 already; remove one of the two
    ");
}

#[test]
fn negative_figure() {
    insta::assert_snapshot!(error(&class("fd.total: {max: -1}")), @r"
    `classes.fd.total.max` is negative
     --> app.yaml:2:19
      |
    2 |   fd.total: {max: -1}
      |                   ^^
      |
      = help: did you mean `1`?
    ");
}

#[test]
fn figure_that_is_no_number() {
    insta::assert_snapshot!(error(&class("fd.total: {max: many}")), @r"
    `classes.fd.total.max`: `many` is not a number
     --> app.yaml:2:19
      |
    2 |   fd.total: {max: many}
      |                   ^^^^
      |
      = help: write a number from 0 on
    ");
}

#[test]
fn infinite_figure() {
    insta::assert_snapshot!(error(&class("fd.total: {max: .inf}")), @r"
    `.inf` is no number to work with
     --> app.yaml:2:19
      |
    2 |   fd.total: {max: .inf}
      |                   ^^^^
      |
      = help: write a number, or put quotes around what is meant as text
    ");
}

#[test]
fn figure_that_only_rust_reads() {
    insta::assert_snapshot!(error(&class("fd.total: {max: \"inf\"}")), @r#"
    `classes.fd.total.max`: `inf` is not a number
     --> app.yaml:2:19
      |
    2 |   fd.total: {max: "inf"}
      |                   ^^^^^
      |
      = help: write a number from 0 on
    "#);
}

#[test]
fn size_for_a_count() {
    insta::assert_snapshot!(error(&class("fd.total: {max: 10MiB}")), @r"
    `classes.fd.total.max`: `10MiB` is not a number
     --> app.yaml:2:19
      |
    2 |   fd.total: {max: 10MiB}
      |                   ^^^^^
      |
      = help: this class is counted, not measured in bytes: write a number without a unit
    ");
}

#[test]
fn size_without_a_known_unit() {
    insta::assert_snapshot!(error(&class("mem.anon: {max: 10M}")), @r"
    `classes.mem.anon.max`: `10M` has no unit that is known
     --> app.yaml:2:19
      |
    2 |   mem.anon: {max: 10M}
      |                   ^^^
      |
      = help: did you mean `10MiB` (1024) or `10MB` (1000)?
    ");
}

#[test]
fn negative_size() {
    insta::assert_snapshot!(error(&class("mem.anon: {max: -10MiB}")), @r"
    `classes.mem.anon.max`: a negative size, `-10MiB`
     --> app.yaml:2:19
      |
    2 |   mem.anon: {max: -10MiB}
      |                   ^^^^^^
      |
      = help: did you mean `10MiB`?
    ");
}

#[test]
fn ratio_above_one() {
    insta::assert_snapshot!(error(&class("fd.total: {max_limit_ratio: 50}")), @r"
    `classes.fd.total.max_limit_ratio` is not a share of the limit
     --> app.yaml:2:31
      |
    2 |   fd.total: {max_limit_ratio: 50}
      |                               ^^
      |
      = help: write a number above 0 and up to 1, for example `0.5` for the half
    ");
}

#[test]
fn ratio_of_processes() {
    insta::assert_snapshot!(error(&class("proc.count: {max_limit_ratio: 0.5}")), @r"
    `proc.count` has no limit to take a share of
     --> app.yaml:2:16
      |
    2 |   proc.count: {max_limit_ratio: 0.5}
      |                ^^^^^^^^^^^^^^^
      |
      = help: descriptors (`fd.*`), memory (`mem.*`, `cgroup.*`) and `cgroup.pids` have one; write `max` here instead
    ");
}

#[test]
fn dead_handles_of_a_class_without() {
    insta::assert_snapshot!(error(&class("fd.log: {max_dead: 0}")), @r"
    dead handles of `fd.log` are not known
     --> app.yaml:2:12
      |
    2 |   fd.log: {max_dead: 0}
      |            ^^^^^^^^
      |
      = help: `max_dead` goes with `fd.total`, `fd.eventpoll`, `fd.pidfd`, `fd.socket`, `fd.pipe`, `fd.pty`, `fd.deleted`, `fd.socket.unattached`, `fd.tcp.close_wait`, `proc.zombie` and `proc.orphan`; write `max` here
    ");
}

#[test]
fn part_of_a_dead_handle() {
    insta::assert_snapshot!(error(&class("fd.pidfd: {max_dead: 0.5}")), @r"
    `classes.fd.pidfd.max_dead`: `0.5` is not a count
     --> app.yaml:2:24
      |
    2 |   fd.pidfd: {max_dead: 0.5}
      |                        ^^^
      |
      = help: write a whole number from 0 on
    ");
}

#[test]
fn age_of_a_descriptor() {
    insta::assert_snapshot!(error(&class("fd.total: {max: 1, older_than: 5m}")), @r"
    `older_than` is about processes
     --> app.yaml:2:22
      |
    2 |   fd.total: {max: 1, older_than: 5m}
      |                      ^^^^^^^^^^
      |
      = help: it goes with `proc.*` and with classes by `match_cmdline`; remove it
    ");
}

#[test]
fn drip_of_zero() {
    insta::assert_snapshot!(error(&class("fd.total: {max: 1, must_detect_per_hour: 0}")), @r"
    `classes.fd.total.must_detect_per_hour` is zero
     --> app.yaml:2:44
      |
    2 |   fd.total: {max: 1, must_detect_per_hour: 0}
      |                                            ^
      |
      = help: no night sees every drip: write the slowest one that must be seen, for example `24`
    ");
}

#[test]
fn cycle_of_zero() {
    insta::assert_snapshot!(error(&class("fd.total: {max: 1, cycle: 0s}")), @r"
    `classes.fd.total.cycle`: a duration of zero
     --> app.yaml:2:29
      |
    2 |   fd.total: {max: 1, cycle: 0s}
      |                             ^^
      |
      = help: write one that is longer, for example `5s`
    ");
}

#[test]
fn unknown_severity() {
    insta::assert_snapshot!(error(&class("fd.total: {max: 1, severity: wran}")), @r"
    `classes.fd.total.severity`: `wran` is not known
     --> app.yaml:2:32
      |
    2 |   fd.total: {max: 1, severity: wran}
      |                                ^^^^
      |
      = help: did you mean `warn`? `classes.fd.total.severity` is one of `warn` and `fail`
    ");
}

#[test]
fn built_in_name_with_a_pattern() {
    insta::assert_snapshot!(error(&class("proc.count: {match_cmdline: slash_worker, max: 2}")), @r"
    `proc.count` is a built-in class and cannot have patterns of its own
     --> app.yaml:2:3
      |
    2 |   proc.count: {match_cmdline: slash_worker, max: 2}
      |   ^^^^^^^^^^
      |
      = help: give a class of your own another name, for example `proc.my_class`
    ");
}

#[test]
fn paths_and_processes_at_once() {
    insta::assert_snapshot!(error(&class("fd.x: {match: /x, match_cmdline: x, max: 2}")), @r"
    the class `fd.x` counts paths and processes
     --> app.yaml:2:21
      |
    2 |   fd.x: {match: /x, match_cmdline: x, max: 2}
      |                     ^^^^^^^^^^^^^
      |
      = help: make two classes of it
    ");
}

#[test]
fn broken_glob() {
    insta::assert_snapshot!(error(&class("fd.x: {match: \"/logs/[a\", max: 2}")), @r#"
    `classes.fd.x.match` is not a pattern for paths: unclosed character class; missing ']'
     --> app.yaml:2:17
      |
    2 |   fd.x: {match: "/logs/[a", max: 2}
      |                 ^^^^^^^^^^
      |
      = help: write it as in a shell, for example `/logs/*.log` or `/data/**/*.db`
    "#);
}

#[test]
fn broken_pattern() {
    insta::assert_snapshot!(error(&class("proc.x: {match_cmdline: [ok, \"*x\"], max: 2}")), @r#"
    `classes.proc.x.match_cmdline[1]` is not a regular expression: repetition operator missing expression
     --> app.yaml:2:32
      |
    2 |   proc.x: {match_cmdline: [ok, "*x"], max: 2}
      |                                ^^^^
      |
      = help: check brackets and backslashes; in double quotes YAML wants `\\` for `\`, in single quotes not
    "#);
}

#[test]
fn no_pattern() {
    insta::assert_snapshot!(error(&class("fd.x: {match: [], max: 2}")), @r#"
    `classes.fd.x.match` has no pattern
     --> app.yaml:2:10
      |
    2 |   fd.x: {match: [], max: 2}
      |          ^^^^^
      |
      = help: write one, for example `"/logs/*.log"`
    "#);
}

#[test]
fn empty_pattern() {
    insta::assert_snapshot!(error(&class("fd.x: {match: [\"\"], max: 2}")), @r#"
    `classes.fd.x.match[0]` has no pattern
     --> app.yaml:2:18
      |
    2 |   fd.x: {match: [""], max: 2}
      |                  ^^
      |
      = help: write one, for example `"/logs/*.log"`
    "#);
}

#[test]
fn name_of_one_s_own_class() {
    insta::assert_snapshot!(error(&class("FD Logs: {match: /x, max: 2}")), @r"
    `FD Logs` cannot be the name of a class
     --> app.yaml:2:3
      |
    2 |   FD Logs: {match: /x, max: 2}
      |   ^^^^^^^
      |
      = help: use lower-case letters, digits and `_`, in parts joined by dots, for example `fd.agent_log`
    ");
}

#[test]
fn empty_file() {
    insta::assert_snapshot!(error(""), @r"
    the file is empty
     --> app.yaml:1:1
      |
    1 |
      | ^
      |
      = help: the least it needs: `classes: {fd.total: {max: 400}}`
    ");
}

#[test]
fn defaults_that_are_unknown() {
    insta::assert_snapshot!(error("defaults: {max: 5}\n"), @r"
    unknown key `max` in `defaults`
     --> app.yaml:1:12
      |
    1 | defaults: {max: 5}
      |            ^^^
      |
      = help: the keys of `defaults` are `must_detect_per_hour` and `severity`
    ");
}
