//! Power: leaking nights that are called so.

use slowdrip::judge::Pools;

use crate::options::Options;
use crate::sim::{Identity, LeakKind, Plan, Shape};
use crate::trial::{Tally, tally};

/// Prints the tables.
pub(crate) fn run(options: &Options) {
    let n = (options.series / 8).max(4);
    let nights = |shape: Shape, rate: f64, minutes: f64, interval: f64, identity: Identity, kinds: &[LeakKind]| {
        tally(n, options.seed, Pools::default(), |i| {
            let kind = kinds[i as usize % kinds.len()];
            Plan { shape, rate, kind, minutes, interval, identity }
        })
    };
    let mixed = |rate, minutes, interval, identity, kinds: &[LeakKind]| {
        Tally::sum(Shape::EVERYDAY.map(|shape| nights(shape, rate, minutes, interval, identity, kinds))).share()
    };
    println!("Share of leaking nights called leaks, over the everyday backgrounds and four kinds of leaks alike.\n");
    println!("{:<8} {:<9} {:>8} {:>8} {:>8} {:>8}", "minutes", "identity", "3.6/h", "10/h", "50/h", "300/h");
    for minutes in [20.0, 30.0, 60.0] {
        for identity in Identity::ALL {
            let power = [3.6, 10.0, 50.0, 300.0].map(|rate| mixed(rate, minutes, 5.0, identity, &LeakKind::MIX));
            println!("{minutes:<8} {:<9} {}", identity.name(), shares(&power));
        }
    }
    let long = Tally::sum(Shape::EVERYDAY.map(|shape| {
        let n = (n / 10).max(4);
        tally(n, options.seed, Pools::default(), |i| Plan {
            shape,
            rate: 3.6,
            kind: LeakKind::MIX[i as usize % 4],
            minutes: 240.0,
            interval: 15.0,
            identity: Identity::Unique,
        })
    }));
    println!("{:<8} {:<9} {:>8.3}   (at 15 s)", 240, "unique", long.share());
    println!("\n30 min, identity known, by interval:");
    for interval in [5.0, 10.0, 15.0, 30.0] {
        let power = [10.0, 50.0, 300.0].map(|rate| mixed(rate, 30.0, interval, Identity::Unique, &LeakKind::MIX));
        println!("{interval:>6} s {:<9} {:>8} {}", "", "", shares(&power));
    }
    println!("\n30 min at 5 s, identity known, by kind of leak:");
    for kind in LeakKind::MIX.into_iter().chain(LeakKind::APART) {
        let power = [10.0, 50.0, 300.0].map(|rate| mixed(rate, 30.0, 5.0, Identity::Unique, &[kind]));
        println!("{:<18} {:>8} {}", kind.name(), "", shares(&power));
    }
    println!("\n30 min at 5 s, identity known, by background:");
    for shape in Shape::ALL {
        let power =
            [10.0, 50.0, 300.0].map(|rate| nights(*shape, rate, 30.0, 5.0, Identity::Unique, &LeakKind::MIX).share());
        println!("{:<18} {:>8} {}", shape.name(), "", shares(&power));
    }
}

fn shares(all: &[f64]) -> String {
    all.iter().map(|share| format!("{share:>8.3}")).collect::<Vec<_>>().join(" ")
}
