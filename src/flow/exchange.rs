//! One request and its answer, within bounds of time and memory.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, Request};

use super::answer::{Answer, MAX_BODY, size, status, took};

/// Sends a request and reads the whole answer. What came of it until something went wrong is handed out too.
pub(super) async fn exchange(
    client: &Client,
    request: Request,
    address: SocketAddr,
    within: Duration,
) -> (Option<Answer>, Result<(), String>) {
    let mut answer = None;
    let result = match tokio::time::timeout(within, receive(client, request, address, &mut answer)).await {
        Ok(result) => result,
        Err(_) => Err(match &answer {
            None => format!("no answer within {}", took(within)),
            Some(Answer { status: code, body, .. }) => format!(
                "the answer ({}) did not end within {}; {} of its body came",
                status(*code),
                took(within),
                size(body.len())
            ),
        }),
    };
    (answer, result)
}

async fn receive(
    client: &Client,
    request: Request,
    address: SocketAddr,
    answer: &mut Option<Answer>,
) -> Result<(), String> {
    let mut response = client.execute(request).await.map_err(|err| describe(&err, address))?;
    let received =
        answer.insert(Answer { status: response.status(), headers: response.headers().clone(), body: Vec::new() });
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = MAX_BODY - received.body.len();
                received.body.extend(chunk.iter().take(room));
                if chunk.len() > room {
                    return Err(format!(
                        "the answer's body is larger than {}, which is more than a step reads",
                        size(MAX_BODY)
                    ));
                }
            }
            Ok(None) => return Ok(()),
            Err(err) => {
                return Err(format!(
                    "the answer broke off after {} of its body: {}",
                    size(received.body.len()),
                    describe(&err, address)
                ));
            }
        }
    }
}

/// What happened on the network, for people.
fn describe(error: &reqwest::Error, address: SocketAddr) -> String {
    let mut deepest: &(dyn Error + 'static) = error;
    while let Some(source) = deepest.source() {
        // An error of the system says it best; what lies below it only repeats it.
        if let Some(problem) = source.downcast_ref::<io::Error>().and_then(|err| system(err, address)) {
            return problem;
        }
        deepest = source;
    }
    let verb = if error.is_connect() { "no connection to" } else { "no complete answer from" };
    format!("{verb} {address}: {deepest}")
}

fn system(error: &io::Error, address: SocketAddr) -> Option<String> {
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
