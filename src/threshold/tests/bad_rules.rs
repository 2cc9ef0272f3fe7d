//! What is said of baselines, settling and carriers that cannot be meant.

use super::*;

#[test]
fn multiple_below_one() {
    insta::assert_snapshot!(error(&class("fd.total: {max_vs_baseline: 0.9}")), @r"
    `classes.fd.total.max_vs_baseline` is below 1
     --> app.yaml:2:31
      |
    2 |   fd.total: {max_vs_baseline: 0.9}
      |                               ^^^
      |
      = help: write a number from 1 on, for example `1.2` for 20 % above the earlier nights
    ");
}

#[test]
fn multiple_in_percent() {
    insta::assert_snapshot!(error(&class("fd.total: {max_vs_baseline: 120%}")), @r"
    `classes.fd.total.max_vs_baseline`: `120%` is not a multiple
     --> app.yaml:2:31
      |
    2 |   fd.total: {max_vs_baseline: 120%}
      |                               ^^^^
      |
      = help: write a number from 1 on, for example `1.2` for 20 % above the earlier nights
    ");
}

#[test]
fn multiple_that_is_no_number() {
    insta::assert_snapshot!(error(&class("fd.total: {max_vs_baseline: \"NaN\"}")), @r#"
    `classes.fd.total.max_vs_baseline`: `NaN` is not a multiple
     --> app.yaml:2:31
      |
    2 |   fd.total: {max_vs_baseline: "NaN"}
      |                               ^^^^^
      |
      = help: write a number from 1 on, for example `1.2` for 20 % above the earlier nights
    "#);
}

#[test]
fn multiple_that_is_a_list() {
    insta::assert_snapshot!(error(&class("fd.total: {max_vs_baseline: [1.2]}")), @r"
    `classes.fd.total.max_vs_baseline`: expected a single value, found a list
     --> app.yaml:2:14
      |
    2 |   fd.total: {max_vs_baseline: [1.2]}
      |              ^^^^^^^^^^^^^^^
      |
      = help: write a single value
    ");
}

#[test]
fn slack_without_a_baseline() {
    insta::assert_snapshot!(error(&class("fd.total: {max: 1, baseline_slack: 5}")), @r"
    `baseline_slack` says nothing without `max_vs_baseline`
     --> app.yaml:2:22
      |
    2 |   fd.total: {max: 1, baseline_slack: 5}
      |                      ^^^^^^^^^^^^^^
      |
      = help: add `max_vs_baseline: 1.2`, or remove it
    ");
}

#[test]
fn negative_slack() {
    insta::assert_snapshot!(error(&class("fd.total: {max_vs_baseline: 1.2, baseline_slack: -5}")), @r"
    `classes.fd.total.baseline_slack` is negative
     --> app.yaml:2:52
      |
    2 |   fd.total: {max_vs_baseline: 1.2, baseline_slack: -5}
      |                                                    ^^
      |
      = help: did you mean `5`?
    ");
}

#[test]
fn slack_in_bytes_of_a_count() {
    insta::assert_snapshot!(error(&class("fd.total: {max_vs_baseline: 1.2, baseline_slack: 5MiB}")), @r"
    `classes.fd.total.baseline_slack`: `5MiB` is not a number
     --> app.yaml:2:52
      |
    2 |   fd.total: {max_vs_baseline: 1.2, baseline_slack: 5MiB}
      |                                                    ^^^^
      |
      = help: this class is counted, not measured in bytes: write a number without a unit
    ");
}

#[test]
fn slack_without_a_known_unit() {
    insta::assert_snapshot!(error(&class("mem.anon: {max_vs_baseline: 1.2, baseline_slack: 5M}")), @r"
    `classes.mem.anon.baseline_slack`: `5M` has no unit that is known
     --> app.yaml:2:52
      |
    2 |   mem.anon: {max_vs_baseline: 1.2, baseline_slack: 5M}
      |                                                    ^^
      |
      = help: did you mean `5MiB` (1024) or `5MB` (1000)?
    ");
}

#[test]
fn settling_to_a_negative_share() {
    insta::assert_snapshot!(error(&class("fd.total: {settle_to: -10%}")), @r"
    `classes.fd.total.settle_to`: `-10%` is not a share in percent
     --> app.yaml:2:25
      |
    2 |   fd.total: {settle_to: -10%}
      |                         ^^^^
      |
      = help: write `10%`, or a figure such as `3`
    ");
}

#[test]
fn settling_to_no_share() {
    insta::assert_snapshot!(error(&class("mem.anon: {settle_to: ten%}")), @r"
    `classes.mem.anon.settle_to`: `ten%` is not a share in percent
     --> app.yaml:2:25
      |
    2 |   mem.anon: {settle_to: ten%}
      |                         ^^^^
      |
      = help: write `10%`, or a figure such as `20MiB`
    ");
}

#[test]
fn settling_to_bytes_of_a_count() {
    insta::assert_snapshot!(error(&class("fd.total: {settle_to: 1MiB}")), @r"
    `classes.fd.total.settle_to`: `1MiB` is not a number
     --> app.yaml:2:25
      |
    2 |   fd.total: {settle_to: 1MiB}
      |                         ^^^^
      |
      = help: this class is counted, not measured in bytes: write a number without a unit
    ");
}

#[test]
fn settling_to_a_negative_figure() {
    insta::assert_snapshot!(error(&class("fd.total: {settle_to: -1}")), @r"
    `classes.fd.total.settle_to` is negative
     --> app.yaml:2:25
      |
    2 |   fd.total: {settle_to: -1}
      |                         ^^
      |
      = help: did you mean `1`?
    ");
}

#[test]
fn paths_of_memory() {
    insta::assert_snapshot!(error(&class("mem.anon: {max: 1GiB, per: path}")), @r"
    `classes.mem.anon.per`: `mem.anon` has no paths; only descriptors have
     --> app.yaml:2:30
      |
    2 |   mem.anon: {max: 1GiB, per: path}
      |                              ^^^^
      |
      = help: here `per` can be `target` and `process`
    ");
}

#[test]
fn paths_of_processes() {
    insta::assert_snapshot!(error(&class("proc.threads: {max: 9, per: path}")), @r"
    `classes.proc.threads.per`: `proc.threads` has no paths; only descriptors have
     --> app.yaml:2:31
      |
    2 |   proc.threads: {max: 9, per: path}
      |                               ^^^^
      |
      = help: here `per` can be `target` and `process`
    ");
}

#[test]
fn processes_of_a_cgroup() {
    insta::assert_snapshot!(error(&class("cgroup.memory: {max: 1GiB, per: process}")), @r"
    `classes.cgroup.memory.per`: `cgroup.memory` is a figure of the whole target
     --> app.yaml:2:35
      |
    2 |   cgroup.memory: {max: 1GiB, per: process}
      |                                   ^^^^^^^
      |
      = help: remove it
    ");
}

#[test]
fn paths_of_a_disk() {
    insta::assert_snapshot!(error(&class("disk.layer: {max: 1GiB, per: path}")), @r"
    `classes.disk.layer.per`: `disk.layer` is a figure of the whole target
     --> app.yaml:2:32
      |
    2 |   disk.layer: {max: 1GiB, per: path}
      |                                ^^^^
      |
      = help: remove it
    ");
}

#[test]
fn paths_of_a_class_by_command_line() {
    insta::assert_snapshot!(error(&class("proc.x: {match_cmdline: x, max: 2, per: path}")), @r"
    `classes.proc.x.per`: `proc.x` has no paths; only descriptors have
     --> app.yaml:2:43
      |
    2 |   proc.x: {match_cmdline: x, max: 2, per: path}
      |                                           ^^^^
      |
      = help: here `per` can be `target` and `process`
    ");
}

#[test]
fn carrier_that_is_unknown() {
    insta::assert_snapshot!(error(&class("fd.total: {max: 1, per: proces}")), @r"
    `classes.fd.total.per`: `proces` is not known
     --> app.yaml:2:27
      |
    2 |   fd.total: {max: 1, per: proces}
      |                           ^^^^^^
      |
      = help: did you mean `process`? `classes.fd.total.per` is one of `target`, `process` and `path`
    ");
}

#[test]
fn carrier_that_is_a_number() {
    insta::assert_snapshot!(error(&class("fd.total: {max: 1, per: 5}")), @r"
    `classes.fd.total.per`: `5` is not known
     --> app.yaml:2:27
      |
    2 |   fd.total: {max: 1, per: 5}
      |                           ^
      |
      = help: `classes.fd.total.per` is one of `target`, `process` and `path`
    ");
}

#[test]
fn carrier_that_is_a_list() {
    insta::assert_snapshot!(error(&class("fd.total: {max: 1, per: [path]}")), @r"
    `classes.fd.total.per`: expected a single value, found a list
     --> app.yaml:2:22
      |
    2 |   fd.total: {max: 1, per: [path]}
      |                      ^^^
      |
      = help: write a single value
    ");
}

#[test]
fn limit_of_a_disk() {
    insta::assert_snapshot!(error(&class("disk.layer: {max_limit_ratio: 0.5}")), @r"
    `disk.layer` has no limit to take a share of
     --> app.yaml:2:16
      |
    2 |   disk.layer: {max_limit_ratio: 0.5}
      |                ^^^^^^^^^^^^^^^
      |
      = help: descriptors (`fd.*`), memory (`mem.*`, `cgroup.*`) and `cgroup.pids` have one; write `max` here instead
    ");
}
