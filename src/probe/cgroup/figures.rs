//! The files of a cgroup: "Control Group v2" and "cgroup-v1" of the kernel's documentation.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rustix::io::Errno;

use super::{CAP, Place, Places};
use crate::model::{CgroupSample, Gap, Reading};
use crate::probe::parse;
use crate::probe::root::{gap_reason, refused};

/// A cgroup of which nothing can be read.
pub(super) fn nothing() -> CgroupSample {
    CgroupSample {
        memory: Reading::Gone,
        anon: Reading::Gone,
        file: Reading::Gone,
        kernel: Reading::Gone,
        memory_max: Reading::Gone,
        memory_max_events: Reading::Gone,
        oom_kills: Reading::Gone,
        pids: Reading::Gone,
        pids_max: Reading::Gone,
        cpu_us: Reading::Gone,
        throttled_us: Reading::Gone,
        io_read: Reading::Gone,
        io_write: Reading::Gone,
    }
}

/// Reads every figure once. Those whose file or line is not there are [`Reading::Gone`].
pub(super) fn read(places: &Places) -> CgroupSample {
    let mut sample = nothing();
    match &places.memory {
        Some(Place::V1(dir)) => memory_v1(dir, &mut sample),
        Some(Place::V2(dir)) => memory_v2(dir, &mut sample),
        None => {}
    }
    if let Some(Place::V1(dir) | Place::V2(dir)) = &places.pids {
        sample.pids = parsed(dir, "pids.current", parse::figure);
        sample.pids_max = parsed(dir, "pids.max", parse::limit);
    }
    match &places.cpuacct {
        Some(Place::V1(dir)) => sample.cpu_us = parsed(dir, "cpuacct.usage", parse::figure).map(|nanos| nanos / 1000),
        Some(Place::V2(dir)) => sample.cpu_us = key(&text(dir, "cpu.stat"), "usage_usec"),
        None => {}
    }
    match &places.cpu {
        Some(Place::V1(dir)) => {
            sample.throttled_us = key(&text(dir, "cpu.stat"), "throttled_time").map(|nanos| nanos / 1000);
        }
        Some(Place::V2(dir)) => sample.throttled_us = key(&text(dir, "cpu.stat"), "throttled_usec"),
        None => {}
    }
    let io = match &places.blkio {
        Some(Place::V1(dir)) => match parsed(dir, "blkio.throttle.io_service_bytes_recursive", parse::blkio_sum) {
            // Before Linux 4.20: without the cgroups within.
            Reading::Gone => parsed(dir, "blkio.throttle.io_service_bytes", parse::blkio_sum),
            told @ (Reading::Value(_) | Reading::Denied | Reading::Malformed(_)) => told,
        },
        Some(Place::V2(dir)) => parsed(dir, "io.stat", parse::io_sum),
        None => Reading::Gone,
    };
    (sample.io_read, sample.io_write) = (io.clone().map(|(read, _)| read), io.map(|(_, written)| written));
    sample
}

fn memory_v2(dir: &Path, sample: &mut CgroupSample) {
    let (stat, events) = (text(dir, "memory.stat"), text(dir, "memory.events"));
    sample.memory = parsed(dir, "memory.current", parse::figure);
    sample.anon = key(&stat, "anon");
    sample.file = key(&stat, "file");
    sample.kernel = match key(&stat, "kernel") {
        Reading::Gone => kernel_parts(&stat),
        told @ (Reading::Value(_) | Reading::Denied | Reading::Malformed(_)) => told,
    };
    sample.memory_max = parsed(dir, "memory.max", parse::limit);
    sample.memory_max_events = key(&events, "max");
    sample.oom_kills = key(&events, "oom_kill");
}

/// Before Linux 5.18 the kernel's share stands in parts, of which older kernels know fewer.
fn kernel_parts(stat: &Reading<Vec<u8>>) -> Reading<u64> {
    let (Reading::Value(stacks), Reading::Value(slab)) = (key(stat, "kernel_stack"), key(stat, "slab")) else {
        return Reading::Gone;
    };
    let others = ["pagetables", "percpu", "vmalloc"].map(|name| key(stat, name));
    Reading::Value(
        others
            .iter()
            .filter_map(Reading::value)
            .fold(stacks.saturating_add(slab), |sum, part| sum.saturating_add(*part)),
    )
}

fn memory_v1(dir: &Path, sample: &mut CgroupSample) {
    let stat = text(dir, "memory.stat");
    sample.memory = parsed(dir, "memory.usage_in_bytes", parse::figure);
    // With the cgroups within.
    sample.anon = key(&stat, "total_rss");
    sample.file = key(&stat, "total_cache");
    sample.kernel = parsed(dir, "memory.kmem.usage_in_bytes", parse::figure);
    sample.memory_max = parsed(dir, "memory.limit_in_bytes", parse::limit);
    sample.memory_max_events = parsed(dir, "memory.failcnt", parse::figure);
    sample.oom_kills = key(&text(dir, "memory.oom_control"), "oom_kill");
}

/// What could not be read although it is there.
pub(super) fn gaps(sample: &CgroupSample) -> Vec<Gap> {
    let reasons = [
        ("memory", gap_reason(&sample.memory)),
        ("anonymous memory", gap_reason(&sample.anon)),
        ("page cache", gap_reason(&sample.file)),
        ("kernel memory", gap_reason(&sample.kernel)),
        ("memory limit", gap_reason(&sample.memory_max)),
        ("hits of the memory limit", gap_reason(&sample.memory_max_events)),
        ("out-of-memory kills", gap_reason(&sample.oom_kills)),
        ("processes", gap_reason(&sample.pids)),
        ("limit of processes", gap_reason(&sample.pids_max)),
        ("CPU time", gap_reason(&sample.cpu_us)),
        ("throttled time", gap_reason(&sample.throttled_us)),
        ("bytes read", gap_reason(&sample.io_read)),
        ("bytes written", gap_reason(&sample.io_write)),
    ];
    let told = reasons.into_iter().filter_map(|(what, reason)| Some((what, reason?)));
    told.filter(|(_, reason)| *reason != crate::model::GapReason::Gone)
        .map(|(what, reason)| Gap { what: format!("{what} of the cgroup"), reason, count: 1 })
        .collect()
}

/// A file of at most [`CAP`] bytes.
pub(super) fn file(path: &Path) -> Result<Vec<u8>, Errno> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(CAP).read_to_end(&mut text));
    read.map_err(|err| Errno::from_io_error(&err).unwrap_or(Errno::IO))?;
    Ok(text)
}

fn text(dir: &Path, name: &str) -> Reading<Vec<u8>> {
    match file(&dir.join(name)) {
        Ok(text) => Reading::Value(text),
        // A cgroup that was removed while it was read; a controller that is switched off.
        Err(Errno::NODEV | Errno::OPNOTSUPP) => Reading::Gone,
        Err(errno) => refused(errno),
    }
}

fn parsed<T>(dir: &Path, name: &str, parse: impl FnOnce(&[u8]) -> Result<T, String>) -> Reading<T> {
    match text(dir, name) {
        Reading::Value(text) => {
            parse(&text).map_or_else(|problem| Reading::Malformed(format!("{name}: {problem}")), Reading::Value)
        }
        Reading::Denied => Reading::Denied,
        Reading::Gone => Reading::Gone,
        Reading::Malformed(problem) => Reading::Malformed(format!("{name}: {problem}")),
    }
}

fn key(text: &Reading<Vec<u8>>, key: &str) -> Reading<u64> {
    match text {
        Reading::Value(text) => match parse::keyed(text, key) {
            Ok(Some(figure)) => Reading::Value(figure),
            Ok(None) => Reading::Gone,
            Err(problem) => Reading::Malformed(problem),
        },
        Reading::Denied => Reading::Denied,
        Reading::Gone => Reading::Gone,
        Reading::Malformed(problem) => Reading::Malformed(problem.clone()),
    }
}
