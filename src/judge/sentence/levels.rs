//! Sentences on levels against other levels, on subjects, and on nights that cannot be trusted.

use crate::judge::settle::Before;
use crate::model::text::{amount, count, figure, seconds};
use crate::model::{Status, Unit};
use crate::series::Series;
use crate::threshold::SettleTo;

/// A level and what it is measured against.
#[derive(Debug, Clone, Copy)]
pub(in crate::judge) struct Baseline {
    /// Tonight's.
    pub(in crate::judge) level: f64,
    /// That of the earlier nights.
    pub(in crate::judge) usual: f64,
    /// How many they are.
    pub(in crate::judge) nights: usize,
    /// How many times as much is allowed.
    pub(in crate::judge) times: f64,
    /// And how much more.
    pub(in crate::judge) slack: f64,
}

/// On the level held at the end, against earlier nights.
pub(in crate::judge) fn against_baseline(told: &Baseline, status: Status, unit: Unit) -> String {
    let Baseline { level, usual, nights, times, slack } = *told;
    let slack = if slack > 0.0 { format!(" and {} more", amount(slack, unit)) } else { String::new() };
    let allowed = format!("(allowed {} times{slack})", plain(times));
    let nights = if nights == 1 { "the last night".to_owned() } else { format!("the last {nights} nights") };
    let (level_said, usual_said) = (amount(level, unit), amount(usual, unit));
    if status == Status::Breaks && usual > 0.0 {
        format!(
            "Holds {level_said} at the end, {} times the {usual_said} of {nights} {allowed}.",
            figure(level / usual)
        )
    } else {
        format!("Holds {level_said} at the end, against the {usual_said} of {nights} {allowed}.")
    }
}

/// A factor as it was written: 1.25 is not 1.3.
fn plain(factor: f64) -> String {
    format!("{}", (factor * 1000.0).round() / 1000.0)
}

/// On a night without a past.
pub(in crate::judge) fn no_baseline() -> String {
    "There are no earlier nights to compare with.".to_owned()
}

/// On one program or path.
pub(in crate::judge) fn no_baseline_of_subjects() -> String {
    "Is not compared: earlier nights keep the level of the target as a whole; remove `per` to compare it.".to_owned()
}

/// On a level that was not told often enough.
pub(in crate::judge) fn no_level(series: &Series) -> String {
    match series.points.len() {
        0 => "Could not be read in any snapshot.".to_owned(),
        n => format!("Could be read in {} only; it takes 3.", count(n as u64, "snapshot")),
    }
}

/// On a night that does not rest after the soak.
pub(in crate::judge) fn no_settle() -> String {
    "There is no settle phase to come back in; set `soak.settle`.".to_owned()
}

/// On a level before the churn that is not known.
pub(in crate::judge) fn no_level_before(what: Before, points: usize) -> String {
    let told = count(points as u64, "snapshot");
    match what {
        Before::Churn => format!(
            "The level before the churn is not known: {told} told it before the first iteration, it takes 3; let the churn begin later."
        ),
        Before::FirstThird => {
            format!("The level in the first third of the soak is not known: {told} told it, it takes 3.")
        }
    }
}

/// On a level after the rest that is not known.
pub(in crate::judge) fn no_level_after(points: usize) -> String {
    let told = count(points as u64, "snapshot");
    format!("The level in the settle phase is not known: {told} told it, it takes 3; make `soak.settle` longer.")
}

/// On coming back.
pub(in crate::judge) fn settled(
    what: Before,
    before: f64,
    after: f64,
    near: SettleTo,
    status: Status,
    unit: Unit,
) -> String {
    let within = match near {
        SettleTo::Above(more) => amount(more, unit),
        SettleTo::Share(more) => format!("{}%", figure(more * 100.0)),
    };
    let came = match status {
        Status::Breaks => "Came back only to",
        Status::Holds | Status::Undecided => "Came back to",
    };
    let (before, after) = (amount(before, unit), amount(after, unit));
    match what {
        Before::Churn => format!("{came} {after} after the churn, from {before} before it (within {within} allowed)."),
        Before::FirstThird => format!(
            "{came} {after} in the settle phase, from {before} after a third of the soak, there being no churn (within {within} allowed)."
        ),
    }
}

/// On many subjects that are undecided, the largest with its reason.
pub(in crate::judge) fn undecided_for(number: usize, subjects: &str, largest: &str, sentence: &str) -> String {
    format!("Undecided for {number} {subjects}; of `{largest}`: {sentence}")
}

/// On a clock that went back.
pub(in crate::judge) fn clock_went_back(at_s: f64, by_s: f64) -> String {
    format!(
        "The clock went back by {} after {} of the soak, so that the order of the snapshots is not known.",
        seconds(by_s),
        seconds(at_s)
    )
}

/// On too few snapshots.
pub(in crate::judge) fn few_looks(taken: usize, needed: usize) -> String {
    format!(
        "{} taken, it takes {needed} to judge a class; let the soak last longer, or take snapshots more often.",
        if taken == 1 { "1 snapshot was".to_owned() } else { format!("{taken} snapshots were") }
    )
}

/// On snapshots that end before the soak does.
pub(in crate::judge) fn ends_early(last_s: f64, soaked_s: f64) -> String {
    format!(
        "The last snapshot is of {} and the soak lasted {}: what came after it is not known.",
        seconds(last_s),
        seconds(soaked_s)
    )
}

/// On lines that could not be read.
pub(in crate::judge) fn unread_lines(lines: u64) -> String {
    let verb = if lines == 1 { "is" } else { "are" };
    format!("{} of samples.jsonl {verb} cut off or damaged and could not be read.", count(lines, "line"))
}

/// On a class that was told and is not any more.
pub(in crate::judge) fn vanished(last_s: f64) -> String {
    format!("Could be read until {} of the soak and not after it: how it ended is not known.", seconds(last_s))
}
