use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::judge::testing::judge;
use crate::judge::{Night, fingerprint};
use crate::model::{
    Assessment, Cause, Confidence, DeadHandle, DeadKind, Event, EventKind, FdCensus, FdClass, FdKind, Finding,
    LinkCount, Metric, Reading, Recorded, RuleKind, RunRecord, Severity, Snapshot, Status,
};
use crate::series::testing::{self, dead, link_rule, process, record, rule, rules, snapshot, soak};
use crate::threshold::{ClassRule, Precedent, RuleSet};

/// Moments that keep no clock, seconds: between the warm-up and the last five minutes.
const AT: [u64; 14] = [215, 260, 390, 430, 510, 640, 665, 790, 905, 960, 1090, 1215, 1250, 1400];
/// Others, far from those.
const OTHERS: [u64; 12] = [180, 305, 345, 470, 565, 590, 730, 850, 1015, 1150, 1310, 1455];

/// How many of the moments have passed.
fn past(moments: &[u64], at: u64) -> u64 {
    moments.iter().filter(|moment| **moment <= at).count() as u64
}

/// A census of classes and kinds; classes are those of the kinds where they are not named.
fn census(classes: &[(FdClass, u64)], kinds: &[(FdKind, u64)]) -> FdCensus {
    let mut fds = testing::census(classes);
    for (kind, count) in kinds {
        fds.kinds.insert(*kind, *count);
        if !kind.is_tcp_state() {
            fds.total += count;
            *fds.classes.entry(kind.class()).or_insert(0) += count;
        }
    }
    fds
}

fn night(fds: impl Fn(u64) -> FdCensus) -> Vec<Snapshot> {
    soak(1800, 5, |at, own| own.fds = Reading::Value(fds(at).into()))
}

fn grow(metric: Metric) -> ClassRule {
    ClassRule { max_growth_per_hour: Some(0.0), ..rule(metric) }
}

fn growing(metrics: &[Metric]) -> RuleSet {
    rules(metrics.iter().map(|metric| grow(*metric)).collect())
}

const EVENTPOLL: Metric = Metric::Fd(FdClass::Eventpoll);
const PIDFD: Metric = Metric::Fd(FdClass::Pidfd);
const SOCKET: Metric = Metric::Fd(FdClass::Socket);
const UNIX: Metric = Metric::Kind(FdKind::UnixStream);

fn found(snapshots: &[Snapshot], rules: &RuleSet) -> Assessment {
    judge(&record(1800.0), snapshots, rules)
}

fn keys(found: &Assessment) -> Vec<(&str, Confidence)> {
    found.causes.iter().map(|cause| (cause.key.as_str(), cause.confidence)).collect()
}

/// The classes of a cause's findings, in their order.
fn classes<'a>(found: &'a Assessment, cause: &Cause) -> Vec<&'a str> {
    let of = |print: &String| found.findings.iter().find(|finding| finding.fingerprint == *print).unwrap();
    cause.findings.iter().map(|print| of(print).class.as_str()).collect()
}

/// Each breach of a class is in one cause, and nothing else is.
fn each_once(found: &Assessment) {
    let mut of_causes: Vec<&String> = found.causes.iter().flat_map(|cause| &cause.findings).collect();
    let breaks = |finding: &&Finding| finding.status == Status::Breaks && finding.rule.is_of_class();
    let mut broken: Vec<&String> = found.findings.iter().filter(breaks).map(|finding| &finding.fingerprint).collect();
    of_causes.sort();
    broken.sort();
    assert_eq!(of_causes, broken);
}

#[test]
fn eventpolls_and_socket_pairs_are_an_event_loop() {
    let night = night(|at| {
        let n = past(&AT, at);
        census(&[(FdClass::Eventpoll, 2 + n)], &[(FdKind::UnixStream, 4 + 2 * n), (FdKind::Tcp, 3)])
    });
    let found = found(&night, &growing(&[Metric::FdTotal, EVENTPOLL, SOCKET, UNIX]));
    assert_eq!(keys(&found), [("event-loop-never-closed", Confidence::High)]);
    let cause = &found.causes[0];
    assert_eq!(classes(&found, cause), ["fd.eventpoll", "fd.socket.unix_stream", "fd.socket", "fd.total"]);
    assert_eq!(
        cause.sentence,
        "Eventpolls and unix stream sockets grew in step (14 of 14 steps): an event loop is made and never closed. Most of it is in `app`."
    );
    each_once(&found);
}

#[test]
fn one_rule_on_the_total_is_enough_to_see_the_event_loop() {
    let night = night(|at| {
        let n = past(&AT, at);
        census(&[(FdClass::Eventpoll, 2 + n)], &[(FdKind::UnixStream, 4 + 2 * n)])
    });
    let found = found(&night, &growing(&[Metric::FdTotal]));
    assert_eq!(keys(&found), [("event-loop-never-closed", Confidence::High)]);
    assert_eq!(classes(&found, &found.causes[0]), ["fd.total"]);
}

#[test]
fn a_drip_that_never_pauses_is_told_by_its_proportion() {
    let dense = night(|at| {
        let n = at / 3;
        census(&[(FdClass::Eventpoll, 2 + n)], &[(FdKind::UnixStream, 4 + 2 * n)])
    });
    let seen = found(&dense, &growing(&[EVENTPOLL, UNIX]));
    assert_eq!(keys(&seen), [("event-loop-never-closed", Confidence::High)]);
    let other = night(|at| census(&[(FdClass::Eventpoll, 2 + at / 3)], &[(FdKind::UnixStream, 4 + at / 50)]));
    let seen = found(&other, &growing(&[EVENTPOLL, UNIX]));
    assert_eq!(seen.causes.len(), 2, "{:?}", keys(&seen));
}

/// A cause's key, and how many of each class and kind one of it leaves.
type Case = (&'static str, &'static [(FdClass, u64)], &'static [(FdKind, u64)]);

#[test]
fn every_pattern_is_recognised() {
    use FdClass::{Eventfd, Eventpoll, Inotify, Log, Pidfd, Pipe, SqliteDb, SqliteShm, SqliteWal, Timerfd};
    let cases: [Case; 9] = [
        ("runtime-never-closed", &[(Eventpoll, 1), (Eventfd, 1), (Timerfd, 1)], &[]),
        ("runtime-never-closed", &[(Eventpoll, 2), (Eventfd, 1)], &[(FdKind::UnixStream, 1)]),
        ("database-connection-never-closed", &[(SqliteDb, 1), (SqliteWal, 1), (SqliteShm, 1)], &[]),
        ("database-connection-never-closed", &[(SqliteDb, 1), (SqliteWal, 1)], &[]),
        ("children-not-cleaned-up", &[(Pidfd, 1), (Pipe, 2)], &[]),
        ("health-check-hangs", &[(Pidfd, 1)], &[(FdKind::Tcp, 1), (FdKind::TcpEstablished, 1)]),
        ("log-handle-per-child", &[(Log, 1), (Pidfd, 1)], &[]),
        ("file-watcher-never-stopped", &[(Inotify, 1), (Pipe, 2)], &[]),
        ("session-never-closed", &[(Eventfd, 1)], &[(FdKind::Tcp, 1), (FdKind::TcpEstablished, 1)]),
    ];
    for (key, per_class, per_kind) in cases {
        let night = night(|at| {
            let n = past(&AT, at);
            let classes: Vec<_> = per_class.iter().map(|(class, per)| (*class, 1 + per * n)).collect();
            let kinds: Vec<_> = per_kind.iter().map(|(kind, per)| (*kind, 1 + per * n)).collect();
            census(&classes, &kinds)
        });
        let of_classes = per_class.iter().map(|(class, _)| Metric::Fd(*class));
        let metrics: Vec<_> = of_classes.chain(per_kind.iter().map(|(kind, _)| Metric::Kind(*kind))).collect();
        let seen = found(&night, &growing(&metrics));
        assert_eq!(keys(&seen), [(key, Confidence::High)], "{per_class:?} {per_kind:?}");
        each_once(&seen);
    }
}

#[test]
fn a_worker_that_never_ends_takes_its_pipes_terminal_and_memory_with_it() {
    let snapshots: Vec<Snapshot> = (0..=360)
        .map(|i| {
            let (at, mut parent) = (i * 5, process(42));
            let n = past(&AT, at);
            parent.fds = Reading::Value(
                census(&[], &[(FdKind::PipeRead, 1 + n), (FdKind::PipeWrite, 1 + n), (FdKind::PtyMaster, n)]).into(),
            );
            let workers = (0..n).map(|worker| {
                let mut own = process(100 + u32::try_from(worker).unwrap());
                own.cmdline = "python3 slash_worker.py".to_owned();
                own.anon = Reading::Value(60 << 20);
                own.threads = Reading::Value(2);
                own.fds = Reading::Value(census(&[], &[(FdKind::PipeRead, 1), (FdKind::PipeWrite, 1)]).into());
                own
            });
            let workers: Vec<_> = workers.collect();
            snapshot(at, std::iter::once(parent).chain(workers).collect())
        })
        .collect();
    let workers = crate::threshold::Selector::Cmdline(vec![regex::Regex::new("slash_worker").unwrap()]);
    let own = ClassRule { name: "proc.slash".to_owned(), select: workers, ..grow(Metric::ProcCount) };
    let metrics = [Metric::ProcThreads, Metric::Fd(FdClass::Pipe), Metric::Kind(FdKind::PtyMaster), Metric::MemAnon];
    let all = rules(metrics.into_iter().map(grow).chain([own]).collect());
    let seen = found(&snapshots, &all);
    assert_eq!(keys(&seen), [("worker-never-ended", Confidence::High)], "{:#?}", seen.causes);
    assert!(seen.causes[0].sentence.starts_with("proc.slash, "), "{}", seen.causes[0].sentence);
    each_once(&seen);
}

#[test]
fn threads_and_memory_are_a_thread_for_each_task() {
    let night = soak(1800, 5, |at, own| {
        own.threads = Reading::Value(4 + at / 30);
        own.anon = Reading::Value((100 << 20) + at / 30 * (1 << 20));
    });
    let seen = found(&night, &growing(&[Metric::ProcThreads, Metric::MemAnon]));
    assert_eq!(keys(&seen), [("thread-per-task-never-ended", Confidence::Medium)]);
    let alone = soak(1800, 5, |at, own| own.anon = Reading::Value((100 << 20) + at * (1 << 20)));
    let seen = found(&alone, &growing(&[Metric::ProcThreads, Metric::MemAnon]));
    assert_eq!(keys(&seen), [("heap-grows", Confidence::Low)]);
}

#[test]
fn two_leaks_that_know_nothing_of_each_other_stay_two_causes() {
    for (one, other) in [
        (FdClass::Eventpoll, FdClass::Eventfd),
        (FdClass::Pidfd, FdClass::Pipe),
        (FdClass::SqliteDb, FdClass::SqliteWal),
    ] {
        let night = night(|at| census(&[(one, 2 + past(&AT, at)), (other, 2 + past(&OTHERS, at))], &[]));
        let seen = found(&night, &growing(&[Metric::FdTotal, Metric::Fd(one), Metric::Fd(other)]));
        assert_eq!(seen.causes.len(), 2, "{one:?} {other:?}: {:?}", keys(&seen));
        assert!(seen.causes.iter().all(|cause| cause.confidence == Confidence::Low), "{:?}", keys(&seen));
        each_once(&seen);
    }
}

#[test]
fn what_no_pattern_knows_is_joined_only_where_it_steps_together() {
    let together =
        night(|at| census(&[(FdClass::Directory, 2 + past(&AT, at)), (FdClass::Timerfd, 1 + past(&AT, at))], &[]));
    let metrics = [Metric::Fd(FdClass::Directory), Metric::Fd(FdClass::Timerfd)];
    let seen = found(&together, &growing(&metrics));
    assert_eq!(seen.causes.len(), 1, "{:?}", keys(&seen));
    assert_eq!(seen.causes[0].confidence, Confidence::Medium);
    // Two clocks of one pace would meet by themselves.
    let clocks = night(|at| census(&[(FdClass::Directory, 2 + at / 60), (FdClass::Timerfd, 1 + at / 60)], &[]));
    assert_eq!(found(&clocks, &growing(&metrics)).causes.len(), 2);
}

#[test]
fn one_class_alone_is_a_cause_of_low_confidence_with_its_own_lesson() {
    for metric in [
        Metric::Fd(FdClass::Memfd),
        Metric::Fd(FdClass::Log),
        Metric::Fd(FdClass::Deleted),
        Metric::Kind(FdKind::TcpCloseWait),
    ] {
        let night = night(|at| {
            let n = 2 + past(&AT, at);
            if let Metric::Fd(class) = metric {
                census(&[(class, n)], &[])
            } else {
                census(&[], &[(FdKind::Tcp, 40), (FdKind::TcpCloseWait, n)])
            }
        });
        let seen = found(&night, &growing(&[metric]));
        let lesson = crate::judge::lore::of(metric).unwrap();
        assert_eq!(keys(&seen), [(lesson.key, Confidence::Low)]);
        assert_eq!(seen.causes[0].sources.len(), lesson.sources.len());
        assert!(seen.causes[0].sentence.contains("nothing else in step"), "{}", seen.causes[0].sentence);
    }
}

fn handle(kind: DeadKind, fd: u32, first_ms: u64) -> DeadHandle {
    DeadHandle { kind, ..dead(fd, first_ms, 9) }
}

#[test]
fn dead_handles_say_it_by_themselves() {
    let mut night = night(|_| census(&[(FdClass::Pidfd, 9)], &[]));
    for look in &mut night {
        let all = (4..7).map(|fd| handle(DeadKind::PidfdTargetGone, fd, u64::from(fd) * 100_000));
        look.dead = all.filter(|handle| handle.first_ms <= look.at_ms).collect();
    }
    let seen = found(&night, &rules(vec![ClassRule { max_dead: Some(0), ..rule(PIDFD) }]));
    assert_eq!(keys(&seen), [("child-handles-never-closed", Confidence::High)]);
    assert!(seen.causes[0].sentence.starts_with("Pidfds are dead, and nothing else"), "{}", seen.causes[0].sentence);
    // Of the total, the same.
    let both = rules(vec![
        ClassRule { max_dead: Some(0), ..rule(PIDFD) },
        ClassRule { max_dead: Some(0), ..rule(Metric::FdTotal) },
    ]);
    let seen = found(&night, &both);
    assert_eq!(keys(&seen), [("child-handles-never-closed", Confidence::High)]);
    each_once(&seen);
}

#[test]
fn a_peer_that_most_dead_connections_share_is_named() {
    let mut night = night(|at| census(&[], &[(FdKind::Tcp, 40), (FdKind::TcpCloseWait, 2 + past(&AT, at))]));
    for look in &mut night {
        look.dead = (0..8_u32)
            .map(|n| DeadHandle {
                detail: format!("peer {}", if n < 6 { "10.0.0.2:11434" } else { "10.0.0.3:80" }),
                ..handle(DeadKind::TcpCloseWait, n, 100_000)
            })
            .collect();
    }
    let seen = found(&night, &rules(vec![ClassRule { max_dead: Some(0), ..grow(Metric::Kind(FdKind::TcpCloseWait)) }]));
    assert!(seen.causes[0].sentence.ends_with("Most of them lead to 10.0.0.2:11434."), "{}", seen.causes[0].sentence);
    assert_eq!(seen.causes[0].confidence, Confidence::Low);
}

#[test]
fn a_level_that_is_too_high_is_a_cause_too() {
    let night = night(|_| census(&[(FdClass::Eventpoll, 40), (FdClass::Socket, 5)], &[]));
    let most = |metric, max| ClassRule { max: Some(max), ..rule(metric) };
    let seen = found(&night, &rules(vec![most(EVENTPOLL, 12.0), most(Metric::FdTotal, 20.0)]));
    assert_eq!(keys(&seen), [("eventpoll-never-closed", Confidence::Low)]);
    assert_eq!(classes(&seen, &seen.causes[0]), ["fd.eventpoll", "fd.total"]);
}

#[test]
fn a_class_of_the_users_own_is_told_by_what_it_matches() {
    let night = night(|at| {
        let n = past(&AT, at);
        let mut fds = census(&[(FdClass::Pidfd, n)], &[]);
        fds.classes.insert(FdClass::Log, 1 + n);
        fds.total += 1 + n;
        fds.links.push(LinkCount { name: "/logs/agent.log".to_owned(), class: FdClass::Log, count: 1 + n });
        fds
    });
    let own = ClassRule { max_growth_per_hour: Some(0.0), ..link_rule("fd.agent_log", "/logs/*.log") };
    let mut all = rules(vec![own, grow(Metric::Fd(FdClass::Log)), grow(PIDFD)]);
    all.precedents = vec![
        Precedent { class: "fd.pidfd".to_owned(), cause: "driver".to_owned(), see: None },
        Precedent {
            class: "fd.agent_log".to_owned(),
            cause: "agent log".to_owned(),
            see: Some("docs/a.md".to_owned()),
        },
        Precedent { class: "fd.memfd".to_owned(), cause: "other".to_owned(), see: None },
    ];
    let seen = found(&night, &all);
    assert_eq!(keys(&seen), [("log-handle-per-child", Confidence::High)]);
    let told: Vec<&str> = seen.causes[0].precedents.iter().map(|precedent| precedent.cause.as_str()).collect();
    assert_eq!(told, ["agent log", "driver"]);
    each_once(&seen);
}

fn churned(name: &str, begins: impl IntoIterator<Item = u64>) -> RunRecord {
    let mut record = record(1800.0);
    let event = |at: u64| Event {
        at_ms: i64::try_from(at).unwrap() * 1000 + 700,
        kind: EventKind::Churn,
        text: name.to_owned(),
    };
    record.events.extend(begins.into_iter().map(event));
    record
}

#[test]
fn growth_is_related_to_the_churn_that_it_follows() {
    let begins: Vec<u64> = (1..29).map(|i| i * 60).collect();
    // Each iteration leaves one behind, four seconds after it began.
    let night = night(|at| census(&[(FdClass::Inotify, 2 + (at.saturating_sub(4)) / 60)], &[]));
    let rules = growing(&[Metric::Fd(FdClass::Inotify)]);
    let seen = judge(&churned("WebSocket disconnect", begins), &night, &rules);
    let relation = seen.causes[0].relation.as_ref().unwrap();
    assert_eq!((relation.to.as_str(), relation.hits), ("WebSocket disconnect", relation.of));
    assert!(relation.of > 15 && (relation.each - 1.0).abs() < 1e-9, "{relation:?}");
    let told = format!("; one per WebSocket disconnect ({} of {}).", relation.of, relation.of);
    assert!(seen.causes[0].sentence.contains(&told), "{}", seen.causes[0].sentence);
}

#[test]
fn growth_is_not_related_to_churn_that_it_does_not_follow() {
    let rules = growing(&[Metric::Fd(FdClass::Inotify)]);
    for (begins, every) in [(45, 60), (60, 40), (100, 37), (30, 50)] {
        let night = night(|at| census(&[(FdClass::Inotify, 2 + at / every)], &[]));
        let all: Vec<u64> = (1..1800 / begins).map(|i| i * begins).collect();
        let seen = judge(&churned("request", all), &night, &rules);
        assert_eq!(seen.causes[0].relation, None, "churn every {begins} s, leak every {every} s");
    }
    let wild = night(|at| census(&[(FdClass::Inotify, 2 + past(&AT, at))], &[]));
    let seen = judge(&churned("request", (1..29).map(|i| i * 60)), &wild, &rules);
    assert_eq!(seen.causes[0].relation, None);
}

#[test]
fn a_night_without_breaches_has_no_causes() {
    let seen = found(&night(|_| census(&[(FdClass::Eventpoll, 3)], &[])), &growing(&[EVENTPOLL, Metric::FdTotal]));
    assert!(seen.causes.is_empty());
}

/// A breach or an undecided rule with whatever figures.
fn any_finding() -> impl Strategy<Value = Finding> {
    let metrics: Vec<Metric> = Metric::all().collect();
    let rule =
        prop_oneof![Just(RuleKind::MaxGrowth), Just(RuleKind::MaxDead), Just(RuleKind::Max), Just(RuleKind::Oom)];
    let status = prop_oneof![4 => Just(Status::Breaks), 1 => Just(Status::Undecided), 1 => Just(Status::Holds)];
    let number = prop_oneof![6 => 0.0..2000.0_f64, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(-1.0)];
    let point = (number.clone(), number.clone());
    let series = prop::collection::vec(point, 0..30);
    let subject = prop_oneof![4 => Just("target"), 1 => Just("process a"), 1 => Just("process b")];
    let deaths = prop::collection::vec((0..4_000_000_u64, 0..DeadKind::ALL.len()), 0..6);
    (prop::sample::select(metrics), rule, status, subject, series.clone(), series, deaths, number).prop_map(
        |(metric, rule, status, subject, steps, floor, deaths, rise)| {
            let class = metric.to_string();
            let growth = crate::model::Estimate {
                level: rise,
                rise,
                steps,
                rate: rise,
                low: 0.0,
                high: rise,
                excluded_above: None,
                sensitivity: None,
                warmup_end_s: 120.0,
                observed_s: 1380.0,
                hours_to_limit: None,
                floor,
                found_cycle_s: None,
            };
            let dead = deaths.into_iter().map(|(at, kind)| handle(DeadKind::ALL[kind], 4, at)).collect();
            Finding {
                fingerprint: fingerprint(&class, subject, rule),
                unit: metric.unit(),
                measured: Some(rise),
                growth: (rule == RuleKind::MaxGrowth).then_some(growth),
                dead,
                ..crate::judge::finding(&class, subject, rule, status, "Is so.".to_owned())
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_breach_is_in_one_cause_whatever_the_figures(
        findings in prop::collection::vec(any_finding(), 0..25),
        interval in prop_oneof![Just(5.0), Just(0.0), Just(f64::NAN), Just(1e9)],
        churns in prop::collection::vec(any::<i64>(), 0..12),
    ) {
        let mut by_print: BTreeMap<String, Finding> = BTreeMap::new();
        by_print.extend(findings.into_iter().map(|finding| (finding.fingerprint.clone(), finding)));
        let findings: Vec<Finding> = by_print.into_values().collect();
        let mut record = record(1800.0);
        record.plan.interval_s = interval;
        record.events = churns.into_iter().map(|at_ms| Event { at_ms, kind: EventKind::Churn, text: "c".to_owned() }).collect();
        let snapshots = soak(300, 60, |_, _| {});
        let rules = RuleSet::empty();
        let night = Night::of(Recorded { record: &record, snapshots: &snapshots, log: &[], unread_lines: 0 }, &rules);
        let causes = super::of(&night, &findings, &rules);
        for cause in &causes {
            prop_assert!(cause.sentence.ends_with('.') && !cause.findings.is_empty(), "{cause:?}");
            prop_assert!(cause.relation.as_ref().is_none_or(|relation| relation.each.is_finite()));
        }
        each_once(&Assessment {
            format: crate::model::RUN_FORMAT,
            verdict: crate::model::Verdict::Fail,
            reason: String::new(),
            sensitivity: None,
            findings,
            causes,
        });
    }
}

#[test]
fn severity_does_not_matter_to_causes() {
    let night = night(|at| census(&[(FdClass::Memfd, 2 + past(&AT, at))], &[]));
    let warns = ClassRule { severity: Severity::Warn, ..grow(Metric::Fd(FdClass::Memfd)) };
    assert_eq!(found(&night, &rules(vec![warns])).causes.len(), 1);
}
