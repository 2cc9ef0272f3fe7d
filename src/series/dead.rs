//! Dead handles over time: which of them stay.

use super::{covers_dead, has_dead, tells};
use crate::model::{DeadHandle, Role, Snapshot};
use crate::threshold::Selector;

/// A handle is dead for good when it was seen so in this many snapshots.
const MIN_SURVIVED: u32 = 2;

/// The handles of a class that were dead in both of the last two snapshots that could be read, oldest first. `None` where
/// there are no two, or where the class has no handles.
pub fn dead_at_end(watched: &[&Snapshot], select: &Selector) -> Option<Vec<DeadHandle>> {
    if !has_dead(select) {
        return None;
    }
    let handles = matches!(select, Selector::Metric(metric) if metric.is_descriptors());
    let told = |snapshot: &&&Snapshot| tells(select, snapshot) && (!handles || snapshot.tells_handles());
    let mut readable = watched.iter().rev().filter(told);
    let (last, before) = (readable.next()?, readable.next()?);
    let mut dead: Vec<DeadHandle> = last
        .dead
        .iter()
        .filter(|handle| covers_dead(select, handle.kind))
        .filter(|handle| handle.survived >= MIN_SURVIVED && before.dead.iter().any(|other| same(handle, other)))
        .filter(|handle| of_application(last, handle))
        .cloned()
        .collect();
    dead.sort_by_key(|handle| (handle.first_ms, handle.process, handle.fd, handle.kind));
    Some(dead)
}

fn same(a: &DeadHandle, b: &DeadHandle) -> bool {
    (a.process, a.fd, a.kind, a.first_ms) == (b.process, b.fd, b.kind, b.first_ms)
}

/// False for a handle of a health check or an executed command.
fn of_application(snapshot: &Snapshot, handle: &DeadHandle) -> bool {
    !snapshot.processes.iter().any(|process| process.id == handle.process && process.role != Role::App)
}
