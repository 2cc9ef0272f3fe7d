//! Whole nights: how often a clean one fails, and what it costs to judge a large one.

use std::collections::BTreeMap;

use rand::Rng as _;
use slowdrip::judge::{Outcome, Pools, judge};
use slowdrip::model::{FdClass, Turnover};

use crate::made;
use crate::options::Options;
use crate::sim::{Identity, LeakKind, Plan, Shape, generator};
use crate::trial::{each, judged, upper};

const CLASSES: u64 = 20;

/// Prints the figures.
pub(crate) fn run(options: &Options) {
    alarms(options);
    cost();
}

/// Every class of a night has an everyday shape of its own, and identity as its kind of handle has it.
fn alarms(options: &Options) {
    let n = options.series / 2;
    let failed = each(n, |i| {
        (0..CLASSES).any(|class| {
            let own = i * CLASSES + class;
            let mut rng = generator(options.seed, "night", own);
            let shape = Shape::EVERYDAY[rng.random_range(0..Shape::EVERYDAY.len())];
            let identity = Identity::ALL[rng.random_range(0..Identity::ALL.len())];
            let plan = Plan { shape, rate: 0.0, kind: LeakKind::Poisson, minutes: 30.0, interval: 5.0, identity };
            judged(&plan, Pools::default(), options.seed ^ 1, own).outcome == Outcome::Leaks
        })
    });
    let failed = failed.iter().filter(|failed| **failed).count() as u64;
    println!(
        "{n} clean nights of {CLASSES} classes, 30 min at 5 s: {failed} failed, {:.2} %, at most {:.2} %.",
        100.0 * failed as f64 / n as f64,
        100.0 * upper(failed, n)
    );
}

const SNAPSHOTS: u32 = 360;
const PROCESSES: u32 = 500;

/// A large night, with one socket and one pipe of each process replaced in each snapshot.
fn cost() {
    let held: Vec<(FdClass, u64)> = FdClass::ALL.iter().map(|class| (*class, 2)).collect();
    let all = u64::from(PROCESSES);
    let night: Vec<_> = (0..SNAPSHOTS)
        .map(|seq| {
            let processes = (1..=PROCESSES).map(|pid| made::process(pid, &held)).collect();
            let mut look = made::snapshot(seq, f64::from(seq) * 5.0, processes);
            look.turnover =
                held.iter().map(|(class, _)| (*class, turnover(*class, seq, all))).collect::<BTreeMap<_, _>>();
            look
        })
        .collect();
    let named = FdClass::ALL.iter().map(|class| format!("fd.{}", class.name()));
    let names: Vec<String> = ["fd.total", "proc.count", "proc.threads", "mem.anon", "mem.rss"]
        .map(str::to_owned)
        .into_iter()
        .chain(named)
        .collect();
    let more =
        (names.len()..40).map(|i| format!("  proc.own_{i}: {{match_cmdline: \"app\", max_growth_per_hour: 0}}\n"));
    let text: String = names.iter().map(|name| format!("  {name}: {{max_growth_per_hour: 0}}\n")).chain(more).collect();
    let rules = made::rules(&format!("classes:\n{text}"));
    let before = peak_mib();
    let begun = std::time::Instant::now();
    let found = judge(made::recorded(&made::record(1800.0, 5.0), &night), &rules);
    println!(
        "{SNAPSHOTS} snapshots of {PROCESSES} processes, {} classes: judged in {:.2} s, {:.0} MiB above the {before:.0} MiB \
         of the night itself; {}.",
        rules.classes.len(),
        begun.elapsed().as_secs_f64(),
        peak_mib() - before,
        found.verdict.word()
    );
}

fn turnover(class: FdClass, seq: u32, processes: u64) -> Turnover {
    let all = 2 * processes;
    let replaced = if matches!(class, FdClass::Socket | FdClass::Pipe) { processes } else { 0 };
    match seq.checked_sub(1) {
        None => Turnover { born: all, died: BTreeMap::new(), survived: 0, unsure: 0 },
        Some(before) if replaced > 0 => {
            Turnover { born: replaced, died: BTreeMap::from([(before, replaced)]), survived: all - replaced, unsure: 0 }
        }
        Some(_) => Turnover { born: 0, died: BTreeMap::new(), survived: all, unsure: 0 },
    }
}

/// The most memory that this process ever had, MiB; not a number where the kernel does not tell.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().map_or(f64::NAN, |kib| kib / 1024.0)
}
