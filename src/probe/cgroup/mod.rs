//! What the target's cgroup was charged with, on cgroup v1, v2 and machines that use both.
//!
//! The hierarchies are found in the list of mounts, and the cgroup in `/proc/PID/cgroup` of the target's first process: never
//! by a guess from the container's id. Both are written as the reader's cgroup namespace shows them. A controller is in one
//! hierarchy only: in that of v1 that names it, or else in that of v2.

mod figures;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::parse::{self, CgroupLine, CgroupMount};
use super::root::{ProcRoot, gap_reason, refused};
use crate::model::{CgroupSample, Gap, GapReason};

/// The most that is read of a file, bytes.
const CAP: u64 = 1 << 20;

/// Reads the cgroup of a target, and finds it again after a restart.
#[derive(Debug)]
pub struct Cgroups {
    // The folder below which the mount points lie.
    top: PathBuf,
    mounts: Option<Vec<CgroupMount>>,
    found: Option<Found>,
}

#[derive(Debug)]
struct Found {
    pid: u32,
    id: String,
    places: Places,
    // True once a figure was read.
    told: bool,
}

/// Where the files of each controller are.
#[derive(Debug, Default, PartialEq, Eq)]
struct Places {
    memory: Option<Place>,
    pids: Option<Place>,
    cpu: Option<Place>,
    cpuacct: Option<Place>,
    blkio: Option<Place>,
}

/// A folder of a hierarchy.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    V1(PathBuf),
    V2(PathBuf),
}

impl Default for Cgroups {
    /// Those of this machine.
    fn default() -> Self {
        Self::at("/")
    }
}

impl Cgroups {
    /// A recorded tree: the folder below which the mount points lie. The list of mounts is always `self/mountinfo` of the
    /// processes' own tree.
    pub fn at(top: impl Into<PathBuf>) -> Self {
        Self { top: top.into(), mounts: None, found: None }
    }

    /// The figures of the cgroup of process `pid`, which is named after the container `id`; `None` where the target has none
    /// of its own or the hierarchy cannot be seen from here.
    pub fn look(&mut self, root: &ProcRoot, pid: u32, id: &str, gaps: &mut Vec<Gap>) -> Option<CgroupSample> {
        if self.found.as_ref().is_none_or(|found| found.pid != pid || found.id != id) {
            self.found = None;
            let places = self.find(root, pid, id, gaps)?;
            self.found = Some(Found { pid, id: id.to_owned(), places, told: false });
        }
        let found = self.found.as_mut()?;
        let sample = figures::read(&found.places);
        if sample == figures::nothing() {
            // The container ended, or its cgroup was made anew elsewhere. One that never told anything is out of sight.
            if found.told {
                gaps.push(Gap { what: format!("cgroup of {pid}"), reason: GapReason::Gone, count: 1 });
            }
            self.found = None;
            return None;
        }
        found.told = true;
        gaps.extend(figures::gaps(&sample));
        Some(sample)
    }

    /// Where the cgroup of a process is; `None` where none of its own can be seen.
    fn find(&mut self, root: &ProcRoot, pid: u32, id: &str, gaps: &mut Vec<Gap>) -> Option<Places> {
        let text = match root.open(pid).and_then(|dir| dir.read("cgroup", CAP)) {
            Ok(text) => text,
            Err(errno) => {
                // That the process is gone is said by whoever looks for it.
                let reason = gap_reason::<()>(&refused(errno)).filter(|reason| *reason != GapReason::Gone);
                gaps.extend(reason.map(|reason| Gap { what: format!("cgroup of {pid}"), reason, count: 1 }));
                return None;
            }
        };
        if self.mounts.is_none() {
            match figures::file(&root.path().join("self/mountinfo")) {
                Ok(text) => self.mounts = Some(parse::cgroup_mounts(&text)),
                Err(errno) => {
                    // A recorded tree may know nothing of mounts.
                    let reason = gap_reason::<()>(&refused(errno)).filter(|reason| *reason != GapReason::Gone);
                    gaps.extend(reason.map(|reason| Gap { what: "list of mounts".to_owned(), reason, count: 1 }));
                    return None;
                }
            }
        }
        let lines: Vec<CgroupLine<'_>> = parse::cgroup_lines(&text).collect();
        let mounts = self.mounts.as_deref().unwrap_or_default();
        let place = |controller: &str| place(&lines, mounts, &self.top, controller, id);
        let places = Places {
            memory: place("memory"),
            pids: place("pids"),
            cpu: place("cpu"),
            cpuacct: place("cpuacct"),
            blkio: place("blkio"),
        };
        (places != Places::default()).then_some(places)
    }
}

/// Where a container's cgroup is in the hierarchy of a controller, by the name it has in v1.
fn place(lines: &[CgroupLine<'_>], mounts: &[CgroupMount], top: &Path, controller: &str, id: &str) -> Option<Place> {
    let folder = |line: &CgroupLine<'_>, mounted: &dyn Fn(&CgroupMount) -> bool| -> Option<PathBuf> {
        let own = of_container(line.path, id)?;
        let (mount, rest) =
            mounts.iter().filter(|mount| mounted(mount)).find_map(|mount| Some((mount, below(&mount.root, own)?)))?;
        Some(top.join(relative(&mount.point)).join(relative(rest)))
    };
    if let Some(line) = lines.iter().find(|line| line.has(controller)) {
        let mounted = |mount: &CgroupMount| {
            mount.controllers.as_ref().is_some_and(|own| own.iter().any(|own| own == controller.as_bytes()))
        };
        return folder(line, &mounted).map(Place::V1);
    }
    let line = lines.iter().find(|line| line.is_v2())?;
    folder(line, &|mount| mount.controllers.is_none()).map(Place::V2)
}

/// The path down to the folder that is named after the container: the process itself may be in a cgroup within
/// (`/docker-ID.scope/init`).
fn of_container<'a>(path: &'a [u8], id: &str) -> Option<&'a [u8]> {
    if id.is_empty() {
        return None;
    }
    let at = path.windows(id.len()).position(|part| part == id.as_bytes())?;
    let rest = path.get(at..)?;
    let end = rest.iter().position(|&b| b == b'/').map_or(path.len(), |slash| at + slash);
    path.get(..end)
}

/// The part of a path below the folder that is mounted; `None` where it is not below it. Both may begin with `..` where they
/// are above the root of the reader's cgroup namespace.
fn below<'a>(root: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let rest = path.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with(b"/"))?;
    let climbs = rest.split(|&b| b == b'/').any(|part| part == b"..");
    (!climbs).then_some(rest)
}

fn relative(path: &[u8]) -> &Path {
    let start = path.iter().position(|&b| b != b'/').unwrap_or(path.len());
    Path::new(OsStr::from_bytes(path.get(start..).unwrap_or_default()))
}
