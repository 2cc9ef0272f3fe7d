//! How dead handles of every kind are judged.

use super::testing::judge;
use super::*;
use crate::model::{DeadHandle, DeadKind, FdClass, FdKind, Gap, GapReason, Metric, Verdict};
use crate::series::testing::{self, census, die, record, rule, rules, soak};

fn most(metric: Metric, max_dead: u64) -> RuleSet {
    rules(vec![ClassRule { max_dead: Some(max_dead), ..rule(metric) }])
}

fn handle(kind: DeadKind, fd: u32, first_ms: u64) -> DeadHandle {
    DeadHandle { kind, fd: Some(fd), ..testing::dead(fd, first_ms, 2) }
}

/// Two minutes; every kind of socket could be told.
fn night(dead: &[DeadHandle]) -> Vec<Snapshot> {
    let mut night = soak(120, 2, |_, own| {
        let mut fds = census(&[(FdClass::Socket, 5)]);
        fds.kinds.insert(FdKind::Tcp, 5);
        own.fds = crate::model::Reading::Value(fds.into());
    });
    for look in &mut night {
        look.dead = dead.iter().filter(|handle| handle.first_ms <= look.at_ms).cloned().collect();
    }
    night
}

fn judged(night: &[Snapshot], rules: &RuleSet) -> (Status, Severity, String) {
    let found = judge(&record(120.0), night, rules);
    let finding = found.findings.iter().find(|finding| finding.rule == RuleKind::MaxDead).unwrap();
    (finding.status, finding.severity, finding.sentence.clone())
}

const SOCKET: Metric = Metric::Fd(FdClass::Socket);
const PIPE: Metric = Metric::Fd(FdClass::Pipe);

#[test]
fn every_kind_that_is_proof_fails_a_night_by_itself_and_no_other_does() {
    for kind in DeadKind::ALL {
        let night = night(&[handle(*kind, 4, 50_000)]);
        let (status, severity, sentence) = judged(&night, &most(kind.class(), 0));
        assert_eq!(status, Status::Breaks, "{kind:?}");
        let expected = if kind.is_exact() { Severity::Fail } else { Severity::Warn };
        assert_eq!(severity, expected, "{kind:?}: {sentence}");
        assert_eq!(judged(&night, &most(kind.class(), 1)).0, Status::Holds, "{kind:?}");
    }
}

#[test]
fn the_sentence_names_the_reason_of_each_kind() {
    let two = [
        handle(DeadKind::PipeNoReader, 4, 50_000),
        handle(DeadKind::PipeNoWriter, 5, 60_000),
        handle(DeadKind::PipeNoReader, 6, 60_000),
    ];
    assert_eq!(
        judged(&night(&two), &most(PIPE, 0)).2,
        "Holds 3 dead handles (0 allowed): 2 whose readers are gone, 1 whose writers are gone."
    );
    let idle = [handle(DeadKind::TcpCloseWait, 4, 50_000), handle(DeadKind::TcpCloseWait, 5, 50_000)];
    assert_eq!(
        judged(&night(&idle), &most(SOCKET, 0)).2,
        "Holds 2 handles that the peer has closed (0 allowed): they may be meant so, and only their growth fails."
    );
    let mixed = [handle(DeadKind::TcpCloseWait, 4, 50_000), handle(DeadKind::SocketPeerGone, 5, 50_000)];
    assert_eq!(
        judged(&night(&mixed), &most(SOCKET, 0)).2,
        "Holds 1 dead handle whose other end is closed (0 allowed); 1 more may be meant so, and only their growth fails."
    );
}

#[test]
fn a_class_covers_its_kinds_and_the_total_covers_all_descriptors() {
    let idle = night(&[handle(DeadKind::TcpCloseWait, 4, 50_000)]);
    assert_eq!(judged(&idle, &most(SOCKET, 0)).0, Status::Breaks);
    assert_eq!(judged(&idle, &most(Metric::Kind(FdKind::TcpCloseWait), 0)).0, Status::Breaks);
    assert_eq!(judged(&idle, &most(Metric::FdTotal, 0)).0, Status::Breaks);
    assert_eq!(judged(&idle, &most(PIPE, 0)).0, Status::Holds);
    let zombie = night(&[handle(DeadKind::ProcessZombie, 4, 50_000)]);
    assert_eq!(judged(&zombie, &most(Metric::FdTotal, 0)).0, Status::Holds);
}

#[test]
fn handles_that_may_be_a_design_do_not_use_up_what_is_allowed() {
    let mixed = [
        handle(DeadKind::TcpCloseWait, 4, 50_000),
        handle(DeadKind::TcpCloseWait, 5, 50_000),
        handle(DeadKind::SocketPeerGone, 6, 50_000),
    ];
    let (status, severity, _) = judged(&night(&mixed), &most(SOCKET, 1));
    assert_eq!((status, severity), (Status::Breaks, Severity::Warn));
}

#[test]
fn what_a_snapshot_does_not_list_counts_too() {
    let mut night = soak(120, 2, |_, _| {});
    die(&mut night, &[0, 2000]);
    let full = |look: &mut Snapshot, rest| {
        look.dead_rest.insert(DeadKind::PidfdTargetGone, rest);
    };
    night.iter_mut().for_each(|look| full(look, 40));
    let rules = most(Metric::Fd(FdClass::Pidfd), 0);
    let (_, severity, sentence) = judged(&night, &rules);
    assert_eq!(severity, Severity::Warn, "they were there from the beginning");
    assert!(sentence.starts_with("Holds 42 dead handles whose process is gone (0 allowed), of which 42"), "{sentence}");
    night.iter_mut().skip(20).for_each(|look| full(look, 43));
    let (_, severity, sentence) = judged(&night, &rules);
    assert_eq!(severity, Severity::Fail);
    assert!(sentence.starts_with("Holds 3 dead handles whose process is gone (0 allowed); 42 more"), "{sentence}");
}

#[test]
fn what_could_not_be_asked_is_undecided_and_not_healthy() {
    let gap = |what: &str| Gap { what: what.to_owned(), reason: GapReason::Denied, count: 3 };
    let mut blind = night(&[]);
    let what = "ends of pipes: no right to ask (CAP_SYS_PTRACE)";
    blind.iter_mut().for_each(|look| look.gaps.push(gap(what)));
    let (status, _, sentence) = judged(&blind, &most(PIPE, 0));
    assert_eq!(status, Status::Undecided);
    assert_eq!(sentence, format!("Is not known for all handles: {what}."));
    assert_eq!(judged(&blind, &most(Metric::FdTotal, 0)).0, Status::Undecided);
    assert_eq!(judged(&blind, &most(SOCKET, 0)).0, Status::Holds, "pipes are no sockets");
    blind.last_mut().unwrap().gaps.clear();
    assert_eq!(judged(&blind, &most(PIPE, 0)).0, Status::Holds, "the last answers are known");
    let mut found = night(&[handle(DeadKind::PipeNoReader, 4, 50_000)]);
    found.iter_mut().for_each(|look| look.gaps.push(gap(what)));
    assert_eq!(judged(&found, &most(PIPE, 0)).0, Status::Breaks, "what was found is found");
}

#[test]
fn a_night_of_an_older_version_does_not_know_the_newer_kinds() {
    let mut old = record(120.0);
    old.format = 1;
    let status = |metric| judge(&old, &night(&[]), &most(metric, 0)).findings;
    let of = |metric| status(metric).into_iter().find(|finding| finding.rule == RuleKind::MaxDead).unwrap().status;
    assert_eq!(of(PIPE), Status::Undecided);
    assert_eq!(of(Metric::FdTotal), Status::Undecided);
    assert_eq!(of(Metric::Fd(FdClass::Pidfd)), Status::Holds);
}

#[test]
fn an_idle_pool_does_not_fail_the_night() {
    let found = judge(&record(120.0), &night(&[handle(DeadKind::TcpCloseWait, 4, 50_000)]), &most(SOCKET, 0));
    assert_eq!(found.verdict, Verdict::Pass);
}
