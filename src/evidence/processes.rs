//! The process tree, and where each thread stands.

use super::{EvidenceFile, in_tree_order};
use crate::model::text::{self, shorten};
use crate::model::{Gap, ProcState, Reading, Unit};
use crate::probe::classify::readable;
use crate::probe::find::Member;
use crate::probe::read::read;
use crate::probe::scan::Scanner;
use crate::probe::{Depth, ProcDir, ProcRoot};

/// How many threads are listed in all.
const MAX_THREADS: usize = 5000;

/// The tree: one line for each process, children indented below their parents.
pub(super) fn tree(root: &ProcRoot, members: &[Member], gaps: &[Gap]) -> EvidenceFile {
    let mut out = String::from(
        "pid, pid inside, parent, group, session, uid, role, state, threads, descriptors, rss, cpu (s), start (ticks), program, command\n",
    );
    let mut scanner = Scanner::default();
    for (depth, member) in in_tree_order(members) {
        let indent = "  ".repeat(depth.min(20));
        let Some(seen) = read(root, member, &mut scanner, Depth::Light) else {
            out.push_str(&format!("{indent}{} ended meanwhile\n", member.id.pid));
            continue;
        };
        let sample = &seen.sample;
        let facts = &sample.facts;
        let or_unsaid = |value: Option<i64>| value.map_or_else(|| "?".to_owned(), |value| value.to_string());
        let or_unknown = |value: Option<u32>| value.map_or_else(|| "?".to_owned(), |value| value.to_string());
        let command = if sample.cmdline.is_empty() { format!("[{}]", sample.comm) } else { sample.cmdline.clone() };
        out.push_str(&format!(
            "{indent}{} {} {} {} {} {} {}{} {} {} {} {} {} {} {} {}\n",
            sample.id.pid,
            or_unknown(sample.ns_pid),
            sample.ppid,
            or_unsaid(facts.pgrp),
            or_unsaid(facts.session),
            or_unknown(facts.uid),
            format!("{:?}", sample.role).to_lowercase(),
            if facts.orphan { " (lost its parent)" } else { "" },
            state(sample.state),
            shown(&sample.threads, u64::to_string),
            shown(&sample.fds, |fds| fds.total.to_string()),
            shown(&sample.rss, |rss| amount(*rss).replace(' ', "")),
            facts.cpu_us.map_or_else(|| "?".to_owned(), |used| format!("{}.{}", used / 1_000_000, used / 100_000 % 10)),
            sample.id.start,
            facts.exe.as_deref().unwrap_or("?"),
            command,
        ));
    }
    if members.is_empty() {
        out.push_str("no process was found\n");
    }
    for gap in gaps {
        out.push_str(&format!("not read: {} ({:?})\n", gap.what, gap.reason));
    }
    EvidenceFile { name: "processes.txt".to_owned(), text: out }
}

/// Where each thread stands in the kernel: the function it waits in, its system call and, where we may, its stack.
pub(super) fn stacks(root: &ProcRoot, members: &[Member]) -> EvidenceFile {
    let mut out =
        String::from("thread: name, kernel function, system call with arguments (or `running`), kernel stack\n");
    let mut left = MAX_THREADS;
    for (_, member) in in_tree_order(members) {
        let pid = member.id.pid;
        let threads = match root.open(pid).and_then(|dir| Ok((dir.numbers("task")?, dir))) {
            Ok(threads) => threads,
            Err(errno) => {
                out.push_str(&format!("process {pid}: its threads could not be read: {errno}\n"));
                continue;
            }
        };
        out.push_str(&format!("process {pid}:\n"));
        for thread in threads.0.iter().take(left) {
            out.push_str(&format!("  {thread}: {}\n", standing(&threads.1, *thread)));
        }
        left = left.saturating_sub(threads.0.len());
        if left == 0 {
            out.push_str(&format!("only the first {MAX_THREADS} threads are listed\n"));
            break;
        }
    }
    EvidenceFile { name: "stacks.txt".to_owned(), text: out }
}

fn standing(dir: &ProcDir, thread: u32) -> String {
    let file = |name: &str| match dir.read(&format!("task/{thread}/{name}"), 4096) {
        Ok(text) => readable(text.trim_ascii()),
        Err(errno) => format!("({name}: {errno})"),
    };
    let call = match file("syscall") {
        call if waits_on_epoll(&call) => format!("{call} (epoll_wait)"),
        call => call,
    };
    let stack = match dir.read(&format!("task/{thread}/stack"), 4096) {
        Ok(text) => {
            let frames = String::from_utf8_lossy(&text);
            let frames: Vec<String> = frames
                .lines()
                .map(|line| line.trim_start_matches("[<0>] "))
                .map(crate::model::text::printable)
                .collect();
            frames.join(" < ")
        }
        Err(errno) => format!("(stack: {errno})"),
    };
    format!("{}, {}, {call}, {}", file("comm"), file("wchan"), shorten(&stack, 600))
}

fn waits_on_epoll(call: &str) -> bool {
    use crate::probe::parse::{Arch, ThreadAt, syscall};
    matches!(syscall(call.as_bytes(), Arch::HERE), Ok(ThreadAt::EpollWait(_)))
}

fn state(state: ProcState) -> &'static str {
    match state {
        ProcState::Running => "running",
        ProcState::Sleeping => "sleeping",
        ProcState::DiskSleep => "disk-sleep",
        ProcState::Stopped => "stopped",
        ProcState::Zombie => "zombie",
        ProcState::Other => "other",
    }
}

#[expect(clippy::cast_precision_loss, reason = "memory is shown with two digits")]
fn amount(bytes: u64) -> String {
    text::amount(bytes as f64, Unit::Bytes)
}

fn shown<T>(reading: &Reading<T>, show: impl FnOnce(&T) -> String) -> String {
    match reading {
        Reading::Value(value) => show(value),
        Reading::Denied => "denied".to_owned(),
        Reading::Gone => "-".to_owned(),
        Reading::Malformed(_) => "?".to_owned(),
    }
}
