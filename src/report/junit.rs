//! The night as JUnit XML: a test case for each rule on each class.

use std::time::Duration;

use minijinja::{Error, ErrorKind};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::page::parts::{clip, name, sentence};
use super::page::verdict::ending;
use crate::model::{Finding, Severity, Status, StoredNight, text};

/// Renders `junit.xml`. A breach that fails the night is a failure, a breach that warns passes and says so, an undecided rule is
/// skipped with its reason, and a night that could not run is an error.
pub(crate) fn render(night: &StoredNight) -> Result<String, Error> {
    let record = &night.record;
    let mut report = Report::new("slowdrip");
    let mut suite = TestSuite::new(xml(&record.scenario));
    let took = record.ended.duration_since(record.started);
    if let Ok(took) = Duration::try_from(took) {
        report.set_time(took);
        suite.set_time(took);
    }
    for (key, value) in [("run", record.run.clone()), ("started", record.started.to_string())] {
        suite.add_property(Property::new(key, xml(&value)));
    }
    if let Some(image) = &record.target.image {
        suite.add_property(Property::new("image", xml(image)));
    }
    let findings = night.assessment.iter().flat_map(|assessment| &assessment.findings);
    for finding in findings {
        suite.add_test_case(case(&record.scenario, finding));
    }
    let mut whole = TestCase::new("night", TestCaseStatus::success());
    if let Some((what, message)) = ending(&record.ending) {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type("ending").set_message(what);
        let said: Vec<String> = message.lines().take(200).map(|line| sentence(line.trim_end())).collect();
        status.set_description(plain(&said.join("\n")));
        whole = TestCase::new("night", status);
    } else if let Some(assessment) = &night.assessment {
        whole.set_system_out(xml(&assessment.reason));
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type("ending").set_message("the night was not judged");
        whole = TestCase::new("night", status);
    }
    whole.set_classname(xml(&record.scenario));
    suite.add_test_case(whole);
    report.add_test_suite(suite);
    report
        .to_string()
        .map_err(|error| Error::new(ErrorKind::WriteFailure, "failed to write junit.xml").with_source(error))
}

fn case(scenario: &str, finding: &Finding) -> TestCase {
    let said = plain(&sentence(&finding.sentence));
    let details = format!("{said}\n{}", plain(&figures(finding)));
    let mut case = match (finding.status, finding.severity) {
        (Status::Breaks, _) if finding.ack.is_some() => {
            let mut case = TestCase::new(title(finding), TestCaseStatus::success());
            let reason = finding.ack.iter().map(|ack| sentence(&ack.reason)).collect::<String>();
            case.set_system_out(plain(&format!("acknowledged ({reason}): {details}")));
            case
        }
        (Status::Breaks, Severity::Fail) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(finding.rule.key()).set_message(said.as_str()).set_description(details.as_str());
            TestCase::new(title(finding), status)
        }
        (Status::Breaks, Severity::Warn) => {
            let mut case = TestCase::new(title(finding), TestCaseStatus::success());
            case.set_system_out(format!("warning: {details}"));
            case
        }
        (Status::Undecided, _) => {
            let mut status = TestCaseStatus::skipped();
            status.set_type("undecided").set_message(said.as_str());
            TestCase::new(title(finding), status)
        }
        (Status::Holds, _) => {
            let mut case = TestCase::new(title(finding), TestCaseStatus::success());
            case.set_system_out(details);
            case
        }
    };
    case.set_classname(xml(&format!("{scenario}.{}", finding.class)));
    case.add_property(Property::new("fingerprint", xml(&finding.fingerprint)));
    case
}

fn title(finding: &Finding) -> String {
    let whom = if finding.subject == "target" { String::new() } else { format!(" of {}", name(&finding.subject)) };
    plain(&format!("{} {}{whom}", name(&finding.class), finding.rule.key()))
}

fn figures(finding: &Finding) -> String {
    let said = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| text::amount(value, finding.unit));
    format!(
        "measured {}, allowed {}, fingerprint {}",
        said(finding.measured),
        said(finding.allowed),
        name(&finding.fingerprint)
    )
}

/// Foreign text on one line, in characters that XML allows.
pub(super) fn xml(foreign: &str) -> String {
    plain(&clip(foreign, 2000))
}

/// The text without the characters that XML forbids and that no escape can bring back.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}'))
        .collect()
}
