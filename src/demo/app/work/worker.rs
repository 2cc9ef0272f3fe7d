//! The worker of a WebSocket session, and what the application holds for it: three pipes, a pseudo terminal, a log and a database.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::time::Duration;

use rusqlite::Connection;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use tokio::sync::oneshot;

use super::super::children::{ChildKind, Children, Outfit, Output, own_pid};

/// How long a worker may take to end by itself.
const END_WITHIN: Duration = Duration::from_secs(1);
/// What a worker says first is no longer, bytes.
const LONGEST_LINE: usize = 100;

/// A worker process and what is held for it. Dropping it closes all, with which the process ends too.
#[derive(Debug)]
pub(super) struct Worker {
    pid: i32,
    lifeline: ChildStdin,
    // Held for as long as it lives, or they were pipes without a reader.
    _says: ChildStdout,
    _complains: ChildStderr,
    _terminal: OwnedFd,
    log: File,
    database: Connection,
    ended: oneshot::Receiver<()>,
}

impl Worker {
    /// Starts a worker and waits until it is ready. Its log and its database lie in `data`, and are everybody's.
    pub(super) async fn start(session: u64, data: &Path, children: &Children) -> io::Result<Self> {
        let (log, database) = (data.join("sessions.log"), data.join("sessions.db"));
        let opened = move || -> io::Result<_> {
            let mut log = File::options().create(true).append(true).open(log)?;
            writeln!(log, "session {session} created")?;
            let database = connect(&database, session).map_err(io::Error::other)?;
            let (terminal, slave) = terminal()?;
            Ok((log, database, terminal, slave))
        };
        let (log, database, terminal, slave) = blocking(opened).await?;
        let outfit = Outfit { output: Output::Pipes, passed: Some(slave) };
        let child = children.start_one(ChildKind::Session { parent: own_pid() }, outfit).await?;
        let missing = || io::Error::other("a worker without standard output and error");
        let (says, complains) = (child.says.ok_or_else(missing)?, child.complains.ok_or_else(missing)?);
        let says = blocking(move || read_line(says)).await?;
        Ok(Self {
            pid: child.pid,
            lifeline: child.lifeline,
            _says: says,
            _complains: complains,
            _terminal: terminal,
            log,
            database,
            ended: child.ended,
        })
    }

    /// Ends the process, waits until it was reaped, and closes everything.
    pub(super) async fn end(self, children: &Children) {
        let Self { pid, lifeline, mut ended, mut log, database, .. } = self;
        drop(lifeline);
        if tokio::time::timeout(END_WITHIN, &mut ended).await.is_err() {
            children.kill(pid);
            let _ = ended.await;
        }
        let closed = move || {
            let _ = writeln!(log, "worker {pid} ended");
            database.close().map_err(|(_, error)| io::Error::other(error))
        };
        if let Err(error) = blocking(closed).await {
            super::super::log::line(format_args!("error: the database of a session was not closed: {error}"));
        }
    }
}

fn connect(path: &Path, session: u64) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL;
         CREATE TABLE IF NOT EXISTS sessions (id INTEGER PRIMARY KEY);",
    )?;
    connection.execute("INSERT OR REPLACE INTO sessions VALUES (?1)", [i64::try_from(session).unwrap_or(i64::MAX)])?;
    Ok(connection)
}

/// Master and slave of a pseudo terminal.
fn terminal() -> io::Result<(OwnedFd, OwnedFd)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    unlockpt(&master)?;
    let slave = ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    Ok((master, slave))
}

/// Waits for the line by which a worker says that it is ready.
fn read_line<R: Read>(mut from: R) -> io::Result<R> {
    let mut byte = [0_u8];
    for _ in 0..LONGEST_LINE {
        match from.read(&mut byte)? {
            0 => break,
            _ if byte == *b"\n" => return Ok(from),
            _ => {}
        }
    }
    Err(io::Error::other("the worker ended before it was ready"))
}

/// Runs what waits on a thread where it disturbs nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_ready_when_it_has_said_a_line() {
        assert_eq!(read_line(&b"ready\nmore"[..]).unwrap(), b"more");
        for wrong in [&b""[..], b"rea", &[b'x'; 200]] {
            assert!(read_line(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_terminal_has_two_ends() {
        let (master, slave) = terminal().unwrap();
        rustix::io::write(&slave, b"prompt").unwrap();
        let mut said = [0; 16];
        let length = rustix::io::read(&master, &mut said).unwrap();
        assert_eq!(&said[..length], b"prompt");
    }
}
