//! Exit codes: documented, and one exhaustive way from an outcome to its code.

use crate::model::{Ending, Verdict};
use crate::night::Outcome;

/// How slowdrip ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0
    Pass,
    /// 1
    Unexpected,
    /// 2
    Usage,
    /// 3
    Inconclusive,
    /// 96
    BadInput,
    /// 100
    Broken,
    /// 101
    NotStarted,
    /// 102
    NeverReady,
    /// 103
    SeedFailed,
    /// 104
    Died,
    /// 105
    Unreadable,
    /// 110
    NotWritten,
    /// 128 and the signal's number: 130, 143
    Interrupted(i32),
}

/// The list shown by `--help`.
pub(super) const TABLE: &str = "\
Exit codes:
    0  pass
    1  unexpected error
    2  wrong usage
    3  inconclusive: too little could be seen to judge
   96  the scenario or the thresholds are not valid; nothing was started
  100  a threshold is broken, or the candidate of a gate is worse
  101  the image could not be built, or the target not be started
  102  the target was never ready
  103  seeding failed
  104  the target ended during the soak
  105  what must be judged could not be read (permissions)
  110  a file could not be written
  130  interrupted by Ctrl-C, after clean-up (143: by SIGTERM)
With several scenarios: the worst of them.";

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::Inconclusive => 3,
            Self::BadInput => 96,
            Self::Broken => 100,
            Self::NotStarted => 101,
            Self::NeverReady => 102,
            Self::SeedFailed => 103,
            Self::Died => 104,
            Self::Unreadable => 105,
            Self::NotWritten => 110,
            Self::Interrupted(signal) => u8::try_from(128 + signal).unwrap_or(130),
        }
    }

    /// How much it outweighs others: interrupted > could not start, seed or write > died > could not read > broken >
    /// inconclusive > pass.
    fn weight(self) -> u8 {
        match self {
            Self::Interrupted(_) => 8,
            Self::BadInput | Self::Unexpected | Self::Usage => 7,
            Self::NotStarted | Self::NeverReady | Self::SeedFailed | Self::NotWritten => 6,
            Self::Died => 5,
            Self::Unreadable => 4,
            Self::Broken => 3,
            Self::Inconclusive => 2,
            Self::Pass => 1,
        }
    }

    /// The one of two that weighs more; the first one where they weigh the same.
    pub fn worse(self, other: Self) -> Self {
        if other.weight() > self.weight() { other } else { self }
    }

    /// How a night's outcome ends slowdrip.
    pub fn of(outcome: &Outcome) -> Self {
        let end = Self::of_ending(&outcome.ending);
        let written = if outcome.not_written { Self::NotWritten } else { Self::Pass };
        let verdict =
            outcome.assessment.as_ref().map_or(Self::Inconclusive, |assessment| Self::of_verdict(assessment.verdict));
        end.worse(written).worse(verdict)
    }

    /// How the end of a night ends slowdrip, its verdict left out.
    pub fn of_ending(ending: &Ending) -> Self {
        match ending {
            Ending::Completed => Self::Pass,
            Ending::Unfinished => Self::Unexpected,
            Ending::Interrupted { signal } => Self::Interrupted(*signal),
            Ending::NotStarted { .. } => Self::NotStarted,
            Ending::NeverReady { .. } => Self::NeverReady,
            Ending::SeedFailed { .. } => Self::SeedFailed,
            Ending::Died { .. } => Self::Died,
            Ending::Unreadable { .. } => Self::Unreadable,
            Ending::NotWritten { .. } => Self::NotWritten,
        }
    }

    /// How a verdict ends slowdrip.
    pub fn of_verdict(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Pass,
            Verdict::Fail => Self::Broken,
            Verdict::Inconclusive => Self::Inconclusive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_nights_decides() {
        let worst =
            [Exit::Pass, Exit::Inconclusive, Exit::Died, Exit::Broken].into_iter().fold(Exit::Pass, Exit::worse);
        assert_eq!(worst.code(), 104);
        assert_eq!(Exit::SeedFailed.worse(Exit::Interrupted(15)).code(), 143);
        assert_eq!(Exit::NotStarted.worse(Exit::NotWritten), Exit::NotStarted);
    }

    #[test]
    fn every_code_stands_in_the_help() {
        for code in [0, 1, 2, 3, 96, 100, 101, 102, 103, 104, 105, 110, 130] {
            assert!(TABLE.contains(&format!("{code:>5}  ")), "{code}");
        }
    }
}
