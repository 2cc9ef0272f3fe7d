//! What the target's cgroup was charged with, on cgroup v1 and v2.

use super::root::ProcRoot;
use crate::model::{CgroupSample, Gap};

/// Reads the cgroup of a target, and finds it again after a restart.
#[derive(Debug, Default)]
pub struct Cgroups {}

impl Cgroups {
    /// The figures of the cgroup of process `pid`, which is named after the container `id`; `None` where the target has none
    /// of its own or the hierarchy cannot be seen from here.
    pub fn look(&mut self, _root: &ProcRoot, _pid: u32, _id: &str, _gaps: &mut Vec<Gap>) -> Option<CgroupSample> {
        None
    }
}
