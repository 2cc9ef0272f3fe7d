//! The permanent floor of one stretch of time in which the same processes ran.

use std::collections::VecDeque;

use crate::stats::binomial::tail_at_least;
use crate::stats::filling::later_than_filling;
use crate::stats::trend::drawdown;

/// Time constant of the slowest pool that must not be mistaken for a leak, seconds. Longer ones cost more power than they
/// save false alarms.
pub(super) const SLOWEST_POOL_S: f64 = 240.0;
/// A level is held over this share of the segment, within these bounds, seconds.
const HOLD: (f64, f64, f64) = (1.0 / 6.0, 120.0, 300.0);
/// Earliest end of the warm-up, seconds.
const WARMUP_MIN_S: f64 = 120.0;
/// Latest end of the warm-up: seconds, and share of the segment.
const WARMUP_MAX: (f64, f64) = (600.0, 1.0 / 3.0);
/// By how much the end of the warm-up moves, seconds.
const WARMUP_MOVE_S: f64 = 30.0;
/// The first quarter steps too often to be chance at this level: it is still warm-up.
const WARMUP_LEVEL: f64 = 0.05;
/// What must be left between warm-up and hold, seconds.
const LEFT_S: f64 = 240.0;
/// Rises within one slot are one step, seconds.
const SLOT_S: f64 = 20.0;
/// Fewest samples of a segment.
pub(super) const MIN_SAMPLES: usize = 20;
/// Fewest held levels after the warm-up.
const MIN_LEVELS: usize = 5;

/// What one segment tells.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// End of the warm-up.
    pub(super) from_s: f64,
    /// Time judged.
    pub(super) observed_s: f64,
    /// Rises of the floor: when and by how much.
    pub(super) steps: Vec<(f64, f64)>,
    /// The floor at every held level.
    pub(super) floor: Vec<(f64, f64)>,
    /// Total rise of the floor.
    pub(super) rise: f64,
    /// Deepest fall of the held level.
    pub(super) fall: f64,
    /// All that the held level gave back.
    pub(super) given_back: f64,
    /// Quarters of the time that hold a step.
    pub(super) quarters: usize,
    /// The held level at the end.
    pub(super) level: f64,
    /// The longest time without a sample: from and to.
    pub(super) hole: (f64, f64),
}

impl Segment {
    /// Reads a segment that began at `start_s`. `None` where it is too short.
    pub(super) fn read(points: &[(f64, f64)], start_s: f64, warmup_s: Option<f64>) -> Option<Self> {
        let end = points.last()?.0;
        let span = end - start_s;
        let hold = (span * HOLD.0).clamp(HOLD.1, HOLD.2);
        if span < hold + warmup_s.unwrap_or(WARMUP_MIN_S) + LEFT_S {
            return None;
        }
        let held = held_levels(points, hold);
        let last = held.last()?.0;
        let latest = start_s + WARMUP_MAX.0.min(span * WARMUP_MAX.1);
        let mut from = start_s + warmup_s.unwrap_or(WARMUP_MIN_S);
        loop {
            let judged =
                held.get(held.partition_point(|level| level.0 < from)..).filter(|it| it.len() >= MIN_LEVELS)?;
            let floor = permanent_floor(judged);
            let steps = steps(&floor);
            let quarter_end = from + (last - from) / 4.0;
            let early = steps.iter().filter(|step| step.0 < quarter_end).count() as u64;
            let settled = steps.is_empty() || tail_at_least(early, steps.len() as u64, 0.25) >= WARMUP_LEVEL;
            if settled || warmup_s.is_some() || from + WARMUP_MOVE_S > latest {
                return Some(Self::of(judged, floor, steps, from, points));
            }
            from += WARMUP_MOVE_S;
        }
    }

    fn of(
        judged: &[(f64, f64)],
        floor: Vec<(f64, f64)>,
        steps: Vec<(f64, f64)>,
        from_s: f64,
        points: &[(f64, f64)],
    ) -> Self {
        let level = judged.last().map_or(0.0, |level| level.1);
        let last = judged.last().map_or(from_s, |level| level.0);
        let mut segment = Self {
            from_s,
            observed_s: last - from_s,
            rise: steps.iter().map(|step| step.1).sum(),
            fall: drawdown(judged.iter().map(|level| level.1)),
            given_back: pairs(judged).map(|(a, b)| (a.1 - b.1).max(0.0)).sum(),
            quarters: 0,
            level,
            hole: pairs(points)
                .map(|(a, b)| (a.0.max(from_s), b.0))
                .max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))
                .unwrap_or((from_s, from_s)),
            steps,
            floor,
        };
        segment.quarters = segment.quarters_with_steps();
        segment
    }

    /// How many steps.
    pub(super) fn count(&self) -> u64 {
        self.steps.len() as u64
    }

    /// The observed time in time constants of the slowest pool.
    pub(super) fn pools(&self) -> f64 {
        self.observed_s / SLOWEST_POOL_S
    }

    /// True where the steps come later than those of the slowest pool.
    pub(super) fn outlasts_pools(&self, z: f64) -> bool {
        let placed: Vec<(f64, f64)> = self.steps.iter().map(|step| (self.place(step.0), step.1)).collect();
        later_than_filling(&placed, self.pools(), z)
    }

    /// A moment as a position in `0..1` of the observed time.
    fn place(&self, at_s: f64) -> f64 {
        (at_s - self.from_s) / self.observed_s
    }

    fn quarters_with_steps(&self) -> usize {
        let mut touched = [false; 4];
        for step in &self.steps {
            let place = self.place(step.0);
            let quarter = [0.25, 0.5, 0.75].iter().filter(|edge| place >= **edge).count();
            if let Some(seen) = touched.get_mut(quarter) {
                *seen = true;
            }
        }
        touched.iter().filter(|seen| **seen).count()
    }
}

fn pairs(points: &[(f64, f64)]) -> impl Iterator<Item = (&(f64, f64), &(f64, f64))> {
    points.iter().zip(points.iter().skip(1))
}

/// The held level at every sample that lies at least `hold` before the end: the least of the figures from it to `hold` later.
fn held_levels(points: &[(f64, f64)], hold: f64) -> Vec<(f64, f64)> {
    let Some(end) = points.last().map(|point| point.0) else { return Vec::new() };
    // Ascending figures of the window, so that the first is the least; each comes in and goes out once.
    let mut window: VecDeque<(f64, f64)> = VecDeque::new();
    let mut coming = points.iter().peekable();
    let mut held = Vec::new();
    for point in points.iter().take_while(|point| point.0 <= end - hold + 1e-9) {
        while let Some(next) = coming.next_if(|next| next.0 <= point.0 + hold + 1e-9) {
            while window.back().is_some_and(|back| back.1 >= next.1) {
                window.pop_back();
            }
            window.push_back(*next);
        }
        while window.front().is_some_and(|front| front.0 < point.0) {
            window.pop_front();
        }
        held.extend(window.front().map(|least| (point.0, least.1)));
    }
    held
}

/// The level that was never gone below again, at every held level.
fn permanent_floor(held: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut floor = held.to_vec();
    let mut least = f64::INFINITY;
    for level in floor.iter_mut().rev() {
        least = least.min(level.1);
        level.1 = least;
    }
    floor
}

/// The rises of the floor, those of one slot together, at the time of the slot's first.
fn steps(floor: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut steps: Vec<(f64, f64)> = Vec::new();
    let mut slot = f64::NEG_INFINITY;
    for (before, now) in pairs(floor) {
        if now.1 <= before.1 {
            continue;
        }
        let own = (now.0 / SLOT_S).floor();
        match steps.last_mut() {
            Some(step) if own <= slot => step.1 += now.1 - before.1,
            Some(_) | None => steps.push((now.0, now.1 - before.1)),
        }
        slot = own;
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_held_level_is_the_least_of_what_follows() {
        let points = [(0.0, 5.0), (10.0, 3.0), (20.0, 4.0), (30.0, 9.0), (40.0, 8.0)];
        assert_eq!(held_levels(&points, 20.0), [(0.0, 3.0), (10.0, 3.0), (20.0, 4.0)]);
    }

    #[test]
    fn the_floor_never_comes_down_again() {
        let held = [(0.0, 5.0), (10.0, 3.0), (20.0, 4.0), (30.0, 9.0), (40.0, 8.0)];
        let floor: Vec<f64> = permanent_floor(&held).iter().map(|level| level.1).collect();
        assert_eq!(floor, [3.0, 3.0, 4.0, 8.0, 8.0]);
    }

    #[test]
    fn rises_of_one_slot_are_one_step() {
        let floor = [(0.0, 1.0), (20.0, 2.0), (25.0, 4.0), (41.0, 5.0), (59.0, 5.0)];
        assert_eq!(steps(&floor), [(20.0, 3.0), (41.0, 1.0)]);
    }

    #[test]
    fn a_segment_of_seconds_tells_nothing() {
        let points: Vec<_> = (0..30).map(|i| (f64::from(i), f64::from(i))).collect();
        assert!(Segment::read(&points, 0.0, None).is_none());
        assert!(Segment::read(&[], 0.0, None).is_none());
    }

    #[test]
    fn a_fixed_warm_up_is_kept() {
        let points: Vec<_> = (0..360).map(|i| (f64::from(i) * 5.0, 3.0)).collect();
        let segment = Segment::read(&points, 0.0, Some(700.0)).unwrap();
        assert!((segment.from_s - 700.0).abs() < 1e-9);
        assert!((segment.observed_s - 795.0).abs() < 6.0, "{}", segment.observed_s);
    }
}
