//! What can be done with all charts of a page at once, where its script runs.

use serde::Serialize;

use super::marks::MarkKind;
use super::view::View;

/// A kind of line that can be shown and hidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LineKind {
    pub(crate) word: &'static str,
    /// What the style calls it where it is hidden.
    pub(crate) key: &'static str,
    /// How it is drawn.
    pub(crate) class: &'static str,
}

/// The bar above the charts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Tools {
    pub(crate) lines: Vec<LineKind>,
    /// The kinds of events, in the order of the data.
    pub(crate) events: Vec<MarkKind>,
    /// How a chart is used from the keyboard.
    pub(crate) help: &'static str,
}

const HELP: &str = "Arrow left and right: one snapshot on. Home and End: the first and the last. Arrow up and down: another \
                    chart. Shift with an arrow: choose a range, Enter: zoom into it. Escape: back.";

/// The bar, where there are charts.
pub(crate) fn of(view: &View<'_>) -> Option<Tools> {
    if view.classes.iter().all(|class| class.now.values().nth(1).is_none()) {
        return None;
    }
    let line = |word, key, class| LineKind { word, key, class };
    let mut lines = vec![line("open now", "raw", "raw")];
    if view.findings().iter().any(|finding| finding.growth.is_some()) {
        lines.push(line("held for good", "floor", "flok"));
    }
    if view.previous.is_some() {
        lines.push(line("night before", "prev", "prev"));
    }
    lines.push(line("allowed", "lim", "lim"));
    Some(Tools { lines, events: view.marks.kinds.clone(), help: HELP })
}
