//! `slowdrip snapshot CONTAINER|PID`: one look, as a table or as JSON.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use crate::model::text::{self, printable, shorten};
use crate::model::{FdClass, Gap, GapReason, Phase, ProcState, ProcessSample, Reading, Role, Scope, Snapshot, Unit};
use crate::probe::{Depth, ProcRoot, Sampler};
use crate::target::find_container;

/// The widest a table gets.
const WIDTH: u16 = 80;

/// How many processes, dead handles and gaps are listed.
const LISTED: usize = 40;

/// A pidfd is dead when it is so in two looks; this is the time between them.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Looks at a container (by name or id) or a process (by pid) and returns what to print.
///
/// # Errors
/// There is no such container or process, or it cannot be read
/// ([`ProbeError`](crate::probe::ProbeError)).
pub async fn run(subject: &str, json: bool) -> anyhow::Result<String> {
    let scope = resolve(subject).await?;
    let title = match &scope {
        Scope::Container { pid, id } => {
            format!("container {} ({}), pid {pid}", printable(subject), id.chars().take(12).collect::<String>())
        }
        Scope::Descent { pid } => format!("process {pid} and its descendants"),
    };
    let snapshot = look_twice(Sampler::new(ProcRoot::system(), scope)).await?;
    if json {
        return serde_json::to_string_pretty(&snapshot).map(|text| text + "\n").context("failed to write JSON");
    }
    Ok(render(&title, &snapshot))
}

/// A number is a pid, unless a container has it for a name.
async fn resolve(subject: &str) -> anyhow::Result<Scope> {
    let pid = subject.parse::<u32>().ok().filter(|_| subject.bytes().all(|b| b.is_ascii_digit()));
    let container = match find_container(subject).await {
        Ok(container) => container,
        Err(_) if pid.is_some() => None,
        Err(problem) => return Err(problem).context(format!("failed to look for container `{}`", printable(subject))),
    };
    choose(subject, pid, container, |pid| ProcRoot::system().open(pid).is_ok())
}

fn choose(
    subject: &str,
    pid: Option<u32>,
    container: Option<(u32, String)>,
    exists: impl FnOnce(u32) -> bool,
) -> anyhow::Result<Scope> {
    match (container, pid) {
        // The number is no name, but the beginning of an id.
        (Some((_, id)), Some(pid)) if id.starts_with(subject) && exists(pid) => Ok(Scope::Descent { pid }),
        (Some((0, _)), _) => {
            bail!("container `{}` does not run: start it first, `docker ps -a` shows its state", printable(subject))
        }
        (Some((pid, id)), _) => Ok(Scope::Container { pid, id }),
        (None, Some(pid)) => Ok(Scope::Descent { pid }),
        (None, None) => {
            bail!(
                "there is no container `{}`: `docker ps` lists those that run; a process is named by its pid",
                printable(subject)
            )
        }
    }
}

async fn look_twice(mut sampler: Sampler) -> anyhow::Result<Snapshot> {
    let begun = Instant::now();
    let mut sampler = tokio::task::spawn_blocking(move || {
        sampler.check()?;
        sampler.snapshot(0, 0, jiff::Timestamp::now(), Phase::Soak, Depth::Light);
        Ok::<_, crate::probe::ProbeError>(sampler)
    })
    .await
    .context("failed to read /proc")??;
    tokio::time::sleep(BETWEEN_LOOKS).await;
    let at_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    tokio::task::spawn_blocking(move || sampler.snapshot(1, at_ms, jiff::Timestamp::now(), Phase::Soak, Depth::Light))
        .await
        .context("failed to read /proc")
}

fn render(title: &str, snapshot: &Snapshot) -> String {
    let own: Vec<&ProcessSample> = snapshot.processes.iter().filter(|process| process.role == Role::App).collect();
    let (mut out, others) = (format!("{title}\n\n"), snapshot.processes.len() - own.len());
    out.push_str(&processes(snapshot));
    if others > 0 {
        out.push_str("Processes in brackets were started from outside and count for nothing below.\n");
    }
    out.push('\n');
    out.push_str(&classes(&own));
    let unread = own.iter().filter(|process| process.state != ProcState::Zombie && process.fds.value().is_none());
    let unread = unread.count();
    if unread > 0 {
        out.push_str(&format!("The real counts are higher: the descriptors of {unread} could not be read.\n"));
    }
    out.push('\n');
    out.push_str(&dead(snapshot));
    out.push_str(&gaps(&snapshot.gaps));
    out
}

fn processes(snapshot: &Snapshot) -> String {
    let mut table = plain(&["pid", "name", "state", "threads", "fds", "anon", "of limit"]);
    align(&mut table, &[0, 3, 4, 5, 6]);
    // Those with the most descriptors first: the list may be cut.
    let mut shown: Vec<&ProcessSample> = snapshot.processes.iter().collect();
    shown.sort_by_key(|process| (std::cmp::Reverse(process.fds.value().map(|fds| fds.total)), process.id));
    for process in shown.iter().take(LISTED) {
        let name = shorten(process.name(), 26);
        table.add_row([
            process.id.pid.to_string(),
            match process.role {
                Role::App => name,
                Role::HealthCheck => format!("[{name}, health check]"),
                Role::Exec => format!("[{name}, exec]"),
            },
            state(process.state).to_owned(),
            shown_or(&process.threads, u64::to_string),
            shown_or(&process.fds, |fds| fds.total.to_string()),
            shown_or(&process.anon, |bytes| text::amount(float(*bytes), Unit::Bytes)),
            share(process),
        ]);
    }
    let more = shown.len().saturating_sub(LISTED);
    let rest = if more > 0 { format!("and {more} more, with fewer descriptors\n") } else { String::new() };
    format!("{}\n{rest}", table.trim_fmt())
}

fn classes(own: &[&ProcessSample]) -> String {
    let mut counts: BTreeMap<FdClass, u64> = BTreeMap::new();
    let mut links: BTreeMap<(FdClass, &str), u64> = BTreeMap::new();
    for fds in own.iter().filter_map(|process| process.fds.value()) {
        for (class, count) in &fds.classes {
            *counts.entry(*class).or_default() += count;
        }
        for link in &fds.links {
            *links.entry((link.class, &link.name)).or_default() += link.count;
        }
    }
    let mut rows: Vec<(FdClass, u64)> = counts.into_iter().collect();
    rows.sort_by_key(|(class, count)| (std::cmp::Reverse(*count), *class));
    let mut table = plain(&["class", "count", "most of them"]);
    align(&mut table, &[1]);
    table.add_row(["fd.total".to_owned(), rows.iter().map(|(_, count)| count).sum::<u64>().to_string(), String::new()]);
    for (class, count) in rows {
        let top = links
            .iter()
            .filter(|((of, _), _)| *of == class)
            .max_by_key(|((_, name), count)| (**count, std::cmp::Reverse(*name)));
        let top = top.map_or_else(String::new, |((_, name), count)| format!("{count} × {}", shorten(name, 44)));
        table.add_row([format!("fd.{}", class.name()), count.to_string(), top]);
    }
    format!("{}\n", table.trim_fmt())
}

fn dead(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    if snapshot.dead.is_empty() {
        out.push_str("No dead pidfd was seen. ");
    } else {
        out.push_str(&format!("{}:\n", text::count(number(snapshot.dead.len()), "dead handle")));
        for handle in snapshot.dead.iter().take(LISTED) {
            let class = handle.kind.class();
            let detail = shorten(&handle.detail, 40);
            let fd = handle.fd.map_or_else(String::new, |fd| format!("fd {fd} of "));
            out.push_str(&format!("  {class} {fd}{}: {detail}\n", handle.process.pid));
        }
        if snapshot.dead.len() > LISTED {
            out.push_str(&format!("  and {} more\n", snapshot.dead.len() - LISTED));
        }
    }
    out.push_str("Whether an eventpoll is abandoned takes more than a look: run a soak.\n");
    out
}

fn gaps(gaps: &[Gap]) -> String {
    if gaps.is_empty() {
        return String::new();
    }
    let mut out = "Not read:\n".to_owned();
    for gap in gaps.iter().take(LISTED) {
        let why = match gap.reason {
            GapReason::Denied => "denied",
            GapReason::Gone => "gone when it was read",
            GapReason::Malformed => "not understood",
            GapReason::Late => "late",
            GapReason::Exhausted => "nothing left to read it with",
        };
        let count = if gap.count > 1 { format!(" ({})", gap.count) } else { String::new() };
        out.push_str(&format!("  {}{count}: {why}\n", shorten(&gap.what, 50)));
    }
    if gaps.len() > LISTED {
        out.push_str(&format!("  and {} more\n", gaps.len() - LISTED));
    }
    out
}

fn plain(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table.set_header(headings.iter().map(Cell::new));
    table
}

fn align(table: &mut Table, right: &[usize]) {
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

fn state(state: ProcState) -> &'static str {
    match state {
        ProcState::Running => "running",
        ProcState::Sleeping => "sleeping",
        ProcState::DiskSleep => "disk",
        ProcState::Stopped => "stopped",
        ProcState::Zombie => "zombie",
        ProcState::Other => "other",
    }
}

fn share(process: &ProcessSample) -> String {
    match (process.fds.value(), process.nofile.value()) {
        (Some(fds), Some(Some(limit))) if *limit > 0 => {
            format!("{} %", text::figure(100.0 * float(fds.total) / float(*limit)))
        }
        (Some(_), Some(None)) => "unlimited".to_owned(),
        _ => "-".to_owned(),
    }
}

fn shown_or<T>(reading: &Reading<T>, show: impl FnOnce(&T) -> String) -> String {
    match reading {
        Reading::Value(value) => show(value),
        Reading::Denied => "denied".to_owned(),
        Reading::Gone => "-".to_owned(),
        Reading::Malformed(_) => "?".to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
fn float(value: u64) -> f64 {
    value as f64
}

fn number(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeadHandle, DeadKind, FdCensus, LinkCount, Observer, ProcId, ProcessFacts, TargetSample};

    fn process(pid: u32, role: Role, total: u64) -> ProcessSample {
        ProcessSample {
            id: ProcId { pid, start: 1 },
            ppid: 1,
            ns_pid: Some(1),
            role,
            state: ProcState::Sleeping,
            comm: "python3".to_owned(),
            cmdline: format!("/usr/bin/python3 {}", "x".repeat(500)),
            threads: Reading::Value(12),
            rss: Reading::Value(1 << 30),
            anon: Reading::Value(432 << 20),
            nofile: Reading::Value(Some(1024)),
            fds: Reading::Value(FdCensus {
                total,
                classes: BTreeMap::from([(FdClass::Eventpoll, total - 1), (FdClass::Log, 1)]),
                kinds: BTreeMap::new(),
                links: vec![
                    LinkCount {
                        name: "anon_inode:[eventpoll]".to_owned(),
                        class: FdClass::Eventpoll,
                        count: total - 1,
                    },
                    LinkCount { name: format!("/logs/{}.log", "n".repeat(300)), class: FdClass::Log, count: 1 },
                ],
                rest: 0,
                vanished: 0,
            }),
            facts: ProcessFacts::default(),
        }
    }

    fn snapshot() -> Snapshot {
        let mut hidden = process(9, Role::App, 2);
        hidden.fds = Reading::Denied;
        Snapshot {
            seq: 1,
            at_ms: 1000,
            wall: jiff::Timestamp::UNIX_EPOCH,
            phase: Phase::Soak,
            processes: vec![process(7, Role::App, 930), process(8, Role::Exec, 5), hidden],
            dead: vec![DeadHandle {
                process: ProcId { pid: 7, start: 1 },
                fd: Some(12),
                kind: DeadKind::PidfdTargetGone,
                first_ms: 0,
                survived: 2,
                detail: "pid 77 gone".to_owned(),
            }],
            dead_rest: BTreeMap::new(),
            turnover: BTreeMap::new(),
            target: TargetSample::default(),
            gaps: vec![Gap { what: "descriptors of 9".to_owned(), reason: GapReason::Denied, count: 1 }],
            observer: Observer::default(),
        }
    }

    #[test]
    fn shows_processes_classes_dead_handles_and_gaps_within_80_columns() {
        let text = render("container web (0123456789ab), pid 7", &snapshot());
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("[python3, exec]"), "{text}");
        assert!(text.contains("91 %"), "{text}");
        assert!(text.contains("The real counts are higher"), "{text}");
        assert!(text.contains("432 MiB"), "{text}");
        assert!(text.contains("929 × anon_inode:[eventpoll]"), "an exec counts for nothing: {text}");
        assert!(text.contains("pidfd fd 12 of 7: pid 77 gone"), "{text}");
        assert!(text.contains("run a soak"), "{text}");
        assert!(text.contains("descriptors of 9: denied"), "{text}");
    }

    #[test]
    fn a_number_is_a_pid_unless_a_container_is_called_so() {
        let id = "77aa".repeat(16);
        let scope = |subject: &str, pid, container, exists: bool| choose(subject, pid, container, |_| exists).unwrap();
        let container = Scope::Container { pid: 5, id: id.clone() };
        assert_eq!(scope("77", Some(77), None, true), Scope::Descent { pid: 77 });
        assert_eq!(scope("77", Some(77), Some((5, id.clone())), true), Scope::Descent { pid: 77 });
        assert_eq!(scope("77", Some(77), Some((5, id.clone())), false), container);
        assert_eq!(scope("88", Some(88), Some((5, id.clone())), true), container);
        assert_eq!(scope("web", None, Some((5, id.clone())), true), container);
        assert!(choose("web", None, None, |_| true).is_err());
        assert!(choose("web", None, Some((0, id)), |_| true).is_err());
    }

    #[tokio::test]
    async fn looks_at_this_very_process() {
        let sampler = Sampler::new(ProcRoot::system(), Scope::Descent { pid: std::process::id() });
        let snapshot = look_twice(sampler).await.unwrap();
        let text = render("process", &snapshot);
        assert!(text.contains(&std::process::id().to_string()), "{text}");
        assert!(text.contains("fd.total"), "{text}");
    }
}
