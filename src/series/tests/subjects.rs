//! Classes cut into programs and paths.

use std::time::Duration;

use crate::model::{FdClass, LinkCount, Metric, ProcState, ProcessSample, Reading, Snapshot};
use crate::series::testing::{census, hold, link_rule, process, rule, snapshot};
use crate::series::{Missing, Part, Question, Subject, Windows, held_by, parts, watched};
use crate::threshold::{ClassRule, Per};

fn cut(rule: &ClassRule, per: Per, looks: &[Snapshot]) -> Vec<Part> {
    parts(&question(rule), per, &watched(looks))
}

fn question(rule: &ClassRule) -> Question<'_> {
    Question { class: &rule.name, select: &rule.select, older_than: rule.older_than, memory_limit: None }
}

fn figures(part: &Part) -> Vec<f64> {
    part.series.points.iter().map(|point| point.1).collect()
}

fn program(name: &str) -> Subject {
    Subject::Program(name.to_owned())
}

fn path(name: &str) -> Subject {
    Subject::Path(name.to_owned())
}

/// A process of a program that holds so many sockets.
fn holder(pid: u32, cmdline: &str, sockets: u64) -> ProcessSample {
    let mut own = process(pid);
    own.cmdline = cmdline.to_owned();
    hold(&mut own, FdClass::Socket, sockets);
    own
}

fn on_paths(pid: u32, links: &[(&str, u64)]) -> ProcessSample {
    let mut own = process(pid);
    let mut fds = census(&[(FdClass::File, links.iter().map(|link| link.1).sum())]);
    fds.links = links
        .iter()
        .map(|(name, count)| LinkCount { name: (*name).to_owned(), class: FdClass::File, count: *count })
        .collect();
    own.fds = Reading::Value(fds.into());
    own
}

#[test]
fn the_processes_of_one_program_are_summed_and_one_that_is_not_there_holds_none() {
    let looks = [
        snapshot(0, vec![holder(1, "/bin/api --port 80", 5)]),
        snapshot(
            5,
            vec![holder(1, "/bin/api --port 80", 5), holder(2, "python3 w.py 1", 2), holder(3, "python w.py", 1)],
        ),
        snapshot(10, vec![holder(1, "/bin/api --port 80", 6)]),
    ];
    let cut = cut(&rule(Metric::FdTotal), Per::Process, &looks);
    let told: Vec<_> = cut.iter().map(|part| (part.subject.clone(), figures(part))).collect();
    assert_eq!(told, [(program("api"), vec![5.0, 5.0, 6.0]), (program("python w.py"), vec![0.0, 3.0, 0.0])]);
    assert_eq!(cut[1].members.len(), 2);
}

#[test]
fn one_program_that_cannot_be_read_is_no_gap_of_another() {
    let mut blind = holder(2, "/bin/db", 7);
    blind.fds = Reading::Denied;
    let looks = [
        snapshot(0, vec![holder(1, "/bin/api", 5), holder(2, "/bin/db", 7)]),
        snapshot(5, vec![holder(1, "/bin/api", 5), blind]),
        snapshot(10, Vec::new()),
    ];
    let cut = cut(&rule(Metric::FdTotal), Per::Process, &looks);
    let gaps = |part: &Part| part.series.gaps.iter().map(|gap| gap.why).collect::<Vec<_>>();
    assert_eq!((cut[0].subject.clone(), gaps(&cut[0])), (program("db"), vec![Missing::Denied, Missing::NoProcess]));
    assert_eq!((cut[1].subject.clone(), gaps(&cut[1])), (program("api"), vec![Missing::NoProcess]));
}

#[test]
fn a_dead_process_keeps_the_name_of_its_command_line() {
    let mut zombie = holder(2, "", 0);
    (zombie.state, zombie.comm) = (ProcState::Zombie, "python3".to_owned());
    let looks = [
        snapshot(0, vec![holder(1, "/bin/api", 5), holder(2, "python3 w.py", 2)]),
        snapshot(5, vec![holder(1, "/bin/api", 5), zombie]),
    ];
    let cut = cut(&rule(Metric::ProcZombie), Per::Process, &looks);
    assert_eq!(cut.len(), 1);
    assert_eq!((cut[0].subject.clone(), figures(&cut[0])), (program("python w.py"), vec![0.0, 1.0]));
}

#[test]
fn beyond_twenty_the_rest_is_one_subject_and_nothing_is_lost() {
    let processes =
        (0..30_u8).map(|n| holder(1 + u32::from(n), &format!("/bin/p{}", char::from(b'a' + n)), 1 + u64::from(n)));
    let looks = [snapshot(0, processes.collect())];
    let cut = cut(&rule(Metric::FdTotal), Per::Process, &looks);
    assert_eq!(cut.len(), 21);
    assert_eq!(figures(&cut[0]), [30.0]);
    assert_eq!((cut[20].subject.clone(), figures(&cut[20])), (Subject::OtherPrograms, vec![55.0]));
    let sum: f64 = cut.iter().flat_map(figures).sum();
    assert!((sum - 465.0).abs() < 1e-9);
}

#[test]
fn paths_that_differ_in_their_numbers_are_one_and_the_remainder_is_not_lost() {
    let mut own = on_paths(1, &[("/tmp/x123.log", 1), ("/tmp/x456.log", 2), ("/data/app.db", 4)]);
    if let Reading::Value(fds) = &mut own.fds {
        let fds = std::sync::Arc::make_mut(fds);
        fds.rest = 3;
        fds.total += 3;
        fds.classes.insert(FdClass::File, 10);
    }
    let looks = [snapshot(0, vec![own, on_paths(2, &[("/data/app.db", 1)])])];
    let cut_all = cut(&rule(Metric::Fd(FdClass::File)), Per::Path, &looks);
    let told: Vec<_> = cut_all.iter().map(|part| (part.subject.clone(), figures(part)[0])).collect();
    assert_eq!(told, [(path("/data/app.db"), 5.0), (path("/tmp/x*.log"), 3.0), (Subject::OtherPaths, 3.0)]);
    assert_eq!(cut_all[0].series.folded, 1);
    let own = cut(&link_rule("fd.own", "/data/*"), Per::Path, &looks);
    assert_eq!(own.len(), 1);
    assert_eq!((own[0].subject.clone(), figures(&own[0])), (path("/data/app.db"), vec![5.0]));
}

#[test]
fn what_cannot_be_told_apart_has_no_subjects() {
    let looks = [snapshot(0, vec![process(1)])];
    assert!(cut(&rule(Metric::ProcZombie), Per::Process, &looks).is_empty(), "nobody has one");
    assert!(cut(&rule(Metric::Fd(FdClass::Pipe)), Per::Path, &looks).is_empty());
    for (metric, per) in [
        (Metric::CgroupMemory, Per::Process),
        (Metric::DiskLayer, Per::Process),
        (Metric::MemAnon, Per::Path),
        (Metric::FdTotal, Per::Target),
    ] {
        assert!(!crate::series::can_split(&rule(metric).select, per), "{metric} {per:?}");
    }
}

#[test]
fn only_old_processes_of_a_program_count_and_young_nights_tell_nothing() {
    let looks: Vec<Snapshot> = (0..4).map(|n| snapshot(n * 30, vec![holder(1, "/bin/api", 1)])).collect();
    let rule = ClassRule { older_than: Some(Duration::from_secs(60)), ..rule(Metric::ProcCount) };
    let cut = cut(&rule, Per::Process, &looks);
    assert_eq!(cut[0].series.points, [(60.0, 1.0), (90.0, 1.0)]);
    assert!(cut[0].series.gaps.is_empty());
}

#[test]
fn each_programs_limit_is_that_of_its_own_processes() {
    let mut small = holder(1, "/bin/small", 30);
    small.nofile = Reading::Value(Some(64));
    let looks = [snapshot(0, vec![small, holder(2, "/bin/large", 100)])];
    let cut = cut(&rule(Metric::FdTotal), Per::Process, &looks);
    let limits: Vec<_> = cut.iter().map(|part| (part.series.limit, part.series.room)).collect();
    assert_eq!(limits, [(Some(1024.0), Some(924.0)), (Some(64.0), Some(34.0))]);
}

#[test]
fn what_is_held_over_a_window_is_its_lowest_figure_and_nothing_for_who_is_away() {
    let looks: Vec<Snapshot> = (0..10)
        .map(|n| {
            let mut all = vec![holder(1, "/bin/api", 5 + n)];
            if n != 8 {
                all.push(holder(2, "/bin/db", 3));
            }
            snapshot(n * 5, all)
        })
        .collect();
    let rule = rule(Metric::FdTotal);
    let windows = Windows { before: Some((0.0, 10.0)), after: (35.0, 45.0) };
    let mut held = held_by(&question(&rule), Per::Process, None, &watched(&looks), windows);
    held.sort_by(|a, b| a.name.cmp(&b.name));
    let told: Vec<_> = held.iter().map(|held| (held.name.as_str(), held.before, held.after)).collect();
    assert_eq!(told, [("api", 5.0, 12.0), ("db", 3.0, 0.0)]);
}
