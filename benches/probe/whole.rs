//! slowdrip as a whole process against lsof and a shell script.

use std::process::{Command, Stdio};

use crate::holder::{Holders, held_by_role};
use crate::scan::median;

const DESCRIPTORS: usize = 10_000;

/// Each of them is run so often, turn by turn.
const ROUNDS: usize = 5;

/// In each round each of them is run so often in a row: the kernel tells CPU time in hundredths of a second.
const IN_A_ROW: usize = 3;

/// What people type when descriptors run out: a histogram of the links and a count for each kind of interest.
const SCRIPT: &str = r"
ls /proc/$0/fd | wc -l
ls -l /proc/$0/fd | awk '{print $NF}' | sed -E 's/\[[0-9]+\]/[N]/g; s/[0-9]{4,}/NUM/g' | sort | uniq -c | sort -rn | head -30
for name in 'socket:*' 'pipe:*' '*eventpoll*' '*pidfd*' '*-wal' '*-shm' '*.db'; do
    find /proc/$0/fd -lname $name | wc -l
done
";

/// Prints the table.
pub(crate) fn run() {
    if held_by_role() {
        return;
    }
    println!(
        "One process with {DESCRIPTORS} descriptors. CPU time of the whole command, user and system, with all that it starts: \
         `--watch 0s` takes one look, as the others do. Ratios are medians over {ROUNDS} rounds.\n"
    );
    let holders = Holders::start("whole", 1, DESCRIPTORS);
    let pid = holders.pids().first().expect("a process").to_string();
    let quiet = |command: &mut Command| {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().map(|status| status.success())
    };
    let snapshot =
        || quiet(Command::new(env!("CARGO_BIN_EXE_slowdrip")).args(["snapshot", &pid, "--json", "--watch", "0s"]));
    let lsof = || quiet(Command::new("lsof").args(["-nP", "-p", &pid]));
    let script = || quiet(Command::new("sh").args(["-fc", SCRIPT, &pid]));
    assert!(snapshot().is_ok_and(|done| done), "slowdrip could not look at process {pid}");
    assert!(script().is_ok_and(|done| done), "the script needs sh, ls, awk, sed, sort and find");
    let has_lsof = lsof().is_ok_and(|done| done);

    let (mut own_s, mut lsof_s, mut script_s) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        own_s.push(cpu_s(|| snapshot().is_ok()));
        script_s.push(cpu_s(|| script().is_ok()));
        if has_lsof {
            lsof_s.push(cpu_s(|| lsof().is_ok()));
        }
    }
    let ratio = |other: &[f64]| median(other.iter().zip(&own_s).map(|(other, own)| other / own).collect());
    println!("| command | CPU time | against slowdrip | target |");
    println!("| --- | --: | --: | --: |");
    println!("| `slowdrip snapshot PID --json --watch 0s` | {:.0} ms | | |", median(own_s.clone()) * 1e3);
    if has_lsof {
        println!("| `lsof -nP -p PID` | {:.0} ms | {:.1} | ≥ 5 |", median(lsof_s.clone()) * 1e3, ratio(&lsof_s));
    } else {
        println!("| `lsof -nP -p PID` | lsof is not installed | | ≥ 5 |");
    }
    println!("| the shell script | {:.0} ms | {:.1} | ≥ 10 |", median(script_s.clone()) * 1e3, ratio(&script_s));
}

/// CPU time of one run, seconds, by what ended children have used.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn cpu_s(mut run: impl FnMut() -> bool) -> f64 {
    let ticks = || {
        let stat = procfs::process::Process::myself().and_then(|own| own.stat()).expect("own stat");
        stat.cutime + stat.cstime
    };
    let begun = ticks();
    for _ in 0..IN_A_ROW {
        assert!(run(), "a command did not start");
    }
    (ticks() - begun) as f64 / procfs::ticks_per_second() as f64 / IN_A_ROW as f64
}
