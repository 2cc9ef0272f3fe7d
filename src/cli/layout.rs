//! Tables and paragraphs of plain text, never wider than [`WIDTH`] columns, whatever stands in them.
//!
//! A column is a column of the terminal: a wide character takes two. Colours take none, and are stripped where the output is no
//! terminal.

use std::fmt::Write as _;

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use crate::model::text::printable;

/// The most columns that a line takes.
pub(super) const WIDTH: usize = 80;

/// What stands between two columns of a table.
const BETWEEN: usize = 2;

/// To how many columns a column may shrink.
const NARROWEST: usize = 4;

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Foreign text made printable and cut to some columns; an ellipsis says that it was cut.
pub(super) fn fit(text: &str, columns: usize) -> String {
    let text = printable(text);
    if width(&text) <= columns {
        return text;
    }
    let Some(room) = columns.checked_sub(1) else { return String::new() };
    format!("{}…", split(&text, room).0)
}

/// The longest beginning of a text that takes at most that many columns, and the rest.
fn split(text: &str, columns: usize) -> (&str, &str) {
    for (at, c) in text.char_indices() {
        // Of the whole beginning: a character may make the one before it wider, as the selector of emoji does.
        if text.get(..at + c.len_utf8()).is_some_and(|beginning| width(beginning) > columns) {
            return text.split_at(at);
        }
    }
    (text, "")
}

/// Breaks a text into lines between words, and within words that are longer than a line. What does not fit into `most` lines is
/// cut with an ellipsis.
pub(super) fn lines(text: &str, columns: usize, most: usize) -> Vec<String> {
    let text = printable(text);
    let mut out: Vec<String> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if out.len() + 1 >= most {
            out.push(fit(rest, columns));
            break;
        }
        let (head, tail) = split(rest, columns);
        // Between words where the line has a blank beyond its first half, else within the word.
        let at = match head.rfind(' ').filter(|_| !tail.is_empty() && !tail.starts_with(' ')) {
            Some(blank) if width(head.get(..blank).unwrap_or_default()) * 2 >= columns => blank,
            _ => head.len(),
        };
        let (line, after) = rest.split_at(at.max(rest.chars().next().map_or(1, char::len_utf8)));
        out.push(line.trim_end().to_owned());
        rest = after.trim_start();
    }
    out
}

/// A paragraph: its first line begins with `first`, the others are indented as far.
pub(super) fn paragraph(first: &str, text: &str) -> String {
    let indent = width(first);
    let mut out = String::new();
    for (at, line) in lines(text, WIDTH.saturating_sub(indent), usize::MAX).iter().enumerate() {
        let lead = if at == 0 { first.to_owned() } else { " ".repeat(indent) };
        let _ = writeln!(out, "{lead}{line}");
    }
    out
}

/// Text in colour, line by line.
pub(super) fn painted(paint: Style, text: &str) -> String {
    text.lines().map(|line| format!("{paint}{line}{paint:#}\n")).collect()
}

/// How a column of a table stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// Words.
    Left,
    /// Figures.
    Right,
    /// Foreign words of any length: the first to shrink where a line would be too wide.
    Flex,
}

/// One cell of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    text: String,
    tail: String,
    paint: Style,
}

impl Cell {
    /// Adds what must not be cut away, behind text that may be cut.
    pub(super) fn tail(mut self, tail: impl Into<String>) -> Self {
        self.tail = tail.into();
        self
    }

    /// The same in colour.
    pub(super) fn paint(mut self, paint: Style) -> Self {
        self.paint = paint;
        self
    }

    fn width(&self) -> usize {
        width(&self.text) + width(&self.tail)
    }

    fn lines(&self, columns: usize, most: usize) -> Vec<String> {
        if most > 1 {
            return lines(&format!("{}{}", self.text, self.tail), columns, most);
        }
        let tail = fit(&self.tail, columns);
        let text = fit(&self.text, columns.saturating_sub(width(&tail)));
        vec![format!("{text}{tail}")]
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: printable(text.as_ref()).trim_end().to_owned(), ..Self::default() }
    }
}

/// A table without rules between its cells.
#[derive(Debug)]
pub(super) struct Table {
    indent: usize,
    most: usize,
    columns: Vec<Stand>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with headings, or without where all of them are empty.
    pub(super) fn new(heads: &[(&str, Stand)]) -> Self {
        let mut table =
            Self { indent: 0, most: 1, columns: heads.iter().map(|(_, stand)| *stand).collect(), rows: Vec::new() };
        if heads.iter().any(|(head, _)| !head.is_empty()) {
            table.rows.push(heads.iter().map(|(head, _)| Cell::from(head).paint(Style::new().dimmed())).collect());
        }
        table
    }

    /// The same, so many columns from the left.
    pub(super) fn indent(mut self, columns: usize) -> Self {
        self.indent = columns;
        self
    }

    /// The same, with so many lines at most for what does not fit into one.
    pub(super) fn wrapped(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// Adds a row, one cell per column.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The width of every column: as wide as its widest cell, shrunk where all of them together would be too wide.
    fn widths(&self) -> Vec<usize> {
        let natural = |at: usize| self.rows.iter().filter_map(|row| row.get(at)).map(Cell::width).max().unwrap_or(0);
        let mut widths: Vec<usize> = (0..self.columns.len()).map(natural).collect();
        let room = WIDTH.saturating_sub(self.indent + BETWEEN * self.columns.len().saturating_sub(1));
        let too_wide = |widths: &[usize]| widths.iter().sum::<usize>().checked_sub(room).filter(|over| *over > 0);
        // First what may be cut, down to a third of the line; then whatever is widest.
        if let Some(over) = too_wide(&widths) {
            let flex = self.columns.iter().zip(&mut widths).filter(|(stand, _)| **stand == Stand::Flex);
            for (_, width) in flex {
                *width = width.saturating_sub(over).max((*width).min(WIDTH / 3));
            }
        }
        while too_wide(&widths).is_some() {
            match widths.iter_mut().max() {
                Some(widest) if *widest > NARROWEST => *widest -= 1,
                _ => break,
            }
        }
        widths
    }

    /// The table's lines, each ended.
    pub(super) fn render(&self) -> String {
        let widths = self.widths();
        let mut out = String::new();
        for row in &self.rows {
            let cells: Vec<Vec<String>> =
                row.iter().zip(&widths).map(|(cell, width)| cell.lines(*width, self.most)).collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or(0);
            for at in 0..height {
                let mut line = " ".repeat(self.indent);
                // Blanks before a cell are written with it, so that no line ends in them.
                let mut owed = 0;
                for (((cell, parts), columns), stand) in row.iter().zip(&cells).zip(&widths).zip(&self.columns) {
                    let text = parts.get(at).map_or("", String::as_str);
                    let free = columns.saturating_sub(width(text));
                    let (before, after) = if *stand == Stand::Right { (free, 0) } else { (0, free) };
                    if !text.is_empty() {
                        line.push_str(&" ".repeat(owed + before));
                        let _ = write!(line, "{}{text}{:#}", cell.paint, cell.paint);
                        owed = 0;
                    } else {
                        owed += before;
                    }
                    owed += after + BETWEEN;
                }
                out.push_str(&line);
                out.push('\n');
            }
        }
        out
    }
}

/// Fails where a line is wider than [`WIDTH`], colours left out.
#[cfg(test)]
pub(super) fn assert_fits(text: &str) -> String {
    let plain = anstream::adapter::strip_str(text).to_string();
    for line in plain.lines() {
        assert!(width(line) <= WIDTH, "{} columns: {line}\n{plain}", width(line));
        assert_eq!(line, line.trim_end(), "a line ends in blanks");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cuts_by_columns_and_not_by_characters() {
        assert_eq!(fit("short", 5), "short");
        assert_eq!(fit("longer", 5), "long…");
        assert_eq!(fit("漢字漢字", 5), "漢字…");
        assert_eq!(fit("a\nb\x1b[31m", 40), "a\\nb\\u{1b}[31m");
    }

    #[test]
    fn breaks_between_words_and_within_endless_ones() {
        assert_eq!(lines("one two three", 8, 9), ["one two", "three"]);
        assert_eq!(lines("abcdefghij", 4, 9), ["abcd", "efgh", "ij"]);
        assert_eq!(lines("abcdefghij", 4, 2), ["abcd", "efg…"]);
        assert_eq!(lines("", 4, 2), Vec::<String>::new());
        assert_eq!(paragraph("- ", "go"), "- go\n");
    }

    #[test]
    fn figures_stand_right_and_what_is_said_of_a_name_is_not_cut_with_it() {
        let mut table = Table::new(&[("fds", Stand::Right), ("name", Stand::Flex)]).indent(2);
        table.row([Cell::from("7"), Cell::from("python3").tail(" [exec]")]);
        table.row([Cell::from("1024"), Cell::from("x".repeat(500)).tail(" [orphan]")]);
        let plain = assert_fits(&table.render());
        let lines: Vec<&str> = plain.lines().collect();
        assert_eq!(lines[..2], ["   fds  name", "     7  python3 [exec]"]);
        assert!(lines[2].starts_with("  1024  xxx") && lines[2].ends_with("x… [orphan]"), "{plain}");
        assert_eq!(width(lines[2]), WIDTH);
    }

    #[test]
    fn what_may_be_wrapped_goes_on_below() {
        let mut table = Table::new(&[("", Stand::Left), ("", Stand::Flex)]).wrapped(2);
        table.row([Cell::from("a"), Cell::from("word ".repeat(60))]);
        let plain = assert_fits(&table.render());
        assert_eq!(plain.lines().count(), 2);
        assert!(plain.lines().nth(1).unwrap().starts_with("   word") && plain.trim_end().ends_with('…'), "{plain}");
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_whatever_stands_in_it(cells in prop::collection::vec((any::<String>(), any::<String>()), 10), most in 1..4_usize) {
            let stands = [Stand::Right, Stand::Left, Stand::Flex];
            let heads: Vec<(&str, Stand)> =
                cells.iter().zip(stands.iter().cycle()).map(|((head, _), stand)| (head.as_str(), *stand)).collect();
            let mut table = Table::new(&heads).wrapped(most);
            table.row(cells.iter().map(|(text, tail)| Cell::from(text.repeat(9)).tail(printable(tail))));
            for line in table.render().lines() {
                prop_assert!(width(&anstream::adapter::strip_str(line).to_string()) <= WIDTH);
            }
            let (first, second) = &cells[0];
            for line in paragraph("  - ", &format!("{first} {second}").repeat(3)).lines() {
                prop_assert!(width(line) <= WIDTH);
            }
        }
    }
}
