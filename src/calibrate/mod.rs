//! What thresholds the clean nights of the history speak for.
//!
//! Nights are chosen, the levels and rates that they left are turned into bounds that a clean night breaks
//! seldom enough, and those into the keys of a thresholds file. Nothing here reads or writes a file; the moment and the kind of
//! machine are parameters.

mod bound;
mod nights;
mod propose;

use crate::model::Unit;

pub use nights::{Asked, Chosen, Machine, choose};
pub use propose::propose;

/// With fewer clean nights nothing is proposed: two figures have a spread, but it is known so badly that the bound is tens of
/// times as far away as they are from each other.
pub const FEWEST_NIGHTS: usize = 3;

/// Up to here a proposal comes with a warning: Student's factor at one in a thousand is 22 with three nights, 5.9 with six, 3.9
/// with fourteen, and 3.1 with very many.
pub const FEW_NIGHTS: usize = 6;

/// The figures of the nights behind a bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// How many nights have a figure.
    pub nights: usize,
    /// The smallest.
    pub min: f64,
    /// The median.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

/// How often a clean night breaks a bound, as a share of the nights from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alarms {
    /// If the nights come from one normal distribution.
    pub model: f64,
    /// The highest that it can be on average, whatever distribution the nights come from.
    pub at_most: f64,
}

/// A figure of the thresholds as it is and as it should be. Bytes for classes in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// The nights behind it.
    pub spread: Spread,
    /// What the file says.
    pub old: Option<f64>,
    /// How often a clean night breaks that.
    pub old_alarms: Option<Alarms>,
    /// What is proposed; the old figure where it is `kept` or `rising`.
    pub new: Option<f64>,
    /// How often a clean night breaks that.
    pub new_alarms: Option<Alarms>,
    /// The old figure stays because it is stricter than the nights can vouch for, all of which are the same. Nothing can be
    /// said of its alarms.
    pub kept: bool,
    /// How far it rose from the first of the nights to the last (by the median of the slopes), where it rises from night to
    /// night more than chance explains.
    pub rising: Option<f64>,
}

/// What is proposed for a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The class.
    pub class: String,
    /// What its figures are in.
    pub unit: Unit,
    /// Not in the thresholds file.
    pub is_new: bool,
    /// `max`; `None` where it is not judged on the target as a whole, or too few nights have a level.
    pub max: Option<Bound>,
    /// `max_growth_per_hour`, for classes in bytes of which enough nights have a rate.
    pub growth: Option<Bound>,
    /// `max_dead: 0` is proposed.
    pub no_dead: bool,
    /// In how many of the nights a rule of the class broke that only warns.
    pub warned: usize,
}

/// Each night, held against bounds that the other nights speak for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    /// How many broke one.
    pub broke: usize,
    /// Of how many.
    pub tried: usize,
    /// So many break by chance in fewer than one of twenty histories, if the bounds are as good as they claim: the nights do
    /// not vary like a normal distribution.
    pub too_many: bool,
}

/// Proposals for all classes, with what they come to for a whole night.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Class by class, in the order of the thresholds file, new ones behind.
    pub proposals: Vec<Proposal>,
    /// Classes of the file of which fewer than [`FEWEST_NIGHTS`] nights have a level.
    pub unknown: Vec<String>,
    /// Classes of the file whose `max` is not about the target as a whole: the history has only the whole.
    pub apart: Vec<String>,
    /// How often a clean night breaks one of the old bounds.
    pub old_alarms: Alarms,
    /// How often a clean night breaks one of the new bounds.
    pub new_alarms: Alarms,
    /// Each night against bounds from the others; `None` where they are too few.
    pub left_out: Option<LeftOut>,
}

/// A key of a class that the thresholds file is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The class.
    pub class: String,
    /// The key; `None` for a class that is new, with all its keys.
    pub key: Option<&'static str>,
    /// The value, as it is written in YAML.
    pub value: String,
}

impl Calibration {
    /// What is to be changed in the file.
    pub fn changes(&self) -> Vec<Change> {
        self.proposals.iter().flat_map(Proposal::changes).collect()
    }
}

impl Proposal {
    fn changes(&self) -> Vec<Change> {
        let unit = self.unit;
        let figure = |bound: Option<Bound>| {
            let bound = bound?;
            let new = bound.new.filter(|new| bound.old.is_none_or(|old| old.total_cmp(new).is_ne()))?;
            Some(propose::written(new, unit))
        };
        let keys: Vec<(&'static str, String)> = [
            ("max", figure(self.max)),
            ("max_dead", self.no_dead.then(|| "0".to_owned())),
            ("max_growth_per_hour", figure(self.growth)),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect();
        let class = || self.class.clone();
        if self.is_new {
            let entries: Vec<String> = keys.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            return (!entries.is_empty())
                .then(|| Change { class: class(), key: None, value: format!("{{{}}}", entries.join(", ")) })
                .into_iter()
                .collect();
        }
        keys.into_iter().map(|(key, value)| Change { class: class(), key: Some(key), value }).collect()
    }
}

#[cfg(test)]
mod tests;
