//! Server-sent events, of servers that behave and of such that do not.

use std::time::Instant;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::http::header::{ACCEPT, CACHE_CONTROL};

use super::sockets::{answering, contains, holding, open_connections, read_head, serve, settles};
use super::tls::Authority;
use super::*;
use crate::scenario::{Sought, SseStep, Tls};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nX-Trace: t-1\r\n\r\n";

fn sse(events: u32) -> SseStep {
    SseStep {
        path: "/events?topic={{ topic }}".to_owned(),
        goal: Goal::default(),
        events,
        event: None,
        sought: Sought::default(),
        within: Duration::from_secs(20),
        capture: BTreeMap::new(),
    }
}

impl SseStep {
    fn step(self) -> Step {
        at(50, Action::Sse(Box::new(self)))
    }

    fn of(self, kind: &str) -> Self {
        Self { event: Some(kind.to_owned()), ..self }
    }

    fn seeking(self, sought: Sought) -> Self {
        Self { sought, ..self }
    }

    fn for_millis(self, millis: u64) -> Self {
        Self { within: Duration::from_millis(millis), ..self }
    }

    fn take(mut self, name: &str, at: &str) -> Self {
        self.capture.insert(name.to_owned(), Capture { from: CaptureFrom::Json(path(at)), all: false });
        self
    }
}

/// A server whose stream is this text, then silence or its end.
async fn streaming(body: &str, close: bool) -> SocketAddr {
    answering(format!("{HEAD}{body}").into_bytes(), close).await
}

#[tokio::test]
async fn reads_as_many_events_as_are_wanted_and_drops_the_connection() {
    // A stream without end; a chunk at a time, cut anywhere.
    let address = serve(|mut stream| async move {
        let head = read_head(&mut stream).await;
        assert!(head.starts_with("GET /events?topic=cats HTTP/1.1\r\n"), "{head}");
        assert!(
            head.contains("accept: text/event-stream\r\n") && head.contains("cache-control: no-store\r\n"),
            "{head}"
        );
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        for n in 0_u32.. {
            let text = format!(
                ": c\nevent: progress\r\ndata: {{\"n\": {n},\ndata: \"id\": \"job-{n}\"}}\n\nevent: ping\ndata: 1\n\n"
            );
            for piece in text.as_bytes().chunks(7) {
                let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
                if stream.write_all(&chunk).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    let target = Fake::at(address);
    let mut told = Told::new();
    let wanted = sse(3).of("progress").seeking(holding("$.n", JsonExpect::AtLeast(5.0))).take("id", "$.id");
    told.run(&[wanted.step()], &target).await.unwrap();
    assert_eq!(told.captured("id"), Some(&json!("job-7")));
    holds(&told.lines()[0], &["sse /events?topic=cats → 3 events and 12 others in "]);
    settles(address.port(), 0).await;
    told.run(&[sse(4).step()], &target).await.unwrap();
    holds(&told.lines()[1], &["sse /events?topic=cats → 4 events in "]);
    settles(address.port(), 0).await;
}

#[tokio::test]
async fn an_accept_header_of_the_step_is_left_as_it_is() {
    let address = serve(|mut stream| async move {
        let head = read_head(&mut stream).await;
        let accept = head.lines().find_map(|line| line.strip_prefix(&format!("{ACCEPT}: "))).unwrap().to_owned();
        let cache = head.lines().filter(|line| line.starts_with(CACHE_CONTROL.as_str())).count();
        let _ = stream
            .write_all(format!("{HEAD}data: {{\"accept\": \"{accept}\", \"cache\": {cache}}}\n\n").as_bytes())
            .await;
    })
    .await;
    let mut told = Told::new();
    let mut step = sse(1).take("accept", "$.accept").take("cache", "$.cache");
    step.goal.headers.insert("accept".to_owned(), "text/*".to_owned());
    step.goal.headers.insert("Cache-Control".to_owned(), "no-cache".to_owned());
    told.run(&[step.step()], &Fake::at(address)).await.unwrap();
    assert_eq!((told.captured("accept"), told.captured("cache")), (Some(&json!("text/*")), Some(&json!(1))));
}

#[tokio::test]
async fn cookies_of_the_answer_are_kept_and_tls_is_spoken() {
    let authority = Authority::new();
    let acceptor = authority.acceptor("localhost");
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let head = super::raw::request(&mut stream).await;
            let cookie = head.contains("cookie: sse=kept-0123");
            let body = format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nSet-Cookie: sse=kept-0123\r\n\r\ndata: {{\"cookie\": {cookie}}}\n\n");
            let _ = stream.write_all(body.as_bytes()).await;
            std::future::pending::<()>().await;
        }
    })
    .await;
    let mut told = Told::new();
    let step = |seen: bool| {
        let mut step = sse(1).seeking(holding("$.cookie", JsonExpect::Equals(json!(seen))));
        step.goal.tls = Some(Tls { ca: Some(authority.file()), verify: true, name: None });
        step.step()
    };
    told.run(&[step(false), step(true)], &Fake::at(address)).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_no_event_stream_is_shown() {
    let refused = |answer: &str| answering(answer.as_bytes().to_vec(), true);
    for (answer, problem) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\nnowhere", "expected status 200 OK, got 404 Not Found"),
        ("HTTP/1.1 204 No Content\r\n\r\n", "expected status 200 OK, got 204 No Content"),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\nnowhere",
            "expected the content type `text/event-stream`, got `application/json`",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nnowhere", "`text/event-stream`, the answer has none"),
    ] {
        let text = Told::new().failure(sse(1).step(), &Fake::at(refused(answer).await)).await;
        holds(
            &text,
            &["app.yaml:50:5: sse /events?topic=cats: ", problem, "\n  sent:\n    GET http://", "\n  answered:\n"],
        );
        assert_eq!(text.contains("nowhere"), answer.contains("nowhere"), "{text}");
    }
    // Its body never ends.
    let address = answering(b"HTTP/1.1 500 Oh No\r\nContent-Length: 10000\r\n\r\nthe beginning".to_vec(), false).await;
    let text = Told::new().failure(sse(1).for_millis(300).step(), &Fake::at(address)).await;
    holds(&text, &["expected status 200 OK, got 500", "the beginning"]);
}

#[tokio::test]
async fn a_stream_that_ends_too_early_says_how_many_events_came() {
    let body = "event: a\ndata: tok-0\n\ndata: 1\n\nevent: a\ndata: {\"token\": \"tok-0123\"}\n\ndata: half";
    let address = streaming(body, true).await;
    let text = Told::new().failure(sse(5).step(), &Fake::at(address)).await;
    holds(
        &text,
        &[
            "sse /events?topic=cats: the stream ended, in the middle of an event; 3 of 5 events came (",
            "\n    x-trace: t-1\n",
            "\n    event: a\n    data: tok-0\n",
            "\n  captured before: nothing",
        ],
    );
    let text = Told::new().failure(sse(2).of("message").seeking(contains("x")).step(), &Fake::at(address)).await;
    holds(
        &text,
        &[
            "; 0 of 2 events of type `message` came, and 3 others (",
            "the last event that does not count was `a`: {\"token\": \"[secret]\"}",
            "expected the message to contain `x`",
        ],
    );
    // The connection breaks off.
    let chunked =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n";
    let text = Told::new().failure(sse(2).step(), &Fake::at(answering(chunked.as_bytes().to_vec(), true).await)).await;
    holds(&text, &["1 of 2 events came (9 B in all)"]);
}

#[tokio::test]
async fn a_stream_that_says_nothing_runs_into_the_deadline() {
    for (body, problem) in [
        ("data: 1\n\n: still there\n", "not done within 0.3 s; 1 of 2 events came (23 B in all)"),
        ("", "not done within 0.3 s; 0 of 2 events came (0 B in all)"),
    ] {
        let address = streaming(body, false).await;
        let text = Told::new().failure(sse(2).for_millis(300).step(), &Fake::at(address)).await;
        holds(&text, &[problem]);
        settles(address.port(), 1).await;
    }
    let address = answering(Vec::new(), false).await;
    let started = Instant::now();
    let text = Told::new().failure(sse(2).for_millis(300).step(), &Fake::at(address)).await;
    holds(&text, &["no answer within 0.3 s"]);
    // Noise is no event, however much of it comes.
    let address = serve(|mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(HEAD.as_bytes()).await;
        while stream.write_all(b": noise\n\nevent: other\ndata: {}\n\n").await.is_ok() {}
    })
    .await;
    let text = Told::new().failure(sse(2).of("mine").for_millis(300).step(), &Fake::at(address)).await;
    holds(&text, &["not done within 0.3 s; 0 of 2 events of type `mine` came, and "]);
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    settles(address.port(), 0).await;
}

#[tokio::test]
async fn a_line_without_an_end_and_an_event_without_an_end_are_given_up() {
    for (piece, problem) in [
        ("x", "the stream has a line of more than 2 MiB, which is more than a step reads; 0 of 1 event came"),
        ("data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", "an event has more than 2 MiB of data"),
    ] {
        let address = serve(move |mut stream| async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(HEAD.as_bytes()).await;
            let large = piece.repeat(64 * 1024 / piece.len());
            while stream.write_all(large.as_bytes()).await.is_ok() {}
        })
        .await;
        let mut told = Told::new();
        // Trying again cannot help.
        let step = wait(Duration::from_secs(60), Duration::from_secs(1), sse(1).step());
        holds(&told.failure(step, &Fake::at(address)).await, &[problem]);
        settles(address.port(), 0).await;
    }
}

#[tokio::test]
async fn what_the_scenario_has_wrong_is_said_at_once() {
    let address = streaming("data: {\"n\": 1}\n\n", false).await;
    let mut told = Told::new();
    let wrong = sse(1).seeking(contains("{{ nope }}")).step();
    holds(&told.failure(wrong, &Fake::at(address)).await, &["`nope` is not defined"]);
    let mut wrong = sse(1);
    wrong.path = "/{{ nope }}".to_owned();
    holds(&told.failure(wrong.step(), &Fake::at(address)).await, &["sse /{{ nope }}: ", "`nope` is not defined"]);
    let text = told.failure(sse(1).take("x", "$.missing").step(), &Fake::at(address)).await;
    holds(&text, &["capture `x`: $.missing finds nothing", "{\"n\": 1}"]);
    told.run(&[sse(0).step()], &Fake::at(address)).await.unwrap();
    settles(address.port(), open_connections(address.port())).await;
}
