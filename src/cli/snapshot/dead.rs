//! Handles that can never be of use again: each one, and why.

use std::time::Duration;

use super::view::{LISTED, RED, YELLOW, heading, number};
use crate::cli::layout::{Cell, Stand, Table, fit, painted, paragraph};
use crate::model::text::seconds;
use crate::model::{DeadHandle, DeadKind, Snapshot};
use crate::probe::Graces;

/// How many lines a handle's detail may take.
const LINES: usize = 3;

/// The dead handles by kind, the oldest first, and the graces that applied.
pub(super) fn section(snapshot: &Snapshot, graces: Graces, took: Duration) -> String {
    let mut out = heading("Dead handles");
    let rest = snapshot.dead_rest.values().fold(0, |sum: u64, rest| sum.saturating_add(*rest));
    let total = number(snapshot.dead.len()).saturating_add(rest);
    if total == 0 {
        out.push_str("none was seen\n");
    }
    for kind in DeadKind::ALL {
        out.push_str(&of_kind(snapshot, *kind));
    }
    if total > 0 {
        out.push_str(&paragraph("", "Ages count from the first look; they may be older."));
    }
    out.push_str(&paragraph("", &said(graces, took)));
    out
}

fn of_kind(snapshot: &Snapshot, kind: DeadKind) -> String {
    let mut listed: Vec<&DeadHandle> = snapshot.dead.iter().filter(|handle| handle.kind == kind).collect();
    let rest = snapshot.dead_rest.get(&kind).copied().unwrap_or(0);
    let total = number(listed.len()).saturating_add(rest);
    if total == 0 {
        return String::new();
    }
    listed.sort_by_key(|handle| (handle.first_ms, handle.process, handle.fd));
    let mut table = Table::new(&[("", Stand::Left), ("", Stand::Left), ("", Stand::Right), ("", Stand::Flex)])
        .indent(2)
        .wrapped(LINES);
    for handle in listed.iter().take(LISTED) {
        let holder = snapshot.processes.iter().find(|process| process.id == handle.process);
        let holder = holder.map_or_else(String::new, |process| format!(" ({})", fit(process.name(), 16)));
        table.row([
            Cell::from(handle.fd.map_or_else(|| "process".to_owned(), |fd| format!("fd {fd}"))),
            Cell::from(
                handle.fd.map_or_else(String::new, |_| "of ".to_owned()) + &format!("{}{holder}", handle.process.pid),
            ),
            Cell::from(age(snapshot.at_ms.saturating_sub(handle.first_ms))),
            Cell::from(&handle.detail),
        ]);
    }
    let paint = if kind.is_exact() { RED } else { YELLOW };
    let doubt = if kind.is_exact() { "" } else { " (may be so on purpose)" };
    let why = format!("{total} × {}: {}{doubt}", kind.class(), kind.reason());
    let mut out = painted(paint, &paragraph("", &why)) + &table.render();
    let more = total.saturating_sub(number(listed.len().min(LISTED)));
    if more > 0 {
        out.push_str(&format!("  and {more} more\n"));
    }
    out
}

#[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
fn age(ms: u64) -> String {
    seconds((ms as f64 / 100.0).round() / 10.0)
}

/// Which graces applied, and which of them are longer than the watch.
fn said(graces: Graces, took: Duration) -> String {
    let all = [
        ("CLOSE_WAIT", graces.close_wait),
        ("sockets in no table", graces.unattached),
        ("zombies", graces.zombie),
        ("orphans", graces.orphan),
        ("deleted files", graces.deleted),
    ];
    let named = |grace: Duration| if grace.is_zero() { "none".to_owned() } else { seconds(grace.as_secs_f64()) };
    let listed = if all.iter().all(|(_, grace)| *grace == graces.zombie) {
        format!("{} for all", named(graces.zombie))
    } else {
        all.map(|(what, grace)| format!("{what} {}", named(grace))).join(", ")
    };
    let longer: Vec<&str> =
        all.iter().filter(|(_, grace)| *grace >= took && !grace.is_zero()).map(|(what, _)| *what).collect();
    let hint = match longer.as_slice() {
        [] => String::new(),
        _ => format!(
            ". This watch of {} was too short for {}: give a longer --watch, or a shorter --grace",
            seconds(took.as_secs_f64()),
            longer.join(", ")
        ),
    };
    format!("Graces: {listed}{hint}.")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::testing::{dead, snapshot};
    use super::*;
    use crate::cli::layout::assert_fits;

    const WATCH: Duration = Duration::from_secs(3);

    #[test]
    fn names_each_handle_with_its_holder_its_age_and_its_reason() {
        let mut snapshot = snapshot();
        snapshot.at_ms = 3000;
        snapshot.dead = DeadKind::ALL.iter().map(|kind| dead(7, *kind, 1000, "points at something")).collect();
        let text = assert_fits(&section(&snapshot, Graces::default(), WATCH));
        for kind in DeadKind::ALL {
            let line = format!("1 × {}: {}", kind.class(), kind.reason());
            let at =
                text.lines().position(|found| found.starts_with(&line)).unwrap_or_else(|| panic!("{line}: {text}"));
            let below: Vec<&str> = text.lines().nth(at + 1).unwrap().split_whitespace().collect();
            assert_eq!(below[..2], ["fd", "12"], "{text}");
            assert_eq!(below[2..7], ["of", "7", "(python3)", "2", "s"], "{text}");
            assert!(below.ends_with(&["points", "at", "something"]), "{text}");
            assert_eq!(text.lines().nth(at).unwrap().ends_with("(may be so on purpose)"), !kind.is_exact());
        }
    }

    #[test]
    fn a_process_is_a_handle_without_a_number() {
        let mut snapshot = snapshot();
        let mut zombie = dead(8, DeadKind::ProcessZombie, 0, "child of 7 (python3)");
        zombie.fd = None;
        snapshot.dead = vec![zombie];
        let text = assert_fits(&section(&snapshot, Graces::default(), WATCH));
        assert!(text.contains("  process  8 (python3)  1 s  child of 7 (python3)"), "{text}");
    }

    #[test]
    fn many_are_cut_and_all_are_counted() {
        let mut snapshot = snapshot();
        snapshot.dead = (0..50).map(|_| dead(7, DeadKind::PidfdTargetGone, 0, "pid 77 gone")).collect();
        snapshot.dead_rest = BTreeMap::from([(DeadKind::PidfdTargetGone, 1000)]);
        let text = assert_fits(&section(&snapshot, Graces::default(), WATCH));
        assert!(text.contains("1050 × fd.pidfd: its process is gone"), "{text}");
        assert!(text.contains("and 1010 more"), "{text}");
        assert_eq!(text.matches("pid 77 gone").count(), LISTED);
    }

    #[test]
    fn says_which_graces_applied_and_which_the_watch_was_too_short_for() {
        let text = said(Graces::default(), WATCH);
        assert!(text.contains("zombies 30 s") && text.contains("CLOSE_WAIT 1 min"), "{text}");
        assert!(text.contains("too short for CLOSE_WAIT, sockets in no table, zombies"), "{text}");
        assert_eq!(said(Graces::all(Duration::from_secs(1)), WATCH), "Graces: 1 s for all.");
        assert_eq!(said(Graces::all(Duration::ZERO), Duration::ZERO), "Graces: none for all.");
    }
}
