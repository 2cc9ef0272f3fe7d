//! What is said of flags that do not go with a scenario.

use super::*;

/// The whole message on flags that do not go with a scenario.
fn flag_error(text: &str, overrides: &Overrides) -> String {
    let error = read_with(text, overrides).unwrap_err();
    assert_eq!(error.at, None);
    error.to_string()
}

#[test]
fn flag_interval_longer_than_duration() {
    let overrides = Overrides { interval: Some(Duration::from_secs(600)), ..Overrides::default() };
    insta::assert_snapshot!(flag_error(&with("soak: {duration: 5m}\n"), &overrides), @r"
    the interval of 10m (`--interval`) is not shorter than the duration of 5m
    --> soak.yaml
     = help: write an interval of a few seconds, for example `interval: 5s`, and a duration of many minutes
    ");
}

#[test]
fn flag_duration_shorter_than_interval() {
    let overrides = Overrides { duration: Some(Duration::from_secs(3)), ..Overrides::default() };
    insta::assert_snapshot!(flag_error(&with("soak: {interval: 5s}\n"), &overrides), @r"
    the interval of 5s is not shorter than the duration of 3s (`--duration`)
    --> soak.yaml
     = help: write an interval of a few seconds, for example `interval: 5s`, and a duration of many minutes
    ");
}

#[test]
fn flag_duration_shorter_than_warm_up() {
    let overrides = Overrides { duration: Some(Duration::from_secs(120)), ..Overrides::default() };
    insta::assert_snapshot!(flag_error(&with("soak: {warmup: 5m}\n"), &overrides), @r"
    the warm-up of 5m leaves nothing of the duration of 2m (`--duration`)
    --> soak.yaml
     = help: the duration includes the warm-up: write `warmup: auto`, or a longer duration
    ");
}

#[test]
fn flag_duration_of_zero() {
    let overrides = Overrides { duration: Some(Duration::ZERO), ..Overrides::default() };
    insta::assert_snapshot!(flag_error(&with(""), &overrides), @r"
    `--duration`: a duration of zero
    --> soak.yaml
     = help: write one that is longer, for example `5s`
    ");
}

#[test]
fn flag_interval_too_short() {
    let overrides = Overrides { interval: Some(Duration::from_millis(20)), ..Overrides::default() };
    insta::assert_snapshot!(flag_error(&with(""), &overrides), @r"
    `--interval`: 20ms is too short an interval
    --> soak.yaml
     = help: the shortest is `200ms`; looking more often would disturb the target
    ");
}

#[test]
fn flag_set_of_nothing() {
    let overrides = Overrides { set: vec![("TOKN".into(), "hidden".into())], ..Overrides::default() };
    insta::assert_snapshot!(flag_error(&with("vars: {TOKEN: a, user: b}\n"), &overrides), @r"
    `--set TOKN=…`: the scenario has no `TOKN`
    --> soak.yaml
     = help: did you mean `TOKEN`? What can be set: `TOKEN` and `user`
    ");
}

#[test]
fn flag_set_where_there_is_nothing_to_set() {
    let overrides = Overrides { set: vec![("A".into(), "b".into())], ..Overrides::default() };
    insta::assert_snapshot!(flag_error(&with(""), &overrides), @r"
    `--set A=…`: the scenario has no `A`
    --> soak.yaml
     = help: the scenario has no `vars` and no build `args`
    ");
}

#[test]
fn flag_set_of_what_another_flag_replaces() {
    let set = vec![("LDR_VERSION".into(), "1".into())];
    let overrides = Overrides { set, image: Some("x".to_owned()), ..Overrides::default() };
    insta::assert_snapshot!(flag_error(DESIGN, &overrides), @r"
    `--set LDR_VERSION=…` changes a build argument of the target, which `--image` replaces
    --> soak.yaml
     = help: leave out one of the two
    ");
}

#[test]
fn flag_image_for_a_command() {
    let overrides = Overrides { image: Some("x".to_owned()), ..Overrides::default() };
    insta::assert_snapshot!(flag_error(&target("command: [app]"), &overrides), @r"
    `--image` has no place here: the target is a `command`
    --> soak.yaml
     = help: use it with scenarios whose target is a `build` or an `image`
    ");
}

#[test]
fn flag_thresholds_that_are_not_there() {
    let overrides = Overrides { thresholds: Some("nope.yaml".into()), ..Overrides::default() };
    insta::assert_snapshot!(flag_error(&with(""), &overrides), @r"
    `--thresholds nope.yaml`: there is no such file
    --> soak.yaml
     = help: check the path; it counts from the folder in which slowdrip runs
    ");
}
