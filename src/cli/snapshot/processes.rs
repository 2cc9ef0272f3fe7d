//! The processes of a look.

use super::view::{LISTED, RED, YELLOW, bytes, cpu, heading, number, share, shown};
use crate::cli::layout::{Cell, Stand, Table, paragraph};
use crate::model::text::count;
use crate::model::{ProcState, ProcessSample, Role, Snapshot};

/// The table, those with the most descriptors first: the list may be cut.
pub(super) fn section(snapshot: &Snapshot) -> String {
    let mut all: Vec<&ProcessSample> = snapshot.processes.iter().collect();
    all.sort_by_key(|process| (std::cmp::Reverse(process.fds.value().map(|fds| fds.total)), process.id));
    // Where a process has no other number in its own namespace, there is nothing to show.
    let inside = all.iter().any(|process| process.ns_pid.is_some_and(|pid| pid != process.id.pid));
    let columns = [
        ("pid", Stand::Right),
        ("ns", Stand::Right),
        ("name", Stand::Flex),
        ("uid", Stand::Right),
        ("state", Stand::Left),
        ("thr", Stand::Right),
        ("fds", Stand::Right),
        ("limit", Stand::Right),
        ("anon", Stand::Right),
        ("cpu", Stand::Right),
    ];
    let shown = |at: usize| inside || at != 1;
    let heads: Vec<_> = columns.into_iter().enumerate().filter(|(at, _)| shown(*at)).map(|(_, head)| head).collect();
    let mut table = Table::new(&heads);
    for process in all.iter().take(LISTED) {
        table.row(cells(process).into_iter().enumerate().filter(|(at, _)| shown(*at)).map(|(_, cell)| cell));
    }
    let mut out = format!("{}{}", heading("Processes"), table.render());
    let more = all.get(LISTED..).unwrap_or_default();
    if !more.is_empty() {
        let zombies = more.iter().filter(|process| process.state == ProcState::Zombie).count();
        let zombies =
            if zombies > 0 { format!(", {} among them", count(number(zombies), "zombie")) } else { String::new() };
        out.push_str(&paragraph("", &format!("and {} more, with fewer descriptors{zombies}", more.len())));
    }
    if snapshot.processes.iter().any(|process| process.role != Role::App) {
        out.push_str(&paragraph("", "[exec] and [health] were started from outside and count for nothing below."));
    }
    out
}

fn cells(process: &ProcessSample) -> Vec<Cell> {
    let mut tail = match process.role {
        Role::App => "",
        Role::HealthCheck => " [health]",
        Role::Exec => " [exec]",
    }
    .to_owned();
    if process.facts.orphan {
        tail.push_str(" [orphan]");
    }
    let state = Cell::from(match process.state {
        ProcState::Running => "run",
        ProcState::Sleeping => "sleep",
        ProcState::DiskSleep => "disk",
        ProcState::Stopped => "stop",
        ProcState::Zombie => "zombie",
        ProcState::Other => "other",
    });
    let name = Cell::from(process.name()).tail(tail);
    let maybe = |value: Option<String>| Cell::from(value.unwrap_or_else(|| "-".to_owned()));
    vec![
        Cell::from(process.id.pid.to_string()),
        maybe(process.ns_pid.map(|pid| pid.to_string())),
        if process.facts.orphan { name.paint(YELLOW) } else { name },
        maybe(process.facts.uid.map(|uid| uid.to_string())),
        if process.state == ProcState::Zombie { state.paint(RED) } else { state },
        Cell::from(shown(&process.threads, u64::to_string)),
        Cell::from(shown(&process.fds, |fds| fds.total.to_string())),
        Cell::from(of_limit(process)),
        Cell::from(shown(&process.anon, |value| bytes(*value))),
        maybe(process.facts.cpu_us.map(cpu)),
    ]
}

/// How much of its limit of descriptors a process uses.
fn of_limit(process: &ProcessSample) -> String {
    match (process.fds.value(), process.nofile.value()) {
        (Some(fds), Some(Some(limit))) => share(fds.total, *limit).unwrap_or_else(|| "-".to_owned()),
        (Some(_), Some(None)) => "none".to_owned(),
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{process, snapshot};
    use super::*;
    use crate::cli::layout::assert_fits;

    #[test]
    fn shows_whose_a_process_is_and_how_it_fares() {
        let mut snapshot = snapshot();
        snapshot.processes[0].facts.orphan = true;
        snapshot.processes[0].facts.uid = Some(1000);
        snapshot.processes[0].facts.cpu_us = Some(12_000_000);
        let text = assert_fits(&section(&snapshot));
        let line = text.lines().find(|line| line.contains("orphan")).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(
            words,
            ["7", "1", "python3", "[orphan]", "1000", "sleep", "12", "930", "91", "%", "432", "MiB", "12", "s"]
        );
        assert!(text.contains("python3 [exec]") && text.contains("count for nothing below"), "{text}");
        assert!(text.contains("denied"), "{text}");
    }

    #[test]
    fn many_processes_are_cut_and_counted() {
        let mut snapshot = snapshot();
        snapshot.processes = (100..160).map(|pid| process(pid, Role::App, u64::from(pid))).collect();
        snapshot.processes[0].state = ProcState::Zombie;
        let text = assert_fits(&section(&snapshot));
        assert_eq!(text.lines().count(), 1 + 1 + LISTED + 1);
        assert!(text.contains("and 20 more, with fewer descriptors, 1 zombie among them"), "{text}");
        assert!(text.lines().nth(2).unwrap().trim_start().starts_with("159"), "the most descriptors first: {text}");
    }
}
