//! Processes that are started again whenever they end.

use std::fs::File;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::children::{ChildKind, Outfit, Output, Running, own_pid};
use super::super::log;
use super::super::state::Shared;
use super::Fault;

/// From the end of a process to its next start.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Keeps a job running whose output goes to a log. Every start opens the log, in this process.
pub(in super::super) async fn job(shared: Arc<Shared>, working: CancellationToken) {
    while !working.is_cancelled() {
        match start_job(&shared).await {
            Ok((job, opened)) => {
                shared.work.tallies.jobs.add(1);
                log::line(format_args!("job {} started", job.pid));
                until_ended(job, &working).await;
                log::line(format_args!("job ended"));
                if shared.work.has(Fault::LogHandle) {
                    shared.work.logs.lock().unwrap_or_else(PoisonError::into_inner).push(opened);
                }
            }
            Err(error) => log::line(format_args!("error: the job did not start: {error}")),
        }
        rest(&working).await;
    }
}

async fn start_job(shared: &Shared) -> io::Result<(Running, File)> {
    let path = shared.work.data.join("job.log");
    let opened = tokio::fs::OpenOptions::new().create(true).append(true).open(path).await?.into_std().await;
    let outfit = Outfit { output: Output::File(opened.try_clone()?), passed: None };
    let job = shared.work.children.start_one(ChildKind::Job { parent: own_pid() }, outfit).await?;
    Ok((job, opened))
}

/// Keeps a manager running, which has workers of its own.
pub(in super::super) async fn manager(shared: Arc<Shared>, working: CancellationToken) {
    while !working.is_cancelled() {
        let kind = ChildKind::Manager { parent: own_pid(), orphans: shared.work.has(Fault::Orphans) };
        match shared.work.children.start_one(kind, Outfit::default()).await {
            Ok(manager) => {
                shared.work.tallies.managers.add(1);
                log::line(format_args!("manager {} started", manager.pid));
                until_ended(manager, &working).await;
                log::line(format_args!("manager ended"));
            }
            Err(error) => log::line(format_args!("error: the manager did not start: {error}")),
        }
        rest(&working).await;
    }
}

/// Waits for the end of a child, and brings it about when the application ends.
async fn until_ended(child: Running, working: &CancellationToken) {
    tokio::select! {
        () = working.cancelled() => {}
        _ = child.ended => {}
    }
}

async fn rest(working: &CancellationToken) {
    tokio::select! {
        () = working.cancelled() => {}
        () = tokio::time::sleep(AGAIN_AFTER) => {}
    }
}
