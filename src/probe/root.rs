//! Where /proc is, and the files of one process in it.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Statx, StatxFlags, openat};
use rustix::io::Errno;

use crate::model::{GapReason, Reading};

/// Where /proc is: `/proc`, or a recorded tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcRoot {
    path: PathBuf,
}

impl ProcRoot {
    /// The system's own.
    pub fn system() -> Self {
        Self::at("/proc")
    }

    /// A recorded tree.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True for the system's own, whose pids can be asked for by other means too.
    pub fn is_system(&self) -> bool {
        self.path == Path::new("/proc")
    }

    /// Every pid that is listed, in ascending order.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn pids(&self) -> Result<Vec<u32>, Errno> {
        numbers(&openat(CWD, &self.path, FOLDER, Mode::empty())?)
    }

    /// Opens the folder of one process. What is read through it is of this process, even if its pid is used again.
    ///
    /// # Errors
    /// It is gone or hidden.
    pub fn open(&self, pid: u32) -> Result<ProcDir, Errno> {
        Ok(ProcDir { fd: openat(CWD, self.path.join(pid.to_string()), FOLDER, Mode::empty())? })
    }

    /// The first `cap` bytes of one file of a process: cheaper than to open its folder first, where no other is read.
    ///
    /// # Errors
    /// What the kernel answered.
    pub fn read(&self, pid: u32, name: &str, cap: u64) -> Result<Vec<u8>, Errno> {
        let mut text = Vec::new();
        read_whole(&openat(CWD, self.path.join(format!("{pid}/{name}")), FILE, Mode::empty())?, cap, &mut text)?;
        Ok(text)
    }
}

/// Bytes that are read at once, at least.
const READ: usize = 4096;

const FILE: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The folder of one process.
#[derive(Debug)]
pub struct ProcDir {
    fd: OwnedFd,
}

impl ProcDir {
    /// The first `cap` bytes of a file.
    ///
    /// # Errors
    /// What the kernel answered.
    pub fn read(&self, name: &str, cap: u64) -> Result<Vec<u8>, Errno> {
        let mut text = Vec::new();
        self.read_into(name, cap, &mut text)?;
        Ok(text)
    }

    /// Like [`ProcDir::read`], into a buffer that is emptied first.
    ///
    /// # Errors
    /// What the kernel answered.
    pub fn read_into(&self, name: &str, cap: u64, text: &mut Vec<u8>) -> Result<(), Errno> {
        read_whole(&self.file(name)?, cap, text)
    }

    /// Opens a file of the process for reading, such as `net/tcp`.
    ///
    /// # Errors
    /// What the kernel answered.
    pub fn file(&self, name: &str) -> Result<OwnedFd, Errno> {
        openat(&self.fd, name, FILE, Mode::empty())
    }

    /// Opens a folder of the process, such as `fd`.
    ///
    /// # Errors
    /// What the kernel answered.
    pub fn folder(&self, name: &str) -> Result<OwnedFd, Errno> {
        openat(&self.fd, name, FOLDER, Mode::empty())
    }

    /// The entries of a folder that are numbers, in ascending order: threads, descriptors.
    ///
    /// # Errors
    /// What the kernel answered.
    pub fn numbers(&self, name: &str) -> Result<Vec<u32>, Errno> {
        numbers(&self.folder(name)?)
    }

    /// What a link leads to, as far as it is known without asking a file server: that could hang. Which of the figures that
    /// were `wanted` are told is in `stx_mask`; the others are zero.
    ///
    /// # Errors
    /// What the kernel answered; always on recorded trees, whose links lead nowhere.
    pub fn stat(&self, name: &str, wanted: StatxFlags) -> Result<Statx, Errno> {
        rustix::fs::statx(&self.fd, name, AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT, wanted)
    }

    /// The permissions of a link itself, lower nine bits. Those of a descriptor's link tell how it was opened: 0500 for reading,
    /// 0300 for writing, 0700 for both, see proc_pid_fd(5). Plain links, as on recorded trees, have 0777.
    ///
    /// # Errors
    /// What the kernel answered.
    pub fn link_mode(&self, name: &str) -> Result<u32, Errno> {
        Ok(rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode & 0o777)
    }

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// What the kernel answered.
    pub fn link(&self, name: &str) -> Result<Vec<u8>, Errno> {
        Ok(rustix::fs::readlinkat(&self.fd, name, Vec::new())?.into_bytes())
    }
}

/// Reads a file into a buffer that is emptied first, `cap` bytes at most.
fn read_whole(file: &OwnedFd, cap: u64, text: &mut Vec<u8>) -> Result<(), Errno> {
    text.clear();
    let cap = usize::try_from(cap).unwrap_or(usize::MAX);
    while text.len() < cap {
        // Most files of /proc fit at once: one call for the text, one for its end.
        text.reserve(READ.min(cap - text.len()));
        match rustix::io::read(file, rustix::buffer::spare_capacity(text)) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    text.truncate(cap);
    Ok(())
}

fn numbers(folder: &OwnedFd) -> Result<Vec<u32>, Errno> {
    let mut found = Vec::new();
    for entry in rustix::fs::Dir::read_from(folder)? {
        let entry = entry?;
        found.extend(number(entry.file_name().to_bytes()));
    }
    found.sort_unstable();
    Ok(found)
}

/// A name that is nothing but a decimal number.
pub(crate) fn number(name: &[u8]) -> Option<u32> {
    let digits = name.iter().all(u8::is_ascii_digit);
    if digits { std::str::from_utf8(name).ok()?.parse().ok() } else { None }
}

/// What an answer of the kernel means for a reading.
pub fn reading<T>(answer: Result<T, Errno>) -> Reading<T> {
    match answer {
        Ok(value) => Reading::Value(value),
        Err(errno) => refused(errno),
    }
}

/// The reading that stands for an error of the kernel.
pub fn refused<T>(errno: Errno) -> Reading<T> {
    match errno {
        Errno::ACCESS | Errno::PERM => Reading::Denied,
        Errno::NOENT | Errno::SRCH => Reading::Gone,
        other => Reading::Malformed(shortage(other).map_or_else(|| other.to_string(), str::to_owned)),
    }
}

/// What is short where an error says nothing of the process, but that slowdrip or the machine has run out of something.
/// Whatever was asked for is then unknown: not gone, not empty, and not to be remembered.
pub fn shortage(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::MFILE => Some("slowdrip has no descriptor left (EMFILE)"),
        Errno::NFILE => Some("the machine has no descriptor left (ENFILE)"),
        Errno::NOMEM => Some("the kernel has no memory left (ENOMEM)"),
        _ => None,
    }
}

/// The [`shortage`] by which a reading failed.
pub fn fell_short<T>(reading: &Reading<T>) -> Option<Errno> {
    let Reading::Malformed(problem) = reading else { return None };
    [Errno::MFILE, Errno::NFILE, Errno::NOMEM].into_iter().find(|errno| shortage(*errno) == Some(problem))
}

/// Why a reading is missing; `None` where it is not.
pub fn gap_reason<T>(reading: &Reading<T>) -> Option<GapReason> {
    match reading {
        Reading::Value(_) => None,
        Reading::Denied => Some(GapReason::Denied),
        Reading::Gone => Some(GapReason::Gone),
        Reading::Malformed(_) if fell_short(reading).is_some() => Some(GapReason::Exhausted),
        Reading::Malformed(_) => Some(GapReason::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_refusal_from_a_process_that_is_gone() {
        assert_eq!(refused::<()>(Errno::ACCESS), Reading::Denied);
        assert_eq!(refused::<()>(Errno::PERM), Reading::Denied);
        assert_eq!(refused::<()>(Errno::NOENT), Reading::Gone);
        assert_eq!(refused::<()>(Errno::SRCH), Reading::Gone);
        assert!(matches!(refused::<()>(Errno::IO), Reading::Malformed(_)));
    }

    #[test]
    fn tells_a_shortage_of_our_own_from_what_the_process_answers() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM] {
            assert_eq!(fell_short(&refused::<()>(errno)), Some(errno));
            assert_eq!(gap_reason(&refused::<()>(errno)), Some(GapReason::Exhausted), "{errno}");
        }
        assert_eq!(gap_reason(&refused::<()>(Errno::IO)), Some(GapReason::Malformed));
        assert_eq!((fell_short(&Reading::Value(())), fell_short(&refused::<()>(Errno::NOENT))), (None, None));
    }

    #[test]
    fn takes_only_plain_numbers_for_pids() {
        assert_eq!(number(b"42"), Some(42));
        for name in [&b""[..], b".", b"..", b"self", b"+4", b"99999999999", b"4x"] {
            assert_eq!(number(name), None, "{name:?}");
        }
    }
}
