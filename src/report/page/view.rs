//! A night as the sections look at it: what several of them need is worked out once.

use std::collections::BTreeMap;

use serde::Serialize;

use super::marks::{self, Marks};
use super::parts::name;
use super::process_lines::{self, ProcessLine};
use crate::model::{
    Assessment, Estimate, EventKind, Finding, HistoryLine, Phase, ProcId, Severity, Status, StoredNight, Unit,
};
use crate::report::chart::{Chart, Point, Svg};
use crate::report::points::{self, Line};

/// A class tonight and the night before.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) now: Line,
    pub(crate) before: Option<Line>,
}

/// A night with all that surrounds it.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) night: &'a StoredNight,
    pub(crate) previous: Option<&'a StoredNight>,
    pub(crate) history: &'a [HistoryLine],
    pub(crate) classes: Vec<Class>,
    /// The right end of every chart, seconds.
    pub(crate) end_s: f64,
    /// The end of the soak where something was watched after it, seconds.
    pub(crate) settle_s: Option<f64>,
    /// The processes that held most, each with a line of its own.
    pub(crate) processes: Vec<ProcessLine>,
    /// What happened, as marks of the charts.
    pub(crate) marks: Marks,
    names: BTreeMap<ProcId, String>,
}

impl<'a> View<'a> {
    pub(crate) fn new(night: &'a StoredNight, previous: Option<&'a StoredNight>, history: &'a [HistoryLine]) -> Self {
        let mut classes: Vec<Class> =
            points::lines(night, previous).into_iter().map(|(now, before)| Class { now, before }).collect();
        let rank = |class: &Class| match worst(night.assessment.as_ref(), &class.now.name) {
            Some((Status::Breaks, Severity::Fail)) => 0,
            Some((Status::Breaks, Severity::Warn)) => 1,
            Some((Status::Undecided, _)) => 2,
            Some((Status::Holds, _)) | None => 3,
        };
        classes.sort_by_key(rank);
        let last = night.snapshots.last().map_or(0.0, crate::model::Snapshot::at_s);
        let settle = night.snapshots.iter().find(|snapshot| snapshot.phase > Phase::Soak);
        let mut names = BTreeMap::new();
        for process in night.snapshots.iter().flat_map(|snapshot| &snapshot.processes) {
            names.entry(process.id).or_insert_with(|| name(process.name()));
        }
        Self {
            night,
            previous,
            history,
            classes,
            end_s: last,
            settle_s: settle.map(crate::model::Snapshot::at_s),
            processes: process_lines::leading(night),
            marks: marks::of(&night.record.events, last),
            names,
        }
    }

    pub(crate) fn findings(&self) -> &'a [Finding] {
        self.night.assessment.as_ref().map(|assessment| assessment.findings.as_slice()).unwrap_or_default()
    }

    pub(crate) fn with(&self, status: Status) -> impl Iterator<Item = &'a Finding> {
        self.findings().iter().filter(move |finding| finding.status == status)
    }

    /// A class by its name, with its column in the page's data.
    pub(crate) fn class(&self, name: &str) -> Option<(usize, &Class)> {
        self.classes.iter().enumerate().find(|(_, class)| class.now.name == name)
    }

    /// How the rules of a class fared, the worst of them.
    pub(crate) fn worst(&self, class: &str) -> Option<(Status, Severity)> {
        worst(self.night.assessment.as_ref(), class)
    }

    /// What the permanent floor says of a class, where a rule asked.
    pub(crate) fn estimate(&self, class: &str) -> Option<&'a Estimate> {
        self.findings().iter().filter(|finding| finding.class == class).find_map(|finding| finding.growth.as_ref())
    }

    /// Who a process is: `python 4242`.
    pub(crate) fn who(&self, id: ProcId) -> String {
        self.names.get(&id).map_or_else(|| id.pid.to_string(), |name| format!("{name} {}", id.pid))
    }

    /// How long the soak was watched, seconds.
    pub(crate) fn soaked_s(&self) -> f64 {
        let phase = self.night.record.phases.iter().find(|phase| phase.phase == Phase::Soak);
        phase.and_then(|phase| phase.to_s.map(|to| to - phase.from_s)).unwrap_or_else(|| {
            let soak = self.night.snapshots.iter().rev().find(|snapshot| snapshot.phase <= Phase::Soak);
            soak.map_or(0.0, crate::model::Snapshot::at_s)
        })
    }

    /// Moments that cut a line: restarts, deaths and kills, seconds.
    pub(crate) fn cuts(&self) -> impl Iterator<Item = f64> {
        let cuts = |kind: EventKind| matches!(kind, EventKind::Restart | EventKind::Died | EventKind::Oom);
        #[expect(clippy::cast_precision_loss, reason = "a night's milliseconds are far below 2^52")]
        let seconds = |ms: i64| ms as f64 / 1000.0;
        self.night
            .record
            .events
            .iter()
            .filter(move |event| cuts(event.kind) && event.at_ms >= 0)
            .map(move |event| seconds(event.at_ms))
            .take(40)
    }

    /// Makes a chart one of the night: with the marks of what happened, and posts where a line is cut.
    pub(crate) fn mark(&self, chart: &mut Chart) {
        chart.of_night(self.end_s, !self.marks.kinds.is_empty());
        for at in self.cuts() {
            chart.post("cut", at);
        }
    }

    /// The column of a process in the page's data; `n` is its place among those that have a line.
    pub(crate) fn process_column(&self, n: usize) -> usize {
        self.classes.len() + n
    }

    /// The figures behind the charts, for the script that reads them out: times, a column for each class and for each process with
    /// a line, and the events. As JSON that can stand inside an element: nothing in it begins a tag.
    pub(crate) fn data(&self) -> Svg {
        let Some(times) = self.classes.first() else { return Svg("null".to_owned()) };
        let stride = times.now.points.len().div_ceil(720).max(1);
        let tenths = |value: f64| whole((value * 10.0).round() / 10.0);
        let column = |points: &[Point], scale: f64| -> Vec<Option<serde_json::Number>> {
            // A class that this night could not read at all is not told hundreds of times.
            if points.iter().all(|(_, at)| at.is_none()) {
                return Vec::new();
            }
            points.iter().step_by(stride).map(|(_, at)| at.map(|value| tenths(value / scale))).collect()
        };
        let bytes = |class: &Class| class.now.unit == Unit::Bytes;
        let classes = self
            .classes
            .iter()
            .map(|class| column(&class.now.points, if bytes(class) { 1024.0 * 1024.0 } else { 1.0 }));
        let units = self.classes.iter().map(|class| if bytes(class) { "MiB" } else { "" });
        let data = Data {
            t: times.now.points.iter().step_by(stride).map(|(at, _)| tenths(*at)).collect(),
            u: units.chain(self.processes.iter().map(|_| "")).collect(),
            v: classes.chain(self.processes.iter().map(|process| column(&process.points, 1.0))).collect(),
            n: self
                .classes
                .iter()
                .map(|class| name(&class.now.name))
                .chain(self.processes.iter().map(|process| self.who(process.id)))
                .collect(),
            k: self.marks.kinds.iter().map(|kind| kind.word).collect(),
            e: self.marks.told.iter().map(|mark| (tenths(mark.at_s), mark.kind, mark.text.as_str())).collect(),
        };
        let json = serde_json::to_string(&data).unwrap_or_else(|_| "null".to_owned());
        Svg(json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
    }
}

/// Short names, for the page holds it once and nobody reads it.
#[derive(Serialize)]
struct Data<'a> {
    /// Seconds.
    t: Vec<serde_json::Number>,
    /// Units by column.
    u: Vec<&'static str>,
    /// Values by column; an empty one was never read.
    v: Vec<Vec<Option<serde_json::Number>>>,
    /// Names by column.
    n: Vec<String>,
    /// Kinds of events.
    k: Vec<&'static str>,
    /// Events: when, of which kind, what.
    e: Vec<(serde_json::Number, usize, &'a str)>,
}

/// A number without a needless `.0`.
fn whole(value: f64) -> serde_json::Number {
    #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
    let int = value as i64;
    if value.fract().abs() < 0.05 {
        int.into()
    } else {
        serde_json::Number::from_f64(value).unwrap_or_else(|| int.into())
    }
}

fn worst(assessment: Option<&Assessment>, class: &str) -> Option<(Status, Severity)> {
    let weight = |finding: &&Finding| match (finding.status, finding.severity) {
        (Status::Breaks, Severity::Fail) => 3,
        (Status::Breaks, Severity::Warn) => 2,
        (Status::Undecided, _) => 1,
        (Status::Holds, _) => 0,
    };
    let own = assessment?.findings.iter().filter(|finding| finding.class == class && finding.rule.is_of_class());
    own.max_by_key(weight).map(|finding| (finding.status, finding.severity))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Event;
    use crate::report::testing::{self, HOSTILE};

    #[test]
    fn the_data_of_a_hostile_night_is_json_that_begins_no_tag() {
        let mut night = testing::hostile();
        let event = |at_ms, text: &str| Event { at_ms, kind: EventKind::Health, text: text.to_owned() };
        night.record.events = vec![event(5_000, HOSTILE), event(20_000, "healthy")];
        let Svg(json) = View::new(&night, None, &[]).data();
        assert!(!json.contains(['<', '>', '&', '\u{0}', '\u{202e}']), "{json}");
        let data: serde_json::Value = serde_json::from_str(&json).unwrap();
        let told = data["e"].as_array().unwrap().iter().map(|event| event[2].as_str().unwrap().to_owned());
        let said: Vec<String> = told.collect();
        assert!(said.contains(&"healthy".to_owned()), "{said:?}");
        assert!(data["n"].as_array().unwrap().iter().all(|name| name.as_str().unwrap() != HOSTILE));
        for column in data["v"].as_array().unwrap() {
            let len = column.as_array().unwrap().len();
            assert!(len == 0 || len == data["t"].as_array().unwrap().len());
        }
    }
}
