//! The protocol tables as text, see proc_net(5): for recorded trees, and where sock_diag does not answer.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::net::Ipv6Addr;

use rustix::io::Errno;

use super::Refusal;
use super::message::{inet_kind, untold};
use super::table::{Ends, Socket, SocketTable, from_words, tcp_state, unix_kind};
use crate::model::FdKind;
use crate::probe::ProcDir;

/// Bytes that are read at once, and the longest line that is understood.
const BUFFER: usize = 64 * 1024;

/// How the lines of a table are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// net/tcp, net/udp, net/raw, net/icmp: a protocol of IP, by its number.
    Inet4(u8),
    /// net/tcp6, net/udp6, net/raw6, net/icmp6.
    Inet6(u8),
    /// net/unix.
    Unix,
    /// net/netlink.
    Netlink,
    /// net/packet.
    Packet,
}

/// A buffer for [`read`], and for many of them.
pub fn buffer() -> Vec<u8> {
    vec![0; BUFFER]
}

/// Enters the sockets of one table, for example `net/tcp`, into `table`. The folder of a process shows the tables of its
/// network namespace. The text is read piece by piece and never held as a whole.
///
/// # Errors
/// The table is not there, or refused, or a line of it cannot be understood. What was understood before is entered.
pub fn read(
    dir: &ProcDir,
    path: &str,
    shape: Shape,
    buffer: &mut [u8],
    table: &mut SocketTable,
) -> Result<(), Refusal> {
    let file = match dir.file(path) {
        Err(Errno::NOENT) => return Err(Refusal::Absent),
        file => File::from(file?),
    };
    lines(file, buffer, |line| match line_of(shape, line, table) {
        Some(()) => Ok(()),
        // The second half of a name with a line end in it.
        None if shape == Shape::Unix => Ok(()),
        None => Err(Refusal::Malformed("a line that cannot be understood".to_owned())),
    })
}

/// Hands on every line but the first, which is the heading, and empty ones.
fn lines(
    mut file: impl Read,
    buffer: &mut [u8],
    mut each: impl FnMut(&[u8]) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let (mut kept, mut heading) = (0, true);
    loop {
        let space = buffer.get_mut(kept..).unwrap_or_default();
        if space.is_empty() {
            return Err(Refusal::Malformed("a line that is too long".to_owned()));
        }
        let filled = match file.read(space) {
            Ok(0) => break,
            Ok(count) => kept + count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO).into()),
        };
        let mut rest = buffer.get(..filled).unwrap_or_default();
        while let Some(end) = rest.iter().position(|&b| b == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            if !std::mem::take(&mut heading) && !line.is_empty() {
                each(line)?;
            }
        }
        kept = rest.len();
        buffer.copy_within(filled - kept..filled, 0);
    }
    match buffer.get(..kept) {
        Some(line) if !line.is_empty() && !heading => each(line),
        _ => Ok(()),
    }
}

fn line_of(shape: Shape, line: &[u8], table: &mut SocketTable) -> Option<()> {
    match shape {
        Shape::Inet4(protocol) => insert(table, inet(inet_kind(protocol, false), false, line)?),
        Shape::Inet6(protocol) => insert(table, inet(inet_kind(protocol, true), true, line)?),
        Shape::Unix => unix(line, table)?,
        Shape::Netlink => insert(table, (decimal(fields(line).nth(9)?)?, untold(FdKind::Netlink))),
        Shape::Packet => insert(table, (decimal(fields(line).nth(8)?)?, untold(FdKind::Packet))),
    }
    Some(())
}

fn insert(table: &mut SocketTable, (ino, socket): (u64, Socket)) {
    table.insert(ino, socket);
}

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&b| b == b' ').filter(|field| !field.is_empty())
}

/// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`
fn inet(kind: FdKind, v6: bool, line: &[u8]) -> Option<(u64, Socket)> {
    let mut fields = fields(line).skip(1);
    let (local, local_port) = address(v6, fields.next()?)?;
    let (remote, remote_port) = address(v6, fields.next()?)?;
    let state = u8::try_from(hex(fields.next()?)?).ok()?;
    let ino = decimal(fields.nth(5)?)?;
    let tcp = matches!(kind, FdKind::Tcp | FdKind::Tcp6);
    let ends = Ends::Inet { local, remote, local_port, remote_port };
    Some((ino, Socket { kind, state: if tcp { tcp_state(state) } else { None }, ends }))
}

/// `0100007F:1388`: words of the address as numbers of this machine, the port as a plain number.
fn address(v6: bool, field: &[u8]) -> Option<(Ipv6Addr, u16)> {
    let (digits, port) = field.split_at_checked(if v6 { 32 } else { 8 })?;
    let mut words = [0; 16];
    for (word, digits) in words.chunks_exact_mut(4).zip(digits.chunks_exact(8)) {
        word.copy_from_slice(&u32::try_from(hex(digits)?).ok()?.to_ne_bytes());
    }
    let port = hex(port.strip_prefix(b":")?)?;
    Some((from_words(v6, words), u16::try_from(port).ok()?))
}

/// `Num RefCount Protocol Flags Type St Inode Path`: the path may hold anything, and does not tell who the peer is.
fn unix(line: &[u8], table: &mut SocketTable) -> Option<()> {
    let mut words = line.splitn(2, |&b| b == b':');
    hex(words.next()?)?;
    let mut rest = words.next()?;
    let mut next = || {
        rest = rest.trim_ascii_start();
        let end = rest.iter().position(|&b| b == b' ').unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(word)
    };
    let (_count, _protocol, _flags) = (next()?, next()?, next()?);
    let (kind, _state) = (hex(next()?)?, next()?);
    let ino = decimal(next()?)?;
    let path = rest.strip_prefix(b" ").unwrap_or(rest);
    // An abstract name begins with a zero byte, which the kernel prints as `@`.
    let name = match path.split_first() {
        Some((b'@', name)) => table.keep_name(&[&[0], name].concat()),
        _ => table.keep_name(path),
    };
    table.insert_new(
        ino,
        Socket { kind: unix_kind(u32::try_from(kind).ok()?), state: None, ends: Ends::Unix { peer: 0, name } },
    );
    Some(())
}

fn decimal(digits: &[u8]) -> Option<u64> {
    number(digits, 10)
}

fn hex(digits: &[u8]) -> Option<u64> {
    number(digits, 16)
}

/// Digits and nothing else, at least one.
fn number(digits: &[u8], base: u32) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, &digit| {
        let digit = char::from(digit).to_digit(base)?;
        sum.checked_mul(base.into())?.checked_add(digit.into())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::probe::sockets::message::{RAW, TCP, UDP};

    const TCP_HEADING: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn parsed(shape: Shape, text: &[u8], piece: usize) -> (SocketTable, Result<(), Refusal>) {
        let mut table = SocketTable::default();
        let done = lines(Pieces(text, piece), &mut vec![0; 512], |line| match line_of(shape, line, &mut table) {
            None if shape != Shape::Unix => Err(Refusal::Malformed("line".to_owned())),
            _ => Ok(()),
        });
        (table, done)
    }

    /// Gives a text in small pieces, as the kernel does.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.len().min(self.1).min(buffer.len());
            let (now, later) = self.0.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn reads_net_tcp_of_both_versions() {
        let text = format!(
            "{TCP_HEADING}   0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000000000000000 100 0 0 10 0                     \n   1: 0100007F:1388 0700020A:D2F0 08 00000000:00000000 00:00000000 00000000  1000        0 4243 1 0000000000000000 20 4 30 10 -1                    \n   2: 0100007F:1388 0100007F:D2F2 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0000000000000000\n"
        );
        for piece in [1, 7, 4096] {
            let (table, done) = parsed(Shape::Inet4(TCP), text.as_bytes(), piece);
            assert_eq!((done, table.len()), (Ok(()), 2), "what is in TIME_WAIT belongs to nobody");
            let listener = table.get(4242).unwrap();
            assert_eq!((listener.kind, listener.state), (FdKind::Tcp, Some(FdKind::TcpListen)));
            assert_eq!((listener.name(), listener.peer()), ("127.0.0.1:5000".to_owned(), String::new()));
            let closed = table.get(4243).unwrap();
            assert_eq!((closed.state, closed.peer().as_str()), (Some(FdKind::TcpCloseWait), "10.2.0.7:54000"));
        }
        let line = "   0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:9C40 01 00000000:00000000 00:00000000 00000000 0 0 99 1\n";
        let (table, done) = parsed(Shape::Inet6(TCP), format!("{TCP_HEADING}{line}").as_bytes(), 4096);
        let mapped = table.get(99).unwrap();
        assert_eq!((done, mapped.kind, mapped.peer().as_str()), (Ok(()), FdKind::Tcp6, "127.0.0.1:40000"));
    }

    #[test]
    fn reads_the_other_protocols_of_ip_without_a_state() {
        let line =
            b"heading\n  12: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 55 2 0 0\n";
        for (protocol, kind) in [(UDP, FdKind::Udp), (RAW, FdKind::RawIp), (1, FdKind::RawIp)] {
            let (table, done) = parsed(Shape::Inet4(protocol), line, 4096);
            let socket = table.get(55).unwrap();
            assert_eq!((done, socket.kind, socket.state), (Ok(()), kind, None));
        }
    }

    #[test]
    fn reads_net_unix_with_hostile_names() {
        let text = b"Num       RefCount Protocol Flags    Type St Inode Path
0000000055ceedb2: 00000002 00000000 00010000 0001 01  3863 /var/run/my 3863 docker.sock
0000000055ceedb3: 00000003 00000000 00000000 0002 03  3864
0000000055ceedb4: 00000003 00000000 00000000 0005 03 38640 @a
b: not a line of the kernel
0000000055ceedb5: 00000003 00000000 00000000 0001 03  3863 @forged
";
        let (table, done) = parsed(Shape::Unix, text, 4096);
        assert_eq!((done, table.len()), (Ok(()), 3));
        let kinds = [3863, 3864, 38640].map(|ino| table.get(ino).unwrap().kind);
        assert_eq!(kinds, [FdKind::UnixStream, FdKind::UnixDgram, FdKind::UnixSeqpacket]);
        let names = [3863, 3864, 38640].map(|ino| table.get(ino).unwrap().name());
        assert_eq!(names, ["/var/run/my 3863 docker.sock", "", "@a"], "what was there first stays");
    }

    #[test]
    fn reads_net_netlink_and_net_packet() {
        let text = b"sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
0000000050f8de23 0   3964655532 00000000 0        0        0     2        0        38603   \n";
        let (table, _) = parsed(Shape::Netlink, text, 4096);
        assert_eq!(table.get(38603).unwrap().kind, FdKind::Netlink);
        let text = b"sk               RefCnt Type Proto  Iface R Rmem   User   Inode
000000007d3bb7a9 3      3    0003   0     1 0      0      31337\n";
        let (table, _) = parsed(Shape::Packet, text, 4096);
        assert_eq!(table.get(31337).unwrap().kind, FdKind::Packet);
    }

    #[test]
    fn a_line_that_is_cut_off_or_has_no_end_is_an_error() {
        let (_, done) = parsed(Shape::Inet4(TCP), b"heading\n  0: 0100007F:1388 0000", 4096);
        assert!(matches!(done, Err(Refusal::Malformed(_))));
        let (_, done) = parsed(Shape::Unix, &[b'x'; 5000], 4096);
        assert!(matches!(done, Err(Refusal::Malformed(_))));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text: Vec<u8>, words in "[0-9A-F: @\n]{0,300}", piece in 1_usize..600) {
            for shape in [Shape::Inet4(TCP), Shape::Inet6(UDP), Shape::Unix, Shape::Netlink, Shape::Packet] {
                let _ = parsed(shape, &text, piece);
                let _ = parsed(shape, words.as_bytes(), piece);
            }
        }

        #[test]
        fn an_address_reads_back(ip: [u8; 16], port: u16) {
            let words: String = ip.chunks(4).map(|w| format!("{:08X}", u32::from_ne_bytes(w.try_into().unwrap()))).collect();
            let read = address(true, format!("{words}:{port:04X}").as_bytes());
            prop_assert_eq!(read, Some((Ipv6Addr::from(ip), port)));
        }
    }
}
