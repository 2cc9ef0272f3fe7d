//! What crashed runs left behind, found by its labels.

use std::collections::{BTreeMap, BTreeSet};

use super::Engine;
use super::remove::Thing;
use crate::target::Swept;
use crate::target::error::TargetError;
use crate::target::owner::{self, Owner};

/// Removes what dead owners left; with `kept` also what they kept on purpose.
pub(in crate::target) async fn sweep(engine: &Engine, kept: bool) -> Result<Swept, TargetError> {
    let found = engine.things(None).await?;
    let (leftovers, spared) = choose(found, kept, |owner, namespace| owner.is_dead(namespace));
    let outcome = engine.remove_all(leftovers).await;
    Ok(Swept { removed: outcome.removed, failed: outcome.failed, kept: spared.iter().map(Thing::shown).collect() })
}

/// Tells leftovers (first) from what was kept on purpose (second); what belongs to a living owner, or to nobody that can be
/// read, is in neither. A run of which a container is kept keeps its networks, volumes and images too.
fn choose(found: Vec<Thing>, kept: bool, is_dead: impl Fn(&Owner, Option<&str>) -> bool) -> (Vec<Thing>, Vec<Thing>) {
    let run_of = |thing: &Thing| thing.labels.get(owner::RUN).cloned().unwrap_or_default();
    let kept_runs: BTreeSet<String> = found.iter().filter(|thing| thing.is_kept()).map(run_of).collect();
    // One look per owner: a night that ends meanwhile must not lose one half and keep the other.
    let mut verdicts: BTreeMap<(String, Option<String>), bool> = BTreeMap::new();
    let (mut leftovers, mut spared) = (Vec::new(), Vec::new());
    for thing in found {
        let Some(label) = thing.labels.get(owner::OWNER) else { continue };
        let namespace = thing.labels.get(owner::PID_NAMESPACE).cloned();
        let dead = *verdicts
            .entry((label.clone(), namespace.clone()))
            .or_insert_with(|| Owner::parse(label).is_some_and(|owner| is_dead(&owner, namespace.as_deref())));
        if kept_runs.contains(&run_of(&thing)) {
            if kept && dead {
                leftovers.push(thing);
            } else if !kept {
                spared.push(thing);
            }
        } else if dead {
            leftovers.push(thing);
        }
    }
    (leftovers, spared)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::remove::Kind;
    use super::*;

    fn thing(kind: Kind, name: &str, run: &str, owner: &str) -> Thing {
        let labels =
            HashMap::from([(owner::RUN.to_owned(), run.to_owned()), (owner::OWNER.to_owned(), owner.to_owned())]);
        Thing { kind, id: name.into(), name: name.into(), labels }
    }

    fn chosen(kept: bool) -> (Vec<String>, Vec<String>) {
        let found = vec![
            thing(Kind::Container, "slowdrip-dead", "r1", "boot/1/1"),
            thing(Kind::Network, "slowdrip-dead-net", "r1", "boot/1/1"),
            thing(Kind::Container, "slowdrip-alive", "r2", "boot/2/1"),
            thing(Kind::Container, "slowdrip-kept-app", "r3", "boot/1/1"),
            thing(Kind::Volume, "slowdrip-kept-volume", "r3", "boot/1/1"),
            thing(Kind::Volume, "slowdrip-unreadable", "r4", "what?"),
        ];
        let names = |things: Vec<Thing>| things.into_iter().map(|thing| thing.name).collect();
        let (leftovers, spared) = choose(found, kept, |owner, _| owner.id.pid == 1);
        (names(leftovers), names(spared))
    }

    #[test]
    fn only_what_dead_owners_left_is_removed() {
        let (leftovers, spared) = chosen(false);
        assert_eq!(leftovers, ["slowdrip-dead", "slowdrip-dead-net"]);
        assert_eq!(spared, ["slowdrip-kept-app", "slowdrip-kept-volume"]);
    }

    #[test]
    fn what_was_kept_goes_when_that_is_asked_for() {
        let (leftovers, spared) = chosen(true);
        assert_eq!(leftovers, ["slowdrip-dead", "slowdrip-dead-net", "slowdrip-kept-app", "slowdrip-kept-volume"]);
        assert!(spared.is_empty());
    }
}
