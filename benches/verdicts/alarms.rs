//! False alarms: clean nights that are called leaks, and clean nights that are left undecided.

use slowdrip::judge::Pools;

use crate::options::Options;
use crate::sim::{Identity, LeakKind, Plan, Shape};
use crate::trial::{Tally, tally};

const INTERVALS: [f64; 3] = [5.0, 10.0, 15.0];

/// Prints the tables.
pub(crate) fn run(options: &Options) {
    println!("Clean nights, intervals of 5, 10 and 15 s in turn. `at most`: one-sided exact 95 % bound.\n");
    for identity in Identity::ALL {
        table(options, identity, 30.0, options.series);
    }
    for minutes in [20.0, 60.0] {
        table(options, Identity::Unique, minutes, options.series / 8);
    }
    println!("30 min at 30 s, identity known:");
    let n = options.series / 8;
    let all = Shape::EVERYDAY
        .map(|shape| tally(n, options.seed, Pools::default(), |_| plan(shape, 30.0, 30.0, Identity::Unique)));
    row("everyday", &Tally::sum(all));
}

fn plan(shape: Shape, minutes: f64, interval: f64, identity: Identity) -> Plan {
    Plan { shape, rate: 0.0, kind: LeakKind::Poisson, minutes, interval, identity }
}

fn table(options: &Options, identity: Identity, minutes: f64, n: u64) {
    println!("{minutes} min, identity {}:", identity.name());
    println!("{:<14} {:>8} {:>9} {:>9} {:>10}", "shape", "nights", "LEAK", "at most", "undecided");
    let of = |shape: &Shape| {
        let n = if Shape::EVERYDAY.contains(shape) { n } else { n / 2 };
        let own =
            tally(n, options.seed, Pools::default(), |i| plan(*shape, minutes, INTERVALS[(i % 3) as usize], identity));
        row(shape.name(), &own);
        own
    };
    let everyday: Vec<Tally> = Shape::EVERYDAY.iter().map(of).collect();
    let harder: Vec<Tally> = Shape::HARDER.iter().map(of).collect();
    // Their cycles are declared, as they should be.
    for shape in &Shape::CYCLES {
        of(shape);
    }
    row("everyday, all", &Tally::sum(everyday));
    row("harder, all", &Tally::sum(harder));
    println!();
}

fn row(name: &str, own: &Tally) {
    println!(
        "{name:<14} {:>8} {:>7.2} % {:>7.2} % {:>8.1} %",
        own.of,
        100.0 * own.share(),
        100.0 * own.at_most(),
        100.0 * own.undecided()
    );
}
