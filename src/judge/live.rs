//! What a single snapshot says while the night goes on: a hint for the progress line, not a verdict.

use crate::model::Snapshot;
use crate::model::text::amount;
use crate::series::{Question, Series, can_split, covers_dead, parts, unit};
use crate::threshold::{ClassRule, RuleSet};

/// The class that is closest to breaking its rule, or furthest beyond it, and how: `fd.pidfd: 3 dead, 0 allowed`.
/// `None` where no rule has a figure that one snapshot can be held against.
pub fn worst(snapshot: &Snapshot, rules: &RuleSet) -> Option<String> {
    let hints = rules.classes.iter().flat_map(|rule| [dead(rule, snapshot), level(rule, snapshot)]).flatten();
    hints.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, text)| text)
}

/// Dead handles beyond what is allowed outweigh every level. Those that may be a design are no alarm.
#[expect(clippy::cast_precision_loss, reason = "counts of handles are far below 2^52")]
fn dead(rule: &ClassRule, snapshot: &Snapshot) -> Option<(f64, String)> {
    let allowed = rule.max_dead?;
    let dead =
        snapshot.dead.iter().filter(|handle| handle.kind.is_exact() && covers_dead(&rule.select, handle.kind)).count()
            as u64;
    (dead > allowed).then(|| (1e6 + dead as f64, format!("{}: {dead} dead, {allowed} allowed", rule.name)))
}

fn level(rule: &ClassRule, snapshot: &Snapshot) -> Option<(f64, String)> {
    let max = rule.max?;
    let value = now(rule, snapshot)?;
    let unit = unit(&rule.select);
    let share = if max > 0.0 {
        value / max
    } else if value > 0.0 {
        2.0
    } else {
        0.0
    };
    Some((share, format!("{}: {} of {}", rule.name, amount(value, unit), amount(max, unit))))
}

/// The figure that is held against the rule: that of the largest subject where each is judged by itself.
fn now(rule: &ClassRule, snapshot: &Snapshot) -> Option<f64> {
    let question =
        Question { class: &rule.name, select: &rule.select, older_than: rule.older_than, memory_limit: None };
    let last = |series: &Series| series.points.last().map(|point| point.1);
    let whole = last(&Series::read(&question, &[snapshot]));
    if !can_split(&rule.select, rule.per) {
        return whole;
    }
    let parts = parts(&question, rule.per, &[snapshot]);
    parts.iter().filter_map(|part| last(&part.series)).max_by(f64::total_cmp).or(whole)
}
