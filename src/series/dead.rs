//! Dead handles over time: which of them stay.

use std::collections::BTreeMap;

use super::{covers_dead, has_dead, tells};
use crate::model::{DeadHandle, DeadKind, Gap, Role, Snapshot};
use crate::threshold::Selector;

/// A handle is dead for good when it was seen so in this many snapshots.
const MIN_SURVIVED: u32 = 2;

/// The handles of a class that were dead in both of the last two snapshots that could be read, oldest first. `None` where
/// there are no two, or where the class has no handles.
pub fn dead_at_end(watched: &[&Snapshot], select: &Selector) -> Option<Vec<DeadHandle>> {
    if !has_dead(select) {
        return None;
    }
    let (last, before) = last_two(watched, select)?;
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

/// How many more of each kind there were than the last two snapshots list.
pub fn dead_rest_at_end(watched: &[&Snapshot], select: &Selector) -> BTreeMap<DeadKind, u64> {
    let Some((last, before)) = last_two(watched, select) else { return BTreeMap::new() };
    let kinds = DeadKind::ALL.iter().filter(|kind| covers_dead(select, **kind));
    let rest = |snapshot: &Snapshot, kind| snapshot.dead_rest.get(kind).copied().unwrap_or(0);
    kinds.map(|kind| (*kind, rest(last, kind).min(rest(before, kind)))).filter(|(_, number)| *number > 0).collect()
}

/// What could not be asked in either of the last two snapshots, so that handles of the class may be dead and not be known so.
pub fn unasked_at_end<'a>(watched: &[&'a Snapshot], select: &Selector) -> Option<&'a Gap> {
    let (last, before) = last_two(watched, select)?;
    let subjects: Vec<&str> =
        DeadKind::ALL.iter().filter(|kind| covers_dead(select, **kind)).filter_map(|kind| kind.asked()).collect();
    let about = |gap: &&Gap, subject: &str| gap.what.strip_prefix(subject).is_some_and(|rest| rest.starts_with(':'));
    subjects.iter().find_map(|subject| {
        before.gaps.iter().find(|gap| about(gap, subject))?;
        last.gaps.iter().find(|gap| about(gap, subject))
    })
}

fn last_two<'a>(watched: &[&'a Snapshot], select: &Selector) -> Option<(&'a Snapshot, &'a Snapshot)> {
    let handles = matches!(select, Selector::Metric(metric) if metric.is_descriptors());
    let told = |snapshot: &&&'a Snapshot| tells(select, snapshot) && (!handles || snapshot.tells_handles());
    let mut readable = watched.iter().rev().filter(told);
    Some((readable.next()?, readable.next()?))
}

fn same(a: &DeadHandle, b: &DeadHandle) -> bool {
    (a.process, a.fd, a.kind, a.first_ms) == (b.process, b.fd, b.kind, b.first_ms)
}

/// False for a handle of a health check or an executed command.
fn of_application(snapshot: &Snapshot, handle: &DeadHandle) -> bool {
    !snapshot.processes.iter().any(|process| process.id == handle.process && process.role != Role::App)
}
