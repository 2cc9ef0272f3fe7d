//! Two nights that go step by step: neither seeds before both are ready, and neither soaks before both are seeded, so that the
//! same minutes and the same churn fall on both.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;

use crate::model::GateRecord;

/// How often two nights meet: when both are ready, and when both are seeded.
const MEETINGS: u32 = 2;

/// A night's place in a release gate.
#[derive(Debug)]
pub struct Place {
    /// Which gate, and which of its two nights.
    pub record: GateRecord,
    /// The night's folder, which must not be there yet.
    pub folder: PathBuf,
    /// Where it waits for the other night.
    pub seat: Seat,
    /// How much later than at the begin of the soak the first snapshot is taken, so that the looks of the two nights interleave.
    pub shift: Duration,
}

/// One of two seats. Whoever leaves it, drops it: the other then waits for nobody.
#[derive(Debug)]
pub struct Seat {
    // How many meetings this side has come to.
    own: watch::Sender<u32>,
    other: watch::Receiver<u32>,
}

/// The other night has ended before it came to the meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alone;

impl Seat {
    /// Two seats that wait for each other.
    pub fn pair() -> (Self, Self) {
        let (first, of_first) = watch::channel(0);
        let (second, of_second) = watch::channel(0);
        (Self { own: first, other: of_second }, Self { own: second, other: of_first })
    }

    /// Waits until both have come here as often as this one has now.
    ///
    /// # Errors
    /// The other night has ended before.
    pub async fn meet(&mut self) -> Result<(), Alone> {
        self.own.send_modify(|meetings| *meetings += 1);
        let meetings = *self.own.borrow();
        // What was sent before the other side went is still seen.
        self.other.wait_for(|other| *other >= meetings).await.map(drop).map_err(|_gone| Alone)
    }

    /// Comes back where the other night ends before the last meeting, so that nothing is built or seeded in vain; never after it.
    pub(super) fn left_alone(&self) -> impl Future<Output = ()> + 'static {
        let mut other = self.other.clone();
        async move {
            if other.wait_for(|meetings| *meetings >= MEETINGS).await.is_ok() {
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn neither_goes_on_before_both_are_there() {
        let begin = tokio::time::Instant::now();
        let (mut first, mut second) = Seat::pair();
        let quick = async {
            first.meet().await.unwrap();
            let met = begin.elapsed();
            first.meet().await.unwrap();
            (met, begin.elapsed())
        };
        let slow = async {
            tokio::time::sleep(Duration::from_secs(30)).await;
            second.meet().await.unwrap();
            tokio::time::sleep(Duration::from_secs(5)).await;
            second.meet().await.unwrap();
        };
        let (times, ()) = tokio::join!(quick, slow);
        assert_eq!(times, (Duration::from_secs(30), Duration::from_secs(35)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_left_is_not_waited_for() {
        let (mut first, second) = Seat::pair();
        let leaving = async {
            tokio::time::sleep(Duration::from_secs(7)).await;
            drop(second);
        };
        let begin = tokio::time::Instant::now();
        let (met, ()) = tokio::join!(first.meet(), leaving);
        assert_eq!((met, begin.elapsed()), (Err(Alone), Duration::from_secs(7)));
        assert_eq!(first.meet().await, Err(Alone));
    }

    #[tokio::test(start_paused = true)]
    async fn a_night_hears_at_once_that_the_other_one_ended_and_no_more_once_both_soak() {
        let wait = Duration::from_secs(60);
        let (first, second) = Seat::pair();
        drop(second);
        tokio::time::timeout(wait, first.left_alone()).await.unwrap();
        let (mut first, mut second) = Seat::pair();
        for _ in 0..MEETINGS {
            let (a, b) = tokio::join!(first.meet(), second.meet());
            assert_eq!((a, b), (Ok(()), Ok(())));
        }
        drop(second);
        assert!(tokio::time::timeout(wait, first.left_alone()).await.is_err());
    }

    #[tokio::test]
    async fn who_came_and_left_was_there() {
        let (mut first, mut second) = Seat::pair();
        let (a, b) = tokio::join!(first.meet(), second.meet());
        assert_eq!((a, b), (Ok(()), Ok(())));
        drop(second);
        assert_eq!(first.meet().await, Err(Alone));
    }
}
