//! Lives read from the snapshots.

use std::collections::{BTreeMap, HashMap};

use super::count::Counter;
use super::lives::{Life, Lives};
use super::{Series, app_processes};
use crate::model::{FdClass, Metric, ProcId, Snapshot, Turnover};
use crate::threshold::Selector;

/// The lives behind a series; `None` where nothing tells them. `watched` are the snapshots that the series was read from.
///
/// What the snapshots say of a class must add up to its count; where it does not (a snapshot is missing, a process could not
/// be read), the lives begin anew, and a stretch across that moment is judged by its counts.
pub(super) fn lives(select: &Selector, watched: &[&Snapshot], series: &Series) -> Option<Lives> {
    match select {
        Selector::Metric(Metric::Fd(class)) => descriptors(watched, series, |turnover| one(turnover, *class)),
        Selector::Metric(Metric::FdTotal) => descriptors(watched, series, all),
        Selector::Metric(Metric::ProcCount) | Selector::Cmdline(_) => Some(processes(select, watched)),
        Selector::Metric(_) | Selector::Links(_) => None,
    }
}

/// What came, went and stayed in one snapshot.
#[derive(Debug, Default)]
struct Change {
    born: u64,
    survived: u64,
    died: BTreeMap<u32, u64>,
}

impl Change {
    fn add(&mut self, turnover: &Turnover) {
        self.born = self.born.saturating_add(turnover.born);
        self.survived = self.survived.saturating_add(turnover.survived);
        for (seq, count) in &turnover.died {
            let own = self.died.entry(*seq).or_default();
            *own = own.saturating_add(*count);
        }
    }
}

fn one(turnover: &BTreeMap<FdClass, Turnover>, class: FdClass) -> Change {
    let mut change = Change::default();
    turnover.get(&class).into_iter().for_each(|own| change.add(own));
    change
}

fn all(turnover: &BTreeMap<FdClass, Turnover>) -> Change {
    let mut change = Change::default();
    turnover.values().for_each(|own| change.add(own));
    change
}

/// Those that are open, by the snapshot in which they were first seen: its number, its time, and how many.
#[derive(Debug, Default)]
struct Open {
    cohorts: BTreeMap<u32, (f64, u64)>,
    lives: Vec<Life>,
}

impl Open {
    fn born(&mut self, seq: u32, at_s: f64, count: u64) {
        if count > 0 {
            let own = self.cohorts.entry(seq).or_insert((at_s, 0));
            own.1 = own.1.saturating_add(count);
        }
    }

    /// Those born before the first snapshot that is followed all count as born in it. False where more died than there were.
    fn died(&mut self, seq: u32, at_s: f64, count: u64) -> bool {
        let first = self.cohorts.first_key_value().map_or(seq, |first| *first.0);
        let Some(own) = self.cohorts.get_mut(&seq.max(first)) else { return count == 0 };
        let gone = own.1.min(count);
        own.1 -= gone;
        self.lives.push(Life { born_s: own.0, died_s: Some(at_s), count: gone });
        gone == count
    }

    fn count(&self) -> u64 {
        self.cohorts.values().fold(0, |sum, cohort| sum.saturating_add(cohort.1))
    }

    fn rest(self) -> Vec<Life> {
        let Self { cohorts, mut lives } = self;
        lives.extend(cohorts.into_values().map(|(born_s, count)| Life { born_s, died_s: None, count }));
        lives.retain(|life| life.count > 0);
        lives
    }
}

fn descriptors(
    watched: &[&Snapshot],
    series: &Series,
    of: impl Fn(&BTreeMap<FdClass, Turnover>) -> Change,
) -> Option<Lives> {
    // Nights of format 1 do not tell.
    watched.iter().find(|look| !look.turnover.is_empty())?;
    let mut counts = series.points.iter().peekable();
    let (mut open, mut broken, mut begun) = (Open::default(), Vec::new(), false);
    for look in watched {
        let at_s = look.at_s();
        let figure = counts.next_if(|point| point.0 <= at_s).map(|point| point.1);
        let change = of(&look.turnover);
        if begun {
            let known = change.died.iter().fold(true, |known, (seq, count)| open.died(*seq, at_s, *count) && known);
            open.born(look.seq, at_s, change.born);
            // Where the count is not known, the ledger kept what could not be read; it is held against the next count.
            let fits = known && figure.is_none_or(|figure| is(figure, open.count()));
            if fits {
                continue;
            }
            broken.push(at_s);
        }
        let Some(figure) = figure else { continue };
        let told = change.born.saturating_add(change.survived);
        if begun || !is(figure, told) {
            // Their births are not known any more: they count as born here, and nothing is followed across this moment.
            open.cohorts.clear();
        }
        begun = is(figure, told);
        if begun {
            open.born(look.seq, at_s, told);
        } else {
            broken.push(at_s);
        }
    }
    broken.dedup();
    Some(Lives::with_breaks(open.rest(), broken))
}

/// A count as it stands in a series.
fn is(figure: f64, count: u64) -> bool {
    (figure - count as f64).abs() < 0.5
}

/// Processes have names of their own: their number and their start.
fn processes(select: &Selector, watched: &[&Snapshot]) -> Lives {
    let mut running: HashMap<ProcId, f64> = HashMap::new();
    let mut lives: BTreeMap<(u64, Option<u64>), Life> = BTreeMap::new();
    let mut keep = |born_s: f64, died_s: Option<f64>| {
        let key = (born_s.to_bits(), died_s.map(f64::to_bits));
        lives.entry(key).or_insert(Life { born_s, died_s, count: 0 }).count += 1;
    };
    let mut counter = Counter::new(select);
    for look in watched.iter().filter(|look| app_processes(look).next().is_some()) {
        let at_s = look.at_s();
        let mut now = HashMap::with_capacity(running.len());
        for process in app_processes(look).filter(|process| counter.counts(process)) {
            let born_s = running.remove(&process.id).unwrap_or(at_s);
            now.insert(process.id, born_s);
        }
        std::mem::replace(&mut running, now).into_values().for_each(|born_s| keep(born_s, Some(at_s)));
    }
    running.into_values().for_each(|born_s| keep(born_s, None));
    Lives::new(lives.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProcessSample;
    use crate::series::testing::{hold, process, snapshot, soak};

    const SOCKETS: Metric = Metric::Fd(FdClass::Socket);

    fn turnover(born: u64, survived: u64, died: &[(u32, u64)]) -> BTreeMap<FdClass, Turnover> {
        let own = Turnover { born, survived, died: died.iter().copied().collect(), unsure: 0 };
        BTreeMap::from([(FdClass::Socket, own)])
    }

    /// Looks at 0, 5, 10 and 15 s: 4 sockets, one more, the first 3 gone, one more.
    fn night() -> Vec<Snapshot> {
        let mut night =
            soak(15, 5, |at, own| hold(own, FdClass::Socket, [4, 5, 2, 3][usize::try_from(at).unwrap() / 5]));
        let told = [turnover(0, 4, &[(0, 2)]), turnover(1, 4, &[]), turnover(0, 2, &[(0, 3)]), turnover(1, 2, &[])];
        night.iter_mut().zip(told).for_each(|(look, told)| look.turnover = told);
        night
    }

    fn read(metric: Metric, night: &[Snapshot]) -> Option<Lives> {
        Series::of_metric(metric, night, None).lives
    }

    #[test]
    fn cohorts_add_up_to_the_counts() {
        let lives = read(SOCKETS, &night()).unwrap();
        let life = |born_s, died_s, count| Life { born_s, died_s, count };
        assert_eq!(
            lives.all(),
            [life(0.0, Some(10.0), 3), life(0.0, None, 1), life(5.0, None, 1), life(15.0, None, 1)]
        );
        assert!(lives.followed(0.0, 15.0));
        assert_eq!(lives.held(&[0.0, 5.0, 10.0], 5.0, 15.0), [4.0, 2.0, 2.0]);
        assert_eq!(lives.stayed(&[0.0, 5.0, 15.0], 15.0), [1.0, 2.0, 3.0]);
        assert!((lives.turned_over(5.0, 15.0) - 3.0).abs() < f64::EPSILON);
    }

    #[test]
    fn all_classes_together_are_the_total() {
        assert!(read(Metric::FdTotal, &night()).unwrap().followed(0.0, 15.0));
    }

    #[test]
    fn what_does_not_add_up_is_not_followed() {
        let mut lost = night();
        lost.remove(2);
        let lives = read(SOCKETS, &lost).unwrap();
        assert!(!lives.followed(0.0, 15.0) && lives.followed(0.0, 5.0));
        let mut untold = night();
        untold[1].turnover.clear();
        let lives = read(SOCKETS, &untold).unwrap();
        assert!(!lives.followed(0.0, 15.0) && lives.followed(10.0, 15.0), "{lives:?}");
        let old: Vec<_> = night().into_iter().map(|look| Snapshot { turnover: BTreeMap::new(), ..look }).collect();
        assert_eq!(read(SOCKETS, &old), None);
    }

    #[test]
    fn a_reading_that_failed_is_no_death() {
        let mut night = night();
        night[1].processes[0].fds = crate::model::Reading::Denied;
        let lives = read(SOCKETS, &night).unwrap();
        assert!(lives.followed(0.0, 15.0), "{lives:?}");
    }

    #[test]
    fn processes_are_known_by_number_and_start() {
        let again = |pid| ProcessSample { id: ProcId { pid, start: 7 }, ..process(pid) };
        let night = [
            snapshot(0, vec![process(1), process(2)]),
            snapshot(5, vec![process(1), again(2)]),
            snapshot(10, vec![again(2)]),
        ];
        let lives = read(Metric::ProcCount, &night).unwrap();
        let life = |born_s, died_s| Life { born_s, died_s, count: 1 };
        assert_eq!(lives.all(), [life(0.0, Some(5.0)), life(0.0, Some(10.0)), life(5.0, None)]);
    }
}
