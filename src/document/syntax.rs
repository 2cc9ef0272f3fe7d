//! From text to the tree of places and to values, refusing what a configuration file has no use for.

use std::collections::BTreeMap;
use std::path::Path;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use super::error::{self, Span};
use super::tree::{Content, Node, Step, Tree};
use super::{FileError, Kind, Location};

/// Deeper than any sensible file, and shallow enough for every recursion over it.
const DEEPEST: usize = 64;

/// Parses a text twice, for its places and for its values.
pub(super) fn parse(path: &Path, text: &str, kind: Kind) -> Result<(Tree, serde_yaml::Value), FileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    refuse_control_characters(path, text)?;
    let tree = Builder { path, text, kind, nodes: Vec::new(), open: Vec::new() }.build()?;
    let value = serde_yaml::from_str(text).map_err(|error| {
        let at = error
            .location()
            .map_or(Location { line: 1, column: 1 }, |at| Location { line: at.line(), column: at.column() });
        let message = error.to_string();
        // The place is shown beside the message already.
        let message = message.split(" at line ").next().unwrap_or_default();
        malformed(path, text, at, message)
    })?;
    Ok((tree, value))
}

/// The parsers refuse them too, but say less well where.
fn refuse_control_characters(path: &Path, text: &str) -> Result<(), FileError> {
    let Some(at) = text.find(|c: char| c.is_control() && !['\t', '\n', '\r', '\u{85}'].contains(&c)) else {
        return Ok(());
    };
    let code = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, u32::from);
    let span = Span::of(error::end_of(text.get(..at).unwrap_or_default()), 1);
    let help = format!("remove it; in double quotes it can be written as `\\x{code:02x}`");
    Err(FileError::located(path, text, span, format!("the file holds a control character, U+{code:04X}"), help))
}

/// An error of one of the parsers; a tab, where one stands there, explains more than they do.
fn malformed(path: &Path, text: &str, at: Location, what: &str) -> FileError {
    if let Some(span) = tab_near(text, at, what) {
        let help = "replace the tab with spaces";
        return FileError::located(path, text, span, "a tab is used where YAML takes only spaces", help);
    }
    if what.contains("recursion limit") {
        return too_deep(path, text, at);
    }
    let help = if what.contains("mapping values") || what.contains("':'") || what.contains("implicit key") {
        "check the indentation, and put quotes around text that holds `: `"
    } else {
        "check quotes, brackets and indentation here and on the line before"
    };
    FileError::located(path, text, Span::of(at, 1), format!("the file is not valid YAML: {what}"), help)
}

/// The tab that a parser stumbled over: in the indentation of the line or of the line before, or right at the place.
fn tab_near(text: &str, at: Location, what: &str) -> Option<Span> {
    // A plain text is reported where it begins, and the tab may be lines further down. Further up it is no harm: a block
    // of text may hold tabs.
    let last = if what.contains("tab") { usize::MAX } else { at.line };
    let first = at.line.saturating_sub(1).max(1);
    let indented = error::lines(text).zip(1..=last).skip(first - 1).find_map(|(line, number)| {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let tab = line.get(..indent)?.find('\t').filter(|_| indent < line.len())?;
        Some(Span::of(Location { line: number, column: tab + 1 }, indent - tab))
    });
    indented.or_else(|| {
        let line = error::lines(text).nth(at.line.saturating_sub(1))?;
        let is_tab = |column: &usize| line.chars().nth(column.saturating_sub(1)) == Some('\t');
        let column = [at.column, at.column.saturating_sub(1)].into_iter().find(is_tab)?;
        Some(Span::of(Location { column, ..at }, 1))
    })
}

fn too_deep(path: &Path, text: &str, at: Location) -> FileError {
    let message = format!("the values are nested more than {DEEPEST} deep");
    FileError::located(path, text, Span::of(at, 1), message, "nest less deeply; is a bracket left open?")
}

/// Grows the tree event by event, so that depth costs no stack.
struct Builder<'t> {
    path: &'t Path,
    text: &'t str,
    kind: Kind,
    nodes: Vec<Node>,
    open: Vec<Open>,
}

/// A collection whose end has not come yet.
struct Open {
    node: usize,
    /// A key that waits for its value.
    key: Option<(String, Span)>,
}

impl Builder<'_> {
    fn build(mut self) -> Result<Tree, FileError> {
        let mut documents = 0;
        let mut parser = Parser::new_from_str(self.text);
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| self.scan_error(&error))?;
            let span = Span { start: location(&span.start), end: location(&span.end) };
            match event {
                Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        let help = format!("keep one {} in a file, without a line of `---` inside", self.kind.noun);
                        return Err(self.refuse(span, "the file holds more than one YAML document", help));
                    }
                }
                Event::Alias(_) => {
                    let help = "write the value out; aliases (`*name`) are not read";
                    return Err(self.refuse(span, "an alias is used", help));
                }
                Event::Scalar(text, style, _, tag) => {
                    self.check_tag(tag.as_deref(), span)?;
                    self.scalar(text.into_owned(), style, span)?;
                }
                Event::SequenceStart(_, tag) => {
                    self.check_tag(tag.as_deref(), span)?;
                    self.collection(Content::List(Vec::new()), span)?;
                }
                Event::MappingStart(_, tag) => {
                    self.check_tag(tag.as_deref(), span)?;
                    self.collection(Content::Map(BTreeMap::new(), Vec::new()), span)?;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some(node) = self.open.pop().and_then(|open| self.nodes.get_mut(open.node)) {
                        node.end = span.end;
                    }
                }
            }
        }
        self.check_root()?;
        Ok(Tree { nodes: self.nodes })
    }

    fn refuse(&self, span: Span, message: impl Into<String>, help: impl Into<String>) -> FileError {
        FileError::located(self.path, self.text, span, message, help)
    }

    fn scan_error(&self, error: &ScanError) -> FileError {
        malformed(self.path, self.text, location(error.marker()), error.info())
    }

    fn check_root(&self) -> Result<(), FileError> {
        let first = Span::of(Location { line: 1, column: 1 }, 1);
        match self.nodes.first() {
            Some(Node { content: Content::Map(..), .. }) => Ok(()),
            Some(node) if !node.is_null() => {
                let help = format!("write keys with values: {}", self.kind.smallest);
                Err(self.refuse(node.value, format!("{} is not a mapping of keys", self.kind.whole), help))
            }
            Some(_) | None => {
                Err(self.refuse(first, "the file is empty", format!("the least it needs: {}", self.kind.smallest)))
            }
        }
    }

    fn check_tag(&self, tag: Option<&Tag>, span: Span) -> Result<(), FileError> {
        match tag {
            Some(tag) if !tag.is_yaml_core_schema() => {
                let message = format!("the tag `{}{}` is not known", tag.handle, tag.suffix);
                Err(self.refuse(span, message, "put quotes around text that begins with `!`; tags are not read"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, span: Span) -> Result<(), FileError> {
        if self.awaits_key() {
            return self.take_key(text, span);
        }
        let plain = style == ScalarStyle::Plain;
        if plain && matches!(text.to_ascii_lowercase().as_str(), ".nan" | ".inf" | "+.inf" | "-.inf") {
            let help = "write a number, or put quotes around what is meant as text";
            return Err(self.refuse(span, format!("`{text}` is no number to work with"), help));
        }
        self.add(Content::Scalar { text, plain }, span);
        Ok(())
    }

    fn collection(&mut self, content: Content, span: Span) -> Result<(), FileError> {
        if self.awaits_key() {
            let help = "put quotes around a template: `\"{{ name }}\"`";
            return Err(self.refuse(Span::of(span.start, 1), "a mapping or list is used as a key", help));
        }
        if self.open.len() >= DEEPEST {
            return Err(too_deep(self.path, self.text, span.start));
        }
        let node = self.add(content, span);
        self.open.push(Open { node, key: None });
        Ok(())
    }

    /// The next scalar is a key: a mapping is open and has none that waits.
    fn awaits_key(&self) -> bool {
        self.open.last().is_some_and(|open| {
            open.key.is_none() && matches!(self.nodes.get(open.node).map(|node| &node.content), Some(Content::Map(..)))
        })
    }

    fn take_key(&mut self, text: String, span: Span) -> Result<(), FileError> {
        if text == "<<" {
            let help = "write the keys out; merge keys are not read";
            return Err(self.refuse(span, "a merge key (`<<`) is used", help));
        }
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        let first = match self.nodes.get(open.node).map(|node| &node.content) {
            Some(Content::Map(keys, _)) => keys.get(&text).and_then(|&node| self.nodes.get(node)),
            Some(Content::Scalar { .. } | Content::List(_)) | None => None,
        };
        if let Some(first) = first {
            let line = first.key.unwrap_or(first.value).start.line;
            let help = format!("it stands on line {line} already; remove one of the two");
            return Err(self.refuse(span, format!("the key `{text}` is there twice"), help));
        }
        open.key = Some((text, span));
        Ok(())
    }

    fn add(&mut self, content: Content, value: Span) -> usize {
        let id = self.nodes.len();
        let (parent, step, key) = match self.open.last_mut() {
            None => (0, Step::Root, None),
            Some(open) => match (self.nodes.get_mut(open.node).map(|node| &mut node.content), open.key.take()) {
                (Some(Content::Map(nodes, keys)), Some((name, span))) => {
                    nodes.insert(name.clone(), id);
                    keys.push(name.clone());
                    (open.node, Step::Key(name), Some(span))
                }
                (Some(Content::List(items)), _) => {
                    items.push(id);
                    (open.node, Step::Item(items.len() - 1), None)
                }
                (Some(Content::Map(..) | Content::Scalar { .. }) | None, _) => (open.node, Step::Root, None),
            },
        };
        self.nodes.push(Node { parent, step, key, value, end: value.end, content });
        id
    }
}

fn location(marker: &Marker) -> Location {
    Location { line: marker.line(), column: marker.col() + 1 }
}
