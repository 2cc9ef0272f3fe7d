//! Several questions at once.

/// Which of several p-values are significant, so that the chance of a single false one among all of them is at most `alpha`.
///
/// Source: S. Holm, "A simple sequentially rejective multiple test procedure", *Scandinavian Journal of Statistics* 6 (1979). It
/// needs no independence: classes of one application move together.
pub fn significant(p_values: &[f64], alpha: f64) -> Vec<bool> {
    let mut order: Vec<(usize, f64)> = p_values.iter().copied().enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut found = vec![false; p_values.len()];
    let all = p_values.len();
    for (rank, (place, p)) in order.into_iter().enumerate() {
        // Written so that a p-value that is none ends it.
        if p <= alpha / (all - rank) as f64 {
            found.get_mut(place).into_iter().for_each(|found| *found = true);
        } else {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_one_question_fewer() {
        assert_eq!(significant(&[0.01, 0.04, 0.03, 0.005], 0.05), [true, false, false, true]);
        assert_eq!(significant(&[0.013, 0.012, 0.014, 0.0125], 0.05), [true, true, true, true]);
        assert_eq!(significant(&[0.02, 0.02], 0.03), [false, false]);
    }

    #[test]
    fn what_is_no_number_is_not_significant() {
        assert_eq!(significant(&[f64::NAN, 1e-9], 0.05), [false, true]);
        assert_eq!(significant(&[], 0.05), Vec::<bool>::new());
    }
}
