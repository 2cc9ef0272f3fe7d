//! Who held the descriptors.

use std::collections::BTreeMap;

use super::parts::{Cell, Section, Table, clip, column, name};
use super::process_lines;
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
    /// Children and the zombies among them, in the last snapshot that saw it.
    children: (u64, u64),
    /// Its proportional share of memory, where it was read last.
    pss: Option<u64>,
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
    for snapshot in &view.night.snapshots {
        let mut children: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for process in &snapshot.processes {
            let (all, zombies) = children.entry(process.ppid).or_default();
            *all += 1;
            *zombies += u64::from(process.state == ProcState::Zombie);
        }
        for process in &snapshot.processes {
            enter(&mut lives, process, children.get(&process.id.pid).copied().unwrap_or_default());
        }
    }
    lives.into_values().collect()
}

fn enter<'a>(lives: &mut BTreeMap<ProcId, Life<'a>>, process: &'a ProcessSample, children: (u64, u64)) {
    let life = lives.entry(process.id).or_insert(Life {
        id: process.id,
        last: process,
        snapshots: 0,
        fds: None,
        denied: false,
        threads: None,
        rss: None,
        anon: None,
        children,
        pss: None,
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
    life.children = children;
    life.pss = process.facts.pss.as_ref().and_then(Reading::value).copied().or(life.pss);
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
        column("Children", "r opt"),
        column("Snapshots", "r opt"),
        column("fds first", "r opt"),
        column("fds last", "r"),
        column("fds most", "r"),
        column("Limit", "r opt"),
        column("Threads", "r opt"),
        column("RSS", "r opt"),
        column("Anon.", "r"),
        column("CPU", "r opt"),
    ];
    let mut table = Table::new("Processes of the target", columns).quiet();
    table.rows = lives.iter().map(row).collect();
    section.blocks = process_lines::blocks(view);
    section.blocks.extend(table.cut(400, "samples.jsonl").fold(16, "processes"));
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
    let mut limit = Cell::from(match life.last.nofile {
        Reading::Value(Some(limit)) => limit.to_string(),
        Reading::Value(None) => "none".to_owned(),
        Reading::Denied | Reading::Gone | Reading::Malformed(_) => "–".to_owned(),
    });
    limit.sub = share(life);
    let command = if life.last.cmdline.is_empty() { &life.last.comm } else { &life.last.cmdline };
    let mut who = Cell::from(role(life.last.role));
    if life.last.state == ProcState::Zombie {
        who = format!("{}, zombie", role(life.last.role)).into();
    } else if life.last.facts.orphan {
        who = format!("{}, lost its parent", role(life.last.role)).into();
    }
    if let Some(uid) = life.last.facts.uid {
        who.sub = format!("uid {uid}");
    }
    let mut pid = Cell::from(life.id.pid.to_string());
    if let Some(inner) = life.last.ns_pid.filter(|inner| *inner != life.id.pid) {
        pid.sub = format!("{inner} inside");
    }
    let mut said = Cell::from(clip(command, 120));
    if said.text.is_empty() {
        said = name(&life.last.comm).into();
    }
    if let Some(exe) = life.last.facts.exe.as_ref().filter(|exe| !command.starts_with(exe.as_str())) {
        said.sub = clip(exe, 120);
    }
    let mut threads = Cell::from(life.threads.map_or_else(|| "–".to_owned(), |n| n.to_string()));
    threads.sub = thread_names(life.last);
    let mut rss = Cell::from(bytes(life.rss));
    rss.sub = life.pss.map_or_else(String::new, |pss| format!("{} shared out", bytes(Some(pss))));
    let children = match life.children {
        (all, 0) => all.to_string(),
        (all, zombies) => format!("{all}, {zombies} zombie"),
    };
    vec![
        pid,
        who,
        said,
        children.into(),
        life.snapshots.to_string().into(),
        fds(|(first, _, _)| first).into(),
        Cell::strong(fds(|(_, last, _)| last)),
        fds(|(_, _, most)| most).into(),
        limit,
        threads,
        rss,
        bytes(life.anon).into(),
        life.last.facts.cpu_us.map_or_else(|| "–".to_owned(), cpu).into(),
    ]
}

/// CPU time, for people.
#[expect(clippy::cast_precision_loss, reason = "a process's microseconds are far below 2^52")]
fn cpu(used_us: u64) -> String {
    text::seconds((used_us as f64 / 1e5).round() / 10.0)
}

/// How much of its limit a process held at the most.
#[expect(clippy::cast_precision_loss, reason = "descriptors are far below 2^52")]
fn share(life: &Life<'_>) -> String {
    match (&life.last.nofile, life.fds) {
        (Reading::Value(Some(limit)), Some((_, _, most))) if *limit > 0 => {
            format!("{} % used", text::figure(100.0 * most as f64 / *limit as f64))
        }
        _ => String::new(),
    }
}

/// The commonest names of its threads: `worker-* ×8, main ×1`.
fn thread_names(process: &ProcessSample) -> String {
    let names = process.facts.thread_names.iter().filter(|_| process.threads != Reading::Value(1)).take(3);
    let shown: Vec<String> = names.map(|(name, count)| format!("{} ×{count}", clip(name, 24))).collect();
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing;

    #[test]
    fn children_zombies_lost_parents_and_shares_are_told() {
        let mut night = testing::clean(6);
        for snapshot in &mut night.snapshots {
            let own = snapshot.processes.first_mut().unwrap();
            own.facts.cpu_us = Some(2_500_000);
            own.facts.uid = Some(1000);
            own.facts.thread_names = vec![("worker-*".to_owned(), 8), ("main".to_owned(), 1)];
            own.facts.pss = Some(Reading::Value(3 << 20));
            let parent = own.id.pid;
            let child = |pid: u32| ProcessSample {
                id: ProcId { pid, start: 7 },
                ppid: parent,
                ..snapshot.processes.first().unwrap().clone()
            };
            let (mut zombie, mut orphan) = (child(90_001), child(90_002));
            zombie.state = ProcState::Zombie;
            orphan.facts.orphan = true;
            snapshot.processes.extend([zombie, orphan]);
        }
        let view = View::new(&night, None, &[]);
        let lives = sorted(lives(&view));
        let cells = |pid: Option<u32>| -> Vec<String> {
            let parent = night.snapshots[0].processes[0].id.pid;
            let life = lives.iter().find(|life| life.id.pid == pid.unwrap_or(parent)).unwrap();
            row(life).into_iter().flat_map(|cell| [cell.text, cell.sub]).collect()
        };
        let own = cells(None);
        for expected in ["2, 1 zombie", "uid 1000", "worker-* ×8, main ×1", "2.5 s", "3 MiB shared out"] {
            assert!(own.iter().any(|text| text == expected), "{expected}: {own:?}");
        }
        assert!(own.iter().any(|text| text.ends_with(" % used")), "{own:?}");
        assert!(cells(Some(90_001)).contains(&"application, zombie".to_owned()));
        assert!(cells(Some(90_002)).contains(&"application, lost its parent".to_owned()));
    }
}
