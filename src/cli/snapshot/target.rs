//! The target as a whole, what could not be read, and what the look cost.

use super::view::{LISTED, RED, YELLOW, bytes, cpu, float, heading, share, shown};
use crate::cli::layout::{Cell, Stand, Table, paragraph};
use crate::model::text::{count, seconds};
use crate::model::{CgroupSample, DiskSample, Gap, GapReason, ProcessSample, Reading, Role, Snapshot};

/// How many volumes are listed.
const VOLUMES: usize = 10;

/// What the cgroup, the engine and the limits say.
pub(super) fn section(snapshot: &Snapshot) -> String {
    let target = &snapshot.target;
    let mut table = Table::new(&[("", Stand::Left), ("", Stand::Flex)]).wrapped(4);
    let mut row = |name: &str, value: Cell| table.row([Cell::from(name), value]);
    match &target.cgroup {
        Some(cgroup) => {
            row("memory", Cell::from(memory(cgroup)));
            row("processes", Cell::from(pids(cgroup)));
            row("cpu", Cell::from(processor(cgroup)));
            row("i/o", Cell::from(traffic(cgroup)));
            let killed = cgroup.oom_kills.value().is_some_and(|kills| *kills > 0);
            let kills = Cell::from(shown(&cgroup.oom_kills, u64::to_string));
            row("oom kills", if killed { kills.paint(RED) } else { kills });
        }
        None => row("cgroup", Cell::from("none of its own that can be seen from here")),
    }
    if let Some(sample) = &target.disk {
        row("disk", Cell::from(disk(sample)));
    }
    if let Some(health) = &target.health {
        let cell = Cell::from(health);
        row("health", if health == "unhealthy" { cell.paint(RED) } else { cell });
    }
    if let Some(restarts) = target.restarts {
        row("restarts", Cell::from(restarts.to_string()));
    }
    if let Some(limit) = fd_limit(snapshot) {
        row("fd limit", Cell::from(limit));
    }
    format!("{}{}", heading("Target"), table.render())
}

/// ` of 2 GiB (21 %)`, ` of unlimited`, or nothing where the limit is not known.
fn of_limit(used: &Reading<u64>, limit: &Reading<Option<u64>>, show: impl Fn(u64) -> String) -> String {
    match (used.value(), limit.value()) {
        (Some(used), Some(Some(limit))) => {
            let share = share(*used, *limit).map_or_else(String::new, |share| format!(" ({share})"));
            format!(" of {}{share}", show(*limit))
        }
        (None, Some(Some(limit))) => format!(" of {}", show(*limit)),
        (_, Some(None)) => ", no limit".to_owned(),
        (_, None) => String::new(),
    }
}

fn memory(cgroup: &CgroupSample) -> String {
    let size = |value: &Reading<u64>| shown(value, |value| bytes(*value));
    let hit = match cgroup.memory_max_events.value() {
        Some(times) if *times > 0 => format!("; the limit was hit {}", count(*times, "time")),
        Some(_) | None => String::new(),
    };
    format!(
        "{}{}: anon {}, page cache {}, kernel {}{hit}",
        size(&cgroup.memory),
        of_limit(&cgroup.memory, &cgroup.memory_max, bytes),
        size(&cgroup.anon),
        size(&cgroup.file),
        size(&cgroup.kernel),
    )
}

fn pids(cgroup: &CgroupSample) -> String {
    let limit = of_limit(&cgroup.pids, &cgroup.pids_max, |value| value.to_string());
    format!("{}{limit}, threads included", shown(&cgroup.pids, u64::to_string))
}

fn processor(cgroup: &CgroupSample) -> String {
    let used = shown(&cgroup.cpu_us, |us| cpu(*us));
    format!("{used} used, {} held back at its quota", shown(&cgroup.throttled_us, |us| cpu(*us)))
}

fn traffic(cgroup: &CgroupSample) -> String {
    let size = |value: &Reading<u64>| shown(value, |value| bytes(*value));
    format!("{} read, {} written", size(&cgroup.io_read), size(&cgroup.io_write))
}

fn disk(disk: &DiskSample) -> String {
    let size = |value: &Reading<u64>| shown(value, |value| bytes(*value));
    let mut parts = vec![format!("{} over its image", size(&disk.layer))];
    parts.extend(disk.volumes.iter().take(VOLUMES).map(|(path, value)| format!("{} in {path}", size(value))));
    let more = disk.volumes.len().saturating_sub(VOLUMES);
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    parts.join(", ")
}

/// The process that is closest to its limit of descriptors.
fn fd_limit(snapshot: &Snapshot) -> Option<String> {
    let own = snapshot.processes.iter().filter(|process| process.role == Role::App);
    let known = own.filter_map(|process| Some((process, process.fds.value()?.total, (*process.nofile.value()?)?)));
    let closest = |(_, fds, limit): &(&ProcessSample, u64, u64)| float(*fds) / float((*limit).max(1));
    let (process, fds, limit) = known.max_by(|one, other| closest(one).total_cmp(&closest(other)))?;
    let share = share(fds, limit).unwrap_or_else(|| "all".to_owned());
    Some(format!("{limit}; process {} is closest to it, with {fds} ({share})", process.id.pid))
}

/// What could not be read, and why.
pub(super) fn gaps(gaps: &[Gap]) -> String {
    if gaps.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[("", Stand::Flex), ("", Stand::Right), ("", Stand::Left)]).indent(2);
    for gap in gaps.iter().take(LISTED) {
        let why = match gap.reason {
            GapReason::Denied => "denied",
            GapReason::Gone => "gone when it was read",
            GapReason::Malformed => "not understood",
            GapReason::Late => "late",
            GapReason::Exhausted => "nothing left to read it with",
        };
        let times = if gap.count > 1 { format!("{} ×", gap.count) } else { String::new() };
        table.row([Cell::from(&gap.what).paint(YELLOW), Cell::from(times), Cell::from(why)]);
    }
    let mut out = format!("{}{}", heading("Not read"), table.render());
    let more = gaps.len().saturating_sub(LISTED);
    if more > 0 {
        out.push_str(&format!("  and {more} more\n"));
    }
    out
}

/// What slowdrip itself used.
pub(super) fn observer(snapshot: &Snapshot) -> String {
    let observer = &snapshot.observer;
    let look = match observer.scan_us {
        us if us < 10_000 => format!("{} ms", crate::model::text::figure(float(us) / 1000.0)),
        us if us < 1_000_000 => format!("{} ms", us / 1000),
        us => seconds(float(us / 100_000) / 10.0),
    };
    let used = cpu(observer.cpu_us);
    paragraph(
        "",
        &format!("This look took {look}. The observer has used {used} of CPU and holds {}.", bytes(observer.rss)),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::testing::{cgroup, snapshot};
    use super::*;
    use crate::cli::layout::assert_fits;
    use crate::model::{Observer, TargetSample};

    #[test]
    fn shows_what_the_target_was_charged_with_against_its_limits() {
        let mut snapshot = snapshot();
        snapshot.target = TargetSample {
            cgroup: Some(CgroupSample { oom_kills: Reading::Value(2), ..cgroup(1 << 29) }),
            disk: Some(DiskSample {
                layer: Reading::Value(3 << 20),
                volumes: BTreeMap::from([("/data".to_owned(), Reading::Denied)]),
            }),
            health: Some("unhealthy".to_owned()),
            restarts: Some(3),
        };
        let text = assert_fits(&section(&snapshot));
        for part in [
            "memory     512 MiB of 1 GiB (50 %): anon 512 MiB, page cache 512 MiB, kernel -",
            "processes  12 of 4096 (0.3 %), threads included",
            "cpu        75 s used, 0 s held back at its quota",
            "i/o        512 MiB read, denied written",
            "oom kills  2",
            "disk       3 MiB over its image, denied in /data",
            "health     unhealthy",
            "restarts   3",
            "fd limit   1024; process 7 is closest to it, with 930 (91 %)",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn a_target_without_a_cgroup_says_so() {
        let mut snapshot = snapshot();
        snapshot.target = TargetSample::default();
        assert!(section(&snapshot).contains("none of its own"));
    }

    #[test]
    fn gaps_say_what_and_why_and_are_cut() {
        let gap = Gap { what: "descriptors of 9".to_owned(), reason: GapReason::Denied, count: 3 };
        let text = assert_fits(&gaps(&vec![gap; 50]));
        assert!(text.contains("descriptors of 9  3 ×  denied"), "{text}");
        assert!(text.contains("and 10 more"), "{text}");
        assert_eq!(gaps(&[]), "");
    }

    #[test]
    fn says_what_the_look_cost() {
        let mut snapshot = snapshot();
        snapshot.observer = Observer { scan_us: 1234, cpu_us: 20_000, rss: 9 << 20 };
        assert_eq!(observer(&snapshot), "This look took 1.2 ms. The observer has used 0 s of CPU and holds 9 MiB.\n");
        snapshot.observer.scan_us = 2_500_000;
        assert!(observer(&snapshot).starts_with("This look took 2.5 s."), "{}", observer(&snapshot));
    }
}
