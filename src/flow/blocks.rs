//! Steps that hold others: waits, repeats, loops, users side by side, conditions, other files.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use tokio::time::Instant;

use super::answer::took;
use super::failure::StepError;
use super::template::is_template;
use super::{Block, Done, Failed, Flow, VALUE, ws};
use crate::model::TargetControl;
use crate::model::redact::is_secret_name;
use crate::model::text::{count, shorten};
use crate::scenario::{Action, Items, Step};

/// The last try of a wait begins this long before its deadline, so that it has time to be answered.
const LAST_TRY: Duration = Duration::from_millis(500);

/// For how many values steps can be taken.
const MOST_ITEMS: usize = 10_000;

impl Flow {
    /// Runs a step that holds others.
    pub(super) async fn block<C: TargetControl>(
        &mut self,
        step: &Step,
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<Done, StepError> {
        match &step.action {
            Action::Repeat { times, name, steps } => {
                self.repeat(*times, name.as_deref(), steps, target, deadline).await
            }
            Action::WaitUntil { within, every, step } => self.wait(*within, *every, step, target, deadline).await,
            Action::ForEach { items, name, steps } => {
                let items = self.items(items).map_err(|problem| self.wrong(step, problem))?;
                self.for_each(&items, name, steps, target, deadline).await
            }
            Action::Parallel { users, name, steps } => {
                self.parallel(*users, name.as_deref(), steps, target, deadline).await
            }
            Action::When { condition, steps, otherwise } => {
                let holds = self.holds(condition).map_err(|problem| self.wrong(step, problem))?;
                let (steps, said) = if holds { (steps, "it is true") } else { (otherwise, "it is not true") };
                self.steps(steps, target, deadline).await?;
                Ok(Done { said: format!("{said}; {}", taken(steps)), what: step.name(), seen: None })
            }
            Action::Include { file, with, steps } => {
                let renderer = self.renderer();
                let names: Result<BTreeMap<String, Value>, _> =
                    with.iter().map(|(name, value)| renderer.json(value).map(|value| (name.clone(), value))).collect();
                let names = names.map_err(|err| self.wrong(step, err.to_string()))?;
                for (name, value) in &names {
                    self.secrets.learn_json(name, value);
                }
                let place = format!("{file}, included at {}:{}:{}", step.file, step.at.line, step.at.column);
                self.steps_in(Block { place, names }, steps, target, deadline).await?;
                Ok(Done { said: taken(steps), what: step.name(), seen: None })
            }
            Action::Http(_)
            | Action::Ws(_)
            | Action::Send(_)
            | Action::Await(_)
            | Action::Ping { .. }
            | Action::Sse(_)
            | Action::Exec(_)
            | Action::Signal(_)
            | Action::Restart(_)
            | Action::Pause { .. }
            | Action::Unpause
            | Action::Sleep(_)
            | Action::Log(_)
            | Action::Probe(_) => Err(self.wrong(step, "this step holds no others".to_owned())),
        }
    }

    /// The failure of a block that cannot be begun; trying again cannot help.
    fn wrong(&self, step: &Step, problem: String) -> StepError {
        self.fail(step, Failed::wrong(step.name(), problem))
    }

    async fn repeat<C: TargetControl>(
        &mut self,
        times: u32,
        name: Option<&str>,
        steps: &[Step],
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<Done, StepError> {
        for turn in 1..=times {
            let place = format!("turn {turn} of {times} of a repeat{}", numbered(name, turn));
            self.steps_in(Block { place, names: number(name, turn) }, steps, target, deadline).await?;
            // Steps that never wait must not keep others from their turn, nor from being cut off.
            tokio::task::consume_budget().await;
        }
        let what = format!("repeat {} {}", count(u64::from(times), "time"), names(steps));
        Ok(Done { said: "done".to_owned(), what, seen: None })
    }

    /// The values of a loop.
    fn items(&self, items: &Items) -> Result<Vec<Value>, String> {
        let renderer = self.renderer();
        let list = match items {
            Items::List(list) => {
                list.iter().map(|item| renderer.json(item)).collect::<Result<_, _>>().map_err(|err| err.to_string())?
            }
            Items::Expression(expression) => {
                let value = renderer.json(&lone(expression)).map_err(|err| err.to_string())?;
                let Value::Array(list) = value else {
                    let shown = shorten(&self.secrets.mask_json(&value), VALUE);
                    return Err(format!("`{expression}` is {shown}, where a list is needed"));
                };
                list
            }
        };
        if list.len() > MOST_ITEMS {
            return Err(format!("the list has {} items, and {MOST_ITEMS} are the most; cut it to size", list.len()));
        }
        Ok(list)
    }

    async fn for_each<C: TargetControl>(
        &mut self,
        items: &[Value],
        name: &str,
        steps: &[Step],
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<Done, StepError> {
        for (index, item) in items.iter().enumerate() {
            self.secrets.learn_json(name, item);
            let shown = match item.as_str() {
                Some(text) if is_secret_name(name) => self.secrets.mask_named(name, text),
                Some(_) | None => self.secrets.mask_json(item),
            };
            let place =
                format!("item {} of {} of a for_each (`{name}` = {})", index + 1, items.len(), shorten(&shown, VALUE));
            let names = BTreeMap::from([(name.to_owned(), item.clone())]);
            self.steps_in(Block { place, names }, steps, target, deadline).await?;
            tokio::task::consume_budget().await;
        }
        let what = format!("for each {name} {}", names(steps));
        Ok(Done { said: format!("done for {}", count(items.len() as u64, "item")), what, seen: None })
    }

    /// Whether a condition holds, as the template engine sees it.
    fn holds(&self, condition: &str) -> Result<bool, String> {
        let value = self.renderer().json(&lone(condition)).map_err(|err| err.to_string())?;
        Ok(match value {
            Value::Null => false,
            Value::Bool(truth) => truth,
            Value::Number(number) => number.as_f64().is_none_or(|number| number != 0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            Value::Object(map) => !map.is_empty(),
        })
    }

    async fn parallel<C: TargetControl>(
        &mut self,
        users: u32,
        name: Option<&str>,
        steps: &[Step],
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<Done, StepError> {
        let batch = self.parallels.fetch_add(1, Ordering::Relaxed);
        let mut flows = Vec::new();
        for user in 1..=users {
            let mut flow = self.fork(&format!("parallel {batch} user {user}"))?;
            let place = format!("user {user} of {users} of a parallel{}", numbered(name, user));
            flow.blocks.push(Block { place, names: number(name, user) });
            flows.push(flow);
        }
        let numbered = (1_u32..).zip(&mut flows);
        let running: FuturesUnordered<_> =
            numbered.map(async |(user, flow)| (user, flow.steps(steps, target, deadline).await)).collect();
        // All are let to their end: one that is cut off would leave the target another state every time.
        let failed = running.filter_map(async |(user, result)| Some((user, result.err()?)));
        let failed: Vec<(u32, StepError)> = ws::beside(&mut self.sockets, failed.collect()).await;
        let others = match failed.len() {
            0 | 1 => String::new(),
            several => format!(" ({several} of them failed)"),
        };
        match failed.into_iter().next() {
            Some((user, first)) => Err(first.after_waiting(&format!("user {user} of {users}{others}"))),
            None => {
                let what = format!("parallel {} {}", count(u64::from(users), "user"), names(steps));
                Ok(Done { said: "done".to_owned(), what, seen: None })
            }
        }
    }

    async fn wait<C: TargetControl>(
        &mut self,
        within: Duration,
        every: Duration,
        step: &Step,
        target: &C,
        outer: Option<Instant>,
    ) -> Result<Done, StepError> {
        let started = Instant::now();
        // A time beyond the clock's end is no deadline of its own.
        let deadline = [started.checked_add(within), outer].into_iter().flatten().min();
        let mut tries: u64 = 0;
        let mut last: Option<StepError> = None;
        loop {
            tries += 1;
            self.depth += 1;
            let result = self.step(step, target, deadline).await;
            self.depth -= 1;
            let failure = match result {
                Ok(done) => {
                    let said = format!("{} at try {tries}", done.said);
                    return Ok(Done { said, what: format!("wait until {}", done.what), seen: done.seen });
                }
                Err(failure) if failure.is_permanent() => return Err(failure),
                Err(failure) => failure,
            };
            // A try that was cut short knows less than the one before it.
            let failure = if failure.was_cut() { last.unwrap_or(failure) } else { failure };
            let left = deadline.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            if left <= LAST_TRY {
                // Less than its own time where something outside waits too.
                let had = deadline.map_or(within, |end| end.saturating_duration_since(started));
                let try_word = if tries == 1 { "try" } else { "tries" };
                return Err(failure.after_waiting(&format!("not within {} ({tries} {try_word})", took(had))));
            }
            last = Some(failure);
            ws::beside(&mut self.sockets, tokio::time::sleep(every.min(left - LAST_TRY))).await;
        }
    }
}

/// An expression as a string of one expression, whose value keeps its type.
fn lone(expression: &str) -> Value {
    Value::String(format!("{{{{ {expression} }}}}"))
}

/// The number of a turn or a user as a name of its block.
fn number(name: Option<&str>, number: u32) -> BTreeMap<String, Value> {
    name.map(|name| (name.to_owned(), number.into())).into_iter().collect()
}

fn numbered(name: Option<&str>, number: u32) -> String {
    name.map_or_else(String::new, |name| format!(" (`{name}` = {number})"))
}

/// How many steps were taken, for a line of progress.
fn taken(steps: &[Step]) -> String {
    if steps.is_empty() { "nothing to do".to_owned() } else { format!("{} done", count(steps.len() as u64, "step")) }
}

/// Steps by name, for a line of progress: the one there is, or how many.
fn names(steps: &[Step]) -> String {
    match steps {
        [Step { action: Action::Http(step), .. }] if !is_template(&step.path) => {
            format!("{} {}", step.method.to_ascii_lowercase(), step.path)
        }
        steps => count(steps.len() as u64, "step"),
    }
}
