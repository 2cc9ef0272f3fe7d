use super::*;
use crate::probe::testing::{Proc, Tree};

#[test]
fn counts_by_class_and_by_name() {
    let tree = Tree::new();
    tree.add(
        &Proc::new(77)
            .fd(0, "/dev/null")
            .fd(3, "socket:[1]")
            .fd(4, "socket:[2]")
            .fd(5, "/data/a.db")
            .fd(6, "/srv")
            .fdinfo(6, "pos:\t0\nflags:\t02300000\n"),
    );
    let mut scanner = Scanner::default();
    let census = scanner.scan(&tree.root().open(77).unwrap(), "").unwrap();
    assert_eq!(census.total, 5);
    assert_eq!(census.classes[&FdClass::Socket], 2);
    #[cfg(target_arch = "x86_64")]
    assert_eq!(census.classes[&FdClass::Directory], 1);
    let names: Vec<&str> = census.links.iter().map(|link| link.name.as_str()).collect();
    assert_eq!(names, ["socket:[*]", "/dev/null", "/data/a.db", "/srv"]);
    assert_eq!(scanner.kind(5), Some(FdClass::SqliteDb));
    assert_eq!(scanner.kind(7), None);
}

#[test]
fn keeps_the_most_frequent_names_and_sums_the_rest() {
    let tree = Tree::new();
    let mut proc = Proc::new(77).fd(1000, "/z").fd(1001, "/z");
    for n in 0..200 {
        proc = proc.fd(n, &format!("/file/{n:03}"));
    }
    tree.add(&proc);
    let dir = tree.root().open(77).unwrap();
    let mut scanner = Scanner::default();
    let census = scanner.scan(&dir, "").unwrap();
    assert_eq!((census.total, census.rest), (202, 202 - 2 - 127));
    assert_eq!(census.links.len(), FdCensus::MAX_LINKS);
    assert_eq!((census.links[0].name.as_str(), census.links[0].count), ("/z", 2));
    assert_eq!(census.links[1].name, "/file/000");
    assert_eq!(scanner.scan(&dir, "").unwrap(), census, "a second look tells the same");
}

#[test]
fn a_descriptor_whose_link_cannot_be_read_still_counts() {
    let tree = Tree::new();
    tree.add(&Proc::new(77).fd(1, "/dev/null"));
    std::fs::write(tree.path().join("77/fd/2"), "").unwrap();
    let census = Scanner::default().scan(&tree.root().open(77).unwrap(), "").unwrap();
    assert_eq!((census.total, census.classes[&FdClass::Unknown]), (2, 1));
}

#[test]
fn hostile_names_stay_one_line() {
    let tree = Tree::new();
    tree.add(&Proc::new(77).fd(1, "/a\n<script>\u{202e}").fd_bytes(2, b"/b\xff.db"));
    let census = Scanner::default().scan(&tree.root().open(77).unwrap(), "").unwrap();
    let names: Vec<&str> = census.links.iter().map(|link| link.name.as_str()).collect();
    assert_eq!(names, ["/a\\n<script>\\u{202e}", "/b\\xff.db"]);
}

fn scanned(tree: &Tree) -> (FdCensus, Vec<Entry>) {
    let mut scanner = Scanner::default();
    let census = scanner.scan(&tree.root().open(77).unwrap(), "").unwrap();
    (census, scanner.entries().to_vec())
}

#[test]
fn what_has_an_inode_is_known_by_it_and_the_rest_by_its_name() {
    let tree = Tree::new();
    tree.add(
        &Proc::new(77)
            .fd(1, "socket:[81]")
            .fd(2, "pipe:[82]")
            .fd(3, "pidfd:[83]")
            .fd(4, "anon_inode:[eventfd]")
            .fd(5, "anon_inode:[eventfd]")
            .fd(6, "net:[4026531840]")
            .fd(7, "net:[4026531841]")
            .fd(8, "/a"),
    );
    let (census, entries) = scanned(&tree);
    assert_eq!(entries.iter().map(|entry| entry.fd).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(entries.iter().take(3).map(|entry| entry.ident).collect::<Vec<_>>(), [81, 82, 83]);
    assert!(entries[..3].iter().all(Entry::by_inode) && !entries[3..].iter().any(Entry::by_inode));
    assert_eq!(entries[3].ident, entries[4].ident);
    let mut different: Vec<u64> = entries.iter().map(|entry| entry.ident).collect();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), 7, "namespaces are told apart");
    let counts: Vec<(&str, u64)> = census.links.iter().map(|link| (link.name.as_str(), link.count)).collect();
    assert_eq!(counts[..2], [("anon_inode:[eventfd]", 2), ("net:[*]", 2)]);
}

#[test]
fn masters_and_slaves_of_pseudo_terminals_are_told_apart() {
    let tree = Tree::new();
    tree.add(&Proc::new(77).fd(1, "/dev/pts/ptmx").fd(2, "/dev/pts/0").fd(3, "/dev/pts/1").fd(4, "/dev/tty"));
    let (census, _) = scanned(&tree);
    assert_eq!(census.kinds, BTreeMap::from([(FdKind::PtyMaster, 1), (FdKind::PtySlave, 2)]));
    assert!(census.kinds_told(FdClass::Pty));
    assert_eq!(census.classes, BTreeMap::from([(FdClass::Pty, 3), (FdClass::Tty, 1)]));
}

#[test]
fn the_links_of_a_recorded_tree_do_not_lead_into_this_machine() {
    let tree = Tree::new();
    // `/` is a directory here, and /dev/zero a device.
    tree.add(&Proc::new(77).fd(1, "/").fd(2, "/etc"));
    assert_eq!(scanned(&tree).0.classes, BTreeMap::from([(FdClass::File, 2)]));
}

#[test]
fn a_name_of_four_kilobytes_is_kept_by_its_ends() {
    let tree = Tree::new();
    let long = format!("/data/{}/x.db", "\u{fc}/".repeat(1300));
    tree.add(&Proc::new(77).fd(1, &long));
    let (census, _) = scanned(&tree);
    let name = &census.links[0].name;
    assert!(name.len() <= 1024 && name.starts_with("/data/ü/") && name.ends_with("/x.db"), "{name}");
    assert_eq!(census.classes, BTreeMap::from([(FdClass::SqliteDb, 1)]));
}

/// Opens one of each of what has a safe call, and looks at this very process.
#[test]
fn the_running_kernel_gives_the_names_that_are_expected() {
    use rustix::event::{EventfdFlags, epoll, eventfd};
    use rustix::fs::{Mode, OFlags, inotify, memfd_create, open};
    use std::os::fd::{AsRawFd as _, OwnedFd};

    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("access.log");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RWXU, 0).unwrap();
    let folder = dir.path().join("index.db");
    std::fs::create_dir(&folder).unwrap();
    let read = |path: &std::path::Path| open(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap();
    let ends: [OwnedFd; 2] = rustix::pipe::pipe().unwrap().into();
    let me = rustix::process::getpid();
    let mut made: Vec<(OwnedFd, FdClass, Option<FdKind>)> = vec![
        (epoll::create(epoll::CreateFlags::CLOEXEC).unwrap(), FdClass::Eventpoll, None),
        (eventfd(0, EventfdFlags::CLOEXEC).unwrap(), FdClass::Eventfd, None),
        (inotify::init(inotify::CreateFlags::CLOEXEC).unwrap(), FdClass::Inotify, None),
        (memfd_create("x.log", rustix::fs::MemfdFlags::CLOEXEC).unwrap(), FdClass::Memfd, None),
        (rustix::process::pidfd_open(me, rustix::process::PidfdFlags::empty()).unwrap(), FdClass::Pidfd, None),
        (read(&fifo), FdClass::Fifo, None),
        (read(&folder), FdClass::Directory, None),
        (read("/dev".as_ref()), FdClass::Directory, None),
        (read("/dev/null".as_ref()), FdClass::Device, None),
        (read("/proc/self/ns/net".as_ref()), FdClass::AnonOther, None),
        (tempfile::tempfile().unwrap().into(), FdClass::Deleted, None),
        (std::fs::File::create(dir.path().join("a.log")).unwrap().into(), FdClass::Log, None),
        (std::os::unix::net::UnixDatagram::unbound().unwrap().into(), FdClass::Socket, None),
    ];
    made.extend(ends.map(|end| (end, FdClass::Pipe, None)));
    if let Ok(master) = open("/dev/ptmx", OFlags::RDWR | OFlags::NOCTTY, Mode::empty()) {
        made.push((master, FdClass::Pty, Some(FdKind::PtyMaster)));
    }
    let mut scanner = Scanner::default();
    let own = crate::probe::ProcRoot::system().open(std::process::id()).unwrap();
    for _ in 0..2 {
        let census = scanner.scan(&own, "").unwrap();
        assert_eq!(census.total, u64::try_from(scanner.entries().len()).unwrap());
        for (fd, class, kind) in &made {
            let number = u32::try_from(fd.as_raw_fd()).unwrap();
            let entry = scanner.entries().iter().find(|entry| entry.fd == number).unwrap();
            assert_eq!((entry.class, entry.kind), (*class, *kind), "fd {number}");
        }
    }
}

/// Runs in a process of its own: the limit of descriptors is the whole process's.
#[test]
fn a_lack_of_means_is_no_short_count() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    const ALONE: &str = "SLOWDRIP_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "probe::scan::tests::a_lack_of_means_is_no_short_count";
        let mut own = std::process::Command::new(std::env::current_exe().unwrap());
        let done = own.args([name, "--exact", "--test-threads=1"]).env(ALONE, "1").output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
        return;
    }
    let tree = Tree::new();
    tree.add(&Proc::new(77).fd(1, "socket:[1]").fd(2, "/srv").fdinfo(2, "flags:\t02300000\n"));
    let dir = tree.root().open(77).unwrap();
    let old = getrlimit(Resource::Nofile);
    // Room for the folder of descriptors, and none for fdinfo.
    let next = std::os::fd::AsRawFd::as_raw_fd(&std::fs::File::open("/").unwrap());
    let room = u64::try_from(next).unwrap() + 1;
    let mut scanner = Scanner::default();
    setrlimit(Resource::Nofile, Rlimit { current: Some(room), ..old }).unwrap();
    let starved = scanner.scan(&dir, "");
    setrlimit(Resource::Nofile, old).unwrap();
    assert_eq!(starved, Err(Errno::MFILE));
    assert!(scanner.entries().is_empty());
    let census = scanner.scan(&dir, "").unwrap();
    assert_eq!(census.total, 2, "nothing of it was remembered");
    #[cfg(target_arch = "x86_64")]
    assert_eq!(census.classes[&FdClass::Directory], 1);
}

#[test]
fn a_hundred_thousand_descriptors_are_counted_in_full() {
    let tree = Tree::new();
    let mut scanner = Scanner::default();
    let mut proc = Proc::new(77);
    for fd in 0..100_000 {
        proc = proc.fd(fd, &if fd % 2 == 0 { format!("socket:[{fd}]") } else { format!("/tmp/{fd} (deleted)") });
    }
    tree.add(&proc);
    let census = scanner.scan(&tree.root().open(77).unwrap(), "").unwrap();
    assert_eq!((census.total, census.links.len(), census.rest), (100_000, FdCensus::MAX_LINKS, 50_000 - 127));
    assert!(scanner.entries().is_sorted_by_key(|entry| entry.fd));
}
