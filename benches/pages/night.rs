//! A night of 360 snapshots of 100 processes with 40 classes: its pages, and its comparison with another.

use std::collections::BTreeMap;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use slowdrip::judge::{history_line, judge};
use slowdrip::model::{DeadHandle, DeadKind, FdClass, HistoryLine, ProcId, StoredNight};
use slowdrip::threshold::RuleSet;
use slowdrip::{diff, report};

use crate::{made, timed};

const SNAPSHOTS: u32 = 360;
const PROCESSES: u32 = 100;
const CLASSES: usize = 40;

/// Prints the figures.
pub(crate) fn run() {
    let rules = rules();
    let (before, after) = (night(&rules, 1, false), night(&rules, 2, true));
    let history = history(&before, &rules);
    let findings = after.assessment.as_ref().map_or(0, |assessment| assessment.findings.len());
    println!(
        "{SNAPSHOTS} snapshots of {PROCESSES} processes, {CLASSES} classes, {findings} findings, {} earlier nights\n",
        history.len()
    );
    let pages = timed::print("all pages of the night", 300, || report::render(&after, Some(&before), &history));
    match pages {
        Ok(pages) => println!(
            "report.html {} bytes (target 1000000), report.md {}, junit.xml {}",
            pages.html.len(),
            pages.markdown.len(),
            pages.junit.len()
        ),
        Err(error) => println!("no pages: {error:#}"),
    }
    let found = timed::print("diff::compare of two such nights", 200, || diff::compare(&before, &after, &[]));
    println!("{} classes compared, {} breaches", found.classes.len(), found.breaches.len());
}

/// Rules of 40 classes: the built-in ones of descriptors, and one's own.
fn rules() -> RuleSet {
    let named = FdClass::ALL.iter().map(|class| format!("fd.{}", class.name()));
    let names: Vec<String> = ["fd.total", "proc.count", "proc.threads", "mem.anon", "mem.rss"]
        .map(str::to_owned)
        .into_iter()
        .chain(named)
        .collect();
    let more =
        (names.len()..CLASSES).map(|i| format!("  proc.own_{i}: {{match_cmdline: \"app\", max_growth_per_hour: 0}}\n"));
    let rule = |name: &String| format!("  {name}: {{max: 4000, max_growth_per_hour: 0}}\n");
    made::rules(&format!("classes:\n{}", names.iter().take(CLASSES).map(rule).chain(more).collect::<String>()))
}

/// A night with everyday noise; with `leak`, every twentieth process opens an eventpoll and two sockets now and then for good.
fn night(rules: &RuleSet, seed: u64, leak: bool) -> StoredNight {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut leaked = vec![0_u64; PROCESSES as usize];
    let mut dead: Vec<DeadHandle> = Vec::new();
    let snapshots = (0..SNAPSHOTS)
        .map(|seq| {
            let mut processes = Vec::new();
            for (n, leaked) in leaked.iter_mut().enumerate() {
                let pid = 1000 + n as u32;
                if leak && n % 20 == 0 && dice.random_bool(0.1) {
                    *leaked += 1;
                    dead.push(DeadHandle {
                        process: ProcId { pid, start: 1 },
                        fd: Some(100 + *leaked as u32),
                        kind: DeadKind::EventpollAbandoned,
                        first_ms: u64::from(seq) * 5000,
                        survived: 3,
                        detail: "watches two sockets".to_owned(),
                    });
                }
                let more = |class| {
                    let each = [(FdClass::Eventpoll, 1), (FdClass::Socket, 2)];
                    each.iter().find(|(leaks, _)| *leaks == class).map_or(0, |(_, each)| each * *leaked)
                };
                let held: Vec<(FdClass, u64)> =
                    FdClass::ALL.iter().map(|class| (*class, 2 + more(*class) + dice.random_range(0..3))).collect();
                let mut process = made::process(pid, &held);
                process.cmdline = format!("/usr/bin/app --worker {n} {}", "--with-an-option ".repeat(8));
                processes.push(process);
            }
            let mut look = made::snapshot(seq, f64::from(seq) * 5.0, processes);
            look.dead.clone_from(&dead);
            look
        })
        .collect();
    let mut record = made::record(1800.0, 5.0);
    record.run = format!("20260101-02000{seed}-0000");
    record.target.labels = BTreeMap::from([("version".to_owned(), format!("1.{seed}.0"))]);
    let mut night = StoredNight {
        record,
        snapshots,
        assessment: None,
        thresholds: String::new(),
        unread_lines: 0,
        evidence: Vec::new(),
        log: Vec::new(),
        figures: Vec::new(),
        probes: Vec::new(),
    };
    night.assessment = Some(judge(made::recorded(&night.record, &night.snapshots), rules));
    night
}

/// The nights of a month before.
fn history(night: &StoredNight, rules: &RuleSet) -> Vec<HistoryLine> {
    let Some(assessment) = &night.assessment else { return Vec::new() };
    let line = history_line(night.recorded(), assessment, rules);
    let at = |ago: i64| night.record.started - jiff::SignedDuration::from_hours(24 * ago);
    (1..=30).rev().map(|ago| HistoryLine { started: at(ago), run: format!("night-{ago}"), ..line.clone() }).collect()
}
