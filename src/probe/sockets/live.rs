//! Tests on this very process.

use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::sync::mpsc;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket, socketpair};

use super::*;
use crate::model::{FdCensus, FdKind, ProcId, ProcState, ProcessFacts, ProcessSample, Role};
use crate::probe::scan::Entry;

/// The kernel's cryptography.
const AF_ALG: u16 = 38;

/// A process that holds these sockets, by number and inode.
pub(super) fn holder(pid: u32, sockets: impl IntoIterator<Item = (u32, u64)>) -> Seen {
    let held: Vec<Entry> =
        sockets.into_iter().map(|(fd, ident)| Entry { fd, class: FdClass::Socket, kind: None, ident }).collect();
    let count = held.len() as u64;
    let census = FdCensus { total: count, classes: [(FdClass::Socket, count)].into(), ..FdCensus::default() };
    Seen {
        sample: ProcessSample {
            id: ProcId { pid, start: 1 },
            ppid: 1,
            ns_pid: None,
            role: Role::App,
            state: ProcState::Sleeping,
            comm: "app".to_owned(),
            cmdline: "app".to_owned(),
            threads: Reading::Value(1),
            rss: Reading::Value(1),
            anon: Reading::Value(1),
            nofile: Reading::Value(None),
            fds: Reading::Value(census.into()),
            facts: ProcessFacts::default(),
        },
        held: Some(held),
        handles: None,
        gaps: Vec::new(),
    }
}

fn ino(socket: &impl AsFd) -> u64 {
    rustix::fs::fstat(socket).unwrap().st_ino
}

/// This process, as if it held these sockets and no others.
fn this(sockets: &[&dyn AsFd]) -> Seen {
    let sockets = sockets.iter().map(|socket| {
        let number = socket.as_fd().as_raw_fd().try_into().unwrap();
        (number, ino(&socket.as_fd()))
    });
    holder(std::process::id(), sockets)
}

fn look(sockets: &mut Sockets, seen: &mut [Seen]) -> (SocketTable, Vec<Gap>) {
    let mut gaps = Vec::new();
    let mut table = sockets.look(&ProcRoot::system(), seen, &mut gaps);
    sockets.enter(seen, &mut table);
    (table, gaps)
}

pub(super) fn kinds(seen: &Seen) -> Vec<(FdKind, u64)> {
    seen.sample.fds.value().unwrap().kinds.iter().map(|(kind, count)| (*kind, *count)).collect()
}

pub(super) fn told(seen: &Seen) -> bool {
    seen.sample.fds.value().unwrap().kinds_told(FdClass::Socket)
}

/// A connection over loopback: who made it, and who accepted it.
fn connection(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// What has no bound in time but soon comes true: a packet over loopback is delivered before the next system call or two.
fn until(mut happens: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !happens() {
        assert!(begun.elapsed().as_secs() < 10, "it does not happen");
        std::thread::yield_now();
    }
}

fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

fn fresh(family: AddressFamily, kind: SocketType) -> OwnedFd {
    socket(family, kind, None).unwrap()
}

#[test]
fn tells_the_state_and_the_peer_of_tcp_sockets() {
    let listener = listener();
    let (client, server) = connection(&listener);
    let (gone, left) = connection(&listener);
    drop(gone);
    let mut seen = [this(&[&listener, &client, &server, &left])];
    let mut sockets = Sockets::default();
    let mut answer = None;
    until(|| {
        seen = [this(&[&listener, &client, &server, &left])];
        let (table, gaps) = look(&mut sockets, &mut seen);
        let waits = table.get(ino(&left)).unwrap().state == Some(FdKind::TcpCloseWait);
        answer = Some((table, gaps));
        waits
    });
    let (table, gaps) = answer.unwrap();
    assert_eq!((gaps, table.is_complete(), told(&seen[0])), (vec![], true, true));
    let expected = [(FdKind::Tcp, 4), (FdKind::TcpEstablished, 2), (FdKind::TcpCloseWait, 1), (FdKind::TcpListen, 1)];
    assert_eq!(kinds(&seen[0]), expected);
    let of = |socket: &TcpStream| table.get(ino(socket)).unwrap().peer();
    assert_eq!(of(&client), listener.local_addr().unwrap().to_string());
    assert_eq!(of(&server), client.local_addr().unwrap().to_string());
    assert_eq!(table.get(ino(&listener)).unwrap().peer(), "");
}

#[test]
fn tells_version_6_and_shows_mapped_addresses_as_version_4() {
    let Ok(listener) = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)) else {
        eprintln!("skipped: no IPv6 here");
        return;
    };
    let port = listener.local_addr().unwrap().port();
    let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let server = listener.accept().unwrap().0;
    let udp = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
    let mut seen = [this(&[&listener, &client, &server, &udp])];
    let (table, _) = look(&mut Sockets::default(), &mut seen);
    let expected =
        [(FdKind::Tcp, 1), (FdKind::Tcp6, 2), (FdKind::Udp6, 1), (FdKind::TcpEstablished, 2), (FdKind::TcpListen, 1)];
    assert_eq!(kinds(&seen[0]), expected);
    assert_eq!(table.get(ino(&server)).unwrap().peer(), client.local_addr().unwrap().to_string());
}

#[test]
fn tells_unix_sockets_by_type_and_peer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let client = UnixStream::connect(&path).unwrap();
    let server = listener.accept().unwrap().0;
    let (dgram, _other) = UnixDatagram::pair().unwrap();
    let seqpacket = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    let alone = fresh(AddressFamily::UNIX, SocketType::STREAM);
    let all: [&dyn AsFd; 6] = [&listener, &client, &server, &dgram, &seqpacket.0, &alone];
    let mut seen = [this(&all)];
    let (table, _) = look(&mut Sockets::default(), &mut seen);
    assert_eq!(kinds(&seen[0]), [(FdKind::UnixStream, 4), (FdKind::UnixDgram, 1), (FdKind::UnixSeqpacket, 1)]);
    let of = |socket: &dyn AsFd| table.get(ino(&socket.as_fd())).unwrap().peer();
    assert_eq!(of(&client), path.display().to_string());
    assert_eq!(of(&server), format!("socket:[{}]", ino(&client)));
    assert_eq!(table.get(ino(&seqpacket.0)).unwrap().peer_inode(), Some(ino(&seqpacket.1)));
    assert_eq!(of(&alone), "", "it is in the table, and has no peer");
}

#[test]
fn what_is_neither_bound_nor_connected_is_unattached() {
    let tcp = fresh(AddressFamily::INET, SocketType::STREAM);
    let udp = fresh(AddressFamily::INET, SocketType::DGRAM);
    let bound = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut sockets = Sockets::default();
    for _ in 0..2 {
        let mut seen = [this(&[&tcp, &udp, &bound])];
        let (table, gaps) = look(&mut sockets, &mut seen);
        assert_eq!((gaps, told(&seen[0])), (vec![], true));
        assert_eq!(kinds(&seen[0]), [(FdKind::Udp, 1), (FdKind::Unattached, 2)]);
        let unattached = [ino(&tcp), ino(&udp), ino(&bound)].map(|ino| table.is_unattached(ino));
        assert_eq!(unattached, [true, true, false]);
        sockets.recycle(table);
    }
    // The same socket is told anew when it is put to use.
    rustix::net::bind(&tcp, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    rustix::net::listen(&tcp, 1).unwrap();
    let mut seen = [this(&[&tcp])];
    let (table, _) = look(&mut sockets, &mut seen);
    assert_eq!(kinds(&seen[0]), [(FdKind::Tcp, 1), (FdKind::TcpListen, 1)]);
    assert!(!table.is_unattached(ino(&tcp)));
}

#[test]
fn a_connection_that_was_cut_off_is_in_no_table() {
    let listener = listener();
    let (client, mut server) = connection(&listener);
    server.write_all(b"never read").unwrap();
    // Data that nobody read makes the close a reset.
    until(|| client.peek(&mut [0; 1]).unwrap() == 1);
    drop(client);
    until(|| server.peer_addr().is_err());
    let mut seen = [this(&[&server])];
    let (table, _) = look(&mut Sockets::default(), &mut seen);
    assert_eq!(kinds(&seen[0]), [(FdKind::Unattached, 1)]);
    assert!(table.is_unattached(ino(&server)));
}

#[test]
fn a_tcp_socket_that_is_bound_and_no_more_is_closed() {
    let tcp = fresh(AddressFamily::INET, SocketType::STREAM);
    rustix::net::bind(&tcp, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let mut seen = [this(&[&tcp])];
    let (table, _) = look(&mut Sockets::default(), &mut seen);
    // Linux before 6.8 does not show it.
    match table.get(ino(&tcp)) {
        Some(_) => assert_eq!(kinds(&seen[0]), [(FdKind::Tcp, 1), (FdKind::TcpClose, 1)]),
        None => assert_eq!(kinds(&seen[0]), [(FdKind::Unattached, 1)]),
    }
}

#[test]
fn sockets_of_other_families_are_never_unattached() {
    let netlink = fresh(AddressFamily::NETLINK, SocketType::RAW);
    rustix::net::bind(&netlink, &SocketAddrNetlink::new(0, 0)).unwrap();
    let unbound = fresh(AddressFamily::NETLINK, SocketType::RAW);
    let mut expected = vec![(FdKind::Netlink, 2)];
    let mut all: Vec<OwnedFd> = vec![netlink, unbound];
    for (family, kind, is) in [
        (AddressFamily::INET, SocketType::RAW, FdKind::RawIp),
        (AddressFamily::PACKET, SocketType::RAW, FdKind::Packet),
        (AddressFamily::VSOCK, SocketType::STREAM, FdKind::Vsock),
        (AddressFamily::from_raw(AF_ALG), SocketType::SEQPACKET, FdKind::SocketOther),
    ] {
        let protocol = (is == FdKind::RawIp).then_some(rustix::net::ipproto::ICMP);
        // Not every user may make them, and not every kernel knows them.
        match socket(family, kind, protocol) {
            Ok(socket) => {
                all.push(socket);
                expected.push((is, 1));
            }
            Err(errno) => eprintln!("without {is:?}: {errno}"),
        }
    }
    expected.sort_unstable();
    let borrowed: Vec<&dyn AsFd> = all.iter().map(|socket| socket as &dyn AsFd).collect();
    let mut seen = [this(&borrowed)];
    let (_, gaps) = look(&mut Sockets::default(), &mut seen);
    assert_eq!((kinds(&seen[0]), gaps), (expected, vec![]));
}

#[test]
fn what_is_gone_when_it_is_asked_has_no_kind() {
    let gone = fresh(AddressFamily::INET, SocketType::STREAM);
    let other = fresh(AddressFamily::INET, SocketType::STREAM);
    let mut seen = [this(&[&gone, &other])];
    // Its number means another socket by now.
    seen[0].held.as_mut().unwrap()[0].ident = ino(&gone) + (1 << 40);
    let (table, _) = look(&mut Sockets::default(), &mut seen);
    assert_eq!((kinds(&seen[0]), told(&seen[0])), (vec![(FdKind::Unattached, 1)], false));
    assert!(!table.is_unattached(ino(&gone)));
}

#[test]
fn asks_only_so_many_in_one_look_and_the_others_in_the_next() {
    let many: Vec<OwnedFd> = (0..identify::ASKS + 10).map(|_| fresh(AddressFamily::INET, SocketType::STREAM)).collect();
    let borrowed: Vec<&dyn AsFd> = many.iter().map(|socket| socket as &dyn AsFd).collect();
    let mut sockets = Sockets::default();
    let mut counts = Vec::new();
    for _ in 0..2 {
        let mut seen = [this(&borrowed)];
        look(&mut sockets, &mut seen);
        counts.push(kinds(&seen[0]));
    }
    let asks = u64::from(identify::ASKS);
    assert_eq!(counts, [vec![(FdKind::Unattached, asks)], vec![(FdKind::Unattached, asks + 10)]]);
}

#[test]
fn the_text_tells_the_same_where_there_is_no_sock_diag() {
    let listener = listener();
    let (client, server) = connection(&listener);
    let (stream, _end) = UnixStream::pair().unwrap();
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let tcp = fresh(AddressFamily::INET, SocketType::STREAM);
    let netlink = fresh(AddressFamily::NETLINK, SocketType::RAW);
    rustix::net::bind(&netlink, &SocketAddrNetlink::new(0, 0)).unwrap();
    let all: [&dyn AsFd; 7] = [&listener, &client, &server, &stream, &udp, &tcp, &netlink];
    let mut dumped = [this(&all)];
    look(&mut Sockets::default(), &mut dumped);
    let mut without = Sockets::default();
    without.reader.forget_dumps();
    let mut read = [this(&all)];
    let (table, gaps) = look(&mut without, &mut read);
    assert_eq!((kinds(&read[0]), gaps), (kinds(&dumped[0]), vec![]));
    assert_eq!(table.get(ino(&client)).unwrap().peer(), listener.local_addr().unwrap().to_string());
}

/// Sockets in a network namespace of their own, and a thread that lives there.
struct Elsewhere {
    tid: u32,
    listener: TcpListener,
    unix: UnixDatagram,
    client: TcpStream,
    end: mpsc::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Elsewhere {
    /// `None`, and a word on it, without the right to make a namespace.
    fn new() -> Option<Self> {
        let (out, from) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            #[expect(deprecated, reason = "the other form is unsafe for the sake of a flag that is not used here")]
            let apart = rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNET);
            if let Err(errno) = apart.and_then(|()| loopback_up()) {
                eprintln!("skipped: no network namespace can be made: {errno}");
                return;
            }
            let listener = listener();
            let (client, _server) = connection(&listener);
            let unix = UnixDatagram::unbound().unwrap();
            let tid = rustix::thread::gettid().as_raw_nonzero().get().try_into().unwrap();
            out.send((tid, listener, unix, client)).unwrap();
            let _ = ended.recv();
        });
        match from.recv() {
            Ok((tid, listener, unix, client)) => Some(Self { tid, listener, unix, client, end, thread }),
            Err(_) => {
                thread.join().unwrap();
                None
            }
        }
    }

    fn end(self) {
        drop(self.end);
        self.thread.join().unwrap();
    }
}

/// Sets the loopback device up by a message of rtnetlink(7): RTM_NEWLINK, interface 1, IFF_UP.
fn loopback_up() -> Result<(), rustix::io::Errno> {
    let route = socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    rustix::net::connect(&route, &SocketAddrNetlink::new(0, 0))?;
    let words: [u32; 8] = [32, 16 | (5 << 16), 1, 0, 0, 1, 1, 1];
    let message: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    rustix::net::send(&route, &message, rustix::net::SendFlags::empty())?;
    rustix::net::recv(&route, &mut [0; 128], rustix::net::RecvFlags::empty())?;
    Ok(())
}

#[test]
fn looks_into_the_network_namespace_of_every_process() {
    let Some(there) = Elsewhere::new() else { return };
    let here = listener();
    let all: [&dyn AsFd; 4] = [&here, &there.listener, &there.client, &there.unix];
    let mut sockets = Sockets::default();
    for _ in 0..2 {
        // A process that holds sockets of both namespaces, and one that lives in the other and holds none.
        let mut seen = [this(&all), holder(there.tid, [])];
        let (table, gaps) = look(&mut sockets, &mut seen);
        assert_eq!((gaps, told(&seen[0])), (vec![], true));
        let expected = [(FdKind::Tcp, 3), (FdKind::UnixDgram, 1), (FdKind::TcpEstablished, 1), (FdKind::TcpListen, 2)];
        assert_eq!(kinds(&seen[0]), expected);
        assert_eq!(table.get(ino(&there.client)).unwrap().peer(), there.listener.local_addr().unwrap().to_string());
        sockets.recycle(table);
    }
    // Where nobody lives there, its tables are out of reach: what the sockets themselves tell is used, and the state of a
    // connection is left untold.
    let mut seen = [this(&all)];
    look(&mut sockets, &mut seen);
    assert_eq!(kinds(&seen[0]), [(FdKind::Tcp, 2), (FdKind::UnixDgram, 1), (FdKind::TcpListen, 2)]);
    assert!(!told(&seen[0]));
    there.end();
}
