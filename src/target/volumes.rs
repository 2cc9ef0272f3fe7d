//! What the volumes of a container hold, counted as du(1) does: blocks, a file with several names once, no link followed, no
//! other file system entered. They are reached through the root folder of the container's first process.

use std::collections::HashSet;
use std::ffi::CString;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2, statat};
use rustix::io::Errno;
use tokio::sync::oneshot;

use crate::model::Reading;

/// How much of a volume is walked.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    entries: u64,
    depth: usize,
    within: Duration,
}

impl Bounds {
    /// What costs well below a second where the names are in the kernel's caches.
    const USUAL: Self = Self { entries: 200_000, depth: 200, within: Duration::from_secs(20) };
}

/// How much longer than the bounds a walk is waited for: a file system that does not answer holds it for ever.
const GRACE: Duration = Duration::from_secs(5);

/// Bytes in each volume, by the path it is mounted at in the container whose first process this is.
///
/// Walks on a thread of its own, which nobody waits for when slowdrip ends: a file system may never answer.
pub(super) async fn measure(pid: u32, id: String, paths: Vec<String>) -> Vec<(String, Reading<u64>)> {
    if paths.is_empty() {
        return Vec::new();
    }
    let (sender, answer) = oneshot::channel();
    let wanted = paths.clone();
    let walk = move || {
        let root = root_of(Path::new("/proc"), pid, &id);
        let sizes = wanted.iter().map(|path| match &root {
            Ok(root) => size(root, path, Bounds::USUAL),
            Err(why) => why.clone(),
        });
        // Nobody may be waiting any more.
        let _ = sender.send(sizes.collect::<Vec<_>>());
    };
    let all = u32::try_from(paths.len()).unwrap_or(u32::MAX);
    let patience = Bounds::USUAL.within.saturating_mul(all).saturating_add(GRACE);
    let unanswered = |problem: &str| vec![Reading::Malformed(problem.to_owned()); paths.len()];
    let sizes = match std::thread::Builder::new().name("volumes".to_owned()).spawn(walk) {
        Err(err) => unanswered(&format!("no thread to walk it: {err}")),
        Ok(_detached) => match tokio::time::timeout(patience, answer).await {
            Ok(Ok(sizes)) => sizes,
            Ok(Err(_)) | Err(_) => unanswered("its file system does not answer"),
        },
    };
    paths.into_iter().zip(sizes).collect()
}

/// The root folder of a process, if that is in a cgroup of the container: the engine may run on another machine, where its
/// pids mean others.
fn root_of(proc: &Path, pid: u32, id: &str) -> Result<OwnedFd, Reading<u64>> {
    let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let process = openat(CWD, proc.join(pid.to_string()), folder, Mode::empty()).map_err(refused)?;
    let cgroup = openat(&process, "cgroup", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(refused)?;
    let mut text = Vec::new();
    File::from(cgroup)
        .take(1 << 20)
        .read_to_end(&mut text)
        .map_err(|err| refused(Errno::from_io_error(&err).unwrap_or(Errno::IO)))?;
    if id.is_empty() || !text.windows(id.len()).any(|part| part == id.as_bytes()) {
        return Err(Reading::Gone);
    }
    openat(&process, "root", folder, Mode::empty()).map_err(refused)
}

/// Bytes at a path of the container. Links in it lead where they lead in the container.
fn size(root: &OwnedFd, path: &str, bounds: Bounds) -> Reading<u64> {
    let top = openat2(root, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::IN_ROOT);
    let found = top.and_then(|top| fstat(&top).map(|stat| (top, stat)));
    match found {
        Err(errno) => refused(errno),
        // A part of a volume may be mounted, which may be a file.
        Ok((_, stat)) if !is_folder(&stat) => Reading::Value(blocks(&stat)),
        Ok((top, _)) => walk(&top, bounds).map_or_else(|why| why, Reading::Value),
    }
}

/// A folder whose files are counted, and its folders that are not yet.
struct Level {
    fd: OwnedFd,
    left: Vec<CString>,
}

struct Walk {
    bounds: Bounds,
    until: Instant,
    device: u64,
    entries: u64,
    sum: u64,
    // Files with several names that were counted.
    linked: HashSet<u64>,
}

fn walk(top: &OwnedFd, bounds: Bounds) -> Result<u64, Reading<u64>> {
    let top = openat(top, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(refused)?;
    let device = fstat(&top).map_err(refused)?.st_dev;
    let until = Instant::now() + bounds.within;
    let mut walk = Walk { bounds, until, device, entries: 0, sum: 0, linked: HashSet::new() };
    let mut levels = vec![walk.enter(top)?];
    while let Some(level) = levels.last_mut() {
        let Some(name) = level.left.pop() else {
            levels.pop();
            continue;
        };
        // Another volume within this one lies on the same device, often: the kernel says where a mount begins.
        let opened = openat2(
            &level.fd,
            name.as_c_str(),
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH,
        );
        match opened {
            Ok(folder) if levels.len() < bounds.depth => {
                let level = walk.enter(folder)?;
                levels.push(level);
            }
            Ok(_) => return Err(Reading::Malformed(format!("folders nested deeper than {}", bounds.depth))),
            // Removed meanwhile, another mount, or put in place of a folder.
            Err(Errno::NOENT | Errno::XDEV | Errno::LOOP | Errno::NOTDIR) => {}
            Err(errno) => return Err(refused(errno)),
        }
    }
    Ok(walk.sum)
}

impl Walk {
    /// Counts a folder and all in it that is no folder.
    fn enter(&mut self, folder: OwnedFd) -> Result<Level, Reading<u64>> {
        let own = fstat(&folder).map_err(refused)?;
        self.sum = self.sum.saturating_add(blocks(&own));
        let mut left = Vec::new();
        for entry in Dir::read_from(&folder).map_err(refused)? {
            let entry = entry.map_err(refused)?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            self.entries += 1;
            if self.entries > self.bounds.entries {
                return Err(Reading::Malformed(format!("more than {} files", self.bounds.entries)));
            }
            if Instant::now() > self.until {
                let seconds = self.bounds.within.as_secs();
                return Err(Reading::Malformed(format!("not walked within {seconds} s")));
            }
            let stat = match statat(folder.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(refused(errno)),
            };
            if is_folder(&stat) {
                left.push(name.to_owned());
            } else if stat.st_dev == self.device && (stat.st_nlink < 2 || self.linked.insert(stat.st_ino)) {
                self.sum = self.sum.saturating_add(blocks(&stat));
            }
        }
        Ok(Level { fd: folder, left })
    }
}

fn is_folder(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// What is taken of the disk: blocks of 512 bytes, see stat(3type).
fn blocks(stat: &Stat) -> u64 {
    u64::try_from(stat.st_blocks).unwrap_or_default().saturating_mul(512)
}

fn refused(errno: Errno) -> Reading<u64> {
    match errno {
        Errno::ACCESS | Errno::PERM => Reading::Denied,
        Errno::NOENT | Errno::SRCH => Reading::Gone,
        other => Reading::Malformed(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    const ID: &str = "4c01db0b339c";

    /// A process 7 of the container, whose root folder holds `data`.
    fn container() -> (tempfile::TempDir, OwnedFd) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("inside");
        fs::create_dir_all(root.join("data")).unwrap();
        fs::create_dir_all(dir.path().join("7")).unwrap();
        fs::write(dir.path().join("7/cgroup"), format!("0::/docker/{ID}\n")).unwrap();
        symlink(&root, dir.path().join("7/root")).unwrap();
        let root = root_of(dir.path(), 7, ID).unwrap();
        (dir, root)
    }

    fn of(root: &OwnedFd, path: &str) -> u64 {
        *size(root, path, Bounds::USUAL).value().unwrap()
    }

    #[test]
    fn counts_blocks_a_file_with_two_names_once_and_no_link() {
        let (dir, root) = container();
        let data = dir.path().join("inside/data");
        let empty = of(&root, "/data");
        fs::write(data.join("a"), vec![1; 100_000]).unwrap();
        let one = of(&root, "/data");
        assert!((100_000..200_000).contains(&(one - empty)), "{one} {empty}");
        fs::hard_link(data.join("a"), data.join("b")).unwrap();
        fs::write(dir.path().join("inside/elsewhere"), vec![1; 100_000]).unwrap();
        symlink("/elsewhere", data.join("c")).unwrap();
        assert!(of(&root, "/data") - one < 8192);
        // Room that is not written takes no space.
        fs::File::create(data.join("hole")).unwrap().set_len(1 << 30).unwrap();
        assert!(of(&root, "/data") - one < 16_384);
        fs::create_dir_all(data.join("x/y")).unwrap();
        fs::write(data.join("x/y/z"), vec![1; 50_000]).unwrap();
        assert!(of(&root, "/data") - one >= 50_000);
        assert!(of(&root, "/data/x/y/z") >= 50_000, "a file may be mounted too");
    }

    #[test]
    fn a_link_in_the_path_leads_where_it_leads_in_the_container() {
        let (dir, root) = container();
        fs::create_dir_all(dir.path().join("inside/run")).unwrap();
        fs::write(dir.path().join("inside/run/own"), vec![1; 60_000]).unwrap();
        symlink("/run", dir.path().join("inside/var")).unwrap();
        assert_eq!(of(&root, "/var"), of(&root, "/run"));
        // Out of the container there is no way.
        symlink("../../../../..", dir.path().join("inside/out")).unwrap();
        assert_eq!(of(&root, "/out/run"), of(&root, "/run"));
        assert_eq!(size(&root, "/nothing", Bounds::USUAL), Reading::Gone);
    }

    #[test]
    fn a_volume_beyond_the_bounds_is_not_half_counted() {
        let (dir, root) = container();
        let data = dir.path().join("inside/data");
        (0..20).for_each(|i| fs::write(data.join(i.to_string()), "").unwrap());
        fs::create_dir_all(data.join("a/b/c/d")).unwrap();
        let problem = |bounds| match size(&root, "/data", bounds) {
            Reading::Malformed(problem) => problem,
            other @ (Reading::Value(_) | Reading::Denied | Reading::Gone) => panic!("{other:?}"),
        };
        assert_eq!(problem(Bounds { entries: 10, ..Bounds::USUAL }), "more than 10 files");
        assert_eq!(problem(Bounds { depth: 3, ..Bounds::USUAL }), "folders nested deeper than 3");
        let soon = Duration::ZERO;
        assert!(problem(Bounds { within: soon, ..Bounds::USUAL }).starts_with("not walked within"));
    }

    #[test]
    fn a_process_that_is_not_the_containers_is_not_looked_into() {
        let (dir, _) = container();
        assert_eq!(root_of(dir.path(), 7, "another").unwrap_err(), Reading::Gone);
        assert_eq!(root_of(dir.path(), 7, "").unwrap_err(), Reading::Gone);
        assert_eq!(root_of(dir.path(), 8, ID).unwrap_err(), Reading::Gone);
    }

    #[tokio::test]
    async fn every_volume_has_an_answer() {
        assert_eq!(measure(u32::MAX, ID.to_owned(), Vec::new()).await, []);
        let sizes = measure(u32::MAX, ID.to_owned(), vec!["/a".to_owned(), "/b".to_owned()]).await;
        assert_eq!(sizes, [("/a".to_owned(), Reading::Gone), ("/b".to_owned(), Reading::Gone)]);
    }
}
