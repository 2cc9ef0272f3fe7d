//! What the pidfds, eventpolls, pipes and terminals of one process refer to, and where its threads wait.

use std::collections::BTreeSet;

use rustix::io::Errno;

use super::ends::{self, End, PipeEnd};
use super::parse::{self, Arch, ThreadAt, Watched};
use super::root::{ProcDir, fell_short, gap_reason, reading, refused};
use super::scan::{Entry, Scanner};
use crate::model::{FdCensus, FdClass, FdKind, Gap, ProcId, Reading};

/// The most that is read of one fdinfo: an eventpoll that watches 16,000 descriptors.
const FDINFO_CAP: u64 = 1 << 20;

/// How many watched descriptors are named in the words for people.
const NAMED: usize = 3;

/// The handles of one process that may be dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handles {
    /// Who holds them.
    pub id: ProcId,
    /// Its parent.
    pub ppid: u32,
    /// Its pidfds.
    pub pidfds: Vec<Pidfd>,
    /// Its eventpolls.
    pub polls: Vec<Poll>,
    /// Where its threads wait.
    pub waits: Waits,
    /// Its ends of pipes, by number.
    pub pipes: Vec<PipeEnd>,
    /// Its masters of pseudo terminals.
    pub masters: Vec<Master>,
}

/// A handle on a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pidfd {
    /// The descriptor's number.
    pub fd: u32,
    /// What it refers to.
    pub info: parse::PidfdInfo,
}

/// An eventpoll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// The descriptor's number.
    pub fd: u32,
    /// What it watches; `None` where it was not worth reading.
    pub watched: Option<Vec<Watched>>,
    /// The same in words.
    pub detail: String,
}

/// The master of a pseudo terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Master {
    /// The descriptor's number.
    pub fd: u32,
    /// The number of its slave below /dev/pts (`tty-index` in fdinfo, since Linux 4.14).
    pub index: Option<u64>,
}

/// Where the threads of a process wait.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waits {
    /// The eventpolls on which a thread sits.
    pub on: BTreeSet<u32>,
    /// True where every thread was seen in a system call that has nothing to do with the other eventpolls. False where a
    /// thread ran, or sat in poll or select (which may watch an eventpoll), or could not be read, or where an io_uring
    /// may wait.
    pub sure: bool,
}

impl Handles {
    /// Reads them, right after the descriptors of the process were scanned. What cannot be read goes to `gaps`.
    pub fn read(dir: &ProcDir, base: &str, id: ProcId, ppid: u32, scan: &mut Scanner, gaps: &mut Vec<Gap>) -> Self {
        let mut lost = Lost::default();
        let mut ends = std::mem::take(&mut scan.ends);
        let pipes = ends.of(id, scan.entries(), dir, base, &mut lost);
        scan.ends = ends;
        let mut handles = Self { pipes, ..Self::none(id, ppid) };
        let polls = scan.entries().iter().filter(|entry| entry.class == FdClass::Eventpoll).count();
        if polls > 0 {
            handles.waits = Waits::read(dir, scan, id.pid, gaps);
        }
        let mut text = Vec::new();
        for &Entry { fd, class, kind, .. } in scan.entries() {
            if class == FdClass::Pidfd {
                let info = dir.read_into(&format!("{base}fdinfo/{fd}"), FDINFO_CAP, &mut text);
                handles.pidfds.extend(lost.keep(info, || parse::pidfd(&text)).map(|info| Pidfd { fd, info }));
            } else if class == FdClass::Eventpoll {
                // The kernel holds the eventpoll's lock while it lists what it watches. The single busy loop of an
                // ordinary application is never disturbed: it is alive, whatever it watches.
                if polls == 1 && handles.waits.on.contains(&fd) {
                    handles.polls.push(Poll { fd, watched: None, detail: String::new() });
                    continue;
                }
                let info = dir.read_into(&format!("{base}fdinfo/{fd}"), FDINFO_CAP, &mut text);
                if let Some(watched) = lost.keep(info, || parse::watched(whole_lines(&text))) {
                    let detail = describe(&watched, scan);
                    handles.polls.push(Poll { fd, watched: Some(watched), detail });
                }
            } else if kind == Some(FdKind::PtyMaster) {
                let info = dir.read_into(&format!("{base}fdinfo/{fd}"), 4096, &mut text);
                let index = lost.keep(info, || Ok(ends::field(&text, "tty-index:")));
                handles.masters.extend(index.map(|index| Master { fd, index }));
            }
        }
        lost.report(&format!("fdinfo of {}", id.pid), gaps);
        handles
    }

    /// A process without any.
    pub(crate) fn none(id: ProcId, ppid: u32) -> Self {
        Self {
            id,
            ppid,
            pidfds: Vec::new(),
            polls: Vec::new(),
            waits: Waits::default(),
            pipes: Vec::new(),
            masters: Vec::new(),
        }
    }

    /// Enters the ends of pipes into the census of their process, where all of them could be told. A pipe that can do both
    /// counts as one that reads.
    pub fn enter(&self, census: &mut FdCensus) {
        let all = census.classes.get(&FdClass::Pipe).copied().unwrap_or(0);
        let told = u64::try_from(self.pipes.len()).unwrap_or(u64::MAX);
        if told != all {
            return;
        }
        for pipe in &self.pipes {
            let kind = match pipe.end {
                End::Read | End::Both => FdKind::PipeRead,
                End::Write => FdKind::PipeWrite,
            };
            *census.kinds.entry(kind).or_insert(0) += 1;
        }
    }

    /// True where there is nothing to watch.
    pub fn is_empty(&self) -> bool {
        self.pidfds.is_empty() && self.polls.is_empty() && self.pipes.is_empty() && self.masters.is_empty()
    }
}

impl Waits {
    fn read(dir: &ProcDir, scan: &Scanner, pid: u32, gaps: &mut Vec<Gap>) -> Self {
        let mut waits = Self { on: BTreeSet::new(), sure: false };
        let threads = match reading(dir.numbers("task")) {
            Reading::Value(threads) => threads,
            other @ (Reading::Denied | Reading::Gone | Reading::Malformed(_)) => {
                gaps.extend(gap_reason(&other).map(|reason| Gap {
                    what: format!("threads of {pid}"),
                    reason,
                    count: 1,
                }));
                return waits;
            }
        };
        let mut lost = Lost::default();
        let (mut seen, mut unsure) = (0_usize, false);
        let mut text = Vec::new();
        for thread in threads {
            let answer = dir.read_into(&format!("task/{thread}/syscall"), 256, &mut text);
            // A thread that has just ended is listed without a word.
            if answer.is_ok() && text.is_empty() {
                continue;
            }
            match lost.keep(answer, || parse::syscall(&text, Arch::HERE)) {
                Some(ThreadAt::EpollWait(fd)) => {
                    waits.on.insert(fd);
                }
                Some(ThreadAt::Poll | ThreadAt::Busy) => unsure = true,
                Some(ThreadAt::Elsewhere) => {}
                None => continue,
            }
            seen += 1;
        }
        let ring = scan.entries().iter().any(|entry| entry.class == FdClass::IoUring);
        waits.sure = seen > 0 && !unsure && !ring && !lost.any();
        lost.report(&format!("system calls of {pid}"), gaps);
        waits
    }
}

/// What was refused or not understood. What is gone was closed meanwhile, and is not lost.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    denied: u64,
    malformed: u64,
    exhausted: u64,
}

impl Lost {
    pub(crate) fn keep<T>(&mut self, read: Result<(), Errno>, parse: impl FnOnce() -> Result<T, String>) -> Option<T> {
        let read = match read {
            Ok(()) => parse().map_or_else(Reading::Malformed, Reading::Value),
            Err(errno) => refused(errno),
        };
        if fell_short(&read).is_some() {
            self.exhausted += 1;
            return None;
        }
        match read {
            Reading::Value(value) => return Some(value),
            Reading::Denied => self.denied += 1,
            Reading::Malformed(_) => self.malformed += 1,
            Reading::Gone => {}
        }
        None
    }

    pub(crate) fn any(&self) -> bool {
        self.denied + self.malformed + self.exhausted > 0
    }

    fn report(&self, what: &str, gaps: &mut Vec<Gap>) {
        use crate::model::GapReason::{Denied, Exhausted, Malformed};
        for (reason, count) in [(Denied, self.denied), (Malformed, self.malformed), (Exhausted, self.exhausted)] {
            if count > 0 {
                gaps.push(Gap { what: what.to_owned(), reason, count });
            }
        }
    }
}

/// The text without a last line that the cap may have cut.
fn whole_lines(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|&b| b == b'\n').map_or(0, |last| last + 1);
    text.get(..end).unwrap_or_default()
}

/// `watches 1 descriptor: socket fd 12`
fn describe(watched: &[Watched], scan: &Scanner) -> String {
    if watched.is_empty() {
        return "watches nothing".to_owned();
    }
    let mut names: Vec<String> = watched
        .iter()
        .take(NAMED)
        .map(|watched| {
            let kind = scan.kind(watched.fd).map_or("closed", FdClass::name);
            format!("{kind} fd {}", watched.fd)
        })
        .collect();
    if watched.len() > NAMED {
        names.push("…".to_owned());
    }
    let number = u64::try_from(watched.len()).unwrap_or(u64::MAX);
    format!("watches {}: {}", crate::model::text::count(number, "descriptor"), names.join(", "))
}
