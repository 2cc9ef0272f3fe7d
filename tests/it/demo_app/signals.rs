//! What it does when it is told to stop.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use rustix::process::Signal;
use serde_json::json;

use super::{App, browser, eventually, send, token};

#[tokio::test]
async fn ends_in_time_with_code_0_on_sigterm() {
    let mut app = App::start(&["--leak=eventpoll=20/s"]);
    // A connection that is kept alive does not keep the application.
    let client = Client::new();
    client.get(app.url("/health")).send().await.unwrap();
    app.signal(Signal::TERM);
    let asked = Instant::now();
    assert_eq!(app.ended().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(("127.0.0.1", app.port)).is_err());
}

#[tokio::test]
async fn ignores_sigterm_when_told_to() {
    let mut app = App::start(&["--ignore-term"]);
    app.signal(Signal::TERM);
    eventually("it says so", || app.said("SIGTERM ignored").then_some(()));
    assert_eq!(app.json("/health").await["status"], "ok");
    assert_eq!(app.child.try_wait().unwrap(), None);
    app.signal(Signal::INT);
    assert_eq!(app.ended().code(), Some(0));
}

#[tokio::test]
async fn keeps_serving_without_working_after_sigterm_when_told_to() {
    let mut app = App::start(&["--serve-after-term", "--leak=eventpoll=50/s"]);
    let ann = browser();
    let csrf = token(&ann, &app, "/register").await;
    let fields = [("username", "ann"), ("password", "correct horse"), ("csrf_token", csrf.as_str())];
    assert_eq!(send(&ann, &app, "/register", &fields).await, StatusCode::FOUND);
    ann.post(app.url("/subscriptions")).json(&json!({"query": "x"})).send().await.unwrap().error_for_status().unwrap();
    eventually("a refresh", || app.said("refreshed subscription 1").then_some(()));
    app.signal(Signal::TERM);
    eventually("it says so", || app.said("still serving").then_some(()));
    // What was under way when the signal came may still be counted.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = app.json("/stats").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let after = app.json("/stats").await;
    assert_eq!((&before["refreshes"], &before["leaked"]), (&after["refreshes"], &after["leaked"]));
    assert!(after["requests"].as_u64() > before["requests"].as_u64());
    app.signal(Signal::INT);
    assert_eq!(app.ended().code(), Some(0));
}
