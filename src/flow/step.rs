//! One step, whatever it does: who does it, and who is told.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

use super::{Block, Done, Failed, Flow, StepDone, StepError, ws};
use crate::model::TargetControl;
use crate::model::text::printable;
use crate::scenario::{Action, Step};

type StepFuture<'a> = Pin<Box<dyn Future<Output = Result<Done, StepError>> + Send + 'a>>;

impl Flow {
    /// Runs one step; `deadline` is that of whatever waits for it.
    pub(super) fn step<'a, C: TargetControl>(
        &'a mut self,
        step: &'a Step,
        target: &'a C,
        deadline: Option<Instant>,
    ) -> StepFuture<'a> {
        Box::pin(async move {
            let began = jiff::Timestamp::now();
            let result = if let Action::Ws(ws) = &step.action {
                self.ws(step, ws, target, deadline).await
            } else if step.action.is_block() {
                self.block(step, target, deadline).await
            } else {
                self.single(step, target, deadline).await
            };
            self.since = began;
            result
        })
    }

    /// Runs a step that holds no others, and tells of it. The WebSockets that it does not use are answered meanwhile.
    async fn single<C: TargetControl>(
        &mut self,
        step: &Step,
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<Done, StepError> {
        let started = Instant::now();
        let mut others = std::mem::take(&mut self.sockets);
        let uses_one = matches!(&step.action, Action::Send(_) | Action::Await(_) | Action::Ping { .. });
        let mut own = if uses_one { others.pop() } else { None };
        let result = ws::beside(&mut others, self.act(&step.action, own.as_mut(), target, deadline)).await;
        self.sockets = others;
        self.sockets.extend(own);
        let result = result.map_err(|failed| self.fail(step, failed));
        match &result {
            Ok(done) => self.report(step, &done.what, &done.said, started.elapsed(), false),
            Err(error) => self.report(step, error.what(), error.problem(), started.elapsed(), true),
        }
        result
    }

    async fn act<C: TargetControl>(
        &mut self,
        action: &Action,
        socket: Option<&mut ws::Socket>,
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<Done, Failed> {
        match action {
            Action::Http(http) => self.http(http, target, deadline).await,
            Action::Exec(exec) => self.exec(exec, target, deadline).await,
            Action::Sse(sse) => self.sse(sse, target, deadline).await,
            Action::Send(message) => self.send(message, socket, deadline).await,
            Action::Await(wanted) => self.receive(wanted, socket, deadline).await,
            Action::Ping { within } => self.ping(*within, socket, deadline).await,
            Action::Signal(signal) => self.signal(signal, target).await,
            Action::Restart(restart) => self.restart(restart, target, deadline).await,
            Action::Pause { lasts } => self.pause(*lasts, target, deadline).await,
            Action::Unpause => self.unpause(target).await,
            Action::Sleep(time) => self.sleep(*time, deadline).await,
            Action::Log(log) => self.log(log, target, deadline).await,
            Action::Probe(name) => self.probe(name, deadline).await,
            Action::Ws(_)
            | Action::WaitUntil { .. }
            | Action::Repeat { .. }
            | Action::ForEach { .. }
            | Action::Parallel { .. }
            | Action::When { .. }
            | Action::Include { .. } => Err(Failed::wrong("", "a step that holds others is none that is taken alone")),
        }
    }

    /// Runs the steps of a block, one after the other, and stops at the first that fails.
    pub(super) async fn steps<C: TargetControl>(
        &mut self,
        steps: &[Step],
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<(), StepError> {
        self.depth += 1;
        let mut result = Ok(());
        for step in steps {
            result = self.step(step, target, deadline).await.map(drop);
            if result.is_err() {
                break;
            }
        }
        self.depth -= 1;
        result
    }

    /// The same, in a block that has a place and names of its own.
    pub(super) async fn steps_in<C: TargetControl>(
        &mut self,
        block: Block,
        steps: &[Step],
        target: &C,
        deadline: Option<Instant>,
    ) -> Result<(), StepError> {
        self.blocks.push(block);
        let result = self.steps(steps, target, deadline).await;
        self.blocks.pop();
        result
    }

    /// Tells the observer of a step that came to its end.
    pub(super) fn report(&self, step: &Step, what: &str, said: &str, took: Duration, failed: bool) {
        if let Some(observer) = &self.observer {
            let (what, said) = (printable(&self.secrets.mask(what)), printable(&self.secrets.mask(said)));
            observer(&StepDone { step, depth: self.depth, what: &what, said: &said, took, failed });
        }
    }
}
