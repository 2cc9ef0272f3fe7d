//! `GET /hang`, and a health check that asks it, as a shell does that runs `curl`: by a child.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Json, State};
use serde_json::{Value, json};

use super::super::THIS_PROGRAM;
use super::super::children::{ChildKind, command};
use super::super::routes::Refusal;
use super::super::state::Shared;
use super::super::store::StoreError;

/// How long the answer takes.
const ANSWER_AFTER: Duration = Duration::from_secs(3600);
/// How long somebody waits who does not wait without end. Shorter than the engine's own deadlines are.
const ASK_WITHIN: Duration = Duration::from_millis(500);

/// Answers after an hour.
pub(in super::super) async fn hang(State(shared): State<Arc<Shared>>) -> Result<Json<Value>, Refusal> {
    shared.work.tallies.hangs.add(1);
    tokio::select! {
        () = tokio::time::sleep(ANSWER_AFTER) => Ok(Json(json!({"status": "ok"}))),
        () = shared.serving.cancelled() => Err(StoreError::Ending.into()),
    }
}

/// The check itself: has a child ask, and waits for it. Whoever ends the check does not end the child.
pub(in super::super) fn check(port: u16, endless: bool) -> io::Result<()> {
    let asked = command(Path::new(THIS_PROGRAM), ChildKind::Ask { port, endless }).stdin(Stdio::null()).status()?;
    if asked.success() { Ok(()) } else { Err(io::Error::other("the application is not healthy")) }
}

/// Asks, with or without a deadline. Without one it ends when the application does.
pub(in super::super) fn ask(port: u16, endless: bool) -> io::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream =
        if endless { TcpStream::connect(address)? } else { TcpStream::connect_timeout(&address, ASK_WITHIN)? };
    stream.set_read_timeout((!endless).then_some(ASK_WITHIN))?;
    stream.write_all(b"GET /hang HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status)?;
    if status.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(io::Error::other("no answer that says it is well")) }
}
