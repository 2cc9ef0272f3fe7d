//! Points turned into SVG. Pure.
//!
//! Only x stretches with the page: lines live in a nested SVG whose strokes do not scale, text and dots stand outside it.
//! One markup is so crisp on a phone and on a wide screen, without a script.

mod path;
mod scale;

use std::fmt::Write as _;

use minijinja::HtmlEscape;
use serde::Serialize;

use crate::model::{Unit, text};
use path::{area_path, straight_path, tenths};

pub(crate) use path::{Point, step_path, thin};
pub(crate) use scale::Scale;

/// Most points of one line in a large chart.
pub(crate) const LARGE: usize = 360;
/// Most points of one line in a small chart.
pub(crate) const SMALL: usize = 150;

/// Finished markup: the only kind of string that a template prints as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Svg(pub(crate) String);

/// Text made fit for an attribute or an element.
fn escape(text: &str) -> String {
    HtmlEscape(&text::printable(text)).to_string()
}

/// Where a label stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A chart under construction.
#[derive(Debug)]
pub(crate) struct Chart {
    height: f64,
    top: f64,
    bottom: f64,
    x: (f64, f64),
    y: (f64, f64),
    back: String,
    lines: String,
    front: String,
    /// The key of the line that is being drawn, as an attribute.
    key: String,
    /// True where x is the time of the night, so that the pointer and the zoom of one chart are those of all.
    night: bool,
    /// True where the marks of the night's events belong into it.
    events: bool,
}

impl Chart {
    /// An empty chart `height` pixels high, 14 of them for a label at the top and `bottom` for the axis' labels.
    pub(crate) fn new(height: f64, bottom: f64, x: (f64, f64), y: (f64, f64)) -> Self {
        let wide = |(from, to): (f64, f64)| if to > from { (from, to) } else { (from, from + 1.0) };
        Self {
            height,
            top: 14.0,
            bottom,
            x: wide(x),
            y: wide(y),
            back: String::new(),
            lines: String::new(),
            front: String::new(),
            key: String::new(),
            night: false,
            events: false,
        }
    }

    /// Makes x the time of a night of `end_s` seconds. With `events` the page holds a symbol `ev` with their marks, drawn for charts
    /// that end with the night.
    pub(crate) fn of_night(&mut self, end_s: f64, events: bool) {
        self.night = true;
        self.events = events && (self.x.1 - end_s).abs() < 1e-6;
    }

    /// What is drawn from here on is line `key` of the chart, which a button can hide; `None`: it can be hidden no more.
    pub(crate) fn line(&mut self, key: Option<usize>) {
        self.key = key.map_or_else(String::new, |key| format!(r#" data-k="{key}""#));
    }

    /// The same without room for a label at the top.
    pub(crate) fn flush(mut self, top: f64) -> Self {
        self.top = top;
        self
    }

    fn floor(&self) -> f64 {
        self.height - self.bottom
    }

    /// The x of the stretching part: 0 to 1000.
    fn permille(&self, x: f64) -> f64 {
        ((x - self.x.0) / (self.x.1 - self.x.0) * 1000.0).clamp(0.0, 1000.0)
    }

    fn percent(&self, x: f64) -> String {
        tenths(self.permille(x) / 10.0, 100.0)
    }

    /// The y in pixels, inside the frame.
    pub(crate) fn pixel(&self, y: f64) -> f64 {
        let share = ((y - self.y.0) / (self.y.1 - self.y.0)).clamp(0.0, 1.0);
        self.floor() - share * (self.floor() - self.top)
    }

    fn place(&self, points: &[Point]) -> Vec<Point> {
        points.iter().map(|(x, y)| (self.permille(*x), y.map(|y| self.pixel(y)))).collect()
    }

    /// A light band over the part that is not judged.
    pub(crate) fn band(&mut self, from: f64, to: f64) {
        let (left, right) = (self.permille(from) / 10.0, self.permille(to) / 10.0);
        if right > left {
            let _ = write!(
                self.back,
                r#"<rect x="{}%" y="{}" width="{}%" height="{}" class="wu"/>"#,
                tenths(left, 100.0),
                self.top,
                tenths(right - left, 100.0),
                self.floor() - self.top
            );
        }
    }

    /// The base line, the grid of `scale` and its labels. The topmost label bears `word`.
    pub(crate) fn grid(&mut self, scale: &Scale, word: &str) {
        let last = scale.ticks.len().saturating_sub(1);
        let (low, high) = scale.span();
        // Where lines are close, only the ends are labelled.
        let dense = self.thickness(low, high) < 26.0 * f64::from(u32::try_from(last).unwrap_or(1));
        for (n, tick) in scale.ticks.iter().enumerate() {
            let y = tenths(self.pixel(*tick), 10.0);
            let class = if n == 0 { "ax" } else { "g" };
            let _ = write!(self.back, r#"<line x1="0" x2="100%" y1="{y}" y2="{y}" class="{class}"/>"#);
            let told = if n == 0 { *tick > 0.0 } else { n == last || !dense };
            if told {
                let word = if n == last { word } else { "" };
                let label = format!("{}{word}", text::amount(*tick, scale.unit));
                let _ =
                    write!(self.front, r#"<text x="0" y="{}" class="h">{}</text>"#, self.above(*tick), escape(&label));
            }
        }
    }

    /// The y of a text that stands just above a value.
    fn above(&self, value: f64) -> String {
        tenths((self.pixel(value) - 3.0).max(10.0), 10.0)
    }

    /// Labels of the time axis, the last with its unit.
    pub(crate) fn times(&mut self, most: usize) {
        let (ticks, word) = scale::times(self.x.0, self.x.1, most);
        let last = ticks.len().saturating_sub(1);
        for (n, (at, label)) in ticks.iter().enumerate() {
            let far = self.permille(*at) > 930.0;
            let class = if n == 0 {
                "t"
            } else if far {
                "t e"
            } else {
                "t c"
            };
            let unit = if n == last { format!(" {word}") } else { String::new() };
            let x = self.percent(*at);
            let _ =
                write!(self.front, r#"<text x="{x}%" y="{}" class="{class}">{label}{unit}</text>"#, self.height - 4.0);
        }
    }

    /// A line of steps, thinned to `most` points.
    pub(crate) fn steps(&mut self, class: &str, points: &[Point], most: usize) {
        let path = step_path(&self.place(&thin(points, most)));
        self.path(class, &path);
    }

    /// A straight line through points.
    pub(crate) fn straight(&mut self, class: &str, points: &[(f64, f64)]) {
        let placed: Vec<(f64, f64)> = points.iter().map(|(x, y)| (self.permille(*x), self.pixel(*y))).collect();
        let path = straight_path(&placed, false);
        self.path(class, &path);
    }

    /// Straight lines from point to point, interrupted where a value is missing; a lone point becomes a dot.
    pub(crate) fn joined(&mut self, class: &str, points: &[Point]) {
        let placed = self.place(points);
        let path: String = placed
            .split(|(_, y)| y.is_none())
            .map(|stretch| stretch.iter().filter_map(|(x, y)| y.map(|y| (*x, y))).collect::<Vec<_>>())
            .map(|stretch| {
                let dot = if stretch.len() == 1 { "h0" } else { "" };
                format!("{}{dot}", straight_path(&stretch, false))
            })
            .filter(|path| path != "h0")
            .collect();
        self.path(class, &path);
    }

    /// A closed shape.
    pub(crate) fn shape(&mut self, class: &str, points: &[(f64, f64)]) {
        let placed: Vec<(f64, f64)> = points.iter().map(|(x, y)| (self.permille(*x), self.pixel(*y))).collect();
        let path = straight_path(&placed, true);
        self.path(class, &path);
    }

    /// The area between two lines that share their times; `None` interrupts it.
    pub(crate) fn area(&mut self, class: &str, between: &[(f64, Option<(f64, f64)>)]) {
        let placed: Vec<(f64, Option<(f64, f64)>)> = between
            .iter()
            .map(|(x, span)| (self.permille(*x), span.map(|(low, high)| (self.pixel(low), self.pixel(high)))))
            .collect();
        let path = area_path(&placed);
        self.path(class, &path);
    }

    fn path(&mut self, class: &str, path: &str) {
        if !path.is_empty() {
            let _ = write!(self.lines, r#"<path class="{class}"{} d="{path}"/>"#, self.key);
        }
    }

    /// A horizontal line over the whole width.
    pub(crate) fn level(&mut self, class: &str, y: f64) {
        let y = tenths(self.pixel(y), 10.0);
        let _ = write!(self.back, r#"<line x1="0" x2="100%" y1="{y}" y2="{y}" class="{class}"/>"#);
    }

    /// Short marks below the base line, at most 400 of them.
    pub(crate) fn marks(&mut self, class: &str, at: impl Iterator<Item = f64>) {
        let mut path = String::new();
        for x in at.take(LARGE) {
            let _ = write!(path, "M{} {}v5", tenths(self.permille(x), 10.0), tenths(self.floor() + 1.0, 10.0));
        }
        self.path(class, &path);
    }

    /// A vertical line over the whole height.
    pub(crate) fn post(&mut self, class: &str, x: f64) {
        let x = self.percent(x);
        let _ = write!(
            self.front,
            r#"<line x1="{x}%" x2="{x}%" y1="{}" y2="{}" class="{class}"/>"#,
            self.top,
            self.floor()
        );
    }

    /// A dot.
    pub(crate) fn dot(&mut self, class: &str, x: f64, y: f64) {
        let y = tenths(self.pixel(y), 10.0);
        let _ = write!(self.front, r#"<circle cx="{}%" cy="{y}" r="3.5" class="{class}"/>"#, self.percent(x));
    }

    /// A label beside a point, `rise` pixels above it.
    pub(crate) fn label(&mut self, class: &str, anchor: Anchor, (x, y): (f64, f64), rise: f64, label: &str) {
        let (end, shift) = match anchor {
            Anchor::Start => ("", 6),
            Anchor::Middle => (" c", 0),
            Anchor::End => (" e", -6),
        };
        let y = (self.pixel(y) - rise).clamp(10.0, self.height - 2.0);
        let _ = write!(
            self.front,
            r#"<text x="{}%" y="{}" dx="{shift}" class="h {class}{end}"{}>{}</text>"#,
            self.percent(x),
            tenths(y, 10.0),
            self.key,
            escape(label)
        );
    }

    /// How many pixels high a difference is.
    pub(crate) fn thickness(&self, low: f64, high: f64) -> f64 {
        self.pixel(low) - self.pixel(high)
    }

    /// The markup. `track` are the columns of the page's data that a pointer reads out. A script finds in it what it needs to follow
    /// the pointer, to zoom and to stack anew: the columns, the span of x, the span of y, and the pixels of the frame.
    pub(crate) fn finish(self, label: &str, track: &[usize]) -> Svg {
        let mut data = String::new();
        if self.night || !track.is_empty() {
            let columns: Vec<String> = track.iter().map(usize::to_string).collect();
            let _ = write!(
                data,
                r#" data-v="{}" data-x="{} {}" data-y="{} {} {} {}""#,
                columns.join(" "),
                self.x.0,
                self.x.1,
                self.y.0,
                self.y.1,
                self.top,
                self.floor()
            );
        }
        let events = if self.events { format!(r##"<use href="#ev" y="{}"/>"##, self.top) } else { String::new() };
        let height = self.height;
        Svg(format!(
            r#"<svg class="p" width="100%" height="{height}" role="img" aria-label="{}"{data}>{}<svg width="100%" height="{height}" viewBox="0 0 1000 {height}" preserveAspectRatio="none">{}{events}</svg>{}</svg>"#,
            escape(label),
            self.back,
            self.lines,
            self.front
        ))
    }
}

/// A bar that fills a share of its box: 0 to 1.
pub(crate) fn bar(share: f64, class: &str) -> Svg {
    let width = tenths(share.clamp(0.0, 1.0) * 100.0, 10.0);
    Svg(format!(
        r#"<svg class="bar" width="64" height="6" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect class="{class}" width="{width}" height="6"/></svg>"#
    ))
}

/// The largest and the smallest value of several lines.
pub(crate) fn range<'a>(lines: impl IntoIterator<Item = &'a [Point]>) -> Option<(f64, f64)> {
    lines
        .into_iter()
        .flatten()
        .filter_map(|(_, y)| *y)
        .fold(None, |range, y| Some(range.map_or((y, y), |(low, high): (f64, f64)| (low.min(y), high.max(y)))))
}

/// The scale that fits what `range` found, and the figures in `also`.
pub(crate) fn fit(range: Option<(f64, f64)>, also: &[f64], unit: Unit, ticks: usize) -> Scale {
    let (low, high) = also.iter().fold(range.unwrap_or((0.0, 0.0)), |(low, high), y| (low.min(*y), high.max(*y)));
    Scale::new(low, high, unit, ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_escapes_its_labels_and_keeps_text_out_of_the_stretching_part() {
        let mut chart = Chart::new(96.0, 18.0, (0.0, 10.0), (0.0, 4.0));
        chart.steps("raw", &[(0.0, Some(1.0)), (5.0, Some(3.0)), (10.0, Some(3.0))], LARGE);
        chart.label("k", Anchor::End, (10.0, 3.0), 4.0, "\"><img src=x>\u{0}");
        let Svg(svg) = chart.finish("a \"b\" <c>", &[3]);
        assert!(!svg.contains("<img"), "{svg}");
        assert!(svg.contains("aria-label=\"a &quot;b&quot; &lt;c&gt;\""), "{svg}");
        assert!(svg.contains(r#"data-v="3""#), "{svg}");
        let nested = svg.split("<svg").nth(2).unwrap().split("</svg>").next().unwrap();
        assert!(!nested.contains("<text"));
    }

    #[test]
    fn a_chart_of_nothing_has_no_paths_and_no_infinities() {
        let scale = fit(range([[].as_slice()]), &[], Unit::Count, 3);
        let mut chart = Chart::new(96.0, 18.0, (0.0, 0.0), scale.span());
        chart.grid(&scale, "");
        chart.times(3);
        chart.steps("raw", &[], LARGE);
        let Svg(svg) = chart.finish("nothing", &[]);
        assert!(!svg.contains("<path") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn a_chart_of_the_night_tells_a_script_its_frame_and_its_lines() {
        let mut chart = Chart::new(96.0, 18.0, (0.0, 10.0), (0.0, 4.0));
        chart.of_night(10.0, true);
        chart.line(Some(2));
        chart.straight("raw", &[(0.0, 1.0), (5.0, 3.0)]);
        chart.line(None);
        chart.straight("raw", &[(5.0, 3.0), (10.0, 1.0)]);
        let Svg(svg) = chart.finish("x", &[]);
        assert!(svg.contains(r#"data-v="" data-x="0 10" data-y="0 4 14 78""#), "{svg}");
        assert_eq!(svg.matches(r#" data-k="2" d="#).count(), 1);
        assert!(svg.contains(r##"<use href="#ev" y="14"/></svg>"##), "{svg}");
        let mut longer = Chart::new(96.0, 18.0, (0.0, 20.0), (0.0, 4.0));
        longer.of_night(10.0, true);
        assert!(!longer.finish("x", &[]).0.contains("<use"));
    }

    #[test]
    fn a_bar_never_leaves_its_box() {
        assert!(bar(7.0, "x").0.contains(r#"width="100""#));
        assert!(bar(-1.0, "x").0.contains(r#"width="0""#));
    }
}
