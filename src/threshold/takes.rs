//! Which keys go with which class: said once, for the reader and for the schema.

use super::{Per, Selector};
use crate::model::{DeadKind, Metric, Unit};

/// What can be said of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Takes {
    /// What its figures are in.
    pub(super) unit: Unit,
    /// It has a limit, so that `max_limit_ratio` means something.
    pub(super) limit: bool,
    /// Its dead handles are known: `max_dead`.
    pub(super) dead: bool,
    /// It counts processes by their age: `older_than`.
    pub(super) older_than: bool,
    /// It is a sum over processes: `per: process`.
    pub(super) process: bool,
    /// It is a sum over paths: `per: path`.
    pub(super) path: bool,
}

impl Takes {
    /// A class by `match`.
    pub(super) const LINKS: Self =
        Self { unit: Unit::Count, limit: true, dead: false, older_than: false, process: true, path: true };
    /// A class by `match_cmdline`.
    pub(super) const CMDLINE: Self =
        Self { unit: Unit::Count, limit: false, dead: false, older_than: true, process: true, path: false };

    /// What can be said of what a class counts.
    pub(super) fn of(select: &Selector) -> Self {
        match select {
            Selector::Metric(metric) => Self::metric(*metric),
            Selector::Links(_) => Self::LINKS,
            Selector::Cmdline(_) => Self::CMDLINE,
        }
    }

    /// What can be said of a built-in class.
    pub(super) fn metric(metric: Metric) -> Self {
        let descriptors = metric.is_descriptors();
        Self {
            unit: metric.unit(),
            limit: descriptors || metric.is_memory() || metric == Metric::CgroupPids,
            dead: DeadKind::ALL.iter().any(|kind| kind.is_of(metric)),
            older_than: metric.is_processes(),
            process: descriptors || metric.is_processes() || is_memory_of_processes(metric),
            path: descriptors,
        }
    }

    /// Whose figures can be judged, the default first.
    pub(super) fn per(self) -> Vec<Per> {
        let process = self.process.then_some(Per::Process);
        let path = self.path.then_some(Per::Path);
        [Some(Per::Target), process, path].into_iter().flatten().collect()
    }
}

fn is_memory_of_processes(metric: Metric) -> bool {
    matches!(metric, Metric::MemAnon | Metric::MemRss | Metric::MemFile | Metric::MemShmem | Metric::MemSwap)
}
