//! What watching costs, from slowdrip's own /proc.

use std::time::Instant;

use rustix::io::Errno;

use super::parse;
use super::root::{ProcRoot, gap_reason, refused};
use crate::model::{Gap, Observer, Reading};

/// What slowdrip has used up, and how long the look took that was begun then.
pub(super) fn observer(begun: Instant, gaps: &mut Vec<Gap>) -> Observer {
    let own = own();
    if let Some(reason) = gap_reason(&own) {
        gaps.push(Gap { what: "slowdrip's own use".to_owned(), reason, count: 1 });
    }
    let (cpu_us, rss) = own.value().copied().unwrap_or_default();
    Observer { scan_us: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX), cpu_us, rss }
}

/// CPU time, microseconds, and resident memory, bytes.
fn own() -> Reading<(u64, u64)> {
    let read = || -> Result<(Vec<u8>, Vec<u8>), Errno> {
        let dir = ProcRoot::system().open(std::process::id())?;
        Ok((dir.read("stat", 4096)?, dir.read("status", 64 * 1024)?))
    };
    let (stat, status) = match read() {
        Ok(texts) => texts,
        Err(errno) => return refused(errno),
    };
    let stat = match parse::stat(&stat) {
        Ok(stat) => stat,
        Err(problem) => return Reading::Malformed(problem),
    };
    let ticks = stat.user_ticks.saturating_add(stat.kernel_ticks);
    let cpu_us = ticks.saturating_mul(1_000_000) / procfs::ticks_per_second().max(1);
    parse::status(&status).rss.map(|rss| (cpu_us, rss))
}
