//! `/proc/PID/mountinfo`, of which only the hierarchies of cgroups matter; see proc_pid_mountinfo(5).

/// A mounted hierarchy of cgroups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CgroupMount {
    /// The controllers of v1 (`cpu`, `cpuacct`, `name=systemd`); `None` for v2.
    pub controllers: Option<Vec<Vec<u8>>>,
    /// Which folder of the hierarchy is mounted, as the reader's cgroup namespace shows it.
    pub root: Vec<u8>,
    /// Where.
    pub point: Vec<u8>,
}

/// The hierarchies of cgroups among the mounts, in their order. Lines in another form are left out: nothing is known of them.
pub fn cgroup_mounts(text: &[u8]) -> Vec<CgroupMount> {
    text.split(|&b| b == b'\n').filter_map(mount).collect()
}

/// `35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory`
fn mount(line: &[u8]) -> Option<CgroupMount> {
    let mut words = line.split(|&b| b == b' ');
    let (root, point) = (words.nth(3)?, words.next()?);
    // The mount's own options, then any number of fields, then a hyphen.
    let mut words = words.skip_while(|word| *word != b"-").skip(1);
    let (kind, _source, options) = (words.next()?, words.next()?, words.next()?);
    let controllers = match kind {
        b"cgroup2" => None,
        b"cgroup" => Some(options.split(|&b| b == b',').map(<[u8]>::to_vec).collect()),
        _ => return None,
    };
    Some(CgroupMount { controllers, root: unescaped(root), point: unescaped(point) })
}

/// The kernel writes blanks, line ends and backslashes as three octal digits.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = (byte == b'\\').then(|| after.get(..3)).flatten().and_then(|digits| {
            let digits =
                std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
            u8::from_str_radix(digits, 8).ok()
        });
        match octal {
            Some(octal) => {
                out.push(octal);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_the_hierarchies_of_both_versions_among_the_mounts() {
        let text = b"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
            33 31 0:30 /docker/ab /sys/fs/cgroup/cpu,cpuacct ro,nosuid shared:9 master:3 - cgroup cgroup rw,cpu,cpuacct\n\
            41 31 0:38 /../.. /mnt/a\\040b\\134c rw - cgroup2 cgroup2 rw,nsdelegate\n\
            31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
            broken - cgroup\n";
        let mounts = cgroup_mounts(text);
        assert_eq!(mounts.len(), 2);
        let controllers = mounts[0].controllers.as_ref().unwrap();
        assert!(controllers.contains(&b"cpu".to_vec()) && controllers.contains(&b"cpuacct".to_vec()));
        assert_eq!(
            (mounts[0].root.as_slice(), mounts[0].point.as_slice()),
            (&b"/docker/ab"[..], &b"/sys/fs/cgroup/cpu,cpuacct"[..])
        );
        assert_eq!(mounts[1].controllers, None);
        assert_eq!((mounts[1].root.as_slice(), mounts[1].point.as_slice()), (&b"/../.."[..], &b"/mnt/a b\\c"[..]));
    }

    proptest! {
        #[test]
        fn a_mount_point_reads_back_whatever_its_name(name in proptest::collection::vec(1_u8.., 1..20)) {
            let escaped: Vec<u8> = name
                .iter()
                .flat_map(|b| match b {
                    b' ' | b'\t' | b'\n' | b'\\' => format!("\\{b:03o}").into_bytes(),
                    other => vec![*other],
                })
                .collect();
            let line = [b"1 2 0:3 / ", &escaped[..], b" rw - cgroup2 none rw\n"].concat();
            let mounts = cgroup_mounts(&line);
            prop_assert_eq!(mounts.len(), 1);
            prop_assert_eq!(&mounts[0].point, &name);
        }
    }
}
