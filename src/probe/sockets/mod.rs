//! What the sockets of a target are: family, type, state and peer, from the kernel's protocol tables.
//!
//! [`Sockets::look`] reads the tables of every network namespace in which the target lives (`namespace`): by [`diag`] through
//! a netlink socket that was opened inside it once, or as text ([`tables`]) where that cannot be. [`Sockets::enter`] counts
//! what each process holds, and asks the few sockets that are in no table what they are (`identify`).
//!
//! Only what decides is always read: TCP, UDP and unix. The tables of rarer protocols (`protocol`) are read when a socket
//! was found in none of these. So the table holds every socket of the target that is in any table, and is no list of all
//! sockets of its namespaces.

pub mod diag;
mod identify;
#[cfg(test)]
mod live;
pub mod message;
mod namespace;
mod protocol;
#[cfg(test)]
mod recorded;
mod table;
pub mod tables;

use std::sync::Arc;

use rustix::io::Errno;

use super::read::Seen;
use super::root::{ProcRoot, gap_reason, refused};
use crate::model::{FdClass, Gap, GapReason, Reading};
pub use table::{Socket, SocketTable, Told};

/// Why a protocol table was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The kernel has no such table, or not in this way.
    Absent,
    /// The kernel answered with an error.
    Kernel(Errno),
    /// The answer cannot be understood; the text says why.
    Malformed(String),
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Kernel(errno)
    }
}

impl Refusal {
    fn reason(&self) -> GapReason {
        match self {
            Self::Absent => GapReason::Gone,
            Self::Kernel(errno) => gap_reason::<()>(&refused(*errno)).unwrap_or(GapReason::Malformed),
            Self::Malformed(_) => GapReason::Malformed,
        }
    }
}

/// Reads the protocol tables again and again, through sockets that are opened once in each network namespace of the target.
#[derive(Debug, Default)]
pub struct Sockets {
    spaces: namespace::Spaces,
    reader: protocol::Reader,
    asker: identify::Asker,
    // The table of the look before, for its memory.
    spare: SocketTable,
}

impl Sockets {
    /// Reads the tables of every network namespace in which a process of the target lives, after its descriptors were
    /// scanned. What cannot be read goes to `gaps`.
    pub fn look(&mut self, root: &ProcRoot, seen: &[Seen], gaps: &mut Vec<Gap>) -> SocketTable {
        let mut table = std::mem::take(&mut self.spare);
        table.clear();
        table.complete = true;
        table.live = root.is_system();
        // Also where no socket is held: namespaces that the target has left are let go.
        let spaces = self.spaces.of(root, seen, gaps, &mut table);
        if held(seen).next().is_none() {
            return table;
        }
        for space in &spaces {
            let missing = self.reader.decisive(&mut self.spaces, root, space, &mut table);
            table.complete &= missing.is_empty();
            gaps.extend(missing);
        }
        if held(seen).any(|ino| table.get(ino).is_none()) {
            for space in &spaces {
                gaps.extend(self.reader.rare(&mut self.spaces, root, space, &mut table));
            }
        }
        table
    }

    /// Enters the kinds of sockets into the census of every process. Sockets in no table are asked what they are, if the
    /// table is complete and the processes are real; those that cannot be asked have no kind.
    pub fn enter(&mut self, seen: &mut [Seen], table: &mut SocketTable) {
        self.asker.begin();
        for one in seen {
            let (Some(held), Reading::Value(census)) = (&one.held, &mut one.sample.fds) else { continue };
            let census = Arc::make_mut(census);
            for entry in held.iter().filter(|entry| entry.class == FdClass::Socket) {
                let told = match table.get(entry.ident) {
                    Some(socket) => Some((socket.kind, socket.state)),
                    None => self.asker.what(one.sample.id.pid, entry, table),
                };
                let Some((kind, state)) = told else {
                    self.spaces.doubt(one.sample.id);
                    continue;
                };
                for kind in [Some(kind), state].into_iter().flatten() {
                    *census.kinds.entry(kind).or_insert(0) += 1;
                }
            }
        }
        self.asker.end();
    }

    /// Takes a table back when it was used, and its memory for the next look.
    pub fn recycle(&mut self, table: SocketTable) {
        self.spare = table;
    }
}

/// The inodes of all sockets that are held.
fn held(seen: &[Seen]) -> impl Iterator<Item = u64> {
    let entries = seen.iter().filter_map(|one| one.held.as_ref()).flatten();
    entries.filter(|entry| entry.class == FdClass::Socket).map(|entry| entry.ident)
}
