//! Dead handles: a drip too slow for any count, seen by the first handle that can never be of use again.

use slowdrip::judge::judge;
use slowdrip::model::{DeadHandle, DeadKind, FdClass, ProcId, Verdict};

use crate::made;
use crate::options::Options;
use crate::sim::{LeakKind, generator, leak};
use crate::trial::each;

/// Leaked handles per hour.
const RATE: f64 = 3.6;
const INTERVAL: f64 = 5.0;

/// Prints the table.
pub(crate) fn run(options: &Options) {
    println!(
        "{RATE} pidfds per hour leak, each dead from its first snapshot on; one that stays dead fails the night.\n"
    );
    println!("{:>7} {:>8} {:>8}", "minutes", "nights", "FAIL");
    let rules = made::rules("classes: {fd.pidfd: {max_dead: 0}}");
    for minutes in [10.0, 20.0, 30.0, 60.0] {
        let n = options.series / 4;
        let failed = each(n, |i| {
            let end = minutes * 60.0;
            let mut rng = generator(options.seed, "dead", i);
            let born = leak(LeakKind::Poisson, RATE, end, &mut rng);
            let looks = (1..=(end / INTERVAL) as u32).map(|seq| {
                let at_s = f64::from(seq) * INTERVAL;
                let open = (0_u32..).zip(&born).filter(|handle| handle.1.0 <= at_s);
                let dead: Vec<DeadHandle> = open
                    .map(|(fd, handle)| {
                        let first = (handle.0 / INTERVAL).ceil().max(1.0);
                        DeadHandle {
                            process: ProcId { pid: 1, start: 1 },
                            fd: Some(fd),
                            kind: DeadKind::PidfdTargetGone,
                            first_ms: (first * INTERVAL * 1000.0) as u64,
                            survived: seq - first as u32 + 1,
                            detail: "Pid: -1".to_owned(),
                        }
                    })
                    .collect();
                let held = [(FdClass::Pidfd, 3 + dead.len() as u64)];
                slowdrip::model::Snapshot { dead, ..made::snapshot(seq, at_s, vec![made::process(1, &held)]) }
            });
            let looks: Vec<_> = looks.collect();
            judge(made::recorded(&made::record(end, INTERVAL), &looks), &rules).verdict == Verdict::Fail
        });
        let seen = failed.iter().filter(|failed| **failed).count();
        println!("{minutes:>7} {n:>8} {:>8.3}", seen as f64 / n as f64);
    }
}
