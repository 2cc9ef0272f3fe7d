//! The processes of a target as this machine's /proc shows them.

use std::io::Read as _;

use procfs::process::{Process, Stat, all_processes};

use crate::model::{ProcId, RunningProcess};

/// More the kernel does not give a process at its start, as a rule, bytes.
const LONGEST_COMMAND: u64 = 2 << 20;

/// A process that runs, with its whole command line. `None` where it is gone or a zombie.
pub(super) fn running(pid: u32) -> Option<RunningProcess> {
    let process = Process::new(i32::try_from(pid).ok()?).ok()?;
    let stat = process.stat().ok().filter(is_alive)?;
    Some(told(&process, &stat, pid))
}

/// The same for one that is known by its start, too.
pub(super) fn still(id: ProcId) -> Option<RunningProcess> {
    running(id.pid).filter(|process| process.start == Some(id.start))
}

/// The processes of a container, by the cgroup that its engine put it into. `None` where the container's first process is not
/// on this machine or cannot be told: its engine may run elsewhere, and its pids then mean others here.
pub(super) fn of_container(first: u32, id: &str) -> Option<Vec<RunningProcess>> {
    if !is_in(&Process::new(i32::try_from(first).ok()?).ok()?, id) {
        return None;
    }
    let read = |process: Process| {
        if !is_in(&process, id) {
            return None;
        }
        let stat = process.stat().ok().filter(is_alive)?;
        Some(told(&process, &stat, u32::try_from(stat.pid).ok()?))
    };
    Some(all_processes().ok()?.filter_map(Result::ok).filter_map(read).collect())
}

/// True where a process of this machine is this very one, and in the container's cgroup.
pub(super) fn is_of_container(of: ProcId, id: &str) -> bool {
    let process = i32::try_from(of.pid).ok().and_then(|pid| Process::new(pid).ok());
    let is = |process: &Process| is_in(process, id) && process.stat().is_ok_and(|stat| stat.starttime == of.start);
    process.is_some_and(|process| is(&process))
}

/// The pid of a process as its container knows it; `first` is the container's first process. It may have namespaces further
/// within, so what counts is how deep the container's own lies.
pub(super) fn pid_within(pid: u32, first: u32) -> Option<i32> {
    let names = |pid: u32| Process::new(i32::try_from(pid).ok()?).ok()?.status().ok()?.nspid;
    names(pid)?.get(names(first)?.len().checked_sub(1)?).copied()
}

fn is_in(process: &Process, id: &str) -> bool {
    let cgroups = process.cgroups().map(|found| found.0).unwrap_or_default();
    !id.is_empty() && cgroups.iter().any(|cgroup| cgroup.pathname.contains(id))
}

fn is_alive(stat: &Stat) -> bool {
    // A leader that ended before its threads is a zombie while they go on.
    !matches!(stat.state, 'Z' | 'X') || stat.num_threads > 1
}

fn told(process: &Process, stat: &Stat, pid: u32) -> RunningProcess {
    let mut bytes = Vec::new();
    if let Ok(file) = process.open_relative("cmdline") {
        // A command line that ends in the middle is better than none.
        let _cut_off = file.take(LONGEST_COMMAND).read_to_end(&mut bytes);
    }
    // Servers that show their state in place of their arguments leave empty ones behind.
    let command = String::from_utf8_lossy(&bytes).replace('\0', " ").trim_end().to_owned();
    let command = if command.is_empty() { format!("[{}]", stat.comm) } else { command };
    RunningProcess { pid, start: Some(stat.starttime), command }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_there_with_all_its_arguments() {
        let found = running(std::process::id()).unwrap();
        let words: Vec<String> = std::env::args().collect();
        assert_eq!(found.command, words.join(" ").trim_end());
        let id = ProcId { pid: found.pid, start: found.start.unwrap() };
        assert_eq!(still(id), Some(found));
        assert_eq!(still(ProcId { start: id.start + 1, ..id }), None);
        assert_eq!(running(u32::MAX / 4), None);
        assert_eq!(pid_within(id.pid, id.pid).map(i32::cast_unsigned), Some(id.pid));
    }

    #[test]
    fn a_zombie_does_not_run() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let began = std::time::Instant::now();
        while running(child.id()).is_some() && began.elapsed().as_secs() < 20 {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(running(child.id()), None);
        child.wait().unwrap();
    }

    #[test]
    fn a_container_that_is_not_on_this_machine_is_not_taken_for_what_has_its_pid() {
        assert_eq!(of_container(std::process::id(), "0123456789abcdef0123456789abcdef"), None);
        assert_eq!(of_container(std::process::id(), ""), None);
        assert!(!is_of_container(ProcId { pid: std::process::id(), start: 1 }, "0123456789abcdef"));
    }
}
