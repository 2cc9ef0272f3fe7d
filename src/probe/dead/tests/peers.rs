//! Pipes, connected sockets and terminals.

use super::*;
use crate::model::{Gap, GapReason};
use crate::probe::dead::peer::QUESTIONS;
use crate::probe::handles::Master;
use crate::probe::sockets::Socket;

fn kinds(dead: &[DeadHandle]) -> Vec<(u32, DeadKind, &str)> {
    dead.iter().map(|handle| (handle.fd.unwrap(), handle.kind, handle.detail.as_str())).collect()
}

#[test]
fn an_end_of_a_pipe_is_dead_when_the_kernel_says_so_twice() {
    let seen = [with_pipe(with_pipe(process(APP), 4, 70, End::Read), 5, 71, End::Write)];
    let mut night = Night::with(Fake::says(&[((10, 4), Ok(true)), ((10, 5), Ok(true))]));
    assert!(night.looks(1, &seen).is_empty());
    assert_eq!(
        kinds(&night.looks(1, &seen)),
        [(4, DeadKind::PipeNoWriter, "reading end of pipe 70"), (5, DeadKind::PipeNoReader, "writing end of pipe 71")]
    );
    night.kernel = Fake::default();
    assert!(night.looks(1, &seen).is_empty(), "one that lives again is forgotten");
    night.kernel = Fake::says(&[((10, 4), Ok(true))]);
    night.looks(1, &seen);
    assert_eq!(night.looks(1, &seen)[0].first_ms, 3000);
}

#[test]
fn a_pipe_whose_other_end_the_target_holds_is_not_even_asked() {
    let both_ends = with_pipe(with_pipe(process(APP), 4, 70, End::Read), 5, 70, End::Write);
    let between = [with_pipe(process(APP), 6, 71, End::Read), with_pipe(process(CHILD), 6, 71, End::Write)];
    let opened_again = with_pipe(with_pipe(process(APP), 7, 72, End::Both), 8, 72, End::Write);
    for seen in [vec![both_ends], between.into_iter().collect(), vec![opened_again]] {
        let mut night = Night::default();
        night.looks(3, &seen);
        assert_eq!(night.kernel.asked, []);
    }
}

#[test]
fn the_stdout_of_a_container_is_asked_and_lives() {
    let mut night = Night::with(Fake::says(&[((10, 1), Ok(false))]));
    assert!(night.looks(5, &[with_pipe(process(APP), 1, 70, End::Write)]).is_empty());
    assert_eq!(night.kernel.asked.len(), 5);
}

#[test]
fn an_end_that_many_hold_is_asked_and_reported_once() {
    let seen = [
        with_pipe(with_pipe(process(APP), 4, 70, End::Read), 9, 70, End::Read),
        with_pipe(process(CHILD), 4, 70, End::Read),
    ];
    let mut night = Night::with(Fake::says(&[((10, 4), Ok(true))]));
    assert_eq!(fds(&night.looks(2, &seen)), [(10, 4)]);
    assert_eq!(night.kernel.asked.len(), 2);
    // Left over in the child, it keeps its age.
    night.kernel = Fake::says(&[((11, 4), Ok(true))]);
    let dead = night.looks(1, &[process(APP), with_pipe(process(CHILD), 4, 70, End::Read)]);
    assert_eq!((fds(&dead), dead[0].first_ms), (vec![(11, 4)], 0));
}

#[test]
fn connected_unix_sockets_are_asked_and_no_others() {
    let hold =
        |fds: &[u32]| fds.iter().fold(process(APP), |seen, &fd| with_entry(seen, fd, FdClass::Socket, u64::from(fd)));
    let seen = [hold(&[3, 4, 5, 6, 7, 8])];
    let mut night = Night::with(Fake::says(&[3, 4, 5, 6, 7, 8].map(|fd| ((10, fd), Ok(true)))));
    let table = |peer| {
        let sockets = [
            (3, Socket::unix(FdKind::UnixStream, peer)),
            (4, Socket::unix(FdKind::UnixSeqpacket, 0)),
            (5, Socket::unix(FdKind::UnixDgram, 0)),
            (6, Socket::tcp(FdKind::TcpEstablished)),
            // A pair, both ends of which the target holds.
            (7, Socket::unix(FdKind::UnixStream, 8)),
            (8, Socket::unix(FdKind::UnixStream, 7)),
        ];
        SocketTable::of(&sockets, &[], true)
    };
    night.sockets = table(77);
    night.looks(1, &seen);
    night.sockets = table(0);
    assert_eq!(
        kinds(&night.looks(1, &seen)),
        [(3, DeadKind::SocketPeerGone, "socket:[3] to socket:[77]"), (4, DeadKind::SocketPeerGone, "socket:[4]")]
    );
    let asked: BTreeSet<u32> = night.kernel.asked.iter().map(|(_, fd)| *fd).collect();
    assert_eq!(asked, BTreeSet::from([3, 4]));
}

#[test]
fn a_master_whose_terminal_is_closed_is_dead_and_its_twin_is_not() {
    let with_master = |index| {
        let mut seen = process(APP);
        own(&mut seen).masters = vec![Master { fd: 4, index: Some(index) }, Master { fd: 5, index: Some(9) }];
        [seen]
    };
    let mut night = Night::with(Fake::says(&[((10, 4), Ok(true))]));
    night.looks(1, &with_master(0));
    assert_eq!(kinds(&night.looks(1, &with_master(0))), [(4, DeadKind::PtySlaveGone, "/dev/pts/0")]);
    assert!(night.looks(1, &with_master(3)).is_empty(), "another master under the same number starts anew");
}

#[test]
fn what_may_not_be_asked_is_one_gap_of_each_kind_and_no_count() {
    let seen = [with_pipe(with_pipe(process(APP), 4, 70, End::Read), 5, 71, End::Write)];
    let mut night = Night::with(Fake::says(&[((10, 4), Err(Errno::PERM)), ((10, 5), Err(Errno::PERM))]));
    let found = night.look(&seen);
    let what = "ends of pipes: no right to ask (CAP_SYS_PTRACE)".to_owned();
    assert_eq!(found.gaps, [Gap { what, reason: GapReason::Denied, count: 2 }]);
    assert!(night.looks(3, &seen).is_empty());
    night.kernel = Fake::says(&[((10, 4), Err(Errno::MFILE)), ((10, 5), Err(Errno::BADF))]);
    let gaps = night.look(&seen).gaps;
    assert_eq!(gaps.len(), 1, "what was closed meanwhile is no gap");
    assert_eq!((gaps[0].reason, gaps[0].count), (GapReason::Malformed, 1));
}

#[test]
fn a_holder_that_may_not_be_asked_is_passed_over() {
    let seen = [with_pipe(process(APP), 4, 70, End::Read), with_pipe(process(CHILD), 4, 70, End::Read)];
    let mut night = Night::with(Fake::says(&[((10, 4), Err(Errno::PERM)), ((11, 4), Ok(true))]));
    let found = (0..2).map(|_| night.look(&seen)).last().unwrap();
    assert_eq!((fds(&found.handles), found.gaps), (vec![(10, 4)], vec![]));
}

#[test]
fn a_question_that_failed_keeps_the_last_answer() {
    let seen = [with_pipe(process(APP), 4, 70, End::Read)];
    let mut night = Night::with(Fake::says(&[((10, 4), Ok(true))]));
    night.looks(2, &seen);
    night.kernel = Fake::says(&[((10, 4), Err(Errno::MFILE))]);
    let dead = night.looks(1, &seen);
    assert_eq!((fds(&dead), dead[0].survived), (vec![(10, 4)], 2));
}

#[test]
fn all_have_their_turn_however_many_there_are() {
    let number = u32::try_from(QUESTIONS).unwrap() * 2 + 88;
    let seen = [(0..number).fold(process(APP), |seen, n| with_pipe(seen, 10 + n, u64::from(n) + 1, End::Read))];
    let all: Vec<_> = (0..number).map(|n| ((10, 10 + n), Ok(true))).collect();
    let mut night = Night::with(Fake::says(&all));
    for look in 1..=3 {
        night.looks(1, &seen);
        assert_eq!(night.kernel.asked.len(), QUESTIONS * look);
    }
    let asked: BTreeSet<_> = night.kernel.asked.iter().copied().collect();
    assert_eq!(asked.len(), all.len(), "nobody is asked a third time before all were asked once");
    let found = (0..3).map(|_| night.look(&seen)).last().unwrap();
    let listed = u64::try_from(found.handles.len()).unwrap();
    assert_eq!(listed + found.rest.values().sum::<u64>(), u64::from(number));
}

#[test]
fn a_recorded_tree_is_not_asked() {
    let root = ProcRoot::at("/nowhere");
    let seen = [with_pipe(process(APP), 4, 70, End::Read)];
    let sockets = SocketTable::default();
    let mut tracker = Tracker::default();
    let what = "ends of pipes: cannot be asked from here".to_owned();
    let gaps = vec![Gap { what, reason: GapReason::Denied, count: 1 }];
    let unknown = Found { gaps, ..Found::default() };
    for at_ms in 0..5 {
        assert_eq!(tracker.observe(&Look { at_ms, root: &root, seen: &seen, sockets: &sockets }), unknown);
    }
}

#[test]
fn what_an_executed_command_holds_is_not_asked_and_lets_the_application_live() {
    let mut command = with_pipe(with_pipe(process(CHILD), 4, 70, End::Write), 5, 71, End::Write);
    command.sample.role = Role::Exec;
    let mut night = Night::default();
    night.looks(2, &[with_pipe(process(APP), 4, 70, End::Read), command]);
    assert_eq!(night.kernel.asked, []);
}
