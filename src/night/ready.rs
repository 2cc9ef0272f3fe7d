//! Waiting until the target is ready, and the user who then seeds it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::Night;
use super::phases::say;
use crate::access::Subject;
use crate::flow::{Flow, StepError};
use crate::model::text::{count, printable, seconds};
use crate::model::{Ending, Phase, TargetControl};
use crate::probe::Graces;
use crate::scenario::{ReadyCheck, Step};
use crate::target::{Target, TargetError};

/// The rest between two goes of the steps.
const REST: Duration = Duration::from_secs(1);

/// Between two looks at the target's life.
const PULSE: Duration = Duration::from_millis(500);

/// How many lines of the log are shown where the target does not become ready.
const LAST_LINES: usize = 20;

impl Night<'_> {
    /// Waits for the target and opens the way to its processes, so that a night that could not be watched ends before it is
    /// seeded. The user who comes back has taken the steps of `ready`, where there are any.
    pub(super) async fn ready(&mut self) -> Result<Flow, Ending> {
        self.enter(Phase::Ready)?;
        let began = Instant::now();
        let Some(target) = &self.target else { return Err(Ending::Unfinished) };
        let (audience, redactor) = (self.audience, &self.redactor);
        target
            .wait_ready(&|line| say(audience, redactor, line))
            .await
            .map_err(|error| Ending::NeverReady { message: error.to_string() })?;
        let flow = Flow::new(self.scenario, Arc::clone(&self.redactor), self.record.seed.unwrap_or_default());
        let mut flow = flow.map_err(|error| Ending::SeedFailed { message: error.to_string() })?;
        if let ReadyCheck::Steps(steps) = &self.scenario.ready.check {
            // A time beyond the clock's end is no deadline.
            let deadline =
                began.checked_add(self.scenario.ready.within).unwrap_or(began + Duration::from_secs(1 << 30));
            self.ready_by_steps(&mut flow, steps, deadline).await?;
        }
        self.follow_target().await?;
        let Some(target) = &self.target else { return Err(Ending::Unfinished) };
        let Some(scope) = target.scope() else {
            return Err(Ending::Unreadable { message: "the target has no process to look at".to_owned() });
        };
        let subject = Subject { scope, healthcheck: target.healthcheck(), graces: Graces::default() };
        self.open_access(subject).await?;
        Ok(flow)
    }

    /// Takes steps again and again until all of them succeed in one go.
    async fn ready_by_steps(&self, flow: &mut Flow, steps: &[Step], deadline: Instant) -> Result<(), Ending> {
        let (Some(steered), Some(target)) = (self.steered(), &self.target) else { return Err(Ending::Unfinished) };
        let mut trying = Trying { last: None, tries: 0 };
        let (audience, redactor) = (self.audience, &self.redactor);
        let say = |line: &str| say(audience, redactor, line);
        let won = tokio::select! {
            biased;
            won = timeout_at(deadline, trying.run(flow, steps, &steered, &say)) => won.is_ok(),
            error = early_end(target) => return Err(Ending::NeverReady { message: error.to_string() }),
        };
        if won {
            return Ok(());
        }
        let lines = target.logs(LAST_LINES).await.unwrap_or_default();
        let lines = lines.iter().map(|line| printable(&self.redactor.mask(&line.text))).collect::<Vec<_>>();
        Err(Ending::NeverReady { message: trying.never(self.scenario.ready.within, &lines) })
    }
}

/// Comes back where the target ends.
async fn early_end(target: &Target) -> TargetError {
    loop {
        sleep(PULSE).await;
        // It counts as ready once it runs.
        if let Err(error) = target.wait_ready(&|_| {}).await {
            return error;
        }
    }
}

/// The goes of the steps so far.
struct Trying {
    last: Option<StepError>,
    tries: u64,
}

impl Trying {
    async fn run<C: TargetControl>(
        &mut self,
        flow: &mut Flow,
        steps: &[Step],
        target: &C,
        say: &(dyn Fn(&str) + Sync),
    ) {
        let memory = flow.memory();
        let mut said = String::new();
        loop {
            self.tries += 1;
            let Err(error) = flow.run(steps, target, &|_| {}).await else { return };
            let summary = error.summary();
            if summary != said {
                say(&format!("not ready yet: {summary}"));
                said = summary;
            }
            self.last = Some(error);
            sleep(REST).await;
            // What half of a go has left behind is no part of the next.
            flow.go_back(&memory);
        }
    }

    /// Why the target is not ready.
    fn never(&self, within: Duration, lines: &[String]) -> String {
        let within = seconds(within.as_secs_f64());
        let advice = "raise `ready.within`, or correct the steps of `ready`";
        let Some(last) = &self.last else {
            return format!(
                "the target was not ready within {within}: its steps were under way all the time; {advice}"
            );
        };
        let tries = count(self.tries, "go").replace("gos", "goes");
        let mut text = format!(
            "the target was not ready within {within}: its steps never succeeded ({tries}); {advice}; the last failure:\n{last}"
        );
        if !lines.is_empty() {
            text.push_str("\nits last log lines:");
            lines.iter().for_each(|line| text.push_str(&format!("\n  {line}")));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Mutex;

    use super::super::testing::Fake;
    use super::*;
    use crate::model::Redactor;
    use crate::scenario::{Overrides, parse};

    /// Tries steps for five and a half seconds: whether they succeeded, what was said, and the text of the failure.
    async fn tried(steps: &str) -> (bool, Vec<String>, String, Vec<String>) {
        let text = format!("name: a\ntarget: {{image: x}}\nseed: [{steps}]\n");
        let scenario = parse(Path::new("a.yaml"), &text, &Overrides::default(), &|_| None).unwrap();
        let mut flow = Flow::new(&scenario, Arc::new(Redactor::new()), 1).unwrap();
        let (target, said) = (Fake::new(0), Mutex::new(Vec::new()));
        let mut trying = Trying { last: None, tries: 0 };
        let say = |line: &str| said.lock().unwrap().push(line.to_owned());
        let within = Duration::from_millis(5500);
        let won = tokio::time::timeout(within, trying.run(&mut flow, &scenario.seed, &target, &say)).await.is_ok();
        (won, said.into_inner().unwrap(), trying.never(within, &["the last line".to_owned()]), target.commands())
    }

    #[tokio::test(start_paused = true)]
    async fn steps_are_taken_until_all_of_them_succeed_in_one_go() {
        let two = "{exec: {command: [a, \"{{ n | default('new') }}\"], capture: {n: {json: $.n}}}}, {exec: {command: [third]}}";
        let (won, said, ..) = tried(two).await;
        assert!(won && said.is_empty(), "{said:?}");
        let (won, said, _, commands) = tried(&format!("{{exec: {{command: [first]}}}}, {two}")).await;
        assert!(won && said.len() == 1 && said[0].starts_with("not ready yet: a.yaml:3"), "{said:?}");
        assert_eq!(commands, ["first", "a new", "third", "first", "a new", "third"], "a go begins with what there was");
    }

    #[tokio::test(start_paused = true)]
    async fn steps_that_never_succeed_say_why_with_the_last_lines_of_the_log() {
        let (won, said, why, commands) = tried("{exec: {command: [fail]}}").await;
        assert!(!won && said.len() == 1 && commands.len() == 6, "{said:?} {commands:?}");
        let first = why.lines().next().unwrap();
        assert!(
            first.contains("within 5.5 s") && first.contains("(6 goes)") && first.contains("ready.within"),
            "{why}"
        );
        assert!(why.contains("exec: fail") && why.ends_with("its last log lines:\n  the last line"), "{why}");
    }
}
