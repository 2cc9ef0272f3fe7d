//! The clock that it goes by, and the shapes that it keeps.

use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{App, SOON, browser, eventually, send, token};

/// Shapes that live fast: at 50 ms from one refresh to the next, a made-up half hour would be 36,000 of them.
const SHAPES: [&str; 6] = [
    "--shape=pool=20@5s:socket",
    "--shape=burst=10@5s:pipe",
    "--shape=sawtooth=8@7s:file",
    "--shape=gc=9@4s:eventpoll",
    "--shape=rotate=6@9s",
    "--shape=inflight=5@1s:pipe",
];

async fn post(app: &App, body: &Value) -> (StatusCode, Value) {
    let answer = Client::new().post(app.url("/clock")).json(body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

async fn advance(app: &App, seconds: f64) {
    let (status, answer) = post(app, &json!({"advance_s": seconds})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

#[tokio::test]
async fn a_manual_clock_stands_still_and_everything_due_has_happened_when_it_was_moved() {
    let app = App::start(&["--clock=manual", "--leak=eventpoll=60/m", "--leak=pidfd=6/m"]);
    let ann = browser();
    let csrf = token(&ann, &app, "/register").await;
    let fields = [("username", "ann"), ("password", "correct horse"), ("csrf_token", csrf.as_str())];
    assert_eq!(send(&ann, &app, "/register", &fields).await, StatusCode::FOUND);
    ann.post(app.url("/subscriptions")).json(&json!({"query": "x"})).send().await.unwrap().error_for_status().unwrap();
    assert_eq!(app.json("/clock").await, json!({"now_s": 0.0}));
    assert_eq!(app.json("/stats").await["leaked"], json!({}));
    advance(&app, 9.5).await;
    assert_eq!(app.json("/stats").await["leaked"], json!({"eventpoll": 9}));
    advance(&app, 0.5).await;
    let stats = app.json("/stats").await;
    assert_eq!((&stats["leaked"], &stats["uptime_s"]), (&json!({"eventpoll": 10, "pidfd": 1}), &json!(10)));
    assert_eq!(app.json("/clock").await, json!({"now_s": 10.0}));
    // One every 50 ms of the clock. The first one of all came before there was a subscription.
    let listing: Value = ann.get(app.url("/subscriptions")).send().await.unwrap().json().await.unwrap();
    assert_eq!(listing["subscriptions"][0]["runs"], 200);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_course_in_one_move_or_in_many() {
    let manual = [&["--clock=manual", "--seed=7"], &SHAPES[..]].concat();
    let (one, many) = (App::start(&manual), App::start(&manual));
    advance(&one, 20.0).await;
    for _ in 0..40 {
        advance(&many, 0.5).await;
    }
    let held = one.json("/shapes").await;
    assert_eq!(held, many.json("/shapes").await);
    assert_eq!(
        held[2],
        json!({"kind": "sawtooth", "size": 8, "time_s": 7.0, "handle": "file", "held": 7, "opened": 23})
    );
    let other = App::start(&[&["--clock=manual", "--seed=8"], &SHAPES[..]].concat());
    advance(&other, 20.0).await;
    assert_ne!(held, other.json("/shapes").await);
}

#[tokio::test]
async fn what_a_shape_holds_is_open_and_what_it_closed_is_not() {
    let app = App::start(&[&["--clock=manual"], &SHAPES[..]].concat());
    // None of these is held before the clock moves.
    let before = app.links();
    for _ in 0..10 {
        advance(&app, 3.0).await;
        let shapes = app.json("/shapes").await;
        let held = |handle: &str, each: u64| {
            let shapes = shapes.as_array().unwrap().iter().filter(|shape| shape["handle"] == handle);
            shapes.map(|shape| each * shape["held"].as_u64().unwrap()).sum::<u64>()
        };
        let links = app.links();
        let more = |name: &str| {
            let of = |links: &std::collections::BTreeMap<String, usize>| links.get(name).copied().unwrap_or_default();
            (of(&links) - of(&before)) as u64
        };
        assert_eq!(more("shape-N-N.dat"), held("file", 1));
        assert_eq!(more("pipe:[N]"), held("pipe", 2));
        assert_eq!(more("anon_inode:[eventpoll]"), held("eventpoll", 1));
        // And the connection on which the request came may be on its way out.
        assert!((held("socket", 1)..=held("socket", 1) + 2).contains(&more("socket:[N]")), "{links:?}");
    }
}

#[tokio::test]
async fn a_clock_that_is_sixty_times_as_fast_does_an_hour_in_a_minute() {
    let app = App::start(&["--clock=60x", "--leak=eventpoll=60/m", "--shape=pool=5@50ms"]);
    let started = Instant::now();
    let leaked = loop {
        let stats = app.json("/stats").await;
        if stats["leaked"]["eventpoll"].as_u64() >= Some(90) {
            break stats["leaked"]["eventpoll"].as_u64().unwrap();
        }
        assert!(started.elapsed() < SOON, "{stats}");
    };
    // The application began a little before it printed its port.
    let most = (started.elapsed() + Duration::from_millis(500)).as_millis() * 60 / 1000;
    assert!(u128::from(leaked) <= most, "{leaked} in {:?}", started.elapsed());
    assert_eq!(app.json("/shapes").await[0]["held"], 5);
}

#[tokio::test]
async fn a_move_that_cannot_be_made_is_refused_with_the_reason() {
    let app = App::start(&[]);
    let (status, answer) = post(&app, &json!({"advance_s": 5})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(answer["error"].as_str().unwrap().contains("--clock manual"), "{answer}");

    let manual = App::start(&["--clock=manual", "--serve-after-term"]);
    for (body, expected) in [
        (json!({"advance_s": -1}), "from 0 to 86400"),
        (json!({"advance_s": 86_401}), "from 0 to 86400"),
        (json!({"advance_s": 1e300}), "from 0 to 86400"),
        (json!({"advance_s": "5"}), "advance_s"),
        (json!({"advance": 5}), "advance"),
        (json!({}), "advance_s"),
    ] {
        let (status, answer) = post(&manual, &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(answer["error"].as_str().unwrap().contains(expected), "{body}: {answer}");
    }
    assert_eq!(manual.json("/clock").await, json!({"now_s": 0.0}));
    manual.signal(Signal::TERM);
    eventually("it says so", || manual.said("still serving").then_some(()));
    let (status, answer) = post(&manual, &json!({"advance_s": 5})).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
}

#[test]
fn bad_clocks_shapes_and_seeds_are_usage_errors_that_say_what_to_write() {
    for (argument, expected) in [
        ("--clock=60", "`60`"),
        ("--clock=0x", "from 1x to 1000x"),
        ("--shape=pool", "KIND=N"),
        ("--shape=lake=3", "sawtooth"),
        ("--shape=pool=0", "from 1 to 1000"),
        ("--shape=pool=3:pidfd", "eventpoll"),
        ("--shape=pool=3@0s", "50ms"),
        ("--seed=-1", "--seed"),
    ] {
        let output =
            Command::new(crate::support::binary()).args(["demo-app", "--data=/nowhere", argument]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{argument}: {said}");
        assert!(said.contains(expected), "{argument}: {said}");
    }
}
