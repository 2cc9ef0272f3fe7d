//! The strings of a diff that all its forms share.

use crate::diff::{Basis, Breach, ClassChange, Diff, Fate, Shift, Side, StepChange, Told, Weight};
use crate::model::text::{amount, count, figure, per_hour};
use crate::model::{Status, Unit, Verdict};
use crate::report::page::build;
pub(crate) use crate::report::page::parts::listed;
use crate::report::page::parts::{clip, name, sentence, signed};
use crate::stats::noise::FEWEST_NIGHTS;

/// How an earlier figure becomes a later one.
pub(crate) const ARROW: &str = "→";

/// The verdict of a night.
pub(crate) fn verdict(side: &Side) -> &'static str {
    side.verdict.map_or("NOT JUDGED", Verdict::word)
}

/// "Not comparable: another kernel (6.19, before 6.18)."; `None` where they are.
pub(crate) fn not_comparable(diff: &Diff) -> Option<String> {
    let reasons: Vec<String> = diff.not_comparable.iter().map(|obstacle| clip(&obstacle.text, 240)).collect();
    (!reasons.is_empty()).then(|| format!("Not comparable: {}.", reasons.join("; ")))
}

/// "2 new, 1 standing"; empty where no rule is broken in either night.
pub(crate) fn fates(diff: &Diff) -> String {
    let counts = Fate::ALL.map(|fate| (diff.count(fate), fate.word()));
    let told: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    told.join(", ")
}

/// One sentence on whether it got worse.
pub(crate) fn outcome(diff: &Diff) -> String {
    let worsening = diff.breaches.iter().filter(|breach| breach.worsens()).count() as u64;
    let up: Vec<String> = diff.classes.iter().filter(|class| class.is_up()).map(|class| name(&class.class)).collect();
    let open: Vec<String> =
        diff.classes.iter().filter(|class| class.weight == Weight::Open).map(|class| name(&class.class)).collect();
    let listed = |names: &[String]| listed(names, 4);
    let mut said = Vec::new();
    if worsening > 0 {
        let verb = if worsening == 1 { "fails" } else { "fail" };
        said.push(format!("{} {verb}", count(worsening, "new finding")));
    }
    if !up.is_empty() {
        let verb = if up.len() == 1 { "is" } else { "are" };
        said.push(format!("{} {verb} up by more than noise", listed(&up)));
    }
    if !open.is_empty() {
        said.push(format!("{} moved, and whether that is noise is not known", listed(&open)));
    }
    if said.is_empty() {
        let gone = diff.count(Fate::Gone) as u64;
        let also = if gone > 0 { format!("; {} gone", count(gone, "finding")) } else { String::new() };
        return format!("No new finding fails, and nothing is up by more than noise{also}.");
    }
    format!("{}.", said.join("; "))
}

/// What the noise is known from.
pub(crate) fn basis(diff: &Diff) -> String {
    let nights = diff.past_nights as u64;
    if diff.knows_noise() {
        return format!("Noise is known from {} like these.", count(nights, "past night"));
    }
    format!(
        "No noise known yet ({} like these, {FEWEST_NIGHTS} are needed): what moved within the two nights, their own noise, stands in for it.",
        count(nights, "past night")
    )
}

/// The run and its build: `20261123-071755-4c46, 1.10.7 (cc625c4def3b)`.
pub(crate) fn night(side: &Side) -> String {
    let run = name(&side.run);
    let digest = side.image.as_deref().map(build::digest);
    match (build::version(&side.labels), digest) {
        (Some(version), Some(digest)) => format!("{run}, {version} ({digest})"),
        (Some(one), None) | (None, Some(one)) => format!("{run}, {one}"),
        (None, None) => run,
    }
}

/// A value of a change of circumstances, digests cut to what is read.
pub(crate) fn value(value: Option<&str>) -> String {
    value.map_or_else(|| "absent".to_owned(), build::digest)
}

/// The name of what changed, cut.
pub(crate) fn what(what: &str) -> String {
    let short = what.rsplit_once("opencontainers.image.").map_or(what, |(_, short)| short);
    clip(short, 60)
}

/// Fate, and what it weighs: "new", "standing, warns", "new, known".
pub(crate) fn fate(breach: &Breach) -> String {
    let weight = match (breach.acknowledged, breach.severity) {
        (true, _) => ", known",
        (false, crate::model::Severity::Fail) => "",
        (false, crate::model::Severity::Warn) => ", warns",
    };
    format!("{}{weight}", breach.fate.word())
}

/// What broke, of whom: `fd.pidfd of process api`.
pub(crate) fn subject(breach: &Breach) -> String {
    let class = name(&breach.class);
    if breach.subject == "target" || !breach.rule.is_of_class() {
        return class;
    }
    format!("{class} of {}", clip(&breach.subject, 80))
}

/// The finding's sentence with what the diff knows of it.
pub(crate) fn breach(breach: &Breach) -> String {
    let mut said = sentence(&breach.sentence);
    if breach.only_here {
        said.push_str(match breach.fate {
            Fate::New => " The earlier night had no such rule.",
            Fate::Unknown => " The later night has no such rule.",
            Fate::Standing | Fate::Gone => "",
        });
    }
    said
}

/// An amount, or a dash.
pub(crate) fn level(value: Option<f64>, unit: Unit) -> String {
    value.map_or_else(|| "-".to_owned(), |value| amount(value, unit))
}

/// A rate with its interval: `290/h [221, 373]`.
pub(crate) fn rate(value: Option<f64>, interval: Option<(f64, f64)>, unit: Unit) -> String {
    let Some(value) = value else { return "-".to_owned() };
    match interval {
        Some((low, high)) if unit == Unit::Count => {
            format!("{} [{}, {}]", per_hour(value, unit), figure(low), figure(high))
        }
        // All three in the unit of the largest: `90 [74, 107] MiB/h`.
        Some((low, high)) => {
            let (scale, name) = scale(value.abs().max(high.abs()));
            format!("{} [{}, {}] {name}/h", figure(value / scale), figure(low / scale), figure(high / scale))
        }
        None => per_hour(value, unit),
    }
}

/// The unit in which an amount of bytes is said, and how many bytes it has.
fn scale(bytes: f64) -> (f64, &'static str) {
    let units = [(1.0, "B"), (1024.0, "KiB"), (1_048_576.0, "MiB"), (1_073_741_824.0, "GiB")];
    units.into_iter().rev().find(|(scale, _)| bytes >= *scale).unwrap_or((1.0, "B"))
}

/// The change with its sign, or a dash.
pub(crate) fn change(shift: &Shift, unit: Unit) -> String {
    shift.change().map_or_else(|| "-".to_owned(), |change| signed(change, unit))
}

/// A share of the limit: `11 %`; empty where there is no limit.
pub(crate) fn share(share: Option<f64>) -> String {
    share.map_or_else(String::new, |share| format!("{} %", figure(share * 100.0)))
}

/// By how many percent a figure moved: `-2 %`.
pub(crate) fn percent(shift: &Shift) -> String {
    let Some((change, before)) = shift.change().zip(shift.before).filter(|(_, before)| *before > 0.0) else {
        return "-".to_owned();
    };
    format!("{} %", signed(change / before * 100.0, Unit::Count))
}

/// Whether a change is noise, with its score where past nights tell it: `beyond noise (z 17)`.
pub(crate) fn noise(shift: &Shift) -> String {
    if shift.change().is_none() {
        return Told::Unknown.words().to_owned();
    }
    match (shift.basis, shift.score, shift.told) {
        (Basis::PastNights(_), Some(score), Told::Beyond) => {
            format!("{} (z {})", shift.told.words(), figure(score.clamp(-999.0, 999.0)))
        }
        (Basis::TheseNights, _, Told::Unknown) => "beyond own noise".to_owned(),
        (_, _, told) => told.words().to_owned(),
    }
}

/// Milliseconds as people say them: `48 ms`, `1.2 s`.
pub(crate) fn milliseconds(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(ms) if ms < 1000.0 => format!("{} ms", figure(ms)),
        Some(ms) => format!("{} s", figure(ms / 1000.0)),
    }
}

/// What a step did beside its median: "p90 80 ms → 90 ms, failed 0 → 3".
pub(crate) fn tail(step: &StepChange) -> String {
    let arrow = |pair: (Option<f64>, Option<f64>)| format!("{} {ARROW} {}", milliseconds(pair.0), milliseconds(pair.1));
    let mut said = format!("p90 {}, p99 {}", arrow(step.p90_ms), arrow(step.p99_ms));
    let failed = (step.failed.0.unwrap_or(0), step.failed.1.unwrap_or(0));
    if failed != (0, 0) {
        said.push_str(&format!(", failed {} {ARROW} {}", failed.0, failed.1));
    }
    said
}

/// The classes that matter.
pub(crate) fn loud(diff: &Diff) -> Vec<&ClassChange> {
    diff.classes.iter().filter(|class| class.weight.is_loud()).collect()
}

/// The classes that do not matter, in a line each: those that moved (`fd.pipe 4 → 2`), those that did not, and those that only
/// one of the nights tells of.
pub(crate) fn quiet(diff: &Diff) -> [(&'static str, Vec<String>); 3] {
    let (mut moved, mut same, mut untold) = (Vec::new(), Vec::new(), Vec::new());
    for class in diff.classes.iter().filter(|class| !class.weight.is_loud()) {
        let (before, after) = (level(class.level.before, class.unit), level(class.level.after, class.unit));
        if class.weight == Weight::Untold {
            untold.push(clip(&class.class, 60));
        } else if before == after {
            same.push(clip(&class.class, 60));
        } else {
            moved.push(format!("{} {before} {ARROW} {after}", clip(&class.class, 60)));
        }
    }
    [("Within noise", moved), ("As before", same), ("Told by one night only", untold)]
}

/// How the rules of a class fared: `holds → breaks`; empty where no rule names it.
pub(crate) fn status(class: &ClassChange) -> String {
    let word = |status: Option<Status>| match status {
        Some(Status::Holds) => "holds",
        Some(Status::Breaks) => "breaks",
        Some(Status::Undecided) => "undecided",
        None => "no rule",
    };
    match class.status {
        (None, None) => String::new(),
        (before, after) if before == after => word(after).to_owned(),
        (before, after) => format!("{} {ARROW} {}", word(before), word(after)),
    }
}

/// True where the growth of a class is worth a line: it is known, and there is some.
pub(crate) fn grows(class: &ClassChange) -> bool {
    [class.rate.before, class.rate.after].iter().flatten().any(|rate| rate.abs() > 0.05)
}

/// True where any handle of a class is dead.
pub(crate) fn dies(class: &ClassChange) -> bool {
    [class.dead.before, class.dead.after].iter().flatten().any(|dead| *dead > 0.0)
}
