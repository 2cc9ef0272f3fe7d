//! Whether two things step together.

use crate::stats::binomial::tail_at_least;
use crate::stats::gauss::upper_tail;

/// When something grew: its steps within the time that was judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Track {
    /// Seconds since the soak began and size, in ascending order.
    pub(super) steps: Vec<(f64, f64)>,
    /// The time that was judged, seconds since the soak began.
    pub(super) from_s: f64,
    pub(super) to_s: f64,
}

/// How far two tracks go together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Beat {
    /// Steps of the first that coincide with one of the second, of all its steps.
    pub(super) hits: (u64, u64),
    /// The smaller of both shares of coinciding steps, 0 to 1.
    pub(super) share: f64,
    /// The chance that as many coincide though neither knows of the other.
    pub(super) chance: f64,
    /// True where there are steps all the time, so that to coincide means nothing.
    pub(super) crowded: bool,
    /// True where both come as by a clock: then either all coincide or none.
    pub(super) clocks: bool,
    /// Correlation of the rises, window by window, with the chance of it; only where it is crowded, `None` where they hardly vary.
    pub(super) swing: Option<(f64, f64)>,
}

/// Steps fill so much of the time that to coincide means nothing.
const CROWDED: f64 = 0.6;
/// Gaps that vary by less than this share of their mean are those of a clock.
const CLOCK: f64 = 0.25;
/// Fewest steps of a clock.
const CLOCK_STEPS: usize = 4;
/// Fewest windows of a correlation.
const WINDOWS: usize = 8;

impl Track {
    /// A track of steps in any order; what is not a finite number is left out.
    pub(super) fn of(steps: impl IntoIterator<Item = (f64, f64)>, from_s: f64, to_s: f64) -> Self {
        let fits = |step: &(f64, f64)| step.0.is_finite() && step.1.is_finite() && step.1 > 0.0;
        let mut steps: Vec<(f64, f64)> = steps.into_iter().filter(fits).collect();
        steps.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { steps, from_s, to_s }
    }

    /// All that it rose by.
    pub(super) fn rise(&self) -> f64 {
        self.steps.iter().map(|step| step.1).sum()
    }

    fn within(&self, from_s: f64, to_s: f64) -> Self {
        let inside = self.steps.iter().copied().filter(|step| step.0 >= from_s && step.0 <= to_s);
        Self { steps: inside.collect(), from_s, to_s }
    }

    /// The step that is nearest to a moment, where one is within `slot_s`.
    fn near(&self, at_s: f64, slot_s: f64) -> Option<(f64, f64)> {
        let after = self.steps.partition_point(|step| step.0 < at_s);
        let beside = [after.checked_sub(1), Some(after)].into_iter().flatten();
        let apart = |step: &(f64, f64)| (step.0 - at_s).abs();
        beside
            .filter_map(|at| self.steps.get(at).copied())
            .filter(|step| apart(step) <= slot_s + 1e-9)
            .min_by(|a, b| apart(a).total_cmp(&apart(b)))
    }

    /// The share of the time that lies within `slot_s` of a step: the chance that a step of another coincides by itself.
    fn covered(&self, slot_s: f64) -> f64 {
        let span = self.to_s - self.from_s;
        if !(span.is_finite() && span > 0.0) {
            return 1.0;
        }
        let (mut covered, mut until) = (0.0, self.from_s);
        for step in &self.steps {
            let (from, to) = ((step.0 - slot_s).max(until), (step.0 + slot_s).min(self.to_s));
            covered += (to - from).max(0.0);
            until = until.max(to);
        }
        (covered / span).clamp(0.0, 1.0)
    }

    /// True where its steps come as by a clock.
    fn is_clock(&self) -> bool {
        let gaps: Vec<f64> = self.steps.iter().zip(self.steps.iter().skip(1)).map(|(a, b)| b.0 - a.0).collect();
        if self.steps.len() < CLOCK_STEPS {
            return false;
        }
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let spread = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        spread <= CLOCK * mean
    }

    /// The rises in windows of `width` seconds.
    fn windows(&self, width: f64, count: usize) -> Vec<f64> {
        let mut sums = vec![0.0; count];
        for step in &self.steps {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
            let at = (((step.0 - self.from_s) / width) as usize).min(count.saturating_sub(1));
            if let Some(sum) = sums.get_mut(at) {
                *sum += step.1;
            }
        }
        sums
    }
}

/// How far two tracks go together in the time that both were judged. `None` where one of them has no step there.
pub(super) fn beat(a: &Track, b: &Track, slot_s: f64) -> Option<Beat> {
    let (from_s, to_s) = (a.from_s.max(b.from_s), a.to_s.min(b.to_s));
    let (a, b) = (a.within(from_s, to_s), b.within(from_s, to_s));
    if a.steps.is_empty() || b.steps.is_empty() {
        return None;
    }
    let hits = |one: &Track, other: &Track| {
        let hits = one.steps.iter().filter(|step| other.near(step.0, slot_s).is_some()).count();
        (hits as u64, one.steps.len() as u64)
    };
    let share = |hits: (u64, u64)| hits.0 as f64 / hits.1 as f64;
    let (ab, ba) = (hits(&a, &b), hits(&b, &a));
    let (by_a, by_b) = (a.covered(slot_s), b.covered(slot_s));
    // Of two clocks either every step coincides or none: that is one draw, and not many.
    let clocks = a.is_clock() && b.is_clock();
    let chance =
        if clocks { by_a.max(by_b) } else { tail_at_least(ab.0, ab.1, by_b).max(tail_at_least(ba.0, ba.1, by_a)) };
    let crowded = by_a.max(by_b) > CROWDED;
    let swing = if crowded { swing(&a, &b, slot_s) } else { None };
    Some(Beat { hits: ab, share: share(ab).min(share(ba)), chance, crowded, clocks, swing })
}

/// Correlation of the rises of two tracks of the same time, and the chance of one as large (Fisher's z).
fn swing(a: &Track, b: &Track, slot_s: f64) -> Option<(f64, f64)> {
    let width = 2.0 * slot_s;
    let span = a.to_s - a.from_s;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    let count = ((span / width) as usize).min(100_000);
    if count < WINDOWS {
        return None;
    }
    let (x, y) = (a.windows(width, count), b.windows(width, count));
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let (mean_x, mean_y) = (mean(&x), mean(&y));
    let sum = |of: &mut dyn Iterator<Item = f64>| of.sum::<f64>();
    let var_x = sum(&mut x.iter().map(|it| (it - mean_x).powi(2)));
    let var_y = sum(&mut y.iter().map(|it| (it - mean_y).powi(2)));
    // Rises that are all but even have nothing to swing with.
    let even = |var: f64, mean: f64| var / count as f64 <= (CLOCK * mean).powi(2);
    if even(var_x, mean_x) || even(var_y, mean_y) {
        return None;
    }
    let both = sum(&mut x.iter().zip(&y).map(|(x, y)| (x - mean_x) * (y - mean_y)));
    let r = (both / (var_x * var_y).sqrt()).clamp(-0.999_999, 0.999_999);
    r.is_finite().then(|| (r, upper_tail(r.atanh() * ((count - 3) as f64).sqrt())))
}

/// The share of the first's steps that have one of the second beside them in the proportion `per`, 0 to 1.
pub(super) fn proportion(a: &Track, b: &Track, slot_s: f64, per: (f64, f64)) -> f64 {
    let (from_s, to_s) = (a.from_s.max(b.from_s), a.to_s.min(b.to_s));
    let (a, b) = (a.within(from_s, to_s), b.within(from_s, to_s));
    let fits = |step: &&(f64, f64)| {
        b.near(step.0, slot_s).is_some_and(|beside| (per.0..=per.1).contains(&(beside.1 / step.1)))
    };
    if a.steps.is_empty() { 0.0 } else { a.steps.iter().filter(fits).count() as f64 / a.steps.len() as f64 }
}

/// How far apart the courses of two rises are at most, each as a share of its own whole, 0 to 1.
pub(super) fn apart(a: &Track, b: &Track) -> f64 {
    let (from_s, to_s) = (a.from_s.max(b.from_s), a.to_s.min(b.to_s));
    let (a, b) = (a.within(from_s, to_s), b.within(from_s, to_s));
    let (whole_a, whole_b) = (a.rise(), b.rise());
    if !(whole_a > 0.0 && whole_b > 0.0 && whole_a.is_finite() && whole_b.is_finite()) {
        return 1.0;
    }
    let so_far =
        |track: &Track, at: f64| track.steps.iter().take_while(|step| step.0 <= at).map(|step| step.1).sum::<f64>();
    // Ten looks tell enough, and a step that falls just before or behind one of them weighs little.
    (1..10)
        .map(|tenth| from_s + (to_s - from_s) * f64::from(tenth) / 10.0)
        .map(|at| (so_far(&a, at) / whole_a - so_far(&b, at) / whole_b).abs())
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(at: &[f64]) -> Track {
        Track::of(at.iter().map(|at| (*at, 1.0)), 0.0, 1500.0)
    }

    #[test]
    fn steps_that_coincide_beat_chance() {
        let a = track(&[100.0, 170.0, 420.0, 600.0, 910.0, 1300.0]);
        let b = track(&[105.0, 175.0, 420.0, 605.0, 905.0, 1300.0]);
        let beat = beat(&a, &b, 20.0).unwrap();
        assert_eq!(beat.hits, (6, 6));
        assert!(beat.chance < 1e-3 && !beat.crowded, "{beat:?}");
    }

    #[test]
    fn two_clocks_of_one_pace_prove_little() {
        let a = track(&(1..24).map(|i| f64::from(i) * 60.0).collect::<Vec<_>>());
        let b = track(&(1..24).map(|i| f64::from(i) * 60.0 + 15.0).collect::<Vec<_>>());
        let beat = beat(&a, &b, 20.0).unwrap();
        assert!(beat.clocks && beat.chance > 0.5, "{beat:?}");
    }

    #[test]
    fn strangers_do_not_beat_together() {
        let a = track(&[100.0, 270.0, 420.0, 600.0, 910.0, 1300.0]);
        let b = track(&[30.0, 175.0, 330.0, 510.0, 905.0, 1200.0]);
        let beat = beat(&a, &b, 20.0).unwrap();
        assert!(beat.chance > 0.05 && beat.share < 0.5, "{beat:?}");
        assert!(super::beat(&a, &Track::default(), 20.0).is_none());
    }

    #[test]
    fn nothing_finite_is_needed() {
        let wild = Track::of([(f64::NAN, 1.0), (5.0, f64::INFINITY), (7.0, 2.0)], f64::NAN, f64::INFINITY);
        assert_eq!(wild.steps, [(7.0, 2.0)]);
        let _ = beat(&wild, &wild, 20.0);
        let _ = apart(&wild, &track(&[1.0]));
        assert!(apart(&track(&[700.0, 900.0]), &track(&[700.0, 900.0])) < 1e-9);
    }

    #[test]
    fn proportion_counts_the_steps_that_fit() {
        let a = track(&[100.0, 200.0, 300.0]);
        let b = Track::of([(100.0, 2.0), (200.0, 2.0), (300.0, 9.0)], 0.0, 1500.0);
        assert!((proportion(&a, &b, 20.0, (1.6, 2.6)) - 2.0 / 3.0).abs() < 1e-9);
    }
}
