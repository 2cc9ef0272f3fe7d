//! The course of the night: the end, what happened.

use super::parts::{Block, Cell, Fact, Mark, Section, Table, clock, column, name, sentence};
use super::verdict;
use super::view::View;
use crate::model::{Event, EventKind, PortEnd, StopRecord, TermResponse, text};

/// More begins of the churn than these would hide everything else.
const CHURNED: usize = 40;

/// The checks after the soak and the stop signal.
pub(crate) fn end(view: &View<'_>) -> Option<Section> {
    let record = &view.night.record;
    let mut section = Section::new("end", "The end", "The end", "");
    if let Some(stop) = &record.stop {
        section.note = "asked to stop as an orchestrator asks".to_owned();
        section.blocks.push(Block::Facts(stop_facts(stop)));
    }
    if !record.after_failures.is_empty() {
        let mut table = Table::new("Checks after the soak that failed", vec![column("Check", "w")]);
        table.rows = record.after_failures.iter().map(|text| vec![Cell::marked(Mark::FAIL, sentence(text))]).collect();
        section.blocks.extend(table.cut(100, "run.json").fold(10, "checks"));
    }
    section.filled()
}

fn stop_facts(stop: &StopRecord) -> Vec<Fact> {
    let given = format!("{} were given", text::seconds(stop.within_s));
    let end = match stop.response {
        TermResponse::Exited => {
            Fact::new("The process", format!("ended after {}", text::seconds(stop.took_s))).sub(given)
        }
        TermResponse::Ignored => {
            Fact::new("The process", format!("ignored {} and was killed", name(&stop.signal))).sub(given).class("amb")
        }
    };
    let port = match stop.port {
        PortEnd::Silent => Fact::new("The port", "silent").sub("nobody answers any more"),
        PortEnd::StillServing => {
            Fact::new("The port", "still serving").sub("it answered after the signal").class("amb")
        }
        PortEnd::NoPort => Fact::new("The port", "none published"),
    };
    let code = match stop.exit_code {
        Some(code) => Fact::new("Exit code", code.to_string()),
        None => Fact::new("Exit code", "none").sub("it did not end by itself"),
    };
    vec![Fact::new("Signal", name(&stop.signal)), end, port, code]
}

/// The phases and what happened in them.
pub(crate) fn events(view: &View<'_>) -> Option<Section> {
    let record = &view.night.record;
    let mut section = Section::new("events", "Events", "What happened", "");
    if record.events.is_empty() && view.night.snapshots.is_empty() {
        // Nothing was watched, so nothing can be said.
    } else if record.events.is_empty() {
        section
            .blocks
            .push(Block::Text("No restart, no kill, no gap: nothing happened beside the workload.".to_owned()));
    } else {
        let churned = record.events.iter().filter(|event| event.kind == EventKind::Churn).count();
        let hidden = churned > CHURNED;
        let shown: Vec<&Event> =
            record.events.iter().filter(|event| !hidden || event.kind != EventKind::Churn).collect();
        section.short = format!("Events {}", shown.len());
        "times since the soak began".clone_into(&mut section.note);
        let columns = vec![column("At", "m"), column("Kind", ""), column("What", "w")];
        let mut table = Table::new("Events", columns).quiet();
        table.rows = shown
            .into_iter()
            .map(|event| {
                #[expect(clippy::cast_precision_loss, reason = "a night's milliseconds are far below 2^52")]
                let at = clock(event.at_ms as f64 / 1000.0);
                let (kind, mark) = kind(event.kind);
                let kind = mark.map_or_else(|| Cell::from(kind), |mark| Cell::marked(mark, kind));
                vec![at.into(), kind, sentence(&event.text).into()]
            })
            .collect();
        if !table.rows.is_empty() {
            section.blocks = table.cut(500, "run.json").fold(20, "events");
        }
        if hidden {
            let begins = format!("{churned} begins of the churn are not listed here; they are in run.json.");
            section.blocks.push(Block::Text(begins));
        }
    }
    if !record.phases.is_empty() {
        let facts = record.phases.iter().take(20).map(|phase| {
            let took = phase
                .to_s
                .map_or_else(|| "not left in order".to_owned(), |to| text::seconds((to - phase.from_s).max(0.0)));
            Fact::new(verdict::capital(phase.phase.name()), took).class(if phase.to_s.is_none() { "amb" } else { "" })
        });
        section.blocks.push(Block::Facts(facts.collect()));
    }
    section.filled()
}

/// What a kind of event is called, and how grave it is.
pub(crate) fn kind(kind: EventKind) -> (&'static str, Option<Mark>) {
    match kind {
        EventKind::Health => ("health", None),
        EventKind::Restart => ("restart", Some(Mark::WARN)),
        EventKind::Died => ("died", Some(Mark::FAIL)),
        EventKind::Oom => ("out of memory", Some(Mark::FAIL)),
        EventKind::Gap => ("gap", Some(Mark::OPEN)),
        EventKind::Churn => ("churn", None),
        EventKind::Asked => ("asked", None),
        EventKind::Note => ("note", None),
    }
}

/// Why the night ended before its time.
pub(crate) fn failure(view: &View<'_>) -> Option<Section> {
    let (what, _) = verdict::ending(&view.night.record.ending)?;
    let phase = view.night.record.phases.iter().rev().find(|phase| phase.to_s.is_none());
    let note = phase.map_or_else(String::new, |phase| format!("in the phase {}", phase.phase.name()));
    let mut section = Section::new("failure", "What went wrong", what, note);
    match verdict::message(view) {
        Some(message) => section.blocks.push(Block::Pre(message)),
        None => section.blocks.push(Block::Text("What there is was recorded and is shown below.".to_owned())),
    }
    Some(section)
}
