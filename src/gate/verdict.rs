//! What all of it comes to.

use super::{Class, Fate, Gate, words};
use crate::model::text::figure;
use crate::model::{Ending, RuleKind, Severity, Status, StoredNight, Verdict};

/// Two workloads that differ by more than this factor are not the same load.
const SAME_LOAD: f64 = 2.0;
/// So much of something must have been done for its share to mean anything.
const MIN_WORK: f64 = 4.0;
/// Classes that a reason names.
const NAMED: usize = 3;

/// Decides the gate and says why.
pub(super) fn decide(gate: &mut Gate, candidate: &StoredNight, baseline: &StoredNight) {
    if gate.same_image {
        gate.notes.push("Both sides are the same image: whatever differs is the gate's own noise.".to_owned());
    }
    // What a candidate broke that did not come to its end is no verdict on it: it is the end that must be mended first.
    let ended = matches!(candidate.record.ending, Ending::Completed | Ending::Died { .. });
    if !ended {
        gate.verdict = Verdict::Inconclusive;
        gate.reason = sentences(&doubts(gate, candidate, baseline));
        return;
    }
    let worse: Vec<&Class> = of(gate, Fate::Worse, Severity::Fail).collect();
    let warned = of(gate, Fate::Worse, Severity::Warn).count();
    let mut reasons = Vec::new();
    if !worse.is_empty() {
        reasons.push(format!("The candidate is worse than the baseline in {}", named(&worse)));
    }
    let who = if reasons.is_empty() { "The candidate" } else { "It" };
    reasons.extend(broken(gate, who));
    if let Ending::Died { message } = &candidate.record.ending {
        reasons.insert(0, format!("The candidate died during the soak: {}", first_line(message)));
    }
    let doubts = doubts(gate, candidate, baseline);
    if warned > 0 {
        gate.notes.push(format!("Worse in {} whose rules only warn.", classes(warned)));
    }
    if !reasons.is_empty() {
        gate.verdict = Verdict::Fail;
        gate.reason = sentences(&reasons);
        gate.notes.extend(doubts.into_iter().map(|doubt| sentences(&[doubt])));
        return;
    }
    if !doubts.is_empty() {
        gate.verdict = Verdict::Inconclusive;
        gate.reason = sentences(&doubts);
        return;
    }
    gate.verdict = Verdict::Pass;
    let told = gate.classes.iter().filter(|class| class.fate == Fate::NoWorse).count();
    let unknown = gate.classes.iter().filter(|class| class.fate == Fate::Unknown).count();
    gate.reason = match unknown {
        0 => format!(
            "The candidate is no worse than the baseline in {}.",
            if told == 1 { classes(told) } else { format!("all {}", classes(told)) }
        ),
        unknown => {
            format!(
                "The candidate is no worse than the baseline in {}; of {} the gate cannot tell.",
                classes(told),
                classes(unknown)
            )
        }
    };
    gate.seen = words::seen(&gate.classes);
}

fn classes(n: usize) -> String {
    if n == 1 { "1 class".to_owned() } else { format!("{n} classes") }
}

fn of(gate: &Gate, fate: Fate, severity: Severity) -> impl Iterator<Item = &Class> {
    gate.classes.iter().filter(move |class| class.fate == fate && class.severity == severity)
}

/// `fd.eventpoll (+58/h), fd.socket (+116/h) and 2 more`
fn named(classes: &[&Class]) -> String {
    let shown: Vec<String> =
        classes.iter().take(NAMED).map(|class| format!("{} ({})", class.class, words::brief(class))).collect();
    match (shown.as_slice(), classes.len().saturating_sub(NAMED)) {
        ([rest @ .., last], 0) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        (_, 0) => shown.join(", "),
        (_, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

fn broken(gate: &Gate, who: &str) -> Option<String> {
    let all = gate.absolute.len();
    let first = gate.absolute.first()?;
    let too = gate.absolute.iter().filter(|found| found.baseline_too).count();
    let which = match (all, too) {
        (1, 0) => "the last release keeps it".to_owned(),
        (1, _) => "the last release breaks it too".to_owned(),
        (_, 0) => "the last release keeps them all".to_owned(),
        (all, too) if all == too => "the last release breaks them all too".to_owned(),
        (_, too) => format!("the last release breaks {too} of them too"),
    };
    let all = match all {
        1 => format!("the threshold {} {}", first.class, first.rule.key()),
        all => format!("{all} absolute thresholds, first {} {}", first.class, first.rule.key()),
    };
    Some(format!("{who} breaks {all}; {which}"))
}

/// Why the gate cannot tell, as clauses.
fn doubts(gate: &Gate, candidate: &StoredNight, baseline: &StoredNight) -> Vec<String> {
    let mut doubts = Vec::new();
    for (who, night) in [("candidate", candidate), ("baseline", baseline)] {
        // The other side tells why.
        if matches!(&night.record.ending, Ending::NotStarted { message } if message == Ending::LEFT_ALONE) {
            continue;
        }
        if let Some(why) = ended_early(&night.record.ending) {
            doubts.push(format!("The {who} {why}"));
            continue;
        }
        let findings = night.assessment.iter().flat_map(|found| &found.findings);
        let open = findings.filter(|found| found.required && found.status == Status::Undecided);
        // Of its classes the gate says by itself what it can tell; the candidate's must hold by themselves too.
        let mut open = open.filter(|found| who == "candidate" || !found.rule.is_of_class());
        if let Some(found) = open.next() {
            let what = if found.rule == RuleKind::Workload { "did not do its work" } else { "cannot be judged" };
            doubts.push(format!("The {who} {what}: {} ({})", found.sentence.trim_end_matches('.'), found.class));
        }
        if night.assessment.is_none() {
            doubts.push(format!("The {who} was not judged"));
        }
    }
    if doubts.is_empty() {
        doubts.extend(ended_early(&candidate.record.ending).map(|why| format!("The candidate {why}")));
    }
    if !doubts.is_empty() {
        return doubts;
    }
    for (name, own) in &gate.candidate.work {
        let Some((_, other)) = gate.baseline.work.iter().find(|work| work.0 == *name) else { continue };
        let (low, high) = (own.min(*other), own.max(*other));
        if high >= MIN_WORK && low * SAME_LOAD < high {
            doubts.push(format!(
                "The two did not bear the same load: {name} {} against {}",
                figure(*own),
                figure(*other)
            ));
        }
    }
    let required = gate.classes.iter().find(|class| class.required && class.fate == Fate::Unknown);
    if let Some(class) = required {
        doubts.push(format!("Of {} it cannot be told: {}", class.class, class.sentence.trim_end_matches('.')));
    }
    if !gate.classes.iter().any(|class| class.fate != Fate::Unknown) {
        let first = gate.classes.first().map_or("there is none", |class| class.sentence.trim_end_matches('.'));
        doubts.push(format!("No class could be compared: {first}"));
    }
    doubts
}

fn ended_early(ending: &Ending) -> Option<String> {
    Some(match ending {
        Ending::Completed => return None,
        Ending::Unfinished => "did not come to its end".to_owned(),
        Ending::Interrupted { .. } => "was interrupted".to_owned(),
        Ending::NotStarted { message } => format!("was not started: {}", first_line(message)),
        Ending::NeverReady { message } => format!("was never ready: {}", first_line(message)),
        Ending::SeedFailed { message } => format!("could not be seeded: {}", first_line(message)),
        Ending::Died { message } => format!("died during the soak: {}", first_line(message)),
        Ending::Unreadable { message } => format!("could not be read: {}", first_line(message)),
        Ending::NotWritten { message } => format!("could not be written: {}", first_line(message)),
    })
}

fn first_line(message: &str) -> &str {
    message.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason was given")
}

fn sentences(clauses: &[String]) -> String {
    let ended = clauses
        .iter()
        .map(|clause| if clause.ends_with(['.', '!', '?', '…']) { clause.clone() } else { format!("{clause}.") });
    ended.collect::<Vec<_>>().join(" ")
}
