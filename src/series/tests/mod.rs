mod limits;
mod subjects;
mod target;

use std::time::Duration;

use super::*;
use crate::model::{FdClass, LinkCount, ProcState, Reading};
use crate::series::testing::{census, hold, process, snapshot, soak};

fn of(metric: Metric, snapshots: &[Snapshot]) -> Series {
    Series::of_metric(metric, snapshots, Some(1 << 30))
}

fn figures(series: &Series) -> Vec<f64> {
    series.points.iter().map(|point| point.1).collect()
}

#[test]
fn only_the_applications_own_processes_count() {
    let mut check = process(7);
    check.role = Role::HealthCheck;
    let mut exec = process(8);
    exec.role = Role::Exec;
    let series = of(Metric::FdTotal, &[snapshot(0, vec![process(1), check, process(2), exec])]);
    assert_eq!(figures(&series), [4.0]);
}

#[test]
fn one_process_that_cannot_be_read_makes_a_gap_and_no_smaller_number() {
    let mut second = process(2);
    second.fds = Reading::Denied;
    let looks = [snapshot(0, vec![process(1), process(2)]), snapshot(5, vec![process(1), second])];
    let series = of(Metric::FdTotal, &looks);
    assert_eq!(figures(&series), [4.0]);
    assert_eq!(series.gaps, [SeriesGap { at_s: 5.0, why: Missing::Denied }]);
    assert_eq!(figures(&of(Metric::MemAnon, &looks)).len(), 2);
}

#[test]
fn a_zombie_holds_nothing_and_is_a_process() {
    let mut zombie = process(2);
    zombie.state = ProcState::Zombie;
    zombie.fds = Reading::Gone;
    zombie.anon = Reading::Malformed("no RssAnon".to_owned());
    let looks = [snapshot(0, vec![process(1), zombie])];
    assert_eq!(figures(&of(Metric::FdTotal, &looks)), [2.0]);
    assert_eq!(figures(&of(Metric::MemAnon, &looks)), [f64::from(100 << 20)]);
    assert_eq!(figures(&of(Metric::ProcCount, &looks)), [2.0]);
    assert_eq!(figures(&of(Metric::ProcZombie, &looks)), [1.0]);
}

#[test]
fn a_snapshot_without_a_process_tells_nothing() {
    let series = of(Metric::ProcCount, &[snapshot(0, Vec::new())]);
    assert!(series.points.is_empty());
    assert_eq!(series.gaps, [SeriesGap { at_s: 0.0, why: Missing::NoProcess }]);
}

#[test]
fn entries_that_vanished_leave_the_point() {
    let mut own = process(1);
    let mut fds = census(&[(FdClass::Socket, 9)]);
    fds.vanished = 3;
    own.fds = Reading::Value(fds.into());
    assert_eq!(figures(&of(Metric::FdTotal, &[snapshot(0, vec![own])])), [9.0]);
}

#[test]
fn links_are_counted_by_name_and_a_remainder_is_said() {
    let mut own = process(1);
    let mut fds = census(&[(FdClass::Socket, 2)]);
    fds.links.push(LinkCount { name: "/logs/a.log".to_owned(), class: FdClass::Log, count: 3 });
    fds.links.push(LinkCount { name: "/logs/b.log".to_owned(), class: FdClass::Log, count: 1 });
    let whole = own.clone();
    fds.rest = 5;
    own.fds = Reading::Value(fds.into());
    let rule = crate::series::testing::link_rule("fd.agent_log", "/logs/*.log");
    let series = Series::of_rule(&rule, &[snapshot(0, vec![whole]), snapshot(5, vec![own])], None);
    assert_eq!(figures(&series), [0.0, 4.0]);
    assert_eq!(series.folded, 1);
    assert!(series.gaps.is_empty());
}

#[test]
fn command_lines_count_processes() {
    let mut worker = process(2);
    worker.cmdline = "python slash_worker 7".to_owned();
    let mut rule = crate::series::testing::rule(Metric::ProcCount);
    rule.select = Selector::Cmdline(vec![regex::Regex::new("slash_worker").unwrap()]);
    let series = Series::of_rule(&rule, &[snapshot(0, vec![process(1), worker])], None);
    assert_eq!(figures(&series), [1.0]);
}

#[test]
fn a_zombie_ages_from_its_death() {
    let looks: Vec<Snapshot> = (0..10)
        .map(|i| {
            let mut worker = process(2);
            if i >= 4 {
                worker.state = ProcState::Zombie;
            }
            snapshot(i * 30, vec![process(1), worker])
        })
        .collect();
    let mut rule = crate::series::testing::rule(Metric::ProcZombie);
    rule.older_than = Some(Duration::from_secs(60));
    let series = Series::of_rule(&rule, &looks, None);
    // The first look that can tell is the third, the zombie is 60 s old at 180 s.
    assert_eq!(series.points.first().map(|point| point.0), Some(60.0));
    let old: Vec<f64> = series.points.iter().filter(|point| point.1 > 0.0).map(|point| point.0).collect();
    assert_eq!(old, [180.0, 210.0, 240.0, 270.0]);
}

#[test]
fn the_limit_is_the_smallest_and_the_room_that_of_the_fullest_process() {
    let mut full = process(1);
    hold(&mut full, FdClass::Socket, 200);
    full.nofile = Reading::Value(Some(256));
    let mut unlimited = process(2);
    hold(&mut unlimited, FdClass::Socket, 5000);
    unlimited.nofile = Reading::Value(None);
    let series = of(Metric::Fd(FdClass::Socket), &[snapshot(0, vec![full, unlimited])]);
    assert_eq!((series.limit, series.room), (Some(256.0), Some(56.0)));
    assert!((series.shares[0].1 - 200.0 / 256.0).abs() < 1e-12);
}

#[test]
fn memory_is_measured_against_the_targets_limit() {
    let series = of(Metric::MemRss, &[snapshot(0, vec![process(1)])]);
    assert_eq!(series.limit, Some(f64::from(1 << 30)));
    assert!((series.shares[0].1 - 200.0 / 1024.0).abs() < 1e-12);
}

#[test]
fn the_held_level_is_the_lowest_of_the_last_sixth_and_of_three_points_at_least() {
    let looks = soak(1800, 5, |at, own| hold(own, FdClass::Socket, if at == 1495 { 1 } else { at / 100 }));
    assert_eq!(of(Metric::FdTotal, &looks).held_level(0.0), Some(15.0));
    assert_eq!(of(Metric::FdTotal, &looks).held_level(1700.0), Some(17.0));
    let few = soak(10, 5, |at, own| hold(own, FdClass::Socket, 10 - at));
    assert_eq!(of(Metric::FdTotal, &few).held_level(0.0), Some(0.0));
    assert_eq!(of(Metric::FdTotal, &few[..2]).held_level(0.0), None);
}

#[test]
fn snapshots_come_in_the_order_of_time_once_each() {
    let mut looks =
        vec![snapshot(10, vec![]), snapshot(0, vec![]), snapshot(10, vec![process(1)]), snapshot(5, vec![])];
    looks.push(Snapshot { phase: Phase::Stop, ..snapshot(20, vec![]) });
    let kept: Vec<(u64, usize)> = watched(&looks).iter().map(|look| (look.at_ms, look.processes.len())).collect();
    assert_eq!(kept, [(0, 0), (5000, 0), (10_000, 1)]);
}
