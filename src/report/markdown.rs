//! The page as Markdown: it fits a step summary, the worst comes first, and foreign text stays text.

use std::fmt::Write as _;

use super::gate::GatePage;
use super::page::Page;
use super::page::parts::{Block, Cell, Fact, Piece, Section, Table};

/// A step summary over 1,024 KiB is dropped whole; this stays well below.
const MOST: usize = 900 * 1024;

/// The text with everything that Markdown, HTML or a forge would make something of turned into an entity.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A word joiner keeps a name from being called and an issue from being linked; an entity alone would be decoded
            // before that.
            '@' => out.push_str("&#64;&#8288;"),
            '#' => out.push_str("&#35;&#8288;"),
            '\n' | '\r' => out.push(' '),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '!' | '$' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    // A colon alone is harmless and frequent; in front of two slashes it makes a link.
    out.replace("://", "&#58;//").replace("www.", "www&#46;")
}

/// Text that may stand at the beginning of a line.
fn line(text: &str) -> String {
    let text = escape(text);
    match text.chars().next() {
        Some('-' | '+' | '=') => format!("&#8203;{text}"),
        // `1.` and `1)` would begin a list.
        Some('0'..='9') if text.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['.', ')']) => {
            format!("&#8203;{text}")
        }
        _ => text,
    }
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// Text as it stands: between fences that it cannot close, or, where it could be taken for markup, with entities.
fn fenced(text: &str) -> String {
    if text.contains(['<', '@']) {
        let lines: Vec<String> = text.lines().map(escape).collect();
        // A blank line would not end the element, but some readers think so.
        return format!("<pre>{}</pre>\n\n", lines.join("\n").replace("\n\n", "\n&#8203;\n"));
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}text\n{text}\n{fence}\n\n")
}

/// The page, cut with a count where it would grow too long.
pub(crate) fn render(page: &Page) -> String {
    let mut out = Sheet::default();
    out.push(&format!("# {}: {}\n\n", page.headline.word, escape(&page.scenario)));
    out.push(&format!("**{}**\n\n", escape(&page.headline.reason)));
    out.push(&format!("**Do:** {}\n\n", pieces(&page.headline.advice)));
    out.push(&facts(&page.headline.facts));
    out.push(&facts(&page.since.facts));
    if let Some(failure) = &page.failure {
        out.section(failure);
    }
    if !page.findings.is_empty() {
        out.push(&format!("## Findings ({})\n\n", escape(&page.tally)));
        for card in &page.findings {
            let rule = if card.rule.is_empty() { String::new() } else { format!(" {}", code(&card.rule)) };
            out.push(&format!("### {}. {}{rule}\n\n", card.number, escape(&card.title)));
            let chips = card.chips.join(", ");
            out.push(&format!("{}, {}: {}\n\n", escape(card.mark.word), escape(&chips), line(&card.sentence)));
            out.blocks(&card.blocks);
            for foot in &card.foot {
                out.push(&format!("{}: {}\n\n", foot.term, pieces(&foot.text)));
            }
        }
    }
    if let Some(further) = &page.further {
        out.table(further);
    }
    for section in &page.sections {
        out.section(section);
    }
    out.push(&format!("{}\n", line(&page.footer)));
    out.finish()
}

/// The page of a gate, cut in the same way.
pub(crate) fn gate(page: &GatePage) -> String {
    let mut out = Sheet::default();
    out.push(&format!("# {}: gate of {}\n\n", page.headline.word, escape(&page.scenario)));
    out.push(&format!("**{}**\n\n", escape(&page.headline.reason)));
    out.push(&format!("**Do:** {}\n\n", pieces(&page.headline.advice)));
    out.push(&facts(&page.headline.facts));
    for section in &page.sections {
        // Charts alone are for the page.
        if !section.blocks.iter().all(|block| matches!(block, Block::Multiples(_))) {
            out.section(section);
        }
    }
    out.push(&format!("{}\n", line(&page.footer)));
    out.finish()
}

fn pieces(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Plain(text) => escape(text),
            Piece::Code(text) => code(text),
            // Anchors of the page lead nowhere from here.
            Piece::Link { .. } => escape(piece.words()),
        })
        .collect()
}

fn facts(facts: &[Fact]) -> String {
    let mut out = String::new();
    for fact in facts {
        let sub = if fact.sub.is_empty() { String::new() } else { format!(" ({})", escape(&fact.sub)) };
        let _ = writeln!(out, "- {}: **{}**{sub}", escape(&fact.term), escape(&fact.value));
    }
    out.push('\n');
    out
}

/// The sheet so far. Once it is full, the rest is counted instead of written.
#[derive(Default)]
struct Sheet {
    text: String,
    full: bool,
    left: usize,
}

impl Sheet {
    fn push(&mut self, piece: &str) -> bool {
        // Room for the line that says what is missing.
        if self.full || self.text.len() + piece.len() > MOST - 200 {
            self.full = true;
            self.left += 1;
            return false;
        }
        self.text.push_str(piece);
        true
    }

    fn section(&mut self, section: &Section) {
        let note = if section.note.is_empty() { String::new() } else { format!("{}\n\n", line(&section.note)) };
        self.push(&format!("## {}\n\n{note}", escape(&section.title)));
        self.blocks(&section.blocks);
    }

    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            match block {
                Block::Text(text) => {
                    self.push(&format!("{}\n\n", line(text)));
                }
                Block::Pre(text) => {
                    self.push(&fenced(text));
                }
                Block::List { title, lines } => {
                    let items: String = lines.iter().map(|item| format!("- {}\n", escape(item))).collect();
                    self.push(&format!("{}:\n\n{items}\n", escape(title)));
                }
                Block::Facts(list) | Block::Terms(list) => {
                    self.push(&facts(list));
                }
                Block::Table(table) => self.table(table),
                Block::Fold { summary, table } => {
                    if self.push(&format!("<details><summary>{}</summary>\n\n", escape(summary))) {
                        self.table(table);
                        // The element is closed even where its rows were cut.
                        self.text.push_str("</details>\n\n");
                    }
                }
                Block::Pair { wide, narrow } => {
                    self.blocks(wide);
                    self.blocks(narrow);
                }
                // Charts are for the page; what is said of a large one is not.
                Block::Figure(figure) => {
                    if let Some(mark) = figure.mark {
                        self.push(&format!(
                            "{}: {}: {}\n\n",
                            escape(mark.word),
                            escape(&figure.title),
                            escape(&figure.note)
                        ));
                    }
                }
                Block::Multiples(_) | Block::Keys(_) | Block::Figures { .. } => {}
            }
        }
    }

    fn table(&mut self, table: &Table) {
        let shown: Vec<bool> = table
            .columns
            .iter()
            .enumerate()
            .map(|(n, _)| table.rows.iter().any(|row| row.get(n).is_some_and(said)))
            .collect();
        let names = table.columns.iter().zip(&shown).filter(|(_, shown)| **shown);
        let mut head = String::from("|");
        let mut rule = String::from("|");
        for (column, _) in names {
            let _ = write!(head, " {} |", escape(&column.name));
            let right = column.class.split(' ').any(|class| class == "r");
            rule.push_str(if right { " ---: |" } else { " --- |" });
        }
        if !self.push(&format!("{head}\n{rule}\n")) {
            self.left += table.rows.len();
            return;
        }
        for row in &table.rows {
            let mut text = String::from("|");
            for (cell, _) in row.iter().zip(&shown).filter(|(_, shown)| **shown) {
                let _ = write!(text, " {} |", self::cell(cell));
            }
            text.push('\n');
            self.push(&text);
        }
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
        if !table.more.is_empty() {
            self.push(&format!("{}\n\n", line(&table.more)));
        }
    }

    fn finish(mut self) -> String {
        if self.full {
            let _ = writeln!(self.text, "\n… and {} more lines, in report.html and findings.json", self.left);
        }
        self.text
    }
}

fn said(cell: &Cell) -> bool {
    !cell.text.is_empty() || cell.mark.is_some()
}

fn cell(cell: &Cell) -> String {
    let mark = cell.mark.map(|mark| format!("{}: ", mark.word)).unwrap_or_default();
    let sub = if cell.sub.is_empty() { String::new() } else { format!(" ({})", escape(&cell.sub)) };
    format!("{}{}{sub}", mark, escape(&cell.text))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, HOSTILE};
    use super::*;
    use crate::model::Finding;

    #[test]
    fn hostile_text_stays_text() {
        let text = escape("a|b `c` <img src=x> &amp; @team [x](http://evil) *b* www.evil.example\n# h");
        for bad in ["|", "`", "<", "@", "[", "*", "\n", "://", "www."] {
            assert!(!text.contains(bad), "{bad}: {text}");
        }
        assert!(text.contains("&#64;&#8288;team"));
    }

    #[test]
    fn a_fence_cannot_be_closed_from_inside() {
        assert!(fenced("a\n`````\nb").starts_with("``````text\n"));
    }

    #[test]
    fn issues_and_people_are_not_called() {
        assert_eq!(escape("@user #1 o/r#2"), "&#64;&#8288;user &#35;&#8288;1 o/r&#35;&#8288;2");
    }

    /// A night with so many breaches, each with its own hostile name.
    fn many(count: usize, named: impl Fn(usize) -> String) -> crate::model::StoredNight {
        let mut night = testing::leaking(30);
        let assessment = night.assessment.as_mut().unwrap();
        let broken = assessment.findings.first().unwrap().clone();
        assessment.causes.clear();
        assessment.findings = (0..count)
            .map(|n| Finding {
                class: named(n),
                subject: format!("process {}", named(n)),
                fingerprint: format!("{n:08x}"),
                sentence: named(n),
                ..broken.clone()
            })
            .collect();
        night
    }

    #[test]
    fn ten_thousand_findings_stay_below_the_limit_worst_first_and_counted() {
        let night = many(10_000, |n| format!("{n} {}", HOSTILE.repeat(5)));
        let text = render(&Page::new(&night, None, &[]));
        assert!(text.len() <= MOST, "{}", text.len());
        assert!(text.starts_with("# FAIL: "));
        let first = text.find("## Findings (10000 of severity fail").expect("how many there are");
        assert!(first < text.find("### 1. ").expect("the first of them"));
        assert!(text.contains("more, in findings.json") || text.contains("more lines, in report.html"), "what was cut");
        for bad in ["<img", "<script", "]]> <!--", "\0", "\u{1b}", "\u{202e}", "@team", "\n# head"] {
            assert!(!text.contains(bad), "{bad:?}");
        }
    }

    #[test]
    fn names_of_a_megabyte_are_cut() {
        let night = many(50, |n| format!("{n} {}", "|`<a>\n".repeat(1 << 18)));
        let text = render(&Page::new(&night, None, &[]));
        assert!(text.len() <= MOST, "{}", text.len());
    }

    #[test]
    fn a_full_sheet_counts_what_it_leaves_out() {
        let mut sheet = Sheet::default();
        for _ in 0..2000 {
            sheet.push(&"x".repeat(1000));
        }
        let text = sheet.finish();
        assert!(text.len() <= MOST && text.contains("more lines, in report.html"), "{}", text.len());
    }
}
