//! What the judge would say of nights that are made up.

use super::MIB;
use crate::model::*;

/// A rule's fate with nothing special about it.
pub(super) fn finding(class: &str, rule: RuleKind, status: Status) -> Finding {
    use sha2::Digest as _;
    let print = sha2::Sha256::digest(format!("{class} {}", rule.key()));
    Finding {
        fingerprint: print.iter().take(4).map(|byte| format!("{byte:02x}")).collect(),
        class: class.to_owned(),
        subject: "target".to_owned(),
        rule,
        status,
        severity: Severity::Fail,
        required: false,
        sentence: "It was looked at.".to_owned(),
        unit: if class.starts_with("mem.") { Unit::Bytes } else { Unit::Count },
        allowed: Some(0.0),
        measured: Some(0.0),
        growth: None,
        dead: Vec::new(),
    }
}

/// An estimate that found nothing.
pub(super) fn steady(level: f64) -> Estimate {
    Estimate {
        level,
        rise: 0.0,
        steps: Vec::new(),
        rate: 0.0,
        low: 0.0,
        high: 7.8,
        excluded_above: Some(7.8),
        sensitivity: Some(23.0),
        warmup_end_s: 120.0,
        observed_s: 1380.0,
        hours_to_limit: None,
        floor: vec![(120.0, level), (1500.0, level)],
        found_cycle_s: None,
    }
}

/// The floor of a class that leaks, from what the snapshots show.
pub(super) fn growing(night: &[Snapshot], class: FdClass) -> Estimate {
    let mut floor: Vec<(f64, f64)> = Vec::new();
    let values: Vec<(f64, f64)> = night
        .iter()
        .filter_map(|snapshot| {
            let census = snapshot.processes.first()?.fds.value()?;
            Some((snapshot.at_s(), census.classes.get(&class).copied().unwrap_or(0) as f64))
        })
        .filter(|(at, _)| *at >= 120.0)
        .collect();
    for (n, (at, _)) in values.iter().enumerate().filter(|(_, (at, _))| *at <= 1500.0) {
        let low = values[n..].iter().map(|(_, value)| *value).fold(f64::MAX, f64::min);
        if floor.last().is_none_or(|(_, level)| low > *level) {
            floor.push((*at, low));
        }
    }
    if floor.is_empty() {
        return steady(0.0);
    }
    let (first, level) = (floor[0].1, floor[floor.len() - 1].1);
    floor.push((1500.0, level));
    let rise = level - first;
    let rate = rise * 3600.0 / 1380.0;
    Estimate {
        level,
        rise,
        steps: floor
            .windows(2)
            .map(|pair| (pair[1].0, pair[1].1 - pair[0].1))
            .filter(|(_, size)| *size > 0.0)
            .collect(),
        rate,
        low: 0.77 * rate,
        high: 1.28 * rate,
        excluded_above: None,
        sensitivity: Some(23.0),
        hours_to_limit: Some((1024.0 - total(night)) / rate),
        floor,
        found_cycle_s: None,
        ..steady(level)
    }
}

fn total(night: &[Snapshot]) -> f64 {
    let last = night.last().and_then(|snapshot| snapshot.processes.first()?.fds.value());
    last.map_or(0.0, |census| census.total as f64)
}

/// What is held, said as the judge says it.
pub(super) fn held() -> Vec<Finding> {
    let held = |class: &str, rule, measured, allowed, growth: Option<Estimate>| Finding {
        sentence: if rule == RuleKind::MaxGrowth {
            "No growth; a drip above 23/h would have been seen.".to_owned()
        } else {
            format!("At most {measured} held, {allowed} allowed.")
        },
        measured: Some(measured),
        allowed: Some(allowed),
        growth,
        ..finding(class, rule, Status::Holds)
    };
    let mib = MIB as f64;
    let mut all = vec![
        held("fd.total", RuleKind::Max, 19.0, 400.0, None),
        held("fd.total", RuleKind::MaxLimitRatio, 19.0, 512.0, None),
        held("fd.pipe", RuleKind::MaxGrowth, 0.0, 0.0, Some(steady(2.0))),
        held("fd.sqlite_db", RuleKind::Max, 8.0, 30.0, None),
        held("fd.sqlite_wal", RuleKind::MaxGrowth, 0.0, 0.0, Some(steady(1.0))),
        held("fd.pidfd", RuleKind::MaxDead, 0.0, 0.0, None),
        held("proc.count", RuleKind::Max, 1.0, 4.0, None),
        held(
            "proc.threads",
            RuleKind::MaxGrowth,
            0.0,
            0.0,
            Some(Estimate { excluded_above: Some(12.4), ..steady(11.0) }),
        ),
    ];
    let anon = Estimate {
        level: 372.0 * mib,
        rise: mib,
        rate: 1.5 * mib,
        high: 3.4 * mib,
        excluded_above: Some(3.4 * mib),
        sensitivity: Some(9.0 * mib),
        floor: vec![(600.0, 370.0 * mib), (1500.0, 372.0 * mib)],
        warmup_end_s: 600.0,
        ..steady(0.0)
    };
    all.push(held("mem.anon", RuleKind::MaxGrowth, 1.5 * mib, 18.0 * mib, Some(anon)));
    let rule = |rule: RuleKind, class: &str, sentence: &str| Finding {
        sentence: sentence.to_owned(),
        allowed: None,
        measured: None,
        ..finding(class, rule, Status::Holds)
    };
    all.push(rule(RuleKind::Alive, "alive", "It lived to the end of the soak."));
    all.push(rule(RuleKind::Stop, "stop", "It ended 2.4 s after SIGTERM and its port is silent."));
    all
}
