//! The ways in which WebSockets end, with and without TLS.

use futures_util::StreamExt;

use super::sockets::*;
use super::tls::Authority;
use super::*;
use crate::scenario::{Tls, WsEnd};

#[tokio::test]
async fn the_server_sees_how_each_connection_ends() {
    let (address, mut ends) = watched().await;
    let target = Fake::at(address);
    let mut told = Told::new();
    let silent = WsEnd::Silent(Duration::from_millis(200));
    for (end, seen, said) in [
        (WsEnd::Close, "close 1000", "101, 1 step done, closed in "),
        (WsEnd::Drop, "no close frame", "101, 1 step done, dropped in "),
        (WsEnd::Reset, "reset", "101, 1 step done, reset in "),
        (silent, "reset", "101, 1 step done, silent for 0.2 s in "),
    ] {
        told.run(&[ws("/", vec![send("hello")]).ending(end).step()], &target).await.unwrap();
        assert_eq!(ends.recv().await.unwrap(), seen, "{end:?}");
        holds(told.lines().last().unwrap(), &["ws / → ", said]);
    }
    settles(address.port(), 0).await;
}

#[tokio::test]
async fn a_drop_is_no_reset_though_something_is_unread() {
    let (seen, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let address = serve(move |stream| {
        let seen = seen.clone();
        async move {
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            for n in 0..100 {
                let message = tokio_tungstenite::tungstenite::Message::Text(format!("{n} {}", "x".repeat(1000)).into());
                futures_util::SinkExt::send(&mut socket, message).await.unwrap();
            }
            let _ = seen.send(format!("{:?}", socket.next().await));
        }
    })
    .await;
    let mut told = Told::new();
    let step = ws("/", Vec::new()).ending(WsEnd::Drop).step();
    told.run(&[step], &Fake::at(address)).await.unwrap();
    let end = ends.recv().await.unwrap();
    assert!(end.contains("ResetWithoutClosingHandshake"), "{end}");
}

#[tokio::test]
async fn silent_connections_are_open_until_their_time_is_over_or_the_flow_is_gone() {
    let (address, mut ends) = watched().await;
    let target = Fake::at(address);
    let mut told = Told::new();
    let silent = |millis| ws("/", Vec::new()).ending(WsEnd::Silent(Duration::from_millis(millis))).step();
    // Those of users who are done stay too.
    let users = at(3, Action::Parallel { users: 3, name: None, steps: vec![silent(3_600_000)] });
    told.run(&[users, silent(3_600_000), silent(50)], &target).await.unwrap();
    assert_eq!(ends.recv().await.unwrap(), "reset");
    settles(address.port(), 8).await;
    assert!(ends.try_recv().is_err(), "the others are open on both sides");
    drop(told);
    for _ in 0..4 {
        assert_eq!(ends.recv().await.unwrap(), "reset");
    }
    settles(address.port(), 0).await;
}

#[tokio::test]
async fn nothing_is_answered_on_a_silent_connection() {
    let (seen, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let address = serve(move |stream| {
        let seen = seen.clone();
        async move {
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            let ping = tokio_tungstenite::tungstenite::Message::Ping(vec![1].into());
            futures_util::SinkExt::send(&mut socket, ping).await.unwrap();
            let answered = tokio::time::timeout(Duration::from_millis(100), socket.next()).await.is_ok();
            let _ = seen.send(answered);
            let _ = socket.next().await;
        }
    })
    .await;
    let mut told = Told::new();
    let step = ws("/", Vec::new()).ending(WsEnd::Silent(Duration::from_secs(60))).step();
    told.run(&[step], &Fake::at(address)).await.unwrap();
    assert!(!ends.recv().await.unwrap());
}

#[tokio::test]
async fn a_server_that_does_not_answer_the_close_frame_is_noted() {
    let address = serve(|stream| async move {
        let socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        std::future::pending::<()>().await;
        drop(socket);
    })
    .await;
    let target = Fake::at(address);
    let mut told = Told::new();
    // Not the five seconds: the wait around it has less.
    let step = wait(Duration::from_millis(700), Duration::from_millis(1), ws("/", Vec::new()).step());
    told.run(&[step], &target).await.unwrap();
    holds(&told.lines()[0], &["101, closed; the server did not answer the close frame within 0."]);

    let gone = serve_ws(|mut socket| async move {
        let _ = socket.close(None).await;
    })
    .await;
    told.run(&[ws("/", vec![sleeps(200)]).step()], &Fake::at(gone)).await.unwrap();
    holds(&told.lines()[1], &["101, 1 step done, ended before: the server closed the connection without a code in "]);
}

#[tokio::test]
async fn a_step_that_fails_and_a_run_that_is_cut_off_drop_the_connection() {
    let (address, mut ends) = watched().await;
    let target = Fake::at(address);
    let mut told = Told::new();
    let text = told.failure(ws("/", vec![send("{{ nope }}")]).step(), &target).await;
    holds(&text, &["app.yaml:41:5: send over ws /: ", "`nope` is not defined", "\n  in: ws /"]);
    assert_eq!(ends.recv().await.unwrap(), "no close frame");

    for inside in [sleeps(3_600_000), repeat(1, None, vec![ws("/", vec![sleeps(3_600_000)]).step()])] {
        let steps = [ws("/", vec![send("x"), inside]).step()];
        let cut = tokio::time::timeout(Duration::from_millis(200), told.run(&steps, &target)).await;
        assert!(cut.is_err());
        settles(address.port(), 0).await;
    }
    assert!(told.flow.sockets.is_empty());
}

#[tokio::test]
async fn a_hundred_rounds_leave_nothing_open() {
    let (address, mut ends) = watched().await;
    let target = Fake::at(address);
    let mut told = Told::new();
    let round = [WsEnd::Close, WsEnd::Drop, WsEnd::Reset, WsEnd::Silent(Duration::from_millis(1))];
    let round: Vec<Step> = round.into_iter().map(|end| ws("/", vec![send("x")]).ending(end).step()).collect();
    let users = at(3, Action::Parallel { users: 5, name: None, steps: vec![repeat(5, None, round)] });
    told.run(&[users], &target).await.unwrap();
    for _ in 0..100 {
        ends.recv().await.unwrap();
    }
    settles(address.port(), 0).await;
}

#[tokio::test]
async fn over_tls_messages_go_and_connections_end_in_the_same_ways() {
    let authority = Authority::new();
    let acceptor = authority.acceptor("app.example");
    let (seen, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let address = serve(move |stream| {
        let (acceptor, seen) = (acceptor.clone(), seen.clone());
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
            let end = loop {
                match socket.next().await {
                    Some(Ok(message)) if message.is_text() => {
                        let _ = futures_util::SinkExt::send(&mut socket, message).await;
                    }
                    Some(Ok(message)) if message.is_close() => {
                        let _ = socket.next().await;
                        break "close".to_owned();
                    }
                    Some(Ok(_)) => {}
                    other => break format!("{other:?}"),
                }
            };
            let _ = seen.send(end);
        }
    })
    .await;
    let target = Fake::at(address);
    let mut told = Told::new();
    let silent = WsEnd::Silent(Duration::from_millis(50));
    let over_tls = |name: &str, end: WsEnd| {
        let mut step =
            ws("/", vec![send("over TLS"), awaits(contains("over TLS"), 5000).step(), ping(5000)]).ending(end);
        step.goal.tls = Some(Tls { ca: Some(authority.file()), verify: true, name: Some(name.to_owned()) });
        step.step()
    };
    for (end, seen) in [
        (WsEnd::Close, "close"),
        // No word of TLS either.
        (WsEnd::Drop, "UnexpectedEof"),
        (WsEnd::Reset, "ConnectionReset"),
        (silent, "ConnectionReset"),
    ] {
        told.run(&[over_tls("app.example", end)], &target).await.unwrap();
        holds(&ends.recv().await.unwrap(), &[seen]);
    }
    settles(address.port(), 0).await;
    // Trying again cannot help.
    let step = wait(Duration::from_secs(60), Duration::from_secs(1), over_tls("other.example", WsEnd::Close));
    let text = told.failure(step, &target).await;
    holds(&text, &["ws /: the certificate of 127.0.0.1:", "does not verify", "app.example"]);
    let plain = watched().await.0;
    let text = told.failure(over_tls("app.example", WsEnd::Close), &Fake::at(plain)).await;
    holds(&text, &["ws /: "]);
    settles(address.port(), 0).await;
}
