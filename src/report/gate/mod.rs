//! The page of a release gate as finished strings.

mod charts;
mod junit;
mod tables;

use serde::Serialize;

use super::page::build::{digest, version};
use super::page::command;
use super::page::parts::{Block, Cell, Fact, Piece, Section, Table, clip, column, day, moment, name};
use super::page::verdict::{Headline, face};
use super::{html, markdown};
use crate::gate::{Fate, Gate, Side};
use crate::model::{Severity, StoredNight, Verdict, text};

/// The pages of a gate.
#[derive(Debug, Clone)]
pub struct GatePages {
    /// `gate.html`
    pub html: String,
    /// `gate.md`
    pub markdown: String,
    /// `junit.xml`
    pub junit: String,
}

/// Renders a gate with its two nights.
///
/// # Errors
/// A template is broken (a fault of slowdrip's own).
pub fn gate(gate: &Gate, candidate: &StoredNight, baseline: &StoredNight) -> Result<GatePages, minijinja::Error> {
    let page = GatePage::new(gate, candidate, baseline);
    Ok(GatePages {
        html: html::render("gate.html", &page)?,
        markdown: markdown::gate(&page),
        junit: junit::render(gate)?,
    })
}

/// The page of a gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct GatePage {
    /// `PASS: gate of scenario, 22 Nov 2026`
    pub(crate) title: String,
    pub(crate) scenario: String,
    pub(crate) version: &'static str,
    /// Links to other pages.
    pub(crate) pages: Vec<Piece>,
    pub(crate) headline: Headline,
    pub(crate) sections: Vec<Section>,
    pub(crate) footer: String,
}

impl GatePage {
    pub(crate) fn new(gate: &Gate, candidate: &StoredNight, baseline: &StoredNight) -> Self {
        let scenario = name(&gate.scenario);
        let (word, class, mark) = face(Some(gate.verdict));
        let reason = clip(&gate.reason, 700);
        let seen = gate.seen.as_ref().map(|seen| format!(" {}", clip(seen, 240))).unwrap_or_default();
        let headline = Headline {
            word: word.to_owned(),
            class,
            mark,
            reason: format!("{reason}{seen}"),
            advice: advice(gate),
            facts: facts(gate, candidate),
        };
        let sections = [
            charts::worse(gate, candidate, baseline),
            tables::absolute(gate),
            tables::classes(gate),
            charts::overlays(gate, candidate, baseline),
            tables::load(gate, candidate, baseline),
            Some(repeat(gate)),
        ];
        Self {
            title: format!("{word}: gate of {scenario}, {}", day(gate.started)),
            version: env!("CARGO_PKG_VERSION"),
            pages: vec![
                Piece::link("Candidate", "candidate/report.html"),
                Piece::link("Baseline", "baseline/report.html"),
                Piece::link("Trend", "../../../index.html"),
            ],
            headline,
            sections: sections.into_iter().flatten().collect(),
            footer: format!(
                "Times are UTC. Recorded by slowdrip {}, page made by slowdrip {}.",
                name(&candidate.record.slowdrip),
                env!("CARGO_PKG_VERSION")
            ),
            scenario,
        }
    }
}

/// What to do about it.
fn advice(gate: &Gate) -> Vec<Piece> {
    let again = |before: &str| {
        let command = command::short(&gate.command);
        let then = command.map_or_else(|| Piece::link("run it again", "#repeat"), Piece::Code);
        [Piece::plain(before), then, Piece::plain(".")]
    };
    let worse = gate.classes.iter().any(|class| class.fate == Fate::Worse && class.severity == Severity::Fail);
    let mut pieces = Vec::new();
    match gate.verdict {
        Verdict::Pass => pieces.push(Piece::plain("nothing; the candidate may ship.")),
        Verdict::Fail => {
            pieces.push(Piece::plain("hold this release. See "));
            if worse {
                pieces.push(Piece::link("what is worse", "#worse"));
                pieces.push(Piece::plain(" and "));
            }
            pieces.push(Piece::link("the candidate's own report", "candidate/report.html"));
            pieces.extend(again(", mend it, then "));
        }
        Verdict::Inconclusive => {
            pieces.push(Piece::plain("do not release on this. See the reports of "));
            pieces.push(Piece::link("the candidate", "candidate/report.html"));
            pieces.push(Piece::plain(" and "));
            pieces.push(Piece::link("the baseline", "baseline/report.html"));
            pieces.extend(again(", then "));
        }
    }
    pieces
}

fn facts(gate: &Gate, candidate: &StoredNight) -> Vec<Fact> {
    let record = &candidate.record;
    let side = |term: &str, side: &Side| {
        let image = side.image.as_deref().map(digest);
        let verdict = side.verdict.map_or("not judged", |verdict| match verdict {
            Verdict::Pass => "by itself it passes",
            Verdict::Fail => "by itself it fails",
            Verdict::Inconclusive => "by itself it is inconclusive",
        });
        let build = version(&side.labels).map_or_else(String::new, |version| format!("version {version}, "));
        let image = image.map_or_else(String::new, |image| format!("{image}, "));
        Fact::new(term, clip(&side.name, 60)).sub(format!("{build}{image}{verdict}"))
    };
    let plan = &record.plan;
    vec![
        side("Candidate", &gate.candidate).class("lead"),
        side("Baseline", &gate.baseline),
        Fact::new("Soaked", text::seconds(plan.duration_s))
            .sub(format!("side by side, each seen every {}", text::seconds(plan.interval_s))),
        Fact::new("Gate of", moment(gate.started)).sub("UTC"),
        Fact::new("Host", format!("Linux {}", name(&record.host.kernel))).sub(record.host.kind()),
    ]
}

fn repeat(gate: &Gate) -> Section {
    let mut section = Section::new("repeat", "Repeat", "Repeat it", "");
    let line = command::long(&gate.command);
    let folder = format!("reports/{}/gates/{}", gate.scenario, gate.gate);
    let mut wide = vec![
        Block::Text("The gate again, with the same users and the same churn:".to_owned()),
        Block::Pre(line),
        Block::Text("The recordings judged again, and their pages made again:".to_owned()),
        Block::Pre(clip(&format!("slowdrip report {}", command::quoted(&folder)), 400)),
    ];
    for note in &gate.notes {
        wide.push(Block::Text(clip(note, 600)));
    }
    let mut table = Table::new("Files of the gate", vec![column("File", "m"), column("What is in it", "w")]).quiet();
    for (file, what) in [
        ("candidate/report.html", "the candidate's night, every rule by itself"),
        ("baseline/report.html", "the baseline's night"),
        ("gate.json", "all that this page says, for machines"),
        ("gate.md", "this page as Markdown"),
        ("junit.xml", "every comparison as a test case"),
    ] {
        table.rows.push(vec![Cell { href: Some(file.to_owned()), ..Cell::from(file) }, what.into()]);
    }
    section.blocks.push(Block::Pair { wide, narrow: vec![Block::Table(table)] });
    section
}

#[cfg(test)]
mod tests;
