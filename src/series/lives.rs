//! Who is behind a count: when the things counted came and went.
//!
//! A night is kept as cohorts, not as handles: so many were first seen here and were gone there. A hundred thousand handles
//! that come and go make as many cohorts as there are pairs of snapshots between which they lived.

/// Things that were first seen together and seen gone together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Life {
    /// The first snapshot that had them, seconds since the soak began.
    pub born_s: f64,
    /// The first snapshot that had them no more, seconds since the soak began; `None`: they were there at the end.
    pub died_s: Option<f64>,
    /// How many.
    pub count: u64,
}

/// The lives behind a series.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lives {
    /// In the order of birth.
    lives: Vec<Life>,
    /// The snapshots at which they did not add up to the count.
    broken: Vec<f64>,
}

impl Lives {
    /// Lives that add up to the counts at every snapshot. What was born or died at no time is left out.
    pub fn new(lives: Vec<Life>) -> Self {
        Self::with_breaks(lives, Vec::new())
    }

    pub(super) fn with_breaks(mut lives: Vec<Life>, broken: Vec<f64>) -> Self {
        lives.retain(|life| !life.born_s.is_nan() && life.died_s.is_none_or(|died| died > life.born_s));
        lives.sort_by(|a, b| a.born_s.total_cmp(&b.born_s));
        Self { lives, broken }
    }

    /// All of them, in the order of birth.
    pub fn all(&self) -> &[Life] {
        &self.lives
    }

    /// True where the lives can be followed from the snapshot at `from_s` to the one at `to_s`: at each of the later ones
    /// they add up to the count.
    pub fn followed(&self, from_s: f64, to_s: f64) -> bool {
        let next = self.broken.partition_point(|at| *at <= from_s);
        self.broken.get(next).is_none_or(|at| *at > to_s)
    }

    /// How many of those open at each time were still open `hold_s` later. `times` ascend. A death after `until_s` is none:
    /// what a restart ends did not end by itself.
    pub fn held(&self, times: &[f64], hold_s: f64, until_s: f64) -> Vec<f64> {
        let mut change = vec![0_i128; times.len() + 1];
        for life in &self.lives {
            let from = times.partition_point(|at| *at < life.born_s);
            let to = match life.died_s.filter(|died| *died <= until_s) {
                Some(died) => times.partition_point(|at| *at + hold_s < died),
                None => times.len(),
            };
            if from >= to {
                continue;
            }
            for (at, by) in [(from, i128::from(life.count)), (to, -i128::from(life.count))] {
                if let Some(place) = change.get_mut(at) {
                    *place += by;
                }
            }
        }
        let mut open = 0;
        let levels = change.iter().take(times.len()).map(|by| {
            open += by;
            open as f64
        });
        levels.collect()
    }

    /// How many were born by each time and were still there at `until_s`. `times` ascend.
    pub fn stayed(&self, times: &[f64], until_s: f64) -> Vec<f64> {
        let mut born = self.lives.iter().filter(|life| life.died_s.is_none_or(|died| died > until_s)).peekable();
        let mut all = 0_u128;
        let levels = times.iter().map(|at| {
            while let Some(life) = born.next_if(|life| life.born_s <= *at) {
                all += u128::from(life.count);
            }
            all as f64
        });
        levels.collect()
    }

    /// How many of those open at `at_s` were gone by `until_s`.
    pub fn turned_over(&self, at_s: f64, until_s: f64) -> f64 {
        let gone = |life: &&Life| life.born_s <= at_s && life.died_s.is_some_and(|died| died > at_s && died <= until_s);
        self.lives.iter().filter(gone).map(|life| life.count as f64).sum()
    }
}
