use super::*;
use crate::model::{FdClass, ProcId, Reading, Role};
use crate::series::testing::{hold, process, snapshot};
use crate::series::watched;

/// A process from one second to another.
#[derive(Clone)]
struct Span {
    process: ProcessSample,
    from: u64,
    to: u64,
}

fn span(pid: u32, cmdline: &str, from: u64, to: u64) -> Span {
    let mut process = process(pid);
    process.cmdline = cmdline.to_owned();
    Span { process, from, to }
}

/// Looks every 5 s; descriptors grow by one a second.
fn looks(duration: u64, spans: &[Span]) -> Vec<Snapshot> {
    (0..=duration / 5)
        .map(|i| i * 5)
        .map(|at| {
            let there = spans.iter().filter(|span| (span.from..=span.to).contains(&at)).map(|span| {
                let mut process = span.process.clone();
                hold(&mut process, FdClass::Socket, 3 + at - span.from);
                process
            });
            snapshot(at, there.collect())
        })
        .collect()
}

fn found(duration: u64, spans: &[Span]) -> Vec<End> {
    ends(&watched(&looks(duration, spans)))
}

fn replaced(duration: u64, spans: &[Span]) -> usize {
    found(duration, spans).iter().filter(|end| end.replaced_by.is_some()).count()
}

const WHOLE: u64 = 10_000;

#[test]
fn a_worker_that_is_replaced_ends_with_what_it_held() {
    let spans = [span(1, "master", 0, WHOLE), span(2, "worker", 0, 600), span(3, "worker", 615, WHOLE)];
    let ends = found(1200, &spans);
    let [end] = ends.as_slice() else { panic!("{ends:?}") };
    assert_eq!((end.id.pid, end.name.as_str(), end.parent), (2, "worker", 1));
    assert_eq!((end.at_s, end.seen_s), (605.0, 600.0));
    assert_eq!((end.fds, end.limit, end.memory, end.threads), (Some(603), Some(1024), Some(100 << 20), Some(4)));
    assert_eq!(end.replaced_by, Some(ProcId { pid: 3, start: 1003 }));
}

#[test]
fn an_end_without_a_successor_is_told_as_such() {
    for spans in [
        vec![span(1, "master", 0, WHOLE), span(2, "worker", 0, 600)],
        // Too late, another program, there before.
        vec![span(1, "master", 0, WHOLE), span(2, "worker", 0, 600), span(3, "worker", 700, WHOLE)],
        vec![span(1, "master", 0, WHOLE), span(2, "worker", 0, 600), span(3, "other", 605, WHOLE)],
        vec![span(1, "master", 0, WHOLE), span(2, "worker", 0, 600), span(3, "worker", 0, WHOLE)],
    ] {
        let ends = found(1200, &spans);
        assert_eq!(ends.iter().map(|end| (end.id.pid, end.replaced_by)).collect::<Vec<_>>(), [(2, None)]);
    }
}

#[test]
fn rolling_workers_take_each_others_places() {
    // Four workers, each recycled after ten minutes, one after the other; the successor comes at once.
    let mut spans = vec![span(1, "master", 0, WHOLE)];
    for slot in 0..4_u64 {
        let mut from = 0;
        for life in 0..6_u64 {
            let to = 300 + 150 * slot + 600 * life;
            spans.push(span(u32::try_from(10 + slot * 10 + life).unwrap(), "worker --serve", from, to));
            from = to + 5;
        }
    }
    let n = replaced(1800, &spans);
    assert!((9..=11).contains(&n), "{n}");
    // A worker that waits for its successor counts as one, too.
    let spans = [span(2, "worker", 0, 600), span(3, "worker", 590, WHOLE)];
    assert_eq!(replaced(1200, &spans), 1);
}

#[test]
fn a_pool_that_comes_and_goes_heals_nothing() {
    let mut spans = vec![span(1, "master", 0, WHOLE)];
    // Workers that live for 40 s.
    spans.extend((0..40).map(|i| span(100 + i, "worker", u64::from(i) * 40, u64::from(i) * 40 + 35)));
    assert_eq!(found(1200, &spans), []);
    // Workers for 65 to 200 s, as many as the load asks.
    let mut spans = vec![span(1, "master", 0, WHOLE)];
    spans.extend((0..60).map(|i| {
        let from = u64::from(i * 37 % 119) * 10;
        span(100 + i, "worker", from, from + 65 + u64::from(i * 53 % 27) * 5)
    }));
    assert_eq!(replaced(1200, &spans), 0);
}

#[test]
fn a_job_that_runs_now_and_then_heals_nothing() {
    let mut spans = vec![span(1, "master", 0, WHOLE)];
    spans.extend((0..10).map(|i| span(100 + i, "backup.sh /data", u64::from(i) * 130, u64::from(i) * 130 + 75)));
    assert_eq!(replaced(1200, &spans), 0);
}

#[test]
fn health_checks_executed_commands_and_zombies_do_not_count() {
    let with = |change: fn(&mut ProcessSample)| {
        let mut spans = vec![span(1, "master", 0, WHOLE), span(2, "worker", 0, 600), span(3, "worker", 605, WHOLE)];
        spans.iter_mut().skip(1).for_each(|span| change(&mut span.process));
        found(1200, &spans)
    };
    assert_eq!(with(|_| {}).len(), 1);
    assert_eq!(with(|process| process.role = Role::HealthCheck), []);
    assert_eq!(with(|process| process.role = Role::Exec), []);
    assert_eq!(with(|process| process.state = ProcState::Zombie), []);
}

#[test]
fn another_view_of_the_same_processes_is_no_end() {
    // From 600 s on, the same four processes are seen under other pids.
    let mut spans = Vec::new();
    for pid in 1..5 {
        let before = span(pid, "worker", 0, 600);
        let mut after = span(pid + 5000, "worker", 605, WHOLE);
        after.process.id.start = before.process.id.start;
        spans.extend([before, after]);
    }
    assert_eq!(found(1200, &spans), []);
}

#[test]
fn what_was_read_last_is_told_where_the_last_look_failed() {
    let spans = [span(1, "master", 0, WHOLE), span(2, "worker", 0, 600), span(3, "worker", 605, WHOLE)];
    let mut night = looks(1200, &spans);
    let last = night[120].processes.iter_mut().find(|process| process.id.pid == 2).unwrap();
    (last.fds, last.anon) = (Reading::Gone, Reading::Denied);
    // A look that saw nobody says nothing of anybody's end.
    night[50].processes.clear();
    let ends = ends(&watched(&night));
    assert_eq!(ends.len(), 1);
    assert_eq!((ends[0].fds, ends[0].memory), (Some(598), Some(100 << 20)));
}

#[test]
fn a_busy_night_is_searched_at_once() {
    // 180,000 samples: 200 that stay, and 300 that live for 65 s each, all of one command line.
    let mut spans: Vec<Span> = (0..200).map(|pid| span(pid, "stays", 0, WHOLE)).collect();
    for pid in 0..300_u32 {
        for life in 0..27_u64 {
            let from = life * 70;
            let mut own = span(1000 + pid, "goes", from, from + 65);
            own.process.id.start = life * 1000 + u64::from(pid);
            spans.push(own);
        }
    }
    let night = looks(1800, &spans);
    let watched = watched(&night);
    let begin = std::time::Instant::now();
    assert!(ends(&watched).len() > 5000);
    assert!(begin.elapsed().as_secs() < 30, "{:?}", begin.elapsed());
}
