//! A night as finished strings: every text that a template prints is made here.

pub(crate) mod build;
pub(crate) mod causes;
mod classes;
pub(crate) mod command;
mod course;
mod figures;
mod finding_charts;
mod findings;
mod handles;
mod links;
mod marks;
mod named;
mod own;
pub(crate) mod parts;
mod process_lines;
mod processes;
pub(crate) mod record;
mod sensitivity;
mod since;
mod stack;
mod story;
mod together;
mod tools;
pub(crate) mod verdict;
mod view;
mod workload;

use serde::Serialize;

use super::chart::Svg;
use crate::model::{HistoryLine, StoredNight, Verdict};
use findings::Card;
use parts::{Piece, Section, Table, day, name};
use since::Since;
use tools::Tools;
use verdict::Headline;
use view::View;

/// The page of a night.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Page {
    /// `FAIL: scenario, 22 Nov 2026`
    pub(crate) title: String,
    pub(crate) scenario: String,
    /// The version of slowdrip that made the page.
    pub(crate) version: &'static str,
    /// Links to other pages.
    pub(crate) pages: Vec<Piece>,
    pub(crate) headline: Headline,
    pub(crate) since: Since,
    /// What went wrong, for a night that did not come to its end.
    pub(crate) failure: Option<Section>,
    /// True where the night was judged.
    pub(crate) judged: bool,
    /// How many findings there are.
    pub(crate) tally: String,
    /// Causes with their findings, and findings of their own.
    pub(crate) findings: Vec<Card>,
    pub(crate) further: Option<Table>,
    pub(crate) sections: Vec<Section>,
    /// The figures behind the charts, JSON.
    pub(crate) data: Svg,
    /// What the script offers to do with all charts at once.
    pub(crate) tools: Option<Tools>,
    /// The marks of what happened, once for all charts.
    pub(crate) marks: Svg,
    pub(crate) footer: String,
}

impl Page {
    /// All that the pages say of a night.
    pub(crate) fn new(night: &StoredNight, previous: Option<&StoredNight>, history: &[HistoryLine]) -> Self {
        let view = View::new(night, previous, history);
        let stories = story::stories(&view);
        let headline = verdict::headline(&view, &stories);
        let scenario = name(&night.record.scenario);
        let seen = sensitivity::section(&view);
        let held = findings::held(&view);
        // A passing night is about what it could have seen; a failing one about what did not fail.
        let passed = night.assessment.as_ref().is_some_and(|assessment| assessment.verdict == Verdict::Pass);
        let open = findings::undecided(&view);
        let [first, second, third] = if passed { [seen, open, held] } else { [open, held, seen] };
        let sections = [
            first,
            second,
            third,
            classes::over_time(&view),
            stack::section(&view),
            processes::section(&view),
            workload::section(&view),
            own::section(&view),
            named::section(&view),
            course::end(&view),
            course::events(&view),
            record::gaps(&view),
            record::observer(&view),
            record::evidence(&view),
            Some(record::repeat(&view)),
        ];
        // The night of a gate lies in the gate's folder, and is no part of the trend.
        let mut pages = match &night.record.gate {
            Some(_) => vec![Piece::link("Gate", "../gate.html")],
            None => vec![Piece::link("Trend", "../../index.html")],
        };
        if let Some(previous) = previous {
            let run = record::segment(&previous.record.run);
            pages.push(Piece::link("Previous night", format!("../{run}/report.html")));
        }
        Self {
            title: format!("{}: {scenario}, {}", headline.word, day(night.record.started)),
            version: env!("CARGO_PKG_VERSION"),
            pages,
            since: since::since(&view),
            failure: course::failure(&view),
            judged: night.assessment.is_some(),
            tally: findings::tally(&view),
            findings: findings::cards(&view, &stories),
            further: findings::further(&stories),
            sections: sections.into_iter().flatten().collect(),
            data: view.data(),
            tools: tools::of(&view),
            marks: view.marks.symbol(),
            footer: format!(
                "Times are UTC. Recorded by slowdrip {}, page made by slowdrip {}.",
                name(&night.record.slowdrip),
                env!("CARGO_PKG_VERSION")
            ),
            headline,
            scenario,
        }
    }
}
