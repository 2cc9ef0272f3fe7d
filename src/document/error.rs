//! What is wrong with a file, shown with the line, and what may have been meant.

use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::Location;
use crate::model::text::printable;

/// What is wrong with a file. `Display` is the whole message for people: what, `file:line:column`, the line, what to do.
/// It begins with the bare message, so that a caller may put `error: ` before it, and holds no colours.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{rendered}")]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// Where, as far as it is known.
    pub at: Option<Location>,
    /// What is wrong, one line.
    pub message: String,
    rendered: String,
}

/// A stretch of text; the end is the first place behind it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: Location,
    pub(super) end: Location,
}

impl Span {
    /// So many characters of one line.
    pub(super) fn of(start: Location, characters: usize) -> Self {
        Self { start, end: Location { line: start.line, column: start.column + characters } }
    }
}

impl FileError {
    /// An error about a file as a whole, or about an option of the command line that concerns it.
    pub fn new(path: &Path, message: impl Into<String>, help: impl Into<String>) -> Self {
        let message = printable(&message.into());
        let help = printable(&help.into());
        let shown = printable(&path.display().to_string());
        let group = Level::ERROR.no_name().primary_title(&message).element(Origin::path(&shown));
        Self { path: path.to_owned(), at: None, rendered: finish(group, &help), message }
    }

    /// An error about a stretch of a file's text.
    pub(super) fn located(
        path: &Path,
        text: &str,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let message = printable(&message.into());
        let help = printable(&help.into());
        let shown = printable(&path.display().to_string());
        let line = line(text, span.start.line);
        let start = byte_of(line, span.start.column);
        let end = if span.end.line == span.start.line { byte_of(line, span.end.column) } else { line.trim_end().len() };
        let snippet = Snippet::source(line)
            .line_start(span.start.line)
            .path(&shown)
            .fold(false)
            .annotation(AnnotationKind::Primary.span(start..end.max(start)));
        let group = Level::ERROR.no_name().primary_title(&message).element(snippet);
        Self { path: path.to_owned(), at: Some(span.start), rendered: finish(group, &help), message }
    }
}

fn finish<'a>(group: Group<'a>, help: &'a str) -> String {
    let report = [group.element(Level::HELP.message(help))];
    // Lines end in blanks where a margin is empty; a message is no worse without them.
    let lines: Vec<_> = Renderer::plain().render(&report).lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// A line of a text, from 1, without its end.
fn line(text: &str, number: usize) -> &str {
    lines(text).nth(number.saturating_sub(1)).unwrap_or_default()
}

/// The lines of a text as YAML counts them: it knows three ends of a line.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text.strip_prefix('\u{feff}').unwrap_or(text));
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\r', '\n']) else { return rest.take() };
        let (line, ending) = text.split_at(end);
        rest = ending.strip_prefix("\r\n").or_else(|| ending.get(1..));
        Some(line)
    })
}

/// The place behind a text.
pub(super) fn end_of(text: &str) -> Location {
    let (count, last) = lines(text).fold((0, ""), |(count, _), line| (count + 1, line));
    Location { line: count.max(1), column: last.chars().count() + 1 }
}

/// The byte at which a column (in characters, from 1) begins.
fn byte_of(line: &str, column: usize) -> usize {
    line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(at, _)| at)
}

/// The known word that is nearest to a written one, if one is near enough to have been meant.
pub(crate) fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    known
        .into_iter()
        .filter_map(|word| {
            let lower = word.to_lowercase();
            let likeness = strsim::jaro_winkler(&written, &lower);
            (likeness > 0.87 || strsim::osa_distance(&written, &lower) <= 1).then_some((likeness, word))
        })
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, word)| word)
}

/// A help line: the known word that may have been meant, and `all` that there are.
pub(crate) fn suggest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>, all: &str) -> String {
    match did_you_mean(written, known) {
        Some(word) => {
            let mut letters = all.chars();
            let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
            format!("did you mean `{word}`? {first}{}", letters.as_str())
        }
        None => all.to_owned(),
    }
}

/// A word in the quotes of messages.
fn quoted(word: impl AsRef<str>) -> String {
    format!("`{}`", word.as_ref())
}

/// Words in quotes, joined as people do: `a`, `b` and `c`.
pub(crate) fn listed<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> String {
    let words: Vec<_> = words.into_iter().map(quoted).collect();
    match words.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_lines_whatever_ends_them() {
        let text = "a\r\nb\rc\nd";
        assert_eq!((1..=5).map(|n| line(text, n)).collect::<Vec<_>>(), ["a", "b", "c", "d", ""]);
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["duration", "warmup", "interval", "settle"];
        assert_eq!(did_you_mean("durration", known), Some("duration"));
        assert_eq!(did_you_mean("Interval", known), Some("interval"));
        assert_eq!(did_you_mean("colour", known), None);
    }

    #[test]
    fn holds_no_control_characters_of_the_file() {
        let path = Path::new("a\x1b[31m.yaml");
        let span = Span::of(Location { line: 1, column: 3 }, 2);
        let error = FileError::located(path, "k: \x1b[31mred\u{202e}", span, "bad \x1b[31m", "do \x07");
        assert!(!error.to_string().contains('\x1b'), "{error}");
        assert!(!error.to_string().contains('\u{202e}'), "{error}");
        assert!(!error.message.contains('\x1b'));
    }

    #[test]
    fn shows_a_part_of_a_very_long_line() {
        let text = format!("{}: x", "a".repeat(500_000));
        let span = Span::of(Location { line: 1, column: 400_000 }, 3);
        let error = FileError::located(Path::new("x.yaml"), &text, span, "bad", "do");
        assert!(error.to_string().len() < 1000, "{}", error.to_string().len());
    }
}
