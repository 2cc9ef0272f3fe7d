//! The descriptor scan: one directory listing and one `readlinkat` per descriptor, without an allocation for a name that
//! is known already.

use std::collections::{BTreeMap, HashMap};
use std::mem::MaybeUninit;

use rustix::fs::{RawDir, readlinkat_raw};
use rustix::io::Errno;

use super::classify::{classify, readable};
use super::ends::Ends;
use super::parse;
use super::root::{ProcDir, number};
use crate::model::{FdCensus, FdClass, FdKind, LinkCount};

/// Bytes of directory entries fetched at once: some ten thousand descriptors.
const LISTING: usize = 256 * 1024;

/// The longest link that the kernel prints.
const LONGEST_LINK: usize = 4096;

/// Names that are remembered from look to look. A target with more is likely to make new ones all the time.
const MAX_NAMES: usize = 65_536;

/// The flag of open(2) that says a descriptor is a directory, where it was opened as one (opendir does).
const O_DIRECTORY: u64 = if cfg!(any(target_arch = "aarch64", target_arch = "arm")) { 0o40_000 } else { 0o200_000 };

/// One open descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub fd: u32,
    /// Its class.
    pub class: FdClass,
    /// Its finer kind, where the link's name tells it: master or slave of a pseudo terminal.
    pub kind: Option<FdKind>,
    /// What it refers to: the inode of a socket, a pipe or a `pidfd:[…]`, else a digest of the link's name that is the same
    /// for as long as the scanner lives.
    pub ident: u64,
}

/// Scans descriptors; its buffers and names serve many processes and looks.
#[derive(Debug)]
pub struct Scanner {
    listing: Vec<MaybeUninit<u8>>,
    names: Names,
    entries: Vec<Entry>,
    /// Which ends of pipes are known.
    pub(crate) ends: Ends,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            listing: vec![MaybeUninit::uninit(); LISTING],
            names: Names::default(),
            entries: Vec::new(),
            ends: Ends::default(),
        }
    }
}

impl Scanner {
    /// Counts the open descriptors of a process, or of the thread whose folder is `base` (`task/78/`).
    ///
    /// # Errors
    /// The list or a link was refused, or the process is gone.
    pub fn scan(&mut self, dir: &ProcDir, base: &str) -> Result<FdCensus, Errno> {
        let folder = dir.folder(&format!("{base}fd"))?;
        self.entries.clear();
        self.names.begin();
        let mut vanished = 0;
        let mut link = [MaybeUninit::uninit(); LONGEST_LINK];
        let mut entries = RawDir::new(&folder, &mut self.listing);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let Some(fd) = number(entry.file_name().to_bytes()) else { continue };
            let class = match readlinkat_raw(&folder, entry.file_name(), &mut link) {
                Ok((link, _)) => self.names.count(link, || is_directory(dir, base, fd)),
                // Listed, and closed before its link was read.
                Err(Errno::NOENT | Errno::SRCH) => {
                    vanished += 1;
                    continue;
                }
                Err(refused @ (Errno::ACCESS | Errno::PERM)) => return Err(refused),
                // It is open, whatever it is: it counts.
                Err(other) => self.names.count(format!("unreadable: {other}").as_bytes(), || false),
            };
            self.entries.push(Entry { fd, class, kind: None, ident: 0 });
        }
        self.entries.sort_unstable_by_key(|entry| entry.fd);
        Ok(self.names.census(vanished))
    }

    /// Every descriptor of the last scan, by number.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The class of a descriptor in the last scan.
    pub fn kind(&self, fd: u32) -> Option<FdClass> {
        let at = self.entries.binary_search_by_key(&fd, |entry| entry.fd).ok()?;
        self.entries.get(at).map(|entry| entry.class)
    }
}

/// Asks `fdinfo`, not the file: a stat of a file on a server that is gone would hang.
fn is_directory(dir: &ProcDir, base: &str, fd: u32) -> bool {
    let info = dir.read(&format!("{base}fdinfo/{fd}"), 4096).unwrap_or_default();
    parse::open_flags(&info).is_some_and(|flags| flags & O_DIRECTORY != 0)
}

/// Every name that was met, with its count in the census under way.
#[derive(Debug, Default)]
struct Names {
    by_link: HashMap<Box<[u8]>, usize>,
    known: Vec<Name>,
    // Which of `known` were met in this census.
    met: Vec<usize>,
    census: u64,
}

#[derive(Debug)]
struct Name {
    class: FdClass,
    text: String,
    count: u64,
    // The census to which `count` belongs.
    census: u64,
}

impl Names {
    fn begin(&mut self) {
        if self.known.len() > MAX_NAMES {
            self.by_link.clear();
            self.known.clear();
        }
        self.met.clear();
        self.census += 1;
    }

    /// Counts one descriptor. `is_directory` is asked only for a plain path that is met for the first time.
    fn count(&mut self, link: &[u8], is_directory: impl FnOnce() -> bool) -> FdClass {
        let (class, name) = classify(link);
        let index = match self.by_link.get(name.as_ref()) {
            Some(index) => *index,
            None => {
                let class = if class == FdClass::File && is_directory() { FdClass::Directory } else { class };
                self.known.push(Name { class, text: readable(&name), count: 0, census: 0 });
                self.by_link.insert(name.into(), self.known.len() - 1);
                self.known.len() - 1
            }
        };
        let Some(known) = self.known.get_mut(index) else { return class };
        if known.census != self.census {
            known.census = self.census;
            known.count = 0;
            self.met.push(index);
        }
        known.count += 1;
        known.class
    }

    fn census(&mut self, vanished: u64) -> FdCensus {
        let known = &self.known;
        let mut met: Vec<&Name> = self.met.iter().filter_map(|index| known.get(*index)).collect();
        met.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
        let mut classes = BTreeMap::new();
        for name in &met {
            *classes.entry(name.class).or_insert(0) += name.count;
        }
        let kept = met.iter().take(FdCensus::MAX_LINKS);
        FdCensus {
            total: met.iter().map(|name| name.count).sum(),
            classes,
            kinds: BTreeMap::new(),
            links: kept
                .map(|name| LinkCount { name: name.text.clone(), class: name.class, count: name.count })
                .collect(),
            rest: met.iter().skip(FdCensus::MAX_LINKS).map(|name| name.count).sum(),
            vanished,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{Proc, Tree};

    #[test]
    fn counts_by_class_and_by_name() {
        let tree = Tree::new();
        tree.add(
            &Proc::new(77)
                .fd(0, "/dev/null")
                .fd(3, "socket:[1]")
                .fd(4, "socket:[2]")
                .fd(5, "/data/a.db")
                .fd(6, "/srv")
                .fdinfo(6, "pos:\t0\nflags:\t02300000\n"),
        );
        let mut scanner = Scanner::default();
        let census = scanner.scan(&tree.root().open(77).unwrap(), "").unwrap();
        assert_eq!(census.total, 5);
        assert_eq!(census.classes[&FdClass::Socket], 2);
        #[cfg(target_arch = "x86_64")]
        assert_eq!(census.classes[&FdClass::Directory], 1);
        let names: Vec<&str> = census.links.iter().map(|link| link.name.as_str()).collect();
        assert_eq!(names, ["socket:[*]", "/data/a.db", "/dev/null", "/srv"]);
        assert_eq!(scanner.kind(5), Some(FdClass::SqliteDb));
        assert_eq!(scanner.kind(7), None);
    }

    #[test]
    fn keeps_the_most_frequent_names_and_sums_the_rest() {
        let tree = Tree::new();
        let mut proc = Proc::new(77).fd(1000, "/z").fd(1001, "/z");
        for n in 0..200 {
            proc = proc.fd(n, &format!("/file/{n:03}"));
        }
        tree.add(&proc);
        let dir = tree.root().open(77).unwrap();
        let mut scanner = Scanner::default();
        let census = scanner.scan(&dir, "").unwrap();
        assert_eq!((census.total, census.rest), (202, 202 - 2 - 127));
        assert_eq!(census.links.len(), FdCensus::MAX_LINKS);
        assert_eq!((census.links[0].name.as_str(), census.links[0].count), ("/z", 2));
        assert_eq!(census.links[1].name, "/file/000");
        assert_eq!(scanner.scan(&dir, "").unwrap(), census, "a second look tells the same");
    }

    #[test]
    fn a_descriptor_whose_link_cannot_be_read_still_counts() {
        let tree = Tree::new();
        tree.add(&Proc::new(77).fd(1, "/dev/null"));
        std::fs::write(tree.path().join("77/fd/2"), "").unwrap();
        let census = Scanner::default().scan(&tree.root().open(77).unwrap(), "").unwrap();
        assert_eq!((census.total, census.classes[&FdClass::Unknown]), (2, 1));
    }

    #[test]
    fn hostile_names_stay_one_line() {
        let tree = Tree::new();
        tree.add(&Proc::new(77).fd(1, "/a\n<script>\u{202e}").fd_bytes(2, b"/b\xff.db"));
        let census = Scanner::default().scan(&tree.root().open(77).unwrap(), "").unwrap();
        let names: Vec<&str> = census.links.iter().map(|link| link.name.as_str()).collect();
        assert_eq!(names, ["/a\\n<script>\\u{202e}", "/b\\xff.db"]);
    }
}
