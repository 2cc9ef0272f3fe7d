//! Two Poisson rates, held against each other.

use super::gauss::upper_tail;
use super::poisson::{lower_bound, upper_bound};

/// From so many events on both sides together the normal distribution is as good as exact.
const NORMAL_FROM: u64 = 2000;
/// The chance that the common rate lies outside of the span in which the worst case is searched.
const NUISANCE: f64 = 1e-6;
/// Rates at which the worst case is searched.
const GRID: u32 = 32;

/// Events that were counted over some time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counted {
    /// How many.
    pub events: u64,
    /// Over how long, in any unit, the same on both sides; above 0.
    pub time: f64,
}

impl Counted {
    /// Events per time.
    pub fn rate(&self) -> f64 {
        self.events as f64 / self.time
    }
}

/// The chance of a difference as large as this one or larger where the first rate lies by no more than `margin` (at least 0) above
/// the second one. It justifies "grows faster than the baseline".
///
/// Source: K. Krishnamoorthy and J. Thomson, "A more powerful test for comparing two Poisson means", *Journal of Statistical
/// Planning and Inference* 119 (2004), for the statistic; R. L. Berger and D. D. Boos, "P values maximized over a confidence set for
/// the nuisance parameter", *JASA* 89 (1994), for the rate that both have in common, so that the chance is never too small.
pub fn excess(first: Counted, second: Counted, margin: f64) -> f64 {
    let seen = statistic(first.events as f64, second.events as f64, first.time, second.time, margin);
    let all = first.events.saturating_add(second.events);
    if first.rate() <= second.rate() + margin || first.events == 0 {
        return 1.0;
    }
    if all > NORMAL_FROM {
        return upper_tail(seen);
    }
    let both = first.time + second.time;
    let span = |mean: f64| ((mean - margin * first.time) / both).max(0.0);
    let (low, high) = (span(lower_bound(all, NUISANCE / 2.0)), span(upper_bound(all, NUISANCE / 2.0)));
    let most = |mean: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousands at most")]
        let most = (mean + 9.0 * (mean + 1.0).sqrt() + 20.0) as usize;
        most
    };
    // For every count of the second, from which count of the first on it is as extreme; it does not depend on the rates.
    let (rows, columns) = (most(high * second.time), most((high + margin) * first.time));
    let mut needed = Vec::with_capacity(rows);
    let mut from = 0;
    for j in 0..rows {
        while from < columns && statistic(from as f64, j as f64, first.time, second.time, margin) < seen - 1e-9 {
            from += 1;
        }
        needed.push(from);
    }
    let chance = |rate: f64| {
        let tails = tails((rate + margin) * first.time, columns);
        let beyond = needed.iter().map(|from| tails.get(*from).copied().unwrap_or(0.0));
        terms(rate * second.time).zip(beyond).map(|(term, tail)| term * tail).sum::<f64>()
    };
    let rates = (0..=GRID).map(|n| low + (high - low) * f64::from(n) / f64::from(GRID));
    (rates.map(chance).fold(0.0, f64::max) + NUISANCE).min(1.0)
}

/// The fewest events of the first side at which [`excess`] is at most `alpha`; `None`: no number that a night could hold.
pub fn least_excess(time: f64, second: Counted, margin: f64, alpha: f64) -> Option<u64> {
    const MOST: u64 = 100_000;
    let told = |events: u64| excess(Counted { events, time }, second, margin) <= alpha;
    let mut high = 4;
    while !told(high) {
        high *= 2;
        if high > MOST {
            return None;
        }
    }
    let mut low = 0;
    while high - low > 1 {
        let middle = u64::midpoint(low, high);
        if told(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// The interval of the difference of two rates, `alpha` on each side.
///
/// Source: G. Y. Zou and A. Donner, "Construction of confidence limits about effect measures: a general approach", *Statistics in
/// Medicine* 27 (2008), from the exact limits of each rate (Garwood).
pub fn difference(first: Counted, second: Counted, alpha: f64) -> (f64, f64) {
    let limits = |side: Counted| {
        (lower_bound(side.events, alpha) / side.time, side.rate(), upper_bound(side.events, alpha) / side.time)
    };
    let ((a_low, a, a_high), (b_low, b, b_high)) = (limits(first), limits(second));
    ((a - b) - (a - a_low).hypot(b_high - b), (a - b) + (a_high - a).hypot(b - b_low))
}

fn statistic(i: f64, j: f64, first: f64, second: f64, margin: f64) -> f64 {
    let excess = i / first - j / second - margin;
    let deviation = (i / first / first + j / second / second).sqrt();
    if deviation > 0.0 { excess / deviation } else { f64::NEG_INFINITY }
}

/// The chances of 0, 1, 2, … events.
fn terms(mean: f64) -> impl Iterator<Item = f64> {
    let ln_mean = mean.ln();
    let mut ln_term = -mean;
    (0_u64..).map(move |k| {
        if k > 0 {
            ln_term += ln_mean - (k as f64).ln();
        }
        ln_term.exp()
    })
}

/// The chances of at least 0, 1, 2, … events, summed from the small end.
fn tails(mean: f64, most: usize) -> Vec<f64> {
    let mut tails: Vec<f64> = terms(mean).take(most).collect();
    let mut sum = 0.0;
    for tail in tails.iter_mut().rev() {
        sum += *tail;
        *tail = f64::min(sum, 1.0);
    }
    tails
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hour(events: u64) -> Counted {
        Counted { events, time: 1.0 }
    }

    #[test]
    fn lies_between_the_normal_and_the_conditional_test() {
        // 20 events against 10 in equal times: P(Z > 10 / sqrt(30)) = 0.034, and P(Bin(30, 1/2) >= 20) = 0.049.
        let found = excess(hour(20), hour(10), 0.0);
        assert!((0.034..0.0494).contains(&found), "{found}");
    }

    #[test]
    fn never_alarms_more_often_than_it_says() {
        // The chance of a p-value of at most alpha, summed exactly, at rates that lie between those of the grid.
        let alpha = 0.003;
        for margin in [0.0, 6.0] {
            let needed: Vec<Option<u64>> = (0..60).map(|j| least_excess(1.0, hour(j), margin, alpha)).collect();
            for rate in [0.3, 1.7, 4.1, 9.3, 20.9] {
                let tails = tails(rate + margin, 400);
                let alarms: f64 = terms(rate)
                    .zip(&needed)
                    .map(|(term, from)| from.map_or(0.0, |from| term * tails[usize::try_from(from).unwrap()]))
                    .sum();
                assert!(alarms <= alpha, "{rate} with {margin}: {alarms}");
            }
        }
    }

    #[test]
    fn a_clean_baseline_needs_some_events_and_a_leaking_one_more() {
        let needed = [0, 5, 20, 100].map(|k| least_excess(1.0, hour(k), 0.0, 3e-4).unwrap());
        assert!((8..=13).contains(&needed[0]), "{needed:?}");
        assert!(needed.is_sorted() && needed[3] > 140 && needed[3] < 170, "{needed:?}");
        assert!(least_excess(1.0, hour(0), 10.0, 3e-4).unwrap() > needed[0] + 8);
    }

    #[test]
    fn what_is_fewer_is_not_more() {
        for (a, b) in [(0, 0), (0, 9), (5, 5), (3, 80)] {
            assert!((excess(hour(a), hour(b), 0.0) - 1.0).abs() < 1e-9);
        }
        assert!(excess(Counted { events: 10, time: 2.0 }, hour(5), 0.0) > 0.99);
    }

    #[test]
    fn the_interval_of_a_difference_closes_in_on_it() {
        let (low, high) = difference(hour(0), hour(0), 0.025);
        assert!((low + 3.689).abs() < 0.001 && (high - 3.689).abs() < 0.001);
        let (low, high) = difference(hour(400), hour(100), 0.025);
        assert!(low > 250.0 && high < 350.0 && low < 300.0 && high > 300.0, "{low} {high}");
    }

    #[test]
    fn thousands_of_events_are_told_at_once() {
        let found = excess(hour(2200), hour(2000), 0.0);
        assert!((found - upper_tail(200.0 / 4200.0_f64.sqrt())).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn more_events_are_never_less_of_an_excess(a in 0_u64..120, b in 0_u64..120, margin in 0.0..20.0_f64) {
            let (fewer, more) = (excess(hour(a), hour(b), margin), excess(hour(a + 1), hour(b), margin));
            prop_assert!(more <= fewer + 2e-3, "{a} against {b}: {fewer} then {more}");
            prop_assert!((0.0..=1.0).contains(&fewer));
        }
    }
}
