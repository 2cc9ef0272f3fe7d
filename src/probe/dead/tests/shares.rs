//! One open file in several hands.

use proptest::prelude::*;

use super::*;

/// Dead pidfds of one inode, as before Linux 6.9: they differ in their open file only.
fn holders(fds: &[(ProcId, u32)]) -> Vec<Seen> {
    [APP, CHILD]
        .into_iter()
        .map(|id| fds.iter().filter(|one| one.0 == id).fold(process(id), |seen, one| with_pidfd(seen, one.1, -1, 9)))
        .collect()
}

fn files(files: &[(u32, u32, u32)]) -> Fake {
    let files = files.iter().map(|(pid, fd, file)| ((*pid, *fd), *file)).collect();
    Fake { files: Some(files), ..Fake::default() }
}

#[test]
fn a_duplicate_and_an_inherited_copy_are_one_handle() {
    let seen = holders(&[(APP, 5), (APP, 6), (APP, 7), (CHILD, 5), (CHILD, 8)]);
    let kernel = files(&[(10, 5, 3), (10, 6, 1), (10, 7, 3), (11, 5, 3), (11, 8, 2)]);
    assert_eq!(fds(&Night::with(kernel).looks(2, &seen)), [(10, 5), (10, 6), (11, 8)]);
}

#[test]
fn the_same_number_in_a_child_may_be_another_file() {
    let seen = holders(&[(APP, 5), (CHILD, 5)]);
    assert_eq!(fds(&Night::with(files(&[(10, 5, 1), (11, 5, 2)])).looks(2, &seen)), [(10, 5), (11, 5)]);
    assert_eq!(fds(&Night::default().looks(2, &seen)), [(10, 5)], "without kcmp it is taken for inherited");
    let seen = holders(&[(APP, 5), (APP, 6), (CHILD, 7)]);
    assert_eq!(fds(&Night::default().looks(2, &seen)).len(), 3, "without kcmp other numbers are others");
}

#[test]
fn a_number_that_got_another_file_is_no_copy_any_more() {
    let seen = holders(&[(APP, 5), (APP, 6)]);
    let mut night = Night::with(files(&[(10, 5, 1), (10, 6, 1)]));
    assert_eq!(fds(&night.looks(2, &seen)), [(10, 5)]);
    night.kernel = files(&[(10, 5, 1), (10, 6, 2)]);
    assert_eq!(fds(&night.looks(1, &seen)), [(10, 5), (10, 6)]);
}

#[test]
fn a_thousand_alike_are_sorted_and_not_compared_each_with_each() {
    let fds: Vec<(ProcId, u32)> = (0..1000).map(|fd| (APP, fd)).collect();
    let all: Vec<(u32, u32, u32)> = (0..1000).map(|fd| (10, fd, fd * 7919 % 1000)).collect();
    let mut night = Night::with(files(&all));
    let found = (0..2).map(|_| night.look(&holders(&fds))).last().unwrap();
    assert_eq!(found.rest[&DeadKind::PidfdTargetGone], 500);
    assert!(night.kernel.compared < 10_000, "{}", night.kernel.compared);
    let before = night.kernel.compared;
    night.look(&holders(&fds));
    assert_eq!(night.kernel.compared, before, "what is known is not compared again");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_open_file_is_reported_once(
        looks in prop::collection::vec(prop::collection::btree_map(3..20_u32, 0..6_u32, 0..12), 3..8),
    ) {
        // Odd numbers are the child's. A number that is used again for another file must be told apart.
        let mut night = Night::default();
        let mut before: BTreeMap<u32, u32> = BTreeMap::new();
        for look in looks {
            let held: Vec<(ProcId, u32)> =
                look.keys().map(|fd| (if fd % 2 == 0 { APP } else { CHILD }, *fd)).collect();
            let all: Vec<(u32, u32, u32)> =
                look.iter().map(|(fd, file)| (if fd % 2 == 0 { 10 } else { 11 }, *fd, *file)).collect();
            night.kernel = files(&all);
            let dead = night.looks(2, &holders(&held));
            let reported: Vec<u32> = dead.iter().map(|handle| look[&handle.fd.unwrap()]).collect();
            let there: BTreeSet<u32> = look.values().copied().collect();
            let once: BTreeSet<u32> = reported.iter().copied().collect();
            // The kernel's order is that of the files. Where numbers were used again since the last look, the order that is
            // remembered may be wrong for a while: then a file may be said twice, and is never lost.
            prop_assert_eq!(&once, &there);
            let kept = before.iter().all(|(fd, file)| look.get(fd).is_none_or(|now| now == file));
            if kept && before.keys().all(|fd| look.contains_key(fd)) {
                prop_assert_eq!(reported.len(), once.len());
            }
            before = look;
        }
    }
}
