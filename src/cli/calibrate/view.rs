//! What is proposed, as text of at most 80 columns. Pure.

use std::fmt::Write as _;
use std::path::Path;

use anstyle::{AnsiColor, Style};

use crate::calibrate::{Alarms, Asked, Bound, Calibration, Change, Chosen, FEW_NIGHTS, LeftOut, Machine, Proposal};
use crate::cli::layout::{Cell, Stand, Table, WIDTH, painted, paragraph};
use crate::document::Edited;
use crate::model::text::{amount, count, figure, printable};

const BOLD: Style = Style::new().bold();
const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// How many kinds of machines or texts of the scenario are named.
const NAMED: usize = 3;

/// Which nights are used, and why the others are not.
pub(super) fn head(scenario: &str, chosen: &Chosen<'_>, asked: &Asked, unread: u64) -> String {
    let used = nights(chosen.nights.len());
    let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    let span = match chosen.nights.as_slice() {
        [] => String::new(),
        [only] => format!(", {}", day(only.started)),
        [first, .., last] if day(first.started) == day(last.started) => format!(", {}", day(last.started)),
        [first, .., last] => format!(", {} to {}", day(first.started), day(last.started)),
    };
    let mut out = painted(BOLD, &paragraph("", &format!("{scenario}: {used}{span}")));
    out += &paragraph(
        "",
        &match &asked.machine {
            Machine::Any => "On any kind of machine.".to_owned(),
            Machine::Kind(kind) => format!("On this kind of machine: {kind}."),
        },
    );
    if let Some(digest) = &chosen.digest {
        out += &paragraph("", &format!("With this text of the scenario: {}.", short(digest)));
    }
    for reason in left_out(chosen, unread) {
        out += &paragraph("Left out: ", &reason);
    }
    out
}

fn nights(count_of: usize) -> String {
    count(count_of as u64, "clean night")
}

fn short(digest: &str) -> &str {
    digest.get(..8).unwrap_or(digest)
}

fn left_out(chosen: &Chosen<'_>, unread: u64) -> Vec<String> {
    let night = |n: usize| count(n as u64, "night");
    let mut out = Vec::new();
    if chosen.not_passed > 0 {
        out.push(format!("{} that did not pass.", night(chosen.not_passed)));
    }
    let named = |words: &[(String, usize)], show: &dyn Fn(&str) -> String| {
        let mut named: Vec<String> =
            words.iter().take(NAMED).map(|(word, n)| format!("{} ({n})", show(word))).collect();
        if words.len() > NAMED {
            named.push(format!("{} more", words.len() - NAMED));
        }
        (night(words.iter().map(|(_, n)| n).sum()), named.join("; "))
    };
    if !chosen.other_machines.is_empty() {
        let kind = |kind: &str| if kind.is_empty() { "not recorded".to_owned() } else { kind.to_owned() };
        let (sum, kinds) = named(&chosen.other_machines, &kind);
        out.push(format!("{sum} on another kind of machine: {kinds}. `--machine any` takes them."));
    }
    if !chosen.other_digests.is_empty() {
        let (sum, digests) = named(&chosen.other_digests, &|digest| short(digest).to_owned());
        out.push(format!("{sum} with another text of the scenario: {digests}. `--any-digest` takes them."));
    }
    if chosen.older > 0 {
        out.push(format!("{} that are older. `--nights` takes more.", night(chosen.older)));
    }
    if unread > 0 {
        out.push(format!("{} of the history that cannot be read.", count(unread, "line")));
    }
    out
}

/// The tables, what they come to for a whole night, and warnings.
pub(super) fn body(calibration: &Calibration, nights: usize, asked: f64) -> String {
    let max = table("max, the highest held level", calibration, nights, |proposal| proposal.max.as_ref());
    let growth = table("max_growth_per_hour", calibration, nights, |proposal| proposal.growth.as_ref());
    let mut parts = vec![max, growth, whole_night(calibration, nights, asked), warnings(calibration, nights)];
    parts.retain(|part| !part.is_empty());
    format!("\n{}", parts.join("\n"))
}

fn table<'c>(
    title: &str,
    calibration: &'c Calibration,
    nights: usize,
    of: impl Fn(&'c Proposal) -> Option<&'c Bound>,
) -> String {
    let heads = ["lowest", "median", "highest", "old", "alarms", "new", "alarms"].map(|head| (head, Stand::Right));
    let mut table = Table::new(&[&[("class", Stand::Flex)], heads.as_slice()].concat());
    let mut rows = 0;
    for proposal in &calibration.proposals {
        let Some(bound) = of(proposal) else { continue };
        let figure =
            |value: Option<f64>| Cell::from(value.map_or_else(|| "-".to_owned(), |value| amount(value, proposal.unit)));
        let alarms =
            |alarms: Option<Alarms>| Cell::from(alarms.map_or_else(|| "-".to_owned(), |alarms| share(alarms.model)));
        let of_nights =
            if bound.spread.nights == nights { String::new() } else { format!(" ({})", bound.spread.nights) };
        let new = figure(bound.new);
        let paint = if bound.rising.is_some() { YELLOW } else { Style::new() };
        table.row([
            Cell::from(&proposal.class).tail(of_nights),
            figure(Some(bound.spread.min)),
            figure(Some(bound.spread.median)),
            figure(Some(bound.spread.max)),
            figure(bound.old),
            alarms(bound.old_alarms),
            new.paint(paint),
            alarms(bound.new_alarms),
        ]);
        rows += 1;
    }
    if rows == 0 { String::new() } else { format!("{}{}", painted(BOLD, &format!("{title}\n")), table.render()) }
}

fn bounds(calibration: &Calibration) -> impl Iterator<Item = (&str, &Bound)> {
    calibration.proposals.iter().flat_map(|proposal| {
        [&proposal.max, &proposal.growth].into_iter().flatten().map(|bound| (proposal.class.as_str(), bound))
    })
}

/// A share of the nights in few characters: `12 %`, `1.2 %`, `0.05 %`.
fn share(chance: f64) -> String {
    let percent = chance * 100.0;
    match percent {
        _ if percent >= 1.0 => format!("{} %", figure(percent)),
        _ if percent >= 0.01 => format!("{percent:.2} %"),
        _ => "<0.01 %".to_owned(),
    }
}

fn whole_night(calibration: &Calibration, nights: usize, asked: f64) -> String {
    let (old, new) = (calibration.old_alarms, calibration.new_alarms);
    let had = bounds(calibration).any(|(_, bound)| bound.old_alarms.is_some());
    let before = if had { format!(" (an old one: {})", share(old.model)) } else { String::new() };
    let nights = self::nights(nights);
    let mut out = paragraph(
        "",
        &format!(
            "If nights vary like a normal distribution, {} of the clean ones at most break a new figure{before}; {} was asked for. Without that assumption, {nights} promise no better than {}.",
            share(new.model),
            share(asked),
            share(new.at_most),
        ),
    );
    if let Some(LeftOut { broke, tried, .. }) = calibration.left_out {
        let text =
            format!("Each night held against figures from the others: {broke} of {tried} would have broken one.");
        out += &paragraph("", &text);
    }
    let kept: Vec<&str> = bounds(calibration).filter(|(_, bound)| bound.kept).map(|(class, _)| class).collect();
    if !kept.is_empty() {
        let text = format!(
            "Kept, and not in these shares: {}. All nights were the same there, and the figure is stricter than they can vouch for.",
            kept.join(", ")
        );
        out += &paragraph("", &text);
    }
    let no_dead = |proposal: &&Proposal| proposal.no_dead;
    let classes: Vec<&str> =
        calibration.proposals.iter().filter(no_dead).map(|proposal| proposal.class.as_str()).collect();
    if !classes.is_empty() {
        let text = format!("`max_dead: 0` for {}: no night ended with a dead handle of them.", classes.join(", "));
        out += &paragraph("", &text);
    }
    out
}

fn warnings(calibration: &Calibration, nights: usize) -> String {
    let mut out = String::new();
    let mut warn = |text: &str| {
        let text = paragraph("warning: ", text);
        let _ = write!(out, "{}", painted(YELLOW, &text));
    };
    if nights <= FEW_NIGHTS {
        warn(&format!(
            "{} are few: how much nights differ is hardly known, so the figures are wide. Calibrate again after some more.",
            self::nights(nights)
        ));
    }
    if calibration.left_out.is_some_and(|left_out| left_out.too_many) {
        warn(
            "More nights than that should break figures from the others: some rare nights lie far above the usual ones, and the shares above are too low. Take a smaller `--false-alarms`, or more nights.",
        );
    }
    for proposal in &calibration.proposals {
        if let Some((bound, rise)) = proposal.max.as_ref().and_then(|bound| Some((bound, bound.rising?))) {
            let kept = if bound.old.is_some() { "its `max` stays as it is" } else { "no `max` is proposed" };
            warn(&format!(
                "{} rises from night to night, by {} over {} nights. A bound drawn from them would hide a slow leak: {kept}. Find out why it rises, or take only the nights since with `--nights`.",
                proposal.class,
                amount(rise, proposal.unit),
                bound.spread.nights,
            ));
        }
        if proposal.warned > 0 {
            warn(&format!(
                "{} broke a rule that only warns in {} of these nights; look why before you take its figures.",
                proposal.class, proposal.warned
            ));
        }
    }
    if !calibration.unknown.is_empty() {
        let classes = calibration.unknown.join(", ");
        warn(&format!("too few of the nights have a level of {classes}: nothing is proposed for it."));
    }
    if !calibration.apart.is_empty() {
        let classes = calibration.apart.join(", ");
        warn(&format!("{classes}: judged by program or path, and the history has only the sum: no level is proposed."));
    }
    out
}

/// What is changed in the file, line by line, and whether it is written.
pub(super) fn changes(path: &Path, edited: &Edited, changes: &[Change], write: bool) -> String {
    let path = printable(&path.display().to_string());
    let mut out = String::from("\n");
    if changes.is_empty() {
        out += &paragraph("", "The thresholds say all of this already.");
    }
    if edited.lines.is_empty() {
        return out;
    }
    out += &painted(BOLD, &paragraph("", &path));
    for line in &edited.lines {
        if let Some(before) = &line.before {
            out += &painted(RED, &whole_line("-", before));
        }
        out += &painted(GREEN, &whole_line("+", &line.after));
    }
    let last = if write { "The file was written." } else { "Nothing was written; `--write` does it." };
    out + &paragraph("", last)
}

/// A line of the file with its indentation, wrapped where it is too wide: what is changed may stand at its end.
fn whole_line(sign: &str, line: &str) -> String {
    let indent: String = line.chars().take_while(|c| *c == ' ').take(WIDTH / 2).collect();
    let text = paragraph(&format!("{sign}{indent}"), line);
    if text.is_empty() { format!("{sign}\n") } else { text }
}
