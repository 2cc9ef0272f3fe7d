//! What slowdrip saw, against what the application says that it holds.

use std::collections::{BTreeMap, BTreeSet};

use slowdrip::model::{DeadHandle, DeadKind, FdCensus, Metric, ProcessSample, Snapshot};

use super::app::Planted;
use crate::support::inherited;

/// A dead handle as both sides can name it: the pid in the application's own namespace, the descriptor, and why.
type Dead = (u32, Option<u32>, DeadKind);

/// The kinds of dead handles that were seen.
pub(super) fn kinds(seen: &Snapshot) -> BTreeSet<DeadKind> {
    seen.dead.iter().map(|handle| handle.kind).collect()
}

fn process(seen: &Snapshot, handle: &DeadHandle) -> u32 {
    let process = seen.processes.iter().find(|process| process.id == handle.process);
    let process = process.unwrap_or_else(|| panic!("of a process that is not listed: {handle:?}"));
    process.ns_pid.unwrap_or_else(|| panic!("no pid in its own namespace: {process:?}"))
}

/// What is dead is exactly what was planted so, each once and with words on what it is.
pub(super) fn assert_found(planted: &[Planted], seen: &Snapshot) {
    let inherited = inherited();
    let own = seen.dead.iter().filter(|handle| handle.fd.is_none_or(|fd| !inherited.contains(&fd)));
    let found: Vec<(Dead, &DeadHandle)> =
        own.map(|handle| ((process(seen, handle), handle.fd, handle.kind), handle)).collect();
    let expected: BTreeMap<Dead, &str> = planted.iter().flat_map(dead).collect();
    let mut problems = Vec::new();
    for (dead, name) in &expected {
        match found.iter().filter(|(found, _)| found == dead).count() {
            0 => problems.push(format!("missed: {name}, {dead:?}")),
            1 => {}
            times => problems.push(format!("found {times} times: {name}, {dead:?}")),
        }
    }
    for (dead, handle) in &found {
        if !expected.contains_key(dead) {
            let (pid, fd, kind) = *dead;
            let named = planted.iter().find(|one| one.pid == pid && (fd.is_none_or(|fd| one.fds.contains(&fd))));
            let name = named.map_or("nothing that was planted", |planted| &planted.name);
            problems.push(format!("called dead and is not: fd {fd:?} of {pid} ({name}), {kind:?}: {}", handle.detail));
        }
        if handle.detail.trim().is_empty() {
            problems.push(format!("no words on what it is: {handle:?}"));
        }
        if handle.first_ms > seen.at_ms || handle.survived == 0 {
            problems.push(format!("no age: {handle:?}"));
        }
    }
    if !seen.dead_rest.is_empty() {
        problems.push(format!("more than could be listed: {:?}", seen.dead_rest));
    }
    assert!(problems.is_empty(), "{}\n\ngaps: {:?}\n\nplanted: {planted:#?}", problems.join("\n"), seen.gaps);
}

fn dead(planted: &Planted) -> Vec<(Dead, &str)> {
    let Some(kind) = planted.dead_kind else { return Vec::new() };
    let name = planted.name.as_str();
    if planted.fds.is_empty() {
        return vec![((planted.pid, None, kind), name)];
    }
    planted.fds.iter().map(|fd| ((planted.pid, Some(*fd), kind), name)).collect()
}

/// Of every class and kind there are at least as many as were planted.
pub(super) fn assert_counted(planted: &[Planted], seen: &Snapshot) {
    let mut expected: BTreeMap<(u32, Metric), (u64, BTreeSet<&str>)> = BTreeMap::new();
    for planted in planted.iter().filter(|planted| planted.skipped.is_none()) {
        for metric in planted.class.iter().chain(&planted.kinds) {
            let (count, names) = expected.entry((planted.pid, *metric)).or_default();
            *count += u64::try_from(planted.fds.len()).unwrap();
            names.insert(&planted.name);
        }
    }
    let mut problems = Vec::new();
    for ((pid, metric), (count, names)) in &expected {
        let there = counted(census(seen, *pid), *metric);
        if there < *count {
            problems.push(format!("{metric} of {pid}: {count} planted ({names:?}), {there} counted"));
        }
    }
    assert!(problems.is_empty(), "{}\n\ngaps: {:?}\n\n{:#?}", problems.join("\n"), seen.gaps, seen.processes);
}

fn census(seen: &Snapshot, pid: u32) -> &FdCensus {
    let holds = |process: &&ProcessSample| process.ns_pid == Some(pid);
    let process = seen.processes.iter().find(holds).unwrap_or_else(|| panic!("process {pid} was not seen"));
    process.fds.value().unwrap_or_else(|| panic!("not read: {process:?}"))
}

fn counted(census: &FdCensus, metric: Metric) -> u64 {
    let (class, kind) = (census.classes.iter(), census.kinds.iter());
    let classes = class.map(|(class, count)| (Metric::Fd(*class), *count));
    let kinds = kind.map(|(kind, count)| (Metric::Kind(*kind), *count));
    classes.chain(kinds).find(|(one, _)| *one == metric).map_or(0, |(_, count)| count)
}
