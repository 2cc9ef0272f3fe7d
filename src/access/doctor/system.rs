//! The kernel, the cgroups, and room on disks. Pure.

use super::machine::{Disk, Machine};
use super::{Check, CheckState};
use crate::model::Reading;
use crate::model::text::bytes;

/// What came with which release, and what is lost without it.
const FEATURES: [((u32, u32), &str); 4] = [
    ((5, 6), "pidfd_getfd: half-open pipes and closed terminals are not told dead"),
    ((5, 11), "epoll_pwait2: nothing is lost but what newer programs would use"),
    ((6, 2), "descriptors counted by one stat: a look between full scans is not possible"),
    ((6, 9), "inodes of pidfds: one that was replaced between two looks counts as kept"),
];

/// Room below which a night may not get its report written, bytes.
const SCARCE: u64 = 256 << 20;

/// Inodes below which a night may not get its report written.
const FEW: u64 = 1000;

/// Descriptors that slowdrip needs in any case, with room to spare.
const ENOUGH: u64 = 256;

/// The controllers whose figures are shown.
const WANTED: [&str; 4] = ["memory", "pids", "cpu", "io"];

pub(super) fn kernel_and_cgroup(machine: &Machine) -> [Check; 2] {
    [kernel(&machine.release), cgroup(machine)]
}

/// Room for what slowdrip writes and opens, and bpftrace, which stands beside it.
pub(super) fn room(machine: &Machine) -> [Check; 4] {
    [
        own_limit(machine.own_limit),
        disk("disk_reports", &machine.reports, "Reports could not be written.", "give another folder by --reports"),
        disk(
            "disk_temporary",
            &machine.temporary,
            "Images of the demo and of the helper could not be made.",
            "set TMPDIR to another folder",
        ),
        bpftrace(machine),
    ]
}

/// Major and minor number of a release, `6.18.4-arch1` → (6, 18).
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn kernel(release: &str) -> Check {
    let Some(have) = version(release) else {
        let meaning = "What the kernel can do is shown by the trials only.";
        return Check::new(
            "kernel",
            CheckState::Unknown,
            format!("{release:?}"),
            meaning,
            "See `pidfd_getfd` and `kcmp`.",
        );
    };
    let missing: Vec<String> = FEATURES
        .iter()
        .filter(|(since, _)| have < *since)
        .map(|((major, minor), lost)| format!("before {major}.{minor} without {lost}"))
        .collect();
    let mut check = Check::ok("kernel", release);
    if !missing.is_empty() {
        check.meaning = format!("A kernel {}.", missing.join("; "));
    }
    if have < (5, 6) {
        check.state = CheckState::Warn;
        "Use a kernel of 5.6 or later.".clone_into(&mut check.advice);
    }
    check
}

fn cgroup(machine: &Machine) -> Check {
    let first: Vec<&str> = machine
        .mounts
        .iter()
        .filter(|mount| mount.kind == "cgroup")
        .flat_map(|mount| mount.options.split(','))
        .collect();
    let unified = machine.mounts.iter().any(|mount| mount.kind == "cgroup2");
    let second: Vec<&str> =
        machine.controllers.value().map(|text| text.split_whitespace().collect()).unwrap_or_default();
    // On v1 the controller of devices bears another name.
    let on_first = |wanted: &str| first.contains(&if wanted == "io" { "blkio" } else { wanted });
    let here: Vec<&str> = WANTED.into_iter().filter(|wanted| on_first(wanted) || second.contains(wanted)).collect();
    let kind = match (first.is_empty(), unified) {
        (true, true) => "v2",
        (false, true) => "v1, with v2 beside it (hybrid)",
        (false, false) => "v1",
        (true, false) => {
            return Check::new(
                "cgroup",
                CheckState::Warn,
                "no hierarchy is mounted",
                "Memory, CPU and I/O of a container as a whole are not shown, and its processes can only be told by the engine's pid.",
                "Mount it at /sys/fs/cgroup, as every init does.",
            );
        }
    };
    let missing: Vec<&str> = WANTED.into_iter().filter(|wanted| !here.contains(wanted)).collect();
    if missing.is_empty() {
        return Check::ok("cgroup", format!("{kind}: {}", here.join(", ")));
    }
    let listed = if here.is_empty() { "no controller".to_owned() } else { here.join(", ") };
    Check::new(
        "cgroup",
        CheckState::Warn,
        format!("{kind}: {listed}; missing: {}", missing.join(", ")),
        "Figures of the missing controllers are not shown.",
        "Enable them on the kernel's command line (`cgroup_enable=memory`), or in cgroup.subtree_control.",
    )
}

fn own_limit(limit: Option<u64>) -> Check {
    let found = limit.map_or_else(|| "no limit".to_owned(), |limit| format!("{limit} descriptors"));
    if limit.is_none_or(|limit| limit >= ENOUGH) {
        return Check::ok("own_limit", found);
    }
    let meaning = "slowdrip itself may run out of descriptors; what it cannot open then is a gap.";
    Check::new("own_limit", CheckState::Warn, found, meaning, format!("Raise it: ulimit -n {ENOUGH}"))
}

fn disk(name: &'static str, disk: &Disk, meaning: &str, instead: &str) -> Check {
    let path = disk.path.display();
    let (free, inodes) = match &disk.free {
        Reading::Value(free) => *free,
        Reading::Denied | Reading::Gone | Reading::Malformed(_) => {
            let found = format!("{path} does not tell how much is free");
            return Check::new(
                name,
                CheckState::Unknown,
                found,
                meaning,
                format!("Look at `df {path}`, or {instead}."),
            );
        }
    };
    let counted = inodes.map_or_else(String::new, |inodes| format!(" and {inodes} inodes"));
    let found = format!("{path}: {}{counted} free", bytes(float(free)));
    if !disk.writable {
        let found = format!("{path} may not be written to");
        return Check::new(name, CheckState::Warn, found, meaning, format!("Run as another user, or {instead}."));
    }
    if free < SCARCE || inodes.is_some_and(|inodes| inodes < FEW) {
        let wanted = format!("Make room ({} are enough for most nights), or {instead}.", bytes(float(SCARCE)));
        return Check::new(name, CheckState::Warn, found, meaning, wanted);
    }
    Check::ok(name, found)
}

#[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
fn float(value: u64) -> f64 {
    value as f64
}

fn bpftrace(machine: &Machine) -> Check {
    const NAME: &str = "bpftrace";
    let meaning = "Nothing of what slowdrip reads needs it; stacks of what leaks can be taken with it by hand.";
    let Some(path) = &machine.bpftrace else {
        return Check::new(NAME, CheckState::Warn, "not on the PATH", meaning, "If wanted: apt install bpftrace");
    };
    let traced = machine.mounts.iter().any(|mount| mount.kind == "tracefs" || mount.kind == "debugfs");
    let found = path.display();
    if !traced {
        let advice = "If wanted: sudo mount -t tracefs tracefs /sys/kernel/tracing";
        return Check::new(NAME, CheckState::Warn, format!("{found}, but tracefs is not mounted"), meaning, advice);
    }
    if machine.euid() != Some(0) {
        return Check::new(
            NAME,
            CheckState::Warn,
            format!("{found}, for root only"),
            meaning,
            "If wanted: run it with sudo.",
        );
    }
    Check::ok(NAME, found.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::machine::Mount;
    use super::super::machine::testing::{machine, status};
    use super::*;

    #[test]
    fn a_kernel_is_good_for_what_came_with_it() {
        assert_eq!(version("6.18.4-arch1-1"), Some((6, 18)));
        assert_eq!(version("5.10.0-28-amd64"), Some((5, 10)));
        assert_eq!(version("newest"), None);
        assert_eq!((kernel("6.18.4").state, kernel("6.18.4").meaning.as_str()), (CheckState::Ok, ""));
        let check = kernel("6.1.0-18-amd64");
        assert_eq!(check.state, CheckState::Ok);
        assert!(check.meaning.contains("before 6.2") && !check.meaning.contains("before 5.11"), "{check:?}");
        assert_eq!(kernel("5.4.0-150-generic").state, CheckState::Warn);
        assert_eq!(kernel("newest").state, CheckState::Unknown);
    }

    fn v1(options: &str) -> Mount {
        Mount { kind: "cgroup".to_owned(), options: options.to_owned(), ..Mount::default() }
    }

    #[test]
    fn both_versions_of_cgroups_and_their_mixture_are_told_apart() {
        assert_eq!(cgroup(&machine()).found, "v2: memory, pids, cpu, io");
        let mut mixed = machine();
        mixed.controllers = Reading::Value(String::new());
        mixed.mounts.extend(["rw,memory", "rw,cpu,cpuacct", "rw,blkio", "rw,pids"].map(v1));
        assert_eq!(cgroup(&mixed).found, "v1, with v2 beside it (hybrid): memory, pids, cpu, io");
        let mut old = machine();
        (old.mounts, old.controllers) = (vec![v1("rw,cpu,cpuacct")], Reading::Gone);
        let check = cgroup(&old);
        assert_eq!((check.state, check.found.as_str()), (CheckState::Warn, "v1: cpu; missing: memory, pids, io"));
        old.mounts.clear();
        assert_eq!(cgroup(&old).found, "no hierarchy is mounted");
    }

    #[test]
    fn room_that_is_scarce_is_told_in_bytes_and_in_inodes() {
        let state = |free, inodes, writable| {
            let one = Disk { free: Reading::Value((free, inodes)), writable, ..machine().reports };
            disk("disk_reports", &one, "m", "do").state
        };
        assert_eq!(state(50 << 30, Some(100_000), true), CheckState::Ok);
        assert_eq!(state(50 << 30, None, true), CheckState::Ok);
        assert_eq!(state(10 << 20, Some(100_000), true), CheckState::Warn);
        assert_eq!(state(50 << 30, Some(3), true), CheckState::Warn);
        assert_eq!(state(50 << 30, None, false), CheckState::Warn);
        assert_eq!(own_limit(Some(64)).state, CheckState::Warn);
        assert_eq!(own_limit(None).state, CheckState::Ok);
    }

    #[test]
    fn bpftrace_is_never_more_than_a_warning() {
        let mut machine = machine();
        assert!(bpftrace(&machine).found.contains("tracefs is not mounted"));
        machine.mounts.push(Mount { kind: "tracefs".to_owned(), ..Mount::default() });
        assert_eq!(bpftrace(&machine).state, CheckState::Ok);
        machine.status = Reading::Value(status(1000, "0", 0));
        assert_eq!(bpftrace(&machine).state, CheckState::Warn);
        machine.bpftrace = None;
        assert_eq!(bpftrace(&machine).state, CheckState::Warn);
    }
}
