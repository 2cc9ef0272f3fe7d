//! `slowdrip snapshot` held against the demo application, which says what it holds: every class of descriptor, every kind of dead
//! handle, and for each a healthy twin.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod app;
mod look;

use slowdrip::model::{DeadKind, Metric};

use app::App;
use look::{assert_counted, assert_found, kinds};

use crate::fixture::is_root_or_skip;
use crate::support::docker_or_skip;

/// How the target is reached.
const HOST: &str = "host";
const HELPER: &str = "helper";
/// The best way that works: for a user without rights the helper.
const AUTO: &str = "auto";

const DEAD_AND_HEALTHY: &[&str] = &["--plant=all-dead", "--plant=all-healthy"];
const CLASSES: &[&str] = &["--plant=all-classes"];

/// Long enough for five looks that can tell, and for an orphan that is made meanwhile to outlive its grace.
const LONG: &[&str] = &["--watch", "14s", "--grace", "3s"];

fn finds_all(mode: &str, app: &App) {
    let planted = app.planted();
    let seen = app.look_and_orphan(&[&["--probe", mode], LONG].concat());
    assert_found(&planted, &seen);
    // The application may not say less than there is.
    let missing: Vec<_> = DeadKind::ALL.iter().filter(|kind| !kinds(&seen).contains(kind)).collect();
    assert!(missing.is_empty(), "never planted: {missing:?}");
}

fn counts_all(mode: &str, app: &App) {
    let planted = app.planted();
    let seen = app.look(&["--probe", mode]);
    assert_counted(&planted, &seen);
}

#[test]
fn every_dead_handle_of_a_container_is_found_and_no_healthy_twin() {
    let Some(docker) = docker_or_skip() else { return };
    finds_all(HOST, &App::in_container(docker, DEAD_AND_HEALTHY));
}

#[test]
fn every_dead_handle_is_found_through_a_helper_by_a_user_without_any_right_but_to_the_engine() {
    let Some(docker) = docker_or_skip() else { return };
    if !is_root_or_skip() {
        return;
    }
    let app = App::in_container(docker, DEAD_AND_HEALTHY).seen_by_nobody();
    finds_all(AUTO, &app);
    let table = app.read(&["--watch", "4s", "--grace", "2s"]);
    assert!(table.contains("helper"), "{table}");
    for kind in [DeadKind::PidfdTargetGone, DeadKind::PipeNoReader, DeadKind::TcpCloseWait] {
        assert!(table.contains(kind.reason()), "{kind:?}: {table}");
    }
}

#[test]
fn every_class_in_a_container_is_counted_by_a_helper() {
    let Some(docker) = docker_or_skip() else { return };
    counts_all(HELPER, &App::in_container(docker, CLASSES));
}

#[test]
fn every_dead_handle_of_a_process_is_found_and_no_healthy_twin() {
    finds_all(HOST, &App::as_process(DEAD_AND_HEALTHY));
}

#[test]
fn the_table_names_every_dead_handle_of_a_container_and_why_it_is_dead() {
    let Some(docker) = docker_or_skip() else { return };
    let app = App::in_container(docker, DEAD_AND_HEALTHY);
    let table = app.read_and_orphan(&[&["--probe", HOST], LONG].concat());
    for planted in app.planted() {
        let Some(kind) = planted.dead_kind else { continue };
        assert!(table.contains(kind.reason()), "{kind:?}: {table}");
        for fd in planted.fds {
            assert!(table.contains(&format!("fd {fd} ")), "{}, fd {fd}: {table}", planted.name);
        }
    }
}

#[test]
fn every_class_in_a_container_is_counted() {
    let Some(docker) = docker_or_skip() else { return };
    counts_all(HOST, &App::in_container(docker, CLASSES));
}

#[test]
fn every_class_in_a_process_is_counted() {
    counts_all(HOST, &App::as_process(CLASSES));
}

#[test]
fn several_of_a_kind_are_each_found() {
    let app = App::as_process(&["--plant=pipe-no-reader=3", "--plant=pidfd-target-gone=5", "--plant=pty-slave-gone=2"]);
    let seen = app.look(&["--probe", HOST, "--watch", "3s"]);
    assert_found(&app.planted(), &seen);
    assert!(seen.dead.len() >= 10, "{:?}", seen.dead);
}

#[test]
fn what_may_still_be_put_to_use_is_not_called_dead_within_its_grace() {
    let app = App::as_process(DEAD_AND_HEALTHY);
    let graced = |kind: DeadKind| !kind.is_exact() || matches!(kind.class(), Metric::ProcZombie | Metric::ProcOrphan);
    let planted =
        app.planted().into_iter().filter(|planted| !planted.dead_kind.is_some_and(graced)).collect::<Vec<_>>();
    let seen = app.look_and_orphan(&["--probe", HOST, "--watch", "8s", "--grace", "10m"]);
    assert_found(&planted, &seen);
}
