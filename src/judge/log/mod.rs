//! Rules on the target's log.

mod template;

use std::collections::{BTreeMap, HashMap};

use super::{Night, finding, fingerprint, sentence, standing};
use crate::model::text::{printable, shorten};
use crate::model::{Finding, KeptLine, RuleKind, Status};
use crate::threshold::{LogRule, RuleSet};

/// The longest pattern that is shown whole, characters.
const SHOWN: usize = 60;
/// A rate over less time than this says little, seconds.
const LEAST_S: f64 = 600.0;
/// A line that comes over and over is there in so many quarters of the time; what is not is a burst.
const QUARTERS: u32 = 3;

/// Lines and when they came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lines<'a> {
    /// How many.
    pub(super) number: u64,
    /// The first one's time, seconds since the soak began.
    pub(super) first_s: f64,
    /// The last one's.
    pub(super) last_s: f64,
    /// The text of the first.
    pub(super) example: &'a str,
    /// In which quarters of the time they came, a bit each.
    quarters: u8,
}

impl<'a> Lines<'a> {
    fn of(line: &'a KeptLine, watched_s: f64) -> Self {
        let at_s = line.at_ms as f64 / 1000.0;
        let quarter = if at_s * 4.0 < watched_s {
            1
        } else if at_s * 2.0 < watched_s {
            2
        } else if at_s * 4.0 < watched_s * 3.0 {
            4
        } else {
            8
        };
        Self { number: 1, first_s: at_s, last_s: at_s, example: &line.text, quarters: quarter }
    }

    fn add(&mut self, other: Self) {
        if other.first_s < self.first_s {
            (self.first_s, self.example) = (other.first_s, other.example);
        }
        self.last_s = self.last_s.max(other.last_s);
        self.number = self.number.saturating_add(other.number);
        self.quarters |= other.quarters;
    }

    fn go_on(&self) -> bool {
        self.quarters.count_ones() >= QUARTERS
    }
}

/// What is known of the log as a whole.
#[derive(Debug)]
struct Log<'a> {
    /// The lines since the soak began.
    lines: Vec<&'a KeptLine>,
    /// How many lines more there were.
    unseen: u64,
    /// Why it was not followed to the end.
    cut: Option<String>,
    /// How long it was followed, seconds.
    watched_s: f64,
}

impl<'a> Log<'a> {
    fn of(night: &Night<'a>) -> Self {
        let (unseen, cut) = match &night.record.log {
            None => (0, Some("it could not be followed".to_owned())),
            Some(log) => {
                let kept = night.log.len() as u64;
                (log.dropped.max(log.lines.saturating_sub(kept)), log.problem.clone())
            }
        };
        let lines = night.log.iter().filter(|line| line.at_ms >= 0).collect();
        Self { lines, unseen, cut, watched_s: standing::watched_s(night) }
    }

    fn hours(&self) -> f64 {
        self.watched_s / 3600.0
    }
}

/// Judges every rule of the `log` list: each of its limits is a finding of its own.
pub(super) fn judge(night: &Night<'_>, rules: &RuleSet) -> Vec<Finding> {
    if rules.log.is_empty() {
        return Vec::new();
    }
    let log = Log::of(night);
    let mut seen: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut findings = Vec::new();
    for rule in &rules.log {
        for (limit, found) in judge_rule(&log, rule) {
            // The pattern's whole text and the limit make the fingerprint; a second rule of the same is numbered.
            let nth = seen.entry((rule.pattern.as_str(), limit)).or_insert(0);
            *nth += 1;
            let subject = if *nth == 1 { limit.to_owned() } else { format!("{limit} ({nth})") };
            let fingerprint = fingerprint(rule.pattern.as_str(), &subject, RuleKind::Log);
            findings.push(Finding { fingerprint, subject, ..found });
        }
    }
    findings
}

fn judge_rule(log: &Log<'_>, rule: &LogRule) -> Vec<(&'static str, Finding)> {
    let matching: Vec<&KeptLine> = log.lines.iter().copied().filter(|line| rule.pattern.is_match(&line.text)).collect();
    let all = gather(matching.iter().map(|line| Lines::of(line, log.watched_s)));
    let number = all.map_or(0, |all| all.number);
    let shown = shown(rule);
    let made = |status, allowed, measured, text| Finding {
        severity: rule.severity,
        required: rule.required,
        allowed: Some(allowed),
        measured: Some(measured),
        ..finding(&shown, "", RuleKind::Log, status, text)
    };
    let mut findings = Vec::new();
    if let Some(most) = rule.max {
        let (status, doubt) = of_number(log, number, most);
        let text = sentence::log_lines(&shown, all.as_ref(), most, doubt.as_ref());
        findings.push(("max", made(status, most as f64, number as f64, text)));
    }
    if let Some(most) = rule.max_per_hour {
        let (status, doubt) = of_pace(log, number, most);
        let rate = pace(number, log.hours());
        let text = sentence::log_pace(&shown, all.as_ref(), rate, most, doubt.as_ref());
        findings.push(("max_per_hour", made(status, most, rate, text)));
    }
    if let Some(most) = rule.max_repeats_per_hour {
        let repeated = repeated(&matching, log.watched_s);
        let over_and_over = repeated.filter(Lines::go_on);
        let (status, doubt) = of_pace(log, over_and_over.map_or(0, |lines| lines.number), most);
        let rate = pace(repeated.map_or(0, |lines| lines.number), log.hours());
        let text =
            sentence::log_repeats(&shown, repeated.as_ref(), over_and_over.is_some(), rate, most, doubt.as_ref());
        findings.push(("max_repeats_per_hour", made(status, most, rate, text)));
    }
    findings
}

/// The pattern as the class of its findings.
fn shown(rule: &LogRule) -> String {
    shorten(printable(rule.pattern.as_str()).trim(), SHOWN)
}

fn gather<'a>(lines: impl Iterator<Item = Lines<'a>>) -> Option<Lines<'a>> {
    lines.reduce(|mut all, line| {
        all.add(line);
        all
    })
}

/// Of the lines that are equal but for their numbers, those that came over and over, the most frequent first; without such the
/// most frequent of all. Ties go to what came first.
fn repeated<'a>(matching: &[&'a KeptLine], watched_s: f64) -> Option<Lines<'a>> {
    let mut templates: HashMap<String, Lines<'a>> = HashMap::new();
    for line in matching {
        let own = Lines::of(line, watched_s);
        templates.entry(template::template(&line.text)).and_modify(|lines| lines.add(own)).or_insert(own);
    }
    let weight = |lines: &Lines<'_>| (lines.go_on(), lines.number);
    templates.into_values().max_by(|a, b| {
        let earlier = b.first_s.total_cmp(&a.first_s).then_with(|| b.example.cmp(a.example));
        weight(a).cmp(&weight(b)).then(earlier)
    })
}

/// Lines an hour; 0 where no time is known.
fn pace(number: u64, hours: f64) -> f64 {
    if hours > 0.0 { number as f64 / hours } else { 0.0 }
}

/// What is more than allowed is so whatever was not seen; what is not is only known where all was seen.
fn of_number(log: &Log<'_>, number: u64, most: u64) -> (Status, Option<sentence::Doubtful>) {
    if number > most {
        return (Status::Breaks, None);
    }
    unless_unseen(log, number.saturating_add(log.unseen) <= most)
}

fn of_pace(log: &Log<'_>, number: u64, most: f64) -> (Status, Option<sentence::Doubtful>) {
    // Within a short time, what is more than an hour may bring is too much; what is less may be an accident.
    let short = log.watched_s < LEAST_S;
    let over = |number: u64| number as f64 > most * if short { 1.0 } else { log.hours() };
    if over(number) {
        (Status::Breaks, None)
    } else if short && number as f64 > most * log.hours() {
        (Status::Undecided, Some(sentence::Doubtful::Short { watched_s: log.watched_s, needed_s: LEAST_S }))
    } else {
        unless_unseen(log, number.saturating_add(log.unseen) as f64 <= most * log.hours())
    }
}

fn unless_unseen(log: &Log<'_>, kept_even_so: bool) -> (Status, Option<sentence::Doubtful>) {
    if let Some(why) = &log.cut {
        (Status::Undecided, Some(sentence::Doubtful::Cut { why: why.clone() }))
    } else if kept_even_so {
        (Status::Holds, None)
    } else {
        (Status::Undecided, Some(sentence::Doubtful::Unseen { lines: log.unseen }))
    }
}

#[cfg(test)]
mod tests;
