//! Tests on recorded trees, which need no kernel.

use super::live::{holder, kinds, told};
use super::namespace::MOST;
use super::*;
use crate::model::FdKind;
use crate::probe::testing::{Proc, Tree};

#[test]
fn a_recorded_tree_is_read_from_its_files() {
    let tree = Tree::new();
    let line = "   0: 0100007F:1388 0700020A:D2F0 08 0:0 0:0 0 1000 0 4243 1\n";
    tree.add(&Proc::new(100).net("tcp", line));
    let mut seen = [holder(100, [(3, 4243), (4, 77)])];
    let mut sockets = Sockets::default();
    let mut gaps = Vec::new();
    let mut table = sockets.look(&tree.root(), &seen, &mut gaps);
    sockets.enter(&mut seen, &mut table);
    assert_eq!((gaps, table.is_complete()), (vec![], true));
    assert_eq!(kinds(&seen[0]), [(FdKind::Tcp, 1), (FdKind::TcpCloseWait, 1)]);
    assert!(!told(&seen[0]), "nobody can be asked what socket 77 was");
    assert!(!table.is_unattached(77));
}

#[test]
fn a_table_that_is_missing_or_broken_is_a_gap() {
    let tree = Tree::new();
    tree.add(&Proc::new(100).net("udp", "not a line of the kernel\n"));
    std::fs::remove_file(tree.path().join("100/net/unix")).unwrap();
    std::fs::remove_file(tree.path().join("100/net/tcp6")).unwrap();
    let seen = [holder(100, [(3, 77)])];
    let mut gaps = Vec::new();
    let table = Sockets::default().look(&tree.root(), &seen, &mut gaps);
    assert!(!table.is_complete());
    let gaps: Vec<_> = gaps.iter().map(|gap| (gap.what.as_str(), gap.reason)).collect();
    let expected = [
        ("udp sockets in the network of 100", GapReason::Malformed),
        ("unix sockets in the network of 100", GapReason::Gone),
    ];
    assert_eq!(gaps, expected, "without IPv6 there is no tcp6, and nothing is missing");
}

#[test]
fn namespaces_beyond_the_bound_are_a_gap() {
    let tree = Tree::new();
    let pids = 100..103 + u32::try_from(MOST).unwrap();
    for pid in pids.clone() {
        tree.add(&Proc::new(pid).netns(u64::from(pid)));
    }
    let seen: Vec<Seen> = pids.map(|pid| holder(pid, [(3, 77)])).collect();
    let mut gaps = Vec::new();
    let table = Sockets::default().look(&tree.root(), &seen, &mut gaps);
    assert!(!table.is_complete());
    assert_eq!(
        gaps,
        [Gap { what: "sockets in further network namespaces".to_owned(), reason: GapReason::Late, count: 3 }]
    );
}

#[test]
fn where_nobody_holds_a_socket_nothing_is_read() {
    let tree = Tree::new();
    tree.add(&Proc::new(100).net("tcp", "not a line of the kernel\n"));
    let mut gaps = Vec::new();
    let table = Sockets::default().look(&tree.root(), &[holder(100, [])], &mut gaps);
    assert_eq!((table.is_complete(), gaps), (true, vec![]));
}
