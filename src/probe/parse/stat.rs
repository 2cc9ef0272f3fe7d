//! `/proc/PID/stat`, see proc_pid_stat(5).

use crate::model::ProcState;

/// What `/proc/PID/stat` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// The short name, any bytes.
    pub comm: Vec<u8>,
    /// What the process does.
    pub state: ProcState,
    /// Its parent.
    pub ppid: u32,
    /// Its process group, in the namespace of the reader; 0 where that cannot be seen from there.
    pub pgrp: i64,
    /// Its session, in the namespace of the reader; 0 where that cannot be seen from there.
    pub session: i64,
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
    let signed = |number: usize| {
        let text = field(number)?;
        text.parse::<i64>().map_err(|e| format!("stat field {number} `{text}`: {e}"))
    };
    let ppid = u32::try_from(figure(4)?).map_err(|e| format!("stat field 4: {e}"))?;
    Ok(Stat {
        comm,
        state: state(field(3)?),
        ppid,
        pgrp: signed(5)?,
        session: signed(6)?,
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stat_line(comm: &[u8], state: &str, ppid: u32, threads: u64, start: u64) -> Vec<u8> {
        let tail = format!(") {state} {ppid} 70 -1 0 -1 0 0 0 0 0 7 8 0 0 20 0 {threads} 0 {start} 0 0");
        [b"77 (", comm, tail.as_bytes()].concat()
    }

    #[test]
    fn a_name_with_parentheses_and_line_ends_does_not_mislead() {
        let read = stat(&stat_line(b"a) R 1\n(", "Z", 42, 3, 99)).unwrap();
        assert_eq!(read.comm, b"a) R 1\n(");
        assert_eq!((read.state, read.ppid, read.threads, read.start), (ProcState::Zombie, 42, 3, 99));
        assert_eq!((read.pgrp, read.session), (70, -1));
        assert_eq!((read.user_ticks, read.kernel_ticks), (7, 8));
    }

    proptest! {
        #[test]
        fn stat_reads_back_what_was_written(comm in proptest::collection::vec(any::<u8>(), 0..16), ppid: u32, threads: u64, start: u64) {
            let read = stat(&stat_line(&comm, "S", ppid, threads, start)).unwrap();
            prop_assert_eq!((read.comm, read.ppid, read.threads, read.start), (comm, ppid, threads, start));
        }
    }
}
