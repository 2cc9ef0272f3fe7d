//! What goes well.

use serde_json::json;

use super::*;
use crate::scenario::{Figure, FigureFrom};

#[tokio::test]
async fn logs_in_with_a_token_from_the_page_and_keeps_the_cookies() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    let password = "{{ password }}";
    let steps = [
        get("/login")
            .take_css("csrf", "input[name=csrf_token]", Some("value"))
            .take_css("title", "h1", None)
            .answers("content-type", "text/html*")
            .step(),
        form("/login", &[("csrf_token", "{{ csrf }}"), ("password", password), ("confirm", "{{ password() }}")])
            .status(302)
            .answers("location", "/me")
            .step(),
        get("/me")
            .take("id", "$.id")
            .take("admin", "$.admin")
            .take("ratio", "$.ratio")
            .finds("$.name", JsonExpect::Equals(json!("soak")))
            .finds("$.id", JsonExpect::AtLeast(7.0))
            .finds("$.admin", JsonExpect::Exists)
            .step(),
    ];
    told.run(&steps, &target).await.unwrap();
    assert_eq!(told.captured("csrf"), Some(&json!(server::CSRF)));
    assert_eq!(told.captured("title"), Some(&json!("Log in")));
    assert_eq!(told.captured("id"), Some(&json!(7)));
    assert_eq!(told.captured("admin"), Some(&json!(false)));
    assert_eq!(told.captured("ratio"), Some(&json!(1.5)));
    let lines = told.lines();
    assert_eq!(lines.len(), 3);
    holds(&lines[1], &["post /login → 302 in ", " s"]);
}

#[tokio::test]
async fn sends_what_the_step_says_with_captures_and_types() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    let body =
        json!({"id": "{{ n }}", "text": "no {{ n }}", "list": ["{{ topic }}"], "user": "{{ user }}", "plain": 1});
    let steps = [
        get("/count").take("n", "$.n").step(),
        json("/echo", body)
            .header("X-Topic", "about {{ topic }}")
            .cookie("lang", "{{ topic }}")
            .finds("$.json.id", JsonExpect::Equals(json!(1)))
            .finds("$.json.text", JsonExpect::Equals(json!("no {{ n }}")))
            .finds("$.json.list", JsonExpect::Equals(json!(["cats"])))
            .finds("$.json.user", JsonExpect::Equals(json!("{{ user() }}")))
            .finds("$.json.plain", JsonExpect::Equals(json!(1.0)))
            .finds("$.headers['x-topic']", JsonExpect::Equals(json!("about cats")))
            .finds("$.headers.cookie", JsonExpect::Equals(json!("lang=cats")))
            .finds("$.headers['content-type']", JsonExpect::Equals(json!("application/json")))
            .finds("$.headers['content-length']", JsonExpect::Exists)
            .contains("about {{ topic }}")
            .step(),
        HttpStep { body: Body::Form(strings(&[("a b", "{{ topic }} & dogs")])), ..http("PUT", "/echo?x=1 2") }
            .finds("$.text", JsonExpect::Equals(json!("a+b=cats+%26+dogs")))
            .step(),
    ];
    told.run(&steps, &target).await.unwrap();
}

#[tokio::test]
async fn a_steps_own_cookie_stands_in_for_one_that_the_server_set() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    let steps = [
        get("/login").step(),
        get("/echo")
            .cookie("more", "1")
            .finds("$.headers.cookie", JsonExpect::Equals(json!("visitor=anonymous-9; more=1")))
            .step(),
        get("/echo").cookie("visitor", "me").finds("$.headers.cookie", JsonExpect::Equals(json!("visitor=me"))).step(),
        get("/echo").finds("$.headers.cookie", JsonExpect::Equals(json!("visitor=anonymous-9"))).step(),
    ];
    told.run(&steps, &target).await.unwrap();
}

#[tokio::test]
async fn does_not_follow_redirects_and_takes_any_status_below_400() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    told.run(&[get("/old").step(), get("/empty").step()], &target).await.unwrap();
    let lines = told.lines();
    holds(&lines[0], &["get /old → 302"]);
    holds(&lines[1], &["get /empty → 204"]);
}

#[tokio::test]
async fn speaks_to_the_port_that_a_step_names_and_to_the_first_one_else() {
    let (first, second) = (server::start().await, server::start().await);
    let target = Fake::ports([(80, first), (81, second)]);
    let mut told = Told::new();
    let host = |address: SocketAddr| JsonExpect::Equals(json!(address.to_string()));
    let steps = [
        get("/echo").finds("$.headers.host", host(first)).step(),
        HttpStep { goal: Goal { port: Some(81), ..Goal::default() }, ..get("/echo") }
            .finds("$.headers.host", host(second))
            .step(),
    ];
    told.run(&steps, &target).await.unwrap();
}

#[tokio::test]
async fn leaves_no_connection_open() {
    let address = server::start().await;
    let target = Fake::at(address);
    let mut told = Told::new();
    told.run(&[repeat(5, None, vec![get("/count").step()])], &target).await.unwrap();
    // A kept connection stays established for 90 s; a dropped one is gone as soon as its task has run.
    let mut open = usize::MAX;
    for _ in 0..100 {
        open = established(address.port());
        if open == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(open, 0);
}

/// Established connections to a port of this machine, from the kernel's table.
fn established(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let remote = format!(":{port:04X}");
    table
        .lines()
        .filter(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.get(2).is_some_and(|field| field.ends_with(&remote)) && fields.get(3) == Some(&"01")
        })
        .count()
}

#[tokio::test]
async fn repeats_with_a_number_and_restores_what_the_number_hid() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    let inner = repeat(
        2,
        Some("m"),
        vec![
            json("/echo", json!({"id": "{{ topic * 10 + m }}"})).take("id", "$.json.id").step(),
            get("/count").take("n", "$.n").step(),
        ],
    );
    let steps = [
        repeat(3, Some("topic"), vec![inner]),
        json("/echo", json!("{{ topic }} {{ id }} {{ n }}"))
            .finds("$.json", JsonExpect::Equals(json!("cats 32 6")))
            .step(),
    ];
    told.run(&steps, &target).await.unwrap();
    let lines = told.lines();
    assert_eq!(lines.len(), 2, "one line for every step of the top level: {lines:?}");
    holds(&lines[0], &["repeat 3 times 1 step → done in "]);
}

#[tokio::test]
async fn reads_counters_from_numbers_texts_and_commands() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    let counter =
        |read: Step, json: &str, absent: Option<f64>| Figure { read, from: FigureFrom::Json(path(json)), absent };
    // As text: floats are not for comparing.
    let texts = |figure: Result<f64, StepError>| figure.unwrap().to_string();
    assert_eq!(texts(told.flow.read("served", &counter(get("/count").step(), "$.n", None), &target).await), "1");
    assert_eq!(texts(told.flow.read("served", &counter(get("/count").step(), "$.text", None), &target).await), "2");
    assert_eq!(
        texts(told.flow.read("served", &counter(get("/count").step(), "$.none", Some(0.0)), &target).await),
        "0"
    );
    assert_eq!(texts(told.flow.read("served", &counter(get("/null").step(), "$.a", Some(3.0)), &target).await), "3");

    let error = told
        .flow
        .read("served", &counter(get("/count").step(), "$.none", None), &target)
        .await
        .unwrap_err()
        .to_string();
    holds(&error, &["app.yaml:12:5: get /count: `served`: $.none finds nothing", "GET http://", "200 OK"]);
    let error =
        told.flow.read("served", &counter(get("/null").step(), "$.list", None), &target).await.unwrap_err().to_string();
    holds(&error, &["$.list is [1,2], which is no number"]);
    let error =
        told.flow.read("served", &counter(get("/null").step(), "$.list[*]", Some(0.0)), &target).await.unwrap_err();
    holds(&error.summary(), &["finds 2 values, and exactly one is needed"]);
    let error = told.flow.read("served", &counter(get("/login").step(), "$.n", Some(0.0)), &target).await.unwrap_err();
    holds(&error.summary(), &["the body is not JSON"]);
    let error =
        told.flow.read("served", &counter(get("/nowhere").step(), "$.n", Some(0.0)), &target).await.unwrap_err();
    holds(&error.summary(), &["expected a status below 400, got 404 Not Found"]);
    let nothing = counter(repeat(1, None, Vec::new()), "$.n", Some(0.0));
    let error = told.flow.read("served", &nothing, &target).await.unwrap_err();
    holds(&error.summary(), &["must be read by a request or a command"]);

    let target = Fake::running(|_, sidecar, _| {
        assert_eq!(sidecar, Some("stub"));
        Ok(output(0, r#"{"chat": "12"}"#, ""))
    });
    let read = ExecStep { sidecar: Some("stub".to_owned()), ..exec(&["curl"]) }.step();
    assert_eq!(texts(told.flow.read("served", &counter(read, "$.chat", None), &target).await), "12");
}

#[tokio::test]
async fn runs_commands_with_templates_and_takes_values_from_their_output() {
    let target = Fake::running(|number, sidecar, command| {
        assert_eq!(sidecar, None);
        match number {
            1 => Ok(output(0, r#"{"id": 4}"#, "")),
            _ => Ok(output(3, &command.join(","), "")),
        }
    });
    let mut told = Told::new();
    let first = ExecStep {
        capture: BTreeMap::from([("id".to_owned(), Capture { from: CaptureFrom::Json(path("$.id")), all: false })]),
        ..exec(&["id"])
    };
    let expect = Expect { exit: Some(3), contains: Some("say,4 cats".to_owned()), ..Expect::default() };
    let second = ExecStep { expect, ..exec(&["say", "{{ id }} {{ topic }}"]) };
    told.run(&[first.step(), second.step()], &target).await.unwrap();
    holds(&told.lines()[1], &["exec: say '4 cats' → exit 3 in "]);
}

#[tokio::test]
async fn the_user_of_the_scenario_stands_in_for_the_one_made_up() {
    let target = Fake::at(server::start().await);
    let mut scenario = scenario();
    scenario.vars.insert("user".to_owned(), "bob".to_owned());
    let mut told = Told::of(&scenario);
    let step = json("/echo", json!("{{ user }} {{ user() }}")).finds("$.json", JsonExpect::Equals(json!("bob bob")));
    told.run(&[step.step()], &target).await.unwrap();
}
