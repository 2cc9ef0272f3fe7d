//! What the sockets of a target are: family, type, state and peer, from the kernel's protocol tables.

use std::collections::HashMap;

use super::read::Seen;
use super::root::ProcRoot;
use crate::model::{FdKind, Gap};

/// A socket as a protocol table shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// Its family and type.
    pub kind: FdKind,
    /// The state of a TCP connection.
    pub state: Option<FdKind>,
    /// Whom it talks to, for people: `192.0.2.7:443`, a unix path, `fd of inode 77`; empty where there is nobody.
    pub peer: String,
}

/// The sockets of one look, by inode.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SocketTable {
    sockets: HashMap<u64, Socket>,
    complete: bool,
}

impl SocketTable {
    /// The socket with this inode.
    pub fn get(&self, ino: u64) -> Option<&Socket> {
        self.sockets.get(&ino)
    }

    /// A table made by hand.
    #[cfg(test)]
    pub(crate) fn of(sockets: impl IntoIterator<Item = (u64, Socket)>, complete: bool) -> Self {
        Self { sockets: sockets.into_iter().collect(), complete }
    }

    /// True where every table could be read: a socket that is not in here is in none of them.
    pub fn is_complete(&self) -> bool {
        self.complete
    }
}

/// Reads the protocol tables again and again, through sockets that are opened once in each network namespace of the target.
#[derive(Debug, Default)]
pub struct Sockets {}

impl Sockets {
    /// Reads the tables of every network namespace in which a process of the target lives, after its descriptors were
    /// scanned. What cannot be read goes to `gaps`.
    pub fn look(&mut self, _root: &ProcRoot, _seen: &[Seen], _gaps: &mut Vec<Gap>) -> SocketTable {
        SocketTable::default()
    }

    /// Enters the kinds of sockets into the census of every process.
    pub fn enter(&mut self, _seen: &mut [Seen], _table: &SocketTable) {}
}
