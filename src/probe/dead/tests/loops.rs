//! Eventpolls.

use super::*;
use crate::probe::handles::Poll;
use crate::probe::parse::Watched;

fn poll(fd: u32, watched: &[u32]) -> Poll {
    let watched = watched.iter().map(|&fd| Watched { fd, data: 0, ino: u64::from(fd), device: 8 }).collect();
    Poll { fd, watched: Some(watched), detail: format!("poll {fd}") }
}

fn with_polls(id: ProcId, polls: &[Poll], waits_on: &[u32]) -> Seen {
    let mut seen = process(id);
    own(&mut seen).polls = polls.to_vec();
    own(&mut seen).waits.on = waits_on.iter().copied().collect();
    seen
}

/// The main loop on fd 3, and another eventpoll on fd 7.
fn app() -> Seen {
    with_polls(APP, &[poll(3, &[4, 5]), poll(7, &[8])], &[3])
}

fn unsure() -> Seen {
    let mut seen = app();
    own(&mut seen).waits.sure = false;
    seen
}

#[test]
fn an_eventpoll_on_which_nobody_waits_is_abandoned_after_five_looks() {
    let mut night = Night::default();
    assert!(night.looks(4, &[app()]).is_empty());
    let dead = night.looks(1, &[app()]);
    assert_eq!(fds(&dead), [(10, 7)]);
    assert_eq!((dead[0].first_ms, dead[0].survived), (0, 5));
    assert_eq!(dead[0].detail, "poll 7");
    assert!(night.looks(1, &[process(APP)]).is_empty(), "a closed one is forgotten");
}

#[test]
fn a_process_that_never_waits_on_an_eventpoll_cannot_be_judged() {
    let mut app = app();
    own(&mut app).waits.on.clear();
    assert!(Night::default().looks(50, &[app]).is_empty());
}

#[test]
fn looks_that_cannot_tell_do_not_count() {
    let mut night = Night::default();
    assert!(night.looks(4, &[app()]).is_empty());
    assert!(night.looks(20, &[unsure()]).is_empty());
    let dead = night.looks(1, &[app()]);
    assert_eq!((dead[0].survived, dead[0].first_ms), (5, 0));

    let mut night = Night::default();
    night.looks(3, &[unsure()]);
    let dead = night.looks(5, &[app()]);
    assert_eq!((dead[0].survived, dead[0].first_ms), (5, 0), "it was suspected from the first look on");
}

#[test]
fn a_changed_set_starts_the_count_anew() {
    let mut night = Night::default();
    night.looks(4, &[app()]);
    let changed = [with_polls(APP, &[poll(3, &[4, 5]), poll(7, &[9])], &[3])];
    assert!(night.looks(4, &changed).is_empty());
    assert_eq!(night.looks(1, &changed)[0].first_ms, 4000);
}

#[test]
fn nested_eventpolls_live_and_die_with_the_outer_one() {
    let nested = with_polls(APP, &[poll(3, &[4, 7]), poll(7, &[8]), poll(8, &[9])], &[3]);
    assert!(Night::default().looks(50, &[nested]).is_empty());
    let outer_dead = with_polls(APP, &[poll(3, &[4, 5]), poll(7, &[8]), poll(20, &[7])], &[3]);
    assert_eq!(fds(&Night::default().looks(5, &[outer_dead])), [(10, 7), (10, 20)]);
}

#[test]
fn an_eventpoll_that_was_in_use_is_given_more_time() {
    let mut night = Night::default();
    night.looks(1, &[with_polls(APP, &[poll(3, &[4, 5]), poll(7, &[8])], &[3, 7])]);
    assert!(night.looks(LOOKS_AFTER_USE - 1, &[app()]).is_empty());
    assert_eq!(fds(&night.looks(1, &[app()])), [(10, 7)]);
}

#[test]
fn an_eventpoll_is_alive_where_a_forked_process_or_a_duplicate_waits_on_it() {
    let child = |poll| with_polls(CHILD, &[poll], &[7]);
    assert!(Night::default().looks(50, &[app(), child(poll(7, &[8]))]).is_empty());
    let unread = Poll { watched: None, ..poll(7, &[8]) };
    assert!(Night::default().looks(50, &[app(), child(unread)]).is_empty());
    assert_eq!(fds(&Night::default().looks(5, &[app(), child(poll(7, &[30]))])), [(10, 7)]);
    let duplicate = with_polls(APP, &[poll(3, &[4, 5]), poll(7, &[4, 5])], &[3]);
    assert!(Night::default().looks(50, &[duplicate]).is_empty());
}

#[test]
fn an_eventpoll_is_alive_where_another_process_waits_on_it_under_another_number() {
    // Sent to the other process in a message: fd 7 here is fd 9 there.
    let other = || with_polls(CHILD, &[poll(9, &[8]), poll(3, &[4])], &[9]);
    let files = |same: bool| {
        let seven = if same { 2 } else { 3 };
        Fake { files: Some(BTreeMap::from([((11, 9), 2), ((10, 7), seven)])), ..Fake::default() }
    };
    let dead = Night::with(files(true)).looks(10, &[app(), other()]);
    assert_eq!(fds(&dead), [(11, 3)], "only the one on which nobody waits");
    let dead = Night::with(files(false)).looks(10, &[app(), other()]);
    assert_eq!(fds(&dead), [(10, 7), (11, 3)]);
}

#[test]
fn a_fork_does_not_double_a_leak_and_a_leftover_copy_keeps_its_age() {
    for kernel in
        [Fake::default(), Fake { files: Some(BTreeMap::from([((10, 7), 5), ((11, 7), 5)])), ..Fake::default() }]
    {
        let mut night = Night::with(kernel);
        assert_eq!(fds(&night.looks(5, &[app()])), [(10, 7)]);
        let child = || with_polls(CHILD, &[poll(7, &[8]), poll(9, &[])], &[9]);
        assert_eq!(fds(&night.looks(10, &[app(), child()])), [(10, 7)]);
        let healed = with_polls(APP, &[poll(3, &[4, 5])], &[3]);
        let dead = night.looks(1, &[healed, child()]);
        assert_eq!(fds(&dead), [(11, 7)]);
        assert_eq!(dead[0].first_ms, 0);
    }
}
