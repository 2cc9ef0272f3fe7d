//! Sentences on the target's log.

use super::foreign;
use crate::judge::log::Lines;
use crate::model::text::{count, figure, printable, seconds, shorten};

/// The longest line that is shown whole, characters.
const EXAMPLE: usize = 160;

/// Why it is not known how many lines there were.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::judge) enum Doubtful {
    /// The log was not followed to the end.
    Cut {
        /// Why.
        why: String,
    },
    /// Some lines were not kept.
    Unseen {
        /// How many.
        lines: u64,
    },
    /// Too little time for a rate.
    Short {
        /// The time there was, seconds.
        watched_s: f64,
        /// The time it takes, seconds.
        needed_s: f64,
    },
}

/// On the number of lines that match a pattern; `pattern` is printable already.
pub(in crate::judge) fn log_lines(
    pattern: &str,
    lines: Option<&Lines<'_>>,
    most: u64,
    doubt: Option<&Doubtful>,
) -> String {
    let number = lines.map_or(0, |lines| lines.number);
    format!("{} ({most} allowed){}{}.", matched(number, pattern), doubts(doubt), course(lines))
}

/// On the number of lines an hour that match a pattern.
pub(in crate::judge) fn log_pace(
    pattern: &str,
    lines: Option<&Lines<'_>>,
    rate: f64,
    most: f64,
    doubt: Option<&Doubtful>,
) -> String {
    let number = lines.map_or(0, |lines| lines.number);
    let (matched, doubts, course) = (matched(number, pattern), doubts(doubt), course(lines));
    format!("{matched}, {}/h ({}/h allowed){doubts}{course}.", figure(rate), figure(most))
}

/// On a line that comes again and again.
pub(in crate::judge) fn log_repeats(
    pattern: &str,
    lines: Option<&Lines<'_>>,
    over_and_over: bool,
    rate: f64,
    most: f64,
    doubt: Option<&Doubtful>,
) -> String {
    let allowed = format!("({}/h allowed)", figure(most));
    let Some(lines) = lines else {
        return format!("No log line matches “{pattern}” {allowed}{}.", doubts(doubt));
    };
    let times = if lines.number == 1 { "once".to_owned() } else { count(lines.number, "time") };
    let burst = if over_and_over { "" } else { " in one burst" };
    let (rate, doubts, course) = (figure(rate), doubts(doubt), course(Some(lines)));
    format!(
        "The same log line of “{pattern}”, but for its numbers, came {times}{burst}, {rate}/h {allowed}{doubts}{course}."
    )
}

fn matched(number: u64, pattern: &str) -> String {
    match number {
        0 => format!("No log line matches “{pattern}”"),
        1 => format!("1 log line matches “{pattern}”"),
        n => format!("{n} log lines match “{pattern}”"),
    }
}

fn doubts(doubt: Option<&Doubtful>) -> String {
    match doubt {
        None => String::new(),
        Some(Doubtful::Cut { why }) => {
            format!("; there may be more, the log is not known to its end: {}", foreign(why))
        }
        Some(Doubtful::Unseen { lines }) => {
            format!("; there may be more among {} that were not kept", count(*lines, "line"))
        }
        Some(Doubtful::Short { watched_s, needed_s }) => {
            format!("; {} are too short for a rate, it takes {}", seconds(*watched_s), seconds(*needed_s))
        }
    }
}

/// ", after 2 min: “…”", ", from 2 min to 29 min of the soak, the first: “…”".
fn course(lines: Option<&Lines<'_>>) -> String {
    let Some(lines) = lines else { return String::new() };
    let example = example(lines.example);
    if lines.number == 1 {
        format!("; after {}: “{example}”", seconds(lines.first_s))
    } else {
        let (first, last) = (seconds(lines.first_s), seconds(lines.last_s));
        format!("; the first after {first}, the last after {last}, for example “{example}”")
    }
}

/// A line cut before it is made printable: it may be of any length.
fn example(line: &str) -> String {
    let head: String = line.trim().chars().take(EXAMPLE + 1).collect();
    shorten(&printable(&head), EXAMPLE)
}
