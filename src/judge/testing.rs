//! The judge with what tests have at hand.

use crate::model::{Assessment, HistoryLine, Recorded, RunRecord, Snapshot};
use crate::threshold::RuleSet;

/// Judges a night that has no log.
pub(crate) fn judge(record: &RunRecord, snapshots: &[Snapshot], rules: &RuleSet) -> Assessment {
    super::judge(Recorded { record, snapshots, log: &[], unread_lines: 0 }, rules)
}

/// The line of a night that has no log.
pub(crate) fn history_line(
    record: &RunRecord,
    snapshots: &[Snapshot],
    assessment: &Assessment,
    rules: &RuleSet,
) -> HistoryLine {
    super::history_line(Recorded { record, snapshots, log: &[], unread_lines: 0 }, assessment, rules)
}
