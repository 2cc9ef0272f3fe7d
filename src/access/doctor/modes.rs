//! The ways to a target, each tried where there is something to try it on.

use std::time::Duration;

use rustix::io::Errno;

use super::machine::Machine;
use super::rights::{BECOME_ROOT, reads_all};
use super::{Check, CheckState, blocking};
use crate::access::{Access, AccessError, Subject};
use crate::model::text::{printable, shorten};
use crate::model::{ProbeMode, Scope};
use crate::probe::{Graces, ProcRoot};
use crate::target::RunningContainer;

/// How long a way may take to open: for the helper an image is made.
const OPENING: Duration = Duration::from_secs(60);

/// How many processes are looked at for one of another user.
const LOOKED_AT: usize = 2000;

/// What the ways are tried on.
#[derive(Debug)]
pub(super) enum On {
    /// This container.
    Container(RunningContainer),
    /// The container that was named is not there.
    Missing,
    /// No container was named.
    Nothing,
}

/// Tries every way. `reachable`: the engine answers.
pub(super) async fn checks(on: &On, reachable: bool, machine: Option<&Machine>) -> Vec<Check> {
    let mut checks = Vec::new();
    for mode in ProbeMode::ALL {
        checks.push(match (mode, on) {
            (ProbeMode::Host, On::Nothing | On::Missing) => host(machine).await,
            (_, On::Container(container)) => tried(*mode, container).await,
            (ProbeMode::Helper | ProbeMode::Exec, On::Nothing | On::Missing) => not_tried(*mode, reachable),
        });
    }
    checks
}

/// Opens the way to a container and closes it again.
async fn tried(mode: ProbeMode, container: &RunningContainer) -> Check {
    let subject = Subject {
        scope: Scope::Container { pid: container.pid, id: container.id.clone() },
        healthcheck: container.healthcheck.clone(),
        graces: Graces::default(),
    };
    let name = mode.name();
    let failed = |found: String| Check::new(name, CheckState::Fail, found, lost(mode), advice(mode));
    match tokio::time::timeout(OPENING, Access::open(Some(mode), subject)).await {
        Ok(Ok(mut access)) => {
            let opened = access.mode();
            access.close().await;
            if opened == mode {
                works(mode, "the container can be read")
            } else {
                failed(format!("the way that was opened is `{}`", opened.name()))
            }
        }
        // What the way is for and what to do instead stand beside it.
        Ok(Err(AccessError::Unusable { problem, .. })) => failed(problem),
        Ok(Err(error)) => failed(error.to_string()),
        Err(_elapsed) => failed(format!("not open after {} s", OPENING.as_secs())),
    }
}

fn works(mode: ProbeMode, found: &str) -> Check {
    let mut check = Check::ok(mode.name(), found);
    if mode == ProbeMode::Exec {
        "It counts; the descriptors of processes that dropped to another user cannot be told apart."
            .clone_into(&mut check.meaning);
    }
    check
}

fn not_tried(mode: ProbeMode, reachable: bool) -> Check {
    if reachable {
        return Check::new(
            mode.name(),
            CheckState::Unknown,
            "not tried",
            "The engine answers, which is all it needs.",
            "Name a running container to try it: slowdrip doctor CONTAINER",
        );
    }
    Check::new(mode.name(), CheckState::Fail, "it needs an engine, and none answers", lost(mode), "See `engine`.")
}

fn lost(mode: ProbeMode) -> &'static str {
    match mode {
        ProbeMode::Host => "Processes of other users cannot be read from here.",
        ProbeMode::Helper => "Without rights of its own slowdrip cannot read a container.",
        ProbeMode::Exec => "The last resort is missing; nothing is lost where another way works.",
    }
}

fn advice(mode: ProbeMode) -> &'static str {
    match mode {
        ProbeMode::Host => BECOME_ROOT,
        ProbeMode::Helper => {
            "See what it says above, `engine` and `engine_security`. As root the host's way works as well."
        }
        ProbeMode::Exec => "Use the helper, or run slowdrip as root.",
    }
}

/// Tries the host's way on a process of another user.
async fn host(machine: Option<&Machine>) -> Check {
    let mode = ProbeMode::Host;
    let all = machine.is_some_and(reads_all);
    let hidden = machine.and_then(Machine::hidepid).is_some() && !all;
    let Some(Ok(tried)) = blocking(move || foreign(&ProcRoot::system())).await else {
        let meaning = lost(mode);
        return Check::new(mode.name(), CheckState::Fail, "/proc cannot be listed", meaning, "Mount procfs at /proc.");
    };
    judged(tried, hidden)
}

/// A process of another user, and what came of reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stranger {
    pid: u32,
    uid: u32,
    name: String,
    answer: Result<(), Errno>,
}

fn judged(tried: Option<Stranger>, hidden: bool) -> Check {
    let mode = ProbeMode::Host;
    match tried {
        Some(Stranger { pid, uid, name, answer }) => {
            let whom = format!("the descriptors of process {pid} ({name}, uid {uid})");
            match answer {
                Ok(()) => works(mode, &format!("{whom} can be read")),
                Err(errno) => {
                    Check::new(mode.name(), CheckState::Fail, format!("{whom}: {errno}"), lost(mode), advice(mode))
                }
            }
        }
        None if hidden => {
            let found = "/proc shows no process of another user";
            Check::new(mode.name(), CheckState::Fail, found, lost(mode), "See `hidepid`.")
        }
        None => works(mode, "every process here is of this user"),
    }
}

/// Reads the descriptors of a process of another user as a look does: the list, a link and its fdinfo. `None` where there is no
/// such process; kernel threads, which have no descriptors, are none.
fn foreign(root: &ProcRoot) -> Result<Option<Stranger>, Errno> {
    let own = rustix::process::geteuid().as_raw();
    let mut last = None;
    for pid in root.pids()?.into_iter().take(LOOKED_AT) {
        let Ok(dir) = root.open(pid) else { continue };
        let (Ok(status), Ok(line)) = (dir.read("status", 64 * 1024), dir.read("cmdline", 16)) else { continue };
        let status = String::from_utf8_lossy(&status).into_owned();
        let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let uid = value("Uid:").and_then(|uids| uids.split_whitespace().next()?.parse::<u32>().ok());
        let Some(uid) = uid.filter(|uid| *uid != own && !line.is_empty()) else { continue };
        let read = || -> Result<bool, Errno> {
            let Some(fd) = dir.numbers("fd")?.first().copied() else { return Ok(false) };
            dir.link(&format!("fd/{fd}"))?;
            dir.read(&format!("fdinfo/{fd}"), 4096)?;
            Ok(true)
        };
        let name = shorten(&printable(value("Name:").unwrap_or_default()), 20);
        let stranger = |answer| Some(Stranger { pid, uid, name, answer });
        match read() {
            Ok(true) => return Ok(stranger(Ok(()))),
            // It ended meanwhile, or holds nothing: it proves nothing.
            Ok(false) | Err(Errno::NOENT | Errno::SRCH) => {}
            Err(errno) => last = stranger(Err(errno)),
        }
        // One refusal is enough, unless it is of a kind of its own: a process that even root must not touch.
        if last.is_some() {
            break;
        }
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(answer: Result<(), Errno>) -> Stranger {
        Stranger { pid: 812, uid: 33, name: "apache2".to_owned(), answer }
    }

    #[test]
    fn a_process_of_another_user_decides_over_the_hosts_way() {
        let check = judged(Some(stranger(Ok(()))), false);
        assert_eq!(check.found, "the descriptors of process 812 (apache2, uid 33) can be read");
        let check = judged(Some(stranger(Err(Errno::ACCESS))), false);
        assert!(check.state == CheckState::Fail && check.advice.contains("setcap"), "{check:?}");
        assert_eq!(judged(None, false).state, CheckState::Ok);
        assert_eq!(judged(None, true).advice, "See `hidepid`.");
    }

    #[test]
    fn a_kernel_thread_and_ones_own_processes_are_no_strangers() {
        let dir = tempfile::tempdir().unwrap();
        let own = rustix::process::geteuid().as_raw();
        let add = |pid: u32, uid: u32, line: &str, fds: bool| {
            let folder = dir.path().join(pid.to_string());
            for name in ["fd", "fdinfo"] {
                std::fs::create_dir_all(folder.join(name)).unwrap();
            }
            std::fs::write(folder.join("status"), format!("Name:\tapp\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")).unwrap();
            std::fs::write(folder.join("cmdline"), line).unwrap();
            if fds {
                std::os::unix::fs::symlink("pipe:[1]", folder.join("fd/3")).unwrap();
                std::fs::write(folder.join("fdinfo/3"), "pos:\t0\n").unwrap();
            }
        };
        add(10, own + 1, "", true);
        add(11, own, "app\0", true);
        add(12, own + 1, "app\0", false);
        assert_eq!(foreign(&ProcRoot::at(dir.path())), Ok(None));
        add(13, own + 1, "app\0", true);
        let found = Stranger { pid: 13, uid: own + 1, name: "app".to_owned(), answer: Ok(()) };
        assert_eq!(foreign(&ProcRoot::at(dir.path())), Ok(Some(found)));
    }

    #[test]
    fn what_was_not_tried_is_unknown_where_the_engine_answers_and_fails_where_it_does_not() {
        assert_eq!(not_tried(ProbeMode::Helper, true).state, CheckState::Unknown);
        assert_eq!(not_tried(ProbeMode::Exec, false).state, CheckState::Fail);
    }
}
