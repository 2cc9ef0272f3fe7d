//! The connection below a WebSocket, with or without TLS.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::net::sockopt::set_socket_linger;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::flow::exchange::{Trouble, system};
use crate::flow::tls;
use crate::scenario::Tls;

/// How much that came unread is thrown away before a connection is closed, in one gulp.
const GULP: usize = 16 * 1024;

/// How many gulps.
const GULPS: usize = 256;

/// A TCP connection. Dropped, it is closed.
#[derive(Debug)]
pub(super) enum Wire {
    /// As it is.
    Plain(TcpStream),
    /// Below TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// Connects, over TLS where it is asked for.
    pub(super) async fn connect(address: SocketAddr, tls: Option<&Tls>) -> Result<Self, Trouble> {
        let passing = |error: &io::Error| Trouble { problem: trouble(error, address), passing: true };
        let tcp = TcpStream::connect(address).await.map_err(|err| passing(&err))?;
        // A message must not wait for the next one; without it, it only comes later.
        let _ = tcp.set_nodelay(true);
        let Some(tls) = tls else { return Ok(Self::Plain(tcp)) };
        let config = tls::config(tls).map_err(Trouble::lasting)?;
        let name = tls::name(tls).map_err(Trouble::lasting)?;
        match TlsConnector::from(config).connect(name, tcp).await {
            Ok(stream) => Ok(Self::Tls(Box::new(stream))),
            Err(error) => Err(Trouble { passing: !tls::is_certificate(&error), ..passing(&error) }),
        }
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    /// From now on the connection is reset, not closed, when it is dropped.
    pub(super) fn reset_at_end(&self) -> io::Result<()> {
        // A linger time of zero throws away what is not sent yet and sends a reset.
        Ok(set_socket_linger(self.tcp(), Some(std::time::Duration::ZERO))?)
    }

    /// Closes the TCP connection as a program that ends closes it: without a word of any protocol above.
    pub(super) fn close(self) {
        let tcp = match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(stream) => stream.into_inner().0,
        };
        // A socket that is closed while something in it is unread sends a reset in place of its end.
        let Ok(tcp) = tcp.into_std() else { return };
        let _ = tcp.shutdown(Shutdown::Write);
        let mut gulp = vec![0; GULP];
        for _ in 0..GULPS {
            match io::Read::read(&mut &tcp, &mut gulp) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
    }
}

/// What happened to a connection, for people.
pub(super) fn trouble(error: &io::Error, address: SocketAddr) -> String {
    tls::problem(error, address)
        .or_else(|| system(error, address))
        .unwrap_or_else(|| format!("the connection to {address} failed: {error}"))
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
