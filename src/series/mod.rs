//! Snapshots turned into series of figures.
//!
//! A figure is a sum over the application's own processes; what the engine's health checks and executed commands hold is not
//! the application's. Where one reading of one process is missing, the sum would be too small: the snapshot is then a gap of
//! that class, never a smaller number.

mod count;
mod dead;
mod ends;
mod follow;
mod lives;
mod program;
mod read;
mod subjects;

use std::time::Duration;

use crate::model::{DeadKind, EventKind, Metric, Phase, ProcessSample, Role, RunRecord, Snapshot, Unit};
use crate::threshold::{ClassRule, Selector};

pub use count::Missing;
pub use dead::{dead_at_end, dead_rest_at_end, unasked_at_end};
pub use ends::{End, ends};
pub use lives::{Life, Lives};
pub use subjects::{Held, Part, Subject, Windows, can_split, collapsed_name, held_by, parts, program_name};

/// A figure over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The class, as the thresholds or the list of metrics name it.
    pub class: String,
    /// What it counts in.
    pub unit: Unit,
    /// Seconds since the soak began and the figure, in ascending order, one for each time.
    pub points: Vec<(f64, f64)>,
    /// The snapshots that do not tell.
    pub gaps: Vec<SeriesGap>,
    /// What the figure is measured against: the smallest soft limit of open descriptors of a process for `fd.*`, the cgroup's
    /// limit of tasks for `proc.*` and `cgroup.pids`, the memory limit for `mem.*`; `None` where there is none.
    pub limit: Option<f64>,
    /// How far the figure can still grow at the end. For descriptors it is the room that the fullest process has left, all
    /// its classes counted, for processes and threads that of all tasks together; `None` where there is no limit.
    pub room: Option<f64>,
    /// The share of the limit at every point: that of the fullest process for `fd.*`, whose limit is each process's own.
    pub shares: Vec<(f64, f64)>,
    /// Who is behind the figure: when each came and went. `None` where that is not known.
    pub lives: Option<Lives>,
    /// Snapshots in which some link targets were folded into a remainder: the figure may be too small there.
    pub folded: u64,
}

/// A snapshot that does not tell a class's figure.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesGap {
    /// Seconds since the soak began.
    pub at_s: f64,
    /// Why.
    pub why: Missing,
}

/// What a series is made of.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The class's name.
    pub class: &'a str,
    /// What is counted.
    pub select: &'a Selector,
    /// Only processes that were seen for so long (zombies: seen dead for so long).
    pub older_than: Option<Duration>,
    /// The memory limit of the target, bytes.
    pub memory_limit: Option<u64>,
}

impl Series {
    /// The series of a class of the thresholds.
    pub fn of_rule(rule: &ClassRule, snapshots: &[Snapshot], memory_limit: Option<u64>) -> Self {
        Self::read(
            &Question { class: &rule.name, select: &rule.select, older_than: rule.older_than, memory_limit },
            &watched(snapshots),
        )
    }

    /// The series of a built-in metric.
    pub fn of_metric(metric: Metric, snapshots: &[Snapshot], memory_limit: Option<u64>) -> Self {
        let (class, select) = (metric.to_string(), Selector::Metric(metric));
        Self::read(&Question { class: &class, select: &select, older_than: None, memory_limit }, &watched(snapshots))
    }

    /// Reads a series from the snapshots that [`watched`] chose.
    pub fn read(question: &Question<'_>, watched: &[&Snapshot]) -> Self {
        let mut reader = read::Reader::new(question, watched);
        for snapshot in watched {
            reader.take(snapshot, &app_processes(snapshot).collect::<Vec<_>>());
        }
        reader.finish(watched)
    }

    /// Reads several series, as [`Series::read`] does, in one go through the snapshots: what is in the processor's cache is
    /// looked at for every class before the next snapshot comes.
    pub fn read_all(questions: &[Question<'_>], watched: &[&Snapshot]) -> Vec<Self> {
        let mut readers: Vec<_> = questions.iter().map(|question| read::Reader::new(question, watched)).collect();
        for snapshot in watched {
            let own: Vec<&ProcessSample> = app_processes(snapshot).collect();
            readers.iter_mut().for_each(|reader| reader.take(snapshot, &own));
        }
        readers.into_iter().map(|reader| reader.finish(watched)).collect()
    }

    /// A series of which nothing was read yet.
    fn new(question: &Question<'_>, watched: &[&Snapshot]) -> Self {
        Self {
            class: question.class.to_owned(),
            unit: unit(question.select),
            points: Vec::with_capacity(watched.len()),
            gaps: Vec::new(),
            limit: None,
            room: None,
            shares: Vec::new(),
            lives: None,
            folded: 0,
        }
    }

    /// The lowest figure at the end: what was held over the last sixth of the time, at most five minutes, at least three
    /// points. `None` with fewer than three.
    ///
    /// `since` cuts off what lies before the last restart, where enough is left after it.
    pub fn held_level(&self, since: f64) -> Option<f64> {
        held_at_end(&self.points, since)
    }

    /// The share of the limit that is held at the end, as [`Series::held_level`] has it.
    pub fn held_share(&self, since: f64) -> Option<f64> {
        held_at_end(&self.shares, since)
    }

    fn push(&mut self, at_s: f64, look: &count::Look, question: &Question<'_>) {
        self.points.push((at_s, look.figure));
        self.folded += u64::from(look.folded);
        match self.unit {
            Unit::Bytes => {
                let bound = matches!(question.select, Selector::Metric(metric) if metric.is_memory());
                let limit = question.memory_limit.filter(|limit| *limit > 0).map(|limit| limit as f64).or(look.limit);
                self.limit = limit.filter(|_| bound);
                self.room = self.limit.map(|limit| (limit - look.figure).max(0.0));
                let share = self.limit.filter(|limit| *limit > 0.0).map(|limit| look.figure / limit);
                self.shares.extend(share.map(|share| (at_s, share)));
            }
            Unit::Count => {
                // The last point's limits count: they are those of the processes that are there at the end.
                self.limit = look.limit;
                self.room = look.room;
                self.shares.extend(look.share.map(|share| (at_s, share)));
            }
        }
    }
}

/// The snapshots that are judged: those of the soak and of the rest after it, in the order of time, one for each time (the
/// last one written where a clock stood still).
pub fn watched(snapshots: &[Snapshot]) -> Vec<&Snapshot> {
    let mut kept: Vec<&Snapshot> =
        snapshots.iter().filter(|snapshot| matches!(snapshot.phase, Phase::Soak | Phase::Settle)).collect();
    kept.sort_by_key(|snapshot| snapshot.at_ms);
    kept.reverse();
    kept.dedup_by_key(|snapshot| snapshot.at_ms);
    kept.reverse();
    kept
}

/// When the target's main process ended or was started again during the soak, seconds since it began, in order.
pub fn restarts(record: &RunRecord) -> Vec<f64> {
    let mut restarts: Vec<i64> = record
        .events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::Restart | EventKind::Died) && event.at_ms > 0)
        .map(|event| event.at_ms)
        .collect();
    restarts.sort_unstable();
    restarts.dedup();
    restarts.into_iter().map(|at_ms| at_ms as f64 / 1000.0).collect()
}

/// The application's own processes.
pub fn app_processes(snapshot: &Snapshot) -> impl Iterator<Item = &ProcessSample> {
    snapshot.processes.iter().filter(|process| process.role == Role::App)
}

/// True where a snapshot tells the figure of a class.
pub fn tells(select: &Selector, snapshot: &Snapshot) -> bool {
    let own: Vec<&ProcessSample> = app_processes(snapshot).collect();
    matches!(count::Counter::new(select).look(snapshot, &own), Ok(Some(_)))
}

/// What a selector counts in.
pub fn unit(select: &Selector) -> Unit {
    match select {
        Selector::Metric(metric) => metric.unit(),
        Selector::Links(_) | Selector::Cmdline(_) => Unit::Count,
    }
}

/// True where a selector covers dead handles of this kind, see [`DeadKind::is_of`].
pub fn covers_dead(select: &Selector, kind: DeadKind) -> bool {
    matches!(select, Selector::Metric(metric) if kind.is_of(*metric))
}

/// True where a selector covers any dead handles.
pub fn has_dead(select: &Selector) -> bool {
    DeadKind::ALL.iter().any(|kind| covers_dead(select, *kind))
}

/// The share of the time and the most seconds over which a level must be held to the end.
const HELD: (f64, f64) = (1.0 / 6.0, 300.0);
/// The fewest points that make a held level.
const HELD_POINTS: usize = 3;

/// The held level at the end of points, see [`Series::held_level`].
pub fn held_at_end(points: &[(f64, f64)], since: f64) -> Option<f64> {
    let after = points.partition_point(|point| point.0 < since);
    let points = points.get(after..).filter(|rest| rest.len() >= HELD_POINTS).unwrap_or(points);
    let (first, last) = (points.first()?.0, points.last()?.0);
    let from = last - ((last - first) * HELD.0).min(HELD.1);
    let start = points.partition_point(|point| point.0 < from).min(points.len().checked_sub(HELD_POINTS)?);
    points.get(start..)?.iter().map(|point| point.1).reduce(f64::min)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
