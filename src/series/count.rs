//! One snapshot's figure for a class.

use globset::GlobMatcher;

use super::app_processes;
use crate::model::{
    CgroupSample, DiskSample, FdCensus, FdClass, FdKind, Metric, ProcId, ProcState, ProcessFacts, ProcessSample,
    Reading, Snapshot,
};
use crate::threshold::Selector;

/// Why a snapshot does not tell a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Missing {
    /// It saw no process of the application.
    NoProcess,
    /// The kernel refused a reading of one process.
    Denied,
    /// A process was gone when it was read.
    Gone,
    /// The kernel answered with something that could not be understood.
    Malformed,
}

/// What a snapshot tells of a class.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) figure: f64,
    /// Some link targets were folded into a remainder.
    pub(super) folded: bool,
    /// The smallest soft limit of descriptors.
    pub(super) limit: Option<f64>,
    /// The descriptors that the fullest process may still open.
    pub(super) room: Option<f64>,
    /// The largest share of its limit that a process spends on the class.
    pub(super) share: Option<f64>,
}

/// The figure of a class; `old` are the processes that count, where not all do. `None`: the figure is taken at some of the
/// snapshots only, and this is none of them.
pub(super) fn look(select: &Selector, snapshot: &Snapshot, old: Option<&Vec<ProcId>>) -> Result<Option<Look>, Missing> {
    let on_disk = matches!(select, Selector::Metric(Metric::DiskLayer | Metric::DiskVolumes));
    if on_disk && snapshot.target.disk.is_none() {
        return Ok(None);
    }
    if app_processes(snapshot).next().is_none() {
        return Err(Missing::NoProcess);
    }
    told_of(select, snapshot, old).map(Some)
}

fn told_of(select: &Selector, snapshot: &Snapshot, old: Option<&Vec<ProcId>>) -> Result<Look, Missing> {
    let counted: Vec<&ProcessSample> =
        app_processes(snapshot).filter(|process| old.is_none_or(|old| old.contains(&process.id))).collect();
    match select {
        Selector::Metric(Metric::FdTotal) => descriptors(&counted, |census| census.total),
        Selector::Metric(Metric::Fd(class)) => descriptors(&counted, |census| of_class(census, *class)),
        Selector::Links(globs) => {
            let look = descriptors(&counted, |census| matching(census, globs))?;
            let folded = counted.iter().any(|process| process.fds.value().is_some_and(|census| census.rest > 0));
            Ok(Look { folded, ..look })
        }
        Selector::Metric(Metric::Kind(kind)) => of_kind(&counted, *kind),
        Selector::Metric(Metric::ProcOrphan) => orphans(&counted),
        Selector::Metric(Metric::MemFile) => sum(&counted, |process| &process.facts.file).map(plain),
        Selector::Metric(Metric::MemShmem) => sum(&counted, |process| &process.facts.shmem).map(plain),
        Selector::Metric(Metric::MemSwap) => sum(&counted, |process| &process.facts.swap).map(plain),
        Selector::Metric(Metric::CgroupMemory) => charged(snapshot, |cgroup| &cgroup.memory),
        Selector::Metric(Metric::CgroupAnon) => charged(snapshot, |cgroup| &cgroup.anon),
        Selector::Metric(Metric::CgroupFile) => charged(snapshot, |cgroup| &cgroup.file),
        Selector::Metric(Metric::CgroupKernel) => charged(snapshot, |cgroup| &cgroup.kernel),
        Selector::Metric(Metric::CgroupPids) => charged(snapshot, |cgroup| &cgroup.pids),
        Selector::Metric(Metric::DiskLayer) => disk(snapshot, |disk| told(&disk.layer)),
        Selector::Metric(Metric::DiskVolumes) => disk(snapshot, |disk| {
            disk.volumes.values().try_fold(0_u64, |sum, volume| Ok(sum.saturating_add(told(volume)?)))
        }),
        Selector::Metric(Metric::ProcCount) => Ok(plain(counted.len() as u64)),
        Selector::Metric(Metric::ProcZombie) => {
            Ok(plain(counted.iter().filter(|process| is_zombie(process)).count() as u64))
        }
        Selector::Metric(Metric::ProcThreads) => sum(&counted, |process| &process.threads).map(plain),
        Selector::Metric(Metric::MemAnon) => sum(&counted, |process| &process.anon).map(plain),
        Selector::Metric(Metric::MemRss) => sum(&counted, |process| &process.rss).map(plain),
        Selector::Cmdline(_) => Ok(plain(counted.iter().filter(|process| is_counted(select, process)).count() as u64)),
    }
}

/// True for a process that a class of processes counts.
pub(super) fn is_counted(select: &Selector, process: &ProcessSample) -> bool {
    match select {
        Selector::Cmdline(patterns) => patterns.iter().any(|regex| regex.is_match(&process.cmdline)),
        Selector::Metric(_) | Selector::Links(_) => true,
    }
}

fn plain(figure: u64) -> Look {
    Look { figure: figure as f64, ..Look::default() }
}

fn is_zombie(process: &ProcessSample) -> bool {
    process.state == ProcState::Zombie
}

/// A kind is missing where a descriptor of its class could not be told more finely.
fn of_kind(counted: &[&ProcessSample], kind: FdKind) -> Result<Look, Missing> {
    let told = |process: &&ProcessSample| process.fds.value().is_none_or(|census| census.kinds_told(kind.class()));
    let look = descriptors(counted, |census| census.kinds.get(&kind).copied().unwrap_or(0))?;
    if counted.iter().all(told) { Ok(look) } else { Err(Missing::Denied) }
}

/// Missing where nothing is known of a process beside its descriptors, as in nights of format 1: that is not to have a parent.
fn orphans(counted: &[&ProcessSample]) -> Result<Look, Missing> {
    let unknown = ProcessFacts::default();
    if counted.iter().any(|process| process.facts == unknown) {
        return Err(Missing::Gone);
    }
    Ok(plain(counted.iter().filter(|process| process.facts.orphan).count() as u64))
}

fn charged(snapshot: &Snapshot, of: impl Fn(&CgroupSample) -> &Reading<u64>) -> Result<Look, Missing> {
    let cgroup = snapshot.target.cgroup.as_ref().ok_or(Missing::Gone)?;
    told(of(cgroup)).map(plain)
}

fn disk(snapshot: &Snapshot, of: impl Fn(&DiskSample) -> Result<u64, Missing>) -> Result<Look, Missing> {
    of(snapshot.target.disk.as_ref().ok_or(Missing::Gone)?).map(plain)
}

fn told(reading: &Reading<u64>) -> Result<u64, Missing> {
    match reading {
        Reading::Value(value) => Ok(*value),
        Reading::Denied => Err(Missing::Denied),
        Reading::Gone => Err(Missing::Gone),
        Reading::Malformed(_) => Err(Missing::Malformed),
    }
}

fn of_class(census: &FdCensus, class: FdClass) -> u64 {
    census.classes.get(&class).copied().unwrap_or(0)
}

fn matching(census: &FdCensus, globs: &[GlobMatcher]) -> u64 {
    census
        .links
        .iter()
        .filter(|link| globs.iter().any(|glob| glob.is_match(&link.name)))
        .fold(0, |sum, link| sum.saturating_add(link.count))
}

/// A value of a process. A zombie has given everything back, whatever the kernel says of it.
fn value<'a, T>(process: &ProcessSample, reading: &'a Reading<T>) -> Result<Option<&'a T>, Missing> {
    match reading {
        Reading::Value(value) => Ok(Some(value)),
        Reading::Denied | Reading::Gone | Reading::Malformed(_) if is_zombie(process) => Ok(None),
        Reading::Denied => Err(Missing::Denied),
        Reading::Gone => Err(Missing::Gone),
        Reading::Malformed(_) => Err(Missing::Malformed),
    }
}

/// Keeps the reason that weighs most where several processes do not tell, so that their order does not matter.
fn sum(counted: &[&ProcessSample], of: impl Fn(&ProcessSample) -> &Reading<u64>) -> Result<u64, Missing> {
    let readings: Vec<Result<Option<&u64>, Missing>> =
        counted.iter().map(|process| value(process, of(process))).collect();
    match readings.iter().filter_map(|reading| reading.err()).min() {
        Some(why) => Err(why),
        None => Ok(readings.iter().flatten().flatten().fold(0, |sum: u64, value| sum.saturating_add(**value))),
    }
}

fn descriptors(counted: &[&ProcessSample], of: impl Fn(&FdCensus) -> u64) -> Result<Look, Missing> {
    let mut look = Look::default();
    let (mut figure, mut missing) = (0_u64, None::<Missing>);
    for process in counted {
        let census = match value(process, &process.fds) {
            Ok(Some(census)) => census,
            Ok(None) => continue,
            Err(why) => {
                missing = Some(missing.map_or(why, |before| before.min(why)));
                continue;
            }
        };
        let own = of(census);
        figure = figure.saturating_add(own);
        if let Reading::Value(Some(soft)) = process.nofile {
            let (soft, own, total) = (soft as f64, own as f64, census.total as f64);
            look.limit = Some(look.limit.map_or(soft, |limit| limit.min(soft)));
            let room = (soft - total).max(0.0);
            look.room = Some(look.room.map_or(room, |least| least.min(room)));
            if soft > 0.0 {
                look.share = Some(look.share.map_or(own / soft, |most| most.max(own / soft)));
            }
        }
    }
    look.figure = figure as f64;
    if figure == 0 {
        // None of them is no share of any limit, also where only zombies are left.
        look.share.get_or_insert(0.0);
    }
    missing.map_or(Ok(look), Err)
}
