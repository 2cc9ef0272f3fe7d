//! Clocks that do not go as they should: a wall clock that is set, a machine that sleeps.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::model::EventKind;
use crate::model::text::seconds;

/// A smaller difference is not worth a word: the clocks are read one after the other, and a time server shifts the wall
/// clock by fractions of a second.
const WORTH_A_WORD: Duration = Duration::from_secs(2);

/// The three clocks of the kernel at one moment, nanoseconds since each one's own beginning, see clock_gettime(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clocks {
    /// Never set, and stands still while the machine sleeps. The times of snapshots are of this clock.
    monotonic: i128,
    /// Never set, and goes on while the machine sleeps.
    boot: i128,
    /// What people and time servers set.
    wall: i128,
}

impl Clocks {
    /// Now.
    pub(super) fn now() -> Self {
        let read = |clock| {
            let time = clock_gettime(clock);
            i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
        };
        Self { monotonic: read(ClockId::Monotonic), boot: read(ClockId::Boottime), wall: read(ClockId::Realtime) }
    }

    /// What happened to the clocks since `before`: for how long the machine slept, by how much the wall clock was set. The
    /// times of snapshots are none the worse for it.
    pub(super) fn since(&self, before: &Self) -> Vec<(EventKind, String)> {
        let monotonic = self.monotonic - before.monotonic;
        let slept = self.boot - before.boot - monotonic;
        // The wall clock goes on while the machine sleeps: what it did beyond that, somebody did to it.
        let jumped = self.wall - before.wall - (self.boot - before.boot);
        let mut told = Vec::new();
        if worth_a_word(slept) {
            told.push((EventKind::Gap, format!("the machine slept for {}, and nothing was seen", length(slept))));
        }
        if worth_a_word(jumped) {
            let sign = if jumped < 0 { '−' } else { '+' };
            told.push((EventKind::Note, format!("the wall clock jumped by {sign}{}", length(jumped))));
        }
        told
    }
}

fn worth_a_word(difference: i128) -> bool {
    difference.unsigned_abs() > WORTH_A_WORD.as_nanos()
}

/// `1 h`, whichever way.
#[expect(clippy::cast_precision_loss, reason = "shown in whole seconds")]
fn length(nanoseconds: i128) -> String {
    seconds((nanoseconds.unsigned_abs() as f64 / 1e9).round())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i128 = 1_000_000_000;

    const START: Clocks = Clocks { monotonic: 5 * SECOND, boot: 9 * SECOND, wall: 1_800_000_000 * SECOND };

    /// What is told when the clocks went on by so many seconds.
    fn told(monotonic: i128, boot: i128, wall: i128) -> Vec<(EventKind, String)> {
        let later = Clocks {
            monotonic: START.monotonic + monotonic * SECOND,
            boot: START.boot + boot * SECOND,
            wall: START.wall + wall * SECOND,
        };
        later.since(&START)
    }

    #[test]
    fn clocks_that_go_as_they_should_are_not_mentioned() {
        assert_eq!(told(0, 0, 0), []);
        assert_eq!(told(60, 60, 60), []);
        assert_eq!(told(86_400, 86_400, 86_402), [], "a time server may shift a clock");
        assert_eq!(Clocks::now().since(&Clocks::now()), []);
    }

    #[test]
    fn a_wall_clock_that_was_set_is_a_note() {
        let jump = |by: &str| vec![(EventKind::Note, format!("the wall clock jumped by {by}"))];
        assert_eq!(told(5, 5, 5 - 3600), jump("−1 h"));
        assert_eq!(told(5, 5, 5 + 3600), jump("+1 h"));
        assert_eq!(told(5, 5, 8), jump("+3 s"));
        assert_eq!(told(5, 5, 2), jump("−3 s"));
        assert_eq!(told(5, 5, -1_800_000_000), jump("−500000 h"), "back to the year 1970");
    }

    #[test]
    fn a_machine_that_slept_is_a_gap_and_its_wall_clock_did_not_jump() {
        let slept = (EventKind::Gap, "the machine slept for 2 h 5 min, and nothing was seen".to_owned());
        assert_eq!(told(5, 7505, 7505), std::slice::from_ref(&slept));
        // Some clocks lose the time of the sleep.
        let lost = (EventKind::Note, "the wall clock jumped by −2 h 5 min".to_owned());
        assert_eq!(told(5, 7505, 5), [slept, lost]);
    }
}
