//! Coming back after the load: `settle_to`.

use super::{Class, Night, finding_of, sentence};
use crate::model::{EventKind, Finding, Phase, RuleKind, Status};
use crate::series::held_at_end;
use crate::threshold::SettleTo;

/// Where there was no churn, the level after this share of the soak is the one to come back to.
const FIRST: f64 = 1.0 / 3.0;

/// The moment before which a level was held that is to be come back to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Before {
    /// The first iteration of the churn.
    Churn,
    /// The end of the soak's first third, where there was no churn.
    FirstThird,
}

/// Judges the level at the end of the settle phase against that before the churn.
///
/// Both are held levels: the lowest of the last sixth of the time, of three snapshots at least. The earlier one leaves a fixed
/// warm-up out where three snapshots lie between it and the churn: what fills while the target warms up is not the churn's.
pub(super) fn judge(night: &Night<'_>, class: &Class<'_>, near: SettleTo) -> Finding {
    let found = |status, text| finding_of(class, RuleKind::SettleTo, status, text);
    let undecided = |text| found(Status::Undecided, text);
    let points = &class.series.points;
    let Some(settle) = night.watched.iter().find(|look| look.phase == Phase::Settle).map(|look| look.at_s()) else {
        return undecided(sentence::levels::no_settle());
    };
    let (what, until) = match first_churn(night) {
        Some(churn) => (Before::Churn, churn),
        None => (Before::FirstThird, settle * FIRST),
    };
    let earlier = points.get(..points.partition_point(|point| point.0 < until)).unwrap_or_default();
    let Some(before) = held_at_end(earlier, night.warmup_s.unwrap_or(0.0)) else {
        return undecided(sentence::levels::no_level_before(what, earlier.len()));
    };
    let later = points.get(points.partition_point(|point| point.0 < settle)..).unwrap_or_default();
    let Some(after) = held_at_end(later, settle) else {
        return undecided(sentence::levels::no_level_after(later.len()));
    };
    let allowed = match near {
        SettleTo::Above(more) => before + more,
        SettleTo::Share(more) => before * (1.0 + more),
    };
    if !allowed.is_finite() {
        return undecided(sentence::levels::no_level_before(what, earlier.len()));
    }
    let status = if after > allowed { Status::Breaks } else { Status::Holds };
    let text = sentence::levels::settled(what, before, after, near, status, class.series.unit);
    Finding { allowed: Some(allowed), measured: Some(after), ..found(status, text) }
}

/// When the churn began, seconds since the soak began.
fn first_churn(night: &Night<'_>) -> Option<f64> {
    let churn = night.record.events.iter().filter(|event| event.kind == EventKind::Churn);
    churn.map(|event| event.at_ms).min().map(|at_ms| at_ms.max(0) as f64 / 1000.0)
}
