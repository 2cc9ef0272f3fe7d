//! What a path leads to: a directory, a named pipe, a device. Asked once per name.

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, PROC_SUPER_MAGIC, StatxFlags, fstatfs, statx};
use rustix::io::Errno;

use crate::model::{FdClass, FdKind};
use crate::probe::classify::by_file_name;
use crate::probe::parse;
use crate::probe::root::ProcDir;

/// The flag of open(2) that says a descriptor is a directory, where it was opened as one (opendir does).
const O_DIRECTORY: u64 = if cfg!(any(target_arch = "aarch64", target_arch = "arm")) { 0o40_000 } else { 0o200_000 };

/// Where the link of a descriptor was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The folder of the descriptors.
    pub(super) folder: &'a OwnedFd,
    /// The descriptor's name in it.
    pub(super) name: &'a CStr,
    /// The process.
    pub(super) dir: &'a ProcDir,
    /// The folder within the process: `` or `task/78/`.
    pub(super) base: &'a str,
}

/// What is at the other end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) kind: FileType,
    /// Major and minor number, of devices only.
    pub(super) device: (u32, u32),
}

impl Node {
    /// The class of a descriptor, of which `named` is the class by its name.
    pub(super) fn class(self, named: FdClass, link: &[u8]) -> (FdClass, Option<FdKind>) {
        match self.kind {
            FileType::Directory => (FdClass::Directory, None),
            FileType::Fifo => (FdClass::Fifo, None),
            // Numbers of devices: Documentation/admin-guide/devices.txt of the kernel.
            FileType::CharacterDevice => match self.device {
                (5, 2) => (FdClass::Pty, Some(FdKind::PtyMaster)),
                (136..=143, _) => (FdClass::Pty, Some(FdKind::PtySlave)),
                (4 | 5, _) => (FdClass::Tty, None),
                _ => (FdClass::Device, None),
            },
            FileType::BlockDevice | FileType::Socket => (FdClass::Device, None),
            // A plain file below /dev.
            FileType::RegularFile if named == FdClass::Device => {
                (by_file_name(link.rsplit(|&b| b == b'/').next().unwrap_or_default()), None)
            }
            FileType::RegularFile | FileType::Symlink | FileType::Unknown => (named, None),
        }
    }
}

/// True for classes that follow from a path alone, so that it must be asked what is there: a directory may be called
/// `index.db`, and a named pipe `access.log`.
pub(super) fn asked(class: FdClass) -> bool {
    match class {
        FdClass::SqliteDb
        | FdClass::SqliteWal
        | FdClass::SqliteShm
        | FdClass::SqliteJournal
        | FdClass::Log
        | FdClass::Directory
        | FdClass::Device
        | FdClass::File => true,
        FdClass::Eventpoll
        | FdClass::Eventfd
        | FdClass::Timerfd
        | FdClass::Signalfd
        | FdClass::Inotify
        | FdClass::Fanotify
        | FdClass::Pidfd
        | FdClass::IoUring
        | FdClass::Userfaultfd
        | FdClass::Bpf
        | FdClass::PerfEvent
        | FdClass::AnonOther
        | FdClass::Memfd
        | FdClass::Socket
        | FdClass::Pipe
        | FdClass::Fifo
        | FdClass::Pty
        | FdClass::Tty
        | FdClass::Deleted
        | FdClass::Unknown => false,
    }
}

impl Place<'_> {
    /// `None` where it cannot be told.
    ///
    /// # Errors
    /// The descriptor was closed meanwhile, or slowdrip itself lacks the means.
    pub(super) fn node(&self) -> Result<Option<Node>, Errno> {
        // The links of a recorded tree lead into this machine's own files.
        if !fstatfs(self.folder).is_ok_and(|fs| fs.f_type == PROC_SUPER_MAGIC) {
            return self.by_flags();
        }
        // The link of /proc leads to the open file itself, whatever now has its path. A file on a server that is gone
        // (NFS, FUSE) must not be asked anew: the kernel answers from what it has.
        let flags = AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
        match statx(self.folder, self.name, flags, StatxFlags::TYPE) {
            Ok(stat) if StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::TYPE) => Ok(Some(Node {
                kind: FileType::from_raw_mode(u32::from(stat.stx_mode)),
                device: (stat.stx_rdev_major, stat.stx_rdev_minor),
            })),
            Err(error) if lacks_means(error) || matches!(error, Errno::NOENT | Errno::SRCH) => Err(error),
            // Kernels before 4.11, filters on system calls, file systems that do not tell.
            Ok(_) | Err(_) => self.by_flags(),
        }
    }

    /// By the flags with which it was opened, in fdinfo.
    fn by_flags(&self) -> Result<Option<Node>, Errno> {
        let info = match self.dir.read(&format!("{}fdinfo/{}", self.base, self.name.to_string_lossy()), 4096) {
            Ok(info) => info,
            Err(error) if lacks_means(error) => return Err(error),
            Err(_) => return Ok(None),
        };
        let directory = parse::open_flags(&info).is_some_and(|flags| flags & O_DIRECTORY != 0);
        Ok(directory.then_some(Node { kind: FileType::Directory, device: (0, 0) }))
    }
}

/// True where slowdrip itself ran out of something: the answer says nothing of the target.
pub(super) fn lacks_means(error: Errno) -> bool {
    matches!(error, Errno::MFILE | Errno::NFILE | Errno::NOMEM)
}
