//! Pipes, connected unix sockets and masters of pseudo terminals are dead when their other end is closed everywhere.
//!
//! Who holds the other end cannot be told by counting: the reader of a container's stdout is a process of the engine. So the
//! kernel is asked, by poll(2) on a descriptor that is borrowed for a moment ([`borrow`](crate::probe::borrow)), and only
//! where no process of the target holds the other end. FIFOs can be opened again by their name, and datagram sockets do not
//! tell: neither is judged. TCP is judged by its state.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;

use rustix::io::Errno;

use super::Look;
use super::kernel::Kernel;
use super::track::{Key, Tracks};
use crate::model::{DeadKind, FdClass, FdKind, Gap, GapReason, ProcId, Reading, Role};
use crate::probe::ends::End;
use crate::probe::handles::Handles;
use crate::probe::read::Seen;
use crate::probe::root::refused;
use crate::probe::sockets::SocketTable;

/// The most questions in one look, some microseconds each. The others have their turn in the next looks.
pub(super) const QUESTIONS: usize = 256;

/// How many holders of one end are tried until one can be asked.
const HOLDERS: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Peers {
    // The last question of the look before, where not all could be asked.
    last: Option<Question>,
    names: Peernames,
}

/// To whom unix sockets were connected, by inode: a peer that is gone has no name any more.
type Peernames = HashMap<u64, String>;

/// All who hold one end of a pipe or a socket get the same answer. A terminal is asked for each descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Question {
    kind: DeadKind,
    // The inode of a pipe or a socket, the number of a terminal.
    mark: u64,
    only: Option<(ProcId, u32)>,
}

#[derive(Debug, Default)]
struct Suspect {
    holders: Vec<(ProcId, u32)>,
    detail: String,
}

type Suspects = BTreeMap<Question, Suspect>;

impl Peers {
    pub(super) fn look(&mut self, look: &Look<'_>, tracks: &mut Tracks, kernel: &mut dyn Kernel) -> Vec<Gap> {
        let mut suspects = Suspects::new();
        let all = look.seen.iter().filter_map(|one| one.handles.as_ref());
        let own = look.seen.iter().filter(|one| one.sample.role == Role::App);
        let handles: Vec<&Handles> = own.filter_map(|one| one.handles.as_ref()).collect();
        pipes(all, &handles, &mut suspects);
        sockets(look.sockets, look.seen, &mut self.names, &mut suspects);
        masters(&handles, &mut suspects);
        if !kernel.answers() {
            return not_here(&suspects);
        }
        let mut refusals = Refusals::default();
        let answers = self.ask(&suspects, kernel, &mut refusals);
        for (question, suspect) in &suspects {
            for &(process, fd) in &suspect.holders {
                let key = Key::of(process, fd, question.kind);
                match answers.get(question) {
                    Some(true) => {
                        let track = tracks.see(key, question.mark);
                        track.dead(look.at_ms);
                        track.detail.clone_from(&suspect.detail);
                    }
                    Some(false) => {}
                    None => tracks.keep(key, question.mark),
                }
            }
        }
        refusals.gaps
    }

    /// Asks as many as may be asked, beginning where the last look ended.
    fn ask(
        &mut self,
        suspects: &Suspects,
        kernel: &mut dyn Kernel,
        refusals: &mut Refusals,
    ) -> BTreeMap<Question, bool> {
        let mut answers = BTreeMap::new();
        let mut left = QUESTIONS;
        let after = self.last.take().map_or(Bound::Unbounded, Bound::Excluded);
        let before = match after {
            Bound::Excluded(last) | Bound::Included(last) => Some(suspects.range(..=last)),
            Bound::Unbounded => None,
        };
        let turn = suspects.range((after, Bound::Unbounded)).chain(before.into_iter().flatten());
        let mut last = None;
        for (question, suspect) in turn {
            if left == 0 {
                self.last = last;
                break;
            }
            last = Some(*question);
            let mut refused = None;
            for (process, fd) in suspect.holders.iter().take(HOLDERS.min(left)) {
                left -= 1;
                let ino = if question.only.is_none() { question.mark } else { 0 };
                match kernel.is_dead(process.pid, *fd, question.kind, ino) {
                    Ok(dead) => {
                        answers.insert(*question, dead);
                        refused = None;
                        break;
                    }
                    // Closed since the scan.
                    Err(Errno::BADF | Errno::SRCH) => {}
                    Err(errno) => refused = Some(errno),
                }
            }
            if let Some(errno) = refused {
                refusals.note(question.kind, errno);
            }
        }
        answers
    }
}

/// Descriptors of a tree that is not this machine's /proc.
fn not_here(suspects: &Suspects) -> Vec<Gap> {
    let mut by_subject: BTreeMap<&str, u64> = BTreeMap::new();
    for question in suspects.keys() {
        *by_subject.entry(question.kind.asked().unwrap_or_default()).or_default() += 1;
    }
    let gap = |(subject, count)| Gap {
        what: format!("{subject}: cannot be asked from here"),
        reason: GapReason::Denied,
        count,
    };
    by_subject.into_iter().map(gap).collect()
}

/// The application's ends of pipes whose other end no process of the target holds, not even one executed from outside.
fn pipes<'a>(all: impl Iterator<Item = &'a Handles>, own: &[&Handles], suspects: &mut Suspects) {
    // By inode: whether it can be read, and written.
    let mut held: HashMap<u64, (bool, bool)> = HashMap::new();
    for pipe in all.flat_map(|handles| &handles.pipes) {
        let (reads, writes) = held.entry(pipe.ino).or_default();
        *reads |= pipe.end != End::Write;
        *writes |= pipe.end != End::Read;
    }
    for (id, pipe) in own.iter().flat_map(|handles| handles.pipes.iter().map(|pipe| (handles.id, pipe))) {
        let (kind, word) = match (pipe.end, held.get(&pipe.ino)) {
            (End::Read, Some((true, false))) => (DeadKind::PipeNoWriter, "reading"),
            (End::Write, Some((false, true))) => (DeadKind::PipeNoReader, "writing"),
            (End::Read | End::Write | End::Both, _) => continue,
        };
        let suspect = suspects.entry(Question { kind, mark: pipe.ino, only: None }).or_default();
        if suspect.holders.is_empty() {
            suspect.detail = format!("{word} end of pipe {}", pipe.ino);
        }
        suspect.holders.push((id, pipe.fd));
    }
}

/// The application's unix sockets whose other end no process of the target holds. Those without one are asked too: a table
/// does not tell a peer that is closed from one that never was.
fn sockets<'a>(table: &SocketTable, seen: &'a [Seen], names: &mut Peernames, suspects: &mut Suspects) {
    let held = |one: &'a Seen| one.held.iter().flatten().filter(|entry| entry.class == FdClass::Socket);
    let here: HashSet<u64> = seen.iter().flat_map(held).map(|entry| entry.ident).collect();
    names.retain(|ino, _| here.contains(ino));
    for one in seen.iter().filter(|one| one.sample.role == Role::App) {
        for entry in held(one) {
            let Some(socket) = table.get(entry.ident) else { continue };
            if !matches!(socket.kind, FdKind::UnixStream | FdKind::UnixSeqpacket) {
                continue;
            }
            let peer = socket.peer_inode();
            if peer.is_some() && !names.contains_key(&entry.ident) {
                names.insert(entry.ident, socket.peer());
            }
            if peer.is_some_and(|peer| here.contains(&peer)) {
                continue;
            }
            let question = Question { kind: DeadKind::SocketPeerGone, mark: entry.ident, only: None };
            let suspect = suspects.entry(question).or_default();
            if suspect.holders.is_empty() {
                let own = socket.name();
                let at = if own.is_empty() { String::new() } else { format!(" at {own}") };
                let to = names.get(&entry.ident).map_or_else(String::new, |peer| format!(" to {peer}"));
                suspect.detail = format!("socket:[{}]{at}{to}", entry.ident);
            }
            suspect.holders.push((one.sample.id, entry.fd));
        }
    }
}

fn masters(own: &[&Handles], suspects: &mut Suspects) {
    for (id, master) in own.iter().flat_map(|handles| handles.masters.iter().map(|master| (handles.id, master))) {
        let only = Some((id, master.fd));
        // Numbers of terminals are used again from 0 on: one that is told is never 0 here.
        let mark = master.index.map_or(0, |index| index.saturating_add(1));
        let suspect = suspects.entry(Question { kind: DeadKind::PtySlaveGone, mark, only }).or_default();
        suspect.detail = master.index.map_or_else(|| "a terminal".to_owned(), |index| format!("/dev/pts/{index}"));
        suspect.holders.push((id, master.fd));
    }
}

/// What could not be asked: one gap for each kind and reason.
#[derive(Debug, Default)]
struct Refusals {
    gaps: Vec<Gap>,
}

impl Refusals {
    fn note(&mut self, kind: DeadKind, errno: Errno) {
        let subject = kind.asked().unwrap_or("handles");
        let (what, reason) = match refused::<()>(errno) {
            Reading::Denied => (format!("{subject}: no right to ask (CAP_SYS_PTRACE)"), GapReason::Denied),
            Reading::Malformed(_) | Reading::Gone | Reading::Value(()) => {
                (format!("{subject}: cannot be asked ({errno})"), GapReason::Malformed)
            }
        };
        match self.gaps.iter_mut().find(|gap| gap.what == what) {
            Some(gap) => gap.count += 1,
            None => self.gaps.push(Gap { what, reason, count: 1 }),
        }
    }
}
