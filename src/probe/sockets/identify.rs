//! Sockets that are in no protocol table: asked themselves, once.

use std::collections::HashMap;
use std::net::SocketAddr;

use rustix::fs::fstat;
use rustix::net::sockopt::{socket_acceptconn, socket_domain, socket_protocol, socket_type};
use rustix::net::{AddressFamily, SocketType, getpeername, getsockname};

use super::message::{TCP, UDP, UDPLITE, inet_kind};
use super::table::{SocketTable, unix_kind};
use crate::model::FdKind;
use crate::probe::borrow::borrow;
use crate::probe::scan::Entry;

/// How many sockets are asked in one look. The others have to wait for the next.
pub(super) const ASKS: u32 = 256;

/// How many answers are remembered.
const KNOWN: usize = 65_536;

/// `IPPROTO_MPTCP`.
const MPTCP: u32 = 262;

/// A kind, and the state of a TCP connection.
pub(super) type Kinds = (FdKind, Option<FdKind>);

/// Asks sockets what they are. What it was told is kept for as long as the socket is seen and is in no table.
#[derive(Debug, Default)]
pub(super) struct Asker {
    known: HashMap<u64, Kinds>,
    // What is still of use after this look.
    next: HashMap<u64, Kinds>,
    asked: u32,
}

impl Asker {
    /// Before the first process of a look.
    pub(super) fn begin(&mut self) {
        self.asked = 0;
        self.next.clear();
    }

    /// After the last process of a look.
    pub(super) fn end(&mut self) {
        std::mem::swap(&mut self.known, &mut self.next);
    }

    /// What a socket is that no table shows. Notes in the table that it is unattached. `None` where that cannot be told.
    pub(super) fn what(&mut self, pid: u32, entry: &Entry, table: &mut SocketTable) -> Option<Kinds> {
        if !table.complete || !table.live {
            return None;
        }
        let ino = entry.ident;
        let kinds = match self.next.get(&ino).or_else(|| self.known.get(&ino)) {
            Some(kinds) => *kinds,
            None if self.asked < ASKS => {
                self.asked += 1;
                ask(pid, entry.fd, ino)?
            }
            None => return None,
        };
        if self.next.len() < KNOWN {
            self.next.insert(ino, kinds);
        }
        if kinds.0 == FdKind::Unattached {
            table.set_unattached(ino);
        }
        Some(kinds)
    }
}

/// Borrows the socket and asks. The number may mean another socket by now: then nothing is told.
fn ask(pid: u32, fd: u32, ino: u64) -> Option<Kinds> {
    let socket = borrow(pid, fd).ok()?;
    if fstat(&socket).ok()?.st_ino != ino {
        return None;
    }
    told(&socket)
}

/// A unix socket is in the table of its namespace from birth to end: one that is in none was handed in from a namespace in
/// which nobody of the target lives. The same is true for connected TCP sockets, for those that listen, and for UDP sockets
/// with a port.
fn told(socket: impl std::os::fd::AsFd) -> Option<Kinds> {
    let domain = socket_domain(&socket).ok()?;
    let kind = match domain {
        AddressFamily::INET | AddressFamily::INET6 => return inet(&socket, domain == AddressFamily::INET6),
        AddressFamily::UNIX => unix_kind(socket_type(&socket).ok()?.as_raw()),
        AddressFamily::NETLINK => FdKind::Netlink,
        AddressFamily::PACKET => FdKind::Packet,
        AddressFamily::VSOCK => FdKind::Vsock,
        _ => FdKind::SocketOther,
    };
    Some((kind, None))
}

fn inet(socket: &impl std::os::fd::AsFd, v6: bool) -> Option<Kinds> {
    if socket_type(socket).ok()? == SocketType::RAW {
        return Some((FdKind::RawIp, None));
    }
    let protocol = socket_protocol(socket).ok()?.map_or(0, |protocol| protocol.as_raw().get());
    if protocol == MPTCP || protocol == u32::from(TCP) {
        if socket_acceptconn(socket).ok()? {
            return Some((inet_kind(TCP, v6), Some(FdKind::TcpListen)));
        }
        // Connected: its state stands in a table that is out of reach.
        let connected = getpeername(socket).is_ok_and(|peer| peer.is_some());
        return (!connected).then_some((FdKind::Unattached, None));
    }
    if protocol == u32::from(UDP) || protocol == u32::from(UDPLITE) {
        let local = SocketAddr::try_from(getsockname(socket).ok()?).ok()?;
        let kind = if local.port() == 0 { FdKind::Unattached } else { inet_kind(UDP, v6) };
        return Some((kind, None));
    }
    // Ping sockets are in no table before they are bound. What else speaks IP (SCTP) has tables of its own.
    let ping = protocol == 1 || protocol == 58;
    Some((if ping { FdKind::RawIp } else { FdKind::SocketOther }, None))
}
