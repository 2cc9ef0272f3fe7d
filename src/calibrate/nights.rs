//! Which nights are clean and like tonight's.

use crate::model::{HistoryLine, Verdict};

/// On which kind of machine nights must have run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Machine {
    /// On any, and also where none is recorded.
    Any,
    /// On this one, see [`crate::model::HostRecord::kind`].
    Kind(String),
}

/// Which nights are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// At most so many, the latest.
    pub nights: usize,
    /// The kind of machine.
    pub machine: Machine,
    /// Also nights of other texts of the scenario than that of the latest night that passed.
    pub any_digest: bool,
}

/// The nights that are used, and why the others are not.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen<'h> {
    /// Oldest first.
    pub nights: Vec<&'h HistoryLine>,
    /// How many did not pass.
    pub not_passed: usize,
    /// Of which other kinds of machine, and how many nights each, the most frequent first. An empty kind: none is recorded.
    pub other_machines: Vec<(String, usize)>,
    /// The digest of the scenario that the used nights have; `None` where any is good, or none passed.
    pub digest: Option<String>,
    /// Of which other digests, and how many nights each.
    pub other_digests: Vec<(String, usize)>,
    /// How many are older than those that were asked for.
    pub older: usize,
}

/// Chooses the clean nights of one scenario's history, which is ordered from the oldest to the latest.
pub fn choose<'h>(lines: &'h [HistoryLine], asked: &Asked) -> Chosen<'h> {
    let passed: Vec<&HistoryLine> = lines.iter().filter(|line| line.verdict == Verdict::Pass).collect();
    let same_machine = |line: &&HistoryLine| match &asked.machine {
        Machine::Any => true,
        Machine::Kind(kind) => line.machine == *kind,
    };
    let (here, elsewhere): (Vec<_>, Vec<_>) = passed.iter().copied().partition(same_machine);
    let digest = here.last().map(|line| line.scenario_digest.clone()).filter(|_| !asked.any_digest);
    let same_digest = |line: &&HistoryLine| digest.as_ref().is_none_or(|digest| line.scenario_digest == *digest);
    let (mut nights, other): (Vec<_>, Vec<_>) = here.into_iter().partition(same_digest);
    let older = nights.len().saturating_sub(asked.nights);
    nights.drain(..older);
    Chosen {
        nights,
        not_passed: lines.len() - passed.len(),
        other_machines: counted(elsewhere.iter().map(|line| line.machine.as_str())),
        digest,
        other_digests: counted(other.iter().map(|line| line.scenario_digest.as_str())),
        older,
    }
}

/// How often each word is there, the most frequent first.
fn counted<'w>(words: impl Iterator<Item = &'w str>) -> Vec<(String, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    for word in words {
        *counts.entry(word.to_owned()).or_insert(0) += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}
