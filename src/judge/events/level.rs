//! What was held at a moment.

use crate::judge::Night;
use crate::model::{ProcessSample, Snapshot};
use crate::series::{End, app_processes};

/// What was held when something happened, as far as it could be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::judge) struct Level {
    /// The program that was nearest to its limit of descriptors; `None` where the level is that of one process whose name is
    /// known from elsewhere.
    pub(in crate::judge) name: Option<String>,
    /// The open descriptors of that process.
    pub(in crate::judge) fds: Option<u64>,
    /// Its soft limit of descriptors.
    pub(in crate::judge) limit: Option<u64>,
    /// Anonymous memory, bytes: of all processes together, or of the one.
    pub(in crate::judge) memory: Option<f64>,
    /// Threads: of all processes together, or of the one.
    pub(in crate::judge) threads: Option<u64>,
    /// How long before the moment it was read, seconds.
    pub(in crate::judge) before_s: f64,
}

impl Level {
    /// What the target held at the last look from `since_s` to `at_s`, seconds since the soak began.
    pub(super) fn at(night: &Night<'_>, since_s: f64, at_s: f64) -> Option<Self> {
        let look = last_look(night, since_s, at_s, |look| app_processes(look).any(is_told))?;
        let fullest = app_processes(look).filter(|process| process.fds.value().is_some()).max_by(|a, b| {
            let (share, total) = (|it: &ProcessSample| fullness(it).0, |it: &ProcessSample| fullness(it).1);
            share(a).total_cmp(&share(b)).then_with(|| (total(a), a.id).cmp(&(total(b), b.id)))
        });
        let sum = |of: fn(&ProcessSample) -> Option<u64>| {
            app_processes(look)
                .filter_map(of)
                .fold(None, |sum: Option<u64>, own| Some(sum.unwrap_or(0).saturating_add(own)))
        };
        Some(Self {
            name: fullest.map(|process| process.name().to_owned()),
            fds: fullest.map(|process| fullness(process).1),
            limit: fullest.and_then(soft_limit),
            memory: sum(|process| process.anon.value().copied()).map(|bytes| bytes as f64),
            threads: sum(|process| process.threads.value().copied()),
            before_s: (at_s - look.at_s()).max(0.0),
        })
    }

    /// What a process held that ended.
    pub(super) fn of_end(end: &End) -> Self {
        Self {
            name: None,
            fds: end.fds,
            limit: end.limit,
            memory: end.memory.map(|bytes| bytes as f64),
            threads: end.threads,
            before_s: 0.0,
        }
    }
}

/// The last look from `since_s` to `at_s` that tells what is wanted.
pub(super) fn last_look<'a>(
    night: &Night<'a>,
    since_s: f64,
    at_s: f64,
    tells: impl Fn(&Snapshot) -> bool,
) -> Option<&'a Snapshot> {
    let until = night.watched.partition_point(|look| look.at_s() <= at_s);
    let looks = night.watched.get(..until)?.iter().rev().take_while(|look| look.at_s() >= since_s);
    looks.copied().find(|look| tells(look))
}

fn is_told(process: &ProcessSample) -> bool {
    process.fds.value().is_some() || process.anon.value().is_some()
}

fn soft_limit(process: &ProcessSample) -> Option<u64> {
    process.nofile.value().copied().flatten()
}

/// The share of its limit that a process has open, and how many descriptors that is.
fn fullness(process: &ProcessSample) -> (f64, u64) {
    let total = process.fds.value().map_or(0, |census| census.total);
    let share = soft_limit(process).filter(|limit| *limit > 0).map_or(0.0, |limit| total as f64 / limit as f64);
    (share, total)
}
