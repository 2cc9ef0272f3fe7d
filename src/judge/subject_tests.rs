//! Programs and paths judged by themselves, and who carries a breach.

use super::testing::{history_line, judge};
use super::*;
use crate::model::{Carrier, CarrierKind, DeadHandle, FdClass, LinkCount, Metric, ProcessSample, Reading, Verdict};
use crate::series::testing::{census, dead, hold, process, record, rule, rules, snapshot};
use crate::threshold::Per;

/// A process of a program that holds so many sockets.
fn holder(pid: u32, cmdline: &str, sockets: u64) -> ProcessSample {
    let mut own = process(pid);
    own.cmdline = cmdline.to_owned();
    hold(&mut own, FdClass::Socket, sockets);
    own
}

/// Thirty minutes at 5 s of what `at(seconds)` makes.
fn night(at: impl Fn(u64) -> Vec<ProcessSample>) -> Vec<Snapshot> {
    (0..=360).map(|n| snapshot(n * 5, at(n * 5))).collect()
}

/// Three programs, of which one drips a socket a minute.
fn dripping() -> Vec<Snapshot> {
    night(|at| {
        vec![
            holder(1, "/bin/api --port 8000", 30),
            holder(2, "python3 /app/worker.py", 5 + at / 60),
            holder(3, "node server.js", 9 + at % 10),
        ]
    })
}

fn growth(per: Per) -> ClassRule {
    ClassRule { max_growth_per_hour: Some(0.0), per, ..rule(Metric::FdTotal) }
}

fn broken(found: &Assessment) -> Vec<&str> {
    found.broken(Severity::Fail).map(|found| found.subject.as_str()).collect()
}

fn carried(found: &Finding, of: CarrierKind) -> Vec<(&str, f64)> {
    let own = found.carriers.iter().filter(|carrier| carrier.of == of);
    own.map(|Carrier { name, share, .. }| (name.as_str(), (share * 100.0).round())).collect()
}

#[test]
fn each_program_is_judged_by_itself_under_a_name_that_stays() {
    let found = judge(&record(1800.0), &dripping(), &rules(vec![growth(Per::Process)]));
    assert_eq!(found.verdict, Verdict::Fail);
    assert_eq!(broken(&found), ["process python worker.py"]);
    let own: Vec<&Finding> = found.findings.iter().filter(|found| found.rule == RuleKind::MaxGrowth).collect();
    assert_eq!(own.len(), 3);
    assert_eq!(own[0].fingerprint, fingerprint("fd.total", "process python worker.py", RuleKind::MaxGrowth));
    assert!(own[0].sentence.contains("would hit 1024 in"), "{}", own[0].sentence);
}

#[test]
fn a_growth_names_who_carries_it() {
    let found = judge(&record(1800.0), &dripping(), &rules(vec![growth(Per::Target)]));
    let growth = found.broken(Severity::Fail).next().unwrap();
    assert_eq!(carried(growth, CarrierKind::Process), [("python worker.py", 100.0)]);
    assert_eq!(carried(growth, CarrierKind::Path), [("socket:[*]", 100.0)]);
    assert!(growth.carriers[0].figure >= 20.0, "{:?}", growth.carriers);
}

#[test]
fn a_level_names_the_largest_and_leaves_the_small_ones_out() {
    let at = |_| vec![holder(1, "/bin/api", 60), holder(2, "/bin/db", 37), holder(3, "/bin/tiny", 3)];
    let rule = ClassRule { max: Some(50.0), ..rule(Metric::FdTotal) };
    let found = judge(&record(1800.0), &night(at), &rules(vec![rule]));
    let level = found.broken(Severity::Fail).next().unwrap();
    assert_eq!(carried(level, CarrierKind::Process), [("api", 60.0), ("db", 37.0)]);
}

#[test]
fn a_path_by_itself_names_the_programs_that_hold_it() {
    let on = |pid, cmdline: &str, held: u64| {
        let mut own = process(pid);
        own.cmdline = cmdline.to_owned();
        let mut fds = census(&[(FdClass::File, held)]);
        fds.links = vec![LinkCount { name: "/data/app.db".to_owned(), class: FdClass::File, count: held }];
        own.fds = Reading::Value(fds.into());
        own
    };
    let at = |_| vec![on(1, "/bin/api", 9), on(2, "/bin/job", 3)];
    let rule = ClassRule { max: Some(10.0), max_dead: None, per: Per::Path, ..rule(Metric::Fd(FdClass::File)) };
    let found = judge(&record(1800.0), &night(at), &rules(vec![rule]));
    assert_eq!(broken(&found), ["path /data/app.db"]);
    let level = found.broken(Severity::Fail).next().unwrap();
    assert_eq!(carried(level, CarrierKind::Process), [("api", 75.0), ("job", 25.0)]);
}

/// Dead pidfds of the second of two programs.
fn with_dead() -> Vec<Snapshot> {
    let mut night = night(|_| vec![holder(1, "/bin/api", 5), holder(2, "python3 w.py", 5)]);
    for look in night.iter_mut().filter(|look| look.at_ms >= 600_000) {
        let handle = |fd| DeadHandle { process: process(2).id, ..dead(fd, 600_000, 9) };
        look.dead = vec![handle(7), handle(8)];
    }
    night
}

#[test]
fn dead_handles_are_those_of_the_program() {
    let most = |per| ClassRule { max_dead: Some(0), per, ..rule(Metric::FdTotal) };
    let found = judge(&record(1800.0), &with_dead(), &rules(vec![most(Per::Process)]));
    assert_eq!(broken(&found), ["process python w.py"]);
    let found = judge(&record(1800.0), &with_dead(), &rules(vec![most(Per::Path)]));
    assert_eq!(broken(&found), ["target"], "a dead handle says no path");
    let dead = found.broken(Severity::Fail).next().unwrap();
    assert_eq!(carried(dead, CarrierKind::Process), [("python w.py", 100.0)]);
    assert_eq!(carried(dead, CarrierKind::Path), [("Pid: -1", 100.0)]);
}

#[test]
fn many_undecided_programs_are_one_finding() {
    let at = |_| {
        (0..9_u8).map(|n| holder(n.into(), &format!("/bin/p{}", char::from(b'a' + n)), 20 - u64::from(n))).collect()
    };
    let short: Vec<Snapshot> = night(at).into_iter().filter(|look| look.at_ms <= 300_000).collect();
    let required = ClassRule { required: true, ..growth(Per::Process) };
    let found = judge(&record(300.0), &short, &rules(vec![required]));
    let own: Vec<&Finding> = found.findings.iter().filter(|found| found.rule == RuleKind::MaxGrowth).collect();
    assert_eq!(own.len(), 1);
    assert_eq!((own[0].subject.as_str(), own[0].required), ("programs", true));
    assert_eq!(
        own[0].sentence,
        "Undecided for 9 programs; of `process pa`: Growth cannot be judged: the soak is too short, it takes 8 min after \
         the warm-up."
    );
    assert_eq!(found.verdict, Verdict::Inconclusive);
}

#[test]
fn nobody_who_could_be_read_is_no_pass() {
    let found = judge(&record(1800.0), &night(|_| Vec::new()), &rules(vec![growth(Per::Process)]));
    assert_eq!(found.verdict, Verdict::Inconclusive);
    let mut blind = process(1);
    blind.fds = Reading::Denied;
    let found = judge(&record(1800.0), &night(|_| vec![blind.clone()]), &rules(vec![growth(Per::Process)]));
    assert_eq!(found.verdict, Verdict::Inconclusive);
}

#[test]
fn the_history_keeps_the_class_as_a_whole() {
    let rules = rules(vec![ClassRule { max: Some(999.0), name: "fd.each".to_owned(), ..growth(Per::Process) }]);
    let (record, night) = (record(1800.0), dripping());
    let line = history_line(&record, &night, &judge(&record, &night, &rules), &rules);
    assert_eq!(line.classes["fd.each"].level, line.classes["fd.total"].level);
    assert_eq!(line.classes["fd.each"].rate, None);
    assert_eq!(line.classes["fd.each"].status, Some(Status::Breaks));
}
