use super::testing::{history_line, judge};
use super::*;
use crate::model::{
    CounterRecord, Ending, Event, EventKind, FdClass, Metric, PortEnd, Reading, StopRecord, TermResponse, Verdict,
};
use crate::series::testing::{die, hold, link_rule, record, restarted, rule, rules, soak};

const PIDFD: Metric = Metric::Fd(FdClass::Pidfd);

fn growth_rule(metric: Metric) -> ClassRule {
    ClassRule { max_growth_per_hour: Some(0.0), ..rule(metric) }
}

fn dead_rule() -> RuleSet {
    rules(vec![ClassRule { max_dead: Some(0), ..rule(PIDFD) }])
}

fn sole<'a>(assessment: &'a Assessment, class: &str) -> &'a Finding {
    assessment.findings.iter().find(|found| found.class == class).unwrap()
}

/// Thirty minutes at 5 s in which one socket drips every `every` seconds.
fn dripping(every: u64) -> Vec<Snapshot> {
    soak(1800, 5, |at, own| hold(own, FdClass::Socket, 20 + at / every))
}

#[test]
fn a_quiet_night_passes_and_says_what_it_could_have_seen() {
    let all = rules([Metric::FdTotal, PIDFD, Metric::ProcCount].map(growth_rule).to_vec());
    let found = judge(&record(1800.0), &soak(1800, 5, |_, _| {}), &all);
    assert_eq!(found.verdict, Verdict::Pass);
    assert_eq!(found.reason, "Nothing dripped in 3 classes");
    assert_eq!(found.sensitivity.as_deref(), Some("a drip above 29/h would have been seen"));
    let total = sole(&found, "fd.total");
    assert_eq!(total.sentence, "No growth in 23 min; a drip above 29/h would have been seen.");
    assert_eq!(total.growth.as_ref().unwrap().floor.len(), 2);
}

#[test]
fn a_drip_fails_with_its_pace_and_the_time_to_the_limit() {
    let found = judge(&record(1800.0), &dripping(60), &rules(vec![growth_rule(Metric::FdTotal)]));
    assert_eq!(found.verdict, Verdict::Fail);
    let total = sole(&found, "fd.total");
    assert_eq!(total.status, Status::Breaks);
    assert_eq!(
        total.sentence,
        "Floor rose 23 times in 23 min, 60/h [38, 90]; would hit 1024 in 16 h (11 h at the earliest)."
    );
    assert_eq!(
        found.reason,
        "1 rule is broken: fd.total floor rose 23 times in 23 min, 60/h [38, 90]; would hit 1024 in 16 h (11 h at the earliest)"
    );
    assert_eq!(found.sensitivity, None);
}

#[test]
fn growth_within_what_is_allowed_holds() {
    let allowed = ClassRule { max_growth_per_hour: Some(100.0), ..rule(Metric::FdTotal) };
    let found = judge(&record(1800.0), &dripping(60), &rules(vec![allowed]));
    assert_eq!(found.verdict, Verdict::Pass);
    assert!(sole(&found, "fd.total").sentence.contains("would have been seen"));
}

#[test]
fn ten_minutes_do_not_decide_on_growth() {
    let night = soak(600, 5, |_, _| {});
    let undecided = judge(&record(600.0), &night, &rules(vec![growth_rule(Metric::FdTotal)]));
    assert_eq!(undecided.verdict, Verdict::Pass);
    assert_eq!(undecided.reason, "Nothing is known to drip in 1 class; undecided: fd.total");
    assert_eq!(undecided.sensitivity.as_deref(), Some("no drip is excluded in fd.total"));
    let required = ClassRule { required: true, ..growth_rule(Metric::FdTotal) };
    let found = judge(&record(600.0), &night, &rules(vec![required]));
    assert_eq!(found.verdict, Verdict::Inconclusive);
    assert_eq!(
        found.reason,
        "What must be judged is undecided: fd.total growth cannot be judged: 6 min observed after the warm-up, it takes 8 min"
    );
}

#[test]
fn a_cycle_that_was_not_seen_keeps_growth_undecided() {
    let mut cycled = growth_rule(Metric::FdTotal);
    cycled.cycle = Some(std::time::Duration::from_secs(1800));
    let found = judge(&record(1800.0), &dripping(60), &rules(vec![cycled]));
    let total = sole(&found, "fd.total");
    assert_eq!(total.status, Status::Undecided);
    assert!(total.sentence.ends_with("but the cycle of 30 min was not seen one and a half times."));
}

#[test]
fn a_pool_that_fills_ever_slower_is_no_leak() {
    // Forty handles with a time constant of five minutes; the moment at which each is opened.
    let opened: Vec<f64> = (0..40).map(|n| -300.0 * (1.0 - (f64::from(n) + 0.5) / 40.0).ln()).collect();
    let night = soak(1800, 5, |at, own| {
        let open = opened.iter().filter(|moment| **moment <= at as f64).count();
        hold(own, FdClass::Socket, open as u64);
    });
    let found = judge(&record(1800.0), &night, &rules(vec![growth_rule(Metric::FdTotal)]));
    let total = sole(&found, "fd.total");
    assert_eq!(total.status, Status::Undecided);
    assert!(total.sentence.ends_with("but ever slower: a pool may still be filling, soak longer to tell."));
}

#[test]
fn a_saw_tooth_is_no_leak() {
    // One socket every ten seconds, all given back every seven minutes.
    let night = soak(3600, 5, |at, own| hold(own, FdClass::Socket, 10 + at % 420 / 10));
    let found = judge(&record(3600.0), &night, &rules(vec![growth_rule(Metric::FdTotal)]));
    assert_ne!(sole(&found, "fd.total").status, Status::Breaks);
}

#[test]
fn what_was_not_seen_is_not_excluded() {
    let holed: Vec<Snapshot> =
        soak(1800, 5, |_, _| {}).into_iter().filter(|look| !(600_000..1_200_000).contains(&look.at_ms)).collect();
    let found = judge(&record(1800.0), &holed, &rules(vec![growth_rule(Metric::FdTotal)]));
    assert_eq!(
        sole(&found, "fd.total").sentence,
        "Nothing is known of the time from 9 min 55 s to 20 min of the soak, too long to exclude growth."
    );
    let half = soak(1800, 5, |at, own| {
        if at % 10 == 0 {
            own.fds = Reading::Gone;
        }
    });
    let found = judge(&record(1800.0), &half, &rules(vec![growth_rule(Metric::FdTotal)]));
    assert_eq!(
        sole(&found, "fd.total").sentence,
        "Could not be read in 181 of 361 snapshots: processes ended while they were read (181 times)."
    );
}

#[test]
fn handles_that_die_during_a_night_of_two_minutes_fail_it() {
    let mut night = soak(120, 2, |_, own| hold(own, FdClass::Pidfd, 3));
    die(&mut night, &[10_000, 40_000, 90_000]);
    let found = judge(&record(120.0), &night, &dead_rule());
    assert_eq!(found.verdict, Verdict::Fail);
    assert_eq!(
        found.reason,
        "Handles on child processes are never closed: fd.pidfd holds 3 dead handles whose process is gone (0 allowed)"
    );
    let pidfd = sole(&found, "fd.pidfd");
    assert_eq!((pidfd.measured, pidfd.allowed), (Some(3.0), Some(0.0)));
    assert_eq!(pidfd.dead.iter().map(|handle| handle.first_ms).collect::<Vec<_>>(), [10_000, 40_000, 90_000]);
}

#[test]
fn handles_that_were_dead_before_only_warn() {
    let mut night = soak(120, 2, |_, _| {});
    die(&mut night, &[0, 2000]);
    let found = judge(&record(120.0), &night, &dead_rule());
    assert_eq!(found.verdict, Verdict::Pass);
    let pidfd = sole(&found, "fd.pidfd");
    assert_eq!((pidfd.status, pidfd.severity), (Status::Breaks, Severity::Warn));
    assert_eq!(
        found.reason,
        "No rule is broken in 1 class; only levels and dead handles were judged; 1 warning: fd.pidfd holds 2 dead handles \
         whose process is gone (0 allowed), of which 2 were dead when the soak began: that may be meant so, look once"
    );
}

#[test]
fn a_warm_up_that_was_asked_for_is_the_measure_of_before() {
    let mut night = soak(120, 2, |_, _| {});
    die(&mut night, &[20_000, 40_000]);
    let mut asked = record(120.0);
    asked.plan.warmup_s = Some(30.0);
    let found = judge(&asked, &night, &dead_rule());
    let pidfd = sole(&found, "fd.pidfd");
    assert_eq!(
        pidfd.sentence,
        "Holds 1 dead handle whose process is gone (0 allowed); 1 more was dead when the soak began."
    );
    assert_eq!(pidfd.dead.len(), 1);
}

#[test]
fn a_handle_that_died_just_now_or_came_back_to_life_is_not_dead() {
    let mut night = soak(120, 2, |_, _| {});
    die(&mut night, &[120_000]);
    assert_eq!(sole(&judge(&record(120.0), &night, &dead_rule()), "fd.pidfd").status, Status::Holds);
    let mut night = soak(120, 2, |_, _| {});
    die(&mut night[..30], &[10_000]);
    assert_eq!(sole(&judge(&record(120.0), &night, &dead_rule()), "fd.pidfd").status, Status::Holds);
}

#[test]
fn a_last_look_that_could_not_be_read_does_not_hide_the_dead() {
    let mut night = soak(120, 2, |at, own| {
        if at == 120 {
            own.fds = Reading::Gone;
        }
    });
    die(&mut night[..60], &[10_000]);
    let found = judge(&record(120.0), &night, &dead_rule());
    assert_eq!(found.verdict, Verdict::Fail);
}

#[test]
fn levels_are_those_held_at_the_end() {
    let spiky = soak(1800, 5, |at, own| hold(own, FdClass::Socket, if at % 60 == 0 { 90 } else { 8 }));
    let most = |max| rules(vec![ClassRule { max: Some(max), max_limit_ratio: Some(0.5), ..rule(Metric::FdTotal) }]);
    let found = judge(&record(1800.0), &spiky, &most(8.0));
    assert_eq!(found.verdict, Verdict::Pass);
    assert_eq!(found.reason, "No rule is broken in 1 class; only levels and dead handles were judged");
    assert_eq!(found.sensitivity, None);
    let found = judge(&record(1800.0), &spiky, &most(7.0));
    assert_eq!(found.reason, "1 rule is broken: fd.total holds 8 at the end (7 allowed)");
    let full = soak(120, 5, |_, own| hold(own, FdClass::Socket, 768));
    let found = judge(&record(120.0), &full, &most(1000.0));
    assert_eq!(found.reason, "1 rule is broken: fd.total holds 75% of the limit of 1024 at the end (50% allowed)");
}

#[test]
fn a_class_without_samples_is_undecided_and_never_holds() {
    let gone = soak(1800, 5, |_, own| own.fds = Reading::Gone);
    let all = ClassRule { max: Some(5.0), max_dead: Some(0), max_limit_ratio: Some(0.5), ..growth_rule(PIDFD) };
    let found = judge(&record(1800.0), &gone, &rules(vec![all]));
    let own: Vec<&Finding> = found.findings.iter().filter(|it| it.class == "fd.pidfd").collect();
    assert_eq!(own.len(), 4);
    assert!(own.iter().all(|it| it.status == Status::Undecided), "{own:#?}");
}

#[test]
fn a_kernel_that_refuses_makes_the_night_inconclusive() {
    let refused = soak(1800, 5, |_, own| own.fds = Reading::Denied);
    let found = judge(&record(1800.0), &refused, &rules(vec![growth_rule(Metric::FdTotal)]));
    assert_eq!(found.verdict, Verdict::Inconclusive);
    assert!(found.reason.starts_with("What must be judged is undecided: the kernel refused every reading of fd.total"));
    // Where only processes are judged, descriptors need not be read.
    let found = judge(&record(1800.0), &refused, &rules(vec![growth_rule(Metric::ProcCount)]));
    assert_eq!(found.verdict, Verdict::Pass);
}

#[test]
fn no_snapshot_is_no_pass() {
    let found = judge(&record(1800.0), &[], &RuleSet::empty());
    assert_eq!((found.verdict, found.reason.as_str()), (Verdict::Inconclusive, "No snapshot was taken"));
}

#[test]
fn endings_other_than_the_end_are_no_pass() {
    let night = soak(720, 5, |_, _| {});
    let ended = |ending| {
        let mut record = RunRecord { ending, ..record(1800.0) };
        record.phases[0].to_s = None;
        judge(&record, &night, &rules(vec![growth_rule(Metric::FdTotal)]))
    };
    let message = || "exit code 137\x1b[31m.".to_owned();
    let found = ended(Ending::Interrupted { signal: 2 });
    assert_eq!(found.verdict, Verdict::Inconclusive);
    assert_eq!(found.reason, "The run was interrupted by signal 2, after 12 min of the soak");
    assert_eq!(ended(Ending::Unfinished).verdict, Verdict::Inconclusive);
    assert_eq!(ended(Ending::Unreadable { message: message() }).verdict, Verdict::Inconclusive);
    assert_eq!(ended(Ending::SeedFailed { message: message() }).verdict, Verdict::Inconclusive);
    let found = ended(Ending::Died { message: message() });
    assert_eq!(found.verdict, Verdict::Fail);
    assert_eq!(
        found.reason,
        "1 rule is broken: the target died after 12 min of the soak: exit code 137\\u{1b}[31m; just before, app held 2 \
         descriptors (0.2% of its limit of 1024), with 100 MiB and 4 threads in all"
    );
}

#[test]
fn an_interrupted_night_fails_where_a_breach_was_seen() {
    let mut night = soak(120, 2, |_, _| {});
    die(&mut night, &[10_000]);
    let record = RunRecord { ending: Ending::Interrupted { signal: 15 }, ..record(120.0) };
    let found = judge(&record, &night, &dead_rule());
    assert_eq!(found.verdict, Verdict::Fail);
    assert_eq!(
        found.reason,
        "Handles on child processes are never closed: fd.pidfd holds 1 dead handle whose process is gone (0 allowed); the run was interrupted by signal 15, after 2 min of \
         the soak"
    );
}

#[test]
fn a_workload_that_did_not_run_makes_the_night_inconclusive() {
    let counter = |start, end| CounterRecord {
        name: "refreshes".to_owned(),
        start,
        end,
        at_least: 10.0,
        at_most: None,
        settled: None,
        problem: end.is_none().then(|| "connection refused".to_owned()),
    };
    let night = soak(1800, 5, |_, _| {});
    let judged = |counter| judge(&RunRecord { counters: vec![counter], ..record(1800.0) }, &night, &RuleSet::empty());
    let found = judged(counter(Some(5.0), Some(15.0)));
    assert_eq!((found.verdict, found.reason.as_str()), (Verdict::Pass, "The target lived; no class is judged"));
    let found = judged(counter(Some(5.0), Some(14.0)));
    assert_eq!(found.verdict, Verdict::Inconclusive);
    assert_eq!(found.reason, "The workload did not run: refreshes grew by 9 (at least 10)");
    let found = judged(counter(Some(5.0), None));
    assert_eq!(found.reason, "The workload did not run: refreshes could not be read: connection refused");
}

#[test]
fn checks_after_the_soak_fail_the_night_each_under_a_name_that_stays() {
    let failed = |texts: &[&str]| {
        let after_failures = texts.iter().map(|text| (*text).to_owned()).collect();
        judge(&RunRecord { after_failures, ..record(120.0) }, &soak(120, 5, |_, _| {}), &RuleSet::empty())
    };
    let found = failed(&["GET /: status 500, not 200", "GET /: no answer within 30 s"]);
    assert_eq!(found.verdict, Verdict::Fail);
    assert_eq!(
        found.reason,
        "2 rules are broken: check after the soak failed: GET /: status 500, not 200; check after the soak failed: GET /: \
         no answer within 30 s"
    );
    let other = failed(&["GET /: status 503, not 200"]);
    assert_eq!(found.findings[0].fingerprint, other.findings[0].fingerprint);
    assert_ne!(found.findings[0].fingerprint, found.findings[1].fingerprint);
}

#[test]
fn the_three_ways_to_stop_are_told_apart() {
    let stopped = |response, port, took_s| {
        let stop = StopRecord { signal: "SIGTERM".to_owned(), within_s: 20.0, took_s, response, port, exit_code: None };
        let found =
            judge(&RunRecord { stop: Some(stop), ..record(120.0) }, &soak(120, 5, |_, _| {}), &RuleSet::empty());
        let stop = sole(&found, "stop").clone();
        assert_eq!(found.verdict, Verdict::Pass);
        assert_eq!(stop.severity, Severity::Warn);
        (stop.status, stop.sentence)
    };
    assert_eq!(
        stopped(TermResponse::Exited, PortEnd::Silent, 0.8),
        (Status::Holds, "Exited in 0.8 s and port silent after SIGTERM.".to_owned())
    );
    assert_eq!(
        stopped(TermResponse::Ignored, PortEnd::Silent, 20.0),
        (Status::Breaks, "Ignored SIGTERM for 20 s (had to be killed), port silent.".to_owned())
    );
    assert_eq!(
        stopped(TermResponse::Exited, PortEnd::StillServing, 2.0),
        (
            Status::Breaks,
            "SIGTERM stopped the main process in 2 s, but the port still answered: something goes on serving."
                .to_owned()
        )
    );
}

#[test]
fn a_restart_cuts_the_night_and_fails_it() {
    // Twelve sockets, given back by a restart half-way, and no drip on either side.
    let night = soak(3600, 5, |at, own| hold(own, FdClass::Socket, if at < 1800 { 40 } else { 12 }));
    let mut record = record(3600.0);
    restarted(&mut record, 1800);
    let found = judge(&record, &night, &rules(vec![growth_rule(Metric::FdTotal)]));
    assert_eq!(found.verdict, Verdict::Fail);
    assert_eq!(sole(&found, "restart").status, Status::Breaks);
    let total = sole(&found, "fd.total").growth.clone().unwrap();
    assert!((total.level - 12.0).abs() < 1e-9 && total.rise.abs() < 1e-9);
    assert!((total.observed_s - 2.0 * 1380.0).abs() < 15.0, "{}", total.observed_s);
}

#[test]
fn memory_has_a_rule_of_its_own() {
    let night = soak(1800, 5, |at, own| own.anon = Reading::Value((300 << 20) + at * 30_000));
    let allowed = ClassRule { max_growth_per_hour: Some(10.0 * 1024.0 * 1024.0), ..rule(Metric::MemAnon) };
    let found = judge(&record(1800.0), &night, &rules(vec![allowed]));
    assert_eq!(found.verdict, Verdict::Fail);
    assert_eq!(
        sole(&found, "mem.anon").sentence,
        "Floor moved by 26 MiB in 20 min, 103 MiB/h [103 MiB, 103 MiB]; would hit 1 GiB in 6.5 h."
    );
}

#[test]
fn findings_stand_breaches_first() {
    let mut night = soak(1800, 5, |_, own| hold(own, FdClass::Pidfd, 3));
    die(&mut night, &[600_000]);
    let all = vec![
        growth_rule(Metric::FdTotal),
        ClassRule { max: Some(1.0), severity: Severity::Warn, ..rule(Metric::FdTotal) },
        ClassRule { max_dead: Some(0), ..rule(PIDFD) },
        ClassRule { max_dead: Some(0), ..link_rule("fd.own", "*.log") },
    ];
    let found = judge(&record(1800.0), &night, &rules(all));
    let order: Vec<(&str, Status)> = found.findings.iter().map(|it| (it.class.as_str(), it.status)).collect();
    assert_eq!(
        order,
        [
            ("fd.pidfd", Status::Breaks),
            ("fd.total", Status::Breaks),
            ("fd.own", Status::Undecided),
            ("alive", Status::Holds),
            ("readable", Status::Holds),
            ("fd.total", Status::Holds),
        ]
    );
}

#[test]
fn fingerprints_are_digests_of_class_subject_and_rule() {
    // printf 'fd.pidfd\0target\0max_dead' | sha256sum
    assert_eq!(fingerprint("fd.pidfd", "target", RuleKind::MaxDead), "2f6fb69c");
}

#[test]
fn the_history_line_has_the_main_classes_and_those_of_the_thresholds() {
    let mut night = soak(1800, 5, |at, own| hold(own, FdClass::Pidfd, 2 + at / 120));
    die(&mut night, &[600_000, 700_000]);
    let record = record(1800.0);
    let rules = rules(vec![
        ClassRule { max_dead: Some(0), ..growth_rule(PIDFD) },
        ClassRule { max: Some(4.0), ..link_rule("fd.own", "pid*") },
    ]);
    let assessment = judge(&record, &night, &rules);
    let line = history_line(&record, &night, &assessment, &rules);
    assert_eq!(line.classes.len(), 9);
    let pidfd = &line.classes["fd.pidfd"];
    assert_eq!((pidfd.level, pidfd.dead, pidfd.status), (Some(14.0), 2, Some(Status::Breaks)));
    assert!((pidfd.rate.unwrap() - 30.0).abs() < 3.0);
    assert_eq!(line.classes["fd.own"].level, Some(14.0));
    assert_eq!(line.classes["fd.total"].status, None);
    assert_eq!(line.classes["fd.total"].dead, 2);
    assert_eq!((line.soaked_s, line.snapshots), (1800.0, 361));
    assert_eq!(line.broken.len(), 3);
}

#[test]
fn a_bug_in_a_clock_does_not_stop_the_judge() {
    let mut night = soak(1800, 5, |_, _| {});
    night[100].at_ms = u64::MAX;
    night[200].at_ms = 3;
    night.swap(10, 300);
    let mut record = record(1800.0);
    record.plan.warmup_s = Some(f64::MAX);
    record.events.push(Event { at_ms: i64::MAX, kind: EventKind::Died, text: String::new() });
    judge(&record, &night, &rules(vec![growth_rule(Metric::FdTotal), growth_rule(Metric::MemRss)]));
}
