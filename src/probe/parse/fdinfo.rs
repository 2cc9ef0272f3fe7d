//! `/proc/PID/fdinfo/N`, see proc_pid_fdinfo(5).

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    proptest! {
        #[test]
        fn watched_reads_back_what_was_written(fd: u32, data: u64, ino: u64, device: u32) {
            let text = format!("tfd: {fd:8} events: {:8x} data: {data:16x}  pos:0 ino:{ino:x} sdev:{device:x}\n", 0x19);
            let device = u64::from(device);
            prop_assert_eq!(watched(text.as_bytes()).unwrap(), vec![Watched { fd, data, ino, device }]);
        }
    }
}
