//! What slowdrip itself uses over a soak of many processes.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use slowdrip::model::{Phase, Scope, Snapshot};
use slowdrip::probe::{Depth, ProcRoot, Sampler};

use crate::holder::{Holder, cpu_s, descriptors, ready_until_end, role, status_kib};

/// How many processes are looked at.
const PROCESSES: usize = 100;
/// How many descriptors each of them holds.
const EACH: usize = 100;
/// Looks back to back.
const LOOKS: u32 = 60;
/// Looks of the soak that the figures stand for: every 5 seconds for half an hour.
const SOAK_LOOKS: f64 = 360.0;
/// Its length, seconds.
const SOAK_S: f64 = 1800.0;

/// Prints the table. With `--full` beside `soak`, slowdrip itself soaks the processes for half an hour.
pub(crate) fn run() {
    match role().as_deref() {
        Some("family") => return family(),
        Some(_) => return hold(),
        None => {}
    }
    let target = Holder::start("soak", "family");
    if std::env::args().any(|argument| argument == "--full") {
        full(target.pid());
    } else {
        brief(target.pid());
    }
}

/// The first process of the target, and its children.
fn family() {
    let _held = descriptors(EACH);
    let _children: Vec<Holder> = (1..PROCESSES).map(|_| Holder::start("soak", "child")).collect();
    ready_until_end();
}

fn hold() {
    let _held = descriptors(EACH);
    ready_until_end();
}

fn counted(snapshot: &Snapshot) -> (usize, u64) {
    let held = snapshot.processes.iter().filter_map(|process| process.fds.value());
    (snapshot.processes.len(), held.map(|census| census.total).sum())
}

/// Looks back to back, in this process.
fn brief(pid: u32) {
    let mut sampler = Sampler::new(ProcRoot::system(), Scope::Descent { pid });
    sampler.check().unwrap();
    let mut line = Vec::new();
    let mut look = |seq: u32| {
        let depth = if seq == 0 { Depth::Full } else { Depth::Light };
        let at_ms = u64::from(seq) * 5000;
        let snapshot = sampler.snapshot(seq, at_ms, jiff::Timestamp::now(), Phase::Soak, depth);
        // What a night writes at every look is part of what the look costs.
        line.clear();
        serde_json::to_writer(&mut line, &snapshot).unwrap();
        snapshot
    };
    for seq in 0..5 {
        look(seq);
    }
    let (begun, cpu_before) = (Instant::now(), cpu_s());
    let snapshots: Vec<(usize, u64)> = (5..5 + LOOKS).map(|seq| counted(&look(seq))).collect();
    let cpu = (cpu_s() - cpu_before) / f64::from(LOOKS);
    let wall = begun.elapsed().as_secs_f64() / f64::from(LOOKS);
    let (processes, total) = snapshots.last().copied().unwrap_or_default();
    let peak = status_kib(std::process::id(), "VmHWM").unwrap_or_default();
    println!("{processes} processes with {total} descriptors in all, {LOOKS} looks back to back.\n");
    println!("| Figure | Value | Allowed |");
    println!("| --- | ---: | ---: |");
    println!("| CPU time of one look, its line written | {:.2} ms | |", cpu * 1e3);
    println!("| Wall time of one look | {:.2} ms | |", wall * 1e3);
    println!("| One core, at a look every 5 s | {:.2} % | 1 % |", 100.0 * cpu * SOAK_LOOKS / SOAK_S);
    println!("| Peak memory of this process | {:.1} MiB | 64 MiB |", mib(peak));
    println!(
        "\nThe looks are not spread over half an hour: the share is the CPU time of one look, times {SOAK_LOOKS} looks, of \
         {SOAK_S} s. `-- soak --full` soaks in earnest."
    );
}

/// slowdrip itself, for half an hour.
fn full(pid: u32) {
    let folder = tempfile::tempdir().unwrap();
    let scenario = format!("name: long\ntarget: {{pid: {pid}}}\nsoak: {{duration: 30m, interval: 5s, settle: 0m}}\n");
    std::fs::write(folder.path().join("long.yaml"), scenario).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_slowdrip"));
    command.args(["run", "long.yaml"]).current_dir(folder.path());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (begun, mut peak, mut cpu) = (Instant::now(), 0, 0.0);
    while child.try_wait().unwrap().is_none() {
        // The peak only grows, so that the last one that is read is the highest; so is the CPU time.
        peak = status_kib(child.id(), "VmHWM").unwrap_or(peak);
        cpu = cpu_of(child.id()).unwrap_or(cpu);
        std::thread::sleep(Duration::from_millis(200));
    }
    let length = begun.elapsed().as_secs_f64();
    let looks = looks(folder.path());
    println!(
        "slowdrip from its start to its report: {length:.0} s, {looks} looks at {PROCESSES} processes with {} descriptors.\n",
        PROCESSES * EACH
    );
    println!("| Figure | Value | Allowed |");
    println!("| --- | ---: | ---: |");
    println!("| One core | {:.2} % | 1 % |", 100.0 * cpu / length);
    println!("| Peak memory of slowdrip | {:.1} MiB | 64 MiB |", mib(peak));
}

/// CPU time of a process, user and kernel, seconds: fields 14 and 15 of its `stat`, see proc_pid_stat(5).
fn cpu_of(pid: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    // USER_HZ, 100 on every architecture that Linux runs on today but alpha.
    Some(ticks / 100.0)
}

/// How many snapshots a night wrote.
fn looks(folder: &std::path::Path) -> usize {
    let runs = std::fs::read_dir(folder.join("reports/long")).into_iter().flatten().flatten();
    let samples = runs.filter_map(|run| std::fs::read_to_string(run.path().join("samples.jsonl")).ok());
    samples.map(|text| text.lines().count()).max().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
