//! What the descriptors point at.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::parts::{Block, Cell, Table, clip, column};
use super::view::View;
use crate::model::FdClass;
use crate::series::app_processes;

/// What the descriptors point at, those that grew most first.
pub(crate) fn blocks(view: &View<'_>) -> Vec<Block> {
    let mut names: BTreeMap<(&str, FdClass), [u64; 3]> = BTreeMap::new();
    let count = view.night.snapshots.len();
    let mut rest = 0;
    for (n, snapshot) in view.night.snapshots.iter().enumerate() {
        let mut here: BTreeMap<(&str, FdClass), u64> = BTreeMap::new();
        for census in app_processes(snapshot).filter_map(|process| process.fds.value()) {
            for link in &census.links {
                *here.entry((link.name.as_str(), link.class)).or_default() += link.count;
            }
            if n + 1 == count {
                rest += census.rest;
            }
        }
        for (key, open) in here {
            let [first, last, most] = names.entry(key).or_default();
            if n == 0 {
                *first = open;
            }
            if n + 1 == count {
                *last = open;
            }
            *most = open.max(*most);
        }
    }
    if names.is_empty() {
        return Vec::new();
    }
    let mut sorted: Vec<_> = names.into_iter().collect();
    sorted.sort_by_key(|((name, _), [first, last, most])| {
        (Reverse(last.saturating_sub(*first)), Reverse(*last), Reverse(*most), *name)
    });
    let columns = vec![
        column("Points at", "m w"),
        column("Class", "opt"),
        column("First", "r"),
        column("Last", "r"),
        column("Most at once", "r"),
    ];
    let mut table = Table::new("What they point at, those that grew most first", columns);
    table.rows = sorted
        .iter()
        .map(|((link, class), [first, last, most])| {
            vec![
                clip(link, 160).into(),
                class.name().into(),
                first.to_string().into(),
                Cell::strong(last.to_string()),
                most.to_string().into(),
            ]
        })
        .collect();
    let mut table = table.cut(300, "samples.jsonl");
    if rest > 0 {
        let said = format!("{rest} descriptors at the end point at names that were not kept one by one");
        table.more = if table.more.is_empty() { said } else { format!("{}; {said}", table.more) };
    }
    table.fold(10, "names")
}
