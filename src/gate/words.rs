//! What is said of a class, and of the gate as a whole.

use super::{Class, Difference, Fate};
use crate::judge::Doubt;
use crate::model::text::{amount, count, per_hour, seconds};
use crate::model::{Severity, Unit};

/// One sentence on a class.
pub(super) fn of_class(class: &Class, steady: Result<bool, &Doubt>) -> String {
    let said = match class.fate {
        Fate::Worse => worse(class).join("; "),
        Fate::Unknown => unknown(class, steady),
        Fate::NoWorse => no_worse(class),
    };
    format!("{said}.")
}

fn worse(class: &Class) -> Vec<String> {
    let unit = class.unit;
    let mut said = Vec::new();
    if class.dead.as_ref().is_some_and(|dead| dead.worse) {
        said.push(format!("{} dead against {}", class.candidate.dead, class.baseline.dead));
    }
    if let Some(growth) = class.growth.as_ref().filter(|growth| growth.worse) {
        said.push(format!(
            "grows {} faster [{}, {}], {} allowed",
            per_hour(growth.extra, unit),
            bound(growth.low, unit),
            bound(growth.high, unit),
            per_hour(growth.allowed, unit)
        ));
    }
    if let Some(level) = class.level.as_ref().filter(|level| level.worse) {
        said.push(format!(
            "holds {} more [{}, {}], {} allowed",
            amount(level.extra, unit),
            bound(level.low, unit),
            bound(level.high, unit),
            amount(level.allowed, unit)
        ));
    }
    said
}

fn unknown(class: &Class, steady: Result<bool, &Doubt>) -> String {
    match steady.err() {
        Some(Doubt::NoSamples) => "no snapshot told it".to_owned(),
        Some(Doubt::FewSamples { samples, needed }) => {
            format!("{} in one stretch, {needed} are needed", count(*samples as u64, "sample"))
        }
        Some(Doubt::Short { observed_s, needed_s }) => {
            format!(
                "watched for {} after the warm-up, {} are needed",
                seconds(observed_s.round()),
                seconds(needed_s.round())
            )
        }
        // Of memory alone, which is not followed from one process to the next.
        Some(Doubt::Hole { from_s, .. }) if class.growth.is_none() => {
            format!("a side was started again after {}", seconds(from_s.round()))
        }
        Some(Doubt::Gaps { missing, of }) => format!("{missing} of {of} snapshots did not tell it"),
        Some(Doubt::Hole { .. } | Doubt::Cycle { .. } | Doubt::Filling | Doubt::NotExcluded) | None => {
            let Some(growth) = &class.growth else { return "too little was seen of its level".to_owned() };
            if steady == Ok(false) && growth.low > growth.allowed {
                return format!(
                    "grows {} faster [{}, {}], but not steadily: it may be warming up",
                    per_hour(growth.extra, class.unit),
                    bound(growth.low, class.unit),
                    bound(growth.high, class.unit)
                );
            }
            let seen = class.seen.map_or_else(
                || "no extra growth would surely have been seen".to_owned(),
                |seen| format!("only above {} extra growth would have been seen", per_hour(seen, class.unit)),
            );
            format!(
                "grows {} faster [{}, {}]; {seen}",
                per_hour(growth.extra, class.unit),
                bound(growth.low, class.unit),
                bound(growth.high, class.unit)
            )
        }
    }
}

/// What is worse in few words: `+58/h`.
pub(super) fn brief(class: &Class) -> String {
    let figure = |of: &Option<Difference>, said: fn(f64, Unit) -> String, word: &str| {
        of.as_ref().filter(|of| of.worse).map(|of| format!("+{}{word}", said(of.extra, class.unit)))
    };
    figure(&class.growth, per_hour, "")
        .or_else(|| figure(&class.level, amount, " held"))
        .or_else(|| figure(&class.dead, amount, " dead"))
        .unwrap_or_default()
}

fn no_worse(class: &Class) -> String {
    let level = class.level.as_ref().map(|level| {
        if level.extra.abs() < 0.05 * level.allowed.max(f64::MIN_POSITIVE) {
            "holds the same".to_owned()
        } else {
            let word = if level.extra > 0.0 { "more" } else { "less" };
            format!("holds {} {word}", amount(level.extra.abs(), class.unit))
        }
    });
    let seen = class.seen.filter(|_| class.growth.is_some());
    let seen = seen.map(|seen| format!("extra growth above {} would have been seen", per_hour(seen, class.unit)));
    let said: Vec<String> = level.into_iter().chain(seen).collect();
    if said.is_empty() { "no worse".to_owned() } else { said.join("; ") }
}

/// The end of an interval, with the sign of what is below nothing.
fn bound(value: f64, unit: Unit) -> String {
    if value < 0.0 { format!("-{}", amount(-value, unit)) } else { amount(value, unit) }
}

/// What a gate that passes would have seen: the largest growth, of counts and of memory, that it could have missed.
pub(super) fn seen(classes: &[Class]) -> Option<String> {
    let least = |unit: Unit| {
        let own = classes
            .iter()
            .filter(|class| class.unit == unit && class.fate == Fate::NoWorse && class.severity == Severity::Fail);
        own.filter_map(|class| class.seen.filter(|_| class.growth.is_some())).reduce(f64::max)
    };
    let counts = least(Unit::Count).map(|rate| format!("an extra drip above {}", per_hour(rate, Unit::Count)));
    let memory = least(Unit::Bytes).map(|rate| format!("memory that grows {} faster", per_hour(rate, Unit::Bytes)));
    let said: Vec<String> = counts.into_iter().chain(memory).collect();
    (!said.is_empty()).then(|| format!("{} would have been seen.", capital(&said.join(" and "))))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
