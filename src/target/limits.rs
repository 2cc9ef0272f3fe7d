//! The limit of open descriptors: slowdrip takes all that it may have, and a target that it starts gets what slowdrip got.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limits with which slowdrip was started, where they were raised.
static STARTED_WITH: OnceLock<Rlimit> = OnceLock::new();

/// Raises the soft limit of open descriptors of this process to the hard one, see getrlimit(2), and returns what it then is;
/// `None`: there is none. To be called once, before anything is started. A kernel that refuses leaves the limit as it is: what
/// cannot be opened then is a gap.
pub fn raise_own_limit() -> Option<u64> {
    let started = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: started.maximum, maximum: started.maximum };
    if raised != started && setrlimit(Resource::Nofile, raised).is_ok() {
        // A second call finds nothing left to raise.
        let _first = STARTED_WITH.set(started);
    }
    getrlimit(Resource::Nofile).current
}

/// Starts a child under the limit with which slowdrip was started: a soft limit is inherited, and an application that
/// sizes its tables by it, or that leaks, would behave in another way than without slowdrip.
///
/// The limit is that of the whole process. For this moment nobody else may open a descriptor beyond the old one, which
/// slowdrip comes near to only when it reads hundreds of processes at once. Not for use from two threads at a time.
pub(super) fn as_started<T>(start: impl FnOnce() -> T) -> T {
    let Some(started) = STARTED_WITH.get() else { return start() };
    let own = getrlimit(Resource::Nofile);
    let lowered = setrlimit(Resource::Nofile, *started).is_ok();
    let child = start();
    if lowered {
        // It was allowed a moment ago, so it is allowed now.
        let _raised = setrlimit(Resource::Nofile, own);
    }
    child
}
