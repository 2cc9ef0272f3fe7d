use proptest::prelude::*;

use crate::judge::testing::judge;
use crate::model::{
    CgroupSample, CounterRecord, Ending, Event, EventKind, FdClass, Finding, Phase, PhaseRecord, Reading, RuleKind,
    RunRecord, Severity, Snapshot, Status, Verdict,
};
use crate::series::testing::{hold, process, record, snapshot, soak};
use crate::threshold::{EventRules, RuleSet};

/// Half an hour in which one process gains a socket every two seconds and gives them back every ten minutes.
fn healing() -> Vec<Snapshot> {
    soak(1795, 5, |at, own| {
        own.id.pid += u32::try_from(at / 600).unwrap();
        own.id.start += at / 600;
        hold(own, FdClass::Socket, 683 + at % 600 / 2);
    })
}

fn with_events(events: &[(i64, EventKind, &str)]) -> RunRecord {
    let events =
        events.iter().map(|(at_ms, kind, text)| Event { at_ms: *at_ms, kind: *kind, text: (*text).to_owned() });
    RunRecord { events: events.collect(), ..record(1800.0) }
}

fn of(record: &RunRecord, night: &[Snapshot], kind: RuleKind) -> Vec<Finding> {
    let found = judge(record, night, &RuleSet::empty());
    found.findings.into_iter().filter(|found| found.rule == kind).collect()
}

fn sole(record: &RunRecord, night: &[Snapshot], kind: RuleKind) -> Finding {
    let mut found = of(record, night, kind);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn restarts_say_what_was_held_at_each_death() {
    let died = "the main process ended with exit code 137";
    let one = with_events(&[(599_000, EventKind::Died, died), (601_000, EventKind::Restart, "started")]);
    let found = sole(&one, &healing(), RuleKind::Restarts);
    assert_eq!((found.class.as_str(), found.status, found.severity), ("restart", Status::Breaks, Severity::Fail));
    assert_eq!(
        found.sentence,
        "The target was started again once: after 9 min 59 s, with exit code 137 (SIGKILL), when app held 980 descriptors \
         (96% of its limit of 1024), with 100 MiB and 4 threads in all."
    );
    let three = with_events(&[
        (599_000, EventKind::Died, died),
        (601_000, EventKind::Restart, "started"),
        (1_199_000, EventKind::Died, "the main process ended with exit code 1"),
        (1_201_000, EventKind::Restart, "started"),
        (1_700_000, EventKind::Restart, "started"),
    ]);
    let found = sole(&three, &healing(), RuleKind::Restarts);
    assert_eq!(found.measured, Some(3.0));
    assert_eq!(
        found.sentence,
        "The target was started again 3 times, 9 min 11 s apart in the median: after 9 min 59 s, with exit code 137 \
         (SIGKILL), app at 980 descriptors (96%), 100 MiB, 4 threads; after 19 min 59 s, up for 9 min 58 s, with exit code 1, \
         app at 980 descriptors (96%), 100 MiB, 4 threads; after 28 min 20 s, up for 8 min 19 s, app at 933 descriptors \
         (91%), 100 MiB, 4 threads."
    );
    let many: Vec<(i64, EventKind, &str)> = (1..9).map(|i| (i * 200_000, EventKind::Restart, "")).collect();
    let found = sole(&with_events(&many), &healing(), RuleKind::Restarts);
    assert!(found.sentence.ends_with("; and 3 more."), "{}", found.sentence);
}

#[test]
fn the_end_itself_and_what_comes_after_the_stop_signal_are_no_restarts() {
    let died = [(1_500_000, EventKind::Died, "ended with exit code 1")];
    let record = RunRecord { ending: Ending::Died { message: "with exit code 1".to_owned() }, ..with_events(&died) };
    assert_eq!(of(&record, &healing(), RuleKind::Restarts), []);
    let found = judge(&record, &healing(), &RuleSet::empty());
    let alive = found.findings.iter().find(|found| found.rule == RuleKind::Alive).unwrap();
    assert!(
        alive.sentence.contains("with exit code 1; just before, app held 833 descriptors (81% of its limit of 1024)")
    );
    let mut stopped = with_events(&[
        (-5_000, EventKind::Restart, "before the soak"),
        (1_820_000, EventKind::Died, "exit code 0"),
        (1_821_000, EventKind::Restart, "started"),
        (1_822_000, EventKind::Oom, "killed"),
        (1_823_000, EventKind::Health, "unhealthy"),
    ]);
    stopped.phases.push(PhaseRecord { phase: Phase::Stop, from_s: 1825.0, to_s: Some(1840.0) });
    assert_eq!(judge(&stopped, &healing()[..100], &RuleSet::empty()).verdict, Verdict::Pass);
}

#[test]
fn restarts_that_only_the_engine_counted_count() {
    let mut night = healing();
    for look in &mut night {
        look.target.restarts = Some(3 + u64::from(look.at_ms >= 600_000) + u64::from(look.at_ms >= 1_200_000));
    }
    let found = sole(&record(1800.0), &night, RuleKind::Restarts);
    assert_eq!(found.measured, Some(2.0));
    // Those that were reported are not counted twice.
    let told = with_events(&[(598_000, EventKind::Died, ""), (598_500, EventKind::Restart, "")]);
    assert_eq!(sole(&told, &night, RuleKind::Restarts).measured, Some(2.0));
    // And none of them is told as a process that ended itself.
    assert_eq!(of(&record(1800.0), &night, RuleKind::SelfKill), []);
}

#[test]
fn a_watchdog_within_the_target_is_seen_in_the_snapshots() {
    let mut night = healing();
    for look in &mut night {
        let mut master = process(1);
        master.cmdline = "/sbin/supervisor".to_owned();
        look.processes.push(master);
    }
    let found = sole(&record(1800.0), &night, RuleKind::SelfKill);
    assert_eq!((found.class.as_str(), found.subject.as_str()), ("self_kill", "process app"));
    assert_eq!((found.measured, found.severity), (Some(2.0), Severity::Fail));
    assert_eq!(
        found.sentence,
        "A long-lived app ended by itself and was started anew 2 times, 10 min apart: after 10 min, seen for 9 min 55 s, when \
         it held 980 descriptors (96% of its limit of 1024), with 100 MiB and 4 threads; after 20 min, seen for 9 min 55 s, \
         when it held 980 descriptors (96% of its limit of 1024), with 100 MiB and 4 threads."
    );
    let restarted = with_events(&[(598_000, EventKind::Restart, ""), (1_198_000, EventKind::Died, "")]);
    assert_eq!(of(&restarted, &night, RuleKind::SelfKill), []);
}

#[test]
fn what_the_scenario_asked_for_is_not_held_against_the_target() {
    let asked = "the container was restarted, as the scenario asked";
    let restarted = with_events(&[(598_000, EventKind::Asked, asked), (1_198_000, EventKind::Asked, asked)]);
    let found = judge(&restarted, &healing(), &RuleSet::empty());
    assert!(found.findings.iter().all(|found| found.status == Status::Holds), "{:?}", found.findings);
    let signalled = with_events(&[(598_000, EventKind::Asked, "SIGKILL was sent to 1 process, as the scenario asked")]);
    assert_eq!(sole(&signalled, &healing(), RuleKind::SelfKill).measured, Some(1.0), "one of the two");
    // A look ends nothing.
    let looked = with_events(&[(598_000, EventKind::Asked, "snapshot a"), (1_198_000, EventKind::Asked, "snapshot b")]);
    assert_eq!(sole(&looked, &healing(), RuleKind::SelfKill).measured, Some(2.0));
}

#[test]
fn children_that_go_with_their_parent_are_the_parents() {
    let mut night = healing();
    for look in &mut night {
        let life = u32::try_from(look.at_ms / 600_000).unwrap();
        let mut child = process(200 + life);
        child.cmdline = "/usr/bin/child".to_owned();
        child.ppid = 42 + life;
        look.processes.push(child);
    }
    assert_eq!(sole(&record(1800.0), &night, RuleKind::SelfKill).subject, "process app");
}

fn charged(night: &mut [Snapshot], kills: impl Fn(u64) -> u64) {
    for look in night {
        look.target.cgroup = Some(CgroupSample {
            memory: Reading::Value((512 << 20) + look.at_ms / 1000 % 3600 * (256 << 10)),
            anon: Reading::Gone,
            file: Reading::Gone,
            kernel: Reading::Gone,
            memory_max: Reading::Value(Some(1 << 30)),
            memory_max_events: Reading::Gone,
            oom_kills: Reading::Value(kills(look.at_ms / 1000)),
            pids: Reading::Gone,
            pids_max: Reading::Gone,
            cpu_us: Reading::Gone,
            throttled_us: Reading::Gone,
            io_read: Reading::Gone,
            io_write: Reading::Gone,
        });
    }
}

#[test]
fn kills_inside_the_target_are_seen_in_its_cgroup() {
    let mut night = soak(1800, 5, |_, _| {});
    charged(&mut night, |at| 4 + u64::from(at >= 600) + 2 * u64::from(at >= 1200));
    let found = sole(&record(1800.0), &night, RuleKind::Oom);
    assert_eq!((found.measured, found.severity), (Some(3.0), Severity::Fail));
    assert_eq!(
        found.sentence,
        "The kernel killed for want of memory 3 times inside the target, which the engine did not report: after 10 min at \
         661 MiB (65% of the limit of 1 GiB); after 20 min (2 times) at 811 MiB (79% of the limit of 1 GiB)."
    );
    let told = with_events(&[(597_000, EventKind::Oom, "killed")]);
    let found = sole(&told, &night, RuleKind::Oom);
    assert_eq!(found.measured, Some(3.0));
    assert!(
        found
            .sentence
            .contains("3 times, 2 of them inside the target, which the engine did not report: after 9 min 57 s at")
    );
    // A counter that began anew with the cgroup.
    charged(&mut night, |at| if at < 600 { 7 } else { u64::from(at >= 1200) });
    assert_eq!(sole(&record(1800.0), &night, RuleKind::Oom).measured, Some(1.0));
    charged(&mut night, |_| 7);
    assert_eq!(of(&record(1800.0), &night, RuleKind::Oom), []);
}

#[test]
fn unhealthy_at_any_time_is_a_finding() {
    let text = |word: &str| format!("the health check says {word}");
    let (bad, good) = (text("unhealthy"), text("healthy"));
    let told = with_events(&[
        (-9_000, EventKind::Health, &text("starting")),
        (100_000, EventKind::Health, &good),
        (602_000, EventKind::Health, &bad),
        (662_000, EventKind::Health, &good),
        (1_500_000, EventKind::Health, &bad),
    ]);
    let found = sole(&told, &healing(), RuleKind::Health);
    assert_eq!((found.class.as_str(), found.severity, found.measured), ("health", Severity::Fail, Some(2.0)));
    assert_eq!(
        found.sentence,
        "The target was unhealthy, first after 10 min 2 s, for 6 min in all and 2 times; app held 683 descriptors (67% of its \
         limit of 1024), with 100 MiB and 4 threads in all when it began."
    );
    // By the snapshots alone.
    let mut night = healing();
    night[100].target.health = Some("unhealthy".to_owned());
    night[101].target.health = Some("healthy".to_owned());
    let found = sole(&record(1800.0), &night, RuleKind::Health);
    assert!(
        found.sentence.starts_with("The target was unhealthy, first after 8 min 20 s, for 5 s in all; app held 933")
    );
    night[100].target.health = Some("starting".to_owned());
    assert_eq!(of(&record(1800.0), &night, RuleKind::Health), []);
}

#[test]
fn what_events_weigh_is_the_rules_choice() {
    let told = with_events(&[
        (5_000, EventKind::Restart, ""),
        (6_000, EventKind::Oom, ""),
        (7_000, EventKind::Health, "unhealthy"),
    ]);
    let warn = Some(Severity::Warn);
    // What the snapshots show of processes that ended by themselves has a weight of its own.
    let weak = EventRules { health: warn, restarts: warn, oom: warn, self_kill: warn };
    let found = judge(&told, &healing(), &RuleSet { events: weak, ..RuleSet::empty() });
    assert_eq!(found.verdict, Verdict::Pass);
    assert!(found.reason.contains("; 4 warnings: the target was unhealthy"), "{}", found.reason);
    let none = EventRules { health: None, restarts: None, oom: None, self_kill: None };
    let found = judge(&told, &healing(), &RuleSet { events: none, ..RuleSet::empty() });
    assert!(found.findings.iter().all(|found| found.status == Status::Holds));
}

fn counter(start: Option<f64>, end: Option<f64>, settled: Option<f64>, at_most: Option<f64>) -> CounterRecord {
    CounterRecord { name: "sessions".to_owned(), start, end, at_least: 0.0, at_most, settled, problem: None }
}

#[test]
fn a_counter_that_does_not_come_back_fails() {
    let judged = |settle_s, counter| {
        let mut record = record(1800.0);
        (record.counters, record.plan.settle_s) = (vec![counter], settle_s);
        let found = sole(&record, &soak(1800, 5, |_, _| {}), RuleKind::ComesBack);
        (found.status, found.sentence)
    };
    let most = Some(3.0);
    assert_eq!(
        judged(120.0, counter(Some(2.0), Some(50.0), Some(14.0), most)),
        (Status::Breaks, "Ended 12 above its start (at most 3 above).".to_owned())
    );
    assert_eq!(judged(120.0, counter(Some(2.0), Some(50.0), Some(5.0), most)).0, Status::Holds);
    assert_eq!(
        judged(120.0, counter(Some(9.0), Some(50.0), Some(5.0), most)).1,
        "Ended 4 below its start (at most 3 above)."
    );
    assert_eq!(judged(0.0, counter(Some(2.0), Some(14.0), None, most)).0, Status::Breaks);
    // While the load is on, a counter may stand as high as it likes.
    assert_eq!(judged(120.0, counter(Some(2.0), Some(14.0), None, most)).0, Status::Undecided);
    assert_eq!(judged(120.0, counter(None, Some(14.0), Some(2.0), most)).0, Status::Undecided);
    assert_eq!(judged(120.0, counter(Some(f64::NAN), Some(14.0), Some(2.0), most)).0, Status::Undecided);
    assert_eq!(judged(120.0, counter(Some(1.0), Some(2.0), Some(2.0), Some(f64::NAN))).0, Status::Undecided);
    assert_eq!(judged(120.0, counter(Some(f64::MAX), None, Some(f64::MIN), most)).0, Status::Undecided);
}

fn any_event() -> impl Strategy<Value = Event> {
    use EventKind::{Asked, Churn, Died, Gap, Health, Note, Oom, Restart};
    let at = prop_oneof![6 => -10_000..2_000_000_i64, 1 => any::<i64>(), 1 => Just(i64::MIN), 1 => Just(i64::MAX)];
    let kind = prop::sample::select(vec![Health, Restart, Died, Oom, Gap, Churn, Asked, Note]);
    let text = prop_oneof![
        Just("the health check says unhealthy".to_owned()),
        Just("ended with exit code 99999999999999999999".to_owned()),
        Just("exit code -9".to_owned()),
        "\\PC{0,20}",
        Just("\u{202e}\0\x1b[31m".to_owned()),
    ];
    (at, kind, text).prop_map(|(at_ms, kind, text)| Event { at_ms, kind, text })
}

fn any_look() -> impl Strategy<Value = Snapshot> {
    let at = prop_oneof![8 => 0..2000_u64, 1 => 0..(u64::MAX / 1000)];
    let count = || prop_oneof![Just(None), (0..9_u64).prop_map(Some), Just(Some(u64::MAX))];
    let health = prop::option::of(prop_oneof![Just("unhealthy".to_owned()), Just("healthy".to_owned()), "\\PC{0,9}"]);
    (at, prop::collection::vec((1..6_u32, 0..3_u64), 0..5), count(), count(), health).prop_map(
        |(at, processes, kills, restarts, health)| {
            let processes = processes.into_iter().map(|(pid, start)| {
                let mut own = process(pid);
                own.id.start = start;
                own
            });
            let mut look = [snapshot(at, processes.collect())];
            charged(&mut look, |_| kills.unwrap_or(0));
            let [mut look] = look;
            if kills.is_none() {
                look.target.cgroup = None;
            }
            (look.target.restarts, look.target.health) = (restarts, health);
            look
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn judges_whatever_happened(
        events in prop::collection::vec(any_event(), 0..30),
        night in prop::collection::vec(any_look(), 0..40),
        stop in prop::option::of(any::<f64>()),
        died in any::<bool>(),
        counters in prop::collection::vec((any::<Option<f64>>(), any::<Option<f64>>(), any::<Option<f64>>()), 0..3),
        settle in any::<f64>(),
    ) {
        let mut record = RunRecord { events, ..record(1800.0) };
        record.phases.extend(stop.map(|from_s| PhaseRecord { phase: Phase::Stop, from_s, to_s: None }));
        record.counters = counters.into_iter().map(|(start, end, settled)| counter(start, end, settled, Some(1.0))).collect();
        record.plan.settle_s = settle;
        record.plan.interval_s = settle;
        if died {
            record.ending = Ending::Died { message: String::new() };
        }
        let found = judge(&record, &night, &RuleSet::empty());
        for finding in &found.findings {
            prop_assert!(finding.sentence.ends_with('.'));
            prop_assert!(finding.sentence.chars().count() < 2500, "{}", finding.sentence);
            let harmful = finding.sentence.contains(['\0', '\x1b', '\u{202e}']);
            prop_assert!(!harmful, "{:?}", finding.sentence);
            prop_assert!(finding.measured.is_none_or(f64::is_finite));
        }
    }
}
