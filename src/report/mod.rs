//! A judged night turned into pages. Pure: nothing here reads or writes a file.

mod annotations;
mod chart;
pub(crate) mod diff;
mod figures;
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

use std::collections::BTreeMap;

use crate::model::{HistoryLine, StoredNight};

pub use annotations::annotations;
pub use diff::{diff_html, diff_json, diff_markdown, diff_schema};
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

/// All strings of a night's page, as JSON; `history` and `previous` as for [`render`].
///
/// # Errors
/// None is known: the page holds text, numbers and lists.
pub fn page_json(
    night: &StoredNight,
    previous: Option<&StoredNight>,
    history: &[HistoryLine],
) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&page::Page::new(night, previous, history))
}

/// Renders `reports/index.html`: every scenario over all its nights. Lines are sorted here; `unread` counts the lines of each
/// scenario's history that could not be read; `now` is the moment that ages are counted from; `kept(line)` is true where the
/// night's page is still there.
///
/// # Errors
/// A template is broken (a fault of slowdrip's own).
pub fn index(
    lines: &[HistoryLine],
    unread: &BTreeMap<String, u64>,
    kept: &dyn Fn(&HistoryLine) -> bool,
    now: jiff::Timestamp,
) -> Result<String, minijinja::Error> {
    html::render("index.html", index::Index::new(lines, unread, kept, now))
}
