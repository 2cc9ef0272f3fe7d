//! Calls of the kernel that a filter, a namespace or a build option may refuse: each is tried for real.

use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, sockopt};

use super::{Check, CheckState};
use crate::probe::borrow::borrow;

/// How long the kernel may take to answer on a netlink socket.
const ANSWER: Duration = Duration::from_secs(2);

/// Tries them all, on a child where one can be started, else on this process itself.
pub(super) fn all(sleeper: Option<&[String]>) -> [Check; 3] {
    let child = sleeper.and_then(Sleeper::start);
    let (pid, whom) = match &child {
        Some(child) => (child.0.id(), "a child"),
        None => (std::process::id(), "slowdrip itself"),
    };
    // Standard error is inherited, so that both ends of the question are the same.
    let borrowed = borrow(pid, 2).map(drop);
    let compared = kcmp_file(std::process::id(), pid, 2, 2);
    [
        judged(
            "pidfd_getfd",
            borrowed,
            &format!("works on {whom}"),
            "Half-open pipes, sockets without a peer and closed terminals cannot be told dead.",
        ),
        judged(
            "kcmp",
            compared.map(drop),
            &format!("works on {whom}"),
            "Handles that are shared across a fork cannot be told from copies of their own: some dead ones may be counted twice.",
        ),
        judged(
            "sock_diag",
            sock_diag(),
            "works in this network namespace",
            "Sockets are read from net/tcp and its like instead, which costs more.",
        ),
    ]
}

fn judged(name: &'static str, answer: Result<(), Errno>, works: &str, meaning: &str) -> Check {
    let errno = match answer {
        Ok(()) => return Check::ok(name, works),
        Err(errno) => errno,
    };
    let (found, advice) = match errno {
        Errno::NOSYS | Errno::NOENT | Errno::OPNOTSUPP | Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT => (
            "not in this kernel",
            "Use a newer kernel, or one built with it (CONFIG_KCMP, CONFIG_INET_DIAG); inside gVisor there is no way.",
        ),
        Errno::PERM | Errno::ACCESS => (
            "refused",
            "A seccomp filter, Yama or a security module forbids it: run slowdrip outside of the container, or as root.",
        ),
        Errno::AGAIN | Errno::TIMEDOUT => ("no answer in time", "Try again; if it stays so, look at `dmesg`."),
        _ => ("failed", "Please report it together with the kernel's version."),
    };
    Check::new(name, CheckState::Warn, format!("{found} ({errno})"), meaning, advice)
}

/// A child that waits until its standard input ends. It is ended with this value.
#[derive(Debug)]
struct Sleeper(Child);

impl Sleeper {
    fn start(command: &[String]) -> Option<Self> {
        let (program, arguments) = command.split_first()?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::inherit());
        command.spawn().ok().map(Self)
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        // Nothing is lost with it, and it must not be left behind where this ends early.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// True where two descriptors of two processes are one open file, see kcmp(2).
///
/// # Errors
/// What the kernel answered.
fn kcmp_file(one: u32, other: u32, one_fd: u32, other_fd: u32) -> Result<bool, Errno> {
    const KCMP_FILE: libc::c_long = 0;
    let [one, other] = [one, other].map(libc::c_long::from);
    let [one_fd, other_fd] = [one_fd, other_fd].map(libc::c_long::from);
    #[expect(unsafe_code, reason = "no safe crate offers kcmp; all its arguments are numbers")]
    // SAFETY: the call takes five numbers, and touches no memory of this process.
    let answer = unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_FILE, one_fd, other_fd) };
    if answer < 0 {
        let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
        return Err(Errno::from_raw_os_error(errno));
    }
    Ok(answer == 0)
}

/// Asks for the listening TCP sockets of this network namespace, see sock_diag(7), and waits for the first answer.
fn sock_diag() -> Result<(), Errno> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(netlink::SOCK_DIAG))?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(ANSWER))?;
    rustix::net::send(&socket, &question(), SendFlags::empty())?;
    answer(&socket)
}

/// A netlink header (16 bytes) and an `inet_diag_req_v2` (56 bytes), see linux/netlink.h and linux/inet_diag.h.
fn question() -> [u8; 72] {
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const REQUEST_AND_DUMP: u16 = 0x301;
    const INET: u8 = 2;
    const TCP: u8 = 6;
    const LISTEN: u32 = 1 << 10;
    let header = [
        &72_u32.to_ne_bytes()[..],
        &SOCK_DIAG_BY_FAMILY.to_ne_bytes(),
        &REQUEST_AND_DUMP.to_ne_bytes(),
        &1_u32.to_ne_bytes(),
        &0_u32.to_ne_bytes(),
        &[INET, TCP, 0, 0],
        &LISTEN.to_ne_bytes(),
    ]
    .concat();
    // The address asked for stays empty: any.
    let mut question = [0; 72];
    question.iter_mut().zip(header).for_each(|(to, from)| *to = from);
    question
}

fn answer(socket: &OwnedFd) -> Result<(), Errno> {
    let mut buffer = vec![0_u8; 32 * 1024];
    let (read, _) = rustix::net::recv(socket, &mut buffer[..], RecvFlags::empty())?;
    told(buffer.get(..read).unwrap_or_default())
}

/// What the first message says: sockets, the end of the list, or an error.
fn told(message: &[u8]) -> Result<(), Errno> {
    const NLMSG_ERROR: u16 = 2;
    let kind = message.get(4..6).and_then(|two| two.try_into().ok()).map(u16::from_ne_bytes).ok_or(Errno::BADMSG)?;
    // The end of a dump bears an errno too, where the dump broke off.
    let errno = message.get(16..20).and_then(|four| four.try_into().ok()).map_or(0, i32::from_ne_bytes);
    match kind {
        NLMSG_ERROR if errno != 0 => Err(Errno::from_raw_os_error(errno.checked_neg().unwrap_or(0))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_call_is_tried_and_what_came_of_it_is_explained() {
        for check in all(None) {
            let explained = check.state == CheckState::Ok || !(check.meaning.is_empty() || check.advice.is_empty());
            assert!(explained, "{check:?}");
        }
        assert_ne!(kcmp_file(std::process::id(), std::process::id(), 2, 2), Ok(false));
        let waiting = vec!["/bin/sh".to_owned(), "-c".to_owned(), "read line".to_owned()];
        if let Some(child) = Sleeper::start(&waiting) {
            let pid = child.0.id();
            drop(child);
            assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "it is ended and reaped");
        }
    }

    #[test]
    fn a_refusal_is_told_from_a_kernel_that_has_no_such_call() {
        let found = |errno| judged("kcmp", Err(errno), "works", "m").found;
        assert!(found(Errno::NOSYS).starts_with("not in this kernel"));
        assert!(found(Errno::PERM).starts_with("refused"));
        assert!(found(Errno::IO).starts_with("failed"));
        assert_eq!(judged("kcmp", Ok(()), "works", "m").state, CheckState::Ok);
    }

    #[test]
    fn an_error_of_netlink_is_no_answer() {
        let message = |kind: u16, errno: i32| {
            let parts: [&[u8]; 5] =
                [&36_u32.to_ne_bytes(), &kind.to_ne_bytes(), &[0; 2], &[0; 8], &errno.to_ne_bytes()];
            parts.concat()
        };
        assert_eq!(told(&message(2, -2)), Err(Errno::NOENT));
        assert_eq!(told(&message(3, 0)), Ok(()));
        assert_eq!(told(&message(20, 7)), Ok(()));
        assert_eq!(told(&[1, 2]), Err(Errno::BADMSG));
    }

    proptest! {
        #[test]
        fn no_answer_upsets_the_reader(message in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = told(&message);
        }
    }
}
