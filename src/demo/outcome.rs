//! Was exactly what was planted found?

use std::fmt;

use crate::model::text::printable;
use crate::model::{Assessment, Finding, RuleKind, Severity, Status};

/// The leaks of the demo: the class and the rule of the finding that each must make.
pub fn planted() -> [(&'static str, RuleKind); 2] {
    [("fd.eventpoll", RuleKind::MaxDead), ("fd.pidfd", RuleKind::MaxDead)]
}

/// What came of the demo. `Display` is one line for people, followed by the differences, if any, one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoOutcome {
    /// Where what was found is not what was planted, one line each; empty: it is.
    pub differences: Vec<String>,
}

impl DemoOutcome {
    /// True where exactly the planted leaks were found and everything else holds.
    pub fn is_as_planted(&self) -> bool {
        self.differences.is_empty()
    }
}

impl fmt::Display for DemoOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_as_planted() {
            let names = planted().map(|(class, _)| class).join(" and ");
            return write!(f, "found exactly the {} planted leaks, {names}; everything else holds", planted().len());
        }
        write!(f, "what was found is not what was planted:")?;
        for difference in &self.differences {
            write!(f, "\n  {difference}")?;
        }
        Ok(())
    }
}

/// Holds what the judge found against what was planted: each planted leak broke its rule once, with severity `fail`; every class that the
/// demo's thresholds name was judged; and every other rule holds.
pub fn judge_demo(assessment: &Assessment) -> DemoOutcome {
    let mut differences = Vec::new();
    for (class, rule) in planted() {
        let found = assessment.broken(Severity::Fail).filter(|finding| is(finding, class, rule)).count();
        match found {
            0 => differences.push(format!("planted and not found: {class} ({})", rule.key())),
            1 => {}
            more => differences.push(format!("planted once and found {more} times: {class} ({})", rule.key())),
        }
    }
    for finding in &assessment.findings {
        let planted = planted().iter().any(|(class, rule)| is(finding, class, *rule));
        let what = match finding.status {
            Status::Holds => continue,
            // Of a planted leak, what was there before the warm-up ended may be a warning beside the breach.
            Status::Breaks | Status::Undecided if planted => continue,
            Status::Breaks => "found and not planted",
            Status::Undecided => "could not be judged",
        };
        let Finding { class, rule, sentence, .. } = finding;
        differences.push(format!("{what}: {} ({}): {}", printable(class), rule.key(), printable(sentence)));
    }
    for class in named_classes() {
        if !assessment.findings.iter().any(|finding| finding.class == class) {
            differences.push(format!("named in the thresholds and not judged: {class}"));
        }
    }
    DemoOutcome { differences }
}

fn is(finding: &Finding, class: &str, rule: RuleKind) -> bool {
    finding.class == class && finding.rule == rule
}

/// The classes that the demo's thresholds name.
fn named_classes() -> Vec<String> {
    let Ok(document) = serde_yaml::from_str::<serde_yaml::Value>(super::THRESHOLDS) else { return Vec::new() };
    let classes = document.get("classes").and_then(serde_yaml::Value::as_mapping);
    classes.into_iter().flat_map(|classes| classes.keys()).filter_map(|key| key.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metric, RUN_FORMAT, Unit, Verdict};

    fn finding(class: &str, rule: RuleKind, status: Status) -> Finding {
        Finding {
            fingerprint: "00000000".to_owned(),
            class: class.to_owned(),
            subject: "target".to_owned(),
            rule,
            status,
            severity: Severity::Fail,
            required: false,
            sentence: "7 dead handles appeared.".to_owned(),
            unit: Unit::Count,
            allowed: Some(0.0),
            measured: Some(7.0),
            growth: None,
            dead: Vec::new(),
            carriers: Vec::new(),
            ack: None,
        }
    }

    fn assessment(change: impl FnOnce(&mut Vec<Finding>)) -> Assessment {
        let mut findings: Vec<_> =
            planted().iter().map(|(class, rule)| finding(class, *rule, Status::Breaks)).collect();
        findings.extend(named_classes().iter().map(|class| finding(class, RuleKind::Max, Status::Holds)));
        change(&mut findings);
        Assessment {
            format: RUN_FORMAT,
            verdict: Verdict::Fail,
            reason: String::new(),
            sensitivity: None,
            findings,
            causes: Vec::new(),
        }
    }

    #[test]
    fn exactly_what_was_planted_is_as_planted() {
        let outcome = judge_demo(&assessment(|_| {}));
        assert!(outcome.is_as_planted(), "{outcome}");
        assert!(outcome.to_string().starts_with("found exactly the 2 planted leaks, fd.eventpoll and fd.pidfd"));
    }

    #[test]
    fn a_leak_that_was_missed_is_a_difference() {
        let outcome = judge_demo(&assessment(|findings| findings[0].status = Status::Holds));
        assert_eq!(outcome.differences, ["planted and not found: fd.eventpoll (max_dead)"]);
    }

    #[test]
    fn a_warning_is_not_enough_for_a_planted_leak() {
        let outcome = judge_demo(&assessment(|findings| findings[1].severity = Severity::Warn));
        assert_eq!(outcome.differences, ["planted and not found: fd.pidfd (max_dead)"]);
    }

    #[test]
    fn a_warning_beside_the_breach_of_a_planted_leak_is_no_difference() {
        let outcome = judge_demo(&assessment(|findings| {
            findings.push(Finding { severity: Severity::Warn, ..findings[0].clone() });
        }));
        assert!(outcome.is_as_planted(), "{outcome}");
    }

    #[test]
    fn anything_else_that_breaks_or_stays_undecided_is_a_difference() {
        let outcome = judge_demo(&assessment(|findings| {
            findings.push(finding("fd.socket", RuleKind::Max, Status::Breaks));
            findings.push(finding("refreshes", RuleKind::Workload, Status::Undecided));
            findings.push(finding("fd.eventpoll", RuleKind::Max, Status::Breaks));
        }));
        let starts: Vec<_> =
            outcome.differences.iter().filter_map(|line| line.rsplit_once(": ")).map(|(start, _)| start).collect();
        assert_eq!(
            starts,
            [
                "found and not planted: fd.socket (max)",
                "could not be judged: refreshes (workload)",
                "found and not planted: fd.eventpoll (max)"
            ]
        );
    }

    #[test]
    fn a_class_that_nobody_judged_is_a_difference() {
        let outcome = judge_demo(&assessment(|findings| findings.retain(|finding| finding.class != "fd.log")));
        assert_eq!(outcome.differences, ["named in the thresholds and not judged: fd.log"]);
    }

    #[test]
    fn the_thresholds_name_built_in_classes_and_only_rules_that_two_minutes_can_judge() {
        let classes = named_classes();
        assert!(classes.len() > 10, "{classes:?}");
        for class in &classes {
            assert!(class.parse::<Metric>().is_ok(), "{class}");
        }
        let document: serde_yaml::Value = serde_yaml::from_str(crate::demo::THRESHOLDS).unwrap();
        for (class, rules) in document["classes"].as_mapping().unwrap() {
            for rule in rules.as_mapping().unwrap().keys() {
                assert!(["max", "max_dead"].contains(&rule.as_str().unwrap()), "{class:?}: {rule:?}");
            }
        }
        for (class, rule) in planted() {
            assert_eq!(document["classes"][class][rule.key()], 0);
        }
    }
}
