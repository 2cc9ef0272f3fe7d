//! What pages are made of: finished strings in a few shapes that every renderer knows.

use serde::Serialize;

use crate::model::{Finding, Severity, Status, Unit, text};
use crate::report::chart::Svg;

/// Foreign text on one line, harmless for a terminal and of bounded length.
pub(crate) fn clip(foreign: &str, most: usize) -> String {
    // Cut before and after: escapes make text longer, and a megabyte is not worth escaping.
    let head: String = foreign.chars().take(most.saturating_add(1)).collect();
    let shown = text::printable(&head).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
    text::shorten(&shown, most)
}

/// A name of the night's own: a class, a scenario, a counter.
pub(crate) fn name(foreign: &str) -> String {
    clip(foreign, 120)
}

/// A sentence of the night's own.
pub(crate) fn sentence(foreign: &str) -> String {
    clip(foreign, 1200)
}

/// Minutes and seconds of a night: `4:05`, `1:02:03`.
pub(crate) fn clock(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    let whole = seconds.abs().round() as u64;
    let sign = if seconds <= -0.5 { "-" } else { "" };
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, m, s) => format!("{sign}{m}:{s:02}"),
        (h, m, s) => format!("{sign}{h}:{m:02}:{s:02}"),
    }
}

/// A difference with its sign: `+3`, `0`, `-1.5 MiB`.
pub(crate) fn signed(value: f64, unit: Unit) -> String {
    let said = text::amount(value, unit);
    if value > 0.0 && !said.starts_with('0') { format!("+{said}") } else { said }
}

/// A short list of names: `a, b, c and 4 more`.
pub(crate) fn listed(names: &[String], most: usize) -> String {
    let shown: Vec<&str> = names.iter().take(most).map(String::as_str).collect();
    match names.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A day in UTC: `22 Nov 2026`.
pub(crate) fn day(at: jiff::Timestamp) -> String {
    at.strftime("%-d %b %Y").to_string()
}

/// A day and a time in UTC: `Sun 22 Nov 2026, 02:00`.
pub(crate) fn moment(at: jiff::Timestamp) -> String {
    at.strftime("%a %-d %b %Y, %H:%M").to_string()
}

/// A shape with its word: nothing is told by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Mark {
    /// Which symbol of the template.
    pub(crate) icon: &'static str,
    /// Its colour.
    pub(crate) class: &'static str,
    /// What it says.
    pub(crate) word: &'static str,
}

impl Mark {
    pub(crate) const FAIL: Self = Self { icon: "i-fail", class: "bad", word: "fails" };
    pub(crate) const WARN: Self = Self { icon: "i-warn", class: "amb", word: "warning" };
    pub(crate) const OPEN: Self = Self { icon: "i-inc", class: "ok", word: "undecided" };
    pub(crate) const HOLDS: Self = Self { icon: "i-ok", class: "ok", word: "holds" };

    pub(crate) const KNOWN: Self = Self { icon: "i-warn", class: "ok", word: "acknowledged" };

    /// The mark of a finding.
    pub(crate) fn of_finding(finding: &Finding) -> Self {
        if finding.status == Status::Breaks && finding.ack.is_some() {
            return Self::KNOWN;
        }
        Self::of(finding.status, finding.severity)
    }

    /// The mark of a rule.
    pub(crate) fn of(status: Status, severity: Severity) -> Self {
        match (status, severity) {
            (Status::Breaks, Severity::Fail) => Self::FAIL,
            (Status::Breaks, Severity::Warn) => Self::WARN,
            (Status::Undecided, _) => Self::OPEN,
            (Status::Holds, _) => Self::HOLDS,
        }
    }
}

/// A piece of running text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "of", rename_all = "snake_case")]
pub(crate) enum Piece {
    /// Plain text.
    Plain(String),
    /// A command or a name.
    Code(String),
    /// A link.
    Link { text: String, href: String },
}

impl Piece {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::Plain(text.into())
    }

    pub(crate) fn link(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self::Link { text: text.into(), href: href.into() }
    }

    /// What it says, without what it is.
    pub(crate) fn words(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Code(text) | Self::Link { text, .. } => text,
        }
    }
}

/// A term and what is to be said of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Fact {
    pub(crate) term: String,
    pub(crate) value: String,
    /// Colour or weight of the value.
    pub(crate) class: &'static str,
    /// A second, smaller line.
    pub(crate) sub: String,
    /// The moment whose age the value is, so that a script can say it anew.
    pub(crate) time: Option<String>,
}

impl Fact {
    pub(crate) fn new(term: impl Into<String>, value: impl Into<String>) -> Self {
        Self { term: term.into(), value: value.into(), ..Self::default() }
    }

    pub(crate) fn sub(mut self, sub: impl Into<String>) -> Self {
        self.sub = sub.into();
        self
    }

    pub(crate) fn class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// `r` for figures, `opt` for what a phone leaves out, `m` for fixed width, `w` for what may wrap.
    pub(crate) class: &'static str,
    /// An axis instead of a name.
    pub(crate) svg: Option<Svg>,
}

/// A column with a name and a class.
pub(crate) fn column(name: &str, class: &'static str) -> Column {
    Column { name: name.to_owned(), class, svg: None }
}

/// A cell of a table; its column says how it is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) sub: String,
    pub(crate) mark: Option<Mark>,
    pub(crate) svg: Option<Svg>,
    pub(crate) href: Option<String>,
    /// True where the text is what the row is about.
    pub(crate) strong: bool,
}

impl Cell {
    pub(crate) fn marked(mark: Mark, text: impl Into<String>) -> Self {
        Self { mark: Some(mark), ..Self::from(text.into()) }
    }

    pub(crate) fn drawn(svg: Svg, text: impl Into<String>) -> Self {
        Self { svg: Some(svg), ..Self::from(text.into()) }
    }

    pub(crate) fn strong(text: impl Into<String>) -> Self {
        Self { strong: true, ..Self::from(text.into()) }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

/// A table; the first cell of a row is its heading.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Table {
    pub(crate) caption: String,
    /// True where the caption is only for those who do not see the table.
    pub(crate) quiet: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
    /// What was left out, and where it is.
    pub(crate) more: String,
}

impl Table {
    pub(crate) fn new(caption: &str, columns: Vec<Column>) -> Self {
        Self { caption: caption.to_owned(), columns, ..Self::default() }
    }

    pub(crate) fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Keeps `most` rows and says how many more there are, and where.
    pub(crate) fn cut(mut self, most: usize, place: &str) -> Self {
        let more = self.rows.len().saturating_sub(most);
        if more > 0 {
            self.rows.truncate(most);
            self.more = format!("and {more} more, in {place}");
        }
        self
    }

    /// Splits the table after `most` rows: what is shown at once, and what a click opens.
    pub(crate) fn fold(mut self, most: usize, what: &str) -> Vec<Block> {
        // A fold that hides two rows is a nuisance.
        if self.rows.len() <= most + 2 {
            return vec![Block::Table(self)];
        }
        let rest = self.rows.split_off(most);
        let more = std::mem::take(&mut self.more);
        let summary = format!("{} more {what}", rest.len());
        let caption = format!("{}, continued", self.caption);
        let table = Self { caption, quiet: true, columns: self.columns.clone(), rows: rest, more };
        vec![Block::Table(self), Block::Fold { summary, table }]
    }
}

/// A chart with its caption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Figure {
    pub(crate) mark: Option<Mark>,
    pub(crate) title: String,
    pub(crate) note: String,
    pub(crate) svg: Svg,
}

/// The lines of a chart by name: a legend, and with the page's script a button for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Keys {
    /// What the names are names of.
    pub(crate) label: String,
    /// True where the lines are stacked, so that those above one that is hidden come down.
    pub(crate) stacked: bool,
    pub(crate) keys: Vec<Key>,
}

/// One line of a chart: its place in the list is its key in the chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Key {
    pub(crate) name: String,
    /// How it is drawn.
    pub(crate) class: &'static str,
    /// The columns of the page's data that it sums up, separated by spaces.
    pub(crate) columns: String,
}

impl Key {
    pub(crate) fn new(name: impl Into<String>, class: &'static str, columns: &[usize]) -> Self {
        let columns: Vec<String> = columns.iter().map(usize::to_string).collect();
        Self { name: name.into(), class, columns: columns.join(" ") }
    }
}

/// A part of a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "of", rename_all = "snake_case")]
pub(crate) enum Block {
    /// A paragraph.
    Text(String),
    /// Text as it stands, with its line breaks.
    Pre(String),
    /// A heading and lines below it.
    List { title: String, lines: Vec<String> },
    /// Terms side by side.
    Facts(Vec<Fact>),
    /// Terms one below the other.
    Terms(Vec<Fact>),
    /// A table.
    Table(Table),
    /// A table behind a click.
    Fold { summary: String, table: Table },
    /// A large chart.
    Figure(Figure),
    /// What shows and hides the lines of the chart right before it.
    Keys(Keys),
    /// The figures of a chart, for those who do not see it; behind a click.
    Figures { summary: String, table: Table },
    /// Small charts side by side.
    Multiples(Vec<Figure>),
    /// A wide and a narrow column.
    Pair { wide: Vec<Block>, narrow: Vec<Block> },
}

/// A section of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Section {
    pub(crate) id: &'static str,
    /// Its name in the list of sections.
    pub(crate) short: String,
    pub(crate) title: String,
    pub(crate) note: String,
    pub(crate) blocks: Vec<Block>,
}

impl Section {
    pub(crate) fn new(id: &'static str, short: &str, title: impl Into<String>, note: impl Into<String>) -> Self {
        Self { id, short: short.to_owned(), title: title.into(), note: note.into(), blocks: Vec::new() }
    }

    /// The section, if there is anything in it.
    pub(crate) fn filled(self) -> Option<Self> {
        (!self.blocks.is_empty()).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_times_differences_and_lists_as_people_do() {
        assert_eq!(clock(245.0), "4:05");
        assert_eq!(clock(3723.0), "1:02:03");
        assert_eq!(clock(-12.0), "-0:12");
        assert_eq!(signed(3.0, Unit::Count), "+3");
        assert_eq!(signed(0.01, Unit::Count), "0");
        assert_eq!(signed(-1.0, Unit::Count), "-1");
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()], 2), "a, b and 1 more");
    }

    #[test]
    fn bounds_foreign_text_before_it_escapes_it() {
        let text = clip(&"\u{0}".repeat(1 << 20), 50);
        assert_eq!(text.chars().count(), 50);
        assert!(text.starts_with("\\u{0}") && text.ends_with('…'));
    }

    #[test]
    fn a_table_that_was_cut_says_how_much_is_missing_and_where() {
        let mut table = Table::new("t", vec![column("a", "")]);
        table.rows = (0..10).map(|n| vec![Cell::from(n.to_string())]).collect();
        let cut = table.cut(7, "samples.jsonl");
        assert_eq!((cut.rows.len(), cut.more.as_str()), (7, "and 3 more, in samples.jsonl"));
        let blocks = cut.fold(2, "rows");
        let [Block::Table(shown), Block::Fold { summary, table }] = blocks.as_slice() else { panic!("{blocks:?}") };
        assert_eq!((shown.rows.len(), shown.more.as_str()), (2, ""));
        assert_eq!((summary.as_str(), table.more.as_str()), ("5 more rows", "and 3 more, in samples.jsonl"));
    }
}
