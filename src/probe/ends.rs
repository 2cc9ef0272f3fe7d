//! Which end of a pipe a descriptor is, asked once and remembered: the end of an open pipe never changes.

use std::collections::HashMap;

use rustix::fs::StatxFlags;

use super::handles::Lost;
use super::parse;
use super::root::ProcDir;
use super::scan::Entry;
use crate::model::{FdClass, ProcId};

/// An end of an anonymous pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PipeEnd {
    /// The descriptor's number.
    pub fd: u32,
    /// The inode, which both ends share.
    pub ino: u64,
    /// Which end.
    pub end: End,
}

/// What can be done with an end of a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It reads.
    Read,
    /// It writes.
    Write,
    /// Both: a pipe that was opened again by its name in /proc. Such a pipe has both ends for as long as this one is open.
    Both,
}

impl End {
    /// From the flags of open(2), where the access mode is in the last two bits on every architecture.
    fn of(flags: u64) -> Option<Self> {
        match flags & 3 {
            0 => Some(Self::Read),
            1 => Some(Self::Write),
            2 => Some(Self::Both),
            _ => None,
        }
    }
}

/// The ends that are known, by process.
#[derive(Debug, Default)]
pub struct Ends {
    by_process: HashMap<ProcId, Known>,
}

#[derive(Debug, Default)]
struct Known {
    // By number.
    ends: Vec<PipeEnd>,
    // Read since the look began.
    read: bool,
}

impl Ends {
    /// Begins a look: forgets the processes that the look before did not see.
    pub(crate) fn begin(&mut self) {
        self.by_process.retain(|_, known| std::mem::take(&mut known.read));
    }

    /// The ends of all pipes of a process, by number: `entries` are its descriptors, by number too. An end that cannot be told
    /// is left out.
    pub(crate) fn of(
        &mut self,
        process: ProcId,
        entries: &[Entry],
        dir: &ProcDir,
        base: &str,
        lost: &mut Lost,
    ) -> Vec<PipeEnd> {
        let known = self.by_process.entry(process).or_default();
        known.read = true;
        let mut old = known.ends.iter().copied().peekable();
        let mut now = Vec::with_capacity(known.ends.len());
        let mut text = Vec::new();
        for entry in entries.iter().filter(|entry| entry.class == FdClass::Pipe && entry.ident != 0) {
            while old.next_if(|end| end.fd < entry.fd).is_some() {}
            let end = match old.peek().filter(|end| (end.fd, end.ino) == (entry.fd, entry.ident)) {
                Some(end) => Some(end.end),
                None => by_link(dir, &format!("{base}fd/{}", entry.fd), entry.ident).or_else(|| {
                    let info = dir.read_into(&format!("{base}fdinfo/{}", entry.fd), 4096, &mut text);
                    lost.keep(info, || end(&text, entry.ident)).flatten()
                }),
            };
            now.extend(end.map(|end| PipeEnd { fd: entry.fd, ino: entry.ident, end }));
        }
        known.ends.clone_from(&now);
        now
    }
}

/// Which end, by the permissions of the descriptor's link: half the price of its fdinfo. `None` where they do not tell, or where
/// the number stands for another pipe by now.
fn by_link(dir: &ProcDir, name: &str, ino: u64) -> Option<End> {
    let end = match dir.link_mode(name).ok()? {
        0o500 => End::Read,
        0o300 => End::Write,
        0o700 => End::Both,
        _ => return None,
    };
    // Asked afterwards: it was this pipe all the time.
    let same = dir.stat(name, StatxFlags::INO).is_ok_and(|stat| stat.stx_ino == ino);
    same.then_some(end)
}

/// Which end; `None` where the number stands for another pipe by now. The kernel tells the inode since Linux 5.14.
fn end(text: &[u8], ino: u64) -> Result<Option<End>, String> {
    if field(text, "ino:").is_some_and(|told| told != ino) {
        return Ok(None);
    }
    let flags = parse::open_flags(text).ok_or("fdinfo of a pipe has no flags")?;
    End::of(flags).map(Some).ok_or_else(|| "fdinfo of a pipe has flags of neither end".to_owned())
}

/// A decimal number in `fdinfo`.
pub(crate) fn field(text: &[u8], key: &str) -> Option<u64> {
    let text = String::from_utf8_lossy(text);
    text.lines().find_map(|line| line.strip_prefix(key)).and_then(|value| value.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::probe::testing::{Proc, Tree};

    fn pipe(fd: u32, ino: u64) -> Entry {
        Entry { fd, class: FdClass::Pipe, kind: None, ident: ino }
    }

    fn read(ends: &mut Ends, tree: &Tree, pid: u32, entries: &[Entry]) -> (Vec<(u32, End)>, bool) {
        let mut lost = Lost::default();
        let id = ProcId { pid, start: 1 };
        let found = ends.of(id, entries, &tree.root().open(pid).unwrap(), "", &mut lost);
        (found.iter().map(|end| (end.fd, end.end)).collect(), lost.any())
    }

    #[test]
    fn tells_the_ends_by_their_flags_and_asks_once() {
        let tree = Tree::new();
        let info = |fd, mode| (fd, format!("pos:\t0\nflags:\t0200000{mode}\nmnt_id:\t16\nino:\t{}\n", 100 + fd));
        let [(a, one), (b, two), (c, three)] = [info(3, 0), info(4, 1), info(5, 2)];
        tree.add(&Proc::new(77).fdinfo(a, &one).fdinfo(b, &two).fdinfo(c, &three));
        let entries = [pipe(3, 103), pipe(4, 104), pipe(5, 105)];
        let mut ends = Ends::default();
        let told = vec![(3, End::Read), (4, End::Write), (5, End::Both)];
        assert_eq!(read(&mut ends, &tree, 77, &entries), (told.clone(), false));
        tree.add(&Proc::new(77));
        assert_eq!(read(&mut ends, &tree, 77, &entries), (told, false), "nothing is read a second time");
        let other = [pipe(3, 103), pipe(4, 204)];
        assert_eq!(read(&mut ends, &tree, 77, &other), (vec![(3, End::Read)], false), "another pipe is not told");
    }

    #[test]
    fn an_end_that_cannot_be_told_is_left_out() {
        let tree = Tree::new();
        let other = "pos:\t0\nflags:\t01\nino:\t999\n";
        tree.add(&Proc::new(77).fdinfo(3, "pos:\t0\n").fdinfo(4, other).fdinfo(5, "flags:\t03\nino:\t105\n"));
        let mut ends = Ends::default();
        assert_eq!(read(&mut ends, &tree, 77, &[pipe(3, 103)]), (vec![], true));
        assert_eq!(read(&mut ends, &tree, 77, &[pipe(4, 104)]), (vec![], false), "it was closed meanwhile");
        assert_eq!(read(&mut ends, &tree, 77, &[pipe(5, 105)]), (vec![], true));
    }

    #[test]
    fn forgets_processes_that_are_gone() {
        let tree = Tree::new();
        tree.add(&Proc::new(77).fdinfo(3, "flags:\t01\nino:\t103\n"));
        let mut ends = Ends::default();
        let dir = tree.root().open(77).unwrap();
        for start in 0..5 {
            ends.begin();
            ends.of(ProcId { pid: 77, start }, &[pipe(3, 103)], &dir, "", &mut Lost::default());
            ends.of(ProcId { pid: 78, start: 1 }, &[pipe(3, 103)], &dir, "", &mut Lost::default());
            assert!(ends.by_process.len() <= 3);
        }
    }

    proptest! {
        #[test]
        fn understands_every_end_and_no_nonsense(flags: u64, ino: u64, noise: Vec<u8>) {
            let text = format!("pos:\t0\nflags:\t0{flags:o}\nmnt_id:\t16\nino:\t{ino}\n");
            let told = end(text.as_bytes(), ino);
            prop_assert_eq!(told.is_ok(), flags & 3 != 3);
            prop_assert_eq!(end(text.as_bytes(), ino ^ 1), Ok(None));
            let _ = end(&noise, ino);
        }
    }
}
