//! The text of what goes badly.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_failed_request_shows_what_was_sent_answered_and_expected() {
    let address = server::start().await;
    let target = Fake::at(address);
    let mut told = Told::new();
    told.run(&[get("/count").take("n", "$.n").step()], &target).await.unwrap();
    let step = json("/error?q=1", json!({"query": "topic {{ k }}"}))
        .header("X-Kind", "{{ topic }}")
        .status(200)
        .status(201)
        .finds("$.error", JsonExpect::Equals(json!("none")))
        .step();
    let error = told.run(&[repeat(3, Some("k"), vec![step])], &target).await.unwrap_err();
    assert_eq!(
        error.summary(),
        "app.yaml:12:5: post /error?q=1: expected status 200 or 201, got 500 Internal Server Error"
    );
    holds(
        &error.to_string(),
        &[
            "\n  also: expected $.error to be \"none\", found \"no such thing\"",
            "\n  in: turn 1 of 3 of a repeat (`k` = 1)",
            &format!("\n  sent:\n    POST http://{address}/error?q=1\n    user-agent: slowdrip/"),
            "\n    content-type: application/json\n",
            "\n    x-kind: cats\n",
            "\n\n    {\"query\":\"topic 1\"}\n",
            "\n  answered:\n    500 Internal Server Error\n    ",
            "\n    x-trace: t-1\n",
            "\n\n    {\"error\":\"no such thing\",\"you_sent\":",
            "\n  captured before: n = 1",
        ],
    );
}

#[tokio::test]
async fn unmet_expectations_are_named_one_by_one() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    let header = get("/me").status(401).answers("content-type", "text/*").step();
    holds(
        &told.failure(header, &target).await,
        &["expected header `content-type: text/*`, the answer has no such header"],
    );
    let header = get("/null").answers("content-type", "text/{{ topic }}*").step();
    holds(
        &told.failure(header, &target).await,
        &["expected header `content-type: text/cats*`, got `application/json`"],
    );
    let text = get("/login").contains("Log out, {{ topic }}").step();
    holds(&told.failure(text, &target).await, &["expected the body to contain `Log out, cats`, which its 1"]);

    let json = get("/null")
        .finds("$.a", JsonExpect::Exists)
        .finds("$.b", JsonExpect::Exists)
        .finds("$.b", JsonExpect::Equals(json!(1)))
        .finds("$.list[*]", JsonExpect::Equals(json!(1)))
        .finds("$.list[0]", JsonExpect::Equals(json!("1")))
        .finds("$.list[1]", JsonExpect::AtLeast(2.5))
        .finds("$.a", JsonExpect::AtLeast(0.0))
        .step();
    holds(
        &told.failure(json, &target).await,
        &[
            "get /null: expected something at $.a, found null",
            "also: expected something at $.b, found nothing there",
            "also: expected $.b to be 1, found nothing there",
            "also: expected $.list[*] to be 1, found 2 values there; write a path that finds one",
            "also: expected $.list[0] to be \"1\", found 1 (the same text, but another type)",
            "also: expected $.list[1] to be at least 2.5, found 2",
            "also: expected $.a to be at least 0, found null, which is no number",
        ],
    );
    let page = get("/login").finds("$.a", JsonExpect::Exists).finds("$.b", JsonExpect::Exists).step();
    let text = told.failure(page, &target).await;
    holds(&text, &["the body is not JSON (expected value at line 1 column 1)"]);
    assert!(!text.contains("also:"), "said once is enough:\n{text}");
    let empty = get("/empty").finds("$.a", JsonExpect::Exists).step();
    holds(&told.failure(empty, &target).await, &["the body is empty, where JSON was needed", "\n\n    (no body)"]);
}

#[tokio::test]
async fn captures_that_find_none_or_several_are_errors_with_the_count() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    for (step, problem) in [
        (get("/null").take("x", "$.list[*]"), "capture `x`: $.list[*] finds 2 values, and exactly one is needed"),
        (get("/null").take("x", "$.none"), "capture `x`: $.none finds nothing"),
        (get("/null").take("x", "$.a"), "capture `x`: $.a is null"),
        (get("/login").take("x", "$.a"), "capture `x`: the body is not JSON"),
        (
            get("/login").take_css("x", "li", None),
            "capture `x`: css `li` matches 2 elements, and exactly one is needed",
        ),
        (get("/login").take_css("x", "em", None), "capture `x`: css `em` matches no element"),
        (get("/login").take_css("x", "h1", Some("id")), "matches has no attribute `id` (it has: none)"),
    ] {
        holds(&told.failure(step.step(), &target).await, &[problem, "\n  sent:\n    GET ", "captured before: nothing"]);
    }
    assert!(told.flow.captured.is_empty());
}

#[tokio::test]
async fn templates_that_cannot_be_rendered_fail_before_anything_is_sent() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    for (step, problem) in [
        (
            get("/{{ tpoic }}"),
            "get /{{ tpoic }}: template `/{{ tpoic }}`: `tpoic` is not defined; did you mean `topic`? (known: `topic`, ",
        ),
        (form("/echo", &[("f", "{{ nope }}")]), "form field `f`: template `{{ nope }}`: `nope` is not defined"),
        (json("/echo", json!({"a": ["{{ nope }}"]})), "json: template `{{ nope }}`: `nope` is not defined"),
        (get("/echo").header("x", "{{ nope }}"), "header `x`: template"),
        (get("/echo").header("x", "a\nb"), "the value of header `x` has a character that cannot be sent there"),
        (get("/echo").header("x y", "a"), "`x y` is no name of a header"),
        (get("/echo").cookie("x", "a; b=c"), "the value of cookie `x` has a character"),
        (get("echo"), "the path `echo` must begin with `/`"),
    ] {
        let text = told.failure(step.step(), &target).await;
        holds(&text, &[problem]);
        assert!(!text.contains("answered:"), "{text}");
    }
    let text = told.failure(get("/echo").contains("{{ nope }}").step(), &target).await;
    holds(&text, &["expect: template `{{ nope }}`", "answered:"]);
}

#[tokio::test]
async fn ports_that_cannot_be_spoken_to_are_named() {
    let target = Fake::ports([(5000, "127.0.0.1:1".parse().unwrap()), (5001, "192.0.2.1:80".parse().unwrap())]);
    let mut told = Told::new();
    let to = |port| HttpStep { goal: Goal { port: Some(port), ..Goal::default() }, ..get("/") }.step();
    holds(
        &told.failure(to(8080), &target).await,
        &["port 8080 of the target is not published (published: 5000, 5001)"],
    );
    holds(&told.failure(to(5001), &target).await, &["192.0.2.1:80 is not on the loopback interface"]);
    holds(&told.failure(get("/").step(), &Fake::ports([])).await, &["the target publishes no port"]);
    holds(&told.failure(to(80), &Fake::ports([])).await, &["port 80 of the target is not published, nor is any other"]);
}

#[tokio::test]
async fn network_errors_say_what_happened() {
    // A port that was free a moment ago.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut told = Told::new();
    let text = told.failure(get("/").step(), &Fake::at(free)).await;
    holds(&text, &[&format!("get /: connection refused: nothing listens on {free}"), "\n  sent:\n    GET http://"]);

    for (reply, problem) in [
        ("", "closed before message completed"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", "the answer broke off after 3 B of its body: "),
        ("SSH-2.0-OpenSSH_9.2\r\n", "no complete answer from 127.0.0.1:"),
    ] {
        let text = told.failure(get("/").step(), &Fake::at(answering(reply).await)).await;
        holds(&text, &[problem]);
        for dump in ["Error {", "kind:", "hyper", "reqwest", "Os {"] {
            assert!(!text.contains(dump), "{text}");
        }
    }
}

/// A server that reads a request, says some bytes, and closes the connection.
async fn answering(reply: &'static str) -> SocketAddr {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(reply.as_bytes()).await;
        let _ = stream.shutdown().await;
    });
    address
}

#[tokio::test]
async fn slow_answers_and_slow_bodies_run_into_the_deadline() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    let text = told.failure(get("/never").within(100).step(), &target).await;
    holds(&text, &["get /never: no answer within 0.1 s", "\n  sent:"]);
    let text = told.failure(get("/drip").within(200).step(), &target).await;
    holds(&text, &["the answer (200 OK) did not end within 0.2 s; 13 B of its body came", "\n    the beginning"]);
}

#[tokio::test]
async fn an_endless_body_ends_in_bounded_memory_and_is_shown_by_its_beginning() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    let text = told.failure(get("/forever").step(), &target).await;
    holds(&text, &["the answer's body is larger than 2 MiB", "… (cut; 2 MiB in all)"]);
    assert!(text.len() < 4096, "{}", text.len());
}

#[tokio::test]
async fn bytes_of_the_target_cannot_reach_the_terminal() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    let text = told.failure(get("/bytes").status(500).step(), &target).await;
    holds(&text, &["\n    caf\u{fffd} \\u{1b}[31mred\n    second line\n"]);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
}

#[tokio::test]
async fn a_failed_command_shows_its_line_its_code_and_its_output() {
    let target = Fake::running(|_, _, _| Ok(output(2, "", "sh: no such file\n")));
    let mut told = Told::new();
    let step = ExecStep { sidecar: Some("stub".to_owned()), ..exec(&["sh", "-c", "cat {{ topic }}"]) };
    let text = told.failure(step.step(), &target).await;
    holds(
        &text,
        &[
            "app.yaml:30:5: exec in stub: sh -c 'cat cats': expected exit code 0, got 2",
            "\n  sent:\n    in stub: sh -c 'cat cats'",
            "\n  answered:\n    exit code 2\n    stderr:\n    sh: no such file",
        ],
    );
    let text = told.failure(exec(&["{{ nope }}"]).step(), &target).await;
    holds(&text, &["`nope` is not defined"]);
    holds(&told.failure(exec(&[]).step(), &target).await, &["the command has no program"]);
    let target =
        Fake::running(|_, _, _| Err(ControlError::NoSuchSidecar { name: "stub".to_owned(), known: "none".to_owned() }));
    holds(&told.failure(exec(&["x"]).step(), &target).await, &["there is no sidecar `stub` (there are: none)"]);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_does_not_end_runs_into_its_deadline() {
    let target = Fake { takes: Duration::from_secs(600), ..Fake::running(|_, _, _| Ok(output(0, "", ""))) };
    let text = Told::new().failure(exec(&["sleep"]).step(), &target).await;
    holds(&text, &["exec: sleep: the command did not end within 1 min"]);
}
