//! The permanent floor of one stretch of time in which the same processes ran.

use std::collections::VecDeque;

use crate::series::Lives;
use crate::stats::binomial::tail_at_least;
use crate::stats::trend::drawdown;

/// A level is held over this share of the segment, within these bounds, seconds: longer than most work lasts, and short
/// enough to leave time to judge.
const HOLD: (f64, f64, f64) = (1.0 / 6.0, 120.0, 300.0);
/// Shorter times for which a level may be held where identity tells what goes, seconds. A minute outlasts requests and short
/// processes; what lives longer shows as falls, and the next longer time is taken.
const HOLDS_BY_IDENTITY: [f64; 5] = [60.0, 90.0, 120.0, 180.0, 240.0];
/// Earliest end of the warm-up, seconds: what an application opens at its start is open by then.
const WARMUP_MIN_S: f64 = 120.0;
/// Latest end of the warm-up: seconds, and share of the segment. What is slower is told from a drip by its course.
const WARMUP_MAX: (f64, f64) = (600.0, 1.0 / 3.0);
/// By how much the end of the warm-up moves, seconds.
const WARMUP_MOVE_S: f64 = 30.0;
/// The first quarter steps too often to be chance at this level: it is still warm-up.
const WARMUP_LEVEL: f64 = 0.05;
/// What must be left between warm-up and hold, seconds: half of what is needed to say anything, as restarts may share it.
const LEFT_S: f64 = 240.0;
/// Rises within one slot are one step, seconds: what one burst opens is one event.
pub(super) const SLOT_S: f64 = 20.0;
/// Fewest samples of a segment.
pub(super) const MIN_SAMPLES: usize = 20;
/// Fewest held levels after the warm-up.
const MIN_LEVELS: usize = 5;

/// Which rises of the floor count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Those that handles carry which are still open at the end. Where identity is not known, all.
    Stayers,
    /// All.
    All,
}

/// What one segment tells.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// When it began.
    start_s: f64,
    /// End of the warm-up.
    pub(super) from_s: f64,
    /// Time judged.
    pub(super) observed_s: f64,
    /// Rises of the floor: when and by how much.
    pub(super) steps: Vec<(f64, f64)>,
    /// The same with those of the warm-up.
    all_steps: Vec<(f64, f64)>,
    /// The floor at every held level.
    pub(super) floor: Vec<(f64, f64)>,
    /// Total rise of the floor.
    pub(super) rise: f64,
    /// Deepest fall of the held level.
    pub(super) fall: f64,
    /// All that the held level gave back.
    pub(super) given_back: f64,
    /// Of the handles open at the end of the warm-up, how many were gone at the end; 0 where identity is not known.
    pub(super) turned_over: f64,
    /// True where identity tells who is behind the counts.
    pub(super) followed: bool,
    /// The held level at the end.
    pub(super) level: f64,
    /// The longest time without a sample: from and to.
    pub(super) hole: (f64, f64),
}

impl Segment {
    /// Reads a segment that began at `start_s`. `None` where it is too short.
    pub(super) fn read(
        points: &[(f64, f64)],
        start_s: f64,
        warmup_s: Option<f64>,
        lives: Option<&Lives>,
        view: View,
    ) -> Option<Self> {
        let (first, end) = (points.first()?.0, points.last()?.0);
        let span = end - start_s;
        let earliest = start_s + warmup_s.unwrap_or(WARMUP_MIN_S);
        let hold = (span * HOLD.0).clamp(HOLD.1, HOLD.2);
        if start_s + span < hold + earliest + LEFT_S {
            return None;
        }
        let lives = lives.filter(|lives| lives.followed(first, end));
        // Of what is replaced, identity with a long hold sees nothing at all: only counts do.
        let held = quietest(points, lives.filter(|_| view == View::Stayers), hold, earliest);
        // What was opened and stayed, at every held level: no floor can have risen by more than that for good.
        let stayed = lives.filter(|_| view == View::Stayers).map(|lives| {
            let times: Vec<f64> = held.iter().map(|level| level.0).collect();
            lives.stayed(&times, end)
        });
        let floor_from = |from: usize| {
            let mut floor = permanent_floor(held.get(from..).unwrap_or_default());
            if let Some(stayed) = stayed.as_ref().and_then(|stayed| stayed.get(from..)) {
                cap(&mut floor, stayed);
            }
            floor
        };
        let last = held.last()?.0;
        let latest = start_s + WARMUP_MAX.0.min(span * WARMUP_MAX.1);
        let mut from_s = earliest;
        let (judged, floor, steps) = loop {
            let at = held.partition_point(|level| level.0 < from_s);
            let judged = held.get(at..).filter(|judged| judged.len() >= MIN_LEVELS)?;
            let floor = floor_from(at);
            let steps = steps(&floor);
            let quarter_end = from_s + (last - from_s) / 4.0;
            let early = steps.iter().filter(|step| step.0 < quarter_end).count() as u64;
            let settled = steps.is_empty() || tail_at_least(early, steps.len() as u64, 0.25) >= WARMUP_LEVEL;
            if settled || warmup_s.is_some() || from_s + WARMUP_MOVE_S > latest {
                break (judged, floor, steps);
            }
            from_s += WARMUP_MOVE_S;
        };
        Some(Self {
            start_s,
            from_s,
            observed_s: last - from_s,
            rise: steps.iter().map(|step| step.1).sum(),
            all_steps: self::steps(&floor_from(0)),
            fall: drawdown(judged.iter().map(|level| level.1)),
            given_back: pairs(judged).map(|(a, b)| (a.1 - b.1).max(0.0)).sum(),
            turned_over: lives.map_or(0.0, |lives| lives.turned_over(from_s, end)),
            followed: lives.is_some(),
            level: judged.last().map_or(0.0, |level| level.1),
            hole: pairs(points)
                .map(|(a, b)| (a.0.max(from_s), b.0))
                .max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))
                .unwrap_or((from_s, from_s)),
            steps,
            floor,
        })
    }

    /// How many steps.
    pub(super) fn count(&self) -> u64 {
        self.steps.len() as u64
    }

    /// The time from the start to the last held level, seconds.
    pub(super) fn whole_s(&self) -> f64 {
        self.from_s + self.observed_s - self.start_s
    }

    /// How much the floor rose in each slot of `slot_s` seconds, the warm-up included.
    pub(super) fn arrivals(&self, slot_s: f64) -> Vec<f64> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
        let slot = |at_s: f64| (at_s / slot_s).max(0.0) as usize;
        let last = slot(self.whole_s());
        let mut slots = vec![0.0; last + 1];
        for (at_s, rise) in &self.all_steps {
            if let Some(own) = slots.get_mut(slot(at_s - self.start_s).min(last)) {
                *own += rise;
            }
        }
        slots
    }
}

/// The held level that falls least after the warm-up. Counts look through replacement, identity through work in flight; of
/// equal views identity's with the shortest hold leaves the most time to judge.
fn quietest(points: &[(f64, f64)], lives: Option<&Lives>, hold: f64, earliest: f64) -> Vec<(f64, f64)> {
    let fall = |held: &[(f64, f64)]| drawdown(held.iter().filter(|level| level.0 >= earliest).map(|level| level.1));
    let mut held = held_levels(points, hold);
    let Some((lives, end)) = lives.zip(points.last().map(|last| last.0)) else { return held };
    let mut least = f64::INFINITY;
    let of_counts = fall(&held);
    for hold in HOLDS_BY_IDENTITY.into_iter().filter(|own| *own < hold).chain([hold]) {
        let times: Vec<f64> = points.iter().map(|point| point.0).take_while(|at| *at <= end - hold + 1e-9).collect();
        let levels = lives.held(&times, hold, end);
        let followed: Vec<(f64, f64)> = times.into_iter().zip(levels).collect();
        let own = fall(&followed);
        if own < least && own <= of_counts {
            (least, held) = (own, followed);
        }
    }
    held
}

/// Lets a floor rise by no more than what stayed.
fn cap(floor: &mut [(f64, f64)], stayed: &[f64]) {
    let (Some(first), Some(none)) = (floor.first().map(|level| level.1), stayed.first().copied()) else { return };
    for (level, stayed) in floor.iter_mut().zip(stayed) {
        level.1 = first + (level.1 - first).min(stayed - none);
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
    use crate::series::Life;

    fn read(points: &[(f64, f64)], warmup_s: Option<f64>) -> Option<Segment> {
        Segment::read(points, 0.0, warmup_s, None, View::All)
    }

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
        assert!(read(&points, None).is_none());
        assert!(read(&[], None).is_none());
    }

    #[test]
    fn a_fixed_warm_up_is_kept() {
        let points: Vec<_> = (0..360).map(|i| (f64::from(i) * 5.0, 3.0)).collect();
        let segment = read(&points, Some(700.0)).unwrap();
        assert!((segment.from_s - 700.0).abs() < 1e-9);
        assert!((segment.observed_s - 795.0).abs() < 6.0, "{}", segment.observed_s);
    }

    #[test]
    fn identity_looks_through_work_in_flight_and_holds_for_a_minute() {
        // Two handles that stay, and one that is new at every look.
        let points: Vec<_> = (0..360).map(|i| (f64::from(i) * 5.0, 2.0 + f64::from(i % 2))).collect();
        let mut lives = vec![Life { born_s: 0.0, died_s: None, count: 2 }];
        lives.extend((0..180).map(|i| f64::from(i) * 10.0 + 5.0).map(|at| Life {
            born_s: at,
            died_s: Some(at + 5.0).filter(|died| *died < 1800.0),
            count: 1,
        }));
        let lives = Lives::new(lives);
        let segment = Segment::read(&points, 0.0, None, Some(&lives), View::Stayers).unwrap();
        assert!(segment.fall.abs() < 1e-9 && segment.steps.is_empty());
        assert!((segment.observed_s - 1615.0).abs() < 6.0, "{}", segment.observed_s);
    }

    #[test]
    fn a_rise_of_handles_that_are_replaced_is_no_rise_of_stayers() {
        // One more every 100 s, and each is replaced by another 150 s later.
        let count = |at: f64| (at / 100.0).floor();
        let points: Vec<_> = (0..360).map(|i| (f64::from(i) * 5.0, count(f64::from(i) * 5.0))).collect();
        let mut lives = Vec::new();
        for one in 1..18 {
            let mut born = f64::from(one) * 100.0;
            while born < 1800.0 {
                let died_s = Some(born + 150.0).filter(|died| *died < 1800.0);
                lives.push(Life { born_s: born, died_s, count: 1 });
                born += 150.0;
            }
        }
        let lives = Lives::new(lives);
        let rise = |view| Segment::read(&points, 0.0, None, Some(&lives), view).unwrap().rise;
        let (all, stayers) = (rise(View::All), rise(View::Stayers));
        assert!(all >= stayers + 4.0, "{all} and {stayers}");
    }
}
