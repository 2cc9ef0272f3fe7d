//! Levels against those of earlier nights: `max_vs_baseline`.

use super::{Class, Night, finding_of, sentence};
use crate::model::{Finding, RuleKind, Status};

/// Judges the level that is held at the end against `times` the level of earlier nights, the median of what they held, and
/// [`crate::threshold::ClassRule::baseline_slack`] more. The slack is added to the multiple: a class that held 2 may move by a
/// handful without it, whatever the multiple.
///
/// Undecided where there are no earlier nights, or where one subject of the class is judged: the history keeps the levels of
/// the target as a whole.
pub(super) fn judge(night: &Night<'_>, class: &Class<'_>, times: f64) -> Finding {
    let found = |status, text| finding_of(class, RuleKind::MaxVsBaseline, status, text);
    if class.of.is_some() {
        return found(Status::Undecided, sentence::levels::no_baseline_of_subjects());
    }
    let baseline = night.record.baseline.as_ref().filter(|baseline| !baseline.nights.is_empty());
    let usual = baseline.and_then(|baseline| baseline.levels.get(&class.rule.name)).copied();
    // A figure that is none cannot be compared with.
    let Some(usual) = usual.filter(|usual| usual.is_finite() && *usual >= 0.0) else {
        return found(Status::Undecided, sentence::levels::no_baseline());
    };
    let nights = baseline.map_or(0, |baseline| baseline.nights.len());
    let slack = class.rule.baseline_slack;
    let allowed = Some(times * usual + slack).filter(|allowed| allowed.is_finite());
    let level = class.series.held_level(night.last_start());
    let status = match (level, allowed) {
        (Some(level), Some(allowed)) if level > allowed => Status::Breaks,
        (Some(_), Some(_)) => Status::Holds,
        (None, _) | (_, None) => Status::Undecided,
    };
    let text = match level {
        Some(level) => {
            let told = sentence::levels::Baseline { level, usual, nights, times, slack };
            sentence::levels::against_baseline(&told, status, class.series.unit)
        }
        None => sentence::levels::no_level(&class.series),
    };
    Finding { allowed, measured: level, ..found(status, text) }
}
