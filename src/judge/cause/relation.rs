//! Growth against what the night did.

use std::collections::BTreeMap;

use super::item::Item;
use crate::judge::{Night, sentence};
use crate::model::{EventKind, Relation, Unit};

/// Fewest iterations, and rises, by which anything is told.
const FEWEST: usize = 4;
/// After at least this share of the iterations the floor must have risen.
const SHARE: f64 = 0.5;
/// The chance at which rises fall into the same part of the iterations by themselves.
const CHANCE: f64 = 0.001;
/// An iteration must be so many looks long: within fewer, nothing can be told of when it rose.
const LOOKS: f64 = 2.0;

/// What an item's growth follows: the churn after whose iterations it rose, where that is no chance.
///
/// Iterations follow each other without a pause, so that every rise lies in one of them. What tells is where in it: what
/// iterations cause comes at the same point of each, what does not falls anywhere. Rayleigh's test on the points, as angles on
/// the circle of an iteration, gives the chance (Mardia and Jupp, *Directional Statistics*, 6.3.1: about exp(-n R²)).
pub(super) fn of(night: &Night<'_>, item: &Item<'_>) -> Option<Relation> {
    if item.metric.unit() == Unit::Bytes || item.rises.len() < FEWEST {
        return None;
    }
    let mut churns: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for event in night.record.events.iter().filter(|event| event.kind == EventKind::Churn) {
        churns.entry(&event.text).or_default().push(event.at_ms as f64 / 1000.0);
    }
    let names = churns.len() as f64;
    let related = churns.into_iter().filter_map(|(name, mut begins)| {
        begins.sort_by(f64::total_cmp);
        begins.dedup();
        let (relation, chance) = follows(night, item, name, &begins)?;
        // The more churns there are, the likelier one of them fits by chance.
        (chance * names < CHANCE).then_some((relation, chance))
    });
    let share = |relation: &Relation| relation.hits as f64 / relation.of as f64;
    related.max_by(|a, b| share(&a.0).total_cmp(&share(&b.0)).then(b.1.total_cmp(&a.1))).map(|(relation, _)| relation)
}

/// An iteration: when it began and how long it took until the next.
type Iteration = (f64, f64);

fn iterations(begins: &[f64]) -> Vec<Iteration> {
    let gaps: Vec<f64> = begins.iter().zip(begins.iter().skip(1)).map(|(a, b)| b - a).collect();
    let usual = crate::stats::order::median(&gaps).unwrap_or(0.0);
    // After the last one, and where the churn paused, an iteration is as long as the others.
    let length = |at: usize| gaps.get(at).copied().map_or(usual, |gap| gap.min(2.0 * usual));
    begins.iter().enumerate().map(|(at, begin)| (*begin, length(at))).collect()
}

fn follows(night: &Night<'_>, item: &Item<'_>, name: &str, begins: &[f64]) -> Option<(Relation, f64)> {
    let look_s = night.record.plan.interval_s;
    let all = iterations(begins);
    let usual = all.last()?.1;
    // A rise is seen at the look after it: one that belongs to the last iterations may not have been.
    let judged: Vec<Iteration> = all
        .iter()
        .copied()
        .filter(|(begin, length)| *begin >= item.track.from_s && begin + length <= item.track.to_s + look_s)
        .collect();
    if judged.len() < FEWEST || !(usual >= LOOKS * look_s && usual > 0.0) {
        return None;
    }
    let mut risen = vec![0.0_f64; judged.len()];
    let (mut cos, mut sin, mut rises) = (0.0, 0.0, 0_usize);
    for (at, size) in &item.rises {
        // What happens in an iteration is seen at the first look after it, at the earliest right after its beginning.
        let Some(index) = judged.partition_point(|iteration| iteration.0 < *at).checked_sub(1) else { continue };
        let (Some((begin, length)), Some(sum)) = (judged.get(index), risen.get_mut(index)) else { continue };
        if *at > begin + length + look_s {
            continue;
        }
        *sum += size;
        let angle = (at - begin) / length * std::f64::consts::TAU;
        cos += angle.cos();
        sin += angle.sin();
        rises += 1;
    }
    let hits: Vec<f64> = risen.into_iter().filter(|sum| *sum > 0.0).collect();
    if rises < FEWEST || (hits.len() as f64) < SHARE * judged.len() as f64 {
        return None;
    }
    let n = rises as f64;
    let chance = (-(cos * cos + sin * sin) / n).exp();
    let relation = Relation {
        to: sentence::foreign(name),
        hits: hits.len() as u64,
        of: judged.len() as u64,
        each: hits.iter().sum::<f64>() / hits.len() as f64,
    };
    (chance.is_finite() && relation.each.is_finite()).then_some((relation, chance))
}
