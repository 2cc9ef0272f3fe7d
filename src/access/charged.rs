//! What the target is charged with, where its cgroup cannot be seen: the engine is asked on the side.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::task::AbortOnDropHandle;

use crate::model::{CgroupSample, Snapshot};
use crate::target::Meter;

/// Older figures are no figures.
const STALE: Duration = Duration::from_secs(60);

type Latest = Arc<Mutex<Option<(Instant, CgroupSample)>>>;

/// The engine's latest words. The engine takes a second or two for an answer, so a snapshot never waits for it: it takes what
/// the question after the snapshot before brought, which is as old as the time between two snapshots.
#[derive(Debug)]
pub(super) struct Charged {
    meter: Meter,
    latest: Latest,
    asking: AbortOnDropHandle<()>,
}

impl Charged {
    /// Asks for the first time.
    pub(super) fn new(meter: Meter) -> Self {
        let latest = Latest::default();
        let asking = ask(meter.clone(), Arc::clone(&latest));
        Self { meter, latest, asking }
    }

    /// Fills in what the look could not see, and asks again.
    pub(super) fn fill(&mut self, snapshot: &mut Snapshot) {
        let seen = snapshot.target.cgroup.as_ref().is_some_and(|cgroup| cgroup.memory.value().is_some());
        if seen {
            return;
        }
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, sample)) = latest.filter(|(at, _)| at.elapsed() < STALE) {
            snapshot.target.cgroup = Some(sample);
        }
        if self.asking.is_finished() {
            self.asking = ask(self.meter.clone(), Arc::clone(&self.latest));
        }
    }
}

fn ask(meter: Meter, latest: Latest) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        if let Some(sample) = meter.read().await {
            *latest.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), sample));
        }
    }))
}
