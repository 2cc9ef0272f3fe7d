//! The course of the night: the workload, the end, what happened.

use super::parts::{Block, Cell, Fact, Mark, Section, Table, clock, column, name, sentence};
use super::verdict;
use super::view::View;
use crate::model::{CounterRecord, EventKind, PortEnd, StopRecord, TermResponse, text};

/// The counters that prove that the workload ran.
pub(crate) fn workload(view: &View<'_>) -> Option<Section> {
    let counters = &view.night.record.counters;
    if counters.is_empty() {
        return None;
    }
    let done = counters.iter().filter(|counter| reached(counter) == Some(true)).count();
    let title = if done == counters.len() {
        "The workload ran"
    } else if counters.iter().any(|counter| reached(counter) == Some(false)) {
        "The workload did not run as it should"
    } else {
        "Whether the workload ran is not known"
    };
    let note = format!("{done} of {} reached what was asked", text::count(counters.len() as u64, "counter"));
    let mut section = Section::new("work", "Workload", title, note);
    let columns = vec![
        column("Counter", ""),
        column("After seeding", "r opt"),
        column("At the end", "r opt"),
        column("Counted", "r"),
        column("Expected", "r"),
        column("Result", "w"),
    ];
    let mut table = Table::new("Workload counters", columns).quiet();
    table.rows = counters.iter().map(counter_row).collect();
    section.blocks = table.cut(200, "run.json").fold(20, "counters");
    Some(section)
}

/// Whether a counter grew as much as it must, and came back as far; `None`: not known.
fn reached(counter: &CounterRecord) -> Option<bool> {
    let grew = counter.end? - counter.start? >= counter.at_least;
    let back = match counter.at_most {
        Some(most) => counter.settled.or(counter.end)? - counter.start? <= most,
        None => true,
    };
    Some(grew && back)
}

/// What is asked of a counter: `≥ 100`, `≤ 3 in the end`.
fn asked(counter: &CounterRecord) -> String {
    let least =
        (counter.at_least > 0.0 || counter.at_most.is_none()).then(|| format!("≥ {}", text::figure(counter.at_least)));
    let most = counter.at_most.map(|most| format!("≤ {} in the end", text::figure(most)));
    least.into_iter().chain(most).collect::<Vec<_>>().join(", ")
}

fn counter_row(counter: &CounterRecord) -> Vec<Cell> {
    let said = |value: Option<f64>| value.map_or_else(|| "not read".to_owned(), text::figure);
    let grown = counter.settled.or(counter.end).zip(counter.start).map(|(end, start)| end - start);
    let result = match (reached(counter), counter.problem.as_deref()) {
        (Some(true), _) => Cell::marked(Mark::HOLDS, "done"),
        (Some(false), _) if counter.at_most.is_some() => Cell::marked(Mark::FAIL, "not as asked"),
        (Some(false), _) => Cell::marked(Mark::FAIL, "too little"),
        (None, None) => Cell::marked(Mark::OPEN, "not known"),
        (None, Some(problem)) => Cell::marked(Mark::OPEN, sentence(problem)),
    };
    vec![
        name(&counter.name).into(),
        said(counter.start).into(),
        said(counter.end).into(),
        Cell::strong(said(grown)),
        asked(counter).into(),
        result,
    ]
}

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
        section.short = format!("Events {}", record.events.len());
        "times since the soak began".clone_into(&mut section.note);
        let columns = vec![column("At", "m"), column("Kind", ""), column("What", "w")];
        let mut table = Table::new("Events", columns).quiet();
        table.rows = record
            .events
            .iter()
            .map(|event| {
                #[expect(clippy::cast_precision_loss, reason = "a night's milliseconds are far below 2^52")]
                let at = clock(event.at_ms as f64 / 1000.0);
                let (kind, mark) = kind(event.kind);
                let kind = mark.map_or_else(|| Cell::from(kind), |mark| Cell::marked(mark, kind));
                vec![at.into(), kind, sentence(&event.text).into()]
            })
            .collect();
        section.blocks = table.cut(500, "run.json").fold(20, "events");
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

fn kind(kind: EventKind) -> (&'static str, Option<Mark>) {
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
