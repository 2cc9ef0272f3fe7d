//! Long-lived processes that end while the target goes on, and what takes their place.

use std::collections::{BTreeMap, HashMap};

use super::app_processes;
use crate::model::{ProcId, ProcState, ProcessSample, Snapshot};

/// A process that was seen for so long lives long, seconds: younger ones are workers that come and go.
const LONG_S: f64 = 60.0;
/// What takes a place is there within this time of the end, seconds.
const REPLACED_S: f64 = 60.0;
/// What takes a place may have been started so long before the end, seconds: a worker that waits for its successor.
const OVERLAP_S: f64 = 30.0;
/// The share of the looks at which a program has its usual number of processes, so that one process can be said to have a
/// place: where the number moves all the time, processes come and go as the load asks, or as a timetable says.
const STEADY: f64 = 0.8;

/// A long-lived process of the application that ended while others were still looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// Who it was.
    pub id: ProcId,
    /// The pid of the parent it was first seen with.
    pub parent: u32,
    /// The program, see [`ProcessSample::name`]; foreign text.
    pub name: String,
    /// The first look without it, seconds since the soak began.
    pub at_s: f64,
    /// How long it was seen, seconds: at least so long it lived.
    pub seen_s: f64,
    /// Its open descriptors when they were last read.
    pub fds: Option<u64>,
    /// Its soft limit of descriptors; `None`: unlimited or not read.
    pub limit: Option<u64>,
    /// Its anonymous memory, bytes, when it was last read.
    pub memory: Option<u64>,
    /// Its threads when they were last read.
    pub threads: Option<u64>,
    /// The process with the same command line that took its place.
    pub replaced_by: Option<ProcId>,
}

/// The ends of the application's long-lived processes, in the order of time.
///
/// A process takes the place of another where it has the same command line, was not there before, comes within a minute of the
/// end, and brings the number of its program's processes back to what it was; and where that number is the same most of
/// the time. Health checks, executed commands and zombies do not count as processes.
pub fn ends(watched: &[&Snapshot]) -> Vec<End> {
    let looks: Vec<&Snapshot> = watched.iter().copied().filter(|look| app_processes(look).any(is_alive)).collect();
    let lives = lives(&looks);
    let mut programs: BTreeMap<(&str, &str), Vec<&Life<'_>>> = BTreeMap::new();
    for life in &lives {
        programs.entry(life.program()).or_default().push(life);
    }
    let times: Vec<f64> = looks.iter().map(|look| look.at_s()).collect();
    let mut ends: Vec<End> = programs.values().flat_map(|lives| ends_of(lives, &times)).collect();
    ends.sort_by(|a, b| a.at_s.total_cmp(&b.at_s).then_with(|| a.id.cmp(&b.id)));
    ends
}

fn is_alive(process: &ProcessSample) -> bool {
    process.state != ProcState::Zombie
}

/// A process from its first look to its last.
#[derive(Debug)]
struct Life<'a> {
    id: ProcId,
    parent: u32,
    first: usize,
    last: usize,
    /// Its command lines and short names, and at how many looks it had each: a process may take on another program.
    titles: Vec<(&'a str, &'a str, usize)>,
    latest: &'a ProcessSample,
    /// The latest look at which its descriptors could be read.
    told: &'a ProcessSample,
}

impl<'a> Life<'a> {
    /// The command line it had for most of its life, with the short name where there is none.
    fn program(&self) -> (&'a str, &'a str) {
        let longest = self.titles.iter().rev().max_by_key(|title| title.2);
        longest.map_or(("", ""), |(cmdline, comm, _)| (*cmdline, if cmdline.is_empty() { *comm } else { "" }))
    }

    fn see(&mut self, at: usize, process: &'a ProcessSample) {
        self.last = at;
        self.latest = process;
        if process.fds.value().is_some() || self.told.fds.value().is_none() {
            self.told = process;
        }
        let same = |title: &&mut (&str, &str, usize)| title.0 == process.cmdline && title.1 == process.comm;
        let known = self.titles.len();
        match self.titles.iter_mut().rev().find(same) {
            Some(title) => title.2 += 1,
            None if known < MAX_TITLES => self.titles.push((&process.cmdline, &process.comm, 1)),
            None => {}
        }
    }
}

/// A process that shows its state in its command line has no end of titles.
const MAX_TITLES: usize = 8;

fn lives<'a>(looks: &[&'a Snapshot]) -> Vec<Life<'a>> {
    let mut places: HashMap<ProcId, usize> = HashMap::new();
    let mut lives: Vec<Life<'a>> = Vec::new();
    for (at, look) in looks.iter().enumerate() {
        let mut processes: Vec<&ProcessSample> = app_processes(look).filter(|process| is_alive(process)).collect();
        // The order within a look means nothing, not even where a process stands there twice.
        processes.sort_by(|a, b| a.id.cmp(&b.id).then_with(|| rank(a).cmp(&rank(b))));
        for process in processes {
            let place = *places.entry(process.id).or_insert(lives.len());
            match lives.get_mut(place) {
                Some(life) => life.see(at, process),
                None => lives.push(Life {
                    id: process.id,
                    parent: process.ppid,
                    first: at,
                    last: at,
                    titles: vec![(&process.cmdline, &process.comm, 1)],
                    latest: process,
                    told: process,
                }),
            }
        }
    }
    lives.sort_by_key(|life| (life.first, life.id));
    lives
}

fn rank(process: &ProcessSample) -> (Option<u64>, Option<&u64>, Option<&u64>, &str) {
    let fds = process.fds.value().map(|census| census.total);
    (fds, process.anon.value(), process.threads.value(), &process.cmdline)
}

/// The long-lived processes of one program that ended.
fn ends_of(lives: &[&Life<'_>], times: &[f64]) -> Vec<End> {
    let time = |at: usize| times.get(at).copied().unwrap_or(0.0);
    let mut ended: Vec<&Life<'_>> = lives
        .iter()
        .copied()
        .filter(|life| life.last + 1 < times.len() && time(life.last) - time(life.first) >= LONG_S)
        .collect();
    if ended.is_empty() {
        return Vec::new();
    }
    ended.sort_by_key(|life| (life.last, life.id));
    let numbers = numbers(lives, times.len());
    let steady = is_steady(&numbers);
    // What is there at the first look may have been there for ever.
    let mut newcomers: Vec<&Life<'_>> = lives.iter().copied().filter(|life| life.first > 0).collect();
    let mut ends = Vec::new();
    for old in ended {
        let gone_s = time(old.last + 1);
        let from = newcomers.partition_point(|new| time(new.first) < time(old.last) - OVERLAP_S);
        let to = newcomers.partition_point(|new| time(new.first) <= gone_s + REPLACED_S).max(from);
        let near = newcomers.get(from..to).unwrap_or_default();
        // The same start under another pid: the same process, seen from another pid namespace.
        if let Some(at) = near.iter().position(|new| new.id.start == old.id.start) {
            newcomers.remove(from + at);
            continue;
        }
        let found = near.iter().position(|new| new.first > old.first);
        let successor = found.and_then(|at| near.get(at).map(|new| (from + at, *new)));
        let replaced_by = successor.filter(|(_, new)| {
            let before = numbers.get(old.last.min(new.first.saturating_sub(1))).copied().unwrap_or(0);
            let after = numbers.iter().zip(times).skip(old.last + 1);
            let restored = after.take_while(|(_, at)| **at <= gone_s + REPLACED_S).any(|(number, _)| *number >= before);
            steady && restored
        });
        if let Some((at, _)) = replaced_by {
            newcomers.remove(at);
        }
        ends.push(old.ended(gone_s, time(old.last) - time(old.first), replaced_by.map(|(_, new)| new.id)));
    }
    ends
}

impl Life<'_> {
    fn ended(&self, at_s: f64, seen_s: f64, replaced_by: Option<ProcId>) -> End {
        let either = |of: fn(&ProcessSample) -> Option<u64>| of(self.latest).or_else(|| of(self.told));
        End {
            id: self.id,
            parent: self.parent,
            name: self.latest.name().to_owned(),
            at_s,
            seen_s,
            fds: self.told.fds.value().map(|census| census.total),
            limit: either(|process| process.nofile.value().copied().flatten()),
            memory: either(|process| process.anon.value().copied()),
            threads: either(|process| process.threads.value().copied()),
            replaced_by,
        }
    }
}

/// How many of the processes were there at each look.
fn numbers(lives: &[&Life<'_>], looks: usize) -> Vec<u64> {
    let mut changes = vec![0_i64; looks + 1];
    for life in lives {
        if let Some(change) = changes.get_mut(life.first) {
            *change += 1;
        }
        if let Some(change) = changes.get_mut(life.last + 1) {
            *change -= 1;
        }
    }
    let mut now = 0;
    changes
        .iter()
        .take(looks)
        .map(|change| {
            now += change;
            u64::try_from(now).unwrap_or(0)
        })
        .collect()
}

/// True where the usual number is there at most of the looks from the first process to the last.
fn is_steady(numbers: &[u64]) -> bool {
    let first = numbers.iter().position(|number| *number > 0).unwrap_or(0);
    let last = numbers.iter().rposition(|number| *number > 0).unwrap_or(0);
    let span = numbers.get(first..=last).unwrap_or_default();
    let mut times: BTreeMap<u64, usize> = BTreeMap::new();
    for number in span.iter().filter(|number| **number > 0) {
        *times.entry(*number).or_insert(0) += 1;
    }
    let usual = times.values().max().copied().unwrap_or(0);
    usual as f64 >= STEADY * span.len() as f64
}

#[cfg(test)]
mod tests;
