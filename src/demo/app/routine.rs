//! What the application does by itself, by its clock: it refreshes its subscriptions, it leaks, and it keeps its shapes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::args::{AppArgs, LeakRate};
use super::clock::Advance;
use super::leaks::Leak;
use super::log;
use super::shapes::Course;
use super::state::Shared;
use super::work::Fault;

/// Something that is done again and again.
#[derive(Debug)]
pub(super) enum Routine {
    /// Refreshes every subscription.
    Refresh {
        /// When the next time is due.
        due: Duration,
        /// From one time to the next.
        every: Duration,
    },
    /// Leaks at a steady rate.
    Leak {
        /// When the next one is due.
        due: Duration,
        /// What, and how often.
        rate: LeakRate,
    },
    /// Opens and closes the handles of a shape.
    Shape {
        /// Which of the shapes.
        number: usize,
        /// What it has yet to do.
        course: Course,
    },
}

impl Routine {
    /// Everything that was asked for.
    pub(super) fn all(args: &AppArgs) -> Vec<Self> {
        let refresh = Self::Refresh { due: Duration::ZERO, every: args.refresh };
        // The first leak is due after one period.
        let leaks = args.leaks.iter().map(|rate| Self::Leak { due: rate.period, rate: *rate });
        let shapes = args.shapes.iter().enumerate().map(|(number, order)| {
            let seed = args.seed.wrapping_add(number as u64);
            Self::Shape { number, course: Course::new(*order, seed) }
        });
        std::iter::once(refresh).chain(leaks).chain(shapes).collect()
    }

    /// When it is due; `None` once there is nothing left to do.
    fn due(&self) -> Option<Duration> {
        match self {
            Self::Refresh { due, .. } | Self::Leak { due, .. } => Some(*due),
            Self::Shape { course, .. } => course.due(),
        }
    }

    /// Does what is due.
    async fn perform(&mut self, shared: &Shared) {
        match self {
            Self::Refresh { due, every } => {
                refresh(shared, *due).await;
                // Times that were missed are left out: one refresh does as well as two.
                *due = due.saturating_add(*every).max(shared.clock.now());
            }
            Self::Leak { due, rate } => {
                // Nothing is said of those that succeed: a real leak does not announce itself.
                if let Err(error) = shared.hoard.leak(rate.leak).await {
                    log::line(format_args!("error: {} failed: {error}", rate.leak));
                }
                // A late one is made up for, so that the rate is what was asked for.
                *due = due.saturating_add(rate.period);
            }
            Self::Shape { number, course } => {
                let step = course.step();
                if let Some(Err(error)) = step.map(|step| shared.shapes.perform(*number, step)) {
                    log::line(format_args!("error: shape {} failed: {error}", course.order()));
                }
            }
        }
    }
}

async fn refresh(shared: &Shared, due: Duration) {
    match shared.store.refresh(shared.clock.date(due)).await {
        Ok(refreshed) => {
            if !refreshed.is_empty()
                && shared.work.has(Fault::RefreshLoop)
                && let Err(error) = shared.hoard.leak(Leak::EventLoop).await
            {
                log::line(format_args!("error: {} failed: {error}", Leak::EventLoop));
            }
            for subscription in refreshed {
                shared.refreshes.add(1);
                log::line(format_args!("refreshed subscription {}, run {}", subscription.id, subscription.runs));
            }
        }
        Err(error) => log::line(format_args!("error: refresh failed: {error}")),
    }
}

/// Does everything by a clock that goes by itself: each thing for itself, so that one that is late does not hold up the others.
pub(super) fn by_running_clock(shared: &Arc<Shared>, routines: Vec<Routine>, working: &CancellationToken) {
    for mut routine in routines {
        let (shared, working) = (Arc::clone(shared), working.clone());
        tokio::spawn(async move {
            while let Some(due) = routine.due() {
                tokio::select! {
                    biased;
                    () = working.cancelled() => return,
                    () = shared.clock.until(due) => {}
                }
                routine.perform(&shared).await;
            }
        });
    }
}

/// Does everything by a clock that is moved by hand: one thing after the other, in the order in which they are due, and of those that are
/// due together in the order in which they were asked for.
pub(super) async fn by_manual_clock(
    shared: Arc<Shared>,
    mut routines: Vec<Routine>,
    mut orders: mpsc::Receiver<Advance>,
    working: CancellationToken,
) {
    perform_until(&shared, &mut routines, Duration::ZERO, &working).await;
    loop {
        let order = tokio::select! {
            biased;
            () = working.cancelled() => return,
            order = orders.recv() => order,
        };
        let Some(Advance { by, done }) = order else { return };
        let target = shared.clock.now().saturating_add(by);
        perform_until(&shared, &mut routines, target, &working).await;
        if working.is_cancelled() {
            return;
        }
        shared.clock.show(target);
        // Whoever asked may have given up.
        let _ = done.send(target);
    }
}

async fn perform_until(shared: &Shared, routines: &mut [Routine], target: Duration, working: &CancellationToken) {
    while !working.is_cancelled() {
        let earliest = routines.iter_mut().filter_map(|routine| routine.due().map(|due| (due, routine)));
        // The first of those that are due together.
        let Some((due, routine)) = earliest.min_by_key(|(due, _)| *due).filter(|(due, _)| *due <= target) else {
            return;
        };
        shared.clock.show(due);
        routine.perform(shared).await;
    }
}
