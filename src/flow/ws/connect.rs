//! From an address to an open WebSocket: TCP, TLS, the upgrade.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Context;
use std::time::Duration;

use hyper::body::{Body as _, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use reqwest::StatusCode;
use reqwest::header::{
    CONNECTION, HOST, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use url::{Position, Url};

use super::wire::{Wire, trouble};
use crate::flow::answer::{Answer, status};
use crate::flow::exchange::Trouble;
use crate::scenario::Tls;

/// The largest message that is read, bytes.
pub(super) const LARGEST: usize = 2 * 1024 * 1024;

/// What is read at once. Many connections may be open side by side.
const BUFFER: usize = 16 * 1024;

/// How much of a refusal's body is read, bytes: more than is shown.
const REFUSAL: usize = 64 * 1024;

/// How long the body of a refusal is waited for.
const REFUSAL_TIME: Duration = Duration::from_secs(2);

/// An open WebSocket, before anything was said.
pub(super) type Stream = WebSocketStream<Wire>;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    /// Where to connect.
    pub(super) address: SocketAddr,
    /// How to look at the certificate; `None`: no TLS.
    pub(super) tls: Option<&'a Tls>,
    /// The URL; its host is a name for the server.
    pub(super) url: &'a Url,
    /// All headers of the upgrade.
    pub(super) headers: HeaderMap,
}

/// Adds to the headers of a request what makes an upgrade of it.
pub(super) fn upgrade(headers: &mut HeaderMap, url: &Url, subprotocols: &[String]) -> Result<(), String> {
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let host = HeaderValue::from_str(host).map_err(|_| format!("`{host}` is no host"))?;
    headers.entry(HOST).or_insert(host);
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    let key = HeaderValue::from_str(&generate_key()).map_err(|_| "no key could be made".to_owned())?;
    headers.insert(SEC_WEBSOCKET_KEY, key);
    if !subprotocols.is_empty() {
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if let Some(wrong) = subprotocols.iter().find(|name| name.is_empty() || !name.chars().all(token)) {
            return Err(format!("`{wrong}` is no name of a subprotocol"));
        }
        let list = HeaderValue::from_str(&subprotocols.join(", "))
            .map_err(|_| "the subprotocols cannot be sent".to_owned())?;
        headers.insert(SEC_WEBSOCKET_PROTOCOL, list);
    }
    Ok(())
}

/// Connects and upgrades. The server's answer, as far as it came, is left in `answer`.
pub(super) async fn connect(wanted: Wanted<'_>, answer: &mut Option<Answer>) -> Result<Stream, Trouble> {
    let wire = Wire::connect(wanted.address, wanted.tls).await?;
    let lasting = |err: &dyn std::fmt::Display| Trouble::lasting(format!("the request cannot be sent: {err}"));
    let mut request = Request::builder()
        .uri(&wanted.url[Position::BeforePath..Position::AfterQuery])
        .body(String::new())
        .map_err(|err| lasting(&err))?;
    *request.headers_mut() = wanted.headers.clone();

    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(wire))
        .await
        .map_err(|err| describe(&err, wanted.address))?;
    let mut connection = pin!(connection.with_upgrades());
    let mut ended = false;
    // The connection is driven here, by whoever waits for it: there is no task that could be left behind.
    let mut drive = move |cx: &mut Context<'_>| {
        if !ended {
            ended = connection.as_mut().poll(cx).is_ready();
        }
    };
    let mut response = {
        let mut answered = pin!(sender.send_request(request));
        poll_fn(|cx| {
            drive(cx);
            answered.as_mut().poll(cx)
        })
        .await
        .map_err(|err| describe(&err, wanted.address))?
    };
    let received = answer.insert(Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: Vec::new(),
        way: Vec::new(),
    });
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let body = read(&mut response, &mut received.body, &mut drive);
        // What came is shown; a body that never ends does not make the refusal another one.
        let _ = tokio::time::timeout(REFUSAL_TIME, body).await;
        return Err(refused(received.status));
    }
    check(&wanted.headers, response.headers()).map_err(Trouble::lasting)?;
    let mut upgrading = pin!(hyper::upgrade::on(response));
    let upgraded = poll_fn(|cx| {
        drive(cx);
        upgrading.as_mut().poll(cx)
    })
    .await
    .map_err(|err| describe(&err, wanted.address))?;
    let parts = upgraded
        .downcast::<TokioIo<Wire>>()
        .map_err(|_| Trouble::lasting("the upgraded connection is not the one that was made".to_owned()))?;
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST));
    let (wire, early) = (parts.io.into_inner(), parts.read_buf.to_vec());
    Ok(WebSocketStream::from_partially_read(wire, early, Role::Client, Some(config)).await)
}

/// What to say of an answer that does not upgrade.
pub(super) fn refused(got: StatusCode) -> Trouble {
    let problem = format!("expected status {}, got {}", status(StatusCode::SWITCHING_PROTOCOLS), status(got));
    Trouble { problem, passing: true }
}

async fn read(
    response: &mut Response<Incoming>,
    body: &mut Vec<u8>,
    drive: &mut (impl FnMut(&mut Context<'_>) + Send),
) {
    while body.len() < REFUSAL {
        let incoming = response.body_mut();
        let frame = poll_fn(|cx| {
            drive(cx);
            Pin::new(&mut *incoming).poll_frame(cx)
        });
        let Some(Ok(frame)) = frame.await else { return };
        if let Some(data) = frame.data_ref() {
            let room = REFUSAL - body.len();
            body.extend(data.iter().take(room));
        }
    }
}

/// Holds the answer against the rules of the upgrade (RFC 6455, section 4.1).
fn check(sent: &HeaderMap, answer: &HeaderMap) -> Result<(), String> {
    let got = |name| answer.get(name).map(|value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let says = |name, word: &str| {
        let values = answer.get_all(name).into_iter().filter_map(|value: &HeaderValue| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    if !says(UPGRADE, "websocket") {
        return Err("the answer upgrades to something else: it has no header `Upgrade: websocket`".to_owned());
    }
    if !says(CONNECTION, "upgrade") {
        return Err("the answer has no header `Connection: Upgrade`".to_owned());
    }
    let key = sent.get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    if got(SEC_WEBSOCKET_ACCEPT).map(|accept| accept.trim().to_owned()) != key {
        return Err("the answer's `Sec-WebSocket-Accept` does not belong to the key that was sent".to_owned());
    }
    if let Some(extension) = got(SEC_WEBSOCKET_EXTENSIONS).filter(|list| !list.trim().is_empty()) {
        return Err(format!("the server takes the extension `{extension}`, and none was offered"));
    }
    let offered = sent.get(SEC_WEBSOCKET_PROTOCOL).map(|list| String::from_utf8_lossy(list.as_bytes()).into_owned());
    match (offered, got(SEC_WEBSOCKET_PROTOCOL)) {
        (None, None) => Ok(()),
        (Some(offered), Some(taken)) if offered.split(',').any(|name| name.trim() == taken.trim()) => Ok(()),
        (Some(offered), Some(taken)) => {
            Err(format!("the server takes the subprotocol `{taken}`, which was not offered (offered: {offered})"))
        }
        (Some(offered), None) => Err(format!("the server takes no subprotocol (offered: {offered})")),
        (None, Some(taken)) => Err(format!("the server takes the subprotocol `{taken}`, and none was offered")),
    }
}

fn describe(error: &hyper::Error, address: SocketAddr) -> Trouble {
    let mut source = std::error::Error::source(error);
    while let Some(below) = source {
        if let Some(io) = below.downcast_ref::<std::io::Error>() {
            return Trouble { problem: trouble(io, address), passing: true };
        }
        source = below.source();
    }
    let problem = if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        format!("{address} closed the connection without an answer")
    } else if error.is_parse() {
        format!("what {address} answers is no HTTP: {error}")
    } else {
        format!("no complete answer from {address}: {error}")
    };
    Trouble { problem, passing: true }
}
