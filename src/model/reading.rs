//! A value that was read, or why it was not: never a zero in disguise.

use serde::{Deserialize, Serialize};

/// One value read from the kernel, or the reason why there is none.
///
/// The default is [`Reading::Gone`]: what an older format did not store was not there to be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading<T> {
    /// The value, as read.
    Value(T),
    /// The kernel refused (EACCES, EPERM).
    Denied,
    /// The process or the entry was gone when it was read (ENOENT, ESRCH).
    #[default]
    Gone,
    /// The kernel answered with something that could not be understood; the text says what.
    Malformed(String),
}

impl<T> Reading<T> {
    /// The value, if one was read.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Denied | Self::Gone | Self::Malformed(_) => None,
        }
    }

    /// True where the kernel refused to answer.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Denied)
    }

    /// Applies `f` to a value and keeps every other case as it is.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Value(value) => Reading::Value(f(value)),
            Self::Denied => Reading::Denied,
            Self::Gone => Reading::Gone,
            Self::Malformed(text) => Reading::Malformed(text),
        }
    }
}

/// Something a snapshot should have held and does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// What was not read, for example `fd of 4242` or `snapshot`.
    pub what: String,
    /// Why it was not read.
    pub reason: GapReason,
    /// How many entries are missing; 1 for a whole subject.
    pub count: u64,
}

/// Why something was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The kernel refused.
    Denied,
    /// It vanished while it was read.
    Gone,
    /// It could not be understood.
    Malformed,
    /// It did not come in time, or not at all: a snapshot, or the answer of a process that hangs in the kernel.
    Late,
    /// slowdrip or the machine has no descriptor or no memory left to read it with.
    Exhausted,
}
