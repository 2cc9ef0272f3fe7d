//! When the handles of a shape open and close. Pure: the same order and seed give the same course.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::dice::Dice;
use super::order::{ShapeKind, ShapeOrder};

/// Within what time the handles of a burst are opened, and how long each stays at least and at most.
const BURST: (Duration, Duration, Duration) =
    (Duration::from_secs(3), Duration::from_secs(10), Duration::from_secs(40));

/// Within what time a pool whose members are replaced is full, and a member is replaced.
const ROTATE: (Duration, Duration) = (Duration::from_secs(45), Duration::from_millis(1500));

/// Something that is done with handles, each known by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Step {
    /// Opens one.
    Open(u64),
    /// Closes one.
    Close(u64),
    /// Closes all.
    CloseAll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Open { life: Option<Duration> },
    Close(u64),
    CloseAll,
    Burst,
}

/// What a shape has yet to do.
#[derive(Debug)]
pub(in super::super) struct Course {
    order: ShapeOrder,
    dice: Dice,
    // What is due together is done in the order in which it was planned.
    agenda: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    planned: u64,
    opened: u64,
}

impl Course {
    /// The course of a shape from the start of the application on.
    pub(in super::super) fn new(order: ShapeOrder, seed: u64) -> Self {
        let mut course = Self { order, dice: Dice::new(seed), agenda: BinaryHeap::new(), planned: 0, opened: 0 };
        let ShapeOrder { kind, size, time, .. } = order;
        match kind {
            ShapeKind::Pool => {
                for _ in 0..size {
                    let at = course.dice.exponential(time);
                    course.plan(at, Event::Open { life: None });
                }
            }
            ShapeKind::Burst => {
                let at = course.dice.between(Duration::ZERO, time);
                course.plan(at, Event::Burst);
            }
            ShapeKind::Sawtooth => course.plan_tooth(Duration::ZERO),
            ShapeKind::Gc => {
                course.plan_arrival(Duration::ZERO);
                course.plan_collection(Duration::ZERO);
            }
            ShapeKind::Rotate => {
                for _ in 0..size {
                    let at = course.dice.between(Duration::ZERO, ROTATE.0.min(time / 2));
                    // The first ones are as old as those of a pool that has been there for long, so that they do not all go at once.
                    let life = course.dice.between(time / 10, time);
                    course.plan(at, Event::Open { life: Some(life) });
                }
            }
            ShapeKind::Inflight => course.plan_arrival(Duration::ZERO),
        }
        course
    }

    /// The shape that was asked for.
    pub(in super::super) fn order(&self) -> ShapeOrder {
        self.order
    }

    /// When the next step is due; `None` once there is none.
    pub(in super::super) fn due(&self) -> Option<Duration> {
        self.agenda.peek().map(|Reverse((due, ..))| *due)
    }

    /// Takes the next step; `None` where nothing is to be done with handles at this time.
    pub(in super::super) fn step(&mut self) -> Option<Step> {
        let Reverse((at, _, event)) = self.agenda.pop()?;
        match event {
            Event::Open { life } => Some(self.open(at, life)),
            Event::Close(number) => {
                if self.order.kind == ShapeKind::Rotate {
                    let again = self.dice.between(Duration::ZERO, ROTATE.1.min(self.order.time / 10));
                    let life = self.dice.between(self.order.time / 2, self.order.time);
                    self.plan(at.saturating_add(again), Event::Open { life: Some(life) });
                }
                Some(Step::Close(number))
            }
            Event::CloseAll => {
                match self.order.kind {
                    ShapeKind::Sawtooth => self.plan_tooth(at),
                    ShapeKind::Gc => self.plan_collection(at),
                    ShapeKind::Pool | ShapeKind::Burst | ShapeKind::Rotate | ShapeKind::Inflight => {}
                }
                Some(Step::CloseAll)
            }
            Event::Burst => {
                for _ in 0..self.order.size {
                    let begun = self.dice.between(Duration::ZERO, BURST.0);
                    let life = self.dice.between(BURST.1, BURST.2);
                    self.plan(at.saturating_add(begun), Event::Open { life: Some(life) });
                }
                self.plan(at.saturating_add(self.order.time), Event::Burst);
                None
            }
        }
    }

    fn open(&mut self, at: Duration, life: Option<Duration>) -> Step {
        let number = self.opened;
        self.opened += 1;
        if let Some(life) = life {
            self.plan(at.saturating_add(life), Event::Close(number));
        }
        if matches!(self.order.kind, ShapeKind::Gc | ShapeKind::Inflight) {
            self.plan_arrival(at);
        }
        Step::Open(number)
    }

    fn plan(&mut self, at: Duration, event: Event) {
        self.agenda.push(Reverse((at, self.planned, event)));
        self.planned += 1;
    }

    /// One tooth: evenly one after the other, and one step after the last all are closed.
    fn plan_tooth(&mut self, from: Duration) {
        let step = self.order.time / self.order.size.saturating_add(1);
        for number in 1..=self.order.size {
            self.plan(from.saturating_add(step.saturating_mul(number)), Event::Open { life: None });
        }
        self.plan(from.saturating_add(self.order.time), Event::CloseAll);
    }

    /// The next one that comes by chance, independently of the others: on average the size in the time.
    fn plan_arrival(&mut self, from: Duration) {
        let wait = self.dice.exponential(self.order.time / self.order.size);
        let life = (self.order.kind == ShapeKind::Inflight).then(|| self.dice.exponential(self.order.time));
        self.plan(from.saturating_add(wait), Event::Open { life });
    }

    fn plan_collection(&mut self, from: Duration) {
        let wait = self.dice.gamma2(self.order.time);
        self.plan(from.saturating_add(wait), Event::CloseAll);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What is done in the first so many minutes.
    fn steps(text: &str, seed: u64, minutes: u64) -> Vec<(Duration, Step)> {
        let mut course = Course::new(text.parse().unwrap(), seed);
        let mut steps = Vec::new();
        while let Some(due) = course.due().filter(|due| *due <= Duration::from_secs(60 * minutes)) {
            steps.extend(course.step().map(|step| (due, step)));
        }
        steps
    }

    /// How many are open after each step.
    fn levels(text: &str, seed: u64, minutes: u64) -> Vec<(f64, usize)> {
        let mut open = BTreeSet::new();
        let mut levels = vec![(0.0, 0)];
        for (at, step) in steps(text, seed, minutes) {
            match step {
                Step::Open(number) => assert!(open.insert(number), "{text}: {number} is open already"),
                Step::Close(number) => assert!(open.remove(&number), "{text}: {number} is not open"),
                Step::CloseAll => open.clear(),
            }
            levels.push((at.as_secs_f64(), open.len()));
        }
        levels
    }

    fn most(levels: &[(f64, usize)]) -> usize {
        levels.iter().map(|level| level.1).max().unwrap()
    }

    /// The mean over time from a moment on.
    fn mean(levels: &[(f64, usize)], from: f64) -> f64 {
        let spans = levels.windows(2).filter(|pair| pair[0].0 >= from);
        let (sum, time) = spans.fold((0.0, 0.0), |(sum, time), pair| {
            let span = pair[1].0 - pair[0].0;
            (sum + span * pair[0].1 as f64, time + span)
        });
        sum / time
    }

    #[test]
    fn the_same_seed_gives_the_same_course_and_another_one_another() {
        for kind in ShapeKind::ALL {
            let text = format!("{}=12", kind.name());
            assert_eq!(steps(&text, 5, 30), steps(&text, 5, 30), "{text}");
            // Nothing of a saw-tooth is left to chance.
            assert_eq!(steps(&text, 5, 30) == steps(&text, 6, 30), *kind == ShapeKind::Sawtooth, "{text}");
        }
    }

    #[test]
    fn a_pool_fills_ever_slower_and_stops() {
        let all = levels("pool=200", 1, 600);
        assert_eq!((all.last().unwrap().1, most(&all)), (200, 200));
        let at = |seconds: f64| all.iter().rfind(|level| level.0 <= seconds).unwrap().1;
        // 200 × (1 - 1/e) and 200 × (1 - 1/e²), give or take three standard deviations.
        assert!((106..=146).contains(&at(90.0)), "{}", at(90.0));
        assert!((158..=187).contains(&at(180.0)), "{}", at(180.0));
        assert!(Course::new("pool=1".parse().unwrap(), 1).due().is_some());
    }

    #[test]
    fn a_burst_closes_again_and_comes_back() {
        let all = levels("burst=30", 2, 60);
        assert_eq!(most(&all), 30);
        let ends = all.windows(2).filter(|pair| pair[0].1 > 0 && pair[1].1 == 0).count();
        assert!((14..=15).contains(&ends), "{ends}");
        assert!(mean(&all, 0.0) < 30.0 * 43.0 / 240.0);
    }

    #[test]
    fn a_saw_tooth_climbs_evenly_and_falls_to_nothing() {
        let all = levels("sawtooth=20@210s", 3, 7);
        assert_eq!(all[1], (10.0, 1));
        assert_eq!(all[20..22], [(200.0, 20), (210.0, 0)]);
        assert_eq!(all.last(), Some(&(420.0, 0)));
        assert_eq!(all.len(), 43);
    }

    #[test]
    fn what_is_collected_piles_up_by_chance_and_goes_at_irregular_times() {
        let all = levels("gc=20", 4, 600);
        let falls: Vec<f64> = all.windows(2).filter(|pair| pair[1].1 == 0).map(|pair| pair[1].0).collect();
        let waits: Vec<f64> = falls.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean_wait = waits.iter().sum::<f64>() / waits.len() as f64;
        assert!((110.0..150.0).contains(&mean_wait), "{mean_wait}");
        assert!(waits.iter().any(|wait| *wait < 60.0) && waits.iter().any(|wait| *wait > 250.0));
    }

    #[test]
    fn a_rotating_pool_keeps_its_size_and_no_member_for_long() {
        let all = levels("rotate=20", 5, 120);
        assert_eq!(most(&all), 20);
        let settled: Vec<usize> = all.iter().filter(|level| level.0 > 60.0).map(|level| level.1).collect();
        assert!(settled.iter().all(|level| *level >= 15), "{settled:?}");
        let steps = steps("rotate=20", 5, 120);
        for (opened, step) in &steps {
            let Step::Open(number) = step else { continue };
            let closed = steps.iter().find(|(_, step)| *step == Step::Close(*number));
            assert!(closed.is_none_or(|(closed, _)| *closed - *opened <= Duration::from_secs(600)));
        }
    }

    #[test]
    fn work_in_flight_has_its_size_on_average() {
        let all = levels("inflight=8", 6, 120);
        let mean = mean(&all, 60.0);
        assert!((7.2..8.8).contains(&mean), "{mean}");
    }
}
