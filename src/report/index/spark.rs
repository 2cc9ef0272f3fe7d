//! A class over the nights: its level as a line, where it changed, and how fast it grows.

use serde::Serialize;

use super::Kind;
use super::words::{apart, build_of, called, news, said};
use crate::model::{HistoryClass, HistoryLine, Status, Unit, Verdict, text};
use crate::report::chart::{Chart, Point, Svg, range, thin};
use crate::report::page::parts::name;
use crate::stats::change::{Shift, Worth, shifts};

/// Most points of a line: about one for each pixel and a half.
const POINTS: usize = 120;

/// A change in so many nights puts a class before the others.
const NEWS: i64 = 14;

/// A class over the nights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Spark {
    class: String,
    svg: Svg,
    value: String,
    colour: &'static str,
    /// Since when it is so.
    since: String,
    /// Growth, dead handles.
    sub: String,
    /// How urgent it is: the lower the sooner it is shown.
    #[serde(skip)]
    pub(crate) rank: u8,
}

/// A night of a class.
struct At<'a> {
    day: i64,
    line: &'a HistoryLine,
    kept: &'a HistoryClass,
}

/// A change of level with the nights about it.
struct Change<'a> {
    day: i64,
    shift: Shift,
    /// What was new that night.
    new: Option<String>,
    /// True where the build was.
    build: bool,
    /// What it came to that night, and the night before.
    status: Option<Status>,
    before: Option<Status>,
    line: &'a HistoryLine,
}

impl Change<'_> {
    fn up(&self) -> bool {
        self.shift.after > self.shift.before
    }

    /// True where it went up and is no good.
    fn bad(&self) -> bool {
        self.up() && (self.status == Some(Status::Breaks) || worse(self.before, self.status))
    }

    /// `1.5.6, 22 Nov`, `22 Nov, with kernel 6.18.5`, `22 Nov`.
    fn begun(&self) -> String {
        let day = said(self.day, "%-d %b");
        match &self.new {
            Some(build) if self.build => format!("{build}, {day}"),
            Some(new) => format!("{day}, with {new}"),
            None => day,
        }
    }

    /// `with 1.10.5`, `on 22 Oct`.
    fn with(&self) -> String {
        match &self.new {
            Some(new) => format!("with {new}"),
            None => format!("on {}", said(self.day, "%-d %b")),
        }
    }
}

/// True where a rule fares worse than it did. What no rule names fares neither well nor badly.
fn worse(before: Option<Status>, after: Option<Status>) -> bool {
    let rank = |status| match status {
        Status::Holds => 0,
        Status::Undecided => 1,
        Status::Breaks => 2,
    };
    before.zip(after).is_some_and(|(before, after)| rank(after) > rank(before))
}

/// A level that differs by less is no news.
fn worth(unit: Unit) -> Worth {
    match unit {
        Unit::Count => Worth { amount: 2.0, share: 0.05 },
        Unit::Bytes => Worth { amount: 1_048_576.0, share: 0.05 },
    }
}

/// The changes of a figure of the class. Nights that are inconclusive may have had no work, and count for nothing here.
fn changes<'a>(nights: &[At<'a>], unit: Unit, figure: impl Fn(&HistoryClass) -> Option<f64>) -> Vec<Change<'a>> {
    let told: Vec<(usize, f64)> = nights
        .iter()
        .enumerate()
        .filter(|(_, at)| at.line.verdict != Verdict::Inconclusive)
        .filter_map(|(n, at)| figure(at.kept).filter(|value| value.is_finite()).map(|value| (n, value)))
        .collect();
    let values: Vec<f64> = told.iter().map(|(_, value)| *value).collect();
    let found = shifts(&values, worth(unit)).into_iter().filter_map(|shift| {
        let at = nights.get(told.get(shift.at)?.0)?;
        let earlier = nights.get(told.get(shift.at.checked_sub(1)?)?.0)?;
        // Between the last night that counts and this one: a night that is missing may have been the first of a build.
        let new = news(earlier.line, at.line);
        let build = new.is_some() && new == build_of(at.line);
        let (status, before) = (at.kept.status, earlier.kept.status);
        Some(Change { day: at.day, shift, new, build, status, before, line: at.line })
    });
    found.collect()
}

/// What the changes come to, in words; empty where there is none.
fn told(changes: &[Change<'_>], unit: Unit) -> String {
    let Some(last) = changes.last() else { return String::new() };
    if let Some(earlier) = changes.len().checked_sub(2).and_then(|n| changes.get(n)) {
        // Back where it was: a visit, not a new level.
        let least = worth(unit);
        let (was, is) = (earlier.shift.before, last.shift.after);
        if (was - is).abs() < least.amount.max(2.0 * least.share * was.abs().max(is.abs())) {
            let (went, back) = if earlier.up() { ("rose", "gone") } else { ("fell", "back") };
            return format!("{went} {}, {back} {}", earlier.with(), last.with());
        }
    }
    format!("since {}", last.begun())
}

/// The class over `nightly`, days and the run that stands for each; `latest` is the last of them.
pub(crate) fn spark(nightly: &[(i64, &HistoryLine)], class: &str, latest: &HistoryLine) -> Spark {
    let nights: Vec<At<'_>> = nightly
        .iter()
        .filter_map(|(day, line)| line.classes.get(class).map(|kept| At { day: *day, line, kept }))
        .collect();
    let last = latest.classes.get(class);
    let unit = last.or(nights.last().map(|at| at.kept)).map_or(Unit::Count, |kept| kept.unit);
    let levels = changes(&nights, unit, |kept| kept.level);
    let rates = changes(&nights, unit, |kept| kept.rate);
    let status = last.and_then(|last| last.status);
    let risen = levels.last().is_some_and(|change| change.bad() && worse(change.before, status));
    let colour = match status {
        Some(Status::Breaks) if latest.verdict == Verdict::Fail => "bad",
        Some(Status::Breaks) => "amb",
        Some(Status::Holds | Status::Undecided) | None if risen => "amb",
        Some(Status::Holds | Status::Undecided) | None => "",
    };
    let level = last.and_then(|last| last.level);
    let value = match (last, level) {
        (_, Some(level)) => text::amount(level, unit),
        (Some(_), None) => "not read".to_owned(),
        (None, None) => "not in the latest".to_owned(),
    };
    let end = nightly.last().map_or(0, |(day, _)| *day);
    let recent = |changes: &[Change<'_>]| changes.last().is_some_and(|change| end - change.day < NEWS);
    let rank = match (colour, recent(&levels) || recent(&rates)) {
        ("bad", _) => 0,
        ("amb", _) => 1,
        (_, true) => 2,
        _ if status.is_some() => 3,
        _ => 4,
    };
    let since = told(&levels, unit);
    let label = label(class, &value, &since, nights.len());
    Spark {
        svg: draw(nightly, class, &levels, &label, colour),
        class: apart(name(class)),
        value,
        colour,
        since,
        sub: sub(last, unit, &rates),
        rank,
    }
}

/// Growth where it was judged, with the night since which it grows so, and dead handles.
fn sub(last: Option<&HistoryClass>, unit: Unit, rates: &[Change<'_>]) -> String {
    let Some(last) = last else { return String::new() };
    let mut sub = Vec::new();
    if let Some(rate) = last.rate.filter(|_| last.status.is_some()) {
        let grows = rates.last().filter(|change| change.up() && rate > change.shift.before);
        let since = grows.map_or_else(String::new, |change| format!(" since {}", change.begun()));
        sub.push(format!("{}{since}", text::per_hour(rate, unit)));
    }
    if last.dead > 0 {
        sub.push(format!("{} dead", last.dead));
    }
    sub.join(", ")
}

/// What the line says to those who do not see it. The chart escapes it.
fn label(class: &str, value: &str, since: &str, nights: usize) -> String {
    let plain: String = since.chars().filter(|c| !matches!(c, '\u{2068}' | '\u{2069}')).collect();
    let since = if plain.is_empty() { ", no change of level".to_owned() } else { format!(", {plain}") };
    format!("{} over {}: {value} in the latest{since}", name(class), text::count(nights as u64, "night"))
}

fn draw(nightly: &[(i64, &HistoryLine)], class: &str, changes: &[Change<'_>], label: &str, colour: &str) -> Svg {
    let first = nightly.first().map_or(0, |(day, _)| *day);
    #[expect(clippy::cast_precision_loss, reason = "days of a year")]
    let at = |day: i64| (day - first) as f64;
    let mut points: Vec<Point> = Vec::with_capacity(nightly.len());
    let mut before = first;
    for (day, line) in nightly {
        if day - before > 1 {
            points.push((f64::midpoint(at(before), at(*day)), None));
        }
        before = *day;
        points.push((at(*day), line.classes.get(class).and_then(|kept| kept.level).filter(|level| level.is_finite())));
    }
    let end = points.last().map_or(1.0, |(at, _)| *at).max(1.0);
    // A range of its own, but never so narrow that the usual to and fro looks like an event.
    let (low, high) = range([points.as_slice()]).unwrap_or((0.0, 1.0));
    let span = (high - low).max(0.3 * high).max(3.0);
    let base = (f64::midpoint(low, high) - span / 2.0).max(0.0);
    // A first night stands at the end of its line, as every latest night does.
    let start = if points.len() > 1 { 0.0 } else { -end };
    let stop = if points.len() > 1 { end * 1.02 } else { 0.02 };
    let mut chart = Chart::new(36.0, 4.0, (start, stop), (base, base + span * 1.05)).flush(4.0);
    chart.joined("raw", &thin(&points, POINTS));
    for change in changes {
        let class = match (change.bad(), Kind::of(change.line)) {
            (true, Kind::Fail) => "cpa",
            (true, Kind::Pass | Kind::Known | Kind::Open) => "cpw",
            (false, _) => "cp",
        };
        chart.post(class, at(change.day));
    }
    if let Some((at, level)) = points.last().and_then(|(at, level)| level.map(|level| (*at, level))) {
        let dot = match colour {
            "bad" => "fa",
            "amb" => "fwa",
            _ => "fi",
        };
        chart.dot(dot, at, level);
    }
    chart.finish(label, &[])
}

/// A class's name in a sentence with its figure.
pub(crate) fn figure(class: &str, said: &str) -> String {
    format!("{} {said}", called(class))
}
