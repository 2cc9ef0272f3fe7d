//! `/proc/PID/cgroup` and the files of a cgroup, see cgroups(7).

/// One line of `/proc/PID/cgroup`: where a process is in one hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CgroupLine<'a> {
    /// The controllers of a v1 hierarchy, joined by commas (`cpu,cpuacct`, `name=systemd`); empty for v2.
    pub controllers: &'a [u8],
    /// The path in the hierarchy, as the reader's cgroup namespace shows it.
    pub path: &'a [u8],
}

impl CgroupLine<'_> {
    /// True for the hierarchy of v2.
    pub fn is_v2(&self) -> bool {
        self.controllers.is_empty()
    }

    /// True for a v1 hierarchy with this controller.
    pub fn has(&self, controller: &str) -> bool {
        self.controllers.split(|&b| b == b',').any(|own| own == controller.as_bytes())
    }
}

/// The lines of `/proc/PID/cgroup`, `hierarchy:controllers:path`. A path may hold any byte but a line end, which the kernel
/// escapes. Lines in another form are left out.
pub fn cgroup_lines(text: &[u8]) -> impl Iterator<Item = CgroupLine<'_>> {
    text.split(|&b| b == b'\n').filter_map(|line| {
        let mut parts = line.splitn(3, |&b| b == b':');
        let (_hierarchy, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        path.starts_with(b"/").then_some(CgroupLine { controllers, path })
    })
}

/// True if a path in `/proc/PID/cgroup` (any hierarchy) names the container: every driver and runtime puts the full id
/// into the path (`/docker/ID`, `docker-ID.scope`), a nested container has the outer one's before its own, and a cgroup
/// namespace puts `/..` before it.
pub fn cgroup_names(text: &[u8], id: &str) -> bool {
    !id.is_empty() && cgroup_lines(text).any(|line| line.path.windows(id.len()).any(|part| part == id.as_bytes()))
}

/// A file that holds one figure.
///
/// # Errors
/// It is no figure.
pub fn figure(text: &[u8]) -> Result<u64, String> {
    let text = shown(text);
    text.parse().map_err(|e| format!("`{}`: {e}", clipped(&text)))
}

/// A file that holds a limit; `None`: unlimited, which is `max` in v2, and in v1 the largest figure that fits into pages.
///
/// # Errors
/// It is neither.
pub fn limit(text: &[u8]) -> Result<Option<u64>, String> {
    if text.trim_ascii() == b"max" {
        return Ok(None);
    }
    figure(text).map(|limit| Some(limit).filter(|limit| *limit < UNLIMITED))
}

/// v1 has no word for `unlimited`: it is `i64::MAX` rounded down to pages, of whatever size. No machine has a half of it.
const UNLIMITED: u64 = 1 << 62;

/// The figure of a key in a file of `key value` lines (`memory.stat`, `cpu.stat`, `memory.events`); `None`: no such key.
///
/// # Errors
/// What stands there is no figure.
pub fn keyed(text: &[u8], key: &str) -> Result<Option<u64>, String> {
    let value = text.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(key.as_bytes())?.strip_prefix(b" "));
    value.map(|value| figure(value).map_err(|problem| format!("{key} {problem}"))).transpose()
}

/// Bytes read and written, summed over the devices of `io.stat` (`8:0 rbytes=1 wbytes=2 rios=3 …`). A device without
/// figures stands there as its number alone.
///
/// # Errors
/// A figure cannot be understood.
pub fn io_sum(text: &[u8]) -> Result<(u64, u64), String> {
    let (mut read, mut written) = (0_u64, 0_u64);
    for word in text.split(u8::is_ascii_whitespace) {
        if let Some(value) = word.strip_prefix(b"rbytes=") {
            read = read.saturating_add(figure(value)?);
        } else if let Some(value) = word.strip_prefix(b"wbytes=") {
            written = written.saturating_add(figure(value)?);
        }
    }
    Ok((read, written))
}

/// Bytes read and written, summed over the devices of `blkio.throttle.io_service_bytes` (`8:0 Read 4096`).
///
/// # Errors
/// A figure cannot be understood.
pub fn blkio_sum(text: &[u8]) -> Result<(u64, u64), String> {
    let (mut read, mut written) = (0_u64, 0_u64);
    for line in text.split(|&b| b == b'\n') {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (Some(_device), Some(verb), Some(value)) = (words.next(), words.next(), words.next()) else { continue };
        match verb {
            b"Read" => read = read.saturating_add(figure(value)?),
            b"Write" => written = written.saturating_add(figure(value)?),
            _ => {}
        }
    }
    Ok((read, written))
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text.trim_ascii()).into_owned()
}

/// What is quoted of a text that is no figure.
fn clipped(text: &str) -> String {
    text.chars().take(40).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
    fn splits_the_lines_of_a_process() {
        let text = b"12:cpu,cpuacct:/docker/a:b\n1:name=systemd:/x\n0::/../y\nnonsense\n3:pids:relative\n";
        let lines: Vec<CgroupLine<'_>> = cgroup_lines(text).collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].has("cpuacct") && lines[0].has("cpu") && !lines[0].has("cpua") && !lines[0].is_v2());
        assert_eq!(lines[0].path, b"/docker/a:b");
        assert!(lines[2].is_v2() && !lines[2].has("memory"));
    }

    #[test]
    fn a_limit_may_be_none_in_two_ways() {
        assert_eq!(limit(b"max\n"), Ok(None));
        assert_eq!(limit(b"9223372036854771712\n"), Ok(None));
        assert_eq!(limit(b"536870912\n"), Ok(Some(536_870_912)));
        assert!(limit(b"-1\n").is_err());
        assert!(limit(b"").is_err());
    }

    #[test]
    fn a_key_is_a_whole_word_and_a_missing_one_is_no_zero() {
        let text = b"anon_thp 7\nanon 5\nfile x\n";
        assert_eq!(keyed(text, "anon"), Ok(Some(5)));
        assert_eq!(keyed(text, "kernel"), Ok(None));
        assert!(keyed(text, "file").unwrap_err().starts_with("file `x`"));
    }

    #[test]
    fn sums_the_devices() {
        let v2 = b"8:0 rbytes=10 wbytes=20 rios=1 wios=1 dbytes=0 dios=0\n8:16\n254:0 rbytes=1 wbytes=2\n";
        assert_eq!(io_sum(v2), Ok((11, 22)));
        assert_eq!(io_sum(b""), Ok((0, 0)));
        assert!(io_sum(b"8:0 rbytes=x").is_err());
        let v1 = b"8:0 Read 10\n8:0 Write 20\n8:0 Sync 5\n8:0 Total 30\n8:16 Read 1\nTotal 31\n";
        assert_eq!(blkio_sum(v1), Ok((11, 20)));
        assert_eq!(blkio_sum(b"Total 0\n"), Ok((0, 0)));
        assert!(blkio_sum(b"8:0 Read -3\n").is_err());
    }

    proptest! {
        #[test]
        fn figures_read_back_what_was_written(values in proptest::collection::vec((any::<u32>(), any::<u32>()), 0..5)) {
            let v2: String = values.iter().map(|(r, w)| format!("8:0 rbytes={r} wbytes={w} rios=1\n")).collect();
            let v1: String = values.iter().map(|(r, w)| format!("8:0 Read {r}\n8:0 Write {w}\n8:0 Total 1\n")).collect();
            let sum = values.iter().fold((0, 0), |(a, b), (r, w)| (a + u64::from(*r), b + u64::from(*w)));
            prop_assert_eq!(io_sum(v2.as_bytes()), Ok(sum));
            prop_assert_eq!(blkio_sum(v1.as_bytes()), Ok(sum));
        }

        #[test]
        fn a_key_reads_back_what_was_written(keys in proptest::collection::btree_map("[a-z_]{1,12}", any::<u64>(), 1..8)) {
            let text: String = keys.iter().map(|(key, value)| format!("{key} {value}\n")).collect();
            for (key, value) in &keys {
                prop_assert_eq!(keyed(text.as_bytes(), key), Ok(Some(*value)));
            }
        }
    }
}
