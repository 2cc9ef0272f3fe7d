//! A judged night becomes its pages, its line in the history, and the index.

use crate::history::{self, RunDir};
use crate::model::{HistoryLine, StoredNight};
use crate::night::PublishError;
use crate::threshold::RuleSet;
use crate::{judge, report};

/// Writes `report.html`, `report.md` and `junit.xml`, adds the night to the history and renders the index anew. A night
/// that lies outside a reports folder gets its pages only.
pub(super) fn publish(folder: &RunDir, night: &StoredNight, rules: &RuleSet) -> Result<(), PublishError> {
    let Some(reports) = folder.reports(&night.record.scenario, &night.record.run) else {
        return write_pages(folder, night, None, &[]);
    };
    if let Some(assessment) = &night.assessment {
        let line = judge::history_line(night.recorded(), assessment, rules);
        history::append_line(&reports, &line)?;
    }
    let (previous, earlier) = before(&reports, night)?;
    write_pages(folder, night, previous.as_ref(), &earlier)?;
    write_index(&reports)
}

/// All strings of a night's page, as JSON; nothing is written.
pub(super) fn page_json(folder: &RunDir, night: &StoredNight) -> Result<String, PublishError> {
    let (previous, earlier) = match folder.reports(&night.record.scenario, &night.record.run) {
        Some(reports) => before(&reports, night)?,
        None => (None, Vec::new()),
    };
    report::page_json(night, previous.as_ref(), &earlier).map_err(|error| PublishError::Render(error.to_string()))
}

/// The night that one is held against, where its folder is still there, and the lines of all earlier nights, oldest first.
fn before(
    reports: &std::path::Path,
    night: &StoredNight,
) -> Result<(Option<StoredNight>, Vec<HistoryLine>), PublishError> {
    let (lines, _) = history::read_lines(reports, &night.record.scenario)?;
    let earlier = history::earlier(&lines, &night.record.run, night.record.started);
    let reference = HistoryLine::reference(&earlier, &night.record);
    let previous = reference.and_then(|line| history::load(&reports.join(&line.scenario).join(&line.run)).ok());
    Ok((previous, earlier))
}

fn write_pages(
    folder: &RunDir,
    night: &StoredNight,
    previous: Option<&StoredNight>,
    earlier: &[HistoryLine],
) -> Result<(), PublishError> {
    let pages = report::render(night, previous, earlier).map_err(|error| render_error(&error))?;
    folder.write_page("report.html", &pages.html)?;
    folder.write_page("report.md", &pages.markdown)?;
    Ok(folder.write_page("junit.xml", &pages.junit)?)
}

/// Renders the index of a reports folder anew.
pub(super) fn write_index(reports: &std::path::Path) -> Result<(), PublishError> {
    // Whoever reads last must write last.
    let _lock = history::lock_folder(reports)?;
    let (lines, unread) = history::read_all_lines(reports)?;
    let kept = |line: &HistoryLine| reports.join(&line.scenario).join(&line.run).join("report.html").is_file();
    let html = report::index(&lines, &unread, &kept, jiff::Timestamp::now()).map_err(|error| render_error(&error))?;
    Ok(history::write_index(reports, &html)?)
}

fn render_error(error: &minijinja::Error) -> PublishError {
    PublishError::Render(format!("{error:#}"))
}
