//! Servers of WebSockets that behave as a test wants, and what stays open of them.

use std::collections::BTreeSet;
use std::io;

use axum::Router;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;

use super::*;
use crate::scenario::{AwaitStep, Message, Sought, WsEnd, WsStep};

/// Accepts connections and hands each to a task of its own; all end with the test's runtime.
pub(super) async fn serve<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(handle(stream));
        }
    });
    address
}

/// Accepts WebSockets.
pub(super) async fn serve_ws<F>(
    handle: impl Fn(WebSocketStream<TcpStream>) -> F + Send + Sync + Copy + 'static,
) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    serve(move |stream| async move { handle(tokio_tungstenite::accept_async(stream).await.unwrap()).await }).await
}

/// Answers every connection with some bytes once its request came, and then with nothing.
pub(super) async fn answering(bytes: Vec<u8>, close: bool) -> SocketAddr {
    let bytes = Arc::new(bytes);
    serve(move |mut stream| {
        let bytes = Arc::clone(&bytes);
        async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(&bytes).await;
            if !close {
                std::future::pending::<()>().await;
            }
        }
    })
    .await
}

/// Reads a request up to its empty line.
pub(super) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// How a connection ended, as its server saw it, one for each connection: `close 1000`, `no close frame`, `reset`.
pub(super) async fn watched() -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let (seen, ends) = mpsc::unbounded_channel();
    let address = serve(move |stream| {
        let seen = seen.clone();
        async move {
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            let end = loop {
                match socket.next().await {
                    Some(Ok(tungstenite::Message::Close(frame))) => {
                        // The answer to the close frame is written by the next reading.
                        let _ = socket.next().await;
                        break format!("close {}", frame.map_or(0, |frame| u16::from(frame.code)));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(tungstenite::Error::Io(error))) if error.kind() == io::ErrorKind::ConnectionReset => {
                        break "reset".to_owned();
                    }
                    Some(Err(tungstenite::Error::Protocol(
                        tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
                    ))) => break "no close frame".to_owned(),
                    other => break format!("{other:?}"),
                }
            };
            let _ = seen.send(end);
        }
    })
    .await;
    (address, ends)
}

/// An application: `/echo` answers every message by `{"n": …, "echo": …}`, after two others.
pub(super) async fn application() -> SocketAddr {
    let app = Router::new().route("/echo", any(echo)).route("/me", any(me)).route("/seen", any(seen));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols(["v2.chat", "v1.chat"]).on_upgrade(|mut socket| async move {
        let mut n = 0;
        while let Some(Ok(message)) = socket.recv().await {
            let (text, binary) = match message {
                ws::Message::Text(text) => (text.as_str().to_owned(), false),
                ws::Message::Binary(bytes) => (String::from_utf8(bytes.to_vec()).unwrap(), true),
                ws::Message::Ping(_) | ws::Message::Pong(_) | ws::Message::Close(_) => continue,
            };
            n += 1;
            let value: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
            let answer =
                serde_json::json!({"n": n, "echo": value, "binary": binary, "token": "tok-0123456789"}).to_string();
            for message in ["no JSON".to_owned(), r#"{"n": 0}"#.to_owned(), answer] {
                if socket.send(ws::Message::Text(message.into())).await.is_err() {
                    return;
                }
            }
        }
    })
}

/// Says who came, and sets a cookie.
async fn me(headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    let said: BTreeMap<String, String> =
        headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let mut response = upgrade.on_upgrade(|mut socket| async move {
        let _ = socket.send(ws::Message::Binary(serde_json::to_vec(&said).unwrap().into())).await;
        while let Some(Ok(_)) = socket.recv().await {}
    });
    response.headers_mut().append(header::SET_COOKIE, "ws=upgraded-123; Path=/".parse().unwrap());
    response
}

async fn seen(headers: HeaderMap) -> Response {
    let cookie = headers.get(header::COOKIE).map(|cookie| cookie.to_str().unwrap().to_owned());
    axum::Json(serde_json::json!({"cookie": cookie})).into_response()
}

/// How many descriptors of this process are connections to or from a port of this machine.
pub(super) fn open_connections(port: u16) -> usize {
    let ours: BTreeSet<String> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let port = format!(":{port:04X}");
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row[3] != "0A" && (row[1].ends_with(&port) || row[2].ends_with(&port)) && ours.contains(row[9]))
        .count()
}

/// Waits until so many are open.
pub(super) async fn settles(port: u16, open: usize) {
    for _ in 0..500 {
        if open_connections(port) == open {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(open_connections(port), open);
}

pub(super) fn ws(path: &str, steps: Vec<Step>) -> WsStep {
    WsStep {
        path: path.to_owned(),
        goal: Goal::default(),
        subprotocols: Vec::new(),
        timeout: Duration::from_secs(5),
        steps,
        end: WsEnd::Close,
    }
}

impl WsStep {
    pub(super) fn step(self) -> Step {
        at(40, Action::Ws(Box::new(self)))
    }

    pub(super) fn ending(self, end: WsEnd) -> Self {
        Self { end, ..self }
    }
}

pub(super) fn send(text: &str) -> Step {
    at(41, Action::Send(Message::Text(text.to_owned())))
}

pub(super) fn send_json(value: Value) -> Step {
    at(41, Action::Send(Message::Json(value)))
}

pub(super) fn ping(millis: u64) -> Step {
    at(43, Action::Ping { within: Duration::from_millis(millis) })
}

pub(super) fn awaits(sought: Sought, millis: u64) -> AwaitStep {
    AwaitStep { sought, within: Duration::from_millis(millis), capture: BTreeMap::new() }
}

impl AwaitStep {
    pub(super) fn step(self) -> Step {
        at(42, Action::Await(Box::new(self)))
    }

    pub(super) fn take(mut self, name: &str, at: &str) -> Self {
        self.capture.insert(name.to_owned(), Capture { from: CaptureFrom::Json(path(at)), all: false });
        self
    }
}

pub(super) fn sleeps(millis: u64) -> Step {
    at(44, Action::Sleep(Duration::from_millis(millis)))
}

/// A message whose JSON has a value at a place.
pub(super) fn holding(at: &str, what: JsonExpect) -> Sought {
    Sought { json: vec![(path(at), what)], ..Sought::default() }
}

/// A message that holds a text.
pub(super) fn contains(text: &str) -> Sought {
    Sought { contains: Some(text.to_owned()), ..Sought::default() }
}
