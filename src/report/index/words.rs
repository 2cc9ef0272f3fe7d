//! How the trend says days, builds and verdicts.

use super::Night;
use crate::model::{HistoryLine, Verdict};
use crate::report::page::build;
use crate::report::page::parts::{Mark, clip, name};

/// What a night came to. The order is that in which one of several runs of a day stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Pass,
    /// It passes, and something is broken that is known.
    Known,
    Open,
    Fail,
}

impl Kind {
    pub(crate) fn of(line: &HistoryLine) -> Self {
        match line.verdict {
            Verdict::Pass if line.acknowledged.is_empty() => Self::Pass,
            Verdict::Pass => Self::Known,
            Verdict::Inconclusive => Self::Open,
            Verdict::Fail => Self::Fail,
        }
    }

    /// In running text.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Known => "pass, acknowledged finding",
            Self::Open => "inconclusive",
            Self::Fail => "fail",
        }
    }

    /// Where there is room for a word only.
    pub(crate) fn short(self) -> &'static str {
        match self {
            Self::Known => "acknowledged",
            other @ (Self::Pass | Self::Open | Self::Fail) => other.word(),
        }
    }

    /// Its symbol in the strip.
    pub(crate) fn glyph(self) -> &'static str {
        match self {
            Self::Pass => "g-ok",
            Self::Known => "g-ack",
            Self::Open => "g-inc",
            Self::Fail => "g-fail",
        }
    }

    /// Its shape beside a name.
    pub(crate) fn mark(self) -> Mark {
        match self {
            Self::Pass => Mark::HOLDS,
            Self::Known => Mark { class: "amb", ..Mark::KNOWN },
            Self::Open => Mark::OPEN,
            Self::Fail => Mark::FAIL,
        }
    }
}

/// A name that is written from right to left must not turn the text around it: it is set apart from it (U+2068, U+2069).
pub(crate) fn apart(name: String) -> String {
    let turns = |c: char| matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}');
    if name.contains(turns) { format!("\u{2068}{name}\u{2069}") } else { name }
}

/// A scenario's or a class's name within a text.
pub(crate) fn called(foreign: &str) -> String {
    apart(name(foreign))
}

/// The build of a night, short enough for a line of small text.
pub(crate) fn build_of(line: &HistoryLine) -> Option<String> {
    build::build(&line.labels, line.image.as_deref()).map(|build| apart(clip(&build, 24)))
}

/// The day of a moment, counted from 1970.
pub(crate) fn day_of(at: jiff::Timestamp) -> i64 {
    at.as_second().div_euclid(86_400)
}

/// A counted day, by a format of strftime.
pub(crate) fn said(day: i64, format: &str) -> String {
    let at = jiff::Timestamp::from_second(day.saturating_mul(86_400)).unwrap_or_default();
    at.strftime(format).to_string()
}

/// A night's day without its year: `22 Nov`.
pub(crate) fn short_day(line: &HistoryLine) -> String {
    said(day_of(line.started), "%-d %b")
}

/// A small number as a word, as a sentence begins with it.
pub(crate) fn number(n: usize) -> String {
    const WORDS: [&str; 13] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    WORDS.get(n).map_or_else(|| n.to_string(), |word| (*word).to_owned())
}

/// A title without its capital, to stand after a colon; a name in capitals stays.
pub(crate) fn lowered(title: &str) -> String {
    let mut chars = title.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && (second.is_lowercase() || second == ' ') => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => title.to_owned(),
    }
}

/// What is not the same as in the night before, the likeliest first: `1.5.6`, `kernel 6.18.5`, `an edited scenario`.
pub(crate) fn news(before: &HistoryLine, line: &HistoryLine) -> Option<String> {
    let (then, now) = (build_of(before), build_of(line));
    if let Some(now) = now.filter(|now| Some(now) != then.as_ref()) {
        return Some(now);
    }
    if before.image.is_some() && line.image.is_some() && before.image != line.image {
        return Some("an image built anew".to_owned());
    }
    if before.scenario_digest != line.scenario_digest {
        return Some("an edited scenario".to_owned());
    }
    if before.machine != line.machine && !before.machine.is_empty() {
        return Some("another machine".to_owned());
    }
    if before.kernel != line.kernel {
        return Some(format!("kernel {}", apart(clip(&line.kernel, 24))));
    }
    if before.engine != line.engine && !before.engine.is_empty() {
        return Some(format!("engine {}", apart(clip(&line.engine, 24))));
    }
    None
}

/// Why the figures of two nights are not to be held against each other, one clause each; empty: they are.
pub(crate) fn unlike(before: &HistoryLine, line: &HistoryLine) -> Vec<&'static str> {
    let known = |one: &str, other: &str| !one.is_empty() && !other.is_empty() && one != other;
    [
        (before.scenario_digest != line.scenario_digest, "another scenario file"),
        (before.kernel != line.kernel, "another kernel"),
        // Lines of older versions do not name these.
        (known(&before.machine, &line.machine), "another machine"),
        (known(&before.thresholds_digest, &line.thresholds_digest), "other thresholds"),
    ]
    .into_iter()
    .filter_map(|(differs, what)| differs.then_some(what))
    .collect()
}

/// What a run says in a tip: `22 Nov, 1.5.6: fail`.
pub(crate) fn tip(day: i64, runs: &[Night<'_>]) -> String {
    let Some(worst) = runs.iter().max_by_key(|night| (night.kind(), night.line.started)) else {
        return format!("{}: no run", said(day, "%-d %b"));
    };
    let build = build_of(worst.line).map_or_else(String::new, |build| format!(", {build}"));
    let words = match runs {
        [one] => one.kind().word().to_owned(),
        many => {
            let words: Vec<&str> = many.iter().take(8).map(|night| night.kind().short()).collect();
            let more = if many.len() > words.len() { ", …" } else { "" };
            format!("{} runs: {}{more}", many.len(), words.join(", "))
        }
    };
    let gone = if worst.kept { "" } else { "; page no longer kept" };
    format!("{}{build}: {words}{gone}", said(day, "%-d %b"))
}
