//! Whether the printed sensitivity is true: a drip of just that rate is put on the same background, and judged.

use slowdrip::judge::{Outcome, Pools};

use crate::options::Options;
use crate::sim::{Identity, LeakKind, Plan, Shape};
use crate::trial::{each, judged};

/// Prints the table.
pub(crate) fn run(options: &Options) {
    println!(
        "Power at the sensitivity that a clean night prints (9 in 10 is meant); 30 min at 5 s, drips one by one.\n"
    );
    println!("{:<14} {:>9} {:>14} {:>14}", "background", "identity", "median printed", "power there");
    for identity in [Identity::Unique, Identity::None] {
        let mut all = (0_u64, 0_u64);
        for shape in Shape::EVERYDAY {
            let plan = |rate, kind| Plan { shape, rate, kind, minutes: 30.0, interval: 5.0, identity };
            let found = each((options.series / 4).max(8), |i| {
                let clean = judged(&plan(0.0, LeakKind::Poisson), Pools::default(), options.seed, i);
                let printed = clean.estimate.and_then(|estimate| estimate.sensitivity)?;
                let leaking = judged(&plan(printed, LeakKind::Poisson), Pools::default(), options.seed, i);
                Some((printed, leaking.outcome == Outcome::Leaks))
            });
            let mut printed: Vec<f64> = found.iter().flatten().map(|one| one.0).collect();
            printed.sort_by(f64::total_cmp);
            let (seen, of) = (found.iter().flatten().filter(|one| one.1).count() as u64, printed.len() as u64);
            all = (all.0 + seen, all.1 + of);
            let median = printed.get(printed.len() / 2).copied().unwrap_or(f64::NAN);
            println!("{:<14} {:>9} {median:>12.1}/h {:>14.3}", shape.name(), identity.name(), seen as f64 / of as f64);
        }
        println!("{:<14} {:>9} {:>14} {:>14.3}\n", "all", identity.name(), "", all.0 as f64 / all.1 as f64);
    }
}
