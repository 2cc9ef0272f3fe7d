//! Cycles that a night shows by itself: the figure falls back to the same level at equal distances.

/// The figure is high above this share of its range, and low below that one: between them lies noise.
const HIGH_LOW: (f64, f64) = (0.6, 0.25);
/// Fewest falls: two equal distances between them are a cycle, one is chance.
const MIN_FALLS: usize = 3;
/// A distance may differ from the usual one by this share of it.
const REGULAR: f64 = 0.15;
/// Ranges below this are the coming and going of single handles.
const MIN_RANGE: f64 = 4.0;

/// A cycle that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cycle {
    /// Its length, seconds.
    pub(super) length_s: f64,
    /// How many falls were seen.
    pub(super) falls: usize,
}

/// Looks for a cycle among the points from `from_s` on.
pub(super) fn find(points: &[(f64, f64)], from_s: f64) -> Option<Cycle> {
    let points = points.get(points.partition_point(|point| point.0 < from_s)..)?;
    let least = points.iter().map(|point| point.1).reduce(f64::min)?;
    let range = points.iter().map(|point| point.1).reduce(f64::max)? - least;
    if range.is_nan() || range < MIN_RANGE {
        return None;
    }
    let (mut is_high, mut falls) = (false, Vec::new());
    for (at, figure) in points {
        let share = (figure - least) / range;
        if share > HIGH_LOW.0 {
            is_high = true;
        } else if share < HIGH_LOW.1 && is_high {
            is_high = false;
            falls.push(*at);
        }
    }
    let apart: Vec<f64> = falls.iter().zip(falls.iter().skip(1)).map(|(a, b)| b - a).collect();
    let length_s = crate::stats::order::median(&apart).filter(|_| falls.len() >= MIN_FALLS)?;
    let regular = apart.iter().all(|own| (own - length_s).abs() <= REGULAR * length_s);
    (regular && length_s > 0.0).then_some(Cycle { length_s, falls: falls.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saw(period: u32, of: impl Fn(u32) -> u32) -> Vec<(f64, f64)> {
        (0..360).map(|i| (f64::from(i) * 5.0, 20.0 + f64::from(of(i * 5 % period)))).collect()
    }

    #[test]
    fn finds_what_falls_back_every_six_minutes() {
        let found = find(&saw(360, |at| at / 20), 120.0).unwrap();
        assert!((found.length_s - 360.0).abs() < 10.0, "{found:?}");
        assert_eq!(found.falls, 4);
    }

    #[test]
    fn finds_nothing_in_what_is_seen_once_or_is_small() {
        assert_eq!(find(&saw(1500, |at| at / 20), 0.0), None);
        assert_eq!(find(&saw(360, |at| at / 180), 0.0), None);
        assert_eq!(find(&[], 0.0), None);
        assert_eq!(find(&[(0.0, f64::NAN), (5.0, f64::INFINITY)], 0.0), None);
    }

    #[test]
    fn irregular_falls_are_no_cycle() {
        let falls = [300.0, 420.0, 900.0, 1000.0, 1500.0];
        let points: Vec<_> = (0..360)
            .map(|i| f64::from(i) * 5.0)
            .map(|at| (at, if falls.iter().any(|fall| (at - fall).abs() < 30.0) { 40.0 } else { 5.0 }))
            .collect();
        assert_eq!(find(&points, 0.0), None);
    }
}
