//! Redirects, followed as a browser does, to nobody but the target.

use serde_json::json;

use super::raw::{asked, leads, says};
use super::*;

fn following(redirects: u32, step: HttpStep) -> HttpStep {
    HttpStep { redirects, ..step }
}

fn cookie(name: &str) -> Capture {
    Capture { from: CaptureFrom::Cookie(name.to_owned()), all: false }
}

#[tokio::test]
async fn a_login_is_followed_to_the_page_behind_it_with_the_cookies_of_the_way() {
    let server = raw::serve(|_, request| match asked(request).as_str() {
        "POST /login" => leads("302 Found", "step?token=tok-123456", &["set-cookie: sid=session-1; Path=/"]),
        "GET /step?token=tok-123456" => leads("303 See Other", "/home#top", &["set-cookie: step=one; Path=/"]),
        "GET /home" => says("200 OK", &["set-cookie: home=h"], "welcome"),
        other => says("404 Not Found", &[], other),
    })
    .await;
    let mut told = Told::new();
    let mut step = following(5, form("/login", &[("name", "x")])).contains("welcome");
    step.capture = BTreeMap::from([
        ("sid".to_owned(), cookie("sid")),
        ("home".to_owned(), cookie("home")),
        ("status".to_owned(), Capture { from: CaptureFrom::Status, all: false }),
    ]);
    told.run(&[step.step()], &Fake::at(server.address)).await.unwrap();
    holds(&told.lines()[0], &["post /login → 200 after 2 redirects in "]);
    assert_eq!(told.captured("sid"), Some(&json!("session-1")));
    assert_eq!(told.captured("home"), Some(&json!("h")));
    assert_eq!(told.captured("status"), Some(&json!(200)));
    let requests = server.requests();
    holds(
        &requests[0],
        &["POST /login HTTP/1.1\r\n", "content-type: application/x-www-form-urlencoded", "\r\n\r\nname=x"],
    );
    holds(&requests[1], &["\r\ncookie: sid=session-1\r\n"]);
    assert!(!requests[1].contains("content-"), "the body is gone with its headers:\n{}", requests[1]);
    holds(&requests[2], &["GET /home HTTP/1.1\r\n", "\r\ncookie: sid=session-1; step=one\r\n"]);
}

#[tokio::test]
async fn methods_and_bodies_are_kept_where_a_browser_keeps_them() {
    for (status, method, becomes) in [
        ("301 Moved Permanently", "POST", "GET"),
        ("301 Moved Permanently", "PUT", "PUT"),
        ("302 Found", "POST", "GET"),
        ("302 Found", "DELETE", "DELETE"),
        ("303 See Other", "POST", "GET"),
        ("303 See Other", "PUT", "GET"),
        ("303 See Other", "GET", "GET"),
        ("307 Temporary Redirect", "POST", "POST"),
        ("308 Permanent Redirect", "PATCH", "PATCH"),
    ] {
        let server = raw::serve(move |number, _| match number {
            1 => leads(status, "/new", &[]),
            _ => says("200 OK", &[], ""),
        })
        .await;
        let step = HttpStep { body: Body::Json(json!({"a": 1})), ..http(method, "/old") };
        Told::new().run(&[following(1, step).step()], &Fake::at(server.address)).await.unwrap();
        let requests = server.requests();
        assert_eq!(asked(&requests[1]), format!("{becomes} /new"), "{status} {method}");
        let keeps = becomes == method;
        assert_eq!(requests[1].contains("{\"a\":1}"), keeps, "{status} {method}");
        assert_eq!(requests[1].contains("content-type"), keeps, "{status} {method}");
    }
}

#[tokio::test]
async fn what_is_no_redirect_is_the_answer() {
    for reply in [says("302 Found", &[], ""), leads("304 Not Modified", "/x", &[]), leads("201 Created", "/x", &[])] {
        let server = raw::serve(move |_, _| reply.clone()).await;
        Told::new().run(&[following(5, get("/")).step()], &Fake::at(server.address)).await.unwrap();
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_loop_is_named() {
    let server = raw::serve(|_, request| match asked(request).as_str() {
        "GET /a" => leads("302 Found", "/b", &[]),
        _ => leads("302 Found", "/a", &[]),
    })
    .await;
    let text = Told::new().failure(following(50, get("/a")).step(), &Fake::at(server.address)).await;
    holds(
        &text,
        &[
            "get /a: a redirect loop: /a → /b → /a",
            "\n  answered:\n    302 Found → /b\n    302 Found\n",
            "location: /a",
        ],
    );
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_page_that_sets_a_cookie_and_leads_to_itself_is_no_loop() {
    let server = raw::serve(|_, request| {
        if request.contains("cookie: seen=1") {
            says("200 OK", &[], "in")
        } else {
            leads("302 Found", "/", &["set-cookie: seen=1"])
        }
    })
    .await;
    Told::new().run(&[following(3, get("/")).contains("in").step()], &Fake::at(server.address)).await.unwrap();
}

#[tokio::test]
async fn too_many_redirects_are_named_by_their_chain() {
    let server = raw::serve(|number, _| leads("302 Found", &format!("/{number}?token=t-{number}"), &[])).await;
    let target = Fake::at(server.address);
    let text = Told::new().failure(following(2, get("/0")).step(), &target).await;
    holds(&text, &["get /0: more than 2 redirects: /0 → /1?token=[secret] → /2?token=[secret] → /3?token=[secret]"]);
    let text = Told::new().failure(following(40, get("/0")).step(), &target).await;
    holds(&text, &["more than 40 redirects: /0 → /4?", " → … (32 more) → /"]);
}

#[tokio::test]
async fn nobody_but_the_target_is_led_to() {
    for (location, shown) in [
        ("http://example.org/x?token=abc", "http://example.org/x?token=[secret]"),
        ("//example.org/x", "//example.org/x"),
        ("http://127.0.0.1:9/", "http://127.0.0.1:9/"),
        ("http://localhost:9/", "http://localhost:9/"),
        ("http://user@example.org/", "http://user@example.org/"),
    ] {
        let server = raw::serve(move |_, _| leads("302 Found", location, &[])).await;
        let text = Told::new().failure(following(3, get("/a")).step(), &Fake::at(server.address)).await;
        let problem =
            format!("the redirect /a → {shown} leads away from the target: steps only speak to its published ports");
        holds(&text, &[&problem, "(5000); with `redirects: 0` the redirect itself is the answer"]);
    }
    for (location, problem) in [
        ("ftp://localhost/x", "leads to what is no web server"),
        ("http://[", "leads to what is no URL (invalid IPv6 address)"),
    ] {
        let server = raw::serve(move |_, _| leads("302 Found", location, &[])).await;
        holds(&Told::new().failure(following(3, get("/a")).step(), &Fake::at(server.address)).await, &[problem]);
    }
}

#[tokio::test]
async fn the_targets_other_ports_are_its_own_by_either_number() {
    let second = server::start().await;
    for port in [second.port(), 8081] {
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            let first =
                raw::serve(move |_, _| leads("307 Temporary Redirect", &format!("http://{host}:{port}/echo"), &[]))
                    .await;
            let target = Fake::ports([(8080, first.address), (8081, second)]);
            let step = following(1, get("/a")).finds("$.headers.host", JsonExpect::Equals(json!(second.to_string())));
            Told::new().run(&[step.step()], &target).await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_name_that_the_step_gives_the_target_leads_there_too() {
    for (host, location) in [("app.example", "http://app.example/b"), ("App.example:8000", "http://app.example:8000/b")]
    {
        let server = raw::serve(move |number, _| match number {
            1 => leads("302 Found", location, &[]),
            _ => says("200 OK", &[], ""),
        })
        .await;
        let step = following(1, get("/a")).header("Host", host);
        Told::new().run(&[step.step()], &Fake::at(server.address)).await.unwrap();
        holds(&server.requests()[1], &["GET /b HTTP/1.1\r\n", &format!("host: {host}\r\n")]);
    }
}

#[tokio::test]
async fn what_goes_wrong_on_the_way_names_the_way_and_takes_no_longer_than_the_step_may() {
    let server = raw::serve(|number, _| if number == 1 { leads("302 Found", "/b", &[]) } else { String::new() }).await;
    let target = Fake::at(server.address);
    let text = Told::new().failure(following(3, get("/a")).step(), &target).await;
    holds(&text, &["get /a: /a → /b: no complete answer from 127.0.0.1:"]);

    let slow = raw::serve(|number, _| {
        std::thread::sleep(Duration::from_millis(60));
        leads("302 Found", &format!("/{number}"), &[])
    })
    .await;
    let started = std::time::Instant::now();
    let text = Told::new().failure(following(1000, get("/a")).within(200).step(), &Fake::at(slow.address)).await;
    holds(&text, &["get /a: /a → /1", ": no answer within 0.2 s"]);
    assert!(started.elapsed() < Duration::from_secs(10));
}
