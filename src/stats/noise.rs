//! How much a figure moves from night to night by itself, and whether a change is more than that.
//!
//! Nights are compared in pairs, so it is the movement from one night to the next that is measured, not the spread of all of
//! them: a level that was higher for good from some night on moved once, and the noise around it is what it was before.

use super::order::median;
use super::{gauss, poisson, student};

/// The fewest past nights that tell any noise: four movements, whose middle two say how far a figure usually moves.
pub const FEWEST_NIGHTS: usize = 5;

/// The median of the absolute values of a normal variable, times this, is its standard deviation.
///
/// Source: F. R. Hampel, "The influence curve and its role in robust estimation", *JASA* 69 (1974).
const NORMAL: f64 = 1.482_602_218_505_602;
/// The one-sided level of the floor of counts.
const FLOOR_LEVEL: f64 = 0.05;
/// More movement than this says by its median how far a count moves; the bound on its mean is not needed.
const MOST_MOVED: f64 = 60.0;
/// Most degrees of freedom: the tails of real figures are heavier than those of the normal distribution, however many nights
/// there are.
const MOST_FREEDOM: u32 = 8;

/// The least deviation that a change between two nights is taken to have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Floor {
    /// Of things that are counted: what was never seen to move may still move by a handle or two.
    Counted,
    /// So much, in the figure's unit; above zero.
    Of(f64),
}

/// What past nights say of the change from one night to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// The standard deviation of a change between two nights, in the figure's unit.
    pub deviation: f64,
    /// Degrees of freedom of Student's t; `None`: the figure did not move, and the deviation is the floor.
    freedom: Option<u32>,
    /// The second largest movement between two past nights that followed each other.
    seen: f64,
}

impl Noise {
    /// From the figures of past nights, oldest first. `None` with fewer than [`FEWEST_NIGHTS`] finite values.
    ///
    /// The deviation is 1.4826 times the median of the absolute movements, and at least the floor. The floor of counts is that
    /// of a Poisson process: the square root of the upper 95 % bound (Garwood) of the mean movement, the largest movement
    /// left out, and at least 1.
    pub fn between(values: &[f64], floor: Floor) -> Option<Self> {
        let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        if values.len() < FEWEST_NIGHTS {
            return None;
        }
        let mut moves: Vec<f64> = values.iter().zip(values.iter().skip(1)).map(|(a, b)| (b - a).abs()).collect();
        let estimated = NORMAL * median(&moves)?;
        moves.sort_by(f64::total_cmp);
        let least = match floor {
            Floor::Counted => counted(&moves),
            Floor::Of(least) => least,
        };
        // Half the movements: their median is about half as good an estimate as their squares would be, and two that follow
        // each other share a night. Found by simulation, see the test of false alarms.
        let freedom = u32::try_from(moves.len().div_ceil(2)).unwrap_or(MOST_FREEDOM).min(MOST_FREEDOM);
        Some(Self {
            deviation: estimated.max(least),
            freedom: (estimated > 0.0).then_some(freedom),
            seen: moves.iter().rev().nth(1).copied().unwrap_or(0.0),
        })
    }

    /// A change in standard deviations.
    pub fn score(&self, change: f64) -> f64 {
        change / self.deviation
    }

    /// The chance of a change at least so large, up or down, between two nights that do not differ. 1 for a change no larger
    /// than the second largest that past nights show: what comes in bursts moves twice for each, there and back, and a
    /// figure that is higher for good since some night moved only once.
    pub fn chance(&self, change: f64) -> f64 {
        if change.abs() <= self.seen {
            return 1.0;
        }
        let score = self.score(change).abs();
        let tail = self.freedom.map_or_else(|| gauss::upper_tail(score), |freedom| student::upper_tail(score, freedom));
        (2.0 * tail).min(1.0)
    }
}

/// The floor of counts, from their movements in ascending order.
fn counted(moves: &[f64]) -> f64 {
    let usual = moves.split_last().map_or(moves, |(_, usual)| usual);
    let moved: f64 = usual.iter().sum();
    if moved > MOST_MOVED {
        return 1.0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a few hundred")]
    let events = moved.round() as u64;
    (poisson::upper_bound(events, FLOOR_LEVEL) / usual.len().max(1) as f64).max(1.0).sqrt()
}

/// Which of several chances are too small to be chance, so that with probability `1 - alpha` none of them is taken for more
/// than it is, however the figures hang together.
///
/// Source: S. Holm, "A simple sequentially rejective multiple test procedure", *Scandinavian Journal of Statistics* 6 (1979).
pub fn holm(chances: &[f64], alpha: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..chances.len()).collect();
    let chance = |at: usize| chances.get(at).copied().unwrap_or(1.0);
    order.sort_by(|a, b| chance(*a).total_cmp(&chance(*b)));
    let mut beyond = vec![false; chances.len()];
    for (done, at) in order.iter().enumerate() {
        let left = (chances.len() - done) as f64;
        // Not `>`: a chance that is no number is no evidence.
        let small = chance(*at) * left <= alpha;
        if !small {
            break;
        }
        beyond.get_mut(*at).into_iter().for_each(|it| *it = true);
    }
    beyond
}

/// How much the lowest value of a stretch moves from one stretch to the next within a night, as a standard deviation: `points`
/// are seconds and values in ascending order, cut into stretches of `stretch_s` seconds from `from_s` on. `None` with fewer
/// than three stretches that have a value.
pub fn within(points: &[(f64, f64)], from_s: f64, stretch_s: f64) -> Option<f64> {
    let mut lowest: Vec<(f64, f64)> = Vec::new();
    for (at, value) in points.iter().filter(|point| point.0 >= from_s && point.1.is_finite()) {
        let stretch = ((at - from_s) / stretch_s.max(f64::MIN_POSITIVE)).floor();
        match lowest.last_mut() {
            Some((last, low)) if (*last - stretch).abs() < 0.5 => *low = low.min(*value),
            Some(_) | None => lowest.push((stretch, *value)),
        }
    }
    if lowest.len() < 3 {
        return None;
    }
    let moves: Vec<f64> = lowest.iter().zip(lowest.iter().skip(1)).map(|(a, b)| (b.1 - a.1).abs()).collect();
    // A movement is the difference of two values, each with the deviation that is asked for.
    median(&moves).map(|middle| NORMAL * middle / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use rand_distr::{Distribution as _, Normal, Poisson};

    use super::*;

    #[test]
    fn movements_count_and_a_level_that_stays_higher_moved_once() {
        let steady = [4.0, 5.0, 4.0, 5.0, 4.0, 54.0, 55.0, 54.0, 55.0];
        let noise = Noise::between(&steady, Floor::Counted).unwrap();
        assert!(noise.deviation > 1.4 && noise.deviation < 2.0, "{}", noise.deviation);
        assert!((noise.seen - 1.0).abs() < 1e-12, "the step of 50 is the one that may be larger");
        assert!(noise.chance(1.0) >= 1.0 && noise.chance(40.0) < 1e-4);
    }

    #[test]
    fn fewer_than_five_nights_tell_no_noise() {
        assert_eq!(Noise::between(&[1.0, 2.0, 3.0, 4.0], Floor::Counted), None);
        assert_eq!(Noise::between(&[1.0, 2.0, f64::NAN, 3.0, 4.0], Floor::Counted), None);
        assert!(Noise::between(&[1.0; 5], Floor::Counted).is_some());
    }

    #[test]
    fn what_never_moved_has_the_floor_for_its_deviation() {
        let noise = Noise::between(&[4.0; 10], Floor::Counted).unwrap();
        assert!((noise.deviation - 1.0).abs() < 1e-12 && noise.freedom.is_none());
        assert!(noise.chance(1.0) > 0.3 && noise.chance(-4.0) < 1e-4);
    }

    #[test]
    fn a_burst_that_came_before_is_noise_when_it_comes_again() {
        let bursts = [0.0, 0.0, 0.0, 8.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let noise = Noise::between(&bursts, Floor::Counted).unwrap();
        assert!(noise.chance(8.0) >= 1.0 && noise.chance(20.0) < 1e-4);
    }

    #[test]
    fn holm_lets_pass_what_the_number_of_figures_explains() {
        assert_eq!(holm(&[0.03, 0.001, 0.02], 0.05), [true, true, true]);
        assert_eq!(holm(&[0.03, 0.03, 0.02], 0.05), [false, false, false]);
        assert_eq!(holm(&[0.9, 0.001, f64::NAN], 0.05), [false, true, false]);
        assert!(holm(&[], 0.05).is_empty());
    }

    #[test]
    fn a_night_tells_how_far_its_floor_wanders() {
        let points: Vec<(f64, f64)> =
            (0..360_u32).map(|n| (f64::from(n) * 5.0, f64::from(n % 7) + f64::from(n / 60 % 2) * 4.0)).collect();
        let spread = within(&points, 600.0, 300.0).unwrap();
        assert!((spread - NORMAL * 4.0 / std::f64::consts::SQRT_2).abs() < 1e-9, "{spread}");
        assert_eq!(within(&points, 1500.0, 300.0), None);
        assert_eq!(within(&[], 0.0, 300.0), None);
    }

    /// How often two nights that do not differ are told apart, of families of 15 figures at a level of 1 %.
    fn false_alarms(nights: usize, floor: Floor, mut draw: impl FnMut() -> f64) -> f64 {
        const FAMILIES: u32 = 400;
        let mut alarms = 0_u32;
        for _ in 0..FAMILIES {
            let chances: Vec<f64> = (0..15)
                .map(|_| {
                    let values: Vec<f64> = (0..nights).map(|_| draw()).collect();
                    let change = draw() - values.last().unwrap();
                    Noise::between(&values, floor).unwrap().chance(change)
                })
                .collect();
            alarms += u32::from(holm(&chances, 0.01).contains(&true));
        }
        f64::from(alarms) / f64::from(FAMILIES)
    }

    #[test]
    fn false_alarms_stay_near_the_level_whatever_the_noise_looks_like() {
        let mut dice = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        for nights in [5, 12] {
            let normal = Normal::new(0.0, 1.0).unwrap();
            let rate = false_alarms(nights, Floor::Of(1e-6), || normal.sample(&mut dice));
            assert!(rate <= 0.045, "normal, {nights} nights: {rate}");
            for mean in [0.1, 1.0, 5.0] {
                let poisson = Poisson::new(mean).unwrap();
                let rate = false_alarms(nights, Floor::Counted, || poisson.sample(&mut dice));
                assert!(rate <= 0.045, "poisson {mean}, {nights} nights: {rate}");
            }
            let rate = false_alarms(nights, Floor::Counted, || f64::from(dice.random_range(0..2_u32)) * 3.0);
            assert!(rate <= 0.045, "one of two levels, {nights} nights: {rate}");
        }
    }
}
