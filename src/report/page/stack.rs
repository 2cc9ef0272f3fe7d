//! Where the descriptors went: stacked by class.

use super::figures;
use super::finding_charts::last;
use super::links;
use super::parts::{Block, Figure, Key, Keys, Section};
use super::view::View;
use crate::model::{FdClass, Metric, Severity, Status, Unit, text};
use crate::report::chart::{Anchor, Chart, LARGE, fit, range};
use crate::report::points;

/// The descriptors stacked by class.
pub(crate) fn section(view: &View<'_>) -> Option<Section> {
    let layers = layers(view);
    let (_, total) = view.class("fd.total")?;
    let first = total.now.values().next()?;
    let last_total = total.now.values().next_back()?;
    let note = format!("{} at the start, {} at the end", text::figure(first), text::figure(last_total));
    let mut section = Section::new("stack", "Where they went", "Where the descriptors went", note);
    if total.now.values().count() > 1 && !layers.is_empty() {
        section.blocks.push(Block::Figure(stacked(view, &layers)));
        let keys = layers.iter().map(|layer| Key::new(&layer.name, layer.class, &layer.columns)).collect();
        section.blocks.push(Block::Keys(Keys { label: "Classes shown".to_owned(), stacked: true, keys }));
        let lines = layers.iter().map(|layer| {
            let times = total.now.points.iter().map(|(at, _)| *at);
            (layer.name.clone(), times.zip(layer.values.iter().copied()).collect::<Vec<_>>())
        });
        let lines: Vec<_> = lines.collect();
        let lines = lines.iter().map(|(name, points)| (name.clone(), Unit::Count, points.as_slice()));
        section.blocks.push(figures::over_time("Open descriptors by class over the night", lines));
    }
    section.blocks.extend(links::blocks(view));
    section.filled()
}

/// A layer of the stack: its name and its values at the times of the total.
struct Layer {
    name: String,
    class: &'static str,
    values: Vec<Option<f64>>,
    /// Where the page's data has it: the columns to be summed up.
    columns: Vec<usize>,
}

/// The classes that matter, the steady ones first (below), the growing ones on top.
fn layers(view: &View<'_>) -> Vec<Layer> {
    const ALARMS: [&str; 2] = ["sb", "sa"];
    const SHADES: [&str; 4] = ["s1", "s2", "s3", "s4"];
    let all = FdClass::ALL.iter().map(|class| {
        let name = Metric::Fd(*class).to_string();
        let line = match view.class(&name) {
            Some((_, class)) => class.now.clone(),
            None => points::line(view.night, &Metric::Fd(*class).into()),
        };
        let (low, high) = range([line.points.as_slice()]).unwrap_or((0.0, 0.0));
        (line, low, high)
    });
    let mut lines: Vec<_> = all.filter(|(_, _, high)| *high > 0.0).collect();
    lines.sort_by(|a, b| b.2.total_cmp(&a.2));
    let thin = if lines.len() > 7 { lines.split_off(6) } else { Vec::new() };
    lines.sort_by(|a, b| (a.2 - a.1).total_cmp(&(b.2 - b.1)));
    let mut shades = SHADES.iter().cycle();
    let mut alarms = ALARMS.iter().cycle();
    let mut layers = Vec::new();
    if let Some((first, ..)) = thin.first() {
        let values = (0..first.points.len())
            .map(|n| thin.iter().try_fold(0.0, |sum, (line, ..)| line.points.get(n).and_then(|p| p.1).map(|v| sum + v)))
            .collect();
        let columns = thin.iter().filter_map(|(line, ..)| Some(view.class(&line.name)?.0)).collect();
        layers.push(Layer { name: "others".to_owned(), class: "s0", values, columns });
    }
    for (line, ..) in lines {
        let class = match view.worst(&line.name) {
            Some((Status::Breaks, Severity::Fail)) => alarms.next().copied().unwrap_or("sa"),
            Some((Status::Breaks, Severity::Warn)) => "sw",
            Some((Status::Holds | Status::Undecided, _)) | None => shades.next().copied().unwrap_or("s1"),
        };
        let columns = view.class(&line.name).map(|(column, _)| column).into_iter().collect();
        let values = line.points.iter().map(|p| p.1).collect();
        layers.push(Layer { name: line.name.clone(), class, values, columns });
    }
    layers
}

fn stacked(view: &View<'_>, layers: &[Layer]) -> Figure {
    let total: &[_] = view.class("fd.total").map(|(_, class)| class.now.points.as_slice()).unwrap_or_default();
    let column = view.class("fd.total").map(|(column, _)| column);
    let scale = fit(range([total]), &[], Unit::Count, 3);
    let mut chart = Chart::new(240.0, 18.0, (0.0, view.end_s), scale.span());
    chart.grid(&scale, " descriptors");
    chart.times(3);
    let kept = peaks(total, LARGE / 2);
    let at = |layer: &Layer, n: usize| layer.values.get(n).copied().flatten();
    let mut base: Vec<Option<f64>> = kept.iter().map(|_| Some(0.0)).collect();
    let mut thin = Vec::new();
    let mut labels = Vec::new();
    for (key, layer) in layers.iter().enumerate() {
        let spans: Vec<(f64, Option<(f64, f64)>)> = kept
            .iter()
            .zip(&base)
            .filter_map(|(n, low)| {
                let (time, _) = total.get(*n)?;
                Some((*time, low.zip(at(layer, *n)).map(|(low, value)| (low, low + value))))
            })
            .collect();
        chart.line(Some(key));
        chart.area(layer.class, &spans);
        if let Some((low, high)) = spans.iter().rev().find_map(|(_, span)| *span) {
            let said = format!("{} {}", layer.name, text::figure(high - low));
            if chart.thickness(low, high) >= 15.0 {
                labels.push((key, f64::midpoint(low, high), said));
            } else {
                thin.push(said);
            }
        }
        base = spans.into_iter().map(|(_, span)| span.map(|(_, high)| high)).collect();
    }
    for (key, middle, said) in labels {
        chart.line(Some(key));
        chart.label("k plain", Anchor::End, (view.end_s, middle), -4.0, &said);
    }
    chart.line(None);
    view.mark(&mut chart);
    let end = last(total).map_or(0.0, |(_, value)| value);
    let label = format!("Descriptors stacked by class; the total ends at {}", text::figure(end));
    thin.reverse();
    let note = if thin.is_empty() { String::new() } else { format!("too thin to label: {}", thin.join(", ")) };
    let track: Vec<usize> = column.into_iter().collect();
    Figure { mark: None, title: "Open descriptors by class".to_owned(), note, svg: chart.finish(&label, &track) }
}

/// The indices of at most about `most` points that keep the peaks of a line, and its gaps.
fn peaks(points: &[(f64, Option<f64>)], most: usize) -> Vec<usize> {
    let size = points.len().div_ceil(most.max(1)).max(1);
    let mut kept: Vec<usize> = Vec::new();
    for (n, chunk) in points.chunks(size).enumerate() {
        let value = |place: &usize| chunk.get(*place).and_then(|p| p.1).unwrap_or(f64::NEG_INFINITY);
        let best = (0..chunk.len()).max_by(|a, b| value(a).total_cmp(&value(b))).unwrap_or(0);
        let gap = chunk.iter().position(|(_, value)| value.is_none()).filter(|gap| *gap != best);
        let mut places: Vec<usize> = gap.into_iter().chain([best]).collect();
        places.sort_unstable();
        kept.extend(places.into_iter().map(|place| n * size + place));
    }
    if let Some(end) = points.len().checked_sub(1).filter(|end| !kept.contains(end)) {
        kept.push(end);
    }
    if !kept.contains(&0) && !points.is_empty() {
        kept.insert(0, 0);
    }
    kept
}
