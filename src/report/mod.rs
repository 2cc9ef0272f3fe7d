//! A judged night turned into pages. Pure: nothing here reads or writes a file.

mod chart;
mod diff;
mod gate;
mod html;
mod index;
mod junit;
mod markdown;
mod page;
mod points;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use crate::model::{HistoryLine, StoredNight};

pub use diff::{diff_markdown, diff_text};
pub use gate::{GatePages, gate};
pub use page::causes::{lists as lists_of, relation as with_the_load};

/// The pages of a night.
#[derive(Debug, Clone)]
pub struct Pages {
    /// `report.html`
    pub html: String,
    /// `report.md`
    pub markdown: String,
    /// `junit.xml`
    pub junit: String,
}

/// Renders a night. `history` has the scenario's earlier nights, oldest first; `previous` is the last of them, where its
/// folder is still there.
///
/// # Errors
/// A template is broken (a fault of slowdrip's own).
pub fn render(
    night: &StoredNight,
    previous: Option<&StoredNight>,
    history: &[HistoryLine],
) -> Result<Pages, minijinja::Error> {
    let page = page::Page::new(night, previous, history);
    Ok(Pages {
        html: html::render("report.html", &page)?,
        markdown: markdown::render(&page),
        junit: junit::render(night)?,
    })
}

/// Renders `reports/index.html`: every scenario over all its nights. Lines are sorted here; `now` is the moment that ages are
/// counted from; `kept(line)` is true where the night's page is still there.
///
/// # Errors
/// A template is broken (a fault of slowdrip's own).
pub fn index(
    lines: &[HistoryLine],
    kept: &dyn Fn(&HistoryLine) -> bool,
    now: jiff::Timestamp,
) -> Result<String, minijinja::Error> {
    html::render("index.html", index::Index::new(lines, kept, now))
}
