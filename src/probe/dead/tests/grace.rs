//! What is dead only beyond a grace.

use super::*;
use crate::probe::sockets::Socket;
use crate::probe::testing::{Proc, Tree};

fn kinds(dead: &[DeadHandle]) -> Vec<(Option<u32>, DeadKind, &str)> {
    dead.iter().map(|handle| (handle.fd, handle.kind, handle.detail.as_str())).collect()
}

fn tcp(state: FdKind) -> SocketTable {
    SocketTable::of(&[(70, Socket::tcp(state))], &[], true)
}

fn holder() -> [Seen; 1] {
    [with_entry(process(APP), 4, FdClass::Socket, 70)]
}

#[test]
fn a_connection_that_the_peer_closed_is_dead_beyond_its_grace() {
    let mut night = Night { sockets: tcp(FdKind::TcpCloseWait), ..Night::default() };
    assert!(night.looks(60, &holder()).is_empty(), "an idle pool within its grace");
    let dead = night.looks(1, &holder());
    assert_eq!(kinds(&dead), [(Some(4), DeadKind::TcpCloseWait, "peer 192.0.2.7:443")]);
    assert_eq!((dead[0].first_ms, dead[0].survived), (0, 61));
    night.sockets = tcp(FdKind::TcpEstablished);
    assert!(night.looks(100, &holder()).is_empty());
}

#[test]
fn a_table_that_could_not_be_read_neither_kills_nor_heals() {
    let close_wait = || tcp(FdKind::TcpCloseWait);
    let mut night = Night { sockets: close_wait(), ..Night::default() };
    night.looks(50, &holder());
    night.sockets = SocketTable::default();
    assert!(night.looks(10, &holder()).is_empty(), "not yet");
    assert_eq!(night.looks(1, &holder())[0].survived, 50, "the grace is over, on the looks that told");
    night.sockets = close_wait();
    assert_eq!(night.looks(1, &holder())[0].first_ms, 0);

    let mut night = Night { sockets: SocketTable::of(&[], &[], false), ..Night::default() };
    assert!(night.looks(200, &holder()).is_empty(), "what is missing from half a table may be in the other half");
    let mut night = Night { sockets: SocketTable::of(&[], &[], true), ..Night::default() };
    assert!(night.looks(200, &holder()).is_empty(), "it is in no table because it is of another family");
}

#[test]
fn a_socket_in_no_table_is_dead_beyond_its_grace_and_a_fresh_one_is_not() {
    let mut night = Night { sockets: SocketTable::of(&[], &[70, 71], true), ..Night::default() };
    assert!(night.looks(60, &holder()).is_empty());
    // Another socket under the same number starts anew.
    let other = [with_entry(process(APP), 4, FdClass::Socket, 71)];
    assert!(night.looks(60, &other).is_empty());
    assert_eq!(kinds(&night.looks(1, &other)), [(Some(4), DeadKind::SocketUnattached, "socket:[71]")]);
}

#[test]
fn a_zombie_is_dead_beyond_its_grace_and_names_who_did_not_reap_it() {
    let zombie = || {
        let mut zombie = process(CHILD);
        zombie.sample.state = ProcState::Zombie;
        zombie.sample.cmdline.clear();
        (zombie.held, zombie.handles) = (None, None);
        zombie
    };
    let mut night = Night::default();
    assert!(night.looks(5, &[process(APP), process(CHILD)]).is_empty());
    assert!(night.looks(30, &[process(APP), zombie()]).is_empty());
    let dead = night.looks(1, &[process(APP), zombie()]);
    let detail = "pid 11 (app --number 11), not reaped by pid 10 (app --number 10)";
    assert_eq!(kinds(&dead), [(None, DeadKind::ProcessZombie, detail)]);
    assert_eq!(dead[0].process, CHILD);
    let mut check = zombie();
    check.sample.role = Role::HealthCheck;
    assert!(Night::default().looks(100, &[process(APP), check]).is_empty(), "the engine reaps its own");
}

#[test]
fn an_orphan_is_dead_beyond_its_grace_and_a_child_is_not() {
    let mut orphan = process(CHILD);
    orphan.sample.facts.orphan = true;
    orphan.sample.ppid = 1;
    let seen = [process(APP), orphan];
    let mut night = Night::default();
    assert!(night.looks(60, &seen).is_empty());
    let detail = "pid 11 (app --number 11), handed to pid 1";
    assert_eq!(kinds(&night.looks(1, &seen)), [(None, DeadKind::ProcessOrphan, detail)]);
}

#[test]
fn a_deleted_file_is_dead_beyond_its_grace_and_bears_its_name() {
    let tree = Tree::new();
    tree.add(&Proc::new(10).fd_bytes(4, b"/tmp/a\n<b> (deleted)").fd(5, "/tmp/other"));
    let root = tree.root();
    let seen = [with_entry(
        with_entry(with_entry(process(APP), 4, FdClass::Deleted, 70), 5, FdClass::Deleted, 71),
        6,
        FdClass::File,
        72,
    )];
    let sockets = SocketTable::default();
    let mut tracker = Tracker::new(Graces::all(Duration::from_secs(3)));
    let mut look = |at_s: u64| {
        let look = Look { at_ms: at_s * 1000, root: &root, seen: &seen, sockets: &sockets };
        tracker.observe(&look).handles
    };
    assert!((0..3).all(|at_s| look(at_s).is_empty()));
    let dead = look(3);
    assert_eq!(
        kinds(&dead),
        [(Some(4), DeadKind::FileDeleted, "/tmp/a\\n<b>"), (Some(5), DeadKind::FileDeleted, "")],
        "a number that stands for something else by now gives no name"
    );
}
