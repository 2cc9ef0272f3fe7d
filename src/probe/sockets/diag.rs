//! Dumps of the kernel's protocol tables through a netlink socket, see sock_diag(7).

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with};

use super::Refusal;
use super::message::{Request, replies};
use super::table::SocketTable;

/// Bytes received at once. The kernel fills at most 32 KiB of them: some three hundred sockets.
const BUFFER: usize = 64 * 1024;

/// The kernel answers at once. A bound all the same, so that nothing hangs on it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A netlink socket, which sees the network namespace it was opened in, wherever it is used.
#[derive(Debug)]
pub struct Diag {
    socket: OwnedFd,
    seq: u32,
}

impl Diag {
    /// Opens it in the namespace of the thread that calls.
    ///
    /// # Errors
    /// What the kernel answered: no sock_diag, no descriptor left.
    pub fn open() -> Result<Self, Errno> {
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
        // Connected to the kernel, it takes messages of nobody else.
        connect(&socket, &SocketAddrNetlink::new(0, 0))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        Ok(Self { socket, seq: 0 })
    }

    /// A buffer for [`Diag::dump`], and for many of them.
    pub fn buffer() -> Vec<u8> {
        vec![0; BUFFER]
    }

    /// Enters the sockets of one protocol into the table. A dump that the kernel calls inconsistent is made again, once. After
    /// an error other than [`Refusal::Absent`] the socket may still hold replies and must not be used again.
    ///
    /// # Errors
    /// The kernel does not know the protocol, refuses, or answers in a way that cannot be understood.
    pub fn dump(&mut self, request: Request, buffer: &mut [u8], table: &mut SocketTable) -> Result<(), Refusal> {
        let interrupted = self.once(request, buffer, table)?;
        if interrupted && self.once(request, buffer, table)? {
            return Err(Refusal::Malformed("it changed twice while it was dumped".to_owned()));
        }
        Ok(())
    }

    /// True where the dump was inconsistent.
    fn once(&mut self, request: Request, buffer: &mut [u8], table: &mut SocketTable) -> Result<bool, Refusal> {
        self.seq = self.seq.wrapping_add(1);
        send(&self.socket, &request.bytes(self.seq), SendFlags::empty())?;
        let mut interrupted = false;
        loop {
            // With this flag the kernel tells the whole length, also of what did not fit.
            let (_, length) = match recv(&self.socket, &mut *buffer, RecvFlags::TRUNC) {
                Err(Errno::INTR) => continue,
                answer => answer?,
            };
            if length == 0 {
                return Err(Refusal::Malformed("an empty reply".to_owned()));
            }
            let datagram = buffer.get(..length).ok_or_else(|| Refusal::Malformed("a reply too long".to_owned()))?;
            let heard =
                replies(datagram, request, self.seq, table).map_err(|why| Refusal::Malformed(why.to_owned()))?;
            interrupted |= heard.interrupted;
            match heard.over {
                None => {}
                Some(0) => return Ok(interrupted),
                Some(number) => return Err(refusal(number)),
            }
        }
    }
}

/// What an error of a dump means: no module for the protocol, or something else.
fn refusal(number: i32) -> Refusal {
    // The kernel's error numbers, see include/linux/err.h.
    if !(1..4096).contains(&number) {
        return Refusal::Malformed(format!("error {number}"));
    }
    match Errno::from_raw_os_error(number) {
        Errno::NOENT | Errno::INVAL | Errno::OPNOTSUPP | Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT => Refusal::Absent,
        other => Refusal::from(other),
    }
}
