use std::path::Path;

use super::super::testing::{Deaf, Fake};
use super::*;
use crate::model::{ChurnRecord, EventKind};
use crate::scenario::{Overrides, Scenario, parse};

/// A churn over a minute of soak, and what came of it.
struct Minute {
    scenario: Scenario,
    takes: u64,
    seed: u64,
}

struct Outcome {
    /// The seconds at which iterations began.
    begun: Vec<i64>,
    record: ChurnRecord,
    commands: Vec<String>,
}

impl Minute {
    /// `steps` are the scenario's steps of one iteration.
    fn of(churn: &str, steps: &str, takes: u64) -> Self {
        let text = format!(
            "name: a\ntarget: {{image: x}}\nsoak: {{duration: 60s}}\nchurn: {{{churn}, steps: [{steps}]}}\n\
             after: [{{exec: {{command: [setup, \"{{{{ user_number }}}}\"]}}}}, {{exec: {{command: [setup-fail]}}}}]\n"
        );
        let scenario = parse(Path::new("dir/a.yaml"), &text, &Overrides::default(), &|_| None).unwrap();
        Self { scenario, takes, seed: 1 }
    }

    fn change(mut self, change: impl FnOnce(&mut Churn)) -> Self {
        change(self.scenario.churn.as_mut().unwrap());
        self
    }

    /// The first, or both, of the steps of `after` become those of the setup.
    fn set_up(self, steps: usize) -> Self {
        let setup = self.scenario.after[..steps].to_vec();
        self.change(|churn| churn.setup = setup)
    }

    async fn run(self) -> Outcome {
        let redactor = Arc::new(Redactor::new());
        redactor.add("hunter2");
        let mut flow = Flow::new(&self.scenario, Arc::clone(&redactor), 1).unwrap();
        let tally = Arc::new(Tally::default());
        let target = Arc::new(Fake::new(self.takes));
        let (begin, length) = (Instant::now(), self.scenario.soak.duration);
        let churning = Churning {
            plan: self.scenario.churn.as_ref().unwrap(),
            begin,
            length,
            seed: self.seed,
            target: Arc::clone(&target),
            tally: Arc::clone(&tally),
            audience: &Deaf,
            redactor,
        };
        assert!(tokio::time::timeout_at(begin + length, churning.run(&mut flow)).await.is_err());
        assert_eq!(begin.elapsed(), length);
        let begun = tally.take_events().into_iter().map(|event| {
            assert_eq!((event.kind, event.text.as_str()), (EventKind::Churn, "churn"));
            event.at_ms / 1000
        });
        Outcome { begun: begun.collect(), record: tally.record(), commands: target.commands() }
    }
}

/// A minute in which one user takes one command again and again.
async fn minute(churn: &str, takes: u64) -> Outcome {
    Minute::of(churn, "{exec: {command: [x]}}", takes).run().await
}

#[tokio::test(start_paused = true)]
async fn iterations_begin_on_the_grid_and_keep_out_of_the_quiet_times() {
    let Outcome { begun, record, .. } = minute("every: 10s", 1).await;
    assert_eq!(begun, [10, 20, 30, 40, 50]);
    assert_eq!((record.begun, record.failed, record.users), (5, 1, 1));
    let first = record.first_failure.unwrap();
    assert!(!first.contains("hunter2") && !first.contains('\n') && !first.contains("user"), "{first}");
    assert_eq!(minute("every: 10s, start: 5s, idle_tail: 15s", 1).await.begun, [15, 25, 35]);
    assert_eq!(minute("every: 10s, idle_tail: 20s", 1).await.begun, [10, 20, 30]);
}

#[tokio::test(start_paused = true)]
async fn iterations_do_not_overlap_and_the_last_one_is_cut_off() {
    let slow = minute("every: 10s", 12).await;
    assert_eq!((slow.begun, slow.record.begun, slow.record.failed), (vec![10, 30, 50], 3, 0));
    let endless = minute("every: 10s", 100).await.record;
    assert_eq!((endless.begun, endless.failed, endless.steps[0].count), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn users_begin_evenly_spread_and_none_waits_for_another() {
    let steps = "{exec: {command: [u, \"{{ user_number }}\", \"{{ iteration }}\"]}}";
    let of = |takes| Minute::of("every: 20s", steps, takes).change(|churn| churn.users = 4).run();
    let quick = of(1).await;
    assert_eq!(quick.begun, [20, 25, 30, 35, 40, 45, 50, 55]);
    let told = ["u 1 1", "u 2 1", "u 3 1", "u 4 1", "u 1 2", "u 2 2", "u 3 2", "u 4 2"];
    assert_eq!(quick.commands, told);
    assert_eq!((quick.record.begun, quick.record.users), (8, 4));
    // Each takes longer than the time to the next user's begin, and than its own grid's.
    let slow = of(22).await;
    assert_eq!(slow.begun, [20, 25, 30, 35]);
    assert_eq!(slow.commands, told[..4]);
}

#[tokio::test(start_paused = true)]
async fn every_user_is_somebody_else_and_a_failure_names_him() {
    let steps = "{exec: {command: [\"{{ user }}\"]}}, {exec: {command: [\"fail {{ user_number }}\"]}}";
    let outcome = Minute::of("every: 10s, idle_tail: 30s", steps, 0).change(|churn| churn.users = 2).run().await;
    let names: Vec<&String> = outcome.commands.iter().filter(|command| !command.starts_with("fail")).collect();
    assert!(names.len() == 4 && names[0] != names[1] && names[0] == names[2], "{names:?}");
    let first = outcome.record.first_failure.unwrap();
    assert!(first.starts_with("user 1: ") && outcome.record.failed == 4, "{first}");
}

#[tokio::test(start_paused = true)]
async fn begins_are_moved_forwards_and_the_same_in_every_run_of_a_seed() {
    let of = |seed| async move {
        let minute = Minute::of("every: 10s", "{exec: {command: [y]}}", 0);
        let minute = minute.change(|churn| churn.jitter = Duration::from_secs(9));
        Minute { seed, ..minute }.run().await.begun
    };
    let begun = of(7).await;
    assert!((4..=5).contains(&begun.len()), "{begun:?}");
    for (n, at) in begun.iter().enumerate() {
        let grid = (n as i64 + 1) * 10;
        assert!((grid..=grid + 9).contains(at), "{begun:?}");
    }
    assert_eq!(of(7).await, begun);
    assert_ne!(of(8).await, begun);
}

#[tokio::test(start_paused = true)]
async fn the_setup_is_done_once_or_before_each_iteration_of_a_fresh_session() {
    let steps = "{exec: {command: [y, \"{{ iteration }}\"]}}";
    let of = || Minute::of("every: 10s, idle_tail: 30s", steps, 0).set_up(1);
    assert_eq!(of().run().await.commands, ["setup 1", "y 1", "y 2"]);
    let fresh = of().change(|churn| churn.fresh_session = true).run().await;
    assert_eq!(fresh.commands, ["setup 1", "y 1", "setup 1", "y 2"]);
    assert_eq!(fresh.record.steps.iter().map(|step| step.count).collect::<Vec<_>>(), [2, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_setup_that_failed_is_a_failed_iteration_and_is_tried_again() {
    let outcome = Minute::of("every: 10s, idle_tail: 30s", "{exec: {command: [y]}}", 0).set_up(2).run().await;
    assert_eq!(outcome.commands, ["setup 1", "setup-fail", "setup 1", "setup-fail"]);
    assert_eq!((outcome.record.begun, outcome.record.failed), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_fresh_session_forgets_what_an_iteration_captured() {
    let steps = "{exec: {command: [\"{{ n | default('nothing') }}\"], capture: {n: {json: $.n}}}}";
    let of = |fresh| {
        let minute = Minute::of("every: 10s, idle_tail: 30s", steps, 0);
        minute.change(|churn| churn.fresh_session = fresh).run()
    };
    assert_eq!(of(false).await.commands, ["nothing", "1"]);
    assert_eq!(of(true).await.commands, ["nothing", "nothing"]);
}

#[tokio::test(start_paused = true)]
async fn steps_are_measured_in_the_order_of_the_file() {
    let steps = "{exec: {command: [\"a hunter2\"]}}, \
                 {repeat: {times: 3, steps: [{exec: {command: [b]}}]}}, \
                 {wait_until: {within: 4s, every: 1s, step: {exec: {command: [x]}}}}, \
                 {exec: {command: [fail]}}, {exec: {command: [never]}}";
    let record = Minute::of("every: 20s", steps, 2).run().await.record;
    let of = |n: usize| (record.steps[n].name.as_str(), record.steps[n].count, record.steps[n].failed);
    assert_eq!(record.steps.len(), 5);
    assert_eq!(of(0), ("exec: a [secret]", 2, 0));
    assert_eq!(of(1), ("exec: b", 6, 0));
    assert!(
        of(2).0 == "wait until exec: x" && of(2).2 == 0,
        "a try that does not yet succeed is no failure: {:?}",
        of(2)
    );
    assert_eq!((of(3).0, of(3).1, of(3).2), ("exec: fail", record.failed, record.failed));
    assert_eq!(of(4), ("exec: never", 0, 0));
    assert_eq!(record.steps[0].place, "a.yaml:4");
    assert!((record.steps[1].p50_ms - 2000.0).abs() < 10.0 && record.steps[4].max_ms == 0.0, "{record:?}");
}
