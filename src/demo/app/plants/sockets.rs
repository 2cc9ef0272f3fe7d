//! One socket of every family, type and lasting state.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, ipproto, netlink, socket_with, socketpair};

use crate::model::{FdClass, FdKind};

use super::bed::Bed;

type Made = io::Result<()>;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
/// AF_ALG, which the crate does not name on every system: see linux/socket.h.
const ALG: AddressFamily = AddressFamily::from_raw(38);

/// A connection within the application: who asked, who accepted, who listened.
pub(super) fn connection(on: IpAddr) -> io::Result<(TcpStream, TcpStream, TcpListener)> {
    let listener = TcpListener::bind((on, 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    Ok((client, server, listener))
}

/// A connection within the application, over IPv4, that nobody listens for any more.
pub(super) fn plain_connection() -> io::Result<(TcpStream, TcpStream)> {
    let (client, server, _listener) = connection(V4)?;
    Ok((client, server))
}

/// The two ends of a unix socket pair.
pub(super) fn pair(kind: SocketType) -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?)
}

/// A socket that is neither bound nor connected.
pub(super) fn fresh(family: AddressFamily, kind: SocketType, protocol: Option<Protocol>) -> io::Result<OwnedFd> {
    Ok(socket_with(family, kind, SocketFlags::CLOEXEC, protocol)?)
}

fn keep(bed: &mut Bed<'_>, socket: OwnedFd, kinds: &[FdKind]) {
    bed.keep(socket, FdClass::Socket, kinds);
}

pub(super) fn tcp4(bed: &mut Bed<'_>) -> Made {
    tcp(bed, V4, FdKind::Tcp)
}

pub(super) fn tcp6(bed: &mut Bed<'_>) -> Made {
    tcp(bed, V6, FdKind::Tcp6)
}

fn tcp(bed: &mut Bed<'_>, on: IpAddr, family: FdKind) -> Made {
    let (client, server, listener) = connection(on)?;
    keep(bed, listener.into(), &[family, FdKind::TcpListen]);
    keep(bed, client.into(), &[family, FdKind::TcpEstablished]);
    keep(bed, server.into(), &[family, FdKind::TcpEstablished]);
    Ok(())
}

pub(super) fn half_closed(bed: &mut Bed<'_>) -> Made {
    let (client, server) = plain_connection()?;
    client.shutdown(Shutdown::Write)?;
    keep(bed, client.into(), &[FdKind::Tcp, FdKind::TcpFinWait2]);
    keep(bed, server.into(), &[FdKind::Tcp, FdKind::TcpCloseWait]);
    Ok(())
}

pub(super) fn udp4(bed: &mut Bed<'_>) -> Made {
    keep(bed, UdpSocket::bind((V4, 0))?.into(), &[FdKind::Udp]);
    Ok(())
}

pub(super) fn udp6(bed: &mut Bed<'_>) -> Made {
    keep(bed, UdpSocket::bind((V6, 0))?.into(), &[FdKind::Udp6]);
    Ok(())
}

pub(super) fn raw(bed: &mut Bed<'_>) -> Made {
    keep(bed, fresh(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP))?, &[FdKind::RawIp]);
    Ok(())
}

pub(super) fn unix_stream(bed: &mut Bed<'_>) -> Made {
    unix(bed, SocketType::STREAM, FdKind::UnixStream)
}

pub(super) fn unix_dgram(bed: &mut Bed<'_>) -> Made {
    unix(bed, SocketType::DGRAM, FdKind::UnixDgram)
}

pub(super) fn unix_seqpacket(bed: &mut Bed<'_>) -> Made {
    unix(bed, SocketType::SEQPACKET, FdKind::UnixSeqpacket)
}

fn unix(bed: &mut Bed<'_>, kind: SocketType, shown: FdKind) -> Made {
    let (one, other) = pair(kind)?;
    keep(bed, one, &[shown]);
    keep(bed, other, &[shown]);
    Ok(())
}

pub(super) fn netlink(bed: &mut Bed<'_>) -> Made {
    // Without a protocol: that of routes.
    let socket = fresh(AddressFamily::NETLINK, SocketType::RAW, None)?;
    // In the kernel's table from here on, and in no multicast group: nothing is ever sent to it.
    rustix::net::bind(&socket, &netlink::SocketAddrNetlink::new(0, 0))?;
    keep(bed, socket, &[FdKind::Netlink]);
    Ok(())
}

pub(super) fn packet(bed: &mut Bed<'_>) -> Made {
    // Without a protocol: no packet is ever copied to it.
    keep(bed, fresh(AddressFamily::PACKET, SocketType::RAW, None)?, &[FdKind::Packet]);
    Ok(())
}

pub(super) fn vsock(bed: &mut Bed<'_>) -> Made {
    keep(bed, fresh(AddressFamily::VSOCK, SocketType::STREAM, None)?, &[FdKind::Vsock]);
    Ok(())
}

pub(super) fn crypto(bed: &mut Bed<'_>) -> Made {
    keep(bed, fresh(ALG, SocketType::SEQPACKET, None)?, &[FdKind::SocketOther]);
    Ok(())
}

pub(super) fn unattached(bed: &mut Bed<'_>) -> Made {
    keep(bed, fresh(AddressFamily::INET, SocketType::STREAM, None)?, &[FdKind::Unattached]);
    Ok(())
}
