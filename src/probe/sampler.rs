//! Takes snapshots of one target; remembers what it must from one to the next.

use std::time::{Duration, Instant};

use super::ProbeError;
use super::cgroup::Cgroups;
use super::dead::{Graces, Look, Tracker};
use super::find::{Finder, Found};
use super::held;
use super::observer::observer;
use super::patience::Patient;
use super::read::{Seen, without_share};
use super::root::{ProcRoot, fell_short, gap_reason, refused};
use super::sockets::Sockets;
use super::threads::ThreadNames;
use super::turnover::Ledger;
use crate::model::{Gap, GapReason, Phase, Reading, Scope, Snapshot, TargetSample};

/// How much a look reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Depth {
    /// Only whether the descriptors may be read: none is counted.
    Trial,
    /// What is cheap for the target.
    Light,
    /// Also the proportional share of memory, for which the kernel walks all pages and stalls the target's own mapping of
    /// memory for some milliseconds per gigabyte.
    Full,
    /// As much as [`Depth::Full`], beside the row of looks: nothing of it is remembered, so that ages, dead handles and
    /// turnover of the looks in the row are what they would be without it. It tells none of these itself.
    Aside,
}

/// Takes snapshots of one target; remembers what it must from one to the next.
#[derive(Debug)]
pub struct Sampler {
    root: ProcRoot,
    finder: Finder,
    reader: Patient,
    sockets: Sockets,
    threads: ThreadNames,
    cgroups: Cgroups,
    ledger: Ledger,
    tracker: Tracker,
}

impl Sampler {
    /// A sampler of the processes in `scope`.
    pub fn new(root: ProcRoot, scope: Scope) -> Self {
        let finder = Finder::new(scope, Vec::new());
        let reader = Patient::new(root.clone());
        Self {
            root,
            finder,
            reader,
            sockets: Sockets::default(),
            threads: ThreadNames::default(),
            cgroups: Cgroups::default(),
            ledger: Ledger::default(),
            tracker: Tracker::default(),
        }
    }

    /// The same, knowing the container's health check, so that it is told from an exec. The command is written as in the
    /// image (`["CMD-SHELL", "curl …"]`, `["CMD", "curl", …]`) or plainly (`["/bin/sh", "-c", "curl …"]`).
    #[must_use]
    pub fn with_healthcheck(mut self, command: Vec<String>) -> Self {
        self.finder.set_healthcheck(command);
        self
    }

    /// The same, with other graces for handles that may still be put to use.
    #[must_use]
    pub fn with_graces(mut self, graces: Graces) -> Self {
        self.tracker = Tracker::new(graces);
        self
    }

    /// The same, waiting so long for each process before it becomes a gap; two seconds otherwise.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.reader.set_limit(limit);
        self
    }

    /// Follows the target after a restart, which gave it new processes.
    pub fn retarget(&mut self, scope: Scope) {
        self.finder.retarget(scope);
    }

    /// Looks at another tree from now on, which shows the same processes.
    pub fn move_to(&mut self, root: ProcRoot) {
        self.reader.move_to(root.clone());
        self.root = root;
    }

    /// Which processes are watched.
    pub fn scope(&self) -> &Scope {
        self.finder.scope()
    }

    /// Fails where what must be judged cannot be read (no right to read /proc/PID/fd), with what to do about it.
    ///
    /// # Errors
    /// The reason.
    pub fn check(&mut self) -> Result<(), ProbeError> {
        let found = self.find().map_err(|source| match super::root::shortage(source) {
            Some(problem) => ProbeError::Exhausted { problem: problem.to_owned() },
            None => ProbeError::Root { path: self.root.path().display().to_string(), source },
        })?;
        self.check_first(&found)?;
        let looked = self.reader.read(&found.members, Depth::Trial);
        let mut readable = 0_usize;
        for seen in looked.seen.iter().filter(|seen| !looked.late.contains(&seen.sample.id)) {
            let pid = seen.sample.id.pid;
            match &seen.sample.fds {
                Reading::Denied => return Err(self.denied("the descriptors", pid, Some(seen))),
                Reading::Malformed(problem) if fell_short(&seen.sample.fds).is_some() => {
                    return Err(ProbeError::Exhausted { problem: problem.clone() });
                }
                Reading::Malformed(problem) => {
                    return Err(ProbeError::Malformed { what: "the descriptors", pid, problem: problem.clone() });
                }
                Reading::Value(_) | Reading::Gone => readable += 1,
            }
        }
        match looked.late.first() {
            _ if readable > 0 => Ok(()),
            Some(id) => Err(ProbeError::Late { pid: id.pid, limit_s: self.reader.limit().as_secs_f64() }),
            None => Err(ProbeError::NoProcess { subject: self.subject() }),
        }
    }

    fn find(&mut self) -> Result<Found, rustix::io::Errno> {
        let (finder, reader) = (&mut self.finder, &mut self.reader);
        finder.find_by(&self.root, &mut |id| reader.command_line(id))
    }

    fn check_first(&self, found: &Found) -> Result<(), ProbeError> {
        let (pid, container) = match self.finder.scope() {
            Scope::Container { pid, id } => (*pid, Some(id)),
            Scope::Descent { pid } => (*pid, None),
        };
        match &found.first {
            Reading::Value(_) => {}
            Reading::Denied => return Err(self.denied("the state", pid, None)),
            Reading::Malformed(problem) if fell_short(&found.first).is_some() => {
                return Err(ProbeError::Exhausted { problem: problem.clone() });
            }
            Reading::Malformed(problem) => {
                return Err(ProbeError::Malformed { what: "the state", pid, problem: problem.clone() });
            }
            Reading::Gone if self.exists(pid) => return Err(ProbeError::Hidden { pid }),
            Reading::Gone if found.members.is_empty() => {
                return Err(ProbeError::NoProcess { subject: self.subject() });
            }
            Reading::Gone => {}
        }
        match container {
            Some(id) if !found.in_container => {
                Err(ProbeError::NotInContainer { pid, id: id.chars().take(12).collect() })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Asks the kernel past /proc: under hidepid a process is there and not listed.
    fn exists(&self, pid: u32) -> bool {
        let listed = self.root.open(pid).is_ok();
        let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
        self.root.is_system()
            && !listed
            && pid.is_some_and(|pid| {
                matches!(rustix::process::test_kill_process(pid), Ok(()) | Err(rustix::io::Errno::PERM))
            })
    }

    fn denied(&self, what: &'static str, pid: u32, seen: Option<&Seen>) -> ProbeError {
        let root = rustix::process::geteuid().is_root();
        ProbeError::Denied {
            what,
            pid,
            name: seen.map_or_else(String::new, |seen| seen.sample.name().to_owned()),
            uid: seen.and_then(|seen| seen.sample.facts.uid).map_or_else(|| "?".to_owned(), |uid| uid.to_string()),
            hint: if root {
                " (it runs as root, but without these capabilities)"
            } else if seen.is_none() {
                "; procfs may be mounted with hidepid"
            } else {
                ""
            },
        }
    }

    fn subject(&self) -> String {
        match self.finder.scope() {
            Scope::Container { pid, id } => {
                format!("container {} (pid {pid})", id.chars().take(12).collect::<String>())
            }
            Scope::Descent { pid } => format!("process {pid}"),
        }
    }

    /// One look. Blocks for some milliseconds; call it from a blocking thread.
    pub fn snapshot(&mut self, seq: u32, at_ms: u64, wall: jiff::Timestamp, phase: Phase, depth: Depth) -> Snapshot {
        let begun = Instant::now();
        let (members, mut gaps) = match self.find() {
            Ok(found) => (found.members, found.gaps),
            Err(errno) => {
                let reason = gap_reason::<()>(&refused(errno)).unwrap_or(GapReason::Malformed);
                (Vec::new(), vec![Gap { what: "list of processes".to_owned(), reason, count: 1 }])
            }
        };
        let looked = self.reader.read(&members, depth);
        gaps.extend(looked.gaps);
        let mut seen: Vec<Seen> = looked.seen;
        let mut table = self.sockets.look(&self.root, &seen, &mut gaps);
        self.sockets.enter(&mut seen, &mut table);
        self.threads.enter(&self.root, &mut seen);
        gaps.extend(without_share(&seen));
        let (turnover, found) = if depth == Depth::Aside {
            Default::default()
        } else {
            let turnover = self.ledger.observe(seq, &seen);
            (turnover, self.tracker.observe(&Look { at_ms, root: &self.root, seen: &seen, sockets: &table }))
        };
        // As seldom as the share of memory: it reads each of them once more.
        let held =
            if depth == Depth::Full { held::oldest(&self.ledger, &self.root, &seen, &table) } else { Vec::new() };
        self.sockets.recycle(table);
        let cgroup = match self.finder.scope() {
            Scope::Container { pid, id } => self.cgroups.look(&self.root, *pid, id, &mut gaps),
            Scope::Descent { .. } => None,
        };
        gaps.extend(found.gaps);
        gaps.extend(seen.iter_mut().flat_map(|one| std::mem::take(&mut one.gaps)));
        let processes = seen.into_iter().map(|one| one.sample).collect();
        let target = TargetSample { cgroup, ..TargetSample::default() };
        let observer = observer(begun, &mut gaps);
        Snapshot {
            seq,
            at_ms,
            wall,
            phase,
            processes,
            dead: found.handles,
            dead_rest: found.rest,
            held,
            turnover,
            target,
            gaps,
            observer,
        }
    }
}

#[cfg(test)]
mod bad_days;
#[cfg(test)]
mod tests;
