//! Requests to and replies from sock_diag(7), as bytes. Pure: `linux/sock_diag.h`, `inet_diag.h`, `unix_diag.h`,
//! `netlink_diag.h`, `packet_diag.h` and `vm_sockets_diag.h` of the kernel say what stands where.

use super::table::{Ends, Name, Socket, SocketTable, from_words, tcp_state, unix_kind};
use crate::model::FdKind;

const AF_UNIX: u8 = 1;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const AF_NETLINK: u8 = 16;
const AF_PACKET: u8 = 17;
const AF_VSOCK: u8 = 40;

const HEADER: usize = 16;
const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const TCPDIAG_GETSOCK: u16 = 18;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
const NLM_F_DUMP_INTR: u16 = 0x10;

/// All states but TIME_WAIT (6) and NEW_SYN_RECV (12), which no descriptor refers to: the kernel leaves them out.
const STATES: u32 = !(1 << 6 | 1 << 12);

/// One dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// TCP over both versions of IP in one walk over the kernel's table (`TCPDIAG_GETSOCK`): that walk is most of the cost
    /// while there are few sockets.
    Tcp,
    /// One protocol over IPv4.
    Inet4(u8),
    /// One protocol over IPv6.
    Inet6(u8),
    /// Unix sockets, with their names and peers.
    Unix,
    /// Netlink sockets.
    Netlink,
    /// Packet sockets.
    Packet,
    /// Sockets to the virtual machine's host.
    Vsock,
}

/// `IPPROTO_TCP`.
pub const TCP: u8 = 6;
/// `IPPROTO_UDP`.
pub const UDP: u8 = 17;
/// `IPPROTO_UDPLITE`.
pub const UDPLITE: u8 = 136;
/// `IPPROTO_RAW`: raw sockets of every protocol.
pub const RAW: u8 = 255;

impl Request {
    /// The message that asks for it.
    pub(super) fn bytes(self, seq: u32) -> Vec<u8> {
        let (kind, body) = match self {
            // struct inet_diag_req: family, lengths of addresses, extensions, struct inet_diag_sockid, states, first number.
            Self::Tcp => (TCPDIAG_GETSOCK, [&[0; 4 + 48], &STATES.to_ne_bytes()[..], &[0; 4]].concat()),
            // struct inet_diag_req_v2: family, protocol, extensions, pad, states, struct inet_diag_sockid.
            Self::Inet4(protocol) => (SOCK_DIAG_BY_FAMILY, inet(AF_INET, protocol)),
            Self::Inet6(protocol) => (SOCK_DIAG_BY_FAMILY, inet(AF_INET6, protocol)),
            // struct unix_diag_req: family, protocol, pad, states, inode, what to show (name 1, peer 4), cookie.
            Self::Unix => (SOCK_DIAG_BY_FAMILY, with_states(AF_UNIX, 1 | 4)),
            // struct netlink_diag_req and packet_diag_req: family, protocol, pad, inode, what to show, cookie.
            Self::Netlink => (SOCK_DIAG_BY_FAMILY, [&[AF_NETLINK, 255, 0, 0][..], &[0; 16]].concat()),
            Self::Packet => (SOCK_DIAG_BY_FAMILY, [&[AF_PACKET, 0, 0, 0][..], &[0; 16]].concat()),
            Self::Vsock => (SOCK_DIAG_BY_FAMILY, with_states(AF_VSOCK, 0)),
        };
        let length = u32::try_from(HEADER + body.len()).unwrap_or(0);
        // struct nlmsghdr: length, type, flags, sequence number, port.
        let header = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &DUMP.to_ne_bytes(), &seq.to_ne_bytes(), &[0; 4]];
        [header.concat(), body].concat()
    }

    fn protocol(self) -> u8 {
        match self {
            Self::Inet4(protocol) | Self::Inet6(protocol) => protocol,
            Self::Tcp => TCP,
            Self::Unix | Self::Netlink | Self::Packet | Self::Vsock => 0,
        }
    }
}

fn inet(family: u8, protocol: u8) -> Vec<u8> {
    [&[family, protocol, 0, 0], &STATES.to_ne_bytes()[..], &[0; 48]].concat()
}

fn with_states(family: u8, show: u32) -> Vec<u8> {
    [&[family, 0, 0, 0], &u32::MAX.to_ne_bytes()[..], &[0; 4], &show.to_ne_bytes(), &[0; 8]].concat()
}

/// What one datagram of replies said beside the sockets in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// The dump is over; with an error number where it failed.
    pub(super) over: Option<i32>,
    /// The tables changed during the dump in a way that may have hidden some.
    pub(super) interrupted: bool,
}

/// Reads one datagram of replies to `request` and enters the sockets. Replies to other requests are skipped.
///
/// # Errors
/// It is cut off, or not made as the kernel makes it.
pub(super) fn replies(
    bytes: &[u8],
    request: Request,
    seq: u32,
    table: &mut SocketTable,
) -> Result<Heard, &'static str> {
    let mut heard = Heard::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let header = rest.first_chunk::<HEADER>().ok_or("a reply without a whole header")?;
        let length = usize::try_from(u32_at(header, 0)).unwrap_or(usize::MAX);
        let payload = rest.get(HEADER..length).ok_or("a reply that is cut off")?;
        let [_, _, _, _, t0, t1, f0, f1, ..] = *header;
        let (kind, flags) = (u16::from_ne_bytes([t0, t1]), u16::from_ne_bytes([f0, f1]));
        if u32_at(header, 8) == seq {
            heard.interrupted |= flags & NLM_F_DUMP_INTR != 0;
            match kind {
                NLMSG_NOOP => {}
                // The error of a dump that could not be begun, and the end of one with the error it met.
                NLMSG_ERROR | NLMSG_DONE => {
                    let number = payload.first_chunk::<4>().map_or(0, |number| i32::from_ne_bytes(*number));
                    heard.over = Some(number.checked_neg().unwrap_or(i32::MAX));
                    return Ok(heard);
                }
                NLMSG_OVERRUN => return Err("replies were lost"),
                _ => enter(request.protocol(), payload, table)?,
            }
        }
        // Messages begin at multiples of four.
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(heard)
}

fn enter(protocol: u8, payload: &[u8], table: &mut SocketTable) -> Result<(), &'static str> {
    const SHORT: &str = "a reply that is too short for its family";
    let family = *payload.first().ok_or(SHORT)?;
    match family {
        AF_INET | AF_INET6 => {
            let (ino, socket) = inet_socket(protocol, payload.first_chunk().ok_or(SHORT)?);
            table.insert(ino, socket);
        }
        AF_UNIX => unix_socket(payload.first_chunk().ok_or(SHORT)?, payload.get(16..).unwrap_or_default(), table)?,
        AF_NETLINK => {
            // struct netlink_diag_msg: family, type, protocol, state, port, port and group of the peer, inode, cookie.
            let message: &[u8; 28] = payload.first_chunk().ok_or(SHORT)?;
            table.insert(u32_at(message, 16).into(), untold(FdKind::Netlink));
        }
        AF_PACKET => {
            // struct packet_diag_msg: family, type, number, inode, cookie.
            let message: &[u8; 16] = payload.first_chunk().ok_or(SHORT)?;
            table.insert(u32_at(message, 4).into(), untold(FdKind::Packet));
        }
        AF_VSOCK => {
            // struct vsock_diag_msg: family, type, state, shutdown, context and port of both ends, inode, cookie.
            let message: &[u8; 32] = payload.first_chunk().ok_or(SHORT)?;
            // A listener's other end is any port of any context.
            let port = match u32_at(message, 16) {
                u32::MAX => 0,
                port => port,
            };
            let ends = Ends::Vsock { context: u32_at(message, 12), port };
            table.insert(u32_at(message, 20).into(), Socket { kind: FdKind::Vsock, state: None, ends });
        }
        _ => return Err("a reply of a family that was not asked for"),
    }
    Ok(())
}

pub(super) fn untold(kind: FdKind) -> Socket {
    Socket { kind, state: None, ends: Ends::Untold }
}

/// struct inet_diag_msg: family, state, timer, retransmissions; ports and addresses of both ends in network order, interface
/// and cookie; expiry, both queues, user, inode.
fn inet_socket(protocol: u8, message: &[u8; 72]) -> (u64, Socket) {
    let [family, state, _, _, l0, l1, r0, r1, ..] = *message;
    let v6 = family == AF_INET6;
    let kind = inet_kind(protocol, v6);
    let tcp = matches!(kind, FdKind::Tcp | FdKind::Tcp6);
    let words = |at: usize| message.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; 16]);
    let ends = Ends::Inet {
        local: from_words(v6, words(8)),
        remote: from_words(v6, words(24)),
        local_port: u16::from_be_bytes([l0, l1]),
        remote_port: u16::from_be_bytes([r0, r1]),
    };
    let socket = Socket { kind, state: if tcp { tcp_state(state) } else { None }, ends };
    (u32_at(message, 68).into(), socket)
}

/// The family and type of a protocol over IP.
pub(super) fn inet_kind(protocol: u8, v6: bool) -> FdKind {
    match (protocol, v6) {
        (TCP, false) => FdKind::Tcp,
        (TCP, true) => FdKind::Tcp6,
        (UDP | UDPLITE, false) => FdKind::Udp,
        (UDP | UDPLITE, true) => FdKind::Udp6,
        _ => FdKind::RawIp,
    }
}

/// struct unix_diag_msg: family, type, state, pad, inode, cookie; then attributes, each with its length and type before it.
fn unix_socket(message: &[u8; 16], attributes: &[u8], table: &mut SocketTable) -> Result<(), &'static str> {
    const NAME: u16 = 0;
    const PEER: u16 = 2;
    let (mut peer, mut name) = (0, Name::default());
    let mut rest = attributes;
    while let Some([l0, l1, t0, t1]) = rest.first_chunk() {
        let length = usize::from(u16::from_ne_bytes([*l0, *l1]));
        let value = rest.get(4..length).ok_or("an attribute that is cut off")?;
        match u16::from_ne_bytes([*t0, *t1]) {
            NAME => name = table.keep_name(value),
            PEER => peer = value.first_chunk().map_or(0, |value| u32::from_ne_bytes(*value)),
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    let [_, kind, ..] = *message;
    let socket = Socket { kind: unix_kind(kind.into()), state: None, ends: Ends::Unix { peer, name } };
    table.insert(u32_at(message, 4).into(), socket);
    Ok(())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u32::from_ne_bytes(*word))
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Recorded on Linux 6.18: a TCP6 listener, and a connection over it that the peer closed.
    const LISTENER: &str = "840000001200020007000000201d00000a0a00003a980000000000000000000000000000000000000000000000000000000000000000000000000000250000000000000000000000000000008000000000000000164d0100050008000000000005000b000000000008000f00000000000c00150001000000000000000600160012000000";
    const CLOSE_WAIT: &str = "7c0000001200020007000000201d00000a0800003a98c63600000000000000000000ffff7f00000100000000000000000000ffff7f00000100000000260000000000000000000000010000000000000000000000184d0100050008000100000008000f00000000000c00150001000000000000000600160012000000";
    // A unix listener, the connection that was accepted from it, and who made that.
    const UNIX: [&str; 3] = [
        "3c0000001400020007000000201d000001010a001a4d01002800000000000000120000002f746d702f6361702e736f636b0000000500060000000000",
        "440000001400020007000000201d0000010101001c4d01002900000000000000120000002f746d702f6361702e736f636b000000080002001b4d01000500060000000000",
        "300000001400020007000000201d0000010101001b4d01002a00000000000000080002001c4d01000500060000000000",
    ];
    const NETLINK: &str = "2c0000001400020007000000201d000010030007201d000000000000000000001e4d01002b00000000000000";
    const PACKET: &str = "200000001400020007000000201d000011030000204d01002d00000000000000";
    const DONE: &str = "140000000300020007000000201d000000000000";
    // The kernel knows the family and has no module for it; and the end of a dump that failed in the same way.
    const NO_MODULE: &str = "3c0000000200000007000000201d0000feffffff2800000014000103070000000000000028000000ffffffff00000000000000000000000000000000";
    const DONE_WITHOUT: &str = "140000000300020007000000201d0000feffffff";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    fn heard(request: Request, parts: &[&str]) -> (SocketTable, Result<Heard, &'static str>) {
        let mut table = SocketTable::default();
        let datagram = parts.iter().flat_map(|part| bytes(part)).collect::<Vec<_>>();
        let heard = replies(&datagram, request, 7, &mut table);
        (table, heard)
    }

    #[test]
    fn reads_tcp_of_both_versions_from_one_dump() {
        let (table, told) = heard(Request::Tcp, &[LISTENER, CLOSE_WAIT, DONE]);
        assert_eq!(told, Ok(Heard { over: Some(0), interrupted: false }));
        let listener = table.get(0x14d16).unwrap();
        assert_eq!((listener.kind, listener.state), (FdKind::Tcp6, Some(FdKind::TcpListen)));
        assert_eq!((listener.name().as_str(), listener.peer().as_str()), ("[::]:15000", ""));
        let closed = table.get(0x14d18).unwrap();
        assert_eq!((closed.kind, closed.state), (FdKind::Tcp6, Some(FdKind::TcpCloseWait)));
        assert_eq!((closed.name().as_str(), closed.peer().as_str()), ("127.0.0.1:15000", "127.0.0.1:50742"));
    }

    #[test]
    fn reads_unix_sockets_with_their_names_and_peers() {
        let (table, told) = heard(Request::Unix, &UNIX);
        assert_eq!(told, Ok(Heard::default()), "more is to come");
        let peer = |ino| table.get(ino).unwrap().peer();
        assert_eq!(peer(0x14d1a), "", "a listener has no peer");
        assert_eq!(peer(0x14d1c), format!("socket:[{}]", 0x14d1b));
        assert_eq!(peer(0x14d1b), "/tmp/cap.sock");
        assert!(table.get(0x14d1a).is_some_and(|socket| socket.kind == FdKind::UnixStream && socket.state.is_none()));
    }

    #[test]
    fn reads_netlink_packet_and_vsock() {
        let (table, _) = heard(Request::Netlink, &[NETLINK]);
        assert_eq!(table.get(0x14d1e).unwrap().kind, FdKind::Netlink);
        let (table, _) = heard(Request::Packet, &[PACKET]);
        assert_eq!(table.get(0x14d20).unwrap().kind, FdKind::Packet);
        let vsock = "300000001400020007000000201d00002801010003000000000400000200000000050000094d01002b00000000000000";
        let (table, _) = heard(Request::Vsock, &[vsock]);
        let socket = table.get(0x14d09).unwrap();
        assert_eq!((socket.kind, socket.peer().as_str()), (FdKind::Vsock, "context 2 port 1280"));
    }

    #[test]
    fn hears_that_a_module_is_missing_in_both_ways() {
        let absent = Ok(Heard { over: Some(2), interrupted: false });
        assert_eq!(heard(Request::Vsock, &[NO_MODULE]).1, absent);
        assert_eq!(heard(Request::Inet4(RAW), &[DONE_WITHOUT]).1, absent);
    }

    #[test]
    fn hears_that_the_dump_was_interrupted() {
        let interrupted = CLOSE_WAIT.replacen("12000200", "12001200", 1);
        let told = heard(Request::Tcp, &[LISTENER, &interrupted]).1;
        assert_eq!(told, Ok(Heard { over: None, interrupted: true }));
    }

    #[test]
    fn skips_what_answers_an_earlier_request() {
        let earlier = LISTENER.replacen("07000000", "06000000", 1);
        let (table, told) = heard(Request::Tcp, &[&earlier, CLOSE_WAIT]);
        assert_eq!((told, table.len()), (Ok(Heard::default()), 1));
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let whole = bytes(&[LISTENER, UNIX[1]].concat());
        for end in 1..whole.len() {
            let mut table = SocketTable::default();
            let told = replies(&whole[..end], Request::Tcp, 7, &mut table);
            // The padding after the last reply may be missing.
            assert_eq!(told.is_ok(), end == bytes(LISTENER).len(), "{end}");
        }
        let mut short = bytes(PACKET);
        short[0] = 24;
        assert!(replies(&short[..24], Request::Packet, 7, &mut SocketTable::default()).is_err());
    }

    #[test]
    fn a_request_has_the_length_that_the_kernel_asks_for() {
        let lengths =
            [Request::Tcp, Request::Inet4(TCP), Request::Unix, Request::Netlink, Request::Packet, Request::Vsock]
                .map(|request| (request.bytes(7).len() - HEADER, request.bytes(7)[0]));
        assert_eq!(lengths, [(60, 76), (56, 72), (24, 40), (20, 36), (20, 36), (24, 40)]);
    }

    proptest! {
        #[test]
        fn no_reply_makes_the_reader_panic(noise: Vec<u8>) {
            for request in [Request::Tcp, Request::Unix] {
                let _ = replies(&noise, request, 7, &mut SocketTable::default());
            }
        }

        #[test]
        fn no_damage_makes_the_reader_panic(at in 0_usize..400, byte: u8, end in 0_usize..400) {
            let mut datagram = bytes(&[LISTENER, UNIX[1], NETLINK, PACKET, DONE].concat());
            let at = at % datagram.len();
            datagram[at] = byte;
            datagram.truncate(end);
            let mut table = SocketTable::default();
            let _ = replies(&datagram, Request::Tcp, 7, &mut table);
            for ino in [0x14d16, 0x14d1c, 0x14d1e, 0x14d20] {
                let _ = table.get(ino).map(|socket| (socket.peer(), socket.name()));
            }
        }
    }
}
