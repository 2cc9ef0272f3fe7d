//! Whole nights: clean, leaking, cut short, hostile, huge.

use std::collections::BTreeMap;

use super::findings::{finding, growing, held};
use super::{Dice, MIB, app, at, record, snapshots};
use crate::model::*;

fn stored(record: RunRecord, snapshots: Vec<Snapshot>, assessment: Option<Assessment>) -> StoredNight {
    StoredNight {
        record,
        snapshots,
        assessment,
        thresholds: String::new(),
        unread_lines: 0,
        evidence: Vec::new(),
        log: Vec::new(),
        figures: Vec::new(),
        probes: Vec::new(),
    }
}

/// A night on which nothing leaks.
pub(in crate::report) fn clean(count: u32) -> StoredNight {
    let mut record = record();
    record.run = "20261121-020000-77c1".to_owned();
    record.started = at("2026-11-21T02:00:00Z");
    record.target.labels.insert("APP_VERSION".to_owned(), "1.10.7".to_owned());
    record.target.image = Some(format!("sha256:{}", "41d80c5fe9b7a3c1".repeat(4)));
    let mut findings = vec![Finding {
        sentence: "The floor moved once, too little to tell a drip from a pool that fills.".to_owned(),
        allowed: Some(0.0),
        measured: None,
        ..finding("fd.socket", RuleKind::MaxGrowth, Status::Undecided)
    }];
    findings.extend(held());
    let assessment = Assessment {
        format: RUN_FORMAT,
        causes: Vec::new(),
        verdict: Verdict::Pass,
        reason: "Nothing dripped".to_owned(),
        sensitivity: Some("a drip of 23 or more handles an hour would have been reported 9 times in 10".to_owned()),
        findings,
    };
    stored(record, snapshots(7, count, false), Some(assessment))
}

/// A night on which an event loop and its two sockets leak.
pub(in crate::report) fn leaking(count: u32) -> StoredNight {
    let snapshots = snapshots(11, count, true);
    let dead: Vec<DeadHandle> = snapshots.last().map(|snapshot| snapshot.dead.clone()).unwrap_or_default();
    let eventpoll = growing(&snapshots, FdClass::Eventpoll);
    let socket = growing(&snapshots, FdClass::Socket);
    let findings = vec![
        Finding {
            sentence: format!("{} event loops are abandoned: nobody waits on them; 0 are allowed.", dead.len()),
            measured: Some(dead.len() as f64),
            dead: dead.iter().take(100).cloned().collect(),
            ..finding("fd.eventpoll", RuleKind::MaxDead, Status::Breaks)
        },
        Finding {
            sentence: format!(
                "The floor rose {} times in 23 min, {}/h (95 % interval {} to {}).",
                socket.steps.len(),
                socket.rate.round(),
                socket.low.round(),
                socket.high.round()
            ),
            measured: Some(socket.rate),
            growth: Some(socket),
            carriers: vec![Carrier {
                of: CarrierKind::Process,
                name: "python app.py".to_owned(),
                figure: 284.0,
                share: 0.98,
            }],
            ..finding("fd.socket", RuleKind::MaxGrowth, Status::Breaks)
        },
        Finding {
            sentence: "120 are held, 12 are allowed.".to_owned(),
            severity: Severity::Warn,
            measured: Some(eventpoll.level),
            allowed: Some(12.0),
            growth: Some(eventpoll),
            ..finding("fd.eventpoll", RuleKind::Max, Status::Breaks)
        },
    ];
    let causes = vec![event_loop(&findings)];
    let mut assessment = Assessment {
        format: RUN_FORMAT,
        causes,
        verdict: Verdict::Fail,
        reason: "fd.eventpoll: 142 event loops are abandoned, and fd.socket grows by 592 an hour.".to_owned(),
        sensitivity: None,
        findings,
    };
    assessment.findings.push(Finding {
        sentence: "Holds 9 at the end (4 allowed).".to_owned(),
        measured: Some(9.0),
        allowed: Some(4.0),
        ack: Some(AckRecord {
            reason: "upstream knows of it".to_owned(),
            expires: Some(jiff::civil::date(2027, 1, 31)),
        }),
        ..finding("fd.log", RuleKind::Max, Status::Breaks)
    });
    assessment.findings.push(Finding {
        sentence: "A cycle of 14 min fits the night only twice.".to_owned(),
        measured: None,
        ..finding("fd.sqlite_db", RuleKind::MaxGrowth, Status::Undecided)
    });
    assessment.findings.extend(held());
    let mut night = stored(record(), snapshots, Some(assessment));
    night.evidence =
        ["descriptors.txt", "inspect.json", "logs/stderr.log", "logs/stdout.log", "sockets.txt", "tree.txt"]
            .map(|file| format!("evidence/{file}"))
            .into();
    night
}

/// What the leaking night comes from.
fn event_loop(findings: &[Finding]) -> Cause {
    Cause {
        key: "event-loop-never-closed".to_owned(),
        title: "An event loop is made and never closed".to_owned(),
        sentence: "Eventpolls and unix socket pairs grew in step (140 of 142 steps).".to_owned(),
        confidence: Confidence::High,
        findings: findings.iter().map(|finding| finding.fingerprint.clone()).collect(),
        relation: Some(Relation { to: "refresh".to_owned(), hits: 24, of: 25, each: 1.2 }),
        sources: vec!["A new loop for every call, without a close.".to_owned()],
        next: vec!["Look for asyncio.new_event_loop without a close.".to_owned(), "Trace epoll_create1.".to_owned()],
        precedents: vec![PrecedentRecord {
            cause: "async client not closed".to_owned(),
            see: Some("docs/cleanup.md, Wave 7".to_owned()),
        }],
    }
}

/// A night that ended before there was anything to watch.
pub(in crate::report) fn ended(ending: Ending) -> StoredNight {
    let mut record = record();
    record.ending = ending;
    record.soak_started = None;
    record.counters.clear();
    record.events.clear();
    record.stop = None;
    record.phases.truncate(2);
    record.phases[1].to_s = None;
    let mut night = stored(record, Vec::new(), None);
    night.evidence = vec!["evidence/logs/stderr.log".to_owned()];
    night
}

/// Text that would do harm wherever it is not escaped.
pub(in crate::report) const HOSTILE: &str = "</script><script>alert(1)</script>\"><img src=x onerror=alert(2)>' onload='x ]]> <!-- `a` |b| @team \u{0}\u{1b}[31m\u{202e}\u{fffe}\n# head";

/// A night of which every foreign text is hostile.
pub(in crate::report) fn hostile() -> StoredNight {
    let mut night = leaking(60);
    let bad = || HOSTILE.to_owned();
    night.record.scenario = bad();
    night.record.run = bad();
    night.record.command = vec![bad(), "x".repeat(1 << 20)];
    night.record.target.name = bad();
    night.record.target.kind = bad();
    night.record.target.image = Some(bad());
    night.record.target.labels = BTreeMap::from([("version".to_owned(), bad())]);
    night.record.target.container = Some(bad());
    night.record.host.kernel = bad();
    night.record.events.push(Event { at_ms: -5, kind: EventKind::Died, text: bad() });
    night.record.counters.push(CounterRecord {
        name: bad(),
        start: None,
        end: None,
        at_least: 1.0,
        at_most: None,
        settled: None,
        problem: Some(bad()),
    });
    super::driven::harm(&mut night);
    night.record.after_failures = vec![bad()];
    night.record.ending = Ending::Died { message: format!("{HOSTILE}\n{HOSTILE}") };
    if let Some(stop) = &mut night.record.stop {
        stop.signal = bad();
    }
    for snapshot in &mut night.snapshots {
        snapshot.target.health = Some(bad());
        snapshot.gaps.push(Gap { what: bad(), reason: GapReason::Denied, count: 1 });
        for process in &mut snapshot.processes {
            process.comm = bad();
            process.cmdline = format!("{HOSTILE}{}", "y".repeat(1 << 14));
            process.facts.exe = Some(bad());
            process.facts.thread_names = vec![(bad(), 3); 2];
            if let Reading::Value(census) = &mut process.fds {
                for link in &mut std::sync::Arc::make_mut(census).links {
                    link.name = bad();
                }
            }
        }
    }
    let assessment = night.assessment.as_mut().unwrap();
    assessment.reason = bad();
    for finding in &mut assessment.findings {
        finding.sentence = bad();
        finding.subject = bad();
        finding.fingerprint = bad();
        for handle in &mut finding.dead {
            handle.detail = bad();
        }
    }
    for finding in &mut assessment.findings {
        finding.carriers.iter_mut().for_each(|carrier| carrier.name = bad());
        finding.ack.iter_mut().for_each(|ack| ack.reason = bad());
    }
    let print = bad();
    assessment.causes = vec![Cause {
        key: bad(),
        title: bad(),
        sentence: bad(),
        confidence: Confidence::Low,
        findings: vec![print],
        relation: Some(Relation { to: bad(), hits: 1, of: 2, each: f64::NAN }),
        sources: vec![bad()],
        next: vec![bad()],
        precedents: vec![PrecedentRecord { cause: bad(), see: Some(bad()) }],
    }];
    let mut named = assessment.findings[0].clone();
    named.class = bad();
    assessment.findings.insert(0, named);
    night.evidence =
        vec![format!("evidence/{HOSTILE}"), "evidence/../../x".to_owned(), "javascript:alert(1)".to_owned()];
    night
}

/// A night on which the target was killed and started again, with a minute unseen.
pub(in crate::report) fn restarted() -> StoredNight {
    let mut night = leaking(372);
    night.snapshots.drain(178..190);
    for snapshot in &mut night.snapshots[178..] {
        for process in &mut snapshot.processes {
            process.id.pid += 40;
        }
    }
    let event = |at_ms, kind, text: &str| Event { at_ms, kind, text: text.to_owned() };
    night.record.events.extend([
        event(890_200, EventKind::Oom, "out of memory: process 14247 (python) was killed"),
        event(890_400, EventKind::Died, "the main process ended with exit code 137"),
        event(893_000, EventKind::Restart, "the engine started it again (restart 1)"),
        event(950_000, EventKind::Gap, "no snapshot for 60 s"),
    ]);
    if let Some(stop) = &mut night.record.stop {
        stop.response = TermResponse::Ignored;
        stop.port = PortEnd::StillServing;
        stop.exit_code = None;
        stop.took_s = 20.0;
    }
    night.record.after_failures = vec!["GET / answered 500, 200 was expected".to_owned()];
    night.record.counters[1].end = Some(12.0);
    night.snapshots[200].gaps = vec![Gap { what: "fd of 14287".to_owned(), reason: GapReason::Gone, count: 3 }];
    night.unread_lines = 1;
    night
}

/// A night as large as they come: 360 snapshots, 40 judged classes, 100 processes, nothing steady.
pub(in crate::report) fn huge() -> StoredNight {
    let mut night = leaking(360);
    let mut dice = Dice::new(5);
    for snapshot in &mut night.snapshots {
        for n in 0..99_u32 {
            let classes = FdClass::ALL.iter().map(|class| (*class, dice.below(40)));
            let mut process = app(classes.collect(), dice.below(30), dice.below(400) * MIB);
            process.id = ProcId { pid: 20_000 + n, start: u64::from(n) };
            process.cmdline = format!("/usr/bin/worker --number {n} {}", "argument ".repeat(40));
            snapshot.processes.push(process);
        }
        let process = snapshot.processes[0].id;
        let name = |n: u32| format!("socket {n} {}", "detail ".repeat(20));
        snapshot.dead = (0..100)
            .map(|fd| DeadHandle {
                process,
                fd: Some(fd),
                kind: DeadKind::PidfdTargetGone,
                first_ms: 1,
                survived: 9,
                detail: name(fd),
            })
            .collect();
    }
    let assessment = night.assessment.as_mut().unwrap();
    let mut growth = assessment.findings[1].growth.clone().unwrap();
    growth.floor = (0..360).map(|n| (f64::from(n) * 5.0, f64::from(n % 7 + n))).collect();
    growth.steps = (0..360).map(|n| (f64::from(n) * 5.0, 1.0)).collect();
    let dead = night.snapshots[0].dead.clone();
    assessment.findings = Metric::all()
        .map(|metric| metric.to_string())
        .chain((0..12).map(|n| format!("fd.own_{n}")))
        .flat_map(|class| {
            [RuleKind::MaxDead, RuleKind::Max, RuleKind::MaxLimitRatio, RuleKind::MaxGrowth].map(|rule| Finding {
                sentence: "It breaks in a way that takes a sentence of some length to tell. ".repeat(3),
                growth: Some(growth.clone()),
                dead: if rule == RuleKind::MaxDead { dead.clone() } else { Vec::new() },
                ..finding(&class, rule, Status::Breaks)
            })
        })
        .collect();
    night
}
