//! Requests that are tried again.

use serde_json::json;

use super::raw::says;
use super::*;
use crate::scenario::Retry;

fn trying(times: u32, backoff: u64, most: u64, step: HttpStep) -> HttpStep {
    let (backoff, most) = (Duration::from_millis(backoff), Duration::from_millis(most));
    let status = vec![StatusSet::One(429), StatusSet::Class(5)];
    HttpStep { retry: Some(Retry { times, backoff, most, status }), ..step }
}

#[tokio::test]
async fn a_request_is_tried_again_until_it_is_answered() {
    let server = raw::serve(|number, _| match number {
        1 => String::new(),
        2 => says("503 Service Unavailable", &["retry-after: 0"], ""),
        3 => says("429 Too Many Requests", &["retry-after: 3600"], ""),
        _ => says("200 OK", &[], "{\"ok\": true}"),
    })
    .await;
    let mut told = Told::new();
    let step = trying(5, 8, 40, json("/x", json!({"id": "{{ uuid() }}"}))).finds("$.ok", JsonExpect::Exists);
    let started = std::time::Instant::now();
    told.run(&[step.step()], &Fake::at(server.address)).await.unwrap();
    holds(&told.lines()[0], &["post /x → 200 at try 4 in "]);
    // Half of 8, of 16, and all of the longest that is allowed.
    assert!(started.elapsed() >= Duration::from_millis(4 + 8 + 40), "{:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    assert!(requests.iter().all(|request| *request == requests[0]), "the same request each time");
}

#[tokio::test]
async fn a_failure_says_how_many_tries_there_were_and_what_each_answered() {
    let server = raw::serve(|number, _| match number {
        1 | 2 => says("503 Service Unavailable", &[], "busy"),
        3 => "SSH-2.0\r\n".to_owned(),
        _ => says("500 Internal Server Error", &[], "broken"),
    })
    .await;
    let text = Told::new().failure(trying(3, 1, 2, get("/x")).step(), &Fake::at(server.address)).await;
    holds(
        &text,
        &[
            "get /x: after 4 tries (2 × 503, no complete answer from 127.0.0.1:",
            ", 500): expected a status below 400, got 500 Internal Server Error",
            "\n    broken",
        ],
    );
}

#[tokio::test]
async fn a_connection_that_is_refused_is_tried_again() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let text = Told::new().failure(trying(2, 1, 2, get("/x")).step(), &Fake::at(free)).await;
    let problem = format!("connection refused: nothing listens on {free}");
    holds(&text, &[&format!("get /x: after 3 tries (3 × {problem}): {problem}")]);
    // An answer that never comes is one, too.
    let target = Fake::at(server::start().await);
    let text = Told::new().failure(trying(1, 1, 2, get("/never")).within(100).step(), &target).await;
    holds(&text, &["after 2 tries (2 × no answer within 0.1 s): no answer within 0.1 s"]);
}

#[tokio::test]
async fn what_another_try_would_meet_again_is_not_tried_again() {
    let target = Fake::at(server::start().await);
    for (step, problem) in [
        (get("/nowhere"), "get /nowhere: expected a status below 400, got 404"),
        (get("/forever"), "get /forever: the answer's body is larger"),
        (get("/login").contains("x-y-z"), "get /login: expected the body to contain"),
    ] {
        holds(&Told::new().failure(trying(3, 60_000, 60_000, step).step(), &target).await, &[problem]);
    }
}

#[tokio::test]
async fn no_rest_goes_beyond_the_deadline_of_whoever_waits() {
    let server = raw::serve(|_, _| says("503 Service Unavailable", &["retry-after: 3000"], "")).await;
    let step = trying(50, 1000, 4_000_000, get("/x")).step();
    let waiting = wait(Duration::from_millis(600), Duration::from_millis(10), step);
    let started = std::time::Instant::now();
    let text = Told::new().failure(waiting, &Fake::at(server.address)).await;
    holds(&text, &["get /x: not within 0.6 s (", "tries): expected a status below 400, got 503"]);
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_answer_that_is_expected_is_one_however_often_it_was_asked_for() {
    let server = raw::serve(|_, _| says("503 Service Unavailable", &[], "")).await;
    let mut told = Told::new();
    told.run(&[trying(1, 1, 2, get("/x")).status(503).step()], &Fake::at(server.address)).await.unwrap();
    holds(&told.lines()[0], &["get /x → 503 at try 2 in "]);
}
