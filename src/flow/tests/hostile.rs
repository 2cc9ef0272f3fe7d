//! Servers that misbehave: bounded time, bounded memory, a clear message.

use std::sync::atomic::AtomicUsize;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// A server that says a beginning, and then a piece again and again, as often as it is read; and how many bytes it got rid of.
async fn pouring(beginning: &'static [u8], piece: &'static [u8], times: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, sent) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&sent);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(beginning).await;
        for _ in 0..times {
            if stream.write_all(piece).await.is_err() {
                break;
            }
            counted.fetch_add(piece.len(), Ordering::Relaxed);
        }
        // Whoever waits for the end waits.
        std::future::pending::<()>().await;
    });
    (address, sent)
}

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn an_answer_of_200_mb_is_given_up_after_what_a_step_reads() {
    const PIECE: &[u8] = &[b'x'; 10_000];
    let (address, sent) = pouring(b"HTTP/1.1 200 OK\r\ncontent-length: 200000000\r\n\r\n", PIECE, 20_000).await;
    let text = Told::new().failure(get("/").step(), &Fake::at(address)).await;
    holds(
        &text,
        &["get /: the answer's body is larger than 2 MiB, which is more than a step reads", "… (cut; 2 MiB in all)"],
    );
    // What was read, and what the kernel's buffers hold on both ends.
    assert!(sent.load(Ordering::Relaxed) < 32 * MIB, "{}", sent.load(Ordering::Relaxed));
    assert!(text.len() < 4096, "{}", text.len());
}

#[tokio::test]
async fn an_endless_answer_in_chunks_is_given_up() {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let (address, _) = pouring(HEAD, b"1000\r\n", 0).await;
    let text = Told::new().failure(get("/").within(200).step(), &Fake::at(address)).await;
    holds(&text, &["get /: the answer (200 OK) did not end within 0.2 s; 0 B of its body came"]);
    let (address, _) = pouring(HEAD, b"4\r\nabcd\r\n", usize::MAX).await;
    let text = Told::new().failure(get("/").step(), &Fake::at(address)).await;
    holds(&text, &["get /: the answer's body is larger than 2 MiB"]);
}

#[tokio::test]
async fn endless_headers_and_endless_preludes_are_given_up() {
    let (address, sent) = pouring(b"HTTP/1.1 200 OK\r\n", b"x-more: 0123456789\r\n", usize::MAX).await;
    let text = Told::new().failure(get("/").step(), &Fake::at(address)).await;
    holds(&text, &["get /: no complete answer from 127.0.0.1:"]);
    assert!(sent.load(Ordering::Relaxed) < 32 * MIB, "{}", sent.load(Ordering::Relaxed));
    let (address, _) = pouring(b"", b"HTTP/1.1 100 Continue\r\n\r\n", usize::MAX).await;
    let text = Told::new().failure(get("/").within(300).step(), &Fake::at(address)).await;
    holds(&text, &["get /: no answer within 0.3 s"]);
}

#[tokio::test]
async fn a_server_that_accepts_and_never_answers_runs_into_the_deadline() {
    for beginning in [&b""[..], b"HTTP/1.1 2"] {
        let (address, _) = pouring(beginning, b"", 0).await;
        let text = Told::new().failure(get("/").within(100).step(), &Fake::at(address)).await;
        holds(&text, &["get /: no answer within 0.1 s", "\n  sent:\n    GET http://", "captured before: nothing"]);
        assert!(!text.contains("answered:"), "{text}");
    }
}

#[tokio::test]
async fn a_page_where_json_is_wanted_says_what_came() {
    let target = Fake::at(server::start().await);
    let text = Told::new().failure(get("/login").take("id", "$.id").step(), &target).await;
    holds(
        &text,
        &[
            "get /login: capture `id`: the body is not JSON (expected value at line 1 column 1); the answer calls it \
             `text/html; charset=utf-8`",
            "<!doctype html>",
        ],
    );
}

#[tokio::test]
async fn what_is_not_utf_8_is_said_and_never_printed() {
    let latin: &[u8] = b"HTTP/1.1 200 OK\r\nx-name: caf\xe9\r\ncontent-length: 14\r\n\r\n{\"a\": \"caf\xe9s\"}";
    for (step, problem) in [
        (get("/").take("x", "$.a"), "capture `x`: the body is not JSON: byte 10 of it is not UTF-8"),
        (
            get("/").contains("café"),
            "expected the body to contain `café`, which its 14 B do not (not all of it is UTF-8)",
        ),
        (get("/").answers("x-name", "café"), "expected header `x-name: café`, got `caf\u{fffd}`"),
    ] {
        let (address, _) = pouring(latin, b"", 0).await;
        let text = Told::new().failure(step.step(), &Fake::at(address)).await;
        holds(&text, &[problem, "x-name: caf\u{fffd}", "{\"a\": \"caf\u{fffd}s\"}"]);
    }
}

#[tokio::test]
async fn a_template_with_an_unknown_name_fails_in_every_place_of_a_request() {
    let target = Fake::at(server::start().await);
    let goal = |goal: Goal| HttpStep { goal, ..get("/echo") };
    let pair = || vec![("a".to_owned(), "{{ nope }}".to_owned())];
    for step in [
        goal(Goal { query: pair(), ..Goal::default() }),
        goal(Goal { headers: pair().into_iter().collect(), ..Goal::default() }),
        goal(Goal { cookies: pair().into_iter().collect(), ..Goal::default() }),
        goal(Goal { auth: Some(crate::scenario::Auth::Bearer("{{ nope }}".to_owned())), ..Goal::default() }),
        HttpStep { body: Body::Text("{{ nope }}".to_owned()), ..http("POST", "/echo") },
        json("/echo", json!({"a": "{{ nope }}"})),
        get("/{{ nope }}"),
    ] {
        let text = Told::new().failure(step.step(), &target).await;
        holds(&text, &["{{ nope }}`: `nope` is not defined (known: "]);
        assert!(!text.contains("answered:"), "{text}");
    }
}
