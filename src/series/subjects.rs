//! A class cut into its subjects: the programs that hold it, or the paths that are held.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::count::{Counter, LARGEST, Look, of_class, value};
use super::program;
use super::read::Ages;
use super::{Missing, Question, Series, SeriesGap, app_processes};
use crate::model::text::{printable, shorten};
use crate::model::{FdCensus, Metric, ProcId, ProcessSample, Snapshot};
use crate::threshold::{Per, Selector};

/// How many subjects of a class are judged by themselves, those with the largest figures; the rest are judged as one.
const MOST: usize = 20;
/// The longest name of a path, characters.
const LONGEST_PATH: usize = 200;
/// The subject of descriptors that a process holds beyond the link targets that it keeps.
const REST: usize = usize::MAX;

/// Whose figures a series has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The processes of one name.
    Program(String),
    /// The descriptors on one file.
    Path(String),
    /// All programs that are not judged by themselves.
    OtherPrograms,
    /// All paths that are not judged by themselves.
    OtherPaths,
}

/// A subject of a class with its figures.
#[derive(Debug)]
pub struct Part {
    /// Whose they are.
    pub subject: Subject,
    /// Its processes over the night; empty for paths.
    pub members: HashSet<ProcId>,
    /// The figures.
    pub series: Series,
}

/// The name of a process's program, the same from night to night: see [`Part`].
pub fn program_name(process: &ProcessSample) -> String {
    program::program(&process.cmdline, &process.comm)
}

/// The name of a path, the same from night to night: numbers of three digits and more and ids are a `*`.
pub fn collapsed_name(path: &str) -> String {
    shorten(&printable(&program::collapsed(path)), LONGEST_PATH)
}

/// True where a class can be told apart so: what is charged to the cgroup or lies on the disk is the target's as a whole, and
/// of finer kinds of descriptors no path is kept.
pub fn can_split(select: &Selector, per: Per) -> bool {
    match (per, select) {
        (Per::Target, _) => false,
        (Per::Process, Selector::Links(_) | Selector::Cmdline(_)) => true,
        (Per::Process, Selector::Metric(metric)) => !matches!(
            metric,
            Metric::CgroupMemory
                | Metric::CgroupAnon
                | Metric::CgroupFile
                | Metric::CgroupKernel
                | Metric::CgroupPids
                | Metric::DiskLayer
                | Metric::DiskVolumes
        ),
        (Per::Path, Selector::Links(_) | Selector::Metric(Metric::FdTotal | Metric::Fd(_))) => true,
        (Per::Path, Selector::Cmdline(_) | Selector::Metric(_)) => false,
    }
}

/// The subjects of a class, the largest first and what is left over last; empty where the class cannot be told apart so, or
/// where nobody ever held any.
///
/// A subject that is not there holds none: its figure is a zero as long as the snapshot could be read. A gap would hide that a
/// worker was not there before and is there now, which is what growth is made of. Where a process of a program cannot be read,
/// the snapshot is a gap of that program only; which paths it held is not known, and it is a gap of every path.
pub fn parts(question: &Question<'_>, per: Per, watched: &[&Snapshot]) -> Vec<Part> {
    let mut split = Splitter::new(question, per);
    let mut peaks: BTreeMap<usize, (f64, bool)> = BTreeMap::new();
    for snapshot in watched {
        for (id, looked) in split.told(snapshot, &|id| id).unwrap_or_default() {
            let peak = peaks.entry(id).or_insert((0.0, false));
            match looked {
                // Sums beyond it depend on their order, and are no figures anyway.
                Ok(look) => peak.0 = peak.0.max(look.figure.min(LARGEST)),
                Err(_) => peak.1 = true,
            }
        }
    }
    let mut named: Vec<(usize, f64)> =
        peaks.iter().filter(|(id, peak)| **id != REST && peak.0 > 0.0).map(|(id, peak)| (*id, peak.0)).collect();
    named.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| split.names.of(a.0).cmp(split.names.of(b.0))));
    named.truncate(MOST);
    let places: HashMap<usize, usize> = named.iter().enumerate().map(|(place, (id, _))| (*id, place)).collect();
    let others = peaks.iter().any(|(id, peak)| !places.contains_key(id) && (peak.0 > 0.0 || peak.1));
    let mut subjects: Vec<Subject> = named.iter().map(|(id, _)| split.subject(*id)).collect();
    if others {
        subjects.push(if per == Per::Path { Subject::OtherPaths } else { Subject::OtherPrograms });
    }
    split.series(subjects, &places, watched)
}

/// The spans of time over which a level is held, seconds since the soak began.
#[derive(Debug, Clone, Copy)]
pub struct Windows {
    /// The earlier one; `None`: from nothing.
    pub before: Option<(f64, f64)>,
    /// The later one.
    pub after: (f64, f64),
}

/// What one program or path holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Its name.
    pub name: String,
    /// The lowest figure over the earlier window; 0 without one.
    pub before: f64,
    /// The lowest figure over the later one.
    pub after: f64,
}

/// How many snapshots of a window are looked at, evenly spread: who carries a breach shows in a few.
const LOOKS: usize = 10;

/// What each program or path of a class holds over spans of time, in no order; `only` narrows it to one subject: the processes
/// of a program, or one path. What cannot be told apart so is empty.
pub fn held_by(
    question: &Question<'_>,
    by: Per,
    only: Option<(&Subject, &HashSet<ProcId>)>,
    watched: &[&Snapshot],
    windows: Windows,
) -> Vec<Held> {
    if !can_split(question.select, by) {
        return Vec::new();
    }
    let mut split = Splitter { only, ..Splitter::new(question, by) };
    let mut lows: [Lows; 2] = [Lows::default(), Lows::default()];
    let chosen = [windows.before, Some(windows.after)].map(|span| spread(watched, span));
    for (n, snapshot) in watched.iter().enumerate() {
        let wanted = chosen.each_ref().map(|chosen| chosen.contains(&n));
        if !wanted.contains(&true) {
            split.pass(snapshot);
            continue;
        }
        let Ok(told) = split.told(snapshot, &|id| id) else { continue };
        for (low, _) in lows.iter_mut().zip(wanted).filter(|(_, wanted)| *wanted) {
            low.take(&told);
        }
    }
    let [before, after] = lows;
    let ids = before.least.keys().chain(after.least.keys()).filter(|id| **id != REST);
    let ids: HashSet<usize> = ids.copied().collect();
    let held = |id: usize| Held { name: split.names.of(id).to_owned(), before: before.of(id), after: after.of(id) };
    ids.into_iter().map(held).collect()
}

/// The places of the snapshots of a window that are looked at, its last one among them.
fn spread(watched: &[&Snapshot], span: Option<(f64, f64)>) -> Vec<usize> {
    let Some((from, to)) = span else { return Vec::new() };
    let within = |(_, look): &(usize, &&Snapshot)| (from..=to).contains(&look.at_s());
    let places: Vec<usize> = watched.iter().enumerate().filter(within).map(|(place, _)| place).collect();
    let apart = places.len().div_ceil(LOOKS).max(1);
    places.into_iter().rev().step_by(apart).collect()
}

/// The lowest figures over a window.
#[derive(Default)]
struct Lows {
    snapshots: usize,
    /// The lowest figure, and in how many snapshots there was one.
    least: HashMap<usize, (f64, usize)>,
}

impl Lows {
    fn take(&mut self, told: &BTreeMap<usize, Result<Look, Missing>>) {
        self.snapshots += 1;
        for (id, looked) in told {
            let Ok(look) = looked else { continue };
            let low = self.least.entry(*id).or_insert((f64::INFINITY, 0));
            *low = (low.0.min(look.figure), low.1 + 1);
        }
    }

    /// Who was not there once held none.
    fn of(&self, id: usize) -> f64 {
        self.least.get(&id).filter(|low| low.1 == self.snapshots).map_or(0.0, |low| low.0)
    }
}

/// Cuts the figures of snapshots.
struct Splitter<'q, 'a> {
    question: &'q Question<'q>,
    per: Per,
    only: Option<(&'q Subject, &'q HashSet<ProcId>)>,
    counter: Counter<'q, 'a>,
    ages: Option<Ages>,
    names: Names<'a>,
}

impl<'q, 'a> Splitter<'q, 'a> {
    fn new(question: &'q Question<'q>, per: Per) -> Self {
        let counter = Counter::new(question.select);
        Self { question, per, only: None, counter, ages: Ages::of(question), names: Names::default() }
    }

    fn subject(&self, id: usize) -> Subject {
        let name = self.names.of(id).to_owned();
        if self.per == Per::Path { Subject::Path(name) } else { Subject::Program(name) }
    }

    /// The processes that count; `None` while none can be old enough.
    fn counted(&mut self, snapshot: &'a Snapshot) -> Option<Vec<&'a ProcessSample>> {
        let own: Vec<&ProcessSample> = app_processes(snapshot).collect();
        match &mut self.ages {
            None => Some(own),
            Some(ages) => ages.old_at(snapshot, &own),
        }
    }

    /// Takes note of a snapshot whose figures are not asked for.
    fn pass(&mut self, snapshot: &'a Snapshot) {
        if self.ages.is_some() {
            self.counted(snapshot);
        }
    }

    /// What each subject has in a snapshot, several under one number where `place` says so.
    fn told(
        &mut self,
        snapshot: &'a Snapshot,
        place: &dyn Fn(usize) -> usize,
    ) -> Result<BTreeMap<usize, Result<Look, Missing>>, Missing> {
        let Some(mut counted) = self.counted(snapshot) else { return Ok(BTreeMap::new()) };
        if app_processes(snapshot).next().is_none() {
            return Err(Missing::NoProcess);
        }
        if let Some((Subject::Program(_) | Subject::OtherPrograms, members)) = self.only {
            counted.retain(|process| members.contains(&process.id));
        }
        if self.per == Per::Path {
            let paths = self.by_path(&counted, place)?;
            return Ok(paths.into_iter().map(|(id, look)| (id, Ok(look))).collect());
        }
        let mut groups: BTreeMap<usize, Vec<&ProcessSample>> = BTreeMap::new();
        for process in counted {
            groups.entry(place(self.names.program(process))).or_default().push(process);
        }
        let mut told = BTreeMap::new();
        for (id, group) in groups {
            let looked = match self.only {
                Some((Subject::Path(path), _)) => self.on_path(&group, path),
                Some(_) | None => self.counter.look(snapshot, &group).map(Option::unwrap_or_default),
            };
            told.insert(id, looked);
        }
        Ok(told)
    }

    /// What processes hold of one path.
    fn on_path(&mut self, group: &[&'a ProcessSample], path: &str) -> Result<Look, Missing> {
        let mut held = Look::default();
        for (id, look) in self.by_path(group, &|id| id)? {
            if id != REST && self.names.of(id) == path {
                held = look;
            }
        }
        Ok(held)
    }

    fn by_path(
        &mut self,
        counted: &[&'a ProcessSample],
        place: &dyn Fn(usize) -> usize,
    ) -> Result<BTreeMap<usize, Look>, Missing> {
        let mut paths: BTreeMap<usize, Look> = BTreeMap::new();
        let (mut missing, mut folded) = (None::<Missing>, false);
        for process in counted {
            let census: &'a FdCensus = match value(process, &process.fds) {
                Ok(Some(census)) => census,
                Ok(None) => continue,
                Err(why) => {
                    missing = Some(missing.map_or(why, |before| before.min(why)));
                    continue;
                }
            };
            let mut own: BTreeMap<usize, u64> = BTreeMap::new();
            let mut listed = 0_u64;
            for link in &census.links {
                let covered = match self.question.select {
                    Selector::Metric(Metric::FdTotal) => true,
                    Selector::Metric(Metric::Fd(class)) => link.class == *class,
                    Selector::Metric(_) | Selector::Cmdline(_) => false,
                    Selector::Links(_) => self.counter.matches(&link.name),
                };
                if covered {
                    listed = listed.saturating_add(link.count);
                    let held = own.entry(place(self.names.path(&link.name))).or_insert(0);
                    *held = held.saturating_add(link.count);
                }
            }
            let whole = match self.question.select {
                Selector::Metric(Metric::FdTotal) => census.total,
                Selector::Metric(Metric::Fd(class)) => of_class(census, *class),
                // Whether a pattern matches what is not listed, nobody knows.
                Selector::Metric(_) | Selector::Cmdline(_) | Selector::Links(_) => listed,
            };
            if whole > listed {
                *own.entry(place(REST)).or_insert(0) += whole - listed;
            }
            folded |= census.rest > 0;
            for (id, held) in own {
                paths.entry(id).or_default().add(held, census.total, &process.nofile);
            }
        }
        paths.values_mut().for_each(|look| look.folded = folded);
        missing.map_or(Ok(paths), Err)
    }

    /// The series of the subjects that were chosen; what has no place of its own belongs to the last one.
    fn series(mut self, subjects: Vec<Subject>, places: &HashMap<usize, usize>, watched: &[&'a Snapshot]) -> Vec<Part> {
        let new = |subject| Part { subject, members: HashSet::new(), series: Series::new(self.question, watched) };
        let mut parts: Vec<Part> = subjects.into_iter().map(new).collect();
        let others = places.len();
        let place = |id: usize| places.get(&id).copied().unwrap_or(others);
        self.ages = Ages::of(self.question);
        for snapshot in watched {
            let at_s = snapshot.at_s();
            // While nobody can be old enough there is neither a figure nor a gap.
            if self.counted(snapshot).is_none() {
                continue;
            }
            let told = self.told(snapshot, &place);
            for (n, part) in parts.iter_mut().enumerate() {
                let looked = match &told {
                    Err(why) => Err(*why),
                    Ok(told) => match told.get(&n) {
                        Some(looked) => *looked,
                        None if self.per == Per::Path => Ok(Look::default().of_descriptors()),
                        None => self.counter.look(snapshot, &[]).map(Option::unwrap_or_default),
                    },
                };
                match looked {
                    Ok(look) => part.series.push(at_s, &look, self.question),
                    Err(why) => part.series.gaps.push(SeriesGap { at_s, why }),
                }
            }
            if self.per == Per::Process {
                for process in app_processes(snapshot) {
                    if let Some(part) = parts.get_mut(place(self.names.program(process))) {
                        part.members.insert(process.id);
                    }
                }
            }
        }
        parts
    }
}

/// Names with a number each.
#[derive(Default)]
struct Names<'a> {
    raw: HashMap<&'a str, usize>,
    numbers: HashMap<String, usize>,
    names: Vec<String>,
    /// The last command line of every process, and its name: most of them never change, and a dead one has none.
    last: HashMap<ProcId, (&'a str, usize)>,
}

impl<'a> Names<'a> {
    fn of(&self, id: usize) -> &str {
        self.names.get(id).map_or("", String::as_str)
    }

    fn program(&mut self, process: &'a ProcessSample) -> usize {
        if let Some((cmdline, known)) = self.last.get(&process.id)
            && (process.cmdline.is_empty() || *cmdline == process.cmdline)
        {
            return *known;
        }
        let raw = if process.cmdline.is_empty() { &process.comm } else { &process.cmdline };
        let id = self.number(raw, |_| program_name(process));
        self.last.insert(process.id, (&process.cmdline, id));
        id
    }

    fn path(&mut self, raw: &'a str) -> usize {
        self.number(raw, collapsed_name)
    }

    fn number(&mut self, raw: &'a str, name: impl FnOnce(&str) -> String) -> usize {
        if let Some(known) = self.raw.get(raw) {
            return *known;
        }
        let name = name(raw);
        let next = self.names.len();
        let id = *self.numbers.entry(name.clone()).or_insert(next);
        if id == next {
            self.names.push(name);
        }
        self.raw.insert(raw, id);
        id
    }
}
