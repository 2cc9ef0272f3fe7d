//! What earlier nights held, to measure this one against.

use std::collections::BTreeMap;

use crate::model::{BaselineRecord, HistoryLine, Verdict};
use crate::stats::order::median;

/// So many of the latest nights count: enough for a median that one odd night does not move, and few enough to follow a change.
const NIGHTS: usize = 7;

/// The passing nights of this very scenario on this kind of machine, of lines that are in the order of time. Lines of older
/// versions name no machine, and do not count. `None`: there are no such nights.
pub(super) fn of(lines: &[HistoryLine], scenario_digest: &str, machine: &str) -> Option<BaselineRecord> {
    let same = |line: &&HistoryLine| {
        line.verdict == Verdict::Pass && line.scenario_digest == scenario_digest && line.machine == machine
    };
    let nights: Vec<&HistoryLine> = lines.iter().rev().filter(same).take(NIGHTS).collect();
    if nights.is_empty() || machine.is_empty() {
        return None;
    }
    let mut held: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for night in &nights {
        for (class, figures) in &night.classes {
            let level = figures.level.filter(|level| level.is_finite());
            held.entry(class).or_default().extend(level);
        }
    }
    let levels = held.into_iter().filter_map(|(class, levels)| Some((class.to_owned(), median(&levels)?))).collect();
    Some(BaselineRecord { nights: nights.iter().map(|night| night.run.clone()).collect(), levels })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HistoryClass, RUN_FORMAT, Unit};

    fn line(run: &str, level: Option<f64>) -> HistoryLine {
        let figures = HistoryClass { unit: Unit::Count, level, rate: None, seen: None, dead: 0, status: None };
        HistoryLine {
            format: RUN_FORMAT,
            run: run.to_owned(),
            scenario: "app".to_owned(),
            started: jiff::Timestamp::UNIX_EPOCH,
            soaked_s: 1800.0,
            snapshots: 360,
            verdict: Verdict::Pass,
            reason: String::new(),
            image: None,
            labels: BTreeMap::new(),
            kernel: String::new(),
            machine: "m".to_owned(),
            engine: String::new(),
            thresholds_digest: String::new(),
            scenario_digest: "d".to_owned(),
            classes: BTreeMap::from([("fd.total".to_owned(), figures)]),
            broken: Vec::new(),
            acknowledged: Vec::new(),
            causes: Vec::new(),
            work: Default::default(),
        }
    }

    #[test]
    fn the_last_seven_passing_nights_of_the_same_scenario_and_machine_count() {
        let mut lines: Vec<_> = (0..9_u32).map(|n| line(&n.to_string(), Some(f64::from(n)))).collect();
        let found = of(&lines, "d", "m").unwrap();
        assert_eq!(found.nights, ["8", "7", "6", "5", "4", "3", "2"]);
        assert_eq!(found.levels, BTreeMap::from([("fd.total".to_owned(), 5.0)]));
        lines[8].verdict = Verdict::Fail;
        lines[7].scenario_digest = "other".to_owned();
        lines[6].machine = String::new();
        assert_eq!(of(&lines, "d", "m").unwrap().nights, ["5", "4", "3", "2", "1", "0"]);
    }

    #[test]
    fn without_such_nights_there_is_nothing_to_compare_with() {
        assert_eq!(of(&[], "d", "m"), None);
        assert_eq!(of(&[HistoryLine { machine: String::new(), ..line("a", Some(1.0)) }], "d", ""), None);
        let found = of(&[line("a", None), line("b", Some(f64::NAN))], "d", "m").unwrap();
        assert!(found.levels.is_empty() && found.nights == ["b", "a"]);
    }
}
