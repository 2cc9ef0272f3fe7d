//! `GET /ws`: sends back what it gets, and pings.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{MissedTickBehavior, interval};

use super::log;
use super::state::Shared;

/// How many connections there may be.
pub(super) const MOST_SOCKETS: usize = 64;
/// The longest message that is taken, bytes.
const MOST_BYTES: usize = 64 * 1024;
/// Between pings.
const PING_EVERY: Duration = Duration::from_secs(10);
/// Pings without a sign of life after which the other side is taken for gone: a peer that vanished without a close frame
/// holds nothing for long.
const MOST_UNANSWERED: u32 = 3;

/// Takes a WebSocket where there is room for one more.
pub(super) async fn accept(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    let Ok(place) = Arc::clone(&shared.sockets).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many WebSocket connections\n").into_response();
    };
    upgrade
        .max_message_size(MOST_BYTES)
        .max_frame_size(MOST_BYTES)
        .on_upgrade(move |socket| echo(socket, shared, place))
}

async fn echo(mut socket: WebSocket, shared: Arc<Shared>, _place: OwnedSemaphorePermit) {
    log::line(format_args!("websocket opened"));
    let mut pings = interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unanswered = 0;
    let why = loop {
        let sent = tokio::select! {
            () = shared.serving.cancelled() => {
                let frame = CloseFrame { code: close_code::AWAY, reason: "the application is ending".into() };
                // The other side may be gone already.
                let _ = socket.send(Message::Close(Some(frame))).await;
                break "the application is ending";
            }
            _ = pings.tick() => {
                if unanswered >= MOST_UNANSWERED {
                    break "no sign of life";
                }
                unanswered += 1;
                socket.send(Message::Ping(axum::body::Bytes::from_static(b"still there?"))).await
            }
            message = socket.recv() => {
                unanswered = 0;
                match message {
                    Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                        shared.echoes.add(1);
                        socket.send(message).await
                    }
                    // Pings are answered by the library.
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                    Some(Ok(Message::Close(_))) => break "by the client",
                    None | Some(Err(_)) => break "the connection was lost",
                }
            }
        };
        if sent.is_err() {
            break "the connection was lost";
        }
    };
    log::line(format_args!("websocket closed: {why}"));
}
