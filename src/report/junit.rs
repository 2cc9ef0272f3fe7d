//! The night as JUnit XML: a test case for each rule on each class, and one for the night.

use std::time::Duration;

use minijinja::{Error, ErrorKind};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::page::parts::{clip, name, sentence};
use super::page::verdict::ending;
use crate::model::{Finding, Severity, Status, StoredNight, Verdict, text};

/// Renders `junit.xml`. A breach that fails the night is a failure, a breach that warns passes and says so, an undecided rule is
/// skipped with its reason, an acknowledged one passes and says so; a night that could not run is an error, one that is
/// inconclusive is skipped.
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
    let mut whole = self::whole(night);
    whole.set_classname(xml(&record.scenario));
    suite.add_test_case(whole);
    report.add_test_suite(suite);
    report
        .to_string()
        .map_err(|error| Error::new(ErrorKind::WriteFailure, "failed to write junit.xml").with_source(error))
}

/// The case of the night itself: whether it came to its end, and what the verdict is.
fn whole(night: &StoredNight) -> TestCase {
    let failed = |what: &str, said: &str| {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type("ending").set_message(what);
        if !said.is_empty() {
            status.set_description(plain(said));
        }
        TestCase::new("night", status)
    };
    if let Some((what, message)) = ending(&night.record.ending) {
        let said: Vec<String> = message.lines().take(200).map(|line| sentence(line.trim_end())).collect();
        return failed(what, &said.join("\n"));
    }
    let Some(assessment) = &night.assessment else { return failed("the night was not judged", "") };
    let reason = xml(&assessment.reason);
    if assessment.verdict == Verdict::Inconclusive {
        let mut status = TestCaseStatus::skipped();
        status.set_type("inconclusive").set_message(reason);
        return TestCase::new("night", status);
    }
    let mut case = TestCase::new("night", TestCaseStatus::success());
    case.set_system_out(match &assessment.sensitivity {
        Some(sensitivity) => format!("{reason}\n{}", xml(sensitivity)),
        None => reason,
    });
    case
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
    case.set_classname(xml(scenario));
    case.add_property(Property::new("fingerprint", xml(&finding.fingerprint)));
    case
}

/// The name of a case, the same from night to night: class, rule, and of whom where it is not the whole target.
fn title(finding: &Finding) -> String {
    let whom = if finding.subject == "target" { String::new() } else { format!(" of {}", name(&finding.subject)) };
    let cut = [&finding.class, &finding.subject].into_iter().any(|said| name(said).ends_with('…'));
    // Long names that begin alike are still told apart.
    let print = if cut { format!(" ({})", name(&finding.fingerprint)) } else { String::new() };
    plain(&format!("{} {}{whom}{print}", name(&finding.class), finding.rule.key()))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use quick_xml::Reader;
    use quick_xml::events::Event;

    use super::super::testing::{self, HOSTILE};
    use super::*;
    use crate::model::Ending;

    /// What an XML parser makes of the file.
    #[derive(Debug, Default)]
    struct Read {
        names: Vec<String>,
        classnames: BTreeSet<String>,
        failures: usize,
        errors: usize,
        skipped: usize,
        outputs: usize,
        said: Vec<(String, String)>,
    }

    fn read(xml: &str) -> Read {
        let mut reader = Reader::from_str(xml);
        reader.config_mut().check_end_names = true;
        let mut read = Read::default();
        loop {
            let event = reader.read_event().unwrap();
            let (Event::Start(tag) | Event::Empty(tag)) = &event else {
                assert!(!matches!(event, Event::Comment(_) | Event::PI(_) | Event::DocType(_)), "{event:?}");
                if event == Event::Eof {
                    return read;
                }
                continue;
            };
            let attribute = |name: &str| {
                let found = tag.try_get_attribute(name).unwrap()?;
                Some(quick_xml::escape::unescape(std::str::from_utf8(&found.value).unwrap()).unwrap().into_owned())
            };
            match tag.name().as_ref() {
                b"testcase" => {
                    read.names.push(attribute("name").unwrap());
                    read.classnames.insert(attribute("classname").unwrap());
                }
                b"failure" => read.failures += 1,
                b"error" => read.errors += 1,
                b"skipped" => read.skipped += 1,
                b"system-out" => read.outputs += 1,
                b"testsuites" | b"testsuite" | b"properties" | b"property" => {}
                other => panic!("an element of its own: {}", String::from_utf8_lossy(other)),
            }
            if let (Some(kind), Some(message)) = (attribute("type"), attribute("message")) {
                read.said.push((kind, message));
            }
        }
    }

    fn of(night: &StoredNight) -> Read {
        let xml = render(night).unwrap();
        let allowed =
            |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(xml.chars().all(allowed), "a character that XML 1.0 forbids");
        read(&xml)
    }

    fn with(findings: impl FnOnce(&Finding) -> Vec<Finding>) -> StoredNight {
        let mut night = testing::leaking(30);
        let assessment = night.assessment.as_mut().unwrap();
        assessment.findings = findings(assessment.findings.first().unwrap());
        night
    }

    #[test]
    fn every_fate_has_its_kind_of_case() {
        let night = testing::leaking(30);
        let findings = &night.assessment.as_ref().unwrap().findings;
        let read = of(&night);
        assert_eq!(read.names.len(), findings.len() + 1);
        assert_eq!((read.failures, read.errors, read.skipped), (2, 0, 1));
        // What holds, what warns, what is acknowledged, and the night.
        assert_eq!(read.outputs, findings.len() - 3 + 1);
        assert_eq!(read.classnames, BTreeSet::from(["news-churn".to_owned()]));
        assert!(read.names.contains(&"fd.eventpoll max_dead".to_owned()) && read.names.last().unwrap() == "night");
        assert!(
            read.said.contains(&("undecided".to_owned(), "A cycle of 14 min fits the night only twice.".to_owned()))
        );
        let xml = render(&night).unwrap();
        assert!(
            xml.contains("warning: 120 are held, 12 are allowed.")
                && xml.contains("acknowledged (upstream knows of it)")
        );
    }

    #[test]
    fn a_night_that_could_not_run_is_one_error_with_the_message() {
        for ending in [
            Ending::NotStarted { message: "no such image".to_owned() },
            Ending::NeverReady { message: "503".to_owned() },
            Ending::SeedFailed { message: "x".to_owned() },
        ] {
            let read = of(&testing::ended(ending.clone()));
            assert_eq!((read.names.len(), read.errors, read.failures), (1, 1, 0), "{ending:?}");
        }
        let mut night = testing::clean(30);
        night.assessment = None;
        assert_eq!(of(&night).said, [("ending".to_owned(), "the night was not judged".to_owned())]);
    }

    #[test]
    fn an_inconclusive_night_is_skipped_with_its_reason() {
        let mut night = testing::clean(30);
        let assessment = night.assessment.as_mut().unwrap();
        assessment.verdict = Verdict::Inconclusive;
        "too few snapshots".clone_into(&mut assessment.reason);
        let read = of(&night);
        assert_eq!(read.said.last().unwrap(), &("inconclusive".to_owned(), "too few snapshots".to_owned()));
    }

    #[test]
    fn ten_thousand_hostile_findings_are_ten_thousand_cases() {
        let night = with(|broken| {
            let finding = |n: usize| Finding {
                class: format!("{HOSTILE} {n} \u{1}\u{7f}\u{ffff}\u{1ffff}]]>&amp;<![CDATA["),
                subject: format!("process {}{n}", "x".repeat(500)),
                fingerprint: format!("{n:08x}"),
                sentence: format!("]]>{HOSTILE}"),
                ..broken.clone()
            };
            (0..10_000).map(finding).collect()
        });
        let read = of(&night);
        assert_eq!((read.names.len(), read.failures), (10_001, 10_000));
        assert_eq!(read.names.iter().collect::<BTreeSet<_>>().len(), 10_001, "names are told apart");
    }

    #[test]
    fn megabytes_are_cut() {
        let long = || format!("{}]]>", "\0".repeat(1 << 20));
        let night = with(|broken| vec![Finding { class: long(), sentence: long(), subject: long(), ..broken.clone() }]);
        assert!(render(&night).unwrap().len() < 20_000);
        assert_eq!(of(&night).failures, 1);
    }
}
