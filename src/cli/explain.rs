//! `slowdrip explain CLASS|CAUSE`: what growth means, where it likely comes from, what to do, and how to look closer.

use anstyle::Style;

use super::args::ExplainArgs;
use super::layout::{Cell, Stand, Table, painted, paragraph};
use super::{Exit, Failure, console};
use crate::document::did_you_mean;
use crate::judge::lore::{self, Lesson};
use crate::judge::{Joint, joints};
use crate::model::text::printable;
use crate::model::{DeadKind, FdClass, Metric, Unit};
use crate::threshold::{self, ClassRule, Precedent, RuleSet, Selector};

const BOLD: Style = Style::new().bold();

/// How many classes a line of co-leaking classes names.
const NAMED: usize = 6;

pub(super) fn run(args: &ExplainArgs) -> Result<Exit, Failure> {
    let rules = match &args.thresholds {
        Some(path) => threshold::load(path).map_err(|error| Failure::new(Exit::BadInput, &error))?,
        None => RuleSet::empty(),
    };
    let text = match &args.subject {
        Some(subject) if !args.list => explain(subject, &rules).map_err(|error| Failure::new(Exit::Usage, &error))?,
        Some(_) | None => list(&rules),
    };
    console::out(&text);
    Ok(Exit::Pass)
}

/// What is known of a class or a cause; an error says what may have been meant.
fn explain(subject: &str, rules: &RuleSet) -> Result<String, String> {
    if let Some(rule) = rules.classes.iter().find(|rule| rule.name == subject) {
        return Ok(of_class(subject, rule_metric(rule), own(rule), rules));
    }
    if let Ok(metric) = subject.parse::<Metric>() {
        return Ok(of_class(subject, metric, None, rules));
    }
    if let Some(lesson) = lore::cause(subject) {
        return Ok(of_cause(lesson, rules));
    }
    let classes: Vec<String> = Metric::all().map(|metric| metric.to_string()).collect();
    let own = rules.classes.iter().map(|rule| rule.name.as_str());
    let known = classes.iter().map(String::as_str).chain(own).chain(lore::lessons().map(|lesson| lesson.key));
    let meant = did_you_mean(subject, known).map_or(String::new(), |word| format!("did you mean `{word}`? "));
    Err(format!(
        "there is no class or cause `{}`; {meant}`slowdrip explain --list` shows all, and `--thresholds FILE` adds those of a file",
        printable(subject)
    ))
}

/// What a class of the thresholds is made of, as far as its patterns tell.
fn rule_metric(rule: &ClassRule) -> Metric {
    match &rule.select {
        Selector::Metric(metric) => *metric,
        Selector::Cmdline(_) => Metric::ProcCount,
        Selector::Links(globs) => {
            let has = |words: &[&str]| {
                globs.iter().any(|glob| words.iter().any(|word| glob.glob().glob().to_lowercase().contains(word)))
            };
            if has(&[".log"]) {
                Metric::Fd(FdClass::Log)
            } else if has(&[".db", ".sqlite"]) {
                Metric::Fd(FdClass::SqliteDb)
            } else {
                Metric::Fd(FdClass::File)
            }
        }
    }
}

/// What a class of the user's own counts; `None` for a built-in one.
fn own(rule: &ClassRule) -> Option<String> {
    match &rule.select {
        Selector::Metric(_) => None,
        Selector::Links(globs) => {
            let globs: Vec<String> = globs.iter().map(|glob| format!("`{}`", glob.glob().glob())).collect();
            Some(format!("descriptors whose path matches {}", globs.join(" or ")))
        }
        Selector::Cmdline(patterns) => {
            let patterns: Vec<String> = patterns.iter().map(|pattern| format!("`{}`", pattern.as_str())).collect();
            Some(format!("processes whose command line matches {}", patterns.join(" or ")))
        }
    }
}

fn of_class(name: &str, metric: Metric, own: Option<String>, rules: &RuleSet) -> String {
    let about = own.clone().unwrap_or_else(|| metric.about().to_owned());
    let mut out = painted(BOLD, &paragraph("", name));
    let unit = match metric.unit() {
        Unit::Count => "",
        Unit::Bytes => ", in bytes",
    };
    out.push_str(&paragraph("  ", &format!("Counts {about}{unit}, summed over the target.")));
    let dead =
        if own.is_some() { "`max_dead` does not go with a class of your own.".to_owned() } else { of_dead(metric) };
    out.push_str(&paragraph("  ", &dead));
    let asks = |precedent: &&Precedent| precedent.class == name || precedent.class == metric.to_string();
    out.push_str(&precedents(&rules.precedents.iter().filter(asks).collect::<Vec<_>>()));
    if let Some(lesson) = lore::of(metric) {
        out.push_str(&self::lesson(lesson));
    }
    let joint: Vec<Joint> =
        joints().into_iter().filter(|joint| joint.lead.contains(&metric) || joint.needs.contains(&metric)).collect();
    if !joint.is_empty() {
        out.push_str(&heading("With other classes it means more"));
        for joint in &joint {
            let others = joint.lead.iter().chain(&joint.needs).filter(|other| **other != metric).copied();
            let title = lore::cause(joint.key).map_or("", |lesson| lesson.title);
            let text = format!("{}: {title} (with {}).", joint.key, names(others, "or"));
            out.push_str(&paragraph("  - ", &text));
        }
    }
    out
}

fn of_dead(metric: Metric) -> String {
    let kinds: Vec<DeadKind> = DeadKind::ALL.iter().copied().filter(|kind| kind.is_of(metric)).collect();
    if kinds.is_empty() {
        return "It has no dead handles that can be told: `max_dead` does not go with it.".to_owned();
    }
    let reasons: Vec<&str> = kinds.iter().map(|kind| kind.reason()).collect();
    let proof = if kinds.iter().all(|kind| kind.is_exact()) {
        "One is proof enough"
    } else if kinds.iter().any(|kind| kind.is_exact()) {
        "Some kinds are proof by themselves, others only warn"
    } else {
        "It may be meant so, and only warns"
    };
    format!("May have `max_dead`: a handle is dead when {}. {proof}.", reasons.join(", or "))
}

fn of_cause(lesson: &Lesson, rules: &RuleSet) -> String {
    let mut out = painted(BOLD, &paragraph("", lesson.key));
    let joint: Option<Joint> = joints().into_iter().find(|joint| joint.key == lesson.key);
    let text = match &joint {
        Some(joint) => {
            let lead = names(joint.lead.iter().copied(), "or");
            let mut text =
                format!("Told by {lead} that grows in step with {}", names(joint.needs.iter().copied(), "or"));
            if !joint.may.is_empty() {
                text.push_str(&format!("; {} may grow with them", names(joint.may.iter().copied(), "and")));
            }
            format!("{text}.")
        }
        None => format!("Told by {} where nothing grows in step with it.", names(lesson.of.iter().copied(), "or")),
    };
    out.push_str(&paragraph("  ", &text));
    let lead = joint.map_or_else(|| lesson.of.to_vec(), |joint| joint.lead);
    let asks = |precedent: &&Precedent| lead.iter().any(|metric| metric.to_string() == precedent.class);
    out.push_str(&precedents(&rules.precedents.iter().filter(asks).collect::<Vec<_>>()));
    out.push_str(&self::lesson(lesson));
    out
}

/// "fd.eventpoll, fd.eventfd or fd.pipe".
fn names(metrics: impl Iterator<Item = Metric>, word: &str) -> String {
    let mut names: Vec<String> = metrics.map(|metric| format!("`{metric}`")).collect();
    if names.len() > NAMED {
        let more = names.len() + 1 - NAMED;
        names.truncate(NAMED - 1);
        names.push(format!("{more} others"));
    }
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {word} {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

fn heading(text: &str) -> String {
    format!("\n{}", painted(BOLD, text))
}

fn precedents(found: &[&Precedent]) -> String {
    if found.is_empty() {
        return String::new();
    }
    let mut out = heading("You have met it before");
    for precedent in found {
        let see = precedent.see.as_ref().map_or(String::new(), |see| format!(" (see {see})"));
        out.push_str(&paragraph("  - ", &format!("{}{see}", precedent.cause)));
    }
    out
}

fn lesson(lesson: &Lesson) -> String {
    let mut out = heading("What growth likely means");
    out.push_str(&paragraph("  ", &format!("{}. {}", lesson.title, lesson.means)));
    out.push_str(&heading("Where it likely comes from"));
    for source in lesson.sources {
        out.push_str(&paragraph("  - ", source));
    }
    out.push_str(&heading("What to do"));
    for (at, next) in lesson.next.iter().enumerate() {
        out.push_str(&paragraph(&format!("  {}. ", at + 1), next));
    }
    out.push_str(&heading("How to look closer, as root on the host"));
    if lesson.look.iter().any(|look| look.run.contains("$P")) {
        out.push_str(&format!("  {}\n", lore::PID));
    }
    for look in lesson.look {
        // Commands are to be copied: they are never broken into lines.
        out.push_str(&format!("  # {}\n  {}\n", look.what, look.run));
    }
    out
}

fn list(rules: &RuleSet) -> String {
    let mut out = painted(BOLD, "Built-in classes");
    let mut classes = Table::new(&[("", Stand::Left), ("", Stand::Flex)]).indent(2).wrapped(3);
    for metric in Metric::all() {
        classes.row([Cell::from(metric.to_string()), Cell::from(metric.about())]);
    }
    out.push_str(&classes.render());
    let own: Vec<(&str, String)> =
        rules.classes.iter().filter_map(|rule| Some((rule.name.as_str(), self::own(rule)?))).collect();
    if !own.is_empty() {
        out.push_str(&heading("Classes of the thresholds"));
        let mut table = Table::new(&[("", Stand::Left), ("", Stand::Flex)]).indent(2).wrapped(3);
        for (name, about) in own {
            table.row([Cell::from(name), Cell::from(about)]);
        }
        out.push_str(&table.render());
    }
    out.push_str(&heading("Causes that several classes tell together"));
    let mut causes = Table::new(&[("", Stand::Left), ("", Stand::Flex)]).indent(2).wrapped(3);
    for lesson in joints().iter().filter_map(|joint| lore::cause(joint.key)) {
        causes.row([Cell::from(lesson.key), Cell::from(lesson.title)]);
    }
    out.push_str(&causes.render());
    out
}

#[cfg(test)]
mod tests {
    use super::super::layout::assert_fits;
    use super::*;
    use crate::series::testing::{link_rule, rule, rules};

    fn precedent(class: &str, cause: &str) -> Precedent {
        Precedent { class: class.to_owned(), cause: cause.to_owned(), see: Some("docs/waves.md".to_owned()) }
    }

    #[test]
    fn every_class_and_cause_is_explained_in_80_columns() {
        let classes: Vec<String> = Metric::all().map(|metric| metric.to_string()).collect();
        let keys = lore::lessons().map(|lesson| lesson.key);
        for subject in classes.iter().map(String::as_str).chain(keys) {
            let text = assert_fits(&explain(subject, &RuleSet::empty()).unwrap());
            assert!(text.starts_with(subject), "{text}");
            for part in ["What growth likely means", "Where it likely comes from", "What to do", "How to look closer"] {
                assert!(text.contains(part), "{subject} without {part}:\n{text}");
            }
        }
    }

    #[test]
    fn the_list_has_every_class_and_cause() {
        let text = assert_fits(&list(&rules(vec![link_rule("fd.agent_log", "/logs/*.log")])));
        for metric in Metric::all() {
            assert!(text.contains(&format!("  {metric} ")), "{metric}");
        }
        assert!(text.contains("event-loop-never-closed") && text.contains("fd.agent_log"), "{text}");
    }

    #[test]
    fn precedents_come_before_what_is_built_in_and_are_made_printable() {
        let mut rules = rules(vec![link_rule("fd.agent_log", "/logs/*.log"), rule(Metric::FdTotal)]);
        rules.precedents = vec![
            precedent("fd.eventpoll", "async client\x1b[2J not closed"),
            precedent("fd.agent_log", "agent restarts"),
        ];
        let text = assert_fits(&explain("fd.eventpoll", &rules).unwrap());
        assert!(text.contains("  - async client\\u{1b}[2J not closed (see docs/waves.md)"), "{text}");
        assert!(text.find("You have met it before") < text.find("What growth likely means"), "{text}");
        let own = assert_fits(&explain("fd.agent_log", &rules).unwrap());
        assert!(own.contains("path matches `/logs/*.log`") && own.contains("agent restarts"), "{own}");
        assert!(own.contains("Log files are opened and never closed"), "{own}");
        assert!(explain("event-loop-never-closed", &rules).unwrap().contains("async client"));
    }

    #[test]
    fn a_slip_of_the_name_is_told() {
        let error = explain("fd.eventpol", &RuleSet::empty()).unwrap_err();
        assert!(error.contains("did you mean `fd.eventpoll`?"), "{error}");
        let error = explain("nothing\x1b", &RuleSet::empty()).unwrap_err();
        assert!(error.contains("`nothing\\u{1b}`") && error.contains("--list"), "{error}");
    }
}
