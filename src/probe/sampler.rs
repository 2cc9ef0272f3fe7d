//! Takes snapshots of one target; remembers what it must from one to the next.

use std::time::Instant;

use super::ProbeError;
use super::cgroup::Cgroups;
use super::dead::{Graces, Look, Tracker};
use super::find::{Finder, Found};
use super::parse;
use super::read::{Seen, read};
use super::root::{ProcRoot, gap_reason, refused};
use super::scan::Scanner;
use super::sockets::Sockets;
use super::turnover::Ledger;
use crate::model::{Gap, GapReason, Observer, Phase, Reading, Scope, Snapshot, TargetSample};

/// How much a look reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Depth {
    /// What is cheap for the target.
    Light,
    /// Also the proportional share of memory, for which the kernel walks all pages and stalls the target's own mapping of
    /// memory for some milliseconds per gigabyte.
    Full,
}

/// Takes snapshots of one target; remembers what it must from one to the next.
#[derive(Debug)]
pub struct Sampler {
    root: ProcRoot,
    finder: Finder,
    scanner: Scanner,
    sockets: Sockets,
    cgroups: Cgroups,
    ledger: Ledger,
    tracker: Tracker,
}

impl Sampler {
    /// A sampler of the processes in `scope`.
    pub fn new(root: ProcRoot, scope: Scope) -> Self {
        let finder = Finder::new(scope, Vec::new());
        Self {
            root,
            finder,
            scanner: Scanner::default(),
            sockets: Sockets::default(),
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

    /// Follows the target after a restart, which gave it new processes.
    pub fn retarget(&mut self, scope: Scope) {
        self.finder.retarget(scope);
    }

    /// Looks at another tree from now on, which shows the same processes.
    pub fn move_to(&mut self, root: ProcRoot) {
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
        let found = self
            .finder
            .find(&self.root)
            .map_err(|source| ProbeError::Root { path: self.root.path().display().to_string(), source })?;
        self.check_first(&found)?;
        let mut readable = 0_usize;
        for member in &found.members {
            let Some(seen) = read(&self.root, member, &mut self.scanner, Depth::Light) else { continue };
            let pid = member.id.pid;
            match &seen.sample.fds {
                Reading::Denied => return Err(self.denied("the descriptors", pid, Some(&seen))),
                Reading::Malformed(problem) => {
                    return Err(ProbeError::Malformed { what: "the descriptors", pid, problem: problem.clone() });
                }
                Reading::Value(_) | Reading::Gone => readable += 1,
            }
        }
        if readable == 0 { Err(ProbeError::NoProcess { subject: self.subject() }) } else { Ok(()) }
    }

    fn check_first(&self, found: &Found) -> Result<(), ProbeError> {
        let (pid, container) = match self.finder.scope() {
            Scope::Container { pid, id } => (*pid, Some(id)),
            Scope::Descent { pid } => (*pid, None),
        };
        match &found.first {
            Reading::Value(_) => {}
            Reading::Denied => return Err(self.denied("the state", pid, None)),
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
        let (members, mut gaps) = match self.finder.find(&self.root) {
            Ok(found) => (found.members, found.gaps),
            Err(errno) => {
                let reason = gap_reason::<()>(&refused(errno)).unwrap_or(GapReason::Malformed);
                (Vec::new(), vec![Gap { what: "list of processes".to_owned(), reason, count: 1 }])
            }
        };
        let mut seen = Vec::with_capacity(members.len());
        for member in &members {
            match read(&self.root, member, &mut self.scanner, depth) {
                Some(one) => seen.push(one),
                None => gaps.push(Gap {
                    what: format!("process {}, which ended meanwhile", member.id.pid),
                    reason: GapReason::Gone,
                    count: 1,
                }),
            }
        }
        let table = self.sockets.look(&self.root, &seen, &mut gaps);
        self.sockets.enter(&mut seen, &table);
        let turnover = self.ledger.observe(seq, &seen);
        let found = self.tracker.observe(&Look { at_ms, root: &self.root, seen: &seen, sockets: &table });
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
            turnover,
            target,
            gaps,
            observer,
        }
    }
}

/// What slowdrip itself has used up, from its own /proc.
fn observer(begun: Instant, gaps: &mut Vec<Gap>) -> Observer {
    let own = || -> Option<(u64, u64)> {
        let dir = ProcRoot::system().open(std::process::id()).ok()?;
        let stat = parse::stat(&dir.read("stat", 4096).ok()?).ok()?;
        let status = parse::status(&dir.read("status", 64 * 1024).ok()?);
        let ticks = stat.user_ticks.saturating_add(stat.kernel_ticks);
        let cpu_us = ticks.saturating_mul(1_000_000) / procfs::ticks_per_second().max(1);
        Some((cpu_us, *status.rss.value()?))
    };
    let (cpu_us, rss) = own().unwrap_or_else(|| {
        gaps.push(Gap { what: "slowdrip's own use".to_owned(), reason: GapReason::Gone, count: 1 });
        (0, 0)
    });
    Observer { scan_us: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX), cpu_us, rss }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::*;
    use crate::model::{DeadKind, FdClass, ProcState, Role};
    use crate::probe::testing::{Proc, Tree};

    const ID: &str = "4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01";

    fn container(tree: &Tree) -> Sampler {
        Sampler::new(tree.root(), Scope::Container { pid: 100, id: ID.to_owned() })
    }

    fn look(sampler: &mut Sampler, seq: u32) -> Snapshot {
        sampler.snapshot(seq, u64::from(seq) * 1000, jiff::Timestamp::UNIX_EPOCH, Phase::Soak, Depth::Light)
    }

    fn inside(proc: Proc) -> Proc {
        proc.cgroup(&format!("0::/system.slice/docker-{ID}.scope\n"))
    }

    #[test]
    fn a_zombie_is_counted_and_its_nothing_is_a_true_nothing() {
        let tree = Tree::new();
        tree.add(&inside(Proc::new(100)).fd(3, "socket:[1]"));
        tree.add(&Proc::new(101).ppid(100).zombie().comm(b"chrome (x)"));
        let mut sampler = container(&tree);
        sampler.check().unwrap();
        let snapshot = look(&mut sampler, 0);
        let zombie = &snapshot.processes[1];
        assert_eq!(
            (zombie.state, zombie.comm.as_str(), zombie.cmdline.as_str()),
            (ProcState::Zombie, "chrome (x)", "")
        );
        assert_eq!((&zombie.fds, &zombie.anon, &zombie.rss), (&Reading::Gone, &Reading::Value(0), &Reading::Value(0)));
        assert_eq!(zombie.threads, Reading::Value(1));
        assert_eq!(snapshot.gaps, [], "a zombie is no gap");
        let app = &snapshot.processes[0];
        assert_eq!((&app.rss, &app.anon), (&Reading::Value(2 << 20), &Reading::Value(1 << 20)));
        assert_eq!((app.nofile.clone(), app.ns_pid), (Reading::Value(Some(1024)), Some(7)));
        assert_eq!((app.name(), app.role), ("app", Role::App));
    }

    #[test]
    fn a_process_lives_on_in_its_threads_when_its_main_thread_has_ended() {
        let tree = Tree::new();
        let leader = inside(Proc::new(100).zombie()).thread(100, "").thread(105, "");
        tree.add(&leader);
        let task = tree.path().join("100/task/105");
        std::fs::write(task.join("stat"), "105 (worker) S 1 1 1 0 -1 0 0 0 0 0 7 8 0 0 20 0 2 0 100 0 0\n").unwrap();
        std::fs::write(task.join("status"), "VmRSS:\t4 kB\nRssAnon:\t4 kB\n").unwrap();
        std::fs::create_dir(task.join("fd")).unwrap();
        std::os::unix::fs::symlink("pipe:[1]", task.join("fd/9")).unwrap();
        let snapshot = look(&mut container(&tree), 0);
        let process = &snapshot.processes[0];
        assert_eq!(process.fds.value().unwrap().classes[&FdClass::Pipe], 1);
        assert_ne!(process.state, ProcState::Zombie);
        assert_eq!(process.anon, Reading::Value(4096));
    }

    #[test]
    fn a_target_that_is_gone_is_a_gap_and_not_a_zero() {
        let tree = Tree::new();
        tree.add(&inside(Proc::new(100)));
        let mut sampler = container(&tree);
        assert_eq!(look(&mut sampler, 0).gaps, []);
        tree.remove(100);
        let snapshot = look(&mut sampler, 1);
        assert!(snapshot.processes.is_empty());
        assert_eq!(snapshot.gaps.len(), 1);
        assert_eq!(snapshot.gaps[0].reason, GapReason::Gone);
        // Another process with the same pid is not the target.
        tree.add(&Proc::new(100).start(5000));
        let snapshot = look(&mut sampler, 2);
        assert!(snapshot.processes.is_empty());
        assert_eq!(snapshot.gaps[0].reason, GapReason::Gone);
        tree.add(&inside(Proc::new(200)));
        sampler.retarget(Scope::Container { pid: 200, id: ID.to_owned() });
        let snapshot = look(&mut sampler, 3);
        assert_eq!((snapshot.processes.len(), snapshot.gaps.len()), (1, 0));
    }

    #[test]
    fn the_check_says_what_is_wrong() {
        let tree = Tree::new();
        assert!(matches!(container(&tree).check(), Err(ProbeError::NoProcess { .. })));
        tree.add(&Proc::new(100));
        assert!(matches!(container(&tree).check(), Err(ProbeError::NotInContainer { pid: 100, .. })));
        let nowhere = ProcRoot::at(tree.path().join("nowhere"));
        let error = Sampler::new(nowhere, Scope::Descent { pid: 1 }).check().unwrap_err();
        assert!(matches!(error, ProbeError::Root { .. }), "{error}");
    }

    #[test]
    fn unreadable_parts_are_gaps() {
        let tree = Tree::new();
        tree.add(&inside(Proc::new(100)).fd(5, "anon_inode:[pidfd]").fdinfo(5, "pos:\t0\n"));
        std::fs::write(tree.path().join("100/limits"), "nothing").unwrap();
        std::fs::remove_file(tree.path().join("100/status")).unwrap();
        let snapshot = look(&mut container(&tree), 0);
        let what: Vec<&str> = snapshot.gaps.iter().map(|gap| gap.what.as_str()).collect();
        assert_eq!(
            what,
            ["status of 100", "limits of 100", "fdinfo of 100", "resident memory of 100", "anonymous memory of 100"]
        );
        assert_eq!(snapshot.processes[0].anon, Reading::Gone);
        assert!(matches!(snapshot.processes[0].nofile, Reading::Malformed(_)));
    }

    #[test]
    fn reports_dead_pidfds_and_abandoned_eventpolls() {
        let tree = Tree::new();
        let app = inside(Proc::new(100))
            .epoll(3, &[4])
            .epoll(6, &[12])
            .fd(12, "socket:[99]")
            .pidfd(8, -1, 5)
            .waits_on(100, 3)
            .thread(101, "202 0x1 0x2\n");
        tree.add(&app);
        let mut sampler = container(&tree);
        assert_eq!(look(&mut sampler, 0).dead, []);
        let second = look(&mut sampler, 1).dead;
        assert_eq!(
            second.iter().map(|dead| (dead.fd, dead.kind)).collect::<Vec<_>>(),
            [(Some(8), DeadKind::PidfdTargetGone)]
        );
        (2..4).for_each(|seq| drop(look(&mut sampler, seq)));
        let fifth = look(&mut sampler, 4);
        assert_eq!(fifth.gaps, []);
        let poll = fifth.dead.iter().find(|dead| dead.kind == DeadKind::EventpollAbandoned).unwrap();
        assert_eq!((poll.fd, poll.survived, poll.first_ms), (Some(6), 5, 0));
        assert_eq!(poll.detail, "watches 1 descriptor: socket fd 12");
    }

    #[test]
    fn a_thread_that_runs_or_polls_or_cannot_be_read_proves_nothing() {
        for other in [
            "running\n",
            "-1 0x1 0x2\n",
            "gibberish\n",
            if cfg!(target_arch = "x86_64") { "7 0x1\n" } else { "73 0x1\n" },
        ] {
            let tree = Tree::new();
            tree.add(&inside(Proc::new(100)).epoll(3, &[4]).epoll(6, &[]).waits_on(100, 3).thread(101, other));
            let mut sampler = container(&tree);
            for seq in 0..8 {
                assert_eq!(look(&mut sampler, seq).dead, [], "{other}");
            }
        }
    }

    #[test]
    fn sees_the_descriptors_of_this_very_process() {
        let mut sampler = Sampler::new(ProcRoot::system(), Scope::Descent { pid: std::process::id() });
        sampler.check().unwrap();
        // Other tests of this process open and close descriptors meanwhile, so the numbers are taken large.
        let count = |snapshot: &Snapshot, class| {
            let own = snapshot.processes.iter().find(|process| process.id.pid == std::process::id()).unwrap();
            own.fds.value().unwrap().classes.get(&class).copied().unwrap_or(0)
        };
        let before = look(&mut sampler, 0);
        let mut held: Vec<OwnedFd> = Vec::new();
        for _ in 0..100 {
            held.push(rustix::event::epoll::create(rustix::event::epoll::CreateFlags::CLOEXEC).unwrap());
            held.extend(<[OwnedFd; 2]>::from(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap()));
            held.push(rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap());
            held.push(rustix::fs::memfd_create("slowdrip", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
        }
        let after = look(&mut sampler, 1);
        for (class, number) in
            [(FdClass::Eventpoll, 100), (FdClass::Pipe, 200), (FdClass::Eventfd, 100), (FdClass::Memfd, 100)]
        {
            let rise = count(&after, class).saturating_sub(count(&before, class));
            assert!(rise.abs_diff(number) < 40, "{class:?} rose by {rise}");
        }
        assert!(after.observer.rss > 0);
    }
}
