//! Where every key and value of a document stands.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::Regex;

use super::error::Span;
use super::quantity::{self, QuantityError};
use super::{Document, FileError, Location};

/// All nodes of a document; the first one is the whole.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
}

/// A value with its key.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) parent: usize,
    pub(super) step: Step,
    /// The key, where there is one.
    pub(super) key: Option<Span>,
    pub(super) value: Span,
    /// The place behind a list or mapping in brackets; of one without them, where the next thing begins.
    pub(super) end: Location,
    pub(super) content: Content,
}

/// How a node is reached from its parent.
#[derive(Debug)]
pub(super) enum Step {
    Root,
    Key(String),
    Item(usize),
}

#[derive(Debug)]
pub(super) enum Content {
    Scalar {
        /// The text with quotes and escapes undone.
        text: String,
        /// Written without quotes.
        plain: bool,
    },
    /// Nodes by key, and the keys in the order of the file.
    Map(BTreeMap<String, usize>, Vec<String>),
    List(Vec<usize>),
}

impl Node {
    /// A value that says nothing: `~`, `null`, or none at all.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The stretch that an error about the value underlines: a scalar, else the key of what spans many lines.
    fn span(&self) -> Span {
        match (&self.content, self.key) {
            (Content::Scalar { text, plain: true }, Some(key)) if text.is_empty() => key,
            (Content::Scalar { .. }, _) => self.value,
            (Content::Map(..) | Content::List(_), Some(key)) => key,
            (Content::Map(..) | Content::List(_), None) => Span::of(self.value.start, 1),
        }
    }
}

/// A value of a document, by the way that leads to it. Copied freely while a wire form is resolved.
#[derive(Debug, Clone, Copy)]
pub struct Place<'d> {
    document: &'d Document,
    node: usize,
}

impl<'d> Place<'d> {
    pub(super) fn root(document: &'d Document) -> Self {
        Self { document, node: 0 }
    }

    pub(super) fn node(self) -> Option<&'d Node> {
        self.document.tree.nodes.get(self.node)
    }

    /// The value of a key; this place itself where there is no such key, so that an error has a place in any case.
    pub fn key(self, name: &str) -> Self {
        self.get(name).unwrap_or(self)
    }

    /// The value of a key, if the file has it.
    pub fn get(self, name: &str) -> Option<Self> {
        match &self.node()?.content {
            Content::Map(nodes, _) => nodes.get(name).map(|&node| Self { node, ..self }),
            Content::Scalar { .. } | Content::List(_) => None,
        }
    }

    /// An item of a list, from 0; this place itself where there is no such item.
    pub fn item(self, index: usize) -> Self {
        match self.node().map(|node| &node.content) {
            Some(Content::List(nodes)) => nodes.get(index).map_or(self, |&node| Self { node, ..self }),
            Some(Content::Scalar { .. } | Content::Map(..)) | None => self,
        }
    }

    /// How many items a list has; 0 for what is no list.
    pub fn items(self) -> usize {
        match self.node().map(|node| &node.content) {
            Some(Content::List(nodes)) => nodes.len(),
            Some(Content::Scalar { .. } | Content::Map(..)) | None => 0,
        }
    }

    /// What this place is in; the root itself for the root.
    pub fn parent(self) -> Self {
        Self { node: self.node().map_or(0, |node| node.parent), ..self }
    }

    /// The keys of a mapping, in the order of the file.
    pub fn keys(self) -> &'d [String] {
        match self.node().map(|node| &node.content) {
            Some(Content::Map(_, keys)) => keys,
            Some(Content::Scalar { .. } | Content::List(_)) | None => &[],
        }
    }

    /// The text of a single value as it was written, so that `1.10` does not become `1.1`.
    pub fn text(self) -> Option<&'d str> {
        match &self.node()?.content {
            Content::Scalar { text, .. } => Some(text),
            Content::Map(..) | Content::List(_) => None,
        }
    }

    pub(super) fn is_null(self) -> bool {
        self.node().is_some_and(Node::is_null)
    }

    /// The last key or number on the way here; the noun of the file at its root.
    pub fn name(self) -> String {
        match self.node().map(|node| &node.step) {
            Some(Step::Key(key)) => key.clone(),
            Some(Step::Item(index)) => format!("[{index}]"),
            Some(Step::Root) | None => self.document.kind.whole.to_owned(),
        }
    }

    /// The way here as people write it, `target.env.PORT` or `seed[2].post`, items from 0 as in JSONPath; empty at the root.
    pub fn path(self) -> String {
        let mut steps = Vec::new();
        let mut at = self.node();
        while let Some(node) = at {
            match &node.step {
                Step::Root => break,
                Step::Key(key) => steps.push(format!(".{key}")),
                Step::Item(index) => steps.push(format!("[{index}]")),
            }
            at = self.document.tree.nodes.get(node.parent);
        }
        let path: String = steps.into_iter().rev().collect();
        path.strip_prefix('.').map(str::to_owned).unwrap_or(path)
    }

    /// The way here in the quotes of messages, or what the whole file is called.
    pub(crate) fn quoted(self) -> String {
        let path = self.path();
        if path.is_empty() { self.document.kind.whole.to_owned() } else { format!("`{path}`") }
    }

    /// Where the value stands.
    pub fn location(self) -> Location {
        self.node().map(Node::span).unwrap_or_default().start
    }

    /// Where the key stands; where the value stands if there is no key.
    pub fn key_location(self) -> Location {
        self.node().map(|node| node.key.unwrap_or_else(|| node.span())).unwrap_or_default().start
    }

    /// An error about the value. The message is a lowercase fragment, the help says what to write instead.
    pub fn error(self, message: impl Into<String>, help: impl Into<String>) -> FileError {
        self.report(self.node().map(Node::span), message, help)
    }

    /// An error about the key of the value.
    pub fn key_error(self, message: impl Into<String>, help: impl Into<String>) -> FileError {
        self.report(self.node().map(|node| node.key.unwrap_or_else(|| node.span())), message, help)
    }

    fn report(self, span: Option<Span>, message: impl Into<String>, help: impl Into<String>) -> FileError {
        let (path, text) = (&self.document.path, &self.document.text);
        FileError::located(path, text, span.unwrap_or_default(), message, help)
    }

    /// Reads a quantity out of the value's text.
    fn quantity<T>(self, written: &str, read: impl Fn(&str) -> Result<T, QuantityError>) -> Result<T, FileError> {
        read(written)
            .map_err(|QuantityError { problem, help }| self.error(format!("{}: {problem}", self.quoted()), help))
    }

    /// A duration of at least a millisecond.
    ///
    /// # Errors
    /// The text is none.
    pub fn duration(self, written: &str) -> Result<Duration, FileError> {
        self.quantity(written, quantity::duration)
    }

    /// A duration, zero allowed.
    ///
    /// # Errors
    /// The text is none.
    pub fn duration_or_zero(self, written: &str) -> Result<Duration, FileError> {
        self.quantity(written, quantity::duration_or_zero)
    }

    /// A regular expression.
    ///
    /// # Errors
    /// The text is none.
    pub fn regex(self, written: &str) -> Result<Regex, FileError> {
        Regex::new(written).map_err(|error| {
            // The error draws the pattern over several lines; the last one says what is wrong.
            let text = error.to_string();
            let problem = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let help =
                "check brackets and backslashes; in double quotes YAML wants `\\\\` for `\\`, in single quotes not";
            self.error(format!("{} is not a regular expression: {problem}", self.quoted()), help)
        })
    }

    /// A size in bytes.
    ///
    /// # Errors
    /// The text is none.
    pub fn size(self, written: &str) -> Result<u64, FileError> {
        self.quantity(written, quantity::size)
    }
}
