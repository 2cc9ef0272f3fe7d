//! The trend of 365 nights of 20 scenarios with 15 classes each, and of 10,000 runs of one scenario.

use std::collections::BTreeMap;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Normal};
use slowdrip::model::{HistoryClass, HistoryLine, RUN_FORMAT, Status, Unit, Verdict};
use slowdrip::report;

use crate::timed;

const CLASSES: [&str; 15] = [
    "fd.total",
    "fd.eventpoll",
    "fd.eventfd",
    "fd.socket",
    "fd.pipe",
    "fd.pidfd",
    "fd.sqlite_db",
    "fd.sqlite_wal",
    "fd.log",
    "fd.inotify",
    "fd.timerfd",
    "proc.count",
    "proc.threads",
    "mem.anon",
    "mem.rss",
];
/// 22 November 2026, 02:00 UTC.
const LAST_S: i64 = 1_795_312_800;
const DAY_S: i64 = 86_400;

/// Prints the figures. Where `SLOWDRIP_PAGES_DIR` names a folder, the page is written there, to be opened in a browser.
pub(crate) fn run() {
    let Ok(now) = jiff::Timestamp::from_second(LAST_S + 4 * 3600) else { return };
    let year: Vec<HistoryLine> = (0..20).flat_map(|scenario| history(scenario, 365, DAY_S)).collect();
    // A month of pages is kept, and half a year of failures.
    let kept = |line: &HistoryLine| {
        let days = (LAST_S - line.started.as_second()) / DAY_S;
        days < if line.verdict == Verdict::Fail { 180 } else { 30 }
    };
    let render = |lines: &[HistoryLine], kept: &dyn Fn(&HistoryLine) -> bool| {
        report::index(lines, &BTreeMap::new(), kept, now).unwrap_or_default()
    };
    let page = timed::print("365 nights of 20 scenarios, 15 classes", 1000, || render(&year, &kept));
    println!("index.html {} bytes (target 1500000)", page.len());
    let all = render(&year, &|_| true);
    println!("index.html {} bytes where every page is kept", all.len());
    if let Ok(dir) = std::env::var("SLOWDRIP_PAGES_DIR") {
        let path = std::path::Path::new(&dir).join("index-365x20.html");
        println!(
            "{}",
            std::fs::write(&path, page).map_or_else(|error| error.to_string(), |()| path.display().to_string())
        );
    }
    let many = history(0, 10_000, DAY_S / 30);
    let page = timed::print("10,000 runs of one scenario", 1000, || render(&many, &kept));
    println!("index.html {} bytes", page.len());
}

/// Runs with everyday noise, a few changes of level, and a leak in some of them.
fn history(scenario: u64, runs: i64, every_s: i64) -> Vec<HistoryLine> {
    let mut dice = ChaCha8Rng::seed_from_u64(scenario);
    let name = format!("scenario-{scenario:02}");
    let mut lines = Vec::new();
    for ago in (0..runs).rev() {
        if dice.random_bool(0.02) {
            continue;
        }
        let Ok(started) = jiff::Timestamp::from_second(LAST_S - ago * every_s) else { continue };
        let build = (runs - ago) / 17;
        let leaks = scenario.is_multiple_of(5) && build > 0 && build % 7 == 0;
        let verdict = match dice.random_range(0..20) {
            _ if leaks => Verdict::Fail,
            0 => Verdict::Inconclusive,
            _ => Verdict::Pass,
        };
        let known = verdict == Verdict::Pass && build % 5 == 4;
        let classes = CLASSES.iter().enumerate().map(|(n, class)| {
            let base = 8.0 + n as f64 + if build % 11 > 5 { 5.0 * (n % 3) as f64 } else { 0.0 };
            let breaks = leaks && n < 4;
            let unit = if class.starts_with("mem.") { Unit::Bytes } else { Unit::Count };
            let noise = dice.random_range(0..3);
            let level = match unit {
                Unit::Count => base + f64::from(noise) + if breaks { 120.0 } else { 0.0 },
                Unit::Bytes => Normal::new(3.6e8, 6e6).map_or(3.6e8, |normal| normal.sample(&mut dice)),
            };
            let kept = HistoryClass {
                unit,
                level: Some(level),
                rate: Some(if breaks { 290.0 + f64::from(noise) } else { 0.0 }),
                seen: Some(23.0),
                dead: if breaks { 118 } else { 0 },
                status: Some(if breaks { Status::Breaks } else { Status::Holds }),
            };
            ((*class).to_owned(), kept)
        });
        let print = || vec![format!("{scenario:08x}")];
        lines.push(HistoryLine {
            format: RUN_FORMAT,
            run: format!("{}-{:04x}", started.strftime("%Y%m%d-%H%M%S"), scenario),
            scenario: name.clone(),
            started,
            soaked_s: 1800.0,
            snapshots: 360,
            verdict,
            reason: match verdict {
                Verdict::Pass => "Nothing dripped in 15 classes".to_owned(),
                Verdict::Fail => {
                    "4 rules are broken: fd.total holds 356 at the end (91 allowed); fd.eventpoll holds 116".to_owned()
                }
                Verdict::Inconclusive => "the workload did not run: searches counted 12 of 400".to_owned(),
            },
            image: Some(format!("sha256:{build:064x}")),
            labels: BTreeMap::from([("version".to_owned(), format!("1.{build}.0"))]),
            kernel: "6.18.4".to_owned(),
            machine: "x86_64, 2 CPUs, 8 GiB".to_owned(),
            engine: "28.5.1".to_owned(),
            thresholds_digest: "cd".repeat(32),
            scenario_digest: "ab".repeat(32),
            classes: classes.collect(),
            broken: if leaks || known { print() } else { Vec::new() },
            acknowledged: if known { print() } else { Vec::new() },
            causes: if leaks { vec!["An event loop is made and never closed".to_owned()] } else { Vec::new() },
            work: Default::default(),
        });
    }
    lines
}
