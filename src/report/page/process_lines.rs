//! The processes that held most, each with a line of its own.

use std::collections::BTreeMap;

use super::figures;
use super::parts::{Block, Figure, Key, Keys};
use super::view::View;
use crate::model::{ProcId, StoredNight, Unit, text};
use crate::report::chart::{Anchor, Chart, LARGE, Point, fit, range};
use crate::report::points;

/// How lines are told apart, by stroke and by dash: no colour stands alone.
const STROKES: [&str; 8] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"];

/// A process and its descriptors over the night.
#[derive(Debug)]
pub(crate) struct ProcessLine {
    pub(crate) id: ProcId,
    pub(crate) points: Vec<Point>,
}

/// The processes that held most at their fullest, of those that were seen more than twice; none where there is only one.
pub(crate) fn leading(night: &StoredNight) -> Vec<ProcessLine> {
    let mut seen: BTreeMap<ProcId, (u64, usize)> = BTreeMap::new();
    for process in night.snapshots.iter().flat_map(|snapshot| &snapshot.processes) {
        if let Some(census) = process.fds.value() {
            let (most, times) = seen.entry(process.id).or_default();
            *most = census.total.max(*most);
            *times += 1;
        }
    }
    let mut fullest: Vec<(u64, ProcId)> =
        seen.into_iter().filter(|(_, (_, times))| *times > 2).map(|(id, (most, _))| (most, id)).collect();
    if fullest.len() < 2 {
        return Vec::new();
    }
    fullest.sort_by_key(|(most, id)| (std::cmp::Reverse(*most), *id));
    fullest.truncate(STROKES.len());
    fullest.into_iter().map(|(_, id)| ProcessLine { id, points: points::process(night, id) }).collect()
}

/// The chart, what shows and hides its lines, and its figures.
pub(crate) fn blocks(view: &View<'_>) -> Vec<Block> {
    let Some(first) = view.processes.first() else { return Vec::new() };
    let scale = fit(range(view.processes.iter().map(|process| process.points.as_slice())), &[], Unit::Count, 3);
    let mut chart = Chart::new(200.0, 18.0, (0.0, view.end_s), scale.span());
    if let Some(settle) = view.settle_s {
        chart.band(settle, view.end_s);
    }
    chart.grid(&scale, " descriptors");
    chart.times(3);
    // The fullest is drawn last, so that no other lies on it.
    for (n, (process, stroke)) in view.processes.iter().zip(STROKES).enumerate().rev() {
        chart.line(Some(n));
        chart.steps(stroke, &process.points, LARGE / 2);
    }
    ends(&mut chart, view);
    view.mark(&mut chart);
    let most = range([first.points.as_slice()]).map_or(0.0, |(_, most)| most);
    let label = format!(
        "Descriptors by process, {} lines; {} held most, {}",
        view.processes.len(),
        view.who(first.id),
        text::figure(most)
    );
    let columns: Vec<usize> = (0..view.processes.len()).map(|n| view.process_column(n)).collect();
    let keys = view.processes.iter().zip(STROKES).zip(&columns);
    let keys = keys.map(|((process, stroke), column)| Key::new(view.who(process.id), stroke, &[*column])).collect();
    let series = view.processes.iter().map(|process| (view.who(process.id), Unit::Count, process.points.as_slice()));
    let title = "Descriptors by process".to_owned();
    let figure = Figure { mark: None, title, note: String::new(), svg: chart.finish(&label, &columns) };
    let keys = Keys { label: "Processes shown".to_owned(), stacked: false, keys };
    let table = figures::over_time("Descriptors by process over the night", series);
    vec![Block::Figure(figure), Block::Keys(keys), table]
}

/// Names at the ends of the lines, where they keep clear of each other.
fn ends(chart: &mut Chart, view: &View<'_>) {
    let mut taken: Vec<f64> = Vec::new();
    for (n, process) in view.processes.iter().enumerate() {
        let Some((at, value)) = super::finding_charts::last(&process.points) else { continue };
        let y = chart.pixel(value);
        if taken.iter().all(|other| (other - y).abs() > 16.0) {
            taken.push(y);
            chart.line(Some(n));
            let said = format!("{} {}", view.who(process.id), text::figure(value));
            let (anchor, rise) = if at < 0.2 * view.end_s { (Anchor::Start, 4.0) } else { (Anchor::End, 4.0) };
            chart.label("k", anchor, (at, value), rise, &said);
        }
    }
    chart.line(None);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reading;
    use crate::report::testing;

    #[test]
    fn the_fullest_processes_have_a_line_each_and_a_lone_one_has_none() {
        assert!(leading(&testing::clean(20)).is_empty());
        let night = testing::huge();
        let lines = leading(&night);
        assert_eq!(lines.len(), STROKES.len());
        let most = |line: &ProcessLine| range([line.points.as_slice()]).unwrap().1;
        assert!(lines.windows(2).all(|pair| most(&pair[0]) >= most(&pair[1])));
    }

    #[test]
    fn a_line_has_a_gap_where_a_process_could_not_be_read() {
        let mut night = testing::clean(10);
        let id = night.snapshots[0].processes[0].id;
        night.snapshots[4].processes[0].fds = Reading::Denied;
        night.snapshots[5].processes.clear();
        let points = points::process(&night, id);
        let missing: Vec<usize> = points.iter().enumerate().filter(|(_, p)| p.1.is_none()).map(|(n, _)| n).collect();
        assert_eq!(missing, [4, 5]);
    }
}
