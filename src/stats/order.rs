//! Medians and quantiles.

/// The values in ascending order.
fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The median, the mean of the middle two where their number is even; `None` without values.
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let last = sorted.len().checked_sub(1)?;
    Some(f64::midpoint(*sorted.get(last / 2)?, *sorted.get(sorted.len() / 2)?))
}

/// The value below which a tenth of the values lie, rounded down to a value that occurs; `None` without values.
///
/// Source: Hyndman and Fan, "Sample quantiles in statistical packages", *The American Statistician* 50 (1996); the low
/// neighbour of definition 7, so that a window's floor is a level that was really there.
pub fn low_decile(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    sorted.get(sorted.len().checked_sub(1)? / 10).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    #[test]
    fn the_low_decile_is_one_of_the_values() {
        assert_eq!(low_decile(&[]), None);
        assert_eq!(low_decile(&[5.0, 4.0]), Some(4.0));
        let many: Vec<f64> = (0..31).rev().map(f64::from).collect();
        assert_eq!(low_decile(&many), Some(3.0));
    }
}
