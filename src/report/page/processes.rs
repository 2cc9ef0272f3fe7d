//! Who held the descriptors.

use std::collections::BTreeMap;

use super::parts::{Cell, Section, Table, clip, column, name};
use super::view::View;
use crate::model::{ProcId, ProcState, ProcessSample, Reading, Role, text};

/// A process over the night.
struct Life<'a> {
    id: ProcId,
    last: &'a ProcessSample,
    snapshots: usize,
    /// First, last and most descriptors, where any could be read.
    fds: Option<(u64, u64, u64)>,
    denied: bool,
    threads: Option<u64>,
    rss: Option<u64>,
    anon: Option<u64>,
}

fn role(role: Role) -> &'static str {
    match role {
        Role::App => "application",
        Role::HealthCheck => "health check",
        Role::Exec => "executed",
    }
}

fn lives<'a>(view: &View<'a>) -> Vec<Life<'a>> {
    let mut lives: BTreeMap<ProcId, Life<'a>> = BTreeMap::new();
    for process in view.night.snapshots.iter().flat_map(|snapshot| &snapshot.processes) {
        let life = lives.entry(process.id).or_insert(Life {
            id: process.id,
            last: process,
            snapshots: 0,
            fds: None,
            denied: false,
            threads: None,
            rss: None,
            anon: None,
        });
        life.last = process;
        life.snapshots += 1;
        life.denied |= process.fds.is_denied();
        if let Reading::Value(census) = &process.fds {
            let total = census.total;
            life.fds = Some(life.fds.map_or((total, total, total), |(first, _, most)| (first, total, most.max(total))));
        }
        life.threads = process.threads.value().copied().or(life.threads);
        life.rss = process.rss.value().copied().or(life.rss);
        life.anon = process.anon.value().copied().or(life.anon);
    }
    lives.into_values().collect()
}

/// Most descriptors first, the application's own before the others.
fn sorted(mut lives: Vec<Life<'_>>) -> Vec<Life<'_>> {
    lives.sort_by_key(|life| {
        let most = life.fds.map_or(0, |(_, _, most)| most);
        (life.last.role, std::cmp::Reverse(life.snapshots > 2), std::cmp::Reverse(most), life.id)
    });
    lives
}

pub(crate) fn section(view: &View<'_>) -> Option<Section> {
    let lives = sorted(lives(view));
    if lives.is_empty() {
        return None;
    }
    let brief = lives.iter().filter(|life| life.snapshots <= 2).count() as u64;
    let mut note = format!("{} seen", text::count(lives.len() as u64, "process").replace("processs", "processes"));
    if brief > 0 && view.night.snapshots.len() > 4 {
        note.push_str(&format!("; {brief} short-lived"));
    }
    let mut section = Section::new("procs", "Processes", "Processes", note);
    let columns = vec![
        column("PID", "m"),
        column("Role", ""),
        column("Command", "m w opt"),
        column("Snapshots", "r opt"),
        column("fds first", "r opt"),
        column("fds last", "r"),
        column("fds most", "r"),
        column("Limit", "r opt"),
        column("Threads", "r opt"),
        column("RSS", "r opt"),
        column("Anon.", "r"),
    ];
    let mut table = Table::new("Processes of the target", columns).quiet();
    table.rows = lives.iter().map(row).collect();
    section.blocks = table.cut(400, "samples.jsonl").fold(16, "processes");
    Some(section)
}

fn row(life: &Life<'_>) -> Vec<Cell> {
    let fds = |pick: fn((u64, u64, u64)) -> u64| match life.fds {
        Some(fds) => pick(fds).to_string(),
        None if life.last.state == ProcState::Zombie => "0".to_owned(),
        None if life.denied => "denied".to_owned(),
        None => "not read".to_owned(),
    };
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
    let bytes = |value: Option<u64>| value.map_or_else(|| "–".to_owned(), |value| text::bytes(value as f64));
    let limit = match life.last.nofile {
        Reading::Value(Some(limit)) => limit.to_string(),
        Reading::Value(None) => "none".to_owned(),
        Reading::Denied | Reading::Gone | Reading::Malformed(_) => "–".to_owned(),
    };
    let command = if life.last.cmdline.is_empty() { &life.last.comm } else { &life.last.cmdline };
    let mut who = Cell::from(role(life.last.role));
    if life.last.state == ProcState::Zombie {
        who = format!("{}, zombie", role(life.last.role)).into();
    }
    let mut pid = Cell::from(life.id.pid.to_string());
    if let Some(inner) = life.last.ns_pid.filter(|inner| *inner != life.id.pid) {
        pid.sub = format!("{inner} inside");
    }
    let mut said = Cell::from(clip(command, 120));
    if said.text.is_empty() {
        said = name(&life.last.comm).into();
    }
    vec![
        pid,
        who,
        said,
        life.snapshots.to_string().into(),
        fds(|(first, _, _)| first).into(),
        Cell::strong(fds(|(_, last, _)| last)),
        fds(|(_, _, most)| most).into(),
        limit.into(),
        life.threads.map_or_else(|| "–".to_owned(), |n| n.to_string()).into(),
        bytes(life.rss).into(),
        bytes(life.anon).into(),
    ]
}
