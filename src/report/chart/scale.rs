//! Round figures for axes.

use crate::model::Unit;

/// The figures of a value axis, the lowest first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    /// Where the lines of the grid are.
    pub(crate) ticks: Vec<f64>,
    /// What they count in.
    pub(crate) unit: Unit,
}

impl Scale {
    /// A scale that holds `low` to `high` with about `most` lines. It begins at zero, unless the figures are bytes that stay
    /// far above it: a leak of a few MiB could not be seen over an application of a GiB.
    pub(crate) fn new(low: f64, high: f64, unit: Unit, most: usize) -> Self {
        let (low, high) = (low.min(high).max(0.0), high.max(0.0));
        let far = unit == Unit::Bytes && low > 0.5 * high;
        let base = if far { low } else { 0.0 };
        let parts = f64::from(u32::try_from(most.max(1)).unwrap_or(4));
        let step = match unit {
            Unit::Count => decimal_step(((high - base) / parts).max(0.5)),
            Unit::Bytes => binary_step(((high - base) / parts).max(high / 64.0).max(1.0)),
        };
        let first = if far { (base / step).floor() } else { 0.0 };
        let mut last = (high / step).ceil().max(first + 1.0);
        // A level of one or two would lie on the topmost line and not be seen.
        if unit == Unit::Count && high > 0.0 && high <= 2.0 && last <= high {
            last += 1.0;
        }
        let mut ticks = Vec::new();
        let mut n = first;
        while n <= last && ticks.len() < 64 {
            ticks.push(n * step);
            n += 1.0;
        }
        Self { ticks, unit }
    }

    /// The lowest and the highest figure.
    pub(crate) fn span(&self) -> (f64, f64) {
        (self.ticks.first().copied().unwrap_or(0.0), self.ticks.last().copied().unwrap_or(1.0))
    }
}

/// The next 1, 2 or 5 times a power of ten, never below 1 (nobody counts half descriptors).
fn decimal_step(at_least: f64) -> f64 {
    let mut power = 1.0;
    loop {
        for factor in [1.0, 2.0, 5.0] {
            if factor * power >= at_least || power > 1e15 {
                return factor * power;
            }
        }
        power *= 10.0;
    }
}

/// The next power of two.
fn binary_step(at_least: f64) -> f64 {
    let mut step = 1.0;
    while step < at_least && step < 1e18 {
        step *= 2.0;
    }
    step
}

/// Times in seconds with their labels, at most `most` beside the zero, and what the labels count: minutes, or hours where a night
/// is long.
pub(super) fn times(from: f64, to: f64, most: usize) -> (Vec<(f64, String)>, &'static str) {
    const STEPS: [f64; 12] = [5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0];
    let parts = f64::from(u32::try_from(most.max(1)).unwrap_or(4));
    let (unit, name) = if to - from > 14_400.0 { (3600.0, "h") } else { (60.0, "min") };
    // A little slack, so that 29 min 55 s still gets its mark at 15.
    let least = (to - from) / (parts + 0.2);
    let step = STEPS.into_iter().find(|step| *step >= least).unwrap_or_else(|| decimal_step(least / unit) * unit);
    let label = |n: f64| (n * step, format!("{}", (n * step / unit * 100.0).round() / 100.0 + 0.0));
    let mut ticks = Vec::new();
    let mut n = (from / step).ceil();
    // A last mark that the night falls just short of is still its end.
    while n * step - to <= 0.05 * step && ticks.len() < 32 {
        ticks.push(label(n));
        n += 1.0;
    }
    (ticks, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(from: f64, to: f64, most: usize) -> Vec<String> {
        times(from, to, most).0.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn counts_begin_at_zero_and_end_on_a_round_figure() {
        assert_eq!(Scale::new(3.0, 285.0, Unit::Count, 3).ticks, [0.0, 100.0, 200.0, 300.0]);
        assert_eq!(Scale::new(0.0, 0.0, Unit::Count, 3).ticks, [0.0, 1.0]);
        assert_eq!(Scale::new(0.0, 9.0, Unit::Count, 2).ticks, [0.0, 5.0, 10.0]);
    }

    #[test]
    fn memory_far_above_zero_does_not_begin_there() {
        let mib = 1024.0 * 1024.0;
        let scale = Scale::new(307.0 * mib, 406.0 * mib, Unit::Bytes, 3);
        assert_eq!(scale.ticks, [256.0 * mib, 320.0 * mib, 384.0 * mib, 448.0 * mib]);
        assert_eq!(Scale::new(1.0 * mib, 40.0 * mib, Unit::Bytes, 3).span().0.to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn times_are_round_minutes() {
        assert_eq!(labels(0.0, 1800.0, 3), ["0", "10", "20", "30"]);
        assert_eq!(labels(0.0, 1795.0, 2), ["0", "15", "30"]);
        assert_eq!(labels(0.0, 0.0, 3), ["0"]);
        assert_eq!(labels(0.0, 75.0, 3), ["0", "0.5", "1"]);
        assert_eq!(labels(0.0, 57.0 * 3600.0, 2), ["0", "50"]);
        assert_eq!(times(0.0, 57.0 * 3600.0, 2).1, "h");
    }
}
