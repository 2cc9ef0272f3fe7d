//! A server that says whatever bytes a test wants.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server, and the requests that came to it as they were written.
pub(super) struct Raw {
    pub(super) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Raw {
    /// The requests so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Starts a server that answers each request, by its number (from 1) and its text, with some bytes, and closes the connection.
pub(super) async fn serve<R: AsRef<[u8]> + Send>(reply: impl Fn(usize, &str) -> R + Send + Sync + 'static) -> Raw {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let raw = Raw { address: listener.local_addr().unwrap(), requests: Arc::default() };
    let (requests, reply) = (Arc::clone(&raw.requests), Arc::new(reply));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (requests, reply) = (Arc::clone(&requests), Arc::clone(&reply));
            tokio::spawn(async move {
                let request = request(&mut stream).await;
                let number = {
                    let mut requests = requests.lock().unwrap();
                    requests.push(request.clone());
                    requests.len()
                };
                answer(&mut stream, reply(number, &request).as_ref()).await;
            });
        }
    });
    raw
}

/// A request, whole.
pub(super) async fn request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let read = stream.read(&mut chunk).await.unwrap_or(0);
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, _)| {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            bytes.len() >= head.len() + 4 + length.unwrap_or(0)
        });
        if whole || read == 0 {
            return text;
        }
    }
}

/// Says some bytes and closes the connection.
pub(super) async fn answer(stream: &mut (impl AsyncWrite + Unpin), reply: &[u8]) {
    let _ = stream.write_all(reply).await;
    let _ = stream.shutdown().await;
}

/// An answer with some header lines and a body.
pub(super) fn says(status: &str, headers: &[&str], body: &str) -> String {
    let mut text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    format!("{text}\r\n{body}")
}

/// A redirect.
pub(super) fn leads(status: &str, location: &str, headers: &[&str]) -> String {
    let location = format!("location: {location}");
    let headers: Vec<&str> = headers.iter().copied().chain([location.as_str()]).collect();
    says(status, &headers, "")
}

/// What a request asks for: `GET /a`.
pub(super) fn asked(request: &str) -> String {
    let words: Vec<&str> = request.split_whitespace().take(2).collect();
    words.join(" ")
}
