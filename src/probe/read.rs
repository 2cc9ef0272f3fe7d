//! One process: what it is, what it holds, what of it may be dead.

use rustix::io::Errno;

use super::classify::readable;
use super::find::Member;
use super::handles::Handles;
use super::parse::{self, Stat, Status};
use super::root::{ProcDir, ProcRoot, gap_reason, reading, refused};
use super::sampler::Depth;
use super::scan::{Entry, Scanner};
use crate::model::{Gap, ProcState, ProcessFacts, ProcessSample, Reading};

/// The longest command line that is kept, bytes.
const CMDLINE: usize = 4096;

/// A process that was read.
#[derive(Debug)]
pub struct Seen {
    /// For the snapshot. The kinds of its sockets are not yet in it.
    pub sample: ProcessSample,
    /// Its open descriptors, by number; `None` where they were not read in full.
    pub held: Option<Vec<Entry>>,
    /// Its pidfds, eventpolls, ends of pipes and masters of terminals; `None` where there are none.
    pub handles: Option<Handles>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// Reads processes; `None` for one that ended while it was read. Of a short scan nothing is kept: it would be a drop that
/// never was.
pub fn read(root: &ProcRoot, member: &Member, scanner: &mut Scanner, _depth: Depth) -> Option<Seen> {
    let dir = match root.open(member.id.pid) {
        Ok(dir) => dir,
        Err(errno) => return unreadable(member, errno),
    };
    let stat = match stat(&dir) {
        Ok(stat) if stat.start == member.id.start => stat,
        Ok(_) => return None,
        Err(Reading::Gone) => return None,
        Err(other) => return Some(seen_without(member, &other)),
    };
    let base = alive(&dir, &stat);
    let seen = look(&dir, &base, member, &stat, scanner);
    if stat.state == ProcState::Zombie {
        return Some(seen);
    }
    // A process that ends during the scan has ever fewer descriptors: only one that is still there was read in full.
    match self::stat(&dir) {
        Err(Reading::Gone) => None,
        Ok(now) if now.state == ProcState::Zombie => Some(look(&dir, &alive(&dir, &now), member, &now, scanner)),
        Ok(_) | Err(_) => Some(seen),
    }
}

fn look(dir: &ProcDir, base: &str, member: &Member, stat: &Stat, scanner: &mut Scanner) -> Seen {
    let pid = member.id.pid;
    // The main thread may have ended before the others: the process lives on in them.
    let zombie = stat.state == ProcState::Zombie && base.is_empty();
    let state = if stat.state == ProcState::Zombie && !zombie { ProcState::Sleeping } else { stat.state };
    let mut gaps = Vec::new();
    let status = reading(dir.read(&format!("{base}status"), 64 * 1024)).map(|text| parse::status(&text));
    note(&status, "status", pid, &mut gaps);
    let cmdline = reading(dir.read("cmdline", 4 * 4096)).map(|text| command_line(&text));
    note(&cmdline, "command line", pid, &mut gaps);
    let nofile = match reading(dir.read("limits", 16 * 1024)).map(|text| parse::nofile(&text)) {
        Reading::Value(parsed) => parsed.map_or_else(Reading::Malformed, Reading::Value),
        other @ (Reading::Denied | Reading::Gone | Reading::Malformed(_)) => other.map(|_| None),
    };
    note(&nofile, "limits", pid, &mut gaps);
    let (mut handles, mut held) = (None, None);
    let fds = if zombie {
        Reading::Gone
    } else {
        let mut fds = reading(scanner.scan(dir, base));
        note(&fds, "descriptors", pid, &mut gaps);
        if let Reading::Value(census) = &mut fds {
            held = Some(scanner.entries().to_vec());
            let read = Handles::read(dir, base, member.id, stat.ppid, scanner, &mut gaps);
            read.enter(census);
            handles = Some(read);
        }
        fds
    };
    let (uid, ns_pid, rss, anon) = match status {
        Reading::Value(Status { uid, ns_pid, rss, anon }) => (uid, ns_pid, rss, anon),
        other @ (Reading::Denied | Reading::Gone | Reading::Malformed(_)) => {
            (None, None, missing(&other), missing(&other))
        }
    };
    note(&rss, "resident memory", pid, &mut gaps);
    note(&anon, "anonymous memory", pid, &mut gaps);
    Seen {
        sample: ProcessSample {
            id: member.id,
            ppid: stat.ppid,
            ns_pid,
            role: member.role,
            state,
            comm: readable(&stat.comm),
            cmdline: cmdline.value().cloned().unwrap_or_default(),
            threads: Reading::Value(stat.threads),
            rss,
            anon,
            nofile,
            fds,
            facts: ProcessFacts { uid, ..ProcessFacts::default() },
        },
        held,
        handles: handles.filter(|handles| !handles.is_empty()),
        gaps,
    }
}

fn stat(dir: &ProcDir) -> Result<Stat, Reading<()>> {
    let text = dir.read("stat", 4096).map_err(refused)?;
    parse::stat(&text).map_err(Reading::Malformed)
}

/// The folder to read in: `` for the process; `task/78/` where its main thread has ended and thread 78 lives on.
fn alive(dir: &ProcDir, stat: &Stat) -> String {
    if stat.state != ProcState::Zombie || stat.threads < 2 {
        return String::new();
    }
    let living = dir.numbers("task").unwrap_or_default().into_iter().map(|tid| format!("task/{tid}/")).find(|base| {
        let text = dir.read(&format!("{base}stat"), 4096).unwrap_or_default();
        parse::stat(&text).is_ok_and(|stat| stat.state != ProcState::Zombie)
    });
    living.unwrap_or_default()
}

/// Arguments joined by spaces, printable, cut at a character.
fn command_line(text: &[u8]) -> String {
    let mut line = readable(&parse::arguments(text).join(&b' '));
    let end = (0..=CMDLINE.min(line.len())).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
    line.truncate(end);
    line
}

fn note<T>(reading: &Reading<T>, what: &str, pid: u32, gaps: &mut Vec<Gap>) {
    gaps.extend(gap_reason(reading).map(|reason| Gap { what: format!("{what} of {pid}"), reason, count: 1 }));
}

/// The same reason for another value.
fn missing<T, U>(reading: &Reading<T>) -> Reading<U> {
    match reading {
        Reading::Denied => Reading::Denied,
        Reading::Gone | Reading::Value(_) => Reading::Gone,
        Reading::Malformed(text) => Reading::Malformed(text.clone()),
    }
}

fn unreadable(member: &Member, errno: Errno) -> Option<Seen> {
    match refused::<()>(errno) {
        Reading::Gone => None,
        other @ (Reading::Value(()) | Reading::Denied | Reading::Malformed(_)) => Some(seen_without(member, &other)),
    }
}

/// A process of which nothing can be read but that it is there.
fn seen_without(member: &Member, why: &Reading<()>) -> Seen {
    let mut gaps = Vec::new();
    note(why, "everything", member.id.pid, &mut gaps);
    Seen {
        sample: ProcessSample {
            id: member.id,
            ppid: member.ppid,
            ns_pid: None,
            role: member.role,
            state: ProcState::Other,
            comm: String::new(),
            cmdline: String::new(),
            threads: missing(why),
            rss: missing(why),
            anon: missing(why),
            nofile: missing(why),
            fds: missing(why),
            facts: ProcessFacts::default(),
        },
        held: None,
        handles: None,
        gaps,
    }
}
