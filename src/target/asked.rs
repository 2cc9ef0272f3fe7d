//! What the scenario asked for is not held against the target: a restart, a pause.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, oneshot};
use tokio_util::task::AbortOnDropHandle;

use crate::model::ControlError;

/// So long the engine may take to tell of a restart that is over.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

/// What was asked of one target.
#[derive(Debug, Default)]
pub(super) struct Asked {
    // Shared by all who look at the target, alone with whoever changes it: nobody sees a target between its end and its new start.
    gate: Arc<RwLock<()>>,
    restarts: AtomicU64,
    paused: AtomicBool,
    window: Mutex<Option<Window>>,
    told: Notify,
    under_way: Mutex<Option<AbortOnDropHandle<()>>>,
}

/// How much of a restart that was asked for the engine has told.
#[derive(Debug, Default, Clone, Copy)]
struct Window {
    killed: bool,
    died: bool,
    started: bool,
}

/// What the engine tells of a container, as far as a restart goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// It was sent a signal.
    Kill,
    /// Its main process ended.
    Die,
    /// It was started.
    Start,
    /// A restart that somebody asked for is over.
    Restart,
}

impl Asked {
    /// While this is held the target is not changed. Waits for a change that is under way.
    pub(super) async fn settled(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().await
    }

    /// Changes the target, alone. The work goes on to its end where the caller is cut off: half a restart would look like a
    /// death.
    pub(super) async fn alone<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ControlError>> + Send + 'static,
    ) -> Result<T, ControlError> {
        let guard: OwnedRwLockWriteGuard<()> = Arc::clone(&self.gate).write_owned().await;
        let (sender, done) = oneshot::channel();
        let task = tokio::spawn(async move {
            let outcome = work.await;
            drop(guard);
            // Nobody may be waiting any more.
            let _unheard = sender.send(outcome);
        });
        // The one before is over: it held the gate.
        *locked(&self.under_way) = Some(AbortOnDropHandle::new(task));
        done.await.unwrap_or_else(|_cut_off| Err(ControlError::Failed("the target is being taken down".to_owned())))
    }

    /// Cuts off a change that is under way. True where there was one.
    pub(super) async fn give_up(&self) -> bool {
        let Some(task) = locked(&self.under_way).take() else { return false };
        let unfinished = !task.is_finished();
        task.abort();
        let _cut_off = task.await;
        unfinished
    }

    /// How many restarts were asked for and are over.
    pub(super) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    pub(super) fn count_restart(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    /// True from the moment on at which a pause was asked for.
    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    pub(super) fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }

    /// From now on the engine will tell of a restart that was asked for.
    pub(super) fn expect_restart(&self) {
        *locked(&self.window) = Some(Window::default());
    }

    /// Waits a moment for the engine to have told all of it, and expects no more.
    pub(super) async fn restart_is_over(&self) {
        let told = async {
            loop {
                let changed = self.told.notified();
                tokio::pin!(changed);
                // Enabled before the look, so that what comes between look and wait is not missed.
                changed.as_mut().enable();
                if locked(&self.window).is_none() {
                    return;
                }
                changed.await;
            }
        };
        // An engine that does not tell in time is believed all the same.
        let _late = tokio::time::timeout(TOLD_WITHIN, told).await;
        *locked(&self.window) = None;
    }

    /// True where what the engine tells is part of a restart that was asked for. A main process that ends without having been
    /// sent a signal, or ends once more after the start, does so by itself.
    pub(super) fn accounts_for(&self, told: Told) -> bool {
        let mut window = locked(&self.window);
        let Some(open) = window.as_mut() else { return false };
        match told {
            Told::Kill => {
                open.killed = true;
                true
            }
            Told::Die if open.killed && !open.died && !open.started => {
                open.died = true;
                true
            }
            Told::Start if !open.started => {
                open.started = true;
                true
            }
            Told::Restart if open.started => {
                *window = None;
                self.told.notify_waiters();
                true
            }
            Told::Die | Told::Start | Told::Restart => false,
        }
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_and_the_start_of_a_restart_that_was_asked_for_are_accounted_for_once() {
        let asked = Asked::default();
        assert!(!asked.accounts_for(Told::Kill) && !asked.accounts_for(Told::Die) && !asked.accounts_for(Told::Start));
        asked.expect_restart();
        assert!(!asked.accounts_for(Told::Restart), "that of somebody else, before ours");
        let all = [Told::Kill, Told::Kill, Told::Die, Told::Start, Told::Restart].map(|told| asked.accounts_for(told));
        assert_eq!(all, [true; 5]);
        assert!(!asked.accounts_for(Told::Die), "one second after");
    }

    #[test]
    fn a_death_before_the_signal_or_after_the_start_is_the_targets_own() {
        let asked = Asked::default();
        asked.expect_restart();
        assert!(!asked.accounts_for(Told::Die), "nobody had sent a signal");
        assert!(asked.accounts_for(Told::Start));
        assert!(!asked.accounts_for(Told::Die), "it was up again");
        assert!(!asked.accounts_for(Told::Start), "and somebody else started it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_goes_on_to_its_end_where_the_caller_is_cut_off_and_lookers_wait_for_it() {
        let asked = Arc::new(Asked::default());
        let slow = Arc::clone(&asked);
        let work = async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            slow.count_restart();
            Ok(())
        };
        let began = tokio::time::Instant::now();
        assert!(tokio::time::timeout(Duration::from_secs(1), asked.alone(work)).await.is_err());
        assert_eq!(asked.restarts(), 0);
        drop(asked.settled().await);
        assert_eq!((asked.restarts(), began.elapsed()), (1, Duration::from_secs(5)));
        assert!(!asked.give_up().await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_that_is_given_up_ends_at_once() {
        let asked = Asked::default();
        let never = async { std::future::pending::<Result<(), ControlError>>().await };
        let waiting = asked.alone(never);
        let give_up = async {
            tokio::task::yield_now().await;
            asked.give_up().await
        };
        let (outcome, given_up) = tokio::join!(waiting, give_up);
        assert!(given_up && outcome.unwrap_err().to_string().contains("taken down"));
        drop(asked.settled().await);
    }

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_never_tells_of_the_restart_is_not_waited_for() {
        let asked = Asked::default();
        asked.expect_restart();
        asked.restart_is_over().await;
        assert!(!asked.accounts_for(Told::Kill));
    }
}
