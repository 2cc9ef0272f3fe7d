//! What was done to the target, and the proof that it was: counters, the churn and its steps.

use super::parts::{Block, Cell, Fact, Mark, Section, Table, clip, column, name, sentence};
use super::view::View;
use crate::model::{ChurnRecord, CounterRecord, StepRecord, text};

/// The longest name of a step.
const STEP: usize = 160;

/// The counters that prove that the workload ran, and what the churn did.
pub(crate) fn section(view: &View<'_>) -> Option<Section> {
    let record = &view.night.record;
    let counters = &record.counters;
    let proofs: Vec<Option<bool>> =
        counters.iter().map(reached).chain(record.churn.as_ref().map(|churn| Some(churned(churn)))).collect();
    if proofs.is_empty() {
        return None;
    }
    let title = if proofs.iter().all(|proof| *proof == Some(true)) {
        "The workload ran"
    } else if proofs.contains(&Some(false)) {
        "The workload did not run as it should"
    } else {
        "Whether the workload ran is not known"
    };
    let mut section = Section::new("work", "Workload", title, "");
    if !counters.is_empty() {
        let done = counters.iter().filter(|counter| reached(counter) == Some(true)).count();
        section.note = format!("{done} of {} reached what was asked", text::count(counters.len() as u64, "counter"));
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
    }
    if let Some(churn) = &record.churn {
        section.blocks.extend(churn_blocks(churn));
    }
    Some(section)
}

/// Whether the churn did what was asked.
#[expect(clippy::cast_precision_loss, reason = "iterations are far fewer than 2^52")]
fn churned(churn: &ChurnRecord) -> bool {
    churn.begun > 0 && churn.failed as f64 <= (churn.max_failed * churn.begun as f64).floor()
}

fn churn_blocks(churn: &ChurnRecord) -> Vec<Block> {
    #[expect(clippy::cast_precision_loss, reason = "iterations are far fewer than 2^52")]
    let may = text::figure((churn.max_failed * churn.begun as f64).floor());
    let mut begun = Fact::new("Churn", text::count(churn.begun, "iteration"));
    if churn.users > 1 {
        begun = begun.sub(format!("by {} users", churn.users));
    }
    let class = if churned(churn) { "" } else { "amb" };
    let failed = Fact::new("Failed", churn.failed.to_string()).sub(format!("{may} allowed")).class(class);
    let mut blocks = vec![Block::Facts(vec![begun, failed])];
    if let Some(first) = &churn.first_failure {
        blocks.push(Block::Text(format!("The first failure: {}", sentence(first))));
    }
    if churn.steps.is_empty() {
        return blocks;
    }
    let columns = vec![
        column("Step of the churn", "w"),
        column("Place", "m opt"),
        column("Taken", "r"),
        column("Failed", "r"),
        column("Median", "r"),
        column("90 %", "r opt"),
        column("99 %", "r"),
        column("Longest", "r"),
    ];
    let mut table = Table::new("How long the steps took that succeeded", columns);
    table.rows = churn.steps.iter().map(step_row).collect();
    blocks.extend(table.cut(300, "run.json").fold(30, "steps"));
    blocks
}

fn step_row(step: &StepRecord) -> Vec<Cell> {
    let timed = step.count > step.failed;
    let took = |ms: f64| if timed { took(ms) } else { "–".to_owned() };
    let failed = if step.failed > 0 { Cell::strong(step.failed.to_string()) } else { "0".into() };
    vec![
        clip(&step.name, STEP).into(),
        name(&step.place).into(),
        step.count.to_string().into(),
        failed,
        took(step.p50_ms).into(),
        took(step.p90_ms).into(),
        took(step.p99_ms).into(),
        took(step.max_ms).into(),
    ]
}

/// `0.42 ms`, `12 ms`, `1.5 s`, `3 min 20 s`.
fn took(ms: f64) -> String {
    if !ms.is_finite() {
        "?".to_owned()
    } else if ms < 1.0 {
        format!("{} ms", (ms * 100.0).round() / 100.0)
    } else if ms < 1000.0 {
        format!("{} ms", text::figure(ms))
    } else {
        text::seconds(ms / 1000.0)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_do() {
        let said = [0.0, 0.4249, 4.25, 123.4, 1500.0, 200_000.0, f64::NAN].map(took);
        assert_eq!(said, ["0 ms", "0.42 ms", "4.3 ms", "123 ms", "1.5 s", "3 min 20 s", "?"]);
    }
}
