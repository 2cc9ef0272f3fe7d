//! How often the rule for change points marks a change where there is none, and how often it sees one.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Exp1, Normal, Poisson, StudentT};
use slowdrip::stats::change::{Worth, shifts};

/// Worth a mark whatever its size: the noise alone decides.
const ANY: Worth = Worth { amount: 0.02, share: 0.0 };
/// As the trend has it for what is counted.
const THINGS: Worth = Worth { amount: 2.0, share: 0.05 };

/// Draws the next night; the figure is that of the night before.
type Next = fn(&mut ChaCha8Rng, f64) -> f64;

fn normal(dice: &mut ChaCha8Rng) -> f64 {
    Normal::new(0.0, 1.0).map_or(0.0, |normal| normal.sample(dice))
}

const NOISES: [(&str, Worth, Next); 6] = [
    ("normal", ANY, |dice, _| normal(dice)),
    ("counts of 4 (Poisson)", THINGS, |dice, _| Poisson::new(4.0).map_or(0.0, |poisson| poisson.sample(dice))),
    ("mostly none, 0.05 (Poisson)", THINGS, |dice, _| Poisson::new(0.05).map_or(0.0, |poisson| poisson.sample(dice))),
    ("heavy tails (t, 4)", ANY, |dice, _| StudentT::new(4.0).map_or(0.0, |t| t.sample(dice))),
    ("skewed (exponential)", ANY, |dice, _| Exp1.sample(dice)),
    ("correlated (AR 0.5)", ANY, |dice, last| 0.5 * last + normal(dice)),
];

/// Prints the tables.
pub(crate) fn run() {
    println!("Series without a change that get a mark, per mille; in brackets: on the last two nights.\n");
    println!("| noise | 8 nights | 20 | 60 | 365 |\n| --- | --: | --: | --: | --: |");
    for (name, worth, next) in NOISES {
        let row: Vec<String> = [8, 20, 60, 365].map(|nights| alarms(nights, worth, next)).into();
        println!("| {name} | {} |", row.join(" | "));
    }
    println!("\nA change of so many standard deviations that is seen, percent, normal noise.\n");
    println!("| change | 20 nights | 60 | 365 |\n| --- | --: | --: | --: |");
    for (by, after) in [(6.0, 1), (10.0, 1), (4.0, 3), (6.0, 3), (4.0, 5), (3.0, 10)] {
        let row: Vec<String> = [20, 60, 365].map(|nights| power(nights, by, after)).into();
        println!("| {by} sd in the last {after} | {} |", row.join(" | "));
    }
}

fn series(seed: u64, nights: usize, next: Next) -> Vec<f64> {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut last = 0.0;
    let draw = |_| {
        last = next(&mut dice, last);
        last
    };
    (0..nights).map(draw).collect()
}

fn alarms(nights: usize, worth: Worth, next: Next) -> String {
    let of = if nights > 100 { 4000 } else { 20_000 };
    let (mut any, mut last) = (0_u32, 0_u32);
    for seed in 0..of {
        let found = shifts(&series(seed, nights, next), worth);
        any += u32::from(!found.is_empty());
        last += u32::from(found.iter().any(|shift| shift.at + 2 >= nights));
    }
    let per_mille = |count: u32| 1000.0 * f64::from(count) / of as f64;
    format!("{:.2} ({:.2})", per_mille(any), per_mille(last))
}

fn power(nights: usize, by: f64, after: usize) -> String {
    let of = 2000;
    let seen = (0..of).filter(|seed| {
        let mut values = series(*seed, nights, |dice, _| normal(dice));
        values.iter_mut().rev().take(after).for_each(|value| *value += by);
        shifts(&values, ANY).iter().any(|shift| shift.at.abs_diff(nights - after) <= 1)
    });
    format!("{:.0}", 100.0 * seen.count() as f64 / of as f64)
}
