//! What is not the target's own doing: the circumstances of two nights, and which build was soaked.

use crate::model::{Ending, RunRecord, StoredNight, text};

/// A fact about a night that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What: `image`, a label's name, `kernel`.
    pub what: String,
    /// Before; `None`: there was none.
    pub before: Option<String>,
    /// After; `None`: there is none.
    pub after: Option<String>,
}

/// Why two nights cannot be compared like with like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What kind of reason.
    pub kind: ObstacleKind,
    /// One clause: "another kernel (6.19, before 6.18)".
    pub text: String,
}

/// What makes figures of two nights differ without the target's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObstacleKind {
    /// Nights of two scenarios.
    Scenario,
    /// The scenario's text was edited.
    ScenarioText,
    /// Another kind of machine, see [`crate::model::HostRecord::kind`].
    Machine,
    /// Another kernel.
    Kernel,
    /// Another memory limit.
    MemoryLimit,
    /// Another length or interval.
    Plan,
    /// A night did not come to its end.
    Ending,
    /// The later night's target died. That is a finding, and its figures stand up to the death.
    Died,
    /// A night was never judged.
    Unjudged,
}

impl ObstacleKind {
    /// The word of the JSON form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Scenario => "scenario",
            Self::ScenarioText => "scenario_text",
            Self::Machine => "machine",
            Self::Kernel => "kernel",
            Self::MemoryLimit => "memory_limit",
            Self::Plan => "plan",
            Self::Ending => "ending",
            Self::Died => "died",
            Self::Unjudged => "unjudged",
        }
    }

    /// False for what is no reason to leave the question open whether it got worse.
    pub fn bars(self) -> bool {
        self != Self::Died
    }
}

/// Which nights a night may be compared with: those that a change of figures speaks of the target.
pub fn comparable(record: &RunRecord, other: &RunRecord) -> bool {
    record.scenario == other.scenario
        && record.scenario_digest == other.scenario_digest
        && record.host.kind() == other.host.kind()
        && other.ending == Ending::Completed
}

/// What of the circumstances differs, so that a difference of figures may have another cause than the target.
pub(super) fn obstacles(before: &StoredNight, after: &StoredNight) -> Vec<Obstacle> {
    let (earlier, later) = (&before.record, &after.record);
    let mut obstacles = Vec::new();
    let mut differs = |kind, what: &str, before: String, after: String| {
        if before != after {
            obstacles.push(Obstacle { kind, text: format!("{what} ({after}, before {before})") });
        }
    };
    differs(ObstacleKind::Scenario, "another scenario", earlier.scenario.clone(), later.scenario.clone());
    if earlier.scenario == later.scenario {
        let digest = |record: &RunRecord| record.scenario_digest.chars().take(12).collect::<String>();
        differs(ObstacleKind::ScenarioText, "another text of the scenario", digest(earlier), digest(later));
    }
    differs(ObstacleKind::Machine, "another kind of machine", earlier.host.kind(), later.host.kind());
    differs(ObstacleKind::Kernel, "another kernel", earlier.host.kernel.clone(), later.host.kernel.clone());
    differs(ObstacleKind::MemoryLimit, "another memory limit", memory_limit(earlier), memory_limit(later));
    differs(ObstacleKind::Plan, "another soak", plan(earlier), plan(later));
    let mut add = |kind, text: String| obstacles.push(Obstacle { kind, text });
    for (word, night, died) in [("earlier", before, ObstacleKind::Ending), ("later", after, ObstacleKind::Died)] {
        match &night.record.ending {
            Ending::Completed => {}
            Ending::Died { .. } => add(died, format!("the target of the {word} night died")),
            Ending::Unfinished
            | Ending::Interrupted { .. }
            | Ending::NotStarted { .. }
            | Ending::NeverReady { .. }
            | Ending::SeedFailed { .. }
            | Ending::Unreadable { .. }
            | Ending::NotWritten { .. } => {
                add(ObstacleKind::Ending, format!("the {word} night did not come to its end"));
            }
        }
        if night.assessment.is_none() {
            let text = format!("the {word} night was never judged: `slowdrip report {}` judges it", night.record.run);
            add(ObstacleKind::Unjudged, text);
        }
    }
    obstacles
}

fn memory_limit(record: &RunRecord) -> String {
    record.target.memory_limit.map_or_else(|| "none".to_owned(), |limit| text::bytes(limit as f64))
}

fn plan(record: &RunRecord) -> String {
    let plan = &record.plan;
    let warmup = plan.warmup_s.map_or_else(|| "auto".to_owned(), text::seconds);
    format!(
        "{} every {}, warm-up {warmup}, settle {}",
        text::seconds(plan.duration_s),
        text::seconds(plan.interval_s),
        text::seconds(plan.settle_s)
    )
}

/// What was soaked, by what, and what it was held against.
pub(super) fn changes(before: &RunRecord, after: &RunRecord) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |what: &str, before: Option<&str>, after: Option<&str>| {
        if before != after {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            changes.push(Change { what: what.to_owned(), before: owned(before), after: owned(after) });
        }
    };
    add("target", Some(&before.target.name), Some(&after.target.name));
    add("image", before.target.image.as_deref(), after.target.image.as_deref());
    let (old, new) = (&before.target.labels, &after.target.labels);
    for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
        add(name, old.get(name).map(String::as_str), new.get(name).map(String::as_str));
    }
    add("kernel", Some(&before.host.kernel), Some(&after.host.kernel));
    let (old, new) = (before.host.kind(), after.host.kind());
    add("machine", Some(&old), Some(&new));
    let engine = |record: &RunRecord| record.engine.as_ref().map(|engine| engine.version.clone());
    add("engine", engine(before).as_deref(), engine(after).as_deref());
    add("slowdrip", Some(&before.slowdrip), Some(&after.slowdrip));
    add("read by", Some(&before.target.probe), Some(&after.target.probe));
    let digest = |record: &RunRecord| {
        let digest: String = record.thresholds_digest.chars().take(12).collect();
        (!digest.is_empty()).then_some(digest)
    };
    add("thresholds", digest(before).as_deref(), digest(after).as_deref());
    changes
}
