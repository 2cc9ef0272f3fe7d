//! The handles themselves: which they are, how old, and what they point at.

use super::parts::{Block, Cell, Table, clip, clock, column};
use super::view::View;
use crate::model::{DeadHandle, Finding, HeldHandle, Metric, Phase, Snapshot, text};

/// Rows before a fold.
const SHOWN: usize = 8;

/// The dead handles of a finding, the oldest first.
pub(crate) fn dead(view: &View<'_>, finding: &Finding) -> Vec<Block> {
    if finding.dead.is_empty() {
        return Vec::new();
    }
    let columns = vec![
        column("fd", "r m"),
        column("Process", ""),
        column("Why it is dead", "opt"),
        column("Points at", "m w"),
        column("Since", "r opt"),
        column("Age", "r"),
        column("Snapshots survived", "r opt"),
    ];
    let mut table = Table::new("Dead handles, the oldest first", columns);
    table.rows = finding.dead.iter().map(|handle| dead_row(view, handle)).collect();
    let known = finding.measured.unwrap_or(0.0);
    #[expect(clippy::cast_precision_loss, reason = "at most a hundred handles are kept")]
    let more = known - finding.dead.len() as f64;
    if more >= 1.0 {
        table.more = format!("and {} more, in samples.jsonl", text::figure(more));
    }
    table.fold(SHOWN, "dead handles")
}

fn dead_row(view: &View<'_>, handle: &DeadHandle) -> Vec<Cell> {
    #[expect(clippy::cast_precision_loss, reason = "a night's milliseconds are far below 2^52")]
    let first = handle.first_ms as f64 / 1000.0;
    vec![
        Cell::strong(handle.fd.map_or_else(|| "process".to_owned(), |fd| fd.to_string())),
        view.who(handle.process).into(),
        handle.kind.reason().into(),
        clip(&handle.detail, 160).into(),
        clock(first).into(),
        clock((view.end_s - first).max(0.0)).into(),
        handle.survived.to_string().into(),
    ]
}

/// The handles of some classes that were opened while the target was watched and never closed, the oldest first.
pub(crate) fn held(view: &View<'_>, classes: &[&str]) -> Vec<Block> {
    // The last one of the soak; where it was cut short, there is none.
    let told = |snapshot: &&Snapshot| !snapshot.held.is_empty();
    let soaked = || view.night.snapshots.iter().filter(|snapshot| snapshot.phase == Phase::Soak);
    let Some(last) = soaked().rev().find(told) else { return Vec::new() };
    let mut handles: Vec<(&HeldHandle, &str)> = Vec::new();
    for handle in &last.held {
        let name = Metric::Fd(handle.class).to_string();
        let asked = |class: &&&str| name == **class || **class == "fd.total" && classes.len() == 1;
        if let Some(class) = classes.iter().find(asked) {
            handles.push((handle, class));
        }
    }
    if handles.is_empty() {
        return Vec::new();
    }
    handles.sort_by_key(|(handle, _)| (handle.born, handle.process, handle.fd));
    let first = |seq: u32| view.night.snapshots.iter().find(|snapshot| snapshot.seq == seq).map(Snapshot::at_s);
    let columns = vec![
        column("fd", "r m"),
        column("Class", ""),
        column("Process", "opt"),
        column("Points at", "m w"),
        column("First seen", "r opt"),
        column("Age", "r"),
        column("Snapshots survived", "r opt"),
    ];
    let mut table = Table::new("Opened during the soak and still open, the oldest first", columns);
    table.rows = handles
        .iter()
        .map(|(handle, _)| {
            let since = first(handle.born);
            let age = since.map_or_else(|| "?".to_owned(), |since| clock((last.at_s() - since).max(0.0)));
            let survived = last.seq.saturating_sub(handle.born);
            vec![
                Cell::strong(handle.fd.to_string()),
                handle.class.name().into(),
                view.who(handle.process).into(),
                clip(&handle.detail, 160).into(),
                since.map_or_else(|| "?".to_owned(), clock).into(),
                // A number alone may have been closed and opened again between two looks.
                if handle.sure { age.into() } else { Cell { sub: "at most".to_owned(), ..Cell::from(age) } },
                survived.to_string().into(),
            ]
        })
        .collect();
    if handles.len() >= Snapshot::MAX_HELD {
        table.more = format!("the oldest {} of each class are listed", Snapshot::MAX_HELD);
    }
    table.fold(SHOWN, "handles")
}
