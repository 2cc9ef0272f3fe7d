//! What a container is charged with, in the engine's words: for whoever does not see the container's cgroup.

use std::collections::HashMap;

use bollard::models::{ContainerBlkioStatEntry, ContainerStatsResponse};
use bollard::query_parameters::StatsOptionsBuilder;
use futures_util::StreamExt;

use super::Engine;
use crate::model::{CgroupSample, Reading};

impl Engine {
    /// One answer of the stats call; `None` where there is none. The engine takes a second or two, also for a single one.
    pub(super) async fn charged(&self, container: &str) -> Option<CgroupSample> {
        let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
        let answer = self.api.stats(container, Some(options)).next().await?.ok()?;
        sample(&answer)
    }
}

/// The figures that the engine passes on. It keeps the count of memory kills to itself, and says the machine's memory where
/// there is no limit, so that neither can be told from it.
fn sample(answer: &ContainerStatsResponse) -> Option<CgroupSample> {
    // Of a container that does not run, all figures are missing.
    let memory = answer.memory_stats.as_ref()?;
    let usage = memory.usage?;
    let empty = HashMap::new();
    let stats = memory.stats.as_ref().unwrap_or(&empty);
    // The names of cgroup v1 (sums over the whole tree), then those of v2.
    let named = |names: &[&str]| told(names.iter().find_map(|name| stats.get(*name)).copied());
    let v1 = stats.contains_key("total_rss");
    let cpu = answer.cpu_stats.as_ref();
    let pids = answer.pids_stats.as_ref();
    let io = answer.blkio_stats.as_ref().and_then(|io| io.io_service_bytes_recursive.as_deref());
    let micros = |nanos: u64| nanos / 1000;
    Some(CgroupSample {
        memory: Reading::Value(usage),
        anon: named(&["total_rss", "anon"]),
        file: named(&["total_cache", "file"]),
        kernel: named(&["kernel"]),
        memory_max: Reading::Gone,
        memory_max_events: told(memory.failcnt.filter(|_| v1)),
        oom_kills: Reading::Gone,
        pids: told(pids.and_then(|pids| pids.current)),
        // v1 says nothing or 0 where there is no limit, v2 the largest number there is.
        pids_max: pids.map_or(Reading::Gone, |pids| {
            Reading::Value(pids.limit.filter(|limit| (1..u64::from(u32::MAX)).contains(limit)))
        }),
        cpu_us: told(cpu.and_then(|cpu| cpu.cpu_usage.as_ref()?.total_usage).map(micros)),
        throttled_us: told(cpu.and_then(|cpu| cpu.throttling_data.as_ref()?.throttled_time).map(micros)),
        io_read: told(io.map(|entries| bytes(entries, "read"))),
        io_write: told(io.map(|entries| bytes(entries, "write"))),
    })
}

fn told(value: Option<u64>) -> Reading<u64> {
    value.map_or(Reading::Gone, Reading::Value)
}

/// The sum over all devices; v1 writes `Read`, v2 `read`.
fn bytes(entries: &[ContainerBlkioStatEntry], op: &str) -> u64 {
    let of_op = |entry: &&ContainerBlkioStatEntry| entry.op.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(op));
    entries.iter().filter(of_op).filter_map(|entry| entry.value).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(value: serde_json::Value) -> Option<CgroupSample> {
        sample(&serde_json::from_value(value).unwrap())
    }

    #[test]
    fn the_figures_of_both_versions_are_found_under_their_names() {
        let v1 = of(json!({
            "memory_stats": {"usage": 900, "failcnt": 3, "limit": 4096, "stats": {"total_rss": 500, "rss": 1, "total_cache": 300}},
            "pids_stats": {"current": 7},
            "cpu_stats": {"cpu_usage": {"total_usage": 5_000_000}, "throttling_data": {"throttled_time": 2000}},
            "blkio_stats": {"io_service_bytes_recursive": [
                {"op": "Read", "value": 10}, {"op": "Write", "value": 5}, {"op": "Read", "value": 1}, {"op": "Total", "value": 16}
            ]},
        }))
        .unwrap();
        assert_eq!((&v1.anon, &v1.file, &v1.kernel), (&Reading::Value(500), &Reading::Value(300), &Reading::Gone));
        assert_eq!((&v1.memory, &v1.memory_max_events), (&Reading::Value(900), &Reading::Value(3)));
        assert_eq!((&v1.cpu_us, &v1.throttled_us), (&Reading::Value(5000), &Reading::Value(2)));
        assert_eq!((&v1.io_read, &v1.io_write), (&Reading::Value(11), &Reading::Value(5)));
        assert_eq!((&v1.pids, &v1.pids_max), (&Reading::Value(7), &Reading::Value(None)));
        let v2 = of(json!({
            "memory_stats": {"usage": 900, "stats": {"anon": 500, "file": 300, "kernel": 20}},
            "pids_stats": {"current": 7, "limit": 18_446_744_073_709_551_615_u64},
        }))
        .unwrap();
        assert_eq!((&v2.anon, &v2.file, &v2.kernel), (&Reading::Value(500), &Reading::Value(300), &Reading::Value(20)));
        assert_eq!((&v2.memory_max_events, &v2.pids_max), (&Reading::Gone, &Reading::Value(None)));
        assert_eq!((&v2.io_read, &v2.cpu_us), (&Reading::Gone, &Reading::Gone));
    }

    #[test]
    fn a_container_that_does_not_run_has_no_figures() {
        assert_eq!(of(json!({"memory_stats": {}, "pids_stats": {}})), None);
        assert_eq!(of(json!({})), None);
    }
}
