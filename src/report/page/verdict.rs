//! The ten-second block: what is the verdict, why, and what to do about it.

use serde::Serialize;

use super::build;
use super::command;
use super::parts::{Fact, Mark, Piece, clip, moment, name, sentence};
use super::story::Story;
use super::view::View;
use crate::model::{Ending, RuleKind, Severity, Status, Verdict, text};

/// The block at the head of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Headline {
    /// `FAIL`
    pub(crate) word: String,
    /// `v-fail`
    pub(crate) class: &'static str,
    pub(crate) mark: Mark,
    /// One or two sentences.
    pub(crate) reason: String,
    pub(crate) advice: Vec<Piece>,
    pub(crate) facts: Vec<Fact>,
}

/// The word, the colour and the shape of a verdict; `None` for a night that was not judged.
pub(crate) fn face(verdict: Option<Verdict>) -> (&'static str, &'static str, Mark) {
    match verdict {
        Some(Verdict::Pass) => (Verdict::Pass.word(), "v-pass", Mark::HOLDS),
        Some(Verdict::Fail) => (Verdict::Fail.word(), "v-fail", Mark::FAIL),
        Some(Verdict::Inconclusive) => (Verdict::Inconclusive.word(), "v-warn", Mark::OPEN),
        None => ("NOT JUDGED", "v-warn", Mark::OPEN),
    }
}

pub(crate) fn headline(view: &View<'_>, stories: &[Story<'_>]) -> Headline {
    let (word, class, mark) = face(view.night.assessment.as_ref().map(|assessment| assessment.verdict));
    Headline {
        word: word.to_owned(),
        class,
        mark,
        reason: reason(view),
        advice: advice(view, stories),
        facts: facts(view),
    }
}

/// What ended the night before its time, in one clause, with the message where there is one.
pub(crate) fn ending(ending: &Ending) -> Option<(&'static str, &str)> {
    match ending {
        Ending::Completed => None,
        Ending::Unfinished => Some(("The night did not come to its end", "")),
        Ending::Interrupted { signal: 2 } => Some(("The night was interrupted (SIGINT)", "")),
        Ending::Interrupted { signal: 15 } => Some(("The night was interrupted (SIGTERM)", "")),
        Ending::Interrupted { .. } => Some(("The night was interrupted by a signal", "")),
        Ending::NotStarted { message } => Some(("The target could not be started", message)),
        Ending::NeverReady { message } => Some(("The target never became ready", message)),
        Ending::SeedFailed { message } => Some(("Seeding failed", message)),
        Ending::Died { message } => Some(("The target died during the soak", message)),
        Ending::Unreadable { message } => Some(("What must be judged could not be read", message)),
        Ending::NotWritten { message } => Some(("A file of the night could not be written", message)),
    }
}

fn reason(view: &View<'_>) -> String {
    let Some(assessment) = &view.night.assessment else {
        return match ending(&view.night.record.ending) {
            None => "The night is recorded, and was not judged yet.".to_owned(),
            Some((what, message)) => match message.lines().find(|line| !line.trim().is_empty()) {
                None => format!("{what}."),
                Some(line) => format!("{what}: {}", stopped(&clip(line.trim(), 240))),
            },
        };
    };
    let reason = stopped(&clip(&assessment.reason, 400));
    match &assessment.sensitivity {
        Some(seen) if assessment.verdict == Verdict::Pass && !reason.contains(seen.as_str()) => {
            format!("{reason} {}", stopped(&capital(&clip(seen, 240))))
        }
        _ => reason,
    }
}

/// The text with a full stop, if it has none.
pub(crate) fn stopped(text: &str) -> String {
    if text.is_empty() || text.ends_with(['.', '!', '?', '…']) { text.to_owned() } else { format!("{text}.") }
}

/// The text with a capital first letter.
pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// What to do, with a command to run.
fn advice(view: &View<'_>, stories: &[Story<'_>]) -> Vec<Piece> {
    let record = &view.night.record;
    let again = |before: &str| {
        let mut pieces = vec![Piece::plain(before)];
        match command::short(&record.command) {
            Some(command) => pieces.push(Piece::Code(command)),
            None => pieces.extend([Piece::link("run it again", "#repeat"), Piece::plain(".")]),
        }
        pieces
    };
    let evidence = |first: &str, then: &str| {
        let mut pieces = vec![Piece::plain(first)];
        if view.night.evidence.is_empty() {
            pieces.push(Piece::link("what happened", "#events"));
        } else {
            pieces.push(Piece::link("the evidence", "#evidence"));
        }
        pieces.extend(again(then));
        pieces
    };
    match &record.ending {
        Ending::NotStarted { .. } | Ending::NeverReady { .. } | Ending::SeedFailed { .. } => {
            return evidence("read the message and ", ", mend the scenario or the image, then ");
        }
        Ending::Died { .. } => return evidence("see in ", " why the target ended, then "),
        Ending::Unreadable { .. } => return again("give slowdrip the right to read the target's /proc, then "),
        Ending::NotWritten { .. } => return again("make room where the reports are written, then "),
        Ending::Interrupted { .. } | Ending::Unfinished => return again("run it again: "),
        Ending::Completed => {}
    }
    match view.night.assessment.as_ref().map(|assessment| assessment.verdict) {
        Some(Verdict::Fail) => {
            let mut pieces = vec![Piece::plain("hold this build. Mend ")];
            let fails = stories.iter().filter(|story| story.fails()).count();
            pieces.push(Piece::link("finding 1", "#f1"));
            match fails {
                0 | 1 => {}
                2 => pieces.extend([Piece::plain(" and "), Piece::link("finding 2", "#f2")]),
                more => pieces.extend([Piece::plain(" and "), Piece::link(format!("{} more", more - 1), "#findings")]),
            }
            pieces.extend(again(", then "));
            pieces
        }
        Some(Verdict::Inconclusive) => {
            let mut pieces = vec![Piece::plain("see "), Piece::link("what could not be decided", "#undecided")];
            let open = || view.with(Status::Undecided);
            let then = if open().any(|f| f.rule == RuleKind::Workload) {
                ", make the workload run, then "
            } else if open().any(|f| f.rule == RuleKind::Readable) {
                ", give slowdrip the right to read it, then "
            } else {
                ", then run it again, longer: "
            };
            pieces.extend(again(then));
            pieces
        }
        Some(Verdict::Pass) => {
            let warns = view
                .findings()
                .iter()
                .any(|f| f.status == Status::Breaks && f.severity == Severity::Warn && f.ack.is_none());
            let mut pieces = if warns {
                vec![
                    Piece::plain("look at "),
                    Piece::link("the warnings", "#findings"),
                    Piece::plain("; nothing fails. "),
                ]
            } else {
                vec![Piece::plain("nothing; this build may ship. ")]
            };
            pieces.push(Piece::plain("To judge the recording again: "));
            pieces.push(Piece::Code(command::judge(record)));
            pieces
        }
        None => vec![Piece::plain("judge the recording: "), Piece::Code(command::judge(record))],
    }
}

fn facts(view: &View<'_>) -> Vec<Fact> {
    let record = &view.night.record;
    let image = record.target.image.as_deref().map(build::digest);
    let version = build::version(&record.target.labels);
    let target = clip(&record.target.name, 60);
    let what = match (version, image) {
        (Some(version), Some(image)) => Fact::new("Build", version).sub(image),
        (Some(version), None) => Fact::new("Build", version).sub(target.clone()),
        (None, Some(image)) => Fact::new("Image", image).sub(target.clone()),
        (None, None) => Fact::new("Target", target.clone()).sub(name(&record.target.kind)),
    };
    let snapshots = text::count(view.night.snapshots.len() as u64, "snapshot");
    let soaked = view.soaked_s();
    let watched = if record.soak_started.is_none() && view.night.snapshots.is_empty() {
        Fact::new("Watched", "not at all").sub(format!("{} were planned", text::seconds(record.plan.duration_s)))
    } else if soaked + record.plan.interval_s + 1.0 < record.plan.duration_s {
        let planned = format!("{snapshots}, of {} planned", text::seconds(record.plan.duration_s));
        Fact::new("Watched", text::seconds(soaked)).sub(planned)
    } else {
        let every = format!("{snapshots}, one every {}", text::seconds(record.plan.interval_s));
        Fact::new("Watched", text::seconds(soaked.round())).sub(every)
    };
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
    let memory = text::bytes(record.host.memory as f64);
    let engine =
        record.engine.as_ref().map_or_else(|| "no engine".to_owned(), |e| format!("engine {}", name(&e.version)));
    vec![
        Fact::new("Scenario", name(&record.scenario)).sub(name(&record.target.kind)),
        what.class("lead"),
        Fact::new("Night of", moment(record.started)).sub("UTC"),
        watched,
        Fact::new("Host", format!("Linux {}", name(&record.host.kernel)))
            .sub(format!("{}, {memory}, {engine}", text::count(record.host.cpus, "CPU"))),
    ]
}

/// The message of a night that did not come to its end, with its lines.
pub(crate) fn message(view: &View<'_>) -> Option<String> {
    const LINES: usize = 60;
    let (_, message) = ending(&view.night.record.ending)?;
    let lines: Vec<String> = message.lines().map(|line| sentence(line.trim_end())).collect();
    let more = lines.len().saturating_sub(LINES);
    let mut out = lines.into_iter().take(LINES).collect::<Vec<_>>().join("\n");
    if more > 0 {
        out.push_str(&format!("\n… and {} more, in run.json", text::count(more as u64, "line")));
    }
    (!out.trim().is_empty()).then_some(out)
}
