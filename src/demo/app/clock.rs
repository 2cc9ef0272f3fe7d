//! The application's clock: all that it does by itself goes by it.
//!
//! The time it shows begins at zero with the application. It goes as fast as the machine's, or faster, or stands still until it is
//! told to go on: then a night of half an hour takes as long as its looks, and goes the same way every time.

use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::args::ArgumentError;

/// How fast a clock goes at most: beyond that it would only test how fast the machine is.
const FASTEST: u32 = 1000;

/// The farthest that a clock is moved at once: a day.
pub(super) const FARTHEST: Duration = Duration::from_secs(86_400);

/// How a clock goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// So many times as fast as the machine's.
    Running(u32),
    /// Only when it is told to.
    Manual,
}

impl FromStr for Pace {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let times = |text: &str| text.strip_suffix('x')?.parse().ok().filter(|times| (1..=FASTEST).contains(times));
        match text {
            "real" => Ok(Self::Running(1)),
            "manual" => Ok(Self::Manual),
            other => match times(other) {
                Some(times) => Ok(Self::Running(times)),
                None => Err(ArgumentError::Clock { given: other.to_owned(), fastest: FASTEST }),
            },
        }
    }
}

/// Why a clock was not moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ClockError {
    /// It goes by itself.
    #[error("the clock goes by itself; start the application with --clock manual to move it")]
    Running,
    /// Nobody does any more what would be due.
    #[error("the clock stands: the application was told to stop")]
    Stopped,
}

/// An order to move the clock.
pub(super) struct Advance {
    /// By how much.
    pub(super) by: Duration,
    /// Where what the clock shows is told, once everything has happened that was due until then.
    pub(super) done: oneshot::Sender<Duration>,
}

/// How many orders may wait.
const WAITING: usize = 16;

/// The application's clock.
#[derive(Debug)]
pub(super) struct Clock {
    began: Instant,
    wall: jiff::Timestamp,
    hands: Hands,
}

#[derive(Debug)]
enum Hands {
    Running(u32),
    Manual { shows: Mutex<Duration>, orders: mpsc::Sender<Advance> },
}

impl Clock {
    /// A clock that shows zero. A manual one comes with the orders to move it, for whoever does what is due.
    pub(super) fn start(pace: Pace) -> (Self, Option<mpsc::Receiver<Advance>>) {
        let (hands, received) = match pace {
            Pace::Running(times) => (Hands::Running(times), None),
            Pace::Manual => {
                let (orders, received) = mpsc::channel(WAITING);
                (Hands::Manual { shows: Mutex::default(), orders }, Some(received))
            }
        };
        (Self { began: Instant::now(), wall: jiff::Timestamp::now(), hands }, received)
    }

    /// What it shows.
    pub(super) fn now(&self) -> Duration {
        match &self.hands {
            Hands::Running(times) => self.began.elapsed().saturating_mul(*times),
            Hands::Manual { shows, .. } => *lock(shows),
        }
    }

    /// The date at which it shows that. Where it goes faster than the machine's, that lies in the future.
    pub(super) fn date(&self, at: Duration) -> jiff::Timestamp {
        // The end of all dates is thousands of years away.
        self.wall.saturating_add(at).unwrap_or(jiff::Timestamp::MAX)
    }

    /// Waits until it shows that. Of a manual clock nobody may ask this: it is over at once.
    pub(super) async fn until(&self, at: Duration) {
        if let Hands::Running(times) = &self.hands {
            match self.began.checked_add(at / *times) {
                Some(moment) => tokio::time::sleep_until(moment).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Has a manual clock show that; of a running one nothing.
    pub(super) fn show(&self, at: Duration) {
        if let Hands::Manual { shows, .. } = &self.hands {
            *lock(shows) = at;
        }
    }

    /// Moves a manual clock and answers with what it shows, when everything has happened that was due until then.
    pub(super) async fn advance(&self, by: Duration) -> Result<Duration, ClockError> {
        let Hands::Manual { orders, .. } = &self.hands else { return Err(ClockError::Running) };
        let (done, answer) = oneshot::channel();
        orders.send(Advance { by, done }).await.map_err(|_| ClockError::Stopped)?;
        answer.await.map_err(|_| ClockError::Stopped)
    }
}

fn lock(shows: &Mutex<Duration>) -> MutexGuard<'_, Duration> {
    shows.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_how_it_goes_and_says_what_is_wrong() {
        let pace = |text: &str| text.parse::<Pace>();
        assert_eq!(pace("real"), Ok(Pace::Running(1)));
        assert_eq!(pace("60x"), Ok(Pace::Running(60)));
        assert_eq!(pace("manual"), Ok(Pace::Manual));
        for wrong in ["", "0x", "1001x", "-2x", "1.5x", "60", "x", "Manual", "99999999999x"] {
            let said = pace(wrong).unwrap_err().to_string();
            assert!(said.contains(&format!("`{wrong}`")) && said.contains("1000x"), "{said}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn goes_as_fast_as_it_was_told() {
        let (clock, orders) = Clock::start(Pace::Running(60));
        assert!(orders.is_none());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clock.now(), Duration::from_secs(120));
        assert_eq!(clock.date(clock.now()), clock.date(Duration::ZERO) + Duration::from_secs(120));
        let before = Instant::now();
        clock.until(Duration::from_secs(180)).await;
        assert_eq!(before.elapsed(), Duration::from_secs(1));
        assert_eq!(clock.advance(Duration::from_secs(1)).await, Err(ClockError::Running));
    }

    #[tokio::test(start_paused = true)]
    async fn stands_still_until_what_was_due_has_happened() {
        let (clock, orders) = Clock::start(Pace::Manual);
        let mut orders = orders.unwrap();
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clock.now(), Duration::ZERO);
        let work = async {
            let order = orders.recv().await.unwrap();
            clock.show(order.by);
            order.done.send(order.by).unwrap();
            drop(orders);
        };
        let (moved, ()) = tokio::join!(clock.advance(Duration::from_secs(5)), work);
        assert_eq!((moved, clock.now()), (Ok(Duration::from_secs(5)), Duration::from_secs(5)));
        assert_eq!(clock.advance(Duration::from_secs(5)).await, Err(ClockError::Stopped));
    }
}
