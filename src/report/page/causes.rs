//! What the breaches come from: the classes that grew together, likely sources, and the next step.

use serde::Serialize;

use super::parts::{Block, Fact, Mark, Piece, clip, name, sentence};
use super::view::View;
use crate::model::{Cause, Confidence, Finding, Severity, Status, text};

/// Lines of any list of a cause.
const LINES: usize = 12;

/// A cause with its findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct CauseCard {
    pub(crate) number: usize,
    pub(crate) mark: Mark,
    pub(crate) title: String,
    /// How sure it is.
    pub(crate) chip: String,
    pub(crate) sentence: String,
    pub(crate) blocks: Vec<Block>,
    /// Its findings, as links where they have a box.
    pub(crate) findings: Vec<Piece>,
    /// Its name for `slowdrip explain`.
    pub(crate) key: String,
}

/// How sure a cause is, in words.
pub(crate) fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "high confidence",
        Confidence::Medium => "medium confidence",
        Confidence::Low => "low confidence",
    }
}

/// What the user's precedents and the table of sources say, as pairs of a heading and its lines; empty ones are left out.
pub fn lists(cause: &Cause) -> Vec<(&'static str, Vec<String>)> {
    let precedents = cause.precedents.iter().map(|precedent| match &precedent.see {
        Some(see) => format!("{} (see {})", clip(&precedent.cause, 300), clip(see, 200)),
        None => clip(&precedent.cause, 300),
    });
    let lists = [
        ("Seen before", precedents.collect()),
        ("Likely sources", cause.sources.iter().map(|source| sentence(source)).collect()),
        ("Next", cause.next.iter().map(|step| sentence(step)).collect::<Vec<_>>()),
    ];
    lists.into_iter().filter(|(_, lines)| !lines.is_empty()).collect()
}

/// How a cause goes with what the night did: `1 per research (24 of 24)`.
pub fn relation(cause: &Cause, lead: Option<&Finding>) -> Option<String> {
    let relation = cause.relation.as_ref()?;
    let each = lead.map_or_else(|| text::figure(relation.each), |lead| text::amount(relation.each, lead.unit));
    Some(format!("{each} per {} ({} of {})", name(&relation.to), relation.hits, relation.of))
}

/// The boxes of all causes, with the numbers of the findings that have boxes of their own.
pub(crate) fn cards(view: &View<'_>, boxed: usize) -> Vec<CauseCard> {
    let Some(assessment) = &view.night.assessment else { return Vec::new() };
    let breaches: Vec<&Finding> = view.with(Status::Breaks).collect();
    let card = |(index, cause): (usize, &Cause)| {
        let own: Vec<(usize, &Finding)> = cause
            .findings
            .iter()
            .filter_map(|print| breaches.iter().position(|finding| &finding.fingerprint == print))
            .filter_map(|at| Some((at, *breaches.get(at)?)))
            .collect();
        let lead = own.first().map(|(_, finding)| *finding);
        let mut blocks = Vec::new();
        if let Some(relation) = relation(cause, lead) {
            blocks.push(Block::Facts(vec![Fact::new("With the load", relation)]));
        }
        for (title, mut lines) in lists(cause) {
            lines.truncate(LINES);
            blocks.push(Block::List { title: title.to_owned(), lines });
        }
        CauseCard {
            number: index + 1,
            mark: own
                .iter()
                .map(|(_, finding)| Mark::of_finding(finding))
                .find(|mark| *mark == Mark::FAIL)
                .or_else(|| own.first().map(|(_, finding)| Mark::of_finding(finding)))
                .unwrap_or(Mark::of(Status::Breaks, Severity::Warn)),
            title: sentence(&cause.title),
            chip: confidence(cause.confidence).to_owned(),
            sentence: sentence(&cause.sentence),
            blocks,
            findings: links(&own, boxed),
            key: name(&cause.key),
        }
    };
    assessment.causes.iter().enumerate().map(card).collect()
}

fn links(own: &[(usize, &Finding)], boxed: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (at, finding) in own {
        if !pieces.is_empty() {
            pieces.push(Piece::plain(", "));
        }
        let said = format!("{} {}", name(&finding.class), finding.rule.key());
        let href = if *at < boxed { format!("#f{}", at + 1) } else { "#findings".to_owned() };
        pieces.push(Piece::link(said, href));
    }
    pieces
}
