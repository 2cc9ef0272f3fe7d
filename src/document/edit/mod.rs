//! Values set in the text of a file, and nothing else: comments, order, style and all other values stay as they were.
//!
//! Only the stretch of a value is replaced, or a key is put in beside its siblings, in their style. The result is parsed again and
//! held against the file as it was, so that a text in a form that was not thought of is refused and not spoilt.

mod check;
mod patch;

use regex::Regex;

use super::error::Span;
use super::tree::{Content, Node};
use super::{Document, FileError, Location, Place};
pub use patch::LineChange;
use patch::Patches;

/// A value to be set in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The keys that lead to it from the top. All but the last are there.
    pub keys: Vec<String>,
    /// What is to be written, one line of YAML: `27`, `384MiB`, `{max: 27}`. A value that is there must be a single one.
    pub value: String,
    /// Where the key is new, it goes behind the last of these siblings that is there, or else before all keys. `None`: behind
    /// all keys.
    pub after: Option<Vec<String>>,
}

/// A comment at the top of a file, of which there is one.
#[derive(Debug)]
pub struct Heading<'h> {
    /// What the comment looked like that an earlier time left.
    pub earlier: &'h Regex,
    /// The comment, one line, with its `#`.
    pub comment: String,
}

/// A text that was edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The whole text.
    pub text: String,
    /// The lines that differ, in the order of the file.
    pub lines: Vec<LineChange>,
}

impl Document {
    /// The text with values set, and a comment put at its top.
    ///
    /// # Errors
    /// A value cannot be set at its place without touching anything else. The text is as it was then.
    pub fn edited(&self, settings: &[Setting], heading: Option<&Heading<'_>>) -> Result<Edited, FileError> {
        let mut patches = Patches::of(&self.text);
        if let Some(heading) = heading {
            patches.head(heading);
        }
        for setting in settings {
            self.set(setting, &mut patches).ok_or_else(|| self.refused(setting))?;
        }
        let edited = patches.applied();
        match check::first_unexpected(self, &edited.text, settings) {
            None => Ok(edited),
            Some(at) => Err(FileError::new(
                &self.path,
                format!("the file cannot be edited in place: {at} would not be as it should"),
                "nothing was written; make the changes by hand",
            )),
        }
    }

    fn refused(&self, setting: &Setting) -> FileError {
        let path = setting.keys.join(".");
        let message = format!("`{path}` cannot be set without touching what is beside it");
        let help = format!("nothing was written; set it to `{}` by hand", setting.value);
        self.place_of(&setting.keys).map_or_else(
            || FileError::new(&self.path, message.clone(), help.clone()),
            |place| place.error(message.clone(), help.clone()),
        )
    }

    /// The place of a value, or of the nearest thing above it that is there.
    fn place_of(&self, keys: &[String]) -> Option<Place<'_>> {
        Some(keys.iter().fold(self.root(), |place, key| place.key(key)))
    }

    /// `None`: the text is in a form that is not edited.
    fn set(&self, setting: &Setting, patches: &mut Patches<'_>) -> Option<()> {
        let (name, above) = setting.keys.split_last()?;
        let parent = above.iter().try_fold(self.root(), |place, key| place.get(key))?;
        match parent.get(name) {
            Some(place) => replace(place.node()?, &setting.value, patches),
            None => insert(parent, &format!("{name}: {}", setting.value), setting.after.as_deref(), patches),
        }
    }
}

/// Puts a text in the place of a single value, in the quotes that it had.
fn replace(node: &Node, value: &str, patches: &mut Patches<'_>) -> Option<()> {
    let Content::Scalar { text, plain } = &node.content else { return None };
    let span = written(node, patches)?;
    let slice = patches.slice(span)?;
    if *plain && slice != text {
        return None;
    }
    let quote = slice.chars().next().filter(|_| !plain).map(String::from).unwrap_or_default();
    patches.within(span, format!("{quote}{value}{quote}"));
    Some(())
}

/// The stretch of a single value within its line, quotes included. The parser's own goes on over blanks and comments behind a
/// quote. `None`: it is a block of text (`|`, `>`), or goes on in the next line.
fn written(node: &Node, patches: &Patches<'_>) -> Option<Span> {
    let Content::Scalar { plain, .. } = &node.content else { return None };
    if *plain {
        return (node.value.start.line == node.value.end.line).then_some(node.value);
    }
    let rest = patches.rest(node.value.start)?;
    let mut letters = rest.chars().enumerate();
    let (_, quote) = letters.next().filter(|(_, first)| ['"', '\''].contains(first))?;
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' && quote == '"' {
            letters.next();
        } else if letter == quote {
            // Two single quotes are one that is meant.
            if quote == '\'' && rest.chars().nth(at + 1) == Some(quote) {
                letters.next();
            } else {
                return Some(Span::of(node.value.start, at + 1));
            }
        }
    }
    None
}

/// Puts a key with its value into a mapping.
fn insert(parent: Place<'_>, entry: &str, after: Option<&[String]>, patches: &mut Patches<'_>) -> Option<()> {
    let node = parent.node()?;
    let Content::Map(_, keys) = &node.content else { return None };
    let sibling = match after {
        None => keys.last(),
        Some(after) => after.iter().rev().find(|name| keys.contains(name)),
    };
    let sibling = sibling.and_then(|name| parent.get(name));
    let first = keys.first().and_then(|name| parent.get(name)).and_then(|place| place.node()?.key);
    match (sibling, first, in_brackets(node, patches)) {
        (Some(sibling), _, true) => patches.within(empty_at(end_of(sibling, patches)?), format!(", {entry}")),
        (None, Some(first), true) => patches.within(empty_at(first.start), format!("{entry}, ")),
        (None, None, true) => patches
            .within(empty_at(Location { column: node.value.start.column + 1, ..node.value.start }), entry.to_owned()),
        (_, Some(first), false) => {
            let line = match sibling {
                Some(sibling) => end_of(sibling, patches)?.line,
                None => first.start.line.checked_sub(1)?,
            };
            patches.line(line, format!("{}{entry}", " ".repeat(first.start.column.checked_sub(1)?)));
        }
        (_, None, false) => return None,
    }
    Some(())
}

fn empty_at(location: Location) -> Span {
    Span { start: location, end: location }
}

/// True for a list or mapping in brackets: `[…]`, `{…}`.
fn in_brackets(node: &Node, patches: &Patches<'_>) -> bool {
    let first = patches.slice(Span::of(node.value.start, 1));
    matches!(node.content, Content::Map(..) | Content::List(_)) && matches!(first, Some("{" | "["))
}

/// The place behind a value, with all that is in it.
fn end_of(place: Place<'_>, patches: &Patches<'_>) -> Option<Location> {
    let node = place.node()?;
    let last = match &node.content {
        Content::Scalar { plain: true, .. } => return Some(node.value.end),
        Content::Scalar { .. } => return written(node, patches).map(|span| span.end),
        Content::Map(..) | Content::List(_) if in_brackets(node, patches) => return Some(node.end),
        Content::Map(_, keys) => keys.last().and_then(|key| place.get(key)),
        Content::List(items) => items.len().checked_sub(1).map(|last| place.item(last)),
    };
    // Depth is bounded by the parser.
    end_of(last?, patches)
}

#[cfg(test)]
mod tests;
