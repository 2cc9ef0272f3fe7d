//! What breaks, what could not be decided, and what holds.

use std::collections::HashMap;

use serde::Serialize;

use super::parts::{Block, Cell, Column, Fact, Mark, Piece, Section, Table, clip, column, name, sentence};
use super::story::Story;
use super::view::View;
use super::{causes, finding_charts, handles, since};
use crate::model::{Carrier, CarrierKind, Estimate, Finding, RuleKind, Severity, Status, text};
use crate::report::chart;

/// Breaches that get a box with charts; the rest share a table.
pub(crate) const CARDS: usize = 12;
/// Rows of any table of findings.
const ROWS: usize = 300;

/// A box: a cause with its findings, or a finding of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Card {
    pub(crate) number: usize,
    pub(crate) mark: Mark,
    pub(crate) title: String,
    /// The rule it breaks; empty for a cause.
    pub(crate) rule: String,
    /// Since when it is there, how sure it is.
    pub(crate) chips: Vec<String>,
    pub(crate) sentence: String,
    pub(crate) blocks: Vec<Block>,
    pub(crate) foot: Vec<Foot>,
}

/// A line at the foot of a box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Foot {
    pub(crate) term: &'static str,
    pub(crate) text: Vec<Piece>,
}

impl Foot {
    pub(crate) fn new(term: &'static str, text: Vec<Piece>) -> Self {
        Self { term, text }
    }
}

/// What a breach of a rule is called.
pub(crate) fn title(finding: &Finding) -> String {
    let class = name(&finding.class);
    match finding.rule {
        RuleKind::MaxDead => format!("{class}: dead handles"),
        RuleKind::Max => format!("{class}: held above its ceiling"),
        RuleKind::MaxLimitRatio => format!("{class}: too near to the limit"),
        RuleKind::MaxGrowth => format!("{class}: grows"),
        RuleKind::MaxVsBaseline => format!("{class}: more than in earlier nights"),
        RuleKind::SettleTo => format!("{class}: does not come back after the load"),
        RuleKind::Log => format!("The log: {class}"),
        RuleKind::Health => "The target was unhealthy".to_owned(),
        RuleKind::Restarts => "The target was restarted".to_owned(),
        RuleKind::Oom => "The kernel killed for want of memory".to_owned(),
        RuleKind::SelfKill => "The target ended itself and began anew".to_owned(),
        RuleKind::ComesBack => format!("A counter does not come back: {class}"),
        RuleKind::Ack => "An acknowledgement has expired".to_owned(),
        RuleKind::Alive => "The target did not live".to_owned(),
        RuleKind::Workload => format!("The workload did not run: {class}"),
        RuleKind::After => "The target did not serve at the end".to_owned(),
        RuleKind::Stop => "The target did not stop well".to_owned(),
        RuleKind::Readable => "Not all could be read".to_owned(),
    }
}

/// The rule as the thresholds file has it: `max: 12`.
fn rule(finding: &Finding) -> String {
    match finding.allowed {
        Some(allowed) if finding.rule == RuleKind::MaxGrowth => {
            format!("{}: {}", finding.rule.key(), text::amount(allowed, finding.unit))
        }
        Some(allowed) if finding.rule.is_of_class() => {
            format!("{}: {}", finding.rule.key(), text::amount(allowed, finding.unit))
        }
        Some(_) | None if finding.class == finding.rule.key() => "always on".to_owned(),
        Some(_) | None => finding.rule.key().to_owned(),
    }
}

/// A figure of a rule: a rate for growth, an amount for the others.
pub(crate) fn said(finding: &Finding, value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if finding.rule == RuleKind::MaxGrowth => text::per_hour(value, finding.unit),
        Some(value) => text::amount(value, finding.unit),
    }
}

/// The subject, where it is not the target as a whole.
pub(crate) fn of_whom(finding: &Finding) -> String {
    if finding.subject == "target" { String::new() } else { format!(" of {}", name(&finding.subject)) }
}

/// The boxes of the worst breaches.
pub(crate) fn cards(view: &View<'_>, stories: &[Story<'_>]) -> Vec<Card> {
    let card = |(n, story): (usize, &Story<'_>)| match (story.cause, story.findings.first()) {
        (Some(cause), _) => Some(causes::card(view, n + 1, story, cause)),
        (None, Some(finding)) => Some(own_card(view, n + 1, story, finding)),
        (None, None) => None,
    };
    stories.iter().take(CARDS).enumerate().filter_map(card).collect()
}

/// The box of a finding without a cause.
fn own_card(view: &View<'_>, number: usize, story: &Story<'_>, finding: &Finding) -> Card {
    Card {
        number,
        mark: story.mark(),
        title: format!("{}{}", title(finding), of_whom(finding)),
        rule: rule(finding),
        chips: vec![since::standing(view, &story.findings)],
        sentence: sentence(&finding.sentence),
        blocks: blocks(view, finding),
        foot: vec![Foot::new("Fingerprint", vec![Piece::Code(name(&finding.fingerprint))])],
    }
}

/// The breaches that got no box.
pub(crate) fn further(stories: &[Story<'_>]) -> Option<Table> {
    let columns = vec![
        column("Class", ""),
        column("Rule", ""),
        column("Allowed", "r"),
        column("Measured", "r"),
        column("What was seen", "w opt"),
        column("Fingerprint", "m opt"),
    ];
    let mut table = Table::new("Further findings", columns);
    table.rows = stories
        .iter()
        .skip(CARDS)
        .flat_map(|story| &story.findings)
        .map(|finding| {
            vec![
                Cell::marked(Mark::of_finding(finding), name(&finding.class)),
                finding.rule.key().into(),
                said(finding, finding.allowed).into(),
                Cell::strong(said(finding, finding.measured)),
                sentence(&finding.sentence).into(),
                name(&finding.fingerprint).into(),
            ]
        })
        .collect();
    (!table.rows.is_empty()).then(|| table.cut(ROWS, "findings.json"))
}

/// The line beside the heading.
pub(crate) fn tally(view: &View<'_>) -> String {
    let borne = |finding: &&Finding| finding.ack.is_some();
    let of = |severity| {
        view.with(Status::Breaks).filter(|finding| finding.severity == severity && !borne(finding)).count() as u64
    };
    let known = view.with(Status::Breaks).filter(borne).count() as u64;
    let said = tally_of(of(Severity::Fail), of(Severity::Warn));
    if known == 0 { said } else { format!("{said}; {known} acknowledged") }
}

fn tally_of(fails: u64, warns: u64) -> String {
    match (fails, warns) {
        (0, 0) => "none".to_owned(),
        (fails, 0) => format!("{fails} of severity fail"),
        (0, warns) => format!("{}, nothing that fails", text::count(warns, "warning")),
        (fails, warns) => format!("{fails} of severity fail, then {}", text::count(warns, "warning")),
    }
}

fn blocks(view: &View<'_>, finding: &Finding) -> Vec<Block> {
    let mut blocks = Vec::new();
    let terms = terms(view, finding);
    match finding_charts::over_time(view, finding) {
        Some(figure) => {
            let wide = vec![Block::Figure(figure)];
            match finding_charts::to_the_limit(view, finding) {
                Some(limit) => {
                    blocks.push(Block::Pair { wide, narrow: vec![Block::Figure(limit)] });
                    blocks.push(Block::Facts(terms));
                }
                None => blocks.push(Block::Pair { wide, narrow: vec![Block::Terms(terms)] }),
            }
        }
        None if finding.measured.is_some() || finding.allowed.is_some() => blocks.push(Block::Terms(terms)),
        None => {}
    }
    blocks.extend(finding_charts::in_figures(view, finding));
    blocks.extend(carriers(finding));
    blocks.extend(handles::dead(view, finding));
    blocks.extend(acknowledged(finding));
    blocks
}

/// Why a breach weighs nothing.
pub(crate) fn acknowledged(finding: &Finding) -> Option<Block> {
    let ack = finding.ack.as_ref()?;
    let until = ack.expires.map_or_else(|| "for good".to_owned(), |day| format!("until {day}"));
    let what = format!("{} {}", name(&finding.class), finding.rule.key());
    let why = super::verdict::stopped(&clip(&ack.reason, 300));
    Some(Block::Text(format!("{what} is acknowledged {until}: {why}")))
}

/// Who carries the breach.
pub(crate) fn carriers(finding: &Finding) -> Option<Block> {
    let columns = vec![column("Carried by", "w"), column("", ""), column("Own", "r"), column("Share", "r")];
    let mut table = Table::new("Who carries it", columns).quiet();
    let row = |carrier: &Carrier| {
        let kind = match carrier.of {
            CarrierKind::Process => "program",
            CarrierKind::Path => "path",
        };
        vec![
            clip(&carrier.name, 120).into(),
            kind.into(),
            Cell::strong(text::amount(carrier.figure, finding.unit)),
            format!("{} %", (carrier.share * 100.0).round()).into(),
        ]
    };
    table.rows = finding.carriers.iter().map(row).collect();
    (!table.rows.is_empty()).then_some(Block::Table(table))
}

/// The figures of a breach.
fn terms(view: &View<'_>, finding: &Finding) -> Vec<Fact> {
    let alarm = match finding.severity {
        Severity::Fail => "lead bad",
        Severity::Warn => "lead amb",
    };
    let mut terms = Vec::new();
    let grows = finding.rule == RuleKind::MaxGrowth && finding.growth.is_some();
    if !grows {
        terms.push(Fact::new("Measured", said(finding, finding.measured)).class(alarm));
        terms.push(Fact::new("Allowed", said(finding, finding.allowed)).class("lead"));
    }
    if let Some(growth) = &finding.growth {
        let rate = text::per_hour(growth.rate, finding.unit);
        let rate = Fact::new("Growth", rate).sub(format!("95 % interval {}", interval(growth, finding)));
        terms.push(rate.class(if grows { alarm } else { "lead" }));
        if grows {
            terms.push(Fact::new("Allowed", said(finding, finding.allowed)).class("lead"));
        }
        terms.push(Fact::new("Floor", text::amount(growth.level, finding.unit)).sub(rise(growth, finding)));
        terms.push(Fact::new("Judged", text::seconds(growth.observed_s)).sub(warmup(growth)));
        if let Some(hours) = growth.hours_to_limit {
            terms.push(Fact::new("Limit reached", format!("in {}", finding_charts::about(hours))).class(alarm));
        }
    }
    if let Some(before) = view.class(&finding.class).and_then(|(_, class)| class.before.as_ref()) {
        let last = before.values().next_back();
        terms.push(
            Fact::new("Night before", last.map_or_else(|| "not read".to_owned(), |v| text::amount(v, finding.unit)))
                .sub("open at its end"),
        );
    }
    terms
}

fn interval(growth: &Estimate, finding: &Finding) -> String {
    format!("{} to {}", text::amount(growth.low, finding.unit), text::per_hour(growth.high, finding.unit))
}

fn rise(growth: &Estimate, finding: &Finding) -> String {
    let steps = text::count(growth.steps.len() as u64, "step");
    format!("{} in {steps}", super::parts::signed(growth.rise, finding.unit))
}

fn warmup(growth: &Estimate) -> String {
    if growth.warmup_end_s > 0.0 {
        format!("after a warm-up of {}", text::seconds(growth.warmup_end_s))
    } else {
        "from the start".to_owned()
    }
}

/// The rules that the night could not decide.
pub(crate) fn undecided(view: &View<'_>) -> Option<Section> {
    let columns = vec![
        column("Class", ""),
        column("Rule", ""),
        column("Why the night cannot tell", "w"),
        column("Decides the night", "opt"),
    ];
    let mut table = Table::new("Rules that are undecided", columns).quiet();
    table.rows = view
        .with(Status::Undecided)
        .map(|finding| {
            let class = format!("{}{}", name(&finding.class), of_whom(finding));
            vec![
                Cell::marked(Mark::OPEN, class),
                rule(finding).into(),
                sentence(&finding.sentence).into(),
                if finding.required { Cell::strong("yes") } else { "no".into() },
            ]
        })
        .collect();
    let required = view.with(Status::Undecided).filter(|finding| finding.required).count() as u64;
    let note = match required {
        0 => "none of them decides the night".to_owned(),
        1 => "1 of them makes the night inconclusive".to_owned(),
        n => format!("{n} of them make the night inconclusive"),
    };
    let mut section = Section::new("undecided", "Undecided", "What could not be decided", note);
    if !table.rows.is_empty() {
        section.short = format!("Undecided {}", table.rows.len());
        section.blocks = table.cut(ROWS, "findings.json").fold(20, "rules");
    }
    section.filled()
}

/// The rules that hold, those of one class together.
pub(crate) fn held(view: &View<'_>) -> Option<Section> {
    let columns = vec![
        column("Class", ""),
        column("Rules kept", "w opt"),
        column("Held", "r"),
        Column { name: "Of what is allowed".to_owned(), class: "r opt", svg: None },
        column("What was seen", "w"),
    ];
    let mut classes: Vec<((&str, &str), Vec<&Finding>)> = Vec::new();
    let mut known: HashMap<(&str, &str), usize> = HashMap::new();
    for finding in view.with(Status::Holds) {
        let key = (finding.class.as_str(), finding.subject.as_str());
        let place = *known.entry(key).or_insert(classes.len());
        match classes.get_mut(place) {
            Some((_, own)) => own.push(finding),
            None => classes.push((key, vec![finding])),
        }
    }
    let mut table = Table::new("Rules that hold", columns).quiet();
    table.rows = classes.iter().map(|(_, own)| held_row(own)).collect();
    let rules = view.with(Status::Holds).count() as u64;
    let mut section = Section::new("held", "What held", "What held", format!("{} kept", text::count(rules, "rule")));
    if rules > 0 {
        section.short = format!("What held {rules}");
        section.blocks = table.cut(ROWS, "findings.json").fold(24, "classes that hold");
    }
    section.filled()
}

fn held_row(own: &[&Finding]) -> Vec<Cell> {
    let Some(first) = own.first() else { return Vec::new() };
    // How much of its ceiling is used; of several ceilings, the one that is nearest.
    let share = |finding: &Finding| match (finding.measured, finding.allowed) {
        (Some(measured), Some(allowed)) if allowed > 0.0 && finding.rule.is_of_class() => Some(measured / allowed),
        _ => None,
    };
    let level = |finding: &&&Finding| finding.rule != RuleKind::MaxGrowth && finding.measured.is_some();
    let nearest = own.iter().filter_map(|finding| share(finding)).max_by(f64::total_cmp).map(|share| share.max(0.0));
    let said = nearest.map_or_else(
        || "".into(),
        |share| {
            let small = share > 0.0 && share < 0.01;
            let said = if small { "< 1 %".to_owned() } else { format!("{} %", (share * 100.0).round()) };
            Cell::drawn(chart::bar(share, ""), said)
        },
    );
    let measured = own.iter().find(level).map_or_else(|| "–".to_owned(), |finding| said_of(finding));
    let rules: Vec<String> = own.iter().map(|finding| rule(finding)).collect();
    let sentences: Vec<String> = own.iter().map(|finding| sentence(&finding.sentence)).collect();
    vec![
        Cell::marked(Mark::HOLDS, format!("{}{}", name(&first.class), of_whom(first))),
        rules.join(", ").into(),
        Cell::strong(measured),
        said,
        sentences.join(" ").into(),
    ]
}

fn said_of(finding: &Finding) -> String {
    said(finding, finding.measured)
}
