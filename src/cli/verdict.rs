//! The verdict of a night as a table of at most 80 columns.

use super::console::{bold, red, yellow};
use crate::model::text::{amount, per_hour, printable, shorten};
use crate::model::{Assessment, Cause, Ending, Finding, RuleKind, RunRecord, Severity, Status, Verdict};
use crate::report;

const WIDTH: usize = 80;

/// The verdict, its reason, the sentences of what broke, and one row per rule.
pub(super) fn table(record: &RunRecord, assessment: &Assessment) -> String {
    let word = assessment.verdict.word();
    let word = match assessment.verdict {
        Verdict::Pass => bold(word),
        Verdict::Fail => red(word),
        Verdict::Inconclusive => yellow(word),
    };
    let mut lines = vec![format!("{word} {}", bold(&printable(&record.scenario)))];
    lines.extend(wrap(&assessment.reason, ""));
    if let Some(sensitivity) = &assessment.sensitivity {
        lines.extend(wrap(sensitivity, ""));
    }
    // The reason has the first line of it.
    if let Some(message) = ending(&record.ending).filter(|message| message.trim_end().contains('\n')) {
        lines.push(String::new());
        lines.extend(message.lines().map(printable));
    }
    for cause in &assessment.causes {
        lines.extend(self::cause(cause, &assessment.findings));
    }
    if !assessment.findings.is_empty() {
        lines.push(String::new());
        lines.push(format!("{:<18} {:<20} {:>12} {:>12}  {}", "class", "rule", "measured", "allowed", "fate"));
        lines.extend(assessment.findings.iter().map(row));
    }
    for finding in assessment.findings.iter().filter(|finding| finding.status != Status::Holds) {
        lines.push(String::new());
        let whom = if finding.subject == "target" || finding.rule == RuleKind::Log || finding.rule == RuleKind::Ack {
            String::new()
        } else {
            format!(" of {}", printable(&finding.subject))
        };
        lines.push(format!("{} {}{whom}", fate(finding), bold(&printable(&finding.class))));
        lines.extend(wrap(&finding.sentence, "  "));
    }
    lines.join("\n")
}

/// What breaches come from: one sentence, where it was seen before, the likeliest source and the first step.
fn cause(cause: &Cause, findings: &[Finding]) -> Vec<String> {
    let lead = cause.findings.first().and_then(|print| findings.iter().find(|finding| &finding.fingerprint == print));
    let mut lines = vec![String::new(), format!("{} {}", bold("cause"), bold(&printable(&cause.title)))];
    lines.extend(wrap(&cause.sentence, "  "));
    lines.extend(
        report::with_the_load(cause, lead).iter().flat_map(|said| wrap(&format!("With the load: {said}."), "  ")),
    );
    for (title, said) in report::lists_of(cause) {
        lines.extend(said.iter().take(1).flat_map(|line| wrap(&format!("{title}: {line}"), "  ")));
    }
    lines.extend(wrap(&format!("More: slowdrip explain {}", cause.key), "  "));
    lines
}

fn row(finding: &Finding) -> String {
    let figure = |value: Option<f64>| {
        let shown = if finding.rule == RuleKind::MaxGrowth { per_hour } else { amount };
        value.map_or_else(String::new, |value| shown(value, finding.unit))
    };
    format!(
        "{:<18} {:<20} {:>12} {:>12}  {}",
        shorten(&printable(&finding.class), 18),
        finding.rule.key(),
        figure(finding.measured),
        figure(finding.allowed),
        fate(finding),
    )
}

fn fate(finding: &Finding) -> String {
    match (finding.status, finding.severity) {
        (Status::Holds, _) => "holds".to_owned(),
        (Status::Breaks, _) if finding.ack.is_some() => yellow("known"),
        (Status::Breaks, Severity::Fail) => red("BREAKS"),
        (Status::Breaks, Severity::Warn) => yellow("warns"),
        (Status::Undecided, _) => yellow("undecided"),
    }
}

/// What there is to say of a night that did not run to its end.
fn ending(ending: &Ending) -> Option<&str> {
    match ending {
        Ending::NotStarted { message }
        | Ending::NeverReady { message }
        | Ending::SeedFailed { message }
        | Ending::Died { message }
        | Ending::Unreadable { message }
        | Ending::NotWritten { message } => Some(message),
        Ending::Completed | Ending::Unfinished | Ending::Interrupted { .. } => None,
    }
}

/// Breaks a sentence into lines that fit, each behind an indent.
fn wrap(text: &str, indent: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in printable(text).split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines
}
