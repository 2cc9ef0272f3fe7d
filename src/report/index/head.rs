//! The ten-second block of the trend: what passes, what does not and since when, and how old all this is.

use serde::Serialize;

use super::heat::named;
use super::words::{Kind, build_of, called, day_of, lowered, news, number, short_day};
use super::{NIGHTS, Night, Nights, OVERDUE_S};
use crate::model::{HistoryLine, Status, Verdict, text};
use crate::report::page::parts::{Fact, Mark, Piece, clip, moment};
use crate::report::page::verdict::{capital, stopped};

/// The block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Head {
    /// `1 of 6 fails`
    pub(crate) word: String,
    /// `v-fail`
    class: &'static str,
    mark: Mark,
    reason: Vec<Piece>,
    advice: Vec<Piece>,
    facts: Vec<Fact>,
}

pub(crate) fn head(scenarios: &[Nights<'_>], end: i64, now: jiff::Timestamp) -> Head {
    let latest: Vec<(&Nights<'_>, Night<'_>)> =
        scenarios.iter().filter_map(|nights| nights.latest().map(|night| (nights, night))).collect();
    let of = |verdict: Verdict| latest.iter().copied().filter(|(_, night)| night.line.verdict == verdict).collect();
    let (fails, open, passes): (Latest<'_, '_>, Latest<'_, '_>, Latest<'_, '_>) =
        (of(Verdict::Fail), of(Verdict::Inconclusive), of(Verdict::Pass));
    let all = latest.len();
    let (word, class, mark) = match (fails.len(), open.len()) {
        _ if all == 0 => ("No nights".to_owned(), "v-warn", Mark::OPEN),
        (0, 0) if all == 1 => ("Passes".to_owned(), "v-pass", Mark::HOLDS),
        (0, _) if all == 1 => ("Inconclusive".to_owned(), "v-warn", Mark::OPEN),
        _ if all == 1 => ("Fails".to_owned(), "v-fail", Mark::FAIL),
        (0, 0) => (format!("All {all} pass"), "v-pass", Mark::HOLDS),
        (0, open) => (format!("{open} of {all} inconclusive"), "v-warn", Mark::OPEN),
        (1, _) => (format!("1 of {all} fails"), "v-fail", Mark::FAIL),
        (fails, _) => (format!("{fails} of {all} fail"), "v-fail", Mark::FAIL),
    };
    Head {
        word,
        class,
        mark,
        reason: reason(&fails, &open, &passes, now),
        advice: advice(&fails, &open, scenarios, now),
        facts: facts(scenarios, end, now),
    }
}

/// Scenarios, each with its latest night.
type Latest<'a, 'b> = Vec<(&'b Nights<'a>, Night<'a>)>;

/// The scenario's name, with a link to its latest night where that is kept.
fn linked(night: &Night<'_>) -> Piece {
    let name = called(&night.line.scenario);
    match night.href() {
        Some(href) => Piece::link(name, href),
        None => Piece::plain(name),
    }
}

/// How long a scenario has not passed: `since tonight (22 Nov), with 1.5.6`.
fn since(nights: &Nights<'_>, latest: &HistoryLine, now: jiff::Timestamp) -> String {
    let same = nights.all.iter().rev().take_while(|night| night.line.verdict == latest.verdict).count();
    let first = nights.all.len() - same;
    let Some(begun) = nights.all.get(first).map(|night| night.line) else { return String::new() };
    let Some(before) = first.checked_sub(1).and_then(|n| nights.all.get(n)) else {
        return if same == 1 { " on its first night".to_owned() } else { format!(" on all its {same} nights") };
    };
    let day = short_day(begun);
    let tonight = same == 1 && now.as_second() - begun.started.as_second() <= OVERDUE_S;
    let when = match same {
        1 if tonight => format!(" since tonight ({day})"),
        1 => format!(" since {day}"),
        nights => format!(" since {day}, {nights} nights"),
    };
    match (news(before.line, begun), build_of(begun)) {
        (Some(new), Some(build)) if new == build => format!("{when}, with build {build}"),
        (Some(new), _) => format!("{when}, with {new}"),
        (None, Some(build)) => format!("{when}, with the same build {build}"),
        (None, None) => when,
    }
}

/// Why a night does not pass: the surest cause with the class that grows fastest, or the reason of the verdict.
fn why(line: &HistoryLine) -> String {
    let Some(cause) = line.causes.first().filter(|cause| !cause.trim().is_empty()) else {
        return stopped(&clip(&line.reason, 240));
    };
    // The total grows by what the others do.
    let broken =
        line.classes.iter().filter(|(class, kept)| kept.status == Some(Status::Breaks) && *class != "fd.total");
    let paced = broken.filter_map(|(class, kept)| kept.rate.map(|rate| (class, rate, kept.unit)));
    let counted = paced.filter(|(class, ..)| !class.starts_with("mem."));
    let fastest = counted.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, rate, _)| *rate >= 0.5);
    let pace = fastest
        .map_or_else(String::new, |(class, rate, unit)| format!(" ({} {})", called(class), text::per_hour(rate, unit)));
    let more = match line.causes.len() {
        0 | 1 => String::new(),
        2 => ", and one more cause".to_owned(),
        causes => format!(", and {} more causes", number(causes - 1)),
    };
    stopped(&format!("{}{pace}{more}", lowered(clip(cause, 200).trim_end_matches('.'))))
}

fn reason(fails: &Latest<'_, '_>, open: &Latest<'_, '_>, passes: &Latest<'_, '_>, now: jiff::Timestamp) -> Vec<Piece> {
    let names = |of: &Latest<'_, '_>| named(of.iter().map(|(nights, _)| nights.name), 4);
    let mut says = Vec::new();
    match fails.as_slice() {
        [] => {}
        [(nights, night)] => {
            says.push(linked(night));
            says.push(Piece::plain(format!(" fails{}: {} ", since(nights, night.line, now), why(night.line))));
        }
        [(nights, night), ..] => {
            says.push(Piece::plain(format!("{} fail. ", names(fails))));
            says.push(linked(night));
            says.push(Piece::plain(format!("{}: {} ", since(nights, night.line, now), why(night.line))));
        }
    }
    match open.as_slice() {
        [] => {}
        [(nights, night)] if fails.is_empty() => {
            says.push(linked(night));
            let since = since(nights, night.line, now);
            says.push(Piece::plain(format!(" is inconclusive{since}: {} ", why(night.line))));
        }
        [_] => says.push(Piece::plain(format!("{} is inconclusive. ", names(open)))),
        _ => says.push(Piece::plain(format!("{} are inconclusive. ", names(open)))),
    }
    let all = fails.len() + open.len() + passes.len();
    let known = passes.iter().filter(|(_, night)| night.kind() == Kind::Known).count();
    let with = |one: &str| match known {
        0 => String::new(),
        1 if passes.len() == 1 => ", with an acknowledged finding".to_owned(),
        known if known == passes.len() => ", each with an acknowledged finding".to_owned(),
        known => format!(", {} {one} with an acknowledged finding", number(known)),
    };
    match passes.as_slice() {
        [] => {}
        [(_, night)] if all == 1 => {
            says.push(linked(night));
            says.push(Piece::plain(format!(" passes{}: {}", with(""), stopped(&clip(&night.line.reason, 240)))));
        }
        [(_, night)] => says.push(Piece::plain(format!("{} passes{}.", called(&night.line.scenario), with("")))),
        many if many.len() == all => says.push(Piece::plain(format!("Every scenario passes{}.", with("of them")))),
        many => says.push(Piece::plain(format!("{} scenarios pass{}.", capital(&number(many.len())), with("of them")))),
    }
    if all == 0 {
        says.push(Piece::plain("The history is empty: no night has been recorded yet."));
    }
    says
}

fn advice(fails: &Latest<'_, '_>, open: &Latest<'_, '_>, scenarios: &[Nights<'_>], now: jiff::Timestamp) -> Vec<Piece> {
    let Some(last) = scenarios.iter().filter_map(Nights::latest).map(|night| night.line.started).max() else {
        return vec![
            Piece::plain("run a first night: "),
            Piece::Code("slowdrip run SCENARIO".to_owned()),
            Piece::plain("."),
        ];
    };
    let overdue = now.as_second() - last.as_second() > OVERDUE_S;
    let mut pieces = Vec::new();
    match fails.first().or(open.first()) {
        Some((nights, night)) => {
            let what = if fails.is_empty() { "inconclusive report" } else { "failing report" };
            pieces.push(Piece::plain("open the "));
            pieces.push(match night.href() {
                Some(href) => Piece::link(what, href),
                None => Piece::plain(format!("{what} (no longer kept)")),
            });
            if let Some(good) = nights.all.iter().rev().find(|good| good.line.verdict == Verdict::Pass) {
                pieces.extend(last_good(good, night));
            }
            pieces.push(Piece::plain("."));
        }
        None if overdue => {}
        None => pieces.push(Piece::plain("nothing.")),
    }
    if overdue {
        let lead = if pieces.is_empty() { "see" } else { " See" };
        pieces.push(Piece::plain(format!("{lead} why no night has run for {}.", age(now, last))));
    }
    pieces
}

/// The last night that passed, and how to hold the two against each other.
fn last_good(good: &Night<'_>, bad: &Night<'_>) -> Vec<Piece> {
    let build = build_of(good.line).map_or_else(String::new, |build| format!(" with {build}"));
    let mut pieces = vec![Piece::plain(format!("; {} last passed{build} on ", called(&good.line.scenario)))];
    let when = short_day(good.line);
    let plain = |run: &str| run.len() <= 40 && run.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    match good.href() {
        Some(href) => {
            pieces.push(Piece::link(when, href));
            if bad.kept && plain(&good.line.run) && plain(&bad.line.run) {
                pieces.push(Piece::plain("; compare: "));
                pieces.push(Piece::Code(format!("slowdrip diff {} {}", good.line.run, bad.line.run)));
            }
        }
        None => pieces.push(Piece::plain(format!("{when} (no longer kept)"))),
    }
    pieces
}

/// How long ago, in the largest units.
fn age(now: jiff::Timestamp, then: jiff::Timestamp) -> String {
    let seconds = (now.as_second() - then.as_second()).max(0);
    if seconds >= 2 * 86_400 {
        return format!("{} days", seconds / 86_400);
    }
    #[expect(clippy::cast_precision_loss, reason = "at most two days of seconds")]
    let rounded = if seconds >= 3600 { (seconds / 60 * 60) as f64 } else { seconds as f64 };
    text::seconds(rounded)
}

fn facts(scenarios: &[Nights<'_>], end: i64, now: jiff::Timestamp) -> Vec<Fact> {
    let nights = || scenarios.iter().flat_map(|nights| nights.all.iter());
    let Some(last) = nights().map(|night| night.line.started).max() else { return Vec::new() };
    let mut facts = vec![began(last, now)];
    let late = |nights: &&Nights<'_>| lag(nights, scenarios).is_some();
    let behind: Vec<&str> = scenarios.iter().filter(late).map(|nights| nights.name).collect();
    let all = scenarios.len();
    let ran = Fact::new("Scenarios run", format!("{} of {all}", all - behind.len()));
    facts.push(if behind.is_empty() {
        ran.sub("within a day of it")
    } else {
        ran.class("amb").sub(format!("behind: {}", named(behind, 2)))
    });
    let days: std::collections::BTreeSet<i64> =
        scenarios.iter().flat_map(|nights| nights.days.keys().copied()).collect();
    let since = days.first().copied().unwrap_or(0).max(end - NIGHTS + 1);
    let missing = (since..=end).filter(|day| !days.contains(day)).count();
    let missed = if missing == 0 { "none".to_owned() } else { missing.to_string() };
    let span = (end - since + 1).clamp(1, NIGHTS).unsigned_abs();
    let missed = format!("{missed} missing in the last {}", text::count(span, "night"));
    facts.push(Fact::new("Nights", text::count(days.len() as u64, "night")).sub(missed));
    let pages = nights().filter(|night| night.kept).count();
    facts.push(Fact::new("Runs", nights().count().to_string()).sub(format!("{pages} with their page")));
    let newest = nights().max_by_key(|night| night.line.started);
    if let Some(build) = newest.and_then(|night| build_of(night.line)) {
        facts.push(Fact::new("Latest build", build));
    }
    facts
}

/// The age of the last night, which a script says anew.
fn began(last: jiff::Timestamp, now: jiff::Timestamp) -> Fact {
    if last > now {
        let sub = format!("{}, by the clock of its machine", moment(last));
        return Fact::new("Last night began", "in the future").sub(sub).class("amb");
    }
    let overdue = now.as_second() - last.as_second() > OVERDUE_S;
    let mut began = Fact::new("Last night began", format!("{} ago", age(now, last)))
        .sub(format!("{}{}", moment(last), if overdue { ", overdue" } else { "" }))
        .class(if overdue { "bad" } else { "lead" });
    began.time = Some(last.to_string());
    began
}

/// By how many days a scenario's latest night is behind the last night of all; `None` within a day of it.
pub(crate) fn lag(nights: &Nights<'_>, scenarios: &[Nights<'_>]) -> Option<i64> {
    let last = scenarios.iter().filter_map(Nights::latest).map(|night| night.line.started).max()?;
    let own = nights.latest()?.line.started;
    (last.as_second() - own.as_second() >= 86_400).then(|| (day_of(last) - day_of(own)).max(1))
}
