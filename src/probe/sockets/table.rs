//! The sockets of one look, by inode: small values, formatted only when asked for.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Deref;

use crate::model::FdKind;
use crate::probe::classify::readable;

/// A socket as a protocol table shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// Its family and type.
    pub kind: FdKind,
    /// The state of a TCP connection.
    pub state: Option<FdKind>,
    pub(super) ends: Ends,
}

/// What is known of its two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// Nothing.
    Untold,
    /// Addresses of IP. Those of version 4 are mapped into version 6, which makes the value smaller than a `SocketAddr`.
    Inet { local: Ipv6Addr, remote: Ipv6Addr, local_port: u16, remote_port: u16 },
    /// The inode of the other end, 0 where there is none, and where its own name is in [`SocketTable::names`].
    Unix { peer: u32, name: Name },
    /// The context and the port of the other end.
    Vsock { context: u32, port: u32 },
}

/// A part of [`SocketTable::names`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Name {
    start: u32,
    len: u16,
}

/// A socket together with the table it stands in, which knows the name of its peer.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    socket: &'a Socket,
    table: &'a SocketTable,
}

impl Deref for Told<'_> {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        self.socket
    }
}

impl Told<'_> {
    /// Whom it talks to, for people: `192.0.2.7:443`, the path of a unix socket, `@name` for an abstract one, `socket:[77]`
    /// where the other end has no name, `context 2 port 1024` for a vsock; empty where there is nobody, or where the table
    /// does not tell (net/unix).
    pub fn peer(&self) -> String {
        match self.socket.ends {
            Ends::Untold | Ends::Unix { peer: 0, .. } | Ends::Vsock { port: 0, .. } => String::new(),
            Ends::Inet { remote, remote_port, .. } => address(remote, remote_port),
            Ends::Unix { peer, .. } => {
                let named = self.table.get(u64::from(peer)).map(|other| other.name()).filter(|name| !name.is_empty());
                named.unwrap_or_else(|| format!("socket:[{peer}]"))
            }
            Ends::Vsock { context, port } => format!("context {context} port {port}"),
        }
    }

    /// Its own address or name, for people; empty where it has none.
    pub fn name(&self) -> String {
        match self.socket.ends {
            Ends::Untold | Ends::Vsock { .. } => String::new(),
            Ends::Inet { local, local_port, .. } => address(local, local_port),
            Ends::Unix { name, .. } => shown(self.table.name(name)),
        }
    }

    /// The inode of a unix socket's other end, where the table tells it.
    pub fn peer_inode(&self) -> Option<u64> {
        match self.socket.ends {
            Ends::Unix { peer, .. } if peer != 0 => Some(u64::from(peer)),
            Ends::Untold | Ends::Inet { .. } | Ends::Unix { .. } | Ends::Vsock { .. } => None,
        }
    }
}

/// An address without a port is nobody's.
fn address(ip: Ipv6Addr, port: u16) -> String {
    match ip.to_canonical() {
        ip if port == 0 && ip.is_unspecified() => String::new(),
        // Raw sockets have a protocol in place of the port, ping sockets an identifier.
        ip => SocketAddr::new(ip, port).to_string(),
    }
}

/// A path ends at its zero byte; an abstract name begins with one.
fn shown(name: &[u8]) -> String {
    match name.split_first() {
        Some((0, name)) => format!("@{}", readable(name)),
        _ => readable(name.strip_suffix(b"\0").unwrap_or(name)),
    }
}

/// An address of either version as one of version 6.
pub(super) fn mapped(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

/// The same for the words of inet_diag and net/tcp, of which version 4 uses the first. `words` is in network order.
pub(super) fn from_words(v6: bool, words: [u8; 16]) -> Ipv6Addr {
    let [a, b, c, d, ..] = words;
    if v6 { Ipv6Addr::from(words) } else { mapped(IpAddr::V4(Ipv4Addr::new(a, b, c, d))) }
}

/// The states of include/net/tcp_states.h. `NEW_SYN_RECV` and `TIME_WAIT` belong to no descriptor; `BOUND_INACTIVE` (since
/// Linux 6.8) is a socket that is bound and no more.
pub(super) fn tcp_state(number: u8) -> Option<FdKind> {
    Some(match number {
        1 => FdKind::TcpEstablished,
        2 => FdKind::TcpSynSent,
        3 | 12 => FdKind::TcpSynRecv,
        4 => FdKind::TcpFinWait1,
        5 => FdKind::TcpFinWait2,
        7 | 13 => FdKind::TcpClose,
        8 => FdKind::TcpCloseWait,
        9 => FdKind::TcpLastAck,
        10 => FdKind::TcpListen,
        11 => FdKind::TcpClosing,
        _ => return None,
    })
}

/// `SOCK_STREAM`, `SOCK_DGRAM` and `SOCK_SEQPACKET` of the family AF_UNIX.
pub(super) fn unix_kind(number: u32) -> FdKind {
    match number {
        1 => FdKind::UnixStream,
        2 => FdKind::UnixDgram,
        5 => FdKind::UnixSeqpacket,
        _ => FdKind::SocketOther,
    }
}

/// The sockets of one look, by inode.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SocketTable {
    sockets: HashMap<u64, Socket, BuildHasherDefault<Inodes>>,
    names: Vec<u8>,
    unattached: HashSet<u64>,
    pub(super) complete: bool,
    // The descriptors of the processes can be asked themselves: not those of a recorded tree.
    pub(super) live: bool,
}

#[cfg(test)]
impl Socket {
    /// A TCP connection to 192.0.2.7:443.
    pub(crate) fn tcp(state: FdKind) -> Self {
        let (local, remote) = (mapped(Ipv4Addr::LOCALHOST.into()), mapped(Ipv4Addr::new(192, 0, 2, 7).into()));
        Self {
            kind: FdKind::Tcp,
            state: Some(state),
            ends: Ends::Inet { local, remote, local_port: 5, remote_port: 443 },
        }
    }

    /// A unix socket without a name; inode 0: it has no peer.
    pub(crate) fn unix(kind: FdKind, peer: u32) -> Self {
        Self { kind, state: None, ends: Ends::Unix { peer, name: Name::default() } }
    }
}

impl SocketTable {
    /// A table made by hand, and the sockets that are in no table.
    #[cfg(test)]
    pub(crate) fn of(sockets: &[(u64, Socket)], unattached: &[u64], complete: bool) -> Self {
        let (sockets, unattached) = (sockets.iter().copied().collect(), unattached.iter().copied().collect());
        Self { sockets, unattached, complete, ..Self::default() }
    }

    /// The socket with this inode.
    pub fn get(&self, ino: u64) -> Option<Told<'_>> {
        self.sockets.get(&ino).map(|socket| Told { socket, table: self })
    }

    /// How many sockets there are in all tables, the target's and those of others in its namespaces.
    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// True where there is no socket in any table.
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// True where every table that decides could be read (TCP, UDP and unix): a socket of theirs that is not in here is in
    /// none of them. Sockets of other families are asked one by one.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// True where a socket that is in no table was asked, and is one that is neither bound nor connected, or was cut off.
    pub fn is_unattached(&self, ino: u64) -> bool {
        self.unattached.contains(&ino)
    }

    pub(super) fn set_unattached(&mut self, ino: u64) {
        self.unattached.insert(ino);
    }

    /// Empty again, its memory kept.
    pub(super) fn clear(&mut self) {
        self.sockets.clear();
        self.names.clear();
        self.unattached.clear();
        self.complete = false;
        self.live = false;
    }

    /// Enters a socket. Inode 0 is one that no descriptor refers to: in TIME_WAIT, or not yet accepted.
    pub(super) fn insert(&mut self, ino: u64, socket: Socket) {
        if ino != 0 {
            self.sockets.insert(ino, socket);
        }
    }

    /// The same, unless there is one: lines of net/unix can be forged by a name with a line end in it.
    pub(super) fn insert_new(&mut self, ino: u64, socket: Socket) {
        if ino != 0 {
            self.sockets.entry(ino).or_insert(socket);
        }
    }

    /// Keeps the name of a unix socket. Names are at most 108 bytes long; one that cannot be kept is left out.
    pub(super) fn keep_name(&mut self, name: &[u8]) -> Name {
        match (u32::try_from(self.names.len()), u16::try_from(name.len())) {
            (Ok(start), Ok(len)) if len > 0 => {
                self.names.extend_from_slice(name);
                Name { start, len }
            }
            _ => Name::default(),
        }
    }

    fn name(&self, name: Name) -> &[u8] {
        let start = usize::try_from(name.start).unwrap_or(usize::MAX);
        self.names.get(start..start.saturating_add(usize::from(name.len))).unwrap_or_default()
    }
}

#[cfg(test)]
impl SocketTable {
    /// A table that was read in full, for tests.
    pub(crate) fn read_in_full() -> Self {
        Self { complete: true, ..Self::default() }
    }

    /// The same with one more socket, whose peer is at `peer`.
    #[must_use]
    pub(crate) fn with(mut self, ino: u64, kind: FdKind, state: Option<FdKind>, peer: Option<SocketAddr>) -> Self {
        let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
        let remote = peer.unwrap_or(nobody);
        let (local, local_port) = (mapped(nobody.ip()), 0);
        let ends = Ends::Inet { local, remote: mapped(remote.ip()), local_port, remote_port: remote.port() };
        self.insert(ino, Socket { kind, state, ends });
        self
    }

    /// The same with one more socket that is in no table.
    #[must_use]
    pub(crate) fn with_unattached(mut self, ino: u64) -> Self {
        self.set_unattached(ino);
        self
    }
}

/// Spreads inodes, which the kernel counts up. They are no choice of the target's, so that nothing stronger is needed.
#[derive(Debug, Default)]
struct Inodes(u64);

impl Hasher for Inodes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((self.0 << 8) ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_stays_small() {
        assert!(size_of::<Socket>() <= 48, "{}", size_of::<Socket>());
    }

    #[test]
    fn keeps_nothing_but_memory_for_the_next_look() {
        let mut table = SocketTable::read_in_full().with(7, FdKind::Udp, None, None).with_unattached(8);
        assert!(table.is_complete() && table.get(7).is_some() && table.is_unattached(8));
        table.clear();
        assert_eq!(table, SocketTable::default());
    }

    #[test]
    fn tells_the_peer_for_people() {
        let peer = |text: &str| {
            let table = SocketTable::default().with(7, FdKind::Tcp6, None, Some(text.parse().unwrap()));
            table.get(7).unwrap().peer()
        };
        assert_eq!(peer("192.0.2.7:443"), "192.0.2.7:443");
        assert_eq!(peer("[::ffff:192.0.2.7]:443"), "192.0.2.7:443", "a mapped address is one of version 4");
        assert_eq!(peer("[2001:db8::1]:53"), "[2001:db8::1]:53");
        assert_eq!(peer("[::]:0"), "", "a listener talks to nobody");
    }

    #[test]
    fn tells_a_unix_peer_by_its_name_or_by_its_inode() {
        let mut table = SocketTable::default();
        let mut add = |ino, peer, name: &[u8]| {
            let name = table.keep_name(name);
            table.insert(ino, Socket { kind: FdKind::UnixStream, state: None, ends: Ends::Unix { peer, name } });
        };
        add(1, 2, b"");
        add(2, 1, b"/run/a\n.sock\0");
        add(3, 4, b"\0abstract\xff");
        add(4, 3, b"");
        add(0, 3, b"/not accepted");
        let peer = |ino| table.get(ino).unwrap().peer();
        assert_eq!((peer(1), peer(2)), ("/run/a\\n.sock".to_owned(), "socket:[1]".to_owned()));
        assert_eq!((peer(3), peer(4)), ("socket:[4]".to_owned(), "@abstract\\xff".to_owned()));
        assert_eq!((table.len(), table.get(1).unwrap().peer_inode()), (4, Some(2)));
    }
}
