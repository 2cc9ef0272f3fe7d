//! Who made a thing, and whether that run still lives. Everything that is made bears this as labels (containers) or as
//! environment variables (local processes), so that a sweep knows what a crash left behind.

use std::fmt;
use std::fs;

use procfs::ProcError;
use procfs::process::Process;

use crate::model::ProcId;

/// Label and variable of the run's id.
pub(super) const RUN: &str = "slowdrip.run";
/// Label of the scenario's name.
pub(super) const SCENARIO: &str = "slowdrip.scenario";
/// Label of the owner.
pub(super) const OWNER: &str = "slowdrip.owner";
/// Label of the pid namespace that the owner's pid belongs to.
pub(super) const PID_NAMESPACE: &str = "slowdrip.pidns";
/// The label of images whose layers are no cache for later builds: `none`.
pub(super) const CACHE: &str = "slowdrip.cache";
/// Variable that a local process inherits, in place of the label [`RUN`].
pub(super) const RUN_VARIABLE: &str = "SLOWDRIP_RUN";
/// Variable that a local process inherits, in place of the label [`OWNER`].
pub(super) const OWNER_VARIABLE: &str = "SLOWDRIP_OWNER";

/// The slowdrip process that made a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    /// The boot during which it lived.
    pub(super) boot: String,
    /// The process; the start time tells it from a later one of the same pid.
    pub(super) id: ProcId,
}

impl Owner {
    /// This process.
    pub(super) fn current() -> Self {
        let pid = std::process::id();
        Self { boot: boot_id(), id: ProcId { pid, start: start_of(pid).unwrap_or_default() } }
    }

    /// Reads `<boot id>/<pid>/<start ticks>`; `None` where it is something else.
    pub(super) fn parse(label: &str) -> Option<Self> {
        let mut parts = label.split('/');
        let boot = parts.next().filter(|boot| !boot.is_empty())?.to_owned();
        let id = ProcId { pid: parts.next()?.parse().ok()?, start: parts.next()?.parse().ok()? };
        parts.next().is_none().then_some(Self { boot, id })
    }

    /// True where this owner certainly lives no more. An owner in another pid namespace cannot be looked up, so it counts
    /// as living until the next boot.
    pub(super) fn is_dead(&self, namespace: Option<&str>) -> bool {
        let boot = boot_id();
        if boot.is_empty() {
            return false;
        }
        if self.boot != boot {
            return true;
        }
        if namespace.is_some_and(|theirs| theirs != pid_namespace()) {
            return false;
        }
        is_gone(self.id)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.boot, self.id.pid, self.id.start)
    }
}

/// The pid namespace of this process, `pid:[4026531836]`.
pub(super) fn pid_namespace() -> String {
    fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Start time of a process in clock ticks after boot; `None` where it is not there.
pub(super) fn start_of(pid: u32) -> Option<u64> {
    let stat = Process::new(i32::try_from(pid).ok()?).ok()?.stat().ok()?;
    Some(stat.starttime)
}

/// True where a process is certainly not there any more, or another one has its pid. An answer that could not be had, for
/// want of a descriptor or of a right, proves nothing.
pub(super) fn is_gone(id: ProcId) -> bool {
    let Ok(pid) = i32::try_from(id.pid) else { return true };
    // ESRCH is among what the crate calls not found.
    match Process::new(pid).and_then(|process| process.stat()) {
        Ok(stat) => stat.starttime != id.start,
        Err(error) => matches!(error, ProcError::NotFound(_)),
    }
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_survives_the_way_through_a_label() {
        let owner = Owner::current();
        assert!(owner.id.start > 0);
        assert!(!owner.is_dead(Some(&pid_namespace())));
        assert_eq!(Owner::parse(&owner.to_string()), Some(owner));
    }

    #[test]
    fn another_boot_or_another_start_time_is_dead() {
        let now = Owner::current();
        let earlier = Owner { boot: "00000000-0000-0000-0000-000000000000".into(), ..now.clone() };
        assert!(earlier.is_dead(None));
        assert!(earlier.is_dead(Some("pid:[1]")));
        let reused = Owner { id: ProcId { start: now.id.start + 1, ..now.id }, ..now };
        assert!(reused.is_dead(None));
    }

    #[test]
    fn an_owner_in_another_pid_namespace_counts_as_living() {
        let now = Owner::current();
        let elsewhere = Owner { id: ProcId { pid: u32::MAX / 4, start: 1 }, ..now };
        assert!(elsewhere.is_dead(None));
        assert!(!elsewhere.is_dead(Some("pid:[1]")));
    }

    #[test]
    fn refuses_labels_of_another_form() {
        for label in ["", "boot", "boot/1", "boot/x/2", "boot/1/2/3", "/1/2"] {
            assert_eq!(Owner::parse(label), None, "{label}");
        }
    }
}
