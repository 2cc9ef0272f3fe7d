//! Histories of many nights.

use std::collections::BTreeMap;

use super::{Dice, MIB, at};
use crate::model::*;

/// A line of the history.
pub(in crate::report) fn line(
    scenario: &str,
    started: jiff::Timestamp,
    verdict: Verdict,
    version: &str,
) -> HistoryLine {
    HistoryLine {
        format: RUN_FORMAT,
        run: format!("{}-3fa9", started.strftime("%Y%m%d-%H%M%S")),
        scenario: scenario.to_owned(),
        started,
        soaked_s: 1800.0,
        snapshots: 360,
        verdict,
        reason: "Nothing dripped.".to_owned(),
        image: Some(format!("sha256:{}", "41d80c5fe9b7a3c1".repeat(4))),
        labels: BTreeMap::from([("APP_VERSION".to_owned(), version.to_owned())]),
        kernel: "6.18.4".to_owned(),
        machine: "x86_64, 4 CPUs, 8 GiB".to_owned(),
        engine: String::new(),
        thresholds_digest: String::new(),
        scenario_digest: "ab".repeat(32),
        classes: BTreeMap::new(),
        broken: Vec::new(),
        acknowledged: Vec::new(),
        causes: Vec::new(),
        work: Default::default(),
    }
}

/// Nights of several scenarios, the last of them failing.
pub(in crate::report) fn nights(scenarios: u64, days: i64) -> Vec<HistoryLine> {
    const NAMES: [&str; 6] =
        ["news-churn", "quick-research", "modular-strategy", "idle-healthcheck", "login-logout", "document-upload"];
    let mut dice = Dice::new(3);
    let last = at("2026-11-22T02:00:00Z");
    let mut lines = Vec::new();
    for scenario in 0..scenarios {
        let name = NAMES
            .get(usize::try_from(scenario).unwrap())
            .map_or_else(|| format!("scenario-{scenario}"), |n| (*n).to_owned());
        for day in 0..days {
            let ago = days - 1 - day;
            if (ago == 21 || ago == 50 || ago == 51) || dice.below(60) == 0 {
                continue;
            }
            let started = last - jiff::SignedDuration::from_hours(24 * ago)
                + jiff::SignedDuration::from_mins(35 * i64::try_from(scenario).unwrap());
            let version = match ago {
                0 => "1.5.6",
                1..12 => "1.10.7",
                12..27 => "1.10.5",
                27..43 => "1.10.2",
                _ => "1.9.8",
            };
            let fails = (scenario == 0 && ago == 0) || (scenario == 5 && (23..27).contains(&ago));
            let verdict = if fails {
                Verdict::Fail
            } else if dice.below(20) == 0 {
                Verdict::Inconclusive
            } else {
                Verdict::Pass
            };
            let mut one = line(&name, started, verdict, version);
            let level = |dice: &mut Dice, class: &str, base: u64, jitter: u64, breaks: bool| {
                let level = if breaks { base + 118 } else { base + dice.below(jitter + 1) };
                let unit = if class.starts_with("mem.") { Unit::Bytes } else { Unit::Count };
                let level = if unit == Unit::Bytes { (level * MIB) as f64 } else { level as f64 };
                let status = Some(if breaks { Status::Breaks } else { Status::Holds });
                let rate = breaks.then_some(296.0);
                (
                    class.to_owned(),
                    HistoryClass {
                        unit,
                        level: Some(level),
                        rate,
                        seen: None,
                        dead: if breaks { 118 } else { 0 },
                        status,
                    },
                )
            };
            one.classes = BTreeMap::from([
                level(&mut dice, "fd.eventpoll", 0, 0, fails),
                level(&mut dice, "fd.socket", 1, 2, fails),
                level(
                    &mut dice,
                    "fd.sqlite_db",
                    if scenario == 5 && (14..27).contains(&ago) { 16 } else { 7 },
                    1,
                    false,
                ),
                level(&mut dice, "fd.total", 19, 3, false),
                level(&mut dice, "proc.threads", if ago < 43 { 17 } else { 12 }, 0, false),
                level(&mut dice, "mem.anon", 356, 9, false),
            ]);
            if scenario == 2 && ago < 11 {
                one.broken = vec!["cc11dd22".to_owned()];
                one.acknowledged = one.broken.clone();
                if let Some(memory) = one.classes.get_mut("mem.anon") {
                    memory.level = memory.level.map(|level| level + (61 * MIB) as f64);
                    memory.status = Some(Status::Breaks);
                }
            }
            if verdict == Verdict::Fail {
                one.causes = vec!["An event loop is made and never closed".to_owned()];
                one.reason = "fd.eventpoll: an event loop is never closed, 296 an hour".to_owned();
                one.broken = vec!["aabbccdd".to_owned()];
            } else if verdict == Verdict::Inconclusive {
                one.reason = "the workload did not run: searches counted 12 of 400".to_owned();
            }
            lines.push(one);
        }
    }
    lines
}
