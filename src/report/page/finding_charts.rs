//! The two charts of a finding: what is held, and the way to the limit.

use super::figures;
use super::parts::{Block, Figure, name};
use super::view::{Class, View};
use crate::model::{Estimate, Finding, Metric, Reading, RuleKind, Severity, StoredNight, Unit, text};
use crate::report::chart::{Anchor, Chart, LARGE, Point, Scale, fit, range};
use crate::report::points;
use crate::series::{app_processes, has_dead};
use crate::threshold::Selector;

/// The lowest value from each moment to the end: what is held for good, seen from counts alone.
pub(crate) fn floor_of(points: &[Point]) -> Vec<Point> {
    let mut lowest = f64::INFINITY;
    let mut floor: Vec<Point> = points
        .iter()
        .rev()
        .map(|(at, value)| {
            lowest = value.map_or(lowest, |value| value.min(lowest));
            (*at, value.map(|_| lowest))
        })
        .collect();
    floor.reverse();
    floor
}

/// The permanent floor as the judge found it.
pub(crate) fn floor_points(growth: &Estimate) -> Vec<Point> {
    growth.floor.iter().map(|(at, level)| (*at, Some(*level))).collect()
}

/// The thick line, and what it is: what is dead, or what is held for good.
fn thick(view: &View<'_>, finding: &Finding, class: &Class) -> (&'static str, Vec<Point>) {
    let dead = match finding.rule {
        RuleKind::MaxDead => dead_points(view.night, finding),
        RuleKind::Max
        | RuleKind::MaxLimitRatio
        | RuleKind::MaxGrowth
        | RuleKind::MaxVsBaseline
        | RuleKind::SettleTo
        | RuleKind::Log
        | RuleKind::Health
        | RuleKind::Restarts
        | RuleKind::Oom
        | RuleKind::SelfKill
        | RuleKind::Alive
        | RuleKind::Workload
        | RuleKind::ComesBack
        | RuleKind::After
        | RuleKind::Stop
        | RuleKind::Readable
        | RuleKind::Ack => None,
    };
    match (dead, &finding.growth) {
        (Some(dead), _) => ("dead", dead),
        (None, Some(growth)) if !growth.floor.is_empty() => ("floor", floor_points(growth)),
        (None, _) => ("floor", floor_of(&class.now.points)),
    }
}

/// The class over the night: open now, held for good (or dead), and what is allowed.
pub(crate) fn over_time(view: &View<'_>, finding: &Finding) -> Option<Figure> {
    let (column, class) = view.class(&finding.class)?;
    class.now.values().next()?;
    let (word, thick) = thick(view, finding, class);
    let level = finding.allowed.filter(|_| finding.rule != RuleKind::MaxGrowth);
    let slope = finding
        .growth
        .as_ref()
        .filter(|_| finding.rule == RuleKind::MaxGrowth)
        .and_then(|growth| allowed(finding, growth));
    let before = class.before.as_ref().map(|before| before.points.as_slice()).unwrap_or_default();
    let also: Vec<f64> = level.into_iter().chain(slope.iter().flatten().map(|(_, y)| *y)).collect();
    let scale = fit(range([class.now.points.as_slice(), thick.as_slice(), before]), &also, finding.unit, 3);
    let mut chart = Chart::new(250.0, 24.0, (0.0, view.end_s), scale.span());
    shade(&mut chart, view, finding.growth.as_ref());
    chart.grid(&scale, if finding.unit == Unit::Count { " open" } else { "" });
    chart.times(3);
    chart.steps("prev", before, LARGE);
    chart.steps("raw", &class.now.points, LARGE);
    if let Some(slope) = &slope {
        chart.straight("lim", slope);
    }
    let (line, colour) = match finding.severity {
        Severity::Fail => ("fl", "al"),
        Severity::Warn => ("fw", "wa"),
    };
    chart.steps(line, &thick, LARGE);
    if let Some(growth) = finding.growth.as_ref().filter(|_| word == "floor") {
        chart.marks("tka", growth.steps.iter().map(|(at, _)| *at));
    }
    view.mark(&mut chart);
    labels(&mut chart, (class, &thick, level, slope.as_ref()), finding, (word, line, colour));
    let note = match word {
        "dead" => "thick: dead; grey: open now; dashed: allowed".to_owned(),
        _ => "thick: held for good; grey: open now; dashed: allowed".to_owned(),
    };
    let note = if before.is_empty() { note } else { format!("{note}; dotted: the night before") };
    let now = class.now.values().next_back().unwrap_or(0.0);
    let label = format!(
        "{} over the night: {} open at the end, {word} {}, allowed {}",
        name(&finding.class),
        text::amount(now, finding.unit),
        last(&thick).map_or_else(|| "nothing".to_owned(), |(_, level)| text::amount(level, finding.unit)),
        super::findings::said(finding, finding.allowed)
    );
    let title = if word == "dead" { "Dead and open" } else { "Held for good" };
    Some(Figure { mark: None, title: title.to_owned(), note, svg: chart.finish(&label, &[column]) })
}

/// What the thick line of the chart tells, as a table.
pub(crate) fn in_figures(view: &View<'_>, finding: &Finding) -> Option<Block> {
    let (_, class) = view.class(&finding.class)?;
    let (word, thick) = thick(view, finding, class);
    figures::steps(&format!("{}, {word} over the night", name(&finding.class)), finding.unit, &thick)
}

/// The parts of the night that are not judged.
fn shade(chart: &mut Chart, view: &View<'_>, growth: Option<&Estimate>) {
    if let Some(growth) = growth.filter(|growth| growth.warmup_end_s > 0.0) {
        chart.band(0.0, growth.warmup_end_s);
    }
    if let Some(settle) = view.settle_s {
        chart.band(settle, view.end_s);
    }
}

type Drawn<'a> = (&'a Class, &'a [Point], Option<f64>, Option<&'a Vec<(f64, f64)>>);

fn labels(chart: &mut Chart, drawn: Drawn<'_>, finding: &Finding, (word, line, colour): (&str, &str, &str)) {
    let (class, thick, level, slope) = drawn;
    let thick_end = last(thick);
    if let Some((at, held)) = thick_end {
        let dot = if line == "fl" { "fa" } else { "fwa" };
        chart.dot(dot, at, held);
        chart.label(colour, Anchor::End, (at, held), 8.0, &format!("{word} {}", text::amount(held, finding.unit)));
    }
    if let Some((at, open)) = last(&class.now.points) {
        let far = thick_end.is_none_or(|(_, held)| (chart.pixel(open) - chart.pixel(held)).abs() > 18.0);
        if far {
            chart.label("", Anchor::End, (at, open), 4.0, &format!("open now {}", text::amount(open, finding.unit)));
        }
    }
    let allowed = super::findings::said(finding, finding.allowed);
    if let Some(level) = level {
        chart.level("lim", level);
        // The first third is where lines are rarely high; the label sits on the dashed line.
        chart.label(
            "k",
            Anchor::Start,
            (0.36 * class.now.points.last().map_or(0.0, |(at, _)| *at), level),
            5.0,
            &format!("allowed {allowed}"),
        );
    } else if let Some((at, y)) = slope.and_then(|slope| slope.last()) {
        let clear = thick_end.is_none_or(|(_, held)| (chart.pixel(*y) - chart.pixel(held)).abs() > 30.0);
        let rise = if clear { 6.0 } else { -16.0 };
        chart.label("k", Anchor::End, (*at, *y), rise, &format!("allowed {allowed}"));
    }
}

/// The last value of a line, with its time.
pub(crate) fn last(points: &[Point]) -> Option<(f64, f64)> {
    points.iter().rev().find_map(|(at, value)| value.map(|value| (*at, value)))
}

fn dead_points(night: &StoredNight, finding: &Finding) -> Option<Vec<Point>> {
    let select = Selector::Metric(finding.class.parse::<Metric>().ok()?);
    has_dead(&select).then(|| points::dead(night, &select))
}

/// The growth that is allowed, from the floor at the end of the warm-up on.
fn allowed(finding: &Finding, growth: &Estimate) -> Option<Vec<(f64, f64)>> {
    let rate = finding.allowed?;
    let (end, level) = *growth.floor.last()?;
    let start = growth.warmup_end_s;
    let base = level - growth.rise;
    Some(vec![(start, base), (end, base + rate * (end - start).max(0.0) / 3600.0)])
}

/// The way to the limit, with the fan of the interval.
pub(crate) fn to_the_limit(view: &View<'_>, finding: &Finding) -> Option<Figure> {
    let growth = finding.growth.as_ref()?;
    let hours = growth.hours_to_limit.filter(|hours| hours.is_finite() && *hours > 0.0)?;
    // Descriptors run out together: the way that counts is that of the total.
    let subject = if finding.class.starts_with("fd.") { "fd.total" } else { finding.class.as_str() };
    let (_, class) = view.class(subject)?;
    let (at, now) = last(&class.now.points)?;
    let room = growth.rate * hours;
    let limit = now + room;
    let until = |rate: f64| if rate > 0.0 { room / rate } else { f64::INFINITY };
    let (soon, late) = (until(growth.high), until(growth.low).min(hours * 3.0));
    let end = at + (hours * 1.35).max(late.min(hours * 1.6)) * 3600.0;
    let whole = fit(Some((0.0, now)), &[limit], finding.unit, 2);
    // Lines near the limit would only get in its way.
    let scale = Scale { ticks: whole.ticks.into_iter().filter(|tick| *tick < 0.85 * limit).collect(), ..whole };
    let mut chart = Chart::new(250.0, 24.0, (0.0, end), (scale.span().0, limit * 1.12));
    chart.grid(&scale, "");
    chart.times(2);
    let reach = |hours: f64| {
        let x = at + hours * 3600.0;
        if x <= end { (x, limit) } else { (end, now + room * (end - at) / (hours * 3600.0)) }
    };
    let [line, way, fan, dot, colour] = match finding.severity {
        Severity::Fail => ["fl", "proj", "fan", "fa", "al"],
        Severity::Warn => ["fw", "projw", "fanw", "fwa", "wa"],
    };
    if growth.high > 0.0 {
        let mut shape = vec![(at, now), reach(soon)];
        if at + late * 3600.0 > end {
            shape.push((end, limit));
        }
        shape.push(reach(late));
        chart.shape(fan, &shape);
    }
    chart.steps(line, &class.now.points, LARGE / 4);
    chart.straight(way, &[(at, now), reach(hours)]);
    chart.level("lim", limit);
    chart.dot(dot, at, now);
    chart.dot(dot, at + hours * 3600.0, limit);
    let set = known_limit(view, finding).filter(|set| (set - limit).abs() <= 0.05 * limit);
    let set = set.map_or_else(
        || "the fullest process is full".to_owned(),
        |set| format!("limit {}", text::amount(set, finding.unit)),
    );
    chart.label("k", Anchor::Start, (0.0, limit), 5.0, &set);
    chart.label(colour, Anchor::Start, (at, now), -12.0, &format!("now {}", text::amount(now, finding.unit)));
    let when = about(hours);
    chart.label(colour, Anchor::End, (at + hours * 3600.0, limit), 5.0, &format!("in {when}"));
    let end = until(growth.low);
    let between = if end.is_finite() {
        format!("{} to {}", about(soon), about(end))
    } else {
        format!("{} or later, or never", about(soon))
    };
    let label = format!("{subject} carried on at this rate: the limit is reached in {when}; 95 % interval {between}");
    let note = format!("{}, 95\u{a0}% interval {between}", name(subject));
    Some(Figure { mark: None, title: "To the limit".to_owned(), note, svg: chart.finish(&label, &[]) })
}

/// Hours as an estimate is said: no finer than it is known.
pub(crate) fn about(hours: f64) -> String {
    let seconds = hours * 3600.0;
    let grain = match seconds {
        s if s >= 36_000.0 => 3600.0,
        s if s >= 3600.0 => 300.0,
        s if s >= 600.0 => 60.0,
        _ => 10.0,
    };
    text::seconds((seconds / grain).round() * grain)
}

/// The limit as it is set. With several processes the judge reckons with the fullest one, and the total says little of it.
fn known_limit(view: &View<'_>, finding: &Finding) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^52")]
    if finding.unit == Unit::Bytes {
        view.night.record.target.memory_limit.map(|bytes| bytes as f64)
    } else {
        let last = view.night.snapshots.last();
        let limits = last.into_iter().flat_map(app_processes).filter_map(|process| match process.nofile {
            Reading::Value(limit) => limit,
            Reading::Denied | Reading::Gone | Reading::Malformed(_) => None,
        });
        limits.min().map(|limit| limit as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_of_counts_is_the_lowest_value_to_come() {
        let points = [(0.0, Some(3.0)), (1.0, Some(1.0)), (2.0, None), (3.0, Some(5.0)), (4.0, Some(2.0))];
        let floor: Vec<Option<f64>> = floor_of(&points).into_iter().map(|(_, value)| value).collect();
        assert_eq!(floor, [Some(1.0), Some(1.0), None, Some(2.0), Some(2.0)]);
    }
}
