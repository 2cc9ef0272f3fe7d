//! Recorded trees for tests: plain folders with dangling links.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::ProcRoot;

/// A tree in a temporary folder.
pub(crate) struct Tree {
    dir: tempfile::TempDir,
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn root(&self) -> ProcRoot {
        ProcRoot::at(self.dir.path())
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Adds a process, in place of the one that had its pid.
    pub(crate) fn add(&self, proc: &Proc) {
        self.remove(proc.pid);
        let dir = self.dir.path().join(proc.pid.to_string());
        fs::create_dir_all(dir.join("fd")).unwrap();
        fs::create_dir_all(dir.join("fdinfo")).unwrap();
        let (pid, ppid, state, start) = (proc.pid, proc.ppid, proc.state, proc.start);
        let threads = proc.threads.len().max(proc.names.len()).max(1);
        let tail = format!(") {state} {ppid} {pid} {pid} 0 -1 0 0 0 0 0 7 8 0 0 20 0 {threads} 0 {start} 0 0\n");
        let stat = [format!("{pid} (").as_bytes(), &proc.comm, tail.as_bytes()].concat();
        fs::write(dir.join("stat"), &stat).unwrap();
        fs::write(dir.join("status"), &proc.status).unwrap();
        fs::write(dir.join("cmdline"), &proc.cmdline).unwrap();
        fs::write(dir.join("cgroup"), &proc.cgroup).unwrap();
        fs::write(dir.join("limits"), "Max open files            1024                 4096                 files\n")
            .unwrap();
        fs::create_dir_all(dir.join("net")).unwrap();
        for table in ["tcp", "tcp6", "udp", "udp6", "unix", "netlink", "packet", "raw", "raw6"] {
            let lines = proc.net.iter().find(|(name, _)| name == table).map_or("", |(_, lines)| lines);
            fs::write(dir.join(format!("net/{table}")), format!("heading\n{lines}")).unwrap();
        }
        fs::create_dir_all(dir.join("ns")).unwrap();
        symlink(format!("net:[{}]", proc.netns), dir.join("ns/net")).unwrap();
        for (fd, link) in &proc.fds {
            symlink(OsStr::from_bytes(link), dir.join(format!("fd/{fd}"))).unwrap();
        }
        for (fd, text) in &proc.fdinfo {
            fs::write(dir.join(format!("fdinfo/{fd}")), text).unwrap();
        }
        if let Some(exe) = &proc.exe {
            symlink(OsStr::from_bytes(exe), dir.join("exe")).unwrap();
        }
        if let Some(rollup) = &proc.rollup {
            fs::write(dir.join("smaps_rollup"), rollup).unwrap();
        }
        for (tid, name) in &proc.names {
            let task = dir.join(format!("task/{tid}"));
            fs::create_dir_all(&task).unwrap();
            fs::write(task.join("comm"), [name, &b"\n"[..]].concat()).unwrap();
        }
        for (tid, syscall) in &proc.threads {
            let task = dir.join(format!("task/{tid}"));
            fs::create_dir_all(&task).unwrap();
            fs::write(task.join("syscall"), syscall).unwrap();
            fs::write(task.join("stat"), &stat).unwrap();
        }
    }

    /// Lets nobody but root read a file or a folder, and everybody all others.
    pub(crate) fn close(&self, name: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(self.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(self.path().join(name), fs::Permissions::from_mode(0o000)).unwrap();
    }

    pub(crate) fn remove(&self, pid: u32) {
        let _ = fs::remove_dir_all(self.dir.path().join(pid.to_string()));
    }
}

/// Does something as a user without any right, for which files can be closed. Only this one thread loses its rights; where the
/// tests have none anyway, it is done as it is.
pub(crate) fn as_nobody<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let dropped = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                rustix::thread::set_thread_uid(rustix::thread::Uid::from_raw(65_534)).unwrap();
            }
            work()
        });
        dropped.join().unwrap()
    })
}

/// One process of a recorded tree.
#[derive(Clone)]
pub(crate) struct Proc {
    pid: u32,
    ppid: u32,
    state: char,
    start: u64,
    comm: Vec<u8>,
    cmdline: Vec<u8>,
    cgroup: String,
    status: String,
    fds: Vec<(u32, Vec<u8>)>,
    fdinfo: Vec<(u32, String)>,
    threads: Vec<(u32, String)>,
    names: Vec<(u32, Vec<u8>)>,
    exe: Option<Vec<u8>>,
    rollup: Option<String>,
    net: Vec<(String, String)>,
    netns: u64,
}

impl Proc {
    pub(crate) fn new(pid: u32) -> Self {
        Self {
            pid,
            ppid: 1,
            state: 'S',
            start: u64::from(pid),
            comm: b"app".to_vec(),
            cmdline: b"/usr/bin/app\0--serve\0".to_vec(),
            cgroup: "0::/\n".to_owned(),
            status: format!(
                "Uid:\t1000\t1000\t1000\t1000\nNSpid:\t{pid}\t7\nVmRSS:\t2048 kB\nRssAnon:\t1024 kB\n\
                 RssFile:\t1000 kB\nRssShmem:\t24 kB\nVmSwap:\t8 kB\n"
            ),
            fds: Vec::new(),
            fdinfo: Vec::new(),
            threads: Vec::new(),
            names: Vec::new(),
            exe: Some(b"/usr/bin/app".to_vec()),
            rollup: None,
            net: Vec::new(),
            netns: 4_026_531_840,
        }
    }

    pub(crate) fn ppid(mut self, ppid: u32) -> Self {
        self.ppid = ppid;
        self
    }

    pub(crate) fn start(mut self, start: u64) -> Self {
        self.start = start;
        self
    }

    pub(crate) fn comm(mut self, comm: &[u8]) -> Self {
        self.comm = comm.to_vec();
        self
    }

    pub(crate) fn cmdline(mut self, arguments: &[&str]) -> Self {
        self.cmdline = arguments.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect();
        self
    }

    pub(crate) fn cgroup(mut self, cgroup: &str) -> Self {
        self.cgroup = cgroup.to_owned();
        self
    }

    /// Ended and not reaped: no memory, no command line, on cgroup v1 back in the root.
    pub(crate) fn zombie(mut self) -> Self {
        self.state = 'Z';
        self.cmdline.clear();
        self.exe = None;
        self.cgroup = "4:pids:/\n0::/\n".to_owned();
        self.status = "State:\tZ (zombie)\nUid:\t1000\t1000\t1000\t1000\n".to_owned();
        self
    }

    /// In a sleep that nothing interrupts.
    pub(crate) fn disk_sleep(mut self) -> Self {
        self.state = 'D';
        self
    }

    pub(crate) fn fd(self, fd: u32, link: &str) -> Self {
        self.fd_bytes(fd, link.as_bytes())
    }

    pub(crate) fn fd_bytes(mut self, fd: u32, link: &[u8]) -> Self {
        self.fds.push((fd, link.to_vec()));
        self
    }

    pub(crate) fn fdinfo(mut self, fd: u32, text: &str) -> Self {
        self.fdinfo.push((fd, text.to_owned()));
        self
    }

    /// The lines of a protocol table, without its heading. Tables that are not given are empty.
    pub(crate) fn net(mut self, table: &str, lines: &str) -> Self {
        self.net.push((table.to_owned(), lines.to_owned()));
        self
    }

    /// The network namespace it lives in.
    pub(crate) fn netns(mut self, inode: u64) -> Self {
        self.netns = inode;
        self
    }

    /// An eventpoll that watches these descriptors.
    pub(crate) fn epoll(self, fd: u32, watched: &[u32]) -> Self {
        let lines: String = watched
            .iter()
            .map(|w| format!("tfd: {w:8} events:       19 data: {w:16x}  pos:0 ino:{:x} sdev:8\n", 100 + w))
            .collect();
        self.fd(fd, "anon_inode:[eventpoll]").fdinfo(fd, &format!("pos:\t0\nflags:\t02\nino:\t9\n{lines}"))
    }

    pub(crate) fn pidfd(self, fd: u32, pid: i64, ino: u64) -> Self {
        self.fd(fd, "anon_inode:[pidfd]").fdinfo(fd, &format!("pos:\t0\nflags:\t02\nino:\t{ino}\nPid:\t{pid}\n"))
    }

    /// A thread and what its `syscall` file says.
    pub(crate) fn thread(mut self, tid: u32, syscall: &str) -> Self {
        self.threads.push((tid, syscall.to_owned()));
        self
    }

    /// A thread and its name.
    pub(crate) fn named_thread(mut self, tid: u32, name: &[u8]) -> Self {
        self.names.push((tid, name.to_vec()));
        self
    }

    /// The program, and what `smaps_rollup` says.
    pub(crate) fn exe(mut self, exe: &[u8]) -> Self {
        self.exe = Some(exe.to_vec());
        self
    }

    pub(crate) fn rollup(mut self, text: &str) -> Self {
        self.rollup = Some(text.to_owned());
        self
    }

    /// A thread in epoll_wait.
    pub(crate) fn waits_on(self, tid: u32, epoll: u32) -> Self {
        let number = if cfg!(target_arch = "x86_64") { 232 } else { 22 };
        self.thread(tid, &format!("{number} 0x{epoll:x} 0x1 0x2 0x3 0x4 0x5 0x7ffe 0x7f00\n"))
    }
}
