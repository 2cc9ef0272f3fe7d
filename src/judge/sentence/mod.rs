//! Every sentence of the judge. A sentence on a class reads on after the class's name: "fd.pidfd" + "holds 12 dead handles".

mod events;
pub(super) mod levels;
mod log;
mod standing;

use std::collections::BTreeMap;

use super::dead::Tally;
use super::evidence::{Doubt, Growth, Outcome};
use crate::model::text::{amount, count, figure, per_hour, printable, seconds, shorten};
use crate::model::{DeadKind, Estimate, Gap, Unit};
use crate::series::{Missing, Series};

pub(super) use events::{deaths, out_of_memory, self_kills, unhealthy};
pub(super) use log::{Doubtful, log_lines, log_pace, log_repeats};
pub(super) use standing::{after, alive, comes_back, cut_short, expired, readable, refused, stop, workload};

/// The longest foreign text within a sentence, characters.
const FOREIGN: usize = 300;

/// Foreign text made fit to stand in a sentence.
pub(super) fn foreign(text: &str) -> String {
    shorten(printable(text.trim()).trim_end_matches(['.', ' ']), FOREIGN)
}

/// "1 dead handle": a number and what it counts.
fn dead_handles(n: u64) -> String {
    count(n, "dead handle")
}

/// Why handles are dead, read on after "1 dead handle" and "3 dead handles".
fn dead_clause(kind: DeadKind) -> &'static str {
    match kind {
        DeadKind::PidfdTargetGone => "whose process is gone",
        DeadKind::EventpollAbandoned => "on which nobody waits",
        DeadKind::PipeNoReader => "whose readers are gone",
        DeadKind::PipeNoWriter => "whose writers are gone",
        DeadKind::SocketPeerGone => "whose other end is closed",
        DeadKind::PtySlaveGone => "whose terminal is closed",
        DeadKind::TcpCloseWait => "that the peer has closed",
        DeadKind::SocketUnattached => "in no protocol table",
        DeadKind::ProcessZombie => "that no parent has reaped",
        DeadKind::ProcessOrphan => "that lost their parent",
        DeadKind::FileDeleted => "on deleted files",
    }
}

/// "Holds 3 dead handles whose process is gone (0 allowed)", "Holds 3 dead handles (0 allowed): 2 …, 1 …".
fn holds_dead(noun: &str, kinds: &BTreeMap<DeadKind, u64>, most: u64) -> String {
    let all = count(kinds.values().sum(), noun);
    if let (Some((kind, _)), 1) = (kinds.first_key_value(), kinds.len()) {
        return format!("Holds {all} {} ({most} allowed)", dead_clause(*kind));
    }
    let each: Vec<String> = kinds.iter().map(|(kind, n)| format!("{n} {}", dead_clause(*kind))).collect();
    format!("Holds {all} ({most} allowed): {}", each.join(", "))
}

/// On dead handles that could be counted.
pub(super) fn dead(tally: &Tally, most: u64) -> String {
    let sum = |part: &BTreeMap<DeadKind, u64>| part.values().sum::<u64>();
    let (late, early, doubtful) = (sum(&tally.late), sum(&tally.early), sum(&tally.doubtful));
    let all = late.saturating_add(early).saturating_add(doubtful);
    let since_the_start =
        |n: u64| if n == 1 { "was dead when the soak began" } else { "were dead when the soak began" };
    let meant = "may be meant so, and only their growth fails";
    if all == 0 {
        format!("Holds no dead handle ({most} allowed).")
    } else if all <= most {
        format!("Holds {} ({most} allowed).", dead_handles(all))
    } else if late > most {
        let mut text = holds_dead("dead handle", &tally.late, most);
        if early > 0 {
            text.push_str(&format!("; {early} more {}", since_the_start(early)));
        }
        if doubtful > 0 {
            text.push_str(&format!("; {doubtful} more {meant}"));
        }
        format!("{text}.")
    } else if late + early > 0 {
        let mut exact = tally.late.clone();
        tally.early.iter().for_each(|(kind, n)| *exact.entry(*kind).or_insert(0) += n);
        let mut text = holds_dead("dead handle", &exact, most);
        if early > 0 {
            text.push_str(&format!(", of which {early} {}: that may be meant so, look once", since_the_start(early)));
        }
        if doubtful > 0 {
            text.push_str(&format!("; {doubtful} more {meant}"));
        }
        format!("{text}.")
    } else {
        format!("{}: they {meant}.", holds_dead("handle", &tally.doubtful, most))
    }
}

/// On a night that was recorded before the kinds of a class were known.
pub(super) fn dead_of_old() -> String {
    "Is not known: an older version recorded the night, and did not look for every kind of dead handle.".to_owned()
}

/// On handles that could not be asked.
pub(super) fn dead_unasked(gap: &Gap) -> String {
    format!("Is not known for all handles: {}.", foreign(&gap.what))
}

/// On a class whose dead handles this version cannot tell.
pub(super) fn dead_unknown() -> String {
    "Has no kind of dead handle that can be recognised; remove `max_dead` from this class.".to_owned()
}

/// On dead handles that could not be read twice.
pub(super) fn dead_unread(series: &Series) -> String {
    format!("Could not be read twice, so that no handle is known to stay dead{}.", why_missing(series))
}

/// On the level held at the end.
pub(super) fn held(series: &Series, level: Option<f64>, most: f64) -> String {
    let Some(level) = level else { return unread(series) };
    let at_least = if series.folded > 0 {
        format!(", at least: in {} some names were folded into a remainder", count(series.folded, "snapshot"))
    } else {
        String::new()
    };
    format!("Holds {} at the end ({} allowed){at_least}.", amount(level, series.unit), amount(most, series.unit))
}

/// On the share of the limit held at the end.
pub(super) fn held_share(series: &Series, share: Option<f64>, ratio: f64) -> String {
    let percent = |share: f64| format!("{}%", figure(share * 100.0));
    match (share, series.limit) {
        (Some(share), Some(limit)) => format!(
            "Holds {} of the limit of {} at the end ({} allowed).",
            percent(share),
            amount(limit, series.unit),
            percent(ratio)
        ),
        (Some(share), None) => {
            format!("Holds {} of the limit at the end ({} allowed).", percent(share), percent(ratio))
        }
        (None, _) if series.points.len() < 3 => unread(series),
        (None, _) => "Has no limit that it could be measured against.".to_owned(),
    }
}

fn unread(series: &Series) -> String {
    match series.points.len() {
        0 => format!("Could not be read in any snapshot{}.", why_missing(series)),
        n => format!("Could be read in {} only; it takes 3{}.", count(n as u64, "snapshot"), why_missing(series)),
    }
}

/// The commonest reason for missing figures, as a clause.
fn why_missing(series: &Series) -> String {
    let of = |why| series.gaps.iter().filter(|gap| gap.why == why).count();
    let clauses = [
        (Missing::Denied, "the kernel refused"),
        (Missing::NoProcess, "no process of the application was seen"),
        (Missing::Gone, "processes ended while they were read"),
        (Missing::Malformed, "the kernel's answer could not be understood"),
    ];
    // The first of the largest, so that ties fall the same way every time.
    let commonest = clauses.iter().rev().max_by_key(|(why, _)| of(*why)).filter(|(why, _)| of(*why) > 0);
    commonest.map_or(String::new(), |(why, clause)| format!(": {clause} ({} times)", of(*why)))
}

/// On growth.
pub(super) fn growth(growth: &Growth, series: &Series) -> String {
    let Some(estimate) = &growth.estimate else { return no_growth_figures(growth, series) };
    let unit = series.unit;
    let pace = pace(estimate, unit);
    let seen = sensitivity(estimate, unit);
    match &growth.outcome {
        Outcome::Leaks => format!("{pace}{}.", exhaustion(estimate, series)),
        Outcome::Holds if estimate.rise > 0.0 => {
            format!("{pace}; growth above {} is excluded, {seen}.", excluded(estimate, unit))
        }
        Outcome::Holds => format!("No growth in {}; {seen}.", minutes(estimate.observed_s)),
        Outcome::Undecided(doubt) => {
            let text = undecided(doubt, estimate, series, &pace);
            match (doubt, estimate.found_cycle_s) {
                (Doubt::Cycle { .. } | Doubt::Filling | Doubt::NotExcluded, Some(cycle_s)) => {
                    format!("{text} {}", found_cycle(cycle_s))
                }
                _ => text,
            }
        }
    }
}

fn no_growth_figures(growth: &Growth, series: &Series) -> String {
    match &growth.outcome {
        Outcome::Undecided(Doubt::FewSamples { samples, needed }) if !series.points.is_empty() => {
            few_samples(*samples, *needed)
        }
        Outcome::Undecided(Doubt::Short { needed_s, .. }) => {
            format!(
                "Growth cannot be judged: the soak is too short, it takes {} after the warm-up.",
                minutes(*needed_s)
            )
        }
        Outcome::Undecided(_) | Outcome::Leaks | Outcome::Holds => unread(series),
    }
}

fn few_samples(samples: usize, needed: usize) -> String {
    format!("Growth cannot be judged: {} to judge it by, it takes {needed}.", count(samples as u64, "sample"))
}

fn undecided(doubt: &Doubt, estimate: &Estimate, series: &Series, pace: &str) -> String {
    let unit = series.unit;
    match doubt {
        Doubt::NoSamples => unread(series),
        Doubt::FewSamples { samples, needed } => few_samples(*samples, *needed),
        Doubt::Short { observed_s, needed_s } => format!(
            "Growth cannot be judged: {} observed after the warm-up, it takes {}.",
            minutes(*observed_s),
            minutes(*needed_s)
        ),
        Doubt::Cycle { cycle_s } => {
            format!("{pace}, but the cycle of {} was not seen one and a half times.", seconds(*cycle_s))
        }
        Doubt::Filling => format!("{pace}, but ever slower: a pool may still be filling, soak longer to tell."),
        Doubt::NotExcluded => match estimate.sensitivity {
            Some(rate) => format!(
                "Growth up to {} is not excluded; only a drip above {} would have been seen.",
                excluded(estimate, unit),
                per_hour(rate, unit)
            ),
            None => format!("Growth up to {} is not excluded.", excluded(estimate, unit)),
        },
        Doubt::Hole { from_s, to_s } => format!(
            "Nothing is known of the time from {} to {} of the soak, too long to exclude growth.",
            seconds(*from_s),
            seconds(*to_s)
        ),
        Doubt::Gaps { missing, of } => {
            format!("Could not be read in {missing} of {}{}.", count(*of as u64, "snapshot"), why_missing(series))
        }
    }
}

/// On a cycle that the night itself shows.
fn found_cycle(cycle_s: f64) -> String {
    let whole = (cycle_s / 60.0).round();
    let written = if cycle_s < 120.0 { format!("{}s", cycle_s.round()) } else { format!("{whole}m") };
    format!("It falls back every {}: if that is meant so, declare `cycle: {written}`.", minutes(cycle_s))
}

/// "Floor rose 7 times in 24 min, 18/h [9.8, 31]".
fn pace(estimate: &Estimate, unit: Unit) -> String {
    let (time, rate) = (minutes(estimate.observed_s), rate(estimate, unit));
    match unit {
        Unit::Count => format!("Floor rose {} in {time}, {rate}", count(estimate.steps.len() as u64, "time")),
        Unit::Bytes => format!("Floor moved by {} in {time}, {rate}", amount(estimate.rise, unit)),
    }
}

/// "18/h [9.8, 31]": the growth with its 95 % interval.
pub(super) fn rate(estimate: &Estimate, unit: Unit) -> String {
    let (low, high) = (amount(estimate.low, unit), amount(estimate.high, unit));
    format!("{} [{low}, {high}]", per_hour(estimate.rate, unit))
}

/// "; would hit 1024 in 57 h (32 h at the earliest)".
fn exhaustion(estimate: &Estimate, series: &Series) -> String {
    match (series.limit, estimate.hours_to_limit) {
        (Some(limit), Some(hours)) if estimate.high > 0.0 => {
            let earliest = hours * estimate.rate / estimate.high;
            let (limit, hours, earliest) = (amount(limit, series.unit), figure(hours), figure(earliest));
            if hours == earliest {
                format!("; would hit {limit} in {hours} h")
            } else {
                format!("; would hit {limit} in {hours} h ({earliest} h at the earliest)")
            }
        }
        _ => String::new(),
    }
}

fn excluded(estimate: &Estimate, unit: Unit) -> String {
    estimate.excluded_above.map_or_else(|| "any rate".to_owned(), |rate| per_hour(rate, unit))
}

/// "a drip above 23/h would have been seen".
pub(super) fn sensitivity(estimate: &Estimate, unit: Unit) -> String {
    match estimate.sensitivity {
        Some(rate) => seen_above(rate, unit),
        None => "no drip would have been seen for sure".to_owned(),
    }
}

/// "a drip above 23/h would have been seen".
pub(super) fn seen_above(rate: f64, unit: Unit) -> String {
    match unit {
        Unit::Count => format!("a drip above {} would have been seen", per_hour(rate, unit)),
        Unit::Bytes => format!("growth above {} would have been seen", per_hour(rate, unit)),
    }
}

/// Long times in whole minutes.
fn minutes(value: f64) -> String {
    if value < 120.0 { seconds(value) } else { seconds((value / 60.0).round() * 60.0) }
}

/// A sentence as part of a longer one: without its full stop, the first letter small where it begins a word in small letters.
pub(super) fn clause(sentence: &str) -> String {
    let sentence = sentence.strip_suffix('.').unwrap_or(sentence);
    let mut letters = sentence.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(letters).collect(),
        _ => sentence.to_owned(),
    }
}
