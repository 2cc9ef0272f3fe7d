//! Changes within lines and between them, collected first and made together.

use super::super::Location;
use super::super::error::Span;
use super::{Edited, Heading};

const MARK: &str = "\u{feff}";

/// A line that was changed or put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineChange {
    /// Its number before; of one that was put in, the number of the line before it, 0 at the top.
    pub line: usize,
    /// What stood there; `None` for one that was put in.
    pub before: Option<String>,
    /// What stands there now.
    pub after: String,
}

/// One line of the text and what is to happen to it.
#[derive(Debug, Default)]
struct Line<'t> {
    text: &'t str,
    ending: &'t str,
    /// First and last byte, the last excluded, and what comes in their place.
    within: Vec<(usize, usize, String)>,
    /// Lines that go behind it.
    behind: Vec<String>,
}

/// The changes to a text.
#[derive(Debug)]
pub(super) struct Patches<'t> {
    mark: &'static str,
    /// The first one is no line: what goes behind it stands at the top.
    lines: Vec<Line<'t>>,
}

impl<'t> Patches<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let (mark, mut rest) = text.strip_prefix(MARK).map_or(("", text), |rest| (MARK, rest));
        let mut lines = vec![Line::default()];
        while !rest.is_empty() {
            let end = rest.find(['\r', '\n']).unwrap_or(rest.len());
            let (text, after) = rest.split_at(end);
            let ends = if after.starts_with("\r\n") { 2 } else { after.len().min(1) };
            let (ending, after) = after.split_at(ends);
            lines.push(Line { text, ending, ..Line::default() });
            rest = after;
        }
        Self { mark, lines }
    }

    /// First and last byte of a stretch within one line.
    fn bytes(&self, span: Span) -> Option<(usize, usize)> {
        let line = self.lines.get(span.start.line)?.text;
        let byte = |column: usize| {
            let mut starts = line.char_indices().map(|(at, _)| at).chain([line.len()]);
            starts.nth(column.checked_sub(1)?)
        };
        (span.start.line == span.end.line).then_some(())?;
        Some((byte(span.start.column)?, byte(span.end.column)?))
    }

    /// The text of a stretch within one line.
    pub(super) fn slice(&self, span: Span) -> Option<&'t str> {
        let (start, end) = self.bytes(span)?;
        self.lines.get(span.start.line)?.text.get(start..end)
    }

    /// The text from a place to the end of its line.
    pub(super) fn rest(&self, start: Location) -> Option<&'t str> {
        let (byte, _) = self.bytes(Span { start, end: start })?;
        self.lines.get(start.line)?.text.get(byte..)
    }

    /// Puts a text in the place of a stretch within one line; of none, where it begins.
    pub(super) fn within(&mut self, span: Span, text: String) {
        if let Some((start, end)) = self.bytes(span)
            && let Some(line) = self.lines.get_mut(span.start.line)
        {
            line.within.push((start, end, text));
        }
    }

    /// Puts a line behind another one, from 1; 0: at the top.
    pub(super) fn line(&mut self, number: usize, text: String) {
        if let Some(line) = self.lines.get_mut(number) {
            line.behind.push(text);
        }
    }

    /// Puts a comment at the top, in place of the one that an earlier time left among the first comments.
    pub(super) fn head(&mut self, heading: &Heading<'_>) {
        let comment = |line: &&mut Line<'_>| line.text.trim().is_empty() || line.text.starts_with('#');
        let mut first = self.lines.iter_mut().skip(1).take_while(comment);
        match first.find(|line| heading.earlier.is_match(line.text)) {
            Some(line) if line.text == heading.comment => {}
            Some(line) => line.within.push((0, line.text.len(), heading.comment.clone())),
            None => self.line(0, heading.comment.clone()),
        }
    }

    pub(super) fn applied(mut self) -> Edited {
        let usual = self.lines.iter().map(|line| line.ending).find(|ending| !ending.is_empty()).unwrap_or("\n");
        let (mut text, mut changes) = (self.mark.to_owned(), Vec::new());
        for (number, line) in self.lines.iter_mut().enumerate() {
            line.within.sort_by_key(|(start, end, _)| (*start, *end));
            let (mut now, mut at) = (String::new(), 0);
            for (start, end, new) in &line.within {
                now.push_str(line.text.get(at..*start).unwrap_or_default());
                now.push_str(new);
                at = *end;
            }
            now.push_str(line.text.get(at..).unwrap_or_default());
            text.push_str(&now);
            if now != line.text {
                changes.push(LineChange { line: number, before: Some(line.text.to_owned()), after: now });
            }
            // A last line without an end gets one when another goes behind it, which is then the one without.
            let last = number > 0 && line.ending.is_empty();
            if !last {
                text.push_str(line.ending);
            }
            for new in &line.behind {
                if last {
                    text.push_str(usual);
                }
                text.push_str(new);
                if !last {
                    text.push_str(usual);
                }
                changes.push(LineChange { line: number, before: None, after: new.clone() });
            }
        }
        Edited { text, lines: changes }
    }
}
