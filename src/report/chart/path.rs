//! Paths of bounded length with at most one decimal.

use std::fmt::Write as _;

/// A time and a value; `None` is a gap in the line, never a zero.
pub(crate) type Point = (f64, Option<f64>);

/// A figure rounded to a fraction (`10.0`: tenths), without trailing zeros.
pub(super) fn tenths(value: f64, fraction: f64) -> String {
    let rounded = (value * fraction).round() / fraction;
    // Adding zero turns a negative zero into a plain one.
    format!("{}", rounded + 0.0)
}

/// Tenths of a pixel, whole, so that relative moves never drift.
fn grain(value: f64) -> f64 {
    (value * 10.0).round()
}

fn moved(by: f64) -> String {
    tenths(by / 10.0, 10.0)
}

/// At most about `most` points that keep every peak, every valley and every gap.
pub(crate) fn thin(points: &[Point], most: usize) -> Vec<Point> {
    if points.len() <= most {
        return points.to_vec();
    }
    let size = points.len().div_ceil((most / 3).max(1));
    let mut kept = Vec::with_capacity(most);
    for chunk in points.chunks(size) {
        let with_value = || chunk.iter().enumerate().filter_map(|(n, (_, y))| y.map(|y| (n, y)));
        let lowest = with_value().min_by(|a, b| a.1.total_cmp(&b.1));
        let highest = with_value().max_by(|a, b| a.1.total_cmp(&b.1));
        let gap = chunk.iter().position(|(_, y)| y.is_none());
        let mut picked: Vec<usize> = lowest.iter().chain(&highest).map(|(n, _)| *n).chain(gap).collect();
        picked.sort_unstable();
        picked.dedup();
        kept.extend(picked.into_iter().filter_map(|n| chunk.get(n)).copied());
    }
    // The line must begin and end where the night did.
    if let Some(first) = points.first().filter(|first| !kept.contains(first)) {
        kept.insert(0, *first);
    }
    if let Some(last) = points.last().filter(|last| !kept.contains(last)) {
        kept.push(*last);
    }
    kept
}

/// A path that holds each value until the next; a lone point becomes a dot of the stroke's width.
pub(crate) fn step_path(points: &[Point]) -> String {
    let mut out = String::new();
    // Where the pen is, and how far right the last value reaches.
    let mut pen: Option<(f64, f64, f64)> = None;
    let flush = |out: &mut String, pen: Option<(f64, f64, f64)>| {
        if let Some((x, _, reach)) = pen {
            let _ = write!(out, "h{}", moved(reach - x));
        }
    };
    for (x, y) in points {
        let x = grain(*x);
        match (y.map(grain), pen) {
            (None, _) => {
                flush(&mut out, pen);
                pen = None;
            }
            (Some(y), None) => {
                let _ = write!(out, "M{} {}", moved(x), moved(y));
                pen = Some((x, y, x));
            }
            (Some(y), Some((from, level, _))) => {
                if (y - level).abs() < 0.5 {
                    pen = Some((from, level, x));
                } else {
                    let _ = write!(out, "h{}v{}", moved(x - from), moved(y - level));
                    pen = Some((x, y, x));
                }
            }
        }
    }
    flush(&mut out, pen);
    out
}

/// A path straight from point to point.
pub(super) fn straight_path(points: &[(f64, f64)], closed: bool) -> String {
    let mut out = String::new();
    let mut pen: Option<(f64, f64)> = None;
    for (x, y) in points {
        let (x, y) = (grain(*x), grain(*y));
        let _ = match pen {
            None => write!(out, "M{} {}", moved(x), moved(y)),
            Some((px, py)) => write!(out, "l{} {}", moved(x - px), moved(y - py)),
        };
        pen = Some((x, y));
    }
    if closed && !out.is_empty() {
        out.push('z');
    }
    out
}

/// Closed shapes between two lines, one for each stretch without a gap.
pub(super) fn area_path(between: &[(f64, Option<(f64, f64)>)]) -> String {
    let mut out = String::new();
    for stretch in between.split(|(_, span)| span.is_none()) {
        let spans: Vec<(f64, f64, f64)> =
            stretch.iter().filter_map(|(x, span)| span.map(|(low, high)| (*x, low, high))).collect();
        // A shape that is flat all along shows nothing.
        if spans.iter().all(|(_, low, high)| (low - high).abs() < 0.05) {
            continue;
        }
        let there = spans.iter().map(|(x, _, high)| (*x, *high));
        let back = spans.iter().rev().map(|(x, low, _)| (*x, *low));
        out.push_str(&straight_path(&there.chain(back).collect::<Vec<_>>(), true));
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_values_become_one_stroke() {
        let points = [(0.0, Some(5.0)), (1.0, Some(5.0)), (2.0, Some(5.0)), (3.0, Some(2.0)), (4.0, Some(2.0))];
        assert_eq!(step_path(&points), "M0 5h3v-3h1");
    }

    #[test]
    fn a_missing_value_interrupts_the_line() {
        let points = [(0.0, Some(5.0)), (1.0, None), (2.0, Some(5.0)), (3.0, Some(5.0))];
        assert_eq!(step_path(&points), "M0 5h0M2 5h1");
        let between = [(0.0, Some((9.0, 1.0))), (1.0, Some((9.0, 1.0))), (2.0, None), (3.0, Some((9.0, 9.0)))];
        assert_eq!(area_path(&between), "M0 1l1 0l0 8l-1 0z");
    }

    #[test]
    fn relative_moves_do_not_drift() {
        let points: Vec<Point> = (0..1000).map(|n| (f64::from(n) / 3.0, Some(f64::from(n % 2)))).collect();
        let total: f64 = step_path(&points)
            .split(['M', 'h', 'v', ' '])
            .skip(3)
            .step_by(2)
            .filter_map(|part| part.parse::<f64>().ok())
            .sum();
        assert!((total - 333.0).abs() < 0.06, "{total}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn thinning_keeps_ends_peaks_valleys_and_gaps(
            values in prop::collection::vec(prop::option::weighted(0.95, 0.0..1000.0_f64), 1..3000),
            most in 6_usize..400,
        ) {
            let points: Vec<Point> = values.iter().enumerate().map(|(n, y)| (n as f64, *y)).collect();
            let kept = thin(&points, most);
            prop_assert!(kept.len() <= points.len().min(most + 5));
            prop_assert_eq!(kept.first(), points.first());
            prop_assert_eq!(kept.last(), points.last());
            let highest = |points: &[Point]| points.iter().filter_map(|(_, y)| *y).fold(f64::MIN, f64::max);
            let lowest = |points: &[Point]| points.iter().filter_map(|(_, y)| *y).fold(f64::MAX, f64::min);
            prop_assert!(highest(&points).total_cmp(&highest(&kept)).is_eq());
            prop_assert!(lowest(&points).total_cmp(&lowest(&kept)).is_eq());
            prop_assert_eq!(points.iter().any(|p| p.1.is_none()), kept.iter().any(|p| p.1.is_none()));
            prop_assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
}
