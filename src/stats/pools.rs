//! A steady drip told from pools that fill.
//!
//! Arrivals, counted in slots of equal length, are taken for a Poisson process whose intensity is that of any number of pools
//! and of a steady drip: `sum_j c_j exp(-t / tau_j) + drip`, with all `c_j` and the drip at least 0 and no time constant above
//! the slowest. Pools start where their stretch of time starts; the drip is the same in all stretches. The likelihood is
//! concave in `c` and the drip, and is climbed by expectation and maximisation.
//!
//! Sources: D. R. Cox and P. A. W. Lewis, *The Statistical Analysis of Series of Events* (1966), 3.3, for the exponential
//! trend; A. P. Dempster, N. M. Laird and D. B. Rubin, "Maximum likelihood from incomplete data via the EM algorithm",
//! *Journal of the Royal Statistical Society* B 39 (1977), for the climb; N. Laird, "Nonparametric maximum likelihood
//! estimation of a mixing distribution", *Journal of the American Statistical Association* 73 (1978), for time constants on a
//! grid; H. Chernoff, "On the distribution of the likelihood ratio", *Annals of Mathematical Statistics* 25 (1954), for the
//! half-normal law of its root where the drip is 0.

/// Time constants of the pools, as shares of the slowest. A pool between two rungs is a mixture of both to within 2 % of its
/// height, so that a finer ladder explains nothing more.
const LADDER: [f64; 6] = [1.0, 0.7, 0.5, 0.3, 0.15, 0.07];
/// Most rounds of a climb, and the gain of log likelihood in a round below which it ends.
const ROUNDS: (usize, f64) = (400, 1e-5);
/// Below this a density is nothing, and its logarithm would be infinite.
const NOTHING: f64 = 1e-300;

/// Arrivals in slots, and the pools and the drip that may explain them.
#[derive(Debug, Clone)]
pub struct Arrivals {
    /// Slots in which something arrived: number, in all stretches one after the other, and how much.
    busy: Vec<(usize, f64)>,
    /// The share of each pool's arrivals that falls into each slot of its own stretch.
    pools: Vec<Pool>,
    /// How many slots.
    slots: usize,
}

/// A pool: its first slot, and the share of its arrivals in each slot from there.
#[derive(Debug, Clone)]
struct Pool {
    from: usize,
    shares: Vec<f64>,
}

impl Pool {
    fn share(&self, slot: usize) -> f64 {
        slot.checked_sub(self.from).and_then(|at| self.shares.get(at)).copied().unwrap_or(0.0)
    }
}

impl Arrivals {
    /// Arrivals per slot of `slot_s` seconds, by stretch of time; pools fill with time constants up to `slowest_s`.
    pub fn new(stretches: &[Vec<f64>], slot_s: f64, slowest_s: f64) -> Self {
        let mut pools = Vec::new();
        let mut from = 0;
        for stretch in stretches.iter().filter(|stretch| !stretch.is_empty()) {
            for rung in LADDER {
                let pace = slot_s / (rung * slowest_s);
                let heights = (0..stretch.len()).map(|slot| (-(slot as f64) * pace).exp());
                let all: f64 = heights.clone().sum();
                pools.push(Pool { from, shares: heights.map(|height| height / all).collect() });
            }
            from += stretch.len();
        }
        let arrived = stretches.iter().flatten().copied().enumerate();
        Self { busy: arrived.filter(|slot| slot.1 > 0.0).collect(), pools, slots: from }
    }

    /// Twice the log likelihood that a steady drip gains over pools alone: the square of a half-normal variable where there
    /// is none.
    pub fn gain(&self) -> f64 {
        if self.busy.is_empty() {
            return 0.0;
        }
        (2.0 * (self.climb(None) - self.climb(Some(0.0)))).max(0.0)
    }

    /// What [`Self::gain`] is to be expected of an even drip of so many arrivals beside those of tonight.
    ///
    /// Source: G. Cowan, K. Cranmer, E. Gross and O. Vitells, "Asymptotic formulae for likelihood-based tests of new
    /// physics", *European Physical Journal* C 71 (2011), 3.1: the data set that is its own expectation.
    pub fn gain_with(&self, drip: f64) -> f64 {
        let mut both = vec![drip / self.slots.max(1) as f64; self.slots];
        for (slot, arrived) in &self.busy {
            both.get_mut(*slot).into_iter().for_each(|own| *own += arrived);
        }
        Self { busy: both.into_iter().enumerate().collect(), ..self.clone() }.gain()
    }

    /// The same without tonight's, for each arrival.
    pub fn gain_of_a_drip(&self) -> f64 {
        Self { busy: Vec::new(), ..self.clone() }.gain_with(1.0)
    }

    /// The same with other weights.
    pub fn scaled(&self, by: f64) -> Self {
        Self { busy: self.busy.iter().map(|slot| (slot.0, slot.1 * by)).collect(), ..self.clone() }
    }

    /// The largest drip per slot that costs at most `z^2 / 2` of log likelihood against the best one: the upper end of its
    /// one-sided profile likelihood interval.
    ///
    /// Source: D. J. Venzon and S. H. Moolgavkar, "A method for computing profile-likelihood-based confidence intervals",
    /// *Applied Statistics* 37 (1988).
    pub fn most_drip(&self, z: f64) -> f64 {
        let slots = self.slots.max(1) as f64;
        let all: f64 = self.busy.iter().map(|slot| slot.1).sum();
        let floor = self.climb(None) - z * z / 2.0;
        let (mut low, mut high) = (0.0, (all + z * z + 2.0 * z * (all + z * z).sqrt()) / slots);
        // Twelve halvings: a four-thousandth of the range.
        for _ in 0..12 {
            let middle = f64::midpoint(low, high);
            if self.climb(Some(middle)) >= floor {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// The greatest log likelihood, with the drip per slot free or given.
    fn climb(&self, given: Option<f64>) -> f64 {
        let slots = self.slots as f64;
        let all: f64 = self.busy.iter().map(|slot| slot.1).sum();
        let part = all / (self.pools.len() + 1) as f64;
        let mut sizes = vec![part.max(NOTHING); self.pools.len()];
        let mut drip = given.unwrap_or(part / slots);
        let mut before = f64::NEG_INFINITY;
        for round in 0..ROUNDS.0 {
            let mut next = vec![0.0; sizes.len()];
            let (mut dripped, mut logs) = (0.0, 0.0);
            for (slot, arrived) in &self.busy {
                let parts = self.pools.iter().zip(&sizes).map(|(pool, size)| size * pool.share(*slot));
                let whole = (drip + parts.clone().sum::<f64>()).max(NOTHING);
                logs += arrived * whole.ln();
                next.iter_mut().zip(parts).for_each(|(next, part)| *next += arrived * part / whole);
                dripped += arrived * drip / whole;
            }
            let likelihood = logs - sizes.iter().sum::<f64>() - drip * slots;
            if round > 10 && likelihood - before < ROUNDS.1 {
                return likelihood;
            }
            before = likelihood;
            sizes = next;
            if given.is_none() {
                drip = dripped / slots;
            }
        }
        before
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times within a night, as numbers of slots"
)]
mod tests {
    use super::*;

    /// Half an hour in slots of 20 s; arrivals at these seconds.
    fn arrivals(at: impl IntoIterator<Item = f64>) -> Arrivals {
        let mut slots = vec![0.0; 90];
        for at in at {
            slots[(at / 20.0) as usize] += 1.0;
        }
        Arrivals::new(&[slots], 20.0, 420.0)
    }

    /// The quantiles of a pool.
    fn filling(size: u32, tau: f64) -> impl Iterator<Item = f64> {
        (0..size).map(move |i| -tau * (1.0 - (f64::from(i) + 0.5) / f64::from(size)).ln()).filter(|at| *at < 1800.0)
    }

    fn drip(size: u32) -> impl Iterator<Item = f64> {
        (0..size).map(move |i| (f64::from(i) + 0.5) * 1800.0 / f64::from(size))
    }

    #[test]
    fn pools_of_any_pace_and_several_of_them_gain_nothing_by_a_drip() {
        for own in [arrivals(filling(40, 420.0)), arrivals(filling(60, 90.0)), arrivals([])] {
            assert!(own.gain() < 0.2, "{}", own.gain());
        }
        let two = arrivals(filling(30, 40.0).chain(filling(20, 300.0)));
        assert!(two.gain() < 0.2, "{}", two.gain());
    }

    #[test]
    fn a_drip_beside_a_pool_gains() {
        assert!(arrivals(drip(25)).gain() > 9.0);
        assert!(arrivals(drip(25).chain(filling(30, 100.0))).gain() > 6.0);
    }

    #[test]
    fn an_even_drip_gains_what_was_reckoned() {
        let own = arrivals(drip(45));
        assert!((own.gain() / 45.0 - own.gain_of_a_drip()).abs() < 0.1, "{} {}", own.gain(), own.gain_of_a_drip());
    }

    #[test]
    fn restarts_have_pools_of_their_own_and_one_drip() {
        let half = |at: Vec<f64>| {
            let mut slots = vec![0.0; 45];
            at.iter().filter(|at| **at < 900.0).for_each(|at| slots[(at / 20.0) as usize] += 1.0);
            slots
        };
        let clean = half(filling(30, 100.0).collect());
        assert!(Arrivals::new(&[clean.clone(), clean], 20.0, 420.0).gain() < 0.2);
    }

    #[test]
    fn what_a_pool_made_does_not_count_against_the_bound() {
        let per_hour = |own: &Arrivals| own.most_drip(1.645) * 180.0;
        assert!(per_hour(&arrivals(filling(30, 60.0))) < 8.0);
        let bound = per_hour(&arrivals(drip(10)));
        assert!((20.0..40.0).contains(&bound), "{bound}");
    }

    #[test]
    fn wild_figures_end() {
        for wild in [f64::NAN, f64::INFINITY, 1e300] {
            let own = Arrivals::new(&[vec![wild, 1.0, 0.0]], 20.0, 420.0);
            let _ = (own.gain(), own.most_drip(1.645));
        }
        assert!(Arrivals::new(&[], 20.0, 420.0).gain_of_a_drip().abs() < f64::EPSILON);
    }
}
