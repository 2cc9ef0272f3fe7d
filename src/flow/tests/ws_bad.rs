//! WebSockets of servers that misbehave: every one is bounded in time and memory, and says what was wrong.

use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::sockets::*;
use super::*;
use crate::scenario::Sought;

/// Connects within a time, and does nothing.
fn connecting(millis: u64) -> Step {
    let mut step = ws("/chat?token=abcd1234", Vec::new());
    step.timeout = Duration::from_millis(millis);
    step.step()
}

/// A server that takes the upgrade, writes some bytes, and reads on.
async fn upgraded(bytes: Vec<u8>, close: bool) -> SocketAddr {
    let bytes = Arc::new(bytes);
    serve(move |stream| {
        let bytes = Arc::clone(&bytes);
        async move {
            let socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            let mut stream = socket.into_inner();
            let _ = stream.write_all(&bytes).await;
            if !close {
                std::future::pending::<()>().await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_server_that_never_answers_runs_into_the_deadline() {
    let address = answering(Vec::new(), false).await;
    let mut told = Told::new();
    let started = Instant::now();
    let text = told.failure(connecting(200), &Fake::at(address)).await;
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    holds(
        &text,
        &[
            "app.yaml:40:5: ws /chat?token=[secret]: the connection was not open within 0.2 s",
            &format!("\n  sent:\n    GET http://{address}/chat?token=[secret]\n"),
            "\n    upgrade: websocket\n",
            "\n  captured before: nothing",
        ],
    );
    settles(address.port(), 1).await;
}

#[tokio::test]
async fn a_refusal_is_shown_as_any_answer() {
    let long = format!("{{\"error\": \"log in first\", \"token\": \"tok-secret-1\"}}{}", "x".repeat(5000));
    for (answer, expected) in [
        (format!("HTTP/1.1 200 OK\r\nX-Trace: t-1\r\nContent-Length: {}\r\n\r\n{long}", long.len()), "200 OK"),
        (
            format!(
                "HTTP/1.1 403 Forbidden\r\nX-Trace: t-1\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n",
                long.len()
            ),
            "403 Forbidden",
        ),
        // Its end is that of the connection.
        (format!("HTTP/1.0 401 Unauthorized\r\nX-Trace: t-1\r\n\r\n{long}"), "401 Unauthorized"),
    ] {
        let mut told = Told::new();
        let text = told.failure(connecting(5000), &Fake::at(answering(answer.into_bytes(), true).await)).await;
        holds(
            &text,
            &[
                &format!("expected status 101 Switching Protocols, got {expected}"),
                &format!("\n  answered:\n    {expected}\n"),
                "\n    x-trace: t-1\n",
                "{\"error\": \"log in first\", \"token\": \"[secret]\"}xxx",
                "… (cut; 4.9 KiB in all)",
            ],
        );
    }
    // A body that never ends does not hide the refusal.
    for body in ["Content-Length: 100000\r\n\r\nthe beginning", "Transfer-Encoding: chunked\r\n\r\n"] {
        let mut told = Told::new();
        let answer = format!("HTTP/1.1 503 Service Unavailable\r\n{body}");
        let text = told.failure(connecting(300), &Fake::at(answering(answer.into_bytes(), false).await)).await;
        holds(&text, &["expected status 101 Switching Protocols, got 503 Service Unavailable"]);
    }
}

#[tokio::test]
async fn an_answer_that_breaks_the_rules_of_the_upgrade_is_refused() {
    let head = "HTTP/1.1 101 Switching Protocols\r\n";
    let both = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    for (answer, problem) in [
        (format!("{head}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"), "no header `Upgrade: websocket`"),
        (format!("{head}Upgrade: websocket\r\n\r\n"), "no header `Connection: Upgrade`"),
        (format!("{head}{both}\r\n"), "`Sec-WebSocket-Accept` does not belong to the key"),
        (format!("{head}{both}Sec-WebSocket-Accept: xyz\r\n\r\n"), "`Sec-WebSocket-Accept` does not belong to the key"),
        ("SSH-2.0-OpenSSH_9.9\r\n\r\n".to_owned(), "is no HTTP"),
        (String::new(), "closed the connection"),
    ] {
        let mut told = Told::new();
        let text = told.failure(connecting(5000), &Fake::at(answering(answer.clone().into_bytes(), true).await)).await;
        holds(&text, &[problem]);
    }
    // Headers without an end.
    let endless = format!("{head}{}", "X-More: and more\r\n".repeat(100_000));
    let text = Told::new().failure(connecting(5000), &Fake::at(answering(endless.into_bytes(), false).await)).await;
    holds(&text, &["ws /chat?token=[secret]: "]);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = Told::new().failure(connecting(5000), &Fake::at(closed)).await;
    holds(&text, &["connection refused: nothing listens on 127.0.0.1:"]);
    let text = Told::new().failure(connecting(5000), &Fake::at("192.0.2.1:80".parse().unwrap())).await;
    holds(&text, &["is not on the loopback interface"]);
}

#[tokio::test]
async fn a_message_that_never_comes_shows_those_that_came() {
    let target = Fake::at(application().await);
    let mut told = Told::new();
    told.flow.captured.insert("id".to_owned(), json!(7));
    let sought = holding("$.echo", JsonExpect::Equals(json!("done {{ id }}")));
    let step = ws("/echo", vec![send("pass\u{1b}[2J"), awaits(sought, 300).step()]).step();
    let text = told.failure(step, &target).await;
    holds(
        &text,
        &[
            "app.yaml:42:5: await on ws /echo: no such message within 0.3 s; 3 other messages came",
            "also: the last one: expected $.echo to be \"done 7\", found \"pass\\u001b[2J\"",
            "also: the last one was (",
            "\"token\":\"[secret]\"",
            "also: the one before was (8 B): {\"n\": 0}",
            "also: and before that was (7 B): no JSON",
            "\n  in: ws /echo",
            "\n  sent:\n    GET http://",
            "\n    pass\\u{1b}[2J\n",
            "\n  captured before: id = 7",
        ],
    );
    // Nothing at all.
    let text = told.failure(ws("/echo", vec![awaits(Sought::default(), 100).step()]).step(), &target).await;
    holds(&text, &["no such message within 0.1 s; no other message came"]);
    // What cannot be is said before anything is awaited.
    let sought = holding("$.n", JsonExpect::Equals(json!("{{ nope }}")));
    let text = told.failure(ws("/echo", vec![awaits(sought, 60_000).step()]).step(), &target).await;
    holds(&text, &["`nope` is not defined"]);
    // A value that cannot be taken.
    let step = awaits(Sought::default(), 5000).take("x", "$.nothing").step();
    let text =
        told.failure(ws("/echo", vec![send("x"), awaits(Sought::default(), 5000).step(), step]).step(), &target).await;
    holds(&text, &["capture `x`: $.nothing finds nothing", "{\"n\": 0}"]);
}

#[tokio::test]
async fn a_flood_of_other_messages_is_given_up() {
    let address = serve_ws(|mut socket| async move {
        while socket.feed(Message::Text(r#"{"type": "noise"}"#.into())).await.is_ok() {}
    })
    .await;
    let target = Fake::at(address);
    let mut told = Told::new();
    let never = || awaits(holding("$.type", JsonExpect::Equals(json!("signal"))), 120_000).step();
    let text = told.failure(ws("/", vec![never()]).step(), &target).await;
    holds(&text, &["10000 other messages of 166 KiB came, and none is such a one; more are not passed over"]);
    // While nobody awaits anything, the oldest are dropped and the rest is kept within bounds; other steps have their turn.
    let text = told.failure(ws("/", vec![sleeps(300), never()]).step(), &target).await;
    holds(&text, &["that came while no step awaited any were dropped"]);
    settles(address.port(), 0).await;

    let address = serve_ws(|mut socket| async move {
        let large = "x".repeat(1024 * 1024);
        while socket.send(Message::Text(large.clone().into())).await.is_ok() {}
    })
    .await;
    let sought = Sought { contains: Some("signal".to_owned()), ..Sought::default() };
    let text = told.failure(ws("/", vec![awaits(sought, 120_000).step()]).step(), &Fake::at(address)).await;
    holds(&text, &["64 other messages of 64 MiB came"]);
}

#[tokio::test]
async fn a_deadline_holds_against_a_flood_too() {
    let address =
        serve_ws(|mut socket| async move { while socket.feed(Message::Pong(vec![0; 10].into())).await.is_ok() {} })
            .await;
    let started = Instant::now();
    let step = ws("/", vec![awaits(Sought::default(), 300).step()]).step();
    let text = Told::new().failure(step, &Fake::at(address)).await;
    holds(&text, &["no such message within 0.3 s"]);
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    let text = Told::new().failure(ws("/", vec![ping(300)]).step(), &Fake::at(address)).await;
    holds(&text, &["ping over ws /: no pong within 0.3 s"]);
}

#[tokio::test]
async fn a_server_that_leaves_in_the_middle_is_told_of() {
    let mut told = Told::new();
    let waiting = || ws("/", vec![awaits(Sought::default(), 60_000).step()]).step();
    let closing = serve_ws(|mut socket| async move {
        let frame = CloseFrame { code: 1011.into(), reason: "out of \u{202e}luck".into() };
        socket.close(Some(frame)).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let text = told.failure(waiting(), &Fake::at(closing)).await;
    holds(
        &text,
        &[
            "await on ws /: the server closed the connection with code 1011: out of \\u{202e}luck, before such a message came",
        ],
    );
    let text = told.failure(ws("/", vec![sleeps(200), send("x")]).step(), &Fake::at(closing)).await;
    holds(&text, &["send over ws /: the server closed the connection with code 1011"]);
    let text = told.failure(ws("/", vec![ping(60_000)]).step(), &Fake::at(closing)).await;
    holds(&text, &["ping over ws /: the server closed the connection with code 1011"]);

    let dropping = upgraded(Vec::new(), true).await;
    let text = told.failure(waiting(), &Fake::at(dropping)).await;
    holds(&text, &["the server closed the TCP connection without a close frame, before"]);
    // Half a frame, and no more.
    let half = upgraded(vec![0x81, 0x05, b'h'], true).await;
    holds(&told.failure(waiting(), &Fake::at(half)).await, &["without a close frame"]);
}

#[tokio::test]
async fn frames_that_break_the_rules_are_named() {
    let mut told = Told::new();
    let waiting = || ws("/", vec![awaits(Sought::default(), 5_000).step()]).step();
    let mut huge = vec![0x81, 127];
    huge.extend((1_u64 << 40).to_be_bytes());
    let mut two = vec![0x01, 126, 0xff, 0xff];
    two.extend(vec![b'x'; 0xffff]);
    let pieces: Vec<u8> = (0..64)
        .flat_map(|n| {
            let mut piece = two.clone();
            piece[0] = if n == 0 { 0x01 } else { 0x00 };
            piece
        })
        .collect();
    for (bytes, problem) in [
        (vec![0x81, 0x02, 0xff, 0xfe], "the server sent a text message that is not UTF-8"),
        (huge, "the server sent a message of 1 TiB, and 2 MiB are the most that a step reads"),
        (pieces, "and 2 MiB are the most that a step reads"),
        (vec![0x83, 0x00], "the server broke the rules of WebSockets"),
        (vec![0x81, 0x80, 0, 0, 0, 0], "the server broke the rules of WebSockets"),
    ] {
        let address = upgraded(bytes, false).await;
        let text = told.failure(waiting(), &Fake::at(address)).await;
        holds(&text, &[problem, ", before such a message came; no other message came"]);
    }
    // A control frame that is too long, and bytes that are no text in a binary message.
    let address =
        upgraded([vec![0x82, 0x03, 0xff, b'o', b'k'], vec![0x89, 126, 0, 200], vec![b'p'; 200]].concat(), false).await;
    let ok = awaits(Sought { contains: Some("ok".to_owned()), ..Sought::default() }, 5000).step();
    let text =
        told.failure(ws("/", vec![ok, awaits(Sought::default(), 5_000).step()]).step(), &Fake::at(address)).await;
    holds(&text, &["the server broke the rules of WebSockets: "]);
}

#[tokio::test]
async fn a_server_that_reads_nothing_does_not_hold_up_a_send() {
    let address = upgraded(Vec::new(), false).await;
    let mut told = Told::new();
    let step = ws("/", vec![repeat(100, None, vec![send("{{ 'x' * 1000000 }}")])]).step();
    let started = Instant::now();
    let text = told.failure(wait(Duration::from_millis(800), Duration::from_millis(1), step), &Fake::at(address)).await;
    holds(&text, &["the server did not take the message within "]);
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}
