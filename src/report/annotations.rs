//! A night as annotations of GitHub Actions: workflow commands, one a line, the worst first.

use super::page::parts::{clip, name, sentence};
use super::page::verdict::ending;
use crate::model::{Assessment, Cause, Finding, Severity, Status, StoredNight, text};

/// How many findings are told: GitHub shows ten of a kind for each step, and nobody reads more.
const MOST: usize = 10;

/// The workflow commands of a night, each one line without its end: the ending of a night that did not come to its end, then the
/// worst findings (breaches that fail, breaches that warn, and what is undecided but must be judged), at most ten, and how many
/// there are beyond them. A night without any has none.
pub fn annotations(night: &StoredNight) -> Vec<String> {
    let scenario = name(&night.record.scenario);
    let mut out = Vec::new();
    if let Some((what, message)) = ending(&night.record.ending) {
        let first = message.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        out.push(command("error", &format!("{scenario}: {what}"), if first.is_empty() { what } else { first }));
    }
    let Some(assessment) = &night.assessment else {
        if out.is_empty() {
            out.push(command("error", &scenario, "the night was not judged"));
        }
        return out;
    };
    let mut worst: Vec<(u8, &Finding)> =
        assessment.findings.iter().filter_map(|finding| Some((weight(finding)?, finding))).collect();
    worst.sort_by_key(|(weight, _)| *weight);
    out.extend(worst.iter().take(MOST).map(|(weight, finding)| {
        let level = if *weight == 0 { "error" } else { "warning" };
        command(level, &title(&scenario, finding), &message(finding, assessment))
    }));
    let more = worst.len().saturating_sub(MOST);
    if more > 0 {
        let said = format!("{}, in report.html and findings.json", text::count(more as u64, "more finding"));
        out.push(command("notice", &scenario, &said));
    }
    out
}

/// What weighs most comes first; `None` for what needs no annotation.
fn weight(finding: &Finding) -> Option<u8> {
    match (finding.status, finding.severity) {
        (Status::Breaks, _) if finding.ack.is_some() => None,
        (Status::Breaks, Severity::Fail) => Some(0),
        (Status::Breaks, Severity::Warn) => Some(1),
        (Status::Undecided, _) => finding.required.then_some(2),
        (Status::Holds, _) => None,
    }
}

fn title(scenario: &str, finding: &Finding) -> String {
    let whom = if finding.subject == "target" { String::new() } else { format!(" of {}", name(&finding.subject)) };
    let (class, rule) = (name(&finding.class), finding.rule.key());
    // Rules that are always on bear the name of their class.
    let rule = if class == rule { String::new() } else { format!(" {rule}") };
    format!("{scenario}: {class}{rule}{whom}")
}

/// What was found, what it comes from, and what to do first.
fn message(finding: &Finding, assessment: &Assessment) -> String {
    let mut said = sentence(&finding.sentence);
    let of = |cause: &&Cause| finding.status == Status::Breaks && cause.findings.contains(&finding.fingerprint);
    if let Some(cause) = assessment.causes.iter().find(of) {
        said = format!("{said} {}.", clip(&cause.title, 300));
        if let Some(next) = cause.next.first() {
            said = format!("{said} Next: {}", clip(next, 300));
        }
    }
    said
}

/// A workflow command. What would end its line, its property or the properties is escaped as GitHub reads it.
fn command(level: &str, title: &str, message: &str) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title={}::{}", property(&clip(title, 200)), data(&clip(message, 2000)))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use crate::model::Ending;

    fn many(count: usize) -> StoredNight {
        let mut night = testing::leaking(30);
        let assessment = night.assessment.as_mut().unwrap();
        let broken = assessment.findings.iter().find(|finding| weight(finding) == Some(0)).unwrap().clone();
        assessment.findings = (0..count)
            .map(|n| Finding { class: format!("fd.c{n}"), fingerprint: format!("{n:08x}"), ..broken.clone() })
            .collect();
        night
    }

    #[test]
    fn a_finding_is_told_with_its_cause_and_the_first_step() {
        let lines = annotations(&testing::leaking(30));
        assert!(lines[0].starts_with("::error title=news-churn%3A fd.eventpoll max_dead::"), "{lines:#?}");
        let all = lines.join("\n");
        assert!(all.contains("An event loop is made and never closed.") && all.contains(" Next: "), "{all}");
        // What fails comes before what warns; what is acknowledged is not told.
        let levels: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(levels, ["::error", "::error", "::warning"]);
    }

    #[test]
    fn ten_are_told_and_the_others_are_counted() {
        assert_eq!(annotations(&many(10)).len(), 10);
        let lines = annotations(&many(10_000));
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[10], "::notice title=news-churn::9990 more findings, in report.html and findings.json");
    }

    #[test]
    fn a_clean_night_has_none_and_one_that_did_not_run_has_one() {
        assert_eq!(annotations(&testing::clean(30)), Vec::<String>::new());
        let message = "no such image: a,b\n::error::x".to_owned();
        let mut night = testing::ended(Ending::NotStarted { message });
        night.assessment = None;
        let lines = annotations(&night);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].starts_with("::error title=news-churn%3A ") && lines[0].ends_with("::no such image: a,b"));
        night.record.ending = Ending::Completed;
        assert_eq!(annotations(&night), ["::error title=news-churn::the night was not judged"]);
    }

    #[test]
    fn nothing_foreign_ends_a_command_or_adds_a_property() {
        let line = command("error", "a,file=x::y%0A\nb", "100 %0A\n::stop-commands::t\r\u{202e}\0");
        assert_eq!(line, "::error title=a%2Cfile=x%3A%3Ay%250A\\nb::100 %250A\\n::stop-commands::t\\r\\u{202e}\\u{0}");
        for line in annotations(&testing::hostile()) {
            assert!(!line.chars().any(char::is_control), "{line:?}");
            let properties = line.strip_prefix("::").unwrap().split_once("::").unwrap().0;
            let title = properties.split_once(" title=").unwrap().1;
            assert!(!title.contains([',', ':']), "{line}");
        }
    }

    #[test]
    fn megabytes_are_cut() {
        let mut night = many(3);
        for finding in &mut night.assessment.as_mut().unwrap().findings {
            finding.class = "c".repeat(1 << 20);
            finding.sentence = "s".repeat(1 << 20);
        }
        assert!(annotations(&night).iter().all(|line| line.len() < 4000));
    }
}
