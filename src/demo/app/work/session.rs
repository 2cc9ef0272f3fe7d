//! `GET /session`: a WebSocket whose client has a worker process of its own.

use std::sync::Arc;
use std::sync::PoisonError;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{MissedTickBehavior, interval};

use super::super::log;
use super::super::state::Shared;
use super::Fault;
use super::worker::Worker;

/// The longest message that is taken, bytes.
const MOST_BYTES: usize = 4 * 1024;
/// How long the last frames may take to a client that closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a client asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    op: Op,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    /// A worker.
    Create,
    /// The worker's end.
    Close,
}

/// How a connection came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client said so.
    Closed,
    /// The client is gone without a word.
    Dropped(&'static str),
    /// The application ends.
    Stopping,
}

/// Takes a WebSocket where there is room for one more.
pub(in super::super) async fn accept(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    let Ok(place) = Arc::clone(&shared.sockets).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many WebSocket connections\n").into_response();
    };
    upgrade
        .max_message_size(MOST_BYTES)
        .max_frame_size(MOST_BYTES)
        .on_upgrade(move |socket| serve(socket, shared, place))
}

/// A session and its worker.
struct Session {
    number: u64,
    worker: Worker,
}

async fn serve(mut socket: WebSocket, shared: Arc<Shared>, place: OwnedSemaphorePermit) {
    let mut session = None;
    let end = talk(&mut socket, &shared, &mut session).await;
    match end {
        End::Closed | End::Stopping => {
            finish(&shared, session.take(), end == End::Closed).await;
            farewell(&mut socket).await;
        }
        End::Dropped(why) => {
            drop((socket, place));
            let Some(session) = session else { return };
            shared.work.tallies.dropped.add(1);
            log::line(format_args!("session {} dropped: {why}", session.number));
            if shared.work.has(Fault::WsDrop) {
                shared.work.forgotten.lock().unwrap_or_else(PoisonError::into_inner).push(session.worker);
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(shared.work.patience.grace) => {}
                () = shared.serving.cancelled() => {}
            }
            finish(&shared, Some(session), false).await;
        }
    }
}

/// Serves a client until the connection comes to its end.
async fn talk(socket: &mut WebSocket, shared: &Arc<Shared>, session: &mut Option<Session>) -> End {
    let patience = shared.work.patience;
    let mut pings = interval(patience.ping_every);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unanswered = 0;
    loop {
        let sent = tokio::select! {
            () = shared.serving.cancelled() => {
                let frame = CloseFrame { code: close_code::AWAY, reason: "the application is ending".into() };
                // The other side may be gone already.
                let _ = socket.send(Message::Close(Some(frame))).await;
                return End::Stopping;
            }
            _ = pings.tick() => {
                if unanswered >= patience.unanswered {
                    return End::Dropped("no sign of life");
                }
                unanswered += 1;
                socket.send(Message::Ping(Bytes::from_static(b"still there?"))).await
            }
            message = socket.recv() => {
                unanswered = 0;
                match message {
                    Some(Ok(Message::Text(text))) => {
                        let answer = answer(text.as_str(), shared, session).await;
                        socket.send(Message::Text(answer.to_string().into())).await
                    }
                    Some(Ok(Message::Binary(_))) => {
                        socket.send(Message::Text(refusal("send text messages").to_string().into())).await
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                    Some(Ok(Message::Close(_))) => return End::Closed,
                    None | Some(Err(_)) => return End::Dropped("the connection was lost"),
                }
            }
        };
        if sent.is_err() {
            return End::Dropped("the connection was lost");
        }
    }
}

fn refusal(why: &str) -> Value {
    json!({"event": "error", "error": why})
}

/// Does what a message asks for.
async fn answer(text: &str, shared: &Shared, session: &mut Option<Session>) -> Value {
    let op = match serde_json::from_str::<Request>(text) {
        Ok(request) => request.op,
        Err(_) => return refusal("send {\"op\": \"create\"} or {\"op\": \"close\"}"),
    };
    match (op, session.as_ref().map(|session| session.number)) {
        (Op::Create, Some(number)) => refusal(&format!("session {number} is open already")),
        (Op::Close, None) => refusal("no session is open"),
        (Op::Create, None) => {
            let number = shared.work.numbers.next();
            match Worker::start(number, &shared.work.data, &shared.work.children).await {
                Ok(worker) => {
                    shared.work.tallies.created.add(1);
                    log::line(format_args!("session {number} created"));
                    *session = Some(Session { number, worker });
                    json!({"event": "created", "session": number})
                }
                Err(error) => {
                    log::line(format_args!("error: no worker for session {number}: {error}"));
                    refusal(&format!("no worker could be started: {error}"))
                }
            }
        }
        (Op::Close, Some(number)) => {
            finish(shared, session.take(), true).await;
            json!({"event": "closed", "session": number})
        }
    }
}

/// Ends the worker of a session, if there is one.
async fn finish(shared: &Shared, session: Option<Session>, by_client: bool) {
    let Some(Session { number, worker }) = session else { return };
    worker.end(&shared.work.children).await;
    shared.work.tallies.ended.add(1);
    if by_client {
        shared.work.tallies.closed.add(1);
    }
    log::line(format_args!("session {number} ended"));
}

/// Sends what is still to be sent, the answer to a close frame for one, until the client closes the connection.
async fn farewell(socket: &mut WebSocket) {
    let rest = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _ = tokio::time::timeout(FAREWELL, rest).await;
}
