//! `/proc/PID/status` and `/proc/PID/smaps_rollup`, see proc_pid_status(5).

use crate::model::Reading;

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
    /// Resident pages of files, bytes.
    pub file: Reading<u64>,
    /// Resident shared memory, bytes.
    pub shmem: Reading<u64>,
    /// Swapped-out anonymous memory, bytes.
    pub swap: Reading<u64>,
}

/// Reads `/proc/PID/status`. A process without memory of its own (a zombie, a thread of the kernel) has no `Vm` lines:
/// its memory is a true zero.
pub fn status(text: &[u8]) -> Status {
    let text = String::from_utf8_lossy(text);
    let value = |key: &str| {
        text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(|value| value.trim().to_owned())
    };
    let rss = value("VmRSS");
    let part = |key: &str, since: &str| match (&rss, value(key)) {
        (_, Some(part)) => kilobytes(key, &part),
        (None, None) => Reading::Value(0),
        (Some(_), None) => Reading::Malformed(format!("status has no {key} (Linux before {since})")),
    };
    let (anon, file, shmem) = (part("RssAnon", "4.5"), part("RssFile", "4.5"), part("RssShmem", "4.5"));
    let swap = part("VmSwap", "2.6.34");
    Status {
        uid: value("Uid").and_then(|uids| uids.split_ascii_whitespace().next()?.parse().ok()),
        ns_pid: value("NSpid").and_then(|pids| pids.split_ascii_whitespace().last()?.parse().ok()),
        rss: rss.map_or(Reading::Value(0), |rss| kilobytes("VmRSS", &rss)),
        anon,
        file,
        shmem,
        swap,
    }
}

/// The proportional share of memory in `/proc/PID/smaps_rollup`, bytes: pages that are shared count in parts. A process
/// without memory of its own has an empty file: a true zero.
pub fn pss(text: &[u8]) -> Reading<u64> {
    let text = String::from_utf8_lossy(text);
    if text.is_empty() {
        return Reading::Value(0);
    }
    match text.lines().find_map(|line| line.strip_prefix("Pss:")) {
        Some(value) => kilobytes("Pss", value.trim()),
        None => Reading::Malformed("smaps_rollup has no Pss".to_owned()),
    }
}

fn kilobytes(key: &str, value: &str) -> Reading<u64> {
    let figure = value.strip_suffix("kB").and_then(|n| n.trim().parse::<u64>().ok()).and_then(|n| n.checked_mul(1024));
    figure.map_or_else(|| Reading::Malformed(format!("status {key} `{}`", value.escape_debug())), Reading::Value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_memory_has_a_true_zero_and_a_broken_line_is_none() {
        let zombie = status(b"Name:\tx\nState:\tZ (zombie)\nUid:\t1000\t0\t0\t0\nNSpid:\t4242\t7\n");
        let nothing = Reading::Value(0);
        assert_eq!((zombie.uid, zombie.ns_pid), (Some(1000), Some(7)));
        for figure in [&zombie.rss, &zombie.anon, &zombie.file, &zombie.shmem, &zombie.swap] {
            assert_eq!(figure, &nothing);
        }
        let alive = status(
            b"VmRSS:\t    2048 kB\nRssAnon:\t    1024 kB\nRssFile:\t  1000 kB\nRssShmem:\t  24 kB\nVmSwap:\t   1 kB\n",
        );
        let kib = |n: u64| Reading::Value(n * 1024);
        assert_eq!((alive.rss, alive.anon), (kib(2048), kib(1024)));
        assert_eq!((alive.file, alive.shmem, alive.swap), (kib(1000), kib(24), kib(1)));
        let broken = status(b"VmRSS:\tmany kB\n");
        assert!(matches!(broken.rss, Reading::Malformed(_)));
        assert!(matches!(broken.anon, Reading::Malformed(_)));
        assert!(matches!(broken.swap, Reading::Malformed(_)));
    }

    #[test]
    fn reads_the_share_of_memory_from_the_sum_of_all_mappings() {
        let text = b"5562-7ffd ---p 00000000 00:00 0  [rollup]\nRss:  4096 kB\nPss:  1025 kB\nPss_Anon:  512 kB\n";
        assert_eq!(pss(text), Reading::Value(1025 * 1024));
        assert_eq!(pss(b""), Reading::Value(0));
        assert!(matches!(pss(b"Rss: 1 kB\nPss_Anon: 1 kB\n"), Reading::Malformed(_)));
    }
}
