//! Memory: false alarms and power of its own rule.

use slowdrip::judge::{Evidence, Terms, judge_memory};

use crate::options::Options;
use crate::sim::{MemoryNight, MemoryShape, generator};
use crate::trial::{Tally, each};

const MIB: f64 = 1024.0 * 1024.0;

/// Prints the tables.
pub(crate) fn run(options: &Options) {
    println!(
        "Share of nights called leaks by MiB per hour, and of clean ones left undecided; what is allowed is the default.\n"
    );
    println!(
        "{:<10} {:>7} {:>9} {:>9} {:>10} {:>7} {:>7} {:>7} {:>7}",
        "shape", "minutes", "clean", "at most", "undecided", "10", "30", "100", "300"
    );
    for minutes in [20.0, 30.0, 60.0] {
        let clean: Vec<Tally> = MemoryShape::EVERYDAY.iter().map(|shape| row(options, *shape, minutes)).collect();
        let all = Tally::sum(clean);
        println!("everyday   {minutes:>7} {:>7.2} % {:>7.2} %", 100.0 * all.share(), 100.0 * all.at_most());
        row(options, MemoryShape::PageCache, minutes);
    }
}

fn row(options: &Options, shape: MemoryShape, minutes: f64) -> Tally {
    let n = options.series;
    let of = |rate: f64, n: u64| {
        let outcomes = each(n, |i| {
            let plan = MemoryNight { shape, rate, minutes, interval: [5.0, 10.0, 15.0][i as usize % 3] };
            let name = format!("{} {rate} {minutes}", shape.name());
            let mut points = plan.points(&mut generator(options.seed, &name, i));
            points.iter_mut().for_each(|point| point.1 *= MIB);
            let evidence = Evidence { points: &points, lives: None, restarts: &[], room: None };
            judge_memory(&evidence, &Terms::allowing(None)).outcome
        });
        let mut tally = Tally::default();
        outcomes.iter().for_each(|outcome| tally.add(outcome));
        tally
    };
    let clean = of(0.0, n);
    let power = [10.0, 30.0, 100.0, 300.0].map(|rate| format!("{:>7.2}", of(rate, n / 4).share()));
    println!(
        "{:<10} {minutes:>7} {:>7.2} % {:>7.2} % {:>8.1} % {}",
        shape.name(),
        100.0 * clean.share(),
        100.0 * clean.at_most(),
        100.0 * clean.undecided(),
        power.join(" ")
    );
    clean
}
