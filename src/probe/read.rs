//! One process: what it is, what it holds, what of it may be dead.

use std::sync::Arc;

use rustix::io::Errno;

use super::classify::readable;
use super::find::Member;
use super::handles::Handles;
use super::parse::{self, Stat, Status};
use super::root::{ProcDir, ProcRoot, fell_short, gap_reason, reading, refused, shortage};
use super::sampler::Depth;
use super::scan::{Entry, Scanner};
use crate::model::{FdCensus, Gap, GapReason, ProcState, ProcessFacts, ProcessSample, Reading};

/// The longest command line and name of a program that is kept, bytes.
const LONGEST: usize = 4096;

/// A process that was read.
#[derive(Debug)]
pub struct Seen {
    /// For the snapshot. The kinds of its sockets are not yet in it.
    pub sample: ProcessSample,
    /// Its open descriptors, by number; `None` where they were not read in full.
    pub held: Option<Vec<Entry>>,
    /// Its pidfds, eventpolls, ends of pipes and masters of terminals; `None` where there are none.
    pub handles: Option<Handles>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// Reads processes; `None` for one that ended while it was read. Of a short scan nothing is kept: it would be a drop that
/// never was.
pub fn read(root: &ProcRoot, member: &Member, scanner: &mut Scanner, depth: Depth) -> Option<Seen> {
    let dir = match root.open(member.id.pid) {
        Ok(dir) => dir,
        Err(errno) => return unreadable(member, errno),
    };
    let stat = match stat(&dir) {
        Ok(stat) if stat.start == member.id.start => stat,
        Ok(_) => return None,
        Err(Reading::Gone) => return None,
        Err(other) => return Some(seen_without(member, &other)),
    };
    let base = match alive(&dir, &stat) {
        Ok(base) => base,
        Err(errno) => return unreadable(member, errno),
    };
    let seen = look(&dir, &base, member, &stat, scanner, depth);
    if stat.state == ProcState::Zombie {
        return Some(seen);
    }
    // A process that ends during the scan has ever fewer descriptors: only one that is still there was read in full.
    match self::stat(&dir) {
        Err(Reading::Gone) => None,
        Ok(now) if now.state == ProcState::Zombie => match alive(&dir, &now) {
            Ok(base) => Some(look(&dir, &base, member, &now, scanner, depth)),
            Err(errno) => unreadable(member, errno),
        },
        // Whether it is still there cannot be told.
        Err(other) if fell_short(&other).is_some() => Some(seen_without(member, &other)),
        Ok(_) | Err(_) => Some(seen),
    }
}

fn look(dir: &ProcDir, base: &str, member: &Member, stat: &Stat, scanner: &mut Scanner, depth: Depth) -> Seen {
    let pid = member.id.pid;
    // The main thread may have ended before the others: the process lives on in them.
    let zombie = stat.state == ProcState::Zombie && base.is_empty();
    let state = if stat.state == ProcState::Zombie && !zombie { ProcState::Sleeping } else { stat.state };
    let mut gaps = Vec::new();
    let status = reading(dir.read(&format!("{base}status"), 64 * 1024)).map(|text| parse::status(&text));
    note(&status, "status", pid, &mut gaps);
    let cmdline = reading(dir.read("cmdline", 4 * 4096)).map(|text| command_line(&text));
    note(&cmdline, "command line", pid, &mut gaps);
    let nofile = match reading(dir.read("limits", 16 * 1024)).map(|text| parse::nofile(&text)) {
        Reading::Value(parsed) => parsed.map_or_else(Reading::Malformed, Reading::Value),
        other @ (Reading::Denied | Reading::Gone | Reading::Malformed(_)) => other.map(|_| None),
    };
    note(&nofile, "limits", pid, &mut gaps);
    let (mut handles, mut held) = (None, None);
    let fds = if zombie {
        Reading::Gone
    } else if depth == Depth::Trial {
        reading(scanner.trial(dir, base)).map(|()| FdCensus::default())
    } else {
        let mut fds = reading(scanner.scan(dir, base));
        note(&fds, "descriptors", pid, &mut gaps);
        if let Reading::Value(census) = &mut fds {
            held = Some(scanner.entries().to_vec());
            let read = Handles::read(dir, base, member.id, stat.ppid, scanner, &mut gaps);
            read.enter(census);
            handles = Some(read);
        }
        fds
    };
    let status = known(status, pid, &mut gaps);
    Seen {
        sample: ProcessSample {
            id: member.id,
            ppid: stat.ppid,
            ns_pid: status.ns_pid,
            role: member.role,
            state,
            comm: readable(&stat.comm),
            cmdline: cmdline.value().cloned().unwrap_or_default(),
            threads: Reading::Value(stat.threads),
            rss: status.rss,
            anon: status.anon,
            nofile,
            fds: fds.map(Arc::new),
            facts: ProcessFacts {
                exe: dir.link(&format!("{base}exe")).ok().map(|path| cut(readable(&path))),
                uid: status.uid,
                pgrp: Some(stat.pgrp),
                session: Some(stat.session),
                orphan: member.orphan,
                cpu_us: Some(cpu_us(stat)),
                thread_names: Vec::new(),
                file: status.file,
                shmem: status.shmem,
                swap: status.swap,
                pss: pss(dir, base, depth).map(|pss| if zombie { Reading::Value(0) } else { pss }),
            },
        },
        held,
        handles: handles.filter(|handles| !handles.is_empty()),
        gaps,
    }
}

fn stat(dir: &ProcDir) -> Result<Stat, Reading<()>> {
    let text = dir.read("stat", 4096).map_err(refused)?;
    parse::stat(&text).map_err(Reading::Malformed)
}

/// The folder to read in: `` for the process; `task/78/` where its main thread has ended and thread 78 lives on. Fails only
/// where nothing is left to look with: it may then be a zombie or not.
fn alive(dir: &ProcDir, stat: &Stat) -> Result<String, Errno> {
    if stat.state != ProcState::Zombie || stat.threads < 2 {
        return Ok(String::new());
    }
    for tid in unless_short(dir.numbers("task"))? {
        let base = format!("task/{tid}/");
        let text = unless_short(dir.read(&format!("{base}stat"), 4096))?;
        if parse::stat(&text).is_ok_and(|stat| stat.state != ProcState::Zombie) {
            return Ok(base);
        }
    }
    Ok(String::new())
}

/// Takes what cannot be read for empty, unless it is for want of our own.
fn unless_short<T: Default>(answer: Result<T, Errno>) -> Result<T, Errno> {
    match answer {
        Err(errno) if shortage(errno).is_some() => Err(errno),
        other => Ok(other.unwrap_or_default()),
    }
}

/// What `status` told. Memory that it does not tell is a gap.
fn known(status: Reading<Status>, pid: u32, gaps: &mut Vec<Gap>) -> Status {
    let read = status.value().is_some();
    let status = match status {
        Reading::Value(status) => status,
        other @ (Reading::Denied | Reading::Gone | Reading::Malformed(_)) => Status {
            uid: None,
            ns_pid: None,
            rss: missing(&other),
            anon: missing(&other),
            file: missing(&other),
            shmem: missing(&other),
            swap: missing(&other),
        },
    };
    note(&status.rss, "resident memory", pid, gaps);
    note(&status.anon, "anonymous memory", pid, gaps);
    // Where nothing was read, that is said already.
    let others = [&status.file, &status.shmem, &status.swap];
    if let Some(other) = others.into_iter().find(|other| read && other.value().is_none()) {
        note(other, "memory of files, shared or swapped memory", pid, gaps);
    }
    status
}

/// CPU time of all threads, ended ones too, microseconds.
fn cpu_us(stat: &Stat) -> u64 {
    let ticks = stat.user_ticks.saturating_add(stat.kernel_ticks);
    ticks.saturating_mul(1_000_000) / procfs::ticks_per_second().max(1)
}

/// The proportional share of memory. The kernel walks all pages for it, so it is asked for on a full look only.
fn pss(dir: &ProcDir, base: &str, depth: Depth) -> Option<Reading<u64>> {
    match depth {
        Depth::Trial | Depth::Light => None,
        Depth::Full | Depth::Aside => Some(match dir.read(&format!("{base}smaps_rollup"), 64 * 1024) {
            Ok(text) => parse::pss(&text),
            Err(errno) => refused(errno),
        }),
    }
}

/// The processes whose proportional share of memory was refused, in one gap: it is often refused for all of them. A kernel
/// that knows no such share (before Linux 4.14) leaves none.
pub(super) fn without_share(seen: &[Seen]) -> Option<Gap> {
    let shares = seen.iter().filter_map(|one| one.sample.facts.pss.as_ref());
    let mut reasons = shares.filter_map(gap_reason).filter(|reason| *reason != GapReason::Gone);
    let reason = reasons.next()?;
    let count = 1 + reasons.count() as u64;
    Some(Gap { what: "proportional share of memory of processes".to_owned(), reason, count })
}

/// Arguments joined by spaces, printable, cut at 4 KiB.
fn command_line(text: &[u8]) -> String {
    cut(readable(&parse::arguments(text).join(&b' ')))
}

/// Text cut at a character.
fn cut(mut text: String) -> String {
    let end = (0..=LONGEST.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.truncate(end);
    text
}

fn note<T>(reading: &Reading<T>, what: &str, pid: u32, gaps: &mut Vec<Gap>) {
    gaps.extend(gap_reason(reading).map(|reason| Gap { what: format!("{what} of {pid}"), reason, count: 1 }));
}

/// The same reason for another value.
fn missing<T, U>(reading: &Reading<T>) -> Reading<U> {
    match reading {
        Reading::Denied => Reading::Denied,
        Reading::Gone | Reading::Value(_) => Reading::Gone,
        Reading::Malformed(text) => Reading::Malformed(text.clone()),
    }
}

fn unreadable(member: &Member, errno: Errno) -> Option<Seen> {
    match refused::<()>(errno) {
        Reading::Gone => None,
        other @ (Reading::Value(()) | Reading::Denied | Reading::Malformed(_)) => Some(seen_without(member, &other)),
    }
}

/// A process of which nothing can be read but that it is there.
pub(super) fn seen_without(member: &Member, why: &Reading<()>) -> Seen {
    let mut gaps = Vec::new();
    note(why, "everything", member.id.pid, &mut gaps);
    Seen {
        sample: ProcessSample {
            id: member.id,
            ppid: member.ppid,
            ns_pid: None,
            role: member.role,
            state: ProcState::Other,
            comm: String::new(),
            cmdline: String::new(),
            threads: missing(why),
            rss: missing(why),
            anon: missing(why),
            nofile: missing(why),
            fds: missing(why),
            facts: ProcessFacts { orphan: member.orphan, ..ProcessFacts::default() },
        },
        held: None,
        handles: None,
        gaps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ProcId, Role};
    use crate::probe::testing::{Proc, Tree};

    fn seen(tree: &Tree, pid: u32, depth: Depth) -> Option<Seen> {
        let member = Member { id: ProcId { pid, start: u64::from(pid) }, ppid: 1, role: Role::App, orphan: false };
        read(&tree.root(), &member, &mut Scanner::default(), depth)
    }

    fn one(proc: &Proc, depth: Depth) -> Seen {
        let tree = Tree::new();
        tree.add(proc);
        seen(&tree, 100, depth).unwrap()
    }

    #[test]
    fn knows_what_a_process_is_and_what_it_has_used() {
        let one = one(&Proc::new(100).exe(b"/usr/bin/app (deleted)"), Depth::Light);
        let facts = one.sample.facts;
        assert_eq!(facts.exe.as_deref(), Some("/usr/bin/app (deleted)"));
        assert_eq!((facts.uid, facts.pgrp, facts.session), (Some(1000), Some(100), Some(100)));
        assert_eq!(facts.cpu_us, Some(15 * 1_000_000 / procfs::ticks_per_second()));
        let kib = |n: u64| Reading::Value(n * 1024);
        assert_eq!((facts.file, facts.shmem, facts.swap), (kib(1000), kib(24), kib(8)));
        assert_eq!(facts.pss, None);
        assert_eq!(one.gaps, []);
    }

    #[test]
    fn the_share_of_memory_is_read_on_a_full_look_only_and_an_old_kernel_is_no_gap() {
        let rollup = one(&Proc::new(100).rollup("Rss: 9 kB\nPss: 7 kB\n"), Depth::Full);
        assert_eq!(rollup.sample.facts.pss, Some(Reading::Value(7 * 1024)));
        let old = one(&Proc::new(100), Depth::Full);
        assert_eq!((old.sample.facts.pss, old.gaps), (Some(Reading::Gone), Vec::new()));
        let zombie = one(&Proc::new(100).zombie(), Depth::Full);
        assert_eq!((zombie.sample.facts.pss, zombie.gaps), (Some(Reading::Value(0)), Vec::new()));
        assert_eq!(zombie.sample.facts.exe, None);
    }

    #[test]
    fn names_of_any_bytes_stay_one_line_of_bounded_length() {
        let long = "y".repeat(1 << 20);
        let proc = Proc::new(100).comm(b"a)\n(\xff").cmdline(&["x\n\x1b[31m", &long]).exe(b"/tmp/\xfe\n<script>");
        let sample = one(&proc, Depth::Light).sample;
        assert_eq!(sample.comm, "a)\\n(\\xff");
        assert_eq!(sample.facts.exe.as_deref(), Some("/tmp/\\xfe\\n<script>"));
        assert!(sample.cmdline.starts_with("x\\n\\u{1b}[31m yyy"), "{:?}", sample.cmdline.get(..40));
        assert_eq!(sample.cmdline.len(), LONGEST);
        // A cut in the middle of a character takes the whole character.
        let wide = one(&Proc::new(100).cmdline(&[&"é".repeat(3000)]).comm(b"x"), Depth::Light).sample;
        assert!(wide.cmdline.len() <= LONGEST && wide.cmdline.chars().all(|c| c == 'é'));
    }

    #[test]
    fn memory_that_is_not_told_is_a_gap_for_each_of_the_great_parts() {
        let tree = Tree::new();
        tree.add(&Proc::new(100));
        let status = "Uid:\t1\t1\t1\t1\nVmRSS:\t8 kB\nRssAnon:\t4 kB\nRssFile:\tmany\nRssShmem:\t0 kB\nVmSwap:\t0 kB\n";
        std::fs::write(tree.path().join("100/status"), status).unwrap();
        let one = seen(&tree, 100, Depth::Light).unwrap();
        let what: Vec<&str> = one.gaps.iter().map(|gap| gap.what.as_str()).collect();
        assert_eq!(what, ["memory of files, shared or swapped memory of 100"]);
        assert!(matches!(one.sample.facts.file, Reading::Malformed(_)));
        assert_eq!(one.sample.facts.swap, Reading::Value(0));
    }

    #[test]
    fn in_a_namespace_of_users_and_pids_ids_are_those_of_the_reader() {
        let tree = Tree::new();
        tree.add(&Proc::new(100));
        let status = "Uid:\t100000\t100000\t100000\t100000\nNSpid:\t100\t12\t1\nVmRSS:\t4 kB\nRssAnon:\t4 kB\n\
            RssFile:\t0 kB\nRssShmem:\t0 kB\nVmSwap:\t0 kB\n";
        std::fs::write(tree.path().join("100/status"), status).unwrap();
        // The process's session is outside of what the reader sees.
        let stat = "100 (app) S 1 0 0 0 -1 0 0 0 0 0 7 8 0 0 20 0 1 0 100 0 0\n";
        std::fs::write(tree.path().join("100/stat"), stat).unwrap();
        let sample = seen(&tree, 100, Depth::Light).unwrap().sample;
        assert_eq!((sample.facts.uid, sample.ns_pid), (Some(100_000), Some(1)));
        assert_eq!((sample.facts.pgrp, sample.facts.session), (Some(0), Some(0)));
    }

    #[test]
    fn a_process_that_is_gone_or_another_is_not_read() {
        let tree = Tree::new();
        assert!(seen(&tree, 100, Depth::Full).is_none());
        tree.add(&Proc::new(100).start(7));
        assert!(seen(&tree, 100, Depth::Full).is_none());
        // Its files vanish one by one while it ends.
        tree.add(&Proc::new(100));
        std::fs::remove_file(tree.path().join("100/cmdline")).unwrap();
        std::fs::remove_file(tree.path().join("100/exe")).unwrap();
        let one = seen(&tree, 100, Depth::Light).unwrap();
        assert_eq!((one.sample.facts.exe, one.sample.cmdline.as_str()), (None, ""));
        assert_eq!(one.gaps.len(), 1);
    }
}
