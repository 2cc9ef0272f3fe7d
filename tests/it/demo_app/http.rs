//! What it answers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{App, SOON, browser, send, token};

#[tokio::test]
async fn a_user_registers_subscribes_and_sees_the_scheduler_work() {
    let app = App::start(&[]);
    let ann = browser();
    let csrf = token(&ann, &app, "/register").await;
    let fields = [("username", "ann"), ("password", "correct horse"), ("csrf_token", csrf.as_str())];
    assert_eq!(send(&ann, &app, "/register", &fields).await, StatusCode::FOUND);
    for n in 1..=3 {
        let made =
            ann.post(app.url("/subscriptions")).json(&json!({"query": format!("topic {n}")})).send().await.unwrap();
        assert_eq!(made.status(), StatusCode::CREATED);
        assert_eq!(made.json::<Value>().await.unwrap(), json!({"id": n}));
    }
    let deadline = Instant::now() + SOON;
    let listing = loop {
        let listing: Value = ann.get(app.url("/subscriptions")).send().await.unwrap().json().await.unwrap();
        if listing["subscriptions"].as_array().unwrap().iter().all(|one| one["runs"].as_i64() >= Some(2)) {
            break listing;
        }
        assert!(Instant::now() < deadline, "{listing}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(listing["total"], 3);
    assert_eq!(listing["subscriptions"][2]["query"], "topic 3");
    assert!(listing["subscriptions"][0]["last_run"].is_string());
    let stats = app.json("/stats").await;
    assert!(stats["refreshes"].as_u64() >= Some(6), "{stats}");
    assert!(stats["requests"].as_u64() >= Some(6), "{stats}");
    assert_eq!((&stats["users"], &stats["subscriptions"]), (&json!(1), &json!(3)));
    assert!(app.said("POST /register 302") && app.said("refreshed subscription 3"));
}

#[tokio::test]
async fn a_user_logs_out_and_in_again() {
    let app = App::start(&[]);
    let ann = browser();
    let csrf = token(&ann, &app, "/register").await;
    let fields = [("username", "ann"), ("password", "correct horse"), ("csrf_token", csrf.as_str())];
    assert_eq!(send(&ann, &app, "/register", &fields).await, StatusCode::FOUND);
    assert_eq!(send(&ann, &app, "/logout", &[]).await, StatusCode::FOUND);
    assert_eq!(ann.get(app.url("/subscriptions")).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    for (password, status) in [("wrong horse", StatusCode::UNAUTHORIZED), ("correct horse", StatusCode::FOUND)] {
        let csrf = token(&ann, &app, "/login").await;
        let fields = [("username", "ann"), ("password", password), ("csrf_token", csrf.as_str())];
        assert_eq!(send(&ann, &app, "/login", &fields).await, status);
    }
    assert_eq!(ann.get(app.url("/subscriptions")).send().await.unwrap().status(), StatusCode::OK);
    let csrf = token(&ann, &app, "/register").await;
    let again = [("username", "ann"), ("password", "another horse"), ("csrf_token", csrf.as_str())];
    assert_eq!(send(&ann, &app, "/register", &again).await, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_form_with_a_wrong_missing_or_foreign_token_is_refused() {
    let app = App::start(&[]);
    let (ann, eve) = (browser(), browser());
    let foreign = token(&eve, &app, "/register").await;
    token(&ann, &app, "/register").await;
    let user = [("username", "ann"), ("password", "correct horse")];
    for form in ["/register", "/login"] {
        assert_eq!(send(&ann, &app, form, &user).await, StatusCode::FORBIDDEN);
        for token in ["", "wrong", &foreign] {
            let fields = [user[0], user[1], ("csrf_token", token)];
            assert_eq!(send(&ann, &app, form, &fields).await, StatusCode::FORBIDDEN, "{form} {token}");
        }
        assert_eq!(send(&browser(), &app, form, &[("csrf_token", &foreign)]).await, StatusCode::FORBIDDEN);
    }
    assert_eq!(app.json("/stats").await["users"], 0);
}

#[tokio::test]
async fn what_is_too_long_malformed_or_without_a_session_is_refused() {
    let app = App::start(&[]);
    let subscribe = |browser: Client, body: String| {
        let request = browser.post(app.url("/subscriptions")).header("content-type", "application/json").body(body);
        async move { request.send().await.unwrap().status() }
    };
    assert_eq!(subscribe(browser(), json!({"query": "x"}).to_string()).await, StatusCode::UNAUTHORIZED);
    let ann = browser();
    let csrf = token(&ann, &app, "/register").await;
    let short = [("username", "ann"), ("password", "short"), ("csrf_token", csrf.as_str())];
    assert_eq!(send(&ann, &app, "/register", &short).await, StatusCode::UNPROCESSABLE_ENTITY);
    let fields = [("username", "ann"), ("password", "correct horse"), ("csrf_token", csrf.as_str())];
    assert_eq!(send(&ann, &app, "/register", &fields).await, StatusCode::FOUND);
    assert_eq!(subscribe(ann.clone(), "{".to_owned()).await, StatusCode::BAD_REQUEST);
    assert_eq!(subscribe(ann.clone(), json!({"query": ""}).to_string()).await, StatusCode::UNPROCESSABLE_ENTITY);
    let long = json!({"query": "x".repeat(100_000)}).to_string();
    assert_eq!(subscribe(ann, long).await, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn says_that_it_is_healthy_and_how_many_files_it_has_open() {
    let app = App::start(&[]);
    assert_eq!(app.json("/health").await, json!({"status": "ok"}));
    let open = app.json("/open-files").await;
    assert!(open["open_files"].as_u64() > Some(5), "{open}");
    assert!(open["max_files"].as_u64() > open["open_files"].as_u64(), "{open}");
}

/// Reads one unmasked frame: its first byte and its text.
fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let mut body = vec![0; usize::from(head[1])];
    stream.read_exact(&mut body).unwrap();
    (head[0], body)
}

#[test]
fn the_websocket_pings_and_sends_back_what_it_gets() {
    let mut app = App::start(&[]);
    let mut stream = TcpStream::connect(("127.0.0.1", app.port)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    write!(
        stream,
        "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    // A final text frame, masked with zeros, which leave the text as it is.
    stream.write_all(b"\x81\x85\0\0\0\0hello").unwrap();
    let mut frames = [frame(&mut stream), frame(&mut stream)];
    frames.sort();
    assert_eq!(frames, [(0x81, b"hello".to_vec()), (0x89, b"still there?".to_vec())]);
    // The connection that is open does not keep the application from ending.
    app.signal(Signal::TERM);
    assert_eq!(frame(&mut stream).0, 0x88);
    assert_eq!(app.ended().code(), Some(0));
}

#[test]
fn refuses_leaks_that_it_does_not_know_and_addresses_it_cannot_have() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_slowdrip")).arg("demo-app").args(arguments).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(run(&["--data=/nowhere", "--leak=socket=1/s"]).contains("there is no leak `socket`"));
    assert!(run(&["--listen=127.0.0.1:0"]).contains("--data"));
    let app = App::start(&[]);
    let data = tempfile::tempdir().unwrap();
    let listen = format!("--listen=127.0.0.1:{}", app.port);
    let said = run(&[&listen, &format!("--data={}", data.path().display())]);
    assert!(said.contains("choose another address"), "{said}");
}
