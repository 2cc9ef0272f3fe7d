//! Sentences on what happened to the target, and what it held then.

use super::foreign;
use crate::judge::events::{Death, Kills, Level, Unhealthy};
use crate::model::text::{bytes, count, figure, seconds};
use crate::stats::order::median;

/// How many of several a sentence tells one by one.
const TOLD: usize = 5;
/// Up to so many are told with all that was held.
const TOLD_IN_FULL: usize = 2;
/// A level that was read longer ago says so, seconds.
const STALE_S: f64 = 30.0;

/// On a target that was unhealthy.
pub(in crate::judge) fn unhealthy(found: &Unhealthy) -> String {
    let mut text = format!("The target was unhealthy, first after {}", seconds(found.first_s));
    if found.in_all_s >= 1.0 {
        text.push_str(&format!(", for {} in all", seconds(found.in_all_s)));
    }
    if found.times > 1 {
        text.push_str(&format!(" and {}", times(found.times)));
    }
    if let Some(level) = found.level.as_ref().and_then(in_full) {
        text.push_str(&format!("; {level} when it began"));
    }
    format!("{text}.")
}

/// On a target that was started again.
pub(in crate::judge) fn deaths(deaths: &[Death]) -> String {
    format!("The target was started again {}.", told(deaths, "up for"))
}

/// On a program whose long-lived processes were started again.
pub(in crate::judge) fn self_kills(name: &str, deaths: &[Death]) -> String {
    format!("A long-lived {} ended by itself and was started anew {}.", foreign(name), told(deaths, "seen for"))
}

/// "; just before, app held 983 descriptors (96% of its limit of 1024), with 310 MiB and 41 threads in all".
pub(super) fn last_held(level: Option<&Level>) -> String {
    level.and_then(in_full).map_or_else(String::new, |level| format!("; just before, {level}"))
}

/// On kills for want of memory.
pub(in crate::judge) fn out_of_memory(kills: &[Kills]) -> String {
    let sum = |reported: Option<bool>| {
        let own = kills.iter().filter(|kills| reported.is_none_or(|wanted| kills.reported == wanted));
        own.fold(0_u64, |sum, kills| sum.saturating_add(kills.number))
    };
    let (all, inside) = (sum(None), sum(Some(false)));
    let unreported = match inside {
        0 => String::new(),
        n if n == all => " inside the target, which the engine did not report".to_owned(),
        n => format!(", {n} of them inside the target, which the engine did not report"),
    };
    let one = |kills: &Kills| {
        let number = if kills.number > 1 { format!(" ({})", times(kills.number)) } else { String::new() };
        let level = match (kills.memory, kills.limit) {
            (Some(memory), Some(limit)) => {
                format!(" at {} ({} of the limit of {})", bytes(memory), percent(memory / limit), bytes(limit))
            }
            (Some(memory), None) => format!(" at {}", bytes(memory)),
            (None, _) => String::new(),
        };
        format!("after {}{number}{level}", seconds(kills.at_s))
    };
    let all = times(all);
    format!("The kernel killed for want of memory {all}{unreported}: {}.", list(kills.iter().map(one).collect()))
}

/// "2 times, 10 min apart: after 12 min, with exit code 137 (SIGKILL), when app held …; after 22 min, up for 10 min, …".
fn told(deaths: &[Death], lived: &str) -> String {
    let moments: Vec<f64> = deaths.iter().map(|death| death.at_s).collect();
    let between: Vec<f64> =
        moments.windows(2).map(|pair| pair.iter().rev().copied().reduce(|a, b| a - b).unwrap_or(0.0)).collect();
    let apart = match (median(&between), between.len()) {
        (None, _) => String::new(),
        (Some(apart), 1) => format!(", {} apart", seconds(apart)),
        (Some(apart), _) => format!(", {} apart in the median", seconds(apart)),
    };
    let held = |level: &Level| {
        if deaths.len() > TOLD_IN_FULL { in_short(level) } else { in_full(level).map(|level| format!("when {level}")) }
    };
    let one = |death: &Death| {
        let mut parts = vec![format!("after {}", seconds(death.at_s))];
        parts.extend(death.up_s.map(|up| format!("{lived} {}", seconds(up))));
        parts.extend(death.exit.map(exit));
        parts.extend(death.level.as_ref().and_then(held));
        parts.join(", ")
    };
    format!("{}{apart}: {}", times(deaths.len() as u64), list(deaths.iter().map(one).collect()))
}

/// The first of them, and how many more there are.
fn list(mut parts: Vec<String>) -> String {
    let more = parts.len().saturating_sub(TOLD);
    parts.truncate(TOLD);
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    parts.join("; ")
}

fn times(n: u64) -> String {
    if n == 1 { "once".to_owned() } else { count(n, "time") }
}

fn percent(share: f64) -> String {
    format!("{}%", figure(share * 100.0))
}

/// "with exit code 137 (SIGKILL)".
fn exit(code: i64) -> String {
    // 128 and the signal's number, see signal(7) for the numbers.
    let signal = match code {
        129 => " (SIGHUP)",
        130 => " (SIGINT)",
        131 => " (SIGQUIT)",
        132 => " (SIGILL)",
        134 => " (SIGABRT)",
        135 => " (SIGBUS)",
        136 => " (SIGFPE)",
        137 => " (SIGKILL)",
        139 => " (SIGSEGV)",
        141 => " (SIGPIPE)",
        143 => " (SIGTERM)",
        _ => "",
    };
    format!("with exit code {code}{signal}")
}

/// "app held 983 descriptors (96% of its limit of 1024), with 310 MiB and 41 threads in all"; `None`: nothing is known.
fn in_full(level: &Level) -> Option<String> {
    let who = level.name.as_deref().map_or_else(|| "it".to_owned(), foreign);
    let descriptors = level.fds.map(|fds| match level.limit.filter(|limit| *limit > 0) {
        Some(limit) => {
            format!("{} ({} of its limit of {limit})", count(fds, "descriptor"), percent(fds as f64 / limit as f64))
        }
        None => count(fds, "descriptor"),
    });
    let rest: Vec<String> = [level.memory.map(bytes), level.threads.map(|threads| count(threads, "thread"))]
        .into_iter()
        .flatten()
        .collect();
    let rest = rest.join(" and ");
    let in_all = if level.name.is_some() { " in all" } else { "" };
    let held = match (descriptors, rest.is_empty()) {
        (Some(descriptors), true) => format!("{who} held {descriptors}"),
        (Some(descriptors), false) => format!("{who} held {descriptors}, with {rest}{in_all}"),
        (None, true) => return None,
        (None, false) if level.name.is_none() => format!("it held {rest}"),
        (None, false) => format!("the target held {rest}"),
    };
    let stale =
        if level.before_s > STALE_S { format!(" ({} earlier)", seconds(level.before_s)) } else { String::new() };
    Some(format!("{held}{stale}"))
}

/// "app at 983 descriptors (96%), 310 MiB, 41 threads"; `None`: nothing is known.
fn in_short(level: &Level) -> Option<String> {
    let share = |fds: u64| {
        let limit = level.limit.filter(|limit| *limit > 0);
        limit.map_or_else(String::new, |limit| format!(" ({})", percent(fds as f64 / limit as f64)))
    };
    let parts: Vec<String> = [
        level.fds.map(|fds| format!("{}{}", count(fds, "descriptor"), share(fds))),
        level.memory.map(bytes),
        level.threads.map(|threads| count(threads, "thread")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let who = level.name.as_deref().map_or_else(String::new, |name| format!("{} ", foreign(name)));
    (!parts.is_empty()).then(|| format!("{who}at {}", parts.join(", ")))
}
