//! A descriptor of another process, borrowed for a moment. Asks for the right to trace the process (CAP_SYS_PTRACE).

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

/// Duplicates descriptor `fd` of process `pid` into this one, see pidfd_getfd(2). The duplicate keeps the other side of a pipe
/// or a socket alive: ask it what is to be asked, and close it at once.
///
/// # Errors
/// What the kernel answered: no right, no such process, no such descriptor.
pub fn borrow(pid: u32, fd: u32) -> Result<OwnedFd, Errno> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    pidfd_getfd(process, i32::try_from(fd).map_err(|_| Errno::BADF)?, PidfdGetfdFlags::empty())
}
