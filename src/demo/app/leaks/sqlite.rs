//! A database connection that is not closed.

use std::io;
use std::path::Path;

use rusqlite::Connection;

/// A connection in WAL mode that was written through and then forgotten: three descriptors, the database, its `-wal` and its `-shm`.
/// Evonic lost such triples to thread-local handles of threads that ended, Local Deep Research to engines made for each thread and user.
///
/// Every one has a database of its own, as one per user would: connections of one process to the same file share their `-shm`.
pub(super) fn connect(path: &Path) -> io::Result<Connection> {
    let connection = Connection::open(path).map_err(io::Error::other)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY);
             INSERT INTO calls DEFAULT VALUES;",
        )
        .map_err(io::Error::other)?;
    Ok(connection)
}
