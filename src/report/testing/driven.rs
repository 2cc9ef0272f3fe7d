//! A night with all that a scenario can do to a target and ask of it.

use super::{Dice, HOSTILE, MIB, clean};
use crate::model::*;

/// A clean night with churn by three users, figures of the application's own, and named snapshots.
pub(in crate::report) fn driven() -> StoredNight {
    let mut night = clean(372);
    let mut dice = Dice::new(3);
    let step = |name: &str, line: u32, count, failed, scale: f64| StepRecord {
        name: name.to_owned(),
        place: format!("news-churn.yaml:{line}"),
        count,
        failed,
        p50_ms: 12.4 * scale,
        p90_ms: 31.0 * scale,
        p99_ms: 118.0 * scale,
        max_ms: 402.0 * scale,
    };
    night.record.churn = Some(ChurnRecord {
        begun: 87,
        failed: 2,
        first_failure: Some(
            "user 2: news-churn.yaml:48:9: get /api/research/17: expected status 200, got 503".to_owned(),
        ),
        max_failed: 0.1,
        users: 3,
        steps: vec![
            step("get /auth/login", 38, 3, 0, 0.031),
            step("post /auth/login", 41, 3, 0, 1.0),
            step("post /api/start_research", 46, 87, 0, 2.5),
            step("wait until get /api/research/{{ id }}/status", 48, 85, 2, 90.0),
            step("ws /ws/chat", 55, 85, 0, 0.5),
            step("delete /api/research/{{ id }}", 70, 0, 0, 0.0),
        ],
    });
    for n in 1..=87 {
        night.record.events.push(Event { at_ms: n * 20_000, kind: EventKind::Churn, text: "churn".to_owned() });
    }
    night.record.events.push(Event { at_ms: 61_000, kind: EventKind::Asked, text: "snapshot warm".to_owned() });
    night.record.events.sort_by_key(|event| event.at_ms);
    let series = |name: &str, compare: Option<&str>, failed, first: Option<&str>| SeriesRecord {
        name: name.to_owned(),
        compare: compare.map(str::to_owned),
        failed,
        first_failure: first.map(str::to_owned),
    };
    night.record.series = vec![
        series("open_files", Some("fd.total"), 2, Some("news-churn.yaml:80:7: get /health: no answer within 10 s")),
        series("resident_kib", Some("mem.rss"), 0, None),
        series("queue", None, 0, None),
    ];
    for look in night.snapshots.iter().step_by(2) {
        let process = &look.processes[0];
        let open = process.fds.value().unwrap().total + dice.below(2);
        let rss = process.rss.value().unwrap() / 1024;
        let at_ms = look.at_ms + 40;
        let failed = (400_000..420_000).contains(&at_ms);
        let mut keep = |name: &str, value: f64| {
            let value = (!failed || name != "open_files").then_some(value);
            night.figures.push(KeptFigure { at_ms, name: name.to_owned(), value });
        };
        keep("open_files", open as f64);
        keep("resident_kib", rss as f64);
        keep("queue", dice.below(4) as f64);
    }
    for (n, look) in [3, 12, 200, 350].into_iter().enumerate() {
        let snapshot = night.snapshots[look].clone();
        let name = ["warm", "before the research", "after the research", "after the research"][n].to_owned();
        let at_ms = if n == 0 { -4_200 } else { i64::try_from(snapshot.at_ms).unwrap() };
        let phase = if n == 0 { Phase::Seed } else { Phase::Soak };
        night.probes.push(NamedSnapshot { name, at_ms, phase, snapshot });
    }
    night.record.target.memory_limit = Some(2048 * MIB);
    night
}

/// The same, hostile.
pub(super) fn harm(night: &mut StoredNight) {
    let bad = || HOSTILE.to_owned();
    let step = StepRecord {
        name: bad(),
        place: bad(),
        count: u64::MAX,
        failed: 1,
        p50_ms: f64::NAN,
        p90_ms: f64::INFINITY,
        p99_ms: -1.0,
        max_ms: 1e300,
    };
    let (begun, failed, first_failure) = (u64::MAX, u64::MAX, Some(bad()));
    night.record.churn = Some(ChurnRecord {
        begun,
        failed,
        first_failure,
        max_failed: f64::NAN,
        users: u64::MAX,
        steps: vec![step; 50],
    });
    for compare in [None, Some(bad()), Some("fd.total".to_owned())] {
        night.record.series.push(SeriesRecord { name: bad(), compare, failed: 1, first_failure: Some(bad()) });
    }
    let figure = |(at_ms, value)| KeptFigure { at_ms, name: bad(), value };
    let values =
        [(0, Some(f64::MAX)), (1_000, Some(f64::MIN)), (2_000, None), (60_000, Some(f64::NAN)), (u64::MAX, Some(1.0))];
    night.figures.extend(values.map(figure));
    night.probes = (0..30)
        .map(|n| NamedSnapshot {
            name: bad(),
            at_ms: i64::MIN + n,
            phase: Phase::Seed,
            snapshot: night.snapshots[0].clone(),
        })
        .collect();
}
