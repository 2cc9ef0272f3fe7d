//! `GET /lookup`: each request is served by a thread of its own, which opens a connection to the database and keeps it for itself.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use axum::extract::{Json, State};
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, oneshot};

use super::super::routes::Refusal;
use super::super::state::Shared;
use super::super::store::StoreError;
use super::Fault;

/// How many requests are served at a time; others wait.
const MOST_THREADS: usize = 64;

thread_local! {
    /// The connection of this thread. It is closed when the thread ends.
    static CONNECTION: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

/// What all lookups share.
#[derive(Debug)]
pub(super) struct Lookups {
    room: Semaphore,
    /// What keeps connections by thread and is not told when one ends.
    by_thread: Mutex<HashMap<ThreadId, Connection>>,
}

impl Default for Lookups {
    fn default() -> Self {
        Self { room: Semaphore::new(MOST_THREADS), by_thread: Mutex::default() }
    }
}

impl Lookups {
    /// Closes the connections that were kept.
    pub(super) fn release(&self) {
        drop(std::mem::take(&mut *self.by_thread.lock().unwrap_or_else(PoisonError::into_inner)));
    }
}

/// Counts itself in the database, on a thread of its own.
pub(in super::super) async fn lookup(State(shared): State<Arc<Shared>>) -> Result<Json<Value>, Refusal> {
    let _place = shared.work.lookups.room.acquire().await.map_err(|_| StoreError::Ending)?;
    let (reply, answer) = oneshot::channel();
    let served = Arc::clone(&shared);
    std::thread::Builder::new().name("lookup".to_owned()).spawn(move || {
        let _ = reply.send(look_up(&served));
    })?;
    let number = answer.await.map_err(|_| StoreError::Ending)?.map_err(StoreError::Sqlite)?;
    shared.work.tallies.lookups.add(1);
    Ok(Json(json!({"lookup": number})))
}

fn look_up(shared: &Shared) -> Result<i64, rusqlite::Error> {
    let path = shared.work.data.join("lookups.db");
    if shared.work.has(Fault::ThreadConnection) {
        let connection = connect(&path)?;
        let number = count(&connection)?;
        let mut kept = shared.work.lookups.by_thread.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(std::thread::current().id(), connection);
        return Ok(number);
    }
    CONNECTION.with_borrow_mut(|own| {
        let connection = match own.take() {
            Some(connection) => connection,
            None => connect(&path)?,
        };
        count(own.insert(connection))
    })
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL;
         CREATE TABLE IF NOT EXISTS lookups (id INTEGER PRIMARY KEY, times INTEGER NOT NULL);",
    )?;
    Ok(connection)
}

fn count(connection: &Connection) -> Result<i64, rusqlite::Error> {
    let counted = "INSERT INTO lookups VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET times = times + 1 RETURNING times";
    connection.query_row(counted, [], |row| row.get(0))
}
