//! One snapshot's figure for a class.

use std::collections::HashMap;

use super::app_processes;
use crate::model::{
    CgroupSample, DiskSample, FdCensus, FdClass, FdKind, Metric, ProcState, ProcessFacts, ProcessSample, Reading,
    Snapshot,
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
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Look {
    pub(super) figure: f64,
    /// Some link targets were folded into a remainder.
    pub(super) folded: bool,
    /// The smallest soft limit of descriptors, the cgroup's limit of tasks or of memory.
    pub(super) limit: Option<f64>,
    /// The descriptors that the fullest process may still open, or the tasks that the cgroup may still have.
    pub(super) room: Option<f64>,
    /// The largest share of its limit that a process spends on the class; of the limit of tasks that of all together.
    pub(super) share: Option<f64>,
}

/// No kernel holds so many handles or bytes: beyond 2^53 a figure is an answer that could not be understood.
pub(super) const LARGEST: f64 = 9_007_199_254_740_992.0;

/// How many texts a class's patterns are remembered of.
const REMEMBERED: usize = 200_000;

/// Reads the figure of a class, snapshot by snapshot.
pub(super) struct Counter<'q, 'a> {
    select: &'q Selector,
    /// What the class's patterns say of a text: the same texts come in every snapshot.
    matches: HashMap<&'a str, bool>,
}

impl<'q, 'a> Counter<'q, 'a> {
    pub(super) fn new(select: &'q Selector) -> Self {
        Self { select, matches: HashMap::new() }
    }

    /// The figure of a snapshot, over the processes that count. `None`: the figure is taken at some of the snapshots only, and
    /// this is none of them.
    pub(super) fn look(&mut self, snapshot: &Snapshot, counted: &[&'a ProcessSample]) -> Result<Option<Look>, Missing> {
        let on_disk = matches!(self.select, Selector::Metric(Metric::DiskLayer | Metric::DiskVolumes));
        if on_disk && snapshot.target.disk.is_none() {
            return Ok(None);
        }
        if app_processes(snapshot).next().is_none() {
            return Err(Missing::NoProcess);
        }
        let look = self.told_of(snapshot, counted)?;
        if look.figure > LARGEST { Err(Missing::Malformed) } else { Ok(Some(look)) }
    }

    fn told_of(&mut self, snapshot: &Snapshot, counted: &[&'a ProcessSample]) -> Result<Look, Missing> {
        let select = self.select;
        match select {
            Selector::Metric(metric) => of_metric(*metric, snapshot, counted),
            Selector::Links(_) => {
                let look = descriptors(counted, |census| {
                    let matching = census.links.iter().filter(|link| self.matches(&link.name));
                    matching.fold(0, |sum: u64, link| sum.saturating_add(link.count))
                })?;
                let folded = counted.iter().any(|process| process.fds.value().is_some_and(|census| census.rest > 0));
                Ok(Look { folded, ..look })
            }
            Selector::Cmdline(_) => {
                let matching = counted.iter().filter(|process| self.matches(&process.cmdline)).count();
                Ok(bounded_by_pids(snapshot, matching as u64))
            }
        }
    }

    /// True for a process that a class of processes counts.
    pub(super) fn counts(&mut self, process: &'a ProcessSample) -> bool {
        match self.select {
            Selector::Cmdline(_) => self.matches(&process.cmdline),
            Selector::Metric(_) | Selector::Links(_) => true,
        }
    }

    /// True where one of the class's patterns matches a text.
    pub(super) fn matches(&mut self, text: &'a str) -> bool {
        if let Some(known) = self.matches.get(text) {
            return *known;
        }
        let matches = match self.select {
            Selector::Links(globs) => globs.iter().any(|glob| glob.is_match(text)),
            Selector::Cmdline(patterns) => patterns.iter().any(|regex| regex.is_match(text)),
            Selector::Metric(_) => false,
        };
        if self.matches.len() < REMEMBERED {
            self.matches.insert(text, matches);
        }
        matches
    }
}

fn of_metric(metric: Metric, snapshot: &Snapshot, counted: &[&ProcessSample]) -> Result<Look, Missing> {
    match metric {
        Metric::FdTotal => descriptors(counted, |census| census.total),
        Metric::Fd(class) => descriptors(counted, |census| of_class(census, class)),
        Metric::Kind(kind) => of_kind(counted, kind),
        Metric::ProcOrphan => Ok(bounded_by_pids(snapshot, orphans(counted)?)),
        Metric::ProcCount => Ok(bounded_by_pids(snapshot, counted.len() as u64)),
        Metric::ProcZombie => {
            Ok(bounded_by_pids(snapshot, counted.iter().filter(|process| is_zombie(process)).count() as u64))
        }
        Metric::ProcThreads => Ok(bounded_by_pids(snapshot, sum(counted, |process| &process.threads)?)),
        Metric::CgroupPids => Ok(bounded_by_pids(snapshot, charged(snapshot, |cgroup| &cgroup.pids)?)),
        Metric::MemAnon => Ok(memory(snapshot, sum(counted, |process| &process.anon)?)),
        Metric::MemRss => Ok(memory(snapshot, sum(counted, |process| &process.rss)?)),
        Metric::MemFile => Ok(memory(snapshot, sum(counted, |process| &process.facts.file)?)),
        Metric::MemShmem => Ok(memory(snapshot, sum(counted, |process| &process.facts.shmem)?)),
        Metric::MemSwap => Ok(memory(snapshot, sum(counted, |process| &process.facts.swap)?)),
        Metric::CgroupMemory => Ok(memory(snapshot, charged(snapshot, |cgroup| &cgroup.memory)?)),
        Metric::CgroupAnon => Ok(memory(snapshot, charged(snapshot, |cgroup| &cgroup.anon)?)),
        Metric::CgroupFile => Ok(memory(snapshot, charged(snapshot, |cgroup| &cgroup.file)?)),
        Metric::CgroupKernel => Ok(memory(snapshot, charged(snapshot, |cgroup| &cgroup.kernel)?)),
        Metric::DiskLayer => disk(snapshot, |disk| told(&disk.layer)),
        Metric::DiskVolumes => disk(snapshot, |disk| {
            disk.volumes.values().try_fold(0_u64, |sum, volume| Ok(sum.saturating_add(told(volume)?)))
        }),
    }
}

/// A number of tasks against `pids.max` of the cgroup: processes and threads, dead ones that nobody reaped included, are all
/// charged to it (kernel, admin-guide/cgroup-v2.rst, PID). What is left for one sort of them is what all have left together.
fn bounded_by_pids(snapshot: &Snapshot, figure: u64) -> Look {
    let cgroup = snapshot.target.cgroup.as_ref();
    let Some(Some(most)) = cgroup.and_then(|cgroup| cgroup.pids_max.value()).copied() else { return plain(figure) };
    let used = cgroup.and_then(|cgroup| cgroup.pids.value()).copied();
    Look {
        limit: Some(most as f64),
        room: used.map(|used| most.saturating_sub(used) as f64),
        share: (most > 0).then(|| figure as f64 / most as f64),
        ..plain(figure)
    }
}

/// Memory against the limit of the cgroup.
fn memory(snapshot: &Snapshot, figure: u64) -> Look {
    let most = snapshot.target.cgroup.as_ref().and_then(|cgroup| cgroup.memory_max.value()).copied().flatten();
    Look { limit: most.map(|most| most as f64), ..plain(figure) }
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
fn orphans(counted: &[&ProcessSample]) -> Result<u64, Missing> {
    let unknown = ProcessFacts::default();
    if counted.iter().any(|process| process.facts == unknown) {
        return Err(Missing::Gone);
    }
    Ok(counted.iter().filter(|process| process.facts.orphan).count() as u64)
}

fn charged(snapshot: &Snapshot, of: impl Fn(&CgroupSample) -> &Reading<u64>) -> Result<u64, Missing> {
    told(of(snapshot.target.cgroup.as_ref().ok_or(Missing::Gone)?))
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

pub(super) fn of_class(census: &FdCensus, class: FdClass) -> u64 {
    census.classes.get(&class).copied().unwrap_or(0)
}

/// A value of a process. A zombie has given everything back, whatever the kernel says of it.
pub(super) fn value<'a, T>(process: &ProcessSample, reading: &'a Reading<T>) -> Result<Option<&'a T>, Missing> {
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
    let (mut sum, mut missing) = (0_u64, None::<Missing>);
    for process in counted {
        match value(process, of(process)) {
            Ok(own) => sum = sum.saturating_add(own.copied().unwrap_or(0)),
            Err(why) => missing = Some(missing.map_or(why, |before| before.min(why))),
        }
    }
    missing.map_or(Ok(sum), Err)
}

fn descriptors<'a>(counted: &[&'a ProcessSample], mut of: impl FnMut(&'a FdCensus) -> u64) -> Result<Look, Missing> {
    let (mut look, mut missing) = (Look::default(), None::<Missing>);
    for process in counted {
        match value(process, &process.fds) {
            Ok(Some(census)) => look.add(of(census), census.total, &process.nofile),
            Ok(None) => {}
            Err(why) => missing = Some(missing.map_or(why, |before| before.min(why))),
        }
    }
    missing.map_or(Ok(look.of_descriptors()), Err)
}

impl Look {
    /// Adds what one process holds of a class, of so many descriptors in all.
    pub(super) fn add(&mut self, own: u64, total: u64, nofile: &Reading<Option<u64>>) {
        let own = own as f64;
        self.figure += own;
        if let Reading::Value(Some(soft)) = nofile {
            let soft = *soft as f64;
            self.limit = Some(self.limit.map_or(soft, |limit| limit.min(soft)));
            let room = (soft - total as f64).max(0.0);
            self.room = Some(self.room.map_or(room, |least| least.min(room)));
            if soft > 0.0 {
                self.share = Some(self.share.map_or(own / soft, |most| most.max(own / soft)));
            }
        }
    }

    /// None of them is no share of any limit, also where only zombies are left.
    pub(super) fn of_descriptors(mut self) -> Self {
        if self.figure <= 0.0 {
            self.share.get_or_insert(0.0);
        }
        self
    }
}
