//! Looks again and again for a moment: some handles are told dead only by several looks.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::access::{Access, AccessError};
use crate::model::{FdClass, Phase, Role, Snapshot};
use crate::probe::Depth;
use crate::probe::dead::LOOKS;

/// The time between two looks.
const BETWEEN: Duration = Duration::from_millis(500);

/// What a watch saw.
#[derive(Debug)]
pub(super) struct Watched {
    /// How many looks it took.
    pub(super) looks: u32,
    /// The time from the first look to the last.
    pub(super) took: Duration,
    /// What came and went, by class; without the classes in which nothing did.
    pub(super) changes: BTreeMap<FdClass, Change>,
    /// The last look.
    pub(super) last: Snapshot,
}

/// What happened to the handles of one class from the first look to the last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// Opened.
    pub(super) born: u64,
    /// Closed.
    pub(super) closed: u64,
    /// Open in the first look and ever since.
    pub(super) kept: u64,
    /// Of those that are open in the last two looks, how many are known by their number alone.
    pub(super) unsure: u64,
}

/// Looks every half second for `time`; one look only where that is zero.
pub(super) async fn watch(access: &mut Access, time: Duration) -> Result<Watched, AccessError> {
    let begun = Instant::now();
    let mut tally = Tally::default();
    for seq in 0.. {
        let at = begun.elapsed();
        let last = is_last(seq, at, time);
        let depth = if last { Depth::Full } else { Depth::Light };
        let at_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        let snapshot = access.snapshot(seq, at_ms, Phase::Soak, depth).await?;
        tally.add(&snapshot);
        if last {
            return Ok(Watched { looks: seq.saturating_add(1), took: at, changes: tally.end(), last: snapshot });
        }
        tokio::time::sleep_until(begun + next(at, begun.elapsed(), time)).await;
    }
    Err(AccessError::Broken("too many looks".to_owned()))
}

/// True for the look that ends a watch: the time is over, and slow looks were enough to tell an abandoned eventpoll where the
/// time would be.
fn is_last(seq: u32, at: Duration, time: Duration) -> bool {
    let planned = time.as_millis().div_ceil(BETWEEN.as_millis());
    at >= time && u128::from(seq) >= planned.min(u128::from(LOOKS))
}

/// When to look again after a look that began at `at`, now that `now` has passed: looks that were missed are left out.
fn next(at: Duration, now: Duration, time: Duration) -> Duration {
    let mut next = (at + BETWEEN).max(now);
    if at < time {
        next = next.min(time.max(now));
    }
    next
}

/// Sums up what came and went.
#[derive(Debug, Default)]
struct Tally {
    first: Option<(u32, BTreeMap<FdClass, u64>)>,
    changes: BTreeMap<FdClass, Change>,
    // Of the handles of the first look, how many were closed.
    gone: BTreeMap<FdClass, u64>,
}

impl Tally {
    fn add(&mut self, snapshot: &Snapshot) {
        // All of the first look's handles are new to the observer, which says nothing of the target.
        let Some((first, _)) = &self.first else {
            self.first = Some((snapshot.seq, classes(snapshot)));
            return;
        };
        for (class, turnover) in &snapshot.turnover {
            let change = self.changes.entry(*class).or_default();
            change.born = change.born.saturating_add(turnover.born);
            change.closed = change.closed.saturating_add(turnover.died.values().sum());
            change.unsure = turnover.unsure;
            *self.gone.entry(*class).or_default() += turnover.died.get(first).copied().unwrap_or(0);
        }
    }

    fn end(mut self) -> BTreeMap<FdClass, Change> {
        self.changes.retain(|_, change| change.born > 0 || change.closed > 0);
        let before = self.first.map(|(_, classes)| classes).unwrap_or_default();
        for (class, change) in &mut self.changes {
            let gone = self.gone.get(class).copied().unwrap_or(0);
            change.kept = before.get(class).copied().unwrap_or(0).saturating_sub(gone);
        }
        self.changes
    }
}

/// The application's descriptors by class.
fn classes(snapshot: &Snapshot) -> BTreeMap<FdClass, u64> {
    let mut counts = BTreeMap::new();
    let own = snapshot.processes.iter().filter(|process| process.role == Role::App);
    for (class, count) in own.filter_map(|process| process.fds.value()).flat_map(|fds| &fds.classes) {
        *counts.entry(*class).or_default() += count;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use crate::access::Subject;
    use crate::model::{Scope, Turnover};
    use crate::probe::Graces;

    #[test]
    fn a_watch_ends_with_its_time_but_slow_looks_are_no_fewer_than_it_takes() {
        let ms = Duration::from_millis;
        assert!(is_last(0, ms(0), ms(0)));
        assert!(!is_last(5, ms(2999), ms(3000)));
        assert!(is_last(6, ms(3000), ms(3000)));
        // Looks of two seconds each.
        assert!(!is_last(2, ms(4000), ms(3000)));
        assert!(is_last(5, ms(10_000), ms(3000)));
        // A short watch was not meant to tell.
        assert!(is_last(1, ms(500), ms(400)));
        assert_eq!(next(ms(0), ms(3), ms(3000)), ms(500));
        assert_eq!(next(ms(2900), ms(2903), ms(3000)), ms(3000));
        assert_eq!(next(ms(0), ms(2000), ms(3000)), ms(2000));
        assert_eq!(next(ms(4000), ms(4100), ms(3000)), ms(4500));
    }

    #[test]
    fn what_came_and_went_is_summed_over_the_looks_and_the_first_one_counts_for_nothing() {
        let look = |seq, born, died: &[(u32, u64)], unsure| {
            let mut snapshot = testing::snapshot();
            snapshot.seq = seq;
            let died = died.iter().copied().collect();
            snapshot.turnover = BTreeMap::from([(FdClass::Eventpoll, Turnover { born, died, survived: 900, unsure })]);
            snapshot.turnover.insert(FdClass::Log, Turnover { survived: 1, ..Turnover::default() });
            snapshot
        };
        let mut tally = Tally::default();
        for look in [look(0, 929, &[], 0), look(1, 10, &[(0, 4)], 5), look(2, 3, &[(0, 1), (1, 2)], 7)] {
            tally.add(&look);
        }
        let change = Change { born: 13, closed: 7, kept: 929 - 5, unsure: 7 };
        assert_eq!(tally.end(), BTreeMap::from([(FdClass::Eventpoll, change)]));
    }

    #[tokio::test(start_paused = true)]
    async fn looks_at_this_very_process() {
        let scope = Scope::Descent { pid: std::process::id() };
        let subject = Subject { scope, healthcheck: None, graces: Graces::default() };
        let mut access = Access::open(None, subject).await.unwrap();
        let watched = watch(&mut access, Duration::from_secs(3)).await.unwrap();
        assert!(watched.took >= Duration::from_secs(3) && watched.looks > LOOKS, "{watched:?}");
        assert_eq!(watched.last.seq + 1, watched.looks);
        let once = watch(&mut access, Duration::ZERO).await.unwrap();
        assert_eq!(once.looks, 1);
    }
}
