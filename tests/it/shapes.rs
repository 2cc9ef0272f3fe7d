//! The judge held against the demo application: its healthy shapes break no rule, and every leak that it can be told to have breaks the
//! rules of the classes that it shows in, and no other.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod night;

use std::collections::BTreeSet;

use slowdrip::model::Status;

use night::{Night, Rule};

const GROWTH: &str = "max_growth_per_hour";
const DEAD: &str = "max_dead";

/// From one look to the next, seconds: for shapes, which must not be mistaken, and for leaks, which must be seen by fewer looks as well.
const SHAPES_S: u64 = 5;
const LEAKS_S: u64 = 15;

/// What shapes can hold, and the class in which that is counted.
const HANDLES: [(&str, &str); 4] =
    [("socket", "fd.socket"), ("pipe", "fd.pipe"), ("file", "fd.file"), ("eventpoll", "fd.eventpoll")];

/// Half an hour of a shape in each of the classes that it can be of, each by a chance of its own. No rule may break.
async fn breaks_nothing(shape: &str) -> Night {
    let flags = HANDLES.map(|(handle, _)| format!("--shape={shape}:{handle}"));
    let night = Night::of(&flags.each_ref().map(String::as_str), SHAPES_S).await;
    let lived = |one: &serde_json::Value| one["opened"].as_u64() >= Some(15);
    assert!(night.shapes.as_array().unwrap().iter().all(lived), "{}", night.shapes);
    assert_eq!(night.rules(Status::Breaks), BTreeSet::new(), "{shape}:\n{}", night.told());
    night
}

/// The same, and growth is ruled out in every class of the shape.
async fn holds(shape: &str) {
    let night = breaks_nothing(shape).await;
    let held = night.rules(Status::Holds);
    assert!(HANDLES.iter().all(|(_, class)| held.contains(&(class, GROWTH))), "{shape}:\n{}", night.told());
}

// While a pool fills it grows, and half an hour does not always tell that it has stopped: undecided at worst.
#[tokio::test]
async fn a_pool_that_fills_and_stops_breaks_nothing() {
    let night = breaks_nothing("pool=20").await;
    assert!(night.shapes.as_array().unwrap().iter().all(|one| one["held"] == 20), "{}", night.shapes);
}

// The hardest of them: it may still be filling at the end.
#[tokio::test]
async fn a_pool_that_fills_slowly_breaks_nothing() {
    breaks_nothing("pool=20@5m").await;
}

// Chances that a rule by the mean time of the steps took for leaks.
#[tokio::test]
async fn a_pool_that_fills_slowly_breaks_nothing_by_other_chances_either() {
    for seed in ["--seed=300", "--seed=500"] {
        let flags = HANDLES.map(|(handle, _)| format!("--shape=pool=20@5m:{handle}"));
        let flags: Vec<&str> = flags.iter().map(String::as_str).chain([seed]).collect();
        let night = Night::of(&flags, SHAPES_S).await;
        assert_eq!(night.rules(Status::Breaks), BTreeSet::new(), "{seed}:\n{}", night.told());
    }
}

#[tokio::test]
async fn bursts_that_close_again_hold() {
    holds("burst=30").await;
}

#[tokio::test]
async fn a_sawtooth_holds() {
    holds("sawtooth=20").await;
}

// A collection that comes late leaves much open for long: undecided at worst.
#[tokio::test]
async fn garbage_collection_at_irregular_times_breaks_nothing() {
    breaks_nothing("gc=20").await;
}

// How many are just being replaced is chance, and so is the lowest number in flight: a slow drip could hide in it. Undecided at worst.
#[tokio::test]
async fn a_pool_whose_members_are_replaced_breaks_nothing() {
    breaks_nothing("rotate=20").await;
}

#[tokio::test]
async fn work_in_flight_breaks_nothing() {
    breaks_nothing("inflight=8").await;
}

/// What a leak of the demo application shows in.
struct Shown {
    /// Its name on the application's command line.
    leak: &'static str,
    /// What it comes from, by the cause's key.
    cause: &'static str,
    /// The classes whose growth breaks their rule.
    grows: &'static [&'static str],
    /// The classes that have dead handles, however slow the leak.
    dead: &'static [&'static str],
    /// How the classes begin that may grow as well.
    may_grow: &'static [&'static str],
}

/// Every leak, by what it must show in. In `fd.total` shows whatever has descriptors.
const SHOWN: [Shown; 8] = [
    Shown {
        leak: "event-loop",
        cause: "event-loop-never-closed",
        grows: &["fd.eventpoll", "fd.socket"],
        dead: &["fd.eventpoll"],
        may_grow: &[],
    },
    Shown {
        leak: "eventpoll",
        cause: "eventpoll-never-closed",
        grows: &["fd.eventpoll"],
        dead: &["fd.eventpoll"],
        may_grow: &[],
    },
    Shown {
        leak: "pidfd",
        cause: "child-handles-never-closed",
        grows: &["fd.pidfd"],
        dead: &["fd.pidfd"],
        may_grow: &[],
    },
    Shown { leak: "pipe", cause: "pipes-never-closed", grows: &["fd.pipe"], dead: &["fd.pipe"], may_grow: &[] },
    Shown {
        leak: "sqlite",
        cause: "database-connection-never-closed",
        grows: &["fd.sqlite_db", "fd.sqlite_wal", "fd.sqlite_shm"],
        dead: &[],
        // A connection has its cache.
        may_grow: &["mem.anon"],
    },
    Shown { leak: "log", cause: "log-handles-never-closed", grows: &["fd.log"], dead: &[], may_grow: &[] },
    Shown {
        leak: "worker",
        cause: "worker-never-ended",
        grows: &["proc.count", "fd.pipe"],
        dead: &[],
        // A process has memory of its own, and whatever it inherits from who started the tests.
        may_grow: &["mem.anon", "fd."],
    },
    Shown { leak: "memory", cause: "heap-grows", grows: &["mem.anon"], dead: &[], may_grow: &[] },
];

/// A little of everything that is healthy, also in classes that leaks grow in.
const BACKGROUND: [&str; 5] = [
    "--shape=pool=20:socket",
    "--shape=inflight=4:socket",
    "--shape=burst=10:pipe",
    "--shape=sawtooth=10:file",
    "--shape=rotate=6:eventpoll",
];

/// Half an hour of a leak that happens so many times, on top of what is healthy.
async fn leaking(leak: &str, times: u32) -> (&'static Shown, Night) {
    let shown = SHOWN.iter().find(|shown| shown.leak == leak).unwrap();
    let planted = format!("--leak={leak}={}/h", 2 * times);
    let night = Night::of(&[&BACKGROUND[..], &[&planted]].concat(), LEAKS_S).await;
    assert_eq!(night.leaked[leak], times, "{}", night.leaked);
    (shown, night)
}

/// Each of these rules breaks, and no other that the leak has no part in.
fn assert_broken(shown: &Shown, night: &Night, expected: &BTreeSet<Rule<'_>>) {
    let broken = night.broken();
    let missed: Vec<_> = expected.difference(&broken).collect();
    let explained = |(class, rule): &Rule<'_>| match *rule {
        DEAD => !shown.dead.is_empty() && (*class == "fd.total" || shown.dead.contains(class)),
        GROWTH => {
            *class == "fd.total" && shown.leak != "memory"
                || shown.grows.contains(class)
                || shown.may_grow.iter().any(|start| class.starts_with(start))
        }
        _ => false,
    };
    let others: Vec<_> = broken.iter().filter(|rule| !explained(rule)).collect();
    let problems = (missed, others);
    assert!(
        problems.0.is_empty() && problems.1.is_empty(),
        "{}: missed {:?}, broken for no reason {:?}\n{}",
        shown.leak,
        problems.0,
        problems.1,
        night.told()
    );
}

/// So fast a leak breaks every rule that it shows in.
async fn breaks_its_classes(leak: &str, rates: &[u32]) {
    for times in rates {
        let (shown, night) = leaking(leak, *times).await;
        let grown = shown.grows.iter().map(|class| (*class, GROWTH));
        let dead = shown.dead.iter().map(|class| (*class, DEAD));
        assert_broken(shown, &night, &grown.chain(dead).collect());
        assert_eq!(night.causes().first(), Some(&shown.cause), "{}: {:?}\n{}", leak, night.causes(), night.told());
    }
}

/// A leak that happens six times in the half hour: growth alone need not tell, dead handles must.
async fn is_dead_at_once(leak: &str) {
    let (shown, night) = leaking(leak, 6).await;
    assert_broken(shown, &night, &shown.dead.iter().map(|class| (*class, DEAD)).collect());
}

#[tokio::test]
async fn leaked_event_loops_are_found() {
    is_dead_at_once("event-loop").await;
    breaks_its_classes("event-loop", &[30, 90]).await;
}

#[tokio::test]
async fn leaked_eventpolls_are_found() {
    is_dead_at_once("eventpoll").await;
    breaks_its_classes("eventpoll", &[30, 90]).await;
}

#[tokio::test]
async fn leaked_pidfds_are_found() {
    is_dead_at_once("pidfd").await;
    breaks_its_classes("pidfd", &[30, 90]).await;
}

#[tokio::test]
async fn leaked_pipes_are_found() {
    is_dead_at_once("pipe").await;
    breaks_its_classes("pipe", &[30, 90]).await;
}

#[tokio::test]
async fn leaked_connections_to_databases_are_found() {
    breaks_its_classes("sqlite", &[30, 60]).await;
}

#[tokio::test]
async fn leaked_log_files_are_found() {
    breaks_its_classes("log", &[30, 90]).await;
}

#[tokio::test]
async fn leaked_workers_are_found() {
    breaks_its_classes("worker", &[25, 50]).await;
}

// A quarter of a MiB each time: 30 and 90 MiB an hour.
#[tokio::test]
async fn leaked_memory_is_found() {
    breaks_its_classes("memory", &[60, 180]).await;
}

#[test]
fn every_leak_of_the_application_is_in_the_table() {
    let known: BTreeSet<&str> = slowdrip::demo::app::Leak::ALL.iter().map(|leak| leak.name()).collect();
    assert_eq!(SHOWN.iter().map(|shown| shown.leak).collect::<BTreeSet<_>>(), known);
}
