//! The scan of descriptors against the bare system calls and the procfs crate.

use std::hint::black_box;
use std::mem::MaybeUninit;

use rustix::fs::{CWD, Mode, OFlags, RawDir, openat, readlinkat_raw};
use rustix::time::{ClockId, clock_gettime};
use slowdrip::probe::ProcRoot;
use slowdrip::probe::scan::Scanner;

use crate::holder::{Holders, held_by_role};

/// Processes, descriptors in each, and how many times faster than the procfs crate the scan must be.
const CASES: &[(usize, usize, f64)] = &[(1, 10_000, 1.3), (50, 200, 1.5), (500, 20, 1.5), (50, 2000, 1.3)];

/// What the scan may cost, of the bare system calls.
const OVER_FLOOR: f64 = 1.10;

/// Rounds of a case with 10,000 descriptors. One with more has fewer.
const ROUNDS: usize = 60;

const FEWEST_ROUNDS: usize = 15;

/// Rounds that are not counted: caches warm up, names become known.
const WARM_UP: usize = 3;

/// Prints the table.
pub(crate) fn run() {
    if held_by_role() {
        return;
    }
    if cfg!(debug_assertions) {
        println!("Not optimised: these figures mean nothing. Use `cargo bench`.\n");
    }
    println!(
        "CPU time of the calling thread, up to {ROUNDS} rounds of one turn each. All times are medians of one turn through \
         all processes, all ratios medians over the rounds.\n"
    );
    println!("| processes × descriptors | floor | scan | procfs | scan / floor | target | procfs / scan | target |");
    println!("| --- | --: | --: | --: | --: | --: | --: | --: |");
    for &(processes, descriptors, faster) in CASES {
        case(processes, descriptors, faster);
    }
}

fn case(processes: usize, descriptors: usize, faster: f64) {
    let holders = Holders::start("scan", processes, descriptors);
    let pids = holders.pids();
    let folders: Vec<String> = pids.iter().map(|pid| format!("/proc/{pid}/fd")).collect();
    let root = ProcRoot::system();
    let mut scanner = Scanner::default();
    let (mut floor_us, mut scan_us, mut procfs_us) = (Vec::new(), Vec::new(), Vec::new());
    let rounds = (ROUNDS * 10_000 / (processes * descriptors)).max(FEWEST_ROUNDS);
    for round in 0..WARM_UP + rounds {
        let mut floor_turn = || folders.iter().map(|folder| floor(folder)).sum();
        let mut scan_turn = || pids.iter().map(|pid| scan(&root, *pid, &mut scanner)).sum();
        let mut procfs_turn = || pids.iter().map(|pid| procfs_fd(*pid)).sum();
        let mut turns: [(&mut dyn FnMut() -> usize, &mut Vec<f64>); 3] =
            [(&mut floor_turn, &mut floor_us), (&mut scan_turn, &mut scan_us), (&mut procfs_turn, &mut procfs_us)];
        // Nobody is always the first.
        turns.rotate_left(round % 3);
        for (turn, times) in turns {
            let begun = cpu_us();
            let counted = turn();
            let taken = cpu_us() - begun;
            assert_eq!(counted, processes * descriptors, "a descriptor was missed");
            if round >= WARM_UP {
                times.push(taken);
            }
        }
    }
    let ratio = |a: &[f64], b: &[f64]| median(a.iter().zip(b).map(|(a, b)| a / b).collect());
    println!(
        "| {processes} × {descriptors} | {:.0} µs | {:.0} µs | {:.0} µs | {:.2} | ≤ {OVER_FLOOR:.2} | {:.2} | ≥ {faster:.1} |",
        median(floor_us.clone()),
        median(scan_us.clone()),
        median(procfs_us.clone()),
        ratio(&scan_us, &floor_us),
        ratio(&procfs_us, &scan_us),
    );
}

/// The bare system calls, into buffers on the stack.
fn floor(folder: &str) -> usize {
    let folder =
        openat(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).expect("a folder");
    let mut listing = [MaybeUninit::<u8>::uninit(); 8 * 1024];
    let mut link = [MaybeUninit::<u8>::uninit(); 4096];
    let mut counted = 0;
    let mut entries = RawDir::new(&folder, &mut listing);
    while let Some(entry) = entries.next() {
        let entry = entry.expect("an entry");
        if entry.file_name().to_bytes().starts_with(b".") {
            continue;
        }
        let (link, _) = readlinkat_raw(&folder, entry.file_name(), &mut link).expect("a link");
        black_box(link);
        counted += 1;
    }
    counted
}

/// What a look does.
fn scan(root: &ProcRoot, pid: u32, scanner: &mut Scanner) -> usize {
    let dir = root.open(pid).expect("a process");
    let census = black_box(scanner.scan(&dir, "").expect("a census"));
    usize::try_from(census.total).expect("a number")
}

/// What the procfs crate does.
fn procfs_fd(pid: u32) -> usize {
    let process = procfs::process::Process::new(i32::try_from(pid).expect("a pid")).expect("a process");
    let mut counted = 0;
    for fd in process.fd().expect("a list") {
        black_box(fd.expect("a descriptor"));
        counted += 1;
    }
    counted
}

/// CPU time that this thread has used, microseconds.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn cpu_us() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
