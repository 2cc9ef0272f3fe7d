//! Chance that can be had again: the same seed gives the same figures.

use std::time::Duration;

/// SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, doi 10.1145/2660193.2660195. Good enough
/// for shapes, and for nothing that must not be guessed.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Evenly from 0 (included) to 1 (excluded).
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Evenly between two times.
    pub(super) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        least.saturating_add(most.saturating_sub(least).mul_f64(self.unit()))
    }

    /// Exponentially distributed, by inversion.
    pub(super) fn exponential(&mut self, mean: Duration) -> Duration {
        // One minus the figure is never zero: the logarithm is at least that of 2^-53, some -37.
        mean.mul_f64(-(1.0 - self.unit()).ln())
    }

    /// Gamma distributed with shape 2, the sum of two exponential ones: irregular, and seldom much too soon.
    pub(super) fn gamma2(&mut self, mean: Duration) -> Duration {
        self.exponential(mean / 2).saturating_add(self.exponential(mean / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_figures_are_those_of_the_reference() {
        // As the reference implementation (Vigna, splitmix64.c) gives them for the seed 1234567.
        let mut dice = Dice::new(1_234_567);
        assert_eq!([dice.bits(), dice.bits()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn means_are_what_they_should_be() {
        let mut dice = Dice::new(7);
        let second = Duration::from_secs(1);
        let mut mean = |draw: fn(&mut Dice, Duration) -> Duration| {
            (0..20_000).map(|_| draw(&mut dice, second).as_secs_f64()).sum::<f64>() / 20_000.0
        };
        assert!((mean(Dice::exponential) - 1.0).abs() < 0.03);
        assert!((mean(Dice::gamma2) - 1.0).abs() < 0.03);
        assert!((mean(|dice, most| dice.between(Duration::ZERO, most)) - 0.5).abs() < 0.02);
    }
}
