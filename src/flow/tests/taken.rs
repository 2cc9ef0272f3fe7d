//! What is taken out of answers, and what is expected of them.

use regex::Regex;
use serde_json::json;

use super::raw::says;
use super::*;
use crate::flow::answer::Seen;
use crate::flow::{capture, expect};
use crate::scenario::{Figure, FigureFrom, Sought};

fn taking(step: HttpStep, captures: &[(&str, CaptureFrom, bool)]) -> HttpStep {
    let captures =
        captures.iter().map(|(name, from, all)| ((*name).to_owned(), Capture { from: from.clone(), all: *all }));
    HttpStep { capture: captures.collect(), ..step }
}

fn regex(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

fn css(selector: &str, attr: Option<&str>) -> CaptureFrom {
    CaptureFrom::Css { selector: selector.to_owned(), attr: attr.map(str::to_owned) }
}

fn header(name: &str) -> CaptureFrom {
    CaptureFrom::Header(name.to_owned())
}

fn cookie(name: &str) -> CaptureFrom {
    CaptureFrom::Cookie(name.to_owned())
}

/// A page with everything that can be taken.
async fn page() -> Fake {
    let server = raw::serve(|_, _| {
        says(
            "201 Created",
            &[
                "content-type: text/html",
                "location: /items/17",
                "x-tag: one",
                "X-Tag: two",
                "set-cookie: sid=abcdefgh-1; Path=/",
                "set-cookie: sid=abcdefgh-2; Path=/",
                "set-cookie: lang=en; Path=/",
                "set-cookie: lang=de; Path=/app",
                "set-cookie: old=; Max-Age=0",
                "set-cookie: older=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            ],
            "<title>Items</title><a href=/1>one</a><a href=/2>two</a><a>three</a> id=17 id=18 build 9",
        )
    })
    .await;
    Fake::at(server.address)
}

#[tokio::test]
async fn values_are_taken_from_every_place_one_or_all() {
    let mut told = Told::new();
    let step = taking(
        get("/"),
        &[
            ("links", css("a", Some("href")), true),
            ("texts", css("a", None), true),
            ("none", css("em", None), true),
            ("build", CaptureFrom::Regex(regex(r"build (\d+)")), false),
            ("ids", CaptureFrom::Regex(regex(r"id=\d+")), true),
            ("place", header("Location"), false),
            ("tags", header("x-tag"), true),
            ("no_tags", header("x-none"), true),
            ("sid", cookie("sid"), false),
            ("langs", cookie("lang"), true),
            ("no_cookie", cookie("old"), true),
            ("status", CaptureFrom::Status, false),
        ],
    );
    told.run(&[step.step()], &page().await).await.unwrap();
    for (name, value) in [
        ("links", json!(["/1", "/2"])),
        ("texts", json!(["one", "two", "three"])),
        ("none", json!([])),
        ("build", json!("9")),
        ("ids", json!(["id=17", "id=18"])),
        ("place", json!("/items/17")),
        ("tags", json!(["one", "two"])),
        ("no_tags", json!([])),
        ("sid", json!("abcdefgh-2")),
        ("langs", json!(["en", "de"])),
        ("no_cookie", json!([])),
        ("status", json!(201)),
    ] {
        assert_eq!(told.captured(name), Some(&value), "{name}");
    }
    // A list is one for templates.
    let target = Fake::at(server::start().await);
    let step = json("/echo", json!({"all": "{{ links }}", "last": "{{ tags | last }}"}))
        .finds("$.json", JsonExpect::Equals(json!({"all": ["/1", "/2"], "last": "two"})));
    told.run(&[step.step()], &target).await.unwrap();
}

#[tokio::test]
async fn a_value_that_is_not_there_once_says_what_there_is() {
    let target = page().await;
    for (from, problem) in [
        (css("em", None), "css `em` matches no element of the page `Items`"),
        (css("a", None), "css `a` matches 3 elements, and exactly one is needed"),
        (CaptureFrom::Regex(regex("nowhere")), "regex `nowhere` finds nothing in 88 B of the body"),
        (CaptureFrom::Regex(regex(r"id=(\d+)")), r"regex `id=(\d+)` finds 2 values, and exactly one is needed"),
        (
            header("x-none"),
            "header `x-none` finds nothing (the answer has: content-length, content-type, location, x-tag, set-cookie)",
        ),
        (header("x-tag"), "header `x-tag` finds 2 values, and exactly one is needed"),
        (cookie("none"), "cookie `none` finds nothing (the answer sets: sid, lang, lang)"),
        (cookie("lang"), "cookie `lang` finds 2 values, and exactly one is needed"),
        (cookie("old"), "cookie `old` finds nothing (the answer sets: sid, lang, lang)"),
        (
            CaptureFrom::Json(path("$.a")),
            "the body is not JSON (expected value at line 1 column 1); the answer calls it `text/html`",
        ),
    ] {
        let text = Told::new().failure(taking(get("/"), &[("x", from, false)]).step(), &target).await;
        holds(&text, &[&format!("get /: capture `x`: {problem}\n"), "captured before: nothing"]);
        assert!(!text.contains("abcdefgh"), "{text}");
    }
    let target = Fake::at(server::start().await);
    let text = Told::new().failure(get("/null").take("x", "$.none").step(), &target).await;
    holds(&text, &["capture `x`: $.none finds nothing (there are: a, list)"]);
    let list = taking(get("/null"), &[("x", CaptureFrom::Json(path("$.list[*]")), true)]);
    let mut told = Told::new();
    told.run(&[list.step()], &target).await.unwrap();
    assert_eq!(told.captured("x"), Some(&json!([1, 2])));
}

#[tokio::test]
async fn messages_lines_and_commands_give_values_too() {
    let one = |from: CaptureFrom| BTreeMap::from([("x".to_owned(), Capture { from, all: false })]);
    let message = Seen::Message(r#"{"type": "done", "n": 3}"#.to_owned());
    let line = Seen::Line("listening on port 5000".to_owned());
    let taken = capture::take(&one(CaptureFrom::Json(path("$.n"))), &message).await.unwrap();
    assert_eq!(taken["x"], json!(3));
    let taken = capture::take(&one(CaptureFrom::Regex(regex(r"port (\d+)"))), &line).await.unwrap();
    assert_eq!(taken["x"], json!("5000"));
    for from in [header("a"), cookie("a"), CaptureFrom::Status] {
        assert!(capture::take(&one(from), &line).await.is_err());
    }
    let problem = capture::take(&one(CaptureFrom::Json(path("$.n"))), &line).await.unwrap_err();
    assert_eq!(problem, "capture `x`: the line is not JSON (expected value at line 1 column 1)");
    let target = Fake::running(|_, _, _| Ok(output(3, "", "")));
    let step = ExecStep {
        capture: one(CaptureFrom::Status),
        expect: Expect { exit: Some(3), ..Expect::default() },
        ..exec(&["x"])
    };
    let mut told = Told::new();
    told.run(&[step.step()], &target).await.unwrap();
    assert_eq!(told.captured("x"), Some(&json!(3)));
}

#[tokio::test]
async fn a_message_is_sought_by_what_it_holds() {
    let told = Told::new();
    let (renderer, secrets) = (told.flow.renderer(), &told.flow.secrets);
    let sought = Sought {
        json: vec![
            (path("$.type"), JsonExpect::Matches(regex("^(done|failed)$"))),
            (path("$.n"), JsonExpect::AtMost(5.0)),
            (path("$.about"), JsonExpect::Equals(json!("{{ topic }}"))),
        ],
        matches: Some(regex(r"\d")),
        contains: Some("{{ topic }}".to_owned()),
    };
    let found = |body: &str| expect::sought(&sought, body, &renderer, secrets).unwrap();
    assert!(found(r#"{"type": "done", "n": 5, "about": "cats"}"#));
    assert!(!found(r#"{"type": "done", "n": 6, "about": "cats"}"#));
    assert!(!found(r#"{"type": "undone", "n": 5, "about": "cats"}"#));
    assert!(!found(r#"{"type": "done", "n": 5, "about": "dogs"}"#));
    assert!(!found("no JSON about cats 1"));
    assert!(expect::sought(&Sought::default(), "", &renderer, secrets).unwrap());
    let lacking = expect::lacking(&sought, r#"{"type": "x", "token": "tok-12345"}"#, &renderer, secrets).unwrap();
    assert_eq!(
        lacking,
        [
            "expected the message to contain `cats`, which its 35 B do not",
            "expected $.type to match `^(done|failed)$`, found \"x\"",
            "expected $.n to be at most 5, found nothing there",
            "expected $.about to be \"cats\", found nothing there",
        ]
    );
    let broken = Sought { contains: Some("{{ nope }}".to_owned()), ..Sought::default() };
    assert!(expect::sought(&broken, "", &renderer, secrets).is_err());
}

#[tokio::test]
async fn expectations_of_every_kind_are_named_where_they_do_not_hold() {
    let target = Fake::at(server::start().await);
    let expecting = |expect: Expect| HttpStep { expect, ..get("/null") }.step();
    let finding =
        |wanted: JsonExpect, at: &str| expecting(Expect { json: vec![(path(at), wanted)], ..Expect::default() });
    for step in [
        finding(JsonExpect::AtMost(2.0), "$.list[1]"),
        expecting(Expect { matches: Some(regex(r#""list":\s*\["#)), ..Expect::default() }),
        expecting(Expect { status: vec![StatusSet::Class(4), StatusSet::Class(2)], ..Expect::default() }),
        expecting(Expect { latency: Some(Duration::from_secs(60)), ..Expect::default() }),
    ] {
        Told::new().run(&[step], &target).await.unwrap();
    }
    for (step, problem) in [
        (finding(JsonExpect::AtMost(1.5), "$.list[1]"), "expected $.list[1] to be at most 1.5, found 2"),
        (finding(JsonExpect::AtMost(1.0), "$.a"), "expected $.a to be at most 1, found null, which is no number"),
        (finding(JsonExpect::Matches(regex("x")), "$.a"), "expected $.a to match `x`, found null, which is no text"),
        (
            expecting(Expect { matches: Some(regex("^no$")), ..Expect::default() }),
            "expected the body to match `^no$`, which its 23 B do not",
        ),
        (
            expecting(Expect { status: vec![StatusSet::Class(4), StatusSet::One(302)], ..Expect::default() }),
            "expected status 4xx or 302, got 200 OK",
        ),
        (
            expecting(Expect { latency: Some(Duration::from_nanos(1)), ..Expect::default() }),
            "expected the whole answer within 0 ms, it took ",
        ),
    ] {
        holds(&Told::new().failure(step, &target).await, &[problem]);
    }
    let slow = Fake { takes: Duration::from_millis(20), ..Fake::running(|_, _, _| Ok(output(0, "", ""))) };
    let expect = Expect { latency: Some(Duration::from_millis(10)), ..Expect::default() };
    let text = Told::new().failure(ExecStep { expect, ..exec(&["x"]) }.step(), &slow).await;
    holds(&text, &["expected the command to end within 10 ms, it took 2"]);
}

#[tokio::test]
async fn figures_are_read_by_regular_expressions_too() {
    let server = raw::serve(|_, _| says("200 OK", &[], "open_files 17\nopen_sockets 3.5\nbusy yes\nbusy no\n")).await;
    let target = Fake::at(server.address);
    let mut told = Told::new();
    let figure = |text: &str, absent| Figure { read: get("/").step(), from: FigureFrom::Regex(regex(text)), absent };
    // As text: floats are not for comparing.
    for (text, absent, value) in [
        (r"open_files (\d+)", None, "17"),
        (r"(?m)^open_sockets (.*)$", None, "3.5"),
        (r"[\d.]+5", None, "3.5"),
        (r"open_pipes (\d+)", Some(0.0), "0"),
    ] {
        assert_eq!(told.flow.read("f", &figure(text, absent), &target).await.unwrap().to_string(), value, "{text}");
    }
    for (text, problem) in [
        (r"open_pipes (\d+)", r"get /: `f`: regex `open_pipes (\d+)` matches nothing in the body"),
        (r"open_\w+", "regex `open_\\w+` matches 2 times, and exactly once is needed"),
        (r"busy (y\w+)", "regex `busy (y\\w+)` finds `yes`, which is no number"),
    ] {
        let error = told.flow.read("f", &figure(text, None), &target).await.unwrap_err();
        holds(&error.to_string(), &[problem, "open_sockets 3.5"]);
    }
}
