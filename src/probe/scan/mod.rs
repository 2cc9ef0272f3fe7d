//! The descriptor scan: one directory listing and one `readlinkat` per descriptor, without an allocation for a name that
//! is known already.

mod file;
mod names;

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{RawDir, readlinkat_raw};
use rustix::io::Errno;

use self::file::Place;
use self::names::{DIGEST, Names};
use super::ends::Ends;
use super::root::{ProcDir, shortage};
use crate::model::{FdCensus, FdClass, FdKind};

/// Bytes of directory entries fetched at once: some 340 descriptors. To list one the kernel makes an entry and an inode of
/// its own, and what it made is still in the processor's cache when the links of so few are read: 10,000 descriptors at once
/// take 8 % longer. Fewer also vanish in between.
const LISTING: usize = 8 * 1024;

/// The longest link that the kernel prints: it has a page for it.
const LONGEST_LINK: usize = 4096;

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
    /// for as long as the scanner lives. The highest bit is set in digests, and in no inode.
    pub ident: u64,
}

impl Entry {
    /// True where `ident` is the inode of the very thing, and not a digest of a name.
    pub fn by_inode(&self) -> bool {
        self.ident & DIGEST == 0
    }
}

/// Scans descriptors; its names serve many processes and looks.
#[derive(Debug)]
pub struct Scanner {
    names: Names,
    entries: Vec<Entry>,
    /// Which ends of pipes are known.
    pub(crate) ends: Ends,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::keyed(RandomState::new())
    }
}

impl Scanner {
    /// A scanner whose digests of names are those of every other scanner with this key.
    pub fn keyed(key: RandomState) -> Self {
        Self { names: Names::keyed(key), entries: Vec::new(), ends: Ends::default() }
    }

    /// Counts the open descriptors of a process, or of the thread whose folder is `base` (`task/78/`).
    ///
    /// # Errors
    /// The list or a link was refused, the process is gone, or slowdrip itself lacks the means (EMFILE, ENFILE, ENOMEM): then
    /// nothing is counted, for a short count would be a drop that never was.
    pub fn scan(&mut self, dir: &ProcDir, base: &str) -> Result<FdCensus, Errno> {
        self.entries.clear();
        let counted = self.count(&folder(dir, base)?, dir, base);
        counted.inspect_err(|_| self.entries.clear()).map(|vanished| self.census(vanished))
    }

    /// Tries whether the descriptors may be listed and a link of them be read, and counts nothing.
    ///
    /// # Errors
    /// As [`Scanner::scan`].
    pub fn trial(&mut self, dir: &ProcDir, base: &str) -> Result<(), Errno> {
        let folder = folder(dir, base)?;
        let mut link = [MaybeUninit::uninit(); LONGEST_LINK];
        let mut listing = [MaybeUninit::uninit(); LISTING];
        let mut listing = RawDir::new(&folder, &mut listing);
        while let Some(entry) = listing.next() {
            let entry = entry?;
            if descriptor(entry.file_name()).is_none() {
                continue;
            }
            match readlinkat_raw(&folder, entry.file_name(), &mut link) {
                // Closed meanwhile: the next one tells.
                Err(Errno::NOENT | Errno::SRCH) => {}
                Err(error) if shortage(error).is_some() || matches!(error, Errno::ACCESS | Errno::PERM) => {
                    return Err(error);
                }
                Ok(_) | Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Fills `entries`; how many vanished meanwhile.
    fn count(&mut self, folder: &OwnedFd, dir: &ProcDir, base: &str) -> Result<u64, Errno> {
        self.names.begin();
        let (mut vanished, mut ascending, mut last) = (0, true, 0);
        let mut link = [MaybeUninit::uninit(); LONGEST_LINK];
        let mut listing = [MaybeUninit::uninit(); LISTING];
        let mut listing = RawDir::new(folder, &mut listing);
        while let Some(entry) = listing.next() {
            let entry = entry?;
            let name = entry.file_name();
            let Some(fd) = descriptor(name) else { continue };
            let entry = match readlinkat_raw(folder, name, &mut link) {
                Ok((link, _)) => self.names.count(fd, link, &Place { folder, name, dir, base })?,
                // Listed, and closed before its link was read.
                Err(Errno::NOENT | Errno::SRCH) => {
                    vanished += 1;
                    continue;
                }
                Err(refused @ (Errno::ACCESS | Errno::PERM)) => return Err(refused),
                Err(lack) if shortage(lack).is_some() => return Err(lack),
                // It is open, whatever it is: it counts.
                Err(other) => self.names.count_unreadable(fd, other),
            };
            ascending &= last <= fd;
            last = fd;
            self.entries.push(entry);
        }
        // The kernel lists them by number, the file systems of recorded trees do not.
        if !ascending {
            self.entries.sort_unstable_by_key(|entry| entry.fd);
        }
        Ok(vanished)
    }

    fn census(&mut self, vanished: u64) -> FdCensus {
        let mut classes = [0_u64; FdClass::ALL.len()];
        let mut kinds: BTreeMap<FdKind, u64> = BTreeMap::new();
        for entry in &self.entries {
            if let Some(count) = classes.get_mut(entry.class as usize) {
                *count += 1;
            }
            if let Some(kind) = entry.kind {
                *kinds.entry(kind).or_default() += 1;
            }
        }
        let total = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        let links = self.names.links();
        FdCensus {
            total,
            classes: FdClass::ALL.iter().copied().zip(classes).filter(|(_, count)| *count > 0).collect(),
            kinds,
            rest: total - links.iter().map(|link| link.count).sum::<u64>(),
            links,
            vanished,
        }
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

/// The folder of the descriptors of a process, or of the thread whose folder is `base`.
fn folder(dir: &ProcDir, base: &str) -> Result<OwnedFd, Errno> {
    if base.is_empty() { dir.folder("fd") } else { dir.folder(&format!("{base}fd")) }
}

/// A name in a folder of descriptors; `None` for `.` and `..`.
fn descriptor(name: &CStr) -> Option<u32> {
    decimal(name.to_bytes()).and_then(|fd| u32::try_from(fd).ok())
}

/// A decimal number and nothing else.
fn decimal(digits: &[u8]) -> Option<u64> {
    // Nineteen digits cannot overflow.
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    digits.iter().try_fold(0, |sum, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| sum * 10 + u64::from(digit))
    })
}

#[cfg(test)]
mod tests;
