//! Held levels: `max` and `max_limit_ratio`.

use super::{Class, Night, finding_of, sentence};
use crate::model::{Finding, RuleKind, Status};

/// Judges the level that is held at the end.
pub(super) fn judge_max(night: &Night<'_>, class: &Class<'_>, most: f64) -> Finding {
    let level = class.series.held_level(night.last_start());
    let text = sentence::held(&class.series, level, most);
    let mut finding = finding_of(class, RuleKind::Max, status(level, most), text);
    finding.allowed = Some(most);
    finding.measured = level;
    finding
}

/// Judges the share of the limit that is held at the end.
pub(super) fn judge_share(night: &Night<'_>, class: &Class<'_>, ratio: f64) -> Finding {
    let share = class.series.held_share(night.last_start());
    let text = sentence::held_share(&class.series, share, ratio);
    let mut finding = finding_of(class, RuleKind::MaxLimitRatio, status(share, ratio), text);
    finding.allowed = class.series.limit.map(|limit| ratio * limit);
    finding.measured = share.zip(class.series.limit).map(|(share, limit)| share * limit);
    finding
}

fn status(held: Option<f64>, most: f64) -> Status {
    match held {
        None => Status::Undecided,
        Some(held) if held > most => Status::Breaks,
        Some(_) => Status::Holds,
    }
}
