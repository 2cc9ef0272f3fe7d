//! One request and its answer, within bounds of time and memory.

use std::error::Error;
use std::io;
use std::net::SocketAddr;

use reqwest::header::HeaderMap;
use reqwest::{Client, Request};

use super::answer::{Answer, MAX_BODY, size};
use super::tls;

/// Why there is no answer, or only a part of one.
#[derive(Debug)]
pub(super) struct Trouble {
    /// For people.
    pub(super) problem: String,
    /// It was the connection: another try may end otherwise.
    pub(super) passing: bool,
}

impl Trouble {
    /// What another try would meet again.
    pub(super) fn lasting(problem: String) -> Self {
        Self { problem, passing: false }
    }

    /// What happened to a request; `secure`: over TLS.
    pub(super) fn of(error: &reqwest::Error, address: SocketAddr, secure: bool) -> Self {
        let problem = tls::problem(error, address).unwrap_or_else(|| describe(error, address, secure));
        Self { problem, passing: !tls::is_certificate(error) }
    }
}

/// Sends a request and reads the whole answer; `head` looks at its headers as soon as they are there. What came of it until
/// something went wrong is left in `answer`.
pub(super) async fn receive(
    client: &Client,
    request: Request,
    address: SocketAddr,
    answer: &mut Option<Answer>,
    head: impl FnOnce(&HeaderMap),
) -> Result<(), Trouble> {
    let secure = request.url().scheme() == "https";
    let describe = |error: &reqwest::Error| Trouble::of(error, address, secure);
    let mut response = client.execute(request).await.map_err(|err| describe(&err))?;
    head(response.headers());
    let received = answer.insert(Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: Vec::new(),
        way: Vec::new(),
    });
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = MAX_BODY - received.body.len();
                received.body.extend(chunk.iter().take(room));
                if chunk.len() > room {
                    return Err(Trouble::lasting(format!(
                        "the answer's body is larger than {}, which is more than a step reads",
                        size(MAX_BODY)
                    )));
                }
            }
            Ok(None) => return Ok(()),
            Err(err) => {
                let Trouble { problem, passing } = describe(&err);
                let came = size(received.body.len());
                return Err(Trouble {
                    problem: format!("the answer broke off after {came} of its body: {problem}"),
                    passing,
                });
            }
        }
    }
}

/// What happened on the network, for people.
fn describe(error: &reqwest::Error, address: SocketAddr, secure: bool) -> String {
    let mut deepest: &(dyn Error + 'static) = error;
    for cause in tls::causes(error) {
        // An error of the system says it best; what lies below it only repeats it.
        if let Some(problem) = cause.downcast_ref::<io::Error>().and_then(|err| system(err, address)) {
            let began = if secure && cause.to_string().contains("handshake") {
                ", where TLS was to begin; does it speak TLS?"
            } else {
                ""
            };
            return format!("{problem}{began}");
        }
        deepest = cause;
    }
    let verb = if error.is_connect() { "no connection to" } else { "no complete answer from" };
    // A server of TLS answers what it does not understand by an alert, which is no HTTP.
    let plain = if !secure && deepest.to_string().contains("HTTP version") {
        " (if the port speaks TLS, give the step `tls`)"
    } else {
        ""
    };
    format!("{verb} {address}: {deepest}{plain}")
}

/// What an error of the system says, for people; `None` where it only wraps another one.
pub(super) fn system(error: &io::Error, address: SocketAddr) -> Option<String> {
    use io::ErrorKind as Kind;
    let known = [
        (Kind::ConnectionRefused, format!("connection refused: nothing listens on {address}")),
        (Kind::ConnectionReset, format!("{address} reset the connection")),
        (Kind::BrokenPipe, format!("{address} reset the connection")),
        (Kind::ConnectionAborted, format!("{address} reset the connection")),
        (Kind::UnexpectedEof, format!("{address} closed the connection in the middle")),
        (Kind::TimedOut, format!("the connection to {address} timed out")),
        (Kind::HostUnreachable, format!("{address} cannot be reached")),
        (Kind::NetworkUnreachable, format!("{address} cannot be reached")),
    ];
    let text = known.into_iter().find(|(kind, _)| *kind == error.kind()).map(|(_, text)| text);
    // Wrappers of other kinds of errors have their cause further down.
    text.or_else(|| error.raw_os_error().map(|_| format!("the connection to {address} failed: {error}")))
}
