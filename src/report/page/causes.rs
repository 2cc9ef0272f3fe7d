//! The box of a cause: the classes that grew together, likely sources, and the next step.

use super::findings::{self, Card, Foot};
use super::parts::{Block, Cell, Mark, Piece, Table, clip, column, name, sentence, signed};
use super::story::Story;
use super::view::View;
use super::{finding_charts, handles, since, together};
use crate::model::{Cause, Confidence, Finding, RuleKind, Severity, text};

/// Lines of any list of a cause.
const LINES: usize = 12;
/// Classes of one cause that are listed.
const ROWS: usize = 40;

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

/// The box of a cause: its classes in one chart, the way to the limit, what was measured, the handles, and what to do.
pub(crate) fn card(view: &View<'_>, number: usize, story: &Story<'_>, cause: &Cause) -> Card {
    let lead = story.findings.first().copied();
    let mut blocks = Vec::new();
    let main = together::blocks(view, &story.findings).unwrap_or_else(|| {
        let chart = charted(story).and_then(|finding| Some((finding, finding_charts::over_time(view, finding)?)));
        chart.map_or_else(Vec::new, |(finding, figure)| {
            std::iter::once(Block::Figure(figure)).chain(finding_charts::in_figures(view, finding)).collect()
        })
    });
    let limit = soonest(story).and_then(|finding| finding_charts::to_the_limit(view, finding)).map(Block::Figure);
    match limit {
        Some(limit) if !main.is_empty() => blocks.push(Block::Pair { wide: main, narrow: vec![limit] }),
        limit => blocks.extend(main.into_iter().chain(limit)),
    }
    blocks.push(Block::Table(measured(view, &story.findings)));
    let lines: Vec<String> = story
        .findings
        .iter()
        .filter(|finding| !is_in_figures(finding))
        .map(|finding| {
            format!("{}{}: {}", name(&finding.class), findings::of_whom(finding), sentence(&finding.sentence))
        })
        .take(LINES)
        .collect();
    if !lines.is_empty() {
        blocks.push(Block::List { title: "What else was seen".to_owned(), lines });
    }
    let mut left: Vec<Block> = Vec::new();
    for finding in &story.findings {
        left.extend(handles::dead(view, finding));
    }
    let mut classes: Vec<&str> = story.findings.iter().map(|finding| finding.class.as_str()).collect();
    classes.dedup();
    if left.is_empty() {
        left.extend(handles::held(view, &classes));
    }
    if let Some(finding) = story.findings.iter().find(|finding| !finding.carriers.is_empty()) {
        left.extend(findings::carriers(finding));
    }
    let mut right: Vec<Block> = Vec::new();
    for (title, mut lines) in lists(cause) {
        lines.truncate(LINES);
        right.push(Block::List { title: title.to_owned(), lines });
    }
    if left.is_empty() && right.len() > 1 {
        let rest = right.split_off(right.len() - 1);
        left = rest;
        std::mem::swap(&mut left, &mut right);
    }
    if left.is_empty() || right.is_empty() {
        blocks.extend(left.into_iter().chain(right));
    } else {
        blocks.push(Block::Pair { wide: left, narrow: right });
    }
    blocks.extend(story.findings.iter().filter_map(|finding| findings::acknowledged(finding)));
    let mut chips = vec![since::standing(view, &story.findings)];
    chips.push(confidence(cause.confidence).to_owned());
    let mut says = sentence(&cause.sentence);
    if let Some(relation) = relation(cause, lead).filter(|relation| !says.contains(relation.as_str())) {
        says = format!("{says} With the load: {relation}.");
    }
    Card {
        number,
        mark: story.mark(),
        title: sentence(&cause.title),
        rule: String::new(),
        chips,
        sentence: says,
        blocks,
        foot: vec![
            Foot::new("More", vec![Piece::Code(format!("slowdrip explain {}", name(&cause.key)))]),
            Foot::new(
                "To bear it for a while",
                vec![
                    Piece::plain("an entry of "),
                    Piece::Code("acks".to_owned()),
                    Piece::plain(" in the thresholds file for each fingerprint above"),
                ],
            ),
        ],
    }
}

/// True for rules of which the table of figures says all.
fn is_in_figures(finding: &Finding) -> bool {
    matches!(finding.rule, RuleKind::Max | RuleKind::MaxGrowth)
}

/// The finding whose chart shows most: growth before levels.
fn charted<'a>(story: &Story<'a>) -> Option<&'a Finding> {
    let grows = |finding: &&&Finding| finding.growth.is_some();
    story.findings.iter().find(grows).or_else(|| story.findings.first()).copied()
}

/// The finding whose limit is reached first.
fn soonest<'a>(story: &Story<'a>) -> Option<&'a Finding> {
    let hours = |finding: &Finding| finding.growth.as_ref().and_then(|growth| growth.hours_to_limit);
    let timed = story.findings.iter().filter_map(|finding| Some((*finding, hours(finding)?)));
    timed.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(finding, _)| finding)
}

/// What was measured of each class, its broken rules together.
fn measured(view: &View<'_>, all: &[&Finding]) -> Table {
    let columns = vec![
        column("Class", ""),
        column("Held at the end", "r"),
        column("Growth", "r"),
        column("Floor rose by", "r opt"),
        column("Limit reached", "r"),
        column("Night before", "r opt"),
        column("Broken rules and their fingerprints", "m opt w"),
    ];
    let mut classes: Vec<(&str, &str, Vec<&Finding>)> = Vec::new();
    for finding in all {
        let (class, subject) = (finding.class.as_str(), finding.subject.as_str());
        match classes.iter_mut().find(|(c, s, _)| *c == class && *s == subject) {
            Some((_, _, own)) => own.push(finding),
            None => classes.push((class, subject, vec![finding])),
        }
    }
    let mut table = Table::new("What was measured", columns).quiet();
    table.rows = classes.iter().map(|(_, _, own)| row(view, own)).collect();
    table.cut(ROWS, "findings.json")
}

fn row(view: &View<'_>, own: &[&Finding]) -> Vec<Cell> {
    let Some(first) = own.first().copied() else { return Vec::new() };
    let worst = own.iter().find(|finding| finding.severity == Severity::Fail).copied().unwrap_or(first);
    let unit = first.unit;
    let growth = own.iter().find_map(|finding| finding.growth.as_ref());
    let of = |rule: RuleKind| own.iter().find(|finding| finding.rule == rule);
    let allowed = |rule: RuleKind| {
        of(rule).map_or_else(String::new, |finding| format!("{} allowed", findings::said(finding, finding.allowed)))
    };
    let held = [RuleKind::MaxDead, RuleKind::Max, RuleKind::MaxVsBaseline, RuleKind::MaxLimitRatio, RuleKind::SettleTo]
        .into_iter()
        .find_map(|rule| of(rule).map(|finding| (rule, finding)));
    let held = match (held, growth) {
        (Some((RuleKind::MaxDead, finding)), _) => Cell {
            sub: allowed(RuleKind::MaxDead),
            ..Cell::strong(format!("{} dead", findings::said(finding, finding.measured)))
        },
        (Some((rule, finding)), _) => {
            Cell { sub: allowed(rule), ..Cell::strong(findings::said(finding, finding.measured)) }
        }
        (None, Some(growth)) => text::amount(growth.level, unit).into(),
        (None, None) => "–".into(),
    };
    let grows = growth.map_or_else(
        || Cell::from("–"),
        |growth| {
            let said = text::per_hour(growth.rate, unit);
            let interval = format!("{} to {}", text::amount(growth.low, unit), text::amount(growth.high, unit));
            let sub = match of(RuleKind::MaxGrowth) {
                Some(_) => format!("{interval}; {}", allowed(RuleKind::MaxGrowth)),
                None => interval,
            };
            Cell { sub, ..Cell::strong(said) }
        },
    );
    let rose = growth.map_or_else(
        || Cell::from("–"),
        |growth| {
            let time = text::seconds((growth.observed_s / 60.0).round() * 60.0);
            // Memory has no steps: its floor is a line through windows.
            let sub = match growth.steps.len() as u64 {
                0 => format!("in {time}"),
                steps => format!("in {}, {time}", text::count(steps, "step")),
            };
            Cell { sub, ..Cell::from(signed(growth.rise, unit)) }
        },
    );
    let limit = growth.and_then(|growth| growth.hours_to_limit);
    let before = view.class(&first.class).and_then(|(_, class)| class.before.as_ref());
    let before = before.and_then(|before| before.values().next_back());
    let class = format!("{}{}", name(&first.class), findings::of_whom(first));
    let prints: Vec<String> =
        own.iter().map(|finding| format!("{} {}", finding.rule.key(), name(&finding.fingerprint))).collect();
    vec![
        Cell::marked(Mark::of_finding(worst), class),
        held,
        grows,
        rose,
        limit.map_or_else(|| "–".to_owned(), |hours| format!("in {}", finding_charts::about(hours))).into(),
        before.map_or_else(|| "–".to_owned(), |value| text::amount(value, unit)).into(),
        prints.join(", ").into(),
    ]
}
