//! A YAML file read strictly: size-capped, no duplicate or unknown keys, every error with file, line, column and the line itself.
//!
//! The text is parsed twice. `saphyr-parser` gives a tree of places, and refuses what a configuration file has no use for
//! (aliases, merge keys, tags, several documents); `serde_yaml` gives the values. Both must agree that the text is YAML.
//! A [`Place`] points into the tree, so that an error found long after the parsing still shows the line it is about.

mod decode;
mod edit;
mod error;
pub(crate) mod form;
mod quantity;
mod read;
mod schema;
mod syntax;
mod tree;
mod wire;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

pub use edit::{Edited, Heading, LineChange, Setting};
pub use error::FileError;
pub use quantity::{QuantityError, duration, duration_or_zero, size, written};
pub use tree::Place;
pub use wire::{Choice, Either, OneOrMany, Ordered, Scalar};

pub(crate) use error::{did_you_mean, listed, suggest};
pub(crate) use schema::{one_of, one_of_at_least, schema};

use tree::Tree;

/// A place in a file, both from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// What a file is meant to be, for messages and for the little that differs between kinds of files.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// One of them: `scenario`.
    pub noun: &'static str,
    /// The whole file, with an article: `the scenario`, `the thresholds file`.
    pub whole: &'static str,
    /// What the smallest useful file holds, for the message on an empty one.
    pub smallest: &'static str,
    /// Keys that are planned and not known yet.
    pub not_yet: &'static [&'static str],
    /// What people write for a key, and the key.
    pub synonyms: &'static [(&'static str, &'static str)],
    /// Keys that say enough without a value.
    pub bare: &'static [&'static str],
    /// Keys below which an empty value (null) means something.
    pub nulls_below: &'static [&'static str],
}

/// A YAML file that was parsed, and knows where everything stands.
#[derive(Debug)]
pub struct Document {
    path: PathBuf,
    text: String,
    kind: Kind,
    tree: Tree,
    value: serde_yaml::Value,
}

impl Document {
    /// The largest file that is read, bytes.
    pub const MAX_BYTES: u64 = 1024 * 1024;

    /// Reads and parses a file.
    ///
    /// # Errors
    /// It cannot be read, is no regular file, is too large, is not UTF-8, or is not the YAML that [`Document::parse`] takes.
    pub fn read(path: &Path, kind: Kind) -> Result<Self, FileError> {
        Self::parse(path, read::text(path, kind)?, kind)
    }

    /// Parses text; `path` is only for messages.
    ///
    /// # Errors
    /// It is not one YAML document with a mapping of unique keys, free of aliases, merge keys and tags.
    pub fn parse(path: &Path, text: String, kind: Kind) -> Result<Self, FileError> {
        let (tree, value) = syntax::parse(path, &text, kind)?;
        Ok(Self { path: path.to_owned(), text, kind, tree, value })
    }

    /// The file's values as a type.
    ///
    /// # Errors
    /// An unknown or missing key, a value of the wrong type, or a key without a value.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, FileError> {
        decode::decode(self)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder from which the paths in the file count.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The text, as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the text, hex.
    pub fn digest(&self) -> String {
        self.digest_with(std::iter::empty())
    }

    /// SHA-256 of the text and of others that belong to it, hex; that of the text alone where there are none.
    pub fn digest_with<'a>(&self, others: impl Iterator<Item = &'a str>) -> String {
        let mut digest = Sha256::new_with_prefix(self.text.as_bytes());
        for other in others {
            // The length keeps what moves from one file to the other from going unseen.
            digest.update(other.len().to_string());
            digest.update([0]);
            digest.update(other.as_bytes());
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The place of the whole file.
    pub fn root(&self) -> Place<'_> {
        Place::root(self)
    }
}

#[cfg(test)]
mod tests;
