//! What the slowest pool costs: false alarms on slow pools against power.

use slowdrip::judge::Pools;

use crate::options::Options;
use crate::sim::{Identity, LeakKind, Plan, Shape};
use crate::trial::{Tally, tally};

/// Prints the curve.
pub(crate) fn run(options: &Options) {
    println!("30 min at 5 s, identity known. `slow pools`: clean, filling with a time constant of 3 to 7 min.\n");
    println!("{:>7} {:>6} {:>11} {:>9} {:>7} {:>7}", "tau s", "z", "slow pools", "at most", "10/h", "50/h");
    let n = options.series;
    for (slowest_s, z) in [
        (240.0, 2.33),
        (300.0, 1.75),
        (360.0, 1.75),
        (420.0, 1.28),
        (420.0, 1.75),
        (420.0, 2.33),
        (480.0, 1.75),
        (600.0, 1.75),
    ] {
        let pools = Pools { slowest_s, z, ..Pools::default() };
        let of = |shape, rate, n| {
            tally(n, options.seed, pools, |i| {
                let kind = LeakKind::MIX[i as usize % 4];
                Plan { shape, rate, kind, minutes: 30.0, interval: 5.0, identity: Identity::Unique }
            })
        };
        let slow = of(Shape::WarmSlow, 0.0, n);
        let power =
            [10.0, 50.0].map(|rate| Tally::sum(Shape::EVERYDAY.map(|shape| of(shape, rate, (n / 10).max(4)))).share());
        println!(
            "{slowest_s:>7} {z:>6} {:>9.2} % {:>7.2} % {:>7.3} {:>7.3}",
            100.0 * slow.share(),
            100.0 * slow.at_most(),
            power[0],
            power[1]
        );
    }
}
