//! The formats of /proc, see proc(5). Pure: bytes in, values out. A text that cannot be understood says why.

use crate::model::{ProcState, Reading};

/// What `/proc/PID/stat` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// The short name, any bytes.
    pub comm: Vec<u8>,
    /// What the process does.
    pub state: ProcState,
    /// Its parent.
    pub ppid: u32,
    /// Ticks in user mode.
    pub user_ticks: u64,
    /// Ticks in the kernel.
    pub kernel_ticks: u64,
    /// Threads.
    pub threads: u64,
    /// Start, ticks after boot.
    pub start: u64,
}

/// Reads `/proc/PID/stat`. The name may hold spaces, parentheses and line ends: the last `)` ends it.
///
/// # Errors
/// What is missing.
pub fn stat(text: &[u8]) -> Result<Stat, String> {
    let open = text.iter().position(|&b| b == b'(').ok_or("stat has no `(`")?;
    let close = text.iter().rposition(|&b| b == b')').ok_or("stat has no `)`")?;
    let comm = text.get(open + 1..close).ok_or("stat has `)` before `(`")?.to_vec();
    let rest = std::str::from_utf8(text.get(close + 1..).unwrap_or_default()).map_err(|e| format!("stat: {e}"))?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // The first field after the name is number 3 in proc_pid_stat(5).
    let field = |number: usize| fields.get(number - 3).copied().ok_or_else(|| format!("stat has no field {number}"));
    let figure = |number: usize| {
        let text = field(number)?;
        text.parse::<u64>().map_err(|e| format!("stat field {number} `{text}`: {e}"))
    };
    let ppid = u32::try_from(figure(4)?).map_err(|e| format!("stat field 4: {e}"))?;
    Ok(Stat {
        comm,
        state: state(field(3)?),
        ppid,
        user_ticks: figure(14)?,
        kernel_ticks: figure(15)?,
        threads: figure(20)?,
        start: figure(22)?,
    })
}

fn state(letter: &str) -> ProcState {
    match letter {
        "R" => ProcState::Running,
        "S" | "I" => ProcState::Sleeping,
        "D" => ProcState::DiskSleep,
        "T" | "t" => ProcState::Stopped,
        "Z" | "X" | "x" => ProcState::Zombie,
        _ => ProcState::Other,
    }
}

/// What `/proc/PID/status` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The real user.
    pub uid: Option<u32>,
    /// The pid in the innermost namespace.
    pub ns_pid: Option<u32>,
    /// Resident memory, bytes.
    pub rss: Reading<u64>,
    /// Anonymous resident memory, bytes.
    pub anon: Reading<u64>,
}

/// Reads `/proc/PID/status`. A process without memory of its own (a zombie, a thread of the kernel) has no `Vm` lines:
/// its memory is a true zero.
pub fn status(text: &[u8]) -> Status {
    let text = String::from_utf8_lossy(text);
    let value = |key: &str| {
        text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(|value| value.trim().to_owned())
    };
    let rss = value("VmRSS");
    let anon = match (&rss, value("RssAnon")) {
        (_, Some(anon)) => kilobytes("RssAnon", &anon),
        (None, None) => Reading::Value(0),
        (Some(_), None) => Reading::Malformed("status has no RssAnon (Linux before 4.5)".to_owned()),
    };
    Status {
        uid: value("Uid").and_then(|uids| uids.split_ascii_whitespace().next()?.parse().ok()),
        ns_pid: value("NSpid").and_then(|pids| pids.split_ascii_whitespace().last()?.parse().ok()),
        rss: rss.map_or(Reading::Value(0), |rss| kilobytes("VmRSS", &rss)),
        anon,
    }
}

fn kilobytes(key: &str, value: &str) -> Reading<u64> {
    let figure = value.strip_suffix("kB").and_then(|n| n.trim().parse::<u64>().ok()).and_then(|n| n.checked_mul(1024));
    figure.map_or_else(|| Reading::Malformed(format!("status {key} `{}`", value.escape_debug())), Reading::Value)
}

/// The soft limit of open descriptors in `/proc/PID/limits`; `None`: unlimited.
///
/// # Errors
/// The line is missing, or no number.
pub fn nofile(text: &[u8]) -> Result<Option<u64>, String> {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files")).ok_or("limits has no open files")?;
    let soft = line.split_ascii_whitespace().next().ok_or("limits: no figure for open files")?;
    if soft == "unlimited" {
        return Ok(None);
    }
    soft.parse().map(Some).map_err(|e| format!("limits: open files `{}`: {e}", soft.escape_debug()))
}

/// True if a path in `/proc/PID/cgroup` (any hierarchy) names the container: every driver and runtime puts the full id
/// into the path (`/docker/ID`, `docker-ID.scope`), a nested container has the outer one's before its own, and a cgroup
/// namespace puts `/..` before it.
pub fn cgroup_names(text: &[u8], id: &str) -> bool {
    !id.is_empty()
        && text.split(|&b| b == b'\n').any(|line| {
            let path = line.splitn(3, |&b| b == b':').nth(2).unwrap_or_default();
            path.windows(id.len()).any(|part| part == id.as_bytes())
        })
}

/// The command line: arguments as they are.
pub fn arguments(text: &[u8]) -> Vec<&[u8]> {
    let end = text.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    let text = text.get(..end).unwrap_or_default();
    if text.is_empty() { Vec::new() } else { text.split(|&b| b == 0).collect() }
}

/// The flags of an open file in `fdinfo` (octal there).
pub fn open_flags(text: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(text);
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
    u64::from_str_radix(flags.trim(), 8).ok()
}

/// What the `fdinfo` of a pidfd tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PidfdInfo {
    /// The process; -1: gone and reaped; 0: not visible from here.
    pub pid: i64,
    /// The inode, its own for each process since Linux 6.9.
    pub ino: Option<u64>,
}

/// Reads the `fdinfo` of a pidfd.
///
/// # Errors
/// There is no `Pid:` line.
pub fn pidfd(text: &[u8]) -> Result<PidfdInfo, String> {
    let text = String::from_utf8_lossy(text);
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let pid = value("Pid:").ok_or("fdinfo of a pidfd has no Pid")?;
    Ok(PidfdInfo {
        pid: pid.parse().map_err(|e| format!("fdinfo Pid `{}`: {e}", pid.escape_debug()))?,
        ino: value("ino:").and_then(|ino| ino.parse().ok()),
    })
}

/// One descriptor that an eventpoll watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Watched {
    /// Its number when it was added.
    pub fd: u32,
    /// The user data that came with it.
    pub data: u64,
    /// The inode of the file.
    pub ino: u64,
    /// The device of the inode.
    pub device: u64,
}

/// The descriptors that an eventpoll watches: the `tfd:` lines of its `fdinfo`, sorted.
///
/// # Errors
/// A line cannot be understood.
pub fn watched(text: &[u8]) -> Result<Vec<Watched>, String> {
    let text = String::from_utf8_lossy(text);
    let mut found = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("tfd:")) {
        found.push(watched_line(line).ok_or_else(|| format!("fdinfo line `{}`", line.escape_debug()))?);
    }
    found.sort_unstable();
    Ok(found)
}

/// `tfd:        5 events:       19 data:                5  pos:0 ino:61 sdev:6`
fn watched_line(line: &str) -> Option<Watched> {
    let value = |key: &str| Some(line.split_once(key)?.1.split_ascii_whitespace().next().unwrap_or_default());
    let hex = |key: &str| u64::from_str_radix(value(key)?, 16).ok();
    Some(Watched {
        fd: value("tfd:")?.parse().ok()?,
        data: hex(" data:")?,
        // Missing before Linux 4.11.
        ino: hex(" ino:").unwrap_or(0),
        device: hex(" sdev:").unwrap_or(0),
    })
}

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
    use proptest::prelude::*;

    use super::*;

    fn stat_line(comm: &[u8], state: &str, ppid: u32, threads: u64, start: u64) -> Vec<u8> {
        let tail = format!(") {state} {ppid} 1 1 0 -1 0 0 0 0 0 7 8 0 0 20 0 {threads} 0 {start} 0 0");
        [b"77 (", comm, tail.as_bytes()].concat()
    }

    #[test]
    fn a_name_with_parentheses_and_line_ends_does_not_mislead() {
        let read = stat(&stat_line(b"a) R 1\n(", "Z", 42, 3, 99)).unwrap();
        assert_eq!(read.comm, b"a) R 1\n(");
        assert_eq!((read.state, read.ppid, read.threads, read.start), (ProcState::Zombie, 42, 3, 99));
        assert_eq!((read.user_ticks, read.kernel_ticks), (7, 8));
    }

    #[test]
    fn a_process_without_memory_has_a_true_zero_and_a_broken_line_is_none() {
        let zombie = status(b"Name:\tx\nState:\tZ (zombie)\nUid:\t1000\t0\t0\t0\nNSpid:\t4242\t7\n");
        assert_eq!(
            zombie,
            Status { uid: Some(1000), ns_pid: Some(7), rss: Reading::Value(0), anon: Reading::Value(0) }
        );
        let alive = status(b"VmRSS:\t    2048 kB\nRssAnon:\t    1024 kB\n");
        assert_eq!((alive.rss, alive.anon), (Reading::Value(2_097_152), Reading::Value(1_048_576)));
        let broken = status(b"VmRSS:\tmany kB\n");
        assert!(matches!(broken.rss, Reading::Malformed(_)));
        assert!(matches!(broken.anon, Reading::Malformed(_)));
    }

    #[test]
    fn reads_the_limit_of_open_files() {
        let text = b"Limit                     Soft Limit           Hard Limit           Units     \n\
            Max open files            1024                 524288               files     \n";
        assert_eq!(nofile(text), Ok(Some(1024)));
        assert_eq!(nofile(b"Max open files            unlimited            unlimited            files\n"), Ok(None));
        assert!(nofile(b"Max processes 5 5\n").is_err());
    }

    #[test]
    fn finds_the_container_in_every_shape_of_cgroup() {
        let id = "ab".repeat(32);
        for text in [
            format!("12:pids:/docker/{id}\n0::/\n"),
            format!("0::/system.slice/docker-{id}.scope\n"),
            format!("0::/../{id}\n"),
            format!("0::/docker/{}/docker/{id}/init\n", "cd".repeat(32)),
            format!("1:name=systemd:/x:y/{id}\n"),
        ] {
            assert!(cgroup_names(text.as_bytes(), &id), "{text}");
        }
        assert!(!cgroup_names(b"0::/\n", &id));
        assert!(!cgroup_names(b"0::/docker/abab\n", ""));
    }

    #[test]
    fn splits_command_lines() {
        assert_eq!(arguments(b"sh\0-c\0a b\0"), [&b"sh"[..], b"-c", b"a b"]);
        assert_eq!(arguments(b"nginx: master process\0\0\0"), [&b"nginx: master process"[..]]);
        assert!(arguments(b"").is_empty());
        assert!(arguments(b"\0\0").is_empty());
    }

    #[test]
    fn reads_the_fdinfo_of_a_pidfd() {
        let dead = b"pos:\t0\nflags:\t02000002\nmnt_id:\t16\nino:\t5123\nPid:\t-1\nNSpid:\t-1\n";
        assert_eq!(pidfd(dead), Ok(PidfdInfo { pid: -1, ino: Some(5123) }));
        assert!(pidfd(b"pos:\t0\n").is_err());
        assert_eq!(open_flags(dead), Some(0o2_000_002));
    }

    #[test]
    fn reads_the_fdinfo_of_an_eventpoll() {
        let text = b"pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t1057\n\
            tfd:       12 events: 80002019 data: ffffffff0000000c  pos:0 ino:3c4 sdev:8\n\
            tfd:        5 events:       19 data:                5  pos:0 ino:61 sdev:6\n";
        assert_eq!(
            watched(text).unwrap(),
            [
                Watched { fd: 5, data: 5, ino: 0x61, device: 6 },
                Watched { fd: 12, data: 0xffff_ffff_0000_000c, ino: 0x3c4, device: 8 },
            ]
        );
        assert_eq!(watched(b"pos:\t0\n"), Ok(Vec::new()));
        assert!(watched(b"tfd: x\n").is_err());
    }

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

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text: Vec<u8>) {
            let _ = stat(&text);
            let _ = status(&text);
            let _ = nofile(&text);
            let _ = arguments(&text);
            let _ = open_flags(&text);
            let _ = pidfd(&text);
            let _ = watched(&text);
            let _ = syscall(&text, Arch::X86_64);
            let _ = cgroup_names(&text, "abc");
        }

        #[test]
        fn nearly_right_text_does_not_either(text in "(tfd:|Pid:|Max open files|VmRSS:|[0-9]+ \\()[ -~\n]{0,60}") {
            let text = text.as_bytes();
            let _ = (stat(text), status(text), nofile(text), pidfd(text), watched(text), syscall(text, Arch::Generic));
        }

        #[test]
        fn stat_reads_back_what_was_written(comm in proptest::collection::vec(any::<u8>(), 0..16), ppid: u32, threads: u64, start: u64) {
            let read = stat(&stat_line(&comm, "S", ppid, threads, start)).unwrap();
            prop_assert_eq!((read.comm, read.ppid, read.threads, read.start), (comm, ppid, threads, start));
        }

        #[test]
        fn watched_reads_back_what_was_written(fd: u32, data: u64, ino: u64, device: u32) {
            let text = format!("tfd: {fd:8} events: {:8x} data: {data:16x}  pos:0 ino:{ino:x} sdev:{device:x}\n", 0x19);
            let device = u64::from(device);
            prop_assert_eq!(watched(text.as_bytes()).unwrap(), vec![Watched { fd, data, ino, device }]);
        }

        #[test]
        fn arguments_read_back_what_was_written(words in proptest::collection::vec("[a-z =/\n]{1,8}", 1..6)) {
            let text: String = words.iter().map(|word| format!("{word}\0")).collect();
            let read: Vec<&[u8]> = arguments(text.as_bytes());
            prop_assert_eq!(read, words.iter().map(String::as_bytes).collect::<Vec<_>>());
        }
    }
}
