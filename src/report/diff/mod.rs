//! A diff as Markdown, JSON and a page. Text for a terminal is the console's own. What matters stands on top.

mod json;
mod markdown;
mod page;
pub(crate) mod words;

use crate::diff::Diff;

/// A diff as Markdown, for a step summary.
pub fn diff_markdown(diff: &Diff) -> String {
    markdown::render(diff)
}

/// A diff as JSON, with a line feed at the end. [`diff_schema`] describes it.
pub fn diff_json(diff: &Diff) -> String {
    json::render(diff)
}

/// The JSON Schema (draft 7) of [`diff_json`], as indented text.
pub fn diff_schema() -> String {
    json::schema()
}

/// A diff as a page of its own.
///
/// # Errors
/// A template is broken (a fault of slowdrip's own).
pub fn diff_html(diff: &Diff) -> Result<String, minijinja::Error> {
    super::html::render("diff.html", page::Page::new(diff))
}

#[cfg(test)]
mod tests;
