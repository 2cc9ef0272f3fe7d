//! An open WebSocket: what came and nobody has taken yet, and how it ends.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink as _, Stream as _};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::connect::{LARGEST, Stream};
use super::silent::Silent;
use super::wire::trouble;
use crate::flow::answer::{size, took};
use crate::flow::failure::Request;
use crate::model::text::shorten;
use crate::scenario::WsEnd;

/// How many messages are kept for an `await` that may come; of more, the oldest are dropped.
const KEPT: usize = 4096;

/// How many bytes of them.
const KEPT_BYTES: usize = 8 * 1024 * 1024;

/// How many frames are read before others have their turn.
const AT_ONCE: usize = 64;

/// How long the server has to answer a close frame.
const CLOSING: Duration = Duration::from_secs(5);

/// How long the server, whose part that is, has to close the TCP connection after both close frames.
const HANGING_UP: Duration = Duration::from_secs(1);

/// How much of the server's reason is told, characters.
const REASON: usize = 120;

/// An open WebSocket.
pub(in crate::flow) struct Socket {
    stream: Stream,
    address: SocketAddr,
    /// The step that opened it: `ws /chat`.
    pub(super) what: String,
    /// The upgrade as sent, and in place of a body the message that was sent last; as they are shown.
    pub(super) request: Request,
    /// What came and nobody has taken.
    kept: VecDeque<String>,
    bytes: usize,
    /// How many messages were dropped for lack of room.
    pub(super) dropped: u64,
    pong: Option<Bytes>,
    pings: u64,
    /// Why nothing comes any more.
    ended: Option<String>,
    /// The connection has nothing more to read, not even its end.
    finished: bool,
}

impl Socket {
    /// One that was opened just now.
    pub(super) fn new(stream: Stream, address: SocketAddr, what: String, request: Request) -> Self {
        Self {
            stream,
            address,
            what,
            request,
            kept: VecDeque::new(),
            bytes: 0,
            dropped: 0,
            pong: None,
            pings: 0,
            ended: None,
            finished: false,
        }
    }

    /// The oldest message that nobody has taken.
    pub(super) fn take(&mut self) -> Option<String> {
        let message = self.kept.pop_front()?;
        self.bytes = self.bytes.saturating_sub(message.len());
        Some(message)
    }

    /// Why nothing comes any more; `None` while something may.
    pub(super) fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }

    /// Waits until something came, or the end.
    pub(super) async fn came(&mut self) {
        poll_fn(|cx| self.poll_came(cx)).await;
    }

    /// Writes out what is still to be sent: the answer to a ping.
    pub(super) async fn flush(&mut self) {
        // Where that fails, the next reading says why.
        let _ = poll_fn(|cx| Pin::new(&mut self.stream).poll_flush(cx)).await;
    }

    /// Sends a message. What comes meanwhile is kept: a server may want to be read before it reads.
    pub(super) async fn send(&mut self, message: Message) -> Result<(), String> {
        // An end that came while nobody looked.
        poll_fn(|cx| {
            self.poll_all(cx);
            Poll::Ready(())
        })
        .await;
        if let Some(ended) = &self.ended {
            return Err(ended.clone());
        }
        let sent = match poll_fn(|cx| self.poll_ready(cx)).await {
            Ok(()) => match Pin::new(&mut self.stream).start_send(message) {
                Ok(()) => poll_fn(|cx| self.poll_flush(cx)).await,
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => Ok(()),
            // What was read says more than what could not be written.
            Err(error) => Err(self.ended.clone().unwrap_or_else(|| self.describe(&error))),
        }
    }

    /// Sends a ping and waits for its pong, and not for another one's.
    pub(super) async fn ping(&mut self) -> Result<(), String> {
        self.pings += 1;
        let payload = Bytes::copy_from_slice(&self.pings.to_be_bytes());
        self.send(Message::Ping(payload.clone())).await?;
        while self.pong.as_ref() != Some(&payload) {
            if let Some(ended) = &self.ended {
                return Err(ended.clone());
            }
            self.came().await;
        }
        Ok(())
    }

    /// Ends the connection in the way that is wanted, within a time, and says how it went.
    pub(super) async fn end(mut self, how: WsEnd, silent: &Silent, within: Duration) -> Result<String, String> {
        match how {
            WsEnd::Close => Ok(self.close(within.min(CLOSING)).await),
            WsEnd::Drop => {
                self.drop_connection();
                Ok("dropped".to_owned())
            }
            WsEnd::Reset => {
                let wire = self.stream.into_inner();
                wire.reset_at_end().map_err(|err| format!("the connection cannot be reset: {err}"))?;
                Ok("reset".to_owned())
            }
            WsEnd::Silent(lasts) => {
                silent.keep(self.stream.into_inner(), lasts)?;
                Ok(format!("silent for {}", took(lasts)))
            }
        }
    }

    /// Closes the TCP connection without a close frame.
    pub(super) fn drop_connection(self) {
        self.stream.into_inner().close();
    }

    async fn close(&mut self, within: Duration) -> String {
        let before = self.ended.clone();
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        let closing = async {
            self.send(Message::Close(Some(frame))).await?;
            while self.ended.is_none() {
                self.came().await;
            }
            Ok::<(), String>(())
        };
        let said = match (before, timeout(within, closing).await) {
            (Some(before), _) => format!("ended before: {before}"),
            (None, Ok(Ok(()))) => match &self.ended {
                Some(ended) if self.finished => format!("closed; {ended}"),
                Some(_) | None => "closed".to_owned(),
            },
            (None, Ok(Err(problem))) => format!("ended before: {problem}"),
            (None, Err(_)) => format!("closed; the server did not answer the close frame within {}", took(within)),
        };
        let hanging_up = async {
            while self.ended.is_some() && !self.finished {
                self.came().await;
            }
            let _ = self.stream.get_mut().shutdown().await;
        };
        let _ = timeout(HANGING_UP, hanging_up).await;
        said
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_all(cx);
        Pin::new(&mut self.stream).poll_ready(cx)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_all(cx);
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Takes in whatever is there.
    fn poll_all(&mut self, cx: &mut Context<'_>) {
        for _ in 0..AT_ONCE {
            if self.poll_came(cx).is_pending() {
                return;
            }
        }
        // There may be more, and others have their turn before.
        cx.waker().wake_by_ref();
    }

    /// Takes in one frame, or the end. Ready once, then pending for good, where the end was taken in.
    fn poll_came(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.finished {
            return Poll::Pending;
        }
        match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
            Some(Ok(Message::Text(text))) => self.keep(text.as_str().to_owned()),
            Some(Ok(Message::Binary(bytes))) => self.keep(String::from_utf8_lossy(&bytes).into_owned()),
            Some(Ok(Message::Pong(payload))) => self.pong = Some(payload),
            Some(Ok(Message::Close(frame))) => self.ended = Some(closed(frame)),
            // A ping is answered by the next reading.
            Some(Ok(Message::Ping(_) | Message::Frame(_))) => {}
            Some(Err(error)) => {
                self.finished = true;
                let ended = self.describe(&error);
                self.ended.get_or_insert(ended);
            }
            None => {
                self.finished = true;
                self.ended.get_or_insert_with(|| "the server closed the connection".to_owned());
            }
        }
        Poll::Ready(())
    }

    fn keep(&mut self, message: String) {
        self.bytes += message.len();
        self.kept.push_back(message);
        while self.kept.len() > KEPT || self.bytes > KEPT_BYTES {
            if self.take().is_none() {
                break;
            }
            self.dropped += 1;
        }
    }

    fn describe(&self, error: &Error) -> String {
        match error {
            Error::ConnectionClosed | Error::AlreadyClosed => "the server closed the connection".to_owned(),
            Error::Io(error) => trouble(error, self.address),
            Error::Capacity(CapacityError::MessageTooLong { size: found, .. }) => format!(
                "the server sent a message of {}, and {} are the most that a step reads",
                size(*found),
                size(LARGEST)
            ),
            Error::Utf8(_) => "the server sent a text message that is not UTF-8".to_owned(),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                "the server closed the TCP connection without a close frame".to_owned()
            }
            Error::Protocol(ProtocolError::SendAfterClosing) => "the connection is being closed".to_owned(),
            Error::Protocol(_)
            | Error::Capacity(_)
            | Error::AttackAttempt
            | Error::Tls(_)
            | Error::WriteBufferFull(_)
            | Error::Url(_)
            | Error::Http(_)
            | Error::HttpFormat(_) => format!("the server broke the rules of WebSockets: {error}"),
        }
    }
}

/// Reads from WebSockets that no step uses while another future runs, so that pings are answered and messages are kept.
pub(in crate::flow) async fn beside<T>(sockets: &mut [Socket], work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    poll_fn(|cx| {
        let done = work.as_mut().poll(cx);
        if done.is_pending() {
            sockets.iter_mut().for_each(|socket| socket.poll_all(cx));
        }
        done
    })
    .await
}

fn closed(frame: Option<CloseFrame>) -> String {
    match frame {
        Some(CloseFrame { code, reason }) if reason.is_empty() => {
            format!("the server closed the connection with code {}", u16::from(code))
        }
        Some(CloseFrame { code, reason }) => {
            let reason = shorten(&reason, REASON);
            format!("the server closed the connection with code {}: {reason}", u16::from(code))
        }
        None => "the server closed the connection without a code".to_owned(),
    }
}
