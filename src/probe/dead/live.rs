//! Questions to the kernel that runs, about this very process and a child of it.

use std::io::Write as _;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::process::{Child, Command, Stdio};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};

use super::kernel::{Kernel, Running};
use super::tests::{own, process};
use super::*;
use crate::model::{FdClass, FdKind};
use crate::probe::ends::{End, PipeEnd};
use crate::probe::handles::Master;
use crate::probe::scan::Entry;
use crate::probe::sockets::Socket;

fn number(fd: &impl AsFd) -> u32 {
    u32::try_from(fd.as_fd().as_raw_fd()).unwrap()
}

fn ino(fd: &impl AsFd) -> u64 {
    rustix::fs::fstat(fd).unwrap().st_ino
}

fn is_dead(fd: &impl AsFd, kind: DeadKind) -> bool {
    Running::default().is_dead(std::process::id(), number(fd), kind, ino(fd)).unwrap()
}

/// A child that another test forks holds copies of our descriptors until its exec: what is closed here is closed
/// everywhere a moment later.
fn dies(mut is_dead: impl FnMut() -> bool) -> bool {
    (0..500).any(|_| {
        let dead = is_dead();
        if !dead {
            std::thread::sleep(Duration::from_millis(2));
        }
        dead
    })
}

fn pipe() -> (OwnedFd, OwnedFd) {
    pipe_with(PipeFlags::CLOEXEC).unwrap()
}

fn pair(kind: SocketType) -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap()
}

/// Reads what is there.
fn drain(fd: &OwnedFd) {
    rustix::io::read(fd, &mut [0; 64]).unwrap();
}

/// A child that sleeps, and is no more when the test is over.
struct Sleeper(Child);

impl Sleeper {
    fn with_stdin(stdin: impl Into<Stdio>) -> Self {
        Self(Command::new("sleep").arg("600").stdin(stdin).spawn().unwrap())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_pipe_dies_with_its_other_end() {
    let (reader, writer) = pipe();
    assert!(!is_dead(&reader, DeadKind::PipeNoWriter));
    assert!(!is_dead(&writer, DeadKind::PipeNoReader));
    rustix::io::write(&writer, b"unread").unwrap();
    drop(writer);
    assert!(!is_dead(&reader, DeadKind::PipeNoWriter), "there is something left to read");
    drain(&reader);
    assert!(dies(|| is_dead(&reader, DeadKind::PipeNoWriter)));
    let (reader, writer) = pipe();
    drop(reader);
    assert!(dies(|| is_dead(&writer, DeadKind::PipeNoReader)));
}

#[test]
fn a_connected_socket_dies_with_its_peer() {
    for kind in [SocketType::STREAM, SocketType::SEQPACKET] {
        let (one, other) = pair(kind);
        assert!(!is_dead(&one, DeadKind::SocketPeerGone));
        rustix::io::write(&other, b"unread").unwrap();
        drop(other);
        assert!(!is_dead(&one, DeadKind::SocketPeerGone), "there is something left to read");
        drain(&one);
        assert!(dies(|| is_dead(&one, DeadKind::SocketPeerGone)), "{kind:?}");
    }
}

#[test]
fn healthy_sockets_live() {
    let (one, other) = pair(SocketType::STREAM);
    rustix::net::shutdown(&other, rustix::net::Shutdown::Write).unwrap();
    assert!(!is_dead(&one, DeadKind::SocketPeerGone), "its peer only stopped writing");
    assert!(!is_dead(&other, DeadKind::SocketPeerGone));
    let fresh = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    assert!(!is_dead(&fresh, DeadKind::SocketPeerGone), "it is not yet connected");
    let folder = tempfile::tempdir().unwrap();
    let listener = std::os::unix::net::UnixListener::bind(folder.path().join("s")).unwrap();
    assert!(!is_dead(&listener, DeadKind::SocketPeerGone));
    let client = std::os::unix::net::UnixStream::connect(folder.path().join("s")).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    assert!(!is_dead(&accepted, DeadKind::SocketPeerGone));
    drop(client);
    assert!(dies(|| is_dead(&accepted, DeadKind::SocketPeerGone)));
}

#[test]
fn a_master_dies_with_its_terminal_and_not_before_there_is_one() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    assert!(!is_dead(&master, DeadKind::PtySlaveGone), "its terminal was never opened");
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let open = || std::fs::OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let mut terminal = open();
    assert!(!is_dead(&master, DeadKind::PtySlaveGone));
    terminal.write_all(b"unread").unwrap();
    drop(terminal);
    assert!(!is_dead(&master, DeadKind::PtySlaveGone), "there is something left to read");
    drain(&master);
    assert!(dies(|| is_dead(&master, DeadKind::PtySlaveGone)));
    let again = open();
    assert!(!is_dead(&master, DeadKind::PtySlaveGone), "it was opened again");
    drop(again);
    let info = std::fs::read(format!("/proc/self/fdinfo/{}", number(&master))).unwrap();
    let index = crate::probe::ends::field(&info, "tty-index:").unwrap();
    assert_eq!(name.to_str().unwrap(), format!("/dev/pts/{index}"));
}

#[test]
fn a_number_that_stands_for_something_else_is_not_judged() {
    let (reader, _writer) = pipe();
    let (fd, pid) = (number(&reader), std::process::id());
    let mut kernel = Running::default();
    let bad = Err(rustix::io::Errno::BADF);
    assert_eq!(kernel.is_dead(pid, fd, DeadKind::PipeNoWriter, ino(&reader) + 1), bad);
    assert_eq!(kernel.is_dead(pid, fd, DeadKind::SocketPeerGone, ino(&reader)), bad);
    assert_eq!(kernel.is_dead(pid, fd, DeadKind::PtySlaveGone, 0), bad);
    assert_eq!(kernel.is_dead(pid, 1_000_000, DeadKind::PipeNoWriter, 0), bad);
}

#[test]
fn a_child_shares_what_it_inherited_and_can_be_asked() {
    let (reader, writer) = pipe();
    let stdin = rustix::io::fcntl_dupfd_cloexec(&reader, 3).unwrap();
    let child = Sleeper::with_stdin(stdin);
    let mut kernel = Running::default();
    let (mine, pid) = ((std::process::id(), number(&reader)), child.0.id());
    assert_eq!(kernel.compare(mine, (pid, 0)), Some(std::cmp::Ordering::Equal));
    assert_ne!(kernel.compare(mine, (pid, 1)), Some(std::cmp::Ordering::Equal));
    let there = ino(&reader);
    drop(reader);
    assert_eq!(kernel.is_dead(pid, 0, DeadKind::PipeNoWriter, there), Ok(false));
    assert!(!is_dead(&writer, DeadKind::PipeNoReader), "its reader is the child");
    drop(writer);
    assert!(dies(|| kernel.is_dead(pid, 0, DeadKind::PipeNoWriter, there) == Ok(true)));
}

#[test]
fn finds_the_dead_of_this_process_and_none_of_their_twins() {
    let ((reader, writer), (lonely, gone)) = (pipe(), pipe());
    let ((one, other), (left, closed)) = (pair(SocketType::STREAM), pair(SocketType::STREAM));
    drop((gone, closed));
    let master = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::CLOEXEC).unwrap();
    let me = ProcId { pid: std::process::id(), start: 1 };
    let mut seen = process(me);
    for (fd, end) in [(&reader, End::Read), (&writer, End::Write), (&lonely, End::Read)] {
        own(&mut seen).pipes.push(PipeEnd { fd: number(fd), ino: ino(fd), end });
    }
    own(&mut seen).masters.push(Master { fd: number(&master), index: None });
    let unix = Socket::unix(FdKind::UnixStream, 0);
    let mut held = Vec::new();
    for fd in [&one, &other, &left] {
        held.push(Entry { fd: number(fd), class: FdClass::Socket, kind: None, ident: ino(fd) });
    }
    let sockets = SocketTable::of(&held.iter().map(|entry| (entry.ident, unix)).collect::<Vec<_>>(), &[], true);
    seen.held = Some(held);
    let (root, seen) = (ProcRoot::system(), [seen]);
    let mut tracker = Tracker::default();
    let mut expected = vec![(number(&lonely), DeadKind::PipeNoWriter), (number(&left), DeadKind::SocketPeerGone)];
    expected.sort_unstable();
    let mut at_ms = 0;
    let found = dies(|| {
        at_ms += 1000;
        let found = tracker.observe(&Look { at_ms, root: &root, seen: &seen, sockets: &sockets });
        assert_eq!(found.gaps, []);
        let mut dead: Vec<_> = found.handles.iter().map(|handle| (handle.fd.unwrap(), handle.kind)).collect();
        dead.sort_unstable();
        assert!(dead.iter().all(|one| expected.contains(one)), "{dead:?}");
        dead == expected
    });
    assert!(found);
}

#[test]
fn a_sampler_finds_what_is_dead_in_a_child_and_names_it() {
    let ((stdin, writer), (reader, stdout), (stderr, peer)) = (pipe(), pipe(), pair(SocketType::STREAM));
    let number_of = [ino(&stdin), ino(&stdout), ino(&stderr)];
    let mut command = Command::new("sleep");
    let child = Sleeper(command.arg("600").stdin(stdin).stdout(stdout).stderr(stderr).spawn().unwrap());
    // The command keeps copies of what it handed on.
    drop(command);
    let scope = crate::model::Scope::Descent { pid: child.0.id() };
    let mut sampler = crate::probe::Sampler::new(ProcRoot::system(), scope);
    let mut seq = 0;
    let mut look = || {
        seq += 1;
        let at_ms = u64::from(seq) * 1000;
        let (wall, phase) = (jiff::Timestamp::UNIX_EPOCH, crate::model::Phase::Soak);
        let mut snapshot = sampler.snapshot(seq, at_ms, wall, phase, crate::probe::Depth::Light);
        // Who runs the tests may have left more in the hands of every child.
        snapshot.dead.retain(|handle| handle.fd.is_some_and(|fd| fd < 3));
        snapshot
    };
    for _ in 0..3 {
        assert_eq!(look().dead, [], "the other ends are here");
    }
    drop((writer, reader, peer));
    let expected = [
        (0, DeadKind::PipeNoWriter, format!("reading end of pipe {}", number_of[0])),
        (1, DeadKind::PipeNoReader, format!("writing end of pipe {}", number_of[1])),
        (2, DeadKind::SocketPeerGone, format!("socket:[{}]", number_of[2])),
    ];
    let mut last = Vec::new();
    let found = dies(|| {
        let snapshot = look();
        let kinds = &snapshot.processes[0].fds.value().unwrap().kinds;
        assert!(kinds[&FdKind::PipeRead] >= 1 && kinds[&FdKind::PipeWrite] >= 1, "{kinds:?}");
        last = snapshot.dead;
        last.len() == expected.len()
    });
    assert!(found, "{last:?}");
    last.sort_unstable_by_key(|handle| handle.fd);
    for (handle, (fd, kind, detail)) in last.iter().zip(&expected) {
        assert_eq!((handle.fd, handle.kind), (Some(*fd), *kind));
        assert!(handle.detail.starts_with(detail), "{handle:?}");
    }
}
