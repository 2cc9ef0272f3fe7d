//! What the latest nights have that the ones before had not.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::heat::named;
use super::words::{build_of, unlike};
use super::{Nights, OVERDUE_S, head};
use crate::model::{HistoryLine, Verdict};
use crate::report::page::parts::{Fact, listed};

/// The strip below the headline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Since {
    /// What it is called for those who do not see it.
    label: String,
    facts: Vec<Fact>,
}

/// A scenario's last two nights.
struct Pair<'a> {
    name: &'a str,
    before: &'a HistoryLine,
    after: &'a HistoryLine,
}

/// The strip below the headline; `None` where no scenario that ran has a night before.
pub(crate) fn since(scenarios: &[Nights<'_>]) -> Option<Since> {
    let ran = || scenarios.iter().filter(|nights| head::lag(nights, scenarios).is_none());
    let pairs: Vec<Pair<'_>> = ran()
        .filter_map(|nights| {
            let (before, after) = nights.previous().zip(nights.latest())?;
            Some(Pair { name: nights.name, before: before.line, after: after.line })
        })
        .collect();
    if pairs.is_empty() {
        return None;
    }
    let gap = |pair: &Pair<'_>| pair.after.started.as_second() - pair.before.started.as_second();
    let nightly = pairs.iter().all(|pair| (OVERDUE_S / 3..=OVERDUE_S).contains(&gap(pair)));
    let label = if nightly { "Since last night" } else { "Since the night before" };
    let facts = vec![
        image(&pairs, label),
        found("New findings", &pairs, |pair| prints(&pair.after.broken, &pair.after.acknowledged, &pair.before.broken)),
        standing(&pairs),
        gone(&pairs),
        comparable(&pairs, ran().count() - pairs.len()),
    ];
    Some(Since { label: label.to_owned(), facts })
}

/// Fingerprints of `broken` that are in neither of the others.
fn prints(broken: &[String], less: &[String], and_less: &[String]) -> usize {
    let new: BTreeSet<&String> =
        broken.iter().filter(|print| !less.contains(print) && !and_less.contains(print)).collect();
    new.len()
}

/// How many there are, and in which scenarios; in the colour of the worst of these.
fn found(term: &str, pairs: &[Pair<'_>], of: impl Fn(&Pair<'_>) -> usize) -> Fact {
    let counts: Vec<(&Pair<'_>, usize)> =
        pairs.iter().map(|pair| (pair, of(pair))).filter(|(_, count)| *count > 0).collect();
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    let fails = counts.iter().any(|(pair, _)| pair.after.verdict == Verdict::Fail);
    let class = match total {
        0 => "",
        _ if fails => "bad",
        _ => "amb",
    };
    let sub = if total == 0 { "none".to_owned() } else { named(counts.iter().map(|(pair, _)| pair.name), 3) };
    Fact::new(term, total.to_string()).class(class).sub(sub)
}

/// Breaches of both nights, and those that are known.
fn standing(pairs: &[Pair<'_>]) -> Fact {
    let stands = |pair: &Pair<'_>| {
        let all = pair.after.broken.iter();
        all.filter(|print| pair.before.broken.contains(print) || pair.after.acknowledged.contains(print)).count()
    };
    let mut fact = found("Standing", pairs, stands);
    let known: usize = pairs.iter().map(|pair| pair.after.acknowledged.len()).sum();
    let open = |pair: &&Pair<'_>| {
        pair.after
            .broken
            .iter()
            .any(|print| pair.before.broken.contains(print) && !pair.after.acknowledged.contains(print))
    };
    if known > 0 {
        fact.sub = format!("{}; {known} acknowledged", fact.sub);
        if !pairs.iter().any(|pair| open(&pair)) {
            fact.class = "amb";
        }
    }
    fact
}

/// Breaches that are no more. A night that is inconclusive has not shown that.
fn gone(pairs: &[Pair<'_>]) -> Fact {
    let left = |pair: &&Pair<'_>| prints(&pair.before.broken, &pair.after.broken, &[]) > 0;
    let (told, open): (Vec<&Pair<'_>>, Vec<&Pair<'_>>) =
        pairs.iter().filter(left).partition(|pair| pair.after.verdict != Verdict::Inconclusive);
    let count =
        |of: &[&Pair<'_>]| of.iter().map(|pair| prints(&pair.before.broken, &pair.after.broken, &[])).sum::<usize>();
    let mut sub = if told.is_empty() { "none".to_owned() } else { named(told.iter().map(|pair| pair.name), 3) };
    if !open.is_empty() {
        sub = format!("{sub}; {} not judged tonight", count(&open));
    }
    Fact::new("Gone", count(&told).to_string()).sub(sub)
}

/// What builds the scenarios went from and to.
fn image(pairs: &[Pair<'_>], label: &str) -> Fact {
    let mut moves: BTreeMap<(String, String), usize> = BTreeMap::new();
    let (mut anew, mut unknown) = (0, 0);
    for pair in pairs {
        match (build_of(pair.before), build_of(pair.after)) {
            (Some(then), Some(now)) if then != now => *moves.entry((then, now)).or_default() += 1,
            (Some(_), Some(_)) => anew += usize::from(pair.before.image != pair.after.image),
            _ => unknown += 1,
        }
    }
    let all = pairs.len();
    let scenarios = |count: usize| match (count, all) {
        (_, 1) => String::new(),
        (count, all) if count == all => format!("all {all} scenarios"),
        (count, all) => format!("{count} of {all} scenarios"),
    };
    let changed = format!("{label}, the image changed");
    let mut sorted: Vec<(&(String, String), &usize)> = moves.iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    if let Some(((then, now), count)) = sorted.first().copied() {
        let mut sub: Vec<String> = Vec::new();
        if older(now, then) {
            sub.push("an older build".to_owned());
        }
        sub.push(scenarios(*count));
        sub.extend(sorted.iter().skip(1).take(2).map(|((then, now), count)| format!("{then} → {now} in {count}")));
        sub.retain(|part| !part.is_empty());
        return Fact::new(changed, format!("{then} → {now}")).class("w").sub(sub.join(", "));
    }
    let now = pairs.iter().filter_map(|pair| build_of(pair.after)).collect::<BTreeSet<_>>();
    let builds = listed(&now.into_iter().collect::<Vec<_>>(), 2);
    match (anew, unknown) {
        (0, unknown) if unknown == all => Fact::new(format!("{label}, the image"), "is not known").class("w"),
        (0, _) => Fact::new(format!("{label}, the image did not change"), builds).class("w").sub(scenarios(all)),
        (anew, _) => Fact::new(changed, format!("{builds}, built anew")).class("w").sub(scenarios(anew)),
    }
}

/// True for versions of figures and dots of which the first is the lower.
fn older(now: &str, then: &str) -> bool {
    let figures = |version: &str| -> Option<Vec<u64>> { version.split('.').map(|part| part.parse().ok()).collect() };
    figures(now).zip(figures(then)).is_some_and(|(now, then)| now < then)
}

/// In how many scenarios the last two nights ran alike.
fn comparable(pairs: &[Pair<'_>], first: usize) -> Fact {
    let mut why: BTreeMap<&str, usize> = BTreeMap::new();
    let mut alike = 0;
    for pair in pairs {
        let unlike = unlike(pair.before, pair.after);
        alike += usize::from(unlike.is_empty());
        for reason in unlike {
            *why.entry(reason).or_default() += 1;
        }
    }
    let all = pairs.len() + first;
    let mut said: Vec<String> = why
        .iter()
        .map(
            |(reason, count)| {
                if *count == pairs.len() { (*reason).to_owned() } else { format!("{reason} in {count}") }
            },
        )
        .collect();
    if first > 0 {
        said.push(if first == 1 { "1 first night".to_owned() } else { format!("{first} first nights") });
    }
    let sub = if said.is_empty() { "same scenario, machine and thresholds".to_owned() } else { said.join(", ") };
    Fact::new("Comparable", format!("{alike} of {all}")).class(if alike < all { "amb" } else { "" }).sub(sub)
}
