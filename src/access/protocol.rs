//! What slowdrip and its helper say to each other: one line of JSON for each request, one for each answer.

use serde::{Deserialize, Serialize};

use crate::evidence::EvidenceFile;
use crate::model::{Phase, Snapshot};
use crate::probe::{Depth, Graces};

/// The longest answer, bytes. The census of 100,000 descriptors is a few hundred kilobytes; evidence is cut before.
pub(super) const LONGEST: usize = 64 << 20;

/// The most text of all files of evidence together, bytes.
pub(super) const EVIDENCE: usize = 24 << 20;

/// One request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// Names the answer.
    pub(super) id: u64,
    /// What is wanted.
    pub(super) ask: Ask,
}

/// What is wanted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum Ask {
    /// Begin. The first request, and the only one of its kind.
    Open(Opening),
    /// Can what must be judged be read?
    Check,
    /// One look.
    Snapshot(Looking),
    /// What is kept of the processes.
    Evidence,
    /// Go.
    End,
}

/// Whom to watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opening {
    /// The container's full id.
    pub(super) container: String,
    /// The command of its health check.
    pub(super) healthcheck: Option<Vec<String>>,
    /// How long handles may look dead.
    pub(super) graces: Graces,
}

/// The particulars of a look.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Looking {
    pub(super) seq: u32,
    pub(super) at_ms: u64,
    /// The clock of the machine on which slowdrip runs: the helper's may be another.
    pub(super) wall: jiff::Timestamp,
    pub(super) phase: Phase,
    pub(super) depth: Depth,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    /// The request's.
    pub(super) id: u64,
    /// What came of it.
    pub(super) said: Said,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum Said {
    /// It is so.
    Fine,
    /// The look.
    Snapshot(Box<Snapshot>),
    /// The evidence.
    Files(Vec<EvidenceFile>),
    /// It cannot be, and why.
    Refused(String),
}

/// Cuts evidence to a size: files that do not fit are named, and what is too long ends early.
pub(super) fn capped(files: Vec<EvidenceFile>, most: usize) -> Vec<EvidenceFile> {
    let mut left = most;
    let cut = |mut file: EvidenceFile| {
        if file.text.len() > left {
            let end = (0..=left).rev().find(|end| file.text.is_char_boundary(*end)).unwrap_or(0);
            file.text.truncate(end);
            file.text.push_str("\n(cut here: the evidence is larger than what is kept)\n");
        }
        left = left.saturating_sub(file.text.len());
        file
    };
    files.into_iter().map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_that_is_too_long_is_cut_at_a_character_and_says_so() {
        let file = |name: &str, text: &str| EvidenceFile { name: name.to_owned(), text: text.to_owned() };
        let files = capped(vec![file("a", "12345"), file("b", "123é5"), file("c", "x")], 9);
        assert_eq!(files[0].text, "12345");
        assert!(files[1].text.starts_with("123\n(cut here"), "{:?}", files[1].text);
        assert!(files[2].text.starts_with("\n(cut here"));
    }

    #[test]
    fn a_request_is_one_line_and_reads_back() {
        let opening = Opening { container: "a\nb".into(), healthcheck: None, graces: Graces::default() };
        let line = serde_json::to_string(&Request { id: 7, ask: Ask::Open(opening.clone()) }).unwrap();
        assert!(!line.contains('\n'));
        let back: Request = serde_json::from_str(&line).unwrap();
        assert!(matches!(back.ask, Ask::Open(found) if found == opening));
        assert!(serde_json::from_str::<Request>("{\"id\":1,\"ask\":\"delete\"}").is_err());
    }
}
