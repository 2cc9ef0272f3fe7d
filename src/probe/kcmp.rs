//! Whether two descriptors, of whatever processes, are one open file. Asks for the right to trace both processes.

use std::cmp::Ordering;

use libc::{c_int, c_long};
use rustix::io::Errno;

/// `KCMP_FILE` of linux/kcmp.h, see kcmp(2).
const KCMP_FILE: c_long = 0;

/// Compares two descriptors, each given as a process and a number. `Equal`: one open file, shared by fork, dup or a message.
/// `Less` and `Greater` put the open files of the system in an order that lasts as long as they are open. `None`: two open
/// files, of which the kernel does not tell an order.
///
/// # Errors
/// What the kernel answered: no right, no such process or descriptor, no such system call (a kernel without `CONFIG_KCMP`).
pub fn compare(a: (u32, u32), b: (u32, u32)) -> Result<Option<Ordering>, Errno> {
    let pid = |pid: u32| c_int::try_from(pid).map(c_long::from).map_err(|_| Errno::SRCH);
    let fd = |fd: u32| c_int::try_from(fd).map(c_long::from).map_err(|_| Errno::BADF);
    match call([pid(a.0)?, pid(b.0)?, KCMP_FILE, fd(a.1)?, fd(b.1)?]) {
        0 => Ok(Some(Ordering::Equal)),
        1 => Ok(Some(Ordering::Less)),
        2 => Ok(Some(Ordering::Greater)),
        3 => Ok(None),
        _ => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)),
    }
}

#[expect(unsafe_code, reason = "no safe crate offers kcmp; it takes plain numbers and touches no memory of ours")]
fn call([pid1, pid2, kind, fd1, fd2]: [c_long; 5]) -> c_long {
    unsafe { libc::syscall(libc::SYS_kcmp, pid1, pid2, kind, fd1, fd2) }
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsFd, AsRawFd, OwnedFd};

    use super::*;

    fn own(fd: &impl AsFd) -> (u32, u32) {
        (std::process::id(), u32::try_from(fd.as_fd().as_raw_fd()).unwrap())
    }

    fn eventfd() -> OwnedFd {
        rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap()
    }

    #[test]
    fn tells_a_duplicate_from_another_of_the_same_kind() {
        let (one, two) = (eventfd(), eventfd());
        let copy = rustix::io::fcntl_dupfd_cloexec(&one, 3).unwrap();
        assert_eq!(compare(own(&one), own(&copy)), Ok(Some(Ordering::Equal)));
        let there = compare(own(&one), own(&two)).unwrap().unwrap();
        let back = compare(own(&two), own(&copy)).unwrap().unwrap();
        assert_ne!(there, Ordering::Equal);
        assert_eq!(there, back.reverse());
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        let one = eventfd();
        assert_eq!(compare(own(&one), (std::process::id(), 1_000_000)), Err(Errno::BADF));
        assert_eq!(compare(own(&one), (u32::MAX, 0)), Err(Errno::SRCH));
        assert_eq!(compare(own(&one), (std::process::id(), u32::MAX)), Err(Errno::BADF));
    }
}
