use proptest::prelude::*;

use super::*;
use crate::model::{ProcessFacts, ProcessSample, Reading};
use crate::probe::handles::{Handles, Pidfd, Waits};
use crate::probe::parse::PidfdInfo;

const DIGEST: u64 = 1 << 63;

fn id(pid: u32, start: u64) -> ProcId {
    ProcId { pid, start }
}

fn seen(id: ProcId, held: Option<Vec<Entry>>) -> Seen {
    let unknown = || Reading::Denied;
    let sample = ProcessSample {
        id,
        ppid: 1,
        ns_pid: None,
        role: Role::App,
        state: ProcState::Sleeping,
        comm: "app".to_owned(),
        cmdline: String::new(),
        threads: unknown(),
        rss: unknown(),
        anon: unknown(),
        nofile: Reading::Denied,
        fds: Reading::Denied,
        facts: ProcessFacts::default(),
    };
    Seen { sample, held, handles: None, gaps: Vec::new() }
}

fn entry(fd: u32, class: FdClass, ident: u64) -> Entry {
    Entry { fd, class, kind: None, ident }
}

fn socket(fd: u32, inode: u64) -> Entry {
    entry(fd, FdClass::Socket, inode)
}

fn app(held: &[Entry]) -> Seen {
    seen(id(7, 1), Some(held.to_vec()))
}

fn turnover(born: u64, died: &[(u32, u64)], survived: u64, unsure: u64) -> Turnover {
    Turnover { born, died: died.iter().copied().collect(), survived, unsure }
}

#[test]
fn everything_is_born_in_the_first_look_and_dies_by_the_look_of_its_birth() {
    let mut ledger = Ledger::new(true);
    let first = ledger.observe(0, &[app(&[socket(3, 10), socket(4, 11)])]);
    assert_eq!(first, BTreeMap::from([(FdClass::Socket, turnover(2, &[], 0, 0))]));
    let second = ledger.observe(1, &[app(&[socket(3, 10), socket(4, 11), socket(5, 12)])]);
    assert_eq!(second[&FdClass::Socket], turnover(1, &[], 2, 0));
    let third = ledger.observe(2, &[app(&[socket(4, 11)])]);
    assert_eq!(third[&FdClass::Socket], turnover(0, &[(0, 1), (1, 1)], 1, 0));
    assert_eq!(ledger.observe(3, &[app(&[])])[&FdClass::Socket], turnover(0, &[(0, 1)], 0, 0));
    assert!(ledger.observe(4, &[app(&[])]).is_empty());
}

#[test]
fn a_number_that_stands_for_something_else_died_and_was_born() {
    let mut ledger = Ledger::new(true);
    ledger.observe(0, &[app(&[socket(3, 10), socket(4, 11)])]);
    let told = ledger.observe(1, &[app(&[socket(3, 99), entry(4, FdClass::Pipe, 11)])]);
    assert_eq!(told[&FdClass::Socket], turnover(1, &[(0, 2)], 0, 0));
    assert_eq!(told[&FdClass::Pipe], turnover(1, &[], 0, 0));
}

#[test]
fn handles_that_share_an_inode_survive_unsurely() {
    let held = [
        entry(3, FdClass::Eventpoll, DIGEST | 1),
        entry(4, FdClass::Memfd, DIGEST | 2),
        entry(5, FdClass::File, DIGEST | 3),
        Entry { kind: Some(FdKind::PtyMaster), ..entry(6, FdClass::Pty, DIGEST | 4) },
        Entry { kind: Some(FdKind::PtySlave), ..entry(7, FdClass::Pty, DIGEST | 5) },
        socket(8, 4),
    ];
    let mut ledger = Ledger::new(true);
    ledger.observe(0, &[app(&held)]);
    let told = ledger.observe(1, &[app(&held)]);
    let unsure: Vec<(FdClass, u64, u64)> = told.iter().map(|(class, one)| (*class, one.survived, one.unsure)).collect();
    assert_eq!(
        unsure,
        [
            (FdClass::Eventpoll, 1, 1),
            (FdClass::Memfd, 1, 1),
            (FdClass::Socket, 1, 0),
            (FdClass::Pty, 2, 1),
            (FdClass::File, 1, 0)
        ]
    );
}

fn with_pidfd(ino: Option<u64>, read: bool) -> Seen {
    let mut one = app(&[entry(9, FdClass::Pidfd, DIGEST | 1)]);
    let waits = Waits { on: std::collections::BTreeSet::new(), sure: false };
    let pidfds = vec![Pidfd { fd: 9, info: PidfdInfo { pid: 5, ino } }];
    one.handles = read.then_some(Handles { pidfds, waits, ..Handles::none(one.sample.id, 1) });
    one
}

#[test]
fn a_pidfd_is_known_by_its_inode_where_the_kernel_gives_it_one() {
    let mut ledger = Ledger::new(true);
    ledger.observe(0, &[with_pidfd(Some(50), true)]);
    assert_eq!(ledger.observe(1, &[with_pidfd(Some(50), true)])[&FdClass::Pidfd], turnover(0, &[], 1, 0));
    assert_eq!(ledger.observe(2, &[with_pidfd(Some(50), false)])[&FdClass::Pidfd], turnover(0, &[], 1, 1));
    assert_eq!(ledger.observe(3, &[with_pidfd(Some(50), true)])[&FdClass::Pidfd], turnover(0, &[], 1, 0));
    assert_eq!(ledger.observe(4, &[with_pidfd(Some(51), true)])[&FdClass::Pidfd], turnover(1, &[(0, 1)], 0, 0));
    let mut old = Ledger::new(false);
    old.observe(0, &[with_pidfd(Some(15), true)]);
    assert_eq!(old.observe(1, &[with_pidfd(Some(15), true)])[&FdClass::Pidfd], turnover(0, &[], 1, 1));
}

#[test]
fn a_process_that_could_not_be_read_keeps_what_it_had() {
    let mut ledger = Ledger::new(true);
    ledger.observe(0, &[app(&[socket(3, 10), socket(4, 11)])]);
    assert!(ledger.observe(1, &[seen(id(7, 1), None)]).is_empty());
    assert!(ledger.observe(2, &[]).is_empty(), "a look that saw nothing tells nothing");
    assert_eq!(ledger.observe(3, &[app(&[socket(3, 10)])])[&FdClass::Socket], turnover(0, &[(0, 1)], 1, 0));
}

#[test]
fn a_process_that_ended_loses_all_it_had() {
    let mut ledger = Ledger::new(true);
    let other = || seen(id(8, 1), Some(Vec::new()));
    ledger.observe(0, &[app(&[socket(3, 10)]), other()]);
    assert_eq!(ledger.observe(1, &[other()])[&FdClass::Socket], turnover(0, &[(0, 1)], 0, 0));
    ledger.observe(2, &[app(&[socket(3, 10)]), other()]);
    let mut zombie = seen(id(7, 1), None);
    zombie.sample.state = ProcState::Zombie;
    assert_eq!(ledger.observe(3, &[zombie, other()])[&FdClass::Socket], turnover(0, &[(2, 1)], 0, 0));
}

#[test]
fn another_process_with_the_same_pid_has_handles_of_its_own() {
    let mut ledger = Ledger::new(true);
    ledger.observe(0, &[seen(id(7, 1), Some(vec![socket(3, 10)]))]);
    let told = ledger.observe(1, &[seen(id(7, 2), Some(vec![socket(3, 10)]))]);
    assert_eq!(told[&FdClass::Socket], turnover(1, &[(0, 1)], 0, 0));
}

#[test]
fn what_was_started_from_outside_does_not_count() {
    let mut exec = app(&[socket(3, 10)]);
    exec.sample.role = Role::Exec;
    assert!(Ledger::new(true).observe(0, &[exec]).is_empty());
}

#[test]
fn knows_from_which_kernel_on_pidfds_have_inodes() {
    for (release, has) in
        [("6.8.12", false), ("6.9.0-rc1", true), ("6.18.44-x", true), ("7.0", true), ("5.15.0", false), ("", false)]
    {
        assert_eq!(has_pidfs(release), has, "{release}");
    }
}

/// One process in one look of the model: readable or not, ended or not, and what it holds.
type Look = BTreeMap<(u32, u64), (u8, BTreeMap<u32, (u8, u64)>)>;

fn looks() -> impl Strategy<Value = Vec<Look>> {
    let held = proptest::collection::btree_map(0..8_u32, (0..3_u8, 0..3_u64), 0..8);
    let look = proptest::collection::btree_map((0..3_u32, 0..2_u64), (0..6_u8, held), 0..4);
    proptest::collection::vec(look, 1..12)
}

fn class(number: u8) -> FdClass {
    [FdClass::Socket, FdClass::File, FdClass::Eventpoll][usize::from(number)]
}

proptest! {
    #[test]
    fn tells_the_same_as_a_list_of_every_handle(looks in looks()) {
        let mut ledger = Ledger::new(true);
        let mut open = BTreeMap::new();
        for (seq, look) in (0_u32..).zip(&looks) {
            let all: Vec<Seen> = look.iter().map(|((pid, start), (state, held))| {
                let held = held.iter().map(|(fd, (number, ident))| entry(*fd, class(*number), *ident)).collect();
                let mut one = seen(id(*pid, *start), (*state > 1).then_some(held));
                if *state == 1 { one.sample.state = ProcState::Zombie; }
                one
            }).collect();
            let told = ledger.observe(seq, &all);
            if look.is_empty() {
                prop_assert!(told.is_empty());
                continue;
            }
            let mut expected: BTreeMap<FdClass, Turnover> = BTreeMap::new();
            let before = std::mem::take(&mut open);
            for ((process, fd), (number, ident, born)) in &before {
                let now = look.get(process);
                let same = now.is_some_and(|(state, held)| *state > 1 && held.get(fd) == Some(&(*number, *ident)));
                let turnover = expected.entry(class(*number)).or_default();
                if same {
                    turnover.survived += 1;
                    turnover.unsure += u64::from(*number == 2);
                } else if now.is_none_or(|(state, _)| *state != 0) {
                    *turnover.died.entry(*born).or_default() += 1;
                    continue;
                }
                open.insert((*process, *fd), (*number, *ident, *born));
            }
            for (process, (_, held)) in look.iter().filter(|(_, (state, _))| *state > 1) {
                for (fd, (number, ident)) in held {
                    open.entry((*process, *fd)).or_insert_with(|| {
                        expected.entry(class(*number)).or_default().born += 1;
                        (*number, *ident, seq)
                    });
                }
            }
            expected.retain(|_, one| *one != Turnover::default());
            prop_assert_eq!(told, expected);
        }
    }
}
