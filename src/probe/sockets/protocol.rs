//! Which protocol tables there are, and how each is read: by sock_diag, or as text.

use super::Refusal;
use super::diag::Diag;
use super::message::{RAW, Request, TCP, UDP, UDPLITE};
use super::namespace::{Space, Spaces};
use super::table::SocketTable;
use super::tables::{self, Shape};
use crate::model::Gap;
use crate::probe::{ProcDir, ProcRoot};

/// `IPPROTO_ICMP` and `IPPROTO_ICMPV6`, which ping sockets speak.
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// One protocol: what tells of its sockets.
#[derive(Debug)]
struct Protocol {
    /// For people.
    name: &'static str,
    /// Dumps that tell all of it together, the best way first.
    dumps: &'static [&'static [Request]],
    /// Files that tell the same. Where the kernel has no IPv6, only the first is there.
    files: &'static [(&'static str, Shape)],
}

/// A socket in none of these may be unattached: such a one of TCP or UDP is in no table. A unix socket is in the table of its
/// namespace from birth to end.
const DECISIVE: &[Protocol] = &[
    Protocol {
        name: "tcp",
        dumps: &[&[Request::Tcp], &[Request::Inet4(TCP), Request::Inet6(TCP)]],
        files: &[("net/tcp", Shape::Inet4(TCP)), ("net/tcp6", Shape::Inet6(TCP))],
    },
    Protocol {
        name: "udp",
        dumps: &[&[Request::Inet4(UDP), Request::Inet6(UDP)]],
        files: &[("net/udp", Shape::Inet4(UDP)), ("net/udp6", Shape::Inet6(UDP))],
    },
    Protocol { name: "unix", dumps: &[&[Request::Unix]], files: &[("net/unix", Shape::Unix)] },
];

/// Sockets of these are what they are, in a table or not: the table spares asking them. Kernels know some of them only.
const RARE: &[Protocol] = &[
    Protocol { name: "netlink", dumps: &[&[Request::Netlink]], files: &[("net/netlink", Shape::Netlink)] },
    Protocol { name: "packet", dumps: &[&[Request::Packet]], files: &[("net/packet", Shape::Packet)] },
    Protocol {
        name: "raw",
        dumps: &[&[Request::Inet4(RAW), Request::Inet6(RAW)]],
        files: &[("net/raw", Shape::Inet4(RAW)), ("net/raw6", Shape::Inet6(RAW))],
    },
    Protocol {
        name: "icmp",
        dumps: &[],
        files: &[("net/icmp", Shape::Inet4(ICMP)), ("net/icmp6", Shape::Inet6(ICMPV6))],
    },
    Protocol {
        name: "udplite",
        dumps: &[&[Request::Inet4(UDPLITE), Request::Inet6(UDPLITE)]],
        files: &[("net/udplite", Shape::Inet4(UDPLITE)), ("net/udplite6", Shape::Inet6(UDPLITE))],
    },
    Protocol { name: "vsock", dumps: &[&[Request::Vsock]], files: &[] },
];

/// Reads protocols; remembers which dumps this kernel does not know, because each question may make it look for a module.
#[derive(Debug)]
pub(super) struct Reader {
    // By protocol, those that decide first: how many of its ways by dump are known not to work.
    absent: [usize; DECISIVE.len() + RARE.len()],
    datagram: Vec<u8>,
    text: Vec<u8>,
}

impl Default for Reader {
    fn default() -> Self {
        Self { absent: Default::default(), datagram: Diag::buffer(), text: tables::buffer() }
    }
}

impl Reader {
    /// Reads the protocols that decide. A gap for each that could not be read.
    pub(super) fn decisive(
        &mut self,
        spaces: &mut Spaces,
        root: &ProcRoot,
        space: &Space,
        table: &mut SocketTable,
    ) -> Vec<Gap> {
        let missing = |(name, why): (&str, Refusal)| space.gap(name, why.reason());
        self.all(DECISIVE, 0, spaces, root, space, table).map(missing).collect()
    }

    /// Reads the others. A gap for each that is there and could not be read.
    pub(super) fn rare(
        &mut self,
        spaces: &mut Spaces,
        root: &ProcRoot,
        space: &Space,
        table: &mut SocketTable,
    ) -> Vec<Gap> {
        let there = |(_, why): &(&str, Refusal)| *why != Refusal::Absent;
        let missing = |(name, why): (&str, Refusal)| space.gap(name, why.reason());
        self.all(RARE, DECISIVE.len(), spaces, root, space, table).filter(there).map(missing).collect()
    }

    fn all(
        &mut self,
        protocols: &'static [Protocol],
        first: usize,
        spaces: &mut Spaces,
        root: &ProcRoot,
        space: &Space,
        table: &mut SocketTable,
    ) -> impl Iterator<Item = (&'static str, Refusal)> {
        let mut missing = Vec::new();
        for (protocol, index) in protocols.iter().zip(first..) {
            if self.dumped(protocol, index, spaces.diag(space), table) {
                continue;
            }
            if let Err(why) = self.as_text(protocol, spaces, root, space, table) {
                missing.push((protocol.name, why));
            }
        }
        missing.into_iter()
    }

    /// True where a dump told all of the protocol. A socket that is out of step is let go, and opened again at the next look.
    fn dumped(&mut self, protocol: &Protocol, index: usize, diag: &mut Option<Diag>, table: &mut SocketTable) -> bool {
        let Some(absent) = self.absent.get_mut(index) else { return false };
        while let (Some(socket), Some(way)) = (diag.as_mut(), protocol.dumps.get(*absent)) {
            match way.iter().try_for_each(|request| socket.dump(*request, &mut self.datagram, table)) {
                Ok(()) => return true,
                Err(Refusal::Absent) => *absent += 1,
                Err(Refusal::Kernel(_) | Refusal::Malformed(_)) => *diag = None,
            }
        }
        false
    }

    /// Reads the files through the first process of the namespace that is still there.
    fn as_text(
        &mut self,
        protocol: &Protocol,
        spaces: &Spaces,
        root: &ProcRoot,
        space: &Space,
        table: &mut SocketTable,
    ) -> Result<(), Refusal> {
        let mut answer = Err(Refusal::Absent);
        for member in spaces.members(space) {
            let Ok(dir) = root.open(member.pid) else { continue };
            answer = self.files(protocol, &dir, &member.base, table);
            if answer.is_ok() {
                break;
            }
        }
        answer
    }

    fn files(
        &mut self,
        protocol: &Protocol,
        dir: &ProcDir,
        base: &str,
        table: &mut SocketTable,
    ) -> Result<(), Refusal> {
        let mut answer = Err(Refusal::Absent);
        for (file, shape) in protocol.files {
            answer = match tables::read(dir, &format!("{base}{file}"), *shape, &mut self.text, table) {
                // No IPv6, and so no sockets of it.
                Err(Refusal::Absent) if answer.is_ok() => Ok(()),
                Err(why) => return Err(why),
                Ok(()) => Ok(()),
            };
        }
        answer
    }
}

#[cfg(test)]
impl Reader {
    /// As if the kernel knew no dump.
    pub(super) fn forget_dumps(&mut self) {
        self.absent = [usize::MAX; DECISIVE.len() + RARE.len()];
    }
}
