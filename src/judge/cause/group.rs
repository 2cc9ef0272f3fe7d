//! Which items belong to one cause, and how sure that is.

use super::item::Item;
use super::pattern::{PATTERNS, Part, Pattern};
use super::track::{Beat, apart, beat, proportion};
use crate::judge::TARGET;
use crate::judge::lore::{self, Lesson};
use crate::model::{Confidence, FdClass, Metric, Unit};

/// The parts must explain so much of a whole.
const EXPLAINS: f64 = 0.5;
/// Shares of steps that coincide, and the chance of it: of classes that go together, and of those that go together in part.
const WHOLLY: (f64, f64) = (0.8, 0.01);
const PARTLY: (f64, f64) = (0.5, 0.05);
/// The same of classes that no pattern puts together.
const STRANGERS: (f64, f64) = (0.7, 0.001);
/// Fewest steps that go together wholly.
const STEPS: u64 = 4;
/// A correlation of rises from which on they go together wholly.
const SWINGS: f64 = 0.7;
/// How far the courses of two rises may be apart.
const APART: f64 = 0.2;
/// The sizes of two steps keep their proportion to so much, in so many of the steps.
const PROPORTION: (f64, f64) = (0.1, 0.8);

/// Items of one cause.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) lesson: &'static Lesson,
    /// The items, the leading one first.
    pub(super) members: Vec<usize>,
    /// Those of which the members are a part.
    pub(super) wholes: Vec<usize>,
    /// How the first of the others goes with the leading one.
    pub(super) beat: Option<Beat>,
    pub(super) confidence: Confidence,
}

/// How an item goes with the leading one.
#[derive(Debug, Clone, Copy)]
struct Bond {
    wholly: bool,
    beat: Option<Beat>,
}

/// A pattern that fits.
struct Fit {
    pattern: &'static Pattern,
    lead: usize,
    parts: Vec<usize>,
    beat: Option<Beat>,
    wholly: usize,
    sure: bool,
}

/// All causes: every item with a breach is in exactly one of them.
///
/// Kinds tell more than their class, and are known by counts alone, which busy neighbours blur. So it is tried with the kinds
/// that break no rule and without them, and the tale with fewer causes is told; of equal ones that with the kinds.
pub(super) fn groups(items: &[Item<'_>], slot_s: f64, late_ms: f64) -> Vec<Group> {
    let fine = grouped(items, &vec![true; items.len()], slot_s, late_ms);
    let told = |item: &Item<'_>| !matches!(item.metric, Metric::Kind(_)) || !item.breaches.is_empty();
    let coarse = grouped(items, &items.iter().map(told).collect::<Vec<_>>(), slot_s, late_ms);
    if coarse.len() < fine.len() { coarse } else { fine }
}

/// The causes of the items that are told.
fn grouped(items: &[Item<'_>], told: &[bool], slot_s: f64, late_ms: f64) -> Vec<Group> {
    let part_of: Vec<Option<usize>> = explained(items, told);
    let mut free: Vec<bool> = part_of.iter().zip(told).map(|(part, told)| *told && part.is_none()).collect();
    let mut groups = Vec::new();
    while let Some(fit) = best_fit(items, &free, slot_s) {
        let members: Vec<usize> = std::iter::once(fit.lead).chain(fit.parts).collect();
        for member in &members {
            if let Some(free) = free.get_mut(*member) {
                *free = false;
            }
        }
        let Some(lesson) = lore::cause(fit.pattern.key) else { break };
        let confidence =
            if fit.sure || says_so(items, &members, late_ms) { Confidence::High } else { Confidence::Medium };
        groups.push(Group { lesson, members, wholes: Vec::new(), beat: fit.beat, confidence });
    }
    let mut rest: Vec<usize> = (0..items.len()).filter(|at| free.get(*at) == Some(&true)).collect();
    // What breaks a rule first, what rose most first.
    let key = |at: usize| items.get(at).map_or((true, 0.0), |item| (item.breaches.is_empty(), -item.rise()));
    rest.sort_by(|a, b| key(*a).0.cmp(&key(*b).0).then(key(*a).1.total_cmp(&key(*b).1)));
    for at in rest {
        let Some(item) = items.get(at) else { continue };
        if let Some((group, beat)) = joined(items, &groups, item, slot_s) {
            if let Some(group) = groups.get_mut(group) {
                group.members.push(at);
                group.beat = group.beat.or(Some(beat));
                group.confidence = group.confidence.max(Confidence::Medium);
            }
        } else if let (false, Some(lesson)) = (item.breaches.is_empty(), lesson(item.metric)) {
            let confidence = if says_so(items, &[at], late_ms) { Confidence::High } else { Confidence::Low };
            groups.push(Group { lesson, members: vec![at], wholes: Vec::new(), beat: None, confidence });
        }
    }
    for (whole, part) in part_of.iter().enumerate() {
        let Some(part) = part else { continue };
        match groups.iter_mut().find(|group| group.members.contains(part)) {
            Some(group) => group.wholes.push(whole),
            // Its part grows, breaks no rule and is in no other story: it leads one of its own.
            None => {
                let lesson = items.get(*part).and_then(|part| lesson(part.metric));
                groups.extend(lesson.map(|lesson| Group {
                    lesson,
                    members: vec![*part],
                    wholes: vec![whole],
                    beat: None,
                    confidence: Confidence::Low,
                }));
            }
        }
    }
    groups.retain(|group| {
        let all = group.members.iter().chain(&group.wholes);
        all.filter_map(|at| items.get(*at)).any(|item| !item.breaches.is_empty())
    });
    groups
}

/// Every class has a lesson; that of what is not known stands in for none.
fn lesson(metric: Metric) -> Option<&'static Lesson> {
    lore::of(metric).or_else(|| lore::of(Metric::Fd(FdClass::Unknown)))
}

/// For each item, the largest of its parts, where its parts explain it.
fn explained(items: &[Item<'_>], told: &[bool]) -> Vec<Option<usize>> {
    let parts_of = |whole: &Item<'_>| -> Vec<usize> {
        let parts = items.iter().enumerate().filter(|(at, part)| {
            told.get(*at) == Some(&true) && part.is_part_of(whole) && part.size_beside(whole) > 0.0
        });
        parts.map(|(at, _)| at).collect()
    };
    let is_explained = |whole: &Item<'_>| {
        let parts = parts_of(whole);
        let inner = |at: usize| parts.iter().filter_map(move |other| Some((items.get(at)?, items.get(*other)?)));
        // A part of a part is not counted twice.
        let outermost = parts.iter().filter(|at| !inner(**at).any(|(part, other)| part.is_part_of(other)));
        let sum: f64 = outermost.filter_map(|at| items.get(*at)).map(|part| part.size_beside(whole)).sum();
        let own = whole.size_beside(whole);
        own > 0.0 && sum >= EXPLAINS * own
    };
    let flags: Vec<bool> = items.iter().map(is_explained).collect();
    let largest = |whole: &Item<'_>| {
        let size = |at: &usize| items.get(*at).map_or(0.0, |part| part.size_beside(whole));
        let leaves = parts_of(whole).into_iter().filter(|at| flags.get(*at) == Some(&false));
        leaves.max_by(|a, b| size(a).total_cmp(&size(b)).then(b.cmp(a)))
    };
    items.iter().zip(&flags).map(|(whole, explained)| if *explained { largest(whole) } else { None }).collect()
}

/// The pattern that explains most of what is still free.
fn best_fit(items: &[Item<'_>], free: &[bool], slot_s: f64) -> Option<Fit> {
    let mut best: Option<Fit> = None;
    for pattern in PATTERNS {
        for (lead, item) in items.iter().enumerate().filter(|(at, _)| free.get(*at) == Some(&true)) {
            if !pattern.lead.contains(&item.metric) {
                continue;
            }
            let Some(fit) = fit(pattern, lead, items, free, slot_s) else { continue };
            let rank = |fit: &Fit| (fit.parts.len(), fit.wholly);
            if best.as_ref().is_none_or(|best| rank(&fit) > rank(best)) {
                best = Some(fit);
            }
        }
    }
    best
}

fn fit(pattern: &'static Pattern, at: usize, items: &[Item<'_>], free: &[bool], slot_s: f64) -> Option<Fit> {
    let lead = items.get(at)?;
    if lead.dead.iter().any(|handle| pattern.never.contains(&handle.kind)) {
        return None;
    }
    let mut fit = Fit { pattern, lead: at, parts: Vec::new(), beat: None, wholly: 0, sure: false };
    let mut of = |parts: &[Part], needed: bool| {
        let mut found = false;
        for (other, item) in
            items.iter().enumerate().filter(|(other, _)| *other != at && free.get(*other) == Some(&true))
        {
            let near = item.subject == lead.subject || item.subject == TARGET || lead.subject == TARGET;
            if !near || fit.parts.contains(&other) {
                continue;
            }
            let Some(part) = parts.iter().find(|part| part.metric == item.metric) else { continue };
            let Some(bond) = bond(lead, item, part.per, slot_s) else { continue };
            found = true;
            fit.parts.push(other);
            fit.beat = fit.beat.or(bond.beat);
            fit.wholly += usize::from(bond.wholly);
            fit.sure |= needed && bond.wholly;
        }
        found
    };
    if !of(pattern.needs, true) {
        return None;
    }
    of(pattern.may, false);
    Some(fit)
}

/// How an item goes with the leading one; `None` where it does not, or in another proportion.
fn bond(lead: &Item<'_>, part: &Item<'_>, per: (f64, f64), slot_s: f64) -> Option<Bond> {
    let ratio = part.rise() / lead.rise();
    if !(ratio >= per.0 && ratio <= per.1) {
        return None;
    }
    let same_course = || apart(&lead.track, &part.track) <= APART;
    if part.metric.unit() == Unit::Bytes {
        // Its rises are those of minutes: they can go along, and no more be told.
        return (part.grows && same_course()).then_some(Bond { wholly: false, beat: None });
    }
    let beat = beat(&lead.track, &part.track, slot_s)?;
    let even = || {
        let around = (ratio * (1.0 - PROPORTION.0), ratio * (1.0 + PROPORTION.0));
        proportion(&lead.track, &part.track, slot_s, around) >= PROPORTION.1
    };
    let enough = beat.hits.0 >= STEPS;
    let wholly = if beat.clocks {
        if beat.share < PARTLY.0 || !same_course() {
            return None;
        }
        beat.share >= WHOLLY.0 && even()
    } else if beat.crowded {
        match beat.swing {
            Some((_, chance)) if chance >= WHOLLY.1 => return None,
            Some((r, _)) => r >= SWINGS,
            None if same_course() => even(),
            None => return None,
        }
    } else if beat.share < PARTLY.0 || beat.chance >= PARTLY.1 {
        return None;
    } else {
        beat.share >= WHOLLY.0 && beat.chance < WHOLLY.1
    };
    Some(Bond { wholly: wholly && enough, beat: Some(beat) })
}

/// The group that an item steps with though no pattern says so, or that is of the same lesson and goes along.
fn joined(items: &[Item<'_>], groups: &[Group], item: &Item<'_>, slot_s: f64) -> Option<(usize, Beat)> {
    let fits = |(at, group): (usize, &Group)| {
        let lead = items.get(*group.members.first()?)?;
        let same = lore::of(item.metric) == Some(group.lesson);
        if same && let Some(Bond { beat: Some(beat), .. }) = bond(lead, item, (0.1, 10.0), slot_s) {
            return Some((at, beat));
        }
        let beat = beat(&lead.track, &item.track, slot_s)?;
        let together = !beat.clocks
            && !beat.crowded
            && beat.hits.0 >= STEPS
            && beat.share >= STRANGERS.0
            && beat.chance < STRANGERS.1;
        (together && item.metric.unit() == Unit::Count && lead.metric.unit() == Unit::Count).then_some((at, beat))
    };
    groups.iter().enumerate().find_map(fits)
}

/// True where a dead handle that is proof by itself came while the target was watched.
fn says_so(items: &[Item<'_>], members: &[usize], late_ms: f64) -> bool {
    let mut dead = members.iter().filter_map(|at| items.get(*at)).flat_map(|item| item.dead);
    dead.any(|handle| handle.kind.is_exact() && handle.first_ms as f64 > late_ms)
}
