use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, Normal, Poisson, StudentT};

use super::*;

const THINGS: Worth = Worth { amount: 2.0, share: 0.05 };
const BYTES: Worth = Worth { amount: 1.0, share: 0.05 };

fn places(values: &[f64], worth: Worth) -> Vec<usize> {
    shifts(values, worth).iter().map(|shift| shift.at).collect()
}

fn level(of: f64, nights: usize) -> Vec<f64> {
    vec![of; nights]
}

/// A level with one handle more or less.
fn to_and_fro(of: f64, nights: usize) -> Vec<f64> {
    (0..nights).map(|night| of + [0.0, 1.0, 0.0, -1.0, 1.0, 0.0, 0.0][night % 7]).collect()
}

#[test]
fn a_level_that_stays_has_no_change() {
    assert_eq!(shifts(&[], THINGS), []);
    assert_eq!(shifts(&[1.0, 900.0], THINGS), []);
    assert_eq!(shifts(&level(7.0, 365), THINGS), []);
    assert_eq!(shifts(&to_and_fro(7.0, 365), THINGS), []);
    assert_eq!(shifts(&[f64::NAN; 40], THINGS), []);
}

#[test]
fn a_last_night_beyond_all_before_is_a_change_after_five_nights() {
    for before in [5, 6, 12, 59, 364] {
        let values = [level(0.0, before), level(118.0, 1)].concat();
        assert_eq!(shifts(&values, THINGS), [Shift { at: before, before: 0.0, after: 118.0 }], "{before}");
    }
    assert_eq!(shifts(&[level(0.0, 4), level(118.0, 1)].concat(), THINGS), []);
    // Another two of a few that come and go are none.
    assert_eq!(shifts(&[to_and_fro(7.0, 40), level(9.0, 1)].concat(), THINGS), []);
    // Nor is what was there before, once.
    let spiked = [level(0.0, 20), level(118.0, 1), level(0.0, 20), level(118.0, 1)].concat();
    assert_eq!(shifts(&spiked, THINGS), []);
}

#[test]
fn a_change_is_found_at_its_night_and_its_end_too() {
    let risen = [to_and_fro(12.0, 17), to_and_fro(17.0, 43)].concat();
    assert_eq!(places(&risen, THINGS), [17]);
    let bump = [to_and_fro(7.0, 33), to_and_fro(16.0, 5), to_and_fro(7.0, 22)].concat();
    assert_eq!(places(&bump, THINGS), [33, 38]);
    let two = [to_and_fro(0.0, 30), level(118.0, 2)].concat();
    assert_eq!(places(&two, THINGS), [30]);
    for nights in 3..8 {
        let recent = [to_and_fro(0.0, 30), to_and_fro(40.0, nights)].concat();
        assert_eq!(places(&recent, THINGS), [30], "{nights}");
    }
    let fallen = [level(402e6, 20), level(356e6, 20)].concat();
    assert_eq!(places(&fallen, BYTES), [20]);
}

#[test]
fn a_single_odd_night_is_no_change_and_hides_none() {
    let mut values = [to_and_fro(12.0, 30), to_and_fro(22.0, 30)].concat();
    values[11] = 118.0;
    values[44] = 0.0;
    assert_eq!(places(&values, THINGS), [30]);
}

#[test]
fn what_is_not_worth_a_mark_gets_none_however_sure_it_is() {
    assert_eq!(shifts(&[level(300.0, 90), level(303.0, 90)].concat(), THINGS), []);
    assert_eq!(shifts(&[level(0.0, 90), level(1.0, 90)].concat(), THINGS), []);
}

/// Series without a change that get a mark, of `of`, and of those the ones with a mark on the last night.
fn alarms(of: u64, nights: usize, worth: Worth, mut next: impl FnMut(&mut ChaCha8Rng) -> f64) -> (usize, usize) {
    let found: Vec<Vec<usize>> = (0..of)
        .map(|seed| {
            let mut dice = ChaCha8Rng::seed_from_u64(seed);
            places(&(0..nights).map(|_| next(&mut dice)).collect::<Vec<_>>(), worth)
        })
        .filter(|places| !places.is_empty())
        .collect();
    let last = found.iter().filter(|places| places.iter().any(|at| at + 2 >= nights)).count();
    (found.len(), last)
}

#[test]
fn noise_without_a_change_gets_hardly_ever_a_mark() {
    // Bounds, not rates: docs/statistics.md has those, of many more series.
    let quiet = Worth { amount: 0.02, share: 0.0 };
    for nights in [8, 20, 60, 120] {
        let series = 1500;
        let normal = Normal::new(0.0, 1.0).unwrap();
        let pool = Poisson::new(4.0).unwrap();
        let tails = StudentT::new(4.0).unwrap();
        assert!(alarms(series, nights, quiet, |dice| normal.sample(dice)).0 <= 3);
        assert!(alarms(series, nights, THINGS, |dice| pool.sample(dice)).0 <= 3);
        assert!(alarms(series, nights, quiet, |dice| tails.sample(dice)).0 <= 6);
        assert!(alarms(series, nights, quiet, |dice| Exp1.sample(dice)).0 <= 6);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn stationary_noise_of_any_scale_is_no_change(seed in any::<u64>(), nights in 6_usize..200, level in 0.0..1e9_f64, share in 0.0..0.3_f64) {
        // What one seed in five thousand may do, a hundred will hardly ever: a mark here must be of a size that is no noise.
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let normal = Normal::new(level, level * share).unwrap();
        let values: Vec<f64> = (0..nights).map(|_| normal.sample(&mut dice)).collect();
        for shift in shifts(&values, BYTES) {
            prop_assert!((shift.after - shift.before).abs() >= 2.0 * level * share);
        }
    }

    #[test]
    fn a_clear_step_is_found_wherever_it_is(seed in any::<u64>(), before in 10_usize..80, after in 3_usize..80, up in any::<bool>()) {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let normal = Normal::new(1000.0, 5.0).unwrap();
        let by = if up { 100.0 } else { -100.0 };
        let values: Vec<f64> = (0..before + after).map(|night| normal.sample(&mut dice) + if night < before { 0.0 } else { by }).collect();
        prop_assert_eq!(places(&values, BYTES), vec![before]);
    }

    #[test]
    fn any_figures_are_borne(values in prop::collection::vec(any::<f64>(), 0..60)) {
        for shift in shifts(&values, THINGS) {
            prop_assert!(shift.at > 0 && shift.at < values.len());
        }
    }

    #[test]
    fn scale_and_sign_do_not_matter(seed in any::<u64>(), nights in 6_usize..80) {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let jumps = Poisson::new(0.4).unwrap();
        let mut level = 0.0;
        let values: Vec<f64> = (0..nights).map(|n| { if n % 13 == 12 { level += 20.0 * jumps.sample(&mut dice); } level + jumps.sample(&mut dice) }).collect();
        let one = places(&values, Worth { amount: 2.0, share: 0.0 });
        let flipped: Vec<f64> = values.iter().map(|value| value * -1024.0).collect();
        prop_assert_eq!(one, places(&flipped, Worth { amount: 2048.0, share: 0.0 }));
    }
}
