//! A gate as JUnit XML: a test case for each comparison and for each broken threshold.

use minijinja::{Error, ErrorKind};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::gate::{Class, Fate, Gate};
use crate::model::{Severity, Verdict};
use crate::report::junit::{plain, xml};

/// Renders `junit.xml`. What is worse, and a broken threshold, are failures; what cannot be told is skipped with its reason.
pub(super) fn render(gate: &Gate) -> Result<String, Error> {
    let mut report = Report::new("slowdrip");
    let mut suite = TestSuite::new(xml(&format!("{} gate", gate.scenario)));
    suite.add_property(Property::new("gate", xml(&gate.gate)));
    for (key, side) in [("candidate", &gate.candidate), ("baseline", &gate.baseline)] {
        suite.add_property(Property::new(key, xml(side.image.as_deref().unwrap_or(&side.name))));
    }
    for class in &gate.classes {
        suite.add_test_case(compared(gate, class));
    }
    for found in &gate.absolute {
        let title = plain(&format!("{} {}", xml(&found.class), found.rule.key()));
        let too = if found.baseline_too { " The last release breaks it too." } else { "" };
        let mut case = TestCase::new(title, failure("threshold", &format!("{}{too}", found.sentence)));
        case.set_classname(xml(&format!("{}.{}", gate.scenario, found.class)));
        suite.add_test_case(case);
    }
    let mut whole = TestCase::new(
        "gate",
        match gate.verdict {
            Verdict::Pass => TestCaseStatus::success(),
            Verdict::Fail => failure("gate", &gate.reason),
            Verdict::Inconclusive => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                status.set_type("inconclusive").set_message(xml(&gate.reason));
                status
            }
        },
    );
    whole.set_classname(xml(&gate.scenario));
    if gate.verdict == Verdict::Pass {
        whole.set_system_out(xml(&gate.reason));
    }
    suite.add_test_case(whole);
    report.add_test_suite(suite);
    report
        .to_string()
        .map_err(|error| Error::new(ErrorKind::WriteFailure, "failed to write junit.xml").with_source(error))
}

fn failure(kind: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(kind).set_message(xml(message));
    status
}

fn compared(gate: &Gate, class: &Class) -> TestCase {
    let title = plain(&format!("{} no worse", xml(&class.class)));
    let mut case = match (class.fate, class.severity) {
        (Fate::Worse, Severity::Fail) => TestCase::new(title, failure("worse", &class.sentence)),
        (Fate::Unknown, _) => {
            let mut status = TestCaseStatus::skipped();
            status.set_type("cannot tell").set_message(xml(&class.sentence));
            TestCase::new(title, status)
        }
        (fate, _) => {
            let mut case = TestCase::new(title, TestCaseStatus::success());
            let warning = if fate == Fate::Worse { "warning: " } else { "" };
            case.set_system_out(xml(&format!("{warning}{}", class.sentence)));
            case
        }
    };
    case.set_classname(xml(&format!("{}.{}", gate.scenario, class.class)));
    case
}
