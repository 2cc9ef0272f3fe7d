//! WebSockets that go well.

use futures_util::{SinkExt, StreamExt};
use regex::Regex;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::sockets::*;
use super::*;
use crate::flow::StepDone;
use crate::scenario::{Auth, Sought, WsEnd};

#[tokio::test]
async fn sends_and_awaits_and_takes_values_from_messages() {
    let address = application().await;
    let target = Fake::at(address);
    let mut told = Told::new();
    told.flow.captured.insert("id".to_owned(), json!(7));
    let steps = vec![
        send_json(json!({"id": "{{ id }}", "topic": "{{ topic }}"})),
        awaits(holding("$.echo.id", JsonExpect::Equals(json!("{{ id }}"))), 5000).take("n", "$.n").step(),
        send("plain {{ topic }}"),
        awaits(Sought { matches: Some(Regex::new(r#""n":2"#).unwrap()), ..Sought::default() }, 5000).step(),
        send("again"),
        awaits(Sought { contains: Some("{{ n + 2 }}".to_owned()), ..Sought::default() }, 5000)
            .take("text", "$.echo")
            .step(),
        send("last"),
        awaits(Sought::default(), 5000).step(),
        ping(5000),
    ];
    told.run(&[ws("/echo?a={{ topic }}", steps).step()], &target).await.unwrap();
    assert_eq!(told.captured("n"), Some(&json!(1)));
    assert_eq!(told.captured("text"), Some(&json!("again")));
    holds(&told.lines()[0], &["ws /echo?a=cats → 101, 9 steps done, closed in "]);
    settles(address.port(), 0).await;
}

#[tokio::test]
async fn brings_headers_query_cookies_and_auth_and_keeps_the_cookies_that_come() {
    let target = Fake::at(application().await);
    let mut told = Told::new();
    let mut step = ws(
        "/me?a=1",
        vec![awaits(holding("$.host", JsonExpect::Exists), 5000).take("seen", "$").take("cookie", "$.cookie").step()],
    );
    step.goal.headers.insert("Origin".to_owned(), "http://{{ topic }}".to_owned());
    step.goal.query.push(("b".to_owned(), "{{ topic }} & dogs".to_owned()));
    step.goal.cookies.insert("lang".to_owned(), "en".to_owned());
    step.goal.auth = Some(Auth::Bearer("tok-{{ topic }}-123".to_owned()));
    told.run(&[step.step(), get("/seen").take("cookie", "$.cookie").step()], &target).await.unwrap();
    let seen = told.captured("seen").unwrap();
    assert_eq!(seen["origin"], "http://cats");
    assert_eq!(seen["authorization"], "Bearer tok-cats-123");
    assert_eq!(seen["cookie"], "lang=en");
    assert_eq!(seen["upgrade"], "websocket");
    assert_eq!(seen["host"], target.addresses[&5000].to_string());
    holds(seen["user-agent"].as_str().unwrap(), &["slowdrip/"]);
    assert_eq!(told.captured("cookie"), Some(&json!("ws=upgraded-123")));
    assert_eq!(told.redactor.mask("tok-cats-123 upgraded-123"), "[secret] [secret]");
}

#[tokio::test]
async fn one_of_the_subprotocols_must_be_taken() {
    let target = Fake::at(application().await);
    let mut told = Told::new();
    let offering = |names: &[&str]| {
        let mut step = ws("/echo", Vec::new());
        step.subprotocols = names.iter().map(|name| (*name).to_owned()).collect();
        step.step()
    };
    told.run(&[offering(&["v9.chat", "v1.{{ 'chat' }}"])], &target).await.unwrap();
    let text = told.failure(offering(&["v9.chat", "v8.chat"]), &target).await;
    holds(
        &text,
        &[
            "app.yaml:40:5: ws /echo: the server takes no subprotocol (offered: v9.chat, v8.chat)",
            "sec-websocket-protocol: v9.chat, v8.chat",
            "101 Switching Protocols",
        ],
    );
    holds(&told.failure(offering(&["v 9"]), &target).await, &["`v 9` is no name of a subprotocol"]);
}

#[tokio::test]
async fn pings_are_answered_and_messages_are_kept_while_other_steps_run() {
    // A server that gives up whoever does not answer its pings, as real ones do.
    let address = serve_ws(|mut socket| async move {
        for n in 1..=10_u64 {
            socket.send(Message::Text(format!(r#"{{"n": {n}}}"#).into())).await.unwrap();
            socket.send(Message::Ping(vec![7; 3].into())).await.unwrap();
            let pong = tokio::time::timeout(Duration::from_secs(3), async {
                while !matches!(socket.next().await, Some(Ok(Message::Pong(_))) | None) {}
            });
            if pong.await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        socket.send(Message::Text(r#"{"n": "all"}"#.into())).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let target = Fake { takes: Duration::from_millis(100), ..Fake::running(|_, _, _| Ok(output(0, "", ""))) };
    let target = Fake { addresses: BTreeMap::from([(5000, address)]), ..target };
    let mut told = Told::new();
    let n = |n: Value| awaits(holding("$.n", JsonExpect::Equals(n)), 5000).step();
    // The outer one is answered while the inner one is connected, used and closed, while users work, and between tries.
    let inner = ws("/", vec![n(json!(3)), sleeps(30)]).step();
    let users = at(3, Action::Parallel { users: 2, name: None, steps: vec![exec(&["true"]).step()] });
    let steps = vec![inner, users, sleeps(50), n(json!(2)), n(json!("all"))];
    told.run(&[ws("/", steps).step()], &target).await.unwrap();
    settles(address.port(), 0).await;
}

#[tokio::test]
async fn an_observer_is_told_of_the_connecting_and_of_the_steps_inside() {
    let target = Fake::at(application().await);
    let mut told = Told::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    told.flow.observe(Some(Arc::new(move |done: &StepDone<'_>| {
        let what = format!("{} {} {}", done.depth, done.step.name(), done.failed);
        noted.lock().unwrap().push((what, done.took));
    })));
    let steps = vec![sleeps(1000), repeat(1, None, vec![send("x")])];
    told.run(&[ws("/echo", steps).step()], &target).await.unwrap();
    told.run(&[ws("/nowhere", Vec::new()).step()], &target).await.unwrap_err();
    let seen = seen.lock().unwrap();
    let names: Vec<&str> = seen.iter().map(|(what, _)| what.as_str()).collect();
    assert_eq!(names, ["0 ws /echo false", "1 sleep 1s false", "2 send false", "0 ws /nowhere true"]);
    assert!(seen[0].1 < Duration::from_secs(1), "the time of the connecting: {:?}", seen[0].1);
}

#[tokio::test]
async fn a_large_message_goes_both_ways_at_once() {
    // Both want to be read before they read.
    let address = serve_ws(|mut socket| async move {
        let large = "x".repeat(1_500_000);
        for _ in 0..6 {
            socket.send(Message::Text(large.clone().into())).await.unwrap();
        }
        let Some(Ok(Message::Text(text))) = socket.next().await else { return };
        socket.send(Message::Text(format!("got {}", text.len()).into())).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let mut told = Told::new();
    let sought = Sought { contains: Some("got 3000000".to_owned()), ..Sought::default() };
    let steps = vec![send("{{ 'abc' * 1000000 }}"), awaits(sought, 20_000).step()];
    told.run(&[ws("/", steps).step()], &Fake::at(address)).await.unwrap();
}

#[tokio::test]
async fn a_socket_belongs_to_the_steps_inside() {
    let target = Fake::at(application().await);
    let mut told = Told::new();
    for (step, verb) in [(send("x"), "send"), (ping(10), "ping"), (awaits(Sought::default(), 10).step(), "await")] {
        let text = told.failure(wait(Duration::from_secs(60), Duration::from_secs(1), step), &target).await;
        holds(&text, &[&format!("{verb}: no WebSocket is open here; `{verb}` stands among the `steps` of a `ws`")]);
    }
    // Users of their own have connections of their own.
    let users = at(3, Action::Parallel { users: 1, name: None, steps: vec![send("x")] });
    let text = told.failure(ws("/echo", vec![users]).ending(WsEnd::Drop).step(), &target).await;
    holds(&text, &["no WebSocket is open here", "\n  in: ws /echo\n  in: user 1 of 1 of a parallel"]);
}
