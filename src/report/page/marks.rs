//! What happened during a night, as marks at the top of its charts.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use super::course;
use super::parts::clip;
use crate::model::{Event, EventKind};
use crate::report::chart::Svg;

/// Marks of one kind that can be told apart: the pixels of a wide chart are not many more.
const PLACES: f64 = 400.0;
/// Marks whose text a pointer reads out; those of the churn are the first to go.
const TOLD: usize = 600;

/// A kind of event that took place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct MarkKind {
    /// Its name for people.
    pub(crate) word: &'static str,
    /// How often it took place.
    pub(crate) count: usize,
    /// How its marks are drawn.
    pub(crate) class: &'static str,
    /// How high they are, pixels.
    height: u8,
    /// Where they are: the path of all of them, 0 to 1000 over the width of the chart.
    path: String,
}

/// An event that a pointer can read out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) at_s: f64,
    /// Its place in the list of kinds.
    pub(crate) kind: usize,
    pub(crate) text: String,
}

/// All marks of a night.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    pub(crate) kinds: Vec<MarkKind>,
    /// By time.
    pub(crate) told: Vec<Told>,
}

/// The kinds that are drawn: class and height. What is worst is highest, so that no colour is needed to tell it.
fn drawn(kind: EventKind) -> (&'static str, u8) {
    match kind {
        EventKind::Died | EventKind::Oom | EventKind::Restart => ("ev-x", 10),
        EventKind::Health => ("ev-h", 7),
        EventKind::Asked => ("ev-a", 7),
        EventKind::Gap | EventKind::Note => ("ev-n", 5),
        EventKind::Churn => ("ev-c", 4),
    }
}

/// The marks of what happened between 0 and `end_s` seconds of the night.
pub(crate) fn of(events: &[Event], end_s: f64) -> Marks {
    const KINDS: [EventKind; 8] = [
        EventKind::Died,
        EventKind::Oom,
        EventKind::Restart,
        EventKind::Health,
        EventKind::Asked,
        EventKind::Gap,
        EventKind::Note,
        EventKind::Churn,
    ];
    let mut marks = Marks::default();
    if end_s <= 0.0 {
        return marks;
    }
    #[expect(clippy::cast_precision_loss, reason = "a night's milliseconds are far below 2^52")]
    let within = |event: &Event| Some(event.at_ms as f64 / 1000.0).filter(|at| (0.0..=end_s).contains(at));
    for kind in KINDS {
        let (class, height) = drawn(kind);
        let mut mark = MarkKind { word: course::kind(kind).0, count: 0, class, height, path: String::new() };
        let mut taken = BTreeSet::new();
        for event in events.iter().filter(|event| event.kind == kind) {
            let Some(at_s) = within(event) else { continue };
            mark.count += 1;
            #[expect(clippy::cast_possible_truncation, reason = "0 to 400")]
            let place = (at_s / end_s * PLACES) as i64;
            if !taken.insert(place) {
                continue;
            }
            let x = (at_s / end_s * 10_000.0).round() / 10.0;
            let _ = write!(mark.path, "M{x} 0v{height}");
            if marks.told.len() < TOLD {
                marks.told.push(Told { at_s, kind: marks.kinds.len(), text: clip(&event.text, 120) });
            }
        }
        if mark.count > 0 {
            marks.kinds.push(mark);
        }
    }
    marks.told.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    marks
}

impl Marks {
    /// The symbol that every chart of the night uses; empty where nothing happened.
    pub(crate) fn symbol(&self) -> Svg {
        if self.kinds.is_empty() {
            return Svg::default();
        }
        let mut out = String::from(r#"<g id="ev">"#);
        for (n, kind) in self.kinds.iter().enumerate() {
            let _ = write!(out, r#"<path class="ev {}" data-e="{n}" d="{}"/>"#, kind.class, kind.path);
        }
        out.push_str("</g>");
        Svg(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at_ms: i64, kind: EventKind) -> Event {
        Event { at_ms, kind, text: format!("{kind:?}") }
    }

    #[test]
    fn marks_are_thinned_by_pixel_and_counted_all_the_same() {
        let mut events: Vec<Event> = (0..20_000).map(|n| event(n * 90, EventKind::Churn)).collect();
        events.push(event(900_000, EventKind::Oom));
        events.push(event(-5, EventKind::Health));
        events.push(event(9_000_000, EventKind::Health));
        let marks = of(&events, 1800.0);
        let kinds: Vec<(&str, usize)> = marks.kinds.iter().map(|kind| (kind.word, kind.count)).collect();
        assert_eq!(kinds, [("out of memory", 1), ("churn", 20_000)]);
        assert_eq!(marks.told.len(), 401);
        assert!(marks.told.windows(2).all(|pair| pair[0].at_s <= pair[1].at_s));
        let Svg(symbol) = marks.symbol();
        assert!(symbol.contains(r#"<path class="ev ev-x" data-e="0" d="M500 0v10"/>"#), "{symbol}");
        assert!(symbol.len() < 6000, "{}", symbol.len());
    }

    #[test]
    fn a_night_without_length_or_events_has_no_marks() {
        assert!(of(&[event(0, EventKind::Died)], 0.0).kinds.is_empty());
        assert_eq!(of(&[], 10.0).symbol(), Svg::default());
    }
}
