//! How closely two quantities move together.

/// Pearson's correlation of pairs, −1 to 1; `None` with fewer than three pairs, with one that is not finite, or where either
/// side does not move.
///
/// Source: Press et al., *Numerical Recipes* (3rd ed., 2007), section 14.5, in two passes: means first, so that large levels
/// with small movements keep their digits.
pub fn pearson(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < 3 || pairs.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
        return None;
    }
    let n = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(|pair| of(pair) / n).sum::<f64>();
    let (mean_x, mean_y) = (mean(|pair| pair.0), mean(|pair| pair.1));
    // Scaled by the widest deviation, so that squares neither overflow nor vanish.
    let widest =
        |of: fn(&(f64, f64)) -> f64, mean: f64| pairs.iter().map(|pair| (of(pair) - mean).abs()).fold(0.0, f64::max);
    let (wide_x, wide_y) = (widest(|pair| pair.0, mean_x), widest(|pair| pair.1, mean_y));
    let moves = |wide: f64, mean: f64| wide.is_finite() && wide > mean.abs() * f64::EPSILON * 4.0;
    if !moves(wide_x, mean_x) || !moves(wide_y, mean_y) {
        return None;
    }
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        let (dx, dy) = ((x - mean_x) / wide_x, (y - mean_y) / wide_y);
        (xx, yy, xy) = (xx + dx * dx, yy + dy * dy, xy + dx * dy);
    }
    Some((xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn agrees_with_the_textbook() {
        // Anscombe's first quartet: 0.816 420 5 (Anscombe, "Graphs in statistical analysis", 1973).
        let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
        let pairs: Vec<(f64, f64)> = x.into_iter().zip(y).collect();
        assert!((pearson(&pairs).unwrap() - 0.816_420_5).abs() < 1e-6);
    }

    #[test]
    fn says_nothing_of_what_does_not_move() {
        assert_eq!(pearson(&[(1.0, 2.0), (2.0, 4.0)]), None);
        assert_eq!(pearson(&[(1.0, 5.0), (2.0, 5.0), (3.0, 5.0)]), None);
        assert_eq!(pearson(&[(1.0, 2.0), (f64::NAN, 4.0), (3.0, 5.0)]), None);
        assert_eq!(pearson(&[(0.1, 2.0), (0.1, 4.0), (0.1, 5.0)]), None);
    }

    proptest! {
        #[test]
        fn is_one_on_a_rising_line_whatever_its_scale(points in prop::collection::vec(-1e3_f64..1e3, 3..50), level in -1e9_f64..1e9, scale in 1e-3_f64..1e6) {
            let spread = points.iter().copied().fold(f64::MIN, f64::max) - points.iter().copied().fold(f64::MAX, f64::min);
            prop_assume!(spread > 1.0);
            let rising: Vec<(f64, f64)> = points.iter().map(|x| (*x, level + scale * 1000.0 * x)).collect();
            prop_assert!((pearson(&rising).unwrap() - 1.0).abs() < 1e-6);
            let falling: Vec<(f64, f64)> = points.iter().map(|x| (*x, level - scale * 1000.0 * x)).collect();
            prop_assert!((pearson(&falling).unwrap() + 1.0).abs() < 1e-6);
        }

        #[test]
        fn never_leaves_its_range(pairs in prop::collection::vec((any::<f64>(), any::<f64>()), 0..40)) {
            prop_assert!(pearson(&pairs).is_none_or(|r| (-1.0..=1.0).contains(&r)));
        }
    }
}
