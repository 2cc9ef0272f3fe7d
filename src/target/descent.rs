//! The processes of a local target: its descendants, and those that once were. A daemon cuts itself off from its parent, so
//! slowdrip makes itself the subreaper: orphans become its own children, and can be seen, ended and reaped.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use procfs::process::{Process, all_processes};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, pidfd_open, pidfd_send_signal, set_child_subreaper, waitpid,
};
use tokio::process::{Child, Command};

use super::error::TargetError;
use super::limits::as_started;
use super::owner::{OWNER_VARIABLE, Owner, RUN_VARIABLE, start_of};
use crate::model::ProcId;

/// The time for an end in good order, before the processes are killed.
const GRACE: Duration = Duration::from_secs(2);
/// The time for all of it.
const LONGEST: Duration = Duration::from_secs(12);
const BETWEEN: Duration = Duration::from_millis(50);

// Children that somebody waits for. All others that turn up as children of this process were adopted, and only this module
// reaps them. The lock is held over a spawn, so that a child is never seen before it is entered here.
static AWAITED: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn awaited() -> MutexGuard<'static, BTreeSet<u32>> {
    AWAITED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A child that is waited for; forgets it when it is dropped.
#[derive(Debug)]
pub(super) struct Awaited(u32);

impl Drop for Awaited {
    fn drop(&mut self) {
        awaited().remove(&self.0);
    }
}

/// Starts a child that will be waited for by its handle, under the limits with which slowdrip was started.
pub(super) fn spawn(command: &mut Command) -> io::Result<(Child, Awaited)> {
    let mut awaited = awaited();
    let child = as_started(|| command.spawn())?;
    let pid = child.id().unwrap_or_default();
    awaited.insert(pid);
    Ok((child, Awaited(pid)))
}

/// Makes orphans of our descendants our own children.
pub(super) fn adopt_orphans() -> io::Result<()> {
    set_child_subreaper(Some(getpid())).map_err(io::Error::from)
}

/// One process as the table shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    id: ProcId,
    ppid: u32,
    group: i32,
    zombie: bool,
}

/// Who descends from one local target.
#[derive(Debug)]
pub(super) struct Descent {
    run: String,
    known: BTreeSet<ProcId>,
}

impl Descent {
    /// The descent of a process started for a run.
    pub(super) fn new(run: &str, root: ProcId) -> Self {
        Self { run: run.to_owned(), known: BTreeSet::from([root]) }
    }

    /// The living members, found anew. Adopted zombies are reaped on the way, as init would do it.
    pub(super) fn look(&mut self) -> Vec<ProcId> {
        let awaited = awaited();
        let table = table();
        let me = std::process::id();
        let own_group = table.iter().find(|entry| entry.id.pid == me).map(|entry| entry.group);
        let adopted = |entry: &Entry| {
            entry.ppid == me
                && !awaited.contains(&entry.id.pid)
                && (self.known.contains(&entry.id) || Some(entry.group) != own_group)
        };
        for entry in table.iter().filter(|entry| entry.zombie && adopted(entry)) {
            if let Some(pid) = raw(entry.id.pid) {
                // It may have been reaped elsewhere; it is gone either way.
                let _gone = waitpid(Some(pid), WaitOptions::NOHANG);
            }
        }
        // An orphan that was never seen under its parent is told by the variable it inherited. One that cleared its
        // environment has none, but nothing else makes this process a parent.
        let ours = |entry: &Entry| inherited(entry.id.pid, RUN_VARIABLE).is_none_or(|run| run == self.run);
        let orphans = table.iter().filter(|entry| !entry.zombie && adopted(entry) && ours(entry)).map(|entry| entry.id);
        let roots: BTreeSet<ProcId> = self.known.iter().copied().chain(orphans).collect();
        self.known = closure(&table, &roots);
        let living: BTreeMap<ProcId, bool> = table.iter().map(|entry| (entry.id, !entry.zombie)).collect();
        self.known.iter().filter(|id| living.get(id).copied().unwrap_or_default()).copied().collect()
    }
}

/// The roots that are still there and all that descend from them.
fn closure(table: &[Entry], roots: &BTreeSet<ProcId>) -> BTreeSet<ProcId> {
    let mut children: BTreeMap<u32, Vec<ProcId>> = BTreeMap::new();
    for entry in table {
        children.entry(entry.ppid).or_default().push(entry.id);
    }
    let mut open: Vec<ProcId> = table.iter().map(|entry| entry.id).filter(|id| roots.contains(id)).collect();
    let mut members = BTreeSet::new();
    while let Some(id) = open.pop() {
        if members.insert(id) {
            open.extend(children.get(&id.pid).into_iter().flatten());
        }
    }
    members
}

/// A process that was there before, and all that descend from it.
pub(super) fn below(root: ProcId) -> Vec<ProcId> {
    let table = table();
    let members = closure(&table, &BTreeSet::from([root]));
    table.iter().filter(|entry| !entry.zombie && members.contains(&entry.id)).map(|entry| entry.id).collect()
}

fn table() -> Vec<Entry> {
    let Ok(processes) = all_processes() else { return Vec::new() };
    let read = |process: Process| {
        let stat = process.stat().ok()?;
        let id = ProcId { pid: u32::try_from(stat.pid).ok()?, start: stat.starttime };
        // A leader that ended before its threads is a zombie while they still hold the ports and files of all.
        let zombie = matches!(stat.state, 'Z' | 'X') && stat.num_threads <= 1;
        Some(Entry { id, ppid: u32::try_from(stat.ppid).unwrap_or_default(), group: stat.pgrp, zombie })
    };
    processes.filter_map(Result::ok).filter_map(read).collect()
}

fn raw(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

/// A variable of a process's environment, as it was at its start.
fn inherited(pid: u32, name: &str) -> Option<String> {
    let environ = Process::new(i32::try_from(pid).ok()?).ok()?.environ().ok()?;
    environ.get(OsStr::new(name)).map(|value| value.to_string_lossy().into_owned())
}

/// Sends a signal to this very process, and not to a later one with its pid.
pub(super) fn send(id: ProcId, signal: Signal) -> io::Result<()> {
    let gone = || io::Error::from(io::ErrorKind::NotFound);
    let handle = pidfd_open(raw(id.pid).ok_or_else(gone)?, PidfdFlags::empty())?;
    if start_of(id.pid) != Some(id.start) {
        return Err(gone());
    }
    Ok(pidfd_send_signal(handle, signal)?)
}

/// Ends the whole descent: asks first, kills after a grace, and looks until nobody is left.
pub(super) async fn end(descent: &Arc<Mutex<Descent>>) -> Result<(), TargetError> {
    let began = Instant::now();
    let mut asked = BTreeSet::new();
    let mut empty = 0;
    loop {
        let living = look(descent).await;
        if living.is_empty() {
            empty += 1;
            // A process that forked during the look may have slipped through it.
            if empty == 2 {
                return Ok(());
            }
        } else {
            empty = 0;
        }
        let signal = if began.elapsed() < GRACE { Signal::TERM } else { Signal::KILL };
        for id in &living {
            if signal == Signal::KILL || asked.insert(*id) {
                // It may end by itself between the look and the signal; the next look tells.
                let _sent = send(*id, signal);
            }
        }
        if began.elapsed() > LONGEST {
            let failed = living.iter().map(|id| format!("process {}", id.pid)).collect();
            return Err(TargetError::NotRemoved { failed });
        }
        tokio::time::sleep(BETWEEN).await;
    }
}

/// One look, on a thread that may block.
pub(super) async fn look(descent: &Arc<Mutex<Descent>>) -> Vec<ProcId> {
    let descent = Arc::clone(descent);
    let looked = tokio::task::spawn_blocking(move || descent.lock().unwrap_or_else(PoisonError::into_inner).look());
    looked.await.unwrap_or_default()
}

/// Kills processes whose slowdrip has died, waits until they are gone, and names them. Blocks for a moment. Only those can be told whose environment may be read and still
/// bears the owner.
pub(super) fn sweep_processes() -> Vec<String> {
    let table = table();
    let parents: BTreeMap<u32, u32> = table.iter().map(|entry| (entry.id.pid, entry.ppid)).collect();
    // Never what started us, whatever it inherited.
    let mut spared = BTreeSet::new();
    let mut pid = Some(std::process::id());
    while let Some(id) = pid.filter(|id| spared.insert(*id)) {
        pid = parents.get(&id).copied();
    }
    let mut killed = BTreeSet::new();
    for entry in table.iter().filter(|entry| !entry.zombie && !spared.contains(&entry.id.pid)) {
        let owner = inherited(entry.id.pid, OWNER_VARIABLE).and_then(|label| Owner::parse(&label));
        if owner.is_some_and(|owner| owner.is_dead(None)) && send(entry.id, Signal::KILL).is_ok() {
            killed.insert(entry.id);
        }
    }
    // Until they are gone they hold their ports and files, which the run that sweeps may be about to need.
    let began = Instant::now();
    let holds = || self::table().iter().any(|entry| !entry.zombie && killed.contains(&entry.id));
    while !killed.is_empty() && holds() && began.elapsed() < LONGEST {
        std::thread::sleep(Duration::from_millis(20));
    }
    killed.iter().map(|id| format!("process {}", id.pid)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(pid: u32, ppid: u32) -> Entry {
        Entry { id: ProcId { pid, start: u64::from(pid) }, ppid, group: 1, zombie: false }
    }

    #[test]
    fn the_closure_follows_children_and_drops_the_dead_and_the_reborn() {
        let table = [entry(1, 0), entry(10, 1), entry(11, 10), entry(12, 11), entry(20, 1)];
        let reborn = ProcId { pid: 20, start: 7 };
        let roots = BTreeSet::from([table[1].id, ProcId { pid: 99, start: 1 }, reborn]);
        let members: Vec<u32> = closure(&table, &roots).into_iter().map(|id| id.pid).collect();
        assert_eq!(members, [10, 11, 12]);
    }

    #[test]
    fn a_signal_never_reaches_a_later_process_of_the_same_pid() {
        let pid = std::process::id();
        let err = send(ProcId { pid, start: 1 }, Signal::KILL).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::NotFound);
    }
}
