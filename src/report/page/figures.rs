//! The figures of charts as tables, for those who do not see the charts.

use super::parts::{Block, Cell, Table, clock, column, name};
use crate::model::{Unit, text};
use crate::report::chart::Point;

/// So many moments of a night are told.
const ROWS: usize = 31;

/// Several lines that share their times: a row for each of at most 31 moments, a column for each line.
pub(crate) fn over_time<'a>(caption: &str, lines: impl Iterator<Item = (String, Unit, &'a [Point])>) -> Block {
    let lines: Vec<_> = lines.collect();
    let mut columns = vec![column("At", "m")];
    columns.extend(lines.iter().map(|(title, ..)| column(&name(title), "r")));
    let mut table = Table::new(caption, columns).quiet();
    let times = lines.first().map(|(_, _, points)| *points).unwrap_or_default();
    for n in moments(times.len()) {
        let Some((at, _)) = times.get(n) else { continue };
        let figure = |(_, unit, points): &(String, Unit, &[Point])| {
            let value = points.get(n).and_then(|point| point.1);
            Cell::from(value.map_or_else(|| "–".to_owned(), |value| text::amount(value, *unit)))
        };
        table.rows.push(std::iter::once(Cell::from(clock(*at))).chain(lines.iter().map(figure)).collect());
    }
    let summary = if times.len() > ROWS {
        format!("Figures of the chart at {} moments", table.rows.len())
    } else {
        "Figures of the chart".to_owned()
    };
    Block::Figures { summary, table }
}

/// The steps of a line that rarely moves: when, and to what. At most 31 are told.
pub(crate) fn steps(caption: &str, unit: Unit, points: &[Point]) -> Option<Block> {
    let columns = vec![column("From", "m"), column("Held", "r"), column("Step", "r")];
    let mut table = Table::new(caption, columns).quiet();
    let mut held: Option<f64> = None;
    for (at, level) in points {
        let Some(level) = *level else { continue };
        if held.is_some_and(|held| (held - level).abs() < 1e-9) {
            continue;
        }
        let step = held.map_or_else(String::new, |held| super::parts::signed(level - held, unit));
        table.rows.push(vec![clock(*at).into(), text::amount(level, unit).into(), step.into()]);
        held = Some(level);
    }
    let summary = format!("Figures of the chart: {}", text::count(table.rows.len().saturating_sub(1) as u64, "step"));
    // A line that never moves is told by the chart's name alone.
    let table = table.cut(ROWS, "findings.json");
    (table.rows.len() > 1).then_some(Block::Figures { summary, table })
}

/// At most 31 places of a list, evenly spread, the first and the last among them.
fn moments(len: usize) -> Vec<usize> {
    let count = len.min(ROWS);
    let parts = count.saturating_sub(1).max(1);
    (0..count).map(|n| n * len.saturating_sub(1) / parts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_spread_from_the_first_to_the_last() {
        assert_eq!(moments(0), Vec::<usize>::new());
        assert_eq!(moments(1), [0]);
        assert_eq!(moments(3), [0, 1, 2]);
        let many = moments(361);
        assert_eq!((many.len(), many[0], many[1], many[30]), (31, 0, 12, 360));
    }

    #[test]
    fn a_table_of_lines_has_a_row_a_moment_and_a_dash_for_a_gap() {
        let open = [(0.0, Some(1.0)), (5.0, None)];
        let memory = [(0.0, Some(1024.0)), (5.0, Some(2048.0))];
        let lines = [("fd.x".to_owned(), Unit::Count, open.as_slice()), ("mem.x".to_owned(), Unit::Bytes, &memory)];
        let Block::Figures { summary, table } = over_time("t", lines.into_iter()) else { panic!() };
        assert_eq!(summary, "Figures of the chart");
        let rows: Vec<Vec<&str>> =
            table.rows.iter().map(|row| row.iter().map(|cell| cell.text.as_str()).collect()).collect();
        assert_eq!(rows, [["0:00", "1", "1 KiB"], ["0:05", "–", "2 KiB"]]);
    }

    #[test]
    fn steps_are_told_where_the_line_moves() {
        let floor = [(0.0, Some(2.0)), (5.0, Some(2.0)), (10.0, Some(5.0)), (15.0, None), (20.0, Some(4.0))];
        let Some(Block::Figures { summary, table }) = steps("t", Unit::Count, &floor) else { panic!() };
        assert_eq!(summary, "Figures of the chart: 2 steps");
        let rows: Vec<Vec<&str>> =
            table.rows.iter().map(|row| row.iter().map(|cell| cell.text.as_str()).collect()).collect();
        assert_eq!(rows, [["0:00", "2", ""], ["0:10", "5", "+3"], ["0:20", "4", "-1"]]);
        assert!(steps("t", Unit::Count, &[(0.0, None), (5.0, Some(1.0)), (10.0, Some(1.0))]).is_none());
    }
}
