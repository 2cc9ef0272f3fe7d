//! `/proc/PID/task/TID/syscall`, see proc_pid_syscall(5).

/// The system call numbers that matter, by architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// x86_64.
    X86_64,
    /// aarch64 and others with the generic table.
    Generic,
}

impl Arch {
    /// That of this machine.
    pub const HERE: Self = if cfg!(target_arch = "x86_64") { Self::X86_64 } else { Self::Generic };
}

/// Where a thread is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadAt {
    /// In epoll_wait, epoll_pwait or epoll_pwait2 on this descriptor.
    EpollWait(u32),
    /// In poll, ppoll, select or pselect6: it may be watching any descriptor.
    Poll,
    /// On a processor, or blocked outside a system call: nobody knows what it does next.
    Busy,
    /// Blocked in another system call.
    Elsewhere,
}

/// Reads `/proc/PID/task/TID/syscall`: `running`, or the number of the system call and its arguments in hex.
///
/// # Errors
/// The text has another form.
pub fn syscall(text: &[u8], arch: Arch) -> Result<ThreadAt, String> {
    let text = String::from_utf8_lossy(text);
    let mut words = text.split_ascii_whitespace();
    let first = words.next().ok_or("syscall is empty")?;
    if first == "running" {
        return Ok(ThreadAt::Busy);
    }
    let number: i64 = first.parse().map_err(|e| format!("syscall `{}`: {e}", first.escape_debug()))?;
    if number < 0 {
        return Ok(ThreadAt::Busy);
    }
    let at = match (arch, number) {
        (Arch::X86_64, 232 | 281 | 441) | (Arch::Generic, 22 | 441) => {
            let argument = words.next().and_then(|word| word.strip_prefix("0x"));
            let argument =
                argument.and_then(|hex| u64::from_str_radix(hex, 16).ok()).ok_or("syscall has no argument")?;
            // The descriptor is an int: the upper half of the register means nothing.
            ThreadAt::EpollWait(u32::try_from(argument & 0xffff_ffff).unwrap_or(u32::MAX))
        }
        (Arch::X86_64, 7 | 23 | 270 | 271) | (Arch::Generic, 72 | 73) => ThreadAt::Poll,
        _ => ThreadAt::Elsewhere,
    };
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_where_a_thread_is_on_both_architectures() {
        assert_eq!(syscall(b"running\n", Arch::X86_64), Ok(ThreadAt::Busy));
        assert_eq!(syscall(b"-1 0x7ffe 0x7f00\n", Arch::X86_64), Ok(ThreadAt::Busy));
        assert_eq!(syscall(b"232 0x7 0x1 0x2 0x3 0x4 0x5 0x6 0x7\n", Arch::X86_64), Ok(ThreadAt::EpollWait(7)));
        assert_eq!(syscall(b"281 0xffffffff00000007 0x1\n", Arch::X86_64), Ok(ThreadAt::EpollWait(7)));
        assert_eq!(syscall(b"7 0x1 0x1\n", Arch::X86_64), Ok(ThreadAt::Poll));
        assert_eq!(syscall(b"202 0x1 0x1\n", Arch::X86_64), Ok(ThreadAt::Elsewhere));
        assert_eq!(syscall(b"22 0x9 0x1\n", Arch::Generic), Ok(ThreadAt::EpollWait(9)));
        assert_eq!(syscall(b"73 0x9 0x1\n", Arch::Generic), Ok(ThreadAt::Poll));
        assert_eq!(syscall(b"232 0x9 0x1\n", Arch::Generic), Ok(ThreadAt::Elsewhere));
        assert!(syscall(b"", Arch::X86_64).is_err());
        assert!(syscall(b"232\n", Arch::X86_64).is_err());
    }
}
