//! Descriptors by class and kind, and what came and went.

use std::collections::BTreeMap;

use super::view::heading;
use super::watch::Watched;
use crate::cli::layout::{Cell, Stand, Table, paragraph};
use crate::model::text::count;
use crate::model::{FdClass, FdKind, ProcState, ProcessSample, Role, Snapshot};

/// Counts over all processes of the application.
#[derive(Debug, Default)]
struct Sums<'a> {
    classes: BTreeMap<FdClass, u64>,
    kinds: BTreeMap<FdKind, u64>,
    links: BTreeMap<(FdClass, &'a str), u64>,
    /// Descriptors whose kind could not be told.
    untold: BTreeMap<FdClass, u64>,
}

impl<'a> Sums<'a> {
    fn of(own: &[&'a ProcessSample]) -> Self {
        let mut sums = Self::default();
        for fds in own.iter().filter_map(|process| process.fds.value()) {
            for (class, count) in &fds.classes {
                *sums.classes.entry(*class).or_default() += count;
                let has_kinds = FdKind::ALL.iter().any(|kind| kind.class() == *class);
                if has_kinds && !fds.kinds_told(*class) {
                    let told = fds.kinds.iter().filter(|(kind, _)| kind.class() == *class && !kind.is_tcp_state());
                    let told: u64 = told.map(|(_, count)| count).sum();
                    *sums.untold.entry(*class).or_default() += count.saturating_sub(told);
                }
            }
            for (kind, count) in &fds.kinds {
                *sums.kinds.entry(*kind).or_default() += count;
            }
            for link in &fds.links {
                *sums.links.entry((link.class, &link.name)).or_default() += link.count;
            }
        }
        sums
    }

    /// The most frequent link of a class.
    fn top(&self, class: FdClass) -> Option<(&'a str, u64)> {
        let of_class = self.links.iter().filter(|((of, _), _)| *of == class);
        of_class
            .max_by_key(|((_, name), count)| (**count, std::cmp::Reverse(*name)))
            .map(|((_, name), count)| (*name, *count))
    }
}

/// The classes with their counts, most first, and their kinds below them.
pub(super) fn classes(snapshot: &Snapshot) -> String {
    let own: Vec<&ProcessSample> = snapshot.processes.iter().filter(|process| process.role == Role::App).collect();
    let sums = Sums::of(&own);
    let mut rows: Vec<(FdClass, u64)> = sums.classes.iter().map(|(class, count)| (*class, *count)).collect();
    rows.sort_by_key(|(class, count)| (std::cmp::Reverse(*count), *class));
    let mut table = Table::new(&[("class", Stand::Left), ("count", Stand::Right), ("most of them", Stand::Flex)]);
    let total: u64 = rows.iter().map(|(_, count)| count).sum();
    table.row([Cell::from("fd.total"), Cell::from(total.to_string()), Cell::default()]);
    for (class, count) in rows.into_iter().filter(|(_, count)| *count > 0) {
        let top = sums.top(class).map_or_else(String::new, |(name, count)| format!("{count} × {name}"));
        table.row([Cell::from(format!("fd.{}", class.name())), Cell::from(count.to_string()), Cell::from(top)]);
        let kinds = FdKind::ALL.iter().filter(|kind| kind.class() == class);
        for (kind, count) in kinds.filter_map(|kind| Some((kind, sums.kinds.get(kind).filter(|count| **count > 0)?))) {
            table.row([Cell::from(format!("  fd.{}", kind.name())), Cell::from(count.to_string()), Cell::default()]);
        }
        if let Some(untold) = sums.untold.get(&class) {
            table.row([Cell::from("  not told"), Cell::from(untold.to_string()), Cell::from("their kind is unknown")]);
        }
    }
    let mut out = format!("{}{}", heading("Descriptors"), table.render());
    let unread = own.iter().filter(|process| process.state != ProcState::Zombie && process.fds.value().is_none());
    let unread = unread.count();
    if unread > 0 {
        let what = if unread == 1 { "one process".to_owned() } else { format!("{unread} processes") };
        let text = format!("The real counts are higher: the descriptors of {what} could not be read.");
        out.push_str(&paragraph("", &text));
    }
    let vanished: u64 = own.iter().filter_map(|process| process.fds.value()).map(|fds| fds.vanished).sum();
    if vanished > 0 {
        let what = count(vanished, "descriptor");
        out.push_str(&paragraph("", &format!("{what} vanished while they were read, and are counted nowhere.")));
    }
    out
}

/// What was opened and closed from the first look to the last.
pub(super) fn changes(watched: &Watched) -> String {
    if watched.looks < 2 {
        return String::new();
    }
    let title = heading("Came and went while it was watched");
    if watched.changes.is_empty() {
        return format!("{title}nothing\n");
    }
    let mut table = Table::new(&[
        ("class", Stand::Left),
        ("born", Stand::Right),
        ("closed", Stand::Right),
        ("kept", Stand::Right),
        ("", Stand::Flex),
    ]);
    for (class, change) in &watched.changes {
        let unsure =
            if change.unsure > 0 { format!("{} known by their number alone", change.unsure) } else { String::new() };
        table.row([
            Cell::from(format!("fd.{}", class.name())),
            Cell::from(change.born.to_string()),
            Cell::from(change.closed.to_string()),
            Cell::from(change.kept.to_string()),
            Cell::from(unsure),
        ]);
    }
    let mut out = format!("{title}{}", table.render());
    if watched.changes.values().any(|change| change.unsure > 0) {
        out.push_str(&paragraph(
            "",
            "A number that was closed and opened again between two looks counts as kept where nothing else tells handles apart.",
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing;
    use super::*;
    use crate::cli::layout::assert_fits;

    fn line<'a>(text: &'a str, begins: &str) -> &'a str {
        let found = text.lines().find(|line| line.trim_start().split(' ').next() == Some(begins));
        found.unwrap_or_else(|| panic!("no {begins} in:\n{text}"))
    }

    #[test]
    fn kinds_stand_below_their_class_and_what_could_not_be_told_is_no_zero() {
        let mut snapshot = testing::snapshot();
        let fds = testing::census(&mut snapshot, 0);
        fds.classes.extend([(FdClass::Socket, 9), (FdClass::Pipe, 2)]);
        fds.kinds.extend([(FdKind::Tcp, 5), (FdKind::TcpCloseWait, 5), (FdKind::Udp, 0)]);
        fds.kinds.extend([(FdKind::PipeRead, 1), (FdKind::PipeWrite, 1)]);
        let text = assert_fits(&classes(&snapshot));
        assert!(line(&text, "fd.eventpoll").ends_with("929 × anon_inode:[eventpoll]"), "an exec counts: {text}");
        assert!(line(&text, "fd.socket.tcp").starts_with("  fd.socket.tcp "), "{text}");
        assert!(line(&text, "fd.tcp.close_wait").ends_with(" 5"), "{text}");
        assert!(line(&text, "not").starts_with("  not told"), "{text}");
        assert!(line(&text, "not").contains(" 4 "), "{text}");
        assert_eq!(text.matches("not told").count(), 1, "pipes are told: {text}");
        assert!(!text.contains("fd.socket.udp"), "{text}");
        assert!(text.contains("The real counts are higher: the descriptors of one process could"), "{text}");
    }

    #[test]
    fn only_classes_in_which_something_happened_are_listed() {
        let mut watched =
            Watched { looks: 7, took: Duration::from_secs(3), changes: testing::changes(), last: testing::snapshot() };
        let text = assert_fits(&changes(&watched));
        let words: Vec<&str> = line(&text, "fd.eventpoll").split_whitespace().collect();
        assert_eq!(words[..4], ["fd.eventpoll", "13", "7", "924"]);
        assert!(text.contains("920 known by their number alone"), "{text}");
        watched.changes.clear();
        assert!(changes(&watched).ends_with("nothing\n"));
        watched.looks = 1;
        assert_eq!(changes(&watched), "", "one look tells nothing of it");
    }
}
