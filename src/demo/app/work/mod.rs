//! What the application does that real applications do, each in a fixed form and in one that leaks: worker processes of WebSocket
//! sessions, a connection to the database for each request, a supervised job, a tree of processes, a path that hangs.

pub(super) mod check;
pub(super) mod lookup;
mod session;
pub(super) mod supervise;
pub(super) mod tree;
mod worker;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use super::args::{AppArgs, ArgumentError};
use super::children::Children;
use super::state::Tally;
pub(super) use session::accept;
use worker::Worker;

/// What the application does wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: every behaviour in its fixed form.
    None,
    /// Nobody ends the worker of a WebSocket session whose client is gone without a word.
    WsDrop,
    /// The database connection of a request outlives the thread that served it.
    ThreadConnection,
    /// The log of a supervised process stays open when the process is started again.
    LogHandle,
    /// The workers of a manager do not mind its end.
    Orphans,
    /// Whoever asks for a health check waits without end.
    HealthCheck,
    /// Every refresh of the subscriptions makes an event loop, and none is closed.
    RefreshLoop,
}

impl Fault {
    /// Every fault, `none` first.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::WsDrop,
        Self::ThreadConnection,
        Self::LogHandle,
        Self::Orphans,
        Self::HealthCheck,
        Self::RefreshLoop,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::WsDrop => "ws-drop",
            Self::ThreadConnection => "thread-connection",
            Self::LogHandle => "log-handle",
            Self::Orphans => "orphans",
            Self::HealthCheck => "health-check",
            Self::RefreshLoop => "refresh-loop",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = ArgumentError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|fault| fault.name() == name)
            .ok_or_else(|| ArgumentError::Fault { name: name.to_owned(), known: Self::ALL.map(Self::name).join(", ") })
    }
}

/// When the client of a session is taken for gone, and what it is granted then.
#[derive(Debug, Clone, Copy)]
struct Patience {
    ping_every: Duration,
    unanswered: u32,
    grace: Duration,
}

/// What the application's work needs, and how much of it was done.
#[derive(Debug)]
pub(super) struct Work {
    faults: Vec<Fault>,
    data: PathBuf,
    children: Children,
    patience: Patience,
    tallies: Tallies,
    /// Numbers sessions.
    numbers: Tally,
    /// Workers whose clients are gone, and whom nobody ends.
    forgotten: Mutex<Vec<Worker>>,
    lookups: lookup::Lookups,
    /// Log files that stay open.
    logs: Mutex<Vec<std::fs::File>>,
}

#[derive(Debug, Default)]
struct Tallies {
    created: Tally,
    closed: Tally,
    dropped: Tally,
    ended: Tally,
    lookups: Tally,
    jobs: Tally,
    managers: Tally,
    hangs: Tally,
}

/// How much was done, as `GET /stats` tells it.
#[derive(Debug, Serialize)]
pub(super) struct Done {
    sessions: Sessions,
    lookups: u64,
    job_starts: u64,
    manager_starts: u64,
    hangs: u64,
}

/// What became of the sessions.
#[derive(Debug, Serialize)]
struct Sessions {
    /// Workers that were started.
    created: u64,
    /// Sessions that their client closed.
    closed: u64,
    /// Sessions whose client was gone without a word.
    dropped: u64,
    /// Workers that were ended and reaped.
    ended: u64,
}

impl Work {
    /// Nothing was done yet. Files go below `data`.
    pub(super) fn new(args: &AppArgs, data: &Path, children: Children) -> Self {
        Self {
            faults: args.faults.clone(),
            data: data.to_owned(),
            children,
            patience: Patience {
                ping_every: args.ping_every,
                unanswered: args.pings_unanswered,
                grace: args.session_grace,
            },
            tallies: Tallies::default(),
            numbers: Tally::default(),
            forgotten: Mutex::default(),
            lookups: lookup::Lookups::default(),
            logs: Mutex::default(),
        }
    }

    /// Whether it does this wrong.
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// How much was done.
    pub(super) fn done(&self) -> Done {
        let tallies = &self.tallies;
        Done {
            sessions: Sessions {
                created: tallies.created.get(),
                closed: tallies.closed.get(),
                dropped: tallies.dropped.get(),
                ended: tallies.ended.get(),
            },
            lookups: tallies.lookups.get(),
            job_starts: tallies.jobs.get(),
            manager_starts: tallies.managers.get(),
            hangs: tallies.hangs.get(),
        }
    }

    /// Lets go of everything that leaked. Blocks.
    pub(super) fn release(&self) {
        drop(std::mem::take(&mut *self.forgotten.lock().unwrap_or_else(PoisonError::into_inner)));
        drop(std::mem::take(&mut *self.logs.lock().unwrap_or_else(PoisonError::into_inner)));
        self.lookups.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_reads_back_from_its_name() {
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse::<Fault>().unwrap(), fault);
        }
        let said = "dance".parse::<Fault>().unwrap_err().to_string();
        assert!(said.contains("`dance`") && said.contains("ws-drop"), "{said}");
    }
}
