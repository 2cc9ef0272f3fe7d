//! What the machine says of itself. Read here, judged elsewhere.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use crate::model::Reading;
use crate::probe::root::refused;

/// No file that is read here is longer than this, but for a forged one.
const CAP: u64 = 1 << 20;

/// What the machine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Machine {
    /// The kernel's release, `6.18.4`.
    pub(super) release: String,
    /// /proc/self/status
    pub(super) status: Reading<String>,
    /// /proc/self/mountinfo
    pub(super) mounts: Vec<Mount>,
    /// /proc/self/uid_map
    pub(super) uid_map: Reading<String>,
    /// /proc/sys/kernel/yama/ptrace_scope; gone where the kernel has no Yama.
    pub(super) ptrace_scope: Reading<String>,
    /// `cgroup.controllers` of the v2 hierarchy; gone where there is none.
    pub(super) controllers: Reading<String>,
    /// How many descriptors slowdrip itself may open; `None`: without limit.
    pub(super) own_limit: Option<u64>,
    /// Where reports land, and what is free there.
    pub(super) reports: Disk,
    /// The folder for temporary files, and what is free there.
    pub(super) temporary: Disk,
    /// The program bpftrace.
    pub(super) bpftrace: Option<PathBuf>,
}

/// One line of /proc/self/mountinfo, see proc_pid_mountinfo(5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mount {
    /// Where.
    pub(super) point: String,
    /// What: `proc`, `cgroup2`, `tracefs`.
    pub(super) kind: String,
    /// Options of the mount and of the file system, separated by commas.
    pub(super) options: String,
}

/// What is free at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Disk {
    /// The folder that was asked, the nearest one that is there.
    pub(super) path: PathBuf,
    /// Bytes and inodes that this user may still use; `None` for inodes where the file system has no such number.
    pub(super) free: Reading<(u64, Option<u64>)>,
    /// True where this user may make files there.
    pub(super) writable: bool,
}

impl Machine {
    /// Reads the machine's files below `root`, which is `/` but in tests. May hang where a disk does.
    pub(super) fn read(root: &Path, reports: &Path) -> Self {
        let text = |path: &str| read_text(&root.join(path));
        let mounts = match text("proc/self/mountinfo") {
            Reading::Value(text) => text.lines().filter_map(mount).collect(),
            Reading::Denied | Reading::Gone | Reading::Malformed(_) => Vec::new(),
        };
        let unified = mounts.iter().find(|mount: &&Mount| mount.kind == "cgroup2");
        let controllers = unified.map_or(Reading::Gone, |mount| {
            text(&format!("{}/cgroup.controllers", mount.point.trim_start_matches('/')))
        });
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self {
            release: rustix::system::uname().release().to_string_lossy().into_owned(),
            status: text("proc/self/status"),
            uid_map: text("proc/self/uid_map"),
            ptrace_scope: text("proc/sys/kernel/yama/ptrace_scope"),
            controllers,
            own_limit: getrlimit(Resource::Nofile).current,
            reports: disk(reports),
            temporary: disk(&std::env::temp_dir()),
            bpftrace: std::env::split_paths(&path).map(|dir| dir.join("bpftrace")).find(|path| path.is_file()),
            mounts,
        }
    }

    /// The value of a line of /proc/self/status, `CapEff`.
    pub(super) fn status_line(&self, name: &str) -> Option<&str> {
        let mut lines = self.status.value()?.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }

    /// The effective user, the second figure of `Uid`.
    pub(super) fn euid(&self) -> Option<u32> {
        self.status_line("Uid")?.split_whitespace().nth(1)?.parse().ok()
    }

    /// The effective capabilities, a bit for each, see capabilities(7).
    pub(super) fn capabilities(&self) -> Option<u64> {
        u64::from_str_radix(self.status_line("CapEff")?, 16).ok()
    }

    /// True where the capability with this number is effective; false where that is not known.
    pub(super) fn has(&self, capability: u32) -> bool {
        self.capabilities().is_some_and(|all| all >> capability & 1 == 1)
    }

    /// The option `hidepid` of /proc: `off`, `noaccess`, `invisible`, `ptraceable`, or their numbers.
    pub(super) fn hidepid(&self) -> Option<&str> {
        let options = &self.mounts.iter().rfind(|mount| mount.point == "/proc" && mount.kind == "proc")?.options;
        options
            .split(',')
            .find_map(|option| option.strip_prefix("hidepid="))
            .filter(|value| !matches!(*value, "0" | "off"))
    }
}

/// The beginning of a file as text.
fn read_text(path: &Path) -> Reading<String> {
    let mut bytes = Vec::new();
    match fs::File::open(path).and_then(|file| file.take(CAP).read_to_end(&mut bytes)) {
        Ok(_) => Reading::Value(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => refused(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
    }
}

/// One line of mountinfo; `None` where it has another form.
fn mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(4);
    let mut after = after.split(' ');
    let (point, own) = (before.next()?, before.next()?);
    let (kind, options) = (after.next()?, after.nth(1).unwrap_or_default());
    Some(Mount { point: point.to_owned(), kind: kind.to_owned(), options: format!("{own},{options}") })
}

/// What is free at a folder, or at the nearest one above it that is there.
fn disk(folder: &Path) -> Disk {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let path = folder.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/")).to_owned();
    let free = match rustix::fs::statvfs(&path) {
        Ok(stat) => {
            let inodes = (stat.f_files > 0).then_some(stat.f_favail);
            Reading::Value((stat.f_bavail.saturating_mul(stat.f_frsize), inodes))
        }
        Err(errno) => refused(errno),
    };
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    let flags = rustix::fs::AtFlags::EACCESS;
    let writable = rustix::fs::accessat(rustix::fs::CWD, &path, access, flags).is_ok();
    Disk { path, free, writable }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// A machine as root sees it, with everything in order.
    pub(in super::super) fn machine() -> Machine {
        let disk = |path: &str| Disk {
            path: PathBuf::from(path),
            free: Reading::Value((50 << 30, Some(1 << 20))),
            writable: true,
        };
        Machine {
            release: "6.18.4".to_owned(),
            status: Reading::Value(status(0, "000001ffffffffff", 0)),
            mounts: vec![
                mount("22 27 0:21 / /proc rw,relatime - proc proc rw").unwrap(),
                mount("31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate").unwrap(),
            ],
            uid_map: Reading::Value("         0          0 4294967295\n".to_owned()),
            ptrace_scope: Reading::Value("1\n".to_owned()),
            controllers: Reading::Value("cpuset cpu io memory pids\n".to_owned()),
            own_limit: Some(1024),
            reports: disk("/srv/reports"),
            temporary: disk("/tmp"),
            bpftrace: Some(PathBuf::from("/usr/bin/bpftrace")),
        }
    }

    /// The lines of /proc/self/status that are read.
    pub(in super::super) fn status(uid: u32, capabilities: &str, seccomp: u8) -> String {
        format!(
            "Name:\tslowdrip\nUid:\t1000\t{uid}\t{uid}\t{uid}\nCapInh:\t0000000000000000\nCapEff:\t{capabilities}\nNoNewPrivs:\t0\nSeccomp:\t{seccomp}\nSeccomp_filters:\t0\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_a_recorded_machine() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("proc/self/status", &testing::status(1000, "0000000000080004", 2));
        write("proc/self/uid_map", "0 1000 1\n");
        write(
            "proc/self/mountinfo",
            "22 27 0:21 / /proc rw,relatime shared:13 master:2 - proc proc rw,gid=4,hidepid=invisible\n\
             31 23 0:28 / /sys/fs/cgroup/unified rw - cgroup2 none rw\nnonsense\n",
        );
        write("sys/fs/cgroup/unified/cgroup.controllers", "cpu io\n");
        let machine = Machine::read(dir.path(), &dir.path().join("not/yet/there"));
        assert_eq!(machine.euid(), Some(1000));
        assert!(machine.has(19) && machine.has(2) && !machine.has(21));
        assert_eq!(machine.hidepid(), Some("invisible"));
        assert_eq!(machine.status_line("Seccomp"), Some("2"));
        assert_eq!(machine.controllers, Reading::Value("cpu io\n".to_owned()));
        assert_eq!(machine.ptrace_scope, Reading::Gone);
        assert_eq!(machine.reports.path, dir.path());
        assert!(matches!(machine.reports.free, Reading::Value((bytes, _)) if bytes > 0));
        assert!(machine.reports.writable);
    }

    #[test]
    fn hidepid_off_is_no_hidepid_and_the_mount_on_top_counts() {
        let mut machine = testing::machine();
        machine.mounts = vec![
            mount("1 2 0:1 / /proc rw - proc proc rw,hidepid=2").unwrap(),
            mount("3 1 0:2 / /proc rw - proc proc rw,hidepid=off").unwrap(),
        ];
        assert_eq!(machine.hidepid(), None);
        machine.mounts.pop();
        assert_eq!(machine.hidepid(), Some("2"));
    }

    proptest! {
        #[test]
        fn no_line_of_mountinfo_upsets_the_reader(line in "\\PC*( - \\PC*)?") {
            let _ = mount(&line);
        }
    }
}
