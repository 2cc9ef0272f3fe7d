//! The sentences of causes.

use std::collections::BTreeMap;

use super::group::Group;
use super::item::Item;
use crate::judge::lore::noun;
use crate::judge::{TARGET, sentence};
use crate::model::text::{count, figure};
use crate::model::{Carrier, CarrierKind, DeadKind, Finding, Metric, Relation, RuleKind, Status};

/// How many classes a sentence names.
const NAMED: usize = 4;
/// What is called most of something.
const MOST: f64 = 0.5;

/// Which classes grew together and how that shows, what it follows, and who carries it.
pub(super) fn sentence(group: &Group, items: &[Item<'_>], relation: Option<&Relation>, findings: &[Finding]) -> String {
    let members: Vec<&Item<'_>> = group.members.iter().filter_map(|at| items.get(*at)).collect();
    let Some(lead) = members.first() else { return String::new() };
    let title = sentence::clause(group.lesson.title);
    let names = names(&members);
    let mut text = match (members.len(), group.beat) {
        (2.., Some(beat)) if beat.crowded && !beat.clocks => format!("{names} grew together all the time: {title}"),
        (2.., Some(beat)) => {
            let verb = if members.iter().any(|item| item.grows) { "grew in step" } else { "died in step" };
            let (hits, of) = beat.hits;
            format!("{names} {verb} ({hits} of {}): {title}", count(of, "step"))
        }
        (2.., None) => format!("{names} grew over the same time: {title}"),
        (_, _) if lead.grows => format!("{names} grew, and nothing else in step: {title}"),
        (_, _) if !lead.dead.is_empty() => format!("{names} are dead, and nothing else grew with them: {title}"),
        (_, _) => format!(
            "{names}: more than is allowed, though no growth was seen; if the code does not permit so much, {title}"
        ),
    };
    if let Some(relation) = relation {
        let each = figure(relation.each);
        let each = if each == "1" { "one" } else { &each };
        text.push_str(&format!("; {each} per {} ({} of {})", relation.to, relation.hits, relation.of));
    }
    text.push('.');
    for more in [carried(group, items), peer(lead), ran_out(&members, findings)].into_iter().flatten() {
        text.push_str(&format!(" {more}"));
    }
    text
}

/// "Eventpolls and unix stream sockets", "Threads, eventpolls and 3 more classes".
fn names(members: &[&Item<'_>]) -> String {
    let mut names: Vec<String> = Vec::new();
    for name in members.iter().map(|item| name(item)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > NAMED {
        let more = names.len() - NAMED + 1;
        names.truncate(NAMED - 1);
        names.push(format!("{more} more classes"));
    }
    let text = match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    };
    // A class of the user's own keeps its name as it is written.
    if members.first().is_some_and(|lead| is_own(lead)) { text } else { capital(&text) }
}

fn is_own(item: &Item<'_>) -> bool {
    item.class.parse::<Metric>().is_err()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

fn name(item: &Item<'_>) -> String {
    let name = if is_own(item) { sentence::foreign(item.class) } else { noun(item.metric).to_owned() };
    if item.subject == TARGET { name } else { format!("{name} of {}", sentence::foreign(item.subject)) }
}

/// Who carries most of it.
fn carried(group: &Group, items: &[Item<'_>]) -> Option<String> {
    let all = group.members.iter().chain(&group.wholes).filter_map(|at| items.get(*at));
    let carriers = &all.flat_map(|item| &item.breaches).find(|finding| !finding.carriers.is_empty())?.carriers;
    let most = |kind: CarrierKind| -> Option<&Carrier> {
        carriers.iter().find(|carrier| carrier.of == kind && carrier.share > MOST)
    };
    let quoted = |carrier: &Carrier| format!("`{}`", sentence::foreign(&carrier.name).replace('`', "'"));
    match (most(CarrierKind::Process), most(CarrierKind::Path)) {
        (Some(process), Some(path)) => Some(format!("Most of it is in {}, on {}.", quoted(process), quoted(path))),
        (Some(process), None) => Some(format!("Most of it is in {}.", quoted(process))),
        (None, Some(path)) => Some(format!("Most of it is on {}.", quoted(path))),
        (None, None) => None,
    }
}

/// The peer that most of the connections lead to which it has closed.
fn peer(lead: &Item<'_>) -> Option<String> {
    let mut peers: BTreeMap<&str, usize> = BTreeMap::new();
    for handle in lead.dead.iter().filter(|handle| handle.kind == DeadKind::TcpCloseWait) {
        *peers.entry(handle.detail.strip_prefix("peer ")?).or_insert(0) += 1;
    }
    let all: usize = peers.values().sum();
    let (peer, most) = peers.into_iter().max_by_key(|(_, count)| *count)?;
    let text = format!("Most of them lead to {}.", sentence::foreign(peer));
    (all > 1 && most as f64 > MOST * all as f64).then_some(text)
}

/// What happened when descriptors or memory ran out, where that was seen.
fn ran_out(members: &[&Item<'_>], findings: &[Finding]) -> Option<String> {
    let descriptors = members.iter().any(|item| item.metric.is_descriptors());
    let memory = members.iter().any(|item| item.metric.is_memory());
    let broken = |rule: RuleKind| findings.iter().filter(move |it| it.rule == rule && it.status == Status::Breaks);
    let says_so = |finding: &Finding| {
        ["errno 24", "open files", "emfile"].iter().any(|word| finding.sentence.to_lowercase().contains(word))
    };
    if descriptors && broken(RuleKind::Log).any(says_so) {
        return Some("The log says that descriptors ran out.".to_owned());
    }
    if memory && broken(RuleKind::Oom).next().is_some() {
        return Some("The kernel killed for want of memory tonight.".to_owned());
    }
    if descriptors && broken(RuleKind::SelfKill).next().is_some() {
        return Some("A process ended itself tonight: see whether it watches its own descriptors.".to_owned());
    }
    None
}

/// True where a precedent on a class is one on the item: by the class's name, or by that of what it is made of.
pub(super) fn is_named(item: &Item<'_>, class: &str) -> bool {
    item.class == class || item.metric.to_string() == class
}
