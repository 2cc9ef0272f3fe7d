//! `slowdrip doctor`: which ways work for whom.

use std::os::unix::process::CommandExt as _;

use serde_json::Value;

use crate::fixture::{Fixture, stdout};
use crate::support;

fn check<'a>(examination: &'a Value, list: &str, name: &str) -> &'a Value {
    let found = examination[list].as_array().unwrap().iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {examination}"))
}

#[test]
fn root_reads_from_the_host() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let fixture = Fixture::new();
    let output = fixture.command(&["doctor", "--json"]).env("DOCKER_HOST", "unix:///nowhere").output().unwrap();
    let examination: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{examination}");
    assert_eq!(examination["verdict"], "ok");
    assert_eq!(check(&examination, "modes", "host")["state"], "ok", "{examination}");
    assert_eq!(check(&examination, "modes", "helper")["state"], "fail", "{examination}");
    assert_eq!(check(&examination, "checks", "engine")["state"], "warn", "{examination}");
    for name in ["pidfd_getfd", "kcmp", "sock_diag"] {
        assert_eq!(check(&examination, "checks", name)["state"], "ok", "{examination}");
    }
}

#[test]
fn a_user_without_rights_and_without_an_engine_is_told_what_to_do() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let fixture = Fixture::new();
    // The folders above the program may be closed to this user.
    let program = fixture.path().join("slowdrip");
    std::fs::copy(support::binary(), &program).unwrap();
    for path in [fixture.path(), &program] {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let output = std::process::Command::new(&program)
        .args(["doctor"])
        .current_dir(fixture.path())
        .env("DOCKER_HOST", "unix:///nowhere")
        .stdin(std::process::Stdio::null())
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(105), "{text}");
    assert!(text.starts_with("No way to a target works here."), "{text}");
    for part in ["sudo setcap", "systemctl start docker", "host             fail"] {
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed(&text).contains(&squeezed(part)), "{part}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn a_container_that_is_not_there_is_named() {
    if support::docker_or_skip().is_none() {
        return;
    }
    let fixture = Fixture::new();
    let output = fixture.run(&["doctor", "no-such-container", "--json"]);
    let examination: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = check(&examination, "checks", "container");
    assert_eq!(found["state"], "fail", "{examination}");
    assert!(found["found"].as_str().unwrap().contains("no-such-container"), "{examination}");
    assert_eq!(check(&examination, "checks", "engine")["state"], "ok", "{examination}");
    assert_eq!(check(&examination, "modes", "helper")["state"], "unknown", "{examination}");
}
