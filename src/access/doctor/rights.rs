//! What this process may do: user, capabilities, and what stands in their way. Pure.

use super::machine::Machine;
use super::{Check, CheckState};
use crate::model::Reading;

/// Numbers of capabilities, see linux/capability.h.
pub(super) const DAC_OVERRIDE: u32 = 1;
pub(super) const DAC_READ_SEARCH: u32 = 2;
pub(super) const SYS_PTRACE: u32 = 19;
pub(super) const SYS_ADMIN: u32 = 21;

/// What gives the right to read.
pub(super) const BECOME_ROOT: &str = "Run slowdrip with sudo, or once: sudo setcap cap_sys_ptrace,cap_dac_read_search+ep \"$(command -v slowdrip)\". For containers the helper needs neither.";

/// All checks of this part.
pub(super) fn checks(machine: &Machine) -> [Check; 5] {
    [rights(machine), ptrace_scope(machine), hidepid(machine), user_namespace(machine), seccomp(machine)]
}

/// True where the descriptors of every user can be read from here.
pub(super) fn reads_all(machine: &Machine) -> bool {
    machine.has(SYS_PTRACE) && (machine.has(DAC_READ_SEARCH) || machine.has(DAC_OVERRIDE))
}

fn rights(machine: &Machine) -> Check {
    let (Some(uid), Some(_)) = (machine.euid(), machine.capabilities()) else {
        return unreadable("rights", "/proc/self/status", &machine.status);
    };
    let named = [
        (SYS_PTRACE, "CAP_SYS_PTRACE"),
        (DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"),
        (DAC_OVERRIDE, "CAP_DAC_OVERRIDE"),
        (SYS_ADMIN, "CAP_SYS_ADMIN"),
    ];
    let held: Vec<&str> = named.iter().filter(|(bit, _)| machine.has(*bit)).map(|(_, name)| *name).collect();
    let held = if held.is_empty() { "none of the capabilities in question".to_owned() } else { held.join(", ") };
    let found = format!("uid {uid}, {held}");
    if reads_all(machine) {
        let mut check = Check::ok("rights", found);
        if !machine.has(SYS_ADMIN) {
            "Without CAP_SYS_ADMIN the sockets of another network namespace are read from net/tcp and its like, which costs more."
                .clone_into(&mut check.meaning);
        }
        return check;
    }
    let hint = if uid == 0 { " This is root, but without these capabilities: in a container, add them." } else { "" };
    let meaning = "From here only processes of this user can be read.";
    Check::new("rights", CheckState::Warn, found, meaning, format!("{BECOME_ROOT}{hint}"))
}

fn ptrace_scope(machine: &Machine) -> Check {
    const NAME: &str = "ptrace_scope";
    let text = match &machine.ptrace_scope {
        Reading::Value(text) => text.trim(),
        Reading::Gone => return Check::ok(NAME, "the kernel has no Yama"),
        Reading::Denied | Reading::Malformed(_) => {
            return unreadable(NAME, "/proc/sys/kernel/yama/ptrace_scope", &machine.ptrace_scope);
        }
    };
    let may = machine.has(SYS_PTRACE);
    let lost =
        "pidfd_getfd is refused: half-open pipes, sockets without a peer and closed terminals cannot be told dead.";
    let lower = "Run slowdrip as root, or lower it: sudo sysctl kernel.yama.ptrace_scope=0";
    match (text, may) {
        ("0", _) => Check::ok(NAME, "0: processes of this user may be asked"),
        ("1", true) => Check::ok(NAME, "1: descendants only, which does not bind CAP_SYS_PTRACE"),
        ("2", true) => Check::ok(NAME, "2: only with CAP_SYS_PTRACE, which is here"),
        ("1", false) => {
            Check::new(NAME, CheckState::Warn, "1: descendants only", format!("Of other processes {lost}"), lower)
        }
        ("2", false) => {
            Check::new(NAME, CheckState::Warn, "2: only with CAP_SYS_PTRACE, which is missing", lost, lower)
        }
        ("3", _) => {
            let advice = "It stays so until the next boot: remove it from /etc/sysctl.d and reboot.";
            Check::new(NAME, CheckState::Warn, "3: nobody, root neither", lost, advice)
        }
        (other, _) => {
            let found = format!("{other:?}, which this version does not know");
            Check::new(
                NAME,
                CheckState::Unknown,
                found,
                "Whether pidfd_getfd works is shown by its trial.",
                "See `pidfd_getfd`.",
            )
        }
    }
}

fn hidepid(machine: &Machine) -> Check {
    const NAME: &str = "hidepid";
    if machine.mounts.is_empty() {
        let meaning = "Whether /proc hides processes is not known.";
        return Check::new(NAME, CheckState::Unknown, "no mounts could be read", meaning, "Mount procfs at /proc.");
    }
    match machine.hidepid() {
        None => Check::ok(NAME, "off"),
        Some(value) if machine.has(SYS_PTRACE) => {
            Check::ok(NAME, format!("{value}, which does not bind CAP_SYS_PTRACE"))
        }
        Some(value) => Check::new(
            NAME,
            CheckState::Warn,
            value,
            "/proc hides the processes of other users: they look as if they were not there.",
            "Run slowdrip as root, or: sudo mount -o remount,hidepid=0 /proc",
        ),
    }
}

fn user_namespace(machine: &Machine) -> Check {
    const NAME: &str = "user_namespace";
    let Some(map) = machine.uid_map.value() else { return unreadable(NAME, "/proc/self/uid_map", &machine.uid_map) };
    let lines: Vec<Vec<&str>> = map.lines().map(|line| line.split_whitespace().collect()).collect();
    if lines == [["0", "0", "4294967295"]] {
        return Check::ok(NAME, "the machine's own");
    }
    let shown: Vec<String> = lines.iter().take(3).map(|line| line.join(" ")).collect();
    Check::new(
        NAME,
        CheckState::Warn,
        format!("one of its own, users mapped: {}", shown.join("; ")),
        "Rights in here count for processes of this user namespace only, even those of root.",
        "Run slowdrip outside of it (not by `unshare`, not in a rootless container), or use the helper.",
    )
}

fn seccomp(machine: &Machine) -> Check {
    match machine.status_line("Seccomp") {
        Some("0") => Check::ok("seccomp", "no filter on slowdrip"),
        None => Check::ok("seccomp", "the kernel has none"),
        Some(_) => Check::new(
            "seccomp",
            CheckState::Warn,
            "a filter is on slowdrip",
            "It may refuse pidfd_getfd and kcmp: what it lets through is shown by their trials.",
            "If they are refused: run slowdrip outside of the container, or with a profile that lets them through.",
        ),
    }
}

fn unreadable<T>(name: &'static str, path: &str, reading: &Reading<T>) -> Check {
    let why = match reading {
        Reading::Denied => "may not be read",
        Reading::Gone => "is not there",
        Reading::Value(_) | Reading::Malformed(_) => "could not be understood",
    };
    Check::new(
        name,
        CheckState::Unknown,
        format!("{path} {why}"),
        "Nothing can be said of it.",
        "Mount procfs at /proc.",
    )
}

#[cfg(test)]
mod tests {
    use super::super::machine::testing::{machine, status};
    use super::super::machine::{Mount, testing};
    use super::*;

    /// A machine as a user without rights sees it.
    fn plain() -> Machine {
        Machine { status: Reading::Value(status(1000, "0000000000000000", 0)), ..machine() }
    }

    #[test]
    fn root_has_all_rights_and_a_user_is_told_how_to_get_them() {
        assert_eq!(rights(&machine()).state, CheckState::Ok);
        let check = rights(&plain());
        assert_eq!(check.state, CheckState::Warn);
        assert!(check.advice.contains("setcap cap_sys_ptrace,cap_dac_read_search+ep"), "{check:?}");
        // In a container with its two capabilities only.
        let two = Machine { status: Reading::Value(status(0, "0000000000080004", 0)), ..machine() };
        let check = rights(&two);
        assert_eq!(check.state, CheckState::Ok);
        assert!(check.meaning.contains("CAP_SYS_ADMIN"), "{check:?}");
        // Root in a container as the engine makes them.
        let docker = Machine { status: Reading::Value(status(0, "00000000a80425fb", 2)), ..machine() };
        let check = rights(&docker);
        assert!(check.state == CheckState::Warn && check.advice.contains("This is root"), "{check:?}");
        let gone = Machine { status: Reading::Gone, ..testing::machine() };
        assert_eq!(rights(&gone).state, CheckState::Unknown);
    }

    #[test]
    fn ptrace_scope_binds_those_without_the_capability() {
        let state = |text: &str, machine: Machine| {
            ptrace_scope(&Machine { ptrace_scope: Reading::Value(text.to_owned()), ..machine }).state
        };
        for text in ["0\n", "1\n", "2\n"] {
            assert_eq!(state(text, machine()), CheckState::Ok, "{text}");
        }
        assert_eq!(state("3\n", machine()), CheckState::Warn);
        assert_eq!(state("0\n", plain()), CheckState::Ok);
        assert_eq!(state("1\n", plain()), CheckState::Warn);
        assert_eq!(state("7\n", machine()), CheckState::Unknown);
        let none = Machine { ptrace_scope: Reading::Gone, ..plain() };
        assert_eq!(ptrace_scope(&none).state, CheckState::Ok);
    }

    #[test]
    fn hidden_processes_are_hidden_from_users_and_not_from_root() {
        let options = "rw,gid=4,hidepid=2".to_owned();
        let mounts = vec![Mount { point: "/proc".to_owned(), kind: "proc".to_owned(), options }];
        assert_eq!(hidepid(&machine()).state, CheckState::Ok);
        assert_eq!(hidepid(&Machine { mounts: mounts.clone(), ..machine() }).state, CheckState::Ok);
        let check = hidepid(&Machine { mounts, ..plain() });
        assert_eq!((check.state, check.found.as_str()), (CheckState::Warn, "2"));
    }

    #[test]
    fn a_user_namespace_and_a_filter_are_seen() {
        assert_eq!(user_namespace(&machine()).state, CheckState::Ok);
        let inside = Machine { uid_map: Reading::Value("0 1000 1\n1 100000 65536\n".to_owned()), ..machine() };
        let check = user_namespace(&inside);
        assert!(check.state == CheckState::Warn && check.found.contains("0 1000 1; 1 100000 65536"), "{check:?}");
        assert_eq!(seccomp(&machine()).state, CheckState::Ok);
        let filtered = Machine { status: Reading::Value(status(0, "000001ffffffffff", 2)), ..machine() };
        assert_eq!(seccomp(&filtered).state, CheckState::Warn);
    }
}
