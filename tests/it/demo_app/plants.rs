//! What it plants, as /proc shows it, and that nothing of it outlives the application.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use super::{App, eventually, state};

const ALL: &[&str] = &["--plant=all-dead", "--plant=all-healthy", "--plant=all-classes"];

async fn plants(app: &App) -> Vec<Value> {
    app.json("/plants").await.as_array().unwrap().clone()
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn plant<'a>(plants: &'a [Value], name: &str) -> &'a Value {
    plants.iter().find(|plant| plant["name"] == name).unwrap_or_else(|| panic!("{name}"))
}

/// Every process of the application, itself excepted.
fn below(app: &App) -> Vec<u32> {
    let parent = |pid: u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    let list = fs::read_dir("/proc").unwrap();
    let all: Vec<u32> = list.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok()).collect();
    let own = app.child.id();
    let is_below = |pid: &u32| {
        let ancestors = std::iter::successors(parent(*pid), |pid| parent(*pid));
        ancestors.take(10).any(|pid| pid == own)
    };
    all.into_iter().filter(is_below).collect()
}

fn gone(processes: &[u32]) {
    for pid in processes {
        // Who inherits it may take its time to reap it.
        eventually("a process of a plant is gone", || matches!(state(*pid), None | Some('Z' | 'X')).then_some(()));
    }
}

#[tokio::test]
async fn whatever_is_listed_is_open_or_says_why_it_is_not() {
    let app = App::start(ALL);
    let plants = plants(&app).await;
    for planted in &plants {
        if let Some(why) = planted["skipped"].as_str() {
            assert!(planted["kind"] == "class" && !why.is_empty(), "{planted}");
            continue;
        }
        let pid = number(&planted["pid"]);
        assert!(state(pid).is_some(), "{planted}");
        for fd in planted["fds"].as_array().unwrap() {
            let link = fs::read_link(format!("/proc/{pid}/fd/{fd}"));
            assert!(link.is_ok(), "{planted}: {link:?}");
        }
    }
    let zombie = number(&plant(&plants, "process-zombie")["pid"]);
    assert_eq!(state(zombie), Some('Z'));
    let shared = plant(&plants, "pidfd-shared")["fds"][0].clone();
    let holders = below(&app).into_iter().filter(|pid| fs::read_link(format!("/proc/{pid}/fd/{shared}")).is_ok());
    assert_eq!(holders.count(), 1, "inherited under the same number, by one process");
}

#[tokio::test]
async fn an_orphan_loses_its_parent_when_that_is_asked_for_and_lives_on() {
    let mut app = App::start(&["--plant=process-orphan=2"]);
    let orphans: Vec<u32> = plants(&app).await.iter().map(|plant| number(&plant["pid"])).collect();
    let left = |app: &App| orphans.iter().filter(|pid| below(app).contains(pid)).count();
    assert_eq!(left(&app), 2);
    let answer = reqwest::Client::new().post(app.url("/plants/orphan")).send().await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["parents"], 2);
    eventually("they have lost their parents", || (left(&app) == 0).then_some(()));
    assert!(orphans.iter().all(|pid| state(*pid) == Some('S')));
    app.signal(Signal::TERM);
    assert_eq!(app.ended().code(), Some(0));
    gone(&orphans);
}

#[test]
fn nothing_outlives_an_application_that_is_told_to_end_or_is_killed() {
    for signal in [Signal::TERM, Signal::KILL] {
        let mut app = App::start(ALL);
        let processes = below(&app);
        assert!(processes.len() >= 9, "{processes:?}");
        app.signal(signal);
        app.ended();
        gone(&processes);
    }
}
