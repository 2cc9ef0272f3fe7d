//! The verdict of a night on at most 80 columns: causes with their findings, findings of their own, and a table of all classes.

use anstyle::Style;

use super::console::{BOLD, DIM, RED, YELLOW};
use super::layout::{Cell, Stand, Table, fit, painted, paragraph};
use crate::model::text::{amount, count, per_hour, shorten};
use crate::model::{Assessment, Cause, Ending, Finding, RuleKind, RunRecord, Severity, Status, Unit, Verdict};
use crate::report;

/// Causes, and findings of their own, that are shown.
const SHOWN: usize = 20;
/// Columns of a class in the table.
const NAME: usize = 22;
/// Rows of the table.
const ROWS: usize = 60;
/// Characters of any sentence, and lines of any cell: sentences of the judge are shorter.
const LONGEST: usize = 1200;
const LINES: usize = 12;
/// Lines of what the target said at its end.
const SAID: usize = 60;

/// The verdict with its reason, the causes with the sentences of their findings, findings of their own, and one row per class.
pub(super) fn table(record: &RunRecord, assessment: &Assessment) -> String {
    let paint = match assessment.verdict {
        Verdict::Pass => BOLD,
        Verdict::Fail => RED,
        Verdict::Inconclusive => YELLOW.bold(),
    };
    let word = assessment.verdict.word();
    let scenario = fit(&record.scenario, 60);
    let mut out = format!("{paint}{word}{paint:#} {BOLD}{scenario}{BOLD:#}\n");
    out.push_str(&paragraph("", &shorten(&assessment.reason, LONGEST)));
    if let Some(sensitivity) = &assessment.sensitivity {
        out.push_str(&paragraph("", &shorten(&capital(sensitivity), LONGEST)));
    }
    // The reason has the first line of it.
    if let Some(message) = ending(&record.ending).filter(|message| message.trim_end().contains('\n')) {
        out.push('\n');
        for line in message.lines().take(SAID) {
            out.push_str(&paragraph("", &shorten(line, LONGEST)));
        }
        let more = message.lines().count().saturating_sub(SAID);
        if more > 0 {
            out.push_str(&format!("and {}, in report.html\n", count(more as u64, "more line")));
        }
    }
    let mut told: Vec<&str> = Vec::new();
    let mut left = 0;
    for (at, cause) in assessment.causes.iter().enumerate() {
        let own = of_cause(cause, &assessment.findings);
        told.extend(own.iter().map(|finding| finding.fingerprint.as_str()));
        if at < SHOWN {
            out.push('\n');
            out.push_str(&self::cause(cause, &own));
        } else {
            left += own.len();
        }
    }
    told.sort_unstable();
    let alone: Vec<&Finding> = assessment
        .findings
        .iter()
        .filter(|finding| finding.status != Status::Holds)
        .filter(|finding| {
            finding.status != Status::Breaks || told.binary_search(&finding.fingerprint.as_str()).is_err()
        })
        .collect();
    left += alone.len().saturating_sub(SHOWN);
    for finding in alone.iter().take(SHOWN) {
        out.push('\n');
        out.push_str(&single(finding));
    }
    if left > 0 {
        out.push_str(&format!("\nand {}, in report.html and findings.json\n", count(left as u64, "more finding")));
    }
    out.push_str(&figures(&assessment.findings));
    out
}

/// The text with a capital at its beginning, where it has none.
fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

/// The breaches of a cause, in its order.
fn of_cause<'a>(cause: &Cause, findings: &'a [Finding]) -> Vec<&'a Finding> {
    let of = |print: &String| {
        findings.iter().find(|finding| finding.status == Status::Breaks && finding.fingerprint == *print)
    };
    // More than a screen of them is in the report.
    cause.findings.iter().take(ROWS).filter_map(of).collect()
}

/// What breaches come from: how it shows, what was found, where it was seen before, the likeliest source and the first step.
fn cause(cause: &Cause, own: &[&Finding]) -> String {
    let mut out = painted(BOLD, &paragraph("", &shorten(&cause.title, 300)));
    out.push_str(&paragraph("  ", &shorten(&cause.sentence, LONGEST)));
    if let Some(said) = report::with_the_load(cause, own.first().copied()).filter(|said| !cause.sentence.contains(said))
    {
        out.push_str(&paragraph("  ", &format!("With the load: {said}.")));
    }
    let mut table = Table::new(&[("", Stand::Flex), ("", Stand::Flex)]).indent(2).wrapped(LINES);
    // A class is named once, with all that is said of it.
    let mut classes: Vec<(String, Vec<&Finding>)> = Vec::new();
    for finding in own {
        let name = named(finding);
        match classes.iter_mut().find(|(class, _)| *class == name) {
            Some((_, findings)) => findings.push(finding),
            None => classes.push((name, vec![finding])),
        }
    }
    for (class, findings) in &classes {
        let said: Vec<String> = findings.iter().map(|finding| weighed(finding)).collect();
        let worst = worst(findings);
        table.row([Cell::from(class).paint(worst), Cell::from(said.join(" "))]);
    }
    for (title, said) in report::lists_of(cause) {
        let title = if title == "Likely sources" { "Likely source" } else { title };
        for line in said.iter().take(1) {
            table.row([Cell::from(title).paint(DIM), Cell::from(line)]);
        }
    }
    table.row([Cell::from("More").paint(DIM), Cell::from(format!("slowdrip explain {}", cause.key))]);
    out.push_str(&table.render());
    out
}

/// A finding that no cause tells.
fn single(finding: &Finding) -> String {
    let (word, paint) = fate(finding);
    format!(
        "{BOLD}{}{BOLD:#} {paint}{word}{paint:#}\n{}",
        fit(&named(finding), 66),
        paragraph("  ", &shorten(&finding.sentence, LONGEST))
    )
}

/// The sentence of a finding, and what it weighs where it does not fail the night.
fn weighed(finding: &Finding) -> String {
    let said = shorten(&finding.sentence, LONGEST);
    match (&finding.ack, finding.severity) {
        (Some(_), _) => format!("{said} (acknowledged)"),
        (None, Severity::Warn) => format!("{said} (warns)"),
        (None, Severity::Fail) => said,
    }
}

fn worst(findings: &[&Finding]) -> Style {
    let fails = |finding: &&Finding| finding.severity == Severity::Fail && finding.ack.is_none();
    if findings.iter().any(fails) { RED } else { YELLOW }
}

/// The class, and of whom where it is not the whole target.
fn named(finding: &Finding) -> String {
    // Those bear their pattern, or the fingerprint they acknowledge, as a name already.
    let whole = finding.subject == "target" || matches!(finding.rule, RuleKind::Log | RuleKind::Ack);
    let class = shorten(&finding.class, 200);
    if whole { class } else { format!("{class} of {}", shorten(&finding.subject, 200)) }
}

/// One row per class: what it holds, how it grows, how much of it is dead, each with what is allowed.
fn figures(findings: &[Finding]) -> String {
    let mut classes: Vec<(String, Vec<&Finding>)> = Vec::new();
    let mut at: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for finding in findings {
        let name = named(finding);
        let place = *at.entry(name.clone()).or_insert(classes.len());
        match classes.get_mut(place) {
            Some((_, own)) => own.push(finding),
            None => classes.push((name, vec![finding])),
        }
    }
    if classes.is_empty() {
        return String::new();
    }
    let heads = [
        ("class", Stand::Flex),
        ("held (allowed)", Stand::Right),
        ("growth (allowed)", Stand::Right),
        ("dead", Stand::Right),
        ("", Stand::Left),
    ];
    let mut table = Table::new(&heads);
    for (name, own) in classes.iter().take(ROWS) {
        let (word, paint) = row_fate(own);
        let cells = [
            // Figures are not cut for a name.
            Cell::from(fit(name, NAME)),
            Cell::from(level(own)),
            Cell::from(of_rule(own, RuleKind::MaxGrowth).map(grown).unwrap_or_default()),
            Cell::from(of_rule(own, RuleKind::MaxDead).map(against).unwrap_or_default()),
            Cell::from(word).paint(paint),
        ];
        table.row(cells);
    }
    let more = classes.len().saturating_sub(ROWS);
    let rest = if more > 0 { format!("and {more} more, in report.html and findings.json\n") } else { String::new() };
    format!("\n{}{rest}", table.render())
}

fn of_rule<'a>(own: &[&'a Finding], rule: RuleKind) -> Option<&'a Finding> {
    own.iter().copied().find(|finding| finding.rule == rule)
}

/// What is held, against the rule of the class on its level that fares worst.
fn level(own: &[&Finding]) -> String {
    let levels = own.iter().copied().filter(|finding| !matches!(finding.rule, RuleKind::MaxGrowth | RuleKind::MaxDead));
    let worst = levels.rev().max_by_key(|finding| match finding.status {
        Status::Holds => 0,
        Status::Undecided => 1,
        Status::Breaks => 2,
    });
    worst.map(against).unwrap_or_default()
}

fn against(finding: &Finding) -> String {
    figure(finding, amount)
}

fn grown(finding: &Finding) -> String {
    figure(finding, per_hour)
}

fn figure(finding: &Finding, said: fn(f64, Unit) -> String) -> String {
    let at_least = if finding.rule == RuleKind::Workload { "≥ " } else { "" };
    match (finding.measured, finding.allowed) {
        (Some(measured), Some(allowed)) => {
            format!("{} ({at_least}{})", said(measured, finding.unit), amount(allowed, finding.unit))
        }
        (Some(measured), None) => said(measured, finding.unit),
        (None, _) => String::new(),
    }
}

/// How a class fares: as the rule that fares worst.
fn row_fate(own: &[&Finding]) -> (&'static str, Style) {
    let weight = |finding: &&&Finding| match (finding.status, finding.severity) {
        (Status::Breaks, _) if finding.ack.is_some() => 1,
        (Status::Breaks, Severity::Fail) => 4,
        (Status::Breaks, Severity::Warn) => 3,
        (Status::Undecided, _) => 2,
        (Status::Holds, _) => 0,
    };
    own.iter().max_by_key(weight).map_or(("", Style::new()), |finding| fate(finding))
}

fn fate(finding: &Finding) -> (&'static str, Style) {
    match (finding.status, finding.severity) {
        (Status::Holds, _) => ("holds", Style::new()),
        (Status::Breaks, _) if finding.ack.is_some() => ("known", YELLOW),
        (Status::Breaks, Severity::Fail) => ("BREAKS", RED),
        (Status::Breaks, Severity::Warn) => ("warns", YELLOW),
        (Status::Undecided, _) => ("undecided", YELLOW),
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::layout::{assert_fits, width};
    use super::*;
    use crate::model::StoredNight;

    fn leaking() -> StoredNight {
        let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
        let nights = crate::history::runs_of(&reports, "local-deep-research").unwrap();
        crate::history::load(nights.last().unwrap()).unwrap()
    }

    fn shown(night: &StoredNight) -> String {
        assert_fits(&table(&night.record, night.assessment.as_ref().unwrap()))
    }

    #[test]
    fn causes_come_first_with_their_findings_and_a_class_has_one_row() {
        let plain = shown(&leaking());
        assert!(plain.starts_with("FAIL local-deep-research\n"), "{plain}");
        let mut at = 0;
        for said in [
            "\nAn event loop is made and never closed\n",
            "\n  fd.eventpoll ",
            "More           slowdrip explain event-loop-never-closed",
            "\nThe heap grows and does not come back\n",
            "\nstop warns\n",
            "\nclass ",
        ] {
            at += plain[at..].find(said).unwrap_or_else(|| panic!("{said:?} is missing or out of order: {plain}"));
        }
        let rows = plain[at..].lines().filter(|line| line.starts_with("fd.eventpoll ")).count();
        assert_eq!(rows, 1, "{plain}");
        assert!(
            !plain[at..].lines().any(|line| line.get(22..).is_some_and(|figures| figures.contains('…'))),
            "{plain}"
        );
        assert_eq!(plain.lines().filter(|line| line.starts_with("  fd.eventpoll ")).count(), 1, "{plain}");
    }

    #[test]
    fn ten_thousand_findings_with_hostile_names_fit_and_are_counted() {
        let mut night = leaking();
        let assessment = night.assessment.as_mut().unwrap();
        let broken = assessment.findings.first().unwrap().clone();
        assessment.causes.truncate(1);
        assessment.findings = (0..10_000)
            .map(|n| Finding {
                class: format!("{n}\u{202e}\x1b[31m\0漢字 {}", "x".repeat(500)),
                fingerprint: format!("{n:08x}"),
                sentence: format!("::error::\n{}", "é\u{202e}".repeat(3000)),
                ..broken.clone()
            })
            .collect();
        let plain = shown(&night);
        assert!(plain.contains("and 9980 more findings, in report.html and findings.json"));
        assert!(plain.contains("and 9940 more, in report.html and findings.json"));
        assert!(plain.len() < 200_000 && width("é") == 1);
    }

    #[test]
    fn what_the_target_said_at_its_end_is_cut_with_a_count() {
        let mut night = leaking();
        night.record.ending = Ending::Died { message: "a line of its log\n".repeat(500) };
        let plain = shown(&night);
        assert!(plain.contains("and 440 more lines, in report.html"), "{plain}");
    }
}
