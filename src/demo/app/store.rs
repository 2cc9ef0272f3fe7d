//! The application's database: users, subscriptions, and what their refreshes found.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// How many users there may be.
pub(super) const MOST_USERS: u32 = 200;
/// How many subscriptions a user may have.
pub(super) const MOST_SUBSCRIPTIONS: u32 = 50;
/// How many results of a subscription are kept.
const RESULTS_KEPT: u32 = 20;

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// There is no room for one more.
    #[error("there may be at most {most} {what}")]
    Full {
        /// Of what.
        what: &'static str,
        /// The bound.
        most: u32,
    },
    /// The name is taken.
    #[error("there is a user of that name already")]
    Taken,
    /// SQLite refused.
    #[error("the database refused: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The work was cut off by the end of the program.
    #[error("the application is ending")]
    Ending,
}

/// A subscription as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Subscription {
    /// Its number.
    pub(super) id: i64,
    /// What it asks for.
    pub(super) query: String,
    /// How often it was refreshed.
    pub(super) runs: i64,
    /// When it was refreshed last.
    pub(super) last_run: Option<String>,
}

/// One connection to the database; its work is done on threads that may block.
#[derive(Debug, Clone)]
pub(super) struct Store {
    connection: Arc<Mutex<Connection>>,
}

impl Store {
    /// Opens the database in this folder, or makes it.
    pub(super) fn open(dir: &Path) -> Result<Self, rusqlite::Error> {
        let connection = Connection::open(dir.join("app.db"))?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = NORMAL;
             PRAGMA foreign_keys = ON;
             CREATE TABLE IF NOT EXISTS users (
                 id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, salt BLOB NOT NULL, password BLOB NOT NULL);
             CREATE TABLE IF NOT EXISTS subscriptions (
                 id INTEGER PRIMARY KEY, user INTEGER NOT NULL REFERENCES users, query TEXT NOT NULL,
                 runs INTEGER NOT NULL DEFAULT 0, last_run TEXT);
             CREATE INDEX IF NOT EXISTS subscriptions_of_user ON subscriptions (user);
             CREATE TABLE IF NOT EXISTS results (
                 id INTEGER PRIMARY KEY, subscription INTEGER NOT NULL REFERENCES subscriptions, at TEXT NOT NULL,
                 digest BLOB NOT NULL);
             CREATE INDEX IF NOT EXISTS results_of_subscription ON results (subscription, id);",
        )?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Adds a user and returns its number.
    pub(super) async fn add_user(&self, name: String, salt: [u8; 16], password: String) -> Result<i64, StoreError> {
        self.run(move |connection| {
            let users: u32 = connection.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?;
            if users >= MOST_USERS {
                return Err(StoreError::Full { what: "users", most: MOST_USERS });
            }
            let added = connection.execute(
                "INSERT INTO users (name, salt, password) VALUES (?1, ?2, ?3)",
                params![name, salt, password_digest(&salt, &password)],
            );
            match added {
                Ok(_) => Ok(connection.last_insert_rowid()),
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                    Err(StoreError::Taken)
                }
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// The number of the user of this name and password.
    pub(super) async fn find_user(&self, name: String, password: String) -> Result<Option<i64>, StoreError> {
        self.run(move |connection| {
            let found = connection
                .query_row("SELECT id, salt, password FROM users WHERE name = ?1", [name], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Vec<u8>>(2)?))
                })
                .optional()?;
            Ok(found.and_then(|(id, salt, digest)| (password_digest(&salt, &password) == digest).then_some(id)))
        })
        .await
    }

    /// Adds a subscription and returns its number.
    pub(super) async fn subscribe(&self, user: i64, query: String) -> Result<i64, StoreError> {
        self.run(move |connection| {
            let count: u32 =
                connection.query_row("SELECT count(*) FROM subscriptions WHERE user = ?1", [user], |row| row.get(0))?;
            if count >= MOST_SUBSCRIPTIONS {
                return Err(StoreError::Full { what: "subscriptions of a user", most: MOST_SUBSCRIPTIONS });
            }
            connection.execute("INSERT INTO subscriptions (user, query) VALUES (?1, ?2)", params![user, query])?;
            Ok(connection.last_insert_rowid())
        })
        .await
    }

    /// The subscriptions of a user.
    pub(super) async fn subscriptions(&self, user: i64) -> Result<Vec<Subscription>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection
                .prepare_cached("SELECT id, query, runs, last_run FROM subscriptions WHERE user = ?1 ORDER BY id")?;
            let rows = statement.query_map([user], subscription)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// How many users and subscriptions there are.
    pub(super) async fn sizes(&self) -> Result<(u32, u32), StoreError> {
        self.run(|connection| {
            let count = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM subscriptions)";
            Ok(connection.query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
        })
        .await
    }

    /// Refreshes every subscription: reads it, works out a result, stores that and forgets the oldest ones. Returns what was refreshed.
    pub(super) async fn refresh(&self, now: jiff::Timestamp) -> Result<Vec<Subscription>, StoreError> {
        self.run(move |connection| {
            let at = format!("{now:.3}");
            let transaction = connection.transaction()?;
            let mut all: Vec<Subscription> = {
                let mut statement =
                    transaction.prepare_cached("SELECT id, query, runs, last_run FROM subscriptions ORDER BY id")?;
                statement.query_map([], subscription)?.collect::<Result<_, _>>()?
            };
            for found in &mut all {
                found.runs += 1;
                found.last_run = Some(at.clone());
                let result = Sha256::new().chain_update(&found.query).chain_update(found.runs.to_le_bytes()).finalize();
                transaction
                    .prepare_cached("INSERT INTO results (subscription, at, digest) VALUES (?1, ?2, ?3)")?
                    .execute(params![found.id, at, result.as_slice()])?;
                transaction
                    .prepare_cached(
                        "DELETE FROM results WHERE subscription = ?1 AND id NOT IN
                         (SELECT id FROM results WHERE subscription = ?1 ORDER BY id DESC LIMIT ?2)",
                    )?
                    .execute(params![found.id, RESULTS_KEPT])?;
                transaction
                    .prepare_cached("UPDATE subscriptions SET runs = ?2, last_run = ?3 WHERE id = ?1")?
                    .execute(params![found.id, found.runs, at])?;
            }
            transaction.commit()?;
            Ok(all)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.connection);
        let done =
            tokio::task::spawn_blocking(move || work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner)));
        done.await.map_err(|_| StoreError::Ending)?
    }
}

fn subscription(row: &rusqlite::Row<'_>) -> Result<Subscription, rusqlite::Error> {
    Ok(Subscription { id: row.get(0)?, query: row.get(1)?, runs: row.get(2)?, last_run: row.get(3)? })
}

/// A salted SHA-256. Enough for the made-up users of an experiment; an application with real ones needs a slow hash such as Argon2.
fn password_digest(salt: &[u8], password: &str) -> Vec<u8> {
    Sha256::new().chain_update(salt).chain_update(password).finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        (dir, store)
    }

    #[tokio::test]
    async fn knows_a_user_by_name_and_password_only() {
        let (_dir, store) = store();
        let id = store.add_user("ann".into(), [7; 16], "correct horse".into()).await.unwrap();
        assert_eq!(store.find_user("ann".into(), "correct horse".into()).await.unwrap(), Some(id));
        assert_eq!(store.find_user("ann".into(), "wrong".into()).await.unwrap(), None);
        assert_eq!(store.find_user("bob".into(), "correct horse".into()).await.unwrap(), None);
        let again = store.add_user("ann".into(), [8; 16], "another".into()).await;
        assert!(matches!(again, Err(StoreError::Taken)), "{again:?}");
    }

    #[tokio::test]
    async fn refreshing_counts_runs_and_forgets_old_results() {
        let (dir, store) = store();
        let user = store.add_user("ann".into(), [7; 16], "correct horse".into()).await.unwrap();
        store.subscribe(user, "tides".into()).await.unwrap();
        let now = jiff::Timestamp::UNIX_EPOCH;
        for _ in 0..RESULTS_KEPT + 5 {
            store.refresh(now).await.unwrap();
        }
        let all = store.subscriptions(user).await.unwrap();
        assert_eq!(all[0].runs, i64::from(RESULTS_KEPT + 5));
        assert_eq!(all[0].last_run.as_deref(), Some("1970-01-01T00:00:00.000Z"));
        let kept: u32 = Connection::open(dir.path().join("app.db"))
            .unwrap()
            .query_row("SELECT count(*) FROM results", [], |row| row.get(0))
            .unwrap();
        assert_eq!(kept, RESULTS_KEPT);
    }

    #[tokio::test]
    async fn a_user_cannot_subscribe_without_end() {
        let (_dir, store) = store();
        let user = store.add_user("ann".into(), [7; 16], "correct horse".into()).await.unwrap();
        for n in 0..MOST_SUBSCRIPTIONS {
            store.subscribe(user, format!("topic {n}")).await.unwrap();
        }
        assert!(matches!(store.subscribe(user, "one more".into()).await, Err(StoreError::Full { .. })));
        assert_eq!(store.sizes().await.unwrap(), (1, MOST_SUBSCRIPTIONS));
    }
}
