//! Reads all processes of a look, and waits for none of them longer than it may take. What cannot be read now is shown under
//! the name that it had before, without a figure.

mod worker;

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::io::Errno;

use super::classify::readable;
use super::find::{COMMAND_LINE, Member};
use super::parse;
use super::read::{self, Seen, seen_without};
use super::root::ProcRoot;
use super::sampler::Depth;
use super::scan::Scanner;
use crate::model::text::{count, seconds};
use crate::model::{Gap, GapReason, ProcId, ProcState, ProcessSample, Reading};
use worker::{Answer, Workers};

/// How one process is read.
type ReadOne = dyn Fn(&ProcRoot, &Member, &mut Scanner, Depth) -> Option<Seen> + Send + Sync;

/// How the command line of one process is read.
type ReadCommandLine = dyn Fn(&ProcRoot, ProcId) -> Result<Vec<u8>, Errno> + Send + Sync;

/// All processes of one look.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Those that are there, in the order in which they were asked for. One that did not answer has no figures.
    pub(super) seen: Vec<Seen>,
    /// Those of them that did not answer, or were not asked.
    pub(super) late: Vec<ProcId>,
    /// Who ended meanwhile or did not answer. What else could not be read stands with each process.
    pub(super) gaps: Vec<Gap>,
}

/// Reads processes with a limit of time for each.
pub(super) struct Patient {
    root: ProcRoot,
    workers: Workers,
    read: Arc<ReadOne>,
    command_line: Arc<ReadCommandLine>,
    faces: HashMap<ProcId, Face>,
}

/// What a process was when it could be read last: a class that selects by command line must not lose it for a look.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Face {
    comm: String,
    cmdline: String,
    ns_pid: Option<u32>,
    uid: Option<u32>,
}

impl Patient {
    /// Reads below `root`.
    pub(super) fn new(root: ProcRoot) -> Self {
        let command_line = |root: &ProcRoot, id: ProcId| {
            let dir = root.open(id.pid)?;
            dir.read("cmdline", COMMAND_LINE)
        };
        Self {
            root,
            workers: Workers::new(new_scanners()),
            read: Arc::new(read::read),
            command_line: Arc::new(command_line),
            faces: HashMap::new(),
        }
    }

    /// Reads below another root from now on.
    pub(super) fn move_to(&mut self, root: ProcRoot) {
        self.root = root;
    }

    /// Waits so long for each process.
    pub(super) fn set_limit(&mut self, limit: Duration) {
        self.workers.set_limit(limit);
    }

    /// Reads in another way from now on.
    #[cfg(test)]
    pub(super) fn set_read(
        &mut self,
        read: impl Fn(&ProcRoot, &Member, &mut Scanner, Depth) -> Option<Seen> + Send + Sync + 'static,
    ) {
        self.read = Arc::new(read);
    }

    /// Reads command lines in another way from now on.
    #[cfg(test)]
    pub(super) fn set_command_line(
        &mut self,
        read: impl Fn(&ProcRoot, ProcId) -> Result<Vec<u8>, Errno> + Send + Sync + 'static,
    ) {
        self.command_line = Arc::new(read);
    }

    /// How long a process may take to answer.
    pub(super) fn limit(&self) -> Duration {
        self.workers.limit()
    }

    /// Reads the command line of a process; empty where it does not answer in time.
    ///
    /// # Errors
    /// What the kernel answered.
    pub(super) fn command_line(&mut self, id: ProcId) -> Result<Vec<u8>, Errno> {
        let (root, read) = (self.root.clone(), Arc::clone(&self.command_line));
        let answers = self.workers.ask(vec![(id, id)], move |id, _| read(&root, *id));
        match answers.into_iter().next() {
            Some(Answer::Told(answer)) => answer,
            Some(Answer::Late | Answer::StillLate | Answer::Unasked | Answer::Broken) | None => Ok(Vec::new()),
        }
    }

    /// Reads the processes.
    pub(super) fn read(&mut self, members: &[Member], depth: Depth) -> Looked {
        let (root, read) = (self.root.clone(), Arc::clone(&self.read));
        let subjects = members.iter().map(|member| (member.id, *member)).collect();
        let begun = AtomicBool::new(false);
        let answers = self.workers.ask(subjects, move |member, scanner: &mut Scanner| {
            if !begun.swap(true, Ordering::Relaxed) {
                scanner.ends.begin();
            }
            read(&root, member, scanner, depth)
        });
        let limit = seconds(self.limit().as_secs_f64());
        let mut looked = Looked::default();
        let mut unasked = 0;
        for (member, answer) in members.iter().zip(answers) {
            let pid = member.id.pid;
            let (gap, reason) = match answer {
                Answer::Told(Some(seen)) => {
                    looked.seen.push(seen);
                    continue;
                }
                Answer::Told(None) => {
                    let what = format!("process {pid}, which ended meanwhile");
                    looked.gaps.push(Gap { what, reason: GapReason::Gone, count: 1 });
                    continue;
                }
                Answer::Late => (format!("process {pid} did not answer within {limit}"), GapReason::Late),
                Answer::StillLate => (format!("process {pid} still does not answer"), GapReason::Late),
                Answer::Broken => (format!("process {pid}, by a fault of slowdrip's own"), GapReason::Malformed),
                Answer::Unasked => {
                    unasked += 1;
                    (String::new(), GapReason::Late)
                }
            };
            looked.seen.push(self.unanswered(member, &gap));
            looked.late.push(member.id);
            if !gap.is_empty() {
                looked.gaps.push(Gap { what: gap, reason, count: 1 });
            }
        }
        if unasked > 0 {
            let others = count(u64::try_from(self.workers.left_behind()).unwrap_or(u64::MAX), "other");
            let what = format!("processes that were not asked, because {others} hang");
            looked.gaps.push(Gap { what, reason: GapReason::Late, count: unasked });
        }
        looked.seen.iter_mut().for_each(|seen| self.recognise(seen));
        self.remember(members, &looked.seen);
        looked
    }

    /// A process of which only that is known which is told without waiting: /proc/PID/stat asks for no lock that a
    /// process holds while it sleeps, and every process of the machine has just been asked for it.
    fn unanswered(&self, member: &Member, why: &str) -> Seen {
        let mut seen = seen_without(member, &Reading::Malformed(why.to_owned()));
        seen.gaps.clear();
        let stat = self.root.open(member.id.pid).and_then(|dir| dir.read("stat", 4096)).unwrap_or_default();
        if let Ok(stat) = parse::stat(&stat)
            && stat.start == member.id.start
        {
            seen.sample.state = stat.state;
            seen.sample.comm = readable(&stat.comm);
            seen.sample.threads = Reading::Value(stat.threads);
        }
        seen
    }

    /// Gives a process that could not be read in full the name that it had before.
    fn recognise(&self, seen: &mut Seen) {
        let sample = &mut seen.sample;
        let partly = sample.fds.value().is_none() || !seen.gaps.is_empty();
        let unread = sample.cmdline.is_empty() && partly && sample.state != ProcState::Zombie;
        let Some(face) = self.faces.get(&sample.id).filter(|_| unread) else { return };
        if sample.comm.is_empty() {
            sample.comm.clone_from(&face.comm);
        }
        sample.cmdline.clone_from(&face.cmdline);
        sample.ns_pid = sample.ns_pid.or(face.ns_pid);
        sample.facts.uid = sample.facts.uid.or(face.uid);
    }

    fn remember(&mut self, members: &[Member], seen: &[Seen]) {
        for sample in seen.iter().map(|one| &one.sample).filter(|sample| !sample.cmdline.is_empty()) {
            if self.faces.get(&sample.id).is_none_or(|face| !face.is_of(sample)) {
                self.faces.insert(sample.id, Face::new(sample));
            }
        }
        // Members are sorted by pid, and there is one of each.
        if self.faces.len() > members.len() {
            self.faces.retain(|id, _| {
                let at = members.binary_search_by_key(&id.pid, |member| member.id.pid);
                at.is_ok_and(|at| members.get(at).is_some_and(|member| member.id == *id))
            });
        }
    }
}

impl Face {
    fn new(sample: &ProcessSample) -> Self {
        Self {
            comm: sample.comm.clone(),
            cmdline: sample.cmdline.clone(),
            ns_pid: sample.ns_pid,
            uid: sample.facts.uid,
        }
    }

    fn is_of(&self, sample: &ProcessSample) -> bool {
        (&self.comm, &self.cmdline) == (&sample.comm, &sample.cmdline)
            && (self.ns_pid, self.uid) == (sample.ns_pid, sample.facts.uid)
    }
}

/// Scanners for the first thread and for each that takes over from one that hangs, all of which give a name the same digest.
fn new_scanners() -> impl Fn() -> Scanner + Send + 'static {
    let key = RandomState::new();
    move || Scanner::keyed(key.clone())
}

impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patient").field("root", &self.root).field("workers", &self.workers).finish_non_exhaustive()
    }
}
